//! SetQueueAttributes: all attributes given are set, or none. They hold from the reply on.
//!
//! A new delay holds for messages sent from then on, also on FIFO queues. An empty policy takes the old one away.

use super::create_queue::{ATTRIBUTES_MAX, check_target};
use super::queues::{Queue, stream_reply, submit};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::step::{Context, Nothing, Step, respond};
use crate::value::{Map, Text};
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const OPERATION: Operation = operation(
    "SetQueueAttributes",
    "In effect when the reply comes. A FIFO queue's new delay does not change messages sent before.",
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "Attributes", alias = "Attribute")]
    attributes: Map<'a, Text<'a>, ATTRIBUTES_MAX>,
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    if input.attributes.sent == 0 {
        return Err(SqsError::MissingParameter("Attribute.Name"));
    }
    let attributes: Vec<(&str, &str)> =
        input.attributes.entries.iter().map(|(name, value)| (&**name, &**value)).collect();
    let old = queue.settings();
    let mut new = old.clone();
    new.set_all(&attributes)?;
    if let Some(policy) = new.redrive.as_ref().filter(|_| old.redrive != new.redrive) {
        check_target(cx, &queue.at, new.fifo, policy)?;
    }
    let changes = queue.stored().changes(&old, &new, cx.now);
    Ok(submit(queue.alter(cx, changes)?, |_, reply| {
        stream_reply(reply)?;
        Ok(respond(Nothing))
    }))
}
