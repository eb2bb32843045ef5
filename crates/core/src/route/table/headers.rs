//! Bindings by the headers that they ask for.
//!
//! Apart because a record is looked up by each of its headers, instead of each binding being held against it. A binding that
//! asks for one of several headers stands under each of them; one that asks for all stands under one, the one that fewest
//! others stand under at that moment; one that asks for nothing always matches. What is found is held against the record, since
//! hashes prove nothing.

use super::hits::Hits;
use super::{Held, Set, each};
use crate::hash::HashSeed;
use crate::route::binding::{Binding, Condition, Criteria};
use crate::route::radix::{Radix, spread};
use crate::route::resolve::Headers;
use crate::route::value::ValueRef;
use core::hash::{BuildHasher, Hash, Hasher};
use millstream_types::ErrorKind;

#[derive(Debug, Clone, Default)]
pub(super) struct HeaderIndex {
    /// By a hash of a name with a value, or of a name alone.
    places: Radix<Set>,
    /// Those that ask for nothing.
    always: Set,
    /// Those that can never match: one of no headers.
    never: Set,
}

fn place(seed: HashSeed, name: &str, value: Option<ValueRef<'_>>) -> u64 {
    let mut hasher = seed.build_hasher();
    name.hash(&mut hasher);
    match value {
        None => hasher.write_u8(u8::MAX),
        Some(value) => value.hash_into(&mut hasher),
    }
    hasher.finish()
}

/// What a binding of such a route asks for.
fn criteria(binding: &Binding) -> &Criteria {
    match &binding.condition {
        Condition::Headers(criteria) => criteria,
        Condition::Key | Condition::Weight(_) => unreachable!("conditions are checked when bound"),
    }
}

/// The places where a binding may stand.
fn places(seed: HashSeed, criteria: &Criteria) -> impl Iterator<Item = u64> {
    criteria.counted().map(move |(name, value)| place(seed, name, value.map(|value| value.as_ref())))
}

impl Criteria {
    /// Whether a record has what is asked for.
    fn fits(&self, headers: &dyn Headers) -> bool {
        let has = |(name, wanted): (&str, Option<&super::super::value::Value>)| {
            let found = headers.get(name);
            match wanted {
                None => found.is_some(),
                Some(wanted) => found.is_some_and(|found| found.is_equal(wanted.as_ref())),
            }
        };
        if self.any { self.counted().any(has) } else { self.counted().all(has) }
    }
}

impl HeaderIndex {
    pub(super) fn bind(&mut self, seed: HashSeed, held: Held) {
        let binding = held.binding.clone();
        let criteria = criteria(&binding);
        let number = spread(held.number);
        if criteria.counted().next().is_none() {
            let set = if criteria.any { &mut self.never } else { &mut self.always };
            set.insert(number, held);
        } else if criteria.any {
            for place in places(seed, criteria) {
                self.put(place, number, held.clone());
            }
        } else {
            let crowd = |place: &u64| self.places.get(*place).map_or(0, Set::len);
            let place = places(seed, criteria).min_by_key(crowd).expect("it asks for something");
            self.put(place, number, held);
        }
    }

    fn put(&mut self, place: u64, number: u64, held: Held) {
        match self.places.get_mut(place) {
            None => {
                let mut set = Set::default();
                set.insert(number, held);
                self.places.insert(place, set);
            }
            // Asked for twice, it stands there once.
            Some(set) if set.get(number).is_some() => {}
            Some(set) => set.insert(number, held),
        }
    }

    pub(super) fn unbind(&mut self, seed: HashSeed, number: u64, binding: &Binding) {
        let number = spread(number);
        for place in places(seed, criteria(binding)) {
            let is_there = self.places.get(place).is_some_and(|set| set.get(number).is_some());
            if is_there && let Some(set) = self.places.get_mut(place) {
                set.remove(number);
                if set.is_empty() {
                    self.places.remove(place);
                }
            }
        }
        self.always.remove(number);
        self.never.remove(number);
    }

    pub(super) fn find(
        &self,
        seed: HashSeed,
        headers: &dyn Headers,
        hits: &mut Hits,
    ) -> Result<(), ErrorKind> {
        hits.all(&self.always)?;
        let mut result = Ok(());
        headers.each(&mut |name, value| {
            for place in [place(seed, name, Some(value)), place(seed, name, None)] {
                if result.is_ok() {
                    result = self.try_place(place, headers, hits);
                }
            }
        });
        result
    }

    fn try_place(&self, place: u64, headers: &dyn Headers, hits: &mut Hits) -> Result<(), ErrorKind> {
        hits.step()?;
        let Some(set) = self.places.get(place) else { return Ok(()) };
        let mut result = Ok(());
        set.each(&mut |held| {
            // Looking is what costs, whether it fits or not.
            let fits = criteria(&held.binding).fits(headers);
            result = if fits { hits.one(held) } else { hits.step() };
            result.is_ok()
        });
        result
    }

    pub(super) fn each(&self, visit: &mut impl FnMut(&Held)) {
        self.places.each(&mut |set| {
            each(set, visit);
            true
        });
        each(&self.always, visit);
        each(&self.never, visit);
    }
}
