//! What a running broker says of its storage: the engine's numbers as the document that the console defines.
//!
//! Apart because it is read in two ways: at a socket in the data directory, and over HTTP.

use millstream_console::{Moved, ObjectsStatus, Scrub, StorageStatus, WalStatus};
use millstream_engine::{Handle, UpkeepTotals};

/// Name of the socket, in the data directory, that gives the document.
pub(crate) const SOCKET: &str = "status.sock";

/// The storage as it is now.
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
    let bytes_of =
        |pinned: bool| sealed.iter().filter(|file| file.is_pinned || !pinned).map(|file| file.bytes).sum();
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
