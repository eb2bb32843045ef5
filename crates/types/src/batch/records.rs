//! Opening a batch and walking its records.
//!
//! Apart because most batches are never opened: whoever does pays for decompression here, says how much of it is
//! acceptable, and gets slices of one body instead of copies.

use alloc::vec::Vec;
use core::iter::FusedIterator;

use bytes::Bytes;

use super::codec::decompress;
use super::record::{Headers, RecordView, Timestamps, read_record};
use super::varint::Reader;
use super::{BatchError, BatchHeader, HEADER_BYTES, TimestampType};
use crate::RecordTime;
use crate::limits::BATCH_BYTES_MAX;

/// How much opening a batch may cost.
#[derive(Clone, Copy, Debug)]
pub struct OpenLimits {
    /// Bytes of the decompressed body at most.
    pub body_bytes_max: usize,
}

impl Default for OpenLimits {
    /// What the largest batch of any stream could hold uncompressed.
    fn default() -> Self {
        Self { body_bytes_max: BATCH_BYTES_MAX as usize }
    }
}

/// A batch with its decompressed body. Cloning it shares the body.
#[derive(Clone, Debug)]
pub struct OpenBatch {
    header: BatchHeader,
    body: Bytes,
}

/// Decompresses the body of the whole batch `batch`. An uncompressed body is shared with `batch`. The checksum is not
/// checked again: bytes from a peer go through [`verify`](super::verify) before.
///
/// # Errors
/// Those of [`BatchHeader::parse`], those for a wrong length, [`BatchError::Undecodable`] and
/// [`BatchError::BodyTooLarge`].
pub fn open(batch: &Bytes, limits: OpenLimits) -> Result<OpenBatch, BatchError> {
    let header = BatchHeader::parse(batch)?;
    let needed = header.total_bytes();
    if batch.len() < needed {
        return Err(BatchError::Truncated { needed, present: batch.len() });
    }
    if batch.len() > needed {
        return Err(BatchError::TrailingBytes(batch.len() - needed));
    }
    let body = decompress(header.compression(), &batch.slice(HEADER_BYTES..), limits.body_bytes_max)?;
    Ok(OpenBatch { header, body })
}

/// Opens `batch` and walks its records as owned values; [`open`] and [`OpenBatch::iter`] is the cheaper way when
/// they need not outlive the batch.
///
/// # Errors
/// Those of [`open`].
pub fn records(batch: &Bytes, limits: OpenLimits) -> Result<Records, BatchError> {
    open(batch, limits).map(OpenBatch::into_records)
}

impl OpenBatch {
    /// The batch's header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The decompressed body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The records in order. The first malformed one, and bytes after the last one, are an error and the end.
    #[must_use]
    pub fn iter(&self) -> RecordViews<'_> {
        RecordViews { reader: Reader::new(&self.body), walk: Walk::new(&self.header) }
    }

    /// The records in order as values that share the body and can be kept. Errors as with [`OpenBatch::iter`].
    #[must_use]
    pub fn into_records(self) -> Records {
        Records { walk: Walk::new(&self.header), batch: self, position: 0 }
    }

    /// A handle that keeps `part`, which must lie in this batch's body (a key, value or header value).
    ///
    /// # Panics
    /// When `part` is from elsewhere.
    #[must_use]
    pub fn share(&self, part: &[u8]) -> Bytes {
        self.body.slice_ref(part)
    }
}

impl<'a> IntoIterator for &'a OpenBatch {
    type Item = Result<RecordView<'a>, BatchError>;
    type IntoIter = RecordViews<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What the header promises about the records, and how far the walk has come.
#[derive(Clone, Debug)]
struct Walk {
    timestamps: Timestamps,
    records: u32,
    last_offset_delta: u32,
    index: u32,
    offset_delta_min: u32,
    ended: bool,
}

impl Walk {
    fn new(header: &BatchHeader) -> Self {
        let timestamps = match header.timestamp_type() {
            TimestampType::CreateTime => Timestamps::RelativeTo(header.base_timestamp().0),
            TimestampType::LogAppendTime => Timestamps::All(header.max_timestamp_field()),
        };
        Self {
            timestamps,
            records: header.record_count(),
            last_offset_delta: header.last_offset_delta(),
            index: 0,
            offset_delta_min: 0,
            ended: false,
        }
    }

    fn step<'a>(&mut self, body: &mut Reader<'a>) -> Option<Result<RecordView<'a>, BatchError>> {
        if self.ended {
            return None;
        }
        if self.index == self.records {
            self.ended = true;
            let trailing = body.rest().len();
            return (trailing > 0).then_some(Err(BatchError::TrailingRecordBytes(trailing)));
        }
        let record = read_record(body, self.timestamps).filter(|record| {
            // Offsets ascend, with holes only where compaction left them; the header bounds the last.
            (self.offset_delta_min..=self.last_offset_delta).contains(&record.offset_delta)
        });
        let Some(record) = record else {
            self.ended = true;
            return Some(Err(BatchError::MalformedRecord(self.index)));
        };
        self.index += 1;
        self.offset_delta_min = record.offset_delta + 1;
        Some(Ok(record))
    }
}

/// Iterator over the records of an [`OpenBatch`], borrowing its body.
#[derive(Clone, Debug)]
pub struct RecordViews<'a> {
    reader: Reader<'a>,
    walk: Walk,
}

impl<'a> RecordViews<'a> {
    /// The bytes of the body that were not walked yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

impl<'a> Iterator for RecordViews<'a> {
    type Item = Result<RecordView<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.step(&mut self.reader)
    }
}

impl FusedIterator for RecordViews<'_> {}

/// Iterator over the records of a batch that owns what it walks, so that it can be kept between turns.
#[derive(Clone, Debug)]
pub struct Records {
    batch: OpenBatch,
    walk: Walk,
    position: usize,
}

impl Records {
    /// The header of the batch.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.batch.header
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { batch, walk, position } = self;
        let mut reader = Reader::new(&batch.body[*position..]);
        let item = walk.step(&mut reader)?;
        *position = batch.body.len() - reader.rest().len();
        Some(item.map(|view| Record::keep(batch, &view)))
    }
}

impl FusedIterator for Records {}

/// One record as a value; key, value and headers share the batch's body, which stays in memory as long as one of
/// them does.
#[derive(Clone, Debug)]
pub struct Record {
    /// Offset relative to the batch's base offset.
    pub offset_delta: u32,
    /// The record's timestamp: its own, or the batch's under log append time.
    pub timestamp: RecordTime,
    /// The key; `None` is a null key, which is not an empty one.
    pub key: Option<Bytes>,
    /// The value; `None` is a null value, which is not an empty one.
    pub value: Option<Bytes>,
    header_bytes: Bytes,
    header_count: usize,
}

impl Record {
    fn keep(batch: &OpenBatch, view: &RecordView<'_>) -> Self {
        Self {
            offset_delta: view.offset_delta,
            timestamp: view.timestamp,
            key: view.key.map(|key| batch.share(key)),
            value: view.value.map(|value| batch.share(value)),
            header_bytes: batch.share(view.headers.bytes()),
            header_count: view.headers.len(),
        }
    }

    /// The headers in the order they were sent.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        Headers::over(&self.header_bytes, self.header_count)
    }

    /// A handle that keeps `part`, which must lie in one of this record's headers.
    ///
    /// # Panics
    /// When `part` is from elsewhere.
    #[must_use]
    pub fn share_header(&self, part: &[u8]) -> Bytes {
        self.header_bytes.slice_ref(part)
    }
}

/// What a broker that must open a batch wants to know of all its records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordChecks {
    /// Indices in the batch of the records with a null key, ascending: a compacted stream takes none of them.
    pub keyless: Vec<u32>,
    /// Smallest timestamp of the records.
    pub timestamp_min: RecordTime,
    /// Largest timestamp of the records, whatever the header says.
    pub timestamp_max: RecordTime,
}

/// Walks all records of `batch` once and says what its header cannot.
///
/// # Errors
/// [`BatchError::MalformedRecord`], [`BatchError::TrailingRecordBytes`], and [`BatchError::Empty`] when the batch
/// has no records.
pub fn validate_records(batch: &OpenBatch) -> Result<RecordChecks, BatchError> {
    let mut keyless = Vec::new();
    let mut span: Option<(RecordTime, RecordTime)> = None;
    for (index, record) in (0u32..).zip(batch) {
        let record = record?;
        if record.key.is_none() {
            keyless.push(index);
        }
        let (min, max) = span.unwrap_or((record.timestamp, record.timestamp));
        span = Some((min.min(record.timestamp), max.max(record.timestamp)));
    }
    let (timestamp_min, timestamp_max) = span.ok_or(BatchError::Empty)?;
    Ok(RecordChecks { keyless, timestamp_min, timestamp_max })
}
