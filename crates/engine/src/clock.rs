//! Engine time (R11): the monotonic clock, slewed to the wall.
//!
//! Apart because leases, retention and timers must not jump when somebody sets the machine's clock. The arithmetic is a
//! value that gets both clocks as arguments; only [`EngineClock::now`] reads the machine's.

use millstream_types::EngineTime;
use parking_lot::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Engine time moves at most this much slower or faster than the monotonic clock: one twentieth.
const SLEW_DIVISOR: i64 = 20;

/// The wall is looked at again after so much of the monotonic clock: between two looks engine time goes its slowest, which is
/// fifty microseconds behind at most, and costs one clock less.
const LOOK_US: i64 = 1000;

/// The arithmetic of engine time.
#[derive(Debug, Clone, Copy)]
struct Slew {
    /// Engine time in microseconds at `mono_us`.
    engine_us: i64,
    mono_us: i64,
    /// The latest that was said: nobody is told less, whatever the clocks do between two looks.
    said: EngineTime,
}

impl Slew {
    fn new(start: EngineTime, mono_us: i64) -> Slew {
        Slew { engine_us: start.0.saturating_mul(1000), mono_us, said: start }
    }

    /// The time at a moment so soon after the last look that the wall need not be looked at: as early as it may be, so
    /// that what the next look says is not before it. `None` when it is time for a look.
    fn soon(&mut self, mono_us: i64) -> Option<EngineTime> {
        let elapsed = (mono_us - self.mono_us).max(0);
        let slowest = self.engine_us.saturating_add(elapsed - elapsed / SLEW_DIVISOR);
        (elapsed < LOOK_US).then(|| self.say(slowest))
    }

    /// Moves on to a later moment of the monotonic clock and leans towards the wall.
    fn advance(&mut self, mono_us: i64, wall_us: i64) -> EngineTime {
        let elapsed = (mono_us - self.mono_us).max(0);
        let straight = self.engine_us.saturating_add(elapsed);
        let lean = wall_us.saturating_sub(straight).clamp(-elapsed / SLEW_DIVISOR, elapsed / SLEW_DIVISOR);
        self.engine_us = straight.saturating_add(lean);
        self.mono_us = self.mono_us.max(mono_us);
        self.say(self.engine_us)
    }

    fn say(&mut self, engine_us: i64) -> EngineTime {
        self.said = self.said.max(EngineTime(engine_us / 1000));
        self.said
    }
}

/// The engine's clock.
#[derive(Debug)]
pub struct EngineClock {
    slew: Mutex<Slew>,
    origin: Instant,
}

impl EngineClock {
    /// Starts at the wall clock's time, or at `last` (the newest time in the write-ahead log) if that is later.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else gets as an argument"
    )]
    pub fn start(last: EngineTime) -> EngineClock {
        let start = EngineTime(wall_us() / 1000).max(last);
        EngineClock { slew: Mutex::new(Slew::new(start, 0)), origin: Instant::now() }
    }

    /// Engine time now. Never goes back.
    pub fn now(&self) -> EngineTime {
        self.now_and_micros().0
    }

    /// Engine time, and the microseconds of the monotonic clock since the start, from one look at it.
    pub fn now_and_micros(&self) -> (EngineTime, u64) {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mono_us = i64::try_from(micros).unwrap_or(i64::MAX);
        let mut slew = self.slew.lock();
        (slew.soon(mono_us).unwrap_or_else(|| slew.advance(mono_us, wall_us())), micros)
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock that everything else gets as an argument")]
fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_jump_of_the_wall_is_followed_by_a_twentieth() {
        let mut slew = Slew::new(EngineTime(1_000_000), 0);
        let year = 365 * 24 * 3600 * SECOND;
        assert_eq!(slew.advance(10 * SECOND, 1000 * SECOND + year), EngineTime(1_010_500));
        assert_eq!(slew.advance(20 * SECOND, 0), EngineTime(1_020_000));
    }

    #[test]
    fn a_lease_of_half_a_minute_outlasts_a_jump_of_the_wall_by_a_year() {
        let year = 365 * 24 * 3600 * SECOND;
        for jump in [year, -year] {
            let mut slew = Slew::new(EngineTime(1_000_000), 0);
            let deadline = slew.advance(0, 1_000 * SECOND).after_ms(30_000);
            // The wall is set after a second; whoever asks how late it is, and however often, sees the same.
            for mono in 1..=28 {
                let now = slew.advance(mono * SECOND, 1_000 * SECOND + jump);
                assert!(now < deadline, "the lease is over after {mono} of 30 seconds");
            }
            assert!(slew.advance(32 * SECOND, 1_000 * SECOND + jump) >= deadline, "and it is over in time");
        }
    }

    #[test]
    fn a_small_difference_is_made_up_and_no_more() {
        let mut slew = Slew::new(EngineTime(0), 0);
        assert_eq!(slew.advance(100 * SECOND, 101 * SECOND), EngineTime(101_000));
        assert_eq!(slew.advance(200 * SECOND, 201 * SECOND), EngineTime(201_000));
    }

    #[test]
    fn what_is_said_between_two_looks_is_never_later_than_what_the_next_says() {
        for wall in [-SECOND, 0, SECOND] {
            let mut slew = Slew::new(EngineTime(5), 0);
            let mut last = EngineTime(5);
            for mono in (0..5_000).step_by(37) {
                let now = slew.soon(mono).unwrap_or_else(|| slew.advance(mono, wall));
                assert!(now >= last && now.0 <= 5 + mono * 21 / 20_000, "{now} at {mono}");
                last = now;
            }
            assert!(last >= EngineTime(9), "it goes on: {last}");
        }
        assert_eq!(Slew::new(EngineTime(5), 0).soon(LOOK_US), None);
        let mut slew = Slew::new(EngineTime(5), 0);
        slew.advance(3 * LOOK_US, 0);
        assert_eq!(slew.soon(4 * LOOK_US - 1), Some(EngineTime(8)));
        assert_eq!(slew.soon(3 * LOOK_US), Some(EngineTime(8)), "clocks of two processors may differ");
    }

    #[test]
    fn time_never_goes_back() {
        let mut slew = Slew::new(EngineTime(5), 0);
        let mut last = EngineTime(5);
        for (mono, wall) in [(3, -50), (2, -100), (9, 7_000_000), (9, 0), (12, -9)] {
            let now = slew.advance(mono, wall);
            assert!(now >= last);
            last = now;
        }
    }
}
