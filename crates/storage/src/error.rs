//! Errors by what the caller should do: stop the lane, refuse to start, or fail one read.
//!
//! Apart because the engine matches on them totally; every one that concerns a file names it and the offset.

use std::io;
use std::sync::Arc;

use millstream_types::{LogId, Offset, WalPosition};

/// The lane failed; it is poisoned and every later call fails too. What was not acknowledged is indeterminate.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LaneError {
    /// Writing inside allocated space failed.
    #[error("writing {file} failed, the lane is stopped: {source}")]
    Write {
        /// The file, relative to the data directory.
        file: String,
        /// What the disk said.
        source: Arc<io::Error>,
    },
    /// A sync failed. It is never tried again: the machine may have dropped the pages.
    #[error("syncing {file} failed, the lane is stopped: {source}")]
    Sync {
        /// The file or directory, relative to the data directory.
        file: String,
        /// What the disk said.
        source: Arc<io::Error>,
    },
    /// An earlier call failed.
    #[error("the lane was stopped by an earlier failure: {0}")]
    Poisoned(Arc<str>),
}

/// Why a data directory cannot be opened. Nothing has been deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the data directory is locked: another process is using it")]
    Locked,
    /// The sizes do not fit together.
    #[error("storage options do not fit together: {0}")]
    Options(&'static str),
    /// A newer version wrote this file.
    #[error("{file} has format version {found}, this program knows up to {known}; use the newer program")]
    NewerFormat {
        /// The file, relative to the data directory.
        file: String,
        /// Version in the file.
        found: u32,
        /// Newest version known.
        known: u32,
    },
    /// A file belongs to another data directory.
    #[error("{file} belongs to another data directory ({found:032x}, this one is {expected:032x})")]
    Foreign {
        /// The file, relative to the data directory.
        file: String,
        /// Id in the file.
        found: u128,
        /// Id of this directory.
        expected: u128,
    },
    /// Bytes that were durable are damaged. Restore the file or ask for help; nothing was deleted.
    #[error("{file} is damaged at offset {offset}: {what}")]
    Corrupt {
        /// The file, relative to the data directory.
        file: String,
        /// Byte in the file.
        offset: u64,
        /// What is wrong, and how it is known that it was right once.
        what: String,
    },
    /// A file that must be there is not.
    #[error("{file} is missing: {why}")]
    Missing {
        /// The file, relative to the data directory.
        file: String,
        /// How it is known that it must be there.
        why: String,
    },
    /// A live log has no bytes for some of its offsets.
    #[error(
        "log {log} has records from {expected}, but the files hold {found}; a file is missing or was rolled back"
    )]
    Hole {
        /// The log.
        log: LogId,
        /// What must be there.
        expected: Offset,
        /// What is there instead.
        found: String,
    },
    /// The disk failed.
    #[error("{action} {file} failed: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory, relative to the data directory.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The replay refused a frame or an image that is intact: a bug or a newer program's data.
    #[error("replay stopped at position {position}: {reason}")]
    Replay {
        /// Where.
        position: WalPosition,
        /// Why.
        reason: ReplayError,
    },
}

impl OpenError {
    pub(crate) fn io(action: &'static str, file: &str, source: io::Error) -> OpenError {
        OpenError::Io { action, file: file.to_owned(), source }
    }
}

/// What a replay refuses with: a sentence for the operator.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(pub String);

/// Why a read gives nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The offset is before the log start or after the high watermark.
    #[error("offset is outside {start}..={end}")]
    OutOfRange {
        /// Log start offset.
        start: Offset,
        /// High watermark.
        end: Offset,
    },
    /// The log was deleted.
    #[error("the log was deleted")]
    Revoked,
    /// Stored bytes do not match their checksum; nothing is served from there.
    #[error("{file} is damaged at offset {offset}")]
    Corrupt {
        /// The file, relative to the data directory.
        file: String,
        /// Byte in the file.
        offset: u64,
    },
    /// The disk failed.
    #[error("reading {file} failed: {source}")]
    Io {
        /// The file, relative to the data directory.
        file: String,
        /// What the disk said.
        source: Arc<io::Error>,
    },
}

/// Why an object was not written. There is no object then, and nothing may refer to it.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The store failed; the kind `StorageFull` says that there is no room.
    #[error("{action} {file} failed: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The object, relative to the data directory.
        file: String,
        /// What the store said.
        source: io::Error,
    },
    /// What was to be added is no batch, or does not follow.
    #[error("{file} cannot take what log {log} has from offset {expected} on: {what}")]
    Batch {
        /// The object, relative to the data directory.
        file: String,
        /// The log.
        log: LogId,
        /// Offset that the batch had to begin at, or behind.
        expected: Offset,
        /// What it is instead.
        what: &'static str,
    },
}
