//! The half of the lane that blocks: writes a group, makes it durable, then shows it.
//!
//! Apart because only it may say *durable*. The order is the product's promise: write, sync, publish, wake. After
//! a failed write in allocated space, or a failed sync, it never writes again (F5): the machine may have marked
//! pages as clean that it has lost, so trying once more would lie.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use millstream_types::{EngineTime, WalPosition, planted};

use super::group::{Group, Piece};
use super::{Assembler, Shared};
use crate::disk::write_all_at;
use crate::error::LaneError;
use crate::options::Durability;
use crate::views::Publisher;
use crate::wal::WalFile;

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
    /// Written and not synced yet (interval durability only).
    unsynced: Vec<Arc<WalFile>>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, publisher: Publisher) -> Writer {
        Writer { shared, publisher, unsynced: Vec::new() }
    }

    /// Writes a group, makes it durable as the options say, publishes it and wakes who waits.
    ///
    /// # Errors
    /// A failed write or sync poisons the lane: this and every later call fail, nothing of the group is published
    /// or may be acknowledged, and whether it survives is open.
    pub fn write(&mut self, group: Group) -> Result<Durable, LaneError> {
        self.shared.check()?;
        for part in &group.parts {
            if !self.unsynced.last().is_none_or(|file| Arc::ptr_eq(file, &part.file))
                && !planted!(FileBegunOverUnsynced)
            {
                // A file's header page must be durable before the next file is begun: a crash that lost the page and
                // kept the next one's would leave a gap that looks like a loss.
                self.sync_written()?;
            }
            let mut slices: Vec<IoSlice<'_>> = group.pieces[part.pieces.clone()]
                .iter()
                .map(|piece| match piece {
                    Piece::Arena(range) => IoSlice::new(&group.arena[range.clone()]),
                    Piece::Bytes(bytes) => IoSlice::new(bytes),
                })
                .collect();
            write_all_at(&*part.file.file, part.offset, &mut slices)
                .map_err(|error| self.shared.poison_write(&part.file.path, error))?;
            if !self.unsynced.last().is_some_and(|file| Arc::ptr_eq(file, &part.file)) {
                self.unsynced.push(Arc::clone(&part.file));
            }
        }
        self.shared.pending_bytes.fetch_sub(group.bytes, Ordering::Relaxed);
        let end = group.end;
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

    /// Whether fewer files are prepared than wanted: the keeper should look.
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
        Ok(())
    }

    fn sync_files(&mut self, written: WalPosition) -> Result<(), LaneError> {
        self.sync_written()?;
        self.shared.set_durable(written);
        Ok(())
    }

    fn sync_written(&mut self) -> Result<(), LaneError> {
        for file in self.unsynced.drain(..) {
            if planted!(SyncSkipped) || (planted!(SyncRetried) && file.file.sync_data().is_err()) {
                continue;
            }
            file.file.sync_data().map_err(|error| self.shared.poison_sync(&file.path, error))?;
        }
        Ok(())
    }
}
