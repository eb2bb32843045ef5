//! The few bytes of a batch that the broker itself writes.
//!
//! Apart because they are the only exceptions to "stored as it came" (R17): the place of a batch, which its checksum
//! does not cover, and log append time, which renews the checksum.

use super::header::{
    ATTRIBUTES_AT, CHECKSUM_AT, LENGTH_END, LOG_APPEND_TIME_BIT, MAGIC_AT, MAX_TIMESTAMP_AT, field,
};
use super::verify::checksum_of;
use super::{BatchError, BatchHeader, HEADER_BYTES, LeaderEpoch};
use crate::{Offset, RecordTime};

/// Length of the part of a batch that says where it is placed: base offset, length, leader epoch.
pub const PLACED_BYTES: usize = 16;

const _: () = assert!(PLACED_BYTES == MAGIC_AT && PLACED_BYTES < HEADER_BYTES);

impl BatchHeader {
    /// The first [`PLACED_BYTES`] bytes of this batch once it is placed at `base_offset`. Written before the rest of
    /// the original bytes they make the placed batch, so that several logs can share one body.
    ///
    /// # Panics
    /// When the offset passes 2⁶³ − 1.
    #[must_use]
    pub fn placed(&self, base_offset: Offset, leader_epoch: LeaderEpoch) -> [u8; PLACED_BYTES] {
        let offset = i64::try_from(base_offset.0).expect("offsets stay in the signed range");
        let length = self.total_bytes() - LENGTH_END;
        let length = i32::try_from(length).expect("the length was parsed from an i32");
        let mut bytes = [0; PLACED_BYTES];
        bytes[..8].copy_from_slice(&offset.to_be_bytes());
        bytes[8..LENGTH_END].copy_from_slice(&length.to_be_bytes());
        bytes[LENGTH_END..].copy_from_slice(&leader_epoch.0.to_be_bytes());
        bytes
    }
}

/// Places the batch at the start of `batch` at `base_offset`, in its own bytes. The checksum stays right.
///
/// # Errors
/// Those of [`BatchHeader::parse`]; the bytes are then unchanged.
///
/// # Panics
/// When the offset passes 2⁶³ − 1.
pub fn patch(batch: &mut [u8], base_offset: Offset, leader_epoch: LeaderEpoch) -> Result<(), BatchError> {
    let placed = BatchHeader::parse(batch)?.placed(base_offset, leader_epoch);
    batch[..PLACED_BYTES].copy_from_slice(&placed);
    Ok(())
}

/// Gives every record of the whole batch `batch` the timestamp `now`, and renews the checksum.
///
/// # Errors
/// Those of [`BatchHeader::parse`], and those for a slice that is longer or shorter than its batch; the bytes are
/// then unchanged.
pub fn set_log_append_time(batch: &mut [u8], now: RecordTime) -> Result<(), BatchError> {
    let needed = BatchHeader::parse(batch)?.total_bytes();
    if batch.len() < needed {
        return Err(BatchError::Truncated { needed, present: batch.len() });
    }
    if batch.len() > needed {
        return Err(BatchError::TrailingBytes(batch.len() - needed));
    }
    let attributes = i16::from_be_bytes(field(batch, ATTRIBUTES_AT)) | LOG_APPEND_TIME_BIT;
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&now.0.to_be_bytes());
    let checksum = checksum_of(batch);
    batch[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}
