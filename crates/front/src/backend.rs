//! What a front sees of the broker: the catalog, read views, the time, and a way to submit requests.
//!
//! Apart because a front must not see the engine or the storage. Everything here returns at once: catalog and views
//! are shared memory that the broker publishes (R9, R15); requests are answered later through the driver.

use crate::session::Submission;
use bytes::Bytes;
use millstream_core::catalog::{NamespaceEntry, StreamEntry};
use millstream_core::route::{Lookup, RouteEntry};
use millstream_types::batch::{self, BatchHeader};
use millstream_types::{EngineTime, ErrorKind, LogId, Namespace, Offset, RecordTime, StreamUid};
use std::sync::Arc;
use std::task::Waker;

/// The broker, as a front sees it. Routes and streams are looked up through [`Lookup`], which is what
/// [`resolve`](millstream_core::route::resolve) takes.
pub trait Backend: Lookup + Send + Sync + 'static {
    /// Engine time (R11).
    fn now(&self) -> EngineTime;

    /// Engine time, and the monotonic clock for how long something takes; both from one look at the clock.
    fn moment(&self) -> Moment {
        let now = self.now();
        Moment { now, micros: u64::try_from(now.0).unwrap_or(0).saturating_mul(1000) }
    }

    /// 128 random bits, for universal ids.
    fn random(&self) -> u128;

    /// Identifies this data directory to clients, for as long as it exists.
    fn cluster_id(&self) -> u128;

    /// The namespace of a name; [`millstream_core::catalog::DEFAULT_NAME`] always has one.
    fn namespace(&self, name: &str) -> Option<Namespace>;

    /// The namespace of a name with what is kept of it.
    fn namespace_entry(&self, name: &str) -> Option<Arc<NamespaceEntry>> {
        self.namespaces().into_iter().find(|entry| &*entry.name == name)
    }

    /// Every namespace, in the order of names.
    fn namespaces(&self) -> Vec<Arc<NamespaceEntry>>;

    /// The stream of a name.
    fn stream(&self, namespace: Namespace, name: &str) -> Option<Arc<StreamEntry>>;

    /// The stream of a universal id, if it is in the namespace.
    fn stream_by_uid(&self, namespace: Namespace, uid: StreamUid) -> Option<Arc<StreamEntry>>;

    /// Every stream of a namespace, in the order of names.
    fn streams(&self, namespace: Namespace) -> Vec<Arc<StreamEntry>>;

    /// How many streams a namespace has.
    fn stream_count(&self, namespace: Namespace) -> usize {
        self.streams(namespace).len()
    }

    /// The first streams of a namespace in the order of names, behind a name if one is given, of those that are wanted:
    /// `max` of them at most. To find them costs a look at all, and room for those alone.
    fn streams_behind(
        &self,
        namespace: Namespace,
        after: Option<&str>,
        max: usize,
        is_wanted: &dyn Fn(&StreamEntry) -> bool,
    ) -> Vec<Arc<StreamEntry>> {
        let all = self.streams(namespace).into_iter();
        let behind = all.filter(|entry| after.is_none_or(|after| &*entry.name > after) && is_wanted(entry));
        behind.take(max).collect()
    }

    /// How many routes a namespace has.
    fn route_count(&self, namespace: Namespace) -> usize {
        self.routes(namespace).len()
    }

    /// The names of those who read logs, in the order of the bits of [`LogReader::take_readers`].
    fn reader_names(&self) -> &[&'static str] {
        &[]
    }

    /// Every route of a namespace, in the order of names.
    fn routes(&self, namespace: Namespace) -> Vec<Arc<RouteEntry>>;

    /// A log's read view.
    fn log(&self, log: LogId) -> Option<Arc<dyn LogReader>>;

    /// Bytes on the disk: all there are, and those free for the broker.
    fn disk_bytes(&self) -> (u64, u64);

    /// Whether appends are refused because the disk has no room for them.
    fn is_disk_full(&self) -> bool;

    /// Whether appends to logs in memory are refused because those hold too much.
    fn is_memory_full(&self) -> bool;

    /// Wakes `waker` once when appends that were refused for lack of room, on the disk or in memory, may find some. Whoever looks
    /// after registering misses nothing.
    fn watch_room(&self, waker: &Waker) -> WatchGuard;

    /// Hands requests to the shard, in order. Replies come as [`Event::Reply`](crate::Event::Reply) to the inbox under the
    /// submissions' tags; each submission gets exactly one, `Refused(ShuttingDown)` included.
    fn submit(&self, inbox: &Arc<dyn Inbox>, submissions: Vec<Submission>);
}

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Engine time.
    pub now: EngineTime,
    /// Microseconds of the monotonic clock since some time in the past, the same while the process runs.
    pub micros: u64,
}

/// Where replies go: one per connection, kept by its driver.
pub trait Inbox: Send + Sync {
    /// Takes replies, in order, and wakes the driver once.
    fn deliver(&self, replies: &mut dyn Iterator<Item = (crate::Tag, millstream_core::Reply)>);
}

/// Whether a read may wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// Only from memory, the page cache included.
    Never,
    /// The caller's thread may wait.
    Allowed,
}

/// One run of whole batches, as stored, in chunks that follow each other.
#[derive(Debug, Clone, Default)]
pub struct ReadSlice {
    /// The bytes, in order. The base offsets are right.
    pub chunks: Vec<Bytes>,
    /// How many bytes that is.
    pub bytes: usize,
    /// Offset after the last record; equal to the offset asked for when there is nothing.
    pub next_offset: Offset,
}

/// What a read gave.
#[derive(Debug)]
pub enum ReadOutcome {
    /// Whole batches (or none, at the high watermark).
    Data(ReadSlice),
    /// The bytes are on the disk only; ask again where waiting is allowed.
    WouldBlock,
}

impl ReadOutcome {
    /// The time of the first batch's first record; `None` when there is none.
    #[must_use]
    pub fn first_time(&self) -> Option<RecordTime> {
        let ReadOutcome::Data(slice) = self else { return None };
        let mut head = Vec::with_capacity(batch::HEADER_BYTES);
        for chunk in &slice.chunks {
            head.extend_from_slice(&chunk[..chunk.len().min(batch::HEADER_BYTES - head.len())]);
        }
        BatchHeader::parse(&head).ok().map(|header| header.base_timestamp())
    }
}

/// Why a read failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// The offset is before the log start or after the high watermark.
    OutOfRange,
    /// The stream was deleted.
    Deleted,
    /// The stored bytes are damaged; nothing is served.
    Corrupt,
    /// The disk failed.
    Failed,
}

/// What went into a log and was read from it for clients, since the start. What was read twice counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes of batches that were appended.
    pub bytes_in: u64,
    /// Bytes of batches that were read.
    pub bytes_out: u64,
    /// Offsets of batches that were read: as many as records, where there are no holes.
    pub records_out: u64,
}

/// A log as readers see it (R9). Offsets that are returned are of one moment each.
pub trait LogReader: Send + Sync {
    /// Offset of the first record.
    fn log_start(&self) -> Offset;

    /// Offset after the last durable record.
    fn high_watermark(&self) -> Offset;

    /// Offset before which no transaction is open.
    fn last_stable_offset(&self) -> Offset;

    /// Bytes of all its batches.
    fn bytes(&self) -> u64;

    /// Bytes of the batches from the one that holds `from` on: an estimate from the index, to tell whether there is
    /// enough for a reader. Counting stops at `enough_bytes`; 0 only when there is no record.
    fn bytes_from(&self, from: Offset, enough_bytes: u64) -> u64;

    /// What went in and out since the start.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    /// Who has read it since this was last asked: a bit for each of [`Backend::reader_names`]. For one who asks alone.
    fn take_readers(&self) -> u32 {
        0
    }

    /// Reads whole batches, beginning with the one that holds `from`, up to the high watermark: at most `max_bytes`
    /// and at most 1 MiB, but always at least one batch if there is one.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read(&self, from: Offset, max_bytes: u32, blocking: Blocking) -> Result<ReadOutcome, ReadError>;

    /// The time of the batch that holds the record at `offset`, or the first one after it: of that batch's first record. Waits
    /// for the disk, and is no [traffic](LogReader::traffic).
    fn time_at(&self, offset: Offset) -> Option<RecordTime> {
        let from = offset.max(self.log_start());
        // Damage and failing disks are said by whoever reads for a client.
        self.read(from, 1, Blocking::Allowed).ok()?.first_time()
    }

    /// Offset of the first batch that may hold a record with a timestamp of at least `time`; `None` when no record is that late.
    fn batch_from_time(&self, time: RecordTime) -> Option<Offset>;

    /// The largest timestamp in the log and the base offset of the batch that has it.
    fn max_timestamp(&self) -> Option<(RecordTime, Offset)>;

    /// Wakes `waker` once when the high watermark or the log start moves next, or the log is deleted.
    fn watch(&self, waker: &Waker) -> WatchGuard;
}

/// A registered waker: dropping this unregisters it, so that whoever goes away leaves nothing behind.
#[must_use = "dropping it ends the watch"]
pub struct WatchGuard {
    _registration: Box<dyn Send>,
}

impl WatchGuard {
    /// Wraps whatever unregisters when dropped.
    pub fn new(registration: impl Send + 'static) -> WatchGuard {
        WatchGuard { _registration: Box::new(registration) }
    }
}

impl From<ReadError> for ErrorKind {
    fn from(error: ReadError) -> ErrorKind {
        match error {
            ReadError::OutOfRange => ErrorKind::OffsetOutOfRange,
            ReadError::Deleted => ErrorKind::UnknownLog,
            ReadError::Corrupt => ErrorKind::CorruptStorage,
            ReadError::Failed => ErrorKind::Indeterminate,
        }
    }
}
