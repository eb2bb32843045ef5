//! Settle: what becomes of leases that their holders have done with.
//!
//! Apart because it is as hot as acquire, and where an old token must not touch a newer delivery.
//! Each lease is checked against its record's last delivery; those of one request that end alike make one entry.

use super::act::{Act, runs};
use super::entry::LeaseChange;
use super::ids::{LeaseGroupId, LeaseNumber, LeaseRef};
use super::record::{MoveReason, NEVER, Record, State};
use super::reply::{LeaseError, LeaseReply};
use super::request::{Action, Settle};
use crate::effect::Ticket;
use alloc::vec::Vec;
use millstream_types::limits::LEASE_SETTLE_RECORDS_MAX;
use millstream_types::{EngineTime, ErrorKind, Offset, WalPosition, planted};

/// What happens to a lease that was checked; neighbours that are alike share an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Settled,
    Back { until: Option<EngineTime> },
    Renewed { deadline: EngineTime },
    Buried(MoveReason),
}

/// A lease with what its entry needs.
#[derive(Debug, Clone, Copy)]
struct Checked {
    offset: Offset,
    lease: LeaseNumber,
    count: u32,
    priority: u8,
}

impl Act<'_> {
    pub(super) fn settle(&mut self, ticket: Ticket, settle: &Settle) -> Result<(), ErrorKind> {
        let id = settle.group;
        self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        if settle.leases.len() > LEASE_SETTLE_RECORDS_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let (after, results) = self.settle_checked(settle);
        self.answer(ticket, after, LeaseReply::Settled(results));
        self.serve(id);
        Ok(())
    }

    /// Settles leases of a group that exists, not too many. Returns the last frame that the results reveal.
    pub(super) fn settle_checked(&mut self, settle: &Settle) -> (WalPosition, Vec<Result<(), LeaseError>>) {
        let id = settle.group;
        let mut results = Vec::with_capacity(settle.leases.len());
        let mut alike: Option<(u32, Fate)> = None;
        let mut pending: Vec<Checked> = Vec::new();
        for &(lease, action) in &settle.leases {
            let decided = self.decide(id, lease, action);
            results.push(decided.map(|_| ()));
            let Ok((fate, checked)) = decided else { continue };
            if alike != Some((lease.log, fate)) {
                self.seal(id, alike, &mut pending);
                alike = Some((lease.log, fate));
            }
            pending.push(checked);
        }
        self.seal(id, alike, &mut pending);
        let last = if planted!(SettledBeforeDurable) { WalPosition::ZERO } else { self.last(id) };
        (last.max(self.appended_last(id, &settle.leases)), results)
    }

    /// A lease that is unknown because its record is: that must not be lost after it was said.
    fn appended_last(&self, id: LeaseGroupId, leases: &[(LeaseRef, Action)]) -> WalPosition {
        let unknown =
            leases.iter().filter(|(lease, _)| self.end(id, lease.log).is_none_or(|end| lease.offset >= end));
        let logs = unknown.filter_map(|(lease, _)| self.shard.log(id.log(lease.log)));
        logs.map(|log| log.last).max().unwrap_or_default()
    }

    /// Checks a lease against its record's last delivery.
    fn decide(
        &self,
        id: LeaseGroupId,
        lease: LeaseRef,
        action: Action,
    ) -> Result<(Fate, Checked), LeaseError> {
        let end = self.end(id, lease.log).ok_or(LeaseError::Unknown)?;
        if lease.offset >= end {
            return Err(LeaseError::Unknown);
        }
        let log = self.log(id, lease.log).ok_or(LeaseError::NotLeased)?;
        if log.is_settled(lease.offset) {
            return Err(LeaseError::Settled);
        }
        let is_newest = |record: &&Record| record.lease == lease.lease || planted!(OldReceiptHonoured);
        let record = log.records.get(&lease.offset).filter(|record| record.count > 0 && is_newest(record));
        let record = record.ok_or(LeaseError::NotLeased)?;
        let is_held = matches!(record.state, State::Leased { deadline, .. } if deadline > self.now());
        let is_moving = matches!(record.state, State::Moving { .. });
        if !is_held && (is_moving || action != Action::Ack { late: true }) {
            return Err(LeaseError::NotLeased);
        }
        let checked = Checked {
            offset: lease.offset,
            lease: lease.lease,
            count: record.count,
            priority: record.priority,
        };
        Ok((self.fate(id, record, action), action.count(checked)))
    }

    fn fate(&self, id: LeaseGroupId, record: &Record, action: Action) -> Fate {
        let is_spent = || self.settings(id).delivery_limit().is_some_and(|limit| record.count >= limit);
        let after = |ms: u64| self.now().after_ms(ms).min(EngineTime(NEVER.0 - 1));
        match action {
            Action::Ack { .. } | Action::Absent => Fate::Settled,
            Action::Reject => Fate::Buried(MoveReason::Rejected),
            Action::Expire => Fate::Buried(MoveReason::Expired),
            Action::Release { delivered: true, .. } | Action::Renew { timeout_ms: 0 } if is_spent() => {
                Fate::Buried(MoveReason::Limit)
            }
            Action::Release { delay_ms: 0, .. } | Action::Renew { timeout_ms: 0 } => {
                Fate::Back { until: None }
            }
            Action::Release { delay_ms, .. } => Fate::Back { until: Some(after(delay_ms)) },
            Action::Renew { timeout_ms } => Fate::Renewed { deadline: after(timeout_ms) },
        }
    }

    /// Ends leases that the caller knows to be held.
    pub(super) fn end_leases(&mut self, id: LeaseGroupId, log: u32, offsets: &[Offset], action: Action) {
        let mut alike: Option<(u32, Fate)> = None;
        let mut pending: Vec<Checked> = Vec::new();
        for &offset in offsets {
            let record = self.known(id).logs[log as usize].records[&offset];
            let fate = self.fate(id, &record, action);
            if alike != Some((log, fate)) {
                self.seal(id, alike, &mut pending);
                alike = Some((log, fate));
            }
            pending.push(Checked {
                offset,
                lease: record.lease,
                count: record.count,
                priority: record.priority,
            });
        }
        self.seal(id, alike, &mut pending);
    }

    /// Makes it true.
    fn seal(&mut self, id: LeaseGroupId, alike: Option<(u32, Fate)>, pending: &mut Vec<Checked>) {
        let Some((log, fate)) = alike.filter(|_| !pending.is_empty()) else { return };
        if fate == Fate::Settled {
            self.known(id).live.totals.settled += pending.len() as u64;
        }
        let leases = pending.drain(..);
        match fate {
            Fate::Settled => {
                let runs = runs(leases.map(|lease| lease.offset));
                self.record(id, LeaseChange::Settled { log, runs });
            }
            Fate::Back { until } => {
                let records = leases.map(|lease| (lease.offset, lease.count, lease.priority)).collect();
                self.record(id, LeaseChange::GivenBack { log, until, records });
            }
            Fate::Renewed { deadline } => {
                let leases = leases.map(|lease| (lease.offset, lease.lease)).collect();
                self.record(id, LeaseChange::Renewed { log, deadline, leases });
            }
            Fate::Buried(reason) => {
                let records: Vec<(Offset, u32)> = leases.map(|lease| (lease.offset, lease.count)).collect();
                self.bury(id, log, &records, reason);
            }
        }
    }
}

impl Action {
    /// A delivery that was none does not count.
    fn count(self, checked: Checked) -> Checked {
        match self {
            Action::Release { delivered: false, .. } if !planted!(UndeliveredCounted) => {
                Checked { count: checked.count - 1, ..checked }
            }
            _ => checked,
        }
    }
}
