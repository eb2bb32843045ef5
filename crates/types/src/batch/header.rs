//! The 61 bytes before the records, read into a value.
//!
//! Apart because most of the broker needs nothing else: the header alone says how many offsets a batch takes, who
//! made it and how long it is, and reading it costs no allocation and touches one cache line.

use super::verify::checksum_of;
use super::{BatchError, Compression};
use crate::{BatchFacts, LogId, Offset, ProducerEpoch, ProducerId, RecordTime};

/// Length of a batch header in bytes.
pub const HEADER_BYTES: usize = 61;
/// Bytes before and including the length field, which does not count them.
pub(super) const LENGTH_END: usize = 12;
pub(super) const MAGIC_AT: usize = 16;
pub(super) const MAGIC: i8 = 2;
pub(super) const CHECKSUM_AT: usize = 17;
pub(super) const CHECKSUM_END: usize = 21;
pub(super) const ATTRIBUTES_AT: usize = 21;
pub(super) const MAX_TIMESTAMP_AT: usize = 35;

pub(super) const COMPRESSION_MASK: i16 = 0b111;
pub(super) const LOG_APPEND_TIME_BIT: i16 = 1 << 3;
pub(super) const TRANSACTIONAL_BIT: i16 = 1 << 4;
pub(super) const CONTROL_BIT: i16 = 1 << 5;
pub(super) const DELETE_HORIZON_BIT: i16 = 1 << 6;

/// Which leader a log had when a batch was appended; −1 means unknown, as in a producer's batch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LeaderEpoch(pub i32);

impl LeaderEpoch {
    /// No leader is known.
    pub const UNKNOWN: LeaderEpoch = LeaderEpoch(-1);
}

/// Where the timestamps of a batch come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampType {
    /// From the producer, one per record.
    CreateTime,
    /// From the broker, one for all records of the batch.
    LogAppendTime,
}

/// A batch header as a value. Fields that have only few legal values were checked by [`BatchHeader::parse`]; that
/// they fit one another and the body is checked by [`verify`](super::verify).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    pub(super) base_offset: i64,
    pub(super) total_bytes: u32,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) checksum: u32,
    pub(super) compression: Compression,
    pub(super) attributes: i16,
    pub(super) last_offset_delta: u32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) records: u32,
}

/// The `N` bytes at `at`, which the caller knows to be there.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes converts to N bytes")
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`, which may go on after it and need not hold the whole batch.
    ///
    /// # Errors
    /// When there is no whole header, when it is of another format ([`BatchError::UnsupportedMagic`]), and when a
    /// field alone is impossible: length, compression code, negative counts.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        // Older formats have shorter headers, but their magic byte at the same place.
        if let Some(&magic) = bytes.get(MAGIC_AT)
            && magic.cast_signed() != MAGIC
        {
            return Err(BatchError::UnsupportedMagic(magic.cast_signed()));
        }
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(BatchError::Truncated { needed: HEADER_BYTES, present: bytes.len() });
        };
        let length = i32::from_be_bytes(field(bytes, 8));
        let total_bytes = u32::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(LENGTH_END as u32))
            .filter(|&total| total >= HEADER_BYTES as u32)
            .ok_or(BatchError::InvalidLength(length))?;
        let attributes = i16::from_be_bytes(field(bytes, ATTRIBUTES_AT));
        let code = (attributes & COMPRESSION_MASK).to_be_bytes()[1];
        let count = i32::from_be_bytes(field(bytes, 57));
        let delta = i32::from_be_bytes(field(bytes, 23));
        Ok(BatchHeader {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            total_bytes,
            leader_epoch: LeaderEpoch(i32::from_be_bytes(field(bytes, LENGTH_END))),
            checksum: u32::from_be_bytes(field(bytes, CHECKSUM_AT)),
            compression: Compression::from_code(code).ok_or(BatchError::UnknownCompression(code))?,
            attributes,
            last_offset_delta: u32::try_from(delta)
                .map_err(|_| BatchError::InvalidOffsetDelta { last_offset_delta: delta, records: count })?,
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            records: u32::try_from(count).map_err(|_| BatchError::InvalidRecordCount(count))?,
        })
    }

    /// Writes this header over the beginning of `batch`, which holds the body behind it, with the length and the
    /// checksum that the bytes have.
    ///
    /// # Panics
    /// When the batch is shorter than a header or longer than its length field can say.
    pub(super) fn seal(&self, batch: &mut [u8]) {
        let length = i32::try_from(batch.len() - LENGTH_END).expect("batches are limited to less than 2 GiB");
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&self.base_offset.to_be_bytes());
        header[8..LENGTH_END].copy_from_slice(&length.to_be_bytes());
        header[LENGTH_END..MAGIC_AT].copy_from_slice(&self.leader_epoch.0.to_be_bytes());
        header[MAGIC_AT] = MAGIC.cast_unsigned();
        header[ATTRIBUTES_AT..23].copy_from_slice(&self.attributes.to_be_bytes());
        header[23..27].copy_from_slice(&self.last_offset_delta.cast_signed().to_be_bytes());
        header[27..MAX_TIMESTAMP_AT].copy_from_slice(&self.base_timestamp.to_be_bytes());
        header[MAX_TIMESTAMP_AT..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        header[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        header[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        header[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        header[57..].copy_from_slice(&self.records.cast_signed().to_be_bytes());
        batch[..HEADER_BYTES].copy_from_slice(&header);
        let checksum = checksum_of(batch);
        batch[CHECKSUM_AT..CHECKSUM_END].copy_from_slice(&checksum.to_be_bytes());
    }

    /// Length of the whole batch in bytes, header included.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.total_bytes as usize
    }

    /// Length of the body in bytes, as it is stored.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.total_bytes() - HEADER_BYTES
    }

    /// Offset of the first record; `None` when negative, which only a producer's batch can be: what a producer
    /// writes there means nothing.
    #[must_use]
    pub fn base_offset(&self) -> Option<Offset> {
        u64::try_from(self.base_offset).ok().map(Offset)
    }

    /// Offset of the last record; `None` when it leaves the range of offsets.
    #[must_use]
    pub fn last_offset(&self) -> Option<Offset> {
        let last = self.base_offset.checked_add(i64::from(self.last_offset_delta))?;
        self.base_offset()?;
        u64::try_from(last).ok().map(Offset)
    }

    /// Offset that follows the batch; `None` when it leaves the range of offsets.
    #[must_use]
    pub fn next_offset(&self) -> Option<Offset> {
        let next = self.last_offset()?.0 + 1;
        (next <= i64::MAX.unsigned_abs()).then_some(Offset(next))
    }

    /// Offset of the last record relative to the first.
    #[must_use]
    pub fn last_offset_delta(&self) -> u32 {
        self.last_offset_delta
    }

    /// Number of records in the body.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.records
    }

    /// Leader epoch the batch was appended under.
    #[must_use]
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// The stored CRC-32C.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// How the body is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Where the timestamps come from.
    #[must_use]
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    /// Whether the batch holds the broker's own markers instead of a producer's records.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// When compaction may drop the batch's tombstones, if it has set that: it then takes the place of the base
    /// timestamp.
    #[must_use]
    pub fn delete_horizon(&self) -> Option<RecordTime> {
        (self.attributes & DELETE_HORIZON_BIT != 0).then_some(RecordTime(self.base_timestamp))
    }

    /// The time that the records' timestamps are relative to.
    #[must_use]
    pub fn base_timestamp(&self) -> RecordTime {
        RecordTime(self.base_timestamp)
    }

    /// The field as it stands in the header.
    pub(super) fn max_timestamp_field(&self) -> i64 {
        self.max_timestamp
    }

    /// Largest timestamp of the records. Some producers leave the field at −1; the base timestamp is then the best
    /// that can be known without opening the batch.
    #[must_use]
    pub fn max_timestamp(&self) -> RecordTime {
        if self.max_timestamp < 0 && self.delete_horizon().is_none() {
            RecordTime(self.max_timestamp.max(self.base_timestamp))
        } else {
            RecordTime(self.max_timestamp)
        }
    }

    /// The producer's id; `None` for a producer that is not idempotent.
    #[must_use]
    pub fn producer_id(&self) -> Option<ProducerId> {
        u64::try_from(self.producer_id).ok().map(ProducerId)
    }

    /// The producer's epoch; `None` when it has none.
    #[must_use]
    pub fn producer_epoch(&self) -> Option<ProducerEpoch> {
        u16::try_from(self.producer_epoch).ok().map(ProducerEpoch)
    }

    /// Sequence of the first record; `None` when the batch has no sequences.
    #[must_use]
    pub fn base_sequence(&self) -> Option<u32> {
        u32::try_from(self.base_sequence).ok()
    }

    /// Sequence of the last record: sequences count offsets and go from 2³¹ − 1 on to 0.
    #[must_use]
    pub fn last_sequence(&self) -> Option<u32> {
        let sum = u64::from(self.base_sequence()?) + u64::from(self.last_offset_delta);
        u32::try_from(sum % (1 << 31)).ok()
    }

    /// What the broker keeps of the batch once it has the offset `base_offset` in `log` (R2).
    #[must_use]
    pub fn facts(&self, log: LogId, base_offset: Offset) -> BatchFacts {
        BatchFacts {
            log,
            base_offset,
            records: self.records,
            last_offset_delta: self.last_offset_delta,
            max_timestamp: self.max_timestamp(),
            bytes: self.total_bytes,
        }
    }
}
