//! Routes as the clients have them made: what leads where, as far as they were told.
//!
//! Apart because nothing here is of queues: a model of names and bindings, each there, gone, or in doubt after an answer that
//! never came. What the catalog shows is compared with it, and where it says that a record goes with a search that a reader
//! can check by eye.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use millstream_core::Request;
use millstream_core::route::{
    Binding, Condition, CreateRoute, Destination, Lookup, MatchKind, NoHeaders, RouteConfig, RouteEntry,
    RouteReply, RouteRequest, RoutedRecord, resolve,
};
use millstream_testkit::sim_disk::Rng;
use millstream_types::{ErrorKind, Namespace, RouteId, StreamId};

use super::{Clients, What};
use crate::queues::plan::{FIRST, GRAVES, HELD, REPLAYED, SECOND};

/// The route that is published to: by patterns.
pub(super) const FAN: &str = "fan";
/// What it leads on to: by keys.
const NEXT: &str = "next";
/// Where it hands what it leads nowhere.
const REST: &str = "rest";
/// A route that comes and goes.
const TEMP: &str = "temp";
/// Dead letters go by this one, and on by the next.
pub(in crate::queues) const BURIAL: &str = "burial";
const YARD: &str = "yard";
/// What is published is published under these.
pub(super) const KEYS: [&str; 5] = ["a", "a.b", "a.b.c", "b", "c.a"];
/// What bindings ask for.
const PATTERNS: [&str; 7] = ["a", "a.*", "#", "*.b.#", "a.#", "b", "#.a"];

/// Where a binding leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum To {
    Queue(usize),
    Route(&'static str),
}

/// A binding: the route that it leads from, where it leads, its key.
pub(super) type Name = (&'static str, To, &'static str);

/// What is known of a binding or of the route that comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    There,
    Gone,
    Doubtful,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Bind(Name, bool),
    Unbind(Name, bool),
    Create,
    /// With the bindings that go with it.
    Delete(Vec<Name>),
}

/// What leads where.
pub(in crate::queues) struct Routes {
    ids: BTreeMap<&'static str, RouteId>,
    temp: Fate,
    bindings: BTreeMap<Name, Fate>,
}

impl Routes {
    /// The routes that are there from the start on, in the order in which they are made.
    pub(in crate::queues) fn first_ones() -> Vec<(&'static str, RouteConfig)> {
        let everything = || RouteConfig::new(MatchKind::Everything);
        let fan = RouteConfig { alternate: Some(REST.into()), ..RouteConfig::new(MatchKind::Pattern) };
        let next = RouteConfig::new(MatchKind::Exact);
        vec![(FAN, fan), (NEXT, next), (REST, everything()), (BURIAL, everything()), (YARD, everything())]
    }

    /// Nothing leads anywhere yet.
    pub(in crate::queues) fn new(ids: BTreeMap<&'static str, RouteId>) -> Routes {
        Routes { ids, temp: Fate::Gone, bindings: BTreeMap::new() }
    }

    /// What leads on from the start on, with what it takes to say so.
    pub(in crate::queues) fn begin(&mut self, streams: &[StreamId]) -> Vec<Request> {
        let [left, right] = GRAVES.map(To::Queue);
        // One of the graves is found twice, and gets each record once.
        let names = [
            (BURIAL, To::Route(YARD), ""),
            (BURIAL, left, ""),
            (YARD, left, ""),
            (YARD, right, ""),
            (REST, To::Queue(SECOND), ""),
            (FAN, To::Route(NEXT), "a.#"),
        ];
        self.bindings.extend(names.map(|name| (name, Fate::There)));
        names.iter().map(|name| self.bind(*name, streams)).collect()
    }

    fn request(request: RouteRequest) -> Request {
        Request::Route(Box::new(request))
    }

    fn bind(&self, name: Name, streams: &[StreamId]) -> Request {
        let (source, to, key) = name;
        let binding = Binding {
            destination: self.destination(to, streams),
            key: key.as_bytes().into(),
            condition: Condition::Key,
            arguments: Box::default(),
        };
        Routes::request(RouteRequest::Bind { source: self.ids[source], binding: Box::new(binding) })
    }

    fn destination(&self, to: To, streams: &[StreamId]) -> Destination {
        match to {
            To::Queue(queue) => Destination::Stream(streams[queue]),
            To::Route(route) => Destination::Route(self.ids[route]),
        }
    }

    fn fate(&self, name: Name) -> Fate {
        self.bindings.get(&name).copied().unwrap_or(Fate::Gone)
    }

    /// Something to change that is not in doubt.
    fn change(&mut self, rng: &mut Rng, streams: &[StreamId]) -> Option<(Change, Request)> {
        if rng.one_in(8) {
            return self.change_temp();
        }
        let has_temp = self.temp == Fate::There;
        let source = [FAN, FAN, FAN, NEXT, if has_temp { TEMP } else { FAN }][rng.below(5) as usize];
        let key = match source {
            FAN => PATTERNS[rng.below(PATTERNS.len() as u64) as usize],
            NEXT => KEYS[rng.below(KEYS.len() as u64) as usize],
            _ => "",
        };
        let queue = To::Queue([FIRST, FIRST, SECOND, REPLAYED, 0, HELD, HELD][rng.below(7) as usize]);
        let to = match (source, rng.below(6)) {
            (FAN, 0) => To::Route(NEXT),
            (FAN, 1) if has_temp => To::Route(TEMP),
            _ => queue,
        };
        let name = (source, to, key);
        let fate = self.fate(name);
        if fate == Fate::Doubtful {
            return None;
        }
        let was_there = fate == Fate::There;
        self.bindings.insert(name, Fate::Doubtful);
        // Now and then as it is already.
        if was_there != rng.one_in(8) {
            let request = RouteRequest::Unbind {
                source: self.ids[source],
                destination: self.destination(to, streams),
                key: key.as_bytes().into(),
                arguments: Box::default(),
            };
            return Some((Change::Unbind(name, was_there), Routes::request(request)));
        }
        Some((Change::Bind(name, was_there), self.bind(name, streams)))
    }

    fn change_temp(&mut self) -> Option<(Change, Request)> {
        let concerned = self.bindings.iter().filter(|((source, to, _), fate)| {
            (*source == TEMP || *to == To::Route(TEMP)) && **fate != Fate::Gone
        });
        let concerned: Vec<(Name, Fate)> = concerned.map(|(name, fate)| (*name, *fate)).collect();
        match self.temp {
            _ if concerned.iter().any(|(_, fate)| *fate == Fate::Doubtful) => None,
            Fate::Doubtful => None,
            Fate::Gone => {
                self.temp = Fate::Doubtful;
                let config = RouteConfig::new(MatchKind::Everything);
                let create = CreateRoute { namespace: Namespace::DEFAULT, name: TEMP.into(), config };
                Some((Change::Create, Routes::request(RouteRequest::Create(Box::new(create)))))
            }
            Fate::There => {
                self.temp = Fate::Doubtful;
                let names: Vec<Name> = concerned.into_iter().map(|(name, _)| name).collect();
                self.bindings.extend(names.iter().map(|name| (*name, Fate::Doubtful)));
                let delete = RouteRequest::Delete { route: self.ids[TEMP], if_unused: false };
                Some((Change::Delete(names), Routes::request(delete)))
            }
        }
    }

    /// A queue is gone, and what leads to it.
    pub(super) fn lose(&mut self, queue: usize) {
        self.bindings.retain(|(_, to, _), _| *to != To::Queue(queue));
    }

    /// Takes an answer.
    pub(super) fn hear(&mut self, change: &Change, reply: &RouteReply) -> Result<()> {
        match (change, reply) {
            (Change::Bind(name, was_there), RouteReply::Bound { is_new }) => {
                ensure!(is_new != was_there, "{name:?} is bound, new: {is_new}");
                self.bindings.insert(*name, Fate::There);
            }
            (Change::Unbind(name, was_there), RouteReply::Unbound { was_bound }) => {
                ensure!(was_bound == was_there, "{name:?} is unbound, was there: {was_bound}");
                self.bindings.remove(name);
            }
            (Change::Create, RouteReply::Route { entry, is_new: true }) => {
                self.temp = Fate::There;
                self.ids.insert(TEMP, entry.id);
            }
            (Change::Delete(names), RouteReply::Deleted(_)) => {
                self.temp = Fate::Gone;
                self.bindings.retain(|name, _| !names.contains(name));
            }
            (change, reply) => bail!("{change:?} is answered by {reply:?}"),
        }
        Ok(())
    }

    /// It was not done, and will not be.
    pub(super) fn refused(&mut self, change: &Change, kind: ErrorKind) -> Result<()> {
        ensure!(kind == ErrorKind::StorageFull, "{change:?} is refused: {kind:?}");
        match change {
            Change::Bind(name, was_there) | Change::Unbind(name, was_there) => {
                self.bindings.insert(*name, if *was_there { Fate::There } else { Fate::Gone });
            }
            Change::Create => self.temp = Fate::Gone,
            Change::Delete(names) => {
                self.temp = Fate::There;
                self.bindings.extend(names.iter().map(|name| (*name, Fate::There)));
            }
        }
        Ok(())
    }

    /// After a start nothing is in doubt any more: what the catalog shows is so. Returns how much was in doubt.
    pub(in crate::queues) fn settle(&mut self, catalog: &dyn Lookup, streams: &[StreamId]) -> Result<u64> {
        let mut doubts = u64::from(self.temp == Fate::Doubtful);
        if self.temp == Fate::Doubtful {
            let found = catalog.route(Namespace::DEFAULT, TEMP);
            self.temp = if found.is_some() { Fate::There } else { Fate::Gone };
            self.ids.extend(found.map(|entry| (TEMP, entry.id)));
        }
        let shown = self.shown(catalog, streams)?;
        for (name, fate) in self.bindings.iter_mut().filter(|(_, fate)| **fate == Fate::Doubtful) {
            *fate = if shown.contains(name) { Fate::There } else { Fate::Gone };
            doubts += 1;
        }
        self.compare(&shown)?;
        Ok(doubts)
    }

    /// What the catalog shows is what the clients were told.
    pub(in crate::queues) fn check(&self, catalog: &dyn Lookup, streams: &[StreamId]) -> Result<()> {
        // Where a route may have come or gone, its name may mean another one.
        if self.temp == Fate::Doubtful { Ok(()) } else { self.compare(&self.shown(catalog, streams)?) }
    }

    fn compare(&self, shown: &BTreeSet<Name>) -> Result<()> {
        for name in shown {
            ensure!(self.fate(*name) != Fate::Gone, "{name:?} is bound, and nobody wants it to be");
        }
        for (name, _) in self.bindings.iter().filter(|(_, fate)| **fate == Fate::There) {
            ensure!(shown.contains(name), "{name:?} is not bound any more");
        }
        Ok(())
    }

    fn shown(&self, catalog: &dyn Lookup, streams: &[StreamId]) -> Result<BTreeSet<Name>> {
        let mut shown = BTreeSet::new();
        for name in [FAN, NEXT, REST, TEMP, BURIAL, YARD] {
            let route = catalog.route(Namespace::DEFAULT, name);
            ensure!(route.is_some() == (name != TEMP || self.temp == Fate::There), "{name} is {route:?}");
            let Some(route) = route else { continue };
            ensure!(route.id == self.ids[name], "{name} is another route");
            for binding in route.bindings() {
                let to = match binding.destination {
                    Destination::Stream(stream) => {
                        streams.iter().position(|known| *known == stream).map(To::Queue)
                    }
                    Destination::Route(id) => {
                        self.ids.iter().find(|(_, known)| **known == id).map(|(name, _)| To::Route(name))
                    }
                };
                let key =
                    PATTERNS.iter().chain(&KEYS).chain(&[""]).find(|key| key.as_bytes() == &*binding.key);
                let (to, key) = to.zip(key).with_context(|| format!("{name} leads to {binding:?}"))?;
                ensure!(shown.insert((name, to, *key)), "{name} has {binding:?} twice");
            }
        }
        Ok(shown)
    }
}

impl Clients {
    /// Binds or unbinds something, or has the route that comes and goes do so.
    pub(super) fn change_routes(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let (change, request) = self.routes.as_mut()?.change(rng, &self.streams)?;
        Some(self.note(What::Route(change), request))
    }

    /// The queues that a key leads to.
    ///
    /// # Panics
    /// When that is not what is found by trying each binding.
    pub(super) fn targets(&self, key: &str, catalog: &dyn Lookup) -> Vec<usize> {
        let fan = catalog.route(Namespace::DEFAULT, FAN).expect("it is never deleted");
        let record = RoutedRecord { key: key.as_bytes(), headers: &NoHeaders, random: 0 };
        let found = resolve(catalog, &fan, &record).expect("there are few bindings");
        let mut expected = BTreeSet::new();
        follow(catalog, &fan, key, &mut BTreeSet::new(), &mut expected);
        let found: Vec<StreamId> = found.streams.iter().map(|stream| stream.id).collect();
        assert!(found.iter().eq(&expected), "{key} leads to {found:?}, not to {expected:?}");
        let place = |stream: &StreamId| self.streams.iter().position(|known| known == stream);
        found.iter().filter_map(place).collect()
    }
}

/// Tries each binding of a route, and goes on from where it leads.
fn follow(
    catalog: &dyn Lookup,
    route: &RouteEntry,
    key: &str,
    seen: &mut BTreeSet<RouteId>,
    found: &mut BTreeSet<StreamId>,
) {
    if !seen.insert(route.id) {
        return;
    }
    let words: Vec<&str> = key.split('.').collect();
    let mut is_nowhere = true;
    for binding in route.bindings() {
        let pattern = std::str::from_utf8(&binding.key).expect("keys are text here");
        let pattern_words: Vec<&str> = pattern.split('.').collect();
        let leads = match route.config.match_kind {
            MatchKind::Exact => pattern == key,
            MatchKind::Pattern => matches(&pattern_words, &words),
            _ => true,
        };
        if !leads {
            continue;
        }
        match binding.destination {
            Destination::Stream(stream) => {
                is_nowhere = false;
                found.insert(stream);
            }
            Destination::Route(next) => {
                if let Some(next) = catalog.route_by_id(next) {
                    is_nowhere = false;
                    follow(catalog, &next, key, seen, found);
                }
            }
        }
    }
    if is_nowhere
        && let Some(name) = &route.config.alternate
        && let Some(alternate) = catalog.route(route.namespace, name)
    {
        follow(catalog, &alternate, key, seen, found);
    }
}

fn matches(pattern: &[&str], words: &[&str]) -> bool {
    match (pattern.split_first(), words.split_first()) {
        (None, None) => true,
        (Some((&"#", rest)), None) => matches(rest, words),
        (Some((&"#", rest)), Some((_, left))) => matches(rest, words) || matches(pattern, left),
        (Some((first, rest)), Some((word, left))) => (*first == "*" || first == word) && matches(rest, left),
        _ => false,
    }
}
