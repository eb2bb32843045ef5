//! Reading batches: from memory if they are there, else from the WAL file, checked before a byte leaves.
//!
//! Apart from the view because this is where R9 is kept: a read takes at most 1 MiB a turn, pins the files it
//! reads, and hands out only batches whose frame names this incarnation and position, this log and offset, and
//! whose CRC matches.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_types::limits::READ_BYTES_PER_TURN;
use millstream_types::{LogId, Offset, RecordTime, WalPosition, planted};

use super::LogView;
use super::buffers::{Buffer, Buffers};
use super::index::{Index, RUN_BYTES_MAX};
use crate::disk::read_up_to;
use crate::error::ReadError;
use crate::frame::{self, PATCHED_BYTES, StoredFacts};
use crate::wal::Pin;

/// Places in files one turn goes to at most: bounds the time of a turn over many small runs.
const EXTENTS_MAX: usize = 64;

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
    /// At least one batch, in order and without gaps. The first contains the offset asked for.
    Batches(Vec<StoredBatch>),
    /// The offset is the high watermark: nothing there yet.
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

/// Neighbouring runs that are read at once.
struct Extent {
    file: Pin,
    start: WalPosition,
    end: WalPosition,
    base: Offset,
    own_bytes: u64,
}

/// Batches gathered for one turn.
struct Gathered {
    from: Offset,
    bytes_max: usize,
    bytes: usize,
    batches: Vec<StoredBatch>,
}

/// A checked and patched batch: in the buffer that was read, or in bytes of its own.
struct Found {
    base: Offset,
    last: Offset,
    max_timestamp: RecordTime,
    at: Place,
}

enum Place {
    Buffer(Range<usize>),
    Own(Bytes),
}

/// How reading an extent ended.
enum Turn {
    GoOn,
    Enough,
    WouldBlock,
}

impl LogView {
    /// Whole batches from the one that contains `from` on, up to the high watermark: as many as fit `max_bytes`
    /// and 1 MiB, but at least one.
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
        let extents = {
            let index = self.index.lock();
            gather_from_memory(&index, &mut gathered);
            if gathered.batches.is_empty() { plan(&index, from, bytes_max as u64) } else { Vec::new() }
        };
        for extent in &extents {
            match self.read_extent(extent, &mut gathered, mode)? {
                Turn::GoOn => {}
                Turn::Enough => break,
                Turn::WouldBlock if gathered.batches.is_empty() => return Ok(ReadOutcome::WouldBlock),
                Turn::WouldBlock => break,
            }
        }
        if gathered.batches.is_empty() {
            // Trimmed or deleted between looking at the marks and at the index.
            return if self.is_revoked() {
                Err(ReadError::Revoked)
            } else {
                Err(ReadError::OutOfRange { start: self.log_start(), end: self.high_watermark() })
            };
        }
        Ok(ReadOutcome::Batches(gathered.batches))
    }

    /// Where to look for the first record at or after `from` with a timestamp of at least `time`; `None` when
    /// there is none up to the high watermark. The caller opens the batches there.
    #[must_use]
    pub fn time_candidate(&self, time: RecordTime, from: Offset) -> Option<TimeCandidate> {
        let from = from.max(self.log_start());
        let index = self.index.lock();
        let by_time = index.runs.partition_point(|run| run.max_timestamp_so_far < time);
        let first = by_time.max(index.run_at(from));
        let run = index.runs.range(first..).find(|run| run.max_timestamp >= time)?;
        Some(TimeCandidate { from: run.base.max(from), to: run.last.advance(1) })
    }

    fn read_extent(
        &self,
        extent: &Extent,
        gathered: &mut Gathered,
        mode: ReadMode,
    ) -> Result<Turn, ReadError> {
        let length = extent.end.0 - extent.start.0;
        let sparse = length > RUN_BYTES_MAX && extent.own_bytes < length / 2;
        // Of a large frame in which little is ours, the head is read first and then only our batches.
        let first = if sparse { RUN_BYTES_MAX } else { length };
        let read = |position, bytes| read_exact(&self.reading.buffers, &extent.file, position, bytes, mode);
        let Some(mut buffer) = read(extent.start, first as usize)? else {
            return Ok(Turn::WouldBlock);
        };
        if sparse {
            let meta_bytes = head_at(extent, &buffer, 0)?.meta_bytes();
            if meta_bytes > buffer.len() {
                let Some(longer) = read(extent.start, meta_bytes)? else {
                    return Ok(Turn::WouldBlock);
                };
                buffer = longer;
            }
        }
        let mut walk = Walk { extent, buffer, found: Vec::new(), expected: extent.base };
        let mut at = 0;
        let mut turn = Turn::GoOn;
        while (at as u64) < length && matches!(turn, Turn::GoOn) {
            let header = head_at(extent, &walk.buffer, at)?;
            turn = walk.read_frame(self.log(), &header, at, gathered, &read)?;
            at += header.total_bytes as usize;
        }
        let Walk { buffer, found, .. } = walk;
        let buffer = buffer.freeze();
        gathered.batches.reserve(found.len());
        for Found { base, last, max_timestamp, at } in found {
            let rest = match at {
                Place::Buffer(range) => buffer.slice(range),
                Place::Own(bytes) => bytes,
            };
            gathered.batches.push(StoredBatch {
                base_offset: base,
                last_offset: last,
                max_timestamp,
                head: Bytes::new(),
                rest,
            });
        }
        Ok(turn)
    }
}

/// The way through one extent.
struct Walk<'a> {
    extent: &'a Extent,
    buffer: Buffer,
    found: Vec<Found>,
    /// Where this log's next batch begins.
    expected: Offset,
}

impl Walk<'_> {
    /// Checks and patches the log's batches of the frame at `at` in the buffer.
    fn read_frame(
        &mut self,
        log: LogId,
        header: &frame::Header,
        at: usize,
        gathered: &mut Gathered,
        read: &dyn Fn(WalPosition, usize) -> Result<Option<Buffer>, ReadError>,
    ) -> Result<Turn, ReadError> {
        let position = self.extent.start.advance(at as u64);
        let damaged = || corrupt(&self.extent.file, position);
        let meta = self.buffer.get(at..at + header.meta_bytes()).ok_or_else(damaged)?;
        if !frame::is_intact(header, meta) {
            return Err(damaged());
        }
        let mut patched_to = 0;
        for n in 0..header.facts_count {
            let stored = frame::nth_facts(&self.buffer[at..], n);
            let facts = stored.facts;
            if facts.log != log {
                continue;
            }
            let bytes = facts.bytes as usize;
            let body = stored.body_in(header).ok_or_else(damaged)?;
            let body = at + body.start..at + body.end;
            if facts.base_offset != self.expected {
                return Err(damaged());
            }
            self.expected = facts.next_offset();
            if facts.last_offset() < gathered.from {
                continue;
            }
            let is_first = gathered.batches.is_empty() && self.found.is_empty();
            if !is_first && gathered.bytes + bytes > gathered.bytes_max {
                return Ok(Turn::Enough);
            }
            let place = if body.end > self.buffer.len() {
                let Some(mut own) = read(self.extent.start.advance(body.start as u64), bytes)? else {
                    return Ok(Turn::WouldBlock);
                };
                check_and_patch(&mut own, &stored).ok_or_else(damaged)?;
                Place::Own(own.freeze())
            } else if body.start < patched_to {
                // The same bytes twice in one frame for one log: the second time they are copied.
                let mut own = BytesMut::from(&self.buffer[body]);
                check_and_patch(&mut own, &stored).ok_or_else(damaged)?;
                Place::Own(own.freeze())
            } else {
                check_and_patch(&mut self.buffer[body.clone()], &stored).ok_or_else(damaged)?;
                patched_to = body.end;
                Place::Buffer(body)
            };
            gathered.bytes += bytes;
            let (base, last, max_timestamp) = (facts.base_offset, facts.last_offset(), facts.max_timestamp);
            self.found.push(Found { base, last, max_timestamp, at: place });
        }
        Ok(Turn::GoOn)
    }
}

fn gather_from_memory(index: &Index, gathered: &mut Gathered) {
    if index.tail.front().is_none_or(|oldest| oldest.base > gathered.from) {
        return;
    }
    let first = index.tail.partition_point(|batch| batch.last < gathered.from);
    for batch in index.tail.range(first..) {
        let bytes = batch.head.len() + batch.rest.len();
        if !gathered.batches.is_empty() && gathered.bytes + bytes > gathered.bytes_max {
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
fn plan(index: &Index, from: Offset, bytes_max: u64) -> Vec<Extent> {
    let mut extents: Vec<Extent> = Vec::new();
    let mut own_bytes = 0;
    for run in index.runs.range(index.run_at(from)..) {
        // A single batch that does not fit is not read in vain; of several some may fit.
        let fits =
            if run.batches == 1 { own_bytes + run.own_bytes <= bytes_max } else { own_bytes < bytes_max };
        if !fits && !extents.is_empty() {
            break;
        }
        own_bytes += run.own_bytes;
        let dense = run.own_bytes >= (run.end.0 - run.start.0) / 2;
        if let Some(last) = extents.last_mut()
            && last.end == run.start
            && last.file.sequence == run.file.sequence
            && dense
            && run.end.0 - last.start.0 <= u64::from(READ_BYTES_PER_TURN)
        {
            last.end = run.end;
            last.own_bytes += run.own_bytes;
            continue;
        }
        if extents.len() == EXTENTS_MAX {
            break;
        }
        extents.push(Extent {
            file: Pin::new(&run.file),
            start: run.start,
            end: run.end,
            base: run.base,
            own_bytes: run.own_bytes,
        });
    }
    extents
}

/// The frame header at `at` in an extent's buffer, which must be of this file's incarnation and this position.
fn head_at(extent: &Extent, buffer: &[u8], at: usize) -> Result<frame::Header, ReadError> {
    let position = extent.start.advance(at as u64);
    let room = extent.end.0 - position.0;
    match frame::peek(buffer.get(at..).unwrap_or_default(), room) {
        Ok(header) if header.incarnation == extent.file.incarnation && header.position == position => {
            Ok(header)
        }
        Ok(_) | Err(_) => Err(corrupt(&extent.file, position)),
    }
}

fn corrupt(file: &Pin, position: WalPosition) -> ReadError {
    let error = ReadError::Corrupt { file: file.path.clone(), offset: file.offset_of(position) };
    tracing::error!(%error, "stored bytes do not match their checksum; nothing is served from there");
    error
}

/// `None` when the batch does not match its CRC.
fn check_and_patch(batch: &mut [u8], stored: &StoredFacts) -> Option<()> {
    if !frame::batch_is_intact(batch, stored.crc) && !planted!(ReadUnchecked) {
        return None;
    }
    let facts = &stored.facts;
    let base = if planted!(ReadPatchesNextOffset) { facts.next_offset() } else { facts.base_offset };
    let head = frame::patched_head(batch, base);
    batch[..PATCHED_BYTES].copy_from_slice(&head);
    Some(())
}

/// Reads exactly `bytes`; `None` when that would wait and the caller must not.
fn read_exact(
    buffers: &Arc<Buffers>,
    file: &Pin,
    position: WalPosition,
    bytes: usize,
    mode: ReadMode,
) -> Result<Option<Buffer>, ReadError> {
    let offset = file.offset_of(position);
    let mut buffer = buffers.take(bytes);
    let result = match mode {
        ReadMode::MayBlock => read_up_to(&*file.file, offset, &mut buffer),
        ReadMode::CachedOnly => match file.file.try_read_at(offset, &mut buffer) {
            // Fewer bytes than asked for: the others are not cached.
            Ok(read) if read < bytes => return Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(None);
            }
            other => other,
        },
    };
    match result {
        Ok(read) if read == bytes => Ok(Some(buffer)),
        Ok(_) => Err(corrupt(file, position)),
        Err(error) => Err(ReadError::Io { file: file.path.clone(), source: Arc::new(error) }),
    }
}
