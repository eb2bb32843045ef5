//! From one generation to the next: asking members to join, and making up the generation when they have.
//!
//! Apart because every event that changes the membership ends here: joins, leaves, timeouts.

use super::act::Act;
use super::reply::{GroupReply, Joined, JoinedMember};
use super::request::{GroupId, GroupState};
use super::timers::Timer;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::mem;
use millstream_types::ErrorKind;

impl Act<'_> {
    /// The membership changed: ask everyone to join, or go on with the rebalance that is under way.
    pub(super) fn rebalance(&mut self, id: &GroupId) {
        let (live, _) = self.change(id);
        if live.state == GroupState::PreparingRebalance {
            self.maybe_complete_join(id);
        } else {
            self.prepare_rebalance(id);
        }
    }

    /// Begins a rebalance. In an empty group it ends after the initial delay, otherwise when everyone has joined or
    /// the slowest member's time is over.
    pub(super) fn prepare_rebalance(&mut self, id: &GroupId) {
        let (now, delay_ms) = (self.now(), self.shard.groups.options.initial_delay_ms);
        if self.live(id).is_some_and(|live| live.state == GroupState::CompletingRebalance) {
            self.cancel_syncs(id);
        }
        let (live, timers) = self.change(id);
        live.unsynced.clear();
        timers.clear(&mut live.sync_alarm, || Timer::Sync(id.clone()));
        live.initial = mem::replace(&mut live.state, GroupState::PreparingRebalance) == GroupState::Empty;
        if live.initial {
            live.more_joined = false;
            let rest_ms = live.rebalance_timeout_ms().saturating_sub(delay_ms);
            live.initial_wait_ms = Some((delay_ms, rest_ms));
            timers.set(&mut live.join_alarm, now.after_ms(delay_ms), || Timer::Join(id.clone()));
        } else if live.has_everyone() {
            self.complete_join(id);
        } else {
            let due = now.after_ms(live.rebalance_timeout_ms());
            timers.set(&mut live.join_alarm, due, || Timer::Join(id.clone()));
        }
    }

    /// Members that wait for an assignment are asked to join again instead.
    fn cancel_syncs(&mut self, id: &GroupId) {
        let now = self.now();
        let (live, timers) = self.change(id);
        let waiting: Vec<Arc<str>> = live
            .members
            .iter()
            .filter(|(_, member)| member.sync.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        let mut tickets = Vec::with_capacity(waiting.len());
        for member in &waiting {
            tickets.extend(live.members.get_mut(member).and_then(|member| member.sync.take()));
            live.hear_of(id, member, now, timers);
        }
        for ticket in tickets {
            self.refuse(id, ticket, ErrorKind::RebalanceInProgress);
        }
    }

    /// Completes the rebalance if it was waiting for nobody else. An initial one ends by time only.
    pub(super) fn maybe_complete_join(&mut self, id: &GroupId) {
        let (live, _) = self.change(id);
        if live.state == GroupState::PreparingRebalance && !live.initial && live.has_everyone() {
            self.complete_join(id);
        }
    }

    /// Someone who was waited for is gone, by time or by its own wish before it had joined.
    pub(super) fn complete_join_if_everyone(&mut self, id: &GroupId) {
        let (live, _) = self.change(id);
        if live.state == GroupState::PreparingRebalance && live.has_everyone() {
            self.complete_join(id);
        }
    }

    /// The wait for members is over: extends an initial one if more have come, else makes up the generation.
    pub(super) fn on_join_due(&mut self, id: &GroupId) {
        let (now, step_ms) = (self.now(), self.shard.groups.options.initial_delay_ms);
        let (live, timers) = self.change(id);
        if let Some((delay_ms, rest_ms)) = live.initial_wait_ms
            && live.more_joined
            && rest_ms > 0
        {
            live.more_joined = false;
            let next_ms = step_ms.min(rest_ms);
            live.initial_wait_ms = Some((next_ms, rest_ms.saturating_sub(delay_ms)));
            timers.set(&mut live.join_alarm, now.after_ms(next_ms), || Timer::Join(id.clone()));
        } else {
            self.complete_join(id);
        }
    }

    /// Makes up the next generation of those who have joined. Static members that have not stay until their session
    /// ends; if nobody at all has joined, everyone gets one more rebalance timeout.
    pub(super) fn complete_join(&mut self, id: &GroupId) {
        let now = self.now();
        let (live, timers) = self.change(id);
        timers.clear(&mut live.join_alarm, || Timer::Join(id.clone()));
        live.initial_wait_ms = None;
        let is_absent = |member: &super::live::Member| member.join.is_none() && member.instance.is_none();
        let absent: Vec<Arc<str>> =
            live.members.iter().filter(|(_, member)| is_absent(member)).map(|(id, _)| id.clone()).collect();
        for member in absent {
            self.evict(id, &member, ErrorKind::UnknownMember);
        }
        let (live, timers) = self.change(id);
        let has_joined = |id: &Arc<str>| live.members.get(id).is_some_and(|member| member.join.is_some());
        if !live.leader.as_ref().is_some_and(has_joined) {
            let first =
                live.members.iter().find(|(_, member)| member.join.is_some()).map(|(id, _)| id.clone());
            if first.is_none() && !live.members.is_empty() {
                let due = now.after_ms(live.rebalance_timeout_ms());
                timers.set(&mut live.join_alarm, due, || Timer::Join(id.clone()));
                return;
            }
            live.leader = first;
        }
        live.initial = false;
        live.generation = live.generation.next();
        if live.members.is_empty() {
            live.state = GroupState::Empty;
            live.protocol_name = None;
            self.record_roster(id);
        } else {
            self.begin_generation(id);
        }
    }

    /// Tells everyone the generation they are in, and waits for them to sync.
    fn begin_generation(&mut self, id: &GroupId) {
        let now = self.now();
        let (live, timers) = self.change(id);
        live.state = GroupState::CompletingRebalance;
        let chosen = live.select_protocol();
        live.protocol_name =
            Some(chosen.expect("nobody is let in who shares no protocol with everyone else"));
        live.unsynced = live.members.keys().cloned().collect();
        let due = now.after_ms(live.rebalance_timeout_ms());
        timers.set(&mut live.sync_alarm, due, || Timer::Sync(id.clone()));
        for member in live.members.values_mut() {
            member.assignment = Bytes::new();
        }
        self.record_roster(id);
        let (live, _) = self.change(id);
        let everyone: Vec<Arc<str>> = live.members.keys().cloned().collect();
        for member in everyone {
            let (live, timers) = self.change(id);
            live.hear_of(id, &member, now, timers);
            let ticket = live.take_join(&member);
            live.members.get_mut(&member).expect("one of the members").is_new = false;
            if let Some(ticket) = ticket {
                let joined = self.joined(id, &member);
                self.answer(id, ticket, GroupReply::Joined(joined));
            }
        }
    }

    /// What a member of the current generation is told when it joins.
    pub(super) fn joined(&self, id: &GroupId, member: &Arc<str>) -> Joined {
        let live = self.live(id).expect("the caller has found the group");
        let protocol_name = live.protocol_name.clone().expect("a generation with members has a protocol");
        let leader = live.leader.clone().expect("a generation with members has a leader");
        let mut members = Vec::new();
        if *member == leader {
            members.extend(live.members.iter().map(|(id, member)| JoinedMember {
                member: id.clone(),
                instance: member.instance.clone(),
                metadata: member.metadata(&protocol_name),
            }));
        }
        Joined {
            member: member.clone(),
            generation: live.generation,
            protocol_type: live.protocol_type.clone().expect("a generation has a type"),
            protocol_name,
            leader,
            members,
            skip_assignment: false,
        }
    }
}
