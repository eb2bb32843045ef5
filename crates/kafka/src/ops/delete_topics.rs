//! DeleteTopics (20), versions 1–6: delete topics with all their records.
//!
//! Topics go by name, in version 6 by name or id. Each is deleted or refused on its own; one that was deleted is gone
//! when the answer arrives, and a topic created anew under its name has another id. What the request names twice, whether
//! by name or id, is refused.

use crate::codec::generated::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str, Uuid};
use crate::errors::{ErrorCode, Failure};
use crate::ops::operation;
use crate::ops::topics::{duplicates, find_topic, find_topic_by_id, stream_reply};
use crate::step::{Context, Step};
use crate::translate::topic_id;
use millstream_core::Request;
use millstream_core::catalog::StreamEntry;
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use millstream_types::StreamId;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(ApiKey::DeleteTopics, "");

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = DeleteTopicsRequest::decode(version, r)?;
    let by_name = |name| DeleteTopicState { name: Some(name), topic_id: Uuid::NIL };
    let asked: Vec<DeleteTopicState> =
        request.topic_names.into_iter().map(by_name).chain(request.topics).collect();
    let twice_by_name = duplicates(asked.iter().filter_map(|topic| topic.name.as_ref()));
    let ids = asked.iter().filter(|topic| topic.name.is_none()).map(|topic| &topic.topic_id);
    let twice_by_id = duplicates(ids.filter(|id| !id.is_nil()));
    let mut answered: BTreeSet<(Option<Str>, Uuid)> = BTreeSet::new();
    let mut deleted: BTreeSet<StreamId> = BTreeSet::new();
    let mut deletions = Vec::new();
    let mut parts: Vec<(DeleteTopicState, Result<Arc<StreamEntry>, Failure>)> = Vec::new();
    for topic in asked {
        let twice = topic
            .name
            .as_ref()
            .map_or_else(|| twice_by_id.contains(&topic.topic_id), |name| twice_by_name.contains(name));
        let found = if twice {
            if !answered.insert((topic.name.clone(), topic.topic_id)) {
                continue;
            }
            Err(Failure::new(ErrorCode::INVALID_REQUEST, "the request names this topic more than once"))
        } else {
            find(cx, &topic)
        };
        let checked = found.and_then(|entry| {
            let grant = cx.allow(Action::Delete, Resource::Stream(&entry.name))?;
            if !deleted.insert(entry.id) {
                let message = "the request names this topic by name and by id";
                return Err(Failure::new(ErrorCode::INVALID_REQUEST, message));
            }
            deletions.push(grant.request(Request::DeleteStream { stream: entry.id }));
            Ok(entry)
        });
        parts.push((topic, checked));
    }
    Ok(Step::Submit(
        deletions,
        Box::new(move |_, replies| {
            let mut replies = replies.into_iter();
            let responses = parts.into_iter().map(|(topic, checked)| {
                let done = checked.and_then(|_| stream_reply(replies.next()));
                result(topic, done)
            });
            Step::respond(DeleteTopicsResponse { responses: responses.collect(), ..Default::default() })
        }),
    ))
}

fn find(cx: &Context, topic: &DeleteTopicState) -> Result<Arc<StreamEntry>, Failure> {
    let invalid = |message: &str| Err(Failure::new(ErrorCode::INVALID_REQUEST, message));
    match &topic.name {
        None if topic.topic_id.is_nil() => invalid("neither a name nor an id was given"),
        Some(_) if !topic.topic_id.is_nil() => invalid("a name and an id were given; one of them is enough"),
        None => Ok(find_topic_by_id(cx, topic.topic_id)?),
        Some(name) => Ok(find_topic(cx, name)?),
    }
}

fn result(topic: DeleteTopicState, done: Result<Arc<StreamEntry>, Failure>) -> DeletableTopicResult {
    match done {
        Ok(entry) => DeletableTopicResult {
            name: Some(Str::from(&*entry.name)),
            topic_id: topic_id(entry.uid),
            error_code: 0,
            error_message: None,
        },
        Err(failure) => DeletableTopicResult {
            name: topic.name,
            topic_id: topic.topic_id,
            error_code: failure.code.0,
            error_message: failure.message(),
        },
    }
}
