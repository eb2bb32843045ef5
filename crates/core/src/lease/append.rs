//! What an append means to the groups of its stream: marks of its records, a stream that is too long, acquirers that wait.
//!
//! Apart because the log knows nothing of groups: it asks here before it appends, and tells here afterwards.

use super::act::{Act, ROOM_BYTES, runs};
use super::entry::{HEAD_BYTES, ITEM_BYTES, LeaseChange, LeaseEntry, StoredMark};
use super::ids::LeaseGroupId;
use super::log::LeaseLog;
use super::record::{MoveReason, NEVER};
use crate::catalog::Overflow;
use crate::effect::Effects;
use crate::log::AppendBatch;
use crate::shard::{Shard, Turn};
use alloc::vec::Vec;
use millstream_types::limits::LEASE_DELAYED_PER_GROUP_MAX;
use millstream_types::{EngineTime, ErrorKind, LogId, Offset};

/// What is special about a record, as its producer said it (R2). Times count from the append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordMark {
    /// Goes before records of lower priority; 0: an ordinary record.
    pub priority: u8,
    /// Is delivered so much later at the earliest; `None`: as the stream says.
    pub delay_ms: Option<u64>,
    /// Is not delivered any more so much later; `None`: as the stream says. The shorter one counts.
    pub time_to_live_ms: Option<u64>,
}

/// Bytes of entries that the marks of a batch make at most.
pub(crate) fn mark_bytes(batch: &AppendBatch) -> usize {
    HEAD_BYTES + ITEM_BYTES * batch.marks.len().max(1)
}

/// Decides whether the groups of a stream take a batch, and what they are told about its records: `None` if there is
/// nothing special about them.
pub(crate) fn check_append(
    shard: &Shard,
    turn: Turn,
    batch: &AppendBatch,
) -> Result<Option<Vec<(u32, StoredMark)>>, ErrorKind> {
    let is_marked = !batch.marks.is_empty();
    if is_marked
        && (batch.marks.len() != batch.records as usize || batch.last_offset_delta != batch.records - 1)
    {
        return Err(ErrorKind::CorruptBatch);
    }
    let id = LeaseGroupId::default_of(batch.log.stream);
    let Some(group) = shard.leases.group(id) else { return Ok(None) };
    let stream = &shard.streams[&batch.log.stream];
    let config = stream.entry.config.lease();
    if config.overflow() == Overflow::Reject
        && let Some(max) = config.length_max()
    {
        let untouched = LeaseLog::default();
        let log = group.logs.get(batch.log.index as usize).unwrap_or(&untouched);
        if log.ready(stream.logs[batch.log.index as usize].end) + u64::from(batch.records) > max {
            return Err(ErrorKind::StreamFull);
        }
    }
    if !is_marked && config.delay_ms() == 0 && config.time_to_live_ms().is_none() {
        return Ok(None);
    }
    let stored = |mark: &RecordMark| {
        let delay_ms = mark.delay_ms.unwrap_or(config.delay_ms());
        let lives_ms = mark.time_to_live_ms.into_iter().chain(config.time_to_live_ms()).min();
        let latest = EngineTime(NEVER.0 - 1);
        StoredMark {
            priority: mark.priority,
            not_before: if delay_ms == 0 { EngineTime(0) } else { turn.now.after_ms(delay_ms).min(latest) },
            expires: lives_ms.map_or(NEVER, |ms| turn.now.after_ms(ms).min(latest)),
        }
    };
    let mut marks: Vec<(u32, StoredMark)> = Vec::new();
    if is_marked {
        for mark in batch.marks.iter().map(stored) {
            match marks.last_mut() {
                Some((len, last)) if *last == mark => *len += 1,
                _ => marks.push((1, mark)),
            }
        }
    } else {
        marks.push((batch.records, stored(&RecordMark::default())));
    }
    let kept: u64 = group.logs.iter().map(|log| log.delayed()).sum();
    if kept + u64::from(batch.records) > LEASE_DELAYED_PER_GROUP_MAX {
        return Err(ErrorKind::LimitExceeded);
    }
    let plain = StoredMark { priority: 0, not_before: EngineTime(0), expires: NEVER };
    Ok(marks.iter().any(|(_, mark)| *mark != plain).then_some(marks))
}

/// The entry that keeps the marks of a batch.
pub(crate) fn marked(log: LogId, from: Offset, marks: Vec<(u32, StoredMark)>) -> LeaseEntry {
    let change = LeaseChange::Marked { log: log.index, from, marks };
    LeaseEntry { group: LeaseGroupId::default_of(log.stream), change }
}

/// Logs have got records: gives them to those who wait, and gives up what is too much.
pub(crate) fn appended(shard: &mut Shard, turn: Turn, logs: &[LogId], effects: &mut Effects) {
    Act::new(shard, turn, effects, ROOM_BYTES).stock(logs);
}

impl Act<'_> {
    /// See [`appended`].
    pub(super) fn stock(&mut self, logs: &[LogId]) {
        for &log in logs {
            let groups: Vec<LeaseGroupId> = self.shard.leases.of_stream(log.stream).collect();
            let Some(end) = self.shard.log(log).map(|log| log.end) else { continue };
            for id in groups {
                let position = self.turn.position;
                let live = &mut self.known(id).live;
                live.stocked.insert(log.index);
                live.tails.entry(log.index).or_default().add(end, position);
                self.serve(id);
                if id.number == 0 {
                    self.cut(id, log.index, end);
                }
            }
        }
    }

    /// Gives up the oldest records of a log that is longer than it may be. What does not fit into this turn goes with
    /// the next append.
    fn cut(&mut self, id: LeaseGroupId, index: u32, end: Offset) {
        let config = self.settings(id);
        let (Some(max), overflow) = (config.length_max(), config.overflow()) else { return };
        let Some(log) = self.log(id, index) else { return };
        let surplus = usize::try_from(log.ready(end).saturating_sub(max)).unwrap_or(usize::MAX);
        // They are items of one entry, so that more of them fit than if each had its own.
        let room = self.room().saturating_sub(1) * 3;
        let offsets: Vec<Offset> = log.surplus(end).take(surplus.min(room)).collect();
        if offsets.is_empty() || overflow == Overflow::Reject {
            return;
        }
        if overflow == Overflow::DeadLetter {
            let count = |offset: &Offset| log.records.get(offset).map_or(0, |record| record.count);
            let records: Vec<(Offset, u32)> = offsets.iter().map(|offset| (*offset, count(offset))).collect();
            return self.bury(id, index, &records, MoveReason::Length);
        }
        self.record(id, LeaseChange::Settled { log: index, runs: runs(offsets.into_iter()) });
    }
}
