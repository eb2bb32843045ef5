//! Whether a log is worth compacting, up to where, and which log comes first.
//!
//! Apart because it is a pure function of what the index knows, so that its rules can be tested without a log:
//!
//! ```text
//!   log start            cleaned-to                          end of the pass        last stable   end
//!       │ compacted parts    │ dirty                             │ too young, or the last batch │
//!       └── clean bytes ─────┴── dirty bytes ────────────────────┘
//! ```
//!
//! A log is taken when its dirty part is at least the configured share of both together, or when the oldest dirty record
//! is older than the configured lag, whatever the share.

use std::cmp::Reverse;

use millstream_types::{EngineTime, LogId, Offset, RecordTime};

use crate::log_reader::PieceFacts;

/// A stream's configuration of compaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactRules {
    /// Dirty bytes in 10,000 bytes from which on a log is compacted.
    pub dirty_ratio_min: u16,
    /// Records younger than this are not touched, nor anything after the first such; 0: no such limit.
    pub lag_min_ms: u64,
    /// A dirty record older than this makes its log due.
    pub lag_max_ms: Option<u64>,
    /// How long a tombstone stays once a pass has been over it.
    pub tombstone_retention_ms: u64,
}

/// A log as it may be compacted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactCandidate {
    /// The log.
    pub log: LogId,
    /// Its stream's configuration.
    pub rules: CompactRules,
    /// Offset after the last record that belongs to no open transaction.
    pub last_stable: Offset,
    /// Time of the oldest dirty record, if it is known ([`oldest_dirty`](super::oldest_dirty)). Without it the largest
    /// time of the first dirty piece decides whether the log is due, which is later.
    pub oldest_dirty: Option<RecordTime>,
}

/// What one pass over one log is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactPlan {
    /// The log.
    pub log: LogId,
    /// First offset of the log.
    pub start: Offset,
    /// End of the stretch that earlier passes have been over.
    pub cleaned_to: Offset,
    /// The pass goes to here at most.
    pub to: Offset,
    /// End of the log: a batch that reaches it is the last one, which is never touched.
    pub end: Offset,
    /// Bytes of batches before `cleaned_to`.
    pub clean_bytes: u64,
    /// Bytes of batches from there to `to`.
    pub dirty_bytes: u64,
    /// Whether its oldest dirty record has waited for longer than it may.
    pub is_due: bool,
    /// Engine time that the pass goes by.
    pub now: EngineTime,
    /// How long tombstones stay.
    pub tombstone_retention_ms: u64,
}

impl CompactPlan {
    /// Bytes that a pass reads to write the log again.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.clean_bytes + self.dirty_bytes
    }

    /// Dirty bytes in 10,000.
    #[must_use]
    pub fn dirty_ratio(&self) -> u16 {
        let ratio = u128::from(self.dirty_bytes) * 10_000 / u128::from(self.bytes().max(1));
        // At most 10,000: the dirty bytes are part of all.
        ratio as u16
    }
}

/// The offset up to which earlier passes have been over the log whose pieces these are; `None` without pieces.
pub fn cleaned_to(pieces: impl IntoIterator<Item = PieceFacts>) -> Option<Offset> {
    let mut to = None;
    for piece in pieces {
        if !piece.is_compacted {
            return Some(to.unwrap_or(piece.from));
        }
        to = Some(piece.to);
    }
    to
}

/// The pass that `candidate`, whose pieces in order of offsets are `pieces`, is worth; `None` when it is not, or when
/// nothing can be compacted yet, or when the pieces changed while they were looked at and do not follow each other.
pub fn plan(
    candidate: &CompactCandidate,
    pieces: impl IntoIterator<Item = PieceFacts>,
    now: EngineTime,
) -> Option<CompactPlan> {
    let rules = candidate.rules;
    let young = RecordTime(now.0.saturating_sub_unsigned(rules.lag_min_ms));
    let mut plan: Option<CompactPlan> = None;
    let mut oldest = candidate.oldest_dirty;
    let (mut is_clean, mut is_open) = (true, true);
    let mut last = None;
    for piece in pieces {
        let plan = plan.get_or_insert(CompactPlan {
            log: candidate.log,
            start: piece.from,
            cleaned_to: piece.from,
            to: piece.from,
            end: piece.to,
            clean_bytes: 0,
            dirty_bytes: 0,
            is_due: false,
            now,
            tombstone_retention_ms: rules.tombstone_retention_ms,
        });
        if last.is_some() && piece.from != plan.end {
            return None;
        }
        plan.end = piece.to;
        last = Some(piece);
        is_clean &= piece.is_compacted;
        if is_clean {
            (plan.cleaned_to, plan.to) = (piece.to, piece.to);
            plan.clean_bytes += piece.bytes;
            continue;
        }
        let is_young = rules.lag_min_ms > 0 && piece.max_timestamp > young;
        is_open &= !is_young && piece.to <= candidate.last_stable;
        if is_open {
            oldest = oldest.or(Some(piece.max_timestamp));
            plan.to = piece.to;
            plan.dirty_bytes += piece.bytes;
        }
    }
    let (mut plan, last) = (plan?, last?);
    if plan.to == plan.end && plan.to > plan.cleaned_to {
        // The last batch is not touched; how large it is, is not known here.
        let share = last.bytes.div_ceil(u64::from(last.batches.max(1)));
        plan.dirty_bytes -= share;
        if last.batches <= 1 {
            plan.to = last.from;
        }
    }
    if plan.to <= plan.cleaned_to || plan.dirty_bytes == 0 {
        return None;
    }
    let due_before = rules.lag_max_ms.map(|lag| now.0.saturating_sub_unsigned(lag));
    plan.is_due = due_before.zip(oldest).is_some_and(|(before, oldest)| oldest.0 < before);
    (plan.is_due || plan.dirty_ratio() >= rules.dirty_ratio_min).then_some(plan)
}

/// Takes from `plans` what is done next: the first due log, else the dirtiest, and if it is small, the next
/// small ones with it, up to `bytes_max` bytes and `logs_max` logs together. In the order of logs, as an object has them.
pub fn take_next(plans: &mut Vec<CompactPlan>, bytes_max: u64, logs_max: usize) -> Vec<CompactPlan> {
    plans.sort_by_key(|plan| (!plan.is_due, Reverse(plan.dirty_ratio()), plan.log));
    let is_small = |plan: &CompactPlan| plan.bytes() < bytes_max / SMALL_IN;
    let mut taken: Vec<CompactPlan> = Vec::new();
    let mut bytes = 0;
    plans.retain(|plan| {
        let joins = match taken.first() {
            None => true,
            Some(first) => {
                is_small(first)
                    && is_small(plan)
                    && taken.len() < logs_max
                    && bytes + plan.bytes() <= bytes_max
            }
        };
        if joins {
            bytes += plan.bytes();
            taken.push(*plan);
        }
        !joins
    });
    taken.sort_by_key(|plan| plan.log);
    taken
}

/// A log is small below an eighth of an object: 8 MiB of 64.
const SMALL_IN: u64 = 8;

#[cfg(test)]
mod tests;
