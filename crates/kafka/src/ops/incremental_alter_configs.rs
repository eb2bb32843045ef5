//! IncrementalAlterConfigs (44), versions 0–1: change single keys of topics' configuration.
//!
//! Set (0), delete (1, back to the default), append (2) and subtract (3) for keys that are lists, which begin with the
//! default when nothing was set. Deleting a key that is not known does nothing, as in Kafka. A list is read when the
//! request starts: two connections that append to one list at the same moment may overwrite each other.

use super::altering::{Asked, Change, Outcome, What, alter};
use crate::codec::generated::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::ops::operation;
use crate::step::{Context, Step};
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::IncrementalAlterConfigs,
    "Topics only; configuration that has no effect is stored and shown.",
);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = IncrementalAlterConfigsRequest::decode(version, r)?;
    let asked =
        |resource: AlterConfigsResource| {
            let change = |config: crate::codec::generated::incremental_alter_configs::AlterableConfig| {
                Change { name: config.name, operation: config.config_operation, value: config.value }
            };
            Asked {
                resource_type: resource.resource_type,
                name: resource.resource_name,
                what: What::Change(resource.configs.into_iter().map(change).collect()),
            }
        };
    let asked = request.resources.into_iter().map(asked).collect();
    Ok(alter(cx, asked, request.validate_only, |outcomes| {
        let response = |outcome: Outcome| AlterConfigsResourceResponse {
            error_code: outcome.error_code(),
            error_message: outcome.error_message(),
            resource_type: outcome.resource_type,
            resource_name: outcome.name,
        };
        let responses = outcomes.into_iter().map(response).collect();
        Step::respond(IncrementalAlterConfigsResponse { responses, ..Default::default() })
    }))
}
