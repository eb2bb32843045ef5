//! Reading blocks: nothing leaves that does not match its checksum and its place.
//!
//! Apart because this is the path of every read that has left the write-ahead log: one read for neighbouring blocks, one
//! pass of CRC-32C over them, and batches that share the buffer.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_types::batch::BatchHeader;
use millstream_types::{ObjectNumber, Offset, RecordTime, planted};

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
        let place = self.place(blocks.clone());
        let mut buffer = BytesMut::zeroed((place.end - place.start) as usize);
        let read = read_some(file, self.number, place.start, &mut buffer, mode)?;
        if mode == ReadMode::CachedOnly && read < self.blocks[blocks.start].bytes as usize {
            return Ok(None);
        }
        buffer.truncate(read);
        self.open(blocks, &buffer.freeze()).map(Some)
    }

    /// Where neighbouring blocks lie in the object, in bytes: for a reader with buffers of its own, which it then gives to
    /// [`PartIndex::open`].
    ///
    /// # Panics
    /// When there are no such blocks.
    #[must_use]
    pub fn place(&self, blocks: Range<usize>) -> Range<u64> {
        let blocks = &self.blocks[blocks];
        let (first, last) = blocks.first().zip(blocks.last()).expect("a read is of one block at least");
        self.part.at + first.at..self.part.at + last.at + u64::from(last.bytes)
    }

    /// The batches of neighbouring blocks, of which `bytes` was read from their [`PartIndex::place`]: of all blocks that
    /// are whole in it and what the index says, up to the first that is not. The batches are slices of `bytes`.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when that is the first block.
    ///
    /// # Panics
    /// When there are no such blocks.
    pub fn open(&self, blocks: Range<usize>, bytes: &Bytes) -> Result<Vec<StoredBatch>, ReadError> {
        let start = self.place(blocks.clone()).start;
        let blocks = &self.blocks[blocks];
        let fits = |block: &&Block| self.end_of(block) - start <= bytes.len() as u64;
        let whole = blocks.iter().take_while(fits);
        let mut batches = Vec::with_capacity(whole.clone().map(|block| block.batches as usize).sum());
        for block in whole {
            let (at, before) = ((self.part.at + block.at - start) as usize, batches.len());
            let end = at + block.bytes as usize;
            if let Err(place) = self.open_block(block, &bytes.slice(at..end), &mut batches) {
                batches.truncate(before);
                let error = corrupt(self.number, start + (at + place) as u64);
                return if batches.is_empty() { Err(error) } else { Ok(batches) };
            }
        }
        // A block has a batch at least.
        if batches.is_empty() { Err(corrupt(self.number, start + bytes.len() as u64)) } else { Ok(batches) }
    }

    fn end_of(&self, block: &Block) -> u64 {
        self.part.at + block.at + u64::from(block.bytes)
    }

    /// Adds the batches of one block, if its bytes are what the index says; `Err` is where they are not.
    fn open_block(&self, block: &Block, bytes: &Bytes, batches: &mut Vec<StoredBatch>) -> Result<(), usize> {
        let seed = format::block_seed(self.part.log, block.first);
        if crc32c::crc32c_append(seed, bytes) != block.checksum && !planted!(BlockUnchecked) {
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
pub(crate) fn read_some(
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
