//! Watermarks: the end of a partition never moves back, its start only when asked.
//!
//! Apart because both are judged in real time: what an answer says is measured against what was known before the
//! question.

use super::{Anomalies, Anomaly, describe};
use crate::history::Event;

/// What an answer must reach.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Floor {
    low: i64,
    high: i64,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    /// The highest offset acknowledged; -1 for none.
    acked: i64,
    /// The furthest end seen: by acknowledgements, reads and answers.
    high: i64,
    /// The furthest start seen.
    low: i64,
    /// The furthest start asked for; `i64::MAX` for "up to the end".
    asked: i64,
}

impl Default for Partition {
    fn default() -> Self {
        Self { acked: -1, high: 0, low: 0, asked: 0 }
    }
}

#[derive(Debug, Default)]
pub(super) struct Bounds(Vec<Partition>);

impl Bounds {
    fn at(&mut self, partition: u32) -> &mut Partition {
        let at = partition as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, Partition::default());
        }
        &mut self.0[at]
    }

    pub(super) fn acked_max(&mut self, partition: u32) -> i64 {
        self.at(partition).acked
    }

    pub(super) fn trim_max(&mut self, partition: u32) -> i64 {
        self.at(partition).asked
    }

    pub(super) fn floor(&mut self, partition: u32) -> Floor {
        let known = self.at(partition);
        Floor { low: known.low, high: known.high }
    }

    pub(super) fn acked(&mut self, partition: u32, last: i64) {
        let known = self.at(partition);
        known.acked = known.acked.max(last);
        known.high = known.high.max(last + 1);
    }

    pub(super) fn read(&mut self, partition: u32, end: i64) {
        let known = self.at(partition);
        known.high = known.high.max(end);
    }

    /// A trim is asked; -1 means the end.
    pub(super) fn trim_asked(&mut self, partition: u32, offset: i64) {
        let known = self.at(partition);
        known.asked = known.asked.max(if offset < 0 { i64::MAX } else { offset });
    }

    pub(super) fn trimmed(&mut self, event: &Event, partition: u32, anomalies: &mut Anomalies) {
        let known = self.at(partition);
        let low = event.low.unwrap_or(-1);
        if low < 0 || event.offset.is_some_and(|asked| low < asked) {
            anomalies.add(Anomaly::WatermarkBack, || describe(event));
        }
        if low > known.asked {
            anomalies.add(Anomaly::TrimUnasked, || describe(event));
        }
        known.low = known.low.max(low);
    }

    /// Judges an answer; gives its bounds if it has any.
    pub(super) fn seen(
        &mut self,
        event: &Event,
        partition: u32,
        floor: Floor,
        anomalies: &mut Anomalies,
    ) -> Option<(i64, i64)> {
        let known = self.at(partition);
        if let Some(low) = event.low {
            if low < floor.low {
                anomalies.add(Anomaly::WatermarkBack, || {
                    format!("{}; the start was {} before", describe(event), floor.low)
                });
            }
            if low > known.asked {
                anomalies
                    .add(Anomaly::TrimUnasked, || format!("{}; asked was {}", describe(event), known.asked));
            }
            known.low = known.low.max(low);
        }
        if let Some(high) = event.high {
            if high < floor.high {
                anomalies.add(Anomaly::WatermarkBack, || {
                    format!("{}; the end was {} before", describe(event), floor.high)
                });
            }
            known.high = known.high.max(high);
        }
        match (event.low, event.high) {
            (None, None) => None,
            (low, high) => Some((low.unwrap_or(floor.low), high.unwrap_or(floor.high))),
        }
    }
}
