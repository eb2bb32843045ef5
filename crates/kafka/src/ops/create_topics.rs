//! CreateTopics (19), versions 2–7: create topics with their partitions and configuration.
//!
//! Each topic succeeds or fails on its own; one that was created is durable and usable when the answer arrives.
//! `num_partitions` −1 takes the broker's default. A manual assignment must name the partitions 0, 1, 2 … and this broker,
//! with `num_partitions` and `replication_factor` −1, as in Kafka. From version 5 on the answer shows the counts and the
//! whole configuration, from 7 on the topic id (none when `validate_only`).
//!
//! Any replication factor of at least 1, or −1, is accepted, since clients are configured for clusters; the answer and
//! Metadata show the one replica there is. Names that differ only in `.` and `_` do not collide.

use crate::codec::generated::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str, Uuid};
use crate::errors::{ErrorCode, Failure};
use crate::ops::operation;
use crate::ops::topics::{check_assignment, duplicates, stream_reply};
use crate::step::{Context, Step};
use crate::translate::config::{self, TOPIC_CONFIGS};
use crate::translate::{topic_id, topic_name_failure};
use millstream_core::catalog::StreamConfig;
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant, Resource};
use millstream_types::StreamUid;
use millstream_types::limits::LOGS_PER_STREAM_MAX;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::CreateTopics,
    "Any replication factor is accepted and one replica reported. Names that differ only in '.' and '_' may coexist.",
);

/// A topic's configuration comes from the topic itself, or from the broker's defaults.
pub(crate) const SOURCE_TOPIC: i8 = 1;
pub(crate) const SOURCE_DEFAULT: i8 = 5;

/// What becomes of one topic of the request.
enum Part {
    Refused(Failure),
    /// Nothing is created: this is what would have been.
    Validated(Box<CreateStream>),
    /// The next reply is this topic's.
    Submitted,
}

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = CreateTopicsRequest::decode(version, r)?;
    let twice = duplicates(request.topics.iter().map(|topic| &topic.name));
    let mut creates = Vec::new();
    let mut parts = Vec::with_capacity(request.topics.len());
    for topic in request.topics.iter().filter(|topic| !twice.contains(&topic.name)) {
        let part = match prepare(cx, topic) {
            Err(failure) => Part::Refused(failure),
            Ok((_, create)) if request.validate_only => Part::Validated(create),
            Ok((grant, create)) => {
                creates.push(grant.request(Request::CreateStream(create)));
                Part::Submitted
            }
        };
        parts.push((topic.name.clone(), part));
    }
    let again = || Failure::new(ErrorCode::INVALID_REQUEST, "the request names this topic more than once");
    parts.extend(twice.into_iter().map(|name| (name, Part::Refused(again()))));
    Ok(Step::Submit(
        creates,
        Box::new(move |cx, replies| {
            let mut replies = replies.into_iter();
            let topics = parts.into_iter().map(|(name, part)| result(cx, name, part, &mut replies)).collect();
            Step::respond(CreateTopicsResponse { topics, ..Default::default() })
        }),
    ))
}

fn prepare(cx: &Context, topic: &CreatableTopic) -> Result<(Grant, Box<CreateStream>), Failure> {
    let namespace = cx.principal.namespace();
    let grant = cx.allow(Action::Create, Resource::Stream(&topic.name))?;
    topic_name_failure(&topic.name)?;
    if cx.backend.stream(namespace, &topic.name).is_some() {
        return Err(exists(&topic.name));
    }
    let config = configuration(topic)?;
    let create = CreateStream {
        namespace,
        name: Arc::from(&*topic.name),
        uid: StreamUid(cx.backend.random() | 1),
        logs: logs(cx, topic)?,
        config,
    };
    Ok((grant, Box::new(create)))
}

fn exists(name: &str) -> Failure {
    Failure::new(ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{name}' already exists."))
}

fn configuration(topic: &CreatableTopic) -> Result<StreamConfig, Failure> {
    let invalid = |message: String| Failure::new(ErrorCode::INVALID_CONFIG, message);
    let mut config = StreamConfig::default();
    for asked in &topic.configs {
        let row = config::find(&asked.name)
            .ok_or_else(|| invalid(format!("there is no topic configuration {:?}", &*asked.name)))?;
        let value = asked.value.as_deref();
        let value =
            value.ok_or_else(|| invalid(format!("{} needs a value when a topic is created", row.name)))?;
        config.change(&row.set(value).map_err(invalid)?).map_err(Failure::from)?;
    }
    config::check(&config).map_err(invalid)?;
    Ok(config)
}

/// How many partitions it shall have.
fn logs(cx: &Context, topic: &CreatableTopic) -> Result<u32, Failure> {
    if !topic.assignments.is_empty() {
        return assigned(cx, topic);
    }
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        let message = "the replication factor must be at least 1, or -1 for the default";
        return Err(Failure::new(ErrorCode::INVALID_REPLICATION_FACTOR, message));
    }
    match topic.num_partitions {
        -1 => Ok(cx.options.default_logs),
        count => {
            let positive = u32::try_from(count).ok().filter(|count| *count > 0);
            let message = "the number of partitions must be at least 1, or -1 for the default";
            let count = positive.ok_or_else(|| Failure::new(ErrorCode::INVALID_PARTITIONS, message))?;
            check_count(count)
        }
    }
}

fn check_count(count: u32) -> Result<u32, Failure> {
    if count > LOGS_PER_STREAM_MAX {
        let message = format!("a topic has at most {LOGS_PER_STREAM_MAX} partitions");
        return Err(Failure::new(ErrorCode::POLICY_VIOLATION, message));
    }
    Ok(count)
}

/// How many partitions a manual assignment names.
fn assigned(cx: &Context, topic: &CreatableTopic) -> Result<u32, Failure> {
    if topic.replication_factor != -1 || topic.num_partitions != -1 {
        let message = "with a manual assignment, replication_factor and num_partitions must be -1";
        return Err(Failure::new(ErrorCode::INVALID_REQUEST, message));
    }
    let mut indexes = Vec::with_capacity(topic.assignments.len());
    for assignment in &topic.assignments {
        check_assignment(cx, &assignment.broker_ids)?;
        indexes.push(assignment.partition_index);
    }
    indexes.sort_unstable();
    if indexes.iter().zip(0..).any(|(index, expected)| *index != expected) {
        let message = "the assigned partitions must be 0, 1, 2 and so on, each once";
        return Err(Failure::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    }
    check_count(u32::try_from(indexes.len()).unwrap_or(u32::MAX))
}

fn result(
    cx: &Context,
    name: Str,
    part: Part,
    replies: &mut impl Iterator<Item = Reply>,
) -> CreatableTopicResult {
    match part {
        Part::Refused(failure) => refused(name, &failure),
        Part::Validated(create) => created(cx, name, Uuid::NIL, create.logs, &create.config),
        Part::Submitted => match stream_reply(replies.next()) {
            Ok(entry) => created(cx, name, topic_id(entry.uid), entry.logs, &entry.config),
            // Someone else was faster.
            Err(failure) if failure.code == ErrorCode::TOPIC_ALREADY_EXISTS => {
                let failure = exists(&name);
                refused(name, &failure)
            }
            Err(failure) => refused(name, &failure),
        },
    }
}

fn refused(name: Str, failure: &Failure) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: failure.code.0,
        error_message: failure.message(),
        ..Default::default()
    }
}

fn created(
    cx: &Context,
    name: Str,
    topic_id: Uuid,
    logs: u32,
    config: &StreamConfig,
) -> CreatableTopicResult {
    let shown = CreatableTopicResult { name, topic_id, error_message: None, ..Default::default() };
    if let Err(code) = cx.allow(Action::Describe, Resource::Stream(&shown.name)) {
        return CreatableTopicResult { topic_config_error_code: code.0, ..shown };
    }
    let configs = TOPIC_CONFIGS.iter().map(|row| CreatableTopicConfigs {
        name: Str::from_static(row.name),
        value: Some(Str::from(row.value(config))),
        read_only: false,
        config_source: if row.is_set(config) { SOURCE_TOPIC } else { SOURCE_DEFAULT },
        is_sensitive: false,
    });
    CreatableTopicResult {
        num_partitions: i32::try_from(logs).expect("a stream has at most 10,000 logs"),
        replication_factor: 1,
        configs: Some(configs.collect()),
        ..shown
    }
}
