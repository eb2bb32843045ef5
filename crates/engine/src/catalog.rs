//! The catalog as sessions read it: concurrent maps of immutable entries (R15).
//!
//! Apart because it is written by one thread, in the order of durable frames, and read by every session without a
//! message or a lock.

use millstream_core::catalog::StreamEntry;
use millstream_core::{CatalogChange, hash::HashSeed};
use millstream_types::{Namespace, StreamId, StreamUid};
use std::sync::Arc;

type ByName = papaya::HashMap<Arc<str>, Arc<StreamEntry>, HashSeed>;

/// Every stream that exists durably.
#[derive(Debug)]
pub struct Catalog {
    seed: HashSeed,
    names: papaya::HashMap<Namespace, Arc<ByName>, HashSeed>,
    uids: papaya::HashMap<StreamUid, Arc<StreamEntry>, HashSeed>,
    ids: papaya::HashMap<StreamId, Arc<StreamEntry>, HashSeed>,
}

impl Catalog {
    pub(crate) fn new(seed: HashSeed) -> Catalog {
        Catalog {
            seed,
            names: papaya::HashMap::with_hasher(seed),
            uids: papaya::HashMap::with_hasher(seed),
            ids: papaya::HashMap::with_hasher(seed),
        }
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

    /// Every stream, in the order of their ids.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<StreamEntry>> {
        let mut streams: Vec<_> = self.ids.pin().values().cloned().collect();
        streams.sort_unstable_by_key(|entry| entry.id);
        streams
    }

    pub(crate) fn publish(&self, change: &CatalogChange) {
        match change {
            CatalogChange::Put(entry) => {
                let names = self.names.pin();
                let by_name = names.get_or_insert_with(entry.namespace, || {
                    Arc::new(papaya::HashMap::with_hasher(self.seed))
                });
                by_name.pin().insert(entry.name.clone(), entry.clone());
                self.uids.pin().insert(entry.uid, entry.clone());
                self.ids.pin().insert(entry.id, entry.clone());
            }
            CatalogChange::Remove(entry) => {
                if let Some(by_name) = self.names.pin().get(&entry.namespace) {
                    by_name.pin().remove(&entry.name);
                }
                self.uids.pin().remove(&entry.uid);
                self.ids.pin().remove(&entry.id);
            }
        }
    }
}
