//! One group and all of them: what is durable, beside the live membership.
//!
//! Apart because the line between the two is drawn here: `roster` and `offsets` change by entries only (R1), `live` is
//! a conversation that recovery starts again from the roster.

use super::image::PartialRoster;
use super::live::Live;
use super::options::GroupOptions;
use super::reply::CommittedOffset;
use super::request::{GroupId, GroupState};
use super::roster::Roster;
use super::sweep::Checking;
use super::timers::Timers;
use crate::catalog::Stream;
use crate::hash::KeyedMap;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use millstream_types::{EngineTime, LogId, Offset, StreamId, WalPosition};

/// A group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The last one that was recorded; none for a group that has only ever kept offsets.
    pub(super) roster: Option<Box<Roster>>,
    /// Offsets of deleted streams may still be among them, for a while; nobody is shown those.
    pub(super) offsets: BTreeMap<LogId, CommittedOffset>,
    /// Start of the last frame that changed it.
    pub(super) last: WalPosition,
    /// Whether any entry in a frame is about it: otherwise a restart forgets that it ever was.
    pub(super) durable: bool,
    /// Its members now.
    pub(super) live: Live,
}

impl Group {
    pub(super) fn touch(&mut self, position: WalPosition) {
        self.last = self.last.max(position);
        // What is only in memory is of no frame.
        self.durable |= position > WalPosition::ZERO;
    }
}

/// All groups of a shard.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(super) options: GroupOptions,
    pub(super) by_id: BTreeMap<GroupId, Group>,
    pub(super) timers: Timers,
    /// Which groups may have offsets in a stream: every one that has is among them.
    pub(super) readers: BTreeMap<StreamId, BTreeSet<GroupId>>,
    /// Deleted streams that still have readers; dropped in slices (R13).
    pub(super) forgotten: BTreeSet<StreamId>,
    /// Offsets of deleted groups, dropped in slices.
    pub(super) trash: Vec<(GroupId, BTreeMap<LogId, CommittedOffset>)>,
    /// When to look for offsets that may be forgotten; `None` while there is no group.
    pub(super) next_check: Option<EngineTime>,
    /// How far that look has come.
    pub(super) checking: Option<Checking>,
    /// Start of the last frame that deleted a group: whoever is told that there is none waits for it (R10).
    pub(super) removed_last: WalPosition,
    /// While images are read: the roster whose parts are coming in.
    pub(super) partial: Option<PartialRoster>,
}

impl Groups {
    pub(crate) fn new(options: GroupOptions) -> Groups {
        Groups {
            options,
            by_id: BTreeMap::new(),
            timers: Timers::default(),
            readers: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            trash: Vec::new(),
            next_check: None,
            checking: None,
            removed_last: WalPosition::ZERO,
            partial: None,
        }
    }

    /// When [`tick`](super::tick) has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<EngineTime> {
        if self.is_sweeping() {
            return Some(EngineTime(i64::MIN));
        }
        [self.timers.first(), self.next_check].into_iter().flatten().min()
    }

    /// The lowest offset of a log that any group has committed since; `None` if none has.
    pub(crate) fn committed_since(&self, log: LogId, since: EngineTime) -> Option<Offset> {
        let readers =
            self.readers.get(&log.stream)?.iter().filter_map(|id| self.by_id.get(id)?.offsets.get(&log));
        readers.filter(|committed| committed.committed >= since).map(|committed| committed.offset).min()
    }

    /// Whether any group may have an offset in a stream.
    pub(crate) fn has_readers(&self, stream: StreamId) -> bool {
        self.readers.contains_key(&stream)
    }

    /// A stream is gone: its offsets will go in slices, and nobody sees them from now on.
    pub(crate) fn forget_stream(&mut self, stream: StreamId) {
        if self.readers.contains_key(&stream) {
            self.forgotten.insert(stream);
        }
    }

    /// Takes a group out of a stream's readers if it has no offset there any more.
    pub(super) fn forget_reader(&mut self, id: &GroupId, stream: StreamId) {
        let reads = self.by_id.get(id).is_some_and(|group| first_of(&group.offsets, stream).is_some());
        if !reads && let Some(groups) = self.readers.get_mut(&stream) {
            groups.remove(id);
            if groups.is_empty() {
                self.readers.remove(&stream);
            }
        }
    }

    /// After recovery: drops what belongs to streams that are gone, and starts the conversation with members afresh.
    pub(crate) fn resume(&mut self, now: EngineTime, streams: &KeyedMap<StreamId, Stream>) {
        self.trash.clear();
        self.forgotten.clear();
        self.readers.clear();
        self.partial = None;
        for (id, group) in &mut self.by_id {
            group.offsets.retain(|log, _| streams.contains_key(&log.stream));
            for log in group.offsets.keys() {
                let readers = self.readers.entry(log.stream).or_default();
                if !readers.contains(id) {
                    readers.insert(id.clone());
                }
            }
            if let Some(roster) = &group.roster {
                group.live = Live::resume(id, roster, now, &mut self.timers);
                if group.live.members.len() > self.options.members_max
                    && group.live.state != GroupState::Empty
                {
                    group.live.ask_to_rejoin(id, now, &mut self.timers);
                }
            }
        }
        if !self.by_id.is_empty() {
            self.next_check = Some(now.after_ms(self.options.offsets_check_interval_ms));
        }
    }
}

/// The first log of a stream that has an offset.
pub(super) fn first_of(offsets: &BTreeMap<LogId, CommittedOffset>, stream: StreamId) -> Option<LogId> {
    let all = LogId { stream, index: 0 }..=LogId { stream, index: u32::MAX };
    offsets.range(all).next().map(|(log, _)| *log)
}
