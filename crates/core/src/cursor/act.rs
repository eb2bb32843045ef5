//! One turn on the groups: what the event modules have in their hands.
//!
//! Apart because answering, recording and looking up are the same for every event, and because the rule that a reply
//! waits for what it reveals (R10) is kept here once.

use super::entry::GroupEntry;
use super::group::{Group, Groups};
use super::live::Live;
use super::reply::GroupReply;
use super::request::GroupId;
use super::timers::Timers;
use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use alloc::boxed::Box;
use alloc::sync::Arc;
use millstream_types::{EngineTime, ErrorKind, WalPosition};

/// The shard, the time, and where decisions go.
pub(super) struct Act<'a> {
    pub(super) shard: &'a mut Shard,
    pub(super) turn: Turn,
    pub(super) effects: &'a mut Effects,
    replies_before: usize,
    entries_before: usize,
}

impl<'a> Act<'a> {
    pub(super) fn new(shard: &'a mut Shard, turn: Turn, effects: &'a mut Effects) -> Act<'a> {
        let (replies_before, entries_before) = (effects.replies.len(), effects.entries.len());
        Act { shard, turn, effects, replies_before, entries_before }
    }

    pub(super) fn now(&self) -> EngineTime {
        self.turn.now
    }

    pub(super) fn groups(&mut self) -> &mut Groups {
        &mut self.shard.groups
    }

    pub(super) fn group(&self, id: &GroupId) -> Option<&Group> {
        self.shard.groups.by_id.get(id)
    }

    pub(super) fn live(&self, id: &GroupId) -> Option<&Live> {
        self.group(id).map(|group| &group.live)
    }

    /// A group's membership, to change, with the timers. The caller knows that the group exists.
    pub(super) fn change(&mut self, id: &GroupId) -> (&mut Live, &mut Timers) {
        let Groups { by_id, timers, .. } = &mut self.shard.groups;
        (&mut by_id.get_mut(id).expect("the caller has found the group").live, timers)
    }

    pub(super) fn record(&mut self, entry: GroupEntry) {
        for part in entry.parts().into_iter().flatten() {
            self.shard.record(self.turn, Entry::Group(part), self.effects);
        }
    }

    /// Records who makes up the group now.
    pub(super) fn record_roster(&mut self, id: &GroupId) {
        let now = self.now();
        let (live, _) = self.change(id);
        live.since = now;
        let roster = Box::new(live.roster());
        self.record(GroupEntry::Roster(id.clone(), roster));
    }

    /// Start of the last frame that changed what an answer about this group says.
    pub(super) fn last(&self, id: &GroupId) -> WalPosition {
        self.group(id).map_or(self.shard.groups.removed_last, |group| group.last)
    }

    pub(super) fn answer(&mut self, id: &GroupId, ticket: Ticket, reply: GroupReply) {
        let after = self.last(id);
        self.effects.reply_after(ticket, after, Reply::Group(Box::new(reply)));
    }

    /// Refusals reveal state too.
    pub(super) fn refuse(&mut self, id: &GroupId, ticket: Ticket, kind: ErrorKind) {
        let after = self.last(id);
        self.effects.reply_after(ticket, after, Reply::Refused(kind));
    }

    /// Takes a member out and answers what it was waiting for.
    pub(super) fn evict(&mut self, id: &GroupId, member: &Arc<str>, kind: ErrorKind) {
        let (live, timers) = self.change(id);
        if let Some(gone) = live.remove(id, member, timers) {
            for ticket in [gone.join, gone.sync].into_iter().flatten() {
                self.refuse(id, ticket, kind);
            }
        }
    }

    /// Ends the turn: whatever was answered in it reveals what was recorded in it, whichever came first.
    pub(super) fn finish(self) {
        if self.effects.entries.len() > self.entries_before {
            for reply in &mut self.effects.replies[self.replies_before..] {
                reply.after = reply.after.max(Some(self.turn.position));
            }
        }
        let groups = &mut self.shard.groups;
        if groups.next_check.is_none() && !groups.by_id.is_empty() {
            groups.next_check = Some(self.turn.now.after_ms(groups.options.offsets_check_interval_ms));
        }
    }
}
