//! Reading batches: from memory if they are there, else from WAL files and objects, checked before a byte leaves.
//!
//! Apart from the view because this is where R9 is kept: a read takes at most 1 MiB a turn, and pins the files and objects
//! that it reads for that turn only, since what it hands out are copies. What it will read is decided at once, under the
//! index's lock: it sees pieces as they were before a change or after it, never some of each.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_types::{Offset, RecordTime};

use super::LogView;
use super::held::Held;
use super::index::Index;
use super::piece::Home;
use crate::error::ReadError;
use crate::wal::Pin;

mod object;
mod wal;

use object::Stretch;
use wal::Extent;

/// Places in files one turn goes to at most: bounds the time of a turn over many small pieces.
const PLACES_MAX: usize = 64;
/// What a reader that had to wait for the disk will want next is asked for at once.
const READ_AHEAD_BYTES: u64 = 4 << 20;

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadMode {
    /// Only what is in memory or the page cache; for callers that must not block.
    CachedOnly,
    /// Wait for the disk; for blocking threads.
    MayBlock,
}

/// What a read gives.
#[derive(Debug)]
pub enum ReadOutcome {
    /// At least one batch, in order, and without gaps but for those that compaction left. The first contains the offset
    /// asked for or is the next one behind it.
    Batches(Vec<StoredBatch>),
    /// There is no record at or behind the offset yet: it is the high watermark, or compaction left nothing from there to
    /// the high watermark.
    AtEnd,
    /// Not cached; ask again with [`ReadMode::MayBlock`] on a thread that may block.
    WouldBlock,
}

/// One whole batch as stored, base offset and leader epoch patched for this log. Its bytes are `head`, then
/// `rest`; both are reference-counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredBatch {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
    /// First 16 bytes when they lie elsewhere, else empty.
    pub head: Bytes,
    /// The other bytes.
    pub rest: Bytes,
}

impl StoredBatch {
    /// Length of the batch.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.head.len() + self.rest.len()
    }

    /// The batch in one piece; copies only if it is in two.
    #[must_use]
    pub fn to_contiguous(&self) -> Bytes {
        if self.head.is_empty() {
            return self.rest.clone();
        }
        let mut whole = BytesMut::with_capacity(self.bytes());
        whole.extend_from_slice(&self.head);
        whole.extend_from_slice(&self.rest);
        whole.freeze()
    }
}

/// Offsets among which the first record of a time may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeCandidate {
    /// First offset to look at.
    pub from: Offset,
    /// Offset after the last one to look at; if none fits, ask again from here.
    pub to: Offset,
}

/// What one turn does, in order; what it reads is pinned.
enum Place {
    Wal(Extent),
    Object(Stretch),
}

impl Place {
    /// The offset behind those that it answers for.
    fn next(&self) -> Offset {
        match self {
            Place::Wal(extent) => extent.last.advance(1),
            Place::Object(stretch) => stretch.last.advance(1),
        }
    }
}

/// Batches gathered for one turn.
struct Gathered {
    from: Offset,
    bytes_max: usize,
    bytes: usize,
    batches: Vec<StoredBatch>,
}

impl Gathered {
    /// Whether a batch may be added.
    fn fits(&self, bytes: usize) -> bool {
        self.batches.is_empty() || self.bytes + bytes <= self.bytes_max
    }
}

/// How reading from a place ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    GoOn,
    Enough,
    WouldBlock,
}

impl LogView {
    /// Whole batches from the one that contains `from` on, or the next one if none does, up to the high watermark: as many
    /// as fit `max_bytes` and 1 MiB (less while very much is read and not sent yet), but at least one. What lies before
    /// damage is handed out; a read from there on is the error.
    ///
    /// # Errors
    /// [`ReadError`]; after `Corrupt` nothing more is to be had from there until an operator has seen to it.
    pub fn read(&self, from: Offset, max_bytes: u32, mode: ReadMode) -> Result<ReadOutcome, ReadError> {
        if self.is_revoked() {
            return Err(ReadError::Revoked);
        }
        let (start, end) = (self.log_start(), self.high_watermark());
        if from < start || from > end {
            return Err(ReadError::OutOfRange { start, end });
        }
        if from == end {
            return Ok(ReadOutcome::AtEnd);
        }
        let bytes_max = max_bytes.min(self.reading.turn_bytes()) as usize;
        let mut gathered = Gathered { from, bytes_max, bytes: 0, batches: Vec::new() };
        if let Some(held) = &self.held {
            return self.read_held(&held.lock(), end, gathered);
        }
        let mut at = from;
        // Goes round again only when compaction left nothing in what was planned; each time it begins further on.
        loop {
            let places = {
                let mut index = self.index.lock();
                gather_from_memory(&index, at, &mut gathered);
                if !gathered.batches.is_empty() {
                    return Ok(ReadOutcome::Batches(gathered.batches));
                }
                let places = plan(&index, at, bytes_max as u64);
                if places.is_empty() && from >= self.log_start() && !self.is_revoked() {
                    let end = self.high_watermark();
                    let known = index.barren.filter(|(_, to)| *to == end);
                    let first = known.map_or(from, |(first, _)| first.min(from));
                    index.barren = Some((first, end));
                    return Ok(ReadOutcome::AtEnd);
                }
                places
            };
            let Some(last) = places.last() else {
                // Trimmed or deleted between looking at the marks and at the index.
                return if self.is_revoked() {
                    Err(ReadError::Revoked)
                } else {
                    Err(ReadError::OutOfRange { start: self.log_start(), end: self.high_watermark() })
                };
            };
            at = last.next();
            for place in &places {
                let turn = match place {
                    Place::Wal(extent) => self.read_extent(extent, &mut gathered, mode),
                    Place::Object(stretch) => self.read_stretch(stretch, &mut gathered, mode),
                };
                match turn {
                    Ok(Turn::GoOn) => {}
                    Ok(Turn::Enough) => break,
                    // What was gathered before it is good.
                    Ok(Turn::WouldBlock) | Err(_) if !gathered.batches.is_empty() => break,
                    Ok(Turn::WouldBlock) => return Ok(ReadOutcome::WouldBlock),
                    Err(error) => return Err(error),
                }
            }
            if !gathered.batches.is_empty() {
                return Ok(ReadOutcome::Batches(gathered.batches));
            }
        }
    }
}

impl LogView {
    /// Of a log in memory all is at hand, or was let go of.
    fn read_held(&self, held: &Held, end: Offset, mut gathered: Gathered) -> Result<ReadOutcome, ReadError> {
        for batch in held.from(gathered.from, end) {
            if !gathered.fits(batch.bytes()) {
                break;
            }
            gathered.bytes += batch.bytes();
            gathered.batches.push(batch.clone());
        }
        if !gathered.batches.is_empty() {
            Ok(ReadOutcome::Batches(gathered.batches))
        } else if self.is_revoked() {
            Err(ReadError::Revoked)
        } else if gathered.from < self.log_start() {
            Err(ReadError::OutOfRange { start: self.log_start(), end: self.high_watermark() })
        } else {
            Ok(ReadOutcome::AtEnd)
        }
    }
}

fn gather_from_memory(index: &Index, from: Offset, gathered: &mut Gathered) {
    if index.tail.front().is_none_or(|oldest| oldest.base > from) {
        return;
    }
    let first = index.tail.partition_point(|batch| batch.last < from);
    for batch in index.tail.range(first..) {
        let bytes = batch.head.len() + batch.rest.len();
        if !gathered.fits(bytes) {
            break;
        }
        gathered.bytes += bytes;
        gathered.batches.push(StoredBatch {
            base_offset: batch.base,
            last_offset: batch.last,
            max_timestamp: batch.max_timestamp,
            head: batch.head.clone(),
            rest: batch.rest.clone(),
        });
    }
}

/// The places to read for one turn, pinned. Called with the index locked, so that no file can be freed between.
fn plan(index: &Index, from: Offset, bytes_max: u64) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut bytes = 0;
    for piece in index.pieces.range(index.piece_at(from)..) {
        // Compaction left nothing of it.
        if piece.batches == 0 {
            continue;
        }
        // A single batch that does not fit is not read in vain; of several some may fit.
        let fits = if piece.batches == 1 { bytes + piece.bytes <= bytes_max } else { bytes < bytes_max };
        if !fits && !places.is_empty() {
            break;
        }
        bytes += piece.bytes;
        if let Some(Place::Wal(extent)) = places.last_mut()
            && extent.extend(piece)
        {
            continue;
        }
        if places.len() == PLACES_MAX {
            break;
        }
        places.push(match &piece.home {
            Home::Wal { file, start, end } => Place::Wal(Extent {
                file: Pin::new(file.file()),
                start: *start,
                end: *end,
                from: piece.from,
                last: piece.last,
                bytes: piece.bytes,
            }),
            Home::Object(named) => Place::Object(Stretch {
                object: Arc::clone(named.object()),
                from: piece.from,
                last: piece.last,
            }),
        });
    }
    places
}
