//! Committing offsets: by members of the current generation, or by anyone while the group has no members.
//!
//! Apart because it is the durable half of a group, and the reason for the other half: a position is only worth
//! something if one reader at a time moves it.

use super::act::Act;
use super::entry::GroupEntry;
use super::join::check_group;
use super::reply::{CommittedOffset, GroupReply};
use super::request::{CommitOffsets, GroupState, OffsetToCommit};
use crate::effect::Ticket;
use alloc::vec::Vec;
use millstream_types::limits::{
    GROUPS_MAX, OFFSET_METADATA_BYTES_MAX, OFFSETS_PER_GROUP_MAX, OFFSETS_PER_REQUEST_MAX,
};
use millstream_types::{ErrorKind, LogId};

impl Act<'_> {
    /// Decides a commit. An error is for the caller to answer with, for all offsets alike.
    pub(super) fn commit(&mut self, ticket: Ticket, commit: &CommitOffsets) -> Result<(), ErrorKind> {
        check_group(&commit.group)?;
        if commit.offsets.len() > OFFSETS_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        self.check_committer(commit)?;
        let (id, now) = (&commit.group, self.now());
        if self.live(id).is_some_and(|live| live.state != GroupState::Empty) {
            let (live, timers) = self.change(id);
            live.hear_of(id, &commit.member, now, timers);
        }
        let mut room = OFFSETS_PER_GROUP_MAX - self.group(id).map_or(0, |group| group.offsets.len());
        let mut committed = Vec::with_capacity(commit.offsets.len());
        let mut results = Vec::with_capacity(commit.offsets.len());
        for offset in &commit.offsets {
            let result = self.check_offset(commit, offset, &mut room);
            if result.is_ok() {
                let kept = CommittedOffset {
                    offset: offset.offset,
                    leader_epoch: offset.leader_epoch,
                    metadata: offset.metadata.clone(),
                    committed: now,
                    expires: commit.retention_ms.map(|after_ms| now.after_ms(after_ms)),
                };
                committed.push((offset.log, kept));
            }
            results.push(result);
        }
        if !committed.is_empty() {
            self.record(GroupEntry::OffsetsCommitted(id.clone(), committed));
        }
        self.answer_offsets(id, ticket, GroupReply::OffsetsCommitted(results));
        Ok(())
    }

    fn check_committer(&self, commit: &CommitOffsets) -> Result<(), ErrorKind> {
        let Some(live) = self.live(&commit.group) else {
            return match (commit.generation.is_some(), self.shard.groups.by_id.len() >= GROUPS_MAX) {
                (true, _) => Err(ErrorKind::UnknownGroup),
                (false, true) => Err(ErrorKind::LimitExceeded),
                (false, false) => Ok(()),
            };
        };
        if !commit.generation.is_some() && live.state == GroupState::Empty {
            return Ok(());
        }
        if !commit.generation.is_some() && commit.member.is_empty() && commit.instance.is_none() {
            return Err(ErrorKind::UnknownMember);
        }
        live.identify(&commit.member, commit.instance.as_ref())?;
        if commit.generation != live.generation {
            return Err(ErrorKind::StaleGeneration);
        }
        // While a rebalance is prepared members may still say how far they came; in a generation whose assignment
        // they have not seen yet they cannot have come anywhere.
        if live.state == GroupState::CompletingRebalance {
            return Err(ErrorKind::RebalanceInProgress);
        }
        Ok(())
    }

    fn check_offset(
        &self,
        commit: &CommitOffsets,
        offset: &OffsetToCommit,
        room: &mut usize,
    ) -> Result<(), ErrorKind> {
        self.check_log(offset.log)?;
        if offset.metadata.len() > OFFSET_METADATA_BYTES_MAX {
            return Err(ErrorKind::MetadataTooLarge);
        }
        let is_known = self.group(&commit.group).is_some_and(|group| group.offsets.contains_key(&offset.log));
        if !is_known {
            *room = room.checked_sub(1).ok_or(ErrorKind::LimitExceeded)?;
        }
        Ok(())
    }

    fn check_log(&self, log: LogId) -> Result<(), ErrorKind> {
        if !self.shard.streams.contains_key(&log.stream) {
            return Err(ErrorKind::UnknownStream);
        }
        self.shard.log(log).map(|_| ()).ok_or(ErrorKind::UnknownLog)
    }
}
