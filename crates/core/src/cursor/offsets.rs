//! Reading committed offsets, and forgetting them on request.
//!
//! Apart from committing because these ask nothing about membership but whether someone still uses an offset. Both show
//! which streams exist, so their answers wait for the catalog's last change as well (R10).

use super::act::Act;
use super::entry::GroupEntry;
use super::group::Group;
use super::reply::{CommittedOffset, GroupReply};
use super::request::{GroupId, Subscription};
use crate::effect::Ticket;
use crate::request::Reply;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_types::limits::OFFSETS_PER_REQUEST_MAX;
use millstream_types::{ErrorKind, LogId};

impl Act<'_> {
    pub(super) fn fetch(
        &mut self,
        ticket: Ticket,
        id: &GroupId,
        logs: Option<Vec<LogId>>,
    ) -> Result<(), ErrorKind> {
        let group = self.group(id);
        let exists = |log: &LogId| self.shard.streams.contains_key(&log.stream);
        let offsets: Vec<(LogId, Option<CommittedOffset>)> = match logs {
            Some(logs) if logs.len() > OFFSETS_PER_REQUEST_MAX => return Err(ErrorKind::LimitExceeded),
            Some(logs) => {
                let of = |log: &LogId| group.filter(|_| exists(log))?.offsets.get(log).cloned();
                logs.into_iter().map(|log| (log, of(&log))).collect()
            }
            None => {
                let all = group.into_iter().flat_map(|group| &group.offsets).filter(|(log, _)| exists(log));
                all.map(|(log, offset)| (*log, Some(offset.clone()))).collect()
            }
        };
        self.answer_offsets(id, ticket, GroupReply::Offsets(offsets));
        Ok(())
    }

    pub(super) fn delete_offsets(
        &mut self,
        ticket: Ticket,
        id: &GroupId,
        logs: &[LogId],
    ) -> Result<(), ErrorKind> {
        if logs.len() > OFFSETS_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let group = self.group(id).ok_or(ErrorKind::UnknownGroup)?;
        if group.live.members.values().any(|member| member.subscription == Subscription::Opaque) {
            return Err(ErrorKind::GroupNotEmpty);
        }
        let (mut removed, mut results) = (Vec::new(), Vec::with_capacity(logs.len()));
        for log in logs {
            if self.is_read(group, *log) {
                results.push(Err(ErrorKind::GroupSubscribed));
                continue;
            }
            if group.offsets.contains_key(log) {
                removed.push(*log);
            }
            results.push(Ok(()));
        }
        if !removed.is_empty() {
            self.record(GroupEntry::OffsetsRemoved(id.clone(), removed));
        }
        self.answer_offsets(id, ticket, GroupReply::OffsetsDeleted(results));
        Ok(())
    }

    /// Whether a member of the current generation reads the log.
    pub(super) fn is_read(&self, group: &Group, log: LogId) -> bool {
        let stream = self.shard.streams.get(&log.stream);
        let (Some(stream), Some(roster)) = (stream, &group.roster) else { return false };
        roster.reads(&stream.entry.name)
    }

    /// An answer that shows which streams exist, too.
    pub(super) fn answer_offsets(&mut self, id: &GroupId, ticket: Ticket, reply: GroupReply) {
        let after = self.last(id).max(self.shard.catalog_last);
        self.effects.reply_after(ticket, after, Reply::Group(Box::new(reply)));
    }
}
