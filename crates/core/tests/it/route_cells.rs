//! The table in `route/mod.rs`: every event in every state, before a restart and after it.

use crate::broker::Broker;
use crate::routing::{ask, bind, binding, create, plain, targets, unbind};
use millstream_core::route::{Binding, Destination, Lookup, MatchKind, RouteConfig, RouteRequest};
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, Namespace, RouteId, StreamId};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Absent,
    Unbound,
    Bound,
}

use State::{Absent, Bound, Unbound};

struct Scene {
    broker: Broker,
    route: RouteId,
    stream: StreamId,
    binding: Binding,
    config: RouteConfig,
}

impl Scene {
    fn new(state: State, goes_with_last: bool) -> Scene {
        let mut broker = Broker::new();
        let stream = broker.stream("s", 1);
        let config =
            RouteConfig { delete_when_unbound: goes_with_last, ..RouteConfig::new(MatchKind::Everything) };
        let route = create(&mut broker, "r", config.clone()).expect("created");
        let binding = binding(Destination::Stream(stream), "k");
        let mut scene = Scene { broker, route, stream, binding, config };
        match state {
            Absent => {
                let request = RouteRequest::Delete { route, if_unused: false };
                ask(&mut scene.broker, request).expect("deleted");
            }
            Unbound => {}
            Bound => {
                bind(&mut scene.broker, route, scene.binding.clone()).expect("bound");
            }
        }
        assert_eq!(scene.state(), state);
        scene
    }

    fn state(&self) -> State {
        let Some(entry) = self.broker.route(Namespace::DEFAULT, "r") else { return Absent };
        let listed = entry.bindings();
        assert_eq!(listed.len(), entry.bindings_len());
        let leads = targets(&self.broker, entry.id, "any") == [self.stream];
        match listed.len() {
            0 => Unbound,
            _ => {
                assert!(leads || self.broker.stream_by_id(self.stream).is_none());
                Bound
            }
        }
    }

    /// The error, if it is refused.
    fn act(&mut self, event: &str) -> Option<ErrorKind> {
        let (broker, route) = (&mut self.broker, self.route);
        match event {
            "create, as it is" => create(broker, "r", self.config.clone()).err(),
            "create, in another way" => {
                create(broker, "r", RouteConfig { internal: true, ..self.config.clone() }).err()
            }
            "alter" => {
                let annotations = [(Box::from("note"), Box::from("x"))].into();
                let alter = RouteRequest::Alter { route, alternate: Some("other".into()), annotations };
                let refused = ask(broker, alter).err();
                let entry = broker.route_by_id(route);
                let alternate = entry.and_then(|entry| entry.config.alternate.clone());
                assert_eq!(alternate.as_deref(), refused.is_none().then_some("other"));
                refused
            }
            "delete" => ask(broker, RouteRequest::Delete { route, if_unused: false }).err(),
            "delete if unused" => ask(broker, RouteRequest::Delete { route, if_unused: true }).err(),
            "bind" => bind(broker, route, Binding { key: (*b"other").into(), ..self.binding.clone() }).err(),
            "bind once more" => bind(broker, route, self.binding.clone()).err(),
            "unbind the last" => unbind(broker, route, &self.binding).err(),
            "what the last leads to is deleted" => {
                let reply = broker.call(Request::DeleteStream { stream: self.stream });
                assert!(matches!(reply, Reply::Stream(_)));
                None
            }
            "the broker starts again" => {
                broker.crash();
                None
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn every_cell_of_the_table_is_as_written() {
    let text = include_str!("../../src/route/mod.rs");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1);
    let mut cells = 0;
    for row in rows {
        let mut columns = row.trim_end_matches('|').split('|').map(str::trim);
        let event = columns.next().expect("an event");
        if event.starts_with('-') {
            continue;
        }
        let (event, goes_with_last) = match event.split_once(", where it goes with it") {
            Some((event, _)) => (event, true),
            None => (event, false),
        };
        for (state, cell) in [Absent, Unbound, Bound].into_iter().zip(columns) {
            let mut scene = Scene::new(state, goes_with_last);
            let refused = scene.act(event);
            let (expected, kind) = match cell {
                "nothing" => (state, None),
                "→ absent" => (Absent, None),
                "→ without bindings" => (Unbound, None),
                "→ bound" => (Bound, None),
                kind => (state, Some(kind)),
            };
            let refused = refused.map(|kind| format!("{kind:?}"));
            assert_eq!(refused.as_deref(), kind, "{event} when {state:?}");
            assert_eq!(scene.state(), expected, "{event} when {state:?}");
            scene.broker.crash();
            assert_eq!(scene.state(), expected, "{event} when {state:?}, after a restart");
            cells += 1;
        }
    }
    assert_eq!(cells, 36);
}

#[test]
fn routes_and_streams_may_have_the_same_name_and_a_new_route_is_another() {
    let mut broker = Broker::new();
    let stream = broker.stream("same", 1);
    let first = plain(&mut broker, "same", MatchKind::Exact);
    bind(&mut broker, first, binding(Destination::Stream(stream), "k")).expect("bound");
    ask(&mut broker, RouteRequest::Delete { route: first, if_unused: false }).expect("deleted");
    let second = plain(&mut broker, "same", MatchKind::Exact);
    assert_ne!(first, second);
    assert_eq!(targets(&broker, second, "k"), []);
    assert_eq!(
        bind(&mut broker, first, binding(Destination::Stream(stream), "k")),
        Err(ErrorKind::UnknownRoute)
    );
}

#[test]
fn a_binding_is_told_by_what_it_leads_to_its_key_and_its_arguments() {
    let mut broker = Broker::new();
    let (a, b) = (broker.stream("a", 1), broker.stream("b", 1));
    let route = plain(&mut broker, "r", MatchKind::Exact);
    let first = binding(Destination::Stream(a), "k");
    let others = [
        Binding { destination: Destination::Stream(b), ..first.clone() },
        Binding { key: (*b"K").into(), ..first.clone() },
        Binding { arguments: [1].into(), ..first.clone() },
    ];
    assert_eq!(bind(&mut broker, route, first.clone()), Ok(true));
    for other in &others {
        assert_eq!(bind(&mut broker, route, other.clone()), Ok(true));
        assert_eq!(bind(&mut broker, route, other.clone()), Ok(false));
    }
    assert_eq!(targets(&broker, route, "k"), [a, b]);
    assert_eq!(unbind(&mut broker, route, &first), Ok(true));
    assert_eq!(targets(&broker, route, "k"), [a, b], "one with other arguments still leads there");
    assert_eq!(unbind(&mut broker, route, &others[2]), Ok(true));
    assert_eq!(targets(&broker, route, "k"), [b]);
    let entry = broker.route_by_id(route).expect("it exists");
    assert_eq!(entry.bindings().iter().map(|binding| (**binding).clone()).collect::<Vec<_>>(), others[..2]);
}

#[test]
fn deleting_what_many_lead_to_frees_them_in_slices_over_a_restart() {
    let mut broker = Broker::new();
    let (gone, stays) = (broker.stream("gone", 1), broker.stream("stays", 1));
    let route = plain(&mut broker, "r", MatchKind::Exact);
    let config = RouteConfig { delete_when_unbound: true, ..RouteConfig::new(MatchKind::Exact) };
    let with_it = create(&mut broker, "with it", config).expect("created");
    for key in 0..3_000 {
        bind(&mut broker, route, binding(Destination::Stream(gone), &format!("{key}"))).expect("bound");
    }
    bind(&mut broker, route, binding(Destination::Stream(stays), "1")).expect("bound");
    bind(&mut broker, with_it, binding(Destination::Stream(gone), "")).expect("bound");
    let in_route = |broker: &Broker| broker.route_by_id(route).map(|entry| entry.bindings_len());
    broker.call(Request::DeleteStream { stream: gone });
    let left = in_route(&broker).expect("it exists");
    assert!((1_000..3_000).contains(&left), "a slice went with the stream: {left}");
    assert_eq!(targets(&broker, route, "1"), [stays], "what is gone is not found, freed or not");
    assert_eq!(targets(&broker, route, "2999"), []);
    broker.crash();
    assert_eq!(in_route(&broker), Some(left));
    broker.advance(1);
    assert_eq!(in_route(&broker), Some(1));
    assert!(broker.route_by_id(with_it).is_none(), "it went with its last binding");
    assert_eq!(broker.shard.next_deadline(), None, "nothing is left to do");
    broker.crash();
    assert_eq!(broker.shard.next_deadline(), None);
}

#[test]
fn deleting_a_route_frees_what_leads_to_it_and_what_it_led_to() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 1);
    let (from, to) =
        (plain(&mut broker, "from", MatchKind::Everything), plain(&mut broker, "to", MatchKind::Everything));
    bind(&mut broker, from, binding(Destination::Route(to), "")).expect("bound");
    bind(&mut broker, to, binding(Destination::Route(to), "in a circle")).expect("bound");
    for key in 0..5_000 {
        bind(&mut broker, to, binding(Destination::Stream(stream), &format!("{key}"))).expect("bound");
    }
    assert_eq!(targets(&broker, from, ""), [stream]);
    ask(&mut broker, RouteRequest::Delete { route: to, if_unused: false }).expect("deleted");
    assert_eq!(targets(&broker, from, ""), []);
    // The stream goes before everything that led to it is swept.
    broker.call(Request::DeleteStream { stream });
    broker.advance(1);
    assert_eq!(broker.shard.next_deadline(), None, "nothing is left to do");
    assert_eq!(broker.route_by_id(from).map(|entry| entry.bindings_len()), Some(0));
}

#[test]
fn what_is_out_of_bounds_or_does_not_belong_is_refused() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 1);
    let to = Destination::Stream(stream);
    let exact = plain(&mut broker, "exact", MatchKind::Exact);
    let long = "k".repeat(256);
    assert_eq!(bind(&mut broker, exact, binding(to, &long)), Err(ErrorKind::InvalidConfig));
    assert_eq!(bind(&mut broker, exact, binding(to, &long[1..])), Ok(true));
    let weighted = Binding { condition: millstream_core::route::Condition::Weight(1), ..binding(to, "") };
    assert_eq!(bind(&mut broker, exact, weighted), Err(ErrorKind::InvalidConfig));
    let hashed = MatchKind::Hash { by: millstream_core::route::HashBy::Key, weighted: true };
    let hashed = plain(&mut broker, "hashed", hashed);
    for (weight, result) in
        [(0, Err(ErrorKind::InvalidConfig)), (1_024, Ok(true)), (1_025, Err(ErrorKind::InvalidConfig))]
    {
        let weighted =
            Binding { condition: millstream_core::route::Condition::Weight(weight), ..binding(to, "") };
        assert_eq!(bind(&mut broker, hashed, weighted), result);
    }
    let large = Binding { arguments: vec![0; (16 << 10) + 1].into(), ..binding(to, "") };
    assert_eq!(bind(&mut broker, exact, large), Err(ErrorKind::InvalidConfig));
    let nowhere = binding(Destination::Stream(StreamId(99)), "");
    assert_eq!(bind(&mut broker, exact, nowhere), Err(ErrorKind::UnknownStream));
    let nowhere = binding(Destination::Route(RouteId(99)), "");
    assert_eq!(bind(&mut broker, exact, nowhere), Err(ErrorKind::UnknownRoute));
    assert_eq!(create(&mut broker, "", RouteConfig::new(MatchKind::Exact)), Err(ErrorKind::InvalidName));
    let mut config = RouteConfig::new(MatchKind::Exact);
    config.annotations.insert("a".into(), "v".repeat(16 << 10).into());
    assert_eq!(create(&mut broker, "large", config), Err(ErrorKind::InvalidConfig));
}

#[test]
fn what_is_altered_stays_over_restarts_and_counts_at_once() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 1);
    let other = create(&mut broker, "other", RouteConfig::new(MatchKind::Everything)).expect("created");
    bind(&mut broker, other, binding(Destination::Stream(stream), "")).expect("bound");
    let route = create(&mut broker, "r", RouteConfig::new(MatchKind::Exact)).expect("created");
    assert_eq!(targets(&broker, route, "k"), []);
    let annotations: std::collections::BTreeMap<Box<str>, Box<str>> =
        [(Box::from("note"), Box::from("x"))].into();
    for alternate in [Some("other"), None, Some("other")] {
        let (alternate, annotations) = (alternate.map(Into::into), annotations.clone());
        ask(&mut broker, RouteRequest::Alter { route, alternate, annotations }).expect("altered");
        let found = targets(&broker, route, "k");
        broker.crash();
        assert_eq!(targets(&broker, route, "k"), found);
    }
    assert_eq!(targets(&broker, route, "k"), [stream]);
    assert_eq!(broker.route_by_id(route).expect("it is there").config.annotations, annotations);
    let large = [(Box::from("note"), "x".repeat(17 << 10).into())].into();
    let alter = RouteRequest::Alter { route, alternate: None, annotations: large };
    assert_eq!(ask(&mut broker, alter).err(), Some(ErrorKind::InvalidConfig));
}
