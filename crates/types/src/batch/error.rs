//! What can be wrong with a batch.
//!
//! Apart because the reasons are many and what a caller does about them is little: [`BatchError::kind`] folds them
//! into the broker's error kinds, and the text keeps the detail for logs and for protocols that carry one.

use super::Compression;
use crate::ErrorKind;

/// Why bytes are not an acceptable batch. Always definite: nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than the batch says it has, or than any batch has.
    #[error("batch is cut short: {needed} bytes needed, {present} present")]
    Truncated {
        /// Bytes that the batch takes, as far as that could be told.
        needed: usize,
        /// Bytes that were there.
        present: usize,
    },
    /// More bytes than the batch says it has.
    #[error("{0} bytes after the end of the batch")]
    TrailingBytes(usize),
    /// An older message format, or something that is no batch at all.
    #[error("message format {0} is not supported, only format 2 is")]
    UnsupportedMagic(i8),
    /// The length field is negative or smaller than a header.
    #[error("batch length {0} is impossible")]
    InvalidLength(i32),
    /// The compression bits name no known codec.
    #[error("compression code {0} is unknown")]
    UnknownCompression(u8),
    /// The stored checksum is not that of the bytes.
    #[error("checksum is {stored:#010x}, but the bytes have {computed:#010x}")]
    ChecksumMismatch {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The record count is not positive, or cannot fit in the body.
    #[error("record count {0} is impossible")]
    InvalidRecordCount(i32),
    /// The last offset delta is negative or does not go with the record count.
    #[error("last offset delta {last_offset_delta} does not go with {records} records")]
    InvalidOffsetDelta {
        /// The last offset delta in the header.
        last_offset_delta: i32,
        /// The record count in the header.
        records: i32,
    },
    /// A timestamp below −1, or one that leaves 64 bits.
    #[error("timestamp is out of range")]
    InvalidTimestamp,
    /// A producer claims log append time, which only the broker gives.
    #[error("a producer may not set log append time")]
    TimestampTypeFromProducer,
    /// Producer id, epoch, sequence and the transactional bit contradict one another.
    #[error("producer id, epoch, sequence and transactional bit do not go together")]
    InvalidProducer,
    /// A producer sent a control batch.
    #[error("a producer may not send control batches")]
    ControlFromProducer,
    /// A producer set the delete horizon, which only compaction gives.
    #[error("a producer may not set a delete horizon")]
    DeleteHorizonFromProducer,
    /// The body cannot be decompressed.
    #[error("body is not valid {0} data")]
    Undecodable(Compression),
    /// The decompressed body passes the limit of the caller.
    #[error("decompressed body passes the limit of {0} bytes")]
    BodyTooLarge(usize),
    /// The record at this index of the batch is malformed.
    #[error("record {0} of the batch is malformed")]
    MalformedRecord(u32),
    /// The body goes on after the last record.
    #[error("{0} bytes in the body after the last record")]
    TrailingRecordBytes(usize),
    /// A batch was to be built without records.
    #[error("a batch needs at least one record")]
    Empty,
    /// A batch being built would pass [`BATCH_BYTES_MAX`](crate::limits::BATCH_BYTES_MAX).
    #[error("batch would pass {} bytes", crate::limits::BATCH_BYTES_MAX)]
    BatchTooLarge,
    /// A codec failed to compress a batch being built (it could not get memory).
    #[error("{0} compression failed")]
    CompressionFailed(Compression),
}

impl BatchError {
    /// What the caller should do about it.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Truncated { .. }
            | Self::TrailingBytes(_)
            | Self::InvalidLength(_)
            | Self::UnknownCompression(_)
            | Self::ChecksumMismatch { .. }
            | Self::Undecodable(_)
            | Self::MalformedRecord(_)
            | Self::TrailingRecordBytes(_) => ErrorKind::CorruptBatch,
            Self::UnsupportedMagic(_)
            | Self::InvalidRecordCount(_)
            | Self::InvalidOffsetDelta { .. }
            | Self::InvalidProducer
            | Self::ControlFromProducer
            | Self::DeleteHorizonFromProducer
            | Self::Empty => ErrorKind::InvalidRecord,
            Self::InvalidTimestamp | Self::TimestampTypeFromProducer => ErrorKind::InvalidTimestamp,
            Self::BodyTooLarge(_) | Self::BatchTooLarge => ErrorKind::RecordTooLarge,
            Self::CompressionFailed(_) => ErrorKind::Overloaded,
        }
    }
}
