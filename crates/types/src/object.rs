//! What a packed object holds: stretches of many logs, each with its place in the object.
//!
//! Apart because the core persists these numbers (the manifest is entries in the write-ahead log) and the storage reads by
//! them, and neither may guess what the other means.
//!
//! ```text
//! object   │ header │ part 0: batches … │ index of part 0 │ part 1: batches … │ index of part 1 │ … │ footer │
//! part                └ at               └ at + bytes      (index_bytes long)
//! ```

use alloc::vec::Vec;

use crate::{LogId, ObjectNumber, Offset, RecordTime};

/// Parts of one object at most: its manifest entry must fit one chunk of a checkpoint.
pub const OBJECT_PARTS_MAX: usize = 512;

/// One log's stretch of records in an object. Nothing else of the log lies in that object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectPart {
    /// The log.
    pub log: LogId,
    /// First offset that the part answers for. Compaction may have removed the record there.
    pub from: Offset,
    /// Offset after the last one that the part answers for; larger than `from`.
    pub to: Offset,
    /// Where the part's first batch begins in the object, in bytes.
    pub at: u64,
    /// Bytes of its batches, which lie one after another; 0 when compaction left none.
    pub bytes: u64,
    /// Bytes of its index, which follows the batches.
    pub index_bytes: u32,
    /// Number of its batches.
    pub batches: u32,
    /// Number of its records; after compaction fewer than `to − from`.
    pub records: u64,
    /// Largest timestamp of its records; [`RecordTime::NONE`] without records.
    pub max_timestamp: RecordTime,
    /// Whether compaction has been over all of it: of each key only the latest record up to `to` is left.
    pub is_compacted: bool,
}

/// One object as the manifest knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectEntry {
    /// Its number, from which its name is made; never used again.
    pub number: ObjectNumber,
    /// Its length in bytes.
    pub bytes: u64,
    /// CRC-32C of its footer: an object of another life under the same name does not pass.
    pub checksum: u32,
    /// Its parts in the order of their logs, 1 to [`OBJECT_PARTS_MAX`], one per log.
    pub parts: Vec<ObjectPart>,
}
