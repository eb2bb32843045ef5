//! Reading the records of logs one after the other.
//!
//! Apart because browsing, looking for dead letters and finding a moment all walk through batches: this knows how to get
//! from a slice to records, and how far a request may go before it answers with what it has.

use crate::context::{Context, Step, step};
use crate::errors::{Code, Problem};
use crate::limits::{ANSWER_BYTES_MAX, READ_BYTES, READS_MAX};
use crate::query::Query;
use crate::translate::{ShownRecord, View};
use bytes::{Bytes, BytesMut};
use core::ops::ControlFlow;
use memchr::memmem;
use millstream_core::catalog::StreamEntry;
use millstream_front::steps::ReadResult;
use millstream_front::{Grant, ReadError, ReadSlice};
use millstream_types::batch::{self, OpenLimits, RecordView};
use millstream_types::limits::BATCH_BYTES_MAX;
use millstream_types::{ErrorKind, LogId, Offset};
use std::sync::Arc;

/// A place in a stream: a partition, and an offset in it.
pub(crate) type At = (u32, Offset);

/// A place as a cursor has it.
pub(crate) fn spell_place((partition, offset): At) -> String {
    format!("{partition}:{offset}")
}

/// The place that a cursor says.
pub(crate) fn read_place(cursor: &str) -> Option<At> {
    let (partition, offset) = cursor.split_once(':')?;
    let offset = offset.parse().ok().filter(|offset| *offset <= i64::MAX as u64)?;
    Some((partition.parse().ok()?, Offset(offset)))
}

/// Visits the records of a slice from an offset on, until the visitor breaks off. Markers of transactions are passed over.
///
/// # Errors
/// When the bytes are no batches, which was checked when they came in.
pub(crate) fn walk(
    slice: ReadSlice,
    from: Offset,
    mut visit: impl FnMut(Offset, &RecordView<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Problem> {
    let damaged = |_| Problem::from(ErrorKind::CorruptStorage);
    for batch in batch::split_batches(joined(slice)) {
        let (header, bytes) = batch.map_err(damaged)?;
        let Some(base) = header.base_offset() else { continue };
        if header.is_control() || header.last_offset().is_none_or(|last| last < from) {
            continue;
        }
        let limits = OpenLimits { body_bytes_max: BATCH_BYTES_MAX as usize };
        let opened = batch::open(&bytes, limits).map_err(damaged)?;
        for record in opened.iter() {
            let record = record.map_err(damaged)?;
            let offset = base.advance(u64::from(record.offset_delta));
            if offset >= from && visit(offset, &record).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// A slice's chunks as one piece; nearly always it is one already.
fn joined(slice: ReadSlice) -> Bytes {
    let mut chunks = slice.chunks;
    if chunks.len() == 1 {
        return chunks.remove(0);
    }
    let mut joined = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
    joined.freeze()
}

/// Which records a scan is for.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Those with this key.
    pub(crate) key: Option<Vec<u8>>,
    /// Those whose value has this in it.
    pub(crate) contains: Option<Vec<u8>>,
}

impl Filter {
    /// What a query asks for.
    pub(crate) fn of(query: &Query) -> Filter {
        let bytes = |name: &str| query.text(name).map(|text| text.as_bytes().to_vec());
        Filter { key: bytes("key"), contains: bytes("contains") }
    }

    /// Whether it is for a record.
    pub(crate) fn takes(&self, record: &RecordView<'_>) -> bool {
        let holds = |text: &Vec<u8>| record.value.is_some_and(|value| memmem::find(value, text).is_some());
        self.key.as_deref().is_none_or(|key| record.key == Some(key))
            && self.contains.as_ref().is_none_or(holds)
    }
}

/// A walk through partitions in their order, from a place on, for a page of records.
pub(crate) struct Scan {
    entry: Arc<StreamEntry>,
    grant: Grant,
    at: At,
    /// The partition after the last one that is looked at.
    end: u32,
    limit: usize,
    filter: Filter,
    view: View,
    found: Vec<ShownRecord>,
    bytes: usize,
    reads_left: usize,
}

/// What a scan gives: the records, and where the next one goes on; `None`: at the end.
type Scanned = (Vec<ShownRecord>, Option<At>);

impl Scan {
    /// A scan of partitions up to, and without, `end`.
    pub(crate) fn new(entry: Arc<StreamEntry>, grant: Grant, at: At, end: u32, limit: usize) -> Scan {
        let (filter, view) = (Filter::default(), View::default());
        Scan {
            entry,
            grant,
            at,
            end,
            limit,
            filter,
            view,
            found: Vec::new(),
            bytes: 0,
            reads_left: READS_MAX,
        }
    }

    /// A scan for some records alone. It may end before it has found any: then it says where to go on.
    pub(crate) fn filtered(self, filter: Filter) -> Scan {
        Scan { filter, ..self }
    }

    /// A scan that shows values decoded as well.
    pub(crate) fn viewed(self, view: View) -> Scan {
        Scan { view, ..self }
    }

    /// Reads on until there is a page, or nothing more.
    pub(crate) fn run(
        mut self,
        cx: &Context,
        then: impl FnOnce(&mut Context, Scanned) -> Result<Step, Problem> + Send + 'static,
    ) -> Step {
        let is_done = cx.abandoned || self.is_full() || self.reads_left == 0;
        let Some(read) = self.next(cx).filter(|_| !is_done) else {
            let next = (self.at.0 < self.end).then_some(self.at);
            let found = (self.found, next);
            return Step::Submit(Vec::new(), Box::new(move |cx, _| step(then(cx, found))));
        };
        self.reads_left -= 1;
        let read = vec![self.grant.allow(read)];
        let go_on = move |cx: &mut Context, mut results: Vec<ReadResult>| {
            let result = results.pop().unwrap_or(Err(ReadError::Failed));
            step(self.take(cx, result).map(|()| self.run(cx, then)))
        };
        Step::Read(read, Box::new(go_on))
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.limit || self.bytes >= ANSWER_BYTES_MAX
    }

    /// The next read, in this partition or the next one that has records; none at the end.
    fn next(&mut self, cx: &Context) -> Option<(LogId, Offset, u32)> {
        while self.at.0 < self.end {
            let id = LogId { stream: self.entry.id, index: self.at.0 };
            if let Some(log) = cx.backend.log(id) {
                self.at.1 = self.at.1.max(log.log_start());
                if self.at.1 < log.high_watermark() {
                    return Some((id, self.at.1, READ_BYTES));
                }
            }
            self.at = (self.at.0 + 1, Offset::ZERO);
        }
        None
    }

    fn take(&mut self, cx: &Context, result: ReadResult) -> Result<(), Problem> {
        let (partition, from) = self.at;
        match result {
            Ok(slice) => {
                let end = slice.next_offset;
                if end <= from {
                    // Nothing came although there is something: memory is short.
                    return Err(ErrorKind::Overloaded.into());
                }
                let walked = walk(slice, from, |offset, record| {
                    if self.is_full() {
                        self.at.1 = offset;
                        return ControlFlow::Break(());
                    }
                    if !self.filter.takes(record) {
                        return ControlFlow::Continue(());
                    }
                    self.bytes += ShownRecord::content_bytes(record);
                    self.found
                        .push(ShownRecord::new(partition, offset, record).viewed(self.view, record.value));
                    ControlFlow::Continue(())
                })?;
                if walked.is_continue() {
                    self.at.1 = end;
                }
                Ok(())
            }
            // The records went away meanwhile: those that are left come now.
            Err(ReadError::OutOfRange) => {
                let id = LogId { stream: self.entry.id, index: partition };
                let start = cx.backend.log(id).map(|log| log.log_start());
                match start {
                    Some(start) if start > from => self.at.1 = start,
                    _ => self.at = (partition + 1, Offset::ZERO),
                }
                Ok(())
            }
            Err(error) => Err(read_problem(error, &self.entry.name)),
        }
    }
}

/// Why a read failed, in words.
pub(crate) fn read_problem(error: ReadError, stream: &str) -> Problem {
    match error {
        ReadError::OutOfRange => Problem::new(Code::OffsetOutOfRange, Code::OffsetOutOfRange.title()),
        ReadError::Deleted => Problem::unknown_stream(stream),
        ReadError::Corrupt => ErrorKind::CorruptStorage.into(),
        ReadError::Failed => ErrorKind::Indeterminate.into(),
    }
}
