//! Long work of all groups, looked at together: purges and redrives.
//!
//! Apart because whoever looks after the broker asks for all of it, and a group knows only its own. One look goes through so
//! many groups and no more (R13), and says where the next one goes on.

use super::act::Act;
use super::ids::LeaseGroupId;
use super::redrive::Redrive;
use super::reply::LeaseReply;
use crate::effect::Ticket;
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Unbounded};
use millstream_types::WalPosition;

/// Groups that one request looks at.
const GROUPS_PER_LOOK: usize = 2_048;
/// Groups with long work that one answer has.
const FOUND_PER_LOOK: usize = 256;

/// The long work of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupJobs {
    /// The group.
    pub group: LeaseGroupId,
    /// The purge that is under way.
    pub purge: Option<PurgeProgress>,
    /// Its newest redrives, the oldest of them first.
    pub redrives: Vec<Redrive>,
}

/// How far a purge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeProgress {
    /// Records that it has settled.
    pub settled: u64,
    /// Offsets that it has still to go through: as many records are left at most.
    pub left_max: u64,
}

impl Act<'_> {
    /// Lists long work, group by group, behind one of them.
    pub(super) fn list_jobs(&mut self, ticket: Ticket, after: Option<LeaseGroupId>) {
        let mut last = WalPosition::ZERO;
        let mut jobs = Vec::new();
        let mut seen = None;
        let from = after.map_or(Unbounded, Excluded);
        let mut groups = self.shard.leases.groups.range((from, Unbounded));
        for (id, group) in groups.by_ref().take(GROUPS_PER_LOOK) {
            seen = Some(*id);
            if group.purge.is_none() && group.redrives.is_empty() {
                continue;
            }
            last = last.max(group.last);
            let purge = group.purge.as_ref().map(|purge| PurgeProgress {
                settled: purge.settled,
                left_max: purge.spans.iter().map(|(next, end)| end.0.saturating_sub(next.0)).sum(),
            });
            jobs.push(GroupJobs { group: *id, purge, redrives: group.redrives.clone() });
            if jobs.len() == FOUND_PER_LOOK {
                break;
            }
        }
        let next = seen.filter(|_| groups.next().is_some());
        self.answer(ticket, last, LeaseReply::Jobs { jobs, next });
    }
}
