//! How fast a counter moves.
//!
//! Apart because it is arithmetic: an average in which what is a minute old counts a third.

use millstream_types::EngineTime;

/// After so long what was seen counts 1/e.
const MEMORY_MS: f64 = 60_000.0;

/// The rate of a counter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    last: Option<(EngineTime, u64)>,
    per_second: f64,
    /// How much of the memory is filled: a rate that was seen for a second is not taken for one of an hour of silence.
    weight: f64,
}

impl Rate {
    /// Takes the counter as it is now; returns the increase since the last look. A counter that went back began anew.
    #[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
    pub(super) fn take(&mut self, now: EngineTime, count: u64) -> u64 {
        let Some((at, before)) = self.last.replace((now, count)) else { return 0 };
        let elapsed_ms = now.since_ms(at);
        let increase = count.checked_sub(before).unwrap_or(count);
        if elapsed_ms > 0 {
            let fades = (-(elapsed_ms as f64) / MEMORY_MS).exp();
            let seen = increase as f64 * 1000.0 / elapsed_ms as f64;
            self.per_second = self.per_second * fades + seen * (1.0 - fades);
            self.weight = self.weight * fades + (1.0 - fades);
        }
        increase
    }

    /// The counter per second, lately.
    pub(super) fn per_second(&self) -> f64 {
        if self.weight > 0.0 { self.per_second / self.weight } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_counter_has_its_rate_from_the_second_look_on_and_loses_it_in_minutes() {
        let mut rate = Rate::default();
        assert_eq!(rate.take(EngineTime(0), 1_000_000), 0, "what was before the first look is not known");
        for second in 1..=10 {
            assert_eq!(rate.take(EngineTime(second * 1000), 1_000_000 + 50 * second as u64), 50);
            assert!((rate.per_second() - 50.0).abs() < 1e-6, "{}", rate.per_second());
        }
        for minute in 1..=10 {
            rate.take(EngineTime(10_000 + minute * 60_000), 1_000_500);
        }
        assert!(rate.per_second() < 0.01);
    }

    #[test]
    fn a_counter_that_began_anew_is_not_negative() {
        let mut rate = Rate::default();
        rate.take(EngineTime(0), 500);
        assert_eq!(rate.take(EngineTime(1000), 20), 20);
        assert!((rate.per_second() - 20.0).abs() < 1e-6);
        assert_eq!(rate.take(EngineTime(1000), 30), 10, "no time has passed");
        assert!((rate.per_second() - 20.0).abs() < 1e-6);
    }
}
