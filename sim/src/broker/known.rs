//! What clients know: what they were told for certain, and what may be.
//!
//! Apart because the checks compare the broker with this and with nothing else: it is built from requests and from
//! the answers that left the broker, never from the broker's state.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use millstream_core::log::ProducerStamp;
use millstream_types::{LogId, StreamId};

use super::batch::Shape;

/// One batch that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) shape: Shape,
    pub(crate) stamp: Option<ProducerStamp>,
    pub(crate) fate: Fate,
    /// Records that were seen to be compacted away, as bits.
    pub(crate) gone: u32,
    /// Those of which it was checked that they may be.
    pub(crate) explained: u32,
}

impl Sent {
    pub(crate) fn new(shape: Shape, stamp: Option<ProducerStamp>) -> Sent {
        Sent { shape, stamp, fate: Fate::Open, gone: 0, explained: 0 }
    }

    pub(crate) fn records(&self) -> u64 {
        u64::from(self.shape.records)
    }

    /// Its offsets, if it is stored for certain.
    pub(crate) fn offsets(&self) -> Option<(u64, u64)> {
        match self.fate {
            Fate::Stored(base) => Some((base, base + self.records())),
            Fate::Open | Fate::Refused => None,
        }
    }
}

/// What a stream was created with, as far as records may go because of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rules {
    /// Of each key only the latest record stays.
    pub(crate) compacts: bool,
    /// Records older than this go.
    pub(crate) retention_ms: Option<u64>,
    /// Records go while so many bytes stay.
    pub(crate) retention_bytes: Option<u64>,
    /// How long tombstones stay at least.
    pub(crate) tombstone_retention_ms: u64,
    /// How long any record stays at least.
    pub(crate) lag_min_ms: u64,
}

/// What has become of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Nobody knows.
    Open,
    /// It is stored, at this offset.
    Stored(u64),
    /// It was refused and must never be seen.
    Refused,
}

/// What clients know of one log.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownLog {
    pub(crate) rules: Rules,
    pub(crate) sent: BTreeMap<u64, Sent>,
    /// Where the log starts at least, for certain.
    pub(crate) start_min: u64,
    /// Where it may start at most.
    pub(crate) start_max: u64,
}

/// Whether something exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Existence {
    MayHaveBegun,
    Exists,
    MayHaveEnded,
    Ended,
}

/// What clients know of one stream, by the universal id that they drew for it.
#[derive(Clone, Debug)]
pub(crate) struct KnownStream {
    pub(crate) name: String,
    pub(crate) id: Option<StreamId>,
    pub(crate) existence: Existence,
    pub(crate) rules: Rules,
    pub(crate) logs_min: u32,
    pub(crate) logs_max: u32,
}

/// A committed offset: the last that is certain, and the largest that may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownOffset {
    pub(crate) least: Option<u64>,
    pub(crate) most: u64,
    /// Up to here it was committed so long ago that it may be forgotten at any time.
    pub(crate) old: u64,
}

/// Where a producer stands with one log.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownProducer {
    pub(crate) next_sequence: u32,
    /// Batches in flight or in doubt, in order.
    pub(crate) doubtful: Vec<u64>,
    /// The last batch that is stored for certain.
    pub(crate) last: Option<u64>,
}

/// The one member of a group that has members.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct KnownMember {
    /// Member id and generation, synced; `None` while that is open.
    pub(crate) synced: Option<(String, i32)>,
    /// Member id and generation, joined and not synced.
    pub(crate) joined: Option<(String, i32)>,
    /// A request about the membership is under way.
    pub(crate) pending: bool,
    /// The largest generation that anyone was told.
    pub(crate) generation: i32,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) streams: BTreeMap<u128, KnownStream>,
    pub(crate) logs: BTreeMap<LogId, KnownLog>,
    pub(crate) offsets: BTreeMap<(usize, LogId), KnownOffset>,
    pub(crate) producers: BTreeMap<(u64, LogId), KnownProducer>,
    pub(crate) producer_ids: BTreeSet<u64>,
    pub(crate) members: Vec<KnownMember>,
}

impl Known {
    /// A stream's log as clients know it; it is made known when it is first heard of.
    pub(crate) fn log(&mut self, log: LogId) -> &mut KnownLog {
        let of_stream = |stream: &&KnownStream| stream.id == Some(log.stream);
        let rules = self.streams.values().find(of_stream).map(|stream| stream.rules).unwrap_or_default();
        self.logs.entry(log).or_insert_with(|| KnownLog { rules, ..KnownLog::default() })
    }

    /// Forgets what belongs to a stream that has ended.
    pub(crate) fn end_stream(&mut self, id: StreamId) {
        self.logs.retain(|log, _| log.stream != id);
        self.offsets.retain(|(_, log), _| log.stream != id);
        self.producers.retain(|(_, log), _| log.stream != id);
    }

    /// A batch is stored, says the broker.
    pub(crate) fn stored(&mut self, log: LogId, number: u64, base: u64) -> Result<()> {
        let Some(sent) = self.logs.get_mut(&log).and_then(|log| log.sent.get_mut(&number)) else {
            return Ok(());
        };
        let before = std::mem::replace(&mut sent.fate, Fate::Stored(base));
        ensure!(
            before == Fate::Open || before == Fate::Stored(base),
            "batch {number} of {log} was {before:?} and is now at {base}"
        );
        let stamp = sent.stamp;
        if let Some(stamp) = stamp
            && let Some(producer) = self.producers.get_mut(&(stamp.id.0, log))
        {
            producer.doubtful.retain(|doubtful| *doubtful != number);
            producer.last = Some(number);
            // One before it may have been refused: nobody knew the producer, so any sequence was the first.
            producer.next_sequence = producer.next_sequence.max(stamp.last_sequence + 1);
        }
        Ok(())
    }

    /// A batch is refused for good: its producer goes on from before it.
    pub(crate) fn refused(&mut self, log: LogId, number: u64) {
        let Some(sent) = self.logs.get_mut(&log).and_then(|log| log.sent.get_mut(&number)) else { return };
        if sent.fate != Fate::Open {
            return;
        }
        sent.fate = Fate::Refused;
        if let Some(stamp) = sent.stamp
            && let Some(producer) = self.producers.get_mut(&(stamp.id.0, log))
        {
            producer.doubtful.retain(|doubtful| *doubtful != number);
            producer.next_sequence = producer.next_sequence.min(stamp.first_sequence);
        }
    }
}
