//! Views as housekeeping sees them: what packing and compaction plan by, and read from.
//!
//! Apart because sessions have no use for it.

use std::sync::Arc;

use millstream_types::{LogId, Offset};

use super::piece::{Home, Piece};
use super::{LogView, ReadMode, ReadOutcome, Views};
use crate::error::ReadError;
use crate::log_reader::{Aged, HomeId, LogReader, Logs, PieceFacts};

impl LogView {
    /// What the log is made of, from the part on that answers for `from`, as retention lets go of it: at most `count_max` parts.
    /// Of a log in memory each batch is one.
    #[must_use]
    pub fn aged(&self, from: Offset, count_max: usize) -> Vec<Aged> {
        if let Some(held) = &self.held {
            let held = held.lock();
            let batches = held.from(from, self.high_watermark()).take(count_max);
            let aged = batches.map(|batch| Aged {
                to: batch.last_offset.advance(1),
                bytes: batch.bytes() as u64,
                max_timestamp: batch.max_timestamp,
            });
            return aged.collect();
        }
        let pieces = self.pieces(from, count_max).into_iter();
        let aged =
            |piece: PieceFacts| Aged { to: piece.to, bytes: piece.bytes, max_timestamp: piece.max_timestamp };
        pieces.map(aged).collect()
    }
}

impl LogReader for LogView {
    fn log_start(&self) -> Offset {
        LogView::log_start(self)
    }

    fn read_waiting(&self, from: Offset, bytes_max: u32) -> Result<ReadOutcome, ReadError> {
        self.read(from, bytes_max, ReadMode::MayBlock)
    }

    fn pieces(&self, from: Offset, count_max: usize) -> Vec<PieceFacts> {
        let log = self.log();
        let facts = |piece: &Piece| {
            let (home, is_compacted) = match &piece.home {
                Home::Wal { file, .. } => (HomeId::Wal(file.file().sequence), false),
                Home::Object(named) => {
                    let part = named.object().part(log);
                    let part = part.expect("a piece names an object that has a part of the log");
                    (HomeId::Object(named.object().number()), part.is_compacted)
                }
            };
            PieceFacts {
                home,
                from: piece.from,
                to: piece.next(),
                bytes: piece.bytes,
                batches: piece.batches,
                max_timestamp: piece.max_timestamp,
                is_compacted,
            }
        };
        let index = self.index.lock();
        let first = index.pieces.partition_point(|piece| piece.last < from);
        index.pieces.range(first..).take(count_max).map(facts).collect()
    }
}

impl Logs for Views {
    fn ids(&self) -> Vec<LogId> {
        Views::ids(self)
    }

    fn reader(&self, log: LogId) -> Option<Arc<dyn LogReader>> {
        let view: Arc<dyn LogReader> = self.get(log)?;
        Some(view)
    }
}
