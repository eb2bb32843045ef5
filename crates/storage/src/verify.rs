//! Checking a stopped broker's directory: every checksum, and everything that one file says of another.
//!
//! Apart from recovery because a start stops at the first damage and repairs the tail, whereas here all damage is wanted and
//! nothing is changed. What is read, and what is a torn tail and what corruption, is decided by the very code that a
//! start runs. In two halves, because only the shard knows which logs and objects live:
//!
//! ```text
//! LaneCheck     identity, checkpoints, WAL files ──► Replay (the shard is rebuilt) ──► Lane: what was found
//!                                                          └► Contents: manifest, logs
//! ContentCheck  Lane + Contents ──► objects, every log covered without a gap, names that mean nothing
//! ```
//!
//! Both are values with bounded steps that hand out findings as they come.

use std::io::ErrorKind;
use std::sync::Arc;

use millstream_types::object::ObjectEntry;
use millstream_types::{EngineTime, LogId, Offset};

use crate::disk::{DirLock, Disk};
use crate::error::OpenError;

mod content;
mod coverage;
mod frames;
mod lane;
mod names;
mod walk;

pub use content::ContentCheck;
use coverage::Coverage;
pub(crate) use frames::{FrameCheck, next_whole};
pub use lane::LaneCheck;

/// Whether something is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grade {
    /// It is: bytes are damaged, missing, or contradict each other.
    Damage,
    /// It is not, but worth knowing.
    Note,
}

/// Something that a check came upon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Whether it is wrong.
    pub grade: Grade,
    /// The file, relative to the data directory; the name of a log when no single file is to blame.
    pub place: String,
    /// Byte in the file.
    pub offset: Option<u64>,
    /// A sentence on what it is.
    pub what: String,
}

impl Finding {
    /// Something that is wrong.
    #[must_use]
    pub fn damage(place: impl Into<String>, offset: Option<u64>, what: impl Into<String>) -> Finding {
        Finding { grade: Grade::Damage, place: place.into(), offset, what: what.into() }
    }

    /// Something worth knowing.
    #[must_use]
    pub fn note(place: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding { grade: Grade::Note, place: place.into(), offset: None, what: what.into() }
    }
}

impl From<OpenError> for Finding {
    fn from(error: OpenError) -> Finding {
        match error {
            OpenError::NewerFormat { file, found, known } => {
                let what = format!("it has format version {found}, this program knows up to {known}");
                Finding::damage(file, None, what)
            }
            OpenError::Foreign { file, found, expected } => {
                let what = format!(
                    "it belongs to another data directory ({found:032x}, this one is {expected:032x})"
                );
                Finding::damage(file, None, what)
            }
            OpenError::Corrupt { file, offset, what } => Finding::damage(file, Some(offset), what),
            OpenError::Missing { file, why } => Finding::damage(file, None, format!("it is missing: {why}")),
            OpenError::Hole { log, expected, found } => {
                let what = format!("it has records from {expected}, but the files hold {found}");
                Finding::damage(format!("log {log}"), None, what)
            }
            OpenError::Io { action, file, source } => {
                Finding::damage(file, None, format!("{action} it failed: {source}"))
            }
            OpenError::Replay { position, reason } => {
                Finding::damage("replay", None, format!("it stopped at position {position}: {reason}"))
            }
            OpenError::Locked | OpenError::Options(_) => {
                unreachable!("a check has its lock and no options")
            }
        }
    }
}

/// How far a check is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes dealt with.
    pub done_bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
}

/// What was looked at.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Bytes of all files.
    pub bytes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// WAL files of the lane.
    pub wal_files: u64,
    /// Frames in them.
    pub frames: u64,
    /// Batches in these.
    pub batches: u64,
    /// Packed objects.
    pub objects: u64,
    /// Live logs; 0 when the shard could not be rebuilt.
    pub logs: u64,
}

/// What the shard knows, once it is rebuilt.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// The manifest in ascending order, and whether live records are in each object.
    pub objects: Vec<(ObjectEntry, bool)>,
    /// The live logs.
    pub logs: Vec<LiveLog>,
}

/// A log whose records must be there.
#[derive(Clone, Debug)]
pub struct LiveLog {
    /// The log.
    pub log: LogId,
    /// Name of its stream.
    pub name: Arc<str>,
    /// Its log start offset.
    pub start: Offset,
    /// Offset after its last record.
    pub end: Offset,
}

/// What the first half of a check hands to the second.
pub struct Lane {
    disk: Arc<dyn Disk>,
    directory: u128,
    coverage: Coverage,
    progress: Progress,
    counts: Counts,
    /// Held until the check is done.
    _lock: Option<Box<dyn DirLock>>,
    /// All that a shard is rebuilt from was handed over; else nothing can be said of manifest and logs.
    pub is_complete: bool,
    /// Engine time of the last frame.
    pub last_time: Option<EngineTime>,
}

impl Lane {
    /// The directory's id; of a damaged identity file, what the other files say.
    #[must_use]
    pub fn directory(&self) -> u128 {
        self.directory
    }
}

/// Takes the directory so that no broker runs meanwhile. Nobody ever took one without a lock file.
fn lock(disk: &dyn Disk, found: &mut Vec<Finding>) -> Result<Option<Box<dyn DirLock>>, OpenError> {
    match disk.lock() {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            found.push(Finding::note("lock", "it is missing; the next start makes it"));
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(OpenError::Locked),
        Err(error) => Err(OpenError::io("locking", "lock", error)),
    }
}
