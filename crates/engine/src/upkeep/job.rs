//! The work at hand: packing a few files, or compacting a few logs.
//!
//! Apart because both are driven alike: a step reads and writes a little, and now and then an object is done that has to be
//! committed before the next step.

use millstream_storage::ObjectError;
use millstream_storage::compact::{CompactProgress, Compactor};
use millstream_storage::pack::{PackProgress, Packer, Quarantine};
use millstream_types::{ObjectEntry, ObjectNumber};

/// What is being written.
pub(super) enum Job {
    /// Live records of files that are not worth keeping.
    Pack(Box<Packer>),
    /// Logs of which only the latest record per key stays.
    Compact(Box<Compactor>),
}

/// How far a step has come.
pub(super) enum Progress {
    /// There is more to do.
    Working,
    /// This object is durable and has to be committed.
    Object(ObjectEntry),
    /// Nothing is left to do.
    Done,
}

impl Job {
    /// Works for about `budget_bytes`.
    ///
    /// # Errors
    /// When an object cannot be written; the job has to be given up.
    pub(super) fn step(
        &mut self,
        budget_bytes: u64,
        numbers: &mut dyn FnMut() -> ObjectNumber,
        quarantine: &mut Quarantine,
    ) -> Result<Progress, ObjectError> {
        Ok(match self {
            Job::Pack(packer) => match packer.step(budget_bytes, numbers, quarantine)? {
                PackProgress::Working => Progress::Working,
                PackProgress::Object(entry) => Progress::Object(entry),
                PackProgress::Done => Progress::Done,
            },
            Job::Compact(compactor) => match compactor.step(budget_bytes, numbers)? {
                CompactProgress::Working => Progress::Working,
                CompactProgress::Object(entry) => Progress::Object(entry),
                CompactProgress::Done => Progress::Done,
            },
        })
    }

    /// The object that was handed out is committed, or nobody wants it.
    pub(super) fn committed(&mut self) {
        match self {
            Job::Pack(packer) => packer.committed(),
            Job::Compact(compactor) => compactor.committed(),
        }
    }

    /// What was read and written so far.
    pub(super) fn moved(&self) -> Moved {
        match self {
            Job::Pack(packer) => {
                Moved { read: packer.stats().bytes_read, written: packer.stats().bytes_written }
            }
            Job::Compact(compactor) => {
                Moved { read: compactor.stats().bytes_read, written: compactor.stats().bytes_written }
            }
        }
    }
}

/// Bytes that a job has moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moved {
    pub(super) read: u64,
    pub(super) written: u64,
}

impl Moved {
    /// What has been moved since `earlier`; an object that could not be ended does not count any more.
    pub(super) fn since(self, earlier: Moved) -> Moved {
        Moved { read: self.read - earlier.read, written: self.written.saturating_sub(earlier.written) }
    }
}
