//! Making, forgetting, counting and moving groups as a whole.
//!
//! Apart because nobody does it often. The default group comes and goes with its stream's setting, in the frame of
//! whatever changes the catalog; named ones by requests of their own.

use super::act::Act;
use super::entry::{GroupCreated, LeaseChange};
use super::ids::LeaseGroupId;
use super::log::LeaseLog;
use super::reply::{GroupCounts, LeaseReply};
use super::request::SeekTo;
use crate::catalog::check_name;
use crate::effect::Ticket;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{LEASE_GROUPS_MAX, LEASE_GROUPS_PER_REQUEST_MAX, LOGS_PER_SEEK_MAX};
use millstream_types::{ErrorKind, Offset, StreamId, WalPosition};

impl Act<'_> {
    pub(super) fn create_group(
        &mut self,
        ticket: Ticket,
        stream: StreamId,
        name: Arc<str>,
        from: &SeekTo,
    ) -> Result<(), ErrorKind> {
        check_name(&name)?;
        let known = self.shard.streams.get(&stream).ok_or(ErrorKind::UnknownStream)?;
        let bounds: Vec<(Offset, Offset)> = known.logs.iter().map(|log| (log.start, log.end)).collect();
        let same_name = |id: &LeaseGroupId| self.shard.leases.groups[id].name.as_ref() == Some(&name);
        let namesake = self.shard.leases.of_stream(stream).find(same_name);
        if let Some(id) = namesake {
            self.answer(ticket, self.last(id), LeaseReply::Group(id));
            return Ok(());
        }
        if self.shard.leases.groups.len() >= LEASE_GROUPS_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let mut logs: Vec<(Offset, Offset)> = bounds
            .iter()
            .map(|&(start, end)| (if *from == SeekTo::End { end } else { start }, end))
            .collect();
        if let SeekTo::Offsets(offsets) = from {
            for &(index, offset) in offsets {
                let log = logs.get_mut(index as usize).ok_or(ErrorKind::UnknownLog)?;
                if !(log.0..=log.1).contains(&offset) {
                    return Err(ErrorKind::OffsetOutOfRange);
                }
                log.0 = offset;
            }
        }
        let number = self.shard.leases.next_number(stream);
        let id = LeaseGroupId { stream, number };
        self.record(id, LeaseChange::Created(Box::new(GroupCreated { name: Some(name), logs })));
        self.note_tails(id);
        self.answer(ticket, self.turn.position, LeaseReply::Group(id));
        Ok(())
    }

    /// A new group in memory hands out its log's records no sooner than they can be read. (One on the disk is known no sooner than
    /// the records that were there before it are durable.)
    fn note_tails(&mut self, id: LeaseGroupId) {
        if !id.stream.is_ephemeral() {
            return;
        }
        let ends =
            (0..).zip(&self.shard.streams[&id.stream].logs).map(|(index, log)| (index, log.end, log.last));
        let ends: Vec<_> = ends.filter(|(.., last)| *last > WalPosition::ZERO).collect();
        for (index, end, last) in ends {
            self.known(id).live.tails.entry(index).or_default().add(end, last);
        }
    }

    pub(super) fn delete_group(&mut self, ticket: Ticket, id: LeaseGroupId) -> Result<(), ErrorKind> {
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        if id.number == 0 {
            // It is there because its stream says so.
            return Err(ErrorKind::InvalidConfig);
        }
        self.end_waits(id, ErrorKind::UnknownLeaseGroup);
        self.record(id, LeaseChange::Deleted);
        self.answer(ticket, self.turn.position, LeaseReply::Done);
        Ok(())
    }

    /// Answers everyone who waits in a group that goes in this turn, for whatever it is.
    pub(super) fn end_waits(&mut self, id: LeaseGroupId, kind: ErrorKind) {
        let live = &mut self.known(id).live;
        let waiters = live.waiters.take_all().map(|waiter| waiter.ticket);
        let tickets: Vec<Ticket> = waiters.chain(core::mem::take(&mut live.purgers)).collect();
        for ticket in tickets {
            let reply = crate::request::Reply::Refused(kind);
            self.effects.reply_after(ticket, self.turn.position, reply);
        }
        self.end_holders_of(id);
    }

    /// Has the default group be there, or not, as its stream's configuration says.
    pub(super) fn follow_config(&mut self, stream: StreamId) {
        let id = LeaseGroupId::default_of(stream);
        let known = &self.shard.streams[&stream];
        match (known.entry.config.lease().enabled(), self.group(id).is_some()) {
            (true, false) => {
                let logs = known.logs.iter().map(|log| (log.start, log.end)).collect();
                self.record(id, LeaseChange::Created(Box::new(GroupCreated { name: None, logs })));
                self.note_tails(id);
            }
            (false, true) => {
                self.end_waits(id, ErrorKind::UnknownLeaseGroup);
                self.record(id, LeaseChange::Deleted);
            }
            _ => {}
        }
        // Whatever was changed (paused, a limit, a single holder), those who wait may be served now.
        let groups: Vec<LeaseGroupId> = self.shard.leases.of_stream(stream).collect();
        self.shard.leases.hungry.extend(groups);
        if self.group(id).is_some() {
            self.note_idle(id);
        }
    }

    pub(super) fn describe(&mut self, ticket: Ticket, groups: &[LeaseGroupId]) -> Result<(), ErrorKind> {
        if groups.len() > LEASE_GROUPS_PER_REQUEST_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let mut after = WalPosition::ZERO;
        let described = groups.iter().map(|&id| {
            after = after.max(self.last(id));
            let counts = self.counts(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
            let logs = &self.shard.streams[&id.stream].logs;
            after = logs.iter().map(|log| log.last).fold(after, WalPosition::max);
            Ok(counts)
        });
        let described = described.collect();
        self.answer(ticket, after, LeaseReply::Described(described));
        Ok(())
    }

    pub(super) fn counts(&self, id: LeaseGroupId) -> Option<GroupCounts> {
        let group = self.group(id)?;
        let (waiting, holders) = (group.live.waiters.len() as u64, group.live.holders.len() as u64);
        let totals = group.live.totals;
        let mut counts = GroupCounts { waiting, holders, totals, ..GroupCounts::default() };
        let untouched = LeaseLog::default();
        for (index, log) in self.shard.streams.get(&id.stream)?.logs.iter().enumerate() {
            let of = group.logs.get(index).unwrap_or(&untouched);
            counts.ready += of.ready(log.end);
            counts.leased += of.leased();
            counts.delayed += of.delayed();
            counts.moving += of.moving();
        }
        Some(counts)
    }

    pub(super) fn seek(&mut self, ticket: Ticket, id: LeaseGroupId, to: &SeekTo) -> Result<(), ErrorKind> {
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let logs = &self.shard.streams[&id.stream].logs;
        let all = || (0..).zip(logs);
        let places: Vec<(u32, Offset)> = match to {
            SeekTo::Start => all().map(|(index, log)| (index, log.start)).collect(),
            SeekTo::End => all().map(|(index, log)| (index, log.end)).collect(),
            SeekTo::Offsets(offsets) => {
                for &(index, offset) in offsets {
                    let log = logs.get(index as usize).ok_or(ErrorKind::UnknownLog)?;
                    if !(log.start..=log.end).contains(&offset) {
                        return Err(ErrorKind::OffsetOutOfRange);
                    }
                }
                offsets.clone()
            }
        };
        if places.len() > LOGS_PER_SEEK_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let untouched = LeaseLog::default();
        let before =
            |&(index, to): &(u32, Offset)| self.log(id, index).unwrap_or(&untouched).unsettled_before(to);
        let settled = places.iter().map(before).sum();
        self.record(id, LeaseChange::Sought(places));
        self.answer(ticket, self.turn.position, LeaseReply::Sought { settled });
        self.serve(id);
        Ok(())
    }
}
