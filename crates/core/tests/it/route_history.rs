//! Random histories of streams, routes and bindings, with crashes and fuzzy checkpoints, against a model of what was
//! acknowledged and what must follow from it.

use crate::broker::{Broker, disturb};
use crate::random::Random;
use crate::routing::binding;
use millstream_core::hash::HashSeed;
use millstream_core::request::CreateStream;
use millstream_core::route::{
    Binding, CreateRoute, Destination, Lookup, MatchKind, NoHeaders, Resolver, RouteConfig, RouteReply,
    RouteRequest, RoutedRecord, resolve,
};
use millstream_core::{Reply, Request, Ticket};
use millstream_types::{ErrorKind, Namespace, RouteId, StreamId, StreamUid};
use std::collections::{BTreeMap, BTreeSet};

/// A binding by what tells it apart.
type Name = (RouteId, Destination, Vec<u8>);

/// What was acknowledged and not asked to change since.
#[derive(Default)]
struct Model {
    routes: BTreeMap<RouteId, bool>,
    bound: BTreeSet<Name>,
    deleted: BTreeSet<RouteId>,
    asked: BTreeMap<Ticket, Asked>,
}

enum Asked {
    Create { goes_with_last: bool },
    Delete(RouteId),
    Bind(Name),
    Unbind,
    Other,
}

impl Model {
    /// Nothing is certain any more of bindings like these, and of what goes with them.
    fn doubt(&mut self, gone: impl Fn(&Name) -> bool) {
        let goes_with_last =
            |routes: &BTreeMap<RouteId, bool>, name: &Name| routes.get(&name.0) != Some(&false);
        let hit: BTreeSet<RouteId> = self.bound.iter().filter(|name| gone(name)).map(|name| name.0).collect();
        let routes = &self.routes;
        let in_doubt: BTreeSet<RouteId> = self
            .bound
            .iter()
            .filter(|name| hit.contains(&name.0) && goes_with_last(routes, name))
            .map(|name| name.0)
            .collect();
        self.bound.retain(|name| !gone(name) && !in_doubt.contains(&name.0));
        self.lose(in_doubt);
        self.doubt_what_may_have_gone_with_its_last();
    }

    /// A route that goes with its last binding may have had bindings that are not known here, because of a crash say: it is
    /// only certain as long as one of its bindings is.
    fn doubt_what_may_have_gone_with_its_last(&mut self) {
        loop {
            let before = self.bound.len();
            let bound = self.bound.clone();
            let has_binding = |route: &RouteId| bound.iter().any(|name| name.0 == *route);
            self.routes.retain(|route, goes_with_last| !*goes_with_last || has_binding(route));
            let routes = &self.routes;
            self.bound.retain(|name| match &name.1 {
                Destination::Route(to) => routes.get(to) == Some(&false) || has_binding(to),
                Destination::Stream(_) => true,
            });
            if self.bound.len() == before {
                return;
            }
        }
    }

    /// Routes may be gone, and so what leads to them.
    fn lose(&mut self, routes: BTreeSet<RouteId>) {
        for route in routes {
            self.routes.remove(&route);
            self.bound.retain(|name| name.0 != route);
            self.doubt(|name| name.1 == Destination::Route(route));
        }
    }

    fn learn(&mut self, ticket: Ticket, reply: Reply) {
        let asked = self.asked.remove(&ticket).expect("it was asked");
        let Reply::Route(reply) = reply else { return };
        match (asked, *reply) {
            (Asked::Create { goes_with_last }, RouteReply::Route { entry, .. }) => {
                assert!(!self.deleted.contains(&entry.id), "an id comes once");
                // A later request may have deleted it by now.
                self.routes.insert(entry.id, goes_with_last);
            }
            (Asked::Delete(route), RouteReply::Deleted(_)) => {
                self.deleted.insert(route);
            }
            (Asked::Bind(name), RouteReply::Bound { .. }) => {
                self.bound.insert(name);
            }
            (Asked::Unbind, RouteReply::Unbound { .. }) | (Asked::Other, _) => {}
            (_, reply) => panic!("{reply:?}"),
        }
    }
}

struct History {
    broker: Broker,
    model: Model,
    random: Random,
    resolver: Resolver,
}

impl History {
    fn destination(&mut self) -> Destination {
        let streams: Vec<StreamId> = self.broker.shard.stream_entries().map(|entry| entry.id).collect();
        let routes = self.routes();
        if self.random.one_in(3) && !routes.is_empty() {
            Destination::Route(*self.random.pick(&routes))
        } else if streams.is_empty() {
            Destination::Stream(StreamId(1))
        } else {
            Destination::Stream(*self.random.pick(&streams))
        }
    }

    fn routes(&self) -> Vec<RouteId> {
        self.broker.shard.route_entries().map(|entry| entry.id).collect()
    }

    fn some_binding(&mut self) -> (RouteId, Binding) {
        let routes = self.routes();
        let route = if routes.is_empty() { RouteId(1) } else { *self.random.pick(&routes) };
        if self.random.one_in(3)
            && let Some(entry) = self.broker.route_by_id(route)
            && let Some(binding) = entry.bindings().first()
        {
            return (route, (**binding).clone());
        }
        let key = *self.random.pick(&["a", "a.b", "*.b", "#", "a.#", ""]);
        (route, binding(self.destination(), key))
    }

    fn request(&mut self) -> (Request, Asked) {
        let routed = |request, asked| (Request::Route(Box::new(request)), asked);
        let (route, binding) = self.some_binding();
        let name = (route, binding.destination, binding.key.to_vec());
        match self.random.below(24) {
            0..=2 => {
                let create = CreateStream {
                    namespace: Namespace::DEFAULT,
                    name: format!("s{}", self.random.below(6)).into(),
                    uid: StreamUid(self.random.wide() | 1),
                    logs: 1,
                    config: Default::default(),
                };
                (Request::CreateStream(Box::new(create)), Asked::Other)
            }
            3 => {
                let Destination::Stream(stream) = self.destination() else { return self.request() };
                self.model.doubt(|name| name.1 == Destination::Stream(stream));
                (Request::DeleteStream { stream }, Asked::Other)
            }
            4..=6 => {
                let kinds = [MatchKind::Exact, MatchKind::Pattern, MatchKind::Everything];
                let goes_with_last = self.random.one_in(3);
                let config = RouteConfig {
                    delete_when_unbound: goes_with_last,
                    alternate: self.random.one_in(4).then(|| "r1".into()),
                    ..RouteConfig::new(self.random.pick(&kinds).clone())
                };
                let name = format!("r{}", self.random.below(6)).into();
                let create = CreateRoute { namespace: Namespace::DEFAULT, name, config };
                routed(RouteRequest::Create(Box::new(create)), Asked::Create { goes_with_last })
            }
            7 => {
                self.model.lose(BTreeSet::from([route]));
                let if_unused = self.random.one_in(2);
                routed(RouteRequest::Delete { route, if_unused }, Asked::Delete(route))
            }
            8 => {
                let alternate = self.random.one_in(2).then(|| "r2".into());
                let annotations = Default::default();
                routed(RouteRequest::Alter { route, alternate, annotations }, Asked::Other)
            }
            9..=12 => {
                self.model.doubt(|bound| *bound == name);
                let (destination, key, arguments) = (binding.destination, binding.key, binding.arguments);
                routed(RouteRequest::Unbind { source: route, destination, key, arguments }, Asked::Unbind)
            }
            _ => {
                let binding = Box::new(binding);
                routed(RouteRequest::Bind { source: route, binding }, Asked::Bind(name))
            }
        }
    }

    /// What was acknowledged is there, what is found exists, and what a session kept is what it would find.
    fn check(&mut self) {
        for route in self.model.routes.keys() {
            assert!(self.broker.route_by_id(*route).is_some(), "route {route} was acknowledged");
        }
        for route in &self.model.deleted {
            assert!(self.broker.route_by_id(*route).is_none(), "the end of route {route} was acknowledged");
        }
        for (route, destination, key) in &self.model.bound {
            let entry = self.broker.route_by_id(*route).expect("what is bound exists");
            let bindings = entry.bindings();
            assert_eq!(bindings.len(), entry.bindings_len());
            let mut found = bindings.iter().filter(|it| it.destination == *destination && *it.key == **key);
            assert!(found.next().is_some() && found.next().is_none(), "bound, and once");
        }
        for entry in self.broker.shard.route_entries() {
            for key in ["a", "a.b", "", "c.b"] {
                let record = RoutedRecord { key: key.as_bytes(), headers: &NoHeaders, random: 0 };
                let ids = |targets: millstream_core::route::Targets| -> Vec<StreamId> {
                    targets.streams.iter().map(|stream| stream.id).collect()
                };
                let searched = resolve(&self.broker, entry, &record).map(ids);
                let kept = self.resolver.resolve(&self.broker, entry, &record).map(ids);
                assert_eq!(kept, searched);
            }
        }
    }

    fn step(&mut self) {
        let (request, asked) = self.request();
        let ticket = self.broker.send(request);
        self.model.asked.insert(ticket, asked);
        if self.random.one_in(4) {
            self.broker.advance(1);
        }
        let crashed = disturb(&mut self.broker, &mut self.random);
        if crashed {
            // Versions are those of a process, and so is what its sessions keep.
            self.resolver = Resolver::new(HashSeed([3, 4]), 16);
        }
        // Replies that came before a later request may tell of what that has changed since: they count only in order.
        for (ticket, reply) in self.broker.take_all() {
            self.model.learn(ticket, reply);
        }
        if crashed {
            self.model.asked.clear();
        }
    }
}

#[test]
fn random_histories_with_crashes_lose_nothing_that_was_acknowledged() {
    let mut shown = [0; 3];
    for seed in 0..60 {
        let mut history = History {
            broker: Broker::new(),
            model: Model::default(),
            random: Random(seed),
            resolver: Resolver::new(HashSeed([3, 4]), 16),
        };
        history.broker.sync_always = seed % 2 == 0;
        for _ in 0..400 {
            history.step();
            if history.broker.sync_always {
                history.check();
            }
        }
        history.broker.flush();
        history.broker.advance(1);
        history.broker.flush();
        history.broker.crash();
        for entry in history.broker.shard.route_entries() {
            for binding in entry.bindings() {
                let exists = match binding.destination {
                    Destination::Stream(stream) => history.broker.stream_by_id(stream).is_some(),
                    Destination::Route(route) => history.broker.route_by_id(route).is_some(),
                };
                assert!(exists, "everything that led nowhere is freed");
            }
        }
        assert_eq!(history.broker.shard.next_deadline(), None);
        shown[0] += history.model.routes.len();
        shown[1] += history.model.bound.len();
        shown[2] += history.model.deleted.len();
    }
    assert!(shown.iter().all(|count| *count > 100), "the histories are about something: {shown:?}");
}

#[test]
fn a_session_keeps_no_result_longer_than_it_counts() {
    let mut broker = Broker::new();
    let (a, b) = (broker.stream("a", 1), broker.stream("b", 1));
    let config = RouteConfig { alternate: Some("other".into()), ..RouteConfig::new(MatchKind::Pattern) };
    let route = crate::routing::create(&mut broker, "r", config).expect("created");
    let mut resolver = Resolver::new(HashSeed([3, 4]), 1);
    let mut find = |broker: &Broker| -> Vec<StreamId> {
        let entry = broker.route_by_id(route).expect("it exists");
        let record = RoutedRecord { key: b"k", headers: &NoHeaders, random: 0 };
        let targets = (0..2).map(|_| resolver.resolve(broker, &entry, &record).expect("within bounds"));
        let found: Vec<Vec<StreamId>> =
            targets.map(|targets| targets.streams.iter().map(|stream| stream.id).collect()).collect();
        assert_eq!(found[0], found[1]);
        found[0].clone()
    };
    assert_eq!(find(&broker), []);
    let other = crate::routing::plain(&mut broker, "other", MatchKind::Everything);
    assert_eq!(find(&broker), []);
    crate::routing::bind(&mut broker, other, binding(Destination::Stream(a), "")).expect("bound");
    assert_eq!(find(&broker), [a], "a change of the alternate counts");
    crate::routing::bind(&mut broker, route, binding(Destination::Stream(b), "#")).expect("bound");
    assert_eq!(find(&broker), [b]);
    broker.call(Request::DeleteStream { stream: b });
    assert_eq!(find(&broker), [a]);
    let refused = crate::routing::ask(&mut broker, RouteRequest::Delete { route: other, if_unused: true });
    assert_eq!(refused.err(), Some(ErrorKind::RouteInUse));
    crate::routing::ask(&mut broker, RouteRequest::Delete { route: other, if_unused: false })
        .expect("deleted");
    assert_eq!(find(&broker), []);
}
