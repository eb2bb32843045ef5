//! A map from words (or whole keys) to values, in a [`Radix`] by their hash.
//!
//! Apart because clients choose the words: the hash is keyed (R22), and words that come to the same hash all the same stand
//! beside each other.

use crate::hash::HashSeed;
use crate::route::radix::Radix;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Words<V>(Radix<Bucket<V>>);

#[derive(Debug, Clone)]
struct Bucket<V> {
    first: (Arc<[u8]>, V),
    rest: Vec<(Arc<[u8]>, V)>,
}

impl<V> Default for Words<V> {
    fn default() -> Words<V> {
        Words(Radix::default())
    }
}

/// The hash under which a word is looked up.
pub(super) fn hash(seed: HashSeed, word: &[u8]) -> u64 {
    let mut hasher = seed.build_hasher();
    hasher.write(word);
    hasher.finish()
}

impl<V> Bucket<V> {
    fn iter(&self) -> impl Iterator<Item = &(Arc<[u8]>, V)> {
        core::iter::once(&self.first).chain(&self.rest)
    }
}

impl<V> Words<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, hash: u64, word: &[u8]) -> Option<&V> {
        self.0.get(hash)?.iter().find(|(found, _)| **found == *word).map(|(_, value)| value)
    }

    /// Calls for every value.
    pub(super) fn each<'a>(&'a self, visit: &mut impl FnMut(&'a V)) {
        self.0.each(&mut |bucket| {
            bucket.iter().for_each(|(_, value)| visit(value));
            true
        });
    }
}

impl<V: Clone> Words<V> {
    pub(super) fn get_mut(&mut self, hash: u64, word: &[u8]) -> Option<&mut V> {
        self.get(hash, word)?;
        let bucket = self.0.get_mut(hash)?;
        let mut all = core::iter::once(&mut bucket.first).chain(&mut bucket.rest);
        all.find(|(found, _)| **found == *word).map(|(_, value)| value)
    }

    /// The value of a word, made if there is none.
    pub(super) fn get_or_insert(&mut self, hash: u64, word: &[u8], make: impl FnOnce() -> V) -> &mut V {
        if self.get(hash, word).is_none() {
            let item = (Arc::from(word), make());
            match self.0.get_mut(hash) {
                Some(bucket) => bucket.rest.push(item),
                None => self.0.insert(hash, Bucket { first: item, rest: Vec::new() }),
            }
        }
        self.get_mut(hash, word).expect("it was put in if it was not there")
    }

    /// Takes a word out.
    pub(super) fn remove(&mut self, hash: u64, word: &[u8]) {
        let Some(bucket) = self.0.get_mut(hash) else { return };
        if *bucket.first.0 != *word {
            bucket.rest.retain(|(found, _)| **found != *word);
        } else if let Some(next) = bucket.rest.pop() {
            bucket.first = next;
        } else {
            self.0.remove(hash);
        }
    }
}
