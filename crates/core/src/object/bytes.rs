//! The bytes of an object's manifest entry: the same in the write-ahead log and in checkpoints.
//!
//! Apart because they are persisted, and because what cannot be is refused alike when an object is committed and when
//! its entry is read back.
//!
//! ```text
//! number u64 │ bytes u64 │ checksum u32 │ count u16 │ parts, 69 bytes each
//! part: log (stream u64, index u32) │ from u64 │ to u64 │ at u64 │ bytes u64 │ index bytes u32 │ batches u32
//!       records u64 │ max timestamp i64 │ is compacted u8
//! ```

use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::vec::Vec;
use millstream_types::limits::CHECKPOINT_CHUNK_BYTES_MAX;
use millstream_types::object::OBJECT_PARTS_MAX;
use millstream_types::{ObjectEntry, ObjectNumber, ObjectPart, RecordTime};

const HEAD_BYTES: usize = 22;
const PART_BYTES: usize = 69;

const _: () = assert!(1 + HEAD_BYTES + OBJECT_PARTS_MAX * PART_BYTES <= CHECKPOINT_CHUNK_BYTES_MAX);

/// Bytes of the entry of an object with this many parts, its tag included.
pub(crate) fn object_entry_bytes(parts: usize) -> usize {
    1 + HEAD_BYTES + parts * PART_BYTES
}

/// Whether the numbers of an entry fit together.
pub(super) fn check_object(entry: &ObjectEntry) -> Result<(), DecodeError> {
    let ok = entry.number.0 < 1 << 63
        && (1..=OBJECT_PARTS_MAX).contains(&entry.parts.len())
        && entry.parts.windows(2).all(|pair| pair[0].log < pair[1].log)
        && entry.parts.iter().all(|part| is_sane(part, entry.bytes));
    if ok { Ok(()) } else { Err(DecodeError::Invalid("a packed object")) }
}

fn is_sane(part: &ObjectPart, object_bytes: u64) -> bool {
    let end = part.at.checked_add(part.bytes).and_then(|end| end.checked_add(u64::from(part.index_bytes)));
    let offsets = part.to.0.saturating_sub(part.from.0);
    let batches = u64::from(part.batches);
    part.from < part.to
        && part.to.0 <= i64::MAX as u64
        && end.is_some_and(|end| end <= object_bytes)
        && part.records <= offsets
        && batches <= offsets
        && (part.bytes == 0) == (batches == 0)
        && (part.records == 0 || batches > 0)
}

pub(crate) fn put_object(out: &mut Encoder<'_>, entry: &ObjectEntry) {
    out.u64(entry.number.0);
    out.u64(entry.bytes);
    out.u32(entry.checksum);
    out.u16(u16::try_from(entry.parts.len()).expect("parts are bounded"));
    for part in &entry.parts {
        out.log(part.log);
        out.u64(part.from.0);
        out.u64(part.to.0);
        out.u64(part.at);
        out.u64(part.bytes);
        out.u32(part.index_bytes);
        out.u32(part.batches);
        out.u64(part.records);
        out.i64(part.max_timestamp.0);
        out.u8(u8::from(part.is_compacted));
    }
}

pub(crate) fn get_object(input: &mut Decoder<'_>) -> Result<ObjectEntry, DecodeError> {
    let mut entry = ObjectEntry {
        number: ObjectNumber(input.id()?),
        bytes: input.u64()?,
        checksum: input.u32()?,
        parts: Vec::new(),
    };
    for _ in 0..input.u16()? {
        entry.parts.push(ObjectPart {
            log: input.log()?,
            from: input.offset()?,
            to: input.offset()?,
            at: input.u64()?,
            bytes: input.u64()?,
            index_bytes: input.u32()?,
            batches: input.u32()?,
            records: input.u64()?,
            max_timestamp: RecordTime(input.i64()?),
            is_compacted: input.bool()?,
        });
    }
    check_object(&entry)?;
    Ok(entry)
}
