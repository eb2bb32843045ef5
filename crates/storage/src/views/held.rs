//! What an ephemeral log holds: whole batches, in memory and nowhere else (R18).
//!
//! Apart from the index because nothing here is found again after a restart, nothing is read from a file, and any batch may go
//! before those in front of it: what a queue has settled makes room at once.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use millstream_types::{BatchFacts, Offset, RecordTime};

use super::read::{StoredBatch, TimeCandidate};
use crate::frame::{self, PATCHED_BYTES};

/// Batches up to this size are copied: they hold on to nothing else then, and need no second piece for what is patched.
const COPIED_BYTES_MAX: usize = 8 << 10;

/// Batches by the offset of their first record.
#[derive(Default)]
pub(crate) struct Held {
    batches: BTreeMap<Offset, StoredBatch>,
    bytes: u64,
}

impl Held {
    /// Adds a batch behind all others.
    pub(super) fn add(&mut self, facts: &BatchFacts, bytes: &Bytes) {
        assert_eq!(facts.bytes as usize, bytes.len(), "a batch is as long as its facts say");
        assert!(bytes.len() >= frame::BATCH_BYTES_MIN, "a batch holds at least its own header");
        let patched = frame::patched_head(bytes, facts.base_offset);
        let (head, rest) = if bytes.len() <= COPIED_BYTES_MAX {
            let mut whole = BytesMut::with_capacity(bytes.len());
            whole.extend_from_slice(&patched);
            whole.extend_from_slice(&bytes[PATCHED_BYTES..]);
            (Bytes::new(), whole.freeze())
        } else {
            (Bytes::copy_from_slice(&patched), bytes.slice(PATCHED_BYTES..))
        };
        let batch = StoredBatch {
            base_offset: facts.base_offset,
            last_offset: facts.last_offset(),
            max_timestamp: facts.max_timestamp,
            head,
            rest,
        };
        self.bytes += batch.bytes() as u64;
        let before = self.batches.insert(facts.base_offset, batch);
        assert!(before.is_none(), "offsets are given once");
    }

    pub(super) fn forget(&mut self, base: Offset) {
        if let Some(batch) = self.batches.remove(&base) {
            self.bytes -= batch.bytes() as u64;
        }
    }

    /// Lets go of what lies before `start` as a whole, at most `max` batches. Returns how many they were.
    pub(super) fn trim(&mut self, start: Offset, max: usize) -> usize {
        let mut batches = 0;
        while batches < max
            && let Some(first) = self.batches.first_entry().filter(|first| first.get().last_offset < start)
        {
            self.bytes -= first.remove().bytes() as u64;
            batches += 1;
        }
        batches
    }

    /// Lets go of up to `max` batches. Returns how many they were.
    pub(crate) fn drop_some(&mut self, max: usize) -> usize {
        self.trim(Offset(u64::MAX), max)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> u64 {
        self.batches.len() as u64
    }

    /// The batches from the one on that holds `from`, or the next one, up to `end`.
    pub(super) fn from(&self, from: Offset, end: Offset) -> impl Iterator<Item = &StoredBatch> {
        let around = self.batches.range(..=from).next_back();
        let around = around.map(|(_, batch)| batch).filter(|batch| batch.last_offset >= from);
        let first = around.map_or(from, |batch| batch.base_offset);
        let rest = self.batches.range(first..).map(|(_, batch)| batch);
        rest.take_while(move |batch| batch.last_offset < end)
    }

    /// The largest timestamp from `from` on and before `end`, and the batch that it is in.
    pub(super) fn max_timestamp(&self, from: Offset, end: Offset) -> Option<(RecordTime, Offset)> {
        let latest = self.from(from, end).max_by_key(|batch| batch.max_timestamp)?;
        Some((latest.max_timestamp, latest.base_offset))
    }

    /// Where the first record is, from `from` on and before `end`, whose time is at least `time`.
    pub(super) fn time_candidate(
        &self,
        time: RecordTime,
        from: Offset,
        end: Offset,
    ) -> Option<TimeCandidate> {
        let found = self.from(from, end).find(|batch| batch.max_timestamp >= time)?;
        Some(TimeCandidate { from: found.base_offset.max(from), to: found.last_offset.advance(1) })
    }
}
