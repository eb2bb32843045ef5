//! Namespaces: made once per name, numbered once, deleted with everything in them.

use crate::broker::Broker;
use millstream_core::catalog::{Annotations, DEFAULT_NAME, NamespaceEntry};
use millstream_core::hash::HashSeed;
use millstream_core::request::{CreateNamespace, CreateStream};
use millstream_core::route::{CreateRoute, MatchKind, RouteConfig, RouteReply, RouteRequest};
use millstream_core::shard::{RestoreError, ShardOptions};
use millstream_core::{Effects, Reply, Request, Restore, Shard, Ticket, Turn};
use millstream_types::{EngineTime, ErrorKind, Namespace, StreamId, StreamUid, WalPosition};
use std::sync::Arc;

type Answer = Result<(Arc<NamespaceEntry>, bool), ErrorKind>;

impl Broker {
    fn on_namespace(&mut self, request: Request) -> Answer {
        match self.call(request) {
            Reply::Namespace { entry, is_new } => Ok((entry, is_new)),
            Reply::Refused(kind) => Err(kind),
            other => panic!("{other:?}"),
        }
    }

    fn namespace(&mut self, name: &str, annotations: &[(&str, &str)]) -> Answer {
        let annotations = annotated(annotations);
        self.on_namespace(Request::CreateNamespace(Box::new(CreateNamespace {
            name: name.into(),
            annotations,
        })))
    }

    fn stream_in(&mut self, namespace: Namespace, name: &str, logs: u32) -> Result<StreamId, ErrorKind> {
        match self.call(create(namespace, name, logs)) {
            Reply::Stream(entry) => Ok(entry.id),
            Reply::Refused(kind) => Err(kind),
            other => panic!("{other:?}"),
        }
    }

    fn names(&self) -> Vec<String> {
        self.shard.namespaces().map(|entry| entry.name.to_string()).collect()
    }
}

fn annotated(annotations: &[(&str, &str)]) -> Annotations {
    annotations.iter().map(|(key, value)| (Box::from(*key), Box::from(*value))).collect()
}

fn create(namespace: Namespace, name: &str, logs: u32) -> Request {
    let uid = StreamUid(7);
    Request::CreateStream(Box::new(CreateStream {
        namespace,
        name: name.into(),
        uid,
        logs,
        config: Default::default(),
    }))
}

fn everything() -> RouteConfig {
    RouteConfig::new(MatchKind::Everything)
}

#[test]
fn a_namespace_is_made_once_and_keeps_its_number() {
    let mut broker = Broker::new();
    let (tenant, is_new) = broker.namespace("tenant", &[("note", "theirs")]).unwrap();
    assert!(is_new && tenant.number == Namespace(1) && &*tenant.name == "tenant");
    let (again, is_new) = broker.namespace("tenant", &[("note", "other")]).unwrap();
    assert!(!is_new && again == tenant, "what it has stays");
    let (default, is_new) = broker.namespace(DEFAULT_NAME, &[]).unwrap();
    assert!(!is_new && default.number == Namespace::DEFAULT);
    assert_eq!(broker.namespace("", &[]), Err(ErrorKind::InvalidName));
    assert_eq!(broker.namespace(&"x".repeat(256), &[]), Err(ErrorKind::InvalidName));
    assert_eq!(broker.namespace("a\nb", &[]), Err(ErrorKind::InvalidName));
    let large = "v".repeat(4_000);
    let too_large: Vec<(&str, &str)> =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|key| (key, &*large)).into();
    assert_eq!(broker.namespace("large", &too_large), Err(ErrorKind::InvalidConfig));

    let alter = |namespace, changes: &[(&str, Option<&str>)]| Request::AlterNamespace {
        namespace,
        changes: changes.iter().map(|(key, value)| (Box::from(*key), value.map(Box::from))).collect(),
    };
    let (altered, _) = broker.on_namespace(alter(tenant.number, &[("more", Some("x"))])).unwrap();
    assert_eq!(altered.annotations, annotated(&[("more", "x"), ("note", "theirs")]));
    let too_large: Vec<(&str, Option<&str>)> =
        too_large.iter().map(|(key, value)| (*key, Some(*value))).collect();
    assert_eq!(broker.on_namespace(alter(tenant.number, &too_large)), Err(ErrorKind::InvalidConfig));
    let (altered, _) = broker.on_namespace(alter(tenant.number, &[("note", None), ("none", None)])).unwrap();
    assert_eq!(altered.annotations, annotated(&[("more", "x")]));
    broker.on_namespace(alter(Namespace::DEFAULT, &[("default", Some("too"))])).unwrap();
    let unknown = broker.on_namespace(alter(Namespace(9), &[]));
    assert_eq!(unknown, Err(ErrorKind::UnknownNamespace));
    broker.crash();
    let after: Vec<_> = broker.shard.namespaces().cloned().collect();
    assert_eq!(after[0].annotations, annotated(&[("default", "too")]));
    assert_eq!(after[1], altered);
}

#[test]
fn streams_of_the_same_name_live_in_different_namespaces() {
    let mut broker = Broker::new();
    let (tenant, _) = broker.namespace("tenant", &[]).unwrap();
    let ours = broker.stream_in(Namespace::DEFAULT, "orders", 1).unwrap();
    let theirs = broker.stream_in(tenant.number, "orders", 1).unwrap();
    assert_ne!(ours, theirs);
    assert_eq!(broker.stream_in(tenant.number, "orders", 1), Err(ErrorKind::StreamExists));
    assert_eq!(broker.stream_in(Namespace(2), "orders", 1), Err(ErrorKind::UnknownNamespace));
}

#[test]
fn a_deleted_namespace_is_gone_at_once_and_its_streams_go_in_slices_over_restarts() {
    let mut broker = Broker::new();
    let (tenant, _) = broker.namespace("tenant", &[]).unwrap();
    let kept = broker.stream_in(Namespace::DEFAULT, "kept", 1).unwrap();
    for number in 0..300 {
        broker.stream_in(tenant.number, &format!("s{number}"), 1).unwrap();
    }
    let wide = broker.stream_in(tenant.number, "wide", 10_000).unwrap();
    let create = CreateRoute { namespace: tenant.number, name: "r".into(), config: everything() };
    let reply = broker.call(Request::Route(Box::new(RouteRequest::Create(Box::new(create)))));
    let Reply::Route(reply) = reply else { panic!("{reply:?}") };
    let RouteReply::Route { entry: route, .. } = *reply else { panic!("{reply:?}") };
    broker.checkpoint(usize::MAX);
    let delete = |namespace| Request::DeleteNamespace { namespace };
    assert_eq!(broker.on_namespace(delete(Namespace::DEFAULT)), Err(ErrorKind::InvalidName));
    broker.on_namespace(delete(tenant.number)).unwrap();
    assert_eq!(broker.on_namespace(delete(tenant.number)), Err(ErrorKind::UnknownNamespace));
    assert_eq!(broker.names(), ["default"]);
    assert_eq!(broker.stream_in(tenant.number, "new", 1), Err(ErrorKind::UnknownNamespace));
    let create = CreateRoute { namespace: tenant.number, name: "s".into(), config: everything() };
    let refused = broker.call(Request::Route(Box::new(RouteRequest::Create(Box::new(create)))));
    assert!(matches!(refused, Reply::Refused(ErrorKind::UnknownNamespace)), "{refused:?}");
    assert_eq!(broker.shard.route_entries().next().map(|entry| entry.id), Some(route.id));
    assert_eq!(broker.shard.stream_entries().count(), 302, "they go in ticks");

    let (successor, is_new) = broker.namespace("tenant", &[]).unwrap();
    assert!(is_new && successor.number == Namespace(2), "the name is free, the number is not");
    let new = broker.stream_in(successor.number, "s0", 1).unwrap();
    broker.crash();
    let frames = broker.entries().count();
    broker.advance(0);
    assert!(broker.entries().count() - frames > 4, "a tick deletes some of them");
    let left: Vec<StreamId> = broker.shard.stream_entries().map(|entry| entry.id).collect();
    assert_eq!(left, [kept, new]);
    assert_eq!(broker.shard.route_entries().count(), 0);
    assert!(broker.shard.log_bounds(millstream_types::LogId { stream: wide, index: 0 }).is_none());
    broker.crash();
    assert_eq!(broker.names(), ["default", "tenant"]);
    let (third, _) = broker.namespace("third", &[]).unwrap();
    assert_eq!(third.number, Namespace(3));
}

#[test]
fn a_stream_in_a_number_that_was_never_handed_out_stops_the_start() {
    // As a front made them of names before there was a registry.
    let mut shard = Shard::new(HashSeed([1, 2]), ShardOptions::default());
    let turn = Turn { now: EngineTime(5), position: WalPosition(64) };
    let mut effects = Effects::default();
    shard.apply(turn, Ticket(1), create(Namespace::DEFAULT, "q", 1), &mut effects);
    let hashed = (1_u32 << 31 | 77).to_le_bytes();
    // tag, id, uid, then the namespace
    effects.entries[25..29].copy_from_slice(&hashed);
    let mut restore = Restore::new(HashSeed([1, 2]), ShardOptions::default());
    restore.frame(WalPosition(64), &effects.entries, &[]).unwrap();
    let refused = restore.finish(EngineTime(6)).err();
    let namespace = Namespace(1 << 31 | 77);
    assert_eq!(refused, Some(RestoreError::UnknownNamespace { stream: StreamId(1), namespace }));
}
