//! What can be asked about leases.
//!
//! Apart because it is the contract with the fronts: nothing here is a wire type, and a front needs nothing else to
//! offer queues, work groups or pending lists.

use super::ids::{HolderId, LeaseGroupId, LeaseRef};
use super::record::MoveTarget;
use crate::log::AppendBatch;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::{Offset, StreamId};

/// One request about leases. Refused as a whole: `UnknownLeaseGroup`, and what is said below.
#[derive(Debug)]
pub enum LeaseRequest {
    /// Take records out, or wait until there are some. Answer: [`Acquired`](super::LeaseReply::Acquired), in a later turn
    /// if it had to wait, with nothing once it has waited long enough or was cancelled; or `LimitExceeded`,
    /// `TooManyLeased`.
    Acquire(Acquire),
    /// End the waits of a holder: each is answered with nothing. Answer: [`Done`](super::LeaseReply::Done).
    CancelAcquire {
        /// The group.
        group: LeaseGroupId,
        /// Whose waits.
        holder: HolderId,
    },
    /// Settle, give back or prolong leases. Answer: [`Settled`](super::LeaseReply::Settled), one result each; or
    /// `LimitExceeded`.
    Settle(Settle),
    /// Make a named group. Answer: [`Group`](super::LeaseReply::Group), of the one that has the name already if there is
    /// one; or `UnknownStream`, `InvalidName`, `LimitExceeded`.
    CreateGroup {
        /// Whose records.
        stream: StreamId,
        /// Its name: 1 to 255 bytes.
        name: Arc<str>,
        /// Where it begins.
        from: SeekTo,
    },
    /// Forget a named group, or the default one when its stream is not leased any more. Waits end with
    /// `UnknownLeaseGroup`. Answer: [`Done`](super::LeaseReply::Done).
    DeleteGroup {
        /// The group.
        group: LeaseGroupId,
    },
    /// Count. Answer: [`Described`](super::LeaseReply::Described); or `LimitExceeded` for more than 1,024.
    Describe {
        /// Which groups.
        groups: Vec<LeaseGroupId>,
    },
    /// Settle everything before some offsets, and make everything else as if it had never been delivered, whoever has
    /// it. Answer: [`Sought`](super::LeaseReply::Sought); or `UnknownLog`, `OffsetOutOfRange`, `LimitExceeded` for more
    /// than 1,024 logs.
    Seek {
        /// The group.
        group: LeaseGroupId,
        /// Where it goes on.
        to: SeekTo,
    },
    /// Settle what is ready; what is out or put off stays. Answer: [`Purged`](super::LeaseReply::Purged), in a later turn if it is
    /// long work; or `LimitExceeded` for a stream of more than 256 logs.
    Purge {
        /// The group.
        group: LeaseGroupId,
    },
    /// Begin a purge, and do not wait for its end. Answer: [`PurgeStarted`](super::LeaseReply::PurgeStarted); or `LimitExceeded`
    /// for a stream of more than 256 logs.
    StartPurge {
        /// The group.
        group: LeaseGroupId,
    },
    /// End a purge that is under way; what it has settled stays settled. Answer: [`Purged`](super::LeaseReply::Purged), to
    /// everyone who waits for its end as well.
    CancelPurge {
        /// The group.
        group: LeaseGroupId,
    },
    /// List the purges that are under way and the newest redrives of all groups, a page at a time. Answer:
    /// [`Jobs`](super::LeaseReply::Jobs).
    Jobs {
        /// Only groups behind this one.
        after: Option<LeaseGroupId>,
    },
    /// Look at records that are not settled, without taking them out. Answer: [`Peeked`](super::LeaseReply::Peeked); or
    /// `LimitExceeded`.
    Peek {
        /// The group.
        group: LeaseGroupId,
        /// Log and offset to begin at; `None`: at the first record.
        from: Option<(u32, Offset)>,
        /// So many at most, 1 to [`LEASE_ACQUIRE_RECORDS_MAX`](millstream_types::limits::LEASE_ACQUIRE_RECORDS_MAX).
        max: u32,
    },
    /// Settle records by their places, those that are ready. Answer: [`Settled`](super::LeaseReply::Settled), one result each; or
    /// `LimitExceeded` for more than [`LEASE_SETTLE_RECORDS_MAX`](millstream_types::limits::LEASE_SETTLE_RECORDS_MAX).
    SettleRecords {
        /// The group.
        group: LeaseGroupId,
        /// Log and offset of each.
        records: Vec<(u32, Offset)>,
    },
    /// Begin to move records by their places, those that are ready. Answer as above.
    RedriveRecords {
        /// The group.
        group: LeaseGroupId,
        /// Log and offset of each.
        records: Vec<(u32, Offset)>,
        /// Where to.
        target: MoveTarget,
    },
    /// Say that a holder consumes from the group from now on, until [`LeaseRequest::EndHolder`] or a restart. Answer:
    /// [`Done`](super::LeaseReply::Done); or `HolderExcluded` if it, or one that is attached, wants to be alone;
    /// `LimitExceeded`.
    Attach(Attach),
    /// Wait for the end of a holder's attachment, or for something that its consumer has to be told. Answer:
    /// [`Ended`](super::LeaseReply::Ended).
    AwaitEnd {
        /// The group.
        group: LeaseGroupId,
        /// The holder.
        holder: HolderId,
    },
    /// Delete a stream, if it is as the caller thinks. Answer: [`Deleted`](super::LeaseReply::Deleted); or `UnknownStream`,
    /// `StreamInUse`, `StreamNotEmpty`.
    DeleteStream {
        /// The stream.
        stream: StreamId,
        /// Only if no holder is attached to its default group, and nobody waits there.
        if_unused: bool,
        /// Only if nothing is ready in its default group.
        if_empty: bool,
    },
    /// Ask for records that are to be moved, of all groups; one asker at a time. Answer: [`Moves`](super::LeaseReply::Moves)
    /// once there are any.
    TakeMoves,
    /// End moves. Answer: [`Moved`](super::LeaseReply::Moved), one
    /// result each; or `LimitExceeded` for more than
    /// [`MOVES_PER_REQUEST_MAX`](millstream_types::limits::MOVES_PER_REQUEST_MAX).
    FinishMoves(Vec<FinishMove>),
    /// Begin to move everything that is ready, unless that is under way already. Answer:
    /// [`Redrive`](super::LeaseReply::Redrive); or `LimitExceeded` for a stream of more than 256 logs.
    StartRedrive(StartRedrive),
    /// End a redrive that is under way. Answer: [`Redrives`](super::LeaseReply::Redrives).
    CancelRedrive {
        /// The group.
        group: LeaseGroupId,
        /// The redrive's number.
        number: u64,
    },
    /// List the newest redrives of a group. Answer: [`Redrives`](super::LeaseReply::Redrives).
    Redrives {
        /// The group.
        group: LeaseGroupId,
    },
    /// Ask for logs of ordered streams whose next records' keys are not known; one asker at a time. Answer:
    /// [`KeyRequests`](super::LeaseReply::KeyRequests) once there are any.
    TakeKeyRequests,
    /// Say the keys of some records that were read. Answer: [`Done`](super::LeaseReply::Done); or `UnknownLog`,
    /// `OffsetOutOfRange`, `LimitExceeded`.
    GiveKeys(GiveKeys),
    /// End a holder's waits and its attachment, and leave what it has out with it: it may settle that still. Where one
    /// holder is served at a time, the next one is now. Answer: [`Done`](super::LeaseReply::Done).
    Detach {
        /// The group.
        group: LeaseGroupId,
        /// The holder.
        holder: HolderId,
    },
    /// Give back everything that is bound to a holder's connection, and end its waits and its attachment. Answer: [`Done`](super::LeaseReply::Done) at once;
    /// what a holder of many leases had comes back in slices.
    EndHolder {
        /// The group.
        group: LeaseGroupId,
        /// The holder.
        holder: HolderId,
    },
}

/// See [`LeaseRequest::Acquire`].
#[derive(Debug, Clone, Copy)]
pub struct Acquire {
    /// The group.
    pub group: LeaseGroupId,
    /// Who asks.
    pub holder: HolderId,
    /// What ends the leases.
    pub binding: Binding,
    /// So many records at most, 1 to
    /// [`LEASE_ACQUIRE_RECORDS_MAX`](millstream_types::limits::LEASE_ACQUIRE_RECORDS_MAX).
    pub records_max: u32,
    /// Waits so long for the first of them; 0: not at all, `u64::MAX`: for ever.
    pub wait_ms: u64,
    /// Of those who wait, the larger one gets records first; equal ones in the order in which they asked.
    pub priority: i32,
    /// So many records of the group may be out. At that number who does not wait is refused with `TooManyLeased`.
    pub leased_max: Option<u32>,
    /// Names this attempt: the same one again, in this process, gets the same records under the same leases as long as none of
    /// them was settled, given back or prolonged and none has run out. For leases with a deadline only.
    pub attempt: Option<u128>,
}

/// See [`LeaseRequest::Attach`].
#[derive(Debug, Clone, Copy)]
pub struct Attach {
    /// The group.
    pub group: LeaseGroupId,
    /// The holder. One that is attached already goes on like this.
    pub holder: HolderId,
    /// Where one holder is served at a time, the next one is that with the largest priority, of equal ones the one that was
    /// attached first.
    pub priority: i32,
    /// It wants to be the only one.
    pub exclusive: bool,
}

/// What ends leases that nobody settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Their deadline, which survives restarts; `None`: the stream's lease timeout.
    Timed {
        /// From the delivery on.
        timeout_ms: Option<u64>,
    },
    /// The end of their holder ([`LeaseRequest::EndHolder`]), a restart, or a deadline if there is one. Records are handed
    /// out before it is durable that they are (their own durability is waited for).
    Connection {
        /// From the delivery on.
        timeout_ms: Option<u64>,
    },
    /// Nothing.
    Named,
}

/// See [`LeaseRequest::Settle`].
#[derive(Debug, Clone)]
pub struct Settle {
    /// The group.
    pub group: LeaseGroupId,
    /// The leases, at most [`LEASE_SETTLE_RECORDS_MAX`](millstream_types::limits::LEASE_SETTLE_RECORDS_MAX), and what
    /// becomes of each.
    pub leases: Vec<(LeaseRef, Action)>,
}

/// What becomes of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The record is done with.
    Ack {
        /// Honoured even if the lease has ended, unless the record was delivered anew since.
        late: bool,
    },
    /// The record goes back to its place, or is dead-lettered if it was delivered as often as it may be.
    Release {
        /// Only after this long; 0: at once.
        delay_ms: u64,
        /// Whether it was delivered at all; if not, this delivery does not count.
        delivered: bool,
    },
    /// The record is dead-lettered; without a dead-letter route it is done with.
    Reject,
    /// The record's time to live was over when it was read: as [`Action::Reject`], for another reason.
    Expire,
    /// There is no record at this offset (compaction, a single delete): nothing was delivered.
    Absent,
    /// The lease ends so long from now instead; 0 gives it back at once.
    Renew {
        /// From now on.
        timeout_ms: u64,
    },
}

/// See [`LeaseRequest::FinishMoves`].
#[derive(Debug, Clone)]
pub struct FinishMove {
    /// The group that asked for it.
    pub group: LeaseGroupId,
    /// The record, as [`Move`](super::Move) names it.
    pub record: LeaseRef,
    /// What became of it.
    pub outcome: MoveOutcome,
}

/// How a move ends.
#[derive(Debug, Clone)]
pub enum MoveOutcome {
    /// With the record in other streams: it is appended to each and settled here, all or nothing. If one of them refuses it
    /// the move has not ended: it has to be ended in another way.
    Append(Vec<AppendBatch>),
    /// With the record settled: there is nowhere it could go.
    Drop,
    /// With the record ready again where it was.
    Return,
    /// Not yet: the record stays on its way, and is handed out again so long from now. Nothing is written.
    Later {
        /// From now on.
        after_ms: u64,
    },
}

/// See [`LeaseRequest::StartRedrive`].
#[derive(Debug, Clone, Copy)]
pub struct StartRedrive {
    /// The group whose records are moved.
    pub group: LeaseGroupId,
    /// Where to.
    pub target: MoveTarget,
    /// So many records a second at most; `None`: as fast as they can be moved.
    pub per_second: Option<u32>,
}

/// See [`LeaseRequest::GiveKeys`].
#[derive(Debug, Clone)]
pub struct GiveKeys {
    /// The group that asked for them.
    pub group: LeaseGroupId,
    /// Index of the log.
    pub log: u32,
    /// From here on the log was read.
    pub from: Offset,
    /// Up to here.
    pub to: Offset,
    /// Every record that was found there, ascending, with a hash of its ordering key if it has one; at most
    /// [`KEYS_PER_REQUEST_MAX`](millstream_types::limits::KEYS_PER_REQUEST_MAX). Offsets between them have no record.
    pub keys: Vec<(Offset, Option<u64>)>,
}

/// A place in every log of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeekTo {
    /// The first record there is.
    Start,
    /// After the last record there is.
    End,
    /// These offsets in the logs of these indices; other logs are left alone. For a new group: they start at their start.
    Offsets(Vec<(u32, Offset)>),
}
