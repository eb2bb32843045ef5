//! Streams and routes that go by themselves, a few per tick: those of namespaces that are being deleted, and streams that do
//! not outlive a process.
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
        if let Some(&stream) = shard.doomed.first() {
            logs += shard.streams[&stream].logs.len();
            catalog::remove(shard, turn, stream, effects);
            if logs >= LOGS_PER_TICK {
                return;
            }
            continue;
        }
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

/// After a restart: nobody finds the streams any more that do not outlive a process, and their names are free.
pub(crate) fn resume(shard: &mut Shard) {
    let goes = |id: &StreamId| shard.streams[id].entry.config.deleted_at_start();
    shard.doomed = shard.stream_order.iter().copied().filter(goes).collect();
    for id in &shard.doomed {
        let entry = &shard.streams[id].entry;
        let name = (entry.namespace, entry.name.clone());
        if shard.names.get(&name) == Some(id) {
            shard.names.remove(&name);
        }
    }
}

/// Whether a tick has something to delete.
pub(crate) fn is_due(shard: &Shard) -> bool {
    !shard.namespaces.going.is_empty() || !shard.doomed.is_empty()
}

fn first_of(shard: &Shard, namespace: Namespace) -> Option<StreamId> {
    let all = (Included((namespace, StreamId(0))), Excluded((Namespace(namespace.0 + 1), StreamId(0))));
    shard.by_namespace.range(all).next().map(|(_, stream)| *stream)
}
