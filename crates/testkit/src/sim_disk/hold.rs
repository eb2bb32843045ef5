//! A read that takes as long as the test likes (F7).
//!
//! Apart because it needs a second thread, and because that must not cost repeatability: while the read is held its
//! thread does nothing, and when it is let go whoever held it waits for its end.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

use super::SimDisk;

/// Holds one read of a file.
#[derive(Default)]
pub struct Hold {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    has_stopped: bool,
    let_go: bool,
    /// Whoever was to read has ended without coming here.
    has_ended: bool,
}

impl SimDisk {
    /// The next `read_at` of any file stops before it does anything, until [`Hold::let_go`].
    #[must_use]
    pub fn hold_next_read(&self) -> Arc<Hold> {
        let hold = Arc::<Hold>::default();
        self.state.lock().hold = Some(Arc::clone(&hold));
        hold
    }

    /// No read is held any more that has not stopped yet.
    pub fn hold_no_read(&self) {
        self.state.lock().hold = None;
    }
}

impl Hold {
    /// Called by the disk.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        state.has_stopped = true;
        self.moved.notify_all();
        while !state.let_go {
            self.moved.wait(&mut state);
        }
    }

    /// Called by the reading thread at its end, whether it was held or not.
    pub fn end(&self) {
        self.state.lock().has_ended = true;
        self.moved.notify_all();
    }

    /// Waits until the read is held, or has ended without a read of the disk. True when it is held.
    #[must_use]
    pub fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while !state.has_stopped && !state.has_ended {
            self.moved.wait(&mut state);
        }
        state.has_stopped
    }

    /// The read goes on.
    pub fn let_go(&self) {
        self.state.lock().let_go = true;
        self.moved.notify_all();
    }
}
