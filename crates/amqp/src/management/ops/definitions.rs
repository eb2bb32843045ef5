//! Definitions: everything that is declared, as one document, and such a document declared.
//!
//! An import goes kind by kind, some tens of objects between two answers of the broker: virtual hosts, policies, exchanges,
//! queues, bindings. Each either is there and equal, or is made; the first that cannot be ends the import, and what was made
//! before it stays. Users and permissions are left out, as there are none yet.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, nothing, submit_all};
use super::super::errors::Problem;
use super::super::show;
use super::{bindings, broker, exchanges, policies, queues, vhosts};
use crate::policy::{Owner, carry_out};
use crate::translate::{Stored, is_queue};
use millstream_core::route::Destination;
use millstream_core::{Reply, Request};
use millstream_front::Authorized;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Objects that are declared in one step.
const PER_STEP: usize = 64;

pub(super) fn export(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let is_one = !call.path.is_empty();
    let vhosts = cx.vhosts(call)?;
    let mut value = if is_one {
        let mut value = broker::head(cx);
        for of_all in ["users", "vhosts", "permissions", "topic_permissions", "global_parameters"] {
            value.as_object_mut().map(|object| object.remove(of_all));
        }
        value
    } else {
        broker::head(cx)
    };
    let mut exported: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for vhost in &vhosts {
        let own = cx.policies(&vhost.entry.name);
        let mut add = |kind, items: Vec<Value>| exported.entry(kind).or_default().extend(items);
        add("policies", own.all(Owner::User).iter().map(|policy| policies::shown(vhost, policy)).collect());
        let operators = own.all(Owner::Operator).iter().map(|policy| policies::parameter(vhost, policy));
        add("parameters", operators.collect());
        let streams = cx.backend.streams(vhost.number()).into_iter();
        let kept =
            streams.filter(|entry| is_queue(entry) && !(Stored { config: &entry.config }).is_exclusive());
        add("queues", kept.map(|entry| Value::Object(show::declared_queue(&vhost.name, &entry))).collect());
        let all = show::exchanges(cx, vhost);
        let declared = all.iter().filter(|(name, _)| !name.starts_with("amq."));
        let shown =
            declared.map(|(name, config)| Value::Object(show::declared_exchange(&vhost.name, name, config)));
        add("exchanges", shown.collect());
        let shown = bindings::made(cx, vhost).into_iter().map(|found| {
            let mut item = found.show(cx);
            item.as_object_mut().map(|object| object.remove("properties_key"));
            item
        });
        add("bindings", shown.collect());
    }
    for (kind, mut items) in exported {
        if is_one {
            items.iter_mut().for_each(|item| {
                item.as_object_mut().map(|object| object.remove("vhost"));
            });
        }
        value[kind] = items.into();
    }
    Ok(document(&value))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Definitions {
    vhosts: Vec<Map<String, Value>>,
    policies: VecDeque<Map<String, Value>>,
    parameters: Vec<Map<String, Value>>,
    queues: VecDeque<Map<String, Value>>,
    exchanges: VecDeque<Map<String, Value>>,
    bindings: VecDeque<Map<String, Value>>,
}

/// An import under way.
struct Import {
    /// Where everything goes that names no virtual host.
    into: Option<Vhost>,
    definitions: Definitions,
    /// Virtual hosts whose policies have changed.
    governed: BTreeSet<Arc<str>>,
}

pub(super) fn import(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let into = call.path.first().map(|name| cx.vhost(name)).transpose()?;
    let mut definitions: Definitions = call.read()?;
    let mut requests = Vec::new();
    for vhost in std::mem::take(&mut definitions.vhosts) {
        if into.is_none() {
            requests.push(vhosts::create(cx, text(&vhost, "name")?)?);
        }
    }
    let import = Import { into, definitions, governed: BTreeSet::new() };
    Ok(all(requests, move |cx| annotate(cx, import)))
}

/// Asks for everything at hand; an answer that refuses ends the import.
fn all(
    requests: Vec<Authorized<Request>>,
    then: impl FnOnce(&mut Context) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    submit_all(requests, move |cx, replies| {
        for reply in replies {
            if let Reply::Refused(kind) = reply {
                return Err(kind.into());
            }
        }
        then(cx)
    })
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, Problem> {
    let found = object.get(key).and_then(Value::as_str);
    found.ok_or_else(|| Problem::bad_request(format!("a definition has no {key}")))
}

impl Import {
    fn vhost(&self, cx: &Context, object: &Map<String, Value>) -> Result<Vhost, Problem> {
        match &self.into {
            Some(vhost) => Ok(vhost.clone()),
            None => {
                let name = text(object, "vhost")?;
                let gone = |_| Problem::bad_request(format!("there is no vhost '{name}'"));
                cx.vhost(name).map_err(gone)
            }
        }
    }
}

/// Keeps the policies.
fn annotate(cx: &mut Context, mut import: Import) -> Result<Step, Problem> {
    let mut changes: BTreeMap<Arc<str>, policies::Changes> = BTreeMap::new();
    for policy in std::mem::take(&mut import.definitions.policies) {
        let vhost = import.vhost(cx, &policy)?;
        let (key, value) = policies::described(Owner::User, text(&policy, "name")?, &policy)?;
        changes.entry(vhost.name).or_default().push((key, Some(value)));
    }
    for parameter in std::mem::take(&mut import.definitions.parameters) {
        if text(&parameter, "component")? != policies::OPERATOR_COMPONENT {
            continue;
        }
        let vhost = import.vhost(cx, &parameter)?;
        let value = parameter.get("value").and_then(Value::as_object).cloned().unwrap_or_default();
        let (key, value) = policies::described(Owner::Operator, text(&parameter, "name")?, &value)?;
        changes.entry(vhost.name).or_default().push((key, Some(value)));
    }
    let mut requests = Vec::new();
    for (name, changes) in changes {
        requests.push(policies::annotate(cx, &cx.vhost(&name)?, changes)?);
        import.governed.insert(name);
    }
    Ok(submit_all(requests, move |cx, replies| {
        replies.into_iter().try_for_each(policies::annotated)?;
        govern(cx, import)
    }))
}

/// Carries the policies out where they have changed.
fn govern(cx: &mut Context, mut import: Import) -> Result<Step, Problem> {
    match import.governed.pop_first() {
        Some(name) => {
            let vhost = cx.vhost(&name)?;
            carry_out(cx, vhost.entry.name.clone(), vhost.number(), move |cx| govern(cx, import))
        }
        None => declare(cx, import),
    }
}

/// Declares exchanges and queues.
fn declare(cx: &mut Context, mut import: Import) -> Result<Step, Problem> {
    let mut requests = Vec::new();
    while requests.len() < PER_STEP {
        if let Some(exchange) = import.definitions.exchanges.pop_front() {
            let vhost = import.vhost(cx, &exchange)?;
            requests.extend(exchanges::declare(cx, &vhost, text(&exchange, "name")?, &exchange)?);
        } else if let Some(queue) = import.definitions.queues.pop_front() {
            let vhost = import.vhost(cx, &queue)?;
            requests.extend(queues::declare(cx, &vhost, text(&queue, "name")?, &queue)?);
        } else {
            break;
        }
    }
    if requests.is_empty() {
        return bind(cx, import);
    }
    Ok(all(requests, move |cx| declare(cx, import)))
}

/// Makes the bindings.
fn bind(cx: &mut Context, mut import: Import) -> Result<Step, Problem> {
    let mut requests = Vec::new();
    while requests.len() < PER_STEP {
        let Some(binding) = import.definitions.bindings.pop_front() else { break };
        let vhost = import.vhost(cx, &binding)?;
        let source = text(&binding, "source")?;
        if source.is_empty() {
            continue;
        }
        let (source, to) = (source.to_owned(), text(&binding, "destination")?.to_owned());
        let is_queue = text(&binding, "destination_type")? == "queue";
        let missing =
            |name: &str| Problem::bad_request(format!("a binding names '{name}', which is not there"));
        // What is always there becomes a route with its first binding.
        let source_route = bindings::route_of(cx, &vhost, &source).map_err(|_| missing(&source))?;
        let to_route = match is_queue {
            true => None,
            false => Some(bindings::route_of(cx, &vhost, &to).map_err(|_| missing(&to))?),
        };
        match (source_route, to_route) {
            (Err(request), _) | (Ok(_), Some(Err(request))) => {
                requests.push(request);
                import.definitions.bindings.push_front(binding);
                break;
            }
            (Ok(source), to_route) => {
                let destination = match to_route {
                    Some(Ok(route)) => Destination::Route(route.id),
                    _ => Destination::Stream(queues::find(cx, &vhost, &to).map_err(|_| missing(&to))?.id),
                };
                requests.push(bindings::bind(cx, &source, destination, &binding)?.0);
            }
        }
    }
    if requests.is_empty() {
        return Ok(nothing());
    }
    Ok(all(requests, move |cx| bind(cx, import)))
}
