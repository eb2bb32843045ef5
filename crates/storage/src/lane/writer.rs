//! The half of the lane that blocks: writes a group, makes it durable, then shows it.
//!
//! Apart because only it may say *durable*. The order is the product's promise: write, sync, publish, wake. After
//! a failed write in allocated space, or a failed sync, it never writes again (F5): the machine may have marked
//! pages as clean that it has lost, so trying once more would lie.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use millstream_types::{EngineTime, WalPosition, planted};

use super::group::{Group, Op, Part, Piece};
use super::{Assembler, Ready, Shared};
use crate::disk::{DiskFile, write_all_at};
use crate::error::LaneError;
use crate::footer::FileRuns;
use crate::options::Durability;
use crate::views::Publisher;
use crate::wal::{self, FileHeader, WalFile};

/// How far the lane's promise reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Durable {
    /// Frames that end here or before may be acknowledged, and read views show them.
    pub position: WalPosition,
}

/// Writes groups in order. One per lane, owned by one thread.
pub struct Writer {
    shared: Arc<Shared>,
    publisher: Publisher,
    /// The file that was written to last.
    current: Arc<WalFile>,
    /// Written and not synced yet, open: the descriptor that wrote is the one that is told of errors.
    unsynced: Vec<(Arc<WalFile>, Arc<dyn DiskFile>)>,
    /// How often a full disk made it go on in the reserve.
    diversions: u32,
    /// What the footer of the file in use will say.
    runs: Option<FileRuns>,
}

impl Writer {
    /// A writer that goes on in `current`.
    pub(crate) fn new(shared: Arc<Shared>, current: Arc<WalFile>, publisher: Publisher) -> Writer {
        Writer { shared, publisher, current, unsynced: Vec::new(), diversions: 0, runs: None }
    }

    /// Writes a group, makes it durable as the options say, publishes it and wakes who waits.
    ///
    /// When a file that grows finds the disk full, the same frames go to the reserve, which has its space (R12).
    ///
    /// # Errors
    /// A failed write or sync poisons the lane: this and every later call fail, nothing of the group is published
    /// or may be acknowledged, and whether it survives is open.
    pub fn write(&mut self, mut group: Group) -> Result<Durable, LaneError> {
        self.shared.check()?;
        for index in 0..group.parts.len() {
            self.follow_diversion(&mut group.parts[index])?;
            if let Err(error) = self.write_part(&group, index)? {
                self.divert(&mut group.parts[index], error)?;
                if let Err(error) = self.write_part(&group, index)? {
                    return Err(self.shared.poison_write(&group.parts[index].file.path, error));
                }
            }
        }
        self.shared.pending_bytes.fetch_sub(group.bytes, Ordering::Relaxed);
        let end = group.end;
        let frames = self.gather_runs(&group);
        self.shared.meters.group_bytes.record(group.bytes);
        self.shared.meters.group_frames.record(frames);
        let mut group = Some(group);
        if planted!(ShownBeforeDurable) {
            group.take().into_iter().for_each(|group| self.publisher.publish(group));
        }
        if self.shared.options.durability == Durability::Fsync && !planted!(AckBeforeSync) {
            self.sync_files(end)?;
        }
        group.into_iter().for_each(|group| self.publisher.publish(group));
        self.shared.set_published(end);
        Ok(Durable { position: end })
    }

    /// Makes everything written durable. With [`Durability::Interval`] the engine calls it as often as promised;
    /// with [`Durability::Fsync`] there is never anything to do.
    ///
    /// # Errors
    /// A failed sync poisons the lane.
    pub fn sync(&mut self) -> Result<Durable, LaneError> {
        self.shared.check()?;
        let written = self.shared.published();
        self.sync_files(written)?;
        Ok(Durable { position: written })
    }

    /// Whether there may be a file to prepare: the keeper should look.
    #[must_use]
    pub fn wants_file(&self) -> bool {
        self.shared.wants_file()
    }

    /// Position up to which everything survives a power cut.
    #[must_use]
    pub fn durable(&self) -> WalPosition {
        self.shared.durable()
    }

    /// Ends the lane cleanly: writes what is left, syncs it, and writes the closing frame, after which any damage
    /// is known to be damage.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn close(mut self, mut assembler: Assembler, time: EngineTime) -> Result<(), LaneError> {
        if let Some(group) = assembler.take_group() {
            self.write(group)?;
        }
        self.sync()?;
        assembler.push_closing(time);
        if let Some(group) = assembler.take_group() {
            self.write(group)?;
        }
        self.sync()?;
        // Even one of no runs saves the next start a search for what follows the closing frame.
        let runs = self.runs.take().unwrap_or_else(|| FileRuns::new(&self.current));
        runs.file.seal(self.shared.durable());
        if let Err(error) = runs.write(self.shared.directory) {
            tracing::warn!(file = runs.file.path, %error, "a footer is left out; the next start reads more");
        }
        Ok(())
    }

    /// Notes for the footers which runs the group added to which files. Returns how many frames it has.
    fn gather_runs(&mut self, group: &Group) -> u64 {
        let mut frames = 0;
        let mut at = (WalPosition::ZERO, WalPosition::ZERO);
        for op in &group.ops {
            match op {
                Op::Frame { part, start, end } => {
                    at = (*start, *end);
                    frames += 1;
                    let file = &group.parts[*part].file;
                    if !self.runs.as_ref().is_some_and(|runs| Arc::ptr_eq(&runs.file, file)) {
                        let left = self.runs.replace(FileRuns::new(file));
                        left.into_iter().for_each(|runs| self.shared.add_footer(runs));
                    }
                }
                Op::Batch { facts, .. } => {
                    let runs = self.runs.as_mut().expect("a batch follows its frame");
                    runs.add(facts, at.0, at.1);
                }
                Op::Publish(_) => {}
            }
        }
        frames
    }

    /// Writes what one file gets. The inner error says that the file grows and the disk is full: nothing is lost yet.
    fn write_part(&mut self, group: &Group, index: usize) -> Result<Result<(), io::Error>, LaneError> {
        let part = &group.parts[index];
        let file = &part.file;
        if !self.unsynced.last().is_none_or(|(last, _)| Arc::ptr_eq(last, file)) {
            // A file's header page must be durable before the next file is begun: a crash that lost the page and
            // kept the next one's would leave a gap that looks like a loss.
            self.sync_written()?;
        }
        let handle = file.open().map_err(|error| self.shared.poison_write(&file.path, error))?;
        let mut page = None;
        let mut offset = file.offset_of(part.position);
        if let Some(waiting) = &part.begins {
            let disk = &self.shared.disk;
            disk.rename(waiting, &file.path).map_err(|error| self.shared.poison_write(&file.path, error))?;
            if !planted!(BegunNameNotSynced) {
                let synced = self.shared.opener.retrying(|disk| disk.sync_dir(wal::DIR));
                synced.map_err(|error| self.shared.poison_sync(wal::DIR, error))?;
            }
            page = Some(file.header(self.shared.directory).encode());
            offset = 0;
        }
        let mut slices: Vec<IoSlice<'_>> = page
            .iter()
            .map(|page| IoSlice::new(page))
            .chain(group.pieces[part.pieces.clone()].iter().map(|piece| match piece {
                Piece::Arena(range) => IoSlice::new(&group.arena[range.clone()]),
                Piece::Bytes(bytes) => IoSlice::new(bytes),
            }))
            .collect();
        match write_all_at(&*handle, offset, &mut slices) {
            Ok(()) => {}
            Err(error) if file.grows && is_no_room(&error) => return Ok(Err(error)),
            Err(error) => return Err(self.shared.poison_write(&file.path, error)),
        }
        if !self.unsynced.last().is_some_and(|(last, _)| Arc::ptr_eq(last, file)) {
            self.unsynced.push((Arc::clone(file), handle));
        }
        if !Arc::ptr_eq(&self.current, file) {
            // Nothing more goes to the one before.
            std::mem::replace(&mut self.current, Arc::clone(file)).let_go();
        }
        Ok(Ok(()))
    }

    /// Goes on in the reserve: as an ordinary next file, begun before its turn. What the full disk took of the part lies
    /// behind the base of that file, where nobody looks for frames.
    fn divert(&mut self, part: &mut Part, error: io::Error) -> Result<(), LaneError> {
        let shared = &self.shared;
        let full = Arc::clone(&part.file);
        let Some(reserve) = shared.ready.take_written() else {
            return Err(shared.poison_write(&full.path, error));
        };
        shared.disk_full.store(true, Ordering::Relaxed);
        tracing::warn!(
            file = full.path,
            position = part.position.0,
            "the disk is full: the lane goes on in its reserve"
        );
        full.seal(part.position);
        if part.position == full.base {
            // Its header page may be torn, which before a later file would look like damage.
            shared.files.lock().remove(&full.sequence);
            shared.disk.remove(&full.path).map_err(|error| shared.poison_write(&full.path, error))?;
            let synced = shared.opener.retrying(|disk| disk.sync_dir(wal::DIR));
            synced.map_err(|error| shared.poison_sync(wal::DIR, error))?;
        }
        let header = FileHeader {
            sequence: full.sequence + 1,
            base: part.position,
            file_bytes: shared.options.wal_file_bytes,
            grows: false,
            ..full.header(shared.directory)
        };
        let file =
            Arc::new(WalFile::in_use(&header, wal::wal_path(header.sequence), reserve.file, &shared.opener));
        shared.files.lock().insert(header.sequence, Arc::clone(&file));
        shared.divert(&file);
        self.diversions += 1;
        part.file = file;
        part.begins = Some(reserve.path);
        Ok(())
    }

    /// A part that was laid out before the assembler knew of the last diversion goes there too; a file that was to be
    /// begun with it waits again.
    fn follow_diversion(&self, part: &mut Part) -> Result<(), LaneError> {
        if part.diversions == self.diversions {
            return Ok(());
        }
        if let Some(path) = part.begins.take() {
            self.shared.files.lock().remove(&part.file.sequence);
            let file = part.file.open().map_err(|error| self.shared.poison_write(&path, error))?;
            self.shared.ready.add(Ready { path, file, grows: part.file.grows });
        }
        part.file = self.shared.diverted_to();
        Ok(())
    }

    fn sync_files(&mut self, written: WalPosition) -> Result<(), LaneError> {
        let micros = self.shared.options.micros;
        let (since, is_any) = (micros(), !self.unsynced.is_empty());
        self.sync_written()?;
        if is_any {
            self.shared.meters.sync_micros.record(micros().saturating_sub(since));
        }
        self.shared.set_durable(written);
        Ok(())
    }

    fn sync_written(&mut self) -> Result<(), LaneError> {
        for (file, handle) in self.unsynced.drain(..) {
            if planted!(SyncSkipped) {
                continue;
            }
            if planted!(SyncRetried) && handle.sync_data().is_err() {
                continue;
            }
            handle.sync_data().map_err(|error| self.shared.poison_sync(&file.path, error))?;
        }
        Ok(())
    }
}

/// Whether a write failed for want of space, the disk's or the owner's share of it.
pub(crate) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
