//! Compaction: of each key only the latest record stays.
//!
//! Apart from packing because it opens batches and changes them, and because a crash at any moment must leave a log that a
//! reader cannot tell from one that was never compacted, except for what is superseded. A *pass* goes over one log:
//!
//! ```text
//!   log start         cleaned-to         end of the pass      end of the log
//!       │ compacted        │ dirty               │ later           │
//!       │                  └─ 1. learn: keys ────┘                 │   key → its latest offset here
//!       └─ 2. write: every batch, filtered ──────┘                 │   into new objects, committed in ascending offsets
//! ```
//!
//! When the map of keys is full the pass ends where it filled, and the next one goes on from there: what was committed
//! moves cleaned-to, which is nothing but the end of the compacted parts that the log begins with.
//!
//! Why an interruption between two commits does no harm. After any number of commits the log consists of new parts, then of
//! old pieces:
//!
//! 1. *A record is dropped only when a later one of its key exists behind it*, in the stretch that was learned; that one is
//!    still there, be it in a new part or in an old piece. So no key loses its latest record, and a reader who starts
//!    anywhere ends up with the same latest records.
//! 2. *A tombstone is dropped only after a pass that ended before*: the first pass over its batch gives it a horizon, a later
//!    one drops it when the horizon has passed. When it got its horizon in a committed part, everything before that part
//!    had been committed too (commits ascend), with the records that the tombstone supersedes gone. So no value can come
//!    back when its tombstone goes.
//! 3. *Compacted parts say only what is so*: of each key only the latest record up to the part's end is left. That holds for
//!    the parts of a pass that was cut short, since the map knew more, not less.
//!
//! All this needs one thing of whoever drives it: nobody else replaces a log's pieces during a pass over it. A packed part
//! that was read before and is committed after it would bring superseded records back under newer numbers.
//!
//! The last batch of a log is never touched, so that its end stays where readers saw it. Batches that cannot be opened end a
//! pass in front of them, and are reported: what lies behind cannot be compacted before someone has looked at it.
//! There are no transactions yet: every record of a batch that is not a control batch counts.

mod filter;
mod key_map;
mod pass;
mod plan;

pub use pass::{CompactOptions, CompactProgress, CompactStats, Compactor, PassEnd, PassTrouble};
pub use plan::{CompactCandidate, CompactPlan, CompactRules, cleaned_to, plan, take_next};

use millstream_types::batch::{BatchHeader, TimestampType};
use millstream_types::{EngineTime, LogId, Offset, RecordTime};

use crate::error::ReadError;
use crate::log_reader::{LogReader, Next, Pieces, next_before};

/// The pass that a log is worth now, if it is: [`plan`] from what its reader says. `last_stable` is the offset after the last
/// record that belongs to no open transaction. Reads a batch of a log that seems to be worth it, or whose rules ask how old
/// the oldest dirty record is.
///
/// # Errors
/// [`ReadError::Corrupt`] and [`ReadError::Io`].
pub fn consider(
    log: LogId,
    reader: &dyn LogReader,
    rules: CompactRules,
    last_stable: Offset,
    now: EngineTime,
) -> Result<Option<CompactPlan>, ReadError> {
    let oldest_dirty = match (rules.lag_max_ms, cleaned_to(Pieces::new(reader))) {
        (Some(_), Some(cleaned_to)) => oldest_dirty(reader, cleaned_to)?,
        _ => None,
    };
    let candidate = CompactCandidate { log, rules, last_stable, oldest_dirty };
    let Some(plan) = plan(&candidate, Pieces::new(reader), now) else { return Ok(None) };
    // Of a piece that was cut, the number of batches is an estimate: the last batch may be all that is dirty.
    let is_worth_it = match next_before(reader, plan.cleaned_to, plan.to, 1)? {
        Next::Batches(batches) => {
            batches.first().is_some_and(|first| first.last_offset.advance(1) < plan.end)
        }
        Next::End | Next::Cut | Next::Gone => false,
    };
    Ok(is_worth_it.then_some(plan))
}

/// The time of the first record from `cleaned_to` on: what decides whether a log is due. `None` without such a record, or
/// when its batch cannot be read as one.
///
/// # Errors
/// [`ReadError::Corrupt`] and [`ReadError::Io`].
pub fn oldest_dirty(reader: &dyn LogReader, cleaned_to: Offset) -> Result<Option<RecordTime>, ReadError> {
    let Next::Batches(batches) = next_before(reader, cleaned_to, Offset(u64::MAX), 1)? else {
        return Ok(None);
    };
    let header = batches.first().and_then(|batch| BatchHeader::parse(&batch.to_contiguous()).ok());
    Ok(header.map(|header| match header.timestamp_type() {
        TimestampType::CreateTime => header.base_timestamp(),
        TimestampType::LogAppendTime => header.max_timestamp(),
    }))
}
