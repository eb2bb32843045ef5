//! Making batches.
//!
//! Apart because every part that makes records, instead of passing them on, makes them here: other protocols'
//! messages, moved and dead-lettered records, tools, tests. Records are encoded as they come, so that an
//! uncompressed batch is never copied.

use alloc::vec::Vec;

use bytes::Bytes;

use super::codec::{Compression, compress};
use super::header::{CONTROL_BIT, HEADER_BYTES, TRANSACTIONAL_BIT};
use super::varint::{encoded_bytes, put};
use super::{BatchError, BatchHeader, LeaderEpoch};
use crate::limits::BATCH_BYTES_MAX;
use crate::{ProducerEpoch, ProducerId, RecordTime};

/// Collects records into one batch. Without [`BatchBuilder::producer`] the batch has no producer.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    /// Room for the header, then the encoded records.
    bytes: Vec<u8>,
    records: u32,
    base_timestamp: RecordTime,
    max_timestamp: RecordTime,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    marks: i16,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// A builder without records.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// A builder with room for `body_bytes` of encoded records.
    #[must_use]
    pub fn with_capacity(body_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body_bytes);
        bytes.resize(HEADER_BYTES, 0);
        Self {
            bytes,
            records: 0,
            base_timestamp: RecordTime::NONE,
            max_timestamp: RecordTime::NONE,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            marks: 0,
        }
    }

    /// Makes it the batch of an idempotent producer; `base_sequence` is the sequence of its first record, `None` for
    /// a batch outside the sequences, such as a transaction's marker.
    ///
    /// # Panics
    /// When a number leaves the signed range that the format has for it.
    #[must_use]
    pub fn producer(mut self, id: ProducerId, epoch: ProducerEpoch, base_sequence: Option<u32>) -> Self {
        self.producer_id = id.0.try_into().expect("producer ids stay in the signed range");
        self.producer_epoch = epoch.0.try_into().expect("producer epochs stay in the signed range");
        self.base_sequence = base_sequence
            .map_or(-1, |sequence| sequence.try_into().expect("sequences stay in the signed range"));
        self
    }

    /// Makes it part of a transaction.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.marks |= TRANSACTIONAL_BIT;
        self
    }

    /// Makes it a control batch: its records are markers of the broker.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.marks |= CONTROL_BIT;
        self
    }

    /// Number of records so far.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.records
    }

    /// Length of the batch in bytes so far, uncompressed, header included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a record. Headers keep their order and duplicates.
    ///
    /// # Errors
    /// [`BatchError::BatchTooLarge`] when the batch would pass `BATCH_BYTES_MAX` uncompressed, and
    /// [`BatchError::InvalidTimestamp`] for one below −1 or further from the first record's than 64 bits can say.
    /// The builder is then unchanged.
    pub fn push(
        &mut self,
        timestamp: RecordTime,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) -> Result<(), BatchError> {
        self.push_with(timestamp, key, value, headers.iter().copied())
    }

    /// [`BatchBuilder::push`] with headers from an iterator, which is run through twice: [`Headers`](super::Headers)
    /// of another record, for one.
    ///
    /// # Errors
    /// Those of [`BatchBuilder::push`].
    pub fn push_with<'h>(
        &mut self,
        timestamp: RecordTime,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl ExactSizeIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
    ) -> Result<(), BatchError> {
        self.push_parts(timestamp, key, value.as_ref().map(core::slice::from_ref), headers)
    }

    /// [`BatchBuilder::push_with`] with a value that came in parts: they are copied once, into the batch.
    ///
    /// # Errors
    /// Those of [`BatchBuilder::push`].
    pub fn push_parts<'h>(
        &mut self,
        timestamp: RecordTime,
        key: Option<&[u8]>,
        value: Option<&[impl AsRef<[u8]>]>,
        headers: impl ExactSizeIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
    ) -> Result<(), BatchError> {
        let value_bytes =
            value.map(|parts| parts.iter().map(|part| part.as_ref().len()).fold(0, usize::saturating_add));
        if timestamp < RecordTime::NONE {
            return Err(BatchError::InvalidTimestamp);
        }
        let base = if self.records == 0 { timestamp } else { self.base_timestamp };
        let timestamp_delta = timestamp.0.checked_sub(base.0).ok_or(BatchError::InvalidTimestamp)?;
        let offset_delta = i64::from(self.records);
        let header_count = headers.len() as i64;

        let record_bytes = 1
            + encoded_bytes(timestamp_delta)
            + encoded_bytes(offset_delta)
            + nullable_bytes(key)
            + nullable_length(value_bytes)
            + encoded_bytes(header_count)
            + headers
                .clone()
                .map(|(key, value)| nullable_bytes(Some(key.as_bytes())) + nullable_bytes(value))
                .sum::<usize>();
        let needed = encoded_bytes(record_bytes as i64) + record_bytes;
        if needed > BATCH_BYTES_MAX as usize - self.bytes.len() {
            return Err(BatchError::BatchTooLarge);
        }

        let end = self.bytes.len() + needed;
        self.bytes.reserve(needed);
        put(&mut self.bytes, record_bytes as i64);
        self.bytes.push(0);
        put(&mut self.bytes, timestamp_delta);
        put(&mut self.bytes, offset_delta);
        put_nullable(&mut self.bytes, key);
        put(&mut self.bytes, value_bytes.map_or(-1, |bytes| bytes as i64));
        for part in value.into_iter().flatten() {
            self.bytes.extend_from_slice(part.as_ref());
        }
        put(&mut self.bytes, header_count);
        for (key, value) in headers {
            put_nullable(&mut self.bytes, Some(key.as_bytes()));
            put_nullable(&mut self.bytes, value);
        }
        assert_eq!(self.bytes.len(), end, "a record is as long as was computed for it");

        self.records += 1;
        self.base_timestamp = base;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        Ok(())
    }

    /// Finishes the batch with base offset 0 and no leader epoch.
    ///
    /// # Errors
    /// [`BatchError::Empty`] without records, [`BatchError::CompressionFailed`], and [`BatchError::BatchTooLarge`]
    /// when compression made it larger than allowed.
    pub fn finish(mut self, compression: Compression) -> Result<Bytes, BatchError> {
        if self.records == 0 {
            return Err(BatchError::Empty);
        }
        if compression != Compression::None {
            // Half is a usual ratio; the rest comes by growing.
            let mut compressed = Vec::with_capacity(HEADER_BYTES + self.bytes.len() / 2);
            compressed.resize(HEADER_BYTES, 0);
            compress(compression, &self.bytes[HEADER_BYTES..], &mut compressed)?;
            self.bytes = compressed;
        }
        if self.bytes.len() > BATCH_BYTES_MAX as usize {
            return Err(BatchError::BatchTooLarge);
        }
        self.header(compression).seal(&mut self.bytes);
        // Batches are kept for readers and counted by their length, so what well-compressed records left of the
        // room must not stay with them. What doubling leaves is within reason; giving it back would cost a copy.
        if self.bytes.capacity() / 2 > self.bytes.len() {
            self.bytes.shrink_to_fit();
        }
        Ok(Bytes::from(self.bytes))
    }

    fn header(&self, compression: Compression) -> BatchHeader {
        BatchHeader {
            base_offset: 0,
            // Within BATCH_BYTES_MAX.
            total_bytes: self.bytes.len() as u32,
            leader_epoch: LeaderEpoch::UNKNOWN,
            checksum: 0,
            compression,
            attributes: i16::from(compression.code()) | self.marks,
            last_offset_delta: self.records - 1,
            base_timestamp: self.base_timestamp.0,
            max_timestamp: self.max_timestamp.0,
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            records: self.records,
        }
    }
}

fn nullable_bytes(bytes: Option<&[u8]>) -> usize {
    nullable_length(bytes.map(<[u8]>::len))
}

fn nullable_length(bytes: Option<usize>) -> usize {
    bytes.map_or(encoded_bytes(-1), |bytes| encoded_bytes(bytes as i64).saturating_add(bytes))
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put(out, -1),
        Some(bytes) => {
            put(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}
