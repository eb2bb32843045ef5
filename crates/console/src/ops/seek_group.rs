//! `POST /api/v1/streams/{name}/groups/default/seek`: let a queue go on from another place.
//!
//! Everything from there on is to be delivered as if it had never been, whoever has it; everything before is done with. So
//! records that were consumed are *replayed*, as far back as the stream still has them. To the end it is a purge that
//! takes what is leased as well.

use super::Endpoint;
use super::list_records::partition;
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, step, submit};
use crate::errors::{Code, Problem};
use crate::limits::READ_BYTES;
use crate::respond::document;
use crate::scan::{At, read_problem, walk};
use core::ops::ControlFlow;
use millstream_core::lease::{LeaseReply, LeaseRequest, SeekTo};
use millstream_front::steps::ReadResult;
use millstream_front::{Action, ReadSlice};
use millstream_types::limits::LOGS_PER_SEEK_MAX;
use millstream_types::{LogId, Offset, RecordTime};
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "seek_group",
    method: "POST",
    path: "/api/v1/streams/{name}/groups/default/seek",
    query: &[],
    has_body: true,
    doc: "Replay a queue, or skip records: `to` is `start`, `end`, `{\"time_ms\": …}` or `{\"offsets\": [{\"partition\": 0, \
          \"offset\": …}]}`.",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    to: To,
}

/// Where to.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum To {
    Start,
    End,
    /// The first record of this time or later, in each partition.
    TimeMs(i64),
    /// Partitions that are not named stay where they are.
    Offsets(Vec<PartitionOffset>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartitionOffset {
    partition: u32,
    offset: u64,
}

#[derive(Serialize)]
struct Sought {
    /// Records that had still to be consumed and are not any more.
    skipped: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Alter)?;
    match body.to {
        To::Start => Ok(seek(&queue, SeekTo::Start)),
        To::End => Ok(seek(&queue, SeekTo::End)),
        To::Offsets(offsets) => Ok(seek(&queue, SeekTo::Offsets(read_offsets(&queue, &offsets)?))),
        To::TimeMs(time) => seek_time(cx, queue, RecordTime(time)),
    }
}

fn seek(queue: &Queue, to: SeekTo) -> Step {
    submit(queue.ask(LeaseRequest::Seek { group: queue.group, to }), |_, reply| match lease_reply(reply)? {
        LeaseReply::Sought { settled } => Ok(document(200, &Sought { skipped: settled })),
        _ => Err(Problem::unexpected()),
    })
}

fn read_offsets(queue: &Queue, given: &[PartitionOffset]) -> Result<Vec<At>, Problem> {
    let mut places: Vec<At> = Vec::with_capacity(given.len());
    for PartitionOffset { partition: index, offset } in given {
        partition(&queue.entry, Some(u64::from(*index)))?;
        if places.iter().any(|(known, _)| known == index) {
            return Err(Problem::field("offsets", &format!("names partition {index} twice")));
        }
        if *offset > i64::MAX as u64 {
            return Err(Problem::new(Code::OffsetOutOfRange, Code::OffsetOutOfRange.title()));
        }
        places.push((*index, Offset(*offset)));
    }
    match places.len() {
        0 => Err(Problem::field("offsets", "names no partition")),
        count if count > LOGS_PER_SEEK_MAX => Err(Problem::field("offsets", "names too many partitions")),
        _ => Ok(places),
    }
}

/// Finds the first record of a time in each partition, and goes there. The index knows batches: the one that has it is read.
fn seek_time(cx: &Context, queue: Queue, time: RecordTime) -> Result<Step, Problem> {
    if queue.entry.logs as usize > LOGS_PER_SEEK_MAX {
        let detail =
            format!("A stream of more than {LOGS_PER_SEEK_MAX} partitions can only seek to offsets.");
        return Err(Problem::new(Code::LimitExceeded, detail));
    }
    let mut places: Vec<At> = Vec::with_capacity(queue.entry.logs as usize);
    let mut searched: Vec<(usize, Offset)> = Vec::new();
    for id in queue.entry.log_ids() {
        let log = cx.backend.log(id).ok_or_else(|| Problem::unknown_stream(&queue.entry.name))?;
        match log.batch_from_time(time) {
            Some(batch) => {
                let batch = batch.max(log.log_start());
                searched.push((places.len(), batch));
                places.push((id.index, batch));
            }
            None => places.push((id.index, log.high_watermark())),
        }
    }
    let stream = queue.entry.id;
    let reads = searched.iter().map(|&(at, from)| {
        let (index, _) = places[at];
        queue.grant.allow((LogId { stream, index }, from, READ_BYTES))
    });
    let reads = reads.collect();
    let then = move |_: &mut Context, results: Vec<ReadResult>| {
        let found = searched.into_iter().zip(results).try_for_each(|((at, from), result)| {
            let slice = result.map_err(|error| read_problem(error, &queue.entry.name))?;
            if let Some(offset) = first_from(slice, from, time)? {
                places[at].1 = offset;
            }
            Ok(())
        });
        step(found.map(|()| seek(&queue, SeekTo::Offsets(places))))
    };
    Ok(Step::Read(reads, Box::new(then)))
}

/// The first record of a slice that is of a time or later; none if its batch said more than its records do.
fn first_from(slice: ReadSlice, from: Offset, time: RecordTime) -> Result<Option<Offset>, Problem> {
    let mut first = None;
    let _ = walk(slice, from, |offset, record| {
        if record.timestamp < time {
            return ControlFlow::Continue(());
        }
        first = Some(offset);
        ControlFlow::Break(())
    })?;
    Ok(first)
}
