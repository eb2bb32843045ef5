//! What can be asked about a group.
//!
//! Apart because it is the contract with the fronts: nothing here is a wire type, and nothing that a member hands to
//! another member through its group (metadata, assignments) is ever opened.

use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use millstream_types::{LogId, Namespace, Offset};

/// Names a group: unique in its namespace, 1 to 255 bytes of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    /// Where its name lives.
    pub namespace: Namespace,
    /// Its name.
    pub name: Arc<str>,
}

/// Counts the rebalances of a group. The first one that members see is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation(pub i32);

impl Generation {
    /// What a caller gives that is not a member of anything. Every negative value means the same.
    pub const NONE: Generation = Generation(-1);

    /// Whether this names a generation at all.
    #[must_use]
    pub fn is_some(self) -> bool {
        self.0 >= 0
    }

    /// The one after it. Two thousand million rebalances on it starts over at 1.
    #[must_use]
    pub fn next(self) -> Generation {
        Generation(self.0.checked_add(1).unwrap_or(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One request about a group.
#[derive(Debug)]
pub enum GroupRequest {
    /// Become, or stay, a member. Answer: [`Joined`](super::GroupReply::Joined) when the rebalance is over (which
    /// may take as long as the members' rebalance timeouts), [`MemberIdRequired`](super::GroupReply::MemberIdRequired)
    /// at once; or `InvalidName`, `InvalidSessionTimeout`, `InconsistentProtocol`, `UnknownMember`, `FencedInstance`,
    /// `GroupFull`, `RebalanceInProgress` (a later join of the same member took this one's place), `LimitExceeded`.
    Join(JoinGroup),
    /// Hand in the assignment (the leader) and fetch one's own. Answer: [`Synced`](super::GroupReply::Synced) when
    /// the leader has handed it in; or `InvalidName`, `UnknownMember`, `FencedInstance`, `StaleGeneration`,
    /// `InconsistentProtocol`, `RebalanceInProgress`, `LimitExceeded`.
    Sync(SyncGroup),
    /// Stay alive. Answer: [`Alive`](super::GroupReply::Alive); or `InvalidName`, `UnknownMember`, `FencedInstance`,
    /// `StaleGeneration`, `RebalanceInProgress` (alive as well, but asked to join again).
    Heartbeat(Heartbeat),
    /// Remove members. Answer: [`Left`](super::GroupReply::Left); or `InvalidName`, `LimitExceeded`.
    Leave(LeaveGroup),
    /// Commit offsets. Answer: [`OffsetsCommitted`](super::GroupReply::OffsetsCommitted); or, for all of them,
    /// `InvalidName`, `UnknownGroup` (a generation was given and there is no such group), `UnknownMember`,
    /// `FencedInstance`, `StaleGeneration`, `RebalanceInProgress`, `LimitExceeded`.
    CommitOffsets(CommitOffsets),
    /// Read committed offsets. Answer: [`Offsets`](super::GroupReply::Offsets), of an unknown group too; or
    /// `LimitExceeded`.
    FetchOffsets {
        /// The group.
        group: GroupId,
        /// Which logs; `None`: all that have one.
        logs: Option<Vec<LogId>>,
    },
    /// Forget committed offsets. Answer: [`OffsetsDeleted`](super::GroupReply::OffsetsDeleted); or, for all of
    /// them, `UnknownGroup`, `GroupNotEmpty` (members whose subscriptions are opaque), `LimitExceeded`.
    DeleteOffsets {
        /// The group.
        group: GroupId,
        /// Which logs.
        logs: Vec<LogId>,
    },
    /// Describe groups. Answer: [`Described`](super::GroupReply::Described); or `LimitExceeded`.
    Describe {
        /// Which groups, at most [`GROUPS_PER_REQUEST_MAX`](millstream_types::limits::GROUPS_PER_REQUEST_MAX).
        groups: Vec<GroupId>,
    },
    /// List groups, one page at a time in the order of their names. Answer: [`Listed`](super::GroupReply::Listed).
    List {
        /// Whose groups.
        namespace: Namespace,
        /// Only groups whose names come after this one; `None` for the first page.
        after: Option<Arc<str>>,
        /// Only groups in one of these states; empty: in any. Every group is of the one kind that this module knows,
        /// so a filter by kind is for the front to decide.
        states: Vec<GroupState>,
    },
    /// Delete groups with their offsets. Answer: [`Deleted`](super::GroupReply::Deleted); or `LimitExceeded`.
    Delete {
        /// Which groups, at most [`GROUPS_PER_REQUEST_MAX`](millstream_types::limits::GROUPS_PER_REQUEST_MAX).
        groups: Vec<GroupId>,
    },
}

/// See [`GroupRequest::Join`].
#[derive(Debug, Clone)]
pub struct JoinGroup {
    /// The group; created if the member is new and there is none.
    pub group: GroupId,
    /// The member's id; empty for one that has none yet.
    pub member: Arc<str>,
    /// Its static identity: a member that comes back under it takes the place of its predecessor, whose id is fenced.
    pub instance: Option<Arc<str>>,
    /// What the client calls itself; new member ids begin with it (or with the static identity).
    pub client_id: Arc<str>,
    /// Where the client is, for descriptions.
    pub client_host: Arc<str>,
    /// A member that is not heard of for this long is removed.
    pub session_timeout_ms: u32,
    /// How long a rebalance waits for this member.
    pub rebalance_timeout_ms: u32,
    /// What the group is for; all members agree on it.
    pub protocol_type: Arc<str>,
    /// The ways of assigning that the member can take part in, the preferred one first.
    pub protocols: Vec<OfferedProtocol>,
    /// What the member reads, as far as the front can tell from its metadata.
    pub subscription: Subscription,
    /// A new member without static identity is only given an id and told to come back with it.
    pub require_known_member: bool,
    /// The client understands `Joined { skip_assignment: true }`.
    pub can_skip_assignment: bool,
    /// 128 random bits, for a new member's id.
    pub random: u128,
}

/// One way of assigning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedProtocol {
    /// Its name.
    pub name: Arc<str>,
    /// What the member tells the leader in it; never opened here.
    pub metadata: Bytes,
}

/// What a member reads. Decides whether offsets may be deleted or expire while the group has members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Subscription {
    /// The group's protocol type has no such notion, or the front does not know it: nothing may be deleted while
    /// there are members.
    #[default]
    Opaque,
    /// Members subscribe to streams, but this one's subscription cannot be understood: it may be any stream.
    Unknown,
    /// These streams, by name in the group's namespace.
    Streams(Vec<Arc<str>>),
}

/// See [`GroupRequest::Sync`].
#[derive(Debug, Clone)]
pub struct SyncGroup {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: Arc<str>,
    /// Its static identity.
    pub instance: Option<Arc<str>>,
    /// The generation that it joined.
    pub generation: Generation,
    /// The protocol type it believes in, if it says so.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol it believes was chosen, if it says so.
    pub protocol_name: Option<Arc<str>>,
    /// From the leader: member ids and what each shall get. Ignored from anyone else.
    pub assignments: Vec<(Arc<str>, Bytes)>,
}

/// See [`GroupRequest::Heartbeat`].
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: Arc<str>,
    /// Its static identity.
    pub instance: Option<Arc<str>>,
    /// Its generation.
    pub generation: Generation,
}

/// See [`GroupRequest::Leave`]. Reasons that clients give are for the front's log.
#[derive(Debug, Clone)]
pub struct LeaveGroup {
    /// The group.
    pub group: GroupId,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// One member that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; empty: whoever has the static identity.
    pub member: Arc<str>,
    /// Its static identity.
    pub instance: Option<Arc<str>>,
}

/// See [`GroupRequest::CommitOffsets`].
#[derive(Debug, Clone)]
pub struct CommitOffsets {
    /// The group; created if no generation is given and there is none.
    pub group: GroupId,
    /// The member; empty for a reader outside the membership.
    pub member: Arc<str>,
    /// Its static identity.
    pub instance: Option<Arc<str>>,
    /// Its generation; [`Generation::NONE`] for a reader outside the membership.
    pub generation: Generation,
    /// Forget the offsets this long after now, whatever the broker's retention says.
    pub retention_ms: Option<u64>,
    /// The offsets, at most [`OFFSETS_PER_REQUEST_MAX`](millstream_types::limits::OFFSETS_PER_REQUEST_MAX).
    pub offsets: Vec<OffsetToCommit>,
}

/// One offset to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// The log.
    pub log: LogId,
    /// The offset of the next record to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, −1 if unknown. Stored and returned, never read here.
    pub leader_epoch: i32,
    /// The client's note beside it, at most
    /// [`OFFSET_METADATA_BYTES_MAX`](millstream_types::limits::OFFSET_METADATA_BYTES_MAX) bytes.
    pub metadata: Arc<str>,
}

/// Where a group is between two generations. A group that does not exist has no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum GroupState {
    /// No members; offsets may be kept.
    #[default]
    Empty,
    /// Members are asked to join the next generation.
    PreparingRebalance,
    /// The generation is made up; its leader's assignment is awaited.
    CompletingRebalance,
    /// Everyone has an assignment.
    Stable,
}
