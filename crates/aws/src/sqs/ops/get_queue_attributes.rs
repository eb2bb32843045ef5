//! GetQueueAttributes: what a queue is set to, and how many messages it has.
//!
//! The counts are called approximate and are exact: they are of one moment, and all that was replied to before is in
//! them.

use super::queues::{Queue, lease, lease_reply, submit};
use crate::sqs::attributes::{AttributeName, Wish};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::LISTED_NAMES_MAX;
use crate::sqs::ops::operation;
use crate::step::{Context, Output, Step, respond};
use crate::value::{List, Text};
use crate::xml::Xml;
use millstream_core::lease::{GroupCounts, LeaseReply, LeaseRequest};
use millstream_front::Action;
use millstream_front::registry::Operation;
use millstream_types::EngineTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const OPERATION: Operation = operation(
    "GetQueueAttributes",
    "The counts are exact. What is on its way to a dead-letter queue counts as not visible.",
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "AttributeNames", alias = "AttributeName")]
    names: List<Text<'a>, LISTED_NAMES_MAX>,
}

#[derive(Serialize)]
struct Attributes {
    #[serde(rename = "Attributes", skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

impl Output for Attributes {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("nothing but texts")
    }

    fn xml(&self, xml: &mut Xml) {
        for (name, value) in &self.attributes {
            xml.open("Attribute");
            xml.element("Name", name);
            xml.element("Value", value);
            xml.close("Attribute");
        }
    }
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Describe)?;
    let wish = Wish::new(input.names.items)?;
    if !wish.wants_counts() {
        return Ok(respond(show(&queue, &wish, GroupCounts::default())));
    }
    let request = lease(grant, LeaseRequest::Describe { groups: vec![queue.group()] });
    Ok(submit(request, move |_, reply| match lease_reply(reply)? {
        LeaseReply::Described(mut counts) => match counts.pop() {
            Some(Ok(counts)) => Ok(respond(show(&queue, &wish, counts))),
            Some(Err(kind)) => Err(kind.into()),
            None => Err(SqsError::Internal),
        },
        _ => Err(SqsError::Internal),
    }))
}

fn show(queue: &Queue, wish: &Wish, counts: GroupCounts) -> Attributes {
    let settings = queue.settings();
    let created = queue.entry.created;
    let seconds = |time: EngineTime| (time.0 / 1000).to_string();
    let value = |attribute| match attribute {
        AttributeName::ApproximateNumberOfMessages => Some(counts.ready.to_string()),
        AttributeName::ApproximateNumberOfMessagesNotVisible => {
            Some((counts.leased + counts.moving).to_string())
        }
        AttributeName::ApproximateNumberOfMessagesDelayed => Some(counts.delayed.to_string()),
        AttributeName::CreatedTimestamp => Some(seconds(created)),
        AttributeName::LastModifiedTimestamp => Some(seconds(queue.stored().modified().unwrap_or(created))),
        AttributeName::QueueArn => Some(queue.at.arn()),
        setting => settings.get(setting),
    };
    let shown = wish.attributes().iter().filter_map(|wanted| Some((wanted.name(), value(*wanted)?)));
    Attributes { attributes: shown.collect() }
}
