//! The checks a batch passes before its bytes are trusted.
//!
//! Apart because there are two doors with different strictness: stored batches may have holes and markers, what a
//! producer sends may not. Neither allocates, and the checksum is nearly all of the cost.

use super::header::{CHECKSUM_END, HEADER_BYTES};
use super::{BatchError, BatchHeader, Compression, TimestampType};

/// The smallest record: one byte each for length, attributes, the two deltas, null key, null value, no headers.
const RECORD_BYTES_MIN: u32 = 7;

/// CRC-32C of a whole batch as its header should have it.
pub(super) fn checksum_of(batch: &[u8]) -> u32 {
    crc32c::crc32c(&batch[CHECKSUM_END..])
}

/// Checks that `batch` is exactly the batch that `header` was parsed from, undamaged and with counts that are
/// possible. The body is not opened.
///
/// # Errors
/// [`BatchError::Truncated`], [`BatchError::TrailingBytes`], [`BatchError::ChecksumMismatch`],
/// [`BatchError::InvalidRecordCount`], [`BatchError::InvalidOffsetDelta`].
pub fn verify(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    let needed = header.total_bytes();
    if batch.len() < needed {
        return Err(BatchError::Truncated { needed, present: batch.len() });
    }
    if batch.len() > needed {
        return Err(BatchError::TrailingBytes(batch.len() - needed));
    }
    // The checksum first: what a damaged batch says of itself is no reason to blame its producer.
    let computed = checksum_of(batch);
    if computed != header.checksum() {
        return Err(BatchError::ChecksumMismatch { stored: header.checksum(), computed });
    }
    let records = header.record_count();
    let fits = header.compression() != Compression::None
        || u64::from(records) * u64::from(RECORD_BYTES_MIN) <= (needed - HEADER_BYTES) as u64;
    if records == 0 || !fits {
        return Err(BatchError::InvalidRecordCount(records.cast_signed()));
    }
    if header.last_offset_delta() < records - 1 {
        return Err(offset_delta_error(header));
    }
    Ok(())
}

/// [`verify`], and what holds for a batch that comes from a producer: offsets without holes, no marks that only the
/// broker sets, producer id, epoch and sequence that go together. The base offset and leader epoch may be anything.
///
/// # Errors
/// Those of [`verify`], and [`BatchError::ControlFromProducer`], [`BatchError::TimestampTypeFromProducer`],
/// [`BatchError::DeleteHorizonFromProducer`], [`BatchError::InvalidTimestamp`], [`BatchError::InvalidProducer`].
pub fn verify_from_producer(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    verify(header, batch)?;
    if header.last_offset_delta() != header.record_count() - 1 {
        return Err(offset_delta_error(header));
    }
    if header.is_control() {
        return Err(BatchError::ControlFromProducer);
    }
    if header.timestamp_type() == TimestampType::LogAppendTime {
        return Err(BatchError::TimestampTypeFromProducer);
    }
    if header.delete_horizon().is_some() {
        return Err(BatchError::DeleteHorizonFromProducer);
    }
    // That the maximum is below the base is let through: some producers leave it at −1 or at the first timestamp.
    if header.base_timestamp().0 < -1 || header.max_timestamp_field() < -1 {
        return Err(BatchError::InvalidTimestamp);
    }
    let whole = match header.producer_id() {
        Some(_) => header.producer_epoch().is_some() && header.base_sequence().is_some(),
        None => !header.is_transactional(),
    };
    if whole { Ok(()) } else { Err(BatchError::InvalidProducer) }
}

fn offset_delta_error(header: &BatchHeader) -> BatchError {
    BatchError::InvalidOffsetDelta {
        last_offset_delta: header.last_offset_delta().cast_signed(),
        records: header.record_count().cast_signed(),
    }
}
