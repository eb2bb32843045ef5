//! Where dead letters go: to a stream, or by a route.
//!
//! Apart because by a route the record itself has a say, and so its way is found in two steps: what is wrong for all records of a
//! stream is known before any of them is read.

use super::trouble::Trouble;
use super::{Elsewise, Mover, World, nowhere};
use crate::catalog::Catalog;
use millstream_core::catalog::{DeadLetterRoute, StreamEntry};
use millstream_core::lease::Move;
use millstream_core::route::{self, Lookup, RouteEntry, RoutedRecord, ValueRef};
use millstream_types::batch::{Headers, Record};
use millstream_types::routed::Routed;
use millstream_types::{ErrorKind, Namespace, Offset, RouteId, StreamId, planted};
use std::sync::Arc;

impl Lookup for Catalog {
    fn route(&self, namespace: Namespace, name: &str) -> Option<Arc<RouteEntry>> {
        Catalog::route(self, namespace, name)
    }

    fn route_by_id(&self, route: RouteId) -> Option<Arc<RouteEntry>> {
        Catalog::route_by_id(self, route)
    }

    fn stream_by_id(&self, stream: StreamId) -> Option<Arc<StreamEntry>> {
        Catalog::stream_by_id(self, stream)
    }
}

/// A stored record's headers: all of them are text to a route, whatever they were to who wrote them.
struct Stored<'a>(Headers<'a>);

impl route::Headers for Stored<'_> {
    fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        { self.0 }.find(|(found, _)| *found == name).map(|(_, value)| value_of(value))
    }

    fn each(&self, visit: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.0.for_each(|(name, value)| visit(name, value_of(value)));
    }

    fn property(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

fn value_of(value: Option<&[u8]>) -> ValueRef<'_> {
    value.map_or(ValueRef::Void, ValueRef::Text)
}

/// Where a record is to go, as far as that is known before it is read.
pub(super) enum To {
    Stream(Arc<StreamEntry>),
    /// By a route, or without one to the stream that is called like the key.
    Route(DeadLetterRoute, Option<Arc<RouteEntry>>),
    /// Where its headers say that it was taken out.
    Source,
}

impl Mover {
    /// Where a stream's dead letters go.
    pub(super) fn dead_letters_of(
        &mut self,
        of: &Move,
        source: &Arc<StreamEntry>,
        world: &World<'_>,
    ) -> Result<To, Elsewise> {
        let lease = source.config.lease();
        let to = match (lease.dead_letter_route(), lease.dead_letter()) {
            (Some(setting), _) if setting.route.is_empty() => To::Route(setting.clone(), None),
            (Some(setting), _) => {
                let route = world.catalog.route(source.namespace, &setting.route);
                let route = route.ok_or_else(|| self.has_no_target(of, source, &setting.route, world.now))?;
                To::Route(setting.clone(), Some(route))
            }
            (None, Some(name)) => {
                let target = world.catalog.stream(source.namespace, name);
                To::Stream(target.ok_or_else(|| self.has_no_target(of, source, name, world.now))?)
            }
            (None, None) => return Err(nowhere()),
        };
        self.troubles.over(Trouble::Missing(source.id));
        Ok(to)
    }
}

/// Whether a stream's dead letters come to another one, this record as it is there at least.
pub(super) fn sends_to(
    catalog: &Catalog,
    from: &StreamEntry,
    to: &StreamEntry,
    record: &Record,
    offset: Offset,
) -> bool {
    let lease = from.config.lease();
    let Some(setting) = lease.dead_letter_route() else { return lease.dead_letter() == Some(&to.name) };
    let route = catalog.route(from.namespace, &setting.route);
    if route.is_none() && !setting.route.is_empty() {
        return false;
    }
    targets(catalog, from, setting, route.as_ref(), record, offset)
        .is_ok_and(|(streams, _)| streams.iter().any(|stream| stream.id == to.id))
}

/// The streams that a dead letter of `source` goes to, and what it says of its way then. `route` is the one of the setting, if
/// it names one.
pub(super) fn targets(
    catalog: &Catalog,
    source: &StreamEntry,
    setting: &DeadLetterRoute,
    route: Option<&Arc<RouteEntry>>,
    record: &Record,
    offset: Offset,
) -> Result<(Vec<Arc<StreamEntry>>, Routed), ErrorKind> {
    let key = setting.key.clone().unwrap_or_else(|| {
        // A record that does not say came by its stream's name.
        Routed::parse(record.headers()).map_or_else(|| source.name[..].into(), |routed| routed.key)
    });
    let mut streams: Vec<Arc<StreamEntry>> = match route {
        None => catalog.stream(source.namespace, &key).into_iter().collect(),
        Some(route) => {
            let random = offset.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let headers = Stored(record.headers());
            let record = RoutedRecord { key: key.as_bytes(), headers: &headers, random };
            route::resolve(catalog, route, &record)?.streams
        }
    };
    if planted!(OneHeirOnly) {
        streams.truncate(1);
    }
    Ok((streams, Routed { by: setting.route.clone(), key }))
}
