//! Where records go, against the plainest thing that could say the same.

use crate::broker::Broker;
use crate::random::Random;
use crate::routing::{bind, binding, create, found, plain, targets, unbind};
use millstream_core::route::{
    Binding, Condition, Criteria, Destination, HashBy, Headers, Lookup, MatchKind, NoHeaders, RouteConfig,
    RoutedRecord, Value, ValueRef, reach as reach_of, resolve,
};
use millstream_types::{ErrorKind, RouteId, StreamId};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a pattern fits a key, by its definition.
fn fits(pattern: &[&[u8]], key: &[&[u8]]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        ([b"#", rest @ ..], key) => (0..=key.len()).any(|taken| fits(rest, &key[taken..])),
        ([b"*", rest @ ..], [_, key @ ..]) => fits(rest, key),
        ([word, rest @ ..], [same, key @ ..]) => word == same && fits(rest, key),
        _ => false,
    }
}

fn words(text: &str) -> Vec<&[u8]> {
    text.as_bytes().split(|byte| *byte == b'.').collect()
}

fn phrase(random: &mut Random, of: &[&str], words_max: u64) -> String {
    let words: Vec<&str> = (0..=random.below(words_max)).map(|_| *random.pick(of)).collect();
    words.join(".")
}

#[test]
fn patterns_fit_as_they_are_defined() {
    let mut random = Random(1);
    let (mut matched, mut missed) = (0, 0);
    for round in 0..400 {
        let mut broker = Broker::new();
        let streams: Vec<StreamId> = (0..12).map(|n| broker.stream(&format!("s{n}"), 1)).collect();
        let route = plain(&mut broker, "r", MatchKind::Pattern);
        let mut bound: BTreeSet<(String, StreamId)> = BTreeSet::new();
        for _ in 0..random.below(40) {
            let pattern = phrase(&mut random, &["a", "b", "", "*", "#", "#", "*"], 6);
            let stream = *random.pick(&streams);
            let is_new = bind(&mut broker, route, binding(Destination::Stream(stream), &pattern));
            assert_eq!(is_new, Ok(bound.insert((pattern, stream))));
            if random.one_in(4)
                && let Some((pattern, stream)) = bound.pop_first()
            {
                let gone = binding(Destination::Stream(stream), &pattern);
                assert_eq!(unbind(&mut broker, route, &gone), Ok(true));
                assert_eq!(unbind(&mut broker, route, &gone), Ok(false));
            }
        }
        if round % 8 == 0 {
            broker.crash();
        }
        for _ in 0..30 {
            let key = phrase(&mut random, &["a", "b", "c", "", "*", "#"], 7);
            let expected: BTreeSet<StreamId> = bound
                .iter()
                .filter(|(pattern, _)| fits(&words(pattern), &words(&key)))
                .map(|(_, stream)| *stream)
                .collect();
            if expected.is_empty() {
                missed += 1;
            } else {
                matched += 1;
            }
            let found = targets(&broker, route, &key);
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{key:?} in {bound:?}");
        }
    }
    assert!(matched > 3_000 && missed > 1_000, "the tables are about something: {matched} {missed}");
}

#[test]
fn empty_words_count() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 1);
    let route = plain(&mut broker, "r", MatchKind::Pattern);
    bind(&mut broker, route, binding(Destination::Stream(stream), "*.b")).expect("bound");
    assert_eq!(targets(&broker, route, ".b"), [stream]);
    assert_eq!(targets(&broker, route, "b"), []);
    assert_eq!(targets(&broker, route, "..b"), []);
}

/// Headers as a map.
struct Map(BTreeMap<String, Value>);

impl Headers for Map {
    fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.0.get(name).map(Value::as_ref)
    }
    fn each(&self, visit: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.0.iter().for_each(|(name, value)| visit(name, value.as_ref()));
    }
    fn property(&self, name: &str) -> Option<&[u8]> {
        (name == "id").then_some(b"the id")
    }
}

fn value(random: &mut Random) -> Value {
    let number = i64::try_from(random.below(3)).expect("small");
    match random.below(6) {
        0 => Value::Bool(number == 1),
        1 => Value::Int(number),
        2 => Value::Float(number as f64 / 2.0),
        3 => Value::Text(format!("{number}").as_bytes().into()),
        4 => Value::Time(number),
        _ => Value::Other { kind: u8::try_from(number).expect("small"), bytes: [7].into() },
    }
}

const NAMES: [&str; 5] = ["a", "b", "x-c", "x-d", "e"];

/// As two values of different kinds can only be the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(whole), Value::Float(number)) | (Value::Float(number), Value::Int(whole)) => {
            *whole as f64 == *number
        }
        _ => a == b,
    }
}

#[test]
fn headers_fit_as_they_are_defined() {
    let mut random = Random(2);
    let (mut matched, mut missed) = (0, 0);
    for round in 0..300 {
        let mut broker = Broker::new();
        let route = plain(&mut broker, "r", MatchKind::Headers);
        let mut bound: Vec<(Criteria, StreamId)> = Vec::new();
        for n in 0..random.below(20) {
            let stream = broker.stream(&format!("s{n}"), 1);
            let pair = |random: &mut Random| {
                let wanted = if random.one_in(5) { None } else { Some(value(random)) };
                (Box::from(*random.pick(&NAMES)), wanted)
            };
            let pairs = (0..random.below(4)).map(|_| pair(&mut random)).collect();
            let criteria = Criteria { any: random.one_in(2), with_x: random.one_in(2), pairs };
            let mut new = binding(Destination::Stream(stream), "");
            new.condition = Condition::Headers(criteria.clone());
            assert_eq!(bind(&mut broker, route, new.clone()), Ok(true));
            if random.one_in(5) {
                assert_eq!(unbind(&mut broker, route, &new), Ok(true));
            } else {
                bound.push((criteria, stream));
            }
        }
        if round % 8 == 0 {
            broker.crash();
        }
        for _ in 0..30 {
            let headers: BTreeMap<String, Value> = (0..random.below(5))
                .map(|_| ((*random.pick(&NAMES)).to_owned(), value(&mut random)))
                .collect();
            let expected: Vec<StreamId> = bound
                .iter()
                .filter(|(criteria, _)| {
                    let mut counted =
                        criteria.pairs.iter().filter(|(name, _)| criteria.with_x || !name.starts_with("x-"));
                    let has = |(name, wanted): &(Box<str>, Option<Value>)| {
                        let found = headers.get(&**name);
                        found.is_some_and(|found| wanted.as_ref().is_none_or(|wanted| same(wanted, found)))
                    };
                    if criteria.any { counted.any(has) } else { counted.all(has) }
                })
                .map(|(_, stream)| *stream)
                .collect();
            if expected.is_empty() {
                missed += 1;
            } else {
                matched += 1;
            }
            let headers = Map(headers);
            let record = RoutedRecord { key: b"", headers: &headers, random: 0 };
            assert_eq!(found(&broker, route, &record), expected, "{:?} in {bound:?}", headers.0);
        }
    }
    assert!(matched > 3_000 && missed > 500, "the tables are about something: {matched} {missed}");
}

#[test]
fn numbers_are_the_same_however_they_are_written_and_void_is_nothing() {
    let int = ValueRef::Int(3);
    assert!(int.is_equal(ValueRef::Float(3.0)) && ValueRef::Float(3.0).is_equal(int));
    assert!(!int.is_equal(ValueRef::Float(3.5)) && !int.is_equal(ValueRef::Text(b"3")));
    assert!(!int.is_equal(ValueRef::Time(3)) && !ValueRef::Int(1).is_equal(ValueRef::Bool(true)));
    assert!(!ValueRef::Int(i64::MAX).is_equal(ValueRef::Float(i64::MAX as f64)), "that is 2^63");
    assert!(ValueRef::Int(i64::MIN).is_equal(ValueRef::Float(i64::MIN as f64)));
    assert!(!ValueRef::Void.is_equal(ValueRef::Void));
    assert!(!ValueRef::Float(f64::NAN).is_equal(ValueRef::Float(f64::NAN)));
}

/// One of the routes of a random net: its bindings, by key, and its alternate.
#[derive(Default)]
struct Knot {
    exact: bool,
    bindings: Vec<(String, Destination)>,
    alternate: Option<usize>,
}

fn reach(net: &[Knot], ids: &[RouteId], from: usize, key: &str) -> BTreeSet<StreamId> {
    let (mut streams, mut seen, mut left) = (BTreeSet::new(), BTreeSet::from([from]), vec![from]);
    while let Some(at) = left.pop() {
        let mut next = Vec::new();
        let mut is_nowhere = true;
        for (bound, destination) in &net[at].bindings {
            if net[at].exact && bound != key {
                continue;
            }
            is_nowhere = false;
            match destination {
                Destination::Stream(stream) => {
                    streams.insert(*stream);
                }
                Destination::Route(route) => next.push(ids.iter().position(|id| id == route).expect("known")),
            }
        }
        if is_nowhere {
            next.extend(net[at].alternate);
        }
        left.extend(next.into_iter().filter(|route| seen.insert(*route)));
    }
    streams
}

#[test]
fn nets_of_routes_with_circles_reach_each_stream_once() {
    let mut random = Random(3);
    let mut reached = 0;
    for _ in 0..300 {
        let mut broker = Broker::new();
        let streams: Vec<StreamId> = (0..6).map(|n| broker.stream(&format!("s{n}"), 1)).collect();
        let mut net = Vec::new();
        let mut ids = Vec::new();
        for n in 0..8_usize {
            let exact = random.one_in(2);
            let kind = if exact { MatchKind::Exact } else { MatchKind::Everything };
            let alternate = random.one_in(2).then(|| usize::try_from(random.below(8)).expect("small"));
            let name = alternate.map(|route| format!("r{route}").into());
            let config = RouteConfig { alternate: name, ..RouteConfig::new(kind) };
            ids.push(create(&mut broker, &format!("r{n}"), config).expect("created"));
            net.push(Knot { exact, alternate, ..Knot::default() });
        }
        for _ in 0..random.below(16) {
            let from = usize::try_from(random.below(8)).expect("small");
            let to = if random.one_in(2) {
                Destination::Route(*random.pick(&ids))
            } else {
                Destination::Stream(*random.pick(&streams))
            };
            let key = *random.pick(&["a", "b"]);
            let is_new = bind(&mut broker, ids[from], binding(to, key)).expect("bound");
            let there = (key.to_owned(), to);
            assert_eq!(is_new, !net[from].bindings.contains(&there));
            net[from].bindings.push(there);
        }
        for (from, id) in ids.iter().enumerate() {
            for key in ["a", "b", "c"] {
                let expected = reach(&net, &ids, from, key);
                reached += expected.len();
                assert_eq!(targets(&broker, *id, key), expected.into_iter().collect::<Vec<_>>());
            }
        }
    }
    assert!(reached > 2_000, "the nets lead somewhere: {reached}");
}

fn shares(broker: &Broker, route: RouteId) -> BTreeMap<StreamId, usize> {
    let mut shares = BTreeMap::new();
    for key in 0..20_000 {
        let [stream] = targets(broker, route, &format!("key {key}"))[..] else { panic!("one stream") };
        *shares.entry(stream).or_default() += 1;
    }
    shares
}

#[test]
fn a_hash_shares_by_weight_and_moves_only_what_a_change_is_about() {
    let mut broker = Broker::new();
    let kind = MatchKind::Hash { by: HashBy::Key, weighted: true };
    let route = plain(&mut broker, "r", kind);
    let weights = [1, 2, 4, 8, 1];
    let bindings: Vec<Binding> = (0_u32..)
        .zip(weights)
        .map(|(n, weight)| {
            let stream = broker.stream(&format!("s{n}"), 1);
            let condition = Condition::Weight(weight);
            Binding { condition, ..binding(Destination::Stream(stream), &format!("{weight}")) }
        })
        .collect();
    assert_eq!(targets(&broker, route, "nobody is bound"), []);
    for new in &bindings {
        bind(&mut broker, route, new.clone()).expect("bound");
    }
    let total: u32 = weights.iter().sum();
    for ((_, share), weight) in shares(&broker, route).iter().zip(weights) {
        let fair = 20_000.0 * f64::from(weight) / f64::from(total);
        assert!((0.8..1.25).contains(&(*share as f64 / fair)), "{share} of {fair}");
    }
    let before: Vec<_> = (0..5_000).map(|n| targets(&broker, route, &format!("key {n}"))[0]).collect();
    broker.crash();
    let Destination::Stream(gone) = bindings[1].destination else { panic!("a stream") };
    assert_eq!(unbind(&mut broker, route, &bindings[1]), Ok(true));
    for (n, was) in before.iter().enumerate() {
        let [is] = targets(&broker, route, &format!("key {n}"))[..] else { panic!("one stream") };
        assert_ne!(is, gone);
        assert_eq!(is == *was, *was != gone, "only its share moves");
    }
    bind(&mut broker, route, bindings[1].clone()).expect("bound");
    for (n, was) in before.iter().enumerate() {
        assert_eq!(targets(&broker, route, &format!("key {n}")), [*was], "and it gets back what it had");
    }
}

#[test]
fn what_is_hashed_is_what_was_asked_for() {
    let mut broker = Broker::new();
    let streams: Vec<StreamId> = (0..8).map(|n| broker.stream(&format!("s{n}"), 1)).collect();
    let by = [HashBy::Key, HashBy::Header("h".into()), HashBy::Property("id".into()), HashBy::Random];
    let mut moved = Vec::new();
    for (n, by) in by.into_iter().enumerate() {
        let route = plain(&mut broker, &format!("r{n}"), MatchKind::Hash { by, weighted: false });
        for stream in &streams {
            bind(&mut broker, route, binding(Destination::Stream(*stream), "")).expect("bound");
        }
        let mut seen = [(); 3].map(|()| BTreeSet::new());
        for n in 0..64_u64 {
            let key = format!("{n}");
            let header =
                Map(BTreeMap::from([("h".to_owned(), Value::Int(i64::try_from(n).expect("small")))]));
            let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let none = Map(BTreeMap::new());
            let look = |record: RoutedRecord<'_>| found(&broker, route, &record);
            seen[0].insert(look(RoutedRecord { key: key.as_bytes(), headers: &none, random: 0 }));
            seen[1].insert(look(RoutedRecord { key: b"", headers: &header, random: 0 }));
            seen[2].insert(look(RoutedRecord { key: b"", headers: &none, random }));
        }
        moved.push(seen.map(|found| found.len() > 1));
    }
    let expected = [[true, false, false], [false, true, false], [false, false, false], [false, false, true]];
    assert_eq!(moved, expected);
}

#[test]
fn a_hostile_table_costs_a_bounded_number_of_steps() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 1);
    let route = plain(&mut broker, "r", MatchKind::Pattern);
    // Going back and trying again would take longer than there is time: the choices are 2 to the power of 60.
    let pattern = format!("{}#.b", "#.a.".repeat(50));
    for pattern in [&*pattern, "#.#.#.#.#.#.#.#.#.#.#.#.c", "#.*.#.*.#.*.#.*.d"] {
        bind(&mut broker, route, binding(Destination::Stream(stream), pattern)).expect("bound");
    }
    let key = vec!["a"; 127].join(".");
    assert_eq!(targets(&broker, route, &key), []);
    assert_eq!(targets(&broker, route, &format!("{key}.c")), [stream]);
    assert_eq!(targets(&broker, route, &key.replace('a', "")), [], "128 empty words");
    // Where even that is too much, the record is refused: every pattern of these fits the beginning of the key in every way.
    let mut random = Random(4);
    for _ in 0..2_000 {
        let words: Vec<&str> = (0..40).map(|_| *random.pick(&["#.a", "a", "#.a.a"])).collect();
        bind(&mut broker, route, binding(Destination::Stream(stream), &words.join("."))).expect("bound");
    }
    let entry = broker.route_by_id(route).expect("it exists");
    let record = RoutedRecord { key: key.as_bytes(), headers: &NoHeaders, random: 0 };
    assert_eq!(resolve(&broker, &entry, &record).err(), Some(ErrorKind::LimitExceeded));
}

#[test]
fn what_a_route_may_lead_to_is_at_least_what_it_leads_any_record_to() {
    let mut random = Random(7);
    let (mut some, mut exact) = (0, 0);
    for _ in 0..150 {
        let mut broker = Broker::new();
        let streams: Vec<StreamId> = (0..6).map(|n| broker.stream(&format!("s{n}"), 1)).collect();
        let kinds = [
            MatchKind::Exact,
            MatchKind::Pattern,
            MatchKind::Everything,
            MatchKind::Hash { by: HashBy::Random, weighted: false },
        ];
        let routes: Vec<RouteId> = (0..4)
            .map(|n| {
                let mut config = RouteConfig::new(random.pick(&kinds).clone());
                config.alternate = random.one_in(3).then(|| format!("r{}", random.below(4)).as_str().into());
                create(&mut broker, &format!("r{n}"), config).unwrap()
            })
            .collect();
        for _ in 0..random.below(14) {
            let destination = match random.one_in(3) {
                true => Destination::Route(*random.pick(&routes)),
                false => Destination::Stream(*random.pick(&streams)),
            };
            let (source, key) = (*random.pick(&routes), *random.pick(&["a", "b", "*"]));
            bind(&mut broker, source, binding(destination, key)).unwrap();
        }
        let start = broker.route_by_id(routes[0]).unwrap();
        let may = |key: Option<&str>| -> BTreeSet<StreamId> {
            let streams = reach_of(&broker, &start, key.map(str::as_bytes)).unwrap();
            streams.iter().map(|stream| stream.id).collect()
        };
        for key in ["a", "b", "c"] {
            let (with_key, with_any) = (may(Some(key)), may(None));
            assert!(with_key.is_subset(&with_any));
            for chance in 0..20 {
                let random = u64::wrapping_mul(chance, 0x9e37_79b9_7f4a_7c15);
                let record = RoutedRecord { key: key.as_bytes(), headers: &NoHeaders, random };
                let does: BTreeSet<StreamId> = found(&broker, routes[0], &record).into_iter().collect();
                assert!(does.is_subset(&with_key), "{key}: {does:?} beyond {with_key:?}");
                some += usize::from(!does.is_empty());
                exact += usize::from(does == with_key && with_key.len() < with_any.len());
            }
        }
    }
    assert!(some > 500 && exact > 100, "{some} records went somewhere, {exact} where only their key leads");
}
