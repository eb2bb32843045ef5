//! The toy broker: replies when the test says so, one log.

use millstream_core::catalog::{NamespaceEntry, StreamEntry};
use millstream_core::route::{Lookup, RouteEntry};
use millstream_core::{Reply, Request};
use millstream_front::backend::{Blocking, Inbox};
use millstream_front::{Backend, LogReader, ReadError, ReadOutcome, ReadSlice, Submission, Tag, WatchGuard};
use millstream_types::{
    EngineTime, ErrorKind, LogId, Namespace, Offset, RecordTime, RouteId, StreamId, StreamUid,
};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Waker;

#[derive(Default)]
pub(crate) struct Toy {
    /// Keep submissions until [`Toy::reply_to_held`].
    pub(crate) hold: AtomicBool,
    held: Mutex<Vec<(Arc<dyn Inbox>, Tag)>>,
    /// Looks at the clock: one per turn of a connection at least.
    pub(crate) looks: AtomicUsize,
    /// Calls of `submit`.
    pub(crate) submits: AtomicUsize,
    /// Frames that sessions took.
    pub(crate) frames: AtomicUsize,
    /// Bytes that sessions took and did not settle, now and at most.
    pub(crate) unsettled: AtomicUsize,
    pub(crate) unsettled_max: AtomicUsize,
    pub(crate) log: Arc<ToyLog>,
}

#[derive(Default)]
pub(crate) struct ToyLog {
    pub(crate) high_watermark: AtomicU64,
    wakers: Mutex<Vec<Waker>>,
    /// Registrations that were not dropped.
    pub(crate) watchers: Arc<AtomicUsize>,
    /// Reads say that they would have to wait.
    pub(crate) on_disk: AtomicBool,
    /// Reads that may wait panic.
    pub(crate) broken: AtomicBool,
    pub(crate) blocking_reads: AtomicUsize,
}

impl Toy {
    pub(crate) fn reply_to_held(&self) {
        for (inbox, tag) in self.held.lock().unwrap().drain(..) {
            deliver(&inbox, tag);
        }
    }

    pub(crate) fn held(&self) -> usize {
        self.held.lock().unwrap().len()
    }
}

fn deliver(inbox: &Arc<dyn Inbox>, tag: Tag) {
    inbox.deliver(&mut std::iter::once((tag, Reply::Refused(ErrorKind::Overloaded))));
}

impl ToyLog {
    pub(crate) fn move_to(&self, offset: u64) {
        self.high_watermark.store(offset, SeqCst);
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
    }
}

struct Watching(Arc<AtomicUsize>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Lookup for Toy {
    fn route(&self, _: Namespace, _: &str) -> Option<Arc<RouteEntry>> {
        None
    }

    fn route_by_id(&self, _: RouteId) -> Option<Arc<RouteEntry>> {
        None
    }

    fn stream_by_id(&self, _: StreamId) -> Option<Arc<StreamEntry>> {
        None
    }
}

impl Backend for Toy {
    #[allow(clippy::disallowed_methods)] // a test's clock is the machine's
    fn now(&self) -> EngineTime {
        self.looks.fetch_add(1, SeqCst);
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        EngineTime(since.as_millis().try_into().unwrap())
    }

    fn random(&self) -> u128 {
        4
    }

    fn cluster_id(&self) -> u128 {
        0
    }

    fn namespace(&self, _: &str) -> Option<Namespace> {
        None
    }

    fn namespaces(&self) -> Vec<Arc<NamespaceEntry>> {
        Vec::new()
    }

    fn stream(&self, _: Namespace, _: &str) -> Option<Arc<StreamEntry>> {
        None
    }

    fn stream_by_uid(&self, _: Namespace, _: StreamUid) -> Option<Arc<StreamEntry>> {
        None
    }

    fn streams(&self, _: Namespace) -> Vec<Arc<StreamEntry>> {
        Vec::new()
    }

    fn routes(&self, _: Namespace) -> Vec<Arc<RouteEntry>> {
        Vec::new()
    }

    fn log(&self, log: LogId) -> Option<Arc<dyn LogReader>> {
        (log.index == 0).then(|| self.log.clone() as Arc<dyn LogReader>)
    }

    fn disk_bytes(&self) -> (u64, u64) {
        (0, 0)
    }

    fn is_disk_full(&self) -> bool {
        false
    }

    fn is_memory_full(&self) -> bool {
        false
    }

    fn watch_room(&self, _: &Waker) -> WatchGuard {
        WatchGuard::new(())
    }

    fn submit(&self, inbox: &Arc<dyn Inbox>, submissions: Vec<Submission>) {
        self.submits.fetch_add(1, SeqCst);
        for submission in submissions {
            assert!(matches!(submission.request.get(), Request::AllocateProducer));
            if self.hold.load(SeqCst) {
                self.held.lock().unwrap().push((inbox.clone(), submission.tag));
            } else {
                deliver(inbox, submission.tag);
            }
        }
    }
}

impl LogReader for ToyLog {
    fn log_start(&self) -> Offset {
        Offset::ZERO
    }

    fn high_watermark(&self) -> Offset {
        Offset(self.high_watermark.load(SeqCst))
    }

    fn last_stable_offset(&self) -> Offset {
        self.high_watermark()
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn bytes_from(&self, _: Offset, _: u64) -> u64 {
        128 << 20
    }

    fn read(&self, from: Offset, max_bytes: u32, blocking: Blocking) -> Result<ReadOutcome, ReadError> {
        if blocking == Blocking::Allowed {
            self.blocking_reads.fetch_add(1, SeqCst);
            assert!(!self.broken.load(SeqCst), "the toy disk is broken");
        } else if self.on_disk.load(SeqCst) {
            return Ok(ReadOutcome::WouldBlock);
        }
        if from > self.high_watermark() {
            return Err(ReadError::OutOfRange);
        }
        let bytes = max_bytes as usize;
        let chunks = vec![vec![b'r'; bytes].into()];
        Ok(ReadOutcome::Data(ReadSlice { chunks, bytes, next_offset: from.advance(1) }))
    }

    fn batch_from_time(&self, _: RecordTime) -> Option<Offset> {
        None
    }

    fn max_timestamp(&self) -> Option<(RecordTime, Offset)> {
        None
    }

    fn watch(&self, waker: &Waker) -> WatchGuard {
        self.wakers.lock().unwrap().push(waker.clone());
        self.watchers.fetch_add(1, SeqCst);
        WatchGuard::new(Watching(self.watchers.clone()))
    }
}
