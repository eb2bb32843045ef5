//! Writing a batch again with fewer records: what compaction does to it.
//!
//! Apart because it is the third exception to "stored as it came" (R17), and because what must not change is most of it:
//! the offsets, who produced it and under which sequence, the codec, and every byte of the records that stay. Readers
//! know from the format how to step over the records that are gone:
//!
//! ```text
//! base offset, last offset delta, leader epoch     unchanged: the batch answers for the same offsets
//! producer id, epoch, base sequence, other bits    unchanged
//! record count, checksum, length                   of what is left
//! max timestamp                                    of what is left; log append time: unchanged
//! attribute bit 6 and base timestamp               set when a delete horizon is given; the records' timestamp
//!                                                  deltas are then counted from it, so that their times stay
//! ```
//!
//! A batch of which nothing stays is dropped whole. The format would allow it to stay without records, to remember its
//! producer's last sequence; the broker keeps producers' sequences apart from their batches and has no use for that.

use alloc::vec::Vec;

use bytes::Bytes;

use super::codec::{Compression, compress};
use super::header::{DELETE_HORIZON_BIT, HEADER_BYTES};
use super::varint::{Reader, encoded_bytes, put};
use super::{BatchError, OpenBatch, RecordView, TimestampType};
use crate::RecordTime;
use crate::limits::BATCH_BYTES_MAX;

/// A batch that was written again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetainedBatch {
    /// The whole batch.
    pub batch: Bytes,
    /// How many records it has, at least 1.
    pub records: u32,
    /// Largest timestamp of its records.
    pub max_timestamp: RecordTime,
}

/// What is gathered on the way through the records.
struct Kept {
    /// Room for the header, then the records that stay.
    bytes: Vec<u8>,
    records: u32,
    max_timestamp: Option<RecordTime>,
}

impl OpenBatch {
    /// The batch with only the records that `keep` says yes to, asked in their order; `None` when it keeps none.
    ///
    /// `horizon` is the time from which compaction may drop the batch's tombstones. It is left out when a record's time
    /// is too far from it for the format to say (more than 2⁶³ ms): such a batch keeps its tombstones.
    ///
    /// Costs memory for the records that stay and for them compressed; the body is in memory already.
    ///
    /// # Errors
    /// Those of walking the records, [`BatchError::CompressionFailed`], and [`BatchError::BatchTooLarge`] when the codec's
    /// present level makes it larger than any batch may be.
    ///
    /// # Panics
    /// When the batch has a horizon already and another is given: it is set once.
    pub fn retain(
        &self,
        horizon: Option<RecordTime>,
        mut keep: impl FnMut(&RecordView<'_>) -> bool,
    ) -> Result<Option<RetainedBatch>, BatchError> {
        assert!(horizon.is_none() || self.header().delete_horizon().is_none(), "a horizon is set once");
        // Under log append time no record's own delta is read.
        let moves = horizon.filter(|_| self.header().timestamp_type() == TimestampType::CreateTime);
        let horizon = match moves {
            Some(base) if !self.all_within_reach(base)? => None,
            _ => horizon,
        };
        let kept = self.collect(horizon.and(moves), &mut keep)?;
        if kept.records == 0 {
            return Ok(None);
        }
        self.finish(kept, horizon).map(Some)
    }

    /// Whether every record's time can be said relative to `base`.
    fn all_within_reach(&self, base: RecordTime) -> Result<bool, BatchError> {
        for record in self {
            if record?.timestamp.0.checked_sub(base.0).is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The records that stay, byte for byte, or with timestamps relative to `base`.
    fn collect(
        &self,
        base: Option<RecordTime>,
        keep: &mut impl FnMut(&RecordView<'_>) -> bool,
    ) -> Result<Kept, BatchError> {
        let mut kept = Kept { bytes: Vec::new(), records: 0, max_timestamp: None };
        kept.bytes.resize(HEADER_BYTES, 0);
        let mut records = self.iter();
        let mut rest = records.rest();
        let mut index = 0;
        while let Some(record) = records.next() {
            let record = record?;
            let (encoded, after) = rest.split_at(rest.len() - records.rest().len());
            rest = after;
            if keep(&record) {
                match base {
                    None => kept.bytes.extend_from_slice(encoded),
                    Some(base) => {
                        let delta = record.timestamp.0.checked_sub(base.0);
                        let delta = delta.expect("the horizon is given up when a record is out of its reach");
                        put_with_delta(&mut kept.bytes, encoded, delta)
                            .ok_or(BatchError::MalformedRecord(index))?;
                    }
                }
                kept.records += 1;
                kept.max_timestamp = kept.max_timestamp.max(Some(record.timestamp));
            }
            index += 1;
        }
        Ok(kept)
    }

    fn finish(&self, kept: Kept, horizon: Option<RecordTime>) -> Result<RetainedBatch, BatchError> {
        let mut header = *self.header();
        let mut bytes = kept.bytes;
        if header.compression() != Compression::None {
            let mut compressed = Vec::with_capacity(HEADER_BYTES + header.body_bytes());
            compressed.resize(HEADER_BYTES, 0);
            compress(header.compression(), &bytes[HEADER_BYTES..], &mut compressed)?;
            bytes = compressed;
        }
        if bytes.len() > BATCH_BYTES_MAX as usize {
            return Err(BatchError::BatchTooLarge);
        }
        if let Some(horizon) = horizon {
            header.attributes |= DELETE_HORIZON_BIT;
            header.base_timestamp = horizon.0;
        }
        header.records = kept.records;
        if header.timestamp_type() == TimestampType::CreateTime {
            header.max_timestamp = kept.max_timestamp.map_or(header.max_timestamp, |time| time.0);
        }
        header.seal(&mut bytes);
        Ok(RetainedBatch {
            max_timestamp: RecordTime(header.max_timestamp),
            records: kept.records,
            batch: Bytes::from(bytes),
        })
    }
}

/// Appends the record `encoded` with another timestamp delta. `None` when it is malformed.
fn put_with_delta(out: &mut Vec<u8>, encoded: &[u8], delta: i64) -> Option<()> {
    let mut record = Reader::new(Reader::new(encoded).sized()?);
    let attributes = record.byte()?;
    record.varlong()?;
    let rest = record.rest();
    put(out, (1 + encoded_bytes(delta) + rest.len()) as i64);
    out.push(attributes);
    put(out, delta);
    out.extend_from_slice(rest);
    Some(())
}
