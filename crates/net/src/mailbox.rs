//! Where everything that happens elsewhere reaches a connection: replies, reads that waited, logs that moved, the end.
//!
//! Apart because other threads run this code, the shard's above all: per delivery it takes one lock, pushes, and
//! wakes at most once. A connection that is awake is not woken again; it takes everything that has come in one go.

use crate::options::EVENTS_KEPT;
use millstream_core::Reply;
use millstream_front::backend::Inbox;
use millstream_front::{Bell, Event, ReadError, ReadSlice, Tag};
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// One connection's mailbox. As a [`Wake`] it is what logs wake when they move.
#[derive(Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    /// The watch that was set and has not fired.
    watch: Option<Tag>,
    /// The bell was rung, and that is among the events.
    rung: bool,
    draining: bool,
    /// The connection's task, while it sleeps.
    sleeper: Option<Waker>,
}

impl Mailbox {
    /// Moves all events into `events`, which must be empty. Returns whether the broker is stopping.
    pub(crate) fn take(&self, events: &mut Vec<Event>) -> bool {
        debug_assert!(events.is_empty(), "events are handled in the round that took them");
        let mut state = self.state.lock();
        std::mem::swap(&mut state.events, events);
        state.rung = false;
        state.draining
    }

    /// Registers the task to be woken by what comes next; `false` when something is here already. `known_draining`
    /// is what the last [`Mailbox::take`] said.
    pub(crate) fn sleep(&self, waker: &Waker, known_draining: bool) -> bool {
        let mut state = self.state.lock();
        if !state.events.is_empty() || state.draining != known_draining {
            return false;
        }
        if state.events.capacity() > EVENTS_KEPT {
            state.events = Vec::new();
        }
        if state.sleeper.as_ref().is_none_or(|sleeper| !sleeper.will_wake(waker)) {
            state.sleeper = Some(waker.clone());
        }
        true
    }

    /// Delivers the outcome of a read that waited for the disk.
    pub(crate) fn read(&self, tag: Tag, outcome: Result<ReadSlice, ReadError>) {
        self.change(|state| state.events.push(Event::Read(tag, outcome)));
    }

    /// Arms the watch: the next wake-up becomes [`Event::Moved`] with this tag. It replaces one that has not fired.
    pub(crate) fn arm(&self, tag: Tag) {
        self.state.lock().watch = Some(tag);
    }

    /// Tells the connection that the broker is stopping.
    pub(crate) fn drain(&self) {
        self.change(|state| state.draining = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let sleeper = {
            let mut state = self.state.lock();
            change(&mut state);
            state.sleeper.take()
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}

impl Inbox for Mailbox {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (Tag, Reply)>) {
        self.change(|state| state.events.extend(replies.map(|(tag, reply)| Event::Reply(tag, reply))));
    }
}

impl Bell for Mailbox {
    fn ring(&self) {
        self.change(|state| {
            if !std::mem::replace(&mut state.rung, true) {
                state.events.push(Event::Rung);
            }
        });
    }
}

impl Wake for Mailbox {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let sleeper = {
            let mut state = self.state.lock();
            let Some(tag) = state.watch.take() else { return };
            state.events.push(Event::Moved(tag));
            state.sleeper.take()
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}
