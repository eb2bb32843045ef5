//! From a route and a record to streams.
//!
//! Apart because sessions call this, on their own time, with what the catalog shows them (R15); the shard has no part in it.
//!
//! Routes lead to streams and to other routes. Each route is looked at once, so that circles end, and each stream gets the
//! record once. A route that takes a record nowhere hands it to its alternate, which may do the same. A binding whose stream
//! or route is gone, and only waits to be freed, counts as if it were not there.

use super::binding::Destination;
use super::entry::{HashBy, MatchKind, RouteEntry};
use super::table::{Hits, Look};
use super::value::ValueRef;
use crate::catalog::StreamEntry;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::key::ordering_key;
use millstream_types::limits::APPEND_TARGETS_MAX;
use millstream_types::{ErrorKind, Namespace, RouteId, StreamId};

/// What of the catalog a search asks.
pub trait Lookup {
    /// The route of a name.
    fn route(&self, namespace: Namespace, name: &str) -> Option<Arc<RouteEntry>>;
    /// The route of an id.
    fn route_by_id(&self, route: RouteId) -> Option<Arc<RouteEntry>>;
    /// The stream of an id.
    fn stream_by_id(&self, stream: StreamId) -> Option<Arc<StreamEntry>>;
}

/// A record's headers, as its front has them. Names that come twice: the first one counts.
pub trait Headers {
    /// A header's value.
    fn get(&self, name: &str) -> Option<ValueRef<'_>>;
    /// Calls for each header.
    fn each(&self, visit: &mut dyn FnMut(&str, ValueRef<'_>));
    /// What a route hashes by a property of that name.
    fn property(&self, name: &str) -> Option<&[u8]>;
}

/// A record without headers.
#[derive(Debug, Clone, Copy)]
pub struct NoHeaders;

impl Headers for NoHeaders {
    fn get(&self, _: &str) -> Option<ValueRef<'_>> {
        None
    }
    fn each(&self, _: &mut dyn FnMut(&str, ValueRef<'_>)) {}
    fn property(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

/// What routes look at of a record.
#[derive(Clone, Copy)]
pub struct RoutedRecord<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Any number, another one for each record: for routes that choose by chance.
    pub random: u64,
}

/// Where a record goes.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Streams, each once, in the order of their ids. Nowhere, if there is none.
    pub streams: Vec<Arc<StreamEntry>>,
}

/// Finds where a record goes from a route.
///
/// # Errors
/// `LimitExceeded` when these are more than 16,384 streams, or finding them takes more than a million steps: more patterns
/// fit than a broker should try for one record.
pub fn resolve(
    lookup: &dyn Lookup,
    route: &Arc<RouteEntry>,
    record: &RoutedRecord<'_>,
) -> Result<Targets, ErrorKind> {
    Search::new(lookup, record).run(route)
}

fn tidy(streams: &mut Vec<Arc<StreamEntry>>) -> Result<(), ErrorKind> {
    streams.sort_unstable_by_key(|stream| stream.id);
    streams.dedup_by_key(|stream| stream.id);
    if streams.len() > APPEND_TARGETS_MAX { Err(ErrorKind::LimitExceeded) } else { Ok(()) }
}

/// One search.
pub(super) struct Search<'a> {
    lookup: &'a dyn Lookup,
    record: &'a RoutedRecord<'a>,
    hits: Hits,
    streams: Vec<Arc<StreamEntry>>,
    /// Routes that were looked at, or will be. Empty while there is only the first.
    seen: BTreeSet<RouteId>,
    /// Routes that were looked at, with their versions.
    looked_at: Vec<(RouteId, u64)>,
    /// The same key may lead elsewhere though all these are as they were.
    is_fleeting: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(lookup: &'a dyn Lookup, record: &'a RoutedRecord<'a>) -> Search<'a> {
        Search {
            lookup,
            record,
            hits: Hits::new(),
            streams: Vec::new(),
            seen: BTreeSet::new(),
            looked_at: Vec::new(),
            is_fleeting: false,
        }
    }

    pub(super) fn run(&mut self, route: &Arc<RouteEntry>) -> Result<Targets, ErrorKind> {
        let mut left = alloc::vec![route.clone()];
        while let Some(route) = left.pop() {
            self.look_at(&route, &mut left)?;
        }
        let mut streams = core::mem::take(&mut self.streams);
        tidy(&mut streams)?;
        Ok(Targets { streams })
    }

    /// The routes that the result follows from, together with the key; `None` if it follows from more. Streams that are gone
    /// do not count here: what was found before and is there no more is noticed, and nothing that was gone comes back.
    pub(super) fn hangs_on(self) -> Option<Vec<(RouteId, u64)>> {
        (!self.is_fleeting).then_some(self.looked_at)
    }

    /// Finds what one route leads to; routes are left to be looked at.
    fn look_at(&mut self, route: &RouteEntry, left: &mut Vec<Arc<RouteEntry>>) -> Result<(), ErrorKind> {
        self.hits.step()?;
        self.looked_at.push((route.id, route.version));
        let record = self.record;
        self.is_fleeting |= match &route.config.match_kind {
            MatchKind::Exact | MatchKind::Pattern | MatchKind::Everything => false,
            MatchKind::Headers => true,
            MatchKind::Hash { by, .. } => *by != HashBy::Key,
        };
        let look = match &route.config.match_kind {
            MatchKind::Exact | MatchKind::Pattern => Look::Key(record.key),
            MatchKind::Headers => Look::Headers(record.headers),
            MatchKind::Everything => Look::Nothing,
            MatchKind::Hash { by, .. } => Look::Hash(hash(record, by)),
        };
        route.table.find(&look, &mut self.hits)?;
        let mut is_nowhere = true;
        for destination in self.hits.take() {
            match destination {
                Destination::Stream(stream) => {
                    let found = self.lookup.stream_by_id(stream);
                    is_nowhere &= found.is_none();
                    self.streams.extend(found);
                }
                Destination::Route(next) => {
                    let found = self.lookup.route_by_id(next);
                    is_nowhere &= found.is_none();
                    self.leave(route, found, left);
                }
            }
        }
        if self.streams.len() > 2 * APPEND_TARGETS_MAX {
            tidy(&mut self.streams)?;
        }
        if is_nowhere && let Some(name) = &route.config.alternate {
            let alternate = self.lookup.route(route.namespace, name);
            // One may come to be, without this route being another one for it.
            self.is_fleeting |= alternate.is_none();
            self.leave(route, alternate, left);
        }
        Ok(())
    }

    fn leave(&mut self, from: &RouteEntry, to: Option<Arc<RouteEntry>>, left: &mut Vec<Arc<RouteEntry>>) {
        let Some(to) = to else { return };
        self.seen.insert(from.id);
        if self.seen.insert(to.id) {
            left.push(to);
        }
    }
}

fn hash(record: &RoutedRecord<'_>, by: &HashBy) -> u64 {
    match by {
        HashBy::Key => ordering_key(record.key),
        HashBy::Random => record.random,
        HashBy::Property(name) => ordering_key(record.headers.property(name).unwrap_or_default()),
        HashBy::Header(name) => match record.headers.get(name) {
            Some(ValueRef::Text(bytes) | ValueRef::Other { bytes, .. }) => ordering_key(bytes),
            Some(ValueRef::Int(number) | ValueRef::Time(number)) => ordering_key(&number.to_le_bytes()),
            Some(ValueRef::Float(number)) => ordering_key(&number.to_bits().to_le_bytes()),
            Some(ValueRef::Bool(value)) => ordering_key(&[u8::from(value)]),
            Some(ValueRef::Void) | None => ordering_key(&[]),
        },
    }
}
