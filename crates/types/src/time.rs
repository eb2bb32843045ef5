//! Time as a value: what the engine calls now, and what a record says of itself.
//!
//! Apart because the two must never be compared by accident: engine time is ours, monotonic and slewed (R11);
//! a record's timestamp comes from a producer and may say anything.

use core::fmt;

/// Engine time in milliseconds since 1970 UTC. Starts at wall time, advances by the monotonic clock, is slewed to
/// the wall by at most 5 % and never steps (R11). Deadlines, delays and retention use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct EngineTime(pub i64);

impl EngineTime {
    /// The moment `millis` later; saturates at the end of time, so that "never" needs no special case.
    #[must_use]
    pub fn after_ms(self, millis: u64) -> EngineTime {
        EngineTime(self.0.saturating_add_unsigned(millis))
    }

    /// Milliseconds from `earlier` to `self`, 0 if `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: EngineTime) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl fmt::Display for EngineTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record's timestamp in milliseconds since 1970 UTC, as its producer set it; −1 means none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordTime(pub i64);

impl RecordTime {
    /// What a record without a timestamp carries.
    pub const NONE: RecordTime = RecordTime(-1);
}
