//! `/api/v1/routes/{name}/bindings`: what leads on from a route.
//!
//! One file because a binding has no name: it is listed, made and taken back by what it is.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step, route_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::{GivenBinding, ShownBinding};
use millstream_core::Request;
use millstream_core::route::{Binding, Destination, RouteEntry, RouteReply, RouteRequest};
use millstream_front::{Action, Grant};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

pub(super) const LIST: Endpoint = Endpoint {
    name: "list_bindings",
    path: "/api/v1/routes/{name}/bindings",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<ShownBinding>>()],
    doc: "List what a route leads to, and under which condition, in the order in which it was bound.",
    ..Endpoint::PLAIN
};

pub(super) const CREATE: Endpoint = Endpoint {
    name: "create_binding",
    method: "POST",
    path: "/api/v1/routes/{name}/bindings",
    body: endpoint::json::<GivenBinding>(),
    answers: &[endpoint::ok::<Bound>()],
    doc: "Have a route lead to a `stream` or a `route`, under a `key`, for `headers`, or with a `weight`.",
    ..Endpoint::PLAIN
};

pub(super) const DELETE: Endpoint = Endpoint {
    name: "delete_binding",
    method: "POST",
    path: "/api/v1/routes/{name}/unbind",
    body: endpoint::json::<GivenBinding>(),
    answers: &[endpoint::ok::<Unbound>()],
    doc: "Take a binding back, named by where it leads, its `key` and its `arguments_base64`.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
struct Bound {
    /// It was not there before.
    is_new: bool,
}

#[derive(Serialize, JsonSchema)]
struct Unbound {
    /// It was there before.
    was_bound: bool,
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, _) = cx.route(call.name(), Action::Describe)?;
    let wanted = Wanted::of(&call.query)?;
    // Bindings have no order of their own but that of their making, in which the last may go: a place is enough to go on from.
    let skipped = match wanted.after.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(skipped)) => skipped,
        Some(Err(_)) => return Err(Problem::parameter("cursor", "is none that was given out here")),
    };
    let bindings = entry.bindings();
    let end = wanted.limit.saturating_add(skipped);
    let page = bindings.iter().skip(skipped).take(wanted.limit);
    let items = page.filter_map(|binding| ShownBinding::new(&*cx.backend, binding)).collect();
    let last = (bindings.len() > end).then(|| end.to_string());
    Ok(document(200, &Page::new(items, last.as_deref())))
}

pub(super) fn create(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant, binding) = read(cx, call)?;
    let bind = RouteRequest::Bind { source: entry.id, binding: Box::new(binding) };
    Ok(submit(grant.request(Request::Route(Box::new(bind))), |_, reply| match route_reply(reply)? {
        RouteReply::Bound { is_new } => Ok(document(200, &Bound { is_new })),
        _ => Err(Problem::unexpected()),
    }))
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant, binding) = read(cx, call)?;
    let Binding { destination, key, arguments, .. } = binding;
    let unbind = RouteRequest::Unbind { source: entry.id, destination, key, arguments };
    Ok(submit(grant.request(Request::Route(Box::new(unbind))), |_, reply| match route_reply(reply)? {
        RouteReply::Unbound { was_bound } => Ok(document(200, &Unbound { was_bound })),
        _ => Err(Problem::unexpected()),
    }))
}

/// The route of a request, and the binding that it names.
fn read(cx: &Context, call: &Call<'_>) -> Result<(Arc<RouteEntry>, Grant, Binding), Problem> {
    let given: GivenBinding = call.read()?;
    let (entry, grant) = cx.route(call.name(), Action::Alter)?;
    let destination = match (&given.stream, &given.route) {
        (Some(stream), None) => Destination::Stream(cx.stream(stream, Action::Write)?.0.id),
        (None, Some(route)) => Destination::Route(cx.route(route, Action::Write)?.0.id),
        _ => return Err(Problem::field("stream", "or `route` must be given, and not both")),
    };
    Ok((entry, grant, given.read(destination)?))
}
