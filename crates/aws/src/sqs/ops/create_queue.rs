//! CreateQueue: a stream of one log, worked by leases.
//!
//! A queue that exists already is answered with its address when every attribute given is what the queue has, else with
//! QueueNameExists naming the first that differs; attributes that are not given are not compared. A stream that another
//! front created becomes a queue as well (R16): what it has set stays and must equal what is given.
//!
//! The name of a FIFO queue ends in `.fifo`, and its attribute FifoQueue is `true`. The same name cannot be used within a
//! minute after its queue was deleted. The first queue of an account in a region brings their namespace into being.

use super::queues::{Queue, stream_reply, submit};
use crate::sqs::attributes::{QueueSettings, RedrivePolicy, TagMap, check_tags};
use crate::sqs::call::{Call, required_text};
use crate::sqs::errors::SqsError;
use crate::sqs::limits::TAGS_MAX;
use crate::sqs::ops::operation;
use crate::sqs::queue::{QueueRef, check_name, is_queue_name};
use crate::sqs::translate::{Stored, attach, creation};
use crate::step::{Context, Output, Step, respond};
use crate::value::{Map, Text};
use crate::xml::Xml;
use millstream_core::catalog::{Annotations, StreamConfig, StreamEntry};
use millstream_core::request::{CreateNamespace, CreateStream};
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};
use millstream_types::{Namespace, StreamUid};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    "CreateQueue",
    "A stream that another protocol created becomes a queue. Encryption, throughput limits and policies are stored and \
     shown.",
);

/// Attributes that a request may set; there are fewer.
pub(super) const ATTRIBUTES_MAX: usize = 32;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueName")]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "Attributes", alias = "Attribute")]
    attributes: Map<'a, Text<'a>, ATTRIBUTES_MAX>,
    #[serde(borrow, rename = "tags", alias = "Tags", alias = "Tag")]
    tags: Map<'a, Text<'a>, { TAGS_MAX + 1 }>,
}

/// The address of a queue.
#[derive(Serialize)]
pub(super) struct QueueUrl {
    #[serde(rename = "QueueUrl")]
    pub(super) url: String,
}

impl Output for QueueUrl {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a text")
    }

    fn xml(&self, xml: &mut Xml) {
        xml.element("QueueUrl", &self.url);
    }
}

/// What is to be created.
struct Wanted {
    at: QueueRef,
    /// Its address.
    url: String,
    settings: QueueSettings,
    /// The attributes that were given: those that are compared.
    given: Vec<String>,
    tags: TagMap,
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let name = required_text(input.name, "QueueName")?;
    let attributes: Vec<(&str, &str)> =
        input.attributes.entries.iter().map(|(name, value)| (&**name, &**value)).collect();
    let is_fifo =
        attributes.iter().any(|(name, value)| *name == "FifoQueue" && value.eq_ignore_ascii_case("true"));
    check_name(&name, is_fifo)?;
    let mut settings = QueueSettings::new(is_fifo);
    settings.set_all(&attributes)?;
    let tags = input.tags.entries.into_iter().map(|(key, value)| (key.into_string(), value.into_string()));
    let at = QueueRef { scope: cx.caller.clone(), name: name.into_string() };
    let wanted = Wanted {
        url: at.url(&call.origin(cx)),
        at,
        settings,
        given: attributes.iter().map(|(name, _)| (*name).to_owned()).collect(),
        tags: tags.collect(),
    };
    check_tags(&wanted.tags)?;
    match cx.namespace(&wanted.at.scope) {
        Some(namespace) => create_in(cx, namespace, wanted),
        None => create_namespace(cx, wanted),
    }
}

/// The first queue of an account in a region: its namespace is made before it.
fn create_namespace(cx: &Context, wanted: Wanted) -> Result<Step, SqsError> {
    let name = wanted.at.scope.namespace();
    let grant = cx.allow(Action::Create, Resource::Namespace(&name))?;
    let create = CreateNamespace { name: Arc::from(&*name), annotations: Annotations::new() };
    Ok(submit(grant.request(Request::CreateNamespace(Box::new(create))), move |cx, reply| match reply {
        Reply::Namespace { entry, .. } => create_in(cx, entry.number, wanted),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(SqsError::Internal),
    }))
}

fn create_in(cx: &Context, namespace: Namespace, wanted: Wanted) -> Result<Step, SqsError> {
    match cx.backend.stream(namespace, &wanted.at.name) {
        Some(entry) => existing(cx, &wanted, &entry),
        None => create(cx, namespace, wanted),
    }
}

fn create(cx: &Context, namespace: Namespace, wanted: Wanted) -> Result<Step, SqsError> {
    let grant = cx.allow(Action::Create, Resource::Stream(&wanted.at.name))?;
    if cx.shared.deleted.is_recent(namespace, &wanted.at.name, cx.now) {
        return Err(SqsError::QueueDeletedRecently);
    }
    if let Some(policy) = &wanted.settings.redrive {
        check_target(cx, &wanted.at, wanted.settings.fifo, policy)?;
    }
    let mut config = StreamConfig::default();
    for change in creation(&wanted.settings, &wanted.tags, cx.now) {
        config.change(&change)?;
    }
    let request = Request::CreateStream(Box::new(CreateStream {
        namespace,
        name: Arc::from(&*wanted.at.name),
        uid: StreamUid(cx.backend.random() | 1),
        logs: 1,
        config,
    }));
    Ok(submit(grant.request(request), move |cx, reply| {
        let error = match stream_reply(reply) {
            Ok(_) => return Ok(respond(QueueUrl { url: wanted.url })),
            Err(error) => error,
        };
        // Somebody else was faster: then it exists, and is compared.
        match cx.backend.stream(namespace, &wanted.at.name) {
            Some(entry) if matches!(error, SqsError::QueueNameExists(_)) => existing(cx, &wanted, &entry),
            _ => Err(error),
        }
    }))
}

/// A stream of the name is there already.
fn existing(cx: &Context, wanted: &Wanted, entry: &Arc<StreamEntry>) -> Result<Step, SqsError> {
    let stored = Stored { config: &entry.config };
    let has = stored.settings(&wanted.at);
    let given: Vec<&str> = wanted.given.iter().map(|name| &**name).collect();
    if let Some(name) = has.first_difference(&wanted.settings, &given) {
        return Err(SqsError::QueueNameExists(name));
    }
    let url = wanted.url.clone();
    if entry.config.lease().enabled() {
        return Ok(respond(QueueUrl { url }));
    }
    let grant = cx.allow(Action::Alter, Resource::Stream(&entry.name))?;
    let mut changes = attach(&entry.config, wanted.settings.fifo);
    if !wanted.tags.is_empty() {
        stored.set_tags(&wanted.tags, &mut changes);
    }
    let request = grant.request(Request::AlterStream { stream: entry.id, changes });
    Ok(submit(request, |_, reply| {
        stream_reply(reply)?;
        Ok(respond(QueueUrl { url }))
    }))
}

/// Refuses a dead-letter queue that is none, or that does not want to be one for this queue.
pub(super) fn check_target(
    cx: &Context,
    at: &QueueRef,
    fifo: bool,
    policy: &RedrivePolicy,
) -> Result<(), SqsError> {
    if policy.target.scope != at.scope {
        return Err(policy.refused("The dead-letter queue must be in the same account and region."));
    }
    if policy.target.is_fifo() != fifo {
        return Err(policy.refused("The dead-letter queue of a FIFO queue must also be a FIFO queue, and of a standard queue a standard queue."));
    }
    if !is_queue_name(&policy.target.name) {
        return Err(policy.refused("Dead letter target does not exist."));
    }
    let target = Queue::at(cx, policy.target.clone());
    let target = target.map_err(|_| policy.refused("Dead letter target does not exist."))?;
    let allow = target.settings().redrive_allow;
    if allow.is_some_and(|allow| !allow.allows(&at.arn())) {
        return Err(policy.refused("The dead-letter queue does not allow this queue as a source."));
    }
    Ok(())
}
