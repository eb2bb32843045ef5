//! Cutting a payload into its batches.
//!
//! Apart because payloads of several batches come from peers: each length is believed only as far as bytes are
//! there, and the pieces share the payload's memory.

use bytes::Bytes;

use super::{BatchError, BatchHeader};

/// Iterator over the batches of one payload, in order. After an error it ends.
#[derive(Debug)]
pub struct Batches {
    rest: Bytes,
}

/// Cuts `payload` into whole batches. Nothing but the headers is read: pass each item to
/// [`verify`](super::verify) or [`verify_from_producer`](super::verify_from_producer).
///
/// A partial batch at the end is an error, [`BatchError::Truncated`]; an older message format is
/// [`BatchError::UnsupportedMagic`]. An empty payload has no batches.
#[must_use]
pub fn split_batches(payload: Bytes) -> Batches {
    Batches { rest: payload }
}

impl Batches {
    fn next_batch(&mut self) -> Result<(BatchHeader, Bytes), BatchError> {
        let header = BatchHeader::parse(&self.rest)?;
        let needed = header.total_bytes();
        if needed > self.rest.len() {
            return Err(BatchError::Truncated { needed, present: self.rest.len() });
        }
        Ok((header, self.rest.split_to(needed)))
    }
}

impl Iterator for Batches {
    type Item = Result<(BatchHeader, Bytes), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.next_batch();
        if item.is_err() {
            self.rest = Bytes::new();
        }
        Some(item)
    }
}

impl core::iter::FusedIterator for Batches {}
