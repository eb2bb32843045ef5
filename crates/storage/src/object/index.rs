//! The index of a part in memory: which block holds an offset or a time.
//!
//! Apart because it is what readers keep: about 56 bytes for each 64 KiB of batches, loaded when a log is read, and droppable
//! at any time.

use std::ops::Range;

use millstream_types::object::ObjectPart;
use millstream_types::{ObjectNumber, Offset, RecordTime, planted};

use super::format::{self, BLOCK_ENTRY_BYTES, INDEX_HEAD_BYTES, IndexHead, IndexId};
use super::read::{corrupt, read_some};
use crate::error::ReadError;
use crate::frame::{u32_at, u64_at};
use crate::store::ObjectFile;
use crate::views::ReadMode;

/// Neighbouring batches of a part that are read and checked together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Offset of its first record.
    pub first: Offset,
    /// Offset of its last record.
    pub last: Offset,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
    /// Largest timestamp of this and all earlier blocks of the part: sorted, whatever producers say.
    pub max_timestamp_so_far: RecordTime,
    /// Where it begins, in bytes from the part's first.
    pub at: u64,
    /// Its length in bytes.
    pub bytes: u32,
    /// Number of its batches.
    pub batches: u32,
    /// CRC-32C over log, first offset and bytes.
    pub checksum: u32,
}

impl Block {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first.0.to_le_bytes());
        out.extend_from_slice(&self.last.0.to_le_bytes());
        out.extend_from_slice(&self.max_timestamp.0.to_le_bytes());
        out.extend_from_slice(&self.max_timestamp_so_far.0.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
        out.extend_from_slice(&self.batches.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
    }

    fn decode(entry: &[u8]) -> Block {
        let time = |at| RecordTime(u64_at(entry, at).cast_signed());
        Block {
            first: Offset(u64_at(entry, 0)),
            last: Offset(u64_at(entry, 8)),
            max_timestamp: time(16),
            max_timestamp_so_far: time(24),
            at: u64_at(entry, 32),
            bytes: u32_at(entry, 40),
            batches: u32_at(entry, 44),
            checksum: u32_at(entry, 48),
        }
    }
}

/// Where the batches of one part are.
#[derive(Debug)]
pub struct PartIndex {
    pub(super) number: ObjectNumber,
    pub(super) part: ObjectPart,
    /// In ascending offsets, one behind the other.
    pub(super) blocks: Box<[Block]>,
    pub(super) checksum: u32,
}

impl PartIndex {
    /// Reads and checks the index of `part`, which the manifest knows in the object `number`. `None` when that would wait
    /// and `mode` forbids it.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when it is not the index of this part, [`ReadError::Io`].
    pub fn load(
        file: &dyn ObjectFile,
        number: ObjectNumber,
        directory: u128,
        part: &ObjectPart,
        mode: ReadMode,
    ) -> Result<Option<PartIndex>, ReadError> {
        let at = part.at.saturating_add(part.bytes);
        // Bounds the buffer: no number that cannot be is believed, wherever it comes from.
        if !format::is_possible(part) {
            return Err(corrupt(number, at));
        }
        let mut bytes = vec![0; part.index_bytes as usize];
        let read = read_some(file, number, at, &mut bytes, mode)?;
        if read < bytes.len() {
            return match mode {
                ReadMode::CachedOnly => Ok(None),
                ReadMode::MayBlock => Err(corrupt(number, at + read as u64)),
            };
        }
        let id = IndexId { directory, number, log: part.log, at: part.at };
        let Some((head, checksum)) = IndexHead::decode(&bytes, &id) else {
            return Err(corrupt(number, at));
        };
        let blocks: Box<[Block]> =
            bytes[INDEX_HEAD_BYTES..].chunks_exact(BLOCK_ENTRY_BYTES).map(Block::decode).collect();
        if !is_of(part, &head, &blocks) {
            return Err(corrupt(number, at));
        }
        Ok(Some(PartIndex { number, part: *part, blocks, checksum }))
    }

    /// The part that it is the index of.
    #[must_use]
    pub fn part(&self) -> &ObjectPart {
        &self.part
    }

    /// The blocks in ascending offsets; none when compaction left nothing.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Place of the block that holds `offset`, or of the next one when the offset lies in a hole; `None` when there is
    /// nothing at or behind it.
    #[must_use]
    pub fn block_at(&self, offset: Offset) -> Option<usize> {
        let place =
            self.blocks.partition_point(|block| block.last < offset) + usize::from(planted!(BlockOneOff));
        (place < self.blocks.len()).then_some(place)
    }

    /// Place of the first block with a record of `time` or later.
    #[must_use]
    pub fn block_by_time(&self, time: RecordTime) -> Option<usize> {
        let place = self.blocks.partition_point(|block| block.max_timestamp_so_far < time);
        (place < self.blocks.len()).then_some(place)
    }

    /// As many blocks from `first` on as `bytes_max` allows, at least one: what to read at once.
    ///
    /// # Panics
    /// When there is no block at `first`.
    #[must_use]
    pub fn span(&self, first: usize, bytes_max: u64) -> Range<usize> {
        let start = self.blocks[first].at;
        let fitting = self.blocks[first..]
            .iter()
            .take_while(|block| block.at + u64::from(block.bytes) - start <= bytes_max)
            .count();
        first..first + fitting.max(1)
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of::<PartIndex>() + size_of_val(&*self.blocks)
    }
}

/// Whether an intact index says of the part what the manifest says, and nothing that contradicts itself.
fn is_of(part: &ObjectPart, head: &IndexHead, blocks: &[Block]) -> bool {
    let same = head.batches == part.batches
        && head.records == part.records
        && (head.from, head.to) == (part.from, part.to);
    let (mut next, mut at, mut batches, mut so_far) = (part.from, 0, 0, RecordTime::NONE);
    for block in blocks {
        so_far = so_far.max(block.max_timestamp);
        let fits = block.first >= next
            && block.last >= block.first
            && block.last < part.to
            && block.at == at
            && block.batches > 0
            && block.max_timestamp_so_far == so_far;
        if !fits {
            return false;
        }
        // Offsets end below 2⁶³: `last` was just compared with the part's end.
        next = Offset(block.last.0 + 1);
        at += u64::from(block.bytes);
        batches += u64::from(block.batches);
    }
    same && at == part.bytes && batches == u64::from(part.batches) && so_far == part.max_timestamp
}
