//! The live membership of one group: who is in, who waits for what, and which protocol they would choose.
//!
//! Apart because it is bookkeeping without decisions: counts and indexes that must agree with each other, changed
//! by the event modules through a few operations that keep them so.

use super::request::{Generation, GroupId, GroupState, JoinGroup, OfferedProtocol, Subscription};
use super::roster::{Roster, RosterMember};
use super::timers::{Alarm, Timer, Timers};
use crate::effect::Ticket;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::{EngineTime, ErrorKind};

/// Shortest wait for a rebalance: members may ask for none at all, and a group of static members that are away
/// would then try again without pause.
const REBALANCE_TIMEOUT_MIN_MS: u64 = 100;

/// A member.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) instance: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) session_timeout_ms: u32,
    pub(super) rebalance_timeout_ms: u32,
    /// In the order of preference, no name twice.
    pub(super) protocols: Vec<OfferedProtocol>,
    pub(super) subscription: Subscription,
    pub(super) assignment: Bytes,
    /// Its join that is not answered yet.
    pub(super) join: Option<Ticket>,
    /// Its sync that is not answered yet.
    pub(super) sync: Option<Ticket>,
    /// It has not been told its id yet, so it cannot be heard of.
    pub(super) is_new: bool,
    pub(super) session: Alarm,
}

impl Member {
    /// Bytes that it counts against the roster's limit.
    pub(super) fn weight(&self, id: &str) -> usize {
        let texts = [self.instance.as_ref(), Some(&self.client_id), Some(&self.client_host)];
        let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        weight(&self.protocols, &self.subscription) + id.len() + texts
    }

    /// What it said in a protocol.
    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|offered| *offered.name == *protocol);
        found.map(|offered| offered.metadata.clone()).unwrap_or_default()
    }
}

/// Bytes of a member in a roster beside its texts, metadata and assignment.
const MEMBER_BYTES: usize = 64;

/// Bytes that an offer counts against the roster's limit.
pub(super) fn weight(protocols: &[OfferedProtocol], subscription: &Subscription) -> usize {
    let names = match subscription {
        Subscription::Streams(names) => names.iter().map(|name| name.len() + 4).sum(),
        Subscription::Opaque | Subscription::Unknown => 0,
    };
    MEMBER_BYTES + protocols.iter().map(|offered| offered.metadata.len()).sum::<usize>() + names
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) state: GroupState,
    pub(super) generation: Generation,
    pub(super) since: EngineTime,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol_name: Option<Arc<str>>,
    /// One of the members, whenever there is any.
    pub(super) leader: Option<Arc<str>>,
    pub(super) members: BTreeMap<Arc<str>, Member>,
    /// Static identities and who has them.
    pub(super) statics: BTreeMap<Arc<str>, Arc<str>>,
    /// Ids that were given out to join with.
    pub(super) pending: BTreeMap<Arc<str>, Alarm>,
    /// Members of the generation that have not synced yet.
    pub(super) unsynced: BTreeSet<Arc<str>>,
    /// How many members have a `join` ticket.
    pub(super) joining: usize,
    /// How many members offer a protocol.
    offered: BTreeMap<Arc<str>, usize>,
    /// Sum of the members' weights.
    pub(super) bytes: usize,
    /// The rebalance that is being prepared began in an empty group: it ends by time, not when all have joined.
    pub(super) initial: bool,
    /// Someone joined since that wait was last extended.
    pub(super) more_joined: bool,
    /// During an initial rebalance: the wait's length, and how much it may still be extended.
    pub(super) initial_wait_ms: Option<(u64, u64)>,
    pub(super) join_alarm: Alarm,
    pub(super) sync_alarm: Alarm,
}

impl Live {
    /// The conversation that a roster stands for, its timers starting now.
    pub(super) fn resume(id: &GroupId, roster: &Roster, now: EngineTime, timers: &mut Timers) -> Live {
        let mut live = Live {
            generation: roster.generation,
            since: roster.since,
            protocol_type: roster.protocol_type.clone(),
            protocol_name: roster.protocol_name.clone(),
            leader: roster.leader.clone(),
            ..Live::default()
        };
        for stored in &roster.members {
            let name = roster.protocol_name.clone().unwrap_or_default();
            let member = Member {
                instance: stored.instance.clone(),
                client_id: stored.client_id.clone(),
                client_host: stored.client_host.clone(),
                session_timeout_ms: stored.session_timeout_ms,
                rebalance_timeout_ms: stored.rebalance_timeout_ms,
                protocols: Vec::from([OfferedProtocol { name, metadata: stored.metadata.clone() }]),
                subscription: stored.subscription.clone(),
                assignment: stored.assignment.clone(),
                ..Member::default()
            };
            live.add(stored.member.clone(), member);
            live.hear_of(id, &stored.member, now, timers);
        }
        live.state = match (roster.members.is_empty(), roster.assigned) {
            (true, _) => GroupState::Empty,
            (false, true) => GroupState::Stable,
            (false, false) => GroupState::CompletingRebalance,
        };
        if live.state == GroupState::CompletingRebalance {
            live.unsynced = live.members.keys().cloned().collect();
            let due = now.after_ms(live.rebalance_timeout_ms());
            timers.set(&mut live.sync_alarm, due, || Timer::Sync(id.clone()));
        }
        live
    }

    /// After recovery with a smaller limit than before: everyone is asked to join again, and those that the group
    /// has no room for are not let in.
    pub(super) fn ask_to_rejoin(&mut self, id: &GroupId, now: EngineTime, timers: &mut Timers) {
        self.unsynced.clear();
        timers.clear(&mut self.sync_alarm, || Timer::Sync(id.clone()));
        self.state = GroupState::PreparingRebalance;
        let due = now.after_ms(self.rebalance_timeout_ms());
        timers.set(&mut self.join_alarm, due, || Timer::Join(id.clone()));
    }

    /// The roster to record.
    pub(super) fn roster(&self) -> Roster {
        let protocol = self.protocol_name.clone().unwrap_or_default();
        let stored = self.members.iter().map(|(id, member)| RosterMember {
            member: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            session_timeout_ms: member.session_timeout_ms,
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            metadata: member.metadata(&protocol),
            assignment: member.assignment.clone(),
            subscription: member.subscription.clone(),
        });
        Roster {
            generation: self.generation,
            since: self.since,
            assigned: self.state == GroupState::Stable,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone(),
            members: stored.collect(),
        }
    }

    /// Bytes of any roster that can be recorded before someone joins or an assignment comes.
    pub(super) fn roster_bytes_max(&self) -> usize {
        let members: usize =
            self.members.iter().map(|(id, member)| member.weight(id) + member.assignment.len()).sum();
        let leader = self.members.keys().map(|id| id.len()).max();
        let protocol = self.offered.keys().chain(&self.protocol_name).map(|name| name.len()).max();
        let texts = [leader, protocol, self.protocol_type.as_ref().map(|name| name.len())];
        members + texts.into_iter().flatten().sum::<usize>() + MEMBER_BYTES
    }

    /// Adds a member; the first one sets the protocol type elsewhere and becomes leader here.
    pub(super) fn add(&mut self, id: Arc<str>, member: Member) {
        if let Some(instance) = &member.instance {
            let before = self.statics.insert(instance.clone(), id.clone());
            assert!(before.is_none(), "a static identity has one member");
        }
        self.bytes += member.weight(&id);
        self.joining += usize::from(member.join.is_some());
        for offered in &member.protocols {
            *self.offered.entry(offered.name.clone()).or_default() += 1;
        }
        self.leader.get_or_insert_with(|| id.clone());
        let before = self.members.insert(id, member);
        assert!(before.is_none(), "a member's id is its own");
    }

    /// Removes a member, or someone who was given an id to join with. What it still waits for is for the caller to
    /// answer.
    pub(super) fn remove(&mut self, group: &GroupId, id: &Arc<str>, timers: &mut Timers) -> Option<Member> {
        let timer = || Timer::Session(group.clone(), id.clone());
        if let Some(mut alarm) = self.pending.remove(id) {
            timers.clear(&mut alarm, timer);
        }
        let mut member = self.members.remove(id)?;
        timers.clear(&mut member.session, timer);
        self.unsynced.remove(id);
        self.bytes -= member.weight(id);
        self.joining -= usize::from(member.join.is_some());
        self.withdraw(&member.protocols);
        if let Some(instance) = &member.instance {
            self.statics.remove(instance);
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    fn withdraw(&mut self, protocols: &[OfferedProtocol]) {
        for offered in protocols {
            let count = self.offered.get_mut(&offered.name).expect("every offer is counted");
            *count -= 1;
            if *count == 0 {
                self.offered.remove(&offered.name);
            }
        }
    }

    /// A member says something new of itself and waits for the next generation. Returns the join of its own that this
    /// one replaces.
    pub(super) fn rejoin(&mut self, id: &Arc<str>, join: &JoinGroup, ticket: Ticket) -> Option<Ticket> {
        let mut member = self.members.remove(id).expect("the caller has found the member");
        self.withdraw(&member.protocols);
        self.bytes -= member.weight(id);
        member.protocols.clone_from(&join.protocols);
        member.subscription = join.subscription.clone();
        member.session_timeout_ms = join.session_timeout_ms;
        member.rebalance_timeout_ms = join.rebalance_timeout_ms;
        self.bytes += member.weight(id);
        for offered in &member.protocols {
            *self.offered.entry(offered.name.clone()).or_default() += 1;
        }
        let before = member.join.replace(ticket);
        self.joining += usize::from(before.is_none());
        self.members.insert(id.clone(), member);
        before
    }

    /// Takes a member's unanswered join.
    pub(super) fn take_join(&mut self, id: &Arc<str>) -> Option<Ticket> {
        let ticket = self.members.get_mut(id)?.join.take();
        self.joining -= usize::from(ticket.is_some());
        ticket
    }

    /// Checks that a caller is who it says.
    pub(super) fn identify(&self, member: &Arc<str>, instance: Option<&Arc<str>>) -> Result<(), ErrorKind> {
        if let Some(instance) = instance {
            let holder = self.statics.get(instance).ok_or(ErrorKind::UnknownMember)?;
            if holder != member {
                return Err(ErrorKind::FencedInstance);
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(ErrorKind::UnknownMember) }
    }

    /// A member gets its whole session timeout again.
    pub(super) fn hear_of(&mut self, group: &GroupId, id: &Arc<str>, now: EngineTime, timers: &mut Timers) {
        if let Some(member) = self.members.get_mut(id) {
            let due = now.after_ms(u64::from(member.session_timeout_ms));
            timers.set(&mut member.session, due, || Timer::Session(group.clone(), id.clone()));
        }
    }

    /// Whether someone with this offer could be in the group.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[OfferedProtocol]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|offered| self.is_common(&offered.name))
    }

    fn is_common(&self, protocol: &Arc<str>) -> bool {
        self.offered.get(protocol).copied().unwrap_or(0) == self.members.len()
    }

    /// The protocol that most members prefer among those that all offer; of several, the first by name.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members.values() {
            let vote = member.protocols.iter().find(|offered| self.is_common(&offered.name))?;
            *votes.entry(&vote.name).or_default() += 1;
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name.clone())
    }

    /// Everyone who was asked to join has.
    pub(super) fn has_everyone(&self) -> bool {
        self.members.len() == self.joining && self.pending.is_empty()
    }

    /// How long to wait for the slowest member.
    pub(super) fn rebalance_timeout_ms(&self) -> u64 {
        let most = self.members.values().map(|member| u64::from(member.rebalance_timeout_ms)).max();
        most.unwrap_or(0).max(REBALANCE_TIMEOUT_MIN_MS)
    }
}
