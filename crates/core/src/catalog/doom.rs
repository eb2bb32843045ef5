//! Streams and routes that go by themselves, a few per tick: those of namespaces that are being deleted.
//!
//! Apart because it is long work (R13) that is begun elsewhere by one entry: each goes by an entry of its own, as if
//! somebody had deleted it, and a restart goes on where the last tick was.

use crate::catalog;
use crate::effect::Effects;
use crate::entry::Entry;
use crate::route::RouteChange;
use crate::shard::{Shard, Turn};
use core::ops::Bound::{Excluded, Included};
use millstream_types::{Namespace, StreamId};

/// Streams and routes that one tick deletes.
const GONE_PER_TICK: usize = 64;
/// Logs of one tick's streams, except for the last one's: a tenth of a microsecond each.
const LOGS_PER_TICK: usize = 2_000;
/// Bytes of one entry at most.
const ENTRY_BYTES: usize = 16;

/// Bytes of entries that [`tick`] makes at most.
pub(crate) const TICK_BYTES: usize = GONE_PER_TICK * ENTRY_BYTES;

/// Deletes some.
pub(crate) fn tick(shard: &mut Shard, turn: Turn, effects: &mut Effects) {
    let mut logs = 0;
    for _ in 0..GONE_PER_TICK {
        let Some(&namespace) = shard.namespaces.going.first() else { return };
        // Routes first: nothing leads to the streams then.
        if let Some(route) = shard.routes.first_of(namespace) {
            shard.record(turn, Entry::Route(RouteChange::Deleted { route }), effects);
            continue;
        }
        let Some(stream) = first_of(shard, namespace) else {
            shard.record(turn, Entry::NamespaceGone { namespace }, effects);
            continue;
        };
        logs += shard.streams[&stream].logs.len();
        catalog::remove(shard, turn, stream, effects);
        if logs >= LOGS_PER_TICK {
            return;
        }
    }
}

/// Whether a tick has something to delete.
pub(crate) fn is_due(shard: &Shard) -> bool {
    !shard.namespaces.going.is_empty()
}

fn first_of(shard: &Shard, namespace: Namespace) -> Option<StreamId> {
    let all = (Included((namespace, StreamId(0))), Excluded((Namespace(namespace.0 + 1), StreamId(0))));
    shard.by_namespace.range(all).next().map(|(_, stream)| *stream)
}
