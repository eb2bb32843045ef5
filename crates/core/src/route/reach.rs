//! Where a route may lead, whatever records will say.
//!
//! Apart because settings are asked about before there is a record: whose dead letters come to a stream, say. What only a
//! record decides counts as if it had decided so: every binding that asks for headers, that hashes, or that has any key where
//! the key is not known, and the alternate of every route.

use super::binding::Destination;
use super::entry::{MatchKind, RouteEntry};
use super::resolve::Lookup;
use super::table::{Hits, Look};
use crate::catalog::StreamEntry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::APPEND_TARGETS_MAX;
use millstream_types::{ErrorKind, RouteId, StreamId};

/// The streams that a record may come to from a route, each once, in the order of their ids; of records with this key, if it
/// is known. A binding to what is gone counts as if it were not there.
///
/// # Errors
/// `LimitExceeded` when these are more than 16,384 streams, or finding them takes more than a million steps: a record that
/// went everywhere would be refused as well.
pub fn reach(
    lookup: &dyn Lookup,
    route: &Arc<RouteEntry>,
    key: Option<&[u8]>,
) -> Result<Vec<Arc<StreamEntry>>, ErrorKind> {
    let mut hits = Hits::new();
    let mut streams: BTreeMap<StreamId, Arc<StreamEntry>> = BTreeMap::new();
    let mut seen: BTreeSet<RouteId> = BTreeSet::from([route.id]);
    let mut left = alloc::vec![route.clone()];
    while let Some(route) = left.pop() {
        hits.step()?;
        let mut next = Vec::new();
        for destination in destinations(&route, key, &mut hits)? {
            match destination {
                Destination::Stream(id) => streams.extend(lookup.stream_by_id(id).map(|entry| (id, entry))),
                Destination::Route(id) => next.extend(lookup.route_by_id(id)),
            }
        }
        if streams.len() > APPEND_TARGETS_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let alternate = route.config.alternate.as_ref();
        next.extend(alternate.and_then(|name| lookup.route(route.namespace, name)));
        left.extend(next.into_iter().filter(|route| seen.insert(route.id)));
    }
    Ok(streams.into_values().collect())
}

/// Where one route may lead.
fn destinations(
    route: &RouteEntry,
    key: Option<&[u8]>,
    hits: &mut Hits,
) -> Result<Vec<Destination>, ErrorKind> {
    let look = match (&route.config.match_kind, key) {
        (MatchKind::Exact | MatchKind::Pattern, Some(key)) => Look::Key(key),
        (MatchKind::Everything, _) => Look::Nothing,
        (MatchKind::Exact | MatchKind::Pattern | MatchKind::Headers | MatchKind::Hash { .. }, _) => {
            let bindings = route.bindings();
            for _ in &bindings {
                hits.step()?;
            }
            return Ok(bindings.iter().map(|binding| binding.destination).collect());
        }
    };
    route.table.find(&look, hits)?;
    Ok(hits.take())
}
