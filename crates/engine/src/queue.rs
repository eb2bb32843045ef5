//! The queue of requests to the shard, and what wakes the shard's thread.
//!
//! Apart because every session pushes to it. A push is a lock and a move. It is bounded by what its pushers may have
//! under way (the memory budget of `front`), so that a push never fails for lack of room and never waits.

use crate::gate::{Addressed, ReplySink};
use millstream_core::{Reply, Request};
use millstream_types::{Chain, ErrorKind};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// One request on its way to the shard.
pub struct Submission {
    /// Where the reply goes.
    pub sink: Arc<dyn ReplySink>,
    /// What the sink knows the request by.
    pub tag: u64,
    /// The request.
    pub request: Request,
    /// What it hangs on if it must not be stored before others.
    pub chain: Option<Chain>,
}

impl Submission {
    /// The answer to a request that was never decided, because the engine stops.
    pub(crate) fn refuse(self) -> Addressed {
        let Submission { sink, tag, .. } = self;
        Addressed { sink, tag, reply: Reply::Refused(ErrorKind::ShuttingDown) }
    }
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submission")
            .field("tag", &self.tag)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// Requests that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Submission>,
    closed: bool,
}

impl Queue {
    /// Adds requests; gives them back when the queue is closed.
    pub(crate) fn push(&self, submissions: impl Iterator<Item = Submission>) -> Result<(), Vec<Submission>> {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return Err(submissions.collect());
        }
        state.waiting.extend(submissions);
        Ok(())
    }

    /// Moves everything to the end of `taken`.
    pub(crate) fn take(&self, taken: &mut VecDeque<Submission>) {
        taken.append(&mut self.state.lock().waiting);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Takes no more requests.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Whether nothing is left and nothing will come.
    pub(crate) fn has_ended(&self) -> bool {
        let state = self.state.lock();
        state.closed && state.waiting.is_empty()
    }
}

/// Wakes the shard's thread.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    moved: Condvar,
}

impl Bell {
    /// There is something that only the shard's thread does.
    pub(crate) fn ring(&self) {
        *self.rung.lock() = true;
        self.moved.notify_one();
    }

    /// Waits until rung, at most for `timeout`.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let mut rung = self.rung.lock();
        if !*rung {
            match timeout {
                None => self.moved.wait_while(&mut rung, |rung| !*rung),
                Some(timeout) => {
                    self.moved.wait_for(&mut rung, timeout);
                }
            }
        }
        *rung = false;
    }
}
