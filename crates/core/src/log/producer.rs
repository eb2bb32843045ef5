//! What idempotent producers sent to one log, so that a batch that is sent again is not appended again.
//!
//! Apart because the rule is a small table of its own, after Kafka's KIP-98 and KIP-360 (sequence numbers per producer
//! id, epoch and log; the last five batches are remembered, since clients keep at most five in flight):
//!
//! | known producer | epoch | sequence | answer |
//! |---|---|---|---|
//! | no | any | any | append |
//! | yes | older | any | `StaleProducerEpoch` |
//! | yes | newer | 0 | append, forget the old epoch's batches |
//! | yes | newer | not 0 | `OutOfOrderSequence` |
//! | yes | same | equal to a remembered batch | duplicate, with that batch's offset |
//! | yes | same | the next | append |
//! | yes | same | anything else | `OutOfOrderSequence` |
//!
//! Producers that have been silent for a day are forgotten, two at most whenever a new one comes. Which ones is decided
//! from what is persisted alone (the hour of the last batch, then the id) and said by an entry of its own: a fold that
//! forgot by itself would not see the same producers when it begins from a later image.

use crate::codec::{DecodeError, Decoder, Encoder};
use crate::log::ProducerStamp;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use millstream_types::limits::PRODUCER_BATCHES_REMEMBERED;
use millstream_types::{EngineTime, ErrorKind, LogId, Offset, ProducerEpoch, ProducerId};

/// A producer that sent nothing for this long is forgotten: a day, as producers expect of brokers.
const PRODUCER_IDLE_MS: u64 = 24 * 3_600_000;
/// Producers are ordered by age this coarsely, so that the order rarely changes when they send something.
const AGE_STEP_MS: i64 = 3_600_000;
/// Idle producers that are forgotten for a new one: enough to shrink the table, little enough for any turn.
const FORGOTTEN_PER_NEW: usize = 2;
/// Producers remembered per log; one more is refused with `LimitExceeded`. About 15 MB of state.
const PRODUCERS_PER_LOG_MAX: usize = 100_000;
/// Sequences count from 0 to 2³¹−1 and wrap.
const SEQUENCE_MAX: u32 = i32::MAX as u32;

/// Entry: an idempotent producer's batch was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerAppended {
    /// The log whose producer table it belongs to.
    pub log: LogId,
    /// Who, and which sequences.
    pub stamp: ProducerStamp,
    /// Offset of the batch's first record.
    pub base_offset: Offset,
    /// When, for forgetting idle producers.
    pub time: EngineTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SentBatch {
    first_sequence: u32,
    last_sequence: u32,
    base_offset: Offset,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Producer {
    epoch: ProducerEpoch,
    /// Oldest first, at most [`PRODUCER_BATCHES_REMEMBERED`], never empty.
    batches: VecDeque<SentBatch>,
    last_time: EngineTime,
}

/// What a stamp means for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// It is the next batch.
    Next,
    /// It was appended before, at this offset.
    Duplicate { base_offset: Offset },
}

/// The producers of one log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    known: BTreeMap<ProducerId, Producer>,
    /// Every known producer once, by the step of its last batch's time.
    by_age: BTreeSet<(i64, ProducerId)>,
}

impl Producers {
    /// Looks a stamp up in the table above.
    pub(crate) fn check(&self, stamp: ProducerStamp) -> Result<Sequence, ErrorKind> {
        if stamp.first_sequence > SEQUENCE_MAX || stamp.last_sequence > SEQUENCE_MAX {
            return Err(ErrorKind::OutOfOrderSequence);
        }
        let Some(producer) = self.known.get(&stamp.id) else {
            let full = self.known.len() >= PRODUCERS_PER_LOG_MAX;
            return if full { Err(ErrorKind::LimitExceeded) } else { Ok(Sequence::Next) };
        };
        if stamp.epoch < producer.epoch {
            return Err(ErrorKind::StaleProducerEpoch);
        }
        if stamp.epoch > producer.epoch {
            return if stamp.first_sequence == 0 {
                Ok(Sequence::Next)
            } else {
                Err(ErrorKind::OutOfOrderSequence)
            };
        }
        let same = |sent: &&SentBatch| {
            (sent.first_sequence, sent.last_sequence) == (stamp.first_sequence, stamp.last_sequence)
        };
        if let Some(sent) = producer.batches.iter().find(same) {
            return Ok(Sequence::Duplicate { base_offset: sent.base_offset });
        }
        let last = producer.batches.back().expect("a known producer sent something").last_sequence;
        let next = if last == SEQUENCE_MAX { 0 } else { last + 1 };
        if stamp.first_sequence == next { Ok(Sequence::Next) } else { Err(ErrorKind::OutOfOrderSequence) }
    }

    /// Folds an appended batch; one that is remembered already changes nothing.
    pub(crate) fn fold(&mut self, appended: &ProducerAppended) {
        let ProducerAppended { stamp, base_offset, time, .. } = *appended;
        let sent = SentBatch {
            first_sequence: stamp.first_sequence,
            last_sequence: stamp.last_sequence,
            base_offset,
        };
        if let Some(producer) = self.known.get_mut(&stamp.id) {
            if producer.batches.back().is_some_and(|last| last.base_offset >= base_offset) {
                return;
            }
            if stamp.epoch != producer.epoch {
                producer.epoch = stamp.epoch;
                producer.batches.clear();
            }
            if producer.batches.len() == PRODUCER_BATCHES_REMEMBERED {
                producer.batches.pop_front();
            }
            producer.batches.push_back(sent);
            let (before, after) = (age_step(producer.last_time), age_step(time));
            producer.last_time = time;
            if before != after {
                self.by_age.remove(&(before, stamp.id));
                self.by_age.insert((after, stamp.id));
            }
            return;
        }
        let producer = Producer { epoch: stamp.epoch, batches: VecDeque::from([sent]), last_time: time };
        self.insert(stamp.id, producer);
    }

    /// Those to forget when this producer sends something: none unless it is new.
    pub(crate) fn idle_for(
        &self,
        id: ProducerId,
        now: EngineTime,
    ) -> [Option<ProducerId>; FORGOTTEN_PER_NEW] {
        let mut idle = [None; FORGOTTEN_PER_NEW];
        if !self.known.contains_key(&id) {
            let is_idle = |id: &ProducerId| now.since_ms(self.known[id].last_time) >= PRODUCER_IDLE_MS;
            let oldest = self.by_age.iter().map(|(_, id)| *id).take_while(is_idle);
            idle.iter_mut().zip(oldest).for_each(|(place, id)| *place = Some(id));
        }
        idle
    }

    /// Folds the end of a producer; one that is not known changes nothing.
    pub(crate) fn forget(&mut self, id: ProducerId) {
        if let Some(producer) = self.known.remove(&id) {
            self.by_age.remove(&(age_step(producer.last_time), id));
        }
    }

    /// Drops up to `max` producers of a log that is gone; returns how many.
    pub(crate) fn drop_some(&mut self, max: usize) -> usize {
        let mut dropped = 0;
        while dropped < max && self.known.pop_first().is_some() {
            self.by_age.pop_first();
            dropped += 1;
        }
        dropped
    }

    /// Returns whether there was another one of that id before.
    fn insert(&mut self, id: ProducerId, producer: Producer) -> bool {
        self.by_age.insert((age_step(producer.last_time), id));
        self.known.insert(id, producer).is_some()
    }

    /// Ids of the known producers after `after`, in order, for images.
    pub(crate) fn ids_after(&self, after: Option<ProducerId>) -> impl Iterator<Item = ProducerId> {
        use core::ops::Bound::{Excluded, Unbounded};
        self.known.range((after.map_or(Unbounded, Excluded), Unbounded)).map(|(id, _)| *id)
    }

    /// `id u64, epoch u16, last_time i64, count u8, (first u32, last u32, base u64)…`; at most 99 bytes.
    pub(crate) fn put(&self, id: ProducerId, out: &mut Encoder<'_>) {
        let producer = &self.known[&id];
        out.u64(id.0);
        out.u16(producer.epoch.0);
        out.i64(producer.last_time.0);
        out.u8(u8::try_from(producer.batches.len()).expect("at most five batches"));
        for sent in &producer.batches {
            out.u32(sent.first_sequence);
            out.u32(sent.last_sequence);
            out.u64(sent.base_offset.0);
        }
    }

    pub(crate) fn get(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
        let id = ProducerId(input.u64()?);
        let epoch = ProducerEpoch(input.u16()?);
        let last_time = EngineTime(input.i64()?);
        let count = usize::from(input.u8()?);
        if !(1..=PRODUCER_BATCHES_REMEMBERED).contains(&count) {
            return Err(DecodeError::Invalid("a producer's batches"));
        }
        let mut batches = VecDeque::new();
        for _ in 0..count {
            batches.push_back(SentBatch {
                first_sequence: input.u32()?,
                last_sequence: input.u32()?,
                base_offset: Offset(input.u64()?),
            });
        }
        if self.insert(id, Producer { epoch, batches, last_time }) {
            return Err(DecodeError::Invalid("a producer that has an image already"));
        }
        Ok(())
    }
}

fn age_step(time: EngineTime) -> i64 {
    time.0.div_euclid(AGE_STEP_MS)
}

impl ProducerAppended {
    /// `log 12, id u64, epoch u16, first u32, last u32, base u64, time i64`.
    pub(crate) fn put(&self, out: &mut Encoder<'_>) {
        out.log(self.log);
        out.u64(self.stamp.id.0);
        out.u16(self.stamp.epoch.0);
        out.u32(self.stamp.first_sequence);
        out.u32(self.stamp.last_sequence);
        out.u64(self.base_offset.0);
        out.i64(self.time.0);
    }

    pub(crate) fn get(input: &mut Decoder<'_>) -> Result<ProducerAppended, DecodeError> {
        Ok(ProducerAppended {
            log: input.log()?,
            stamp: ProducerStamp {
                id: ProducerId(input.u64()?),
                epoch: ProducerEpoch(input.u16()?),
                first_sequence: input.u32()?,
                last_sequence: input.u32()?,
            },
            base_offset: Offset(input.u64()?),
            time: EngineTime(input.i64()?),
        })
    }
}

#[cfg(test)]
mod tests;
