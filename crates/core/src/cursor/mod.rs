//! Cursors: named reading positions, and the groups of members that share them.
//!
//! Apart because positions outlive members: a group's committed offsets are durable, its membership is a conversation
//! that survives a restart as far as its members were told. The group hands metadata and assignments from member to
//! member and never opens them; which member reads what is the members' own business.
//!
//! A generation is made up when everyone has joined (**Preparing**), gets its assignments from one of its members,
//! the leader (**Completing**), and lasts until the membership changes (**Stable**). It is recorded as a
//! [`Roster`] twice: when it is made up, so that no other generation ever gets its number, and when it is assigned. The
//! rest (timers, who waits for what, joins that are under way) is volatile: after a restart the members of the last
//! recorded roster go on where they were, with fresh timers, and whoever was joining joins again.
//!
//! What happens to a group of a leader and a follower, both of whom have synced when it is Stable, the follower having
//! joined again when it is Preparing (a test walks every cell):
//!
//! | event | Empty | Preparing | Completing | Stable |
//! |---|---|---|---|---|
//! | a stranger joins | waits → Preparing | waits → Preparing | waits → Preparing | waits → Preparing |
//! | a stranger asks for an id | MemberIdRequired → Empty | MemberIdRequired → Preparing | MemberIdRequired → Completing | MemberIdRequired → Stable |
//! | a stranger joins with another type | waits → Preparing | InconsistentProtocol → Preparing | InconsistentProtocol → Completing | InconsistentProtocol → Stable |
//! | the leader joins again | UnknownMember → Empty | Joined → Completing | Joined → Completing | waits → Preparing |
//! | the follower joins again | UnknownMember → Empty | waits → Preparing | Joined → Completing | Joined → Stable |
//! | the follower joins with other metadata | UnknownMember → Empty | waits → Preparing | waits → Preparing | waits → Preparing |
//! | the leader syncs | UnknownMember → Empty | RebalanceInProgress → Preparing | Synced → Stable | Synced → Stable |
//! | the follower syncs | UnknownMember → Empty | RebalanceInProgress → Preparing | waits → Completing | Synced → Stable |
//! | the leader syncs an older generation | UnknownMember → Empty | StaleGeneration → Preparing | StaleGeneration → Completing | StaleGeneration → Stable |
//! | the leader is heard of | UnknownMember → Empty | RebalanceInProgress → Preparing | Alive → Completing | Alive → Stable |
//! | the follower leaves | UnknownMember → Empty | Left → Preparing | Left → Preparing | Left → Preparing |
//! | both leave | UnknownMember → Empty | Left → Empty | Left → Empty | Left → Empty |
//! | the leader commits | UnknownMember → Empty | Committed → Preparing | RebalanceInProgress → Completing | Committed → Stable |
//! | a stranger commits | Committed → Empty | UnknownMember → Preparing | UnknownMember → Completing | UnknownMember → Stable |
//! | the leader's session ends | nothing → Empty | nothing → Completing | nothing → Preparing | nothing → Preparing |
//! | the rebalance timeout passes | nothing → Empty | nothing → Completing | nothing → Empty | nothing → Stable |
//! | offsets are fetched | Offsets → Empty | Offsets → Preparing | Offsets → Completing | Offsets → Stable |
//! | the group is deleted | Deleted → none | GroupNotEmpty → Preparing | GroupNotEmpty → Completing | GroupNotEmpty → Stable |
//! | the broker starts again | nothing → Empty | nothing → Stable | nothing → Completing | nothing → Stable |
//!
//! The events: `join.rs` and `replace.rs` (a member that comes back), `sync.rs`, `heartbeat.rs`, `leave.rs`,
//! `commit.rs`, `offsets.rs`, `admin.rs`, `timeouts.rs`; what they lead to: `rebalance.rs`; long work: `sweep.rs`; what is
//! persisted: `roster.rs`, `entry.rs`, `image.rs`.

mod act;
mod admin;
mod commit;
mod entry;
mod group;
mod heartbeat;
mod image;
mod join;
mod leave;
mod live;
mod offsets;
mod options;
mod rebalance;
mod replace;
mod reply;
mod request;
mod roster;
mod size;
mod sweep;
mod sync;
mod timeouts;
mod timers;

pub use entry::GroupEntry;
pub(crate) use group::Groups;
pub use image::GroupImageKey;
pub use options::GroupOptions;
pub use reply::{
    CommittedOffset, GroupDescription, GroupReply, GroupSummary, Joined, JoinedMember, MemberDescription,
    Synced,
};
pub use request::{
    CommitOffsets, Generation, GroupId, GroupRequest, GroupState, Heartbeat, JoinGroup, LeaveGroup,
    LeavingMember, OfferedProtocol, OffsetToCommit, Subscription, SyncGroup,
};
pub use roster::Roster;

use crate::effect::{Effects, Ticket};
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use act::Act;
use millstream_types::ErrorKind;

/// Decides one request about groups.
pub(crate) fn apply(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    request: GroupRequest,
    effects: &mut Effects,
) {
    let mut act = Act::new(shard, turn, effects);
    match request {
        GroupRequest::Join(join) => {
            let id = join.group.clone();
            let result = act.join(ticket, join);
            act.settle(&id, ticket, result);
        }
        GroupRequest::Sync(sync) => {
            let result = act.sync(ticket, &sync);
            act.settle(&sync.group, ticket, result);
        }
        GroupRequest::Heartbeat(beat) => {
            let result = act.heartbeat(ticket, &beat);
            act.settle(&beat.group, ticket, result);
        }
        GroupRequest::Leave(leave) => {
            let result = act.leave(ticket, &leave);
            act.settle(&leave.group, ticket, result);
        }
        GroupRequest::CommitOffsets(commit) => {
            let result = act.commit(ticket, &commit);
            act.settle(&commit.group, ticket, result);
        }
        GroupRequest::FetchOffsets { group, logs } => {
            let result = act.fetch(ticket, &group, logs);
            act.settle(&group, ticket, result);
        }
        GroupRequest::DeleteOffsets { group, logs } => {
            let result = act.delete_offsets(ticket, &group, &logs);
            act.settle(&group, ticket, result);
        }
        GroupRequest::Describe { groups } => {
            let result = act.describe(ticket, &groups);
            act.settle_all(ticket, result);
        }
        GroupRequest::List { namespace, after, states } => act.list(ticket, namespace, after, &states),
        GroupRequest::Delete { groups } => {
            let result = act.delete(ticket, &groups);
            act.settle_all(ticket, result);
        }
    }
    act.finish();
}

/// Does what has become due: timers, then one slice of long work.
pub(crate) fn tick(shard: &mut Shard, turn: Turn, effects: &mut Effects) {
    let room_bytes = shard.groups.tick_entries_bytes(turn.now);
    let mut act = Act::new(shard, turn, effects);
    act.fire_timers(room_bytes);
    act.sweep(room_bytes);
    act.finish();
}

impl Act<'_> {
    /// Answers a request that was refused.
    fn settle(&mut self, id: &GroupId, ticket: Ticket, result: Result<(), ErrorKind>) {
        if let Err(kind) = result {
            self.refuse(id, ticket, kind);
        }
    }

    /// Answers a request about several groups that was refused for its size.
    fn settle_all(&mut self, ticket: Ticket, result: Result<(), ErrorKind>) {
        if let Err(kind) = result {
            self.effects.reply_now(ticket, Reply::Refused(kind));
        }
    }
}
