//! DeleteMessage and DeleteMessageBatch: a message that was received is done with.
//!
//! One file because a batch is ten of the same. Deleting again what is deleted succeeds. On a standard queue a handle whose
//! time is over still deletes, unless the message was received again since; on a FIFO queue it is refused.

use super::queues::Queue;
use super::settling::{Checked, Wish, settle, settle_batch};
use crate::json::Object;
use crate::sqs::batch::{BatchOutput, Done, Entries, Entry, Success, entries};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::step::{Context, Nothing, Step, respond};
use crate::value::Text;
use crate::xml::Xml;
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const ONE: Operation = operation(
    "DeleteMessage",
    "A handle that was replaced by a newer receive deletes nothing, and succeeds on a standard queue.",
);
pub(crate) const BATCH: Operation =
    operation("DeleteMessageBatch", "All that are deleted are durably so together.");

const ENTRY: &str = "DeleteMessageBatchRequestEntry";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "ReceiptHandle")]
    handle: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchInput<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "Entries", alias = "DeleteMessageBatchRequestEntry")]
    entries: Entries<BatchEntry<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchEntry<'a> {
    #[serde(borrow, rename = "Id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "ReceiptHandle")]
    handle: Option<Text<'a>>,
}

impl<'a> Entry<'a> for BatchEntry<'a> {
    fn id(&self) -> Option<&Text<'a>> {
        self.id.as_ref()
    }
}

/// A message that was deleted.
struct Deleted(Done);

impl Success for Deleted {
    const NAME: &'static str = "DeleteMessageBatchResultEntry";

    fn json(&self, object: &mut Object<'_>) {
        object.text("Id", &self.0.id);
    }

    fn xml(&self, xml: &mut Xml) {
        xml.element("Id", &self.0.id);
    }
}

pub(crate) fn one(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Read)?;
    let checked = Checked::new(cx, &queue, input.handle, Wish::Delete)?;
    Ok(settle(&queue, grant, vec![checked], |mut results| {
        results.pop().unwrap_or(Err(SqsError::Internal))?;
        Ok(respond(Nothing))
    }))
}

pub(crate) fn batch(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: BatchInput<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Read)?;
    let checked = entries(input.entries, ENTRY)?
        .into_iter()
        .map(|(id, entry)| (id, Checked::new(cx, &queue, entry.handle, Wish::Delete)))
        .collect();
    Ok(settle_batch(&queue, grant, checked, |results| {
        let results = results.into_iter().map(|(id, result)| {
            let done = Deleted(Done { id: id.clone() });
            (id, result.map(|()| done))
        });
        respond(BatchOutput::new(results))
    }))
}
