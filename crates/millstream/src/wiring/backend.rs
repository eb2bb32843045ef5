//! The engine's handle as the backend of fronts.
//!
//! Apart from the readers because this half is about requests and the catalog.

use crate::trace::Tracer;
use crate::wiring::random;
use crate::wiring::reader::ViewReader;
use crate::wiring::traced::{Traced, TracedSink};
use millstream_core::Reply;
use millstream_core::catalog::{NamespaceEntry, StreamEntry};
use millstream_core::route::{Lookup, RouteEntry};
use millstream_engine::{Handle, ReplySink, Submission as EngineSubmission};
use millstream_front::backend::{Backend, Inbox, LogReader, WatchGuard};
use millstream_front::{Moment, Submission, Tag};
use millstream_types::{EngineTime, LogId, Namespace, RouteId, StreamId, StreamUid};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Waker;

/// Fronts whose reads are told apart, by name: each has a bit.
const READERS: [&str; 4] = ["kafka", "amqp", "aws", "http"];

#[derive(Clone)]
pub(super) struct EngineBackend {
    handle: Handle,
    data_dir: PathBuf,
    tracer: Option<Arc<Tracer>>,
    /// The bit of the front that reads; 0: nobody who is told apart.
    reader: u32,
}

impl EngineBackend {
    pub(super) fn new(handle: Handle, data_dir: &Path, tracer: Option<Arc<Tracer>>) -> EngineBackend {
        EngineBackend { handle, data_dir: data_dir.to_owned(), tracer, reader: 0 }
    }

    /// The same for a front, so that it is known who reads a log.
    pub(super) fn of(&self, front: &str) -> EngineBackend {
        let place = READERS.iter().position(|known| *known == front);
        EngineBackend { reader: place.map_or(0, |place| 1 << place), ..self.clone() }
    }
}

/// A connection's inbox as the engine sees it.
struct InboxSink(Arc<dyn Inbox>);

impl ReplySink for InboxSink {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        self.0.deliver(&mut replies.map(|(tag, reply)| (Tag(tag), reply)));
    }
}

impl Lookup for EngineBackend {
    fn route(&self, namespace: Namespace, name: &str) -> Option<Arc<RouteEntry>> {
        self.handle.catalog().route(namespace, name)
    }

    fn route_by_id(&self, route: RouteId) -> Option<Arc<RouteEntry>> {
        self.handle.catalog().route_by_id(route)
    }

    fn stream_by_id(&self, stream: StreamId) -> Option<Arc<StreamEntry>> {
        self.handle.catalog().stream_by_id(stream)
    }
}

impl Backend for EngineBackend {
    fn now(&self) -> EngineTime {
        self.handle.now()
    }

    fn moment(&self) -> Moment {
        let (now, micros) = self.handle.now_and_micros();
        Moment { now, micros }
    }

    fn random(&self) -> u128 {
        random::number()
    }

    fn cluster_id(&self) -> u128 {
        self.handle.directory_id()
    }

    fn namespace(&self, name: &str) -> Option<Namespace> {
        self.handle.catalog().namespace(name)
    }

    fn namespace_entry(&self, name: &str) -> Option<Arc<NamespaceEntry>> {
        self.handle.catalog().namespace_entry(name)
    }

    fn namespaces(&self) -> Vec<Arc<NamespaceEntry>> {
        self.handle.catalog().namespaces()
    }

    fn stream(&self, namespace: Namespace, name: &str) -> Option<Arc<StreamEntry>> {
        self.handle.catalog().stream(namespace, name)
    }

    fn stream_by_uid(&self, namespace: Namespace, uid: StreamUid) -> Option<Arc<StreamEntry>> {
        self.handle.catalog().stream_by_uid(uid).filter(|entry| entry.namespace == namespace)
    }

    fn streams(&self, namespace: Namespace) -> Vec<Arc<StreamEntry>> {
        self.handle.catalog().streams(namespace)
    }

    fn routes(&self, namespace: Namespace) -> Vec<Arc<RouteEntry>> {
        self.handle.catalog().routes(namespace)
    }

    fn log(&self, log: LogId) -> Option<Arc<dyn LogReader>> {
        let view = self.handle.view(log)?;
        let traced =
            self.tracer.as_ref().map(|tracer| Traced { tracer: tracer.clone(), handle: self.handle.clone() });
        Some(Arc::new(ViewReader::new(view, self.reader, traced)))
    }

    fn stream_count(&self, namespace: Namespace) -> usize {
        self.handle.catalog().stream_count(namespace)
    }

    fn streams_behind(
        &self,
        namespace: Namespace,
        after: Option<&str>,
        max: usize,
        is_wanted: &dyn Fn(&StreamEntry) -> bool,
    ) -> Vec<Arc<StreamEntry>> {
        self.handle.catalog().streams_behind(namespace, after, max, is_wanted)
    }

    fn route_count(&self, namespace: Namespace) -> usize {
        self.handle.catalog().route_count(namespace)
    }

    fn reader_names(&self) -> &[&'static str] {
        &READERS
    }

    fn disk_bytes(&self) -> (u64, u64) {
        // A file system that cannot be asked has nothing to show; clients read 0 as "unknown".
        rustix::fs::statvfs(&self.data_dir)
            .map_or((0, 0), |stat| (stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize))
    }

    fn is_disk_full(&self) -> bool {
        self.handle.files().lane().is_disk_full
    }

    fn is_memory_full(&self) -> bool {
        self.handle.ephemeral_memory().is_full
    }

    fn watch_room(&self, waker: &Waker) -> WatchGuard {
        WatchGuard::new(self.handle.watch_room(waker))
    }

    fn submit(&self, inbox: &Arc<dyn Inbox>, submissions: Vec<Submission>) {
        let sink: Arc<dyn ReplySink> = match &self.tracer {
            None => Arc::new(InboxSink(inbox.clone())),
            Some(tracer) => Arc::new(TracedSink::new(inbox, tracer, &self.handle, &submissions)),
        };
        self.handle.submit(submissions.into_iter().map(|submission| EngineSubmission {
            sink: sink.clone(),
            tag: submission.tag.0,
            request: submission.request.into_inner(),
            chain: submission.chain,
        }));
    }
}
