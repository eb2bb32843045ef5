//! TagQueue, UntagQueue and ListQueueTags.
//!
//! One file because each is a few lines about the same map.

use super::queues::{Queue, stream_reply, submit};
use crate::sqs::attributes::{TagMap, check_tags};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::TAGS_MAX;
use crate::sqs::ops::{OfQueue, operation};
use crate::step::{Context, Nothing, Output, Step, respond};
use crate::value::{List, Map, Text};
use crate::xml::Xml;
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::{Deserialize, Serialize};

pub(crate) const TAG: Operation = operation("TagQueue", "");
pub(crate) const UNTAG: Operation = operation("UntagQueue", "");
pub(crate) const LIST: Operation = operation("ListQueueTags", "");

#[derive(Default, Deserialize)]
#[serde(default)]
struct TagInput<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    /// One more than a queue may have, so that too many are noticed.
    #[serde(borrow, rename = "Tags", alias = "Tag")]
    tags: Map<'a, Text<'a>, { TAGS_MAX + 1 }>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UntagInput<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "TagKeys", alias = "TagKey")]
    keys: List<Text<'a>, TAGS_MAX>,
}

#[derive(Serialize)]
struct Tags {
    #[serde(rename = "Tags", skip_serializing_if = "TagMap::is_empty")]
    tags: TagMap,
}

impl Output for Tags {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("nothing but texts")
    }

    fn xml(&self, xml: &mut Xml) {
        for (key, value) in &self.tags {
            xml.open("Tag");
            xml.element("Key", key);
            xml.element("Value", value);
            xml.close("Tag");
        }
    }
}

pub(crate) fn tag(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: TagInput<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    if input.tags.sent == 0 {
        return Err(SqsError::MissingParameter("Tags"));
    }
    let mut tags = queue.stored().tags();
    let added = input.tags.entries.into_iter().map(|(key, value)| (key.into_string(), value.into_string()));
    tags.extend(added);
    check_tags(&tags)?;
    store(cx, &queue, &tags)
}

pub(crate) fn untag(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: UntagInput<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    if input.keys.sent == 0 {
        return Err(SqsError::InvalidParameterValue("Tag keys can't be empty.".to_owned()));
    }
    let mut tags = queue.stored().tags();
    tags.retain(|key, _| input.keys.items.iter().all(|gone| **gone != **key));
    store(cx, &queue, &tags)
}

pub(crate) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: OfQueue<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    queue.allow(cx, Action::Describe)?;
    Ok(respond(Tags { tags: queue.stored().tags() }))
}

fn store(cx: &Context, queue: &Queue, tags: &TagMap) -> Result<Step, SqsError> {
    let mut changes = Vec::new();
    queue.stored().set_tags(tags, &mut changes);
    Ok(submit(queue.alter(cx, changes)?, |_, reply| {
        stream_reply(reply)?;
        Ok(respond(Nothing))
    }))
}
