//! Long work on offsets, in slices (R13): those of deleted groups and streams, and those that nobody has used for long.
//!
//! Apart because none of it is in a hurry and all of it can be large. What belongs to a deleted stream or group needs
//! no entry of its own: it follows from the deletion, nobody is shown it meanwhile, images leave it out, and
//! recovery drops it at once. Only what goes by age is recorded.
//!
//! | group | its offsets are forgotten |
//! |---|---|
//! | never had members | this long after each was committed |
//! | Empty | all, this long after the last member went |
//! | Stable | those of streams that no member reads, this long after each was committed |
//! | Stable, a subscription is opaque; between generations | never |
//!
//! An offset that was committed with a time of its own goes by that instead. An empty group with no offsets left goes
//! as well.

use super::act::Act;
use super::entry::GroupEntry;
use super::group::{Group, Groups, first_of};
use super::request::{GroupId, GroupState, Subscription};
use super::size::removals_max;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Included, Unbounded};
use millstream_types::{EngineTime, LogId};

/// Offsets (or groups) that one turn looks at: a microsecond each where every offset is of another stream.
const STEPS_PER_TURN: usize = 512;

/// How far the look for old offsets has come: everything before is done.
#[derive(Debug, Clone)]
pub(super) struct Checking {
    /// The group to go on with, or the next one after it; `None`: the first.
    group: Option<GroupId>,
    /// The last of its logs that was looked at.
    log: Option<LogId>,
}

impl Groups {
    /// Whether long work is unfinished.
    pub(super) fn is_sweeping(&self) -> bool {
        !self.trash.is_empty() || !self.forgotten.is_empty() || self.checking.is_some()
    }

    /// Drops offsets of deleted groups. Returns the steps that are left.
    fn sweep_trash(&mut self, mut steps: usize) -> usize {
        while steps > 0
            && let Some((id, offsets)) = self.trash.last_mut()
        {
            let (id, removed) = (id.clone(), offsets.pop_first());
            steps -= 1;
            match removed {
                None => drop(self.trash.pop()),
                Some((log, _)) if self.trash_has(log) => {}
                Some((log, _)) => self.forget_reader(&id, log.stream),
            }
        }
        steps
    }

    /// Whether the group that is being dropped has another offset in the same stream.
    fn trash_has(&self, log: LogId) -> bool {
        self.trash.last().is_some_and(|(_, offsets)| first_of(offsets, log.stream).is_some())
    }

    /// Drops offsets of deleted streams. Returns the steps that are left.
    fn sweep_forgotten(&mut self, mut steps: usize) -> usize {
        while steps > 0
            && let Some(stream) = self.forgotten.first().copied()
        {
            steps -= 1;
            let Some(id) = self.readers.get(&stream).and_then(|groups| groups.first()).cloned() else {
                self.forgotten.pop_first();
                continue;
            };
            let log = self.by_id.get(&id).and_then(|group| first_of(&group.offsets, stream));
            if let Some(log) = log {
                self.by_id.get_mut(&id).expect("it was just found").offsets.remove(&log);
            }
            self.forget_reader(&id, stream);
        }
        steps
    }
}

impl Act<'_> {
    /// One slice of whatever long work there is; entries of the turn together stay within `room_bytes`.
    pub(super) fn sweep(&mut self, room_bytes: usize) {
        let now = self.now();
        let steps = self.groups().sweep_trash(STEPS_PER_TURN);
        let steps = self.groups().sweep_forgotten(steps);
        let groups = self.groups();
        if groups.checking.is_none() && groups.next_check.is_some_and(|at| at <= now) {
            groups.checking = Some(Checking { group: None, log: None });
            groups.next_check = None;
        }
        self.check_ages(steps, room_bytes);
    }

    fn check_ages(&mut self, mut steps: usize, room_bytes: usize) {
        loop {
            let removals = removals_max(room_bytes.saturating_sub(self.effects.entries_bytes()));
            if steps == 0 || removals == 0 {
                return;
            }
            let Some(at) = self.groups().checking.take() else { return };
            steps -= 1;
            let from = match (&at.group, at.log) {
                (None, _) => Unbounded,
                (Some(group), None) => Excluded(group),
                (Some(group), Some(_)) => Included(group),
            };
            let next = self.shard.groups.by_id.range((from, Unbounded)).next();
            let Some((id, group)) = next else {
                // `finish` sets the time for the next look.
                continue;
            };
            let log = at.log.filter(|_| at.group.as_ref() == Some(id));
            let (old, seen, more) = old_offsets(self, group, log, steps.clamp(1, removals));
            let id = id.clone();
            steps -= seen.min(steps);
            if !old.is_empty() {
                self.record(GroupEntry::OffsetsRemoved(id.clone(), old));
            }
            if more.is_none() {
                self.remove_if_unused(&id);
            }
            self.groups().checking = Some(Checking { group: Some(id), log: more });
        }
    }

    fn remove_if_unused(&mut self, id: &GroupId) {
        let is_unused = self.group(id).is_some_and(|group| {
            group.live.state == GroupState::Empty && group.live.pending.is_empty() && group.offsets.is_empty()
        });
        if is_unused {
            self.remove_group(id);
        }
    }
}

/// Looks at up to `steps` offsets of a group after `log`: which of them are to go, how many were looked at, and
/// where to go on if that was not all.
fn old_offsets(
    act: &Act<'_>,
    group: &Group,
    log: Option<LogId>,
    steps: usize,
) -> (Vec<LogId>, usize, Option<LogId>) {
    let Some(base) = age_base(group) else { return (Vec::new(), 0, None) };
    let (now, retention_ms) = (act.now(), act.shard.groups.options.offsets_retention_ms);
    let mut rest = group.offsets.range((log.map_or(Unbounded, Excluded), Unbounded));
    let (mut old, mut seen, mut last) = (Vec::new(), 0, None);
    for (log, offset) in rest.by_ref().take(steps) {
        (seen, last) = (seen + 1, Some(*log));
        let from = base.unwrap_or(offset.committed);
        let is_old = offset.expires.map_or(now.since_ms(from) >= retention_ms, |at| at <= now);
        if is_old && !act.is_read(group, *log) {
            old.push(*log);
        }
    }
    let more = rest.next().and(last.or(log));
    (old, seen, more)
}

/// Since when the offsets of a group age: all since one moment, or each since its commit; `None`: not at all.
fn age_base(group: &Group) -> Option<Option<EngineTime>> {
    let live = &group.live;
    match live.state {
        _ if live.protocol_type.is_none() => Some(None),
        GroupState::Empty => Some(Some(live.since)),
        GroupState::Stable => {
            let is_opaque = live.members.values().any(|member| member.subscription == Subscription::Opaque);
            (!is_opaque).then_some(None)
        }
        GroupState::PreparingRebalance | GroupState::CompletingRebalance => None,
    }
}
