//! A lease group and all of them: what is folded, and what is derived from it.
//!
//! Apart because recovery folds here without anything that decides: no waits, no limits, no routes.

use super::attempts::Attempts;
use super::consumed::Consumption;
use super::dedup::DedupWindow;
use super::entry::{GroupCreated, LeaseChange, LeaseEntry};
use super::held::Held;
use super::holders::Holders;
use super::ids::{HolderId, LeaseGroupId, LeaseNumber};
use super::log::{Delivery, LeaseLog};
use super::purge::Purge;
use super::record::{NEVER, State};
use super::redrive::{self, Redrive, RedriveState};
use super::reply::GroupTotals;
use super::tail::Tail;
use super::waiters::{Place, Waiter, Waiters};
use crate::effect::Ticket;
use crate::hash::HashSeed;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::{EngineTime, LogId, Offset, StreamId, WalPosition, planted};

/// Records of one log that are swept in the step that settles them: a trim names very many logs.
const SWEPT_AT_ONCE: usize = 8;
/// Records of all its logs that are swept in the step that seeks.
const SWEPT_PER_SEEK: usize = 1024;

/// One lease group.
#[derive(Debug)]
pub(crate) struct LeaseGroup {
    /// Its name; the default group has none.
    pub(super) name: Option<Arc<str>>,
    /// One per log of its stream, as far as the group has heard of them.
    pub(super) logs: Vec<LeaseLog>,
    /// The next delivery's number.
    pub(super) next_lease: LeaseNumber,
    /// What was appended lately with a dedup id; the default group's only.
    pub(super) dedup: Option<DedupWindow>,
    /// Its newest redrives, in the order of their numbers.
    pub(super) redrives: Vec<Redrive>,
    /// A purge that did not fit into one step.
    pub(super) purge: Option<Purge>,
    /// Start of the last frame that changed the group.
    pub(super) last: WalPosition,
    /// Everything below is of this process only.
    pub(super) live: Live,
}

/// What a group forgets at a restart.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Who waits for records.
    pub(super) waiters: Waiters,
    /// Logs that may have something ready.
    pub(super) stocked: BTreeSet<u32>,
    /// The log whose turn it is.
    pub(super) turn: u32,
    /// The first timer of each log that has one, or an earlier time.
    pub(super) due: BTreeSet<(EngineTime, u32)>,
    /// When the shard's tick is to look at the group, as it stands in [`Leases::wakes`].
    pub(super) wake: Option<EngineTime>,
    /// The one holder who is served, where there is only one.
    pub(super) active: Option<HolderId>,
    /// Which frames the newest records came with, per log.
    pub(super) tails: BTreeMap<u32, Tail>,
    /// Who consumes from it.
    pub(super) holders: Holders,
    /// When somebody did something with it.
    pub(super) used: EngineTime,
    /// When it is to be seen whether it was used, as it stands in [`Leases::idle`].
    pub(super) idle_look: Option<EngineTime>,
    /// Answers that are repeated.
    pub(super) attempts: Attempts,
    /// Who waits for the end of the purge.
    pub(super) purgers: Vec<Ticket>,
    /// What has happened to its records.
    pub(super) totals: GroupTotals,
}

/// All lease groups of a shard.
#[derive(Debug)]
pub(crate) struct Leases {
    pub(super) seed: HashSeed,
    pub(super) groups: BTreeMap<LeaseGroupId, LeaseGroup>,
    /// The next named group's number.
    pub(super) next_number: u64,
    /// The same for groups in memory: of this process only.
    pub(super) next_ephemeral: u64,
    /// When the first timer of a group is due, or earlier.
    pub(super) wakes: BTreeSet<(EngineTime, LeaseGroupId)>,
    /// Groups with waits that may be served at once.
    pub(super) hungry: BTreeSet<LeaseGroupId>,
    /// Holders whose leases are being given back.
    pub(super) ending: BTreeSet<(LeaseGroupId, HolderId)>,
    /// Start of the last frame that removed a group.
    pub(super) removed_last: WalPosition,
    /// Records that are to be moved, and have not been handed to whoever moves them.
    pub(super) to_move: BTreeSet<(LeaseGroupId, u32, Offset)>,
    /// Who asked for records to move.
    pub(super) mover: Option<Ticket>,
    /// Records that were handed to them.
    pub(super) moving: BTreeSet<(LeaseGroupId, u32, Offset)>,
    /// Logs of ordered groups whose next records' keys are to be read.
    pub(super) keys_wanted: BTreeSet<(LeaseGroupId, u32)>,
    /// Who asked for such logs.
    pub(super) key_reader: Option<Ticket>,
    /// Logs whose consumed records may go.
    pub(super) consumption: Consumption,
    /// Records that could not be moved, and when they are handed out again. Some may have gone another way since.
    pub(super) move_later: BTreeSet<(EngineTime, (LeaseGroupId, u32, Offset))>,
    /// Groups that are redriven, and when they go on.
    pub(super) redriving: BTreeSet<(EngineTime, LeaseGroupId)>,
    /// Groups that are purged.
    pub(super) purging: BTreeSet<LeaseGroupId>,
    /// Answers to producers that are held back.
    pub(super) held: Held,
    /// Logs of which more is settled than was swept.
    pub(super) sweeping: BTreeSet<(LeaseGroupId, u32)>,
    /// Streams that go when nobody uses them, and when to look.
    pub(super) idle: BTreeSet<(EngineTime, LeaseGroupId)>,
    /// What deleted groups knew of their logs, dropped in slices (R13).
    pub(super) trash: Vec<LeaseLog>,
}

impl Live {
    /// The log to take from, round robin.
    pub(super) fn next_stocked(&self) -> Option<u32> {
        self.stocked.range(self.turn..).next().or_else(|| self.stocked.first()).copied()
    }

    /// The first who waits after a place; if there is a single holder, the first of its waits.
    pub(super) fn next_waiter(&self, after: Option<Place>, single_holder: bool) -> Option<(Place, Waiter)> {
        let only = self.active.filter(|_| single_holder);
        let mut waiting = self.waiters.iter(after);
        let next = waiting.find(|(_, waiter)| only.is_none_or(|holder| waiter.acquire.holder == holder));
        next.map(|(place, waiter)| (place, *waiter))
    }
}

impl LeaseGroup {
    pub(super) fn new(name: Option<Arc<str>>, logs: Vec<LeaseLog>, last: WalPosition) -> LeaseGroup {
        // Its logs may hold records already.
        let stocked = (0..).zip(&logs).map(|(index, _)| index).collect();
        let live = Live { stocked, ..Live::default() };
        let next_lease = LeaseNumber(1);
        LeaseGroup { name, logs, next_lease, dedup: None, redrives: Vec::new(), purge: None, last, live }
    }

    pub(super) fn log(&mut self, index: u32) -> &mut LeaseLog {
        let index = index as usize;
        if self.logs.len() <= index {
            self.logs.resize_with(index + 1, LeaseLog::default);
        }
        &mut self.logs[index]
    }

    pub(super) fn leased(&self) -> u64 {
        self.logs.iter().map(LeaseLog::leased).sum()
    }

    /// Notes that a log's first timer may have changed.
    pub(super) fn note_timer(&mut self, index: u32) {
        let Some(log) = self.logs.get_mut(index as usize) else { return };
        if let Some(at) = log.next_timer()
            && log.noted.is_none_or(|noted| at < noted)
        {
            if let Some(noted) = log.noted.replace(at) {
                self.live.due.remove(&(noted, index));
            }
            self.live.due.insert((at, index));
        }
    }
}

impl Leases {
    pub(crate) fn new(seed: HashSeed) -> Leases {
        Leases {
            seed,
            groups: BTreeMap::new(),
            next_number: 0,
            next_ephemeral: 0,
            wakes: BTreeSet::new(),
            hungry: BTreeSet::new(),
            ending: BTreeSet::new(),
            removed_last: WalPosition::ZERO,
            to_move: BTreeSet::new(),
            mover: None,
            moving: BTreeSet::new(),
            move_later: BTreeSet::new(),
            keys_wanted: BTreeSet::new(),
            key_reader: None,
            consumption: Consumption::default(),
            redriving: BTreeSet::new(),
            purging: BTreeSet::new(),
            held: Held::default(),
            sweeping: BTreeSet::new(),
            idle: BTreeSet::new(),
            trash: Vec::new(),
        }
    }

    pub(crate) fn group(&self, id: LeaseGroupId) -> Option<&LeaseGroup> {
        self.groups.get(&id)
    }

    /// Whether anyone leases a stream's records.
    pub(crate) fn has_groups(&self, stream: StreamId) -> bool {
        !self.groups.is_empty() && self.of_stream(stream).next().is_some()
    }

    /// The groups of a stream.
    pub(super) fn of_stream(&self, stream: StreamId) -> impl Iterator<Item = LeaseGroupId> + '_ {
        let first = LeaseGroupId::default_of(stream);
        let last = LeaseGroupId { number: u64::MAX, ..first };
        self.groups.range(first..=last).map(|(&id, _)| id)
    }

    /// Folds an entry.
    pub(crate) fn fold(&mut self, position: WalPosition, entry: LeaseEntry) {
        let LeaseEntry { group: id, change } = entry;
        if let LeaseChange::Created(created) = change {
            return self.create(position, id, *created);
        }
        self.number_taken(id);
        if change == LeaseChange::Deleted {
            self.removed_last = self.removed_last.max(position);
            return self.forget(id);
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.last = group.last.max(position);
        match change {
            LeaseChange::Created(_) | LeaseChange::Deleted => unreachable!("they were folded above"),
            LeaseChange::Acquired(acquired) => {
                let acquired = *acquired;
                let delivery = Delivery {
                    bound: acquired.bound,
                    holder: acquired.holder,
                    time: acquired.time,
                    deadline: acquired.deadline,
                };
                let mut lease = acquired.lease;
                let log = group.log(acquired.log);
                for run in acquired.runs {
                    log.deliver(run.offset, run.len, run.count, run.priority, lease, delivery);
                    lease = LeaseNumber(lease.0 + u64::from(run.len));
                }
                group.next_lease = group.next_lease.max(lease);
                if acquired.deadline != NEVER {
                    self.note_timer(id, acquired.log);
                }
            }
            LeaseChange::Settled { log: index, runs } => {
                let log = group.log(index);
                for (offset, len) in runs {
                    log.settle(offset.0..offset.0 + len);
                }
                // Others of their keys may be ready now.
                if log.window.is_some() {
                    group.live.stocked.insert(index);
                }
            }
            LeaseChange::GivenBack { log: index, until, records } => {
                let log = group.log(index);
                for (offset, count, priority) in records {
                    log.give_back(offset, count, priority, until);
                }
                group.live.stocked.insert(index);
                self.note_timer(id, index);
            }
            LeaseChange::Renewed { log: index, deadline, leases } => {
                let log = group.log(index);
                for (offset, lease) in leases {
                    log.renew(offset, lease, deadline);
                }
                self.note_timer(id, index);
            }
            LeaseChange::Moving { log: index, reason, target, records } => {
                let log = group.log(index);
                let mut next = LeaseNumber(0);
                for (offset, count, lease) in records {
                    log.begin_move(offset, count, lease, State::Moving { reason, target });
                    next = next.max(LeaseNumber(lease.0 + 1));
                    self.to_move.insert((id, index, offset));
                }
                group.live.stocked.insert(index);
                group.next_lease = group.next_lease.max(next);
            }
            LeaseChange::Sought(to) => {
                let sweeps = (SWEPT_PER_SEEK / to.len().max(1)).max(SWEPT_AT_ONCE);
                for (log, offset) in to {
                    let of = group.log(log);
                    of.seek(offset);
                    if !of.sweep(sweeps) {
                        self.sweeping.insert((id, log));
                    }
                    group.live.stocked.insert(log);
                    group.note_timer(log);
                }
                self.note_wake(id);
            }
            LeaseChange::KeysRead { log: index, to, keys } => {
                group.log(index).learn(keys.into_iter(), to);
                group.live.stocked.insert(index);
            }
            LeaseChange::Redriven(redrive) => {
                let is_new = group.redrives.last().is_none_or(|last| last.number < redrive.number);
                if is_new && redrive.state == RedriveState::Running {
                    self.redriving.insert((redrive.started, id));
                }
                redrive::fold(&mut group.redrives, redrive);
            }
            LeaseChange::Sized { log: index, from, len, bytes } => {
                let log = group.log(index);
                if from.0 + u64::from(len) > log.watermark().0 {
                    log.sizes.learn(from, len, bytes);
                }
            }
            LeaseChange::Purging(purge) => {
                match purge {
                    Some(_) => self.purging.insert(id),
                    None => self.purging.remove(&id),
                };
                group.purge = purge;
            }
            LeaseChange::Remembered(record) => {
                group.dedup.get_or_insert_with(|| DedupWindow::new(self.seed)).remember(record);
            }
            LeaseChange::Forgotten(to) => {
                group.dedup.get_or_insert_with(|| DedupWindow::new(self.seed)).forget(to);
            }
            LeaseChange::Marked { log: index, from, marks, keys } => {
                let log = group.log(index);
                // What lies behind a gap is read when its turn comes.
                if !keys.is_empty() && from <= log.keys_known_to() && log.has_key_room(keys.len()) {
                    let to = from.advance(keys.len() as u64);
                    log.learn((from.0..).map(Offset).zip(keys), to);
                }
                if from >= log.marked_to {
                    let mut offset = from;
                    for (len, mark) in marks {
                        let until = (mark.not_before > EngineTime(0)).then_some(mark.not_before);
                        for _ in 0..len {
                            log.mark(offset, mark.priority, until, mark.expires);
                            offset = offset.advance(1);
                        }
                    }
                    log.marked_to = offset;
                }
                self.note_timer(id, index);
            }
        }
    }

    /// The number of the next group of a stream that is no default group.
    pub(super) fn next_number(&self, stream: StreamId) -> u64 {
        let next = if stream.is_ephemeral() { self.next_ephemeral } else { self.next_number };
        next.max(1)
    }

    fn number_taken(&mut self, id: LeaseGroupId) {
        let next = if id.stream.is_ephemeral() { &mut self.next_ephemeral } else { &mut self.next_number };
        *next = (*next).max(id.number + 1);
    }

    fn create(&mut self, position: WalPosition, id: LeaseGroupId, created: GroupCreated) {
        self.number_taken(id);
        let logs =
            created.logs.into_iter().map(|(settled, marked_to)| LeaseLog::starting_at(settled, marked_to));
        // During recovery an image that is newer than the entry may have brought it.
        let group = self.groups.entry(id);
        group.or_insert_with(|| LeaseGroup::new(created.name, logs.collect(), position));
    }

    fn forget(&mut self, id: LeaseGroupId) {
        if let Some(group) = self.groups.remove(&id) {
            self.trash.extend(group.logs);
            if let Some(wake) = group.live.wake {
                self.wakes.remove(&(wake, id));
            }
        }
        self.hungry.remove(&id);
        self.purging.remove(&id);
        self.ending.retain(|(group, _)| *group != id);
    }

    /// A stream is gone, and its groups with it. Nobody waits in them any more: see `stream_goes`.
    pub(crate) fn forget_stream(&mut self, stream: StreamId) {
        let groups: Vec<LeaseGroupId> = self.of_stream(stream).collect();
        for id in groups {
            self.forget(id);
        }
    }

    /// A log starts later.
    pub(crate) fn log_trimmed(&mut self, log: LogId, start: Offset) {
        let groups: Vec<LeaseGroupId> = self.of_stream(log.stream).collect();
        for id in groups {
            let group = self.groups.get_mut(&id).expect("it was just found");
            let of = group.log(log.index);
            of.trim(start);
            if !of.sweep(SWEPT_AT_ONCE) {
                self.sweeping.insert((id, log.index));
            }
        }
    }

    /// Notes that a log's first timer may have changed.
    pub(super) fn note_timer(&mut self, id: LeaseGroupId, log: u32) {
        let group = self.groups.get_mut(&id).expect("the caller has found the group");
        group.note_timer(log);
        self.note_wake(id);
    }

    /// Has the tick look at a group no later than its first timer is due.
    pub(super) fn note_wake(&mut self, id: LeaseGroupId) {
        let group = self.groups.get_mut(&id).expect("the caller has found the group");
        let timers = group.live.due.first().map(|(at, _)| *at);
        let waits = group.live.waiters.first_end();
        let Some(at) = timers.into_iter().chain(waits).min() else { return };
        if group.live.wake.is_none_or(|wake| at < wake) {
            if let Some(wake) = group.live.wake.replace(at) {
                self.wakes.remove(&(wake, id));
            }
            self.wakes.insert((at, id));
        }
    }

    /// After a restart: ends what has run out, and what was bound to connections.
    pub(crate) fn resume(
        &mut self,
        now: EngineTime,
        start: impl Fn(LogId) -> Option<Offset>,
        expires_ms: impl Fn(StreamId) -> Option<u64>,
    ) {
        // Most of what recovery folded was settled later.
        self.to_move.clear();
        self.sweeping.clear();
        let ids: Vec<LeaseGroupId> = self.groups.keys().copied().collect();
        for id in ids {
            let group = self.groups.get_mut(&id).expect("it was just found");
            for (index, log) in (0..).zip(&mut group.logs) {
                log.trim(start(id.log(index)).unwrap_or_default());
                log.resume(now);
                group.live.stocked.insert(index);
                let moving =
                    log.records.iter().filter(|(_, record)| matches!(record.state, State::Moving { .. }));
                if !planted!(MovesLostAtRestart) {
                    self.to_move.extend(moving.map(|(&offset, _)| (id, index, offset)));
                }
            }
            for index in 0..u32::try_from(group.logs.len()).expect("log counts fit in 32 bits") {
                group.note_timer(index);
            }
            self.note_wake(id);
            if let Some(ms) = expires_ms(id.stream).filter(|_| id.number == 0) {
                let live = &mut self.groups.get_mut(&id).expect("it was just found").live;
                (live.used, live.idle_look) = (now, Some(now.after_ms(ms)));
                self.idle.insert((now.after_ms(ms), id));
            }
        }
        self.look_at_all(now);
        let running =
            |group: &LeaseGroup| group.redrives.iter().any(|one| one.state == RedriveState::Running);
        let redriven = self.groups.iter().filter(|(_, group)| running(group)).map(|(&id, _)| (now, id));
        self.redriving = redriven.collect();
        let purged = self.groups.iter().filter(|(_, group)| group.purge.is_some()).map(|(&id, _)| id);
        self.purging = purged.collect();
    }
}
