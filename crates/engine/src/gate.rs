//! The durability gate: replies, catalog changes and what was appended in memory wait here for their frame (R10).
//!
//! Apart because it is the promise of the whole system in one place: what says "stored" leaves only after the disk
//! said so. Each reply waits for the position it names and for no other.
//!
//! What sessions see for themselves is published under the gate's lock, in the order in which it was decided, whichever of the
//! shard's and the lane's thread finds that its time has come. Replies are delivered afterwards.

use crate::catalog::Catalog;
use millstream_core::{CatalogChange, Reply};
use millstream_storage::LogView;
use millstream_types::{ErrorKind, Offset, WalPosition, planted};
use parking_lot::Mutex;
use std::sync::Arc;

/// Takes replies, for one connection. Called from the shard's and the lane's thread: it must return quickly.
pub trait ReplySink: Send + Sync {
    /// Takes some replies, in order.
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>);
}

/// A reply with its address.
pub(crate) struct Addressed {
    pub(crate) sink: Arc<dyn ReplySink>,
    pub(crate) tag: u64,
    pub(crate) reply: Reply,
}

/// Something that waits.
pub(crate) enum Waiting {
    Reply(Addressed),
    Catalog(CatalogChange),
    /// What is in memory of a log can be read up to this offset.
    Show(Arc<LogView>, Offset),
}

/// What is free to leave: what sessions see of it they see already.
#[derive(Default)]
pub(crate) struct Released {
    replies: Vec<(WalPosition, Addressed)>,
    /// Logs that somebody watches.
    watched: Vec<Arc<LogView>>,
}

impl Released {
    /// A log has changed that may be watched.
    fn touch(&mut self, view: &Arc<LogView>) {
        if view.is_watched() && !self.watched.iter().any(|known| Arc::ptr_eq(known, view)) {
            self.watched.push(Arc::clone(view));
        }
    }

    fn publish(&mut self, (after, waiting): (WalPosition, Waiting), catalog: &Catalog) {
        match waiting {
            Waiting::Reply(addressed) => self.replies.push((after, addressed)),
            Waiting::Catalog(change) => catalog.publish(&change),
            Waiting::Show(view, to) => {
                view.show(to);
                self.touch(&view);
            }
        }
    }

    /// Wakes who watches and delivers the replies, neighbouring ones of one connection together. Not under any lock.
    pub(crate) fn let_go(self) {
        for view in self.watched {
            view.wake_watchers();
        }
        let_go(self.replies.into_iter().map(|(_, addressed)| addressed));
    }
}

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Frames that start before this position are durable.
    durable: WalPosition,
    /// What sessions will see for themselves. Seldom anything.
    unseen: Vec<(WalPosition, Waiting)>,
    replies: Vec<(WalPosition, Addressed)>,
    /// Storage has failed: nothing becomes durable any more.
    failed: bool,
}

impl Gate {
    pub(crate) fn new(durable: WalPosition) -> Gate {
        Gate { state: Mutex::new(State { durable, ..State::default() }) }
    }

    /// Takes what a turn brought: what need not wait is published, and is in `released` afterwards.
    pub(crate) fn add(
        &self,
        waiting: &mut Vec<(WalPosition, Waiting)>,
        catalog: &Catalog,
        released: &mut Released,
    ) {
        let mut state = self.state.lock();
        let durable = state.durable;
        let early = planted!(GateOneFrameEarly);
        for (after, waiting) in waiting.drain(..) {
            let waits = after > durable || (after == durable && !early);
            match (waits, state.failed, waiting) {
                (false, _, waiting) => released.publish((after, waiting), catalog),
                (true, false, Waiting::Reply(addressed)) => state.replies.push((after, addressed)),
                (true, false, unseen) => state.unseen.push((after, unseen)),
                (true, true, Waiting::Reply(addressed)) => {
                    released.replies.push((after, indeterminate(addressed)));
                }
                // What is not durable is never shown.
                (true, true, Waiting::Catalog(_) | Waiting::Show(..)) => {}
            }
        }
    }

    /// Storage has failed: takes everything that waits, as replies that leave open what happened.
    pub(crate) fn fail(&self) -> Released {
        let mut state = self.state.lock();
        state.failed = true;
        state.unseen.clear();
        let waiting = std::mem::take(&mut state.replies).into_iter();
        let replies = waiting.map(|(after, addressed)| (after, indeterminate(addressed))).collect();
        Released { replies, ..Released::default() }
    }

    /// Everything before `durable` is on the disk: publishes what waited for it, in order.
    pub(crate) fn open(&self, durable: WalPosition, catalog: &Catalog) -> Released {
        let mut state = self.state.lock();
        assert!(durable >= state.durable, "what is durable stays durable");
        state.durable = durable;
        let mut released = Released::default();
        let seen = state.unseen.extract_if(.., |(after, _)| *after < durable);
        seen.for_each(|waiting| released.publish(waiting, catalog));
        released.replies = if state.replies.iter().all(|(after, _)| *after < durable) {
            std::mem::take(&mut state.replies)
        } else {
            state.replies.extract_if(.., |(after, _)| *after < durable).collect()
        };
        released
    }
}

/// Whether the frame survives is open, and no reply may say otherwise.
fn indeterminate(addressed: Addressed) -> Addressed {
    Addressed { reply: Reply::Refused(ErrorKind::Indeterminate), ..addressed }
}

/// Delivers replies, neighbouring ones of one connection together.
pub(crate) fn let_go(replies: impl IntoIterator<Item = Addressed>) {
    let mut replies = replies.into_iter().peekable();
    while let Some(Addressed { sink, tag, reply }) = replies.next() {
        let rest = std::iter::from_fn(|| {
            replies.next_if(|next| Arc::ptr_eq(&next.sink, &sink)).map(|next| (next.tag, next.reply))
        });
        sink.deliver(&mut std::iter::once((tag, reply)).chain(rest));
    }
}
