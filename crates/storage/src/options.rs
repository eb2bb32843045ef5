//! What the owner of a data directory chooses, and how the choices must fit together.
//!
//! Apart so that the simulator can shrink every size (files of 64 KiB instead of 256 MiB) and the check that they
//! fit stands once.

use millstream_types::limits;

use crate::frame::{self, ALIGNMENT_BYTES};
use crate::wal::HEADER_PAGE_BYTES;

/// When a write counts as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// After fdatasync: an acknowledged frame survives a power cut.
    Fsync,
    /// After the write; the file is synced every so many milliseconds. A power cut takes up to that much with it,
    /// a crash of the process nothing.
    Interval(u32),
}

/// Sizes and choices of one data directory.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When a write counts as done.
    pub durability: Durability,
    /// Length of a WAL file in bytes, header page included; a multiple of 16.
    pub wal_file_bytes: u64,
    /// Length of the first file of a start that finds no spare one.
    pub wal_file_bytes_first: u64,
    /// Files ready ahead of need. At least 2: one to go on in, and the reserve of R12.
    pub files_ahead: usize,
    /// Written files kept for use; beyond it a freed file is removed.
    pub pool_files_max: usize,
    /// Room left on the disk when a file is prepared, so that a checkpoint can still be written when nothing else
    /// can: without it a full disk could never be emptied (R12).
    pub checkpoint_reserve_bytes: u64,
    /// Bytes pushed and not yet written before [`crate::Assembler::admit`] says wait.
    pub pending_bytes_max: u64,
    /// Memory for the newest batches of all logs together.
    pub tail_bytes_max: u64,
    /// Of what was written last so many bytes are left to the machine's page cache. What is older, WAL files and objects
    /// together, is given up there: a log that is only written then goes on in the pages that it has.
    pub cached_bytes_max: u64,
    /// Memory for the indexes of objects' parts that were read lately; each costs about a thousandth of its part.
    pub index_bytes_max: usize,
    /// Files kept open beside those in use: sealed WAL files and objects together.
    pub open_files_max: usize,
    /// The monotonic clock in microseconds, for counting how long syncs take; nothing is decided by it.
    pub micros: fn() -> u64,
    /// Name of the directory if it is new: a random number, so that files of another directory are known as such.
    pub new_directory_id: u128,
}

impl Options {
    /// The sizes of `limits` with fdatasync; `new_directory_id` must be random.
    #[must_use]
    pub fn new(new_directory_id: u128) -> Options {
        Options {
            durability: Durability::Fsync,
            wal_file_bytes: limits::WAL_FILE_BYTES,
            wal_file_bytes_first: limits::WAL_FILE_BYTES_FIRST,
            files_ahead: 2,
            pool_files_max: 4,
            checkpoint_reserve_bytes: limits::WAL_FILE_BYTES,
            pending_bytes_max: 64 << 20,
            tail_bytes_max: limits::MEMORY_BUDGET_DEFAULT / 2,
            cached_bytes_max: u64::MAX,
            index_bytes_max: 16 << 20,
            open_files_max: 256,
            micros: || 0,
            new_directory_id,
        }
    }

    /// Largest frame that a file holds beside its header page and the closing frame.
    #[must_use]
    pub fn frame_bytes_max(&self) -> u64 {
        (self.wal_file_bytes - HEADER_PAGE_BYTES - frame::CLOSING_BYTES)
            .min(u64::from(limits::FRAME_BYTES_MAX))
    }

    /// What does not fit, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let least = HEADER_PAGE_BYTES + 2 * frame::CLOSING_BYTES;
        if self.wal_file_bytes < least || self.wal_file_bytes_first < least {
            return Some("a WAL file must hold its header page and two small frames");
        }
        let aligned = |bytes: u64| bytes.is_multiple_of(ALIGNMENT_BYTES);
        if !aligned(self.wal_file_bytes) || !aligned(self.wal_file_bytes_first) {
            return Some("a WAL file's length must be a multiple of 16");
        }
        if self.wal_file_bytes_first > self.wal_file_bytes {
            return Some("the first WAL file must not be larger than the others");
        }
        if self.files_ahead < 2 || self.pool_files_max < self.files_ahead {
            return Some("at least two WAL files must be ready ahead of need, and the pool must hold them");
        }
        None
    }
}
