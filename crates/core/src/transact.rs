//! Appends and settlements that belong together: all of them in one frame, or none.
//!
//! Apart because it spans logs and lease groups, each of which decides for itself otherwise: here every batch is looked at
//! before the first one is appended. What a settlement finds is no reason to refuse: a lease that has ended meanwhile is
//! reported, as always.

use crate::effect::{Effects, ReplyEffect, Ticket};
use crate::lease::{self, LeaseError, Settle};
use crate::log::{AppendBatch, Appended, Bounds, append_one, check_one};
use crate::request::{FrameSize, Reply};
use crate::shard::{Shard, Turn};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_types::limits::{APPEND_TARGETS_MAX, LEASE_SETTLE_RECORDS_MAX, TRANSACT_ENTRIES_MAX};
use millstream_types::{ErrorKind, LogId, WalPosition, planted};

/// See [`Request::Transact`](crate::Request::Transact).
#[derive(Debug, Default)]
pub struct Transact {
    /// Batches to append, at most 16,384; none of them of an idempotent producer.
    pub appends: Vec<AppendBatch>,
    /// Leases to settle, at most 2,048 together.
    pub settles: Vec<Settle>,
}

/// The answer to a [`Transact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transacted {
    /// Where each batch was appended, in the order of the request.
    pub appended: Vec<Appended>,
    /// One result per lease, for each of the settlements.
    pub settled: Vec<Vec<Result<(), LeaseError>>>,
}

impl Transact {
    fn leases(&self) -> usize {
        self.settles.iter().map(|settle| settle.leases.len()).sum()
    }

    /// See [`Request::is_ephemeral`](crate::Request::is_ephemeral).
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.appends.iter().all(|batch| batch.log.stream.is_ephemeral())
            && self.settles.iter().all(|settle| settle.group.stream.is_ephemeral())
    }

    /// See [`FrameSize`].
    pub(crate) fn frame_size_max(&self) -> FrameSize {
        FrameSize {
            entries_bytes: self.appends.iter().map(lease::mark_bytes).sum::<usize>()
                + lease::settle_bytes(&self.settles),
            batches: self.appends.len(),
            batches_bytes: self.appends.iter().map(|batch| batch.bytes.len()).sum(),
            // What only settles must go through when the disk is full.
            frees_space: self.appends.is_empty(),
        }
    }
}

/// Decides a transaction.
pub(crate) fn apply(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    transact: Transact,
    effects: &mut Effects,
) {
    if let Err(kind) = check(shard, turn, &transact) {
        let logs = transact.appends.iter().filter_map(|batch| shard.log(batch.log));
        let after = logs.map(|log| log.last).max().unwrap_or_default().max(shard.catalog_last);
        return effects.reply_after(ticket, after, Reply::Refused(kind));
    }
    let Transact { appends, settles } = transact;
    let mut after = WalPosition::ZERO;
    let mut appended = Vec::with_capacity(appends.len());
    let mut leased: Vec<LogId> = Vec::new();
    for batch in appends {
        let log = batch.log;
        if leased.last() != Some(&log) && shard.leases.has_groups(log.stream) {
            leased.push(log);
        }
        let result = append_one(shard, turn, batch, Bounds::Checked, effects);
        appended.push(result.expect("every batch was looked at before the first was appended"));
        after = after.max(shard.log(log).map_or(WalPosition::ZERO, |state| state.last));
    }
    let (last, settled) = lease::settle_all(shard, turn, &settles, &leased, effects);
    let reply = Reply::Transacted(Box::new(Transacted { appended, settled }));
    let after = if planted!(TransactedBeforeDurable) { WalPosition::ZERO } else { after.max(last) };
    effects.replies.push(ReplyEffect { ticket, reply, after: Some(after) });
}

fn check(shard: &Shard, turn: Turn, transact: &Transact) -> Result<(), ErrorKind> {
    if transact.appends.len() > APPEND_TARGETS_MAX || transact.leases() > LEASE_SETTLE_RECORDS_MAX {
        return Err(ErrorKind::LimitExceeded);
    }
    for settle in &transact.settles {
        shard.leases.group(settle.group).ok_or(ErrorKind::UnknownLeaseGroup)?;
    }
    let mut records: BTreeMap<LogId, u64> = BTreeMap::new();
    let mut entries = 0;
    for batch in &transact.appends {
        let before = records.entry(batch.log).or_default();
        entries += check_one(shard, turn, batch, *before)?;
        *before += u64::from(batch.last_offset_delta) + 1;
    }
    if entries > TRANSACT_ENTRIES_MAX { Err(ErrorKind::LimitExceeded) } else { Ok(()) }
}
