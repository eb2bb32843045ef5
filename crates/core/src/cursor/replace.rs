//! A member that comes back under its static identity, with a new id in place of its old one.
//!
//! Apart because this is what static identities are for: a restart of a member within its session timeout costs the
//! others no rebalance, and two processes that claim one identity cannot both go on.
//!
//! | group | what happens |
//! |---|---|
//! | Stable, the chosen protocol would stay the same | the new member has the old one's assignment, at once |
//! | Stable, another protocol would be chosen | rebalance |
//! | CompletingRebalance | rebalance: the leader is assigning to the old id |
//! | PreparingRebalance | it has joined |

use super::act::Act;
use super::reply::GroupReply;
use super::request::{GroupId, GroupState, JoinGroup};
use crate::effect::Ticket;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::ErrorKind;

impl Act<'_> {
    /// Puts `new` in the place of `old`, who is fenced.
    pub(super) fn replace_static(&mut self, ticket: Ticket, join: &JoinGroup, old: &Arc<str>, new: Arc<str>) {
        let id = &join.group;
        let leader_before = self.live(id).and_then(|live| live.leader.clone());
        self.swap(id, join, old, &new);
        let (live, _) = self.change(id);
        live.rejoin(&new, join, ticket);
        match live.state {
            GroupState::Stable if live.select_protocol() == live.protocol_name => {
                self.take_over(id, &new, leader_before, join.can_skip_assignment);
            }
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(id),
            GroupState::PreparingRebalance => self.maybe_complete_join(id),
            GroupState::Empty => unreachable!("an empty group has no static members"),
        }
    }

    fn swap(&mut self, id: &GroupId, join: &JoinGroup, old: &Arc<str>, new: &Arc<str>) {
        let now = self.now();
        let (live, timers) = self.change(id);
        let was_leader = live.leader.as_ref() == Some(old);
        let mut member = live.remove(id, old, timers).expect("a static identity names a member");
        let waiting: Vec<Ticket> = [member.join.take(), member.sync.take()].into_iter().flatten().collect();
        member.client_id = join.client_id.clone();
        member.client_host = join.client_host.clone();
        member.is_new = false;
        live.add(new.clone(), member);
        if was_leader {
            live.leader = Some(new.clone());
        }
        live.hear_of(id, new, now, timers);
        for ticket in waiting {
            self.refuse(id, ticket, ErrorKind::FencedInstance);
        }
    }

    /// The generation goes on with the new member. A leader that cannot be told to skip the assignment is told that its
    /// old self leads, so that it does not assign.
    fn take_over(&mut self, id: &GroupId, new: &Arc<str>, leader_before: Option<Arc<str>>, can_skip: bool) {
        let ticket = self.change(id).0.take_join(new).expect("it has just joined");
        self.record_roster(id);
        let mut joined = self.joined(id, new);
        if can_skip {
            joined.skip_assignment = joined.leader == *new;
        } else {
            joined.members = Vec::new();
            joined.leader = leader_before.unwrap_or_default();
        }
        self.answer(id, ticket, GroupReply::Joined(joined));
    }
}
