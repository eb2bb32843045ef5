//! One record in a decompressed body, borrowed.
//!
//! Apart because this is where a peer's bytes are taken at their word or not: a record is checked whole, headers
//! included, before anyone sees a part of it.

use super::varint::Reader;
use crate::RecordTime;

/// One record, borrowing from its batch's body.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Offset relative to the batch's base offset.
    pub offset_delta: u32,
    /// The record's timestamp: its own, or the batch's under log append time.
    pub timestamp: RecordTime,
    /// The key; `None` is a null key, which is not an empty one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a null value (a tombstone on a compacted stream), which is not an empty one.
    pub value: Option<&'a [u8]>,
    /// The headers in the order they were sent.
    pub headers: Headers<'a>,
}

/// The headers of one record in their order, duplicates and null values kept. Iterating reads them from the body;
/// nothing is allocated.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    reader: Reader<'a>,
    left: usize,
}

/// What decides the timestamps of a batch's records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timestamps {
    /// Each record's delta is relative to this time.
    RelativeTo(i64),
    /// All records have this time.
    All(i64),
}

/// Reads the next record of a body. `None` when it is malformed.
pub(super) fn read_record<'a>(body: &mut Reader<'a>, timestamps: Timestamps) -> Option<RecordView<'a>> {
    let mut record = Reader::new(body.sized()?);
    // No attribute of a record has a meaning yet; whatever a producer sets is kept in the stored bytes.
    record.byte()?;
    let timestamp_delta = record.varlong()?;
    let timestamp = match timestamps {
        Timestamps::RelativeTo(base) => base.checked_add(timestamp_delta)?,
        Timestamps::All(time) => time,
    };
    let offset_delta = u32::try_from(record.varint()?).ok()?;
    let key = record.nullable()?;
    let value = record.nullable()?;
    let headers = read_headers(&mut record)?;
    record.rest().is_empty().then_some(RecordView {
        offset_delta,
        timestamp: RecordTime(timestamp),
        key,
        value,
        headers,
    })
}

/// Checks all headers once, so that [`Headers`] need not fail later.
fn read_headers<'a>(record: &mut Reader<'a>) -> Option<Headers<'a>> {
    let left = usize::try_from(record.varint()?).ok()?;
    // Two bytes are the smallest header; a larger count would only end the loop below later.
    if left > record.rest().len() / 2 {
        return None;
    }
    let headers = Headers { reader: *record, left };
    for _ in 0..left {
        read_header(record)?;
    }
    Some(headers)
}

fn read_header<'a>(record: &mut Reader<'a>) -> Option<(&'a str, Option<&'a [u8]>)> {
    let key = core::str::from_utf8(record.sized()?).ok()?;
    Some((key, record.nullable()?))
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(read_header(&mut self.reader).expect("headers were checked with their record"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Headers<'_> {}
impl core::iter::FusedIterator for Headers<'_> {}

impl<'a> Headers<'a> {
    /// The value of the first header named `key`; the inner `None` is a null value.
    #[must_use]
    pub fn first(mut self, key: &str) -> Option<Option<&'a [u8]>> {
        self.find(|&(name, _)| name == key).map(|(_, value)| value)
    }

    /// The bytes that hold these headers (those not yet iterated).
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.reader.rest()
    }

    /// Headers over bytes that [`Headers::bytes`] returned, with the count they had.
    pub(super) fn over(bytes: &'a [u8], count: usize) -> Self {
        Self { reader: Reader::new(bytes), left: count }
    }
}
