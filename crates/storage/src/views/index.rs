//! Where one log's batches are: runs in WAL files, and the newest ones in memory.
//!
//! Apart because it is memory that grows with the data: a run costs about 80 bytes and covers up to 64 KiB of
//! neighbouring frames, so that a log written alone costs 1.2 MB of index per gigabyte.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use millstream_types::{BatchFacts, Offset, RecordTime, WalPosition, planted};

use crate::wal::WalFile;

/// A run is not extended beyond this: a read turns at most this much into too much.
pub(super) const RUN_BYTES_MAX: u64 = 64 << 10;

/// Neighbouring frames of one file that hold batches of this log.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) file: Arc<WalFile>,
    pub(super) start: WalPosition,
    pub(super) end: WalPosition,
    pub(super) base: Offset,
    pub(super) last: Offset,
    /// Bytes of this log's batches in it.
    pub(super) own_bytes: u64,
    pub(super) batches: u32,
    pub(super) max_timestamp: RecordTime,
    /// Largest timestamp of this and all earlier runs: sorted, whatever producers say.
    pub(super) max_timestamp_so_far: RecordTime,
}

/// A batch in memory.
pub(crate) struct TailBatch {
    pub(crate) ticket: u64,
    pub(crate) base: Offset,
    pub(crate) last: Offset,
    pub(crate) max_timestamp: RecordTime,
    pub(crate) head: Bytes,
    pub(crate) rest: Bytes,
}

/// The index of one log.
#[derive(Default)]
pub(super) struct Index {
    pub(super) runs: VecDeque<Run>,
    pub(super) tail: VecDeque<TailBatch>,
}

/// What dropping runs gave back.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Dropped {
    pub(super) bytes: u64,
    pub(super) batches: u64,
}

impl Index {
    /// Adds the next batch, which lies in the frame `start..end` of `file`.
    pub(super) fn append(
        &mut self,
        facts: &BatchFacts,
        file: &Arc<WalFile>,
        start: WalPosition,
        end: WalPosition,
    ) {
        let so_far = self.runs.back().map_or(RecordTime::NONE, |run| run.max_timestamp_so_far);
        if let Some(run) = self.runs.back_mut()
            && Arc::ptr_eq(&run.file, file)
            && (run.end == end || (run.end == start && end.0 - run.start.0 <= RUN_BYTES_MAX))
        {
            run.end = end;
            run.last = facts.last_offset();
            run.own_bytes += u64::from(facts.bytes);
            run.batches += 1;
            run.max_timestamp = run.max_timestamp.max(facts.max_timestamp);
            run.max_timestamp_so_far = so_far.max(facts.max_timestamp);
            return;
        }
        file.add_live();
        self.runs.push_back(Run {
            file: Arc::clone(file),
            start,
            end,
            base: facts.base_offset,
            last: facts.last_offset(),
            own_bytes: u64::from(facts.bytes),
            batches: 1,
            max_timestamp: facts.max_timestamp,
            max_timestamp_so_far: so_far.max(facts.max_timestamp),
        });
    }

    /// Forgets what lies wholly before `start`.
    pub(super) fn trim(&mut self, start: Offset) -> Dropped {
        let mut dropped = Dropped::default();
        while self.runs.front().is_some_and(|run| run.last < start) {
            let run = self.runs.pop_front().expect("the front was just looked at");
            run.file.drop_live();
            dropped.bytes += run.own_bytes;
            dropped.batches += u64::from(run.batches);
        }
        while self.tail.front().is_some_and(|batch| batch.last < start) {
            self.tail.pop_front();
        }
        dropped
    }

    /// Forgets batches in memory up to a ticket.
    pub(super) fn evict(&mut self, ticket: u64) {
        while self.tail.front().is_some_and(|batch| batch.ticket <= ticket) {
            self.tail.pop_front();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        for run in self.runs.drain(..) {
            run.file.drop_live();
        }
        self.tail.clear();
    }

    /// Place of the run that holds `offset`.
    pub(super) fn run_at(&self, offset: Offset) -> usize {
        self.runs.partition_point(|run| run.last < offset) + usize::from(planted!(IndexOneRunOff))
    }
}
