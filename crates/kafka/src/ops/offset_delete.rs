//! OffsetDelete (47), version 0: forget a group's offsets for partitions that none of its members reads.
//!
//! An error of the group (it does not exist, or its members are no consumers, so that nobody knows what they read) is the
//! response's; a topic that a member subscribes to is GROUP_SUBSCRIBED_TO_TOPIC for its partitions. A partition without an
//! offset is no error. Topics and partitions are looked at first, as in Kafka: if none is left the group is not.

use crate::codec::generated::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::limits::OFFSETS_PER_REQUEST_MAX;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::group_error;
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::{GroupReply, GroupRequest};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant, Resource};
use millstream_types::LogId;
use std::sync::Arc;

pub(crate) const OPERATION: Operation =
    operation(ApiKey::OffsetDelete, "At most 16,384 partitions in one request; more are INVALID_REQUEST.");

/// A topic's name, and per partition its index and why it is refused here, if it is.
type Checked = (Str, Vec<(i32, Option<ErrorCode>)>);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = OffsetDeleteRequest::decode(version, r)?;
    let mut grants = match groups::allow(cx, Action::Delete, &request.group_id) {
        Ok(grant) => vec![grant],
        Err(code) => return Ok(refuse(code)),
    };
    if request.group_id.is_empty() {
        return Ok(refuse(ErrorCode::INVALID_GROUP_ID));
    }
    let mut logs = Vec::new();
    let mut checked: Vec<Checked> = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let stream = find(cx, &topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let index = partition.partition_index;
            let refused = match &stream {
                Err(code) => Some(*code),
                Ok((entry, _)) => match u32::try_from(index).ok().filter(|index| *index < entry.logs) {
                    None => Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                    Some(index) => {
                        logs.push(LogId { stream: entry.id, index });
                        None
                    }
                },
            };
            partitions.push((index, refused));
        }
        grants.extend(stream.ok().map(|(_, grant)| grant));
        checked.push((topic.name, partitions));
    }
    if logs.is_empty() {
        return Ok(respond(checked, std::iter::empty()));
    }
    if logs.len() > OFFSETS_PER_REQUEST_MAX {
        return Ok(refuse(ErrorCode::INVALID_REQUEST));
    }
    let group = groups::group_id(cx, &request.group_id);
    let delete = |logs| GroupRequest::DeleteOffsets { group: group.clone(), logs };
    let grant = grants.first().expect("the group was permitted above");
    Ok(groups::in_parts(grant, logs, delete, move |parts| {
        let mut codes = Vec::new();
        for (_, reply) in parts {
            match reply {
                Ok(GroupReply::OffsetsDeleted(results)) => {
                    let code = |result: Result<(), _>| result.map_or_else(group_error, |()| ErrorCode::NONE);
                    codes.extend(results.into_iter().map(code));
                }
                Ok(_) => unreachable!("a deletion of offsets is answered as one"),
                Err(kind) => return refuse(group_error(kind)),
            }
        }
        respond(checked, codes.into_iter())
    }))
}

fn find(cx: &Context, name: &str) -> Result<(Arc<StreamEntry>, Grant), ErrorCode> {
    let grant = cx.allow(Action::Read, Resource::Stream(name))?;
    let entry = cx.backend.stream(cx.principal.namespace(), name);
    Ok((entry.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?, grant))
}

fn respond(checked: Vec<Checked>, mut codes: impl Iterator<Item = ErrorCode>) -> Step {
    let topics = checked.into_iter().map(|(name, partitions)| {
        let partition = |(partition_index, refused): (i32, Option<ErrorCode>)| {
            let code = refused.or_else(|| codes.next()).expect("one result per offset");
            OffsetDeleteResponsePartition { partition_index, error_code: code.0 }
        };
        OffsetDeleteResponseTopic { name, partitions: partitions.into_iter().map(partition).collect() }
    });
    let topics = topics.collect();
    Step::respond(OffsetDeleteResponse { topics, ..Default::default() })
}

fn refuse(code: ErrorCode) -> Step {
    Step::respond(OffsetDeleteResponse { error_code: code.0, ..Default::default() })
}
