//! Members for tests: requests with the usual values filled in, and replies taken apart.
//!
//! Apart because a test should show only what it is about.

use crate::broker::Broker;
use bytes::Bytes;
use millstream_core::cursor::{
    CommitOffsets, CommittedOffset, Generation, GroupDescription, GroupId, GroupReply, GroupRequest,
    GroupState, Heartbeat, JoinGroup, Joined, LeaveGroup, LeavingMember, OfferedProtocol, OffsetToCommit,
    Subscription, SyncGroup, Synced,
};
use millstream_core::{Reply, Ticket};
use millstream_types::{ErrorKind, LogId, Namespace, Offset};
use std::sync::Arc;

pub(crate) const SESSION_MS: u64 = 10_000;
pub(crate) const REBALANCE_MS: u64 = 60_000;

pub(crate) fn group(name: &str) -> GroupId {
    GroupId { namespace: Namespace::DEFAULT, name: name.into() }
}

/// A join of the group `g`: by `member`, or of a stranger whose id will end in `random`.
pub(crate) fn join(member: &str, random: u128) -> JoinGroup {
    JoinGroup {
        group: group("g"),
        member: member.into(),
        instance: None,
        client_id: "client".into(),
        client_host: "/10.0.0.1".into(),
        session_timeout_ms: u32::try_from(SESSION_MS).expect("small"),
        rebalance_timeout_ms: u32::try_from(REBALANCE_MS).expect("small"),
        protocol_type: "consumer".into(),
        protocols: vec![offer("range", "r"), offer("sticky", "s")],
        subscription: Subscription::Streams(vec!["read".into()]),
        require_known_member: false,
        can_skip_assignment: true,
        random,
    }
}

pub(crate) fn offer(name: &str, metadata: &str) -> OfferedProtocol {
    OfferedProtocol { name: name.into(), metadata: Bytes::copy_from_slice(metadata.as_bytes()) }
}

pub(crate) fn sync(member: &str, generation: Generation, assignments: &[(&str, &str)]) -> SyncGroup {
    let assign =
        |(member, bytes): &(&str, &str)| (Arc::from(*member), Bytes::copy_from_slice(bytes.as_bytes()));
    SyncGroup {
        group: group("g"),
        member: member.into(),
        instance: None,
        generation,
        protocol_type: Some("consumer".into()),
        protocol_name: None,
        assignments: assignments.iter().map(assign).collect(),
    }
}

pub(crate) fn commit(member: &str, generation: Generation, offsets: &[(LogId, u64)]) -> CommitOffsets {
    let one = |(log, offset): &(LogId, u64)| OffsetToCommit {
        log: *log,
        offset: Offset(*offset),
        leader_epoch: 3,
        metadata: "note".into(),
    };
    CommitOffsets {
        group: group("g"),
        member: member.into(),
        instance: None,
        generation,
        retention_ms: None,
        offsets: offsets.iter().map(one).collect(),
    }
}

/// A commit by a reader outside the membership.
pub(crate) fn simple_commit(name: &str, offsets: &[(LogId, u64)]) -> CommitOffsets {
    CommitOffsets { group: group(name), ..commit("", Generation::NONE, offsets) }
}

impl Broker {
    pub(crate) fn join(&mut self, join: JoinGroup) -> Ticket {
        self.group(GroupRequest::Join(join))
    }

    pub(crate) fn sync(&mut self, sync: SyncGroup) -> Ticket {
        self.group(GroupRequest::Sync(sync))
    }

    /// The reply to a ticket, which must have left.
    pub(crate) fn reply(&mut self, ticket: Ticket) -> Result<GroupReply, ErrorKind> {
        match self.take(ticket).expect("the request is answered") {
            Reply::Group(reply) => Ok(*reply),
            Reply::Refused(kind) => Err(kind),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask(&mut self, request: GroupRequest) -> Result<GroupReply, ErrorKind> {
        let ticket = self.group(request);
        self.reply(ticket)
    }

    pub(crate) fn joined(&mut self, ticket: Ticket) -> Joined {
        match self.reply(ticket) {
            Ok(GroupReply::Joined(joined)) => joined,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn synced(&mut self, ticket: Ticket) -> Synced {
        match self.reply(ticket) {
            Ok(GroupReply::Synced(synced)) => synced,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn heartbeat(&mut self, member: &str, generation: Generation) -> Result<(), ErrorKind> {
        let beat = Heartbeat { group: group("g"), member: member.into(), instance: None, generation };
        self.ask(GroupRequest::Heartbeat(beat)).map(|_| ())
    }

    pub(crate) fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<Result<(), ErrorKind>> {
        let one = |(member, instance): &(&str, Option<&str>)| LeavingMember {
            member: Arc::from(*member),
            instance: instance.map(Arc::from),
        };
        let members = members.iter().map(one).collect();
        match self.ask(GroupRequest::Leave(LeaveGroup { group: group("g"), members })) {
            Ok(GroupReply::Left(results)) => results,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn commit(&mut self, commit: CommitOffsets) -> Result<Vec<Result<(), ErrorKind>>, ErrorKind> {
        match self.ask(GroupRequest::CommitOffsets(commit))? {
            GroupReply::OffsetsCommitted(results) => Ok(results),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn fetch(
        &mut self,
        name: &str,
        logs: Option<&[LogId]>,
    ) -> Vec<(LogId, Option<CommittedOffset>)> {
        let logs = logs.map(<[LogId]>::to_vec);
        match self.ask(GroupRequest::FetchOffsets { group: group(name), logs }) {
            Ok(GroupReply::Offsets(offsets)) => offsets,
            other => panic!("{other:?}"),
        }
    }

    /// The offsets of a group as plain numbers.
    pub(crate) fn positions(&mut self, name: &str) -> Vec<(LogId, u64)> {
        let all = self.fetch(name, None).into_iter();
        all.map(|(log, offset)| (log, offset.expect("only those that exist").offset.0)).collect()
    }

    pub(crate) fn describe(&mut self, name: &str) -> Result<GroupDescription, ErrorKind> {
        match self.ask(GroupRequest::Describe { groups: vec![group(name)] }) {
            Ok(GroupReply::Described(mut groups)) => groups.remove(0),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn state(&mut self) -> Option<GroupState> {
        self.describe("g").ok().map(|group| group.state)
    }

    pub(crate) fn delete_group(&mut self, name: &str) -> Result<(), ErrorKind> {
        match self.ask(GroupRequest::Delete { groups: vec![group(name)] }) {
            Ok(GroupReply::Deleted(mut results)) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// A stable group `g` of a leader and a follower, in that order.
    pub(crate) fn pair(&mut self) -> (Arc<str>, Arc<str>, Generation) {
        self.pair_of(join("", 1), join("", 2))
    }

    pub(crate) fn pair_of(&mut self, one: JoinGroup, other: JoinGroup) -> (Arc<str>, Arc<str>, Generation) {
        let tickets = [self.join(one), self.join(other)];
        self.advance(self.options.groups.initial_delay_ms * 2);
        let [one, other] = tickets.map(|ticket| self.joined(ticket));
        let (leader, follower) = if one.leader == one.member { (one, other) } else { (other, one) };
        let (generation, leader, follower) = (leader.generation, leader.member, follower.member);
        let second = self.sync(sync(&follower, generation, &[]));
        let first =
            self.sync(sync(&leader, generation, &[(&leader, "to leader"), (&follower, "to follower")]));
        assert_eq!(self.synced(first).assignment, "to leader");
        assert_eq!(self.synced(second).assignment, "to follower");
        (leader, follower, generation)
    }
}
