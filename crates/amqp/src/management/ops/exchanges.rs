//! Exchanges: listed, declared, deleted.

use super::super::call::Call;
use super::super::context::{Context, Step, Vhost, document, done, made, nothing, submit};
use super::super::errors::Problem;
use super::super::json::{flag_of, object_of, to_table};
use super::super::page::Wanted;
use super::super::show::{self, DEFAULT_EXCHANGE};
use crate::translate::{Declaration, check_not_reserved, predeclared, set_up_exchange};
use millstream_core::route::{CreateRoute, RouteConfig, RouteEntry, RouteReply, RouteRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Resource};
use millstream_types::ErrorKind;
use serde_json::{Map, Value};
use std::sync::Arc;

/// An answer about routes.
pub(super) fn route_reply(reply: Reply) -> Result<RouteReply, Problem> {
    match reply {
        Reply::Route(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Problem::unexpected()),
    }
}

/// The set-up of an exchange that is there, as a route or because it always is.
pub(super) fn find(cx: &Context, vhost: &Vhost, name: &str) -> Option<Arc<RouteConfig>> {
    let route = cx.backend.route(vhost.number(), name);
    route.map(|entry| entry.config.clone()).or_else(|| predeclared(name).map(Arc::new))
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(call)?;
    let (mut items, mut total) = (Vec::new(), 0);
    for vhost in cx.vhosts(call)? {
        let exchanges = show::exchanges(cx, &vhost);
        total += exchanges.len() + 1;
        items.extend(wanted.takes("").then(|| show::default_exchange(&vhost.name)));
        let shown = exchanges.iter().filter(|(name, _)| wanted.takes(name));
        items.extend(shown.map(|(name, config)| show::exchange(&vhost.name, name, config)));
    }
    Ok(document(&wanted.list(items, total)?))
}

pub(super) fn show(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (vhost, name) = (cx.vhost(call.name(0))?, call.name(1));
    cx.allow(Action::Describe, Resource::Route(name))?;
    if name == DEFAULT_EXCHANGE {
        return Ok(show::one(&Wanted::of(call)?, show::default_exchange(&vhost.name)));
    }
    let config = find(cx, &vhost, name).ok_or_else(Problem::not_found)?;
    Ok(show::one(&Wanted::of(call)?, show::exchange(&vhost.name, name, &config)))
}

/// What has to be asked for to have an exchange of a description; nothing if it is there and equal.
pub(super) fn declare(
    cx: &Context,
    vhost: &Vhost,
    name: &str,
    object: &Map<String, Value>,
) -> Result<Option<Authorized<Request>>, Problem> {
    if name.is_empty() || name == DEFAULT_EXCHANGE {
        return Err(Problem::bad_request("operation not permitted on the default exchange"));
    }
    let arguments = to_table(&object_of(object.get("arguments"))?)?;
    let exchange_type = match object.get("type") {
        None => "direct",
        Some(Value::String(text)) => text,
        Some(other) => return Err(Problem::bad_request(format!("type must be a string, not {other}"))),
    };
    let declaration = Declaration {
        exchange_type,
        durable: flag_of(object, "durable")?.unwrap_or(true),
        auto_delete: flag_of(object, "auto_delete")?.unwrap_or(false),
        internal: flag_of(object, "internal")?.unwrap_or(false),
        arguments: arguments.table(),
    };
    let config = declaration.config()?;
    if let Some(current) = find(cx, vhost, name) {
        declaration.check_equal(name, &vhost.name, &current)?;
        return Ok(None);
    }
    check_not_reserved(name)?;
    let config = set_up_exchange(name, &config, &cx.policies(&vhost.entry.name)).unwrap_or(config);
    let grant = cx.allow(Action::Create, Resource::Route(name))?;
    let create = CreateRoute { namespace: vhost.number(), name: name.into(), config };
    Ok(Some(grant.request(Request::Route(Box::new(RouteRequest::Create(Box::new(create)))))))
}

/// What the answer to that says.
pub(super) fn declared(reply: Reply) -> Result<(), Problem> {
    match reply {
        Reply::Refused(ErrorKind::InvalidName) => {
            Err(Problem::bad_request("no exchange can have such a name"))
        }
        reply => done(reply),
    }
}

pub(super) fn put(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let vhost = cx.vhost(call.name(0))?;
    let Some(request) = declare(cx, &vhost, call.name(1), &call.object()?)? else { return Ok(made(false)) };
    Ok(submit(request, |_, reply| {
        declared(reply)?;
        Ok(made(true))
    }))
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (vhost, name) = (cx.vhost(call.name(0))?, call.name(1));
    if name == DEFAULT_EXCHANGE || predeclared(name).is_some() {
        return Err(Problem::refused());
    }
    let entry: Arc<RouteEntry> = cx.backend.route(vhost.number(), name).ok_or_else(Problem::not_found)?;
    let grant = cx.allow(Action::Delete, Resource::Route(name))?;
    let delete = RouteRequest::Delete { route: entry.id, if_unused: call.flag("if-unused") };
    let name: Arc<str> = name.into();
    Ok(submit(grant.request(Request::Route(Box::new(delete))), move |_, reply| match reply {
        Reply::Refused(ErrorKind::RouteInUse) => {
            Err(Problem::bad_request(format!("exchange '{name}' in use")))
        }
        reply => {
            route_reply(reply)?;
            Ok(nothing())
        }
    }))
}
