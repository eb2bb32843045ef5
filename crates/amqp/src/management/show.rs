//! Queues, exchanges and bindings as RabbitMQ's JSON.
//!
//! Apart because lists, single objects and exported definitions show the same things, and imports read them.

use super::context::{Context, Vhost, lease_reply, submit_all};
use super::errors::Problem;
use super::json::{from_table, no_rate};
use super::{Step, context};
use crate::codec::Table;
use crate::policy::Policies;
use crate::translate::{
    Merged, QueueType, Stored, applied, applied_to_exchange, arguments_of, is_durable, is_own, is_stream,
    predeclared, predeclared_names, stream_len, type_of,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::hash::Hasher;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{GroupCounts, LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::route::{Binding, Destination, RouteConfig, RouteEntry};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Resource};
use millstream_types::limits::LEASE_GROUPS_PER_REQUEST_MAX;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::sync::Arc;

/// How the API calls the default exchange in addresses.
pub(crate) const DEFAULT_EXCHANGE: &str = "amq.default";
/// What stands for itself in a form.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A queue's type in RabbitMQ's word.
pub(crate) fn queue_type(entry: &StreamEntry) -> &'static str {
    match (Stored { config: &entry.config }).queue_type() {
        QueueType::Classic => "classic",
        QueueType::Quorum => "quorum",
        QueueType::Stream => "stream",
    }
}

/// A queue as it is declared.
pub(crate) fn declared_queue(vhost: &str, entry: &StreamEntry) -> Map<String, Value> {
    let arguments = Stored { config: &entry.config }.arguments();
    let mut object = Map::new();
    object.insert("name".to_owned(), (*entry.name).into());
    object.insert("vhost".to_owned(), vhost.into());
    object.insert("durable".to_owned(), arguments.durable.into());
    object.insert("auto_delete".to_owned(), arguments.auto_delete.into());
    object.insert("arguments".to_owned(), Value::Object(arguments.listed()));
    object
}

/// A queue with its counts.
pub(crate) fn queue(
    cx: &Context,
    vhost: &Vhost,
    entry: &StreamEntry,
    counts: GroupCounts,
    policies: &Policies,
) -> Value {
    let stored = Stored { config: &entry.config };
    let (policy, operator) = applied(&entry.config);
    let mut object = declared_queue(&vhost.name, entry);
    let definition = if is_own(&entry.config) && !policies.is_empty() {
        let (policy, operator) = policies.of_queue(&entry.name, stored.queue_type());
        let merged = Merged::of(policy, operator);
        let value = |text: String| text.parse::<i64>().map_or_else(|_| text.into(), Value::from);
        merged.0.into_iter().map(|(key, text)| (key.to_owned(), value(text))).collect()
    } else {
        Map::new()
    };
    let rest = json!({
        "consumers": counts.holders,
        "effective_policy_definition": definition,
        "exclusive": stored.is_exclusive(),
        "messages": counts.ready + counts.leased,
        "messages_details": no_rate(),
        "messages_ready": counts.ready,
        "messages_ready_details": no_rate(),
        "messages_unacknowledged": counts.leased,
        "messages_unacknowledged_details": no_rate(),
        "node": cx.node(),
        "operator_policy": operator,
        "policy": policy,
        "single_active_consumer_tag": null,
        "exclusive_consumer_tag": null,
        "state": "running",
        "storage_version": 2,
        "type": queue_type(entry),
    });
    object.extend(as_object(rest));
    Value::Object(object)
}

fn as_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Asks how many messages queues have, many at once, and goes on with that; a queue that is gone meanwhile is left out.
pub(crate) fn count(
    cx: &Context,
    queues: Vec<(Vhost, Arc<StreamEntry>)>,
    then: impl FnOnce(&mut Context, Vec<(Vhost, Arc<StreamEntry>, GroupCounts)>) -> Result<Step, Problem>
    + Send
    + 'static,
) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Describe, Resource::Cluster)?;
    let requests = queues.chunks(LEASE_GROUPS_PER_REQUEST_MAX).map(|some| {
        let groups = some.iter().map(|(_, entry)| LeaseGroupId::default_of(entry.id)).collect();
        grant.allow(Request::Lease(Box::new(LeaseRequest::Describe { groups })))
    });
    let requests = requests.collect();
    Ok(submit_all(requests, move |cx, replies: Vec<Reply>| {
        let mut all = Vec::with_capacity(queues.len());
        for reply in replies {
            match lease_reply(reply)? {
                LeaseReply::Described(described) => all.extend(described),
                _ => return Err(Problem::unexpected()),
            }
        }
        let counted: Vec<_> = queues
            .into_iter()
            .zip(all)
            .filter_map(|((vhost, entry), counts)| {
                let counts = if is_stream(&entry) { stream_counts(cx, &entry) } else { counts.ok()? };
                Some((vhost, entry, counts))
            })
            .collect();
        then(cx, counted)
    }))
}

/// What is in a queue of type `stream`, where nothing is ever out.
fn stream_counts(cx: &Context, entry: &StreamEntry) -> GroupCounts {
    GroupCounts {
        ready: stream_len(&*cx.backend, entry),
        holders: cx.shared.consumers(entry.id).into(),
        ..GroupCounts::default()
    }
}

/// An exchange as it is declared.
pub(crate) fn declared_exchange(vhost: &str, name: &str, config: &RouteConfig) -> Map<String, Value> {
    as_object(json!({
        "name": name,
        "vhost": vhost,
        "type": type_of(config),
        "durable": is_durable(config),
        "auto_delete": config.delete_when_unbound,
        "internal": config.internal,
        "arguments": from_table(arguments_of(config).table()),
    }))
}

/// An exchange.
pub(crate) fn exchange(vhost: &str, name: &str, config: &RouteConfig) -> Value {
    let mut object = declared_exchange(vhost, name, config);
    object.insert("policy".to_owned(), applied_to_exchange(config).into());
    object.insert("user_who_performed_action".to_owned(), "".into());
    Value::Object(object)
}

/// The default exchange.
pub(crate) fn default_exchange(vhost: &str) -> Value {
    json!({
        "name": "", "vhost": vhost, "type": "direct", "durable": true, "auto_delete": false, "internal": false,
        "arguments": {}, "policy": null, "user_who_performed_action": "rmq-internal",
    })
}

/// All exchanges of a virtual host but the default one, in the order of their names: also those that are always there and
/// no routes yet.
pub(crate) fn exchanges(cx: &Context, vhost: &Vhost) -> Vec<(Arc<str>, Arc<RouteConfig>)> {
    let routes = cx.backend.routes(vhost.number());
    let mut all: Vec<_> = routes.iter().map(|entry| (entry.name.clone(), entry.config.clone())).collect();
    let missing = predeclared_names().filter(|name| routes.iter().all(|entry| *entry.name != **name));
    all.extend(missing.filter_map(|name| Some((Arc::from(name), Arc::new(predeclared(name)?)))));
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// Where a binding leads, by kind and name; `None`: it is gone.
pub(crate) fn destination(cx: &Context, destination: Destination) -> Option<(&'static str, Arc<str>)> {
    match destination {
        Destination::Stream(id) => Some(("queue", cx.backend.stream_by_id(id)?.name.clone())),
        Destination::Route(id) => Some(("exchange", cx.backend.route_by_id(id)?.name.clone())),
    }
}

/// A text as it stands in a form: a space is a plus.
pub(crate) fn quoted(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string().replace("%20", "+")
}

/// What tells a binding apart from others between the same two: its key, and what its arguments come to.
pub(crate) fn properties_key(key: &str, arguments: &[u8]) -> String {
    let key = quoted(key);
    if arguments.is_empty() {
        return if key.is_empty() { "~".to_owned() } else { key };
    }
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(arguments);
    let hash = hasher.finish128();
    let bytes: Vec<u8> = [hash.h1.to_be_bytes(), hash.h2.to_be_bytes()].concat();
    format!("{key}~{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A binding.
pub(crate) fn binding(
    vhost: &str,
    source: &str,
    (kind, name): (&str, &str),
    key: &str,
    arguments: &[u8],
) -> Value {
    let table = Table::of(arguments).map_or_else(|_| json!({}), from_table);
    json!({
        "source": source,
        "vhost": vhost,
        "destination": name,
        "destination_type": kind,
        "routing_key": key,
        "arguments": table,
        "properties_key": properties_key(key, arguments),
    })
}

/// A binding of a route.
pub(crate) fn bound(cx: &Context, vhost: &str, source: &RouteEntry, bound: &Binding) -> Option<Value> {
    let (kind, name) = destination(cx, bound.destination)?;
    let key = String::from_utf8_lossy(&bound.key);
    Some(binding(vhost, &source.name, (kind, &name), &key, &bound.arguments))
}

/// The binding that every queue has by its name.
pub(crate) fn implicit(vhost: &str, queue: &str) -> Value {
    binding(vhost, "", ("queue", queue), queue, &[])
}

/// Answers with one thing, narrowed to the columns that are wanted.
pub(crate) fn one(wanted: &super::page::Wanted, value: Value) -> Step {
    context::document(&wanted.one(value))
}
