//! A join: someone wants to be in the next generation, or to be told of the one it is in.
//!
//! Apart because this is where strangers come in: everything that they bring is measured here. What a rebalance then
//! does is in `rebalance.rs`; members that come back under a static identity are in `replace.rs`.

use super::act::Act;
use super::group::Group;
use super::live::{Live, Member, weight};
use super::reply::GroupReply;
use super::request::{GroupId, GroupState, JoinGroup, OfferedProtocol};
use super::timers::{Alarm, Timer};
use crate::effect::Ticket;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::ErrorKind;
use millstream_types::limits::{
    GROUP_MEMBERS_BYTES_MAX, GROUP_PROTOCOLS_PER_MEMBER_MAX, GROUPS_MAX, MEMBER_TEXT_BYTES_MAX,
    MEMBERS_PER_GROUP_MAX, NAME_BYTES_MAX,
};

/// A new member that waits for its group is given up after this long, whatever its session timeout: it has no id yet,
/// so it cannot be heard of, and a client that gave up itself has left it behind. Five minutes.
const NEW_MEMBER_TIMEOUT_MS: u64 = 300_000;
/// What an id adds to the name it begins with: a hyphen and 36 characters.
const MEMBER_ID_SUFFIX_BYTES: usize = 37;

/// Checks a group's name: 1 to 255 bytes.
pub(super) fn check_group(id: &GroupId) -> Result<(), ErrorKind> {
    if (1..=NAME_BYTES_MAX).contains(&id.name.len()) { Ok(()) } else { Err(ErrorKind::InvalidName) }
}

fn check_sizes(join: &JoinGroup) -> Result<(), ErrorKind> {
    let names = join.protocols.iter().map(|offered| &offered.name);
    let texts = [&join.client_id, &join.client_host, &join.protocol_type];
    let mut texts = texts.into_iter().chain(&join.instance).chain(names);
    let fits = texts.all(|text| text.len() <= MEMBER_TEXT_BYTES_MAX)
        && join.member.len() <= MEMBER_TEXT_BYTES_MAX + MEMBER_ID_SUFFIX_BYTES
        && join.protocols.len() <= GROUP_PROTOCOLS_PER_MEMBER_MAX;
    if fits { Ok(()) } else { Err(ErrorKind::LimitExceeded) }
}

/// What the member will count against the roster's limit; its id may be still to come.
fn join_weight(join: &JoinGroup) -> usize {
    let texts = [Some(&join.member), join.instance.as_ref(), Some(&join.client_id), Some(&join.client_host)];
    let name = join.instance.as_ref().unwrap_or(&join.client_id).len() + MEMBER_ID_SUFFIX_BYTES;
    let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
    weight(&join.protocols, &join.subscription) + texts + name
}

/// Copies what will be kept out of the buffer it came in, and drops offers that repeat a name.
fn keep(protocols: &[OfferedProtocol]) -> Vec<OfferedProtocol> {
    let mut kept: Vec<OfferedProtocol> = Vec::with_capacity(protocols.len());
    for offered in protocols {
        if kept.iter().all(|before| before.name != offered.name) {
            let metadata = Bytes::copy_from_slice(&offered.metadata);
            kept.push(OfferedProtocol { name: offered.name.clone(), metadata });
        }
    }
    kept
}

/// An id that nobody else has: what the client is called, then 128 random bits in the usual notation.
fn member_id(join: &JoinGroup) -> Arc<str> {
    let hex: String = format!("{:032x}", join.random);
    let name = join.instance.as_ref().unwrap_or(&join.client_id);
    format!("{name}-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]).into()
}

impl Act<'_> {
    /// Decides a join. An error is for the caller to answer with; otherwise it is answered or waits.
    pub(super) fn join(&mut self, ticket: Ticket, mut join: JoinGroup) -> Result<(), ErrorKind> {
        let options = self.shard.groups.options;
        check_group(&join.group)?;
        if !(options.session_timeout_min_ms..=options.session_timeout_max_ms)
            .contains(&join.session_timeout_ms)
        {
            return Err(ErrorKind::InvalidSessionTimeout);
        }
        check_sizes(&join)?;
        join.protocols = keep(&join.protocols);
        let id = join.group.clone();
        if self.group(&id).is_none() {
            if !join.member.is_empty() {
                return Err(ErrorKind::UnknownMember);
            }
            if !Live::default().supports(&join.protocol_type, &join.protocols) {
                return Err(ErrorKind::InconsistentProtocol);
            }
            if self.shard.groups.by_id.len() >= GROUPS_MAX {
                return Err(ErrorKind::LimitExceeded);
            }
            self.groups().by_id.insert(id.clone(), Group::default());
        }
        let members_max = options.members_max.min(MEMBERS_PER_GROUP_MAX);
        let (live, _) = self.change(&id);
        if !has_room(live, &join.member, members_max) {
            if !join.member.is_empty() {
                self.evict(&id, &join.member, ErrorKind::GroupFull);
                self.maybe_complete_join(&id);
            }
            return Err(ErrorKind::GroupFull);
        }
        let before = live.members.get(&join.member).map_or(0, |member| member.weight(&join.member));
        if live.bytes - before + join_weight(&join) > GROUP_MEMBERS_BYTES_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        if !live.supports(&join.protocol_type, &join.protocols) {
            return Err(ErrorKind::InconsistentProtocol);
        }
        if join.member.is_empty() { self.join_new(ticket, join) } else { self.join_again(ticket, join) }
    }

    fn join_new(&mut self, ticket: Ticket, join: JoinGroup) -> Result<(), ErrorKind> {
        let now = self.now();
        let (id, member) = (join.group.clone(), member_id(&join));
        let (live, timers) = self.change(&id);
        if let Some(instance) = &join.instance {
            if let Some(before) = live.statics.get(instance).cloned() {
                self.replace_static(ticket, &join, &before, member);
                return Ok(());
            }
        } else if join.require_known_member {
            if live.pending.len() >= MEMBERS_PER_GROUP_MAX {
                return Err(ErrorKind::GroupFull);
            }
            let mut alarm = Alarm::default();
            let due = now.after_ms(u64::from(join.session_timeout_ms));
            timers.set(&mut alarm, due, || Timer::Session(id.clone(), member.clone()));
            let before = live.pending.insert(member.clone(), alarm);
            assert!(before.is_none(), "random ids do not repeat");
            self.answer(&id, ticket, GroupReply::MemberIdRequired { member });
            return Ok(());
        }
        self.add_member(ticket, join, member);
        Ok(())
    }

    fn join_again(&mut self, ticket: Ticket, join: JoinGroup) -> Result<(), ErrorKind> {
        let (id, member) = (join.group.clone(), join.member.clone());
        let (live, _) = self.change(&id);
        if live.pending.contains_key(&member) {
            if join.instance.is_some() {
                return Err(ErrorKind::UnknownMember);
            }
            self.add_member(ticket, join, member);
            return Ok(());
        }
        live.identify(&member, join.instance.as_ref())?;
        let is_same = live.members[&member].protocols == join.protocols;
        let is_leader = live.leader.as_ref() == Some(&member);
        let is_current = match live.state {
            GroupState::Empty => return Err(ErrorKind::UnknownMember),
            GroupState::PreparingRebalance => false,
            // It may not have got the answer to its first join.
            GroupState::CompletingRebalance => is_same,
            // A leader that joins again wants a rebalance: something that its members' metadata do not show has
            // changed.
            GroupState::Stable => is_same && !is_leader,
        };
        if is_current {
            let joined = self.joined(&id, &member);
            self.answer(&id, ticket, GroupReply::Joined(joined));
            return Ok(());
        }
        if let Some(replaced) = live.rejoin(&member, &join, ticket) {
            self.refuse(&id, replaced, ErrorKind::RebalanceInProgress);
        }
        self.rebalance(&id);
        Ok(())
    }

    fn add_member(&mut self, ticket: Ticket, join: JoinGroup, id: Arc<str>) {
        let now = self.now();
        let group = join.group;
        let (live, timers) = self.change(&group);
        if let Some(mut alarm) = live.pending.remove(&id) {
            timers.clear(&mut alarm, || Timer::Session(group.clone(), id.clone()));
        }
        live.more_joined |= live.initial;
        if live.members.is_empty() {
            live.protocol_type = Some(join.protocol_type);
        }
        let mut member = Member {
            instance: join.instance,
            client_id: join.client_id,
            client_host: join.client_host,
            session_timeout_ms: join.session_timeout_ms,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            protocols: join.protocols,
            subscription: join.subscription,
            join: Some(ticket),
            is_new: true,
            ..Member::default()
        };
        let due = now.after_ms(NEW_MEMBER_TIMEOUT_MS);
        timers.set(&mut member.session, due, || Timer::Session(group.clone(), id.clone()));
        live.add(id, member);
        self.rebalance(&group);
    }
}

/// Whether a group takes one that joins. While it prepares a rebalance those who have joined already count, so that
/// the last ones to come are left out; afterwards everyone counts.
fn has_room(live: &Live, member: &Arc<str>, members_max: usize) -> bool {
    let known = live.members.get(member);
    match live.state {
        GroupState::Empty => true,
        GroupState::PreparingRebalance => {
            known.is_some_and(|member| member.join.is_some()) || live.joining < members_max
        }
        GroupState::CompletingRebalance | GroupState::Stable => {
            known.is_some() || live.members.len() < members_max
        }
    }
}
