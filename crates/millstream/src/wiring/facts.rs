//! What metrics say of the storage.
//!
//! Apart because it only copies numbers from where they are counted to where they are shown.

use millstream_console::metrics::{Moved, Storage};
use millstream_engine::{Handle, MoverTotals, UpkeepTotals};
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
    let files = handle.files();
    let (counts, lane, sealed) = (files.counts(), files.lane(), files.sealed());
    let bytes_of =
        |pinned: bool| sealed.iter().filter(|file| file.is_pinned || !pinned).map(|file| file.bytes).sum();
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
    let MoverTotals { moved, dropped, returned, put_off, .. } = handle.mover();
    let objects = handle.objects().list();
    Storage {
        sync_micros: counts.sync_micros,
        group_frames: counts.group_frames,
        group_bytes: counts.group_bytes,
        appended_bytes: lane.appended_bytes,
        sealed_files: sealed.len() as u64,
        dead_files: sealed.iter().filter(|file| !file.is_live).count() as u64,
        prepared_files: lane.prepared_files as u64,
        sealed_bytes: bytes_of(false),
        live_bytes: wal_live_bytes,
        pinned_bytes: bytes_of(true),
        objects: objects.len() as u64,
        dropped_objects: handle.objects().dropped() as u64,
        object_bytes: objects.iter().map(|object| object.entry().bytes).sum(),
        object_live_bytes,
        packed_bytes: (pack_bytes_read, pack_bytes_written),
        compacted_bytes: (compact_bytes_read, compact_bytes_written),
        backlog_bytes: pack_backlog_bytes,
        scrubbed_bytes: scrub.bytes,
        scrub_rounds: scrub.rounds,
        scrub_findings: scrub.findings,
        moves: Moved { moved, dropped, returned, put_off },
        disk_bytes: backend.disk_bytes(),
    }
}
