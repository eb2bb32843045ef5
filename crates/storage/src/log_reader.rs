//! How housekeeping reads a log: stretch by stretch, up to an end that was fixed before.
//!
//! Apart because compaction and packing read alike, and what they meet alike (a log that was trimmed or deleted under their
//! hands) is dealt with once. The trait is there so that both can be tested against a log that is a list.

use millstream_types::Offset;

use crate::error::ReadError;
use crate::views::{LogView, ReadMode, ReadOutcome, StoredBatch};

/// A log as a reader that may wait for the disk sees it.
pub trait LogReader: Send + Sync {
    /// Offset of the first record.
    fn log_start(&self) -> Offset;

    /// Whole batches from the one that contains `from` on, or the next one; about `bytes_max`, at least one.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read_waiting(&self, from: Offset, bytes_max: u32) -> Result<ReadOutcome, ReadError>;
}

impl LogReader for LogView {
    fn log_start(&self) -> Offset {
        LogView::log_start(self)
    }

    fn read_waiting(&self, from: Offset, bytes_max: u32) -> Result<ReadOutcome, ReadError> {
        self.read(from, bytes_max, ReadMode::MayBlock)
    }
}

/// What comes next in a stretch.
pub(crate) enum Next {
    /// These batches, at least one.
    Batches(Vec<StoredBatch>),
    /// Nothing up to the stretch's end.
    End,
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
                batches.truncate(inside);
                return Ok(if batches.is_empty() { Next::End } else { Next::Batches(batches) });
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
