//! What the broker knows of a batch without opening it (R2).
//!
//! Apart because both sides of the storage boundary read it: the shard decides from facts, the write-ahead log
//! stores them beside the batch, and recovery rebuilds offsets and indexes from them.

use crate::{LogId, Offset, RecordTime};

/// Facts of one appended batch. Stored in the frame's facts section, version 1, in the order of the fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchFacts {
    /// The log it was appended to.
    pub log: LogId,
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Number of records in it, at least 1 (compaction may leave fewer than the offsets it spans).
    pub records: u32,
    /// Offset of its last record, relative to `base_offset`.
    pub last_offset_delta: u32,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
    /// Length of the batch in bytes, header included.
    pub bytes: u32,
}

impl BatchFacts {
    /// Offset of the batch's last record.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.base_offset.advance(u64::from(self.last_offset_delta))
    }

    /// Offset that follows the batch.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().advance(1)
    }
}
