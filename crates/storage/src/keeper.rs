//! Housekeeping of WAL files: prepares them ahead of need, recycles or removes the freed ones.
//!
//! Apart because it blocks for long (writing 256 MiB of zeros) and may run at any time: each step is one call, so
//! that a thread of the engine, or the simulator, decides when.
//!
//! A prepared file has been written through once, so that the lane overwrites allocated, cached space; a recycled
//! one keeps its old frames, which can never pass for new ones (R5).

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use millstream_types::planted;

use crate::disk::{Disk, DiskFile, OpenMode, write_all_at};
use crate::error::LaneError;
use crate::lane::{Shared, Staged};
use crate::wal;

/// Zeros are written this much at a time.
const ZEROS_BYTES: usize = 1 << 20;
/// Name of the file that is being written through.
pub(crate) const UNFINISHED: &str = "wal/prepare.tmp";

/// What [`Keeper::prepare_one`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prepared {
    /// One more file is ready.
    Ready,
    /// As many as wanted are ready already.
    Enough,
    /// The disk has no room; appends are refused until there is some.
    NoSpace,
}

/// What [`Keeper::recycle`] did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Recycled {
    /// Files put aside for use.
    pub spared: usize,
    /// Files removed.
    pub removed: usize,
}

/// An empty file that waits for use.
pub(crate) struct Spare {
    pub(crate) path: String,
    pub(crate) file: Arc<dyn DiskFile>,
}

/// Prepares and frees files. One per lane.
pub struct Keeper {
    shared: Arc<Shared>,
    spares: Vec<Spare>,
    next_sequence: u64,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, spares: Vec<Spare>, next_sequence: u64) -> Keeper {
        Keeper { shared, spares, next_sequence }
    }

    /// Whether fewer files are prepared than wanted.
    #[must_use]
    pub fn wants_file(&self) -> bool {
        self.shared.wants_file()
    }

    /// Whether the last preparation found no room.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        self.shared.disk_full.load(Ordering::Relaxed)
    }

    /// Prepares one file, from a spare one if there is any, if fewer than wanted are ready.
    ///
    /// # Errors
    /// Anything but lack of space poisons the lane.
    pub fn prepare_one(&mut self) -> Result<Prepared, LaneError> {
        self.shared.check()?;
        if !self.wants_file() {
            return Ok(Prepared::Enough);
        }
        let path = wal::wal_path(self.next_sequence);
        let disk = &*self.shared.disk;
        let file_bytes = self.shared.options.wal_file_bytes;
        let (from, file) = match self.spares.pop() {
            Some(spare) => (spare.path, spare.file),
            None => {
                let made = disk.free_space().and_then(|free| {
                    if free < file_bytes.saturating_add(self.shared.options.checkpoint_reserve_bytes) {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                    create_written(disk, UNFINISHED, file_bytes)
                });
                match made {
                    Ok(file) => (UNFINISHED.to_owned(), file),
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                        self.shared.disk_full.store(true, Ordering::Relaxed);
                        return Ok(Prepared::NoSpace);
                    }
                    Err(error) => return Err(self.shared.poison_write(UNFINISHED, error)),
                }
            }
        };
        disk.rename(&from, &path).map_err(|error| self.shared.poison_write(&path, error))?;
        if !planted!(PreparedNameNotSynced) {
            disk.sync_dir(wal::DIR).map_err(|error| self.shared.poison_sync(wal::DIR, error))?;
        }
        self.shared.stage(Staged { sequence: self.next_sequence, path, file, file_bytes });
        self.next_sequence += 1;
        self.shared.disk_full.store(false, Ordering::Relaxed);
        Ok(Prepared::Ready)
    }

    /// Frees every file in which nothing lives, that no read pins and that the newest checkpoint does without.
    ///
    /// # Errors
    /// A failed rename, removal or sync poisons the lane.
    pub fn recycle(&mut self) -> Result<Recycled, LaneError> {
        self.shared.check()?;
        let mut freed = Vec::new();
        {
            let mut released = self.shared.released.lock();
            let mut files = self.shared.files.lock();
            released.retain(|sequence| {
                let Some(file) = files.get(sequence) else { return false };
                assert!(
                    !file.is_live() || planted!(FreedWhileLive),
                    "a released file never comes back to life"
                );
                if file.is_pinned() && !planted!(FreedWhilePinned) {
                    return true;
                }
                freed.extend(files.remove(sequence));
                false
            });
        }
        let mut done = Recycled::default();
        for file in freed {
            let pooled = self.spares.len() + self.shared.staged_count();
            let keeps = file.file_bytes == self.shared.options.wal_file_bytes
                && !file.has_hole()
                && pooled < self.shared.options.pool_files_max;
            if keeps {
                let path = wal::spare_path(file.sequence);
                self.shared
                    .disk
                    .rename(&file.path, &path)
                    .map_err(|error| self.shared.poison_write(&file.path, error))?;
                self.spares.push(Spare { path, file: Arc::clone(&file.file) });
                done.spared += 1;
            } else {
                self.shared
                    .disk
                    .remove(&file.path)
                    .map_err(|error| self.shared.poison_write(&file.path, error))?;
                done.removed += 1;
            }
        }
        if done != Recycled::default() {
            self.shared.disk.sync_dir(wal::DIR).map_err(|error| self.shared.poison_sync(wal::DIR, error))?;
        }
        Ok(done)
    }
}

/// A file of zeros, written through and durable, but its name is not. Replaces an unfinished one.
///
/// # Errors
/// What the disk says; `StorageFull` leaves nothing behind.
pub(crate) fn create_written(disk: &dyn Disk, path: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file = disk.open(path, OpenMode::CreateNew)?;
    let zeros = vec![0; ZEROS_BYTES.min(bytes as usize)];
    let mut at = 0;
    let written = loop {
        if at == bytes {
            break file.sync_data();
        }
        let step = (bytes - at).min(zeros.len() as u64);
        match write_all_at(&*file, at, &mut [IoSlice::new(&zeros[..step as usize])]) {
            Ok(()) => at += step,
            Err(error) => break Err(error),
        }
    };
    match written {
        Ok(()) => Ok(file),
        Err(error) => {
            drop(file);
            if error.kind() == io::ErrorKind::StorageFull {
                disk.remove(path)?;
            }
            Err(error)
        }
    }
}
