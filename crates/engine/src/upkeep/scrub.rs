//! When what is stored is read only to see whether it still can be.
//!
//! Apart because it has a calendar and a pace of its own, far slower than everything else here: a round over a large
//! directory takes hours, and begins long after the last one.

use super::stats::UpkeepStats;
use super::{Next, pause};
use crate::options::UpkeepOptions;
use millstream_storage::{ScrubProgress, Scrubber};
use millstream_types::EngineTime;
use std::sync::Arc;

/// Rounds of the scrubber.
pub(super) struct Scrub {
    scrubber: Scrubber,
    due: EngineTime,
    stats: Arc<UpkeepStats>,
}

impl Scrub {
    pub(super) fn new(
        scrubber: Scrubber,
        now: EngineTime,
        options: &UpkeepOptions,
        stats: Arc<UpkeepStats>,
    ) -> Scrub {
        Scrub { scrubber, due: now.after_ms(options.scrub_first_ms), stats }
    }

    /// When the next step may be made.
    pub(super) fn due(&self) -> EngineTime {
        self.due
    }

    /// A step; between two rounds there is a pause of days.
    pub(super) fn step(&mut self, now: EngineTime, options: &UpkeepOptions) -> Next {
        let bytes = match self.scrubber.step(options.step_bytes) {
            ScrubProgress::Working { bytes } => bytes,
            ScrubProgress::RoundDone { bytes } => {
                self.due = now.after_ms(options.scrub_interval_ms);
                bytes
            }
        };
        self.stats.scrubbed(self.scrubber.stats());
        Next::More { pause: pause(bytes, options.scrub_bytes_per_second) }
    }
}
