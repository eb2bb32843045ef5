//! Housekeeping of WAL files: prepares them ahead of need, recycles or removes the freed ones.
//!
//! Apart because it blocks for long (writing 256 MiB of zeros) and may run at any time: each step is one call, so
//! that a thread of the engine, or the simulator, decides when.
//!
//! Which files the lane gets, cheapest first:
//!
//! - *recycled* ones: written, cached space. They keep their old frames, which can never pass for new ones (R5).
//! - *growing* ones, empty at first: each byte is written once. A lane that fills files fast gets these: writing a
//!   file through beforehand would cost it half of what the disk can do.
//! - files *written through* ahead: each byte is written twice, but the lane's syncs are short. A lane that takes its
//!   time gets these.
//!
//! One written file always waits as the reserve (R12): what does not fit on the disk when a file grows goes there.
//! When the disk has little room left no file grows any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use millstream_types::{EngineTime, planted};

use crate::ahead::{Ahead, write_zeros};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::LaneError;
use crate::footer::FileRuns;
use crate::lane::{Ready, Shared, is_no_room};
use crate::store::is_exhausted;
use crate::wal::{self, WalFile};

/// Name of the file that is being written through.
pub(crate) const UNFINISHED: &str = "wal/prepare.tmp";
/// Files for which there must be room before one is begun that grows: itself, and some for whoever else uses the disk.
/// That a file which grows finds the disk full is then rare.
const GROWING_ROOM_FILES: u64 = 4;
/// A lane that takes at least this long for half a file is slow: the next file is written through for it. At 256 MiB
/// this is 32 MiB/s, a third of what writing through takes of an ordinary disk.
const SLOW_HALF_MS: u64 = 4_000;
/// On a full disk a written file in which nothing lives is left once an eighth of it was used: seven eighths are more than
/// the largest frame takes, and the lane does not go to and fro between two files.
const LEFT_AFTER_SHARE: u64 = 8;

/// What [`Keeper::prepare_one`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prepared {
    /// One more file is ready, or has its footer, or there is room again for what was missing it.
    Ready,
    /// As many as wanted are ready already.
    Enough,
    /// The disk has no room; appends are refused until there is some.
    NoSpace,
    /// The process has no descriptor left; the lane goes on with what is ready. To be tried again.
    Later,
}

/// What [`Keeper::recycle`] did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Recycled {
    /// Files put aside for use.
    pub spared: usize,
    /// Files removed.
    pub removed: usize,
}

/// Prepares and frees files. One per lane.
pub struct Keeper {
    shared: Arc<Shared>,
    /// When the file in use was seen first.
    begun: EngineTime,
    /// The file that is being written through.
    ahead: Option<Ahead>,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>) -> Keeper {
        Keeper { shared, begun: EngineTime::default(), ahead: None }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether [`Keeper::prepare_one`] has something to do or to decide.
    #[must_use]
    pub fn wants_file(&self) -> bool {
        self.shared.wants_file()
    }

    /// When [`Keeper::prepare_one`] has something to do although nothing happens.
    #[must_use]
    pub fn due(&self) -> Option<EngineTime> {
        self.ahead.as_ref().map(Ahead::due)
    }

    /// Whether the disk had no room when it was looked at last.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        self.shared.disk_full.load(Ordering::Relaxed)
    }

    /// Prepares one file if one is wanted, or else writes the footer of one that was left, or else goes on with a file that is
    /// written through. `now` tells a fast lane from a slow one.
    ///
    /// # Errors
    /// Anything but lack of space and of descriptors poisons the lane.
    pub fn prepare_one(&mut self, now: EngineTime) -> Result<Prepared, LaneError> {
        self.shared.check()?;
        self.cool();
        if self.shared.take_roll() {
            self.begun = now;
        }
        let (written, _) = self.shared.ready.counts();
        if self.shared.needs_file() {
            let room = self.room()?;
            if written > 0 && room >= self.bytes_of(GROWING_ROOM_FILES) {
                return self.prepare_growing();
            }
            let prepared = self.prepare_written(room)?;
            if prepared == Prepared::NoSpace {
                self.ask_for_roll(room);
            }
            return Ok(prepared);
        }
        if self.is_disk_full() {
            let room = self.room()?;
            if written == 1 && room < self.bytes_of(1) {
                self.give_up_ahead()?;
                self.ask_for_roll(room);
                return Ok(Prepared::NoSpace);
            }
            self.shared.disk_full.store(false, Ordering::Relaxed);
            return Ok(Prepared::Ready);
        }
        if self.shared.is_half_full() {
            self.shared.forget_half();
            let took_ms = now.since_ms(self.begun);
            let is_wanted = written == 1 && took_ms >= SLOW_HALF_MS && self.ahead.is_none();
            if is_wanted && self.room()? >= self.bytes_of(1) {
                return self.begin_ahead(now, took_ms / 4 * 3);
            }
        }
        if let Some(runs) = self.shared.take_footer() {
            self.write_footer(&runs);
            return Ok(Prepared::Ready);
        }
        if self.due().is_some_and(|due| due <= now) {
            return self.go_on_ahead();
        }
        Ok(Prepared::Enough)
    }

    /// Writes the footers of all files that were left, so that the next start need not read their frames.
    pub fn write_footers(&mut self) {
        while let Some(runs) = self.shared.take_footer() {
            self.write_footer(&runs);
        }
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
        let mut spared = Vec::new();
        for file in freed {
            let (written, _) = self.shared.ready.counts();
            let has_place = written + spared.len() < self.shared.options.pool_files_max;
            let whole = if has_place { self.make_whole(&file)? } else { None };
            if let Some(whole) = whole {
                self.shared.opener.forget(&file.path);
                let path = wal::spare_path(file.sequence);
                self.shared
                    .disk
                    .rename(&file.path, &path)
                    .map_err(|error| self.shared.poison_write(&file.path, error))?;
                spared.push(Ready { path, file: whole, grows: false });
                done.spared += 1;
            } else {
                self.shared
                    .opener
                    .remove(&file.path)
                    .map_err(|error| self.shared.poison_write(&file.path, error))?;
                done.removed += 1;
            }
        }
        if done != Recycled::default() {
            self.sync_names()?;
        }
        spared.into_iter().for_each(|file| self.shared.ready.add(file));
        Ok(done)
    }

    /// Lets the page cache give up what was written longest ago. A file that cannot be opened now keeps its pages until the
    /// machine needs them.
    fn cool(&self) {
        let Some((from, to)) = self.shared.newly_cold() else { return };
        self.shared.set_cold(to);
        let files: Vec<Arc<WalFile>> = {
            let files = self.shared.files.lock();
            let is_met = |file: &&Arc<WalFile>| file.base < to && file.end().is_none_or(|end| end > from);
            files.values().filter(is_met).cloned().collect()
        };
        for file in files {
            let end = file.end().map_or(to, |end| end.min(to));
            let begin = from.max(file.base);
            let Ok(open) = file.open() else { continue };
            // Pages come in groups, which are given up whole: one that the last call cut is met again.
            let first = file.offset_of(begin).saturating_sub(self.shared.cold_step_bytes());
            open.advise_wont_need(first, file.offset_of(end));
        }
    }

    /// A footer that cannot be written is left out: nothing depends on it.
    fn write_footer(&self, runs: &FileRuns) {
        if !self.shared.files.lock().contains_key(&runs.file.sequence) {
            return;
        }
        if let Err(error) = runs.write(self.shared.directory) {
            tracing::warn!(file = runs.file.path, %error, "a footer is left out; the next start reads more");
        }
    }

    /// Room on the disk.
    fn room(&self) -> Result<u64, LaneError> {
        self.shared.disk.free_space().map_err(|error| self.shared.poison_write(wal::DIR, error))
    }

    /// Room that so many files need, and that a checkpoint can still be written after them.
    fn bytes_of(&self, files: u64) -> u64 {
        let options = &self.shared.options;
        options.wal_file_bytes.saturating_mul(files).saturating_add(options.checkpoint_reserve_bytes)
    }

    /// Asks the lane to leave the file in use if nothing lives in it and its space is enough to go on with: a file in use is
    /// never freed, and on a full disk nothing may come that would fill it.
    fn ask_for_roll(&self, room: u64) {
        let options = &self.shared.options;
        let published = self.shared.published();
        let newest = self.shared.files.lock().values().next_back().cloned();
        let is_over = |file: &Arc<WalFile>| file.end().is_none() && file.base < published && !file.is_live();
        let Some(file) = newest.filter(is_over) else { return };
        let used = file.offset_of(published);
        let gains = if !file.grows && file.file_bytes == options.wal_file_bytes {
            // It can be the next reserve as it is.
            used >= file.file_bytes / LEFT_AFTER_SHARE
        } else {
            let has = if file.grows { used } else { file.file_bytes };
            room.saturating_add(has) >= self.bytes_of(1)
        };
        if gains {
            self.shared.wants_roll.store(true, Ordering::Relaxed);
        }
    }

    fn prepare_growing(&mut self) -> Result<Prepared, LaneError> {
        let path = wal::spare_path(self.shared.take_sequence(false));
        match self.shared.opener.open_own(&path, OpenMode::CreateNew) {
            Ok(file) => self.add(Ready { path, file, grows: true }),
            Err(error) => self.not_made(&path, error),
        }
    }

    /// Begins a file that is written through while the lane fills the other half of the one in use.
    fn begin_ahead(&mut self, now: EngineTime, span_ms: u64) -> Result<Prepared, LaneError> {
        let bytes = self.shared.options.wal_file_bytes;
        let begin = |disk: &dyn Disk| Ahead::begin(disk, UNFINISHED, bytes, now, span_ms);
        match self.shared.opener.retrying(begin) {
            Ok(ahead) => {
                self.ahead = Some(ahead);
                Ok(Prepared::Enough)
            }
            Err(error) => self.not_made(UNFINISHED, error),
        }
    }

    fn go_on_ahead(&mut self) -> Result<Prepared, LaneError> {
        let ahead = self.ahead.as_mut().expect("a file is being written through");
        match ahead.step() {
            Ok(false) => Ok(Prepared::Enough),
            Ok(true) => {
                let ahead = self.ahead.take().expect("it was there a moment ago");
                self.add_written(ahead.into_file())
            }
            Err(error) => {
                if is_no_room(&error) {
                    self.give_up_ahead()?;
                }
                self.not_made(UNFINISHED, error)
            }
        }
    }

    /// Gives the space of a file that is being written through back.
    fn give_up_ahead(&mut self) -> Result<(), LaneError> {
        if self.ahead.take().is_none() {
            return Ok(());
        }
        self.shared.disk.remove(UNFINISHED).map_err(|error| self.shared.poison_write(UNFINISHED, error))
    }

    fn prepare_written(&mut self, room: u64) -> Result<Prepared, LaneError> {
        let has = self.ahead.as_ref().map_or(0, Ahead::written);
        if room.saturating_add(has) < self.bytes_of(1) {
            self.give_up_ahead()?;
            return self.not_made(UNFINISHED, io::ErrorKind::StorageFull.into());
        }
        // The lane is in need: what was begun in good time is ended at once.
        while self.ahead.is_some() {
            match self.go_on_ahead()? {
                Prepared::Enough => {}
                ended => return Ok(ended),
            }
        }
        let bytes = self.shared.options.wal_file_bytes;
        match self.shared.opener.retrying(|disk| create_written(disk, UNFINISHED, bytes)) {
            Ok(file) => self.add_written(file),
            Err(error) => self.not_made(UNFINISHED, error),
        }
    }

    fn add_written(&self, file: Arc<dyn DiskFile>) -> Result<Prepared, LaneError> {
        let path = wal::spare_path(self.shared.take_sequence(false));
        let renamed = self.shared.disk.rename(UNFINISHED, &path);
        renamed.map_err(|error| self.shared.poison_write(&path, error))?;
        self.add(Ready { path, file, grows: false })
    }

    fn add(&self, file: Ready) -> Result<Prepared, LaneError> {
        self.sync_names()?;
        self.shared.ready.add(file);
        self.shared.disk_full.store(false, Ordering::Relaxed);
        Ok(Prepared::Ready)
    }

    fn not_made(&self, path: &str, error: io::Error) -> Result<Prepared, LaneError> {
        if is_no_room(&error) {
            self.shared.disk_full.store(true, Ordering::Relaxed);
            return Ok(Prepared::NoSpace);
        }
        if is_exhausted(&error) {
            tracing::warn!(%error, "a WAL file cannot be prepared yet");
            return Ok(Prepared::Later);
        }
        Err(self.shared.poison_write(path, error))
    }

    /// A freed file all of which is written space, after the rest of one that grew has been filled; `None` when it is not
    /// to be had.
    fn make_whole(&self, file: &WalFile) -> Result<Option<Arc<dyn DiskFile>>, LaneError> {
        let options = &self.shared.options;
        if file.file_bytes != options.wal_file_bytes || file.has_hole() {
            return Ok(None);
        }
        let failed = |error| self.shared.poison_write(&file.path, error);
        let whole = match self.shared.opener.open_own(&file.path, OpenMode::Existing) {
            Err(error) if is_exhausted(&error) => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let length = whole.len().map_err(failed)?;
        if length >= file.file_bytes {
            // What was written, but for a footer that reaches beyond it.
            if length > file.file_bytes {
                whole.set_len(file.file_bytes).map_err(failed)?;
            }
            return Ok(Some(whole));
        }
        let missing = file.file_bytes.saturating_sub(length);
        if self.room()? < missing.saturating_add(options.checkpoint_reserve_bytes) {
            return Ok(None);
        }
        match write_zeros(&*whole, length, file.file_bytes) {
            Ok(()) => Ok(Some(whole)),
            Err(error) if is_no_room(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn sync_names(&self) -> Result<(), LaneError> {
        let synced = self.shared.opener.retrying(|disk| disk.sync_dir(wal::DIR));
        synced.map_err(|error| self.shared.poison_sync(wal::DIR, error))
    }
}

/// A file of zeros, written through and durable, but its name is not. Replaces an unfinished one.
///
/// # Errors
/// What the disk says; for want of space nothing is left behind.
pub(crate) fn create_written(disk: &dyn Disk, path: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file = disk.open(path, OpenMode::CreateNew)?;
    match write_zeros(&*file, 0, bytes) {
        Ok(()) => Ok(file),
        Err(error) => {
            drop(file);
            if is_no_room(&error) {
                disk.remove(path)?;
            }
            Err(error)
        }
    }
}
