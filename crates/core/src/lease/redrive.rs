//! Redrive: everything that is ready in a group, moved into another stream or back to where it came from, at a rate.
//!
//! Apart because it is long work (R13): one entry begins it, each tick moves some more, every entry says how far it is, and
//! a restart goes on from there. The moves themselves are moves like any other. It goes through each log once, up to what
//! was its end at the beginning: records which cannot be moved, and come back, neither keep it going for ever nor take
//! the turns of those behind them.

use super::act::Act;
use super::entry::{LeaseChange, get_target, put_target};
use super::ids::LeaseGroupId;
use super::record::{MoveReason, MoveTarget};
use super::reply::LeaseReply;
use super::request::StartRedrive;
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::effect::Ticket;
use alloc::vec::Vec;
use millstream_types::limits::{LOGS_PER_REDRIVE_MAX, MOVES_UNDER_WAY_MAX, REDRIVES_REMEMBERED};
use millstream_types::{EngineTime, ErrorKind, Offset};

/// A redrive with a rate moves a little this often.
const PACE_MS: u64 = 50;
/// Records that one tick marks as moving.
const MOVES_PER_TICK: usize = 64;

/// Where a redrive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedriveState {
    /// It moves records.
    Running,
    /// It has moved what there was.
    Completed,
    /// Somebody ended it.
    Cancelled,
    /// The stream that records were to go to is gone.
    Failed,
}

/// A redrive, under way or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// Its number in its group, from 1.
    pub number: u64,
    /// Where to.
    pub target: MoveTarget,
    /// So many records a second at most.
    pub per_second: Option<u32>,
    /// When it began.
    pub started: EngineTime,
    /// Where it is.
    pub state: RedriveState,
    /// Records that it has set moving.
    pub moved: u64,
    /// Records that were ready when it began.
    pub total: u64,
    /// Per log: it has gone through what lies before the first offset; records from the second on came later and stay.
    pub(crate) spans: Vec<(Offset, Offset)>,
}

/// Bytes of a redrive with that many logs at most.
pub(super) const fn redrive_bytes(logs: usize) -> usize {
    64 + 16 * logs
}

impl Act<'_> {
    pub(super) fn start_redrive(&mut self, ticket: Ticket, start: StartRedrive) -> Result<(), ErrorKind> {
        let id = start.group;
        let group = self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        if let Some(running) = group.redrives.iter().find(|redrive| redrive.state == RedriveState::Running) {
            let reply = LeaseReply::Redrive { redrive: running.clone(), is_new: false };
            self.answer(ticket, self.last(id), reply);
            return Ok(());
        }
        let number = group.redrives.last().map_or(1, |last| last.number + 1);
        let logs = &self.shard.streams[&id.stream].logs;
        let spans: Vec<(Offset, Offset)> = logs.iter().map(|log| (Offset::ZERO, log.end)).collect();
        if spans.len() > LOGS_PER_REDRIVE_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let redrive = Redrive {
            number,
            target: start.target,
            per_second: start.per_second.map(|rate| rate.max(1)),
            started: self.now(),
            state: RedriveState::Running,
            moved: 0,
            total: self.counts(id).map_or(0, |counts| counts.ready),
            spans,
        };
        self.record(id, LeaseChange::Redriven(redrive.clone()));
        self.answer(ticket, self.turn.position, LeaseReply::Redrive { redrive, is_new: true });
        Ok(())
    }

    pub(super) fn cancel_redrive(
        &mut self,
        ticket: Ticket,
        id: LeaseGroupId,
        number: u64,
    ) -> Result<(), ErrorKind> {
        let group = self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?;
        let running = |redrive: &&Redrive| redrive.number == number && redrive.state == RedriveState::Running;
        if let Some(redrive) = group.redrives.iter().find(running).cloned() {
            self.record(id, LeaseChange::Redriven(Redrive { state: RedriveState::Cancelled, ..redrive }));
        }
        self.list_redrives(ticket, id)
    }

    pub(super) fn list_redrives(&mut self, ticket: Ticket, id: LeaseGroupId) -> Result<(), ErrorKind> {
        let redrives = self.group(id).ok_or(ErrorKind::UnknownLeaseGroup)?.redrives.clone();
        self.answer(ticket, self.last(id), LeaseReply::Redrives(redrives));
        Ok(())
    }

    /// Goes on with the redrives whose time has come.
    pub(super) fn go_on_redriving(&mut self) {
        let now = self.now();
        while let Some(&(at, id)) = self.shard.leases.redriving.first().filter(|(at, _)| *at <= now) {
            self.shard.leases.redriving.remove(&(at, id));
            let running = |redrive: &&Redrive| redrive.state == RedriveState::Running;
            let Some(redrive) = self.group(id).and_then(|group| group.redrives.iter().find(running).cloned())
            else {
                continue;
            };
            let redrive_room = redrive_bytes(redrive.spans.len()) / super::act::RECORD_BYTES;
            if self.room() < 2 + MOVES_PER_TICK + redrive_room {
                self.shard.leases.redriving.insert((at, id));
                return;
            }
            self.redrive_some(id, redrive);
        }
    }

    fn redrive_some(&mut self, id: LeaseGroupId, mut redrive: Redrive) {
        let now = self.now();
        let is_gone =
            matches!(redrive.target, MoveTarget::Stream(target) if !self.shard.streams.contains_key(&target));
        if is_gone {
            return self
                .record(id, LeaseChange::Redriven(Redrive { state: RedriveState::Failed, ..redrive }));
        }
        let under_way = self.shard.leases.to_move.len() + self.shard.leases.moving.len();
        let due = redrive.per_second.map_or(u64::MAX, |rate| {
            let may_have_moved = now.since_ms(redrive.started).saturating_mul(u64::from(rate)) / 1_000;
            may_have_moved.saturating_sub(redrive.moved)
        });
        let due = due.min(redrive.total - redrive.moved);
        let due = usize::try_from(due).unwrap_or(usize::MAX).min(MOVES_PER_TICK);
        let mut left = due.min(MOVES_UNDER_WAY_MAX.saturating_sub(under_way));
        let mut is_all = true;
        for (index, (next, end)) in (0..).zip(&mut redrive.spans) {
            let Some(log) = self.log(id, index) else { continue };
            let count = |offset: Offset| log.records.get(&offset).map_or(0, |record| record.count);
            let mut ready = log.ready_between(*next, *end);
            let records: Vec<(Offset, u32)> =
                ready.by_ref().take(left).map(|offset| (offset, count(offset))).collect();
            *next = ready.next().unwrap_or(*end);
            is_all &= next == end;
            drop(ready);
            if !records.is_empty() {
                left -= records.len();
                redrive.moved += records.len() as u64;
                self.begin_moves(id, index, &records, MoveReason::Redrive, redrive.target);
            }
        }
        if is_all || redrive.moved == redrive.total {
            redrive.state = RedriveState::Completed;
        }
        let is_running = redrive.state == RedriveState::Running;
        self.record(id, LeaseChange::Redriven(redrive));
        if is_running {
            self.shard.leases.redriving.insert((now.after_ms(PACE_MS), id));
        }
    }
}

/// Folds how far a redrive is. The oldest are forgotten.
pub(super) fn fold(redrives: &mut Vec<Redrive>, redrive: Redrive) {
    match redrives.binary_search_by_key(&redrive.number, |known| known.number) {
        Ok(at) => redrives[at] = redrive,
        Err(at) => redrives.insert(at, redrive),
    }
    if redrives.len() > REDRIVES_REMEMBERED {
        redrives.remove(0);
    }
}

pub(super) fn put(out: &mut Encoder<'_>, redrive: &Redrive) {
    out.u64(redrive.number);
    put_target(out, redrive.target);
    out.option(redrive.per_second, Encoder::u32);
    out.i64(redrive.started.0);
    out.u8(match redrive.state {
        RedriveState::Running => 0,
        RedriveState::Completed => 1,
        RedriveState::Cancelled => 2,
        RedriveState::Failed => 3,
    });
    out.u64(redrive.moved);
    out.u64(redrive.total);
    out.u32(u32::try_from(redrive.spans.len()).expect("logs are bounded"));
    for (next, end) in &redrive.spans {
        out.u64(next.0);
        out.u64(end.0);
    }
}

pub(super) fn get(input: &mut Decoder<'_>) -> Result<Redrive, DecodeError> {
    let mut redrive = Redrive {
        number: input.id()?,
        target: get_target(input)?,
        per_second: input.option(Decoder::u32)?,
        started: EngineTime(input.i64()?),
        state: match input.u8()? {
            0 => RedriveState::Running,
            1 => RedriveState::Completed,
            2 => RedriveState::Cancelled,
            3 => RedriveState::Failed,
            _ => return Err(DecodeError::Invalid("where a redrive is")),
        },
        moved: input.u64()?,
        total: input.u64()?,
        spans: Vec::new(),
    };
    if redrive.moved > redrive.total {
        return Err(DecodeError::Invalid("how far a redrive is"));
    }
    for _ in 0..input.u32()? {
        let (next, end) = (input.offset()?, input.offset()?);
        if next > end {
            return Err(DecodeError::Invalid("how far a redrive is"));
        }
        redrive.spans.push((next, end));
    }
    Ok(redrive)
}
