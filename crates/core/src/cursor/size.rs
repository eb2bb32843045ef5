//! How much a request about groups can write, before it is decided (R12).
//!
//! Apart because these are bounds over all events: one request, like one timer, records one roster at most.

use super::request::{GroupRequest, SyncGroup};
use millstream_types::limits::{GROUP_MEMBERS_BYTES_MAX, GROUP_ROSTER_BYTES_MAX, NAME_BYTES_MAX};

/// An entry's tag, its group and its counts.
const HEAD_BYTES: usize = NAME_BYTES_MAX + 32;
/// What is in a roster beside the members (names, the leader), and what a member that joins again is measured wrongly
/// by (the names of its client): a few kilobytes.
const SLACK_BYTES: usize = 64 << 10;
/// A whole roster.
const ROSTER_BYTES: usize = GROUP_ROSTER_BYTES_MAX + SLACK_BYTES;
/// A committed offset beside its note.
const OFFSET_BYTES: usize = 64;
/// A log.
const LOG_BYTES: usize = 12;
/// Bytes of entries of one [`tick`](super::tick): a megabyte of timers, the roster that passes it, and what a slice of
/// long work removes.
pub(crate) const TICK_ENTRIES_BYTES_MAX: usize = ROSTER_BYTES + (2 << 20);

impl GroupRequest {
    /// Bytes of all entries that the request can make.
    pub(crate) fn entries_bytes_max(&self) -> usize {
        match self {
            GroupRequest::Join(_) | GroupRequest::Leave(_) => ROSTER_BYTES,
            GroupRequest::Sync(SyncGroup { assignments, .. }) => {
                GROUP_MEMBERS_BYTES_MAX
                    + SLACK_BYTES
                    + assignments.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
            }
            GroupRequest::CommitOffsets(commit) => {
                let notes: usize = commit.offsets.iter().map(|offset| offset.metadata.len()).sum();
                HEAD_BYTES + commit.offsets.len() * OFFSET_BYTES + notes
            }
            GroupRequest::DeleteOffsets { logs, .. } => HEAD_BYTES + logs.len() * LOG_BYTES,
            GroupRequest::Delete { groups } => groups.len() * HEAD_BYTES,
            GroupRequest::Heartbeat(_)
            | GroupRequest::FetchOffsets { .. }
            | GroupRequest::Describe { .. }
            | GroupRequest::List { .. } => 0,
        }
    }
}
