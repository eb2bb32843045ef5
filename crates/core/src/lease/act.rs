//! One turn on the leases: what the events' modules have in their hands.
//!
//! Apart because recording, answering and looking up are the same for every event, and because two rules are kept here
//! once: a reply waits for what it reveals (R10), and a turn writes no more than was announced (R12).

use super::entry::{HEAD_BYTES, ITEM_BYTES, LeaseChange, LeaseEntry};
use super::group::LeaseGroup;
use super::ids::{LeaseGroupId, LeaseNumber};
use super::log::LeaseLog;
use super::record::{MoveReason, MoveTarget};
use super::reply::LeaseReply;
use crate::catalog::LeaseSettings;
use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::{EngineTime, ErrorKind, Offset, WalPosition};

/// Bytes of entries that requests announce beside their own, for acquirers that they give something to: some two hundred
/// records. Those who get nothing in this turn get it in the next.
pub(crate) const ROOM_BYTES: usize = 16 << 10;
/// Bytes that handing out, burying or giving back one record writes at most: an entry of its own.
pub(super) const RECORD_BYTES: usize = HEAD_BYTES + ITEM_BYTES;

/// The shard, the time, and where decisions go.
pub(super) struct Act<'a> {
    pub(super) shard: &'a mut Shard,
    pub(super) turn: Turn,
    pub(super) effects: &'a mut Effects,
    /// No more bytes of entries than this are in the frame when the turn ends.
    bytes_max: usize,
}

impl<'a> Act<'a> {
    /// A turn that writes up to `room_bytes`.
    pub(super) fn new(
        shard: &'a mut Shard,
        turn: Turn,
        effects: &'a mut Effects,
        room_bytes: usize,
    ) -> Act<'a> {
        let bytes_max = effects.entries_bytes() + room_bytes;
        Act { shard, turn, effects, bytes_max }
    }

    pub(super) fn now(&self) -> EngineTime {
        self.turn.now
    }

    pub(super) fn group(&self, id: LeaseGroupId) -> Option<&LeaseGroup> {
        self.shard.leases.groups.get(&id)
    }

    /// A group that the caller has found.
    pub(super) fn known(&mut self, id: LeaseGroupId) -> &mut LeaseGroup {
        self.shard.leases.groups.get_mut(&id).expect("the caller has found the group")
    }

    pub(super) fn log(&self, id: LeaseGroupId, index: u32) -> Option<&LeaseLog> {
        self.group(id)?.logs.get(index as usize)
    }

    /// Where a log of the group's stream ends.
    pub(super) fn end(&self, id: LeaseGroupId, index: u32) -> Option<Offset> {
        self.shard.log(id.log(index)).map(|log| log.end)
    }

    pub(super) fn settings(&self, id: LeaseGroupId) -> SettingsRef {
        let stream =
            self.shard.streams.get(&id.stream).expect("a group's stream exists as long as the group");
        SettingsRef(stream.entry.clone())
    }

    pub(super) fn record(&mut self, group: LeaseGroupId, change: LeaseChange) {
        self.note_consumed(group, &change);
        let settled = match &change {
            LeaseChange::Settled { log, runs } if self.forgets_settled(group) => Some((*log, runs.clone())),
            _ => None,
        };
        self.shard.record(self.turn, Entry::Lease(LeaseEntry { group, change }), self.effects);
        if let Some((log, runs)) = settled {
            self.forget_settled(group, log, &runs);
        }
        assert!(self.effects.entries_bytes() <= self.bytes_max, "a turn writes what was announced at most");
    }

    /// Has the logs looked at in which records are settled, if consumed records go.
    fn note_consumed(&mut self, group: LeaseGroupId, change: &LeaseChange) {
        let (one, places) = match change {
            LeaseChange::Settled { log, .. } => (Some(*log), &[][..]),
            LeaseChange::Sought(places) => (None, &places[..]),
            _ => return,
        };
        let stream = &self.shard.streams[&group.stream];
        if group.number == 0 && stream.entry.config.consumed().is_some() {
            for index in one.into_iter().chain(places.iter().map(|(log, _)| *log)) {
                self.shard.leases.has_consumed(group.log(index), self.turn.now);
            }
        }
    }

    /// Whether there is room for so many bytes.
    pub(super) fn has_bytes(&self, bytes: usize) -> bool {
        self.bytes_max - self.effects.entries_bytes() >= bytes
    }

    /// For how many records there is room.
    pub(super) fn room(&self) -> usize {
        (self.bytes_max - self.effects.entries_bytes()) / RECORD_BYTES
    }

    /// Start of the last frame that changed what an answer about this group says.
    pub(super) fn last(&self, id: LeaseGroupId) -> WalPosition {
        self.group(id).map_or(self.shard.catalog_last.max(self.shard.leases.removed_last), |group| group.last)
    }

    pub(super) fn answer(&mut self, ticket: Ticket, after: WalPosition, reply: LeaseReply) {
        self.effects.reply_after(ticket, after, Reply::Lease(Box::new(reply)));
    }

    /// Refusals reveal state too.
    pub(super) fn refuse(&mut self, id: LeaseGroupId, ticket: Ticket, kind: ErrorKind) {
        let after = self.last(id);
        self.effects.reply_after(ticket, after, Reply::Refused(kind));
    }

    /// Takes records out for good: into the dead letters if their stream has such a route, else they are done with.
    pub(super) fn bury(&mut self, id: LeaseGroupId, log: u32, records: &[(Offset, u32)], reason: MoveReason) {
        if records.is_empty() {
            return;
        }
        self.known(id).live.totals.buried += records.len() as u64;
        if !self.settings(id).keeps_dead_letters() {
            let runs = runs(records.iter().map(|(offset, _)| *offset));
            return self.record(id, LeaseChange::Settled { log, runs });
        }
        self.begin_moves(id, log, records, reason, MoveTarget::DeadLetter);
    }

    /// Marks records as moving, each under a number by which the end of its move is told from that of an earlier one.
    pub(super) fn begin_moves(
        &mut self,
        id: LeaseGroupId,
        log: u32,
        records: &[(Offset, u32)],
        reason: MoveReason,
        target: MoveTarget,
    ) {
        let first = self.known(id).next_lease.0;
        let named =
            (first..).zip(records).map(|(lease, (offset, count))| (*offset, *count, LeaseNumber(lease)));
        let records = named.collect();
        self.record(id, LeaseChange::Moving { log, reason, target, records });
    }
}

/// A stream's lease settings, held while the shard changes.
pub(super) struct SettingsRef(Arc<crate::catalog::StreamEntry>);

impl core::ops::Deref for SettingsRef {
    type Target = LeaseSettings;

    fn deref(&self) -> &LeaseSettings {
        self.0.config.lease()
    }
}

/// Offsets as runs, where they follow one another.
pub(super) fn runs(offsets: impl Iterator<Item = Offset>) -> Vec<(Offset, u64)> {
    let mut runs: Vec<(Offset, u64)> = Vec::new();
    for offset in offsets {
        match runs.last_mut() {
            Some((from, len)) if from.0 + *len == offset.0 => *len += 1,
            _ => runs.push((offset, 1)),
        }
    }
    runs
}
