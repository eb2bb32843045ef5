//! Creating, altering and deleting routes, binding and unbinding: what is asked for, checked and decided.
//!
//! Apart because these are the only writers of routes, beside what is freed by itself. Each request makes one entry, or two
//! when the last binding takes its route along.

use super::binding::{Binding, BindingName, Destination};
use super::change::{RouteChange, is_held};
use super::entry::{MatchKind, RouteConfig, RouteHead};
use super::request::{CreateRoute, RouteReply, RouteRequest};
use crate::catalog::check_name;
use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::request::Reply;
use crate::route::Condition;
use crate::shard::{Shard, Turn};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use millstream_types::limits::{BINDINGS_MAX, ROUTES_MAX};
use millstream_types::{ErrorKind, RouteId, WalPosition, planted};

/// Bindings to what is gone that one turn frees.
const FREED_PER_TURN: usize = 512;
/// Bytes of entries that freeing makes at most: each binding may be of another route, which goes with it.
pub(crate) const FREE_BYTES: usize = FREED_PER_TURN * 32;
/// Bindings of deleted routes that one turn drops.
const SWEPT_PER_TURN: usize = 2048;

/// Decides one request about routes.
pub(crate) fn apply(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    request: RouteRequest,
    effects: &mut Effects,
) {
    let result = match request {
        RouteRequest::Create(create) => self::create(shard, turn, *create, effects),
        RouteRequest::Alter { route, alternate, annotations } => {
            alter(shard, turn, route, (alternate, annotations), effects)
        }
        RouteRequest::Delete { route, if_unused } => delete(shard, turn, route, if_unused, effects),
        RouteRequest::Bind { source, binding } => bind(shard, turn, source, *binding, effects),
        RouteRequest::Unbind { source, destination, key, arguments } => {
            let name = BindingName { destination, key: &key, arguments: &arguments };
            unbind(shard, turn, source, &name, effects)
        }
    };
    match result {
        Ok((after, reply)) => {
            let after = if planted!(BoundBeforeDurable) { WalPosition::ZERO } else { after };
            effects.reply_after(ticket, after, Reply::Route(Box::new(reply)));
        }
        // A refusal reveals what exists, so it waits for the last change of the catalog (R10).
        Err(kind) => {
            let after = shard.catalog_last.max(shard.routes.last);
            effects.reply_after(ticket, after, Reply::Refused(kind));
        }
    }
}

/// What to answer, and which frame has to be durable before.
type Decided = Result<(WalPosition, RouteReply), ErrorKind>;

fn record(shard: &mut Shard, turn: Turn, change: RouteChange, effects: &mut Effects) {
    shard.record(turn, Entry::Route(change), effects);
}

fn create(shard: &mut Shard, turn: Turn, create: CreateRoute, effects: &mut Effects) -> Decided {
    let CreateRoute { namespace, name, config } = create;
    check_name(&name)?;
    shard.namespaces.get(namespace).ok_or(ErrorKind::UnknownNamespace)?;
    config.check()?;
    if let Some(id) = shard.routes.names.get(&(namespace, name.clone())) {
        let route = &shard.routes.routes[id];
        if *route.entry.config != config {
            return Err(ErrorKind::RouteDiffers);
        }
        let after = known_after(shard, route.last, id.is_ephemeral());
        return Ok((after, RouteReply::Route { entry: route.entry.clone(), is_new: false }));
    }
    if shard.routes.routes.len() >= ROUTES_MAX {
        return Err(ErrorKind::LimitExceeded);
    }
    let id = match config.ephemeral {
        false => shard.routes.next_route,
        true => shard.routes.next_ephemeral,
    };
    let head = RouteHead { id, namespace, name, created: turn.now, config: Arc::new(config) };
    record(shard, turn, RouteChange::Created(head), effects);
    let entry = shard.routes.routes[&id].entry.clone();
    Ok((turn.position, RouteReply::Route { entry, is_new: true }))
}

/// A route's alternate and annotations.
type SetUp = (Option<Arc<str>>, BTreeMap<Box<str>, Box<str>>);

fn alter(
    shard: &mut Shard,
    turn: Turn,
    id: RouteId,
    (alternate, annotations): SetUp,
    effects: &mut Effects,
) -> Decided {
    let route = shard.routes.routes.get(&id).ok_or(ErrorKind::UnknownRoute)?;
    let config = RouteConfig { alternate, annotations, ..(*route.entry.config).clone() };
    config.check()?;
    let mut after = route.last;
    if *route.entry.config != config {
        record(shard, turn, RouteChange::Altered { route: id, config: Arc::new(config) }, effects);
        after = turn.position;
    }
    let entry = shard.routes.routes[&id].entry.clone();
    Ok((after, RouteReply::Route { entry, is_new: false }))
}

fn delete(shard: &mut Shard, turn: Turn, id: RouteId, if_unused: bool, effects: &mut Effects) -> Decided {
    let route = shard.routes.routes.get(&id).ok_or(ErrorKind::UnknownRoute)?;
    if if_unused && !route.bindings.is_empty() {
        return Err(ErrorKind::RouteInUse);
    }
    let entry = route.entry.clone();
    record(shard, turn, RouteChange::Deleted { route: id }, effects);
    free(shard, turn, effects);
    Ok((turn.position, RouteReply::Deleted(entry)))
}

fn bind(shard: &mut Shard, turn: Turn, source: RouteId, binding: Binding, effects: &mut Effects) -> Decided {
    binding.check()?;
    let route = shard.routes.routes.get(&source).ok_or(ErrorKind::UnknownRoute)?;
    check_condition(&route.entry.config.match_kind, &binding.condition)?;
    let namespace = route.entry.namespace;
    // What is elsewhere is not there.
    match binding.destination {
        Destination::Stream(stream) => {
            let found = shard.streams.get(&stream).filter(|found| found.entry.namespace == namespace);
            found.ok_or(ErrorKind::UnknownStream)?;
        }
        Destination::Route(to) => {
            let found = shard.routes.entry(to).filter(|found| found.namespace == namespace);
            found.ok_or(ErrorKind::UnknownRoute)?;
        }
    }
    let is_ephemeral = source.is_ephemeral() || binding.destination.is_ephemeral();
    if route.find(shard.routes.seed, &binding.name()).is_some() {
        let after = known_after(shard, route.last, is_ephemeral);
        return Ok((after, RouteReply::Bound { is_new: false }));
    }
    if shard.routes.bindings_len >= BINDINGS_MAX {
        return Err(ErrorKind::LimitExceeded);
    }
    // What leads to something in memory goes with it.
    let number = if is_ephemeral && !source.is_ephemeral() { route.next_held } else { route.next_binding };
    let binding = Arc::new(binding);
    record(shard, turn, RouteChange::Bound { route: source, number, binding }, effects);
    Ok((turn.position, RouteReply::Bound { is_new: true }))
}

/// When it may be said that something is there: where it is in memory only, once it can be seen.
fn known_after(shard: &Shard, last: WalPosition, is_ephemeral: bool) -> WalPosition {
    if is_ephemeral { shard.catalog_after() } else { last }
}

/// A binding asks for what its route looks at.
fn check_condition(kind: &MatchKind, condition: &Condition) -> Result<(), ErrorKind> {
    let fits = match kind {
        MatchKind::Headers => matches!(condition, Condition::Headers(_)),
        MatchKind::Hash { weighted: true, .. } => matches!(condition, Condition::Weight(_)),
        MatchKind::Exact
        | MatchKind::Pattern
        | MatchKind::Everything
        | MatchKind::Hash { weighted: false, .. } => *condition == Condition::Key,
    };
    if fits { Ok(()) } else { Err(ErrorKind::InvalidConfig) }
}

fn unbind(
    shard: &mut Shard,
    turn: Turn,
    source: RouteId,
    name: &BindingName<'_>,
    effects: &mut Effects,
) -> Decided {
    let route = shard.routes.routes.get(&source).ok_or(ErrorKind::UnknownRoute)?;
    let Some(number) = route.find(shard.routes.seed, name) else {
        return Ok((route.last, RouteReply::Unbound { was_bound: false }));
    };
    take_out(shard, turn, source, vec![number], effects);
    Ok((turn.position, RouteReply::Unbound { was_bound: true }))
}

/// Takes bindings out of a route, and the route with them when it was to go with the last one.
fn take_out(shard: &mut Shard, turn: Turn, route: RouteId, numbers: Vec<u64>, effects: &mut Effects) {
    let (held, kept): (Vec<u64>, Vec<u64>) = numbers.into_iter().partition(|number| is_held(*number));
    for numbers in [kept, held].into_iter().filter(|numbers| !numbers.is_empty()) {
        record(shard, turn, RouteChange::Unbound { route, numbers }, effects);
    }
    let left = &shard.routes.routes[&route];
    if left.bindings.is_empty() && left.entry.config.delete_when_unbound {
        record(shard, turn, RouteChange::Deleted { route }, effects);
    }
}

/// A slice of the long work that deletions leave (R13): frees bindings that lead to what is gone.
pub(crate) fn free(shard: &mut Shard, turn: Turn, effects: &mut Effects) {
    let mut left = FREED_PER_TURN;
    while left > 0 {
        let Some(&destination) = shard.routes.gone.first() else { return };
        let slice: Vec<(RouteId, u64)> = shard.routes.led_to(destination).take(left).collect();
        if slice.is_empty() {
            shard.routes.gone.remove(&destination);
            continue;
        }
        left -= slice.len();
        for of_route in slice.chunk_by(|(a, _), (b, _)| a == b) {
            let route = of_route[0].0;
            let numbers: Vec<u64> = of_route.iter().map(|(_, number)| *number).collect();
            if shard.routes.entry(route).is_some() {
                take_out(shard, turn, route, numbers, effects);
            } else {
                // Of a route that is gone itself: nothing is left of them but this note.
                for number in numbers {
                    shard.routes.leads_to.remove(&(destination, route, number));
                }
            }
        }
    }
}

/// Does what is left to do of deletions.
pub(crate) fn tick(shard: &mut Shard, turn: Turn, effects: &mut Effects) {
    shard.routes.sweep(SWEPT_PER_TURN);
    free(shard, turn, effects);
}
