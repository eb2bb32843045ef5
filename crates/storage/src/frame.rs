//! The frame, format version 1: what one request changed, all or nothing.
//!
//! Apart because its bytes are persisted and outlive every program version: they are drawn here, written here and
//! read here. Numbers are little-endian, except those inside batches.
//!
//! ```text
//!  0 ┌ magic "MSF" 0x01 ─────┬ 4 version (1) ┬ 5 flags ┬ 6 zero (2) ┐
//!  8 ├ incarnation (8) ──────┴───────────────┴─────────┴────────────┤  which start of the process wrote it
//! 16 ├ position (8) ────────────────────────────────────────────────┤  of the frame's first byte in the lane
//! 24 ├ engine time, ms (8) ─────────────────────────────────────────┤  R11
//! 32 ├ durable_to (8) ──────────────────────────────────────────────┤  position known durable when written, R6
//! 40 ├ total bytes (4) ──┬ 44 facts bytes (4) ──────────────────────┤  total is a multiple of 16
//! 48 ├ entries bytes (4) ┼ 52 facts count (4) ──────────────────────┤
//! 56 ├ shard (4), 0 ─────┼ 60 checksum (4) ─────────────────────────┤
//! 64 ├ facts: 52 bytes each, in the order of the batches            │
//!    ├ entries: opaque                                              │
//!    ├ batches, one after another                                   │
//!    └ zeros up to the next multiple of 16                          ┘
//! ```
//!
//! The checksum is CRC-32C over incarnation and position once more (the seed: an old frame in a recycled file can
//! never pass), then bytes 0..60, facts and entries. Batches carry their own CRC-32C. Flag bit 0: closing frame
//! of a clean stop, without facts and entries. The other bits are zero; giving one a meaning
//! takes a new version.
//!
//! ```text
//! one batch's facts (R2):
//!  0 stream (8) │ 8 log index (4) │ 12 base offset (8) │ 20 records (4) │ 24 last offset delta (4)
//! 28 max timestamp (8) │ 36 bytes (4) │ 40 where its bytes begin, from the first batch on (4)
//! 44 the batch's own CRC-32C (4) │ 48 bytes of per-record facts that follow, 0 in version 1 (4)
//! ```
//!
//! The batch's CRC is there once more because a recycled file may hold an older batch of the same length at the very
//! same place, whole and with a CRC that matches: only the frame says which batch belongs there.
//!
//! Several facts may name the same bytes: a record for ten logs is stored once, patched for the first (R17).
//!
//! Frames begin at multiples of 16, so that the search for a later frame behind a damaged one (R6) looks at a
//! sixteenth of the places, and a frame never shares 16 bytes with its neighbour.

use std::ops::Range;

use millstream_types::{
    BatchFacts, EngineTime, Incarnation, LogId, Offset, RecordTime, StreamId, WalPosition,
};

/// First bytes of every frame.
pub(crate) const MAGIC: [u8; 4] = *b"MSF\x01";
/// Newest frame version known.
pub(crate) const VERSION: u8 = 1;
/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 64;
/// Bytes of one batch's facts.
pub(crate) const FACTS_BYTES: usize = 52;
/// Frames begin at multiples of this.
pub(crate) const ALIGNMENT_BYTES: u64 = 16;
/// Bytes of a closing frame.
pub(crate) const CLOSING_BYTES: u64 = HEADER_BYTES as u64;
/// Bytes of a batch that storage patches: base offset … leader epoch, outside the batch's CRC.
pub(crate) const PATCHED_BYTES: usize = 16;
/// Magic of a record batch, v2.
const BATCH_MAGIC: u8 = 2;
/// Shortest batch: record batch v2 without records.
pub(crate) const BATCH_BYTES_MIN: usize = 61;

const FLAG_CLOSING: u8 = 1;
const CHECKSUM_AT: usize = 60;

/// Bytes of a frame with these parts: what to ask `admit` for. Batches that share bytes count once.
#[must_use]
pub fn frame_bytes(entries_bytes: usize, batch_count: usize, batches_bytes: u64) -> u64 {
    let raw = HEADER_BYTES as u64 + (batch_count * FACTS_BYTES) as u64 + entries_bytes as u64 + batches_bytes;
    raw.next_multiple_of(ALIGNMENT_BYTES)
}

/// What a frame's header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) incarnation: Incarnation,
    pub(crate) position: WalPosition,
    pub(crate) time: EngineTime,
    pub(crate) durable_to: WalPosition,
    pub(crate) total_bytes: u32,
    pub(crate) entries_bytes: u32,
    pub(crate) facts_count: u32,
    pub(crate) closing: bool,
}

impl Header {
    /// Bytes from the frame's first to its first batch's first.
    pub(crate) fn meta_bytes(&self) -> usize {
        HEADER_BYTES + self.facts_count as usize * FACTS_BYTES + self.entries_bytes as usize
    }

    /// Position after the frame.
    pub(crate) fn end(&self) -> WalPosition {
        self.position.advance(u64::from(self.total_bytes))
    }

    fn facts_bytes(&self) -> u32 {
        self.facts_count * FACTS_BYTES as u32
    }

    fn write(&self, out: &mut [u8]) {
        out[0..4].copy_from_slice(&MAGIC);
        out[4] = VERSION;
        out[5] = if self.closing { FLAG_CLOSING } else { 0 };
        out[6..8].fill(0);
        out[8..16].copy_from_slice(&self.incarnation.0.to_le_bytes());
        out[16..24].copy_from_slice(&self.position.0.to_le_bytes());
        out[24..32].copy_from_slice(&self.time.0.to_le_bytes());
        out[32..40].copy_from_slice(&self.durable_to.0.to_le_bytes());
        out[40..44].copy_from_slice(&self.total_bytes.to_le_bytes());
        out[44..48].copy_from_slice(&self.facts_bytes().to_le_bytes());
        out[48..52].copy_from_slice(&self.entries_bytes.to_le_bytes());
        out[52..56].copy_from_slice(&self.facts_count.to_le_bytes());
        out[56..60].fill(0);
    }
}

/// Writes header and checksum over `meta`, which holds facts and entries behind 64 bytes of room.
pub(crate) fn seal(meta: &mut [u8], header: &Header) {
    assert_eq!(meta.len(), header.meta_bytes(), "a frame's sections have the lengths its header says");
    assert_eq!(u64::from(header.total_bytes) % ALIGNMENT_BYTES, 0, "frames end at multiples of 16");
    header.write(meta);
    let sum = checksum(header.incarnation, header.position, meta);
    meta[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(incarnation: Incarnation, position: WalPosition, meta: &[u8]) -> u32 {
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&incarnation.0.to_le_bytes());
    seed[8..].copy_from_slice(&position.0.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&seed), &meta[..CHECKSUM_AT]);
    crc32c::crc32c_append(sum, &meta[HEADER_BYTES..])
}

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotAFrame {
    /// No magic: zeros, or something else's bytes.
    Blank,
    /// A magic, but lengths that cannot be or a checksum that does not match.
    Damaged,
    /// Of a version this program does not know.
    Newer(u8),
}

/// What the first 64 bytes claim, unchecked but for lengths that cannot be. `room` is what the file still holds.
pub(crate) fn peek(bytes: &[u8], room: u64) -> Result<Header, NotAFrame> {
    if bytes.len() < HEADER_BYTES || bytes[0..4] != MAGIC {
        return Err(NotAFrame::Blank);
    }
    if bytes[4] > VERSION {
        return Err(NotAFrame::Newer(bytes[4]));
    }
    if bytes[4] != VERSION || bytes[5] & !FLAG_CLOSING != 0 {
        return Err(NotAFrame::Damaged);
    }
    let header = Header {
        incarnation: Incarnation(u64_at(bytes, 8)),
        position: WalPosition(u64_at(bytes, 16)),
        time: EngineTime(u64_at(bytes, 24).cast_signed()),
        durable_to: WalPosition(u64_at(bytes, 32)),
        total_bytes: u32_at(bytes, 40),
        entries_bytes: u32_at(bytes, 48),
        facts_count: u32_at(bytes, 52),
        closing: bytes[5] & FLAG_CLOSING != 0,
    };
    let facts_bytes = u64::from(header.facts_count) * FACTS_BYTES as u64;
    let meta_bytes = HEADER_BYTES as u64 + facts_bytes + u64::from(header.entries_bytes);
    let total = u64::from(header.total_bytes);
    let fits = meta_bytes <= total
        && total <= room
        && total % ALIGNMENT_BYTES == 0
        && facts_bytes == u64::from(u32_at(bytes, 44))
        && header.position.0.checked_add(total).is_some()
        && header.durable_to <= header.position;
    if fits { Ok(header) } else { Err(NotAFrame::Damaged) }
}

/// Whether a header of any version names this incarnation and position.
pub(crate) fn stands_at(bytes: &[u8], incarnation: Incarnation, position: WalPosition) -> bool {
    bytes.len() >= HEADER_BYTES && u64_at(bytes, 8) == incarnation.0 && u64_at(bytes, 16) == position.0
}

/// Whether `meta` (header, facts, entries: exactly [`Header::meta_bytes`]) matches its checksum.
pub(crate) fn is_intact(header: &Header, meta: &[u8]) -> bool {
    meta.len() == header.meta_bytes()
        && checksum(header.incarnation, header.position, meta) == u32_at(meta, CHECKSUM_AT)
}

/// Facts as stored: beside the batch's facts, where its bytes begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StoredFacts {
    pub(crate) facts: BatchFacts,
    /// From the frame's first batch byte.
    pub(crate) body_at: u32,
    /// The CRC-32C that the batch carries.
    pub(crate) crc: u32,
}

impl StoredFacts {
    /// Where the batch lies in its frame; `None` when that is not inside it.
    pub(crate) fn body_in(&self, header: &Header) -> Option<Range<usize>> {
        let start = header.meta_bytes() as u64 + u64::from(self.body_at);
        let end = start + u64::from(self.facts.bytes);
        let sane = self.facts.bytes as usize >= BATCH_BYTES_MIN
            && end <= u64::from(header.total_bytes)
            && self.facts.base_offset.0 <= i64::MAX as u64 - u64::from(u32::MAX);
        sane.then_some(start as usize..end as usize)
    }

    pub(crate) fn encode(&self) -> [u8; FACTS_BYTES] {
        let mut out = [0; FACTS_BYTES];
        let facts = &self.facts;
        out[0..8].copy_from_slice(&facts.log.stream.0.to_le_bytes());
        out[8..12].copy_from_slice(&facts.log.index.to_le_bytes());
        out[12..20].copy_from_slice(&facts.base_offset.0.to_le_bytes());
        out[20..24].copy_from_slice(&facts.records.to_le_bytes());
        out[24..28].copy_from_slice(&facts.last_offset_delta.to_le_bytes());
        out[28..36].copy_from_slice(&facts.max_timestamp.0.to_le_bytes());
        out[36..40].copy_from_slice(&facts.bytes.to_le_bytes());
        out[40..44].copy_from_slice(&self.body_at.to_le_bytes());
        out[44..48].copy_from_slice(&self.crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> StoredFacts {
        StoredFacts {
            facts: BatchFacts {
                log: LogId { stream: StreamId(u64_at(bytes, 0)), index: u32_at(bytes, 8) },
                base_offset: Offset(u64_at(bytes, 12)),
                records: u32_at(bytes, 20),
                last_offset_delta: u32_at(bytes, 24),
                max_timestamp: RecordTime(u64_at(bytes, 28).cast_signed()),
                bytes: u32_at(bytes, 36),
            },
            body_at: u32_at(bytes, 40),
            crc: u32_at(bytes, 44),
        }
    }
}

/// The facts of an intact frame's `meta`, in order.
pub(crate) fn facts<'a>(header: &Header, meta: &'a [u8]) -> impl Iterator<Item = StoredFacts> + use<'a> {
    let section = &meta[HEADER_BYTES..HEADER_BYTES + header.facts_bytes() as usize];
    section.chunks_exact(FACTS_BYTES).map(StoredFacts::decode)
}

/// The facts with this number, below the header's count, of an intact frame whose bytes these are.
pub(crate) fn nth_facts(frame: &[u8], n: u32) -> StoredFacts {
    let at = HEADER_BYTES + n as usize * FACTS_BYTES;
    StoredFacts::decode(&frame[at..at + FACTS_BYTES])
}

/// The entries of an intact frame's `meta`.
pub(crate) fn entries<'a>(header: &Header, meta: &'a [u8]) -> &'a [u8] {
    &meta[HEADER_BYTES + header.facts_bytes() as usize..]
}

/// The first 16 bytes of a batch as stored for a log: base offset set, leader epoch 0, both outside its CRC.
///
/// ```text
///  0 base offset (8, big-endian) │ 8 length after this field (4) │ 12 leader epoch (4)
/// 16 magic (1) │ 17 CRC-32C of what follows (4) │ 21 …
/// ```
pub(crate) fn patched_head(batch: &[u8], base: Offset) -> [u8; PATCHED_BYTES] {
    let mut head = [0; PATCHED_BYTES];
    head[0..8].copy_from_slice(&base.0.to_be_bytes());
    head[8..12].copy_from_slice(&batch[8..12]);
    head
}

/// The CRC-32C that a batch carries; it is at least [`BATCH_BYTES_MIN`] long.
pub(crate) fn crc_of(batch: &[u8]) -> u32 {
    u32::from_be_bytes([batch[17], batch[18], batch[19], batch[20]])
}

/// Whether a stored batch is the one that its frame names: its length field, its CRC-32C, and that it is this one.
pub(crate) fn batch_is_intact(batch: &[u8], crc: u32) -> bool {
    if batch.len() < BATCH_BYTES_MIN {
        return false;
    }
    let length = u32::from_be_bytes([batch[8], batch[9], batch[10], batch[11]]);
    // The magic lies before what the CRC covers.
    batch[16] == BATCH_MAGIC
        && u64::from(length) + 12 == batch.len() as u64
        && crc_of(batch) == crc
        && crc == crc32c::crc32c(&batch[21..])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were taken"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were taken"))
}
