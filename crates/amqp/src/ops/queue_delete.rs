//! queue.delete (50/40): a queue is gone afterwards, with its messages. One that was not there is gone as well.
//!
//! A stream that another protocol made loses its queue and keeps its records (R16).

use super::queues::{
    check_owner, counts, counts_request, lease_reply, name_of, removal, short_count, stream_reply,
};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::{Step, submit};
use crate::translate::{is_own, is_queue, is_stream, stream_len};
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant};
use millstream_types::ErrorKind;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    "queue.delete",
    50,
    40,
    "A stream that another protocol made stays, and is no queue any more. `if-unused` and `if-empty` count on queues of type `stream` too.",
);

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::QueueDelete { queue, if_unused, if_empty, nowait, .. } = *method else {
        return Err(misplaced());
    };
    let name = name_of(cx, number, queue)?;
    let Some(entry) = cx.backend.stream(cx.namespace, &name).filter(|entry| is_queue(entry)) else {
        return Ok(done(cx, number, nowait, 0));
    };
    check_owner(cx, &entry)?;
    let grant = cx.allow(Action::Delete, &name)?;
    if if_unused && cx.shared.consumers(entry.id) > 0 {
        return Err(in_use(cx, &name));
    }
    if is_stream(&entry) {
        if if_empty && stream_len(&*cx.backend, &entry) > 0 {
            return Err(not_empty(cx, &name));
        }
        return Ok(detach(grant, &entry, number, nowait, 0));
    }
    if is_own(&entry.config) {
        return Ok(delete(grant, &entry, number, nowait, (if_unused, if_empty)));
    }
    Ok(submit(counts_request(&grant, entry.id), move |cx, reply| {
        let ready = counts(reply)?.ready;
        if if_empty && ready > 0 {
            return Err(not_empty(cx, &name));
        }
        Ok(detach(grant, &entry, number, nowait, ready))
    }))
}

fn not_empty(cx: &Connection, name: &str) -> Fault {
    Fault::precondition(format!("queue '{name}' in vhost '{}' not empty", cx.vhost))
}

fn in_use(cx: &Connection, name: &str) -> Fault {
    Fault::precondition(format!("queue '{name}' in vhost '{}' in use", cx.vhost))
}

/// Deletes the stream of a queue, if it is as its client thinks.
fn delete(
    grant: Grant,
    entry: &Arc<StreamEntry>,
    number: u16,
    nowait: bool,
    (if_unused, if_empty): (bool, bool),
) -> Step {
    let (queue, name) = (entry.id, entry.name.clone());
    let delete = LeaseRequest::DeleteStream { stream: queue, if_unused, if_empty };
    let request = grant.request(Request::Lease(Box::new(delete)));
    submit(request, move |cx, reply| {
        let ready = match reply {
            Reply::Refused(ErrorKind::StreamInUse) => return Err(in_use(cx, &name)),
            Reply::Refused(ErrorKind::StreamNotEmpty) => return Err(not_empty(cx, &name)),
            // Somebody was faster, and gone is gone.
            Reply::Refused(ErrorKind::UnknownStream) => 0,
            reply => match lease_reply(reply)? {
                LeaseReply::Deleted { ready } => ready,
                _ => return Err(Fault::internal("an answer that was not asked for")),
            },
        };
        cx.shared.forget(queue);
        Ok(done(cx, number, nowait, ready))
    })
}

/// Takes a queue away and leaves what other protocols have of its stream.
fn detach(grant: Grant, entry: &Arc<StreamEntry>, number: u16, nowait: bool, ready: u64) -> Step {
    let queue = entry.id;
    submit(grant.request(removal(entry)), move |cx, reply| {
        // Somebody may have been faster, and gone is gone.
        if !matches!(reply, Reply::Refused(ErrorKind::UnknownStream)) {
            stream_reply(reply)?;
        }
        cx.shared.forget(queue);
        Ok(done(cx, number, nowait, ready))
    })
}

fn done(cx: &mut Connection, number: u16, nowait: bool, ready: u64) -> Step {
    if !nowait {
        cx.send(number, &Method::QueueDeleteOk { message_count: short_count(ready) });
    }
    Step::Done
}
