//! How far a cursor group is behind, in records and in time.
//!
//! Apart because lists of groups, single ones and streams all show it under the same names. How old the first record is that a
//! group has not passed stands in the record alone, so it is read: one small read for each place that is asked about.

use crate::context::{Context, Step, step};
use crate::errors::Problem;
use crate::scan::walk;
use core::ops::ControlFlow;
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::CommittedOffset;
use millstream_front::Grant;
use millstream_front::steps::ReadResult;
use millstream_types::{EngineTime, LogId, Offset};
use std::sync::Arc;

/// One batch is enough: a read gives one whatever its size.
const BATCH_BYTES: u32 = 1;

/// Where a group is in a log.
#[derive(Clone)]
pub(super) struct Position {
    pub(super) entry: Arc<StreamEntry>,
    pub(super) log: LogId,
    pub(super) start: Offset,
    pub(super) end: Offset,
    pub(super) committed: CommittedOffset,
}

impl Position {
    /// The position that an offset stands for; `None` if its stream is gone.
    pub(super) fn new(cx: &Context, log: LogId, committed: CommittedOffset) -> Option<Position> {
        let entry = cx.backend.stream_by_id(log.stream)?;
        let view = cx.backend.log(log)?;
        Some(Position { entry, log, start: view.log_start(), end: view.high_watermark(), committed })
    }

    /// The first record that the group has not passed, or the end.
    fn next(&self) -> Offset {
        self.committed.offset.max(self.start).min(self.end)
    }

    /// Offsets from there to the end.
    pub(super) fn lag(&self) -> u64 {
        self.end.0 - self.next().0
    }
}

/// Finds how old the first record is that waits at each position; 0 where none does, `None` where it cannot be read.
pub(super) fn ages(
    grant: Grant,
    positions: &[Position],
    then: impl FnOnce(&mut Context, Vec<Option<u64>>) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    let places: Vec<Option<(LogId, Offset, u32)>> = positions
        .iter()
        .map(|position| (position.lag() > 0).then(|| (position.log, position.next(), BATCH_BYTES)))
        .collect();
    let reads = places.iter().flatten().map(|place| grant.allow(*place)).collect();
    let then = move |cx: &mut Context, results: Vec<ReadResult>| {
        let (now, mut results) = (cx.now, results.into_iter());
        let age = |place: &Option<(LogId, Offset, u32)>| match place {
            None => Some(0),
            Some((_, from, _)) => age(now, *from, results.next()?),
        };
        let ages = places.iter().map(age).collect();
        step(then(cx, ages))
    };
    Step::Read(reads, Box::new(then))
}

/// How old the first record from an offset on is, in what was read there.
fn age(now: EngineTime, from: Offset, read: ReadResult) -> Option<u64> {
    let mut age = None;
    // That it cannot be read is no reason to hide everything else.
    let walked = walk(read.ok()?, from, |_, record| {
        age = Some(now.since_ms(EngineTime(record.timestamp.0)));
        ControlFlow::Break(())
    });
    walked.ok().and(age)
}
