//! How housekeeping reads a log: stretch by stretch, up to an end that was fixed before.
//!
//! Apart because compaction and packing read alike, and what they meet alike (a log that was trimmed or deleted under their
//! hands) is dealt with once. The trait is there so that both can be tested against a log that is a list.

use std::sync::Arc;

use millstream_types::{LogId, ObjectNumber, Offset, RecordTime};

use crate::error::ReadError;
use crate::views::{ReadOutcome, StoredBatch};

/// Where a piece of a log lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HomeId {
    /// The WAL file of this sequence.
    Wal(u64),
    /// The object of this number.
    Object(ObjectNumber),
}

/// One element of a log's index, as far as planning needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PieceFacts {
    /// Where its batches are.
    pub home: HomeId,
    /// First offset it answers for.
    pub from: Offset,
    /// Offset after the last one.
    pub to: Offset,
    /// Bytes of its batches.
    pub bytes: u64,
    /// Number of its batches.
    pub batches: u32,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
    /// Whether compaction has been over all of it.
    pub is_compacted: bool,
}

/// One part of a log, as far as retention needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aged {
    /// Offset after its last record.
    pub to: Offset,
    /// Bytes of its batches.
    pub bytes: u64,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
}

/// A log as a reader that may wait for the disk sees it.
pub trait LogReader: Send + Sync {
    /// Offset of the first record.
    fn log_start(&self) -> Offset;

    /// Whole batches from the one that contains `from` on, or the next one; about `bytes_max`, at least one.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read_waiting(&self, from: Offset, bytes_max: u32) -> Result<ReadOutcome, ReadError>;

    /// The pieces from the one that answers for `from` on, in order, at most `count_max`: an index may be long, and while it
    /// is looked at nothing is appended.
    fn pieces(&self, from: Offset, count_max: usize) -> Vec<PieceFacts>;
}

/// All logs that there are.
pub trait Logs: Send + Sync {
    /// Their ids, in any order.
    fn ids(&self) -> Vec<LogId>;

    /// A log; `None` when it is gone.
    fn reader(&self, log: LogId) -> Option<Arc<dyn LogReader>>;
}

/// Pieces that are looked at in one go: a few microseconds for whoever waits to append.
const PIECES_AT_ONCE: usize = 1024;

/// The pieces of a log from its start on, in order. Those that change meanwhile may be missed or seen twice.
pub(crate) struct Pieces<'a> {
    reader: &'a dyn LogReader,
    from: Option<Offset>,
    chunk: std::vec::IntoIter<PieceFacts>,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(reader: &'a dyn LogReader) -> Pieces<'a> {
        Pieces { reader, from: Some(reader.log_start()), chunk: Vec::new().into_iter() }
    }
}

impl Iterator for Pieces<'_> {
    type Item = PieceFacts;

    fn next(&mut self) -> Option<PieceFacts> {
        if let Some(piece) = self.chunk.next() {
            return Some(piece);
        }
        let chunk = self.reader.pieces(self.from.take()?, PIECES_AT_ONCE);
        self.from = chunk.last().filter(|_| chunk.len() == PIECES_AT_ONCE).map(|last| last.to);
        self.chunk = chunk.into_iter();
        self.chunk.next()
    }
}

/// What comes next in a stretch.
pub(crate) enum Next {
    /// These batches, at least one.
    Batches(Vec<StoredBatch>),
    /// Nothing up to the stretch's end.
    End,
    /// A batch that goes on behind the stretch's end: the stretch ends before it.
    Cut,
    /// The log was deleted.
    Gone,
}

/// The batches from `from` on that lie wholly before `to`, about `bytes_max` of them. What was trimmed meanwhile is passed
/// over.
///
/// # Errors
/// [`ReadError::Corrupt`] and [`ReadError::Io`].
pub(crate) fn next_before(
    reader: &dyn LogReader,
    mut from: Offset,
    to: Offset,
    bytes_max: u32,
) -> Result<Next, ReadError> {
    while from < to {
        match reader.read_waiting(from, bytes_max) {
            Ok(ReadOutcome::Batches(mut batches)) => {
                let inside = batches.iter().take_while(|batch| batch.last_offset < to).count();
                let is_cut = batches.get(inside).is_some_and(|batch| batch.base_offset < to);
                batches.truncate(inside);
                return Ok(match batches.is_empty() {
                    false => Next::Batches(batches),
                    true if is_cut => Next::Cut,
                    true => Next::End,
                });
            }
            Ok(ReadOutcome::AtEnd) => return Ok(Next::End),
            Ok(ReadOutcome::WouldBlock) => unreachable!("a read that may wait does"),
            Err(ReadError::OutOfRange { start, .. }) if start > from => from = start,
            Err(ReadError::Revoked) => return Ok(Next::Gone),
            Err(error) => return Err(error),
        }
    }
    Ok(Next::End)
}
