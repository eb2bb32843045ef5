//! Reading from WAL files: frames are walked from a known place, and each is checked before its batches are.
//!
//! Apart because only batches may leave whose frame names this incarnation and position, this log and offset, and whose CRC
//! matches (R9): a recycled file is full of intact frames of another time.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_types::limits::READ_BYTES_PER_TURN;
use millstream_types::{LogId, Offset, RecordTime, WalPosition, planted};

use super::{Gathered, READ_AHEAD_BYTES, ReadMode, StoredBatch, Turn};
use crate::disk::{DiskFile, read_up_to};
use crate::error::ReadError;
use crate::frame::{self, PATCHED_BYTES, StoredFacts};
use crate::views::index::RUN_BYTES_MAX;
use crate::views::piece::{Home, Piece};
use crate::views::{Buffer, Buffers, LogView};
use crate::wal::Pin;

/// Neighbouring runs of a file that are read at once.
pub(super) struct Extent {
    pub(super) file: Pin,
    pub(super) start: WalPosition,
    pub(super) end: WalPosition,
    /// Offsets that it answers for: its frames may hold more of the log.
    pub(super) from: Offset,
    pub(super) last: Offset,
    /// Bytes of this log's batches in it.
    pub(super) bytes: u64,
}

impl Extent {
    /// Takes the next piece in if it lies right behind in the file, and reading both at once reads little in vain.
    pub(super) fn extend(&mut self, piece: &Piece) -> bool {
        let Home::Wal { file, start, end } = &piece.home else { return false };
        let fits = self.end == *start
            && self.file.sequence == file.file().sequence
            && self.last.advance(1) == piece.from
            && piece.bytes >= (end.0 - start.0) / 2
            && end.0 - self.start.0 <= u64::from(READ_BYTES_PER_TURN);
        if fits {
            self.end = *end;
            self.last = piece.last;
            self.bytes += piece.bytes;
        }
        fits
    }
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

impl LogView {
    pub(super) fn read_extent(
        &self,
        extent: &Extent,
        gathered: &mut Gathered,
        mode: ReadMode,
    ) -> Result<Turn, ReadError> {
        let length = extent.end.0 - extent.start.0;
        let sparse = length > RUN_BYTES_MAX && extent.bytes < length / 2;
        // Of a large frame in which little is ours, the head is read first and then only our batches.
        let first = if sparse { RUN_BYTES_MAX } else { length };
        let file = extent.file.open().map_err(|error| failed(&extent.file, error))?;
        let read =
            |position, bytes| read_exact(&self.reading.buffers, &*file, &extent.file, position, bytes, mode);
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
        let mut walk = Walk { extent, buffer, found: Vec::new(), expected: None };
        let turn = match walk.run(self.log(), gathered, &read) {
            // What lies before damage is good; the next read begins at the damage and says so.
            Err(_) if !walk.found.is_empty() => Turn::Enough,
            done => done?,
        };
        if mode == ReadMode::MayBlock {
            let next = extent.file.offset_of(extent.end);
            file.advise_will_need(next, next + READ_AHEAD_BYTES);
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
    /// Where this log's next batch begins, after the first one.
    expected: Option<Offset>,
}

type Read<'a> = &'a dyn Fn(WalPosition, usize) -> Result<Option<Buffer>, ReadError>;

impl Walk<'_> {
    /// Goes from frame to frame until the extent ends or enough is found.
    fn run(&mut self, log: LogId, gathered: &mut Gathered, read: Read<'_>) -> Result<Turn, ReadError> {
        let length = self.extent.end.0 - self.extent.start.0;
        let mut at = 0;
        while (at as u64) < length {
            let header = head_at(self.extent, &self.buffer, at)?;
            let turn = self.read_frame(log, &header, at, gathered, read)?;
            if turn != Turn::GoOn {
                return Ok(turn);
            }
            at += header.total_bytes as usize;
        }
        if self.expected.is_none_or(|next| next <= self.extent.last) {
            // Intact frames, but not all that the index knows.
            return Err(corrupt(&self.extent.file, self.extent.start));
        }
        Ok(Turn::GoOn)
    }

    /// Checks and patches the log's batches of the frame at `at` in the buffer.
    fn read_frame(
        &mut self,
        log: LogId,
        header: &frame::Header,
        at: usize,
        gathered: &mut Gathered,
        read: Read<'_>,
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
            let follows = match self.expected {
                Some(expected) => facts.base_offset == expected,
                None => facts.base_offset <= self.extent.from,
            };
            if !follows {
                return Err(damaged());
            }
            self.expected = Some(facts.next_offset());
            let first = gathered.from.max(self.extent.from);
            if facts.last_offset() < first || facts.base_offset > self.extent.last {
                continue;
            }
            if !(self.found.is_empty() && gathered.batches.is_empty())
                && gathered.bytes + bytes > gathered.bytes_max
            {
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
    bytes_of: &dyn DiskFile,
    file: &Pin,
    position: WalPosition,
    bytes: usize,
    mode: ReadMode,
) -> Result<Option<Buffer>, ReadError> {
    let offset = file.offset_of(position);
    let mut buffer = buffers.take(bytes);
    let result = match mode {
        ReadMode::MayBlock => read_up_to(bytes_of, offset, &mut buffer),
        ReadMode::CachedOnly => match bytes_of.try_read_at(offset, &mut buffer) {
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
        Err(error) => Err(failed(file, error)),
    }
}

/// The disk's refusal, which may pass: nothing is known of the bytes.
fn failed(file: &Pin, error: io::Error) -> ReadError {
    ReadError::Io { file: file.path.clone(), source: Arc::new(error) }
}
