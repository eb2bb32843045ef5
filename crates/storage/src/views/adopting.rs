//! How a log's index is put together at start: runs that recovery finds, the parts of objects over them, no gap left.
//!
//! Apart because nobody reads yet: only here may an index have gaps, and only here may offsets be found that the shard
//! does not claim.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use millstream_types::{BatchFacts, ObjectNumber, Offset, RecordTime, WalPosition};

use super::LogView;
use super::piece::{Claim, Home, Piece};
use crate::objects::Object;
use crate::wal::WalFile;

/// Neighbouring frames of a WAL file with batches of one log, without gaps among their offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FoundRun {
    /// Position of the first frame.
    pub(crate) start: WalPosition,
    /// Position after the last frame.
    pub(crate) end: WalPosition,
    /// Offset of its first record.
    pub(crate) from: Offset,
    /// Offset of its last record.
    pub(crate) last: Offset,
    /// Bytes of the log's batches in it.
    pub(crate) bytes: u64,
    /// Number of the log's batches in it.
    pub(crate) batches: u32,
    /// Largest timestamp of its records.
    pub(crate) max_timestamp: RecordTime,
}

impl LogView {
    /// Adds a batch that a frame of a WAL file holds, behind all that was found so far; `false` when it is not behind.
    pub(crate) fn found_batch(
        &self,
        facts: &BatchFacts,
        file: &Arc<WalFile>,
        start: WalPosition,
        end: WalPosition,
    ) -> bool {
        if facts.base_offset < self.high_watermark() {
            return false;
        }
        self.index.lock().append(facts, file, start, end);
        self.high_watermark.store(facts.next_offset().0, Ordering::SeqCst);
        true
    }

    /// Adds a run, behind all that was found so far; `false` when it is not behind.
    pub(crate) fn found_run(&self, file: &Arc<WalFile>, run: &FoundRun) -> bool {
        if run.from < self.high_watermark() || run.last < run.from {
            return false;
        }
        self.index.lock().append_run(Piece {
            from: run.from,
            last: run.last,
            bytes: run.bytes,
            batches: run.batches,
            max_timestamp: run.max_timestamp,
            max_timestamp_so_far: run.max_timestamp,
            home: Home::Wal { file: Claim::new(file), start: run.start, end: run.end },
        });
        self.high_watermark.store(run.last.advance(1).0, Ordering::SeqCst);
        true
    }

    /// Lays the objects' parts over what was found and takes `start..end` for the log's; `Err` says from which offset on
    /// what is there instead.
    pub(crate) fn complete(
        &self,
        start: Offset,
        end: Offset,
        objects: &[Arc<Object>],
    ) -> Result<(), (Offset, String)> {
        let mut index = self.index.lock();
        if start == end {
            // Its last records may lie in a file that was freed.
            index.clear();
        } else {
            index.trim(start);
            for object in objects {
                let part = object.part(self.log()).expect("objects are listed by the logs of their parts");
                if part.to > end {
                    return Err((end, format!("object {} with offsets up to {}", object.number(), part.to)));
                }
                if part.to > start {
                    index.overlay(object, part, part.from.max(start), part.to);
                }
            }
            // What a part left of a run before it may lie before the start too, and must not keep its file.
            index.trim(start);
            if let Some((at, next)) = index.gap(start, end) {
                let found = match next {
                    Some(next) => format!("nothing before {next}"),
                    None if at > end => format!("more, up to {at}"),
                    None => "nothing".to_owned(),
                };
                return Err((at.min(end), found));
            }
            let all = index.pieces.len();
            index.recount_times(0, all);
        }
        self.log_start.store(start.0, Ordering::SeqCst);
        self.high_watermark.store(end.0, Ordering::SeqCst);
        Ok(())
    }

    /// The objects that it has pieces in; some may be named more than once.
    pub(crate) fn objects(&self) -> Vec<ObjectNumber> {
        let index = self.index.lock();
        let numbers = index.pieces.iter().filter_map(|piece| match &piece.home {
            Home::Object(named) => Some(named.object().number()),
            Home::Wal { .. } => None,
        });
        numbers.collect()
    }
}
