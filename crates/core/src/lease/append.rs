//! What an append means to the groups of its stream: marks of its records, a stream that is too long, acquirers that wait.
//!
//! Apart because the log knows nothing of groups: it asks here before it appends, and tells here afterwards.

use super::act::{Act, ROOM_BYTES, runs};
use super::dedup::Remembered;
use super::entry::{HEAD_BYTES, ITEM_BYTES, LeaseChange, StoredMark};
use super::ids::LeaseGroupId;
use super::log::LeaseLog;
use super::record::{MoveReason, NEVER};
use crate::catalog::{LeaseSettings, Ordering, Overflow};
use crate::effect::Effects;
use crate::log::{AppendBatch, Bounds};
use crate::shard::{Shard, Turn};
use alloc::vec::Vec;
use millstream_types::limits::{DEDUP_IDS_PER_GROUP_MAX, LEASE_DELAYED_PER_GROUP_MAX};
use millstream_types::{EngineTime, ErrorKind, LogId, Offset, WalPosition, planted};

/// What is special about a record, as its producer said it (R2). Times count from the append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordMark {
    /// Goes before records of lower priority; 0: an ordinary record.
    pub priority: u8,
    /// Is delivered so much later at the earliest; `None`: as the stream says.
    pub delay_ms: Option<u64>,
    /// Is not delivered any more so much later; `None`: as the stream says. The shorter one counts.
    pub time_to_live_ms: Option<u64>,
    /// A hash of its ordering key, where its stream is ordered or fair.
    pub ordering_key: Option<u64>,
    /// A hash of its dedup id and that id's scope: a batch with one has one record.
    pub dedup: Option<u128>,
}

/// What becomes of a batch.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It was appended before, at this offset.
    Duplicate(Offset),
    /// It is appended, and this is what the stream's default group has to know of it.
    New(Vec<LeaseChange>),
}

/// Bytes of one mark with its key.
const MARK_BYTES: usize = ITEM_BYTES + 9;
/// Records of unknown size that are skipped to find others.
const UNSIZED_PER_CUT: usize = 4_096;
/// A mark that says nothing.
const PLAIN: StoredMark = StoredMark { priority: 0, not_before: EngineTime(0), expires: NEVER };

/// Bytes of entries that the marks of a batch make at most: the marks, an id that is remembered, ids that are forgotten, its
/// size.
pub(crate) fn mark_bytes(batch: &AppendBatch) -> usize {
    4 * HEAD_BYTES + MARK_BYTES * batch.marks.len().max(1)
}

/// Records of one request that are refused and dead-lettered: so many fit into a request's room beside all else.
const SURPLUS_RECORDS_MAX: u32 = 256;

/// Decides whether the groups of a stream take a batch that will begin at `from`. Where the bounds were checked before, only
/// what no other append changes is refused.
pub(crate) fn check_append(
    shard: &Shard,
    turn: Turn,
    batch: &AppendBatch,
    from: Offset,
    bounds: Bounds,
) -> Result<Verdict, ErrorKind> {
    let marks = &batch.marks;
    let is_dense = batch.last_offset_delta == batch.records - 1;
    let has_id = marks.iter().any(|mark| mark.dedup.is_some());
    if !marks.is_empty() && (marks.len() != batch.records as usize || !is_dense) || has_id && marks.len() > 1
    {
        return Err(ErrorKind::CorruptBatch);
    }
    let id = LeaseGroupId::default_of(batch.log.stream);
    let Some(group) = shard.leases.group(id) else { return Ok(Verdict::New(Vec::new())) };
    let stream = &shard.streams[&batch.log.stream];
    let settings = stream.entry.config.lease();
    let kept = bounds == Bounds::Kept;
    let mut changes = Vec::new();
    if let Some(window_ms) = settings.dedup_window_ms()
        && let Some(dedup) = marks.first().and_then(|mark| mark.dedup)
    {
        let id = halves(dedup);
        let log = batch.log.index;
        if let Some(window) = &group.dedup {
            let known = window.find(id, log).filter(|known| turn.now.since_ms(known.time) < window_ms);
            if let Some(known) = known {
                return Ok(Verdict::Duplicate(known.offset));
            }
            changes.extend(window.to_forget(turn.now, window_ms).map(LeaseChange::Forgotten));
            if kept && window.len() >= DEDUP_IDS_PER_GROUP_MAX && changes.is_empty() {
                return Err(ErrorKind::LimitExceeded);
            }
        }
        changes.push(LeaseChange::Remembered(Remembered { id, offset: from, time: turn.now, log }));
    }
    let untouched = LeaseLog::default();
    let log = group.logs.get(batch.log.index as usize).unwrap_or(&untouched);
    let bytes = u32::try_from(batch.bytes.len()).expect("checked with the batch");
    if kept && settings.overflow().refuses() {
        let is_over = |max: Option<u64>, length: u64| max.is_some_and(|max| length > max);
        if is_over(settings.length_max(), log.ready(from) + u64::from(batch.records))
            || is_over(settings.length_bytes_max(), log.sizes.ready_bytes() + u64::from(bytes))
        {
            return Err(ErrorKind::StreamFull);
        }
    }
    if kept && settings.overflow().holds_back() && shard.leases.held.is_full() {
        return Err(ErrorKind::StreamFull);
    }
    if settings.length_bytes_max().is_some() {
        let (log, len) = (batch.log.index, batch.last_offset_delta + 1);
        changes.push(LeaseChange::Sized { log, from, len, bytes });
    }
    let runs = stored_marks(settings, turn.now, batch);
    let is_ordered = settings.ordering() != Ordering::Unordered;
    let keys = if is_ordered { marks.iter().map(|mark| mark.ordering_key).collect() } else { Vec::new() };
    let is_plain = runs.iter().all(|(_, mark)| *mark == PLAIN);
    if kept
        && !is_plain
        && group.logs.iter().map(LeaseLog::delayed).sum::<u64>() >= LEASE_DELAYED_PER_GROUP_MAX
    {
        return Err(ErrorKind::LimitExceeded);
    }
    if !is_plain || !keys.is_empty() {
        let marks = if is_plain { Vec::new() } else { runs };
        changes.push(LeaseChange::Marked { log: batch.log.index, from, marks, keys });
    }
    Ok(Verdict::New(changes))
}

/// The marks of a batch with absolute times, those that are alike together.
fn stored_marks(settings: &LeaseSettings, now: EngineTime, batch: &AppendBatch) -> Vec<(u32, StoredMark)> {
    let stored = |mark: &RecordMark| {
        let delay_ms = mark.delay_ms.unwrap_or(settings.delay_ms());
        let lives_ms = mark.time_to_live_ms.into_iter().chain(settings.time_to_live_ms()).min();
        let latest = EngineTime(NEVER.0 - 1);
        StoredMark {
            priority: if planted!(PriorityUpsideDown) { u8::MAX - mark.priority } else { mark.priority },
            not_before: if delay_ms == 0 { EngineTime(0) } else { now.after_ms(delay_ms).min(latest) },
            expires: lives_ms.map_or(NEVER, |ms| now.after_ms(ms).min(latest)),
        }
    };
    let mut runs: Vec<(u32, StoredMark)> = Vec::new();
    if batch.marks.is_empty() {
        runs.push((batch.records, stored(&RecordMark::default())));
    }
    for mark in batch.marks.iter().map(stored) {
        match runs.last_mut() {
            Some((len, last)) if *last == mark => *len += 1,
            _ => runs.push((1, mark)),
        }
    }
    runs
}

fn halves(id: u128) -> [u64; 2] {
    let (high, low) = (id >> 64, id & u128::from(u64::MAX));
    [high, low].map(|half| u64::try_from(half).expect("64 bits"))
}

/// Batches of one request that were refused because their streams are full, and are in their logs to be dead-lettered.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    batches: Vec<(LogId, Offset, u32)>,
    records: u32,
    /// Logs of which only a sample is kept, with the first offset that each got.
    sampled: Vec<(LogId, Offset)>,
}

impl Surplus {
    /// Whether a batch may join if it is refused.
    pub(crate) fn may_take(&self, shard: &Shard, batch: &AppendBatch) -> bool {
        let is_dense = batch.last_offset_delta + 1 == batch.records;
        let fits = batch.records <= SURPLUS_RECORDS_MAX.saturating_sub(self.records);
        batch.producer.is_none() && is_dense && fits && {
            let settings = shard.streams.get(&batch.log.stream).map(|stream| stream.entry.config.lease());
            settings.is_some_and(|settings| {
                settings.overflow() == Overflow::RejectDeadLetter && settings.keeps_dead_letters()
            })
        }
    }

    /// Notes where a log has got records, if only a sample of them may be kept.
    pub(crate) fn note(&mut self, shard: &Shard, log: LogId, from: Offset) {
        let stream = shard.streams.get(&log.stream);
        let is_sampled =
            stream.is_some_and(|stream| stream.entry.config.lease().overflow() == Overflow::Sample);
        if is_sampled && self.sampled.iter().all(|(noted, _)| *noted != log) {
            self.sampled.push((log, from));
        }
    }

    /// Adds a batch that was appended all the same.
    pub(crate) fn add(&mut self, log: LogId, from: Offset, records: u32) {
        self.records += records;
        self.batches.push((log, from, records));
    }
}

/// Logs have got records: gives them to those who wait, and gives up what is too much.
pub(crate) fn appended(
    shard: &mut Shard,
    turn: Turn,
    logs: &[LogId],
    surplus: &Surplus,
    effects: &mut Effects,
) {
    let mut act = Act::new(shard, turn, effects, ROOM_BYTES);
    for (log, from, records) in &surplus.batches {
        let records: Vec<(Offset, u32)> =
            (0..*records).map(|delta| (from.advance(delta.into()), 0)).collect();
        act.bury(LeaseGroupId::default_of(log.stream), log.index, &records, MoveReason::Length);
    }
    act.stock(logs);
    for (log, from) in &surplus.sampled {
        let id = LeaseGroupId::default_of(log.stream);
        if act.group(id).is_some() {
            act.sample(id, log.index, *from);
        }
    }
}

/// Gives up the oldest records that wait in a log in memory, if its stream is bounded that way, for a batch that costs so much
/// and for which there is no memory otherwise.
pub(crate) fn make_room(shard: &mut Shard, turn: Turn, log: LogId, cost: u64, effects: &mut Effects) {
    let is_bounded = shard.streams.get(&log.stream).is_some_and(|stream| {
        let settings = stream.entry.config.lease();
        let is_bounded = settings.length_max().is_some() || settings.length_bytes_max().is_some();
        is_bounded && settings.overflow() == Overflow::DropOldest
    });
    let id = LeaseGroupId::default_of(log.stream);
    let over = shard.ephemeral_bytes.saturating_add(cost).saturating_sub(shard.ephemeral_bytes_max);
    let mut act = Act::new(shard, turn, effects, ROOM_BYTES);
    if is_bounded && act.group(id).is_some() && act.forgets_settled(id) {
        act.drop_oldest(id, log, over);
    }
}

impl Act<'_> {
    /// Gives up the oldest records that wait, until `bytes` have come free; none if that is not to be had in one step.
    fn drop_oldest(&mut self, id: LeaseGroupId, log: LogId, bytes: u64) {
        let (Some(of), Some(state)) = (self.log(id, log.index), self.shard.log(log)) else { return };
        let mut freed = 0;
        let mut offsets: Vec<Offset> = Vec::new();
        for offset in of.surplus(state.end).take(self.room() * 3) {
            offsets.push(offset);
            if let Some((base, last)) = state.held.batch_from(offset)
                && last == offset
            {
                freed += state.held.cost_of(base);
            }
            if freed >= bytes {
                break;
            }
        }
        if freed >= bytes {
            let runs = runs(offsets.into_iter());
            self.record(id, LeaseChange::Settled { log: log.index, runs });
        }
    }

    /// See [`appended`].
    pub(super) fn stock(&mut self, logs: &[LogId]) {
        let mut stocked: Vec<(LeaseGroupId, u32, Offset, WalPosition)> = Vec::new();
        for &log in logs {
            let Some(state) = self.shard.log(log) else { continue };
            // Those of a log in memory may be of no frame.
            let position = if log.stream.is_ephemeral() { state.last } else { self.turn.position };
            let end = state.end;
            stocked.extend(self.shard.leases.of_stream(log.stream).map(|id| (id, log.index, end, position)));
        }
        // Of all logs before anybody is served: who is served from one log is from the group's other ones as well, and must
        // wait for their records.
        for &(id, index, end, position) in &stocked {
            self.known(id).live.stocked.insert(index);
            if !planted!(OneLogNotedAtATime) {
                self.note_tail(id, index, end, position);
            }
        }
        for (id, index, end, position) in stocked {
            if planted!(OneLogNotedAtATime) {
                self.note_tail(id, index, end, position);
            }
            if !planted!(WaitersNotWoken) {
                self.serve(id);
            }
            if id.number == 0 {
                self.cut(id, index, end);
            }
        }
    }

    fn note_tail(&mut self, id: LeaseGroupId, index: u32, end: Offset, position: WalPosition) {
        self.known(id).live.tails.entry(index).or_default().add(end, position);
    }

    /// Is done with most of what a log has got from an offset on, as far as it is longer than it may be then.
    fn sample(&mut self, id: LeaseGroupId, index: u32, from: Offset) {
        let one_of = u64::from(self.settings(id).sample_one_of());
        let (length_max, bytes_max) = (self.settings(id).length_max(), self.settings(id).length_bytes_max());
        let (Some(end), Some(log)) = (self.end(id, index), self.log(id, index)) else { return };
        let is_long = bytes_max.is_some_and(|max| log.sizes.ready_bytes() > max);
        let over = length_max.map_or(0, |max| log.ready(end).saturating_sub(max));
        let first = if is_long { from.0 } else { end.0.saturating_sub(over).max(from.0) };
        let room = self.room().saturating_sub(1) * 3;
        let is_left = |offset: &Offset| !offset.0.is_multiple_of(one_of);
        let ready = log.ready_between(Offset(first), end);
        let offsets: Vec<Offset> = ready.filter(is_left).take(room).collect();
        if !offsets.is_empty() {
            self.record(id, LeaseChange::Settled { log: index, runs: runs(offsets.into_iter()) });
        }
    }

    /// Gives up the oldest records of a log that is longer than it may be. What does not fit into this turn goes with
    /// the next append.
    fn cut(&mut self, id: LeaseGroupId, index: u32, end: Offset) {
        let config = self.settings(id);
        let overflow = config.overflow();
        if overflow.refuses() || overflow.holds_back() || overflow == Overflow::Sample {
            return;
        }
        let Some(log) = self.log(id, index) else { return };
        let over = |length: u64, max: Option<u64>| max.map_or(0, |max| length.saturating_sub(max));
        let mut records = over(log.ready(end), config.length_max());
        let mut bytes = over(log.sizes.ready_bytes(), config.length_bytes_max());
        // They are items of one entry, so that more of them fit than if each had its own.
        let room = self.room().saturating_sub(1) * 3;
        let mut offsets: Vec<Offset> = Vec::new();
        for offset in log.surplus(end).take(room + UNSIZED_PER_CUT) {
            if records == 0 && bytes == 0 || offsets.len() == room {
                break;
            }
            // Of a record that nobody knows the size of nothing is gained.
            let share = u64::try_from(log.sizes.share(offset.0..offset.0 + 1)).unwrap_or(0);
            if records > 0 || share > 0 {
                records = records.saturating_sub(1);
                bytes = bytes.saturating_sub(share);
                offsets.push(offset);
            }
        }
        if offsets.is_empty() {
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
