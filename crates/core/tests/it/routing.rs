//! A broker whose routes are looked up as sessions do, and short ways to ask for them.
//!
//! Apart because every test of routes needs them.

use crate::broker::Broker;
use millstream_core::catalog::StreamEntry;
use millstream_core::route::{
    Binding, Condition, CreateRoute, Destination, Lookup, MatchKind, NoHeaders, RouteConfig, RouteEntry,
    RouteReply, RouteRequest, RoutedRecord, resolve,
};
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, Namespace, RouteId, StreamId};
use std::sync::Arc;

impl Lookup for Broker {
    fn route(&self, namespace: Namespace, name: &str) -> Option<Arc<RouteEntry>> {
        let mut entries = self.shard.route_entries();
        entries.find(|entry| entry.namespace == namespace && *entry.name == *name).cloned()
    }

    fn route_by_id(&self, route: RouteId) -> Option<Arc<RouteEntry>> {
        self.shard.route_entries().find(|entry| entry.id == route).cloned()
    }

    fn stream_by_id(&self, stream: StreamId) -> Option<Arc<StreamEntry>> {
        self.shard.stream_entries().find(|entry| entry.id == stream).cloned()
    }
}

pub(crate) fn ask(broker: &mut Broker, request: RouteRequest) -> Result<RouteReply, ErrorKind> {
    match broker.call(Request::Route(Box::new(request))) {
        Reply::Route(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn create(broker: &mut Broker, name: &str, config: RouteConfig) -> Result<RouteId, ErrorKind> {
    let create = CreateRoute { namespace: Namespace::DEFAULT, name: name.into(), config };
    match ask(broker, RouteRequest::Create(Box::new(create)))? {
        RouteReply::Route { entry, .. } => Ok(entry.id),
        other => panic!("{other:?}"),
    }
}

/// A route that matches in a way, with nothing else set.
pub(crate) fn plain(broker: &mut Broker, name: &str, kind: MatchKind) -> RouteId {
    create(broker, name, RouteConfig::new(kind)).expect("nothing is wrong with it")
}

pub(crate) fn binding(destination: Destination, key: &str) -> Binding {
    Binding { destination, key: key.as_bytes().into(), condition: Condition::Key, arguments: [].into() }
}

/// Whether it is new.
pub(crate) fn bind(broker: &mut Broker, source: RouteId, binding: Binding) -> Result<bool, ErrorKind> {
    match ask(broker, RouteRequest::Bind { source, binding: Box::new(binding) })? {
        RouteReply::Bound { is_new } => Ok(is_new),
        other => panic!("{other:?}"),
    }
}

/// Whether it was there.
pub(crate) fn unbind(broker: &mut Broker, source: RouteId, binding: &Binding) -> Result<bool, ErrorKind> {
    let (key, arguments) = (binding.key.clone(), binding.arguments.clone());
    let request = RouteRequest::Unbind { source, destination: binding.destination, key, arguments };
    match ask(broker, request)? {
        RouteReply::Unbound { was_bound } => Ok(was_bound),
        other => panic!("{other:?}"),
    }
}

/// Where a record without headers goes.
pub(crate) fn targets(broker: &Broker, route: RouteId, key: &str) -> Vec<StreamId> {
    let record = RoutedRecord { key: key.as_bytes(), headers: &NoHeaders, random: 0 };
    found(broker, route, &record)
}

pub(crate) fn found(broker: &Broker, route: RouteId, record: &RoutedRecord<'_>) -> Vec<StreamId> {
    let entry = broker.route_by_id(route).expect("the route exists");
    let targets = resolve(broker, &entry, record).expect("within bounds");
    targets.streams.iter().map(|stream| stream.id).collect()
}
