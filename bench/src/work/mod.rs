//! The works: what a broker is driven with, one file each.
//!
//! Apart from the plan because a work knows nothing of brokers, rounds or tables: an address goes in, counts and
//! latencies come out.

mod consume;
mod latency;
mod produce;

pub(crate) use consume::{Consume, consume};
pub(crate) use latency::{EndToEnd, Latency, latency};
pub(crate) use produce::{Produce, Until, produce};

use std::time::Duration;

/// What a work moved.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Records that were acknowledged or received.
    pub(crate) records: u64,
    /// Bytes of their batches.
    pub(crate) bytes: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}
