//! AlterConfigs (33), versions 0–2: replace the whole configuration of topics.
//!
//! What the request does not name returns to its default. Kafka deprecated this in favour of
//! [`incremental_alter_configs`](super::incremental_alter_configs), with which it shares everything but that.

use super::altering::{Asked, Outcome, What, alter};
use crate::codec::generated::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::ops::operation;
use crate::step::{Context, Step};
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation =
    operation(ApiKey::AlterConfigs, "Topics only; configuration that has no effect is stored and shown.");

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = AlterConfigsRequest::decode(version, r)?;
    let asked = |resource: AlterConfigsResource| Asked {
        resource_type: resource.resource_type,
        name: resource.resource_name,
        what: What::Replace(resource.configs.into_iter().map(|config| (config.name, config.value)).collect()),
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
        Step::respond(AlterConfigsResponse { responses, ..Default::default() })
    }))
}
