//! Reading blocks: nothing leaves that does not match its checksum and its place.
//!
//! Apart because this is the path of every read that has left the write-ahead log: one read for neighbouring blocks, one
//! pass of CRC-32C over them, and batches that share the buffer.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_types::batch::BatchHeader;
use millstream_types::{ObjectNumber, Offset, RecordTime};

use super::format;
use super::index::{Block, PartIndex};
use crate::error::ReadError;
use crate::store::{ObjectFile, name_of};
use crate::views::{ReadMode, StoredBatch};

impl PartIndex {
    /// The batches of neighbouring blocks, in order, slices of one buffer: all of the blocks when `mode` allows to wait,
    /// else those that are in memory, `None` without any. Damage ends the read before it; in the first block it is the
    /// error.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when the first block is not what the index says, [`ReadError::Io`].
    ///
    /// # Panics
    /// When there are no such blocks.
    pub fn read(
        &self,
        file: &dyn ObjectFile,
        blocks: Range<usize>,
        mode: ReadMode,
    ) -> Result<Option<Vec<StoredBatch>>, ReadError> {
        let blocks = &self.blocks[blocks];
        let (first, last) = blocks.first().zip(blocks.last()).expect("a read is of one block at least");
        let start = self.part.at + first.at;
        let wanted = last.at + u64::from(last.bytes) - first.at;
        let mut buffer = BytesMut::zeroed(wanted as usize);
        let read = read_some(file, self.number, start, &mut buffer, mode)?;
        let buffer = buffer.freeze();
        let mut batches = Vec::with_capacity(blocks.iter().map(|block| block.batches as usize).sum());
        for block in blocks {
            let at = (block.at - first.at) as usize;
            let end = at + block.bytes as usize;
            if end > read {
                let is_first = batches.is_empty();
                return match mode {
                    ReadMode::CachedOnly if is_first => Ok(None),
                    ReadMode::MayBlock if is_first => Err(corrupt(self.number, start + read as u64)),
                    ReadMode::CachedOnly | ReadMode::MayBlock => Ok(Some(batches)),
                };
            }
            let before = batches.len();
            if let Err(place) = self.open(block, &buffer.slice(at..end), &mut batches) {
                let error = corrupt(self.number, start + (at + place) as u64);
                batches.truncate(before);
                return if batches.is_empty() { Err(error) } else { Ok(Some(batches)) };
            }
        }
        Ok(Some(batches))
    }

    /// Adds the batches of one block, if its bytes are what the index says; `Err` is where they are not.
    fn open(&self, block: &Block, bytes: &Bytes, batches: &mut Vec<StoredBatch>) -> Result<(), usize> {
        let seed = format::block_seed(self.part.log, block.first);
        if crc32c::crc32c_append(seed, bytes) != block.checksum {
            return Err(0);
        }
        let before = batches.len();
        let (mut at, mut next, mut max_timestamp) = (0, block.first, RecordTime::NONE);
        while at < bytes.len() {
            let batch = batch_at(bytes, at, next).ok_or(at)?;
            at += batch.rest.len();
            next = Offset(batch.last_offset.0 + 1);
            max_timestamp = max_timestamp.max(batch.max_timestamp);
            batches.push(batch);
        }
        let added = &batches[before..];
        let fits = added.len() as u64 == u64::from(block.batches)
            && added.first().map(|batch| batch.base_offset) == Some(block.first)
            && added.last().map(|batch| batch.last_offset) == Some(block.last)
            && max_timestamp == block.max_timestamp.max(RecordTime::NONE);
        if fits { Ok(()) } else { Err(0) }
    }
}

/// The batch at `at`, if a whole one that does not begin before `next` is there.
fn batch_at(block: &Bytes, at: usize, next: Offset) -> Option<StoredBatch> {
    let header = BatchHeader::parse(&block[at..]).ok()?;
    let end = at.checked_add(header.total_bytes()).filter(|end| *end <= block.len())?;
    header.next_offset()?;
    let base_offset = header.base_offset().filter(|base| *base >= next)?;
    Some(StoredBatch {
        base_offset,
        last_offset: header.last_offset()?,
        max_timestamp: header.max_timestamp(),
        head: Bytes::new(),
        rest: block.slice(at..end),
    })
}

/// Reads from `position` until `buf` is full, the object ends, or, with [`ReadMode::CachedOnly`], what is in memory ends.
pub(super) fn read_some(
    file: &dyn ObjectFile,
    number: ObjectNumber,
    position: u64,
    buf: &mut [u8],
    mode: ReadMode,
) -> Result<usize, ReadError> {
    let mut done = 0;
    while done < buf.len() {
        let (place, rest) = (position + done as u64, &mut buf[done..]);
        let result = match mode {
            ReadMode::MayBlock => file.read_at(place, rest),
            ReadMode::CachedOnly => file.try_read_at(place, rest),
        };
        match result {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && mode == ReadMode::CachedOnly => break,
            Err(error) => return Err(ReadError::Io { file: name_of(number), source: Arc::new(error) }),
        }
    }
    Ok(done)
}

pub(super) fn corrupt(number: ObjectNumber, offset: u64) -> ReadError {
    let error = ReadError::Corrupt { file: name_of(number), offset };
    tracing::error!(%error, "stored bytes do not match their checksum; nothing is served from there");
    error
}
