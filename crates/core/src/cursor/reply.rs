//! What a shard answers about a group.
//!
//! Apart from the requests because most refusals are not here: a request that is refused as a whole is answered
//! with [`Reply::Refused`](crate::Reply::Refused).

use super::request::{Generation, GroupState};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::{EngineTime, ErrorKind, LogId, Offset};

/// The answer to a [`GroupRequest`](super::GroupRequest).
#[derive(Debug)]
pub enum GroupReply {
    /// The member is in the new generation.
    Joined(Joined),
    /// The member was given an id and shall join again with it.
    MemberIdRequired {
        /// The id.
        member: Arc<str>,
    },
    /// The member's assignment.
    Synced(Synced),
    /// The heartbeat was heard.
    Alive,
    /// One result per leaving member, in the order of the request: `UnknownMember`, `FencedInstance`.
    Left(Vec<Result<(), ErrorKind>>),
    /// One result per offset, in the order of the request: `MetadataTooLarge`, `UnknownStream`, `UnknownLog`,
    /// `LimitExceeded`.
    OffsetsCommitted(Vec<Result<(), ErrorKind>>),
    /// Committed offsets: one per log asked for, in the order of the request and `None` where there is none; or all
    /// there are, in the order of log ids.
    Offsets(Vec<(LogId, Option<CommittedOffset>)>),
    /// One result per log, in the order of the request: `GroupSubscribed`. A log without an offset is no error.
    OffsetsDeleted(Vec<Result<(), ErrorKind>>),
    /// One per group, in the order of the request: `UnknownGroup`.
    Described(Vec<Result<GroupDescription, ErrorKind>>),
    /// One page of groups.
    Listed {
        /// The groups, in the order of their names.
        groups: Vec<GroupSummary>,
        /// Where the next page starts: [`GroupRequest::List`](super::GroupRequest::List)'s `after`. `None`: this
        /// was the last one.
        next: Option<Arc<str>>,
    },
    /// One result per group, in the order of the request: `UnknownGroup`, `GroupNotEmpty`.
    Deleted(Vec<Result<(), ErrorKind>>),
}

/// See [`GroupReply::Joined`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The member's id.
    pub member: Arc<str>,
    /// The generation it is in.
    pub generation: Generation,
    /// The group's protocol type.
    pub protocol_type: Arc<str>,
    /// The protocol that was chosen.
    pub protocol_name: Arc<str>,
    /// The member that hands in the assignment. It may name a member that is gone: then someone came back under
    /// that static identity and nothing is to be assigned.
    pub leader: Arc<str>,
    /// For the leader: everyone in the generation. Empty for others.
    pub members: Vec<JoinedMember>,
    /// For a leader that came back under its static identity: the assignment stands, fetch it.
    pub skip_assignment: bool,
}

/// A member, as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member: Arc<str>,
    /// Its static identity.
    pub instance: Option<Arc<str>>,
    /// What it said in the chosen protocol.
    pub metadata: Bytes,
}

/// See [`GroupReply::Synced`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The group's protocol type.
    pub protocol_type: Arc<str>,
    /// The protocol that was chosen.
    pub protocol_name: Arc<str>,
    /// The member's share as the leader wrote it; empty when the leader gave it none.
    pub assignment: Bytes,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The offset of the next record to read.
    pub offset: Offset,
    /// The leader epoch given with it, −1 if none.
    pub leader_epoch: i32,
    /// The client's note beside it.
    pub metadata: Arc<str>,
    /// When it was committed.
    pub committed: EngineTime,
    /// When it is to be forgotten, if that was asked for.
    pub expires: Option<EngineTime>,
}

/// A group, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Where it is.
    pub state: GroupState,
    /// Its generation.
    pub generation: Generation,
    /// What it is for; `None` if it never had members.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen protocol; only when stable.
    pub protocol_name: Option<Arc<str>>,
    /// Its members, in the order of their ids.
    pub members: Vec<MemberDescription>,
}

/// A member, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member: Arc<str>,
    /// Its static identity.
    pub instance: Option<Arc<str>>,
    /// What its client calls itself.
    pub client_id: Arc<str>,
    /// Where its client is.
    pub client_host: Arc<str>,
    /// What it said in the chosen protocol; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its assignment; empty if it has none.
    pub assignment: Bytes,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is.
    pub state: GroupState,
    /// What it is for; `None` if it never had members.
    pub protocol_type: Option<Arc<str>>,
}
