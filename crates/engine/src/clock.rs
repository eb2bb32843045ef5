//! Engine time (R11): the monotonic clock, slewed to the wall.
//!
//! Apart because leases, retention and timers must not jump when somebody sets the machine's clock. The arithmetic is a
//! value that gets both clocks as arguments; only [`EngineClock::now`] reads the machine's.

use millstream_types::EngineTime;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Engine time moves at most this much slower or faster than the monotonic clock: one twentieth.
const SLEW_DIVISOR: i64 = 20;

/// The wall is looked at again after so much of the monotonic clock: between two looks engine time goes its slowest, which is
/// fifty microseconds behind at most, and costs one clock less.
const LOOK_US: i64 = 1000;

/// The arithmetic of engine time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slew {
    /// Engine time in microseconds at `mono_us`.
    engine_us: i64,
    mono_us: i64,
}

impl Slew {
    fn new(start: EngineTime, mono_us: i64) -> Slew {
        Slew { engine_us: start.0.saturating_mul(1000), mono_us }
    }

    /// The time at a moment so soon after the last look that the wall need not be looked at: as early as it may be, so
    /// that what the next look says is not before it. `None` when it is time for a look.
    fn soon(self, mono_us: i64) -> Option<EngineTime> {
        let elapsed = (mono_us - self.mono_us).max(0);
        let slowest = self.engine_us.saturating_add(elapsed - elapsed / SLEW_DIVISOR);
        (elapsed < LOOK_US).then_some(EngineTime(slowest / 1000))
    }

    /// Moves on to a later moment of the monotonic clock and leans towards the wall.
    fn advance(&mut self, mono_us: i64, wall_us: i64) -> EngineTime {
        let elapsed = (mono_us - self.mono_us).max(0);
        let straight = self.engine_us.saturating_add(elapsed);
        let lean = wall_us.saturating_sub(straight).clamp(-elapsed / SLEW_DIVISOR, elapsed / SLEW_DIVISOR);
        self.engine_us = straight.saturating_add(lean);
        self.mono_us = self.mono_us.max(mono_us);
        EngineTime(self.engine_us / 1000)
    }
}

/// What the last look at the wall came to, for all threads to read without a lock: they ask many times for every look, and
/// a lock that each of them takes is handed from processor to processor.
#[derive(Debug)]
struct Published {
    /// Odd while the other two are being changed.
    version: AtomicU64,
    engine_us: AtomicI64,
    mono_us: AtomicI64,
}

impl Published {
    fn new(slew: Slew) -> Published {
        let (engine_us, mono_us) = (AtomicI64::new(slew.engine_us), AtomicI64::new(slew.mono_us));
        Published { version: AtomicU64::new(0), engine_us, mono_us }
    }

    /// What was stored last; `None` while that changes.
    fn load(&self) -> Option<Slew> {
        let before = self.version.load(Ordering::Acquire);
        let (engine_us, mono_us) = (&self.engine_us, &self.mono_us);
        let slew =
            Slew { engine_us: engine_us.load(Ordering::Relaxed), mono_us: mono_us.load(Ordering::Relaxed) };
        // Both are read before the version is read again.
        fence(Ordering::Acquire);
        let is_whole = before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before;
        is_whole.then_some(slew)
    }

    /// One thread at a time.
    fn store(&self, slew: Slew) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Whoever sees one of the two new sees that the version is odd.
        fence(Ordering::Release);
        self.engine_us.store(slew.engine_us, Ordering::Relaxed);
        self.mono_us.store(slew.mono_us, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }
}

/// The engine's clock.
#[derive(Debug)]
pub struct EngineClock {
    slew: Mutex<Slew>,
    published: Published,
    /// The latest that was said, in milliseconds: nobody is told less, whatever the clocks do between two looks.
    said: AtomicI64,
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
        EngineClock::with(start, Instant::now())
    }

    fn with(start: EngineTime, origin: Instant) -> EngineClock {
        let slew = Slew::new(start, 0);
        let (published, said) = (Published::new(slew), AtomicI64::new(start.0));
        EngineClock { slew: Mutex::new(slew), published, said, origin }
    }

    /// Engine time now. Never goes back.
    pub fn now(&self) -> EngineTime {
        self.now_and_micros().0
    }

    /// Engine time, and the microseconds of the monotonic clock since the start, from one look at it.
    pub fn now_and_micros(&self) -> (EngineTime, u64) {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        (self.at(i64::try_from(micros).unwrap_or(i64::MAX), wall_us), micros)
    }

    /// Engine time at a moment of the monotonic clock.
    fn at(&self, mono_us: i64, wall_us: impl FnOnce() -> i64) -> EngineTime {
        let soon = self.published.load().and_then(|slew| slew.soon(mono_us));
        self.say(soon.unwrap_or_else(|| self.look(mono_us, wall_us)))
    }

    /// Looks at the wall, unless another thread has just done so.
    fn look(&self, mono_us: i64, wall_us: impl FnOnce() -> i64) -> EngineTime {
        let mut slew = self.slew.lock();
        slew.soon(mono_us).unwrap_or_else(|| {
            let now = slew.advance(mono_us, wall_us());
            self.published.store(*slew);
            now
        })
    }

    fn say(&self, now: EngineTime) -> EngineTime {
        // It is read far more often than it grows.
        let said = self.said.load(Ordering::Relaxed);
        if now.0 <= said {
            return EngineTime(said);
        }
        EngineTime(self.said.fetch_max(now.0, Ordering::Relaxed).max(now.0))
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
    }

    #[test]
    fn nobody_is_told_less_than_what_was_said_although_clocks_of_two_processors_may_differ() {
        let clock = EngineClock::with(EngineTime(5), origin());
        assert_eq!(clock.at(3 * LOOK_US, || 0), EngineTime(7));
        assert_eq!(clock.at(4 * LOOK_US - 1, || panic!("it is too soon for a look")), EngineTime(8));
        assert_eq!(clock.at(3 * LOOK_US, || panic!("it is too soon for a look")), EngineTime(8));
        assert_eq!(clock.at(0, || panic!("it is too soon for a look")), EngineTime(8));
    }

    #[test]
    fn threads_that_ask_while_others_look_are_never_told_less_than_before() {
        let (clock, moment) = (EngineClock::with(EngineTime(0), origin()), AtomicI64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut last = EngineTime(0);
                    for _ in 0..20_000 {
                        let mono = moment.fetch_add(113, Ordering::Relaxed);
                        let now = clock.at(mono, || mono + SECOND);
                        let latest = moment.load(Ordering::Relaxed) * 21 / 20_000;
                        assert!(now >= last && now.0 <= latest, "{now} at {mono}");
                        last = now;
                    }
                });
            }
        });
    }

    #[allow(clippy::disallowed_methods, reason = "only the clock's own functions look at it")]
    fn origin() -> Instant {
        Instant::now()
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
