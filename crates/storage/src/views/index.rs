//! Where one log's batches are: pieces in WAL files and packed objects, and the newest batches in memory.
//!
//! Apart because it is memory that grows with the data: a piece costs about 80 bytes. In a WAL file it covers up to 64 KiB of
//! neighbouring frames, so that a log written alone costs 1.2 MB of index per gigabyte; in an object all of its part.
//!
//! Pieces follow each other in ascending offsets without a gap: where compaction left holes, an object's piece answers for
//! them too. Only while a directory is being opened may there be gaps, until the objects' parts are laid over.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use millstream_types::object::ObjectPart;
use millstream_types::{BatchFacts, Offset, RecordTime, WalPosition, planted};

use super::piece::{Claim, Home, Piece};
use crate::objects::Object;
use crate::wal::WalFile;

/// A run is not extended beyond this: a read turns at most this much into too much.
pub(crate) const RUN_BYTES_MAX: u64 = 64 << 10;

/// A batch in memory.
pub(crate) struct TailBatch {
    pub(crate) ticket: u64,
    pub(crate) base: Offset,
    pub(crate) last: Offset,
    pub(crate) max_timestamp: RecordTime,
    pub(crate) head: Bytes,
    pub(crate) rest: Bytes,
}

/// The index of one log.
#[derive(Default)]
pub(super) struct Index {
    pub(super) pieces: VecDeque<Piece>,
    pub(super) tail: VecDeque<TailBatch>,
    /// Bytes and batches of all pieces.
    pub(super) bytes: u64,
    pub(super) batches: u64,
    /// From the first of these offsets up to the second, which was the high watermark, a read found no record.
    pub(super) barren: Option<(Offset, Offset)>,
}

impl Index {
    /// Adds the next batch, which lies in the frame `start..end` of `file`.
    pub(super) fn append(
        &mut self,
        facts: &BatchFacts,
        file: &Arc<WalFile>,
        start: WalPosition,
        end: WalPosition,
    ) {
        self.bytes += u64::from(facts.bytes);
        self.batches += 1;
        if let Some(piece) = self.pieces.back_mut()
            && piece.next() == facts.base_offset
            && let Home::Wal { file: claim, start: run_start, end: run_end } = &mut piece.home
            && Arc::ptr_eq(claim.file(), file)
            && (*run_end == end || (*run_end == start && end.0 - run_start.0 <= RUN_BYTES_MAX))
        {
            *run_end = end;
            piece.last = facts.last_offset();
            piece.bytes += u64::from(facts.bytes);
            piece.batches += 1;
            piece.max_timestamp = piece.max_timestamp.max(facts.max_timestamp);
            piece.max_timestamp_so_far = piece.max_timestamp_so_far.max(facts.max_timestamp);
            return;
        }
        let so_far = self.pieces.back().map_or(RecordTime::NONE, |piece| piece.max_timestamp_so_far);
        self.pieces.push_back(Piece {
            from: facts.base_offset,
            last: facts.last_offset(),
            bytes: u64::from(facts.bytes),
            batches: 1,
            max_timestamp: facts.max_timestamp,
            max_timestamp_so_far: so_far.max(facts.max_timestamp),
            home: Home::Wal { file: Claim::new(file), start, end },
        });
    }

    /// Adds a run of a WAL file that lies behind everything so far.
    pub(super) fn append_run(&mut self, mut run: Piece) {
        let so_far = self.pieces.back().map_or(RecordTime::NONE, |piece| piece.max_timestamp_so_far);
        run.max_timestamp_so_far = so_far.max(run.max_timestamp);
        self.bytes += run.bytes;
        self.batches += u64::from(run.batches);
        self.pieces.push_back(run);
    }

    /// Forgets what lies wholly before `start`.
    pub(super) fn trim(&mut self, start: Offset) {
        while self.pieces.front().is_some_and(|piece| piece.last < start) {
            let piece = self.pieces.pop_front().expect("the front was just looked at");
            self.uncount(&piece);
        }
        // A part may be gigabytes: what is trimmed of it counts no more. Of a run the rest is negligible.
        if let Some(piece) = self.pieces.front()
            && piece.from < start
            && matches!(piece.home, Home::Object(_))
        {
            let rest = piece.clipped(start, piece.last);
            let whole = self.pieces.pop_front().expect("the front was just looked at");
            self.uncount(&whole);
            self.bytes += rest.bytes;
            self.batches += u64::from(rest.batches);
            self.pieces.push_front(rest);
        }
        while self.tail.front().is_some_and(|batch| batch.last < start) {
            self.tail.pop_front();
        }
    }

    /// Lets `object` answer for `from..to` from now on, except where an object of a larger number does.
    pub(super) fn overlay(&mut self, object: &Arc<Object>, part: &ObjectPart, from: Offset, to: Offset) {
        assert!(from < to, "a part that answers for nothing is not laid over");
        let part = Piece::of_part(object, part);
        let first = self.pieces.partition_point(|piece| piece.last < from);
        let end = first + self.pieces.range(first..).take_while(|piece| piece.from < to).count();
        let mut new = Vec::with_capacity(end - first + 2);
        let mut at = from;
        for old in self.pieces.range(first..end) {
            if old.outranks(object.number()) {
                if at < old.from {
                    new.push(part.clipped(at, Offset(old.from.0 - 1)));
                }
                new.push(old.clone());
                at = old.next();
                continue;
            }
            if old.from < from {
                new.push(old.clipped(old.from, Offset(from.0 - 1)));
            }
            if old.next() > to {
                if at < to {
                    new.push(part.clipped(at, Offset(to.0 - 1)));
                    at = to;
                }
                new.push(old.clipped(to, old.last));
            }
        }
        if at < to {
            new.push(part.clipped(at, Offset(to.0 - 1)));
        }
        for piece in &new {
            self.bytes += piece.bytes;
            self.batches += u64::from(piece.batches);
        }
        // The new ones first: no file that is still needed is without a claim for a moment.
        let behind = self.pieces.split_off(end);
        let old = self.pieces.split_off(first);
        self.pieces.extend(new);
        let changed = self.pieces.len();
        self.pieces.extend(behind);
        old.iter().for_each(|piece| self.uncount(piece));
        self.recount_times(first, changed);
        self.barren = None;
    }

    /// Corrects the sums of timestamps of the pieces from `first` on; behind `changed` only as far as they differ.
    pub(super) fn recount_times(&mut self, first: usize, changed: usize) {
        let before = first.checked_sub(1).map(|place| self.pieces[place].max_timestamp_so_far);
        let mut so_far = before.unwrap_or(RecordTime::NONE);
        for (place, piece) in self.pieces.iter_mut().enumerate().skip(first) {
            so_far = so_far.max(piece.max_timestamp);
            if place >= changed && piece.max_timestamp_so_far == so_far {
                break;
            }
            piece.max_timestamp_so_far = so_far;
        }
    }

    /// The first offset of `start..end` that no piece answers for, and where the next piece begins or ends wrongly.
    pub(super) fn gap(&self, start: Offset, end: Offset) -> Option<(Offset, Option<Offset>)> {
        let mut expected = start;
        for (place, piece) in self.pieces.iter().enumerate() {
            let fits = if place == 0 { piece.from <= expected } else { piece.from == expected };
            if !fits {
                return Some((expected, Some(piece.from)));
            }
            expected = piece.next();
        }
        (expected != end).then_some((expected, None))
    }

    /// Forgets batches in memory up to a ticket.
    pub(super) fn evict(&mut self, ticket: u64) {
        while self.tail.front().is_some_and(|batch| batch.ticket <= ticket) {
            self.tail.pop_front();
        }
    }

    /// Forgets batches in memory that lie before `to`: an object has others in their place.
    pub(super) fn forget_tail(&mut self, to: Offset) {
        while self.tail.front().is_some_and(|batch| batch.base < to) {
            self.tail.pop_front();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Index::default();
    }

    /// Place of the piece that answers for `offset`.
    pub(super) fn piece_at(&self, offset: Offset) -> usize {
        self.pieces.partition_point(|piece| piece.last < offset) + usize::from(planted!(IndexOneRunOff))
    }

    fn uncount(&mut self, piece: &Piece) {
        self.bytes -= piece.bytes;
        self.batches -= u64::from(piece.batches);
    }
}
