//! Routes as the shard holds them, and what entries make of them.
//!
//! Apart because this is all that is folded. What leads *to* a stream or route follows from the routes and is kept beside
//! them, so that bindings to what is gone are found when they are to be freed; which those are follows too, so that a restart
//! goes on with it.

use super::binding::{Binding, BindingName, Destination};
use super::change::{FIRST_HELD, RouteChange, is_held};
use super::entry::{RouteConfig, RouteEntry, RouteHead};
use super::table::Table;
use crate::hash::{HashSeed, KeyedMap};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::hash::Hasher;
use millstream_types::{Incarnation, Namespace, RouteId, StreamId, WalPosition, planted};

/// A route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(super) entry: Arc<RouteEntry>,
    pub(super) bindings: BTreeMap<u64, Arc<Binding>>,
    /// Numbers by a hash of what tells bindings apart.
    names: BTreeSet<(u64, u64)>,
    pub(super) next_binding: u64,
    /// The number of the next one that is in memory only, where the route is not.
    pub(super) next_held: u64,
    /// Start of the last frame that touched it.
    pub(super) last: WalPosition,
}

/// All routes. See the module's documentation.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(super) seed: HashSeed,
    pub(super) routes: BTreeMap<RouteId, Route>,
    pub(super) names: KeyedMap<(Namespace, Arc<str>), RouteId>,
    by_namespace: BTreeSet<(Namespace, RouteId)>,
    pub(super) next_route: RouteId,
    /// The next route in memory: of this start only.
    pub(super) next_ephemeral: RouteId,
    /// Start of the last frame that changed any of them.
    pub(super) last: WalPosition,
    /// Bindings of all routes together.
    pub(super) bindings_len: usize,
    /// What leads where: the route that it leads from, and its number there. May hold what deleted routes had.
    pub(super) leads_to: BTreeSet<(Destination, RouteId, u64)>,
    /// What is gone and still led to.
    pub(super) gone: BTreeSet<Destination>,
    /// Bindings of deleted routes, dropped a few per turn (R13).
    trash: Vec<(RouteId, BTreeMap<u64, Arc<Binding>>)>,
    /// The next version of an entry.
    next_version: u64,
}

impl Route {
    fn number_taken(&mut self, number: u64) {
        let next = if is_held(number) { &mut self.next_held } else { &mut self.next_binding };
        *next = (*next).max(number + 1);
    }

    fn name_hash(&self, seed: HashSeed, name: &BindingName<'_>) -> u64 {
        let mut hasher = seed.build_hasher();
        name.hash_into(&mut hasher);
        hasher.finish()
    }

    /// The number of a binding.
    pub(super) fn find(&self, seed: HashSeed, name: &BindingName<'_>) -> Option<u64> {
        let hash = self.name_hash(seed, name);
        let alike = self.names.range((hash, 0)..=(hash, u64::MAX)).map(|(_, number)| *number);
        alike.into_iter().find(|number| self.bindings[number].name() == *name)
    }
}

impl Routes {
    pub(crate) fn new(seed: HashSeed) -> Routes {
        Routes {
            seed,
            routes: BTreeMap::new(),
            names: KeyedMap::with_hasher(seed),
            by_namespace: BTreeSet::new(),
            next_route: RouteId(1),
            next_ephemeral: RouteId::first_ephemeral(Incarnation(0)),
            last: WalPosition::ZERO,
            bindings_len: 0,
            leads_to: BTreeSet::new(),
            gone: BTreeSet::new(),
            trash: Vec::new(),
            next_version: 1,
        }
    }

    /// See [`Shard::begin`](crate::Shard::begin).
    pub(crate) fn begin(&mut self, start: Incarnation) {
        self.next_ephemeral = RouteId::first_ephemeral(start);
    }

    /// Every route's entry, in the order of their ids.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<RouteEntry>> {
        self.routes.values().map(|route| &route.entry)
    }

    pub(crate) fn entry(&self, route: RouteId) -> Option<&Arc<RouteEntry>> {
        self.routes.get(&route).map(|route| &route.entry)
    }

    /// The first route of a namespace.
    pub(crate) fn first_of(&self, namespace: Namespace) -> Option<RouteId> {
        let all = (namespace, RouteId(0))..=(namespace, RouteId(u64::MAX));
        self.by_namespace.range(all).next().map(|(_, id)| *id)
    }

    /// Folds an entry of the frame that starts at `position`.
    pub(crate) fn fold(&mut self, position: WalPosition, change: RouteChange) {
        let id = change.route();
        // A deleted route's image may never have been written, but its id was taken all the same.
        self.id_taken(id);
        self.last = self.last.max(position);
        match change {
            RouteChange::Created(head) => {
                if !self.routes.contains_key(&id) {
                    self.insert(head, 1, position);
                }
            }
            RouteChange::Deleted { .. } => self.delete(id),
            RouteChange::Bound { number, binding, .. } => self.bind(position, id, number, binding),
            RouteChange::Unbound { numbers, .. } => {
                numbers.iter().for_each(|number| self.unbind(position, id, *number));
            }
            RouteChange::Altered { config, .. } => self.alter(position, id, config),
        }
    }

    /// Start of the last frame that changed any route.
    pub(crate) fn last(&self) -> WalPosition {
        self.last
    }

    fn id_taken(&mut self, id: RouteId) {
        let next = RouteId(id.0 + 1);
        if id.is_ephemeral() {
            self.next_ephemeral = self.next_ephemeral.max(next);
        } else {
            self.next_route = self.next_route.max(next);
        }
    }

    fn version(&mut self) -> u64 {
        let version = self.next_version;
        self.next_version += 1;
        version
    }

    /// A route without bindings.
    pub(super) fn insert(&mut self, head: RouteHead, next_binding: u64, last: WalPosition) {
        let RouteHead { id, namespace, name, created, config } = head;
        self.id_taken(id);
        // A fuzzy checkpoint may hold both a route that is deleted later and its successor of the same name; ids are handed
        // out in order, so the larger one is the successor.
        let holder = self.names.entry((namespace, name.clone())).or_insert(id);
        *holder = id.max(*holder);
        self.by_namespace.insert((namespace, id));
        let table = Table::new(&config.match_kind, self.seed);
        let version = self.version();
        let entry = Arc::new(RouteEntry { id, namespace, name, config, created, version, table });
        let (bindings, names) = (BTreeMap::new(), BTreeSet::new());
        let route = Route { entry, bindings, names, next_binding, next_held: FIRST_HELD, last };
        self.routes.insert(id, route);
    }

    fn alter(&mut self, position: WalPosition, id: RouteId, config: Arc<RouteConfig>) {
        let version = self.version();
        let Some(route) = self.routes.get_mut(&id) else { return };
        route.last = route.last.max(position);
        let entry = Arc::make_mut(&mut route.entry);
        assert_eq!(entry.config.match_kind, config.match_kind, "its table is made for how it matches");
        (entry.version, entry.config) = (version, config);
    }

    fn delete(&mut self, id: RouteId) {
        let Some(route) = self.routes.remove(&id) else { return };
        let name = (route.entry.namespace, route.entry.name.clone());
        if self.names.get(&name) == Some(&id) {
            self.names.remove(&name);
        }
        self.by_namespace.remove(&(route.entry.namespace, id));
        self.bindings_len -= route.bindings.len();
        self.trash.push((id, route.bindings));
        self.note_gone(Destination::Route(id));
    }

    /// Adds a binding, unless the route is gone or has it already.
    pub(super) fn bind(&mut self, position: WalPosition, id: RouteId, number: u64, binding: Arc<Binding>) {
        let version = self.version();
        let Some(route) = self.routes.get_mut(&id) else { return };
        route.last = route.last.max(position);
        route.number_taken(number);
        if route.bindings.contains_key(&number) {
            return;
        }
        let hash = route.name_hash(self.seed, &binding.name());
        route.names.insert((hash, number));
        self.leads_to.insert((binding.destination, id, number));
        self.bindings_len += 1;
        let entry = Arc::make_mut(&mut route.entry);
        entry.version = version;
        entry.table.bind(number, binding.clone());
        route.bindings.insert(number, binding);
    }

    fn unbind(&mut self, position: WalPosition, id: RouteId, number: u64) {
        let version = self.version();
        let Some(route) = self.routes.get_mut(&id) else { return };
        route.last = route.last.max(position);
        // The route's image may be newer than the binding.
        route.number_taken(number);
        let Some(binding) = route.bindings.remove(&number) else { return };
        let hash = route.name_hash(self.seed, &binding.name());
        route.names.remove(&(hash, number));
        self.leads_to.remove(&(binding.destination, id, number));
        self.bindings_len -= 1;
        let entry = Arc::make_mut(&mut route.entry);
        entry.version = version;
        if !planted!(UnboundStillMatches) {
            entry.table.unbind(number, &binding);
        }
    }

    /// A stream is gone.
    pub(crate) fn forget_stream(&mut self, stream: StreamId) {
        self.note_gone(Destination::Stream(stream));
    }

    fn note_gone(&mut self, destination: Destination) {
        if self.led_to(destination).next().is_some() {
            self.gone.insert(destination);
        }
    }

    /// What leads somewhere.
    pub(super) fn led_to(&self, destination: Destination) -> impl Iterator<Item = (RouteId, u64)> {
        let from = (destination, RouteId(0), 0);
        let to = (destination, RouteId(u64::MAX), u64::MAX);
        self.leads_to.range(from..=to).map(|(_, route, number)| (*route, *number))
    }

    /// Everything was folded: finds what leads to what is gone.
    pub(crate) fn resume(&mut self, has_stream: impl Fn(StreamId) -> bool) {
        while !self.trash.is_empty() {
            self.sweep(usize::MAX);
        }
        self.gone.clear();
        let mut next = self.leads_to.first().copied();
        while let Some((destination, ..)) = next {
            let exists = match destination {
                Destination::Stream(stream) => has_stream(stream),
                Destination::Route(route) => self.routes.contains_key(&route),
            };
            if !exists {
                self.gone.insert(destination);
            }
            let last = (destination, RouteId(u64::MAX), u64::MAX);
            next = self.leads_to.range(last..).next().copied();
        }
    }

    /// Whether nothing waits to be freed.
    pub(crate) fn has_freed(&self) -> bool {
        self.trash.is_empty() && self.gone.is_empty()
    }

    /// Drops some bindings of deleted routes.
    pub(crate) fn sweep(&mut self, max: usize) {
        let Some((route, bindings)) = self.trash.last_mut() else { return };
        for _ in 0..max {
            let Some((number, binding)) = bindings.pop_first() else {
                self.trash.pop();
                return;
            };
            self.leads_to.remove(&(binding.destination, *route, number));
        }
    }
}
