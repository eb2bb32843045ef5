//! Holders that are attached to a group: who consumes from it, whether or not somebody has a record out or waits for one.
//!
//! Apart because all of it is of this process only, and decided in one place for sessions that know nothing of each other: how many
//! there are, whether one wants to be alone, who is served where there is only one at a time, and that whoever is
//! attached hears of its end. A stream may want to go with the last of them, or when it was not used for a time.

use super::act::Act;
use super::entry::HEAD_BYTES;
use super::group::LeaseGroup;
use super::ids::{HolderId, LeaseGroupId};
use super::reply::{HolderEnd, LeaseReply};
use super::request::Attach;
use crate::catalog;
use crate::effect::Ticket;
use crate::request::Reply;
use crate::route;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;
use millstream_types::limits::LEASE_HOLDERS_PER_GROUP_MAX;
use millstream_types::{EngineTime, ErrorKind, StreamId, WalPosition};

/// Streams that may have been unused for long enough and are looked at by one tick.
const IDLE_PER_TICK: usize = 64;
/// A stream in use is looked at no more often than this.
const IDLE_LOOK_MS: u64 = 50;

/// The larger priority first, then who came first.
type Rank = (Reverse<i32>, u64);

#[derive(Debug)]
struct Holder {
    rank: Rank,
    /// Who wants to know when it ends.
    waiting: Option<Ticket>,
    /// One of its leases has run out, and nobody was told.
    has_timed_out: bool,
}

/// Those who are attached to one group.
#[derive(Debug, Default)]
pub(super) struct Holders {
    by_id: BTreeMap<HolderId, Holder>,
    ranks: BTreeSet<(Rank, HolderId)>,
    /// The one that is alone.
    exclusive: Option<HolderId>,
    arrivals: u64,
}

impl Holders {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The one that is served where only one is.
    pub(super) fn first(&self) -> Option<HolderId> {
        self.ranks.first().map(|(_, holder)| *holder)
    }

    /// Takes one out; whether it was there, and who is to be told.
    fn remove(&mut self, holder: HolderId) -> Option<Option<Ticket>> {
        let removed = self.by_id.remove(&holder)?;
        self.ranks.remove(&(removed.rank, holder));
        self.exclusive = self.exclusive.filter(|exclusive| *exclusive != holder);
        Some(removed.waiting)
    }

    /// Takes all out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Ticket> {
        core::mem::take(self).by_id.into_values().filter_map(|holder| holder.waiting)
    }
}

impl LeaseGroup {
    /// Whether anybody consumes from it.
    fn is_in_use(&self) -> bool {
        self.live.holders.len() > 0 || !self.live.waiters.is_empty() || self.leased() > 0
    }
}

impl Act<'_> {
    pub(super) fn attach(&mut self, attach: Attach) -> Result<(), ErrorKind> {
        let Attach { group: id, holder, priority, exclusive } = attach;
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let now = self.now();
        let live = &mut self.known(id).live;
        live.used = now;
        let others = live.holders.len() - usize::from(live.holders.by_id.contains_key(&holder));
        if exclusive && others > 0 || live.holders.exclusive.is_some_and(|alone| alone != holder) {
            return Err(ErrorKind::HolderExcluded);
        }
        if live.holders.len() >= LEASE_HOLDERS_PER_GROUP_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        // One that attaches again goes on as it says now.
        let waiting = live.holders.remove(holder).flatten();
        live.holders.arrivals += 1;
        let rank = (Reverse(priority), live.holders.arrivals);
        live.holders.ranks.insert((rank, holder));
        live.holders.exclusive = exclusive.then_some(holder);
        live.holders.by_id.insert(holder, Holder { rank, waiting, has_timed_out: false });
        Ok(())
    }

    pub(super) fn await_end(
        &mut self,
        ticket: Ticket,
        id: LeaseGroupId,
        holder: HolderId,
    ) -> Result<(), ErrorKind> {
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let before = match self.known(id).live.holders.by_id.get_mut(&holder) {
            None => {
                self.tell(Some(ticket), HolderEnd::Detached);
                return Ok(());
            }
            Some(known) if known.has_timed_out => {
                known.has_timed_out = false;
                self.tell(Some(ticket), HolderEnd::TimedOut);
                return Ok(());
            }
            Some(known) => known.waiting.replace(ticket),
        };
        self.tell(before, HolderEnd::Detached);
        Ok(())
    }

    fn tell(&mut self, who: Option<Ticket>, end: HolderEnd) {
        if let Some(ticket) = who {
            self.effects.reply_now(ticket, super::reply(LeaseReply::Ended(end)));
        }
    }

    /// A lease that was bound to this holder's connection has run out.
    pub(super) fn lease_timed_out(&mut self, id: LeaseGroupId, holder: HolderId) {
        let Some(known) = self.known(id).live.holders.by_id.get_mut(&holder) else { return };
        let waiting = known.waiting.take();
        known.has_timed_out = waiting.is_none();
        self.tell(waiting, HolderEnd::TimedOut);
    }

    /// A holder has ended. Whether its stream goes with it.
    pub(super) fn detach_holder(&mut self, id: LeaseGroupId, holder: HolderId) -> bool {
        let now = self.now();
        let live = &mut self.known(id).live;
        live.used = now;
        let Some(waiting) = live.holders.remove(holder) else { return false };
        let is_last = live.holders.len() == 0;
        self.tell(waiting, HolderEnd::Detached);
        is_last && id.number == 0 && self.settings(id).delete_unused()
    }

    /// Everyone who is attached to a group that goes in this turn is told.
    pub(super) fn end_holders_of(&mut self, id: LeaseGroupId) {
        let after = self.turn.position;
        let waiting: Vec<Ticket> = self.known(id).live.holders.take_all().collect();
        for ticket in waiting {
            self.answer(ticket, after, LeaseReply::Ended(HolderEnd::GroupGone));
        }
    }

    pub(super) fn delete_stream(
        &mut self,
        ticket: Ticket,
        stream: StreamId,
        if_unused: bool,
        if_empty: bool,
    ) -> Result<(), ErrorKind> {
        let id = LeaseGroupId::default_of(stream);
        let known = self.shard.streams.get(&stream).ok_or(ErrorKind::UnknownStream)?;
        let ends: WalPosition = known.logs.iter().map(|log| log.last).max().unwrap_or_default();
        let ready = self.counts(id).map_or(0, |counts| counts.ready);
        let is_consumed = |group: &LeaseGroup| group.live.holders.len() > 0 || !group.live.waiters.is_empty();
        let refusal = match self.group(id) {
            Some(group) if if_unused && is_consumed(group) => Some(ErrorKind::StreamInUse),
            _ if if_empty && ready > 0 => Some(ErrorKind::StreamNotEmpty),
            _ => None,
        };
        if let Some(kind) = refusal {
            let after = self.last(id).max(ends);
            self.effects.reply_after(ticket, after, Reply::Refused(kind));
            return Ok(());
        }
        catalog::remove(self.shard, self.turn, stream, self.effects);
        // So that routes which went with their last binding are gone when the caller hears of it.
        route::free(self.shard, self.turn, self.effects);
        self.answer(ticket, self.turn.position, LeaseReply::Deleted { ready });
        Ok(())
    }

    /// Has a stream looked at that goes when it is not used, if it is such a one.
    pub(super) fn note_idle(&mut self, id: LeaseGroupId) {
        let Some(ms) = self.settings(id).expires_ms().filter(|_| id.number == 0) else { return };
        let now = self.now();
        let live = &mut self.known(id).live;
        live.used = now;
        let at = now.after_ms(ms);
        if live.idle_look.is_none_or(|look| at < look) {
            if let Some(look) = live.idle_look.replace(at) {
                self.shard.leases.idle.remove(&(look, id));
            }
            self.shard.leases.idle.insert((at, id));
        }
    }

    /// Deletes streams that were not used for as long as they say.
    pub(super) fn expire_idle(&mut self) {
        let now = self.now();
        for _ in 0..IDLE_PER_TICK {
            let Some(&(at, id)) = self.shard.leases.idle.first().filter(|(at, _)| *at <= now) else { return };
            if !self.has_bytes(HEAD_BYTES) {
                return;
            }
            self.shard.leases.idle.remove(&(at, id));
            if self.group(id).is_none() {
                continue;
            }
            self.known(id).live.idle_look = None;
            let Some(ms) = self.settings(id).expires_ms() else { continue };
            let group = self.known(id);
            if group.is_in_use() {
                group.live.used = now;
            }
            let goes_at = group.live.used.after_ms(ms);
            if goes_at <= now {
                catalog::remove(self.shard, self.turn, id.stream, self.effects);
            } else {
                let look: EngineTime = goes_at.max(now.after_ms(IDLE_LOOK_MS));
                group.live.idle_look = Some(look);
                self.shard.leases.idle.insert((look, id));
            }
        }
    }
}
