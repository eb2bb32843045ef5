//! Looking at groups, and deleting them.
//!
//! Apart because these are an operator's events, not a member's: they name several groups, and one answer waits for
//! all of them.

use super::act::Act;
use super::entry::GroupEntry;
use super::group::Group;
use super::reply::{GroupDescription, GroupReply, GroupSummary, MemberDescription};
use super::request::{GroupId, GroupState};
use super::timers::Timer;
use crate::effect::Ticket;
use crate::request::Reply;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Bound::{Excluded, Unbounded};
use millstream_types::limits::GROUPS_PER_REQUEST_MAX;
use millstream_types::{ErrorKind, Namespace, WalPosition};

/// Groups that one list request looks at.
const LIST_PAGE_MAX: usize = 2048;

impl Act<'_> {
    pub(super) fn describe(&mut self, ticket: Ticket, groups: &[GroupId]) -> Result<(), ErrorKind> {
        if groups.len() > GROUPS_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let one = |id| self.group(id).map(describe_group).ok_or(ErrorKind::UnknownGroup);
        let described = groups.iter().map(one).collect();
        let after = groups.iter().map(|id| self.last(id)).max().unwrap_or_default();
        self.answer_all(ticket, after, GroupReply::Described(described));
        Ok(())
    }

    pub(super) fn list(
        &mut self,
        ticket: Ticket,
        namespace: Namespace,
        after: Option<Arc<str>>,
        states: &[GroupState],
    ) {
        let from = GroupId { namespace, name: after.unwrap_or_default() };
        let mut rest = self.shard.groups.by_id.range((Excluded(from), Unbounded));
        let page = rest.by_ref().take_while(|(id, _)| id.namespace == namespace).take(LIST_PAGE_MAX);
        let (mut groups, mut waits, mut seen) = (Vec::new(), self.shard.groups.removed_last, None);
        let mut count = 0;
        for (id, group) in page {
            count += 1;
            waits = waits.max(group.last);
            if states.is_empty() || states.contains(&group.live.state) {
                let protocol_type = group.live.protocol_type.clone();
                groups.push(GroupSummary { name: id.name.clone(), state: group.live.state, protocol_type });
            }
            seen = Some(id.name.clone());
        }
        let next = seen.filter(|_| count == LIST_PAGE_MAX);
        self.answer_all(ticket, waits, GroupReply::Listed { groups, next });
    }

    pub(super) fn delete(&mut self, ticket: Ticket, groups: &[GroupId]) -> Result<(), ErrorKind> {
        if groups.len() > GROUPS_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let results = groups.iter().map(|id| self.delete_one(id)).collect();
        let after = groups.iter().map(|id| self.last(id)).max().unwrap_or_default();
        self.answer_all(ticket, after, GroupReply::Deleted(results));
        Ok(())
    }

    fn delete_one(&mut self, id: &GroupId) -> Result<(), ErrorKind> {
        match self.live(id).ok_or(ErrorKind::UnknownGroup)?.state {
            GroupState::Empty => {
                self.remove_group(id);
                Ok(())
            }
            GroupState::PreparingRebalance | GroupState::CompletingRebalance | GroupState::Stable => {
                Err(ErrorKind::GroupNotEmpty)
            }
        }
    }

    /// Ends an empty group. Those who were given an id to join with are strangers again.
    pub(super) fn remove_group(&mut self, id: &GroupId) {
        let (live, timers) = self.change(id);
        assert!(live.members.is_empty(), "only empty groups are deleted");
        assert!(live.join_alarm.is_off() && live.sync_alarm.is_off(), "an empty group waits for nothing");
        for (member, alarm) in &mut live.pending {
            timers.clear(alarm, || Timer::Session(id.clone(), member.clone()));
        }
        self.record(GroupEntry::Deleted(id.clone()));
    }

    fn answer_all(&mut self, ticket: Ticket, after: WalPosition, reply: GroupReply) {
        self.effects.reply_after(ticket, after, Reply::Group(Box::new(reply)));
    }
}

fn describe_group(group: &Group) -> GroupDescription {
    let live = &group.live;
    let protocol_name = live.protocol_name.clone().filter(|_| live.state == GroupState::Stable);
    let members = live.members.iter().map(|(id, member)| MemberDescription {
        member: id.clone(),
        instance: member.instance.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: protocol_name.as_ref().map_or_else(Bytes::new, |name| member.metadata(name)),
        assignment: member.assignment.clone(),
    });
    GroupDescription {
        state: live.state,
        generation: live.generation,
        protocol_type: live.protocol_type.clone(),
        protocol_name: protocol_name.clone(),
        members: members.collect(),
    }
}
