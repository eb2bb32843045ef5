//! What the lane counts of itself: how long syncs take, and how much goes together.
//!
//! Apart because it is counted by one thread and read by others at any time, and because storage reads no clock of its own:
//! whoever opens it gives one ([`crate::Options::micros`]).

use millstream_types::Histogram;
use millstream_types::histogram::Counted;

/// The lane's counts, in the making.
#[derive(Default)]
pub(crate) struct LaneMeters {
    pub(super) sync_micros: Histogram,
    pub(super) group_frames: Histogram,
    pub(super) group_bytes: Histogram,
}

/// What the lane has counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LaneCounts {
    /// How long it took to make a group durable, in microseconds. With interval durability, syncs between groups.
    pub sync_micros: Counted,
    /// Frames that were written and made durable together.
    pub group_frames: Counted,
    /// Bytes of such groups.
    pub group_bytes: Counted,
}

impl LaneMeters {
    /// As it is now.
    pub(crate) fn counts(&self) -> LaneCounts {
        LaneCounts {
            sync_micros: self.sync_micros.counted(),
            group_frames: self.group_frames.counted(),
            group_bytes: self.group_bytes.counted(),
        }
    }
}
