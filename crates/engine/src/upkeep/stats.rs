//! What the upkeep has done so far, for whoever wants to see it.
//!
//! Apart because it is written by one thread and read by others at any time.

use super::job::{Job, Moved};
use millstream_storage::pack::HomeFacts;
use millstream_storage::{HomeId, ScrubStats};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start, kept by the upkeep.
#[derive(Debug, Default)]
pub(crate) struct UpkeepStats {
    pack_read: AtomicU64,
    pack_written: AtomicU64,
    compact_read: AtomicU64,
    compact_written: AtomicU64,
    backlog: AtomicU64,
    wal_live: AtomicU64,
    objects_live: AtomicU64,
    scrub: Mutex<ScrubStats>,
}

/// What the upkeep has done since the start, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpkeepTotals {
    /// Read for packing.
    pub pack_bytes_read: u64,
    /// Written by packing.
    pub pack_bytes_written: u64,
    /// Read for compaction.
    pub compact_bytes_read: u64,
    /// Written by compaction.
    pub compact_bytes_written: u64,
    /// Live bytes in files that were worth packing when that was last looked at.
    pub pack_backlog_bytes: u64,
    /// Live bytes in sealed WAL files at that time.
    pub wal_live_bytes: u64,
    /// Live bytes in packed objects at that time.
    pub object_live_bytes: u64,
    /// What scrubbing has read and found.
    pub scrub: ScrubStats,
}

impl UpkeepStats {
    pub(super) fn add(&self, job: &Job, moved: Moved) {
        let (read, written) = match job {
            Job::Pack(_) => (&self.pack_read, &self.pack_written),
            Job::Compact(_) => (&self.compact_read, &self.compact_written),
        };
        read.fetch_add(moved.read, Ordering::Relaxed);
        written.fetch_add(moved.written, Ordering::Relaxed);
    }

    /// Notes what a survey found.
    pub(super) fn surveyed(&self, homes: &[HomeFacts], backlog_bytes: u64) {
        let live = |is_wal: bool| {
            let of = homes.iter().filter(|facts| matches!(facts.home, HomeId::Wal(_)) == is_wal);
            of.map(|facts| facts.live_bytes).sum()
        };
        self.backlog.store(backlog_bytes, Ordering::Relaxed);
        self.wal_live.store(live(true), Ordering::Relaxed);
        self.objects_live.store(live(false), Ordering::Relaxed);
    }

    pub(super) fn scrubbed(&self, stats: ScrubStats) {
        *self.scrub.lock() = stats;
    }

    /// The counts as they are.
    pub(crate) fn totals(&self) -> UpkeepTotals {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        UpkeepTotals {
            pack_bytes_read: load(&self.pack_read),
            pack_bytes_written: load(&self.pack_written),
            compact_bytes_read: load(&self.compact_read),
            compact_bytes_written: load(&self.compact_written),
            pack_backlog_bytes: load(&self.backlog),
            wal_live_bytes: load(&self.wal_live),
            object_live_bytes: load(&self.objects_live),
            scrub: *self.scrub.lock(),
        }
    }
}
