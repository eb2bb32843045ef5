//! A consumer, and how it finds the records that it was given.
//!
//! Apart because it is about leases, offsets and batches: which record comes next, whether it has to be read, and what
//! was found in its place. What is said of it on the wire is `deliver.rs`.

use crate::limits::{NEIGHBOURS, OPEN_BYTES_MAX, READ_BYTES, READ_ONE_BATCH};
use bytes::{Bytes, BytesMut};
use millstream_core::Request;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{AcquiredRecord, LeaseGroupId, LeaseRequest};
use millstream_front::{Authorized, Grant, ReadSlice};
use millstream_types::batch::{self, BatchHeader, Batches, OpenLimits, Record, Records};
use millstream_types::{LogId, Offset};
use std::collections::VecDeque;
use std::sync::Arc;

/// The queue that records come from, with the permission to take them.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) entry: Arc<StreamEntry>,
    pub(crate) grant: Grant,
}

impl Source {
    pub(crate) fn group(&self) -> LeaseGroupId {
        LeaseGroupId::default_of(self.entry.id)
    }

    /// A request about its leases.
    pub(crate) fn lease(&self, request: LeaseRequest) -> Authorized<Request> {
        self.grant.allow(Request::Lease(Box::new(request)))
    }
}

/// One consumer.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) channel: u16,
    pub(crate) tag: Arc<str>,
    pub(crate) source: Arc<Source>,
    pub(crate) no_ack: bool,
    pub(crate) priority: i32,
    /// A delivery has to be settled within so long; `None`: within any time.
    pub(crate) timeout_ms: Option<u64>,
    /// Deliveries that may be out at once; 0: any number.
    pub(crate) prefetch: u16,
    /// Deliveries that are out.
    pub(crate) out: usize,
    /// Whether it waits for records.
    pub(crate) asked: bool,
    /// Its client does not want it any more: it is here for what is still under way.
    pub(crate) is_cancelled: bool,
    /// Records that it was given and that were not delivered.
    pub(crate) wanted: VecDeque<AcquiredRecord>,
    /// Where it reads.
    pub(crate) reading: Option<(u32, Offset)>,
    /// What it read last.
    pub(crate) slice: Option<Slice>,
}

impl Consumer {
    /// The next of its records, taken from what was read, or what to read for it. `None`: there is none.
    pub(crate) fn next(&mut self) -> Option<(AcquiredRecord, Found)> {
        let wanted = *self.wanted.front()?;
        let found = match self.slice.as_mut().filter(|slice| slice.log == wanted.log) {
            Some(slice) => slice.find(wanted.offset),
            None => Found::Elsewhere,
        };
        if !matches!(found, Found::Elsewhere) {
            self.wanted.pop_front();
        }
        Some((wanted, found))
    }

    /// The read for the next of its records.
    pub(crate) fn read(&self) -> Option<(LogId, Offset, u32)> {
        let mut wanted = self.wanted.iter();
        let AcquiredRecord { log, offset, .. } = *wanted.next()?;
        let has_neighbour = wanted
            .next()
            .is_some_and(|next| next.log == log && next.offset.0.abs_diff(offset.0) <= NEIGHBOURS);
        let bytes = if has_neighbour { READ_BYTES } else { READ_ONE_BATCH };
        Some((LogId { stream: self.source.entry.id, index: log }, offset, bytes))
    }
}

/// What is at an offset.
#[derive(Debug)]
pub(crate) enum Found {
    /// This record.
    Record(Box<Record>),
    /// Nothing: compaction took it, or it is none that consumers see.
    Absent,
    /// It is not in what was read.
    Elsewhere,
}

/// Batches that were read, gone through once from front to back.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) log: u32,
    /// Everything before this offset was gone through.
    from: Offset,
    /// Offset behind the last record.
    end: Offset,
    batches: Batches,
    /// The batch that is gone through: its first offset, and what is left of it.
    open: Option<(Offset, Records)>,
    /// The record that comes next.
    next: Option<(Offset, Record)>,
    pub(crate) bytes: usize,
}

impl Slice {
    /// What a read from an offset gave.
    pub(crate) fn new(log: u32, from: Offset, read: ReadSlice) -> Slice {
        let (end, bytes) = (read.next_offset, read.bytes);
        let batches = batch::split_batches(joined(read));
        Slice { log, from, end, batches, open: None, next: None, bytes }
    }

    /// What a read gave, to be gone through by [`Slice::first_from`].
    pub(crate) fn of(log: u32, read: ReadSlice) -> Slice {
        Slice::new(log, Offset::ZERO, read)
    }

    /// Offset behind the last record.
    pub(crate) fn end(&self) -> Offset {
        self.end
    }

    /// The offset of the first record, before anything was looked for.
    pub(crate) fn begin(&mut self) -> Option<Offset> {
        if self.next.is_none() {
            self.advance(Offset::ZERO);
        }
        self.next.as_ref().map(|(at, _)| *at)
    }

    /// Takes the first record at an offset or behind it. `None`: there is none left.
    pub(crate) fn first_from(&mut self, offset: Offset) -> Option<(Offset, Record)> {
        loop {
            if let Some(found) = self.next.take_if(|(at, _)| *at >= offset) {
                return Some(found);
            }
            if !self.advance(offset) {
                return None;
            }
        }
    }

    /// Looks for a record.
    pub(crate) fn find(&mut self, offset: Offset) -> Found {
        if offset < self.from || offset >= self.end {
            return Found::Elsewhere;
        }
        self.from = offset.advance(1);
        loop {
            match self.next.take() {
                Some((at, record)) if at == offset => return Found::Record(Box::new(record)),
                Some((at, record)) if at > offset => {
                    self.next = Some((at, record));
                    return Found::Absent;
                }
                Some(_) | None => {}
            }
            if !self.advance(offset) {
                return Found::Absent;
            }
        }
    }

    /// Whether nothing is left that could be found.
    pub(crate) fn is_spent(&self) -> bool {
        self.from >= self.end
    }

    /// Goes on to the next record that may be at `offset` or behind it. `false`: there is none.
    fn advance(&mut self, offset: Offset) -> bool {
        loop {
            if let Some((first, records)) = &mut self.open {
                match records.next() {
                    Some(Ok(record)) => {
                        let at = first.advance(u64::from(record.offset_delta));
                        self.next = Some((at, record));
                        return true;
                    }
                    // Batches were checked when they came in; the first record that cannot be read ends its batch.
                    Some(Err(_)) | None => self.open = None,
                }
            }
            let Some(Ok((header, bytes))) = self.batches.next() else { return false };
            if let Some((first, last)) = bounds(&header)
                && last >= offset
                && !header.is_control()
            {
                let limits = OpenLimits { body_bytes_max: OPEN_BYTES_MAX };
                self.open = batch::records(&bytes, limits).ok().map(|records| (first, records));
            }
        }
    }
}

fn bounds(header: &BatchHeader) -> Option<(Offset, Offset)> {
    Some((header.base_offset()?, header.last_offset()?))
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

/// A source for tests of what only carries it.
#[cfg(test)]
pub(crate) fn test_source() -> Arc<Source> {
    use millstream_front::{Action, Authorizer, Principal, Resource};
    let grant = Authorizer::local_only()
        .authorize(&Principal::local(), Action::Read, Resource::Stream("q"))
        .expect("the local principal may do everything");
    let entry = StreamEntry {
        id: millstream_types::StreamId(1),
        uid: millstream_types::StreamUid(1),
        namespace: millstream_types::Namespace::DEFAULT,
        name: "q".into(),
        logs: 1,
        config: millstream_core::catalog::StreamConfig::default(),
        created: millstream_types::EngineTime(0),
    };
    Arc::new(Source { entry: Arc::new(entry), grant })
}
