//! OffsetCommit (8), versions 2–10: keep how far a group has read; topics by id in version 10.
//!
//! Members give their generation; whoever is outside the membership gives −1 and is heard while the group has no members.
//! Topics and partitions are looked at first, each with an error of its own; what the coordinator says is then the answer
//! of every other partition. Versions 2 to 4 may ask to forget the offsets after some time (−1: after the broker's
//! retention). Very many partitions are committed in parts, of which a crash may keep some. A null note beside an offset is an empty one. A negative offset is "no position", as in Kafka.

use crate::codec::generated::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::limits::OFFSETS_PER_REQUEST_MAX;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use crate::translate::{group_error, position_to_keep, uid};
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::{CommitOffsets, Generation, GroupReply, GroupRequest, OffsetToCommit};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant, Resource};
use millstream_types::{ErrorKind, LogId};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::OffsetCommit,
    "The empty group id is refused with INVALID_GROUP_ID; every negative offset reads back as -1.",
);

/// A topic of the request, and per partition its index and why it is refused here, if it is.
type Checked = (OffsetCommitResponseTopic, Vec<(i32, Option<ErrorCode>)>);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = OffsetCommitRequest::decode(version, r)?;
    let permitted = groups::allow(cx, Action::Read, &request.group_id);
    let mut offsets = Vec::new();
    let mut grants = Vec::new();
    let mut checked: Vec<Checked> = Vec::with_capacity(request.topics.len());
    let group_refused = permitted.map(|grant| grants.push(grant)).err();
    for topic in request.topics {
        let stream = match group_refused {
            Some(code) => Err(code),
            None => find(cx, version, &topic),
        };
        let partitions = topic.partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            let found = stream.as_ref().map_err(|code| *code);
            match found.and_then(|(entry, _)| to_commit(entry, partition)) {
                Ok(offset) => {
                    offsets.push(offset);
                    (index, None)
                }
                Err(code) => (index, Some(code)),
            }
        });
        let partitions = partitions.collect();
        grants.extend(stream.ok().map(|(_, grant)| grant));
        let named =
            OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, partitions: Vec::new() };
        checked.push((named, partitions));
    }
    if offsets.is_empty() {
        return Ok(respond(checked, &mut std::iter::empty()));
    }
    if offsets.len() > OFFSETS_PER_REQUEST_MAX {
        return Ok(respond(checked, &mut std::iter::repeat(ErrorCode::INVALID_COMMIT_OFFSET_SIZE)));
    }
    let group = groups::group_id(cx, &request.group_id);
    let member: Arc<str> = Arc::from(&*request.member_id);
    let instance: Option<Arc<str>> = request.group_instance_id.as_deref().map(Arc::from);
    let commit = |offsets| {
        GroupRequest::CommitOffsets(CommitOffsets {
            group: group.clone(),
            member: member.clone(),
            instance: instance.clone(),
            generation: Generation(request.generation_id_or_member_epoch),
            retention_ms: u64::try_from(request.retention_time_ms).ok(),
            offsets,
        })
    };
    let grant = grants.first().expect("the group was permitted above");
    Ok(groups::in_parts(grant, offsets, commit, move |parts| {
        let codes = parts.into_iter().flat_map(|(count, reply)| match reply {
            Ok(GroupReply::OffsetsCommitted(results)) => {
                let code = |result: Result<(), _>| result.map_or_else(offset_error, |()| ErrorCode::NONE);
                results.into_iter().map(code).collect()
            }
            Ok(_) => unreachable!("a commit is answered as a commit"),
            // Before version 9 there was no word for a group that is gone.
            Err(ErrorKind::UnknownGroup) if version < 9 => vec![ErrorCode::ILLEGAL_GENERATION; count],
            Err(kind) => vec![offset_error(kind); count],
        });
        respond(checked, &mut codes.into_iter())
    }))
}

fn find(
    cx: &Context,
    version: i16,
    topic: &OffsetCommitRequestTopic,
) -> Result<(Arc<StreamEntry>, Grant), ErrorCode> {
    let namespace = cx.principal.namespace();
    if version >= 10 {
        let entry = cx.backend.stream_by_uid(namespace, uid(topic.topic_id));
        let entry = entry.ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
        let grant = cx.allow(Action::Read, Resource::Stream(&entry.name))?;
        return Ok((entry, grant));
    }
    let grant = cx.allow(Action::Read, Resource::Stream(&topic.name))?;
    let entry = cx.backend.stream(namespace, &topic.name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    Ok((entry, grant))
}

fn to_commit(
    entry: &StreamEntry,
    partition: OffsetCommitRequestPartition,
) -> Result<OffsetToCommit, ErrorCode> {
    let index = u32::try_from(partition.partition_index).ok().filter(|index| *index < entry.logs);
    let index = index.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let (offset, leader_epoch) =
        position_to_keep(partition.committed_offset, partition.committed_leader_epoch);
    Ok(OffsetToCommit {
        log: LogId { stream: entry.id, index },
        offset,
        leader_epoch,
        metadata: Arc::from(partition.committed_metadata.as_deref().unwrap_or_default()),
    })
}

/// A commit that is too much has an error of its own.
fn offset_error(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::LimitExceeded => ErrorCode::INVALID_COMMIT_OFFSET_SIZE,
        kind => group_error(kind),
    }
}

/// The answer; `codes` are those of the partitions that were not refused here, in order.
fn respond(checked: Vec<Checked>, codes: &mut dyn Iterator<Item = ErrorCode>) -> Step {
    let topics = checked.into_iter().map(|(topic, partitions)| {
        let partition = |(partition_index, refused): (i32, Option<ErrorCode>)| {
            let code = refused.or_else(|| codes.next()).expect("one result per offset");
            OffsetCommitResponsePartition { partition_index, error_code: code.0 }
        };
        OffsetCommitResponseTopic { partitions: partitions.into_iter().map(partition).collect(), ..topic }
    });
    let topics = topics.collect();
    Step::respond(OffsetCommitResponse { topics, ..Default::default() })
}
