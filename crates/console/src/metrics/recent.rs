//! What was asked for lately, and how long it took: the difference between the counters now and a minute ago.
//!
//! Apart because counters only grow: whoever scrapes keeps the old ones himself, and who looks at a page has none.

use millstream_front::OperationCounts;
use millstream_types::EngineTime;
use millstream_types::histogram::Counted;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;

/// Between two looks that are remembered.
const STEP_MS: u64 = 5_000;
/// Looks that are remembered: a minute.
const LOOKS_MAX: usize = 12;

/// The counters at one time.
#[derive(Debug)]
struct Look {
    at: EngineTime,
    operations: Vec<OperationCounts>,
    syncs: Counted,
}

/// The counters of the last minute.
#[derive(Debug, Default)]
pub(super) struct Memory {
    looks: VecDeque<Look>,
}

/// What was asked for within the last minute.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RecentLoad")]
pub(crate) struct Recent {
    /// How long that is; 0 in the first moments, when nothing is known.
    pub(crate) span_ms: u64,
    /// Operations that were asked for, the most frequent first.
    pub(crate) operations: Vec<RecentOperation>,
    /// 99 of 100 syncs of the write-ahead log took at most so long; `null`: there were none.
    pub(crate) sync_p99_micros: Option<u64>,
}

/// An operation that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RecentOperation {
    pub(crate) front: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) per_second: f64,
    /// Of those, such that were refused in whole or in part.
    pub(crate) failures_per_second: f64,
    /// Half of them took at most so long, waits that clients asked for included; `null`: they are not answered one by one.
    pub(crate) p50_micros: Option<u64>,
    /// 99 of 100 took at most so long.
    pub(crate) p99_micros: Option<u64>,
}

/// Operations that are named.
const OPERATIONS_MAX: usize = 50;

impl Memory {
    /// Whether it is time to remember the counters.
    pub(super) fn is_due(&self, now: EngineTime) -> bool {
        self.looks.back().is_none_or(|last| now.since_ms(last.at) >= STEP_MS)
    }

    /// Remembers the counters.
    pub(super) fn take(&mut self, at: EngineTime, operations: Vec<OperationCounts>, syncs: Counted) {
        if self.looks.len() >= LOOKS_MAX {
            self.looks.pop_front();
        }
        self.looks.push_back(Look { at, operations, syncs });
    }

    /// What has happened since the oldest counters that are remembered.
    pub(super) fn recent(&self, now: EngineTime, operations: &[OperationCounts], syncs: &Counted) -> Recent {
        let nothing = || Recent { span_ms: 0, operations: Vec::new(), sync_p99_micros: None };
        let Some(before) = self.looks.front() else { return nothing() };
        let span_ms = now.since_ms(before.at);
        if span_ms == 0 {
            return nothing();
        }
        let grown = operations.iter().filter_map(|counts| recent(counts, before, span_ms));
        let mut operations: Vec<RecentOperation> = grown.collect();
        operations.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        operations.truncate(OPERATIONS_MAX);
        let sync_p99_micros = syncs.since(&before.syncs).quantile(990);
        Recent { span_ms, operations, sync_p99_micros }
    }
}

/// What was asked of an operation since then, if anything.
#[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
fn recent(counts: &OperationCounts, before: &Look, span_ms: u64) -> Option<RecentOperation> {
    let is_it = |known: &&OperationCounts| (known.front, known.operation) == (counts.front, counts.operation);
    let old = before.operations.iter().find(is_it);
    let requests = counts.requests.saturating_sub(old.map_or(0, |old| old.requests));
    let failures = counts.failures.saturating_sub(old.map_or(0, |old| old.failures));
    if requests == 0 {
        return None;
    }
    let micros = old.map_or(counts.micros, |old| counts.micros.since(&old.micros));
    let per_second = |count: u64| (count as f64 * 100_000.0 / span_ms as f64).round() / 100.0;
    Some(RecentOperation {
        front: counts.front,
        operation: counts.operation,
        per_second: per_second(requests),
        failures_per_second: per_second(failures),
        p50_micros: micros.quantile(500),
        p99_micros: micros.quantile(990),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_front::OperationMeters;

    #[test]
    fn what_is_older_than_a_minute_is_not_lately() {
        let meters = OperationMeters::new("toy", ["one", "two"]);
        let counts = |meters: &OperationMeters| meters.counts().collect::<Vec<_>>();
        let none = Counted::default();
        let mut memory = Memory::default();
        assert_eq!(memory.recent(EngineTime(0), &[], &none).span_ms, 0);
        meters.answered_many(0, 1_000_000, 50);
        assert!(memory.is_due(EngineTime(0)));
        memory.take(EngineTime(0), counts(&meters), none);
        assert!(!memory.is_due(EngineTime(4_999)) && memory.is_due(EngineTime(5_000)));
        meters.answered_many(0, 100, 20);
        meters.failed(0);
        meters.answered(1, 5);
        let recent = memory.recent(EngineTime(10_000), &counts(&meters), &none);
        let of: Vec<_> = recent.operations.iter().map(|one| (one.operation, one.per_second)).collect();
        assert_eq!((recent.span_ms, &of[..]), (10_000, &[("one", 2.0), ("two", 0.1)][..]));
        let one = &recent.operations[0];
        assert_eq!((one.p50_micros, one.p99_micros, one.failures_per_second), (Some(128), Some(128), 0.1));
        for look in 1..=12 {
            memory.take(EngineTime(look * 5_000), counts(&meters), none);
        }
        let recent = memory.recent(EngineTime(61_000), &counts(&meters), &none);
        assert_eq!((recent.span_ms, recent.operations.len()), (56_000, 0));
    }
}
