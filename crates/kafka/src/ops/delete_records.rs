//! DeleteRecords (21), versions 0–2: move the start of partitions forward.
//!
//! −1 means the high watermark: everything there is. The answer is the partition's new start; an offset before it changes
//! nothing and is answered with where it is. An offset after the high watermark is OFFSET_OUT_OF_RANGE, a topic without
//! `delete` in its cleanup policy POLICY_VIOLATION, as in Kafka.

use crate::codec::generated::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::ops::operation;
use crate::ops::topics::find_topic;
use crate::step::{Context, Step};
use millstream_core::catalog::StreamEntry;
use millstream_core::request::Trim;
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant, Resource};
use millstream_types::limits::TRIMS_PER_REQUEST_MAX;
use millstream_types::{ErrorKind, LogId, Offset};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(ApiKey::DeleteRecords, "");

/// "Up to the high watermark".
const HIGH_WATERMARK: i64 = -1;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DeleteRecordsRequest::decode(version, r)?;
    let mut requests = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = permitted(cx, &topic.name);
        let mut trims = Vec::new();
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let trim = found.as_ref().map_err(|code| *code);
            let trim = trim.and_then(|(entry, _)| prepare(cx, entry, &partition));
            partitions.push((partition.partition_index, trim.map(|trim| trims.push(trim))));
        }
        if let Ok((_, grant)) = found {
            // As many trims in one request as one turn of the shard may make.
            let parts = trims.chunks(TRIMS_PER_REQUEST_MAX);
            requests.extend(parts.map(|trims| grant.allow(Request::TrimLogs(trims.to_vec()))));
        }
        topics.push((topic.name, partitions));
    }
    Ok(Step::Submit(
        requests,
        Box::new(move |_, replies| {
            let mut starts = replies.into_iter().flat_map(starts);
            let mut result = |(partition_index, trim): (i32, Result<(), ErrorCode>)| {
                let missing = Err(ErrorKind::Indeterminate);
                let start = trim.and_then(|()| starts.next().unwrap_or(missing).map_err(ErrorCode::from));
                let (low_watermark, error_code) = match start {
                    Ok(start) => (i64::try_from(start.0).expect("offsets fit in 63 bits"), 0),
                    Err(code) => (-1, code.0),
                };
                DeleteRecordsPartitionResult { partition_index, low_watermark, error_code }
            };
            let topics = topics
                .into_iter()
                .map(|(name, partitions)| DeleteRecordsTopicResult {
                    name,
                    partitions: partitions.into_iter().map(&mut result).collect(),
                })
                .collect();
            Step::respond(DeleteRecordsResponse { topics, ..Default::default() })
        }),
    ))
}

fn permitted(cx: &Context, name: &str) -> Result<(Arc<StreamEntry>, Grant), ErrorCode> {
    let grant = cx.allow(Action::Delete, Resource::Stream(name))?;
    Ok((find_topic(cx, name)?, grant))
}

fn prepare(cx: &Context, entry: &StreamEntry, asked: &DeleteRecordsPartition) -> Result<Trim, ErrorCode> {
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let index = u32::try_from(asked.partition_index).map_err(|_| unknown)?;
    let log = LogId { stream: entry.id, index };
    let high_watermark = cx.backend.log(log).ok_or(unknown)?.high_watermark();
    if !entry.config.cleanup().0 {
        return Err(ErrorCode::POLICY_VIOLATION);
    }
    let before = match asked.offset {
        HIGH_WATERMARK => high_watermark,
        offset => u64::try_from(offset).map(Offset).map_err(|_| ErrorCode::OFFSET_OUT_OF_RANGE)?,
    };
    if before > high_watermark {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    Ok(Trim { log, before: Some(before) })
}

fn starts(reply: Reply) -> Vec<Result<Offset, ErrorKind>> {
    match reply {
        Reply::Trimmed(starts) => starts,
        _ => Vec::new(),
    }
}
