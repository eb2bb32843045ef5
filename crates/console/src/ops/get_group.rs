//! `GET /api/v1/streams/{name}/groups/default`: how many records of a queue are where, and which is the oldest.
//!
//! The counts are exact, and of one moment. The oldest record is the one with the earliest time among the first of each
//! partition that is not done with; it is not looked for in a stream of more than 64 partitions.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, step};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::OLDEST_LOGS_MAX;
use crate::lookup::{Fate, Lookup};
use crate::respond::document;
use crate::scan::At;
use crate::translate::{Counts, ShownRecord};
use millstream_core::Reply;
use millstream_core::lease::{LeaseReply, LeaseRequest};
use millstream_front::Action;
use millstream_front::steps::ReadResult;
use millstream_types::{EngineTime, Offset};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_group",
    method: "GET",
    path: "/api/v1/streams/{name}/groups/default",
    answers: &[endpoint::ok::<Group<'static>>()],
    doc: "Count the records of a queue: ready, leased, delayed, moving; and the consumers that wait; show its oldest record.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "QueueGroup")]
pub(super) struct Group<'a> {
    stream: &'a str,
    name: &'static str,
    paused: bool,
    #[serde(flatten)]
    counts: Counts,
    oldest: Option<Oldest>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OldestRecord")]
struct Oldest {
    partition: u32,
    offset: u64,
    timestamp_ms: i64,
    age_ms: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Describe)?;
    Ok(show(queue))
}

/// Answers with a queue as it is now.
pub(super) fn show(queue: Queue) -> Step {
    let group = queue.group;
    let mut requests = vec![queue.ask(LeaseRequest::Describe { groups: vec![group] })];
    if queue.entry.logs <= OLDEST_LOGS_MAX {
        let first = |index| LeaseRequest::Peek { group, from: Some((index, Offset::ZERO)), max: 1 };
        requests.extend((0..queue.entry.logs).map(|index| queue.ask(first(index))));
    }
    let then = move |cx: &mut Context, replies: Vec<Reply>| step(counted(cx, queue, replies));
    Step::Submit(requests, Box::new(then))
}

/// Takes the counts and the first record of each partition.
fn counted(cx: &Context, queue: Queue, replies: Vec<Reply>) -> Result<Step, Problem> {
    let mut replies = replies.into_iter();
    let described = replies.next().ok_or_else(Problem::unexpected)?;
    let LeaseReply::Described(described) = lease_reply(described)? else { return Err(Problem::unexpected()) };
    let counts = described.into_iter().next().ok_or_else(Problem::unexpected)??;
    let mut firsts: Vec<At> = Vec::new();
    for reply in replies {
        let LeaseReply::Peeked { records, .. } = lease_reply(reply)? else {
            return Err(Problem::unexpected());
        };
        firsts.extend(records.iter().map(|record| (record.log, record.offset)));
    }
    // A partition without any gives the first of the next one.
    firsts.dedup();
    let lookup = Lookup::new(queue.entry.name.clone(), firsts.into_iter(), Box::new(|_| true));
    Ok(read(cx, queue, counts.into(), lookup))
}

/// Reads the first records.
fn read(cx: &Context, queue: Queue, counts: Counts, mut lookup: Lookup) -> Step {
    if cx.abandoned {
        lookup.leave_missing();
    }
    let reads = lookup.reads(queue.entry.id);
    if reads.is_empty() {
        return answer(cx, &queue, counts, lookup);
    }
    let permitted = reads.iter().map(|read| queue.grant.allow(*read)).collect();
    let then = move |cx: &mut Context, results: Vec<ReadResult>| {
        for (read, result) in reads.into_iter().zip(results) {
            lookup.take(read, result);
        }
        read(cx, queue, counts, lookup)
    };
    Step::Read(permitted, Box::new(then))
}

fn answer(cx: &Context, queue: &Queue, counts: Counts, lookup: Lookup) -> Step {
    // That the oldest could not be read is no reason to hide the counts.
    let (fates, _) = lookup.into_fates();
    let found = fates.into_iter().filter_map(|fate| match fate {
        Fate::Found(record) => Some(*record),
        Fate::Missing | Fate::Unwanted | Fate::Absent | Fate::Later => None,
    });
    let oldest = found.min_by_key(ShownRecord::timestamp).map(|record| {
        let ((partition, offset), timestamp_ms) = (record.place(), record.timestamp().0);
        let age_ms = cx.now.since_ms(EngineTime(timestamp_ms));
        Oldest { partition, offset: offset.0, timestamp_ms, age_ms }
    });
    let group = Group {
        stream: &queue.entry.name,
        name: "default",
        paused: queue.entry.config.lease().paused(),
        counts,
        oldest,
    };
    document(200, &group)
}
