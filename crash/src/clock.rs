//! The machine's monotonic clock, as every process of a run reads it.
//!
//! Apart so that the one place of the crash test that reads a clock is named.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment that all processes of this machine share.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at the machine's start, so neither part is negative.
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// Milliseconds since the epoch, for record timestamps.
pub fn wall_ms() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
