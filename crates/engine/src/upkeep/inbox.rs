//! Where the upkeep's thread, and the mover's, waits: for replies to its requests, for the lane to move, for the end.
//!
//! Apart because the shard and the lane call it, and neither may wait for these.

use crate::gate::ReplySink;
use millstream_core::Reply;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What has come for the upkeep, or for the mover.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    moved: Condvar,
    /// There is nothing to do until something is written.
    awaits_lane: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    replies: Vec<(u64, Reply)>,
    /// The lane has moved.
    nudged: bool,
    closed: bool,
}

impl Inbox {
    /// The lane has written something. Costs one load, unless the upkeep sleeps until then.
    pub(crate) fn lane_moved(&self) {
        if self.awaits_lane.load(Ordering::SeqCst) {
            self.state.lock().nudged = true;
            self.moved.notify_one();
        }
    }

    /// Ends the upkeep.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.moved.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Waits for a reply, for the end, at most for `timeout`, and if `until_written` for the lane to move from where
    /// `has_moved` compares it to. Returns the replies.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        until_written: bool,
        has_moved: impl Fn() -> bool,
    ) -> Vec<(u64, Reply)> {
        let mut state = self.state.lock();
        // First the word, then the look: the lane moves first and looks for the word afterwards.
        self.awaits_lane.store(until_written, Ordering::SeqCst);
        state.nudged = has_moved();
        let sleeps = |state: &mut State| state.replies.is_empty() && !state.closed && !state.nudged;
        match timeout {
            None => self.moved.wait_while(&mut state, sleeps),
            Some(timeout) => {
                self.moved.wait_while_for(&mut state, sleeps, timeout);
            }
        }
        self.awaits_lane.store(false, Ordering::SeqCst);
        std::mem::take(&mut state.replies)
    }

    /// Sleeps, unless the end comes. Replies that come meanwhile are kept.
    pub(crate) fn pause(&self, pause: Duration) {
        let mut state = self.state.lock();
        self.moved.wait_while_for(&mut state, |state| !state.closed, pause);
    }

    /// The replies that are there.
    pub(crate) fn take(&self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut self.state.lock().replies)
    }
}

impl ReplySink for Inbox {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        self.state.lock().replies.extend(replies);
        self.moved.notify_one();
    }
}
