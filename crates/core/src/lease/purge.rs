//! Purge: everything that is ready in a group is settled; what is out or put off stays.
//!
//! Apart because it may be long work (R13). What fits into one step is done in it, and nothing else is written. Otherwise one
//! entry begins it, each tick settles some runs and says how far it is, a restart goes on from there, and the answer comes
//! at its end. It goes through each log once, up to what was its end at the beginning: what comes back behind it stays.

use super::act::{Act, ROOM_BYTES};
use super::entry::{HEAD_BYTES, LeaseChange};
use super::ids::LeaseGroupId;
use super::reply::LeaseReply;
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::effect::Ticket;
use alloc::vec::Vec;
use millstream_types::limits::LOGS_PER_REDRIVE_MAX;
use millstream_types::{ErrorKind, Offset};

/// Runs that one step settles.
const RUNS_PER_STEP: usize = 128;
/// Records of those runs of which something is kept, and which cost something to settle.
const RECORDS_PER_STEP: u64 = 4 * 1024;
/// Bytes of what one step writes at most.
pub(super) const STEP_BYTES: usize =
    HEAD_BYTES * (RUNS_PER_STEP + 1) + 16 * (RUNS_PER_STEP + LOGS_PER_REDRIVE_MAX);

const _: () = assert!(STEP_BYTES <= ROOM_BYTES, "a tick has room for a step");

/// A purge that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// Records that it has settled.
    pub(crate) settled: u64,
    /// Per log: it has gone through what lies before the first offset; records from the second on came later and stay.
    pub(crate) spans: Vec<(Offset, Offset)>,
}

impl Act<'_> {
    pub(super) fn purge(&mut self, ticket: Ticket, id: LeaseGroupId) -> Result<(), ErrorKind> {
        let purge = self.begun(id)?;
        self.known(id).live.purgers.push(ticket);
        self.purge_some(id, purge);
        Ok(())
    }

    /// As [`Act::purge`], for who does not wait.
    pub(super) fn start_purge(&mut self, ticket: Ticket, id: LeaseGroupId) -> Result<(), ErrorKind> {
        let purge = self.begun(id)?;
        let settled = self.purge_some(id, purge);
        let is_done = self.known(id).purge.is_none();
        self.answer(ticket, self.last(id), LeaseReply::PurgeStarted { settled, is_done });
        Ok(())
    }

    /// Ends what is under way. Whoever waits for it is told how far it came.
    pub(super) fn cancel_purge(&mut self, ticket: Ticket, id: LeaseGroupId) -> Result<(), ErrorKind> {
        let group = self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let settled = group.purge.as_ref().map_or(0, |purge| purge.settled);
        if group.purge.is_some() {
            self.record(id, LeaseChange::Purging(None));
        }
        self.known(id).live.purgers.push(ticket);
        self.answer_purgers(id, settled);
        Ok(())
    }

    /// What a purge has to go through from its beginning.
    fn begun(&mut self, id: LeaseGroupId) -> Result<Purge, ErrorKind> {
        let group = self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let logs = &self.shard.streams[&id.stream].logs;
        if logs.len() > LOGS_PER_REDRIVE_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        // One that is under way begins anew, and ends for all who asked.
        let settled = group.purge.as_ref().map_or(0, |purge| purge.settled);
        let spans = logs.iter().map(|log| (Offset::ZERO, log.end)).collect();
        Ok(Purge { settled, spans })
    }

    /// Goes on with what is under way.
    pub(super) fn go_on_purging(&mut self) {
        while let Some(&id) = self.shard.leases.purging.first() {
            let Some(purge) = self.group(id).and_then(|group| group.purge.clone()) else {
                self.shard.leases.purging.remove(&id);
                continue;
            };
            if self.has_bytes(STEP_BYTES) {
                self.purge_some(id, purge);
            }
            return;
        }
    }

    /// Settles some, and says how far it is unless all of it fits into one step. Gives how many are settled.
    fn purge_some(&mut self, id: LeaseGroupId, mut purge: Purge) -> u64 {
        let (mut runs_left, mut records_left) = (RUNS_PER_STEP, RECORDS_PER_STEP);
        for (index, (next, end)) in (0..).zip(&mut purge.spans) {
            let mut runs = Vec::new();
            while next < end && runs_left > 0 && records_left > 0 {
                let log = self.known(id).log(index);
                let Some(run) = log.ready_run(*next, *end) else {
                    *next = *end;
                    break;
                };
                let len = run.end - run.start;
                // A longer one is of records that nothing is kept of.
                records_left = records_left.saturating_sub(if len > RECORDS_PER_STEP { 1 } else { len });
                runs_left -= 1;
                *next = Offset(run.end);
                purge.settled += len;
                runs.push((Offset(run.start), len));
            }
            if !runs.is_empty() {
                self.record(id, LeaseChange::Settled { log: index, runs });
            }
        }
        let is_done = purge.spans.iter().all(|(next, end)| next >= end);
        let settled = purge.settled;
        if !is_done {
            self.record(id, LeaseChange::Purging(Some(purge)));
        } else if self.known(id).purge.is_some() {
            self.record(id, LeaseChange::Purging(None));
        }
        if is_done {
            self.answer_purgers(id, settled);
        }
        settled
    }

    fn answer_purgers(&mut self, id: LeaseGroupId, settled: u64) {
        let after = self.last(id);
        for ticket in core::mem::take(&mut self.known(id).live.purgers) {
            self.answer(ticket, after, LeaseReply::Purged { settled });
        }
    }
}

pub(super) fn put(out: &mut Encoder<'_>, purge: &Purge) {
    out.u64(purge.settled);
    out.u32(u32::try_from(purge.spans.len()).expect("logs are bounded"));
    for (next, end) in &purge.spans {
        out.u64(next.0);
        out.u64(end.0);
    }
}

pub(super) fn get(input: &mut Decoder<'_>) -> Result<Purge, DecodeError> {
    let mut purge = Purge { settled: input.u64()?, spans: Vec::new() };
    for _ in 0..input.u32()? {
        purge.spans.push((input.offset()?, input.offset()?));
    }
    let fits = purge.spans.len() <= LOGS_PER_REDRIVE_MAX && purge.settled <= i64::MAX as u64;
    if fits { Ok(purge) } else { Err(DecodeError::Invalid("how far a purge is")) }
}
