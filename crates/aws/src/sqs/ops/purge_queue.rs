//! PurgeQueue: everything in the queue is done with, what is out included. Once a minute at most.
//!
//! Nothing that was sent before the request is received after the reply; what is sent meanwhile stays.

use super::queues::{Queue, lease_reply, stream_reply};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::QUEUE_PAUSE_MS;
use crate::sqs::ops::{OfQueue, operation};
use crate::sqs::translate::Stored;
use crate::step::{Context, Nothing, Step, respond};
use millstream_core::lease::{LeaseReply, LeaseRequest, SeekTo};
use millstream_core::{Reply, Request};
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(
    "PurgeQueue",
    "Done when the reply comes. Other protocols' readers of the stream still see the records.",
);

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: OfQueue<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Delete)?;
    let recently = queue.stored().purged().is_some_and(|purged| cx.now.since_ms(purged) < QUEUE_PAUSE_MS);
    if recently {
        return Err(SqsError::PurgeQueueInProgress(queue.at.name));
    }
    let mark = Request::AlterStream { stream: queue.entry.id, changes: vec![Stored::purge(cx.now)] };
    let seek = LeaseRequest::Seek { group: queue.group(), to: SeekTo::End };
    let requests = vec![grant.allow(mark), grant.allow(Request::Lease(Box::new(seek)))];
    Ok(Step::Submit(requests, Box::new(|_, replies| purged(replies).into())))
}

fn purged(replies: Vec<Reply>) -> Result<Step, SqsError> {
    let [mark, seek] = <[Reply; 2]>::try_from(replies).map_err(|_| SqsError::Internal)?;
    stream_reply(mark)?;
    match lease_reply(seek)? {
        LeaseReply::Sought { .. } => Ok(respond(Nothing)),
        _ => Err(SqsError::Internal),
    }
}
