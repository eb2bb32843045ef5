//! Which frames a log's newest records came with.
//!
//! Apart because a delivery that does not wait for its own frame (a connection's) still waits for its records' (R10), and
//! only for theirs: under load there is always a newer frame that is not durable yet.

use alloc::collections::VecDeque;
use millstream_types::{Offset, WalPosition};

/// Frames that are told apart: more than are ever written and not durable.
const FRAMES_MAX: usize = 256;

/// Ends of frames' records, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    frames: VecDeque<(Offset, WalPosition)>,
}

impl Tail {
    /// Records up to `end` came with the frame at `position`.
    pub(crate) fn add(&mut self, end: Offset, position: WalPosition) {
        if let Some((last, at)) = self.frames.back_mut()
            && *at == position
        {
            *last = end;
            return;
        }
        if self.frames.len() == FRAMES_MAX {
            self.frames.pop_front();
        }
        self.frames.push_back((end, position));
    }

    /// The frame that a record came with, or a later one.
    pub(crate) fn position(&self, offset: Offset) -> WalPosition {
        let after = self.frames.partition_point(|(end, _)| *end <= offset);
        // The oldest one answers for those that were dropped as well: it is later than they. What came before this
        // process is durable.
        self.frames.get(after).map_or(WalPosition::ZERO, |(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_waits_for_its_own_frame_and_for_no_later_one() {
        let mut tail = Tail::default();
        assert_eq!(tail.position(Offset(0)), WalPosition::ZERO);
        for frame in 0..1_000 {
            tail.add(Offset(frame * 10 + 10), WalPosition(frame * 100 + 16));
        }
        assert_eq!(tail.position(Offset(9_995)), WalPosition(999 * 100 + 16));
        assert_eq!(tail.position(Offset(9_989)), WalPosition(998 * 100 + 16));
        assert!(tail.position(Offset(0)) >= WalPosition(16), "never sooner than its own");
    }
}
