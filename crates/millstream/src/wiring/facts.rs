//! What metrics say of the storage.
//!
//! Apart because it only copies numbers from where they are counted to where they are shown.

use super::status;
use millstream_console::StorageStatus;
use millstream_console::metrics::{Moved, Storage};
use millstream_engine::{Handle, MoverTotals};
use millstream_front::Backend;
use std::sync::OnceLock;
use std::time::Instant;

/// The monotonic clock in microseconds, for how long syncs take.
#[allow(clippy::disallowed_methods, reason = "storage is given a clock, and this is where it comes from")]
pub(super) fn micros() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(Instant::now);
    u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The storage as it is now.
pub(super) fn storage(handle: &Handle, backend: &dyn Backend) -> Storage {
    let counts = handle.files().counts();
    let StorageStatus { wal, objects, packer, packer_backlog_bytes, compaction, scrub, .. } =
        status::look(handle);
    let MoverTotals { moved, dropped, returned, put_off, .. } = handle.mover();
    Storage {
        sync_micros: counts.sync_micros,
        group_frames: counts.group_frames,
        group_bytes: counts.group_bytes,
        appended_bytes: wal.appended_bytes,
        sealed_files: wal.sealed_files as u64,
        dead_files: wal.dead_files as u64,
        prepared_files: wal.prepared_files as u64,
        sealed_bytes: wal.sealed_bytes,
        live_bytes: wal.live_bytes,
        pinned_bytes: wal.pinned_bytes,
        objects: objects.count as u64,
        dropped_objects: objects.dropped as u64,
        object_bytes: objects.bytes,
        object_live_bytes: objects.live_bytes,
        packed_bytes: (packer.bytes_read, packer.bytes_written),
        compacted_bytes: (compaction.bytes_read, compaction.bytes_written),
        backlog_bytes: packer_backlog_bytes,
        scrubbed_bytes: scrub.bytes_read,
        scrub_rounds: scrub.rounds,
        scrub_findings: scrub.findings,
        moves: Moved { moved, dropped, returned, put_off },
        disk_bytes: backend.disk_bytes(),
    }
}
