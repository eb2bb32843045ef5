//! DeleteQueue: the stream goes with all its messages, if SQS created it.
//!
//! A stream that another protocol created and SQS made a queue of is a stream of its creator again: its records stay. One
//! that another protocol works by leases is deleted there.

use super::queues::{Queue, stream_reply, submit};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::{OfQueue, operation};
use crate::sqs::translate::{detach, is_own};
use crate::step::{Context, Nothing, Step, respond};
use millstream_core::Request;
use millstream_core::catalog::SettingKey;
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(
    "DeleteQueue",
    "Deletes what SQS created; a stream of another protocol loses its queue and keeps its records.",
);

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: OfQueue<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Delete)?;
    let stream = queue.entry.id;
    let config = &queue.entry.config;
    let request = if is_own(config) {
        Request::DeleteStream { stream }
    } else if config.is_set(&SettingKey::Consumed) {
        let sentence = "The queue was created through another protocol and can be deleted there.";
        return Err(SqsError::UnsupportedOperation(sentence.to_owned()));
    } else {
        Request::AlterStream { stream, changes: detach(config) }
    };
    Ok(submit(grant.request(request), move |cx, reply| {
        stream_reply(reply)?;
        cx.shared.deleted.note(queue.entry.namespace, &queue.at.name, cx.now);
        Ok(respond(Nothing))
    }))
}
