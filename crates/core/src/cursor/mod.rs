//! Cursors: named reading positions, and the groups of members that share them.
//!
//! Apart because positions outlive members: a group's committed offsets are durable entries, its membership is a
//! conversation that survives a restart only as far as its members need.

mod options;
mod reply;
mod request;

pub use options::GroupOptions;
pub use reply::{
    CommittedOffset, GroupDescription, GroupReply, GroupSummary, Joined, JoinedMember, MemberDescription,
    Synced,
};
pub use request::{
    CommitOffsets, Generation, GroupId, GroupRequest, GroupState, Heartbeat, JoinGroup, LeaveGroup,
    LeavingMember, OfferedProtocol, OffsetToCommit, Subscription, SyncGroup,
};

use crate::codec::{DecodeError, Decoder, Encoder};
use crate::effect::{Effects, Ticket};
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use millstream_types::{EngineTime, ErrorKind, WalPosition};

/// A durable change of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupEntry {}

/// Where the walk over group images goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupImageKey {}

/// All groups of a shard.
#[derive(Debug)]
pub(crate) struct Groups {
    options: GroupOptions,
}

impl GroupEntry {
    pub(crate) fn put(&self, _out: &mut Encoder<'_>) {
        match *self {}
    }
    pub(crate) fn get(tag: u8, _input: &mut Decoder<'_>) -> Result<GroupEntry, DecodeError> {
        Err(DecodeError::UnknownTag(tag))
    }
}

impl Groups {
    pub(crate) fn new(options: GroupOptions) -> Groups {
        Groups { options }
    }
    pub(crate) fn next_deadline(&self) -> Option<EngineTime> {
        None
    }
    pub(crate) fn fold(&mut self, _position: WalPosition, entry: GroupEntry) {
        match entry {}
    }
    pub(crate) fn first_image(&self) -> Option<GroupImageKey> {
        None
    }
    pub(crate) fn image(&self, key: GroupImageKey, _out: &mut Encoder<'_>) -> Option<GroupImageKey> {
        match key {}
    }
    pub(crate) fn restore(
        &mut self,
        tag: u8,
        _stamp: WalPosition,
        _input: &mut Decoder<'_>,
    ) -> Result<(), DecodeError> {
        Err(DecodeError::UnknownTag(tag))
    }
    pub(crate) fn resume(&mut self, _now: EngineTime) {}
}

pub(crate) fn apply(shard: &mut Shard, _: Turn, ticket: Ticket, _: GroupRequest, effects: &mut Effects) {
    let kind =
        if shard.groups.options.members_max == 0 { ErrorKind::GroupFull } else { ErrorKind::Overloaded };
    effects.reply_now(ticket, Reply::Refused(kind));
}

pub(crate) fn tick(_: &mut Shard, _: Turn, _: &mut Effects) {}
