//! How much a request about leases can write, before it is decided (R12).
//!
//! Apart because the bounds are of all events together: what a request does itself, and what those get who wait for it.

use super::acquire::BURIED_PER_ACQUIRE;
use super::act::{RECORD_BYTES, ROOM_BYTES};
use super::append::mark_bytes;
use super::entry::HEAD_BYTES;
use super::purge;
use super::redrive::redrive_bytes;
use super::request::{Acquire, Attach, GiveKeys, LeaseRequest, MoveOutcome, SeekTo, Settle, StartRedrive};
use crate::request::FrameSize;
use crate::route;
use millstream_types::limits::{
    KEYS_PER_REQUEST_MAX, LEASE_ACQUIRE_RECORDS_MAX, LEASE_SETTLE_RECORDS_MAX, LOGS_PER_REDRIVE_MAX,
    LOGS_PER_SEEK_MAX, LOGS_PER_STREAM_MAX, NAME_BYTES_MAX,
};

/// Bytes per log of a group that is created or sought.
const LOG_BYTES: usize = 16;
/// What it takes to make or forget the default group beside its stream.
pub(crate) const GROUP_ENTRY_BYTES_MAX: usize = group_entry_bytes(LOGS_PER_STREAM_MAX);

/// The same for a stream of so many logs; of more than there may be nothing is written.
pub(crate) const fn group_entry_bytes(logs: u32) -> usize {
    let logs = if logs < LOGS_PER_STREAM_MAX { logs } else { LOGS_PER_STREAM_MAX };
    HEAD_BYTES + NAME_BYTES_MAX + LOG_BYTES * logs as usize
}

impl LeaseRequest {
    /// See [`Request::is_ephemeral`](crate::Request::is_ephemeral).
    pub(crate) fn is_ephemeral(&self) -> bool {
        match self {
            LeaseRequest::Acquire(Acquire { group, .. })
            | LeaseRequest::Settle(Settle { group, .. })
            | LeaseRequest::Attach(Attach { group, .. })
            | LeaseRequest::StartRedrive(StartRedrive { group, .. })
            | LeaseRequest::GiveKeys(GiveKeys { group, .. })
            | LeaseRequest::CancelAcquire { group, .. }
            | LeaseRequest::DeleteGroup { group }
            | LeaseRequest::Seek { group, .. }
            | LeaseRequest::Purge { group }
            | LeaseRequest::StartPurge { group }
            | LeaseRequest::CancelPurge { group }
            | LeaseRequest::Peek { group, .. }
            | LeaseRequest::SettleRecords { group, .. }
            | LeaseRequest::RedriveRecords { group, .. }
            | LeaseRequest::AwaitEnd { group, .. }
            | LeaseRequest::CancelRedrive { group, .. }
            | LeaseRequest::Redrives { group }
            | LeaseRequest::Detach { group, .. }
            | LeaseRequest::EndHolder { group, .. } => group.stream.is_ephemeral(),
            LeaseRequest::CreateGroup { stream, .. } => stream.is_ephemeral(),
            // What is moved may go to the disk; bindings to a stream may take routes along that are there.
            LeaseRequest::FinishMoves(_)
            | LeaseRequest::DeleteStream { .. }
            | LeaseRequest::Describe { .. }
            | LeaseRequest::Jobs { .. }
            | LeaseRequest::TakeMoves
            | LeaseRequest::TakeKeyRequests => false,
        }
    }

    /// See [`FrameSize`].
    pub(crate) fn frame_size_max(&self) -> FrameSize {
        let size =
            |entries_bytes| FrameSize { entries_bytes, batches: 0, batches_bytes: 0, frees_space: true };
        match self {
            LeaseRequest::Acquire(acquire) => {
                let records = acquire.records_max.min(LEASE_ACQUIRE_RECORDS_MAX) as usize;
                size(ROOM_BYTES + (records + BURIED_PER_ACQUIRE) * RECORD_BYTES)
            }
            LeaseRequest::Settle(settle) => {
                size(ROOM_BYTES + settle.leases.len().min(LEASE_SETTLE_RECORDS_MAX) * RECORD_BYTES)
            }
            LeaseRequest::CreateGroup { .. } => size(GROUP_ENTRY_BYTES_MAX),
            LeaseRequest::Seek { to, .. } => {
                let logs = if let SeekTo::Offsets(offsets) = to { offsets.len() } else { LOGS_PER_SEEK_MAX };
                size(ROOM_BYTES + HEAD_BYTES + LOG_BYTES * logs.min(LOGS_PER_SEEK_MAX))
            }
            LeaseRequest::CancelAcquire { .. }
            | LeaseRequest::Detach { .. }
            | LeaseRequest::EndHolder { .. } => size(ROOM_BYTES),
            LeaseRequest::SettleRecords { records, .. } | LeaseRequest::RedriveRecords { records, .. } => {
                size(ROOM_BYTES + records.len().min(LEASE_SETTLE_RECORDS_MAX) * RECORD_BYTES)
            }
            LeaseRequest::Purge { .. } | LeaseRequest::StartPurge { .. } => size(purge::STEP_BYTES),
            LeaseRequest::CancelPurge { .. } => size(HEAD_BYTES),
            LeaseRequest::Peek { .. } | LeaseRequest::Attach(_) | LeaseRequest::AwaitEnd { .. } => size(0),
            LeaseRequest::DeleteStream { .. } => size(HEAD_BYTES + route::FREE_BYTES),
            LeaseRequest::DeleteGroup { .. } => size(HEAD_BYTES),
            LeaseRequest::Describe { .. } | LeaseRequest::TakeMoves | LeaseRequest::TakeKeyRequests => {
                size(0)
            }
            LeaseRequest::Redrives { .. } | LeaseRequest::Jobs { .. } => size(0),
            LeaseRequest::StartRedrive(_) | LeaseRequest::CancelRedrive { .. } => {
                size(HEAD_BYTES + redrive_bytes(LOGS_PER_REDRIVE_MAX))
            }
            LeaseRequest::GiveKeys(given) => {
                size(ROOM_BYTES + (given.keys.len().min(KEYS_PER_REQUEST_MAX) + 2) * RECORD_BYTES)
            }
            LeaseRequest::FinishMoves(moves) => {
                let batches = moves.iter().flat_map(|finish| match &finish.outcome {
                    MoveOutcome::Append(batches) => &batches[..],
                    MoveOutcome::Drop | MoveOutcome::Return | MoveOutcome::Later { .. } => &[],
                });
                let marks: usize = batches.clone().map(mark_bytes).sum();
                FrameSize {
                    entries_bytes: ROOM_BYTES + moves.len() * RECORD_BYTES + marks,
                    batches: batches.clone().count(),
                    batches_bytes: batches.map(|batch| batch.bytes.len()).sum(),
                    frees_space: false,
                }
            }
        }
    }
}
