//! Acquire: take records out, or wait for some.
//!
//! Apart because it is the hot half of every queue. Records that turn out to be beyond their delivery limit or their
//! time to live are buried on the way, not delivered.
//!
//! An attempt that is repeated gets what it got, under the same leases, unless something has happened to one of them.
//!
//! Waits are served in the turn that makes records available, in the order of their priorities and arrivals; those of connections
//! that are equal share what there is. A stream
//! with a single holder serves nobody but the first who asked, until that one ends.

use super::act::Act;
use super::attempts::Attempt;
use super::entry::{AcquiredRun, LeaseChange, RecordsAcquired};
use super::ids::{LeaseGroupId, LeaseNumber};
use super::log::LeaseLog;
use super::record::{Bound, MoveReason, NEVER, State};
use super::reply::{Acquired, AcquiredRecord, LeaseReply};
use super::request::{Acquire, Binding};
use super::waiters::{Place, Waiter};
use crate::catalog::Ordering;
use crate::effect::Ticket;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_types::limits::{
    KEYS_PER_REQUEST_MAX, LEASE_ACQUIRE_RECORDS_MAX, LEASE_WAITERS_PER_GROUP_MAX, LEASED_PER_GROUP_MAX,
};
use millstream_types::{EngineTime, ErrorKind, Offset, WalPosition, planted};

/// Records that one acquire may bury on the way to those that it gets.
pub(super) const BURIED_PER_ACQUIRE: usize = 64;
/// Waiters that one turn looks at. Those before one that can be served may be at their limits, which ends with a settle.
const WAITERS_PER_TURN: usize = 256;

/// What was picked from one log.
#[derive(Default)]
struct Picked {
    runs: Vec<AcquiredRun>,
    records: usize,
    spent: Vec<(Offset, u32)>,
    expired: Vec<(Offset, u32)>,
    /// The log has nothing else that is ready.
    is_all: bool,
}

impl Picked {
    fn nothing() -> Picked {
        Picked { is_all: true, ..Picked::default() }
    }

    fn add(&mut self, offset: Offset, count: u32, priority: u8) {
        self.records += 1;
        match self.runs.last_mut() {
            Some(run)
                if run.offset.0 + u64::from(run.len) == offset.0
                    && (run.count, run.priority) == (count, priority) =>
            {
                run.len += 1;
            }
            _ => self.runs.push(AcquiredRun { offset, len: 1, count, priority }),
        }
    }
}

impl Act<'_> {
    pub(super) fn acquire(&mut self, ticket: Ticket, acquire: Acquire) -> Result<(), ErrorKind> {
        let id = acquire.group;
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        if !(1..=LEASE_ACQUIRE_RECORDS_MAX).contains(&acquire.records_max) {
            return Err(ErrorKind::LimitExceeded);
        }
        let now = self.now();
        self.known(id).live.used = now;
        if let Some(attempt) = self.repeated(&acquire).filter(|_| !planted!(AttemptForgotten)) {
            let Attempt { deadline, records } = attempt;
            let acquired = Acquired { now, deadline: Some(deadline), records };
            self.answer(ticket, self.last(id), LeaseReply::Acquired(acquired));
            return Ok(());
        }
        let group = self.known(id);
        let waits = acquire.wait_ms > 0;
        if !waits && acquire.leased_max.is_some_and(|max| group.leased() >= u64::from(max)) {
            return Err(ErrorKind::TooManyLeased);
        }
        // Whoever waits already comes first.
        if !waits || group.live.waiters.is_empty() {
            let (records, after) = self.take(&acquire);
            if !records.is_empty() || !waits {
                self.deliver(ticket, &acquire, records, after);
                return Ok(());
            }
        }
        if self.known(id).live.waiters.len() >= LEASE_WAITERS_PER_GROUP_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        self.known(id).live.waiters.add(ticket, acquire, now);
        self.shard.leases.note_wake(id);
        self.serve(id);
        Ok(())
    }

    /// What the same attempt got, if every lease of it is still what it was.
    fn repeated(&mut self, acquire: &Acquire) -> Option<Attempt> {
        let (id, now) = (acquire.attempt?, self.now());
        let group = self.known(acquire.group);
        let attempt = group.live.attempts.get(id)?;
        let is_same = |of: &AcquiredRecord| {
            let record = group.logs.get(of.log as usize).and_then(|log| log.records.get(&of.offset));
            record.is_some_and(|record| {
                let is_out = matches!(record.state, State::Leased { bound: Bound::Deadline, deadline, .. }
                    if deadline == attempt.deadline);
                is_out && record.lease == of.lease
            })
        };
        if attempt.deadline > now && attempt.records.iter().all(is_same) {
            return Some(attempt.clone());
        }
        group.live.attempts.forget(id);
        None
    }

    fn deliver(
        &mut self,
        ticket: Ticket,
        acquire: &Acquire,
        records: Vec<AcquiredRecord>,
        after: WalPosition,
    ) {
        let now = self.now();
        let (_, deadline) = self.bound(acquire);
        let deadline = (deadline != NEVER).then_some(deadline);
        if records.is_empty() {
            let reply = super::reply(LeaseReply::Acquired(Acquired { now, deadline, records }));
            return self.effects.reply_now(ticket, reply);
        }
        if let (Some(attempt), Some(deadline), Binding::Timed { .. }) =
            (acquire.attempt, deadline, acquire.binding)
        {
            let kept = Attempt { deadline, records: records.clone() };
            self.known(acquire.group).live.attempts.keep(attempt, kept, now);
        }
        self.answer(ticket, after, LeaseReply::Acquired(Acquired { now, deadline, records }));
    }

    fn bound(&self, acquire: &Acquire) -> (Bound, EngineTime) {
        let now = self.now();
        let at = |timeout_ms: u64| {
            let timeout_ms = if planted!(LeaseCutShort) { timeout_ms / 2 } else { timeout_ms };
            now.after_ms(timeout_ms).min(EngineTime(NEVER.0 - 1))
        };
        match acquire.binding {
            Binding::Timed { timeout_ms } => {
                let timeout_ms = timeout_ms.unwrap_or_else(|| self.settings(acquire.group).timeout_ms());
                (Bound::Deadline, at(timeout_ms))
            }
            Binding::Connection { timeout_ms } => (Bound::Connection, timeout_ms.map_or(NEVER, at)),
            Binding::Named => (Bound::Name, NEVER),
        }
    }

    /// Whether this acquirer may have anything now, whatever is ready.
    fn may_have(&mut self, acquire: &Acquire) -> usize {
        let config = self.settings(acquire.group);
        let group = self.known(acquire.group);
        if config.paused() {
            return 0;
        }
        if config.single_holder() && !planted!(TwoHoldersServed) {
            let first = group.live.holders.first().unwrap_or(acquire.holder);
            if *group.live.active.get_or_insert(first) != acquire.holder {
                return 0;
            }
        }
        let leased_max = acquire.leased_max.filter(|_| !planted!(CapIgnored));
        let leased_max = leased_max.map_or(LEASED_PER_GROUP_MAX, |max| LEASED_PER_GROUP_MAX.min(max.into()));
        let left = leased_max.saturating_sub(group.leased());
        usize::try_from(left.min(u64::from(acquire.records_max)))
            .expect("bounded by the records of one request")
    }

    /// Takes what there is, up to what the acquirer may have and the turn has room for. Returns it with the position that
    /// its delivery waits for.
    fn take(&mut self, acquire: &Acquire) -> (Vec<AcquiredRecord>, WalPosition) {
        let id = acquire.group;
        let mut left = self.may_have(acquire);
        let mut records = Vec::new();
        let mut after = WalPosition::ZERO;
        while left > 0 && self.room() > BURIED_PER_ACQUIRE {
            let Some(index) = self.known(id).live.next_stocked() else { break };
            let max = left.min(self.room() - BURIED_PER_ACQUIRE);
            let ordering = self.settings(id).ordering();
            let picked = match ordering {
                Ordering::Unordered => self.pick(id, index, max),
                Ordering::Ordered | Ordering::Fair => self.pick_by_key(id, index, ordering, max),
            };
            left -= picked.records;
            let live = &mut self.known(id).live;
            live.turn = index + 1;
            if picked.is_all {
                live.stocked.remove(&index);
            }
            self.bury(id, index, &picked.spent, MoveReason::Limit);
            self.bury(id, index, &picked.expired, MoveReason::Expired);
            after = after.max(self.hand_out(acquire, index, picked.runs, &mut records));
        }
        (records, after)
    }

    /// Chooses the next records of a log, and finds those on the way that are not to be delivered any more.
    fn pick(&self, id: LeaseGroupId, index: u32, max: usize) -> Picked {
        let (Some(log), Some(end)) = (self.log(id, index), self.end(id, index)) else {
            return Picked::nothing();
        };
        self.examine(id, log, log.candidates(end), max)
    }

    /// As [`Act::pick`], by ordering keys.
    fn pick_by_key(&mut self, id: LeaseGroupId, index: u32, ordering: Ordering, max: usize) -> Picked {
        let (Some(log), Some(end)) = (self.log(id, index), self.end(id, index)) else {
            return Picked::nothing();
        };
        let wants_keys = log.keys_known_to() < end && log.has_key_room(KEYS_PER_REQUEST_MAX);
        // What has been settled meanwhile is still in there: not before it is swept.
        let window = log.window.as_ref().filter(|_| log.is_swept());
        let picked = window.map(|window| {
            let offsets = window.candidates(ordering, max + BURIED_PER_ACQUIRE);
            self.examine(id, log, offsets.into_iter().map(|offset| (offset, log.priority(offset))), max)
        });
        if wants_keys {
            self.shard.leases.keys_wanted.insert((id, index));
        }
        picked.unwrap_or_else(Picked::nothing)
    }

    fn examine(
        &self,
        id: LeaseGroupId,
        log: &LeaseLog,
        candidates: impl Iterator<Item = (Offset, u8)>,
        max: usize,
    ) -> Picked {
        let mut picked = Picked::nothing();
        let limit = self.settings(id).delivery_limit().unwrap_or(u32::MAX);
        for (offset, priority) in candidates {
            if picked.records == max || picked.spent.len() + picked.expired.len() == BURIED_PER_ACQUIRE {
                picked.is_all = false;
                break;
            }
            match log.records.get(&offset) {
                None => picked.add(offset, 1, priority),
                Some(record) if record.expires <= self.now() => picked.expired.push((offset, record.count)),
                Some(record) if record.count >= limit => picked.spent.push((offset, record.count)),
                Some(record) => picked.add(offset, record.count + 1, priority),
            }
        }
        picked
    }

    fn hand_out(
        &mut self,
        acquire: &Acquire,
        index: u32,
        runs: Vec<AcquiredRun>,
        records: &mut Vec<AcquiredRecord>,
    ) -> WalPosition {
        if runs.is_empty() {
            return WalPosition::ZERO;
        }
        let id = acquire.group;
        let (bound, deadline) = self.bound(acquire);
        let (time, lease) = (self.now(), self.known(id).next_lease);
        let of_runs =
            runs.iter().flat_map(|run| (0..u64::from(run.len)).map(|n| (run.offset.advance(n), run.count)));
        let offsets: Vec<(Offset, u32)> = of_runs.collect();
        let acquired =
            RecordsAcquired { log: index, bound, holder: acquire.holder, time, deadline, lease, runs };
        self.record(id, LeaseChange::Acquired(Box::new(acquired)));
        let group = self.known(id);
        let repeated = offsets.iter().filter(|(_, count)| *count > 1).count();
        group.live.totals.delivered += offsets.len() as u64;
        group.live.totals.redelivered += repeated as u64;
        if let Some(window) = &mut group.logs[index as usize].window {
            window.serve(offsets.iter().map(|(offset, _)| *offset));
        }
        let tail = group.live.tails.get(&index);
        let mut came = WalPosition::ZERO;
        for (n, (offset, delivery_count)) in (0..).zip(offsets) {
            let lease = LeaseNumber(lease.0 + n);
            let first_acquired = group.logs[index as usize].records[&offset].first;
            records.push(AcquiredRecord { log: index, offset, lease, delivery_count, first_acquired });
            came = came.max(tail.map_or(WalPosition::ZERO, |tail| tail.position(offset)));
        }
        match bound {
            Bound::Connection => came,
            Bound::Deadline | Bound::Name if planted!(DeliveredBeforeDurable) => came,
            // Of a group in memory the lease is of no frame, but its records may be.
            Bound::Deadline | Bound::Name => group.last.max(came),
        }
    }

    /// Gives those who wait what there is. What does not fit into this turn is left to the next tick.
    pub(super) fn serve(&mut self, id: LeaseGroupId) {
        self.shard.leases.hungry.remove(&id);
        let (mut after, mut equals) = (None, None);
        for _ in 0..WAITERS_PER_TURN {
            let Some(group) = self.group(id) else { return };
            if group.live.stocked.is_empty() {
                return;
            }
            let Some((place, waiter)) = group.live.next_waiter(after, self.settings(id).single_holder())
            else {
                return;
            };
            if self.room() <= BURIED_PER_ACQUIRE {
                self.shard.leases.hungry.insert(id);
                return;
            }
            after = Some(place);
            let acquire =
                Acquire { records_max: self.share(id, place, &waiter, &mut equals), ..waiter.acquire };
            let (records, position) = self.take(&acquire);
            if !records.is_empty() {
                self.known(id).live.waiters.remove(place);
                self.deliver(waiter.ticket, &waiter.acquire, records, position);
            }
        }
    }

    /// How much a waiter may have of what there is: consumers of one priority that wait together share it, so that what comes at
    /// once does not go to one of them while the others have nothing to do. `equals` are those of the priority that is served, and
    /// how many of them are left.
    fn share(
        &self,
        id: LeaseGroupId,
        place: Place,
        waiter: &Waiter,
        equals: &mut Option<(i32, usize)>,
    ) -> u32 {
        let Acquire { binding, priority, records_max, .. } = waiter.acquire;
        let group = self.group(id).filter(|group| group.live.waiters.len() > 1);
        let shares = matches!(binding, Binding::Connection { .. }) && !self.settings(id).single_holder();
        let Some(group) = group.filter(|_| shares) else {
            *equals = None;
            return records_max;
        };
        let left = match *equals {
            Some((of, left)) if of == priority => left,
            _ => group.live.waiters.equals(place).take(WAITERS_PER_TURN).count(),
        };
        *equals = Some((priority, left.saturating_sub(1)));
        let ready = self.counts(id).map_or(0, |counts| counts.ready);
        let share = ready.div_ceil(left.max(1) as u64).max(1);
        u32::try_from(share).map_or(records_max, |share| share.min(records_max))
    }
}
