//! Indexes of parts that were read lately, within a number of bytes.
//!
//! Apart because it is a cache and nothing else: what is not here is read again from the object.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_types::{LogId, ObjectNumber};

use crate::object::PartIndex;

type Key = (ObjectNumber, LogId);

/// Keeps the indexes that were used last.
pub(super) struct Indexes {
    bytes_max: usize,
    bytes: usize,
    by_key: BTreeMap<Key, (Arc<PartIndex>, u64)>,
    /// The same keys by the moment of their last use, oldest first.
    by_use: BTreeMap<u64, Key>,
    /// Uses so far.
    now: u64,
}

impl Indexes {
    pub(super) fn new(bytes_max: usize) -> Indexes {
        Indexes { bytes_max, bytes: 0, by_key: BTreeMap::new(), by_use: BTreeMap::new(), now: 0 }
    }

    pub(super) fn get(&mut self, number: ObjectNumber, log: LogId) -> Option<Arc<PartIndex>> {
        let key = (number, log);
        let (index, used) = self.by_key.get_mut(&key)?;
        self.by_use.remove(used);
        self.now += 1;
        *used = self.now;
        self.by_use.insert(self.now, key);
        Some(Arc::clone(index))
    }

    /// Keeps an index, unless it is too large by itself; those that were not used for longest go.
    pub(super) fn insert(&mut self, number: ObjectNumber, log: LogId, index: &Arc<PartIndex>) {
        let bytes = index.heap_bytes();
        self.take((number, log));
        if bytes > self.bytes_max {
            return;
        }
        while self.bytes + bytes > self.bytes_max {
            let (_, oldest) = self.by_use.first_key_value().expect("bytes are kept by someone");
            self.take(*oldest);
        }
        self.now += 1;
        self.bytes += bytes;
        self.by_key.insert((number, log), (Arc::clone(index), self.now));
        self.by_use.insert(self.now, (number, log));
    }

    /// Forgets all of an object.
    pub(super) fn forget(&mut self, number: ObjectNumber) {
        let first = LogId { stream: millstream_types::StreamId(0), index: 0 };
        let keys = self.by_key.range((number, first)..).map(|(key, _)| *key);
        let keys: Vec<Key> = keys.take_while(|(of, _)| *of == number).collect();
        keys.into_iter().for_each(|key| self.take(key));
    }

    fn take(&mut self, key: Key) {
        if let Some((index, used)) = self.by_key.remove(&key) {
            self.bytes -= index.heap_bytes();
            self.by_use.remove(&used);
        }
    }
}
