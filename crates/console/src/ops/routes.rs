//! `/api/v1/routes`: routes by their names, whichever protocol made them.
//!
//! One file because all four operations are about the same thing. Some protocols give routes that are always there other names, or
//! none; what is listed here is what the broker keeps.

use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step, route_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::page::{Page, Wanted};
use crate::respond::{document, nothing};
use crate::translate::{HashWord, MatchWord, Matching, ShownRoute};
use millstream_core::Request;
use millstream_core::route::{CreateRoute, RouteReply, RouteRequest};
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const LIST: Endpoint = Endpoint {
    name: "list_routes",
    path: "/api/v1/routes",
    query: &[endpoint::text("prefix", "only routes whose names begin with this"), LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<ShownRoute>>()],
    doc: "List routes: how each matches, and how many bindings lead on from it.",
    ..Endpoint::PLAIN
};

pub(super) const GET: Endpoint = Endpoint {
    name: "get_route",
    path: "/api/v1/routes/{name}",
    answers: &[endpoint::ok::<ShownRoute>()],
    doc: "Show a route.",
    ..Endpoint::PLAIN
};

pub(super) const CREATE: Endpoint = Endpoint {
    name: "create_route",
    method: "PUT",
    path: "/api/v1/routes/{name}",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<ShownRoute>(), endpoint::status::<ShownRoute>(201)],
    doc: "Create a route, unless it is there as described: `match` is `exact`, `pattern`, `headers`, `everything` or `hash`.",
    ..Endpoint::PLAIN
};

pub(super) const DELETE: Endpoint = Endpoint {
    name: "delete_route",
    method: "DELETE",
    path: "/api/v1/routes/{name}",
    query: &[endpoint::flag("if_unused", "only if no binding leads on from it")],
    answers: &[endpoint::DONE],
    doc: "Delete a route and the bindings from and to it.",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    r#match: MatchWord,
    /// What is hashed, for `match` = `hash`.
    #[serde(default)]
    hash_by: Option<HashWord>,
    /// The header or property that is hashed.
    #[serde(default)]
    hash_name: Option<String>,
    /// Bindings get shares as large as their weights.
    #[serde(default)]
    weighted: Option<bool>,
    /// The route that records go to which this one takes nowhere.
    #[serde(default)]
    alternate: Option<String>,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    delete_when_unbound: bool,
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    let prefix = call.query.text("prefix").unwrap_or_default();
    cx.allow(Action::Describe, Resource::Cluster)?;
    let after = wanted.after.as_deref();
    let routes = cx.backend.routes(cx.namespace).into_iter();
    let mut routes = routes
        .filter(|entry| after.is_none_or(|after| &*entry.name > after) && entry.name.starts_with(prefix));
    let page: Vec<_> = routes.by_ref().take(wanted.limit).collect();
    let last = page.last().filter(|_| routes.next().is_some()).map(|entry| entry.name.clone());
    let items = page.iter().map(|entry| ShownRoute::new(entry)).collect();
    Ok(document(200, &Page::new(items, last.as_deref())))
}

pub(super) fn get(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, _) = cx.route(call.name(), Action::Describe)?;
    Ok(document(200, &ShownRoute::new(&entry)))
}

pub(super) fn create(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let grant = cx.allow(Action::Create, Resource::Route(call.name()))?;
    let Body { r#match: kind, hash_by, hash_name, weighted, .. } = body;
    let mut config = Matching { kind, hash_by, hash_name, weighted }.config()?;
    config.alternate = body.alternate.map(Into::into);
    config.internal = body.internal;
    config.delete_when_unbound = body.delete_when_unbound;
    let create = CreateRoute { namespace: cx.namespace, name: call.name().into(), config };
    let create = Request::Route(Box::new(RouteRequest::Create(Box::new(create))));
    Ok(submit(grant.request(create), |_, reply| match route_reply(reply)? {
        RouteReply::Route { entry, is_new } => {
            Ok(document(if is_new { 201 } else { 200 }, &ShownRoute::new(&entry)))
        }
        _ => Err(Problem::unexpected()),
    }))
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let if_unused = call.query.flag("if_unused")?.unwrap_or(false);
    let (entry, grant) = cx.route(call.name(), Action::Delete)?;
    let delete = RouteRequest::Delete { route: entry.id, if_unused };
    Ok(submit(grant.request(Request::Route(Box::new(delete))), |_, reply| {
        route_reply(reply).map(|_| nothing())
    }))
}
