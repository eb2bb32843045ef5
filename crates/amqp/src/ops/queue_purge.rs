//! queue.purge (50/30): everything in a queue that nobody has out is done with.

use super::queues::{find, lease_reply_of, name_of, not_of_streams, short_count};
use super::{misplaced, operation};
use crate::codec::Method;
use crate::errors::Fault;
use crate::session::Connection;
use crate::step::{Step, submit};
use millstream_core::Request;
use millstream_core::lease::{LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation("queue.purge", 50, 30, "");

pub(crate) fn start(cx: &mut Connection, number: u16, method: &Method<'_>) -> Result<Step, Fault> {
    let Method::QueuePurge { queue, nowait, .. } = *method else { return Err(misplaced()) };
    let name = name_of(cx, number, queue)?;
    let entry = find(cx, &name)?;
    not_of_streams(cx, &entry, "queue.purge")?;
    let grant = cx.allow(Action::Delete, &name)?;
    let purge = LeaseRequest::Purge { group: LeaseGroupId::default_of(entry.id) };
    let request = grant.request(Request::Lease(Box::new(purge)));
    Ok(submit(request, move |cx, reply| match lease_reply_of(cx, &entry, reply)? {
        LeaseReply::Purged { settled } => {
            if !nowait {
                cx.send(number, &Method::QueuePurgeOk { message_count: short_count(settled) });
            }
            Ok(Step::Done)
        }
        _ => Err(Fault::internal("an answer that was not asked for")),
    }))
}
