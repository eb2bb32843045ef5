//! Recovery, seen from the engine: what storage reads, core folds.
//!
//! Apart because it is the only place where the two meet at start.

use millstream_core::{Restore, Shard};
use millstream_storage::{OpenError, Replay, ReplayError, ReplayedFrame};
use millstream_types::{EngineTime, WalPosition};

/// Hands images and frames to the core.
pub(crate) struct Replayer {
    pub(crate) restore: Restore,
}

impl Replayer {
    /// The shard as it was, ready to go on at `now`; `next` is the position of its next frame.
    pub(crate) fn finish(self, now: EngineTime, next: WalPosition) -> Result<Shard, OpenError> {
        self.restore
            .finish(now)
            .map_err(|error| OpenError::Replay { position: next, reason: ReplayError(error.to_string()) })
    }
}

impl Replay for Replayer {
    fn image(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), ReplayError> {
        self.restore.image(stamp, image).map_err(|error| ReplayError(error.to_string()))
    }

    fn frame(&mut self, frame: ReplayedFrame<'_>) -> Result<(), ReplayError> {
        self.restore
            .frame(frame.start, frame.entries, frame.facts)
            .map_err(|error| ReplayError(error.to_string()))
    }
}
