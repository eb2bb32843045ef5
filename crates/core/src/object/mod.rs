//! The manifest: which packed objects exist, and which of their parts still answer for records.
//!
//! Apart because it decides what may be deleted. No directory listing does: an object exists from the entry that
//! commits it to the entry that drops it, and an entry drops it only when nothing needs it any more. Only one entity is
//! touched by either entry, the object; whether its parts are needed follows from the logs and is derived here.
//!
//! Where parts of one log overlap, the part of the larger number is the truth: compaction writes a stretch anew. Numbers
//! are committed in ascending order, so what is committed later is always the truth, at once and after a restart.
//!
//! | the part's log | the part lies | objects of larger numbers | the part is |
//! |---|---|---|---|
//! | is gone | anywhere | any | dead |
//! | exists | before the log's start, wholly | any | dead |
//! | exists | at or after the start, with any offset | answer for all of its offsets from the start on | dead |
//! | exists | at or after the start, with any offset | do not | live |
//!
//! An object may be dropped when all of its parts are dead.

mod bytes;
mod change;
mod index;
#[cfg(test)]
mod tests;

pub(crate) use bytes::{get_object, object_entry_bytes, put_object};
pub(crate) use change::{commit, drop_objects};

use crate::shard::RestoreError;
use alloc::collections::BTreeMap;
use index::Index;
use millstream_types::{LogId, ObjectEntry, ObjectNumber, Offset, StreamId, WalPosition};

/// The manifest as the shard holds it.
#[derive(Debug)]
pub(crate) struct Objects {
    /// What exists, in the order of the numbers.
    entries: BTreeMap<ObjectNumber, ObjectEntry>,
    /// Which stretches the parts answer for. Absent while entries of an earlier process are folded: until the last of
    /// them the logs and the objects are those of different moments.
    index: Option<Index>,
    /// Start of the last frame that changed the manifest.
    last: WalPosition,
}

impl Default for Objects {
    fn default() -> Objects {
        Objects { entries: BTreeMap::new(), index: Some(Index::default()), last: WalPosition::ZERO }
    }
}

impl Objects {
    /// Begins to restore: nothing is derived until [`Objects::finish`].
    pub(crate) fn restoring() -> Objects {
        Objects { index: None, ..Objects::default() }
    }

    /// Takes an object's image.
    pub(crate) fn restore(&mut self, stamp: WalPosition, entry: ObjectEntry) -> bool {
        self.last = self.last.max(stamp);
        self.entries.insert(entry.number, entry).is_none()
    }

    /// Derives what the parts answer for, now that everything is known.
    pub(crate) fn finish(
        &mut self,
        bounds: impl Fn(LogId) -> Option<(Offset, Offset)>,
    ) -> Result<(), RestoreError> {
        let mut index = Index::default();
        for entry in self.entries.values() {
            for part in &entry.parts {
                let Some((start, end)) = bounds(part.log) else { continue };
                if part.to > end {
                    let (object, log) = (entry.number, part.log);
                    return Err(RestoreError::PartBeyondEnd { object, log, to: part.to, end });
                }
                if part.to > start {
                    index.insert(part, entry.number, start);
                }
            }
        }
        self.index = Some(index);
        Ok(())
    }

    /// Folds a commit. `start` gives the start of each log that exists.
    pub(crate) fn commit(
        &mut self,
        position: WalPosition,
        entry: ObjectEntry,
        start: impl Fn(LogId) -> Option<Offset>,
    ) {
        if let Some(index) = &mut self.index {
            for part in &entry.parts {
                let start = start(part.log).expect("parts of logs that are gone were left out");
                index.insert(part, entry.number, start);
            }
        }
        let before = self.entries.insert(entry.number, entry);
        assert!(before.is_none() || self.index.is_none(), "an object's number is used once");
        self.last = position;
    }

    /// Folds a drop.
    pub(crate) fn remove(&mut self, position: WalPosition, object: ObjectNumber) {
        let live = self.index.as_ref().is_some_and(|index| index.is_live(object));
        assert!(!live, "object {object} was dropped while records needed it");
        self.entries.remove(&object);
        self.last = position;
    }

    /// A log starts later: its stretches before the new start come due for [`Objects::sweep`].
    pub(crate) fn log_trimmed(&mut self, log: LogId, start: Offset) {
        if let Some(index) = &mut self.index {
            index.log_trimmed(log, start);
        }
    }

    /// A stream is gone: all stretches of its logs come due for [`Objects::sweep`].
    pub(crate) fn stream_deleted(&mut self, stream: StreamId) {
        if let Some(index) = &mut self.index {
            index.stream_deleted(stream);
        }
    }

    /// Whether stretches wait for [`Objects::sweep`].
    pub(crate) fn has_swept(&self) -> bool {
        self.index.as_ref().is_none_or(Index::has_swept)
    }

    /// Forgets some stretches that no reader can reach any more (R13).
    pub(crate) fn sweep(&mut self) {
        if let Some(index) = &mut self.index {
            index.sweep();
        }
    }

    /// Every object, in ascending order of the numbers.
    pub(crate) fn from(&self, number: ObjectNumber) -> impl Iterator<Item = &ObjectEntry> {
        self.entries.range(number..).map(|(_, entry)| entry)
    }

    /// Whether any part of an object answers for records.
    pub(crate) fn is_live(&self, object: ObjectNumber) -> bool {
        self.index.as_ref().is_some_and(|index| index.is_live(object))
    }

    /// The object that answers for an offset.
    pub(crate) fn at(&self, log: LogId, offset: Offset) -> Option<ObjectNumber> {
        self.index.as_ref()?.at(log, offset)
    }
}
