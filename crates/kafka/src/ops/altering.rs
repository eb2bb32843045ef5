//! What AlterConfigs and IncrementalAlterConfigs share: checking changes, making them, one outcome per resource.
//!
//! Apart because both must refuse the same things. The changes of one resource are made together or not at all;
//! resources do not depend on each other. Broker configuration is read-only here: an operator sets it where the broker is
//! started, so a request that wants to change it is refused, and one that changes nothing is not.

use crate::codec::Str;
use crate::errors::{ErrorCode, Failure};
use crate::ops::describe_configs::{RESOURCE_BROKER, RESOURCE_TOPIC, check_broker};
use crate::ops::topics::{duplicates, find_topic, stream_reply};
use crate::step::{Context, Step};
use crate::translate::config::{self, TOPIC_CONFIGS, TopicConfig, items};
use crate::translate::topic_name_failure;
use millstream_core::Request;
use millstream_core::catalog::{ConfigChange, StreamConfig};
use millstream_front::{Action, Authorized, Resource};

/// One resource of a request.
pub(crate) struct Asked {
    pub(crate) resource_type: i8,
    pub(crate) name: Str,
    pub(crate) what: What,
}

/// What is to become of its configuration.
pub(crate) enum What {
    /// These keys and no others.
    Replace(Vec<(Str, Option<Str>)>),
    /// These changes.
    Change(Vec<Change>),
}

/// A change of one key.
pub(crate) struct Change {
    pub(crate) name: Str,
    pub(crate) operation: i8,
    pub(crate) value: Option<Str>,
}

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// What became of one resource.
pub(crate) struct Outcome {
    pub(crate) resource_type: i8,
    pub(crate) name: Str,
    result: Result<(), Failure>,
}

impl Outcome {
    pub(crate) fn error_code(&self) -> i16 {
        self.result.as_ref().map_or_else(|failure| failure.code.0, |()| 0)
    }

    pub(crate) fn error_message(&self) -> Option<Str> {
        self.result.as_ref().err().and_then(Failure::message)
    }
}

/// Checks everything, makes what may be made, and answers in the order of the request.
pub(crate) fn alter(
    cx: &Context,
    asked: Vec<Asked>,
    validate_only: bool,
    respond: impl FnOnce(Vec<Outcome>) -> Step + Send + 'static,
) -> Step {
    let keys: Vec<(i8, Str)> = asked.iter().map(|asked| (asked.resource_type, asked.name.clone())).collect();
    let twice = duplicates(keys.iter());
    let mut requests = Vec::new();
    // Per resource: refused, or whether the next reply is its own.
    let mut parts: Vec<(i8, Str, Result<bool, Failure>)> = Vec::with_capacity(asked.len());
    for (asked, key) in asked.into_iter().zip(keys) {
        let checked = if twice.contains(&key) {
            Err(Failure::new(ErrorCode::INVALID_REQUEST, "the request names this resource more than once"))
        } else {
            prepare(cx, &asked)
        };
        let submitted = checked.map(|request| {
            let request = request.filter(|_| !validate_only);
            let submitted = request.is_some();
            requests.extend(request);
            submitted
        });
        parts.push((asked.resource_type, asked.name, submitted));
    }
    Step::Submit(
        requests,
        Box::new(move |_, replies| {
            let mut replies = replies.into_iter();
            let outcome =
                |(resource_type, name, part): (i8, Str, Result<bool, Failure>)| {
                    let result = part.and_then(|submitted| {
                        if submitted { stream_reply(replies.next()).map(|_| ()) } else { Ok(()) }
                    });
                    Outcome { resource_type, name, result }
                };
            respond(parts.into_iter().map(outcome).collect())
        }),
    )
}

/// The request that makes the changes of one resource; `None` when there is nothing to change.
fn prepare(cx: &Context, asked: &Asked) -> Result<Option<Authorized<Request>>, Failure> {
    check_form(&asked.what)?;
    match asked.resource_type {
        RESOURCE_TOPIC => topic(cx, &asked.name, &asked.what),
        RESOURCE_BROKER => broker(cx, &asked.name, &asked.what).map(|()| None),
        other => {
            Err(Failure::new(ErrorCode::INVALID_REQUEST, format!("resources of type {other} are not known")))
        }
    }
}

/// Every key once, and a value wherever one is needed.
fn check_form(what: &What) -> Result<(), Failure> {
    let keys: Vec<(&Str, bool)> = match what {
        What::Replace(configs) => configs.iter().map(|(name, value)| (name, value.is_some())).collect(),
        What::Change(changes) => changes
            .iter()
            .map(|change| (&change.name, change.operation == DELETE || change.value.is_some()))
            .collect(),
    };
    let invalid = |message: String| Err(Failure::new(ErrorCode::INVALID_REQUEST, message));
    if let Some(name) = duplicates(keys.iter().map(|(name, _)| *name)).first() {
        return invalid(format!("{name} is named more than once"));
    }
    match keys.iter().find(|(_, complete)| !complete) {
        Some((name, _)) => invalid(format!("{name} has no value")),
        None => Ok(()),
    }
}

fn topic(cx: &Context, name: &str, what: &What) -> Result<Option<Authorized<Request>>, Failure> {
    let grant = cx.allow(Action::Alter, Resource::Stream(name))?;
    topic_name_failure(name)?;
    let entry = find_topic(cx, name)?;
    let changes = changes(&entry.config, what)?;
    let mut after = entry.config.clone();
    changes.iter().try_for_each(|change| after.change(change))?;
    config::check(&after).map_err(invalid)?;
    let request = Request::AlterStream { stream: entry.id, changes };
    Ok((after != entry.config).then(|| grant.request(request)))
}

fn changes(config: &StreamConfig, what: &What) -> Result<Vec<ConfigChange>, Failure> {
    match what {
        What::Replace(configs) => {
            let named = |row: &TopicConfig| configs.iter().any(|(name, _)| **name == *row.name);
            let dropped = TOPIC_CONFIGS.iter().filter(|row| row.is_set(config) && !named(row));
            let dropped: Vec<ConfigChange> = dropped.map(TopicConfig::unset).collect();
            let set = configs.iter().map(|(name, value)| {
                find(name)?.set(value.as_deref().expect("the form was checked")).map_err(invalid)
            });
            dropped.into_iter().map(Ok).chain(set).collect()
        }
        // What is not known cannot be set, so deleting it is done already: tools that clean up after older versions do.
        What::Change(changes) => changes
            .iter()
            .filter(|change| change.operation != DELETE || config::find(&change.name).is_some())
            .map(|change| one(config, change))
            .collect(),
    }
}

fn one(config: &StreamConfig, change: &Change) -> Result<ConfigChange, Failure> {
    let row = find(&change.name)?;
    let value = change.value.as_deref().unwrap_or_default();
    match change.operation {
        SET => row.set(value).map_err(invalid),
        DELETE => Ok(row.unset()),
        APPEND | SUBTRACT if !row.kind.is_list() => {
            Err(invalid(format!("{} is not a list: nothing can be appended or subtracted", row.name)))
        }
        APPEND => row.set(&format!("{},{value}", row.value(config))).map_err(invalid),
        SUBTRACT => {
            let have = row.value(config);
            let gone = items(value);
            let left: Vec<&str> = items(&have).into_iter().filter(|item| !gone.contains(item)).collect();
            row.set(&left.join(",")).map_err(invalid)
        }
        other => {
            let message = format!("there is no operation {other} on configuration");
            Err(Failure::new(ErrorCode::INVALID_REQUEST, message))
        }
    }
}

fn find(name: &str) -> Result<&'static TopicConfig, Failure> {
    config::find(name).ok_or_else(|| invalid(format!("there is no topic configuration {name:?}")))
}

fn invalid(message: String) -> Failure {
    Failure::new(ErrorCode::INVALID_CONFIG, message)
}

fn broker(cx: &Context, name: &str, what: &What) -> Result<(), Failure> {
    cx.allow(Action::Alter, Resource::Cluster)?;
    if !name.is_empty() {
        check_broker(cx, name)?;
    }
    let nothing = match what {
        What::Replace(configs) => configs.is_empty(),
        What::Change(changes) => changes.is_empty(),
    };
    if nothing {
        return Ok(());
    }
    let message = "broker configuration is set where the broker is started, not through the protocol";
    Err(Failure::new(ErrorCode::INVALID_REQUEST, message))
}
