//! ChangeMessageVisibility and ChangeMessageVisibilityBatch: keep a message longer, or give it back.
//!
//! One file because a batch is ten of the same. The time counts from now; 0 makes the message visible at once. Altogether
//! a receive lasts at most twelve hours.

use super::queues::Queue;
use super::settling::{Checked, Wish, settle, settle_batch, visibility};
use crate::json::Object;
use crate::sqs::batch::{BatchOutput, Done, Entries, Entry, Success, entries};
use crate::sqs::call::{Call, required};
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::step::{Context, Nothing, Step, respond};
use crate::value::{Int, Text};
use crate::xml::Xml;
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const ONE: Operation = operation("ChangeMessageVisibility", "");
pub(crate) const BATCH: Operation = operation("ChangeMessageVisibilityBatch", "");

const ENTRY: &str = "ChangeMessageVisibilityBatchRequestEntry";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "ReceiptHandle")]
    handle: Option<Text<'a>>,
    #[serde(rename = "VisibilityTimeout")]
    seconds: Option<Int>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchInput<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "Entries", alias = "ChangeMessageVisibilityBatchRequestEntry")]
    entries: Entries<BatchEntry<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchEntry<'a> {
    #[serde(borrow, rename = "Id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "ReceiptHandle")]
    handle: Option<Text<'a>>,
    #[serde(rename = "VisibilityTimeout")]
    seconds: Option<Int>,
}

impl<'a> Entry<'a> for BatchEntry<'a> {
    fn id(&self) -> Option<&Text<'a>> {
        self.id.as_ref()
    }
}

/// A message that is kept as long as was asked for.
struct Changed(Done);

impl Success for Changed {
    const NAME: &'static str = "ChangeMessageVisibilityBatchResultEntry";

    fn json(&self, object: &mut Object<'_>) {
        object.text("Id", &self.0.id);
    }

    fn xml(&self, xml: &mut Xml) {
        xml.element("Id", &self.0.id);
    }
}

fn wish(seconds: Option<Int>) -> Result<Wish, SqsError> {
    Ok(Wish::Keep(required(visibility(seconds)?, "VisibilityTimeout")?))
}

pub(crate) fn one(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Read)?;
    let checked = Checked::new(cx, &queue, input.handle, wish(input.seconds)?)?;
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
        .map(|(id, entry)| {
            let checked = wish(entry.seconds).and_then(|wish| Checked::new(cx, &queue, entry.handle, wish));
            (id, checked)
        })
        .collect();
    Ok(settle_batch(&queue, grant, checked, |results| {
        let results = results.into_iter().map(|(id, result)| {
            let done = Changed(Done { id: id.clone() });
            (id, result.map(|()| done))
        });
        respond(BatchOutput::new(results))
    }))
}
