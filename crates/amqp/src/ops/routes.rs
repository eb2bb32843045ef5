//! Exchanges: found by name, and asked where a message goes.
//!
//! Apart because publishing and binding ask here whatever the exchange is. The default exchange is none in the core: a
//! routing key is the name of a queue. Those whose names begin with `amq.` and that are always there become routes with
//! their first binding.

use crate::codec::Table;
use crate::errors::{Code, Fault};
use crate::session::Connection;
use crate::step::{Step, submit};
use crate::translate::{Routed, condition, is_queue, predeclared, set_up_exchange};
use millstream_core::catalog::StreamEntry;
use millstream_core::route::{
    Binding, CreateRoute, Destination, RouteConfig, RouteEntry, RouteReply, RouteRequest, RoutedRecord,
    resolve,
};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized};
use millstream_types::ErrorKind;
use std::sync::Arc;

/// Where messages of a publish go.
pub(super) struct Destinations {
    pub(super) queues: Vec<Arc<StreamEntry>>,
    /// The exchange lets messages say how long they are put off.
    pub(super) delays: bool,
}

/// The queues of a message.
///
/// # Errors
/// When there is no such exchange, or nobody may publish to it.
pub(super) fn route(
    cx: &Connection,
    exchange: &str,
    keys: &[&str],
    message: &Routed<'_>,
) -> Result<Destinations, Fault> {
    if exchange.is_empty() {
        return Ok(Destinations { queues: by_name(cx, keys), delays: false });
    }
    let mut found = Destinations { queues: Vec::with_capacity(keys.len()), delays: false };
    let Some(entry) = cx.backend.route(cx.namespace, exchange) else {
        // One that is always there, and has led nowhere so far.
        let config = predeclared(exchange).ok_or_else(|| Fault::no_exchange(exchange, &cx.vhost))?;
        check_public(cx, exchange, &config)?;
        return Ok(found);
    };
    check_public(cx, exchange, &entry.config)?;
    found.delays = entry.config.delay;
    for key in keys {
        let random = u64::try_from(cx.backend.random() >> 64).expect("64 bits");
        let record = RoutedRecord { key: key.as_bytes(), headers: message, random };
        for queue in resolve(&*cx.backend, &entry, &record)?.streams {
            if found.queues.iter().all(|known| known.id != queue.id) {
                found.queues.push(queue);
            }
        }
    }
    Ok(found)
}

fn check_public(cx: &Connection, exchange: &str, config: &RouteConfig) -> Result<(), Fault> {
    if config.internal {
        let text = format!("cannot publish to internal exchange '{exchange}' in vhost '{}'", cx.vhost);
        return Err(Fault::new(Code::ACCESS_REFUSED, text));
    }
    Ok(())
}

fn by_name(cx: &Connection, names: &[&str]) -> Vec<Arc<StreamEntry>> {
    let mut queues: Vec<Arc<StreamEntry>> = Vec::with_capacity(names.len());
    for name in names {
        if let Some(entry) = cx.backend.stream(cx.namespace, name).filter(|entry| is_queue(entry))
            && queues.iter().all(|known| known.id != entry.id)
        {
            queues.push(entry);
        }
    }
    queues
}

/// The answer to changes of the default exchange.
pub(super) fn check_default(exchange: &str) -> Result<(), Fault> {
    if exchange.is_empty() {
        return Err(Fault::new(Code::ACCESS_REFUSED, "operation not permitted on the default exchange"));
    }
    Ok(())
}

/// The exchange of a name, if it is there.
pub(super) fn find(cx: &Connection, exchange: &str) -> Option<Arc<RouteEntry>> {
    cx.backend.route(cx.namespace, exchange)
}

/// A permitted request about an exchange.
pub(super) fn permit(
    cx: &Connection,
    action: Action,
    exchange: &str,
    request: RouteRequest,
) -> Result<Authorized<Request>, Fault> {
    Ok(cx.allow_exchange(action, exchange)?.request(Request::Route(Box::new(request))))
}

/// An answer about routes.
pub(super) fn route_reply(reply: Reply) -> Result<RouteReply, Fault> {
    match reply {
        Reply::Route(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind.into()),
        _ => Err(Fault::internal("an answer that was not asked for")),
    }
}

/// Goes on with an exchange that bindings lead from or to: one that is always there is made if it is no route yet.
///
/// # Errors
/// When there is no such exchange.
pub(super) fn with_exchange(
    cx: &mut Connection,
    exchange: &str,
    then: impl FnOnce(&mut Connection, Arc<RouteEntry>) -> Result<Step, Fault> + Send + 'static,
) -> Result<Step, Fault> {
    if let Some(entry) = find(cx, exchange) {
        return then(cx, entry);
    }
    let config = predeclared(exchange).ok_or_else(|| Fault::no_exchange(exchange, &cx.vhost))?;
    create(cx, exchange.into(), config, then)
}

/// Makes an exchange, set up as it is declared and as the policies say, and goes on with it.
///
/// # Errors
/// When there cannot be one of the name.
pub(super) fn create(
    cx: &mut Connection,
    name: Arc<str>,
    config: RouteConfig,
    then: impl FnOnce(&mut Connection, Arc<RouteEntry>) -> Result<Step, Fault> + Send + 'static,
) -> Result<Step, Fault> {
    let config = set_up_exchange(&name, &config, &cx.policies()).unwrap_or(config);
    let create = CreateRoute { namespace: cx.namespace, name: name.clone(), config };
    let request = permit(cx, Action::Create, &name, RouteRequest::Create(Box::new(create)))?;
    Ok(submit(request, move |cx, reply| match reply {
        Reply::Refused(ErrorKind::InvalidName) => {
            Err(Fault::precondition(format!("invalid exchange name '{name}'")))
        }
        reply => settled(cx, route_entry(reply)?, Box::new(then)),
    }))
}

/// What is done with an exchange that was made.
type WithExchange = Box<dyn FnOnce(&mut Connection, Arc<RouteEntry>) -> Result<Step, Fault> + Send>;

/// Goes on once an exchange is as the policies say: one may have changed while it was made, before anybody saw it.
fn settled(cx: &mut Connection, entry: Arc<RouteEntry>, then: WithExchange) -> Result<Step, Fault> {
    let Some(config) = set_up_exchange(&entry.name, &entry.config, &cx.policies()) else {
        return then(cx, entry);
    };
    let RouteConfig { alternate, annotations, .. } = config;
    let alter = RouteRequest::Alter { route: entry.id, alternate, annotations };
    let request = permit(cx, Action::Alter, &entry.name, alter)?;
    Ok(submit(request, move |cx, reply| settled(cx, route_entry(reply)?, then)))
}

fn route_entry(reply: Reply) -> Result<Arc<RouteEntry>, Fault> {
    match route_reply(reply)? {
        RouteReply::Route { entry, .. } => Ok(entry),
        _ => Err(Fault::internal("an answer that was not asked for")),
    }
}

/// A binding as its client names it.
pub(super) struct BindingArguments {
    /// What it leads to.
    destination: Box<str>,
    pub(super) key: Box<str>,
    /// The table as it was sent.
    pub(super) arguments: Box<[u8]>,
}

impl BindingArguments {
    pub(super) fn new(destination: &str, key: &str, arguments: Table<'_>) -> BindingArguments {
        let arguments = arguments.bytes().into();
        BindingArguments { destination: destination.into(), key: key.into(), arguments }
    }
}

/// Makes a binding, then answers with what `done` sends.
pub(super) fn bind(
    cx: &mut Connection,
    source: &RouteEntry,
    destination: Destination,
    binding: BindingArguments,
    done: impl FnOnce(&mut Connection) + Send + 'static,
) -> Result<Step, Fault> {
    let BindingArguments { destination: name, key, arguments } = binding;
    let table = Table::of(&arguments).map_err(|error| Fault::internal(error.to_string()))?;
    let condition = condition(source, &key, table)?;
    let binding =
        Binding { destination, key: key.as_bytes().into(), condition, arguments: arguments.clone() };
    let request = RouteRequest::Bind { source: source.id, binding: Box::new(binding) };
    let request = permit(cx, Action::Alter, &source.name, request)?;
    Ok(submit(request, move |cx, reply| match reply {
        Reply::Refused(kind) => Err(Fault::of_queue(kind, &name, &cx.vhost)),
        reply => {
            route_reply(reply)?;
            done(cx);
            Ok(Step::Done)
        }
    }))
}

/// Takes a binding back, then answers with what `done` sends. One that is not there is as good.
pub(super) fn unbind(
    cx: &mut Connection,
    source: &RouteEntry,
    destination: Destination,
    binding: BindingArguments,
    done: impl FnOnce(&mut Connection) + Send + 'static,
) -> Result<Step, Fault> {
    let key = binding.key.into_boxed_bytes();
    let request = RouteRequest::Unbind { source: source.id, destination, key, arguments: binding.arguments };
    let request = permit(cx, Action::Alter, &source.name, request)?;
    Ok(submit(request, move |cx, reply| {
        route_reply(reply)?;
        done(cx);
        Ok(Step::Done)
    }))
}
