//! CreatePartitions (37), versions 0–3: give topics more partitions.
//!
//! The count is the new total and must be larger than what the topic has. Manual assignments, one per new partition, must
//! name this broker. Each topic succeeds or fails on its own; records that were there stay where they are.

use crate::codec::generated::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::{ErrorCode, Failure};
use crate::ops::operation;
use crate::ops::topics::{check_assignment, duplicates, find_topic, stream_reply};
use crate::step::{Context, Step};
use millstream_core::Request;
use millstream_front::registry::Operation;
use millstream_front::{Action, Authorized, Resource};
use millstream_types::limits::LOGS_PER_STREAM_MAX;

pub(crate) const OPERATION: Operation = operation(ApiKey::CreatePartitions, "");

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = CreatePartitionsRequest::decode(version, r)?;
    let twice = duplicates(request.topics.iter().map(|topic| &topic.name));
    let mut additions = Vec::new();
    // Per topic: refused, or whether the next reply is its own.
    let mut parts: Vec<(Str, Result<bool, Failure>)> = Vec::with_capacity(request.topics.len());
    for topic in request.topics.iter().filter(|topic| !twice.contains(&topic.name)) {
        let submitted = prepare(cx, topic).map(|addition| {
            additions.extend(Some(addition).filter(|_| !request.validate_only));
            !request.validate_only
        });
        parts.push((topic.name.clone(), submitted));
    }
    let again = || Failure::new(ErrorCode::INVALID_REQUEST, "the request names this topic more than once");
    parts.extend(twice.into_iter().map(|name| (name, Err(again()))));
    Ok(Step::Submit(
        additions,
        Box::new(move |_, replies| {
            let mut replies = replies.into_iter();
            let result =
                |(name, part): (Str, Result<bool, Failure>)| {
                    let done = part.and_then(|submitted| {
                        if submitted { stream_reply(replies.next()).map(|_| ()) } else { Ok(()) }
                    });
                    let (error_code, error_message) = match done {
                        Ok(()) => (0, None),
                        Err(failure) => (failure.code.0, failure.message()),
                    };
                    CreatePartitionsTopicResult { name, error_code, error_message }
                };
            let results = parts.into_iter().map(result).collect();
            Step::respond(CreatePartitionsResponse { results, ..Default::default() })
        }),
    ))
}

fn prepare(cx: &Context, topic: &CreatePartitionsTopic) -> Result<Authorized<Request>, Failure> {
    let grant = cx.allow(Action::Alter, Resource::Stream(&topic.name))?;
    let entry = find_topic(cx, &topic.name)?;
    let have = entry.logs;
    let more = u32::try_from(topic.count).ok().filter(|count| *count > have);
    let logs = more.ok_or_else(|| {
        let message = format!("the topic has {have} partitions already; {} is no increase", topic.count);
        Failure::new(ErrorCode::INVALID_PARTITIONS, message)
    })?;
    if logs > LOGS_PER_STREAM_MAX {
        let message = format!("a topic has at most {LOGS_PER_STREAM_MAX} partitions");
        return Err(Failure::new(ErrorCode::POLICY_VIOLATION, message));
    }
    if let Some(assignments) = &topic.assignments {
        let (new, named) = (logs - have, assignments.len());
        if named != new as usize {
            let message = format!("{new} partitions are new, but {named} are assigned");
            return Err(Failure::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        assignments.iter().try_for_each(|assignment| check_assignment(cx, &assignment.broker_ids))?;
    }
    Ok(grant.request(Request::AddLogs { stream: entry.id, logs }))
}
