//! Places that groups are told to go on from: where requests name them, and how a moment becomes one.
//!
//! Apart because queues and cursor groups are told so in the same words.

use super::list_records::partition;
use crate::context::{Context, Step, step};
use crate::errors::{Code, Problem};
use crate::limits::READ_BYTES;
use crate::scan::{At, read_problem, walk};
use core::ops::ControlFlow;
use millstream_core::catalog::StreamEntry;
use millstream_front::steps::ReadResult;
use millstream_front::{Grant, ReadSlice};
use millstream_types::limits::LOGS_PER_SEEK_MAX;
use millstream_types::{LogId, Offset, RecordTime};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Where to.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum To {
    /// The first record there is.
    Start,
    /// Behind the last record there is.
    End,
    /// The first record of this time or later, in each partition.
    TimeMs(i64),
    /// Partitions that are not named stay where they are.
    Offsets(Vec<PartitionOffset>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartitionOffset {
    partition: u32,
    offset: u64,
}

/// Where a request says, as far as it is known without reading.
pub(super) enum Place {
    Start,
    End,
    At(Vec<At>),
}

/// Finds the place, and goes on with it.
pub(super) fn find(
    cx: &mut Context,
    entry: Arc<StreamEntry>,
    grant: Grant,
    to: To,
    then: impl FnOnce(&mut Context, Grant, Place) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    match to {
        To::Start => then(cx, grant, Place::Start),
        To::End => then(cx, grant, Place::End),
        To::Offsets(given) => {
            let places = read_offsets(&entry, &given)?;
            then(cx, grant, Place::At(places))
        }
        To::TimeMs(time) => of_time(cx, entry, grant, RecordTime(time), then),
    }
}

fn read_offsets(entry: &StreamEntry, given: &[PartitionOffset]) -> Result<Vec<At>, Problem> {
    if given.len() > LOGS_PER_SEEK_MAX {
        return Err(Problem::field("offsets", "names too many partitions"));
    }
    let mut places: Vec<At> = Vec::with_capacity(given.len());
    for PartitionOffset { partition: index, offset } in given {
        partition(entry, Some(u64::from(*index)))?;
        if places.iter().any(|(known, _)| known == index) {
            return Err(Problem::field("offsets", &format!("names partition {index} twice")));
        }
        if *offset > i64::MAX as u64 {
            return Err(Problem::new(Code::OffsetOutOfRange, Code::OffsetOutOfRange.title()));
        }
        places.push((*index, Offset(*offset)));
    }
    if places.is_empty() { Err(Problem::field("offsets", "names no partition")) } else { Ok(places) }
}

/// Finds the first record of a time in each partition. The index knows batches: the one that has it is read.
fn of_time(
    cx: &Context,
    entry: Arc<StreamEntry>,
    grant: Grant,
    time: RecordTime,
    then: impl FnOnce(&mut Context, Grant, Place) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    if entry.logs as usize > LOGS_PER_SEEK_MAX {
        let detail =
            format!("A stream of more than {LOGS_PER_SEEK_MAX} partitions can only seek to offsets.");
        return Err(Problem::new(Code::LimitExceeded, detail));
    }
    let mut places: Vec<At> = Vec::with_capacity(entry.logs as usize);
    let mut searched: Vec<(usize, Offset)> = Vec::new();
    for id in entry.log_ids() {
        let log = cx.backend.log(id).ok_or_else(|| Problem::unknown_stream(&entry.name))?;
        match log.batch_from_time(time) {
            Some(batch) => {
                let batch = batch.max(log.log_start());
                searched.push((places.len(), batch));
                places.push((id.index, batch));
            }
            None => places.push((id.index, log.high_watermark())),
        }
    }
    let reads = searched.iter().map(|&(at, from)| {
        let (index, _) = places[at];
        grant.allow((LogId { stream: entry.id, index }, from, READ_BYTES))
    });
    let reads = reads.collect();
    let then = move |cx: &mut Context, results: Vec<ReadResult>| {
        let found = searched.into_iter().zip(results).try_for_each(|((at, from), result)| {
            let slice = result.map_err(|error| read_problem(error, &entry.name))?;
            if let Some(offset) = first_from(slice, from, time)? {
                places[at].1 = offset;
            }
            Ok(())
        });
        step(found.and_then(|()| then(cx, grant, Place::At(places))))
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
