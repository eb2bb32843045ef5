//! Results that a session keeps, so that the next record of the same key costs one look-up.
//!
//! Apart because it may forget anything at any time: it is held by a session, bounded by a number of places, and what it
//! holds counts only while every route that was looked at for it is still the same one. Only what follows from a key and the tables
//! is kept, of patterns that lead to few streams; for other routes a search costs no more than a look here.

use super::entry::{MatchKind, RouteEntry};
use super::resolve::{Lookup, RoutedRecord, Search, Targets, resolve};
use crate::hash::HashSeed;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};
use millstream_types::{ErrorKind, RouteId, StreamId};

/// Targets of a result that is kept, at most.
const TARGETS_KEPT_MAX: usize = 32;
/// Routes that a result that is kept may hang on.
const ROUTES_KEPT_MAX: usize = 8;

/// See the module's documentation.
#[derive(Debug)]
pub struct Resolver {
    seed: HashSeed,
    /// How many places there are once the first result is kept: a power of two.
    places: usize,
    /// A result stands at the place of its key's hash, or nowhere.
    kept: Vec<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    key: Box<[u8]>,
    /// The first route, and all others that were looked at, with their versions.
    routes: Vec<(RouteId, u64)>,
    streams: Vec<StreamId>,
}

impl Resolver {
    /// A resolver that keeps results of up to so many keys, some 200 bytes each and 1 KiB at most.
    #[must_use]
    pub fn new(seed: HashSeed, keys: usize) -> Resolver {
        Resolver { seed, places: keys.next_power_of_two(), kept: Vec::new() }
    }

    /// Finds where a record goes: as [`resolve`] does.
    ///
    /// # Errors
    /// As [`resolve`].
    pub fn resolve(
        &mut self,
        lookup: &dyn Lookup,
        route: &Arc<RouteEntry>,
        record: &RoutedRecord<'_>,
    ) -> Result<Targets, ErrorKind> {
        if route.config.match_kind != MatchKind::Pattern {
            return resolve(lookup, route, record);
        }
        let mut hasher = self.seed.build_hasher();
        hasher.write_u64(route.id.0);
        hasher.write(record.key);
        let place = usize::try_from(hasher.finish() & (self.places as u64 - 1)).expect("less than there are");
        let kept = self.kept.get(place).and_then(Option::as_ref);
        if let Some(targets) = kept.and_then(|kept| kept.targets(lookup, route, record.key)) {
            return Ok(targets);
        }
        let mut search = Search::new(lookup, record);
        let targets = search.run(route)?;
        if let Some(routes) = search.hangs_on()
            && targets.streams.len() <= TARGETS_KEPT_MAX
            && routes.len() <= ROUTES_KEPT_MAX
        {
            self.kept.resize_with(self.places, || None);
            let streams = targets.streams.iter().map(|stream| stream.id).collect();
            self.kept[place] = Some(Kept { key: record.key.into(), routes, streams });
        }
        Ok(targets)
    }
}

impl Kept {
    /// What was found, if it would be found again.
    fn targets(&self, lookup: &dyn Lookup, route: &RouteEntry, key: &[u8]) -> Option<Targets> {
        let (first, others) = self.routes.split_first()?;
        if *first != (route.id, route.version) || *self.key != *key {
            return None;
        }
        let is_same = |(id, version): &(RouteId, u64)| {
            lookup.route_by_id(*id).is_some_and(|other| other.version == *version)
        };
        if !others.iter().all(is_same) {
            return None;
        }
        let streams = self.streams.iter().map(|stream| lookup.stream_by_id(*stream));
        streams.collect::<Option<Vec<_>>>().map(|streams| Targets { streams })
    }
}
