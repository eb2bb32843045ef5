//! Metadata (3), versions 0–13: brokers, topics, partitions and who leads them.
//!
//! There is one broker, which leads everything in epoch 0 and is its only replica. Topics are found by name or, from
//! version 12, by id. A name that is not known is created when the request and the configuration allow it, and the answer
//! waits for it; Kafka answers LEADER_NOT_AVAILABLE first and lets the client ask again.

use crate::codec::generated::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::operation;
use crate::ops::topics::{find_topic, find_topic_by_id};
use crate::step::{Context, Step};
use crate::translate::{check_topic_name, cluster_id, is_topic_name, topic_id};
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Authorized, Resource};
use millstream_types::{ErrorKind, StreamUid};
use std::collections::BTreeMap;
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
/// The first version whose requests may name topics by id.
const FIRST_BY_ID: i16 = 12;
/// "Not asked for".
const OPERATIONS_OMITTED: i32 = i32::MIN;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = MetadataRequest::decode(version, r)?;
    let may_create = cx.options.auto_create && (version < 4 || request.allow_auto_topic_creation);
    // Version 0 had no way to say "none": its empty list means all topics.
    let asked = request.topics.clone().filter(|topics| version > 0 || !topics.is_empty());
    let mut names = Vec::new();
    let mut creates = Vec::new();
    if may_create {
        for topic in asked.iter().flatten() {
            if let Some((name, create)) = missing(cx, topic) {
                names.push(name);
                creates.push(create);
            }
        }
    }
    Ok(Step::Submit(
        creates,
        Box::new(move |cx, replies| {
            // Whoever was faster created the topic just as well; other refusals are the answer for their topic.
            let refused = |(name, reply)| match reply {
                Reply::Refused(ErrorKind::StreamExists) => None,
                Reply::Refused(kind) => Some((name, ErrorCode::from(kind))),
                _ => None,
            };
            let refused = names.into_iter().zip(replies).filter_map(refused).collect();
            Step::respond(response(cx, version, &request, asked, &refused))
        }),
    ))
}

/// Why topics were not created.
type Refused = BTreeMap<Str, ErrorCode>;

/// The creation of a topic that is asked for and does not exist.
fn missing(cx: &Context, topic: &MetadataRequestTopic) -> Option<(Str, Authorized<Request>)> {
    let name = topic.name.as_ref().filter(|_| topic.topic_id.is_nil())?;
    let namespace = cx.principal.namespace();
    if !is_topic_name(name) || cx.backend.stream(namespace, name).is_some() {
        return None;
    }
    let grant = cx.allow(Action::Create, Resource::Stream(name)).ok()?;
    let create = CreateStream {
        namespace,
        name: Arc::from(&**name),
        uid: StreamUid(cx.backend.random() | 1),
        logs: cx.options.default_logs,
        config: StreamConfig::default(),
    };
    Some((name.clone(), grant.request(Request::CreateStream(Box::new(create)))))
}

fn response(
    cx: &Context,
    version: i16,
    request: &MetadataRequest,
    asked: Option<Vec<MetadataRequestTopic>>,
    refused: &Refused,
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
        Some(asked) => asked.into_iter().map(|asked| one(cx, version, asked, refused, operations)).collect(),
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
    version: i16,
    asked: MetadataRequestTopic,
    refused: &Refused,
    operations: i32,
) -> MetadataResponseTopic {
    let found = match &asked.name {
        // Versions 10 and 11 have ids in requests by mistake: their answers cannot leave the name out (KIP-516).
        None if version < FIRST_BY_ID => Err(ErrorCode::INVALID_REQUEST),
        _ if !asked.topic_id.is_nil() && version < FIRST_BY_ID => Err(ErrorCode::INVALID_REQUEST),
        None => find_topic_by_id(cx, asked.topic_id),
        Some(_) if !asked.topic_id.is_nil() => find_topic_by_id(cx, asked.topic_id),
        Some(name) => check_topic_name(name)
            .and_then(|()| find_topic(cx, name).map_err(|code| refused.get(name).copied().unwrap_or(code))),
    };
    let found =
        found.and_then(|entry| cx.allow(Action::Describe, Resource::Stream(&entry.name)).map(|_| entry));
    match found {
        Ok(entry) => topic(cx, &entry, operations),
        Err(code) => MetadataResponseTopic {
            error_code: code.0,
            name: asked.name.or_else(|| (version < FIRST_BY_ID).then(Str::default)),
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
