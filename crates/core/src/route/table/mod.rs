//! A route's bindings, arranged so that what matches a record is found without looking at the others.
//!
//! Apart because this is what publishing costs. Every arrangement is made of [`Radix`] maps, so that a table is a value that is
//! copied by a few pointers: sessions match by the one that was published while the shard already has the next.
//!
//! | route | arrangement | a record costs |
//! |---|---|---|
//! | exact | by key | one look-up |
//! | pattern | a trie over words (`trie.rs`) | per word, one look-up for each pattern that begins like the key so far |
//! | headers | by a name and value that is asked for (`headers.rs`) | per header two look-ups, and the bindings found there |
//! | everything | in a row | what is found |
//! | hash | points on a ring (`ring.rs`) | 21 look-ups |

mod headers;
mod hits;
mod ring;
mod trie;
mod words;

pub(super) use hits::Hits;

use super::binding::{Binding, Destination};
use super::entry::MatchKind;
use super::radix::{Radix, spread};
use super::resolve::Headers;
use crate::hash::HashSeed;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use headers::HeaderIndex;
use millstream_types::ErrorKind;
use ring::Ring;
use trie::Trie;
use words::Words;

/// A binding in a table.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// Which one it is of its route.
    number: u64,
    /// The same as the binding's: found without looking there.
    destination: Destination,
    binding: Arc<Binding>,
}

/// Bindings that match alike, by number.
type Set = Radix<Held>;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Table {
    len: usize,
    seed: HashSeed,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Exact(Words<Set>),
    Pattern(Trie),
    Headers(HeaderIndex),
    Everything(Set),
    Hash(Ring),
}

/// What of a record a table looks at.
pub(super) enum Look<'a> {
    /// Its key.
    Key(&'a [u8]),
    /// Its headers.
    Headers(&'a dyn Headers),
    /// Nothing.
    Nothing,
    /// A hash of it.
    Hash(u64),
}

impl Table {
    pub(super) fn new(kind: &MatchKind, seed: HashSeed) -> Table {
        let matcher = match kind {
            MatchKind::Exact => Matcher::Exact(Words::default()),
            MatchKind::Pattern => Matcher::Pattern(Trie::default()),
            MatchKind::Headers => Matcher::Headers(HeaderIndex::default()),
            MatchKind::Everything => Matcher::Everything(Set::default()),
            MatchKind::Hash { weighted, .. } => Matcher::Hash(Ring::new(*weighted)),
        };
        Table { len: 0, seed, matcher }
    }

    /// How many bindings there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a binding under a number that has none.
    pub(super) fn bind(&mut self, number: u64, binding: Arc<Binding>) {
        self.len += 1;
        let held = Held { number, destination: binding.destination, binding };
        let seed = self.seed;
        match &mut self.matcher {
            Matcher::Exact(keys) => {
                let key = &held.binding.key;
                let set = keys.get_or_insert(words::hash(seed, key), key, Set::default);
                set.insert(spread(number), held.clone());
            }
            Matcher::Pattern(trie) => trie.bind(seed, held),
            Matcher::Headers(index) => index.bind(seed, held),
            Matcher::Everything(set) => set.insert(spread(number), held),
            Matcher::Hash(ring) => ring.bind(held),
        }
    }

    /// Takes a binding out that is there.
    pub(super) fn unbind(&mut self, number: u64, binding: &Binding) {
        self.len -= 1;
        let seed = self.seed;
        match &mut self.matcher {
            Matcher::Exact(keys) => {
                let hash = words::hash(seed, &binding.key);
                let set = keys.get_mut(hash, &binding.key).expect("the binding is there");
                set.remove(spread(number));
                if set.is_empty() {
                    keys.remove(hash, &binding.key);
                }
            }
            Matcher::Pattern(trie) => trie.unbind(seed, number, &binding.key),
            Matcher::Headers(index) => index.unbind(seed, number, binding),
            Matcher::Everything(set) => {
                set.remove(spread(number));
            }
            Matcher::Hash(ring) => ring.unbind(number, binding),
        }
    }

    /// Finds what matches.
    pub(super) fn find(&self, look: &Look<'_>, hits: &mut Hits) -> Result<(), ErrorKind> {
        match (&self.matcher, look) {
            (Matcher::Exact(keys), Look::Key(key)) => match keys.get(words::hash(self.seed, key), key) {
                Some(set) => hits.all(set),
                None => Ok(()),
            },
            (Matcher::Pattern(trie), Look::Key(key)) => trie.find(self.seed, key, hits),
            (Matcher::Headers(index), Look::Headers(headers)) => index.find(self.seed, *headers, hits),
            (Matcher::Everything(set), _) => hits.all(set),
            (Matcher::Hash(ring), Look::Hash(hash)) => ring.find(*hash, hits),
            _ => unreachable!("who looks goes by the same kind that the table was made for"),
        }
    }

    /// Every binding with its number, in the order of the numbers.
    pub(super) fn bindings(&self) -> BTreeMap<u64, Arc<Binding>> {
        let mut all = BTreeMap::new();
        let mut add = |held: &Held| {
            all.insert(held.number, held.binding.clone());
        };
        match &self.matcher {
            Matcher::Exact(keys) => keys.each(&mut |set| each(set, &mut add)),
            Matcher::Pattern(trie) => trie.each(&mut add),
            Matcher::Headers(index) => index.each(&mut add),
            Matcher::Everything(set) => each(set, &mut add),
            Matcher::Hash(ring) => ring.each(&mut add),
        }
        all
    }
}

fn each(set: &Set, visit: &mut impl FnMut(&Held)) {
    set.each(&mut |held| {
        visit(held);
        true
    });
}
