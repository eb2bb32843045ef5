//! What the index knows of a log's content without reading it: how much lies behind an offset, what is the latest.
//!
//! Apart because these are answers to questions about sizes and times, not part of reading.

use millstream_types::{Offset, RecordTime};

use super::log_view::LogView;
use super::piece::{Home, Piece};
use super::read::TimeCandidate;

/// The sum, or what it has come to when it was enough.
fn sum_until(bytes: impl Iterator<Item = u64>, enough: u64) -> u64 {
    let mut sum = 0;
    for bytes in bytes {
        sum += bytes;
        if sum >= enough {
            break;
        }
    }
    sum
}

impl LogView {
    /// Bytes of batches from `from` to the high watermark; 0 only when there is no record. Exact at the boundaries of
    /// pieces; within a run (at most 64 KiB, or one large frame) or an object's part it is taken in proportion to the
    /// offsets. It stops counting at `enough_bytes`, so that it costs a step per piece of what is asked for, not of what
    /// is stored.
    #[must_use]
    pub fn bytes_from(&self, from: Offset, enough_bytes: u64) -> u64 {
        let end = self.high_watermark();
        if let Some(held) = &self.held {
            let held = held.lock();
            let sizes = held.from(from, end).map(|batch| batch.bytes() as u64);
            return sum_until(sizes, enough_bytes);
        }
        let index = self.index.lock();
        if index.barren.is_some_and(|(first, to)| first <= from && to == end) {
            return 0;
        }
        let shares = index
            .pieces
            .range(index.piece_at(from)..)
            .map(|piece| if piece.batches == 0 { 0 } else { piece.share_from(piece.from.max(from)).max(1) });
        sum_until(shares, enough_bytes)
    }

    /// The largest timestamp in the log, and the offset from which to look for it.
    #[must_use]
    pub fn max_timestamp(&self) -> Option<(RecordTime, Offset)> {
        if let Some(held) = &self.held {
            return held.lock().max_timestamp(self.log_start(), self.high_watermark());
        }
        let index = self.index.lock();
        let filled = index.pieces.iter().rev().filter(|piece| piece.batches > 0);
        let piece = filled.max_by_key(|piece| piece.max_timestamp)?;
        let time = piece.max_timestamp;
        Some((time, self.narrowed(piece, time, piece.from).map_or(piece.from, |(from, _)| from)))
    }

    /// Where to look for the first record at or after `from` with a timestamp of at least `time`; `None` when
    /// there is none up to the high watermark. The caller opens the batches there. In an object whose index is in memory
    /// (a read from there loads it) it is one block, else the whole part.
    #[must_use]
    pub fn time_candidate(&self, time: RecordTime, from: Offset) -> Option<TimeCandidate> {
        let mut from = from.max(self.log_start());
        if let Some(held) = &self.held {
            return held.lock().time_candidate(time, from, self.high_watermark());
        }
        let index = self.index.lock();
        let by_time = index.pieces.partition_point(|piece| piece.max_timestamp_so_far < time);
        let first = by_time.max(index.piece_at(from));
        for piece in index.pieces.range(first..).filter(|piece| piece.max_timestamp >= time) {
            from = from.max(piece.from);
            if let Some((from, to)) = self.narrowed(piece, time, from) {
                return Some(TimeCandidate { from, to });
            }
        }
        None
    }

    /// The offsets of a piece, from `from` on, among which the first record of a time is; `None` when there is none.
    fn narrowed(&self, piece: &Piece, time: RecordTime, from: Offset) -> Option<(Offset, Offset)> {
        let whole = Some((from, piece.next()));
        let Home::Object(named) = &piece.home else { return whole };
        let Some(index) = self.reading.objects.cached_index(named.object(), self.log()) else { return whole };
        let first = index.block_by_time(time)?.max(index.block_at(from)?);
        let mut blocks = index.blocks()[first..].iter();
        let block = blocks.find(|block| block.max_timestamp >= time)?;
        (block.first <= piece.last).then(|| (block.first.max(from), piece.next().min(block.last.advance(1))))
    }
}
