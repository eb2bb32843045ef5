//! The machine's clock, as the bench reads it.
//!
//! Apart because everywhere else in the project time is an argument: here it is what is measured.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, by the monotonic clock.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now, by the wall clock, in ms since 1970: what producers write into their batches.
#[allow(clippy::disallowed_methods, reason = "records carry the time at which they were made")]
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the machine's clock is past 1970");
    i64::try_from(since.as_millis()).expect("the machine's clock is before the end of 64 bits")
}
