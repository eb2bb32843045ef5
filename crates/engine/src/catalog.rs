//! The catalog as sessions read it: concurrent maps of immutable entries (R15).
//!
//! Apart because it is written by one thread, in the order of durable frames, and read by every session without a
//! message or a lock.

use millstream_core::catalog::{NamespaceEntry, StreamEntry};
use millstream_core::route::RouteEntry;
use millstream_core::{CatalogChange, Shard, hash::HashSeed};
use millstream_types::{Namespace, RouteId, StreamId, StreamUid};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

type ByName<T> = papaya::HashMap<Arc<str>, Arc<T>, HashSeed>;
type Names<T> = papaya::HashMap<Namespace, Arc<ByName<T>>, HashSeed>;

/// Every stream, every route and every namespace that exists durably.
#[derive(Debug)]
pub struct Catalog {
    seed: HashSeed,
    names: Names<StreamEntry>,
    uids: papaya::HashMap<StreamUid, Arc<StreamEntry>, HashSeed>,
    ids: papaya::HashMap<StreamId, Arc<StreamEntry>, HashSeed>,
    route_names: Names<RouteEntry>,
    routes: papaya::HashMap<RouteId, Arc<RouteEntry>, HashSeed>,
    namespaces: papaya::HashMap<Arc<str>, Arc<NamespaceEntry>, HashSeed>,
}

/// A stream, ordered by its name.
struct ByItsName(Arc<StreamEntry>);

impl Ord for ByItsName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name.cmp(&other.0.name)
    }
}

impl PartialOrd for ByItsName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for ByItsName {}

impl PartialEq for ByItsName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Catalog {
    pub(crate) fn new(seed: HashSeed) -> Catalog {
        Catalog {
            seed,
            names: papaya::HashMap::with_hasher(seed),
            uids: papaya::HashMap::with_hasher(seed),
            ids: papaya::HashMap::with_hasher(seed),
            route_names: papaya::HashMap::with_hasher(seed),
            routes: papaya::HashMap::with_hasher(seed),
            namespaces: papaya::HashMap::with_hasher(seed),
        }
    }

    /// What a start has found.
    pub(crate) fn publish_all(&self, shard: &Shard) {
        let namespaces = shard.namespaces().cloned().map(CatalogChange::PutNamespace);
        let streams = shard.stream_entries().filter(|entry| !shard.is_doomed(entry.id));
        let streams = streams.cloned().map(CatalogChange::Put);
        let routes = shard.route_entries().cloned().map(CatalogChange::PutRoute);
        namespaces.chain(streams).chain(routes).for_each(|change| self.publish(&change));
    }

    /// The namespace of a name.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<Namespace> {
        self.namespaces.pin().get(name).map(|entry| entry.number)
    }

    /// The namespace of a name with what is kept of it.
    #[must_use]
    pub fn namespace_entry(&self, name: &str) -> Option<Arc<NamespaceEntry>> {
        self.namespaces.pin().get(name).cloned()
    }

    /// Every namespace, in the order of names.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Arc<NamespaceEntry>> {
        let mut namespaces: Vec<_> = self.namespaces.pin().values().cloned().collect();
        namespaces.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        namespaces
    }

    /// The stream of a name.
    #[must_use]
    pub fn stream(&self, namespace: Namespace, name: &str) -> Option<Arc<StreamEntry>> {
        self.names.pin().get(&namespace)?.pin().get(name).cloned()
    }

    /// The stream of a universal id.
    #[must_use]
    pub fn stream_by_uid(&self, uid: StreamUid) -> Option<Arc<StreamEntry>> {
        self.uids.pin().get(&uid).cloned()
    }

    /// The stream of an id.
    #[must_use]
    pub fn stream_by_id(&self, id: StreamId) -> Option<Arc<StreamEntry>> {
        self.ids.pin().get(&id).cloned()
    }

    /// Every stream of a namespace, in the order of names.
    #[must_use]
    pub fn streams(&self, namespace: Namespace) -> Vec<Arc<StreamEntry>> {
        let names = self.names.pin();
        let Some(by_name) = names.get(&namespace) else { return Vec::new() };
        let mut streams: Vec<_> = by_name.pin().values().cloned().collect();
        streams.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        streams
    }

    /// How many streams a namespace has.
    #[must_use]
    pub fn stream_count(&self, namespace: Namespace) -> usize {
        self.names.pin().get(&namespace).map_or(0, |by_name| by_name.len())
    }

    /// The first streams of a namespace in the order of names, behind a name, of those that are wanted: `max` of them at
    /// most. Goes over all of them and keeps no others, so that a page of very many costs no sort and no copy.
    #[must_use]
    pub fn streams_behind(
        &self,
        namespace: Namespace,
        after: Option<&str>,
        max: usize,
        is_wanted: &dyn Fn(&StreamEntry) -> bool,
    ) -> Vec<Arc<StreamEntry>> {
        let names = self.names.pin();
        let Some(by_name) = names.get(&namespace) else { return Vec::new() };
        // The largest name of those that are kept is on top.
        let mut kept: BinaryHeap<ByItsName> = BinaryHeap::new();
        for (name, entry) in &by_name.pin() {
            let is_behind = after.is_none_or(|after| &**name > after);
            let has_room = kept.len() < max || kept.peek().is_some_and(|last| *name < last.0.name);
            if is_behind && has_room && is_wanted(entry) {
                kept.push(ByItsName(entry.clone()));
                if kept.len() > max {
                    kept.pop();
                }
            }
        }
        kept.into_sorted_vec().into_iter().map(|ByItsName(entry)| entry).collect()
    }

    /// Every stream, in the order of their ids.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<StreamEntry>> {
        let mut streams: Vec<_> = self.ids.pin().values().cloned().collect();
        streams.sort_unstable_by_key(|entry| entry.id);
        streams
    }

    /// The route of a name.
    #[must_use]
    pub fn route(&self, namespace: Namespace, name: &str) -> Option<Arc<RouteEntry>> {
        self.route_names.pin().get(&namespace)?.pin().get(name).cloned()
    }

    /// The route of an id.
    #[must_use]
    pub fn route_by_id(&self, id: RouteId) -> Option<Arc<RouteEntry>> {
        self.routes.pin().get(&id).cloned()
    }

    /// Every route of a namespace, in the order of names.
    #[must_use]
    pub fn routes(&self, namespace: Namespace) -> Vec<Arc<RouteEntry>> {
        let names = self.route_names.pin();
        let Some(by_name) = names.get(&namespace) else { return Vec::new() };
        let mut routes: Vec<_> = by_name.pin().values().cloned().collect();
        routes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        routes
    }

    /// How many routes a namespace has.
    #[must_use]
    pub fn route_count(&self, namespace: Namespace) -> usize {
        self.route_names.pin().get(&namespace).map_or(0, |by_name| by_name.len())
    }

    fn no_names<T>(&self) -> Arc<ByName<T>> {
        Arc::new(papaya::HashMap::with_hasher(self.seed))
    }

    pub(crate) fn publish(&self, change: &CatalogChange) {
        match change {
            CatalogChange::Put(entry) => {
                let names = self.names.pin();
                let by_name = names.get_or_insert_with(entry.namespace, || self.no_names());
                by_name.pin().insert(entry.name.clone(), entry.clone());
                self.uids.pin().insert(entry.uid, entry.clone());
                self.ids.pin().insert(entry.id, entry.clone());
            }
            CatalogChange::Remove(entry) => {
                if let Some(by_name) = self.names.pin().get(&entry.namespace) {
                    let by_name = by_name.pin();
                    // One that did not outlive the last process may have a successor already.
                    if by_name.get(&entry.name).is_some_and(|known| known.id == entry.id) {
                        by_name.remove(&entry.name);
                    }
                }
                self.uids.pin().remove(&entry.uid);
                self.ids.pin().remove(&entry.id);
            }
            CatalogChange::PutRoute(entry) => {
                let names = self.route_names.pin();
                let by_name = names.get_or_insert_with(entry.namespace, || self.no_names());
                by_name.pin().insert(entry.name.clone(), entry.clone());
                self.routes.pin().insert(entry.id, entry.clone());
            }
            CatalogChange::RemoveRoute(entry) => {
                if let Some(by_name) = self.route_names.pin().get(&entry.namespace) {
                    by_name.pin().remove(&entry.name);
                }
                self.routes.pin().remove(&entry.id);
            }
            CatalogChange::PutNamespace(entry) => {
                self.namespaces.pin().insert(entry.name.clone(), entry.clone());
            }
            CatalogChange::RemoveNamespace(entry) => {
                self.namespaces.pin().remove(&entry.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_core::catalog::StreamConfig;
    use millstream_types::EngineTime;

    fn put(catalog: &Catalog, id: u64, name: &str) {
        let entry = StreamEntry {
            id: StreamId(id),
            uid: StreamUid(u128::from(id)),
            namespace: Namespace::DEFAULT,
            name: name.into(),
            logs: 1,
            config: StreamConfig::default(),
            created: EngineTime(0),
        };
        catalog.publish(&CatalogChange::Put(Arc::new(entry)));
    }

    #[test]
    fn pages_of_streams_are_the_list_of_them_cut_in_pieces() {
        let catalog = Catalog::new(HashSeed([1, 2]));
        for number in 0..500 {
            put(&catalog, number, &format!("s{}", (number * 7919) % 500));
        }
        let is_wanted = |entry: &StreamEntry| !entry.id.0.is_multiple_of(3);
        let all = catalog.streams(Namespace::DEFAULT);
        let wanted: Vec<_> = all.iter().filter(|entry| is_wanted(entry)).cloned().collect();
        assert_eq!((catalog.stream_count(Namespace::DEFAULT), all.len()), (500, 500));
        let mut found: Vec<Arc<StreamEntry>> = Vec::new();
        loop {
            let after = found.last().map(|last| last.name.clone());
            let page = catalog.streams_behind(Namespace::DEFAULT, after.as_deref(), 17, &is_wanted);
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 17);
            found.extend(page);
        }
        assert_eq!(found, wanted);
        assert_eq!(catalog.streams_behind(Namespace::DEFAULT, None, 0, &|_| true), []);
        assert_eq!(catalog.streams_behind(Namespace(7), None, 5, &|_| true), []);
        assert_eq!((catalog.stream_count(Namespace(7)), catalog.route_count(Namespace(7))), (0, 0));
    }
}
