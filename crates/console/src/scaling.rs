//! How many consumers it takes.
//!
//! Apart because it is arithmetic, and because whoever scales by it wants to know that it never swings: the answer follows from
//! averages of a minute, and a group that stands still is not taken for one without work.

/// What a group has to do, and how fast it was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demand {
    /// Records that wait.
    pub(crate) lag_records: u64,
    /// Records that come per second.
    pub(crate) in_per_second: f64,
    /// Records that the group does with per second, all consumers together.
    pub(crate) done_per_second: f64,
    /// Consumers that it has.
    pub(crate) consumers: u64,
}

/// Consumers that do less than this per second have not been seen at work.
const AT_WORK_PER_SECOND: f64 = 0.01;

/// How many consumers work off what waits in so many seconds, while more comes.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, of a number that is not negative and is cut at its cap"
)]
pub(crate) fn consumers(demand: &Demand, drain_seconds: u64, cap: Option<u64>) -> u64 {
    let cap = cap.unwrap_or(CONSUMERS_MAX);
    let has_work = demand.lag_records > 0 || demand.in_per_second > AT_WORK_PER_SECOND;
    if !has_work {
        return 0;
    }
    if demand.consumers == 0 || demand.done_per_second < AT_WORK_PER_SECOND {
        // Nobody knows how fast one is: as many as there are, or one to find out.
        return demand.consumers.max(1).min(cap);
    }
    let each = demand.done_per_second / demand.consumers as f64;
    let needed = demand.in_per_second + demand.lag_records as f64 / drain_seconds.max(1) as f64;
    ((needed / each).ceil().max(1.0) as u64).min(cap)
}

/// More are not asked for, whatever the rates say.
const CONSUMERS_MAX: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_rates_ask_for() {
        let demand = Demand { lag_records: 3_000, in_per_second: 50.0, done_per_second: 40.0, consumers: 4 };
        // Each does ten a second; sixty are needed.
        assert_eq!(consumers(&demand, 300, None), 6);
        assert_eq!(consumers(&demand, 3, None), 105);
        assert_eq!(consumers(&demand, 3, Some(12)), 12);
    }

    #[test]
    fn a_group_that_was_never_seen_at_work_gets_one_consumer_and_one_without_work_none() {
        let demand = Demand { lag_records: 10, ..Demand::default() };
        assert_eq!(consumers(&demand, 300, None), 1);
        assert_eq!(consumers(&Demand { consumers: 3, ..demand }, 300, None), 3, "they may just have come");
        assert_eq!(consumers(&Demand::default(), 300, None), 0);
        let keeping_up = Demand { in_per_second: 30.0, done_per_second: 30.0, consumers: 3, lag_records: 0 };
        assert_eq!(consumers(&keeping_up, 300, None), 3);
    }
}
