//! The queue of requests to the shard.
//!
//! Apart because every session pushes to it and one thread drains it: a push is a lock, a move and at most one wake.
//! It is bounded by what its pushers may have under way (the memory budget of `front`, where every request costs at
//! least 512 bytes), so that a push never fails and never waits.

use crate::gate::{Addressed, ReplySink, Waiting};
use millstream_core::{Reply, Request};
use millstream_types::ErrorKind;
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
}

impl Submission {
    /// The answer to a request that was never decided, because the engine stops.
    pub(crate) fn refuse(self) -> Waiting {
        let Submission { sink, tag, .. } = self;
        Waiting::Reply(Addressed { sink, tag, reply: Reply::Refused(ErrorKind::ShuttingDown) })
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

#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Submission>,
    /// Something else than a request wants the shard's attention.
    nudged: bool,
    closed: bool,
    /// The shard is asleep: a push has to wake it.
    asleep: bool,
    /// The shard holds requests for which there was no room.
    held: bool,
}

/// What [`Queue::wait`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// There may be something to do.
    Work,
    /// No request is waiting and none will come.
    Closed,
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
        if !state.held && std::mem::take(&mut state.asleep) {
            self.moved.notify_one();
        }
        Ok(())
    }

    /// Wakes the shard: the lane or the keeper has made room.
    pub(crate) fn nudge(&self) {
        let mut state = self.state.lock();
        state.nudged = true;
        if std::mem::take(&mut state.asleep) {
            self.moved.notify_one();
        }
    }

    /// Wakes the shard if it waits for room: the lane has written something.
    pub(crate) fn nudge_if_held(&self) {
        let mut state = self.state.lock();
        if state.held {
            state.nudged = true;
            if std::mem::take(&mut state.asleep) {
                self.moved.notify_one();
            }
        }
    }

    /// Takes no more requests.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.nudge();
    }

    /// Waits for something to do, at most for `timeout`, and moves the waiting requests to the end of `taken`. When the
    /// caller still holds requests that it could not apply (`held`), new requests alone do not wake it.
    pub(crate) fn wait(
        &self,
        taken: &mut VecDeque<Submission>,
        held: bool,
        timeout: Option<Duration>,
    ) -> Woken {
        let mut state = self.state.lock();
        state.held = held;
        let ready = |state: &State| state.nudged || state.closed || (!held && !state.waiting.is_empty());
        if !ready(&state) {
            state.asleep = true;
            match timeout {
                None => self.moved.wait_while(&mut state, |state| !ready(state)),
                Some(timeout) => {
                    self.moved.wait_for(&mut state, timeout);
                }
            }
            state.asleep = false;
        }
        state.nudged = false;
        if !held {
            taken.append(&mut state.waiting);
        }
        if state.closed && taken.is_empty() { Woken::Closed } else { Woken::Work }
    }
}
