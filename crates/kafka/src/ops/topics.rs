//! What the operations on topics share: finding one, answers of the shard about one, requests that name one twice.
//!
//! Apart because each of them would otherwise decide for itself which streams are topics: those whose name Kafka can
//! spell (R16), whether they are asked for by name or by id.

use crate::codec::Uuid;
use crate::errors::{ErrorCode, Failure};
use crate::step::Context;
use crate::translate::{is_topic_name, uid};
use millstream_core::Reply;
use millstream_core::catalog::StreamEntry;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The topic of a name.
pub(crate) fn find_topic(cx: &Context, name: &str) -> Result<Arc<StreamEntry>, ErrorCode> {
    let found = is_topic_name(name).then(|| cx.backend.stream(cx.principal.namespace(), name)).flatten();
    found.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

/// The topic of an id.
pub(crate) fn find_topic_by_id(cx: &Context, id: Uuid) -> Result<Arc<StreamEntry>, ErrorCode> {
    let found = cx.backend.stream_by_uid(cx.principal.namespace(), uid(id));
    found.filter(|entry| is_topic_name(&entry.name)).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)
}

/// What the shard says of a stream.
pub(crate) fn stream_reply(reply: Option<Reply>) -> Result<Arc<StreamEntry>, Failure> {
    match reply {
        Some(Reply::Stream(entry)) => Ok(entry),
        Some(Reply::Refused(kind)) => Err(Failure::from(kind)),
        _ => Err(Failure::from(ErrorCode::UNKNOWN_SERVER_ERROR)),
    }
}

/// What occurs more than once.
pub(crate) fn duplicates<'a, T: Ord + Clone + 'a>(items: impl Iterator<Item = &'a T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| !seen.insert(*item)).cloned().collect()
}

/// Checks who shall hold one partition: this broker, once, since there is no other.
pub(crate) fn check_assignment(cx: &Context, broker_ids: &[i32]) -> Result<(), Failure> {
    let node = cx.options.node_id;
    let message = match broker_ids {
        [id] if *id == node => return Ok(()),
        [] => "a partition was assigned to no broker".to_owned(),
        ids => match ids.iter().find(|id| **id != node) {
            Some(id) => format!("there is no broker {id}; the only one is {node}"),
            None => format!("a partition was assigned to broker {node} more than once"),
        },
    };
    Err(Failure::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message))
}
