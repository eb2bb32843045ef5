//! Metadata (3), versions 0–13: brokers, topics, partitions and who leads them.
//!
//! There is one broker, which leads everything in epoch 0 and is its only replica. Topics are found by name or, from
//! version 10, by id. A name that is not known is created when the request and the configuration allow it, and the answer
//! waits for it; Kafka answers LEADER_NOT_AVAILABLE first and lets the client ask again.

use crate::codec::generated::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::operation;
use crate::session::{Context, Step};
use crate::translate::{check_topic_name, cluster_id, is_topic_name, topic_id, uid};
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use millstream_types::{ErrorKind, StreamUid};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::Metadata,
    "An auto-created topic is usable in the same answer; leader epochs are always 0.",
);

/// Operations on a topic that a permitted client is shown, as bits by Kafka's codes: read 3, write 4, create 5,
/// delete 6, alter 7, describe 8, describe configs 10, alter configs 11.
pub(crate) const TOPIC_OPERATIONS: i32 =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// The same for the cluster: create 5, alter 7, describe 8, cluster action 9, describe configs 10, alter configs 11,
/// idempotent write 12.
pub(crate) const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
/// "Not asked for".
const OPERATIONS_OMITTED: i32 = i32::MIN;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = MetadataRequest::decode(version, r)?;
    let may_create = cx.options.auto_create && (version < 4 || request.allow_auto_topic_creation);
    // Version 0 had no way to say "none": its empty list means all topics.
    let asked = request.topics.clone().filter(|topics| version > 0 || !topics.is_empty());
    let mut creates = Vec::new();
    if may_create {
        for topic in asked.iter().flatten() {
            if let Some(create) = missing(cx, topic) {
                creates.push(create);
            }
        }
    }
    Ok(Step::Submit(
        creates,
        Box::new(move |cx, replies| {
            // A creation that failed shows as an unknown topic, unless it was refused for a reason of its own.
            let refused = replies.iter().find_map(|reply| match reply {
                Reply::Refused(ErrorKind::StreamExists) => None,
                Reply::Refused(kind) => Some(ErrorCode::from(*kind)),
                _ => None,
            });
            Step::respond(response(cx, &request, asked, refused))
        }),
    ))
}

/// The creation of a topic that is asked for and does not exist.
fn missing(cx: &Context, topic: &MetadataRequestTopic) -> Option<millstream_front::Authorized<Request>> {
    let name = topic.name.as_ref().filter(|_| topic.topic_id.is_nil())?;
    let namespace = cx.principal.namespace();
    if !is_topic_name(name) || cx.backend.stream(namespace, name).is_some() {
        return None;
    }
    let grant = cx.allow(Action::Create, Resource::Stream(name)).ok()?;
    Some(grant.request(Request::CreateStream(Box::new(CreateStream {
        namespace,
        name: Arc::from(&**name),
        uid: StreamUid(cx.backend.random() | 1),
        logs: cx.options.default_logs,
        config: StreamConfig::default(),
    }))))
}

fn response(
    cx: &Context,
    request: &MetadataRequest,
    asked: Option<Vec<MetadataRequestTopic>>,
    refused: Option<ErrorCode>,
) -> MetadataResponse {
    let operations =
        if request.include_topic_authorized_operations { TOPIC_OPERATIONS } else { OPERATIONS_OMITTED };
    let namespace = cx.principal.namespace();
    let topics = match asked {
        None => (cx.backend.streams(namespace).iter())
            .filter(|entry| is_topic_name(&entry.name))
            .filter(|entry| cx.allow(Action::Describe, Resource::Stream(&entry.name)).is_ok())
            .map(|entry| topic(cx, entry, operations))
            .collect(),
        Some(asked) => asked.into_iter().map(|asked| one(cx, asked, refused, operations)).collect(),
    };
    let cluster_authorized_operations =
        if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { OPERATIONS_OMITTED };
    MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: cx.options.node_id,
            host: Str::from(cx.options.advertised.0.as_str()),
            port: i32::from(cx.options.advertised.1),
            rack: None,
        }],
        cluster_id: Some(Str::from(cluster_id(cx.backend.cluster_id()))),
        controller_id: cx.options.node_id,
        topics,
        cluster_authorized_operations,
        ..Default::default()
    }
}

fn one(
    cx: &Context,
    asked: MetadataRequestTopic,
    refused: Option<ErrorCode>,
    operations: i32,
) -> MetadataResponseTopic {
    let namespace = cx.principal.namespace();
    let by_id = !asked.topic_id.is_nil();
    let found = if by_id {
        cx.backend.stream_by_uid(namespace, uid(asked.topic_id)).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)
    } else {
        let name = asked.name.as_deref().unwrap_or_default();
        check_topic_name(name).and_then(|()| {
            let unknown = refused.unwrap_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            cx.backend.stream(namespace, name).ok_or(unknown)
        })
    };
    let found =
        found.and_then(|entry| cx.allow(Action::Describe, Resource::Stream(&entry.name)).map(|_| entry));
    match found {
        Ok(entry) => topic(cx, &entry, operations),
        Err(code) => MetadataResponseTopic {
            error_code: code.0,
            name: if by_id { None } else { asked.name },
            topic_id: asked.topic_id,
            topic_authorized_operations: OPERATIONS_OMITTED,
            ..Default::default()
        },
    }
}

fn topic(cx: &Context, entry: &StreamEntry, operations: i32) -> MetadataResponseTopic {
    let node = cx.options.node_id;
    let partition = |index: u32| MetadataResponsePartition {
        error_code: 0,
        partition_index: i32::try_from(index).expect("a stream has at most 10,000 logs"),
        leader_id: node,
        leader_epoch: 0,
        replica_nodes: vec![node],
        isr_nodes: vec![node],
        offline_replicas: Vec::new(),
    };
    MetadataResponseTopic {
        error_code: 0,
        name: Some(Str::from(&*entry.name)),
        topic_id: topic_id(entry.uid),
        is_internal: false,
        partitions: (0..entry.logs).map(partition).collect(),
        topic_authorized_operations: operations,
    }
}
