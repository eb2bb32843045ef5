//! Batches that a number makes, so that whoever finds one in a log knows which it is and every byte of it.
//!
//! Apart because both what clients send and what the log must hold come from here.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use millstream_testkit::sim_disk::Rng;
use millstream_types::RecordTime;
use millstream_types::batch::{BatchBuilder, BatchHeader, Compression, OpenLimits, open};

/// Where the number stands in a batch that is never opened: the first bytes of the records.
const NUMBER_AT: usize = 61;
/// Shortest batch.
pub(crate) const BYTES_MIN: usize = NUMBER_AT + 8;
/// The header of a record with a key that says of which batch it is.
const NUMBER_KEY: &str = "n";
/// Keys that half of the records have, so that they are superseded soon; the others have one of `KEYS_MAX`, more than
/// fit the smallest map of keys.
const KEYS_HOT: u64 = 3;
const KEYS_MAX: u64 = 24;
/// Longest value of a record with a key.
const VALUE_BYTES_MAX: u64 = 300;

/// Shortest batch of so many records that storage takes for possible: seven bytes each.
pub(crate) fn bytes_min(records: u32) -> usize {
    NUMBER_AT + 7 * records as usize
}

/// What beside its number a batch is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    /// Length; of a batch with keys it follows from the rest.
    pub(crate) bytes: usize,
    pub(crate) records: u32,
    /// When it was sent, in milliseconds.
    pub(crate) time_ms: i64,
    /// It has real records, with keys.
    pub(crate) keyed: bool,
}

/// A batch as a client sends it.
pub(crate) fn make(number: u64, shape: &Shape) -> Bytes {
    if shape.keyed {
        return make_keyed(number, shape);
    }
    let bytes = shape.bytes;
    assert!(bytes >= BYTES_MIN, "a batch holds its number");
    let mut batch = vec![0; bytes];
    let mut rng = Rng::new(number);
    for chunk in batch[NUMBER_AT..].chunks_mut(8) {
        chunk.copy_from_slice(&rng.next_u64().to_le_bytes()[..chunk.len()]);
    }
    batch[NUMBER_AT..BYTES_MIN].copy_from_slice(&number.to_le_bytes());
    let length = u32::try_from(bytes - 12).expect("batches are small");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[16] = 2;
    batch[23..27].copy_from_slice(&(shape.records - 1).to_be_bytes());
    batch[27..35].copy_from_slice(&shape.time_ms.to_be_bytes());
    batch[35..43].copy_from_slice(&shape.time_ms.to_be_bytes());
    // No producer, no sequence: those go beside the batch.
    batch[43..57].fill(0xff);
    batch[57..61].copy_from_slice(&shape.records.to_be_bytes());
    let sum = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&sum.to_be_bytes());
    Bytes::from(batch)
}

fn make_keyed(number: u64, shape: &Shape) -> Bytes {
    let mut builder = BatchBuilder::new();
    for delta in 0..shape.records {
        let Record { key, value } = record(number, delta);
        let headers = [(NUMBER_KEY, Some(&number.to_le_bytes()[..]))];
        builder
            .push(RecordTime(shape.time_ms), Some(&key.to_be_bytes()), value.as_deref(), &headers)
            .expect("a small record is legal");
    }
    builder.finish(Compression::None).expect("small records make a batch")
}

/// A record with a key.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Record {
    key: u32,
    value: Option<Vec<u8>>,
}

/// The record of a batch with keys.
fn record(number: u64, delta: u32) -> Record {
    let mut rng = Rng::new(number << 8 | u64::from(delta));
    let (key, is_tombstone) = draw_key(&mut rng);
    let length = rng.below(VALUE_BYTES_MAX) as usize;
    let value = (!is_tombstone).then(|| (0..length).map(|_| rng.next_u64() as u8).collect());
    Record { key, value }
}

/// The key of a record, and whether the record deletes it.
pub(crate) fn key(number: u64, delta: u32) -> (u32, bool) {
    draw_key(&mut Rng::new(number << 8 | u64::from(delta)))
}

fn draw_key(rng: &mut Rng) -> (u32, bool) {
    let key = if rng.one_in(2) { rng.below(KEYS_HOT) } else { rng.below(KEYS_MAX) };
    (key as u32, rng.one_in(4))
}

/// Which batch stored bytes are; `None` when they are not of one.
pub(crate) fn number_of(stored: &Bytes, keyed: bool) -> Option<u64> {
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
    if !keyed {
        return number(stored.get(NUMBER_AT..BYTES_MIN)?);
    }
    let opened = open(stored, OpenLimits::default()).ok()?;
    let first = opened.iter().next()?.ok()?;
    number(first.headers.first(NUMBER_KEY)??)
}

/// Checks that stored bytes are the batch of a number, placed at a base offset. Returns which of its records are there,
/// as bits: of a batch with keys some may be gone.
pub(crate) fn check(stored: &Bytes, number: u64, base: u64, shape: &Shape) -> Result<u32> {
    let all = all_of(shape.records);
    let sent = make(number, shape);
    let is_as_sent = stored.len() == sent.len()
        && stored[..8] == base.to_be_bytes()
        && stored[8..12] == sent[8..12]
        && stored[16..] == sent[16..];
    if is_as_sent {
        return Ok(all);
    }
    ensure!(shape.keyed, "batch {number} at {base} has other bytes");
    let header = BatchHeader::parse(stored).context("a batch that was written again")?;
    millstream_types::batch::verify(&header, stored).context("a batch that was written again")?;
    ensure!(
        header.last_offset_delta() + 1 == shape.records,
        "batch {number} at {base} has {} offsets",
        header.last_offset_delta() + 1
    );
    let mut there = 0;
    for view in &open(stored, OpenLimits::default())? {
        let view = view?;
        let found = Record {
            key: u32::from_be_bytes(view.key.context("a record without its key")?.try_into()?),
            value: view.value.map(<[u8]>::to_vec),
        };
        let delta = view.offset_delta;
        let of = view.headers.first(NUMBER_KEY).flatten();
        ensure!(
            delta < shape.records
                && of == Some(&number.to_le_bytes()[..])
                && found == record(number, delta)
                && view.timestamp.0 == shape.time_ms,
            "record {delta} of batch {number} at {base} is another one"
        );
        there |= 1 << delta;
    }
    ensure!(there != 0, "batch {number} at {base} is stored without a record");
    Ok(there)
}

/// All records of a batch, as bits.
pub(crate) fn all_of(records: u32) -> u32 {
    (1 << records) - 1
}
