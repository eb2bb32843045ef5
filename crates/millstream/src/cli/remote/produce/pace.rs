//! Not faster than asked.
//!
//! Apart because a timer per record would be slower than most rates: allowances are handed out a hundred times a
//! second, and what was not used in time is made up for, so that the average is right.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// Time between two allowances.
const TICK: Duration = Duration::from_millis(10);
/// Allowances per second.
const TICKS_PER_S: u64 = 100;

/// How many records may go.
#[derive(Debug)]
pub(super) struct Pace {
    ticks: Interval,
    per_second: u64,
    /// In hundredths of a record, so that slow rates need no fractions.
    allowance: u64,
}

impl Pace {
    /// At most so many records per second.
    pub(super) fn new(per_second: u32) -> Self {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        // The first record goes at once.
        Self { ticks, per_second: per_second.into(), allowance: TICKS_PER_S }
    }

    /// Takes the allowance for one record, if there is one.
    pub(super) fn is_due(&mut self) -> bool {
        match self.allowance.checked_sub(TICKS_PER_S) {
            Some(left) => {
                self.allowance = left;
                true
            }
            None => false,
        }
    }

    /// Waits for the allowance for one record, and takes it.
    pub(super) async fn wait(&mut self) {
        while !self.is_due() {
            self.ticks.tick().await;
            self.allowance += self.per_second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tick_allows_a_hundredth_of_the_rate() {
        let mut pace = Pace::new(500);
        assert!(pace.is_due(), "the first record goes at once");
        assert!(!pace.is_due());
        pace.wait().await;
        let more = (0..10).filter(|_| pace.is_due()).count();
        assert_eq!(more, 4, "five records each tick");
    }
}
