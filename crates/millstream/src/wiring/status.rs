//! What a running broker says of its storage.
//!
//! Apart because it is a document that programs read: its names are promises.

use millstream_engine::{Handle, UpkeepTotals};
use serde::{Deserialize, Serialize};

/// Name of the socket, in the data directory, that gives the document.
pub(crate) const SOCKET: &str = "status.sock";

/// The storage of a running broker. Bytes that were moved are counted since its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StorageStatus {
    /// The write-ahead log.
    pub(crate) wal: WalStatus,
    /// Packed objects.
    pub(crate) objects: ObjectsStatus,
    /// The packer.
    pub(crate) packer: Moved,
    /// Live bytes in files that are worth packing and are not packed yet.
    pub(crate) packer_backlog_bytes: u64,
    /// Compaction.
    pub(crate) compaction: Moved,
    /// Scrubbing: reading what is stored to see whether it still can be.
    pub(crate) scrub: Scrub,
    /// Bytes written for each byte appended; `None` before anything was appended.
    pub(crate) write_amplification: Option<f64>,
}

/// The write-ahead log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WalStatus {
    /// Bytes appended since the start.
    pub(crate) appended_bytes: u64,
    /// Files to which nothing is added any more.
    pub(crate) sealed_files: usize,
    /// Their bytes.
    pub(crate) sealed_bytes: u64,
    /// Bytes in them that are live, when that was last looked at.
    pub(crate) live_bytes: u64,
    /// Files in which nothing lives and that wait for the next checkpoint.
    pub(crate) dead_files: usize,
    /// Bytes of files that a read holds.
    pub(crate) pinned_bytes: u64,
    /// Files that wait for use.
    pub(crate) prepared_files: usize,
    /// The disk has no room for another file.
    pub(crate) is_disk_full: bool,
}

/// Packed objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ObjectsStatus {
    /// How many.
    pub(crate) count: usize,
    /// Their parts.
    pub(crate) parts: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Bytes in them that are live, when that was last looked at.
    pub(crate) live_bytes: u64,
    /// Objects that nobody needs and whose file is still there.
    pub(crate) dropped: usize,
}

/// What was read and written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moved {
    /// Bytes read.
    pub(crate) bytes_read: u64,
    /// Bytes written.
    pub(crate) bytes_written: u64,
}

/// What scrubbing has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scrub {
    /// Bytes read and checked.
    pub(crate) bytes_read: u64,
    /// Rounds over everything that have ended.
    pub(crate) rounds: u64,
    /// Places found damaged, once per round; the log names them.
    pub(crate) findings: u64,
}

impl StorageStatus {
    /// As it is now.
    pub(super) fn look(handle: &Handle) -> StorageStatus {
        let UpkeepTotals {
            pack_bytes_read,
            pack_bytes_written,
            compact_bytes_read,
            compact_bytes_written,
            pack_backlog_bytes,
            wal_live_bytes,
            object_live_bytes,
            scrub,
        } = handle.upkeep();
        let lane = handle.files().lane();
        let sealed = handle.files().sealed();
        let bytes_of = |pinned: bool| {
            sealed.iter().filter(|file| file.is_pinned || !pinned).map(|file| file.bytes).sum()
        };
        let objects = handle.objects().list();
        let rewritten = pack_bytes_written + compact_bytes_written;
        let appended = lane.appended_bytes;
        StorageStatus {
            wal: WalStatus {
                appended_bytes: appended,
                sealed_files: sealed.len(),
                sealed_bytes: bytes_of(false),
                live_bytes: wal_live_bytes,
                dead_files: sealed.iter().filter(|file| !file.is_live).count(),
                pinned_bytes: bytes_of(true),
                prepared_files: lane.prepared_files,
                is_disk_full: lane.is_disk_full,
            },
            objects: ObjectsStatus {
                count: objects.len(),
                parts: objects.iter().map(|object| object.entry().parts.len()).sum(),
                bytes: objects.iter().map(|object| object.entry().bytes).sum(),
                live_bytes: object_live_bytes,
                dropped: handle.objects().dropped(),
            },
            packer: Moved { bytes_read: pack_bytes_read, bytes_written: pack_bytes_written },
            packer_backlog_bytes: pack_backlog_bytes,
            compaction: Moved { bytes_read: compact_bytes_read, bytes_written: compact_bytes_written },
            scrub: Scrub { bytes_read: scrub.bytes, rounds: scrub.rounds, findings: scrub.findings },
            write_amplification: (appended > 0).then(|| (appended + rewritten) as f64 / appended as f64),
        }
    }
}

/// A document with a number of its own in every place.
#[cfg(test)]
pub(crate) fn test_status() -> StorageStatus {
    StorageStatus {
        wal: WalStatus {
            appended_bytes: 1 << 20,
            sealed_files: 7,
            sealed_bytes: 2 << 20,
            live_bytes: 3 << 20,
            dead_files: 1,
            pinned_bytes: 4 << 20,
            prepared_files: 2,
            is_disk_full: true,
        },
        objects: ObjectsStatus { count: 3, parts: 40, bytes: 6 << 20, live_bytes: 8 << 20, dropped: 5 },
        packer: Moved { bytes_read: 9, bytes_written: 10 },
        packer_backlog_bytes: 5 << 10,
        compaction: Moved { bytes_read: 11, bytes_written: 12 },
        scrub: Scrub { bytes_read: 7 << 10, rounds: 2, findings: 1 },
        write_amplification: Some(1.25),
    }
}
