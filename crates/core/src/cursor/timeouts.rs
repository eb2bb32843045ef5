//! What happens when a timer is due.
//!
//! Apart because nobody asked: no ticket is answered here but those of members that time has run out for.

use super::act::Act;
use super::request::{GroupId, GroupState};
use super::timers::Timer;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::ErrorKind;
use millstream_types::limits::ENTRIES_PER_APPLY_MAX;

/// Timers of one turn at most: a few hundred microseconds of small groups.
const TIMERS_PER_TURN: usize = 256;
/// A turn that has made this many replies leaves the rest to the next one.
const REPLIES_PER_TURN: usize = 1024;

impl Act<'_> {
    /// Does what has become due, up to the bounds of one turn (R13). What does not fit `room_bytes` stays due.
    pub(super) fn fire_timers(&mut self, room_bytes: usize) {
        for _ in 0..TIMERS_PER_TURN {
            let (now, groups) = (self.now(), &self.shard.groups);
            let Some(next) = groups.timers.due(now) else { return };
            let needed = self.effects.entries.len() + groups.roster_entry_bytes_max(next.group());
            let is_full = self.effects.entry_count >= ENTRIES_PER_APPLY_MAX / 4
                || needed > room_bytes
                || self.effects.replies.len() >= REPLIES_PER_TURN;
            if is_full {
                return;
            }
            let timer = self.groups().timers.pop(now).expect("it was just looked at");
            self.fire(timer);
        }
    }

    fn fire(&mut self, timer: Timer) {
        let (id, now) = (timer.group().clone(), self.now());
        let (live, timers) = self.change(&id);
        match timer {
            Timer::Join(_) => {
                if timers.is_due(&mut live.join_alarm, now, timer) {
                    self.on_join_due(&id);
                }
            }
            Timer::Sync(_) => {
                if timers.is_due(&mut live.sync_alarm, now, timer) {
                    self.on_sync_due(&id);
                }
            }
            Timer::Session(_, ref member) => {
                let member = member.clone();
                let known = live.members.get_mut(&member).map(|member| &mut member.session);
                let alarm =
                    known.or_else(|| live.pending.get_mut(&member)).expect("alarms go with their members");
                if timers.is_due(alarm, now, timer) {
                    self.on_session_due(&id, &member);
                }
            }
        }
    }

    /// A member was not heard of. One that waits for its group is not expected to be, unless it is new.
    fn on_session_due(&mut self, id: &GroupId, member: &Arc<str>) {
        let (live, _) = self.change(id);
        if let Some(known) = live.members.get(member) {
            if !known.is_new && (known.join.is_some() || known.sync.is_some()) {
                return;
            }
            self.evict(id, member, ErrorKind::UnknownMember);
            match self.change(id).0.state {
                GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(id),
                GroupState::PreparingRebalance | GroupState::Empty => self.complete_join_if_everyone(id),
            }
        } else {
            self.evict(id, member, ErrorKind::UnknownMember);
            self.complete_join_if_everyone(id);
        }
    }

    /// Members that joined the generation but did not sync are out of it, and there will be another one.
    fn on_sync_due(&mut self, id: &GroupId) {
        let (live, _) = self.change(id);
        let late: Vec<Arc<str>> = live.unsynced.iter().cloned().collect();
        if late.is_empty() {
            return;
        }
        for member in late {
            self.evict(id, &member, ErrorKind::UnknownMember);
        }
        self.prepare_rebalance(id);
    }
}
