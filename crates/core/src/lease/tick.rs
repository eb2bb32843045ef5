//! What happens by itself: leases and delays that run out, waits that end, and long work in slices.
//!
//! Apart because each tick is bounded (R13), and because a deadline must cost nothing until it comes: groups stand in one
//! order by their first timer, and one that was settled meanwhile is noticed only then.

use super::act::{Act, ROOM_BYTES};
use super::group::Leases;
use super::ids::{HolderId, LeaseGroupId, LeaseRef};
use super::log::Fired;
use super::record::{MoveReason, State};
use super::reply::{Acquired, LeaseReply, Move};
use super::request::Action;
use crate::catalog;
use crate::effect::{Effects, Ticket};
use crate::shard::{Shard, Turn};
use alloc::vec::Vec;
use millstream_types::limits::{MOVES_PER_REQUEST_MAX, MOVES_UNDER_WAY_MAX};
use millstream_types::{EngineTime, ErrorKind, WalPosition, planted};

/// Timers that one tick fires.
const TIMERS_PER_TICK: usize = 1024;
/// Records of one log that one tick sweeps.
const SWEPT_PER_TICK: usize = 1024;
/// Records of deleted groups that one tick drops.
const DISCARDED_PER_TICK: usize = 4096;
/// Waits that one tick ends.
const WAITS_PER_TICK: usize = 1024;
/// Moves that were put off and are handed out again by one tick.
const MOVES_PER_TICK: usize = 1024;

/// Bytes of entries that [`tick`] makes at most.
pub(crate) const TICK_BYTES: usize = ROOM_BYTES;

/// Does what has become due.
pub(crate) fn tick(shard: &mut Shard, turn: Turn, effects: &mut Effects) {
    let mut act = Act::new(shard, turn, effects, TICK_BYTES);
    act.fire_timers();
    act.end_holders();
    let hungry: Vec<LeaseGroupId> = act.shard.leases.hungry.iter().copied().collect();
    for id in hungry {
        if act.group(id).is_some() {
            act.serve(id);
        }
    }
    act.trim_consumed();
    act.shard.leases.resume_moves(act.turn.now);
    act.go_on_redriving();
    act.go_on_purging();
    act.sweep_logs();
    act.let_answers_go();
    act.expire_idle();
    act.hand_out_moves();
    act.hand_out_key_requests();
    act.shard.leases.discard();
}

impl Leases {
    /// When [`tick`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<EngineTime> {
        let may_move = self.mover.is_some() && self.may_hand_out();
        let may_ask = self.key_reader.is_some() && !self.keys_wanted.is_empty();
        let has_begun = !self.ending.is_empty() || !self.purging.is_empty() || !self.sweeping.is_empty();
        if may_move || may_ask || has_begun || !self.hungry.is_empty() || !self.trash.is_empty() {
            return Some(EngineTime(i64::MIN));
        }
        let wake = self.wakes.first().map(|(at, _)| *at);
        let moves = self.move_later.first().map(|(at, _)| *at);
        let redrives = self.redriving.first().map(|(at, _)| *at);
        let idle = self.idle.first().map(|(at, _)| *at);
        let held = self.held.next_deadline();
        [wake, moves, redrives, idle, held, self.consumption.first()].into_iter().flatten().min()
    }

    /// Has moves that were put off handed out again.
    fn resume_moves(&mut self, now: EngineTime) {
        for _ in 0..MOVES_PER_TICK {
            let Some(&(at, key)) = self.move_later.first().filter(|(at, _)| *at <= now) else { return };
            self.move_later.remove(&(at, key));
            self.to_move.insert(key);
        }
    }

    fn may_hand_out(&self) -> bool {
        !self.to_move.is_empty() && self.moving.len() < MOVES_UNDER_WAY_MAX
    }

    fn discard(&mut self) {
        if let Some(log) = self.trash.last_mut()
            && log.discard(DISCARDED_PER_TICK)
        {
            self.trash.pop();
        }
    }
}

impl Act<'_> {
    fn fire_timers(&mut self) {
        let mut left = TIMERS_PER_TICK;
        while left > 0 {
            let now = self.now();
            let Some(&(at, id)) = self.shard.leases.wakes.first().filter(|(at, _)| *at <= now) else {
                return;
            };
            self.shard.leases.wakes.remove(&(at, id));
            self.known(id).live.wake = None;
            left -= 1;
            self.fire_group(id, &mut left);
            if planted!(WaitEndsFirst) {
                self.end_waits_due(id);
            }
            // A wait that ends in the moment in which a record comes back gets it.
            self.serve(id);
            self.end_waits_due(id);
            self.shard.leases.note_wake(id);
        }
    }

    fn fire_group(&mut self, id: LeaseGroupId, left: &mut usize) {
        let now = self.now();
        while let Some(&(at, index)) = self.known(id).live.due.first().filter(|(at, _)| *at <= now) {
            let group = self.known(id);
            group.live.due.remove(&(at, index));
            group.logs[index as usize].noted = None;
            let mut expired = Vec::new();
            while *left > 0 && expired.len() < self.room() {
                match self.known(id).logs[index as usize].fire(now) {
                    None => break,
                    Some(Fired::Ready(holder)) => {
                        self.known(id).live.stocked.insert(index);
                        if let Some(holder) = holder {
                            self.lease_timed_out(id, holder);
                        }
                    }
                    Some(Fired::Expired(offset, record)) => {
                        expired.push((offset, record.count));
                        self.bury(id, index, &[(offset, record.count)], MoveReason::Expired);
                    }
                }
                *left -= 1;
            }
            self.known(id).note_timer(index);
            if *left == 0 || self.room() == 0 {
                return;
            }
        }
    }

    fn end_waits_due(&mut self, id: LeaseGroupId) {
        let now = self.now();
        for _ in 0..WAITS_PER_TICK {
            let Some(waiter) = self.known(id).live.waiters.take_ended(now) else { return };
            self.answer_nothing(waiter.ticket);
        }
    }

    fn answer_nothing(&mut self, ticket: Ticket) {
        let nothing = Acquired { now: self.now(), deadline: None, records: Vec::new() };
        self.effects.reply_now(ticket, super::reply(LeaseReply::Acquired(nothing)));
    }

    /// Ends the waits of a holder; the next one may be served then.
    pub(super) fn cancel(&mut self, id: LeaseGroupId, holder: HolderId) -> Result<(), ErrorKind> {
        self.end_waits_of(id, holder)?;
        self.yield_place(id, holder);
        Ok(())
    }

    fn end_waits_of(&mut self, id: LeaseGroupId, holder: HolderId) -> Result<(), ErrorKind> {
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        for waiter in self.known(id).live.waiters.take_of(holder) {
            self.answer_nothing(waiter.ticket);
        }
        Ok(())
    }

    /// If this was the one holder that is served, the next one is now.
    fn yield_place(&mut self, id: LeaseGroupId, holder: HolderId) {
        let live = &mut self.known(id).live;
        live.active = live.active.filter(|active| *active != holder);
        self.serve(id);
    }

    /// Ends a holder's attachment alone.
    pub(super) fn detach(&mut self, id: LeaseGroupId, holder: HolderId) -> Result<(), ErrorKind> {
        self.end_waits_of(id, holder)?;
        if self.detach_holder(id, holder) {
            catalog::remove(self.shard, self.turn, id.stream, self.effects);
        } else {
            self.yield_place(id, holder);
        }
        Ok(())
    }

    /// Ends a holder: what is bound to its connection comes back, a slice now and the rest in ticks.
    pub(super) fn end_holder(&mut self, id: LeaseGroupId, holder: HolderId) -> Result<(), ErrorKind> {
        self.end_waits_of(id, holder)?;
        if self.detach_holder(id, holder) {
            catalog::remove(self.shard, self.turn, id.stream, self.effects);
            return Ok(());
        }
        self.shard.leases.ending.insert((id, holder));
        self.end_holders();
        Ok(())
    }

    /// Goes on with what trims and seeks have settled.
    fn sweep_logs(&mut self) {
        let Some(&(id, index)) = self.shard.leases.sweeping.first() else { return };
        let log = self.shard.leases.groups.get_mut(&id).and_then(|group| group.logs.get_mut(index as usize));
        if log.is_none_or(|log| log.sweep(SWEPT_PER_TICK)) {
            self.shard.leases.sweeping.remove(&(id, index));
            if self.group(id).is_some() {
                self.known(id).live.stocked.insert(index);
                self.serve(id);
            }
        }
    }

    fn end_holders(&mut self) {
        while let Some(&(id, holder)) = self.shard.leases.ending.first() {
            let logs = 0..u32::try_from(self.known(id).logs.len()).expect("log counts fit in 32 bits");
            for index in logs {
                let room = self.room();
                let log = &self.known(id).logs[index as usize];
                let held: Vec<_> = log.held_by(holder).take(room).collect();
                self.end_leases(id, index, &held, Action::Release { delay_ms: 0, delivered: true });
                if held.len() == room {
                    return;
                }
            }
            self.shard.leases.ending.remove(&(id, holder));
            // Not before everything is back: the next holder begins with what this one had.
            self.yield_place(id, holder);
        }
    }

    /// Who moves records asks for some: it is answered as soon as there are any, one at a time.
    pub(super) fn take_moves(&mut self, ticket: Ticket) {
        if let Some(before) = self.shard.leases.mover.replace(ticket) {
            self.effects.reply_now(before, super::reply(LeaseReply::Moves(Vec::new())));
        }
        self.hand_out_moves();
    }

    /// Hands out records that are to be moved, as many as may be under way.
    fn hand_out_moves(&mut self) {
        if !self.shard.leases.may_hand_out() {
            return;
        }
        let Some(mover) = self.shard.leases.mover else { return };
        let mut moves = Vec::new();
        let mut after = WalPosition::ZERO;
        while moves.len() < MOVES_PER_REQUEST_MAX && self.shard.leases.may_hand_out() {
            let Some((id, index, offset)) = self.shard.leases.to_move.pop_first() else { break };
            let Some(record) = self.log(id, index).and_then(|log| log.records.get(&offset)).copied() else {
                continue;
            };
            let is_settled = self.log(id, index).is_some_and(|log| log.is_settled(offset));
            let State::Moving { reason, target } = record.state else { continue };
            if is_settled {
                continue;
            }
            self.shard.leases.moving.insert((id, index, offset));
            after = after.max(self.last(id));
            let of = LeaseRef { log: index, offset, lease: record.lease };
            moves.push(Move {
                group: id,
                record: of,
                reason,
                target,
                delivery_count: record.count,
                priority: record.priority,
            });
        }
        if !moves.is_empty() {
            self.shard.leases.mover = None;
            self.answer(mover, after, LeaseReply::Moves(moves));
        }
    }
}
