//! The machine's monotonic clock, for patience and for the times in a summary.
//!
//! Apart so that the one place of the project's tasks that reads a clock is named.

use std::time::Instant;

/// Now, by the monotonic clock.
#[allow(clippy::disallowed_methods, reason = "tasks wait for real processes; nothing here is simulated")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
