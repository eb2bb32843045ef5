//! The passes over a few logs, as a value that is driven in steps.
//!
//! Apart from the rules because here is what the rules need: bounded steps, objects of a sensible size, and a stop after
//! each one until it is committed.
//!
//! ```text
//! step ──► Working … ──► Object(entry) ──► committed() ──► step … ──► Done
//!                            │ not committed, or an error: drop the value, nothing but time is lost
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use millstream_types::batch::BatchError;
use millstream_types::limits::READ_BYTES_PER_TURN;
use millstream_types::{LogId, ObjectEntry, ObjectNumber, Offset, planted};

use super::filter::{Filter, Left, learn};
use super::key_map::{KeyMap, Put};
use super::plan::CompactPlan;
use crate::error::{ObjectError, ReadError};
use crate::log_reader::{LogReader, Next, next_before};
use crate::output::{Covered, Output};
use crate::store::Store;
use crate::views::StoredBatch;

/// What compaction may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactOptions {
    /// Memory for the map of keys in bytes; 24 bytes hold a key, and a quarter stays free. A single batch with more keys
    /// than that still fits: its pass takes the memory that it needs.
    pub map_bytes_max: u64,
    /// An object is finished when it has so many bytes.
    pub object_bytes: u64,
    /// Seed of the hash over keys, which must be random (R22).
    pub seed: [u64; 2],
}

impl CompactOptions {
    /// 64 MiB for keys (2 million), objects of 64 MiB.
    #[must_use]
    pub fn new(seed: [u64; 2]) -> CompactOptions {
        CompactOptions { map_bytes_max: 64 << 20, object_bytes: 64 << 20, seed }
    }
}

/// How far a step has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompactProgress {
    /// There is more to do.
    Working,
    /// This object is durable. Commit it, call [`Compactor::committed`], then go on; if it cannot be committed, drop the
    /// compactor and the object.
    Object(ObjectEntry),
    /// Nothing is left to do.
    Done,
}

/// What has been done so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CompactStats {
    /// Bytes of batches read, dirty ones twice.
    pub bytes_read: u64,
    /// Bytes of objects, of the one at hand too.
    pub bytes_written: u64,
    /// Batches that were kept as they were.
    pub batches_unchanged: u64,
    /// Batches that were written again with fewer records or a horizon.
    pub batches_rewritten: u64,
    /// Batches of which nothing was left.
    pub batches_dropped: u64,
}

/// How the pass over one log ended.
#[derive(Clone, Debug)]
pub struct PassEnd {
    /// The log.
    pub log: LogId,
    /// Everything before is compacted once the objects are committed; `cleaned_to` of the plan when nothing was done.
    pub to: Offset,
    /// Keys in the map.
    pub keys: usize,
    /// Why the pass ended before it should have; the log's next pass ends there again.
    pub trouble: Option<PassTrouble>,
}

/// What ends a pass early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PassTrouble {
    /// Bytes that cannot be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// A batch that cannot be opened, or not be written again.
    #[error("the batch at offset {base} cannot be compacted: {source}")]
    Batch {
        /// Its base offset.
        base: Offset,
        /// What is wrong with it.
        source: BatchError,
    },
}

/// One pass over each of a few logs.
pub struct Compactor {
    options: CompactOptions,
    waiting: VecDeque<(CompactPlan, Arc<dyn LogReader>)>,
    pass: Option<Pass>,
    output: Output,
    /// An object was handed out and is not committed yet.
    is_handed_out: bool,
    /// A write failed.
    is_failed: bool,
    stats: CompactStats,
    ends: Vec<PassEnd>,
}

/// The log at hand.
struct Pass {
    plan: CompactPlan,
    reader: Arc<dyn LogReader>,
    map: KeyMap,
    /// Next offset to look at.
    at: Offset,
    covered: Covered,
    phase: Phase,
    trouble: Option<PassTrouble>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Putting the keys of the dirty part into the map.
    Learn { has_any: bool },
    /// Writing everything up to `end`.
    Write { end: Offset },
    /// Over; everything up to here is written.
    Over { to: Offset },
}

impl Compactor {
    /// Passes over `logs`, in the order of their ids, one plan per log (see [`take_next`](super::take_next)).
    ///
    /// # Panics
    /// When they are in another order.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        directory: u128,
        options: CompactOptions,
        logs: Vec<(CompactPlan, Arc<dyn LogReader>)>,
    ) -> Compactor {
        assert!(logs.is_sorted_by(|a, b| a.0.log < b.0.log), "an object has its logs in order, each once");
        Compactor {
            output: Output::new(store, directory, options.object_bytes),
            options,
            waiting: logs.into(),
            pass: None,
            is_handed_out: false,
            is_failed: false,
            stats: CompactStats::default(),
            ends: Vec::new(),
        }
    }

    /// The object that was handed out is committed: reads of its logs see it.
    ///
    /// # Panics
    /// When none was handed out.
    pub fn committed(&mut self) {
        assert!(self.is_handed_out, "only what was handed out is committed");
        self.is_handed_out = false;
    }

    /// What has been done so far.
    #[must_use]
    pub fn stats(&self) -> CompactStats {
        CompactStats { bytes_written: self.stats.bytes_written + self.output.bytes(), ..self.stats }
    }

    /// How the passes that are over ended, in order.
    #[must_use]
    pub fn ends(&self) -> &[PassEnd] {
        &self.ends
    }

    /// Works for about `budget_bytes` of reading (one batch more, and one object's finish). `numbers` gives each new object
    /// its number. Blocks.
    ///
    /// # Errors
    /// [`ObjectError`] when an object cannot be written: drop the compactor, and try another time.
    ///
    /// # Panics
    /// After an error, and while an object that was handed out is not committed.
    pub fn step(
        &mut self,
        budget_bytes: u64,
        numbers: &mut dyn FnMut() -> ObjectNumber,
    ) -> Result<CompactProgress, ObjectError> {
        assert!(!self.is_handed_out, "objects are committed in ascending order, one at a time");
        assert!(!self.is_failed, "a compactor is dropped after an error");
        let result = self.advance(budget_bytes, numbers);
        self.is_failed = result.is_err();
        result
    }

    fn advance(
        &mut self,
        budget_bytes: u64,
        numbers: &mut dyn FnMut() -> ObjectNumber,
    ) -> Result<CompactProgress, ObjectError> {
        let mut left = budget_bytes;
        loop {
            if self.output.is_full()
                && !self.output.is_open()
                && let Some(object) = self.finish_object()?
            {
                return Ok(object);
            }
            let Some(mut pass) = self.pass.take().or_else(|| self.next_pass()) else {
                return self.finish_object().map(|object| object.unwrap_or(CompactProgress::Done));
            };
            let bytes_max = left.clamp(1, READ_BYTES_PER_TURN.into()) as u32;
            let read = match pass.phase {
                Phase::Learn { has_any } => pass.learn(has_any, bytes_max),
                Phase::Write { end } => self.write(&mut pass, end, bytes_max, numbers)?,
                Phase::Over { .. } => 0,
            };
            self.stats.bytes_read += read;
            if let Phase::Over { to } = pass.phase {
                self.ends.push(PassEnd {
                    log: pass.plan.log,
                    to,
                    keys: pass.map.keys(),
                    trouble: pass.trouble,
                });
            } else {
                self.pass = Some(pass);
            }
            // A step without a byte counts too: a thousand logs of which nothing is left must not be one step.
            left = left.saturating_sub(read.max(1));
            if left == 0 {
                return Ok(CompactProgress::Working);
            }
        }
    }

    fn next_pass(&mut self) -> Option<Pass> {
        let (plan, reader) = self.waiting.pop_front()?;
        let dirty = plan.to.0.saturating_sub(plan.cleaned_to.0);
        Some(Pass {
            map: KeyMap::new(self.options.seed, dirty, self.options.map_bytes_max),
            at: plan.cleaned_to,
            covered: Covered::new(plan.start),
            plan,
            reader,
            phase: Phase::Learn { has_any: false },
            trouble: None,
        })
    }

    /// Writes the next batches of the pass, until they are read or the object is full; returns the bytes read.
    fn write(
        &mut self,
        pass: &mut Pass,
        end: Offset,
        bytes_max: u32,
        numbers: &mut dyn FnMut() -> ObjectNumber,
    ) -> Result<u64, ObjectError> {
        let log = pass.plan.log;
        let batches = match next_before(&*pass.reader, pass.at, end, bytes_max) {
            Ok(Next::Batches(batches)) => batches,
            Ok(Next::End) => {
                if pass.at < end {
                    self.output.open_part(log, pass.at, numbers)?;
                }
                self.output.end_part(end, true)?;
                pass.phase = Phase::Over { to: end };
                return Ok(0);
            }
            // What was written is as good as if the pass had ended there.
            Ok(Next::Cut | Next::Gone) => return self.cut_short(pass, None).map(|()| 0),
            Err(error) => return self.cut_short(pass, Some(error.into())).map(|()| 0),
        };
        let mut read = 0;
        for batch in &batches {
            let base = batch.base_offset;
            read += batch.bytes() as u64;
            let left = match pass.filter().apply(base, &batch.to_contiguous()) {
                Ok(left) => left,
                Err(source) => {
                    return self.cut_short(pass, Some(PassTrouble::Batch { base, source })).map(|()| read);
                }
            };
            // The log's first batch may begin before the log does.
            self.output.open_part(log, pass.at.min(base), numbers)?;
            match &left {
                Left::Unchanged => self.output.batch(&[&batch.head, &batch.rest])?,
                Left::Some(retained) => self.output.batch(&[&retained.batch])?,
                Left::Nothing => {}
            }
            self.count(&left);
            pass.at = batch.last_offset.advance(1);
            self.output.cover(pass.covered.up_to(&*pass.reader, pass.at));
            if pass.at < end && self.output.is_full() {
                self.output.end_part(pass.at, true)?;
                break;
            }
        }
        Ok(read)
    }

    /// Ends the pass where it is.
    fn cut_short(&mut self, pass: &mut Pass, trouble: Option<PassTrouble>) -> Result<(), ObjectError> {
        self.output.end_part(pass.at, true)?;
        pass.trouble = trouble;
        pass.phase = Phase::Over { to: pass.at };
        Ok(())
    }

    fn finish_object(&mut self) -> Result<Option<CompactProgress>, ObjectError> {
        let Some(entry) = self.output.finish()? else { return Ok(None) };
        self.stats.bytes_written += entry.bytes;
        self.is_handed_out = true;
        Ok(Some(CompactProgress::Object(entry)))
    }

    fn count(&mut self, left: &Left) {
        match left {
            Left::Unchanged => self.stats.batches_unchanged += 1,
            Left::Some(_) => self.stats.batches_rewritten += 1,
            Left::Nothing => self.stats.batches_dropped += 1,
        }
    }
}

impl Pass {
    fn filter(&self) -> Filter<'_> {
        Filter {
            map: &self.map,
            now: self.plan.now,
            tombstone_retention_ms: self.plan.tombstone_retention_ms,
        }
    }

    /// Puts the keys of the next dirty batches into the map; returns the bytes read.
    fn learn(&mut self, mut has_any: bool, bytes_max: u32) -> u64 {
        let batches = match next_before(&*self.reader, self.at, self.plan.to, bytes_max) {
            Ok(Next::Batches(batches)) => batches,
            Ok(Next::End) => {
                // Behind the last batch there may be a hole up to where the pass was to go.
                let end = if self.plan.to < self.plan.end { self.plan.to } else { self.at };
                self.end_learning(end, has_any);
                return 0;
            }
            Ok(Next::Cut) => {
                self.end_learning(self.at, has_any);
                return 0;
            }
            Ok(Next::Gone) => {
                self.end_learning(self.at, false);
                return 0;
            }
            Err(error) => {
                self.trouble = Some(error.into());
                self.end_learning(self.at, has_any);
                return 0;
            }
        };
        let mut read = 0;
        for batch in &batches {
            read += batch.bytes() as u64;
            if self.is_last_of_log(batch) || !self.learn_batch(batch, !has_any) {
                let goes_on = planted!(KeysNotLearned) && self.trouble.is_none();
                if goes_on && !self.is_last_of_log(batch) {
                    self.at = batch.last_offset.advance(1);
                }
                self.end_learning(self.at, has_any);
                return read;
            }
            has_any = true;
            self.at = batch.last_offset.advance(1);
        }
        self.phase = Phase::Learn { has_any };
        read
    }

    /// Whether the batch's keys are all in the map.
    fn learn_batch(&mut self, batch: &StoredBatch, is_first: bool) -> bool {
        match learn(batch.base_offset, &batch.to_contiguous(), &mut self.map, is_first) {
            Ok(put) => put == Put::Done,
            Err(source) => {
                self.trouble = Some(PassTrouble::Batch { base: batch.base_offset, source });
                false
            }
        }
    }

    fn is_last_of_log(&self, batch: &StoredBatch) -> bool {
        batch.last_offset.advance(1) >= self.plan.end
    }

    fn end_learning(&mut self, end: Offset, has_any: bool) {
        if !has_any {
            self.phase = Phase::Over { to: self.plan.cleaned_to };
            return;
        }
        self.at = self.plan.start.max(self.reader.log_start());
        self.covered = Covered::new(self.at);
        self.phase = Phase::Write { end };
    }
}
