//! How much a request about groups can write, before it is decided (R12).
//!
//! Apart because these are bounds over all events: one request, like one timer, records one roster at most.

use super::group::Groups;
use super::request::{GroupId, GroupRequest, SyncGroup};
use millstream_types::EngineTime;
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
/// Bytes of entries of one [`tick`](super::tick), unless a single roster is longer: room for dozens of small groups, and
/// little enough for any file. What does not fit is due in the next tick.
const TICK_ENTRIES_BYTES: usize = 8 << 10;
/// What one look at a group's old offsets records beside the logs: that they are removed, and then the group.
const SWEEP_BYTES: usize = 2 * HEAD_BYTES;

impl Groups {
    /// Bytes of all entries of a [`tick`](super::tick) at this time.
    pub(crate) fn tick_entries_bytes(&self, now: EngineTime) -> usize {
        let first = self.timers.due(now).map_or(0, |timer| self.roster_entry_bytes_max(timer.group()));
        first.max(TICK_ENTRIES_BYTES)
    }

    /// Bytes of the entry that records a group's roster, whatever timer made it necessary.
    pub(super) fn roster_entry_bytes_max(&self, id: &GroupId) -> usize {
        HEAD_BYTES + self.by_id.get(id).map_or(0, |group| group.live.roster_bytes_max())
    }
}

/// How many offsets a look at one group may remove, with room for so many bytes.
pub(super) fn removals_max(room_bytes: usize) -> usize {
    room_bytes.saturating_sub(SWEEP_BYTES) / LOG_BYTES
}

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
