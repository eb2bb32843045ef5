//! What it costs to find where a record goes, at 10, 10,000 and 100,000 bindings, and what the bindings cost.
//!
//! Apart because it is a measurement, not a test: it says what was found. One core, no network, no disk; streams are looked up
//! in maps, as in the broker's catalog.
//!
//! `cargo run --release -p millstream-core --example route_speed`
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::hash::{HashSeed, KeyedMap};
use millstream_core::request::CreateStream;
use millstream_core::route::{
    Binding, Condition, CreateRoute, Criteria, Destination, HashBy, Headers, Lookup, MatchKind, Resolver,
    RouteConfig, RouteEntry, RouteReply, RouteRequest, RoutedRecord, Value, ValueRef, resolve,
};
use millstream_core::shard::ShardOptions;
use millstream_core::{CatalogChange, CatalogEffect, Effects, Reply, Request, Restore, Shard, Ticket, Turn};
use millstream_types::{EngineTime, Namespace, RouteId, StreamId, StreamUid, WalPosition};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SEED: HashSeed = HashSeed([7, 9]);
/// Streams that bindings lead to.
const STREAMS: u32 = 1_000;
/// How long each search is repeated.
const LOOK: Duration = Duration::from_millis(300);

/// The shard, and what the catalog would show of it.
struct Broker {
    shard: Shard,
    frames: Vec<Vec<u8>>,
    turns: u64,
    streams: KeyedMap<StreamId, Arc<StreamEntry>>,
    routes: KeyedMap<RouteId, Arc<RouteEntry>>,
}

impl Broker {
    fn ask(&mut self, request: Request) -> Reply {
        self.turns += 1;
        let turn = Turn { now: EngineTime(0), position: WalPosition(self.turns * 64) };
        let mut effects = Effects::default();
        self.shard.apply(turn, Ticket(self.turns), request, &mut effects);
        for CatalogEffect { change, .. } in effects.catalog {
            match change {
                CatalogChange::Put(entry) => drop(self.streams.insert(entry.id, entry)),
                CatalogChange::PutRoute(entry) => drop(self.routes.insert(entry.id, entry)),
                other => panic!("{other:?}"),
            }
        }
        self.frames.push(effects.entries);
        effects.replies.pop().expect("it is answered at once").reply
    }

    fn declare(&mut self, request: RouteRequest) -> RouteReply {
        match self.ask(Request::Route(Box::new(request))) {
            Reply::Route(reply) => *reply,
            other => panic!("{other:?}"),
        }
    }

    fn new() -> Broker {
        let mut broker = Broker {
            shard: Shard::new(SEED, ShardOptions::default()),
            frames: Vec::new(),
            turns: 0,
            streams: KeyedMap::with_hasher(SEED),
            routes: KeyedMap::with_hasher(SEED),
        };
        for n in 0..STREAMS {
            let create = CreateStream {
                namespace: Namespace::DEFAULT,
                name: format!("s{n}").into(),
                uid: StreamUid(u128::from(n) + 1),
                logs: 1,
                config: StreamConfig::default(),
            };
            broker.ask(Request::CreateStream(Box::new(create)));
        }
        broker
    }
}

impl Lookup for Broker {
    fn route(&self, _: Namespace, _: &str) -> Option<Arc<RouteEntry>> {
        None
    }
    fn route_by_id(&self, route: RouteId) -> Option<Arc<RouteEntry>> {
        self.routes.get(&route).cloned()
    }
    fn stream_by_id(&self, stream: StreamId) -> Option<Arc<StreamEntry>> {
        self.streams.get(&stream).cloned()
    }
}

/// Five headers.
struct Five([(&'static str, Value); 5]);

impl Headers for Five {
    fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_ref())
    }
    fn each(&self, visit: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.0.iter().for_each(|(name, value)| visit(name, value.as_ref()));
    }
    fn property(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

/// A way to bind and to send: the nth binding's key and condition, the nth record's key.
struct Scene {
    name: &'static str,
    kind: MatchKind,
    bind: fn(u32) -> (String, Condition),
    /// Out of so many bindings.
    key: fn(u32, u32) -> String,
}

fn hashed(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b1)
}

fn main() {
    let scenes = [
        Scene {
            name: "exact",
            kind: MatchKind::Exact,
            bind: |n| (format!("key-{n}"), Condition::Key),
            key: |n, of| format!("key-{}", n % of),
        },
        Scene {
            name: "pattern, words",
            kind: MatchKind::Pattern,
            bind: |n| (format!("w{}.w{}.w{}", n % 100, n / 100 % 100, n / 10_000), Condition::Key),
            key: |n, of| {
                let n = n % of;
                format!("w{}.w{}.w{}", n % 100, n / 100 % 100, n / 10_000)
            },
        },
        Scene {
            name: "pattern, mixed",
            kind: MatchKind::Pattern,
            bind: |n| {
                let key = match n % 4 {
                    0 => format!("w{n}.*.created"),
                    1 => format!("w{n}.#"),
                    2 => format!("*.w{n}.*"),
                    _ => format!("#.w{n}"),
                };
                (key, Condition::Key)
            },
            key: |n, of| format!("w{}.w{}.created", n % of, hashed(n) % of),
        },
        Scene {
            name: "headers, all of 2",
            kind: MatchKind::Headers,
            bind: |n| {
                let pairs = vec![
                    ("type".into(), Some(Value::Text((*b"order").into()))),
                    ("id".into(), Some(Value::Int(i64::from(n)))),
                ];
                (String::new(), Condition::Headers(Criteria { any: false, with_x: false, pairs }))
            },
            key: |_, _| String::new(),
        },
        Scene {
            name: "weighted hash",
            kind: MatchKind::Hash { by: HashBy::Key, weighted: true },
            bind: |n| (format!("{n}"), Condition::Weight(1)),
            key: |n, _| format!("key-{n}"),
        },
    ];
    println!(
        "{:18} {:>8} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "", "bindings", "bind", "restart", "search", "kept", "targets"
    );
    for scene in &scenes {
        for bindings in [10, 10_000, 100_000] {
            measure(scene, bindings);
        }
    }
    println!("\nhostile patterns, 10,000 bindings, keys of 127 words:");
    hostile();
}

fn build(scene: &Scene, bindings: u32) -> (Broker, RouteId, Duration) {
    let mut broker = Broker::new();
    let config = RouteConfig::new(scene.kind.clone());
    let create = CreateRoute { namespace: Namespace::DEFAULT, name: "r".into(), config };
    let RouteReply::Route { entry, .. } = broker.declare(RouteRequest::Create(Box::new(create))) else {
        panic!("it is created")
    };
    let source = entry.id;
    drop(entry);
    let began = Instant::now();
    for n in 0..bindings {
        let (key, condition) = (scene.bind)(n);
        let destination = Destination::Stream(StreamId(u64::from(1 + n % STREAMS)));
        let (key, arguments) = (key.into_bytes().into(), n.to_le_bytes().into());
        let binding = Box::new(Binding { destination, key, condition, arguments });
        broker.declare(RouteRequest::Bind { source, binding });
    }
    (broker, source, began.elapsed())
}

fn measure(scene: &Scene, bindings: u32) {
    let (broker, route, bound) = build(scene, bindings);
    let began = Instant::now();
    let mut restore = Restore::new(SEED, ShardOptions::default());
    for (n, frame) in (1..).zip(&broker.frames) {
        restore.frame(WalPosition(n * 64), frame, &[]).expect("a frame can be read");
    }
    let restored = restore.finish(EngineTime(0)).expect("everything is there");
    let restart = began.elapsed();
    drop(restored);
    let entry = broker.route_by_id(route).expect("it exists");
    let keys: Vec<String> = (0..4096).map(|n| (scene.key)(hashed(n) >> 8, bindings)).collect();
    let headers = Five([
        ("type", Value::Text((*b"order").into())),
        ("id", Value::Int(i64::from(bindings / 2))),
        ("host", Value::Text((*b"a").into())),
        ("size", Value::Int(7)),
        ("fresh", Value::Bool(true)),
    ]);
    let mut found = 0;
    let search = per_call(|n| {
        let record = RoutedRecord { key: keys[n % keys.len()].as_bytes(), headers: &headers, random: 0 };
        found += black_box(resolve(&broker, &entry, &record).expect("within bounds")).streams.len();
    });
    let targets = found as f64 / search.1 as f64;
    let mut resolver = Resolver::new(SEED, 256);
    let kept = per_call(|n| {
        let record = RoutedRecord { key: keys[n % 64].as_bytes(), headers: &headers, random: 0 };
        black_box(resolver.resolve(&broker, &entry, &record).expect("within bounds"));
    });
    let each = bound.as_nanos() / u128::from(bindings);
    println!(
        "{:18} {bindings:>8} {:>7} ns {:>7} ms {:>7.0} ns {:>7.0} ns {targets:>8.2}",
        scene.name,
        each,
        restart.as_millis(),
        search.0,
        kept.0
    );
}

/// Nanoseconds per call, and how many calls there were.
fn per_call(mut call: impl FnMut(usize)) -> (f64, usize) {
    let began = Instant::now();
    let mut calls = 0;
    while began.elapsed() < LOOK {
        for _ in 0..256 {
            call(calls);
            calls += 1;
        }
    }
    (began.elapsed().as_nanos() as f64 / calls as f64, calls)
}

/// The nth pattern.
type Pattern = fn(u32) -> String;

fn hostile() {
    let scenes: [(&str, Pattern); 3] = [
        ("#.#.#.…wN", |n| format!("{}w{n}", "#.".repeat(60))),
        ("#.a.#.a.…wN", |n| format!("{}w{n}", "#.a.".repeat(20))),
        ("a and #.a by chance", |n| {
            let parts = (0..40).map(|bit| if hashed(n + bit * 7) >> 31 == 1 { "#.a" } else { "a" });
            parts.collect::<Vec<_>>().join(".")
        }),
    ];
    for (name, pattern) in scenes {
        let mut broker = Broker::new();
        let config = RouteConfig::new(MatchKind::Pattern);
        let create = CreateRoute { namespace: Namespace::DEFAULT, name: "r".into(), config };
        broker.declare(RouteRequest::Create(Box::new(create)));
        for n in 0..10_000 {
            let destination = Destination::Stream(StreamId(u64::from(1 + n % STREAMS)));
            let (key, arguments) = (pattern(n).into_bytes().into(), n.to_le_bytes().into());
            let binding = Box::new(Binding { destination, key, condition: Condition::Key, arguments });
            broker.declare(RouteRequest::Bind { source: RouteId(1), binding });
        }
        let entry = broker.route_by_id(RouteId(1)).expect("it exists");
        let key = vec!["a"; 127].join(".");
        let headers = millstream_core::route::NoHeaders;
        let record = RoutedRecord { key: key.as_bytes(), headers: &headers, random: 0 };
        let began = Instant::now();
        let result = resolve(&broker, &entry, &record).map(|targets| targets.streams.len());
        println!("{name:22} {:>9.3} ms, {result:?}", began.elapsed().as_secs_f64() * 1_000.0);
    }
}
