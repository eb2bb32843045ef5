//! What the index knows of a log's content without reading it: how much lies behind an offset, what is the latest.
//!
//! Apart because these are answers to questions about sizes and times, not part of reading.

use millstream_types::{Offset, RecordTime};

use super::log_view::LogView;

impl LogView {
    /// Bytes of batches from `from` to the high watermark. Exact at the boundaries of runs; within a run (at most
    /// 64 KiB, or one large frame) it is taken in proportion to the offsets.
    #[must_use]
    pub fn bytes_from(&self, from: Offset) -> u64 {
        let index = self.index.lock();
        let first = index.run_at(from);
        let mut sum = 0;
        for (n, run) in index.runs.range(first..).enumerate() {
            let (before, span) = (from.0.saturating_sub(run.base.0), run.last.0 - run.base.0 + 1);
            sum += if n == 0 { run.own_bytes * (span - before) / span } else { run.own_bytes };
            // Whoever asks wants to know whether there is enough; nobody needs more than a turn's worth exactly.
            if sum >= ENOUGH_BYTES {
                break;
            }
        }
        sum
    }

    /// The largest timestamp in the log, and the offset from which to look for it.
    #[must_use]
    pub fn max_timestamp(&self) -> Option<(RecordTime, Offset)> {
        let index = self.index.lock();
        let run = index.runs.iter().rev().max_by_key(|run| run.max_timestamp)?;
        Some((run.max_timestamp, run.base))
    }
}

/// Beyond this an estimate need not be told: more than any reader takes at once.
const ENOUGH_BYTES: u64 = 128 << 20;
