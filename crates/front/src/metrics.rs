//! What fronts count: how often each operation was asked for, how long it took, how often it was refused.
//!
//! Apart because fronts must be able to count without knowing who shows it. The rows are those of the
//! [registry](crate::registry), so that a label can only be an operation that is served. A count is one or two relaxed
//! additions on the request's way and nothing else; names are looked at when somebody asks.

use millstream_types::Histogram;
use millstream_types::histogram::Counted;
use std::sync::atomic::{AtomicU64, Ordering};

/// The operations of one front, with what was counted of each.
#[derive(Debug)]
pub struct OperationMeters {
    front: &'static str,
    rows: Box<[Row]>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    /// From a request's arrival to its answer, in microseconds.
    answered: Histogram,
    /// Requests that are not answered one by one.
    unanswered: AtomicU64,
    failed: AtomicU64,
}

/// What was counted of one operation since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationCounts {
    /// The front's name.
    pub front: &'static str,
    /// The operation's name.
    pub operation: &'static str,
    /// Requests.
    pub requests: u64,
    /// Requests that were refused, in whole or in part.
    pub failures: u64,
    /// From a request's arrival to its answer, in microseconds, of those that are answered.
    pub micros: Counted,
}

impl OperationMeters {
    /// Meters of a front for its operations; their places in the list are their rows.
    pub fn new(front: &'static str, names: impl IntoIterator<Item = &'static str>) -> OperationMeters {
        let rows = names.into_iter().map(|name| Row {
            name,
            answered: Histogram::default(),
            unanswered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        OperationMeters { front, rows: rows.collect() }
    }

    /// The front's name.
    #[must_use]
    pub fn front(&self) -> &'static str {
        self.front
    }

    /// The row of an operation.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.name == name)
    }

    /// A request was answered after so many microseconds.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn answered(&self, row: usize, micros: u64) {
        self.rows[row].answered.record(micros);
    }

    /// Several requests were answered, each after so many microseconds.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn answered_many(&self, row: usize, micros: u64, requests: u64) {
        self.rows[row].answered.record_many(micros, requests);
    }

    /// A request was taken that is not answered, or not by itself.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn taken(&self, row: usize) {
        self.rows[row].unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that is counted beside this was refused, in whole or in part.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn failed(&self, row: usize) {
        self.rows[row].failed.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted of each operation that was ever asked for.
    pub fn counts(&self) -> impl Iterator<Item = OperationCounts> + '_ {
        let counted = self.rows.iter().map(|row| {
            let micros = row.answered.counted();
            OperationCounts {
                front: self.front,
                operation: row.name,
                requests: micros.count() + row.unanswered.load(Ordering::Relaxed),
                failures: row.failed.load(Ordering::Relaxed),
                micros,
            }
        });
        counted.filter(|counts| counts.requests + counts.failures > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_shown_once_they_were_asked_for_and_counted_apart() {
        let meters = OperationMeters::new("toy", ["one", "two", "three"]);
        assert_eq!(meters.counts().count(), 0);
        let (one, two) = (meters.row("one").unwrap(), meters.row("two").unwrap());
        meters.answered(one, 70);
        meters.answered_many(one, 100, 3);
        meters.taken(two);
        meters.failed(two);
        let counts: Vec<OperationCounts> = meters.counts().collect();
        let shown: Vec<_> = counts.iter().map(|row| (row.operation, row.requests, row.failures)).collect();
        assert_eq!(shown, [("one", 4, 0), ("two", 1, 1)]);
        assert_eq!((counts[0].micros.sum, counts[1].micros.count()), (370, 0));
        assert_eq!(meters.row("four"), None);
    }
}
