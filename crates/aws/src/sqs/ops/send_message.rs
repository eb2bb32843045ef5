//! SendMessage: one message, durable when the reply comes.
//!
//! A duplicate on a FIFO queue, within five minutes, is not stored again and answered with the first one's id and
//! sequence number, whichever protocol and connection it comes by. A group on a standard queue makes it a fair one:
//! who has the fewest messages out comes first.

use super::queues::Queue;
use super::sending::{Sent, send};
use crate::json::Object;
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::sqs::outgoing::{Outgoing, RawMessage};
use crate::step::{Context, Output, Step, respond};
use crate::xml::Xml;
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(
    "SendMessage",
    "On the disk when the reply comes. The first group on a standard queue makes it a fair one for good.",
);

/// Bytes of a reply in JSON, about.
const REPLY_BYTES: usize = 160;

impl Output for Sent {
    fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(REPLY_BYTES);
        let mut reply = Object::begin(&mut out);
        self.members(&mut reply);
        reply.end();
        out
    }

    fn xml(&self, xml: &mut Xml) {
        self.elements(xml);
    }
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let raw: RawMessage<'_> = call.read()?;
    let queue = Queue::of(cx, call, raw.url.as_ref())?;
    let grant = queue.allow(cx, Action::Write)?;
    let settings = queue.settings();
    let message = Outgoing::check(raw, &settings)?;
    send(cx, &queue, &grant, &settings, vec![message], |mut sent| {
        sent.pop().ok_or(SqsError::Internal)?.map(respond)
    })
}
