//! DescribeLogDirs (35), versions 1–5: how many bytes partitions take, and how many the disk has.
//!
//! There is one directory, shown as `data`: where it lies on the machine is not for clients to know. A partition's size
//! is that of its live batches, from the index; logs share files, so it is not what a directory listing would add up to.
//! From version 4 on the disk's size and what is free of it are shown.

use crate::codec::generated::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::ops::operation;
use crate::ops::topics::find_topic;
use crate::step::{Context, Step};
use crate::translate::is_topic_name;
use millstream_core::catalog::StreamEntry;
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use millstream_types::LogId;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::DescribeLogDirs,
    "One directory, named 'data'; sizes are those of live batches, not of files.",
);

const DIRECTORY: &str = "data";

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DescribeLogDirsRequest::decode(version, r)?;
    if let Err(code) = cx.allow(Action::Describe, Resource::Cluster) {
        return Ok(Step::respond(DescribeLogDirsResponse { error_code: code.0, ..Default::default() }));
    }
    let topics = match request.topics {
        None => (cx.backend.streams(cx.principal.namespace()).iter())
            .filter(|entry| is_topic_name(&entry.name))
            .filter_map(|entry| sizes(cx, entry, 0..entry.logs))
            .collect(),
        Some(asked) => asked.iter().filter_map(|topic| named(cx, topic)).collect(),
    };
    let (total_bytes, usable_bytes) = cx.backend.disk_bytes();
    let results = vec![DescribeLogDirsResult {
        error_code: 0,
        log_dir: Str::from_static(DIRECTORY),
        topics,
        total_bytes: wire(total_bytes),
        usable_bytes: wire(usable_bytes),
        is_cordoned: false,
    }];
    Ok(Step::respond(DescribeLogDirsResponse { results, ..Default::default() }))
}

/// What is there of a topic that was asked for; what is not is left out, as in Kafka.
fn named(cx: &Context, asked: &DescribableLogDirTopic) -> Option<DescribeLogDirsTopic> {
    let entry = find_topic(cx, &asked.topic).ok()?;
    let known = asked.partitions.iter().filter_map(|index| u32::try_from(*index).ok());
    sizes(cx, &entry, known.filter(|index| *index < entry.logs))
}

fn sizes(
    cx: &Context,
    entry: &StreamEntry,
    indexes: impl Iterator<Item = u32>,
) -> Option<DescribeLogDirsTopic> {
    cx.allow(Action::Describe, Resource::Stream(&entry.name)).ok()?;
    let partition = |index: u32| {
        let log = cx.backend.log(LogId { stream: entry.id, index })?;
        Some(DescribeLogDirsPartition {
            partition_index: i32::try_from(index).expect("a stream has at most 10,000 logs"),
            partition_size: wire(log.bytes()),
            offset_lag: 0,
            is_future_key: false,
        })
    };
    let partitions: Vec<_> = indexes.filter_map(partition).collect();
    (!partitions.is_empty()).then(|| DescribeLogDirsTopic { name: Str::from(&*entry.name), partitions })
}

fn wire(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
