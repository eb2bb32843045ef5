//! Where records pass that somebody follows: what is appended, and what is read.
//!
//! Apart because none of it is there unless traces are asked for.

use crate::trace::{Parent, Tracer};
use millstream_core::{Reply, Request};
use millstream_engine::{Handle, ReplySink};
use millstream_front::backend::Inbox;
use millstream_front::{ReadSlice, Submission, Tag};
use millstream_types::{EngineTime, LogId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Follows what is read.
pub(super) struct Traced {
    pub(super) tracer: Arc<Tracer>,
    pub(super) handle: Handle,
}

impl Traced {
    /// Batches of a log were read.
    pub(super) fn delivered(&self, log: LogId, slice: &ReadSlice) {
        if let Some(entry) = self.handle.catalog().stream_by_id(log.stream) {
            self.tracer.delivered(&entry.name, slice, self.handle.now());
        }
    }
}

/// A connection's inbox, with what is followed of the requests that are answered to it.
pub(super) struct TracedSink {
    inbox: Arc<dyn Inbox>,
    tracer: Arc<Tracer>,
    handle: Handle,
    began: EngineTime,
    /// By the requests' tags.
    appends: Mutex<BTreeMap<u64, Vec<(LogId, Parent)>>>,
}

impl TracedSink {
    pub(super) fn new(
        inbox: &Arc<dyn Inbox>,
        tracer: &Arc<Tracer>,
        handle: &Handle,
        submissions: &[Submission],
    ) -> TracedSink {
        let mut appends = BTreeMap::new();
        for submission in submissions {
            let batches = match submission.request.get() {
                Request::Append(batches) => batches,
                Request::Transact(transact) => &transact.appends,
                _ => continue,
            };
            let traces = tracer.traces(batches);
            if !traces.is_empty() {
                appends.insert(submission.tag.0, traces);
            }
        }
        let (inbox, tracer, handle) = (inbox.clone(), tracer.clone(), handle.clone());
        TracedSink { inbox, tracer, began: handle.now(), handle, appends: Mutex::new(appends) }
    }
}

impl ReplySink for TracedSink {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        let now = self.handle.now();
        self.inbox.deliver(&mut replies.map(|(tag, reply)| {
            if !matches!(reply, Reply::Refused(_)) {
                for (log, parent) in self.appends.lock().remove(&tag).into_iter().flatten() {
                    if let Some(entry) = self.handle.catalog().stream_by_id(log.stream) {
                        self.tracer.appended(&entry.name, parent, self.began, now);
                    }
                }
            }
            (Tag(tag), reply)
        }));
    }
}
