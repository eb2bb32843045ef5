//! What could not be read when it was to be packed.
//!
//! Apart because it outlives a job: damaged bytes are never cleaned up, so they are found in every survey again, and a packer
//! that tried them each time would never come to an end. It is forgotten with the process, and found again.

use millstream_types::{LogId, Offset};

use crate::error::ReadError;
use crate::log_reader::{HomeId, PieceFacts};

/// One piece that stays where it is.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// The log.
    pub log: LogId,
    /// Where its batches are.
    pub home: HomeId,
    /// First offset of the piece.
    pub from: Offset,
    /// Offset after its last.
    pub to: Offset,
    /// What was found, with file and place.
    pub why: ReadError,
}

/// Pieces that are not packed any more.
#[derive(Clone, Debug, Default)]
pub struct Quarantine {
    /// In the order of logs and offsets.
    pieces: Vec<Quarantined>,
}

/// More damage than this is no matter of single pieces: the packer then leaves the whole log alone.
const PIECES_MAX: usize = 4096;

impl Quarantine {
    /// All of it.
    #[must_use]
    pub fn pieces(&self) -> &[Quarantined] {
        &self.pieces
    }

    /// Adds a piece; `false` when there are too many already.
    pub(super) fn add(&mut self, piece: Quarantined) -> bool {
        if self.pieces.len() >= PIECES_MAX {
            return false;
        }
        let place = self.pieces.partition_point(|one| (one.log, one.from) < (piece.log, piece.from));
        self.pieces.insert(place, piece);
        true
    }

    /// Whether a piece is among them, in the home where it was found.
    pub(super) fn holds(&self, log: LogId, piece: &PieceFacts) -> bool {
        let first = self.pieces.partition_point(|one| (one.log, one.to) <= (log, piece.from));
        self.pieces[first..]
            .iter()
            .take_while(|one| one.log == log && one.from < piece.to)
            .any(|one| one.home == piece.home)
    }
}
