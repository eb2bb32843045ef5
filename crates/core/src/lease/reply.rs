//! What is answered about leases.
//!
//! Apart because fronts translate these, and nothing else of the leases, to their wires.

use super::ids::{HolderId, LeaseGroupId, LeaseNumber, LeaseRef};
use super::jobs::GroupJobs;
use super::record::{MoveReason, MoveTarget};
use super::redrive::Redrive;
use alloc::vec::Vec;
use millstream_types::{EngineTime, ErrorKind, Offset};

/// The answer to a [`LeaseRequest`](super::LeaseRequest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseReply {
    /// What was taken out.
    Acquired(Acquired),
    /// One result per lease, in the order of the request.
    Settled(Vec<Result<(), LeaseError>>),
    /// The group of that name.
    Group(LeaseGroupId),
    /// Counts per group, in the order of the request.
    Described(Vec<Result<GroupCounts, ErrorKind>>),
    /// The group goes on from there.
    Sought {
        /// Records that were not settled before and are now.
        settled: u64,
    },
    /// Records to be moved; none if somebody else asks for them now.
    Moves(Vec<Move>),
    /// Per move, in the order of the request: whether it ended as was said, or the record was not moving any more. If it
    /// could not be appended, for this reason, the move is still under way.
    Moved(Vec<Result<bool, ErrorKind>>),
    /// Logs whose keys are to be read; none if somebody else asks for them now.
    KeyRequests(Vec<KeyRequest>),
    /// What was ready is settled.
    Purged {
        /// How many records that were.
        settled: u64,
    },
    /// What is ready is being settled.
    PurgeStarted {
        /// How many records are so far.
        settled: u64,
        /// That was all.
        is_done: bool,
    },
    /// Long work, by group, in the order of groups.
    Jobs {
        /// Groups that have some.
        jobs: Vec<GroupJobs>,
        /// Where to go on; `None`: that was all.
        next: Option<LeaseGroupId>,
    },
    /// Unsettled records, in the order of their places.
    Peeked {
        /// They.
        records: Vec<PeekedRecord>,
        /// Where to go on; `None`: that was all.
        next: Option<(u32, Offset)>,
    },
    /// The holder's attachment is over, or its consumer is to be stopped.
    Ended(HolderEnd),
    /// The stream is gone.
    Deleted {
        /// Records that were ready.
        ready: u64,
    },
    /// The redrive that is under way.
    Redrive {
        /// It.
        redrive: Redrive,
        /// It began with this request.
        is_new: bool,
    },
    /// The newest redrives of a group, the oldest of them first.
    Redrives(Vec<Redrive>),
    /// It is so.
    Done,
}

/// Records that were taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquired {
    /// The time of the delivery.
    pub now: EngineTime,
    /// When the leases end; `None`: not by time.
    pub deadline: Option<EngineTime>,
    /// The records, in the order in which they are to be delivered.
    pub records: Vec<AcquiredRecord>,
}

/// A record that was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquiredRecord {
    /// Index of its log.
    pub log: u32,
    /// Its offset.
    pub offset: Offset,
    /// This delivery of it.
    pub lease: LeaseNumber,
    /// How often it was delivered, this one included.
    pub delivery_count: u32,
    /// When it was delivered first.
    pub first_acquired: EngineTime,
}

/// A record that somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeekedRecord {
    /// Index of its log.
    pub log: u32,
    /// Its offset. Compaction may have left no record there.
    pub offset: Offset,
    /// Where it is.
    pub state: RecordState,
    /// How often it was delivered.
    pub delivery_count: u32,
    /// 0 unless it goes before others.
    pub priority: u8,
    /// When its time to live is over.
    pub expires: Option<EngineTime>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// It waits for an acquirer.
    Ready,
    /// Somebody has it.
    Leased {
        /// Who.
        holder: HolderId,
        /// When the lease ends; `None`: not by time.
        deadline: Option<EngineTime>,
    },
    /// It is put off.
    Delayed {
        /// Until then.
        until: EngineTime,
    },
    /// It is on its way into another stream.
    Moving {
        /// Why.
        reason: MoveReason,
        /// Where to.
        target: MoveTarget,
    },
}

/// Why a holder's attachment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderEnd {
    /// It ended itself, or never was attached.
    Detached,
    /// The group is gone, and so may its stream be.
    GroupGone,
    /// A lease that is bound to its connection has run out; the record is ready again. It is still attached.
    TimedOut,
}

/// A record to be read, appended to another stream and settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The group that gives it up.
    pub group: LeaseGroupId,
    /// The record, under the number that the end of the move has to give.
    pub record: LeaseRef,
    /// Why.
    pub reason: MoveReason,
    /// Where to.
    pub target: MoveTarget,
    /// How often it was delivered.
    pub delivery_count: u32,
    /// 0 unless it goes before others.
    pub priority: u8,
}

/// A log whose next records' ordering keys are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRequest {
    /// The group that asks.
    pub group: LeaseGroupId,
    /// Index of the log.
    pub log: u32,
    /// The first record whose key is not known.
    pub from: Offset,
    /// Where the log ends.
    pub to: Offset,
}

/// Why a lease was not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseError {
    /// The lease has ended: it ran out, was given back, or the record is out again or moving. The record is still there.
    NotLeased,
    /// It was named by its place, and is out, put off or moving.
    NotReady,
    /// The record is settled.
    Settled,
    /// There is no such log or record.
    Unknown,
}

/// How many records of a group are where. Records that compaction has removed are counted as ready until an acquirer
/// has found them absent; records that a trim or a seek has just settled, until they are swept, as what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupCounts {
    /// Wait for an acquirer.
    pub ready: u64,
    /// Are out.
    pub leased: u64,
    /// Are put off.
    pub delayed: u64,
    /// Are on their way into another stream.
    pub moving: u64,
    /// Acquirers that wait.
    pub waiting: u64,
    /// Holders that are attached.
    pub holders: u64,
    /// What has happened to its records.
    pub totals: GroupTotals,
}

/// What has happened to records of a group since the process started. A count beside the state, not part of it: it is not
/// recovered, and no decision depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupTotals {
    /// Deliveries.
    pub delivered: u64,
    /// Deliveries that were not a record's first.
    pub redelivered: u64,
    /// Records that their holders have done with.
    pub settled: u64,
    /// Records that were given up: rejected, expired, delivered too often, or one too many.
    pub buried: u64,
}
