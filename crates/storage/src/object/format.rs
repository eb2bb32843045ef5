//! The bytes of header, index and footer, to and from values.
//!
//! Apart from writing and reading so that each field's place stands once for both; `object.rs` draws them. What is decoded
//! is checked as far as the bytes alone allow: a checksum says that they are what was written, not that it was right.

use millstream_types::object::{OBJECT_PARTS_MAX, ObjectPart};
use millstream_types::{LogId, ObjectNumber, Offset, RecordTime, StreamId};

use super::{BLOCK_BYTES, OBJECT_BYTES_MAX};
use crate::frame::{u32_at, u64_at};

pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 48;
pub(super) const INDEX_HEAD_BYTES: usize = 40;
pub(super) const BLOCK_ENTRY_BYTES: usize = 52;
pub(super) const FOOTER_HEAD_BYTES: usize = 8;
pub(super) const PART_ENTRY_BYTES: usize = 80;
pub(super) const TRAILER_BYTES: usize = 24;

/// Blocks of one part at most: two neighbours hold more than `BLOCK_BYTES` together, else they were one.
const BLOCKS_MAX: u64 = 2 * OBJECT_BYTES_MAX / BLOCK_BYTES as u64 + 1;
/// Longest index.
pub(super) const INDEX_BYTES_MAX: u64 = INDEX_HEAD_BYTES as u64 + BLOCKS_MAX * BLOCK_ENTRY_BYTES as u64;
/// Longest footer.
pub(super) const FOOTER_BYTES_MAX: usize = FOOTER_HEAD_BYTES + OBJECT_PARTS_MAX * PART_ENTRY_BYTES;

const MAGIC: [u8; 8] = *b"MSOBJECT";
const END_MAGIC: [u8; 8] = *b"MSOBJEND";
const INDEX_MAGIC: [u8; 4] = *b"MSIX";
const FLAG_COMPACTED: u32 = 1;

const _: () = assert!(INDEX_BYTES_MAX < u32::MAX as u64, "an index's length fits its field");

/// What the header says.
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) directory: u128,
    pub(super) number: ObjectNumber,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&self.version.to_le_bytes());
        out[16..32].copy_from_slice(&self.directory.to_le_bytes());
        out[32..40].copy_from_slice(&self.number.0.to_le_bytes());
        let sum = crc32c::crc32c(&out[..44]);
        out[44..48].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// `None` when the bytes are no intact header of any version.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        let intact = bytes[0..8] == MAGIC && crc32c::crc32c(&bytes[..44]) == u32_at(bytes, 44);
        intact.then(|| Header {
            version: u32_at(bytes, 8),
            directory: u128::from_le_bytes(bytes[16..32].try_into().expect("sixteen bytes were taken")),
            number: ObjectNumber(u64_at(bytes, 32)),
        })
    }
}

/// Which index it is: the seed of its checksum.
#[derive(Clone, Copy)]
pub(super) struct IndexId {
    pub(super) directory: u128,
    pub(super) number: ObjectNumber,
    pub(super) log: LogId,
    pub(super) at: u64,
}

/// What the index says of the part as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexHead {
    pub(super) blocks: u32,
    pub(super) batches: u32,
    pub(super) records: u64,
    pub(super) from: Offset,
    pub(super) to: Offset,
}

impl IndexHead {
    /// Fills the room before the blocks' entries in `index`; returns the checksum.
    pub(super) fn seal(&self, index: &mut [u8], id: &IndexId) -> u32 {
        assert_eq!(
            index.len(),
            INDEX_HEAD_BYTES + self.blocks as usize * BLOCK_ENTRY_BYTES,
            "an index has an entry per block"
        );
        index[0..4].copy_from_slice(&INDEX_MAGIC);
        index[8..12].copy_from_slice(&self.blocks.to_le_bytes());
        index[12..16].copy_from_slice(&self.batches.to_le_bytes());
        index[16..24].copy_from_slice(&self.records.to_le_bytes());
        index[24..32].copy_from_slice(&self.from.0.to_le_bytes());
        index[32..40].copy_from_slice(&self.to.0.to_le_bytes());
        let sum = index_sum(id, index);
        index[4..8].copy_from_slice(&sum.to_le_bytes());
        sum
    }

    /// Reads the head of an index that is all of `bytes`, with its checksum; `None` when it is not this one intact.
    pub(super) fn decode(bytes: &[u8], id: &IndexId) -> Option<(IndexHead, u32)> {
        if bytes.len() < INDEX_HEAD_BYTES || bytes[0..4] != INDEX_MAGIC {
            return None;
        }
        let sum = u32_at(bytes, 4);
        let head = IndexHead {
            blocks: u32_at(bytes, 8),
            batches: u32_at(bytes, 12),
            records: u64_at(bytes, 16),
            from: Offset(u64_at(bytes, 24)),
            to: Offset(u64_at(bytes, 32)),
        };
        let entries = (bytes.len() - INDEX_HEAD_BYTES) as u64;
        let fits = u64::from(head.blocks) * BLOCK_ENTRY_BYTES as u64 == entries;
        (fits && index_sum(id, bytes) == sum).then_some((head, sum))
    }
}

fn index_sum(id: &IndexId, index: &[u8]) -> u32 {
    let mut seed = [0; 44];
    seed[0..16].copy_from_slice(&id.directory.to_le_bytes());
    seed[16..24].copy_from_slice(&id.number.0.to_le_bytes());
    seed[24..32].copy_from_slice(&id.log.stream.0.to_le_bytes());
    seed[32..36].copy_from_slice(&id.log.index.to_le_bytes());
    seed[36..44].copy_from_slice(&id.at.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&seed), &index[8..])
}

/// What a block's checksum begins with, before the block's bytes.
pub(super) fn block_seed(log: LogId, first: Offset) -> u32 {
    let mut seed = [0; 20];
    seed[0..8].copy_from_slice(&log.stream.0.to_le_bytes());
    seed[8..12].copy_from_slice(&log.index.to_le_bytes());
    seed[12..20].copy_from_slice(&first.0.to_le_bytes());
    crc32c::crc32c(&seed)
}

/// A part as the footer has it, with the checksum of its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ListedPart {
    pub(super) part: ObjectPart,
    pub(super) index_sum: u32,
}

pub(super) fn encode_footer(parts: &[ListedPart]) -> Vec<u8> {
    assert!(!parts.is_empty() && parts.len() <= OBJECT_PARTS_MAX, "an object has 1 to 512 parts");
    let mut out = Vec::with_capacity(FOOTER_HEAD_BYTES + parts.len() * PART_ENTRY_BYTES);
    out.extend_from_slice(&(parts.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for ListedPart { part, index_sum } in parts {
        let flags = if part.is_compacted { FLAG_COMPACTED } else { 0 };
        out.extend_from_slice(&part.log.stream.0.to_le_bytes());
        out.extend_from_slice(&part.log.index.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&part.from.0.to_le_bytes());
        out.extend_from_slice(&part.to.0.to_le_bytes());
        out.extend_from_slice(&part.at.to_le_bytes());
        out.extend_from_slice(&part.bytes.to_le_bytes());
        out.extend_from_slice(&part.index_bytes.to_le_bytes());
        out.extend_from_slice(&part.batches.to_le_bytes());
        out.extend_from_slice(&part.records.to_le_bytes());
        out.extend_from_slice(&part.max_timestamp.0.to_le_bytes());
        out.extend_from_slice(&index_sum.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
    }
    out
}

/// The parts of a footer that is all of `bytes` and begins at `at`; `Err` is where in it, and what cannot be.
pub(super) fn decode_footer(bytes: &[u8], at: u64) -> Result<Vec<ListedPart>, (u64, &'static str)> {
    let entries = bytes.get(FOOTER_HEAD_BYTES..).ok_or((0, "its footer is too short"))?;
    let count = u32_at(bytes, 0) as usize;
    if count == 0 || count > OBJECT_PARTS_MAX || entries.len() != count * PART_ENTRY_BYTES {
        return Err((0, "its footer has an impossible number of parts"));
    }
    if u32_at(bytes, 4) != 0 {
        return Err((4, "its footer has marks that this version does not know"));
    }
    let mut parts: Vec<ListedPart> = Vec::with_capacity(count);
    let mut next = HEADER_BYTES as u64;
    for (place, entry) in entries.chunks_exact(PART_ENTRY_BYTES).enumerate() {
        let refuse = |what| Err(((FOOTER_HEAD_BYTES + place * PART_ENTRY_BYTES) as u64, what));
        let Some(listed) = decode_part(entry) else {
            return refuse("a part has marks that this version does not know");
        };
        let part = &listed.part;
        if parts.last().is_some_and(|before| before.part.log >= part.log) {
            return refuse("its parts are not in the order of their logs");
        }
        if !is_possible(part) {
            return refuse("a part has impossible numbers");
        }
        if part.at != next {
            return refuse("a part does not begin where the one before ends");
        }
        let end = part.at.checked_add(part.bytes).and_then(|end| end.checked_add(part.index_bytes.into()));
        match end {
            Some(end) if end <= at => next = end,
            _ => return refuse("a part ends behind the footer's beginning"),
        }
        parts.push(listed);
    }
    if next != at {
        return Err((0, "its parts do not end where the footer begins"));
    }
    Ok(parts)
}

fn decode_part(entry: &[u8]) -> Option<ListedPart> {
    let flags = u32_at(entry, 12);
    (flags & !FLAG_COMPACTED == 0 && u32_at(entry, 76) == 0).then(|| ListedPart {
        part: ObjectPart {
            log: LogId { stream: StreamId(u64_at(entry, 0)), index: u32_at(entry, 8) },
            from: Offset(u64_at(entry, 16)),
            to: Offset(u64_at(entry, 24)),
            at: u64_at(entry, 32),
            bytes: u64_at(entry, 40),
            index_bytes: u32_at(entry, 48),
            batches: u32_at(entry, 52),
            records: u64_at(entry, 56),
            max_timestamp: RecordTime(u64_at(entry, 64).cast_signed()),
            is_compacted: flags & FLAG_COMPACTED != 0,
        },
        index_sum: u32_at(entry, 72),
    })
}

/// Whether a part's numbers can be at all. Both the footer's and the manifest's parts are asked.
pub(super) fn is_possible(part: &ObjectPart) -> bool {
    let index_bytes = u64::from(part.index_bytes);
    part.from < part.to
        && part.to.0 <= i64::MAX as u64
        && part.bytes <= OBJECT_BYTES_MAX
        && part.at <= OBJECT_BYTES_MAX
        && (INDEX_HEAD_BYTES as u64..=INDEX_BYTES_MAX).contains(&index_bytes)
        && (index_bytes - INDEX_HEAD_BYTES as u64).is_multiple_of(BLOCK_ENTRY_BYTES as u64)
        && (part.bytes == 0) == (part.batches == 0)
        && part.records <= part.to.0 - part.from.0
}

/// What the trailer says.
#[derive(Clone, Copy)]
pub(super) struct Trailer {
    pub(super) footer_at: u64,
    pub(super) footer_bytes: u32,
    pub(super) sum: u32,
}

impl Trailer {
    /// Seals header and footer.
    pub(super) fn new(header: &[u8; HEADER_BYTES], footer: &[u8], footer_at: u64) -> Trailer {
        let footer_bytes = u32::try_from(footer.len()).expect("a footer is short");
        let mut trailer = Trailer { footer_at, footer_bytes, sum: 0 };
        trailer.sum = trailer.sum_over(header, footer);
        trailer
    }

    pub(super) fn encode(&self) -> [u8; TRAILER_BYTES] {
        let mut out = [0; TRAILER_BYTES];
        out[0..8].copy_from_slice(&self.footer_at.to_le_bytes());
        out[8..12].copy_from_slice(&self.footer_bytes.to_le_bytes());
        out[12..16].copy_from_slice(&self.sum.to_le_bytes());
        out[16..24].copy_from_slice(&END_MAGIC);
        out
    }

    /// The trailer of an object of `length` bytes; `None` when the footer cannot be where it says.
    pub(super) fn decode(bytes: &[u8; TRAILER_BYTES], length: u64) -> Option<Trailer> {
        let trailer =
            Trailer { footer_at: u64_at(bytes, 0), footer_bytes: u32_at(bytes, 8), sum: u32_at(bytes, 12) };
        let footer_bytes = trailer.footer_bytes as usize;
        let end = trailer.footer_at.checked_add((footer_bytes + TRAILER_BYTES) as u64);
        let fits = bytes[16..24] == END_MAGIC
            && trailer.footer_at >= HEADER_BYTES as u64
            && footer_bytes <= FOOTER_BYTES_MAX
            && end == Some(length);
        fits.then_some(trailer)
    }

    /// The checksum that belongs to these bytes.
    pub(super) fn sum_over(&self, header: &[u8; HEADER_BYTES], footer: &[u8]) -> u32 {
        let sum = crc32c::crc32c_append(crc32c::crc32c(header), footer);
        let sum = crc32c::crc32c_append(sum, &self.footer_at.to_le_bytes());
        crc32c::crc32c_append(sum, &self.footer_bytes.to_le_bytes())
    }
}
