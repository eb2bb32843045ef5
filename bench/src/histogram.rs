//! Latencies, collected cheaply and read as percentiles.
//!
//! Apart so that units are chosen once: recorded in ns, at three significant digits, read in ms.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency told apart: a minute.
const NS_MAX: u64 = 60_000_000_000;

/// A collection of latencies.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// An empty collection.
    pub(crate) fn new() -> Latencies {
        Latencies(Histogram::new_with_max(NS_MAX, 3).expect("three digits up to a minute are a histogram"))
    }

    /// Adds one.
    pub(crate) fn record(&mut self, latency: Duration) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(NS_MAX);
        self.0.saturating_record(ns);
    }

    /// How many were recorded.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency below which `percent` of all stayed, in ms.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1e6
    }
}
