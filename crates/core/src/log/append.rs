//! Appending a batch: check it against the log, give it its offsets.
//!
//! Apart because this is the hottest decision of the broker: a lookup, a few comparisons, an addition. Batches of
//! one request are decided one after the other, each on the state that the one before left, and end in one frame.

use crate::effect::{Effects, EphemeralChange, Ticket};
use crate::entry::Entry;
use crate::lease::{self, LeaseEntry, LeaseGroupId, RecordMark, Surplus, Verdict};
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::limits::{APPEND_STAMPED_MAX, APPEND_TARGETS_MAX, ENTRIES_PER_APPLY_MAX};
use millstream_types::{
    BatchFacts, ErrorKind, LogId, Offset, ProducerEpoch, ProducerId, RecordTime, WalPosition, planted,
};

use super::LogState;
use super::held;
use super::producer::{ProducerAppended, Sequence};

/// One batch to append: facts beside opaque bytes (R2). The caller has checked the batch's checksum and counts.
#[derive(Debug, Clone)]
pub struct AppendBatch {
    /// Where to.
    pub log: LogId,
    /// Records in the batch, at least 1.
    pub records: u32,
    /// Offset of the last record relative to the first.
    pub last_offset_delta: u32,
    /// Largest timestamp of the records.
    pub max_timestamp: RecordTime,
    /// Who sends it, if it wants each batch appended exactly once.
    pub producer: Option<ProducerStamp>,
    /// What is special about its records for those who lease them: nothing if empty, else one mark per record.
    pub marks: Vec<RecordMark>,
    /// The batch as it will be stored (its base offset is written when its frame is built).
    pub bytes: Bytes,
}

/// An idempotent producer's stamp on a batch: sequences count records per log, wrapping from 2³¹−1 to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// Sequence of the batch's first record.
    pub first_sequence: u32,
    /// Sequence of the batch's last record.
    pub last_sequence: u32,
}

/// Where a batch was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// The log's first offset at that moment.
    pub log_start: Offset,
    /// The batch had been appended by an earlier request; nothing was written now.
    pub duplicate: bool,
}

/// Decides a whole append request. The reply waits for the latest frame of every log it names: its own frame, or
/// for duplicates the frame that holds the first copy at the latest.
pub(crate) fn append(
    shard: &mut Shard,
    turn: Turn,
    ticket: Ticket,
    batches: Vec<AppendBatch>,
    effects: &mut Effects,
) {
    let stamped = batches.iter().filter(|batch| batch.producer.is_some()).count();
    if batches.len() > APPEND_TARGETS_MAX || stamped > APPEND_STAMPED_MAX {
        return effects.reply_now(ticket, Reply::Refused(ErrorKind::LimitExceeded));
    }
    let mut after = None;
    let mut results = Vec::with_capacity(batches.len());
    let mut leased = Vec::new();
    let mut surplus = Surplus::default();
    for batch in batches {
        let log = batch.log;
        if leased.last() != Some(&log) && shard.leases.has_groups(log.stream) {
            leased.push(log);
        }
        let kept = surplus.may_take(shard, &batch).then(|| batch.clone());
        let result = append_one(shard, turn, batch, Bounds::Kept, effects);
        if let Ok(Appended { base_offset, duplicate: false, .. }) = &result {
            surplus.note(shard, log, *base_offset);
        }
        if let (Err(ErrorKind::StreamFull), Some(batch)) = (&result, kept) {
            let records = batch.records;
            if let Ok(appended) = append_one(shard, turn, batch, Bounds::Checked, effects) {
                surplus.add(log, appended.base_offset, records);
            }
        }
        results.push(result);
        // A refusal reveals state too: what it contradicts must not be lost after it was shown (R10).
        after = after.max(shard.log(log).map(|state| state.last));
        if planted!(DuplicateBeforeDurable) && !effects.has_frame() {
            after = None;
        }
    }
    show_together(shard, turn, effects);
    if !leased.is_empty() {
        lease::appended(shard, turn, &leased, &surplus, effects);
    }
    let reply = crate::effect::ReplyEffect { ticket, reply: Reply::Appended(results), after };
    lease::answer_producer(shard, turn, &leased, reply, effects);
}

/// Whether an append is held against the bounds that earlier ones of its request may have come near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// It is refused when it passes one.
    Kept,
    /// They were looked at before the first append of the request, all together.
    Checked,
}

/// Whether a batch can be appended after `before` other records, and how many entries it makes then. It has no producer.
pub(crate) fn check_one(
    shard: &Shard,
    turn: Turn,
    batch: &AppendBatch,
    before: u64,
) -> Result<usize, ErrorKind> {
    if batch.producer.is_some() {
        return Err(ErrorKind::InvalidRecord);
    }
    let (log, bytes) = check_shape(shard, batch)?;
    check_budget(shard, batch.log, bytes)?;
    match lease::check_append(shard, turn, batch, log.end.advance(before), Bounds::Kept)? {
        Verdict::New(changes) => Ok(changes.len()),
        Verdict::Duplicate(_) => Ok(0),
    }
}

/// The log of a batch, and the batch's length, if its log takes such batches.
fn check_shape<'a>(shard: &'a Shard, batch: &AppendBatch) -> Result<(&'a LogState, u32), ErrorKind> {
    let stream = shard.streams.get(&batch.log.stream).ok_or(ErrorKind::UnknownStream)?;
    let log = stream.logs.get(batch.log.index as usize).ok_or(ErrorKind::UnknownLog)?;
    let bytes = u32::try_from(batch.bytes.len()).map_err(|_| ErrorKind::RecordTooLarge)?;
    if bytes > stream.entry.config.batch_bytes_max() {
        return Err(ErrorKind::RecordTooLarge);
    }
    if batch.records == 0 || batch.last_offset_delta >= i32::MAX as u32 {
        return Err(ErrorKind::CorruptBatch);
    }
    Ok((log, bytes))
}

/// Whether there is memory for a batch, if its log is in memory only. `Overloaded`: not at the moment; `RecordTooLarge`: never.
fn check_budget(shard: &Shard, log: LogId, bytes: u32) -> Result<(), ErrorKind> {
    if !log.stream.is_ephemeral() {
        return Ok(());
    }
    let (cost, max) = (held::cost(bytes), shard.ephemeral_bytes_max);
    match shard.ephemeral_bytes.saturating_add(cost) <= max {
        true => Ok(()),
        false if cost > max => Err(ErrorKind::RecordTooLarge),
        false => Err(ErrorKind::Overloaded),
    }
}

/// Has everything that a request has appended be seen together (R18): what is in memory only waits for the frame that the
/// rest of it is in, if there is one, and otherwise for nothing but what lies before it in its log. Called once everything
/// is decided that the request asked for, before anybody is served of it.
pub(crate) fn show_together(shard: &mut Shard, turn: Turn, effects: &mut Effects) {
    let is_together = effects.has_frame() && !planted!(EphemeralShownEarly);
    let frame = if is_together { turn.position } else { WalPosition::ZERO };
    for change in &mut effects.ephemeral {
        if let EphemeralChange::Append { facts, after, .. } = change
            && let Some(log) = shard.log_mut(facts.log)
        {
            log.last = log.last.max(frame);
            *after = log.last;
        }
    }
}

/// Decides about one batch. The caller tells the groups of its stream.
pub(crate) fn append_one(
    shard: &mut Shard,
    turn: Turn,
    batch: AppendBatch,
    bounds: Bounds,
    effects: &mut Effects,
) -> Result<Appended, ErrorKind> {
    let (_, bytes) = check_shape(shard, &batch)?;
    if bounds == Bounds::Kept && check_budget(shard, batch.log, bytes).is_err() {
        lease::make_room(shard, turn, batch.log, held::cost(bytes), effects);
        check_budget(shard, batch.log, bytes)?;
    }
    let (log, bytes) = check_shape(shard, &batch)?;
    let base_offset = log.end;
    let mut appended = None;
    let mut idle = [None; 2];
    if let Some(stamp) = batch.producer {
        match log.producers.check(stamp)? {
            Sequence::Duplicate { base_offset } => {
                let base_offset = if planted!(DuplicateAtNewOffset) { log.end } else { base_offset };
                return Ok(Appended { base_offset, log_start: log.start, duplicate: true });
            }
            Sequence::Next => {
                idle = log.producers.idle_for(stamp.id, turn.now);
                appended = Some(ProducerAppended { log: batch.log, stamp, base_offset, time: turn.now });
            }
        }
    }
    let log_start = log.start;
    let changes = match lease::check_append(shard, turn, &batch, base_offset, bounds)? {
        Verdict::New(changes) => changes,
        Verdict::Duplicate(base_offset) => return Ok(Appended { base_offset, log_start, duplicate: true }),
    };
    let is_full = bounds == Bounds::Kept && effects.entry_count >= ENTRIES_PER_APPLY_MAX / 2;
    if is_full && !changes.is_empty() {
        return Err(ErrorKind::LimitExceeded);
    }
    let facts = BatchFacts {
        log: batch.log,
        base_offset,
        records: batch.records,
        last_offset_delta: batch.last_offset_delta,
        max_timestamp: batch.max_timestamp,
        bytes,
    };
    for id in idle.into_iter().flatten() {
        shard.record(turn, Entry::ProducerForgotten { log: facts.log, id }, effects);
    }
    if let Some(appended) = appended {
        shard.record(turn, Entry::ProducerAppended(appended), effects);
    }
    for change in changes {
        let group = LeaseGroupId::default_of(facts.log.stream);
        shard.record(turn, Entry::Lease(LeaseEntry { group, change }), effects);
    }
    if facts.log.stream.is_ephemeral() {
        fold_facts(shard, WalPosition::ZERO, &facts);
        effects.ephemeral.push(EphemeralChange::Append {
            facts,
            bytes: batch.bytes,
            after: WalPosition::ZERO,
        });
    } else {
        fold_facts(shard, turn.position, &facts);
        effects.batches.push((facts, batch.bytes));
    }
    Ok(Appended { base_offset, log_start, duplicate: false })
}

/// Folds an appended batch: the log ends after it. Used by `apply` and by recovery alike.
///
/// A batch that the log already has (its image was taken later) and one of a stream that a later entry deletes
/// leave no trace.
pub(crate) fn fold_facts(shard: &mut Shard, position: WalPosition, facts: &BatchFacts) {
    if let Some(log) = shard.log_mut(facts.log)
        && facts.base_offset >= log.end
    {
        assert_eq!(facts.base_offset, log.end, "log {}: offsets are dense", facts.log);
        log.end = facts.next_offset();
        log.last = log.last.max(position);
        if facts.log.stream.is_ephemeral() {
            let cost = log.held.add(facts.base_offset, facts.last_offset(), facts.bytes);
            shard.ephemeral_bytes += cost;
        }
    }
}
