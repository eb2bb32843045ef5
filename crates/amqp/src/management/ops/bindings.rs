//! Bindings: listed from either side, made and taken back.
//!
//! A binding between two is named by its key and a hash of its arguments (`properties_key`). Every queue has one from the
//! default exchange, by its name, which is shown and cannot be changed.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, nothing, submit};
use super::super::errors::Problem;
use super::super::json::{object_of, to_table};
use super::super::page::Wanted;
use super::super::show::{self, DEFAULT_EXCHANGE, properties_key};
use super::exchanges::route_reply;
use super::queues;
use crate::codec::Table;
use crate::errors::Fault;
use crate::translate::{condition, is_queue, predeclared};
use bytes::Bytes;
use millstream_core::Request;
use millstream_core::catalog::StreamEntry;
use millstream_core::route::{Binding, CreateRoute, Destination, RouteEntry, RouteReply, RouteRequest};
use millstream_front::http::Response;
use millstream_front::{Action, Authorized, Resource};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A binding that is there, and not shown yet: lists are long, and pages short.
pub(super) enum Found {
    /// The one that every queue has by its name.
    Implicit(Vhost, Arc<StreamEntry>),
    /// One of a route, with where it leads.
    Bound(Vhost, Arc<RouteEntry>, Arc<Binding>),
}

impl Found {
    fn leads_to(&self, destination: Destination) -> bool {
        match self {
            Found::Implicit(_, queue) => Destination::Stream(queue.id) == destination,
            Found::Bound(_, _, bound) => bound.destination == destination,
        }
    }

    /// The binding as it is shown.
    pub(super) fn show(&self, cx: &Context) -> Value {
        match self {
            Found::Implicit(vhost, queue) => show::implicit(&vhost.name, &queue.name),
            // Whatever it led to may be gone by now.
            Found::Bound(vhost, source, bound) => {
                show::bound(cx, &vhost.name, source, bound).unwrap_or_else(|| json!({}))
            }
        }
    }
}

/// The bindings that every queue of a virtual host has by its name.
fn implicit(cx: &Context, vhost: &Vhost) -> Vec<Found> {
    let queues = cx.backend.streams(vhost.number()).into_iter().filter(|entry| is_queue(entry));
    queues.map(|entry| Found::Implicit(vhost.clone(), entry)).collect()
}

/// The bindings from a route that lead somewhere.
fn from(cx: &Context, vhost: &Vhost, source: &Arc<RouteEntry>) -> Vec<Found> {
    let leads = |bound: &Arc<Binding>| match bound.destination {
        Destination::Stream(id) => cx.backend.stream_by_id(id).is_some(),
        Destination::Route(id) => cx.backend.route_by_id(id).is_some(),
    };
    let bindings = source.bindings().into_iter().filter(leads);
    bindings.map(|bound| Found::Bound(vhost.clone(), source.clone(), bound)).collect()
}

/// The bindings of a virtual host that were made.
pub(super) fn made(cx: &Context, vhost: &Vhost) -> Vec<Found> {
    let routes = cx.backend.routes(vhost.number());
    routes.iter().flat_map(|source| from(cx, vhost, source)).collect()
}

/// Those of them that lead to one thing.
fn to(cx: &Context, vhost: &Vhost, destination: Destination) -> Vec<Found> {
    made(cx, vhost).into_iter().filter(|found| found.leads_to(destination)).collect()
}

fn answer(cx: &Context, call: &Call<'_>, found: Vec<Found>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let total = found.len();
    Ok(document(&wanted.shown(found, total, |found| found.show(cx))?))
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let mut found = Vec::new();
    for vhost in cx.vhosts(call)? {
        found.extend(implicit(cx, &vhost));
        found.extend(made(cx, &vhost));
    }
    answer(cx, call, found)
}

/// The name of an exchange in an address as bindings have it.
fn exchange_name(name: &str) -> &str {
    if name == DEFAULT_EXCHANGE { "" } else { name }
}

pub(super) fn from_exchange(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (vhost, name) = (cx.vhost(call.name(0))?, exchange_name(call.name(1)));
    check_exchange(cx, name)?;
    let found = match cx.backend.route(vhost.number(), name) {
        _ if name.is_empty() => implicit(cx, &vhost),
        Some(source) => from(cx, &vhost, &source),
        None => Vec::new(),
    };
    answer(cx, call, found)
}

pub(super) fn to_exchange(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (vhost, name) = (cx.vhost(call.name(0))?, exchange_name(call.name(1)));
    check_exchange(cx, name)?;
    let route = cx.backend.route(vhost.number(), name);
    let found = route.map_or_else(Vec::new, |route| to(cx, &vhost, Destination::Route(route.id)));
    answer(cx, call, found)
}

pub(super) fn to_queue(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let queue = queues::find(cx, &vhost, call.name(1))?;
    let mut found = vec![Found::Implicit(vhost.clone(), queue.clone())];
    found.extend(to(cx, &vhost, Destination::Stream(queue.id)));
    answer(cx, call, found)
}

/// Whoever may not look at an exchange is told so. One that is not there has no bindings.
fn check_exchange(cx: &Context, name: &str) -> Result<(), Problem> {
    cx.allow(Action::Describe, Resource::Route(name)).map(drop)
}

/// What a binding can lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Queue,
    Exchange,
}

/// The bindings between two.
fn between(cx: &Context, call: &Call<'_>, kind: Kind) -> Result<Vec<Found>, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let (source, name) = (exchange_name(call.name(1)), call.name(2));
    check_exchange(cx, source)?;
    let destination = match kind {
        Kind::Queue => {
            let queue = queues::find(cx, &vhost, name).ok();
            if source.is_empty() {
                return Ok(queue.map(|queue| Found::Implicit(vhost, queue)).into_iter().collect());
            }
            queue.map(|queue| Destination::Stream(queue.id))
        }
        Kind::Exchange => {
            check_exchange(cx, name)?;
            cx.backend.route(vhost.number(), name).map(|route| Destination::Route(route.id))
        }
    };
    let source = cx.backend.route(vhost.number(), source);
    let Some((source, destination)) = source.zip(destination) else { return Ok(Vec::new()) };
    Ok(from(cx, &vhost, &source).into_iter().filter(|found| found.leads_to(destination)).collect())
}

pub(super) fn to_queue_from(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    answer(cx, call, between(cx, call, Kind::Queue)?)
}

pub(super) fn to_exchange_from(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    answer(cx, call, between(cx, call, Kind::Exchange)?)
}

fn show_one(cx: &Context, call: &Call<'_>, kind: Kind) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let (_, shown) = named(cx, call, kind)?;
    Ok(show::one(&wanted, shown))
}

/// The binding that an address means, and what is shown of it.
fn named(cx: &Context, call: &Call<'_>, kind: Kind) -> Result<(Found, Value), Problem> {
    let all: Vec<_> = between(cx, call, kind)?
        .into_iter()
        .map(|found| {
            let shown = found.show(cx);
            (found, shown)
        })
        .collect();
    let place =
        place_of(all.iter().map(|(_, shown)| shown["properties_key"].as_str().unwrap_or("")), call.name(3));
    place.and_then(|place| all.into_iter().nth(place)).ok_or_else(Problem::not_found)
}

/// Which of these keys an address means: the one that it says, else one that it says without its escapes, as some tools send it.
fn place_of<'a>(keys: impl Iterator<Item = &'a str> + Clone, said: &str) -> Option<usize> {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    keys.clone().position(|key| key == said).or_else(|| {
        let unescaped = plain(said);
        let mut plains = keys.map(plain);
        plains.position(|key| key == said || key == unescaped)
    })
}

pub(super) fn show_queue(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    show_one(cx, call, Kind::Queue)
}

pub(super) fn show_exchange(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    show_one(cx, call, Kind::Exchange)
}

/// An exchange that bindings lead from or to, if it is a route; else what has to be asked for to make it one.
pub(super) fn route_of(
    cx: &Context,
    vhost: &Vhost,
    name: &str,
) -> Result<Result<Arc<RouteEntry>, Authorized<Request>>, Problem> {
    if name.is_empty() {
        return Err(Problem::refused());
    }
    if let Some(entry) = cx.backend.route(vhost.number(), name) {
        return Ok(Ok(entry));
    }
    let config = predeclared(name).ok_or_else(|| Fault::no_exchange(name, &vhost.name))?;
    let grant = cx.allow(Action::Create, Resource::Route(name))?;
    let create = CreateRoute { namespace: vhost.number(), name: name.into(), config };
    Ok(Err(grant.request(Request::Route(Box::new(RouteRequest::Create(Box::new(create)))))))
}

/// Goes on with an exchange as a route.
fn with_route(
    cx: &mut Context,
    vhost: Vhost,
    name: &str,
    then: impl FnOnce(&mut Context, Vhost, Arc<RouteEntry>) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    match route_of(cx, &vhost, name)? {
        Ok(entry) => then(cx, vhost, entry),
        Err(request) => Ok(submit(request, move |cx, reply| match route_reply(reply)? {
            RouteReply::Route { entry, .. } => then(cx, vhost, entry),
            _ => Err(Problem::unexpected()),
        })),
    }
}

/// A binding that leads on from a route: what has to be asked for, and what its arguments are as a table.
pub(super) fn bind(
    cx: &Context,
    source: &RouteEntry,
    destination: Destination,
    object: &Map<String, Value>,
) -> Result<(Authorized<Request>, String), Problem> {
    let key = match object.get("routing_key") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) if text.len() <= 255 => text,
        Some(other) => return Err(Problem::bad_request(format!("routing_key cannot be {other}"))),
    };
    let table = to_table(&object_of(object.get("arguments"))?)?;
    let arguments: Box<[u8]> = table.table().bytes().into();
    let of = Table::of(&arguments).map_err(|error| Problem::bad_request(error.to_string()))?;
    let condition = condition(source, key, of)?;
    let properties = properties_key(key, &arguments);
    let binding = Binding { destination, key: key.as_bytes().into(), condition, arguments };
    let grant = cx.allow(Action::Alter, Resource::Route(&source.name))?;
    let bind = RouteRequest::Bind { source: source.id, binding: Box::new(binding) };
    Ok((grant.request(Request::Route(Box::new(bind))), properties))
}

fn bind_to(
    cx: &mut Context,
    source: &RouteEntry,
    (to, name): (Destination, &str),
    object: &Map<String, Value>,
) -> Result<Step, Problem> {
    let (request, properties) = bind(cx, source, to, object)?;
    let name = show::quoted(name);
    Ok(submit(request, move |_, reply| {
        route_reply(reply)?;
        // The address of what was made stands beside that of the request.
        let location = format!("{name}/{}", show::quoted(&properties));
        let headers = vec![("location", location.into())];
        Ok(Step::Respond(Response { status: 201, headers, body: Bytes::new() }))
    }))
}

pub(super) fn bind_queue(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (vhost, object) = (cx.vhost(call.name(0))?, call.object()?);
    let name: Arc<str> = call.name(2).into();
    with_route(cx, vhost, exchange_name(call.name(1)), move |cx, vhost, source| {
        let queue = queues::find(cx, &vhost, &name).map_err(|_| Fault::no_queue(&name, &vhost.name))?;
        bind_to(cx, &source, (Destination::Stream(queue.id), &name), &object)
    })
}

pub(super) fn bind_exchange(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (vhost, object) = (cx.vhost(call.name(0))?, call.object()?);
    let (from, to) = (exchange_name(call.name(1)).to_owned(), exchange_name(call.name(2)).to_owned());
    with_route(cx, vhost, &from, move |cx, vhost, source| {
        with_route(cx, vhost, &to, move |cx, _, to| {
            bind_to(cx, &source, (Destination::Route(to.id), &to.name), &object)
        })
    })
}

fn unbind(cx: &Context, call: &Call<'_>, kind: Kind) -> Result<Step, Problem> {
    // The one that every queue has stays.
    let (Found::Bound(_, source, bound), _) = named(cx, call, kind)? else { return Err(Problem::refused()) };
    let grant = cx.allow(Action::Alter, Resource::Route(&source.name))?;
    let unbind = RouteRequest::Unbind {
        source: source.id,
        destination: bound.destination,
        key: bound.key.clone(),
        arguments: bound.arguments.clone(),
    };
    Ok(submit(grant.request(Request::Route(Box::new(unbind))), |_, reply| {
        route_reply(reply)?;
        Ok(nothing())
    }))
}

pub(super) fn unbind_queue(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    unbind(cx, call, Kind::Queue)
}

pub(super) fn unbind_exchange(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    unbind(cx, call, Kind::Exchange)
}
