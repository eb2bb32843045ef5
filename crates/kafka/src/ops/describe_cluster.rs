//! DescribeCluster (60), versions 0–2: the cluster's id and its one broker.
//!
//! This broker is also what clients take for the controller. Endpoint type 2 (controllers) is answered with
//! MISMATCHED_ENDPOINT_TYPE, as a Kafka broker does; no broker is ever fenced.

use crate::codec::generated::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::{ErrorCode, Failure};
use crate::ops::metadata::CLUSTER_OPERATIONS;
use crate::ops::operation;
use crate::step::{Context, Step};
use crate::translate::cluster_id;
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};

pub(crate) const OPERATION: Operation = operation(ApiKey::DescribeCluster, "");

/// Kinds of endpoints.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DescribeClusterRequest::decode(version, r)?;
    let wrong = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some((ErrorCode::MISMATCHED_ENDPOINT_TYPE, "this is a broker's endpoint")),
        _ => Some((ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, "the type of endpoint is not known")),
    };
    if let Some((code, message)) = wrong {
        return Ok(Step::respond(DescribeClusterResponse {
            error_code: code.0,
            error_message: Failure::new(code, message).message(),
            endpoint_type: request.endpoint_type,
            ..Default::default()
        }));
    }
    let (host, port) = &cx.options.advertised;
    let permitted = cx.allow(Action::Describe, Resource::Cluster).is_ok();
    let cluster_authorized_operations = match (request.include_cluster_authorized_operations, permitted) {
        (false, _) => i32::MIN,
        (true, true) => CLUSTER_OPERATIONS,
        (true, false) => 0,
    };
    Ok(Step::respond(DescribeClusterResponse {
        cluster_id: Str::from(cluster_id(cx.backend.cluster_id())),
        controller_id: cx.options.node_id,
        brokers: vec![DescribeClusterBroker {
            broker_id: cx.options.node_id,
            host: Str::from(host.as_str()),
            port: i32::from(*port),
            rack: None,
            is_fenced: false,
        }],
        cluster_authorized_operations,
        ..Default::default()
    }))
}
