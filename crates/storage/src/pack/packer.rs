//! One packing job, as a value that is driven in steps.
//!
//! Apart from the plan because here the bytes move. The job goes over all logs in the order of their ids, again and again
//! until no log has anything left in the homes that are to be emptied:
//!
//! ```text
//! round 1   small stretches of logs 1, 2, 3 …  into shared objects │ large ones, log by log, into their own
//! round 2   the second stretches of those that have several (an object has one part per log)
//! ```
//!
//! A *stretch* is what a log has in the homes in neighbouring offsets, compacted or not, but not both.

use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_types::limits::READ_BYTES_PER_TURN;
use millstream_types::{LogId, ObjectEntry, ObjectNumber, Offset, planted};

use super::plan::{PackJob, PackOptions};
use super::quarantine::{Quarantine, Quarantined};
use crate::error::{ObjectError, ReadError};
use crate::log_reader::{HomeId, LogReader, Logs, Next, Pieces, next_before};
use crate::output::{Covered, Output};
use crate::store::Store;

/// How far a step has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PackProgress {
    /// There is more to do.
    Working,
    /// This object is durable. Commit it, call [`Packer::committed`], then go on; if it cannot be committed, drop the packer
    /// and the object.
    Object(ObjectEntry),
    /// Nothing is left to do.
    Done,
}

/// What has been done so far.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PackStats {
    /// Bytes of batches read.
    pub bytes_read: u64,
    /// Bytes of objects, of the one at hand too: with what was appended, the write amplification.
    pub bytes_written: u64,
    /// Finished objects.
    pub objects: u64,
    /// Their parts.
    pub parts: u64,
}

/// What a log has in the homes, in neighbouring offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    from: Offset,
    to: Offset,
    bytes: u64,
    is_compacted: bool,
}

/// The stretch at hand.
struct Moving {
    log: LogId,
    reader: Arc<dyn LogReader>,
    stretch: Stretch,
    /// Next offset to read.
    at: Offset,
    covered: Covered,
    is_large: bool,
}

/// Empties a few homes.
pub struct Packer {
    logs: Arc<dyn Logs>,
    homes: BTreeSet<HomeId>,
    options: PackOptions,
    output: Output,
    /// Logs of this round that were not looked at yet, the next one last.
    waiting: Vec<LogId>,
    /// Logs of this round whose stretch is large.
    large: Vec<LogId>,
    /// Whether it is their turn.
    is_at_large: bool,
    /// Logs of the next round.
    again: Vec<LogId>,
    moving: Option<Moving>,
    /// Logs with too much damage.
    given_up: BTreeSet<LogId>,
    rounds_left: usize,
    is_handed_out: bool,
    is_failed: bool,
    stats: PackStats,
}

/// What looking at a piece of an index costs, in the bytes of a step's budget.
const PIECE_BUDGET_BYTES: u64 = 64;

impl Packer {
    /// A packer for one job of a [`plan`](super::plan).
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        directory: u128,
        options: PackOptions,
        job: &PackJob,
        logs: Arc<dyn Logs>,
    ) -> Packer {
        let mut waiting = logs.ids();
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        Packer {
            logs,
            homes: job.homes.iter().copied().collect(),
            output: Output::new(store, directory, options.object_bytes),
            options,
            waiting,
            large: Vec::new(),
            is_at_large: false,
            again: Vec::new(),
            moving: None,
            given_up: BTreeSet::new(),
            // A home has one stretch of a log, or a few where something lies between: more rounds than this would only
            // mean that what was committed is not shown.
            rounds_left: 2 * job.homes.len() + 1,
            is_handed_out: false,
            is_failed: false,
            stats: PackStats::default(),
        }
    }

    /// The object that was handed out is committed: reads of its logs go there.
    ///
    /// # Panics
    /// When none was handed out.
    pub fn committed(&mut self) {
        assert!(self.is_handed_out, "only what was handed out is committed");
        self.is_handed_out = false;
    }

    /// What has been done so far.
    #[must_use]
    pub fn stats(&self) -> PackStats {
        PackStats { bytes_written: self.stats.bytes_written + self.output.bytes(), ..self.stats }
    }

    /// Works for about `budget_bytes` of reading (one batch more, one log's index, and one object's finish). `numbers` gives
    /// each new object its number; what cannot be read goes to `quarantine`. Blocks.
    ///
    /// # Errors
    /// [`ObjectError`] when an object cannot be written: drop the packer, and try another time.
    ///
    /// # Panics
    /// After an error, and while an object that was handed out is not committed.
    pub fn step(
        &mut self,
        budget_bytes: u64,
        numbers: &mut dyn FnMut() -> ObjectNumber,
        quarantine: &mut Quarantine,
    ) -> Result<PackProgress, ObjectError> {
        assert!(!self.is_handed_out, "objects are committed one at a time");
        assert!(!self.is_failed, "a packer is dropped after an error");
        let result = self.advance(budget_bytes, numbers, quarantine);
        self.is_failed = result.is_err();
        result
    }

    fn advance(
        &mut self,
        budget_bytes: u64,
        numbers: &mut dyn FnMut() -> ObjectNumber,
        quarantine: &mut Quarantine,
    ) -> Result<PackProgress, ObjectError> {
        let mut left = budget_bytes;
        loop {
            let spent = if let Some(moving) = self.moving.take() {
                let bytes_max = left.clamp(1, READ_BYTES_PER_TURN.into()) as u32;
                self.copy(moving, bytes_max, numbers, quarantine)?
            } else if let Some(log) = self.waiting.pop() {
                self.look_at(log, quarantine)
            } else {
                // The end of shared objects, or of a round: logs begin anew.
                if let Some(object) = self.finish_object()? {
                    return Ok(object);
                }
                if !self.begin_next_turn() {
                    return Ok(PackProgress::Done);
                }
                0
            };
            let is_own = self.is_at_large && self.moving.is_none();
            if !self.output.is_open()
                && (self.output.is_full() || is_own)
                && let Some(object) = self.finish_object()?
            {
                return Ok(object);
            }
            left = left.saturating_sub(spent.max(PIECE_BUDGET_BYTES));
            if left == 0 {
                return Ok(PackProgress::Working);
            }
        }
    }

    /// Goes on with the large stretches, or with the next round; `false` when nothing is left.
    fn begin_next_turn(&mut self) -> bool {
        if !self.is_at_large && !self.large.is_empty() {
            self.is_at_large = true;
            self.waiting = std::mem::take(&mut self.large);
        } else {
            self.is_at_large = false;
            self.waiting = std::mem::take(&mut self.again);
            self.waiting.sort_unstable_by(|a, b| b.cmp(a));
            // A log may be there for a second stretch and for what could not be read of the first.
            self.waiting.dedup();
            self.rounds_left = self.rounds_left.saturating_sub(1);
            if self.rounds_left == 0 {
                self.waiting.clear();
            }
            return !self.waiting.is_empty();
        }
        self.waiting.reverse();
        true
    }

    /// Finds the log's first stretch and takes it up, or leaves it for later; returns what that cost.
    fn look_at(&mut self, log: LogId, quarantine: &Quarantine) -> u64 {
        if self.given_up.contains(&log) {
            return 0;
        }
        let Some(reader) = self.logs.reader(log) else { return 0 };
        let mut stretch: Option<Stretch> = None;
        let (mut has_more, mut pieces) = (false, 0);
        for piece in Pieces::new(&*reader) {
            pieces += 1;
            if !self.homes.contains(&piece.home) || quarantine.holds(log, &piece) {
                continue;
            }
            match &mut stretch {
                None => {
                    stretch = Some(Stretch {
                        from: piece.from,
                        to: piece.to,
                        bytes: piece.bytes,
                        is_compacted: piece.is_compacted,
                    });
                }
                Some(first) if first.to == piece.from && first.is_compacted == piece.is_compacted => {
                    first.to = piece.to;
                    first.bytes += piece.bytes;
                }
                Some(first) => has_more |= piece.from >= first.to,
            }
        }
        let spent = pieces * PIECE_BUDGET_BYTES;
        let Some(stretch) = stretch else { return spent };
        let is_large = stretch.bytes >= self.options.own_object_bytes;
        if is_large && !self.is_at_large {
            self.large.push(log);
            return spent;
        }
        if has_more {
            self.again.push(log);
        }
        let at = stretch.from.max(reader.log_start());
        let covered = Covered::new(at);
        self.moving = (at < stretch.to).then_some(Moving { log, reader, stretch, at, covered, is_large });
        spent
    }

    /// Copies the next batches of the stretch at hand; returns the bytes read.
    fn copy(
        &mut self,
        mut moving: Moving,
        bytes_max: u32,
        numbers: &mut dyn FnMut() -> ObjectNumber,
        quarantine: &mut Quarantine,
    ) -> Result<u64, ObjectError> {
        let Stretch { to, is_compacted, .. } = moving.stretch;
        let batches = match next_before(&*moving.reader, moving.at, to, bytes_max) {
            Ok(Next::Batches(batches)) => batches,
            Ok(Next::End) if is_compacted || moving.at >= to || moving.reader.log_start() >= to => {
                // Compaction may have left nothing at the end, and nothing at all.
                if moving.at < to && moving.reader.log_start() < to {
                    self.output.open_part(moving.log, moving.at, numbers)?;
                }
                self.output.end_part(to, is_compacted)?;
                return Ok(0);
            }
            Ok(Next::End | Next::Cut) => return self.give_up(&moving).map(|()| 0),
            Ok(Next::Gone) => {
                self.output.end_part(moving.at, is_compacted)?;
                return Ok(0);
            }
            Err(why) => {
                let end = if planted!(PackedOverUnreadable) { to } else { moving.at };
                self.output.end_part(end, is_compacted)?;
                self.set_aside(&moving, why, quarantine);
                return Ok(0);
            }
        };
        let mut read = 0;
        for batch in &batches {
            if !is_compacted && batch.base_offset > moving.at.max(moving.reader.log_start()) {
                return self.give_up(&moving).map(|()| read);
            }
            self.output.open_part(moving.log, moving.at.min(batch.base_offset), numbers)?;
            self.output.batch(&[&batch.head, &batch.rest])?;
            read += batch.bytes() as u64;
            moving.at = batch.last_offset.advance(1);
            self.output.cover(moving.covered.up_to(&*moving.reader, moving.at));
            let is_enough = if moving.is_large { self.output.is_full() } else { self.output.covers_enough() };
            if moving.at < to && is_enough {
                self.output.end_part(moving.at, is_compacted)?;
                break;
            }
        }
        self.stats.bytes_read += read;
        self.moving = Some(moving);
        Ok(read)
    }

    /// Leaves the piece that cannot be read where it is; the log's other pieces come again in the next round.
    fn set_aside(&mut self, moving: &Moving, why: ReadError, quarantine: &mut Quarantine) {
        let log = moving.log;
        let damaged = moving.reader.pieces(moving.at, 1);
        let is_noted = damaged.first().is_some_and(|piece| {
            let (home, from, to) = (piece.home, piece.from, piece.to);
            tracing::error!(%log, %from, %to, error = %why, "records cannot be packed; they stay where they are");
            quarantine.add(Quarantined { log, home, from, to, why })
        });
        if is_noted {
            self.again.push(log);
        } else {
            self.given_up.insert(log);
        }
    }

    /// Offsets without records where nothing has been compacted: the part must not answer for them, whatever the cause.
    fn give_up(&mut self, moving: &Moving) -> Result<(), ObjectError> {
        let (log, at) = (moving.log, moving.at);
        tracing::error!(%log, %at, "a log has no records where it should have; it is not packed");
        self.given_up.insert(log);
        self.output.end_part(at, moving.stretch.is_compacted)
    }

    fn finish_object(&mut self) -> Result<Option<PackProgress>, ObjectError> {
        let Some(entry) = self.output.finish()? else { return Ok(None) };
        self.stats.bytes_written += entry.bytes;
        self.stats.objects += 1;
        self.stats.parts += entry.parts.len() as u64;
        self.is_handed_out = true;
        Ok(Some(PackProgress::Object(entry)))
    }
}
