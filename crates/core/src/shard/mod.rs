//! The shard: one deterministic state machine that owns logs, cursors and the catalog.
//!
//! Apart because it is the one mutator (R1): [`Shard::apply`] decides and folds, [`Restore`] folds what an earlier
//! process decided, [`Shard::tick`] does what has become due, [`Shard::images`] writes what a checkpoint needs.
//! Whoever runs it gives it the time and the position of the frame that the turn would make.

mod apply;
mod fold;
mod image;
mod restore;

pub use image::ImageKey;
pub use restore::{Restore, RestoreError};

use crate::catalog::{NamespaceEntry, Namespaces, Stream, StreamEntry};
use crate::cursor::{GroupOptions, Groups};
use crate::effect::{CatalogChange, CatalogEffect, Effects};
use crate::entry::Entry;
use crate::hash::{HashSeed, KeyedMap};
use crate::lease::Leases;
use crate::log::LogState;
use crate::object::Objects;
use crate::route::{RouteEntry, Routes};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{ENTRIES_PER_APPLY_MAX, EPHEMERAL_BYTES_DEFAULT};
use millstream_types::{
    EngineTime, Incarnation, LogId, Namespace, ObjectEntry, ObjectNumber, Offset, ProducerId, StreamId,
    WalPosition, planted,
};

/// The arguments of one turn that are the same for everything in it.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Engine time of the turn.
    pub now: EngineTime,
    /// Where the frame of this turn will start, if it makes one.
    pub position: WalPosition,
}

/// What an operator can set about a shard. Two starts may use different options on the same data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardOptions {
    /// Cursor groups.
    pub groups: GroupOptions,
    /// Bytes that all ephemeral logs together may hold, each batch counted with [`EPHEMERAL_BATCH_COST_BYTES`](millstream_types::limits::EPHEMERAL_BATCH_COST_BYTES) beside its own.
    pub ephemeral_bytes_max: u64,
}

impl Default for ShardOptions {
    fn default() -> ShardOptions {
        ShardOptions { groups: GroupOptions::default(), ephemeral_bytes_max: EPHEMERAL_BYTES_DEFAULT }
    }
}

/// Numbers that are handed out once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) next_stream: StreamId,
    pub(crate) next_producer: ProducerId,
    pub(crate) next_object: ObjectNumber,
    pub(crate) last: WalPosition,
    /// The next stream in memory: of this start only.
    pub(crate) next_ephemeral: StreamId,
}

/// The state machine. See the module's documentation.
#[derive(Debug)]
pub struct Shard {
    pub(crate) counters: Counters,
    pub(crate) streams: KeyedMap<StreamId, Stream>,
    /// The streams' ids in order: maps have none (R1).
    pub(crate) stream_order: BTreeSet<StreamId>,
    pub(crate) names: KeyedMap<(Namespace, Arc<str>), StreamId>,
    pub(crate) by_namespace: BTreeSet<(Namespace, StreamId)>,
    pub(crate) namespaces: Namespaces,
    /// Streams of an earlier process that did not outlive it, and are deleted a few per turn (R13).
    pub(crate) doomed: BTreeSet<StreamId>,
    /// Logs of all streams together, bounded by `LOGS_MAX`.
    pub(crate) log_count: u32,
    /// Start of the last frame that changed the catalog.
    pub(crate) catalog_last: WalPosition,
    pub(crate) groups: Groups,
    pub(crate) leases: Leases,
    pub(crate) routes: Routes,
    pub(crate) objects: Objects,
    /// Logs of deleted streams, dropped a few per turn (R13).
    pub(crate) trash: Vec<LogState>,
    /// Logs in memory that hold more than a turn may let go of before their start (R13).
    pub(crate) overhanging: BTreeSet<LogId>,
    /// What ephemeral logs hold, and may hold.
    pub(crate) ephemeral_bytes: u64,
    pub(crate) ephemeral_bytes_max: u64,
}

impl Shard {
    /// A shard of an empty directory.
    #[must_use]
    pub fn new(seed: HashSeed, options: ShardOptions) -> Shard {
        Shard {
            counters: Counters {
                next_stream: StreamId(1),
                next_producer: ProducerId(1),
                next_object: ObjectNumber(1),
                last: WalPosition::ZERO,
                next_ephemeral: StreamId::first_ephemeral(Incarnation(0)),
            },
            streams: KeyedMap::with_hasher(seed),
            stream_order: BTreeSet::new(),
            names: KeyedMap::with_hasher(seed),
            by_namespace: BTreeSet::new(),
            namespaces: Namespaces::new(seed),
            doomed: BTreeSet::new(),
            log_count: 0,
            catalog_last: WalPosition::ZERO,
            groups: Groups::new(options.groups),
            leases: Leases::new(seed),
            routes: Routes::new(seed),
            objects: Objects::default(),
            trash: Vec::new(),
            overhanging: BTreeSet::new(),
            ephemeral_bytes: 0,
            ephemeral_bytes_max: options.ephemeral_bytes_max,
        }
    }

    /// Says which start this is: what is in memory only gets ids that no other start gives. Called before the first request.
    pub fn begin(&mut self, start: Incarnation) {
        self.counters.next_ephemeral = StreamId::first_ephemeral(start);
        self.routes.begin(start);
    }

    /// Bytes that ephemeral logs hold, counted as [`ShardOptions::ephemeral_bytes_max`] counts them.
    #[must_use]
    pub fn ephemeral_bytes(&self) -> u64 {
        self.ephemeral_bytes
    }

    /// Bytes that they may hold.
    #[must_use]
    pub fn ephemeral_bytes_max(&self) -> u64 {
        self.ephemeral_bytes_max
    }

    /// Whether a stream is only there to be deleted: it did not outlive the last process, and nobody is to find it.
    #[must_use]
    pub fn is_doomed(&self, stream: StreamId) -> bool {
        self.doomed.contains(&stream)
    }

    /// Every stream's entry, in the order of their ids.
    pub fn stream_entries(&self) -> impl Iterator<Item = &Arc<StreamEntry>> {
        self.stream_order.iter().map(|id| &self.streams[id].entry)
    }

    /// Every route's entry, in the order of their ids.
    pub fn route_entries(&self) -> impl Iterator<Item = &Arc<RouteEntry>> {
        self.routes.entries()
    }

    /// Every namespace that can be found, in the order of their numbers.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<NamespaceEntry>> {
        self.namespaces.open()
    }

    /// A log's first offset and the offset that its next record gets; `None` if there is no such log.
    #[must_use]
    pub fn log_bounds(&self, log: LogId) -> Option<(Offset, Offset)> {
        self.log(log).map(|state| (state.start, state.end))
    }

    /// The manifest: every packed object that exists, in ascending order of the numbers. Later ones supersede earlier
    /// ones where their parts overlap.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectEntry> {
        self.objects.from(ObjectNumber(0))
    }

    /// Whether records need an object. What a trim or a deletion has just made unneeded may still count as needed.
    #[must_use]
    pub fn is_object_live(&self, object: ObjectNumber) -> bool {
        self.objects.is_live(object)
    }

    /// The object that answers for an offset of a log; `None` when no object does.
    #[must_use]
    pub fn object_at(&self, log: LogId, offset: Offset) -> Option<ObjectNumber> {
        self.log(log).filter(|state| (state.start..state.end).contains(&offset))?;
        self.objects.at(log, offset)
    }

    /// The smallest number that the next object to be committed may have.
    #[must_use]
    pub fn next_object(&self) -> ObjectNumber {
        self.counters.next_object
    }

    pub(crate) fn log(&self, log: LogId) -> Option<&LogState> {
        self.streams.get(&log.stream)?.logs.get(log.index as usize)
    }

    pub(crate) fn log_mut(&mut self, log: LogId) -> Option<&mut LogState> {
        self.streams.get_mut(&log.stream)?.logs.get_mut(log.index as usize)
    }

    /// Makes an entry true: into the frame, into the state, and out to the read side. The only way that a decision
    /// changes anything durable.
    ///
    /// What is about something in memory only is folded like everything else, but not written: as of no frame, so that what
    /// waits for it waits for nothing.
    pub(crate) fn record(&mut self, turn: Turn, entry: Entry, effects: &mut Effects) {
        assert!(effects.entry_count < ENTRIES_PER_APPLY_MAX, "a turn makes a bounded number of entries");
        let is_ephemeral = entry.is_ephemeral() && !planted!(EphemeralWritten);
        let written = effects.entries.len();
        entry.put(&mut crate::codec::Encoder(&mut effects.entries));
        if is_ephemeral {
            effects.unwritten_bytes += effects.entries.len() - written;
            effects.entries.truncate(written);
        }
        effects.entry_count += 1;
        let after = if is_ephemeral { self.catalog_after() } else { turn.position };
        self.publish(&entry, after, effects);
        let route = if let Entry::Route(change) = &entry { Some(change.route()) } else { None };
        self.fold(if is_ephemeral { WalPosition::ZERO } else { turn.position }, entry);
        // What is published of a route is its table, which the fold makes.
        let changed = route.and_then(|route| self.routes.entry(route).cloned());
        let changed = changed.map(|entry| CatalogEffect { change: CatalogChange::PutRoute(entry), after });
        effects.catalog.extend(changed);
    }

    /// The last frame that changed the catalog: what is in memory only is seen no sooner, since it may follow from what that
    /// frame says (a name that came free, a binding before this one).
    pub(crate) fn catalog_after(&self) -> WalPosition {
        self.catalog_last.max(self.routes.last())
    }
}
