//! SendMessageBatch: up to ten messages, together at most 1 MiB; each is taken or refused on its own.
//!
//! What is taken is durable together. Entries are refused before anything is stored.

use super::queues::Queue;
use super::sending::{Sent, send};
use crate::json::Object;
use crate::sqs::batch::{BatchOutput, Entries, Success, entries};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::MESSAGE_BYTES_MAX;
use crate::sqs::ops::operation;
use crate::sqs::outgoing::{Outgoing, RawMessage};
use crate::step::{Context, Step, respond};
use crate::value::Text;
use crate::xml::Xml;
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const OPERATION: Operation =
    operation("SendMessageBatch", "All messages that are taken are durable together.");

const ENTRY: &str = "SendMessageBatchRequestEntry";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "Entries", alias = "SendMessageBatchRequestEntry")]
    entries: Entries<RawMessage<'a>>,
}

impl Success for Sent {
    const NAME: &'static str = "SendMessageBatchResultEntry";

    fn json(&self, object: &mut Object<'_>) {
        self.members(object);
    }

    fn xml(&self, xml: &mut Xml) {
        self.elements(xml);
    }
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Write)?;
    let settings = queue.settings();
    let entries = entries(input.entries, ENTRY)?;
    let mut messages = Vec::with_capacity(entries.len());
    let mut bytes = 0;
    // Per entry: refused here, or the next answer is its own.
    let checked: Vec<(String, Result<(), SqsError>)> = entries
        .into_iter()
        .map(|(id, raw)| {
            bytes += raw.bytes();
            (id, Outgoing::check(raw, &settings).map(|message| messages.push(message)))
        })
        .collect();
    if bytes > MESSAGE_BYTES_MAX {
        return Err(SqsError::BatchRequestTooLong(bytes));
    }
    if messages.is_empty() {
        let refused = checked.into_iter().map(|(id, refusal)| (id, refusal.and(Err(SqsError::Internal))));
        return Ok(respond(BatchOutput::<Sent>::new(refused)));
    }
    send(cx, &queue, &grant, &settings, messages, move |sent| {
        let mut sent = sent.into_iter();
        let results = checked.into_iter().map(|(id, checked)| {
            let result = checked.and_then(|()| sent.next().unwrap_or(Err(SqsError::Internal)));
            let own = id.clone();
            (id, result.map(|sent| sent.entry(own)))
        });
        Ok(respond(BatchOutput::new(results)))
    })
}
