//! Finding queues: what nearly every operation begins with, and how the broker takes them away.
//!
//! Apart because a queue that does not exist, one that is a stream of another kind, and one that belongs to another
//! connection must be answered alike from every operation.

use crate::errors::{Code, Fault};
use crate::session::{Connection, Pending, Source};
use crate::translate::{Stored, cleaned, is_own, is_queue, is_stream};
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{GroupCounts, LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Grant};
use millstream_types::{ErrorKind, StreamId};
use std::sync::Arc;

/// The name that a client means: its own, or that of the last queue which its channel declared.
pub(super) fn name_of(cx: &mut Connection, number: u16, name: &str) -> Result<Arc<str>, Fault> {
    if !name.is_empty() {
        return Ok(cleaned(name).into());
    }
    let last = cx.channel(number).last_queue.clone();
    last.ok_or_else(|| Fault::new(Code::NOT_FOUND, "no previously declared queue"))
}

/// The queue of a name.
pub(super) fn find(cx: &Connection, name: &str) -> Result<Arc<StreamEntry>, Fault> {
    let entry = cx.backend.stream(cx.namespace, name).filter(|entry| is_queue(entry));
    let entry = entry.ok_or_else(|| Fault::no_queue(name, &cx.vhost))?;
    check_owner(cx, &entry)?;
    Ok(entry)
}

/// Whether there is a queue of a name, whosever it is.
pub(super) fn is_there(cx: &Connection, name: &str) -> bool {
    cx.backend.stream(cx.namespace, name).is_some_and(|entry| is_queue(&entry))
}

/// Refuses a queue that another connection has for itself.
pub(super) fn check_owner(cx: &Connection, entry: &StreamEntry) -> Result<(), Fault> {
    match cx.shared.owner(entry.id) {
        Some(owner) if owner != cx.id => Err(Fault::locked(&entry.name, &cx.vhost)),
        _ => Ok(()),
    }
}

/// Refuses what cannot be done with a queue of type `stream`.
pub(super) fn not_of_streams(cx: &Connection, entry: &StreamEntry, method: &str) -> Result<(), Fault> {
    if !is_stream(entry) {
        return Ok(());
    }
    Err(Fault::not_of_streams(method, &entry.name, &cx.vhost))
}

/// A queue to take records from.
pub(super) fn source(cx: &Connection, entry: Arc<StreamEntry>) -> Result<Arc<Source>, Fault> {
    let grant = cx.allow(Action::Read, &entry.name)?;
    Ok(Arc::new(Source { entry, grant }))
}

/// Asks how many records are where.
pub(super) fn counts_request(grant: &Grant, queue: StreamId) -> Authorized<Request> {
    let groups = vec![LeaseGroupId::default_of(queue)];
    grant.allow(Request::Lease(Box::new(LeaseRequest::Describe { groups })))
}

/// The answer to that.
pub(super) fn counts(reply: Reply) -> Result<GroupCounts, Fault> {
    Ok(counts_if_there(reply)??)
}

/// The answer to that, where the queue may be gone meanwhile.
pub(super) fn counts_if_there(reply: Reply) -> Result<Result<GroupCounts, ErrorKind>, Fault> {
    match lease_reply(reply)? {
        LeaseReply::Described(described) => {
            described.into_iter().next().ok_or_else(|| Fault::internal("no counts for a queue"))
        }
        _ => Err(Fault::internal("an answer that was not asked for")),
    }
}

/// A count as the wire has it.
pub(super) fn short_count(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// An answer about leases.
pub(super) fn lease_reply(reply: Reply) -> Result<LeaseReply, Fault> {
    match reply {
        Reply::Lease(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Fault::internal("an answer that was not asked for")),
    }
}

/// An answer about the leases of a queue that may be gone meanwhile.
pub(super) fn lease_reply_of(
    cx: &Connection,
    source: &StreamEntry,
    reply: Reply,
) -> Result<LeaseReply, Fault> {
    match reply {
        Reply::Refused(kind) => Err(Fault::of_queue(kind, &source.name, &cx.vhost)),
        reply => lease_reply(reply),
    }
}

/// The entry that a change of the catalog left.
pub(super) fn stream_reply(reply: Reply) -> Result<Arc<StreamEntry>, Fault> {
    match reply {
        Reply::Stream(entry) => Ok(entry),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Fault::internal("an answer that was not asked for")),
    }
}

/// Takes a queue away: with its stream if this front made that, else the stream loses its queue (R16).
pub(super) fn removal(entry: &StreamEntry) -> Request {
    if is_own(&entry.config) {
        return Request::DeleteStream { stream: entry.id };
    }
    Request::AlterStream { stream: entry.id, changes: Stored { config: &entry.config }.detach() }
}

impl Connection {
    /// Takes a queue away that nobody asks to be taken away: the last of its users is gone.
    pub(crate) fn delete_unasked(&mut self, entry: &StreamEntry) {
        self.shared.forget(entry.id);
        // What may be declared may go away by its own rule.
        if let Ok(grant) = self.allow(Action::Delete, &entry.name) {
            self.submit(Pending::Quiet, grant.request(removal(entry)));
        }
    }

    /// Takes the queues away that this connection had for itself.
    pub(crate) fn end_exclusive_queues(&mut self) {
        for queue in self.shared.disown_all(self.id) {
            if let Ok(grant) = self.allow(Action::Delete, "") {
                self.submit(Pending::Quiet, grant.request(Request::DeleteStream { stream: queue }));
            }
        }
    }
}
