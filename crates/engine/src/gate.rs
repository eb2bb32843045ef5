//! The durability gate: replies and catalog changes wait here for their frame (R10).
//!
//! Apart because it is the promise of the whole system in one place: what says "stored" leaves only after the disk
//! said so. Each reply waits for the position it names and for no other.

use crate::catalog::Catalog;
use millstream_core::{CatalogChange, Reply};
use millstream_types::{ErrorKind, WalPosition, planted};
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
}

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Frames that start before this position are durable.
    durable: WalPosition,
    waiting: Vec<(WalPosition, Waiting)>,
    /// Storage has failed: nothing becomes durable any more.
    failed: bool,
}

impl Gate {
    pub(crate) fn new(durable: WalPosition) -> Gate {
        Gate { state: Mutex::new(State { durable, ..State::default() }) }
    }

    /// Adds what a turn brought; what need not wait stays in `waiting` (in order), for the caller to let go.
    pub(crate) fn add(&self, waiting: &mut Vec<(WalPosition, Waiting)>) {
        let mut state = self.state.lock();
        let durable = state.durable;
        if state.failed {
            waiting.retain(|(after, waiting)| *after < durable || matches!(waiting, Waiting::Reply(_)));
            waiting.iter_mut().filter(|(after, _)| *after >= durable).for_each(make_indeterminate);
        } else {
            let early = planted!(GateOneFrameEarly);
            let waits = |after: WalPosition| after > durable || (after == durable && !early);
            state.waiting.extend(waiting.extract_if(.., |(after, _)| waits(*after)));
        }
    }

    /// Storage has failed: takes everything that waits, as replies that leave open what happened.
    pub(crate) fn fail(&self) -> Vec<(WalPosition, Waiting)> {
        let mut state = self.state.lock();
        state.failed = true;
        let mut waiting = std::mem::take(&mut state.waiting);
        waiting.retain(|(_, waiting)| matches!(waiting, Waiting::Reply(_)));
        waiting.iter_mut().for_each(make_indeterminate);
        waiting
    }

    /// Everything before `durable` is on the disk: takes what waited for it, in order.
    pub(crate) fn open(&self, durable: WalPosition) -> Vec<(WalPosition, Waiting)> {
        let mut state = self.state.lock();
        assert!(durable >= state.durable, "what is durable stays durable");
        state.durable = durable;
        if state.waiting.iter().all(|(after, _)| *after < durable) {
            return std::mem::take(&mut state.waiting);
        }
        state.waiting.extract_if(.., |(after, _)| *after < durable).collect()
    }
}

/// Whether the frame survives is open, and no reply may say otherwise.
fn make_indeterminate((_, waiting): &mut (WalPosition, Waiting)) {
    if let Waiting::Reply(addressed) = waiting {
        addressed.reply = Reply::Refused(ErrorKind::Indeterminate);
    }
}

/// Lets things go: catalog changes are published, neighbouring replies of one connection are delivered together.
pub(crate) fn let_go(waiting: impl Iterator<Item = Waiting>, catalog: &Catalog) {
    let mut waiting = waiting.peekable();
    while let Some(first) = waiting.next() {
        match first {
            Waiting::Catalog(change) => catalog.publish(&change),
            Waiting::Reply(Addressed { sink, tag, reply }) => {
                let same = |next: &Waiting| match next {
                    Waiting::Reply(next) => Arc::ptr_eq(&next.sink, &sink),
                    Waiting::Catalog(_) => false,
                };
                let rest = std::iter::from_fn(|| match waiting.next_if(same)? {
                    Waiting::Reply(next) => Some((next.tag, next.reply)),
                    Waiting::Catalog(_) => None,
                });
                sink.deliver(&mut std::iter::once((tag, reply)).chain(rest));
            }
        }
    }
}
