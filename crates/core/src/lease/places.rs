//! Records named by their places: looked at, settled or moved without a lease.
//!
//! Apart because whoever looks after a queue is no consumer of it: what is inspected is not delivered and not counted, and what is
//! taken away must not be taken from a consumer who has it.

use super::act::{Act, runs};
use super::entry::LeaseChange;
use super::ids::LeaseGroupId;
use super::log::LeaseLog;
use super::record::{MoveReason, MoveTarget, NEVER, State};
use super::reply::{LeaseError, LeaseReply, PeekedRecord, RecordState};
use crate::effect::Ticket;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_types::limits::{LEASE_ACQUIRE_RECORDS_MAX, LEASE_SETTLE_RECORDS_MAX, LOGS_PER_SEEK_MAX};
use millstream_types::{ErrorKind, Offset, WalPosition, planted};

impl Act<'_> {
    pub(super) fn peek(
        &mut self,
        ticket: Ticket,
        id: LeaseGroupId,
        from: Option<(u32, Offset)>,
        max: u32,
    ) -> Result<(), ErrorKind> {
        let group = self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        if !(1..=LEASE_ACQUIRE_RECORDS_MAX).contains(&max) {
            return Err(ErrorKind::LimitExceeded);
        }
        let (first, offset) = from.unwrap_or_default();
        let untouched = LeaseLog::default();
        let mut after = group.last;
        let (mut records, mut next) = (Vec::new(), None);
        let logs = (0..).zip(&self.shard.streams[&id.stream].logs).skip(first as usize);
        for (looked, (index, of)) in logs.enumerate() {
            if looked == LOGS_PER_SEEK_MAX {
                next = Some((index, Offset::ZERO));
                break;
            }
            after = after.max(of.last);
            let log = group.logs.get(index as usize).unwrap_or(&untouched);
            let from = if index == first { offset.max(of.start) } else { of.start };
            let mut unsettled = log.unsettled(from, of.end);
            let room = max as usize - records.len();
            records.extend(unsettled.by_ref().take(room).map(|offset| self.peeked(log, index, offset)));
            if records.len() == max as usize {
                next = unsettled.next().map(|offset| (index, offset));
                if next.is_some() {
                    break;
                }
            }
        }
        self.answer(ticket, after, LeaseReply::Peeked { records, next });
        Ok(())
    }

    fn peeked(&self, log: &LeaseLog, index: u32, offset: Offset) -> PeekedRecord {
        let now = self.now();
        let record = log.records.get(&offset);
        let state = match record.map(|record| record.state) {
            Some(State::Leased { deadline, holder, .. }) if deadline > now => {
                RecordState::Leased { holder, deadline: (deadline != NEVER).then_some(deadline) }
            }
            Some(State::Delayed { until }) if until > now => RecordState::Delayed { until },
            Some(State::Moving { reason, target }) => RecordState::Moving { reason, target },
            None => match log.delayed.get(&offset) {
                Some(&until) if until > now => RecordState::Delayed { until },
                _ => RecordState::Ready,
            },
            // What has run out by now is ready, whether or not a tick has seen it.
            Some(State::Ready | State::Leased { .. } | State::Delayed { .. }) => RecordState::Ready,
        };
        PeekedRecord {
            log: index,
            offset,
            state,
            delivery_count: record.map_or(0, |record| record.count),
            priority: record.map_or_else(|| log.priority(offset), |record| record.priority),
            expires: record.map(|record| record.expires).filter(|expires| *expires != NEVER),
        }
    }

    /// Settles records that are ready, or begins to move them.
    pub(super) fn act_by_place(
        &mut self,
        ticket: Ticket,
        id: LeaseGroupId,
        records: &[(u32, Offset)],
        target: Option<MoveTarget>,
    ) -> Result<(), ErrorKind> {
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        if records.len() > LEASE_SETTLE_RECORDS_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let mut results = Vec::with_capacity(records.len());
        let mut named = BTreeSet::new();
        let mut pending: Vec<(Offset, u32)> = Vec::new();
        let mut of = 0;
        for &(index, offset) in records {
            let found = self.ready_at(id, index, offset);
            // The second time it is not ready any more.
            let found = found
                .and_then(|count| named.insert((index, offset)).then_some(count).ok_or(LeaseError::NotReady));
            results.push(found.map(|_| ()));
            let Ok(count) = found else { continue };
            if index != of {
                self.take_away(id, of, &mut pending, target);
                of = index;
            }
            pending.push((offset, count));
        }
        self.take_away(id, of, &mut pending, target);
        let after = self.last(id).max(self.ends_of(id, records));
        self.answer(ticket, after, LeaseReply::Settled(results));
        self.serve(id);
        Ok(())
    }

    /// How often a record that is ready was delivered.
    fn ready_at(&self, id: LeaseGroupId, index: u32, offset: Offset) -> Result<u32, LeaseError> {
        let end = self.end(id, index).ok_or(LeaseError::Unknown)?;
        if offset >= end {
            return Err(LeaseError::Unknown);
        }
        let untouched = LeaseLog::default();
        let log = self.log(id, index).unwrap_or(&untouched);
        if log.is_settled(offset) {
            return Err(LeaseError::Settled);
        }
        match log.records.get(&offset) {
            Some(record) if record.state == State::Ready || planted!(TakenFromHolder) => Ok(record.count),
            None if !log.delayed.contains_key(&offset) => Ok(0),
            _ => Err(LeaseError::NotReady),
        }
    }

    fn take_away(
        &mut self,
        id: LeaseGroupId,
        log: u32,
        pending: &mut Vec<(Offset, u32)>,
        target: Option<MoveTarget>,
    ) {
        if !pending.is_empty() {
            match target {
                Some(target) => self.begin_moves(id, log, pending, MoveReason::Redrive, target),
                None => {
                    let runs = runs(pending.iter().map(|(offset, _)| *offset));
                    self.record(id, LeaseChange::Settled { log, runs });
                }
            }
            pending.clear();
        }
    }

    /// A record that is unknown must not be appended before it was said, and then lost with what was said.
    fn ends_of(&self, id: LeaseGroupId, records: &[(u32, Offset)]) -> WalPosition {
        let unknown =
            records.iter().filter(|(log, offset)| self.end(id, *log).is_none_or(|end| *offset >= end));
        let logs = unknown.filter_map(|(log, _)| self.shard.log(id.log(*log)));
        logs.map(|log| log.last).max().unwrap_or_default()
    }
}
