//! The WAL files as housekeeping and operators see them.
//!
//! Apart from the lane because nothing here is needed to write or read: it counts what is there.

use std::sync::Arc;

use millstream_types::WalPosition;

use crate::lane::{LaneCounts, Shared};

/// The files of the lane.
#[derive(Clone)]
pub struct WalFiles {
    shared: Arc<Shared>,
    /// Where the lane was at the start.
    began: WalPosition,
}

/// A file to which nothing is added any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SealedFile {
    /// Its sequence: files were begun in this order.
    pub sequence: u64,
    /// Bytes of its frames.
    pub bytes: u64,
    /// Whether a log still has records there.
    pub is_live: bool,
    /// Whether a read is under way.
    pub is_pinned: bool,
}

/// What there is beside the sealed files.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LaneTotals {
    /// Bytes appended since the start, frames' headers included.
    pub appended_bytes: u64,
    /// Files that are prepared for use.
    pub prepared_files: usize,
    /// The disk has no room for another file.
    pub is_disk_full: bool,
}

impl WalFiles {
    pub(crate) fn new(shared: Arc<Shared>) -> WalFiles {
        let began = shared.durable();
        WalFiles { shared, began }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The sealed files, oldest first.
    #[must_use]
    pub fn sealed(&self) -> Vec<SealedFile> {
        let files = self.shared.files.lock();
        files
            .values()
            .filter_map(|file| {
                Some(SealedFile {
                    sequence: file.sequence,
                    bytes: file.end()?.0 - file.base.0,
                    is_live: file.is_live(),
                    is_pinned: file.is_pinned(),
                })
            })
            .collect()
    }

    /// Up to where readers see what was written.
    #[must_use]
    pub fn published(&self) -> WalPosition {
        self.shared.published()
    }

    /// Up to where it survives a power cut: behind what readers see when frames count as done before they are synced.
    #[must_use]
    pub fn durable(&self) -> WalPosition {
        self.shared.durable()
    }

    /// Bytes of the lane that may be in the page cache, as far as this process has written them.
    #[must_use]
    pub fn warm_bytes(&self) -> u64 {
        self.shared.warm_bytes()
    }

    /// Of the bytes written last so many are left to the page cache.
    #[must_use]
    pub fn cached_bytes_max(&self) -> u64 {
        self.shared.options.cached_bytes_max
    }

    /// What the lane has counted since the start.
    #[must_use]
    pub fn counts(&self) -> LaneCounts {
        self.shared.meters.counts()
    }

    /// Where the lane is.
    #[must_use]
    pub fn lane(&self) -> LaneTotals {
        let (written, growing) = self.shared.ready.counts();
        LaneTotals {
            appended_bytes: self.shared.durable().0 - self.began.0,
            prepared_files: written + growing,
            is_disk_full: self.shared.disk_full.load(std::sync::atomic::Ordering::Relaxed),
        }
    }
}
