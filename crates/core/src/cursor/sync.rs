//! A sync: the leader hands in the assignment, everyone fetches their own.
//!
//! Apart because here a generation becomes durable with its assignments: what members are told is on the disk.

use super::act::Act;
use super::join::check_group;
use super::reply::{GroupReply, Synced};
use super::request::{GroupId, GroupState, SyncGroup};
use super::timers::Timer;
use crate::effect::Ticket;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::ErrorKind;
use millstream_types::limits::GROUP_ASSIGNMENTS_BYTES_MAX;

impl Act<'_> {
    /// Decides a sync. An error is for the caller to answer with; otherwise it is answered or waits.
    pub(super) fn sync(&mut self, ticket: Ticket, sync: &SyncGroup) -> Result<(), ErrorKind> {
        check_group(&sync.group)?;
        let id = &sync.group;
        let live = self.live(id).ok_or(ErrorKind::UnknownMember)?;
        live.identify(&sync.member, sync.instance.as_ref())?;
        if sync.generation != live.generation {
            return Err(ErrorKind::StaleGeneration);
        }
        let differs = |said: &Option<Arc<str>>, is: &Option<Arc<str>>| said.is_some() && said != is;
        if differs(&sync.protocol_type, &live.protocol_type)
            || differs(&sync.protocol_name, &live.protocol_name)
        {
            return Err(ErrorKind::InconsistentProtocol);
        }
        let assigned: usize = sync.assignments.iter().map(|(_, bytes)| bytes.len()).sum();
        if assigned > GROUP_ASSIGNMENTS_BYTES_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        match live.state {
            GroupState::Empty => Err(ErrorKind::UnknownMember),
            GroupState::PreparingRebalance => Err(ErrorKind::RebalanceInProgress),
            GroupState::CompletingRebalance => {
                self.note_synced(id, &sync.member);
                let (live, _) = self.change(id);
                let is_leader = live.leader.as_ref() == Some(&sync.member);
                let member = live.members.get_mut(&sync.member).expect("it was identified");
                if let Some(replaced) = member.sync.replace(ticket) {
                    self.refuse(id, replaced, ErrorKind::RebalanceInProgress);
                }
                if is_leader {
                    self.assign(id, &sync.assignments);
                }
                Ok(())
            }
            GroupState::Stable => {
                self.note_synced(id, &sync.member);
                let synced = self.synced(id, &sync.member);
                self.answer(id, ticket, GroupReply::Synced(synced));
                Ok(())
            }
        }
    }

    /// One fewer to wait for.
    fn note_synced(&mut self, id: &GroupId, member: &Arc<str>) {
        let (live, timers) = self.change(id);
        live.unsynced.remove(member);
        if live.unsynced.is_empty() {
            timers.clear(&mut live.sync_alarm, || Timer::Sync(id.clone()));
        }
    }

    /// The leader's word: members that it does not name get nothing, others that it names do not exist.
    fn assign(&mut self, id: &GroupId, assignments: &[(Arc<str>, Bytes)]) {
        let now = self.now();
        let by_member: BTreeMap<&Arc<str>, &Bytes> =
            assignments.iter().map(|(id, bytes)| (id, bytes)).collect();
        let (live, _) = self.change(id);
        for (id, member) in &mut live.members {
            member.assignment =
                by_member.get(id).map(|bytes| Bytes::copy_from_slice(bytes)).unwrap_or_default();
        }
        live.state = GroupState::Stable;
        self.record_roster(id);
        let (live, _) = self.change(id);
        let everyone: Vec<Arc<str>> = live.members.keys().cloned().collect();
        for member in everyone {
            let (live, timers) = self.change(id);
            let Some(ticket) = live.members.get_mut(&member).and_then(|member| member.sync.take()) else {
                continue;
            };
            live.hear_of(id, &member, now, timers);
            let synced = self.synced(id, &member);
            self.answer(id, ticket, GroupReply::Synced(synced));
        }
    }

    fn synced(&self, id: &GroupId, member: &Arc<str>) -> Synced {
        let live = self.live(id).expect("the caller has found the group");
        Synced {
            protocol_type: live.protocol_type.clone().expect("a generation has a type"),
            protocol_name: live.protocol_name.clone().expect("a generation has a protocol"),
            assignment: live.members[member].assignment.clone(),
        }
    }
}
