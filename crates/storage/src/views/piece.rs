//! One element of a log's index: neighbouring offsets that have one home.
//!
//! Apart because a piece keeps its home alive: as long as it is there, neither its WAL file nor its object goes.

use std::sync::Arc;

use millstream_types::object::ObjectPart;
use millstream_types::{ObjectNumber, Offset, RecordTime, WalPosition, planted};

use crate::objects::Object;
use crate::wal::WalFile;

/// Offsets `from..=last` of a log, and where their batches are. Nobody else answers for them.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) from: Offset,
    pub(super) last: Offset,
    /// Bytes of this log's batches in it; of a clipped piece in proportion to its offsets.
    pub(super) bytes: u64,
    pub(super) batches: u32,
    pub(super) max_timestamp: RecordTime,
    /// Largest timestamp of this and all earlier pieces: sorted, whatever producers say.
    pub(super) max_timestamp_so_far: RecordTime,
    pub(super) home: Home,
}

/// Where a piece's batches are.
#[derive(Clone)]
pub(super) enum Home {
    /// In neighbouring frames of a WAL file. Of a clipped piece the frames hold more of the log than it answers for.
    Wal { file: Claim, start: WalPosition, end: WalPosition },
    /// In the log's part of an object.
    Object(Named),
}

impl Piece {
    /// All of an object's part.
    pub(super) fn of_part(object: &Arc<Object>, part: &ObjectPart) -> Piece {
        Piece {
            from: part.from,
            last: Offset(part.to.0 - 1),
            bytes: part.bytes,
            batches: part.batches,
            max_timestamp: part.max_timestamp,
            max_timestamp_so_far: part.max_timestamp,
            home: Home::Object(Named::new(object)),
        }
    }

    /// The offset after it.
    pub(super) fn next(&self) -> Offset {
        self.last.advance(1)
    }

    /// The same home for some of the offsets.
    pub(super) fn clipped(&self, from: Offset, last: Offset) -> Piece {
        assert!(self.from <= from && from <= last && last <= self.last, "a piece is only made smaller");
        let mut piece = self.clone();
        let kept = last.0 - from.0 + 1;
        piece.bytes = self.share(self.bytes, kept);
        // No share is larger than the whole.
        piece.batches = self.share(u64::from(self.batches), kept) as u32;
        (piece.from, piece.last) = (from, last);
        piece
    }

    /// Bytes of its batches from one of its offsets on, as [`Piece::clipped`] counts them.
    pub(super) fn share_from(&self, from: Offset) -> u64 {
        assert!(self.from <= from && from <= self.last, "a share is of a piece's own offsets");
        self.share(self.bytes, self.last.0 - from.0 + 1)
    }

    /// What falls to `kept` of its offsets, in proportion and rounded up.
    fn share(&self, of: u64, kept: u64) -> u64 {
        let all = self.last.0 - self.from.0 + 1;
        if kept == all {
            return of;
        }
        (u128::from(of) * u128::from(kept)).div_ceil(u128::from(all)) as u64
    }

    /// Whether it is in an object that came after `number`, and so knows better.
    pub(super) fn outranks(&self, number: ObjectNumber) -> bool {
        matches!(&self.home, Home::Object(named) if named.object().number() > number)
            && !planted!(OlderObjectOnTop)
    }
}

/// Keeps a WAL file alive.
pub(super) struct Claim(Arc<WalFile>);

impl Claim {
    pub(super) fn new(file: &Arc<WalFile>) -> Claim {
        file.add_live();
        Claim(Arc::clone(file))
    }

    pub(super) fn file(&self) -> &Arc<WalFile> {
        &self.0
    }
}

impl Clone for Claim {
    fn clone(&self) -> Claim {
        Claim::new(&self.0)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.drop_live();
    }
}

/// Keeps an object alive, and says that it is needed: a read keeps it alive as well.
pub(super) struct Named(Arc<Object>);

impl Named {
    pub(super) fn new(object: &Arc<Object>) -> Named {
        object.add_name();
        Named(Arc::clone(object))
    }

    pub(super) fn object(&self) -> &Arc<Object> {
        &self.0
    }
}

impl Clone for Named {
    fn clone(&self) -> Named {
        Named::new(&self.0)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.0.drop_name();
    }
}
