//! Reading single records out of stored batches.
//!
//! Apart because records that move are scattered, and often neighbours all the same: what was read and opened for one is
//! kept for the next. It holds 64 KiB of stored batches, or one larger batch, and one opened body.

use millstream_storage::{LogView, ReadError, ReadMode, ReadOutcome, StoredBatch};
use millstream_types::batch::{self, BatchError, Compression, OpenBatch, OpenLimits, Record, Records};
use millstream_types::{LogId, Offset, planted};

/// Bytes of one read: the run of a WAL file that is read for one record holds its neighbours.
const WINDOW_BYTES: u32 = 64 << 10;

/// What there is at an offset.
pub(super) enum Found {
    /// A record, and how the batch was compressed that it lay in.
    Record(Record, Compression),
    /// Nothing: it was trimmed, compaction left it out, or its log is gone.
    Absent,
    /// Nothing that may be seen yet.
    NotYet,
    /// Something that cannot be read, for this reason.
    Unreadable(String),
}

/// Reads, and keeps what it has read.
#[derive(Default)]
pub(super) struct Reader {
    window: Option<Window>,
    opened: Option<Opened>,
    /// Bytes read and decompressed since that was last asked for.
    bytes: u64,
    /// Batches opened since that was last asked for.
    batches: u64,
}

/// Batches of one log that answer for all offsets from the one that was asked for to the last batch's last.
struct Window {
    log: LogId,
    from: Offset,
    batches: Vec<StoredBatch>,
}

/// A batch with a walk through its records.
struct Opened {
    log: LogId,
    base: Offset,
    last: Offset,
    batch: OpenBatch,
    walk: Records,
    /// The record that the walk came to last, if it is still ahead.
    next: Option<Record>,
    /// Deltas before this one were passed.
    ahead: u32,
}

impl Reader {
    /// Looks for the record at `offset`. Ascending offsets of a log cost least.
    pub(super) fn find(&mut self, view: &LogView, offset: Offset) -> Found {
        match self.look(view, offset) {
            Ok((record, compression)) => Found::Record(record, compression),
            Err(found) => found,
        }
    }

    /// Lets go of everything.
    pub(super) fn forget(&mut self) {
        (self.window, self.opened) = (None, None);
    }

    /// Bytes that were read and decompressed, and batches that were opened, since this was last asked for.
    pub(super) fn take_cost(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.batches))
    }

    fn look(&mut self, view: &LogView, offset: Offset) -> Result<(Record, Compression), Found> {
        let log = view.log();
        let is_open = |opened: &Opened| opened.log == log && (opened.base..=opened.last).contains(&offset);
        if !self.opened.as_ref().is_some_and(is_open) {
            let stored = self.stored(view, offset)?;
            // Not both at once: a body may be large.
            self.opened = None;
            let opened = Opened::open(log, &stored).map_err(|error| unreadable(&stored, error))?;
            self.bytes += opened.batch.body().len() as u64;
            self.batches += 1;
            self.opened = Some(opened);
        }
        let opened = self.opened.as_mut().expect("it was just opened");
        if opened.batch.header().is_control() {
            return Err(Found::Absent);
        }
        let delta = u32::try_from(offset.0 - opened.base.0).expect("a batch's offsets span 32 bits");
        let delta = if planted!(NeighbourMoved) { delta.saturating_sub(1) } else { delta };
        let compression = opened.batch.header().compression();
        match opened.record(delta) {
            Ok(Some(record)) => Ok((record, compression)),
            Ok(None) => Err(Found::Absent),
            Err(error) => Err(Found::Unreadable(format!("the batch at offset {}: {error}", opened.base))),
        }
    }

    /// The batch that answers for `offset`.
    fn stored(&mut self, view: &LogView, offset: Offset) -> Result<StoredBatch, Found> {
        let log = view.log();
        if !self.window.as_ref().is_some_and(|window| window.covers(log, offset)) {
            self.window = None;
            let batches = read(view, offset)?;
            self.bytes += batches.iter().map(|batch| batch.bytes() as u64).sum::<u64>();
            self.window = Some(Window { log, from: offset, batches });
        }
        let window = self.window.as_ref().expect("it was just read");
        let batch = window.batches.iter().find(|batch| batch.last_offset >= offset);
        batch.filter(|batch| batch.base_offset <= offset).cloned().ok_or(Found::Absent)
    }
}

fn unreadable(stored: &StoredBatch, error: BatchError) -> Found {
    Found::Unreadable(format!("the batch at offset {}: {error}", stored.base_offset))
}

fn read(view: &LogView, offset: Offset) -> Result<Vec<StoredBatch>, Found> {
    // Looked at before the read: whatever comes meanwhile, a record before it was there to be found.
    if offset >= view.high_watermark() {
        return Err(Found::NotYet);
    }
    match view.read(offset, WINDOW_BYTES, ReadMode::MayBlock) {
        Ok(ReadOutcome::Batches(batches)) => Ok(batches),
        Ok(ReadOutcome::AtEnd) | Err(ReadError::Revoked | ReadError::OutOfRange { .. }) => Err(Found::Absent),
        Ok(ReadOutcome::WouldBlock) => unreachable!("this read may block"),
        Err(error @ (ReadError::Corrupt { .. } | ReadError::Io { .. })) => {
            Err(Found::Unreadable(error.to_string()))
        }
    }
}

impl Window {
    fn covers(&self, log: LogId, offset: Offset) -> bool {
        let last = self.batches.last().map(|batch| batch.last_offset);
        self.log == log && self.from <= offset && last.is_some_and(|last| offset <= last)
    }
}

impl Opened {
    fn open(log: LogId, stored: &StoredBatch) -> Result<Opened, BatchError> {
        let batch = batch::open(&stored.to_contiguous(), OpenLimits::default())?;
        Ok(Opened {
            log,
            base: stored.base_offset,
            last: stored.last_offset,
            walk: batch.clone().into_records(),
            batch,
            next: None,
            ahead: 0,
        })
    }

    /// The record of a delta; `None` if compaction left it out.
    fn record(&mut self, delta: u32) -> Result<Option<Record>, BatchError> {
        if delta < self.ahead {
            self.walk = self.batch.clone().into_records();
            (self.next, self.ahead) = (None, 0);
        }
        loop {
            let next = match self.next.take() {
                Some(next) => next,
                None => match self.walk.next().transpose()? {
                    Some(next) => next,
                    None => return Ok(None),
                },
            };
            if next.offset_delta > delta {
                self.next = Some(next);
                return Ok(None);
            }
            self.ahead = next.offset_delta + 1;
            if next.offset_delta == delta {
                return Ok(Some(next));
            }
        }
    }
}
