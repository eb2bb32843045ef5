//! What a running broker says of its storage.
//!
//! Apart because it is a document that programs read, here and from a socket in the data directory: its names are promises.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The storage of a running broker. Bytes that were moved are counted since its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StorageStatus {
    /// The write-ahead log.
    pub wal: WalStatus,
    /// Packed objects.
    pub objects: ObjectsStatus,
    /// The packer.
    pub packer: Moved,
    /// Live bytes in files that are worth packing and are not packed yet.
    pub packer_backlog_bytes: u64,
    /// Compaction.
    pub compaction: Moved,
    /// Scrubbing: reading what is stored to see whether it still can be.
    pub scrub: Scrub,
    /// Bytes written for each byte appended; `None` before anything was appended.
    pub write_amplification: Option<f64>,
}

/// The write-ahead log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalStatus {
    /// Bytes appended since the start.
    pub appended_bytes: u64,
    /// Files to which nothing is added any more.
    pub sealed_files: usize,
    /// Their bytes.
    pub sealed_bytes: u64,
    /// Bytes in them that are live, when that was last looked at.
    pub live_bytes: u64,
    /// Files in which nothing lives and that wait for the next checkpoint.
    pub dead_files: usize,
    /// Bytes of files that a read holds.
    pub pinned_bytes: u64,
    /// Files that wait for use.
    pub prepared_files: usize,
    /// The disk has no room for another file.
    pub is_disk_full: bool,
}

/// Packed objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectsStatus {
    /// How many.
    pub count: usize,
    /// Their parts.
    pub parts: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes in them that are live, when that was last looked at.
    pub live_bytes: u64,
    /// Objects that nobody needs and whose file is still there.
    pub dropped: usize,
}

/// What was read and written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

/// What scrubbing has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scrub {
    /// Bytes read and checked.
    pub bytes_read: u64,
    /// Rounds over everything that have ended.
    pub rounds: u64,
    /// Places found damaged, once per round; the log names them.
    pub findings: u64,
}
