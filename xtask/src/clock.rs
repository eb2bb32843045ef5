//! The machine's clocks: the monotonic one for patience and summaries, the wall clock for the age of test records.
//!
//! Apart so that the one place of the project's tasks that reads a clock is named.

use std::time::{Instant, SystemTime};

/// Now, by the monotonic clock.
#[allow(clippy::disallowed_methods, reason = "tasks wait for real processes; nothing here is simulated")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since the epoch, by the wall clock.
#[allow(clippy::disallowed_methods, reason = "records of a test must not be older than a broker's retention")]
pub(crate) fn wall_ms() -> anyhow::Result<i64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis().try_into()?)
}
