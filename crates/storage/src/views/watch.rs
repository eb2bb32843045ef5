//! Who waits for a log to move.
//!
//! Apart because of its one subtle rule: a waiter registers first and reads afterwards, the publisher moves the
//! mark first and looks for waiters afterwards. Both sides use sequentially consistent operations, so that one of
//! them always sees the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

/// Wakers of one log.
#[derive(Default)]
pub(super) struct Watchers {
    count: AtomicUsize,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    next_key: u64,
    wakers: Vec<(u64, Waker)>,
}

impl Watchers {
    pub(super) fn register(self: &Arc<Self>, waker: &Waker) -> Watch {
        let mut list = self.list.lock();
        let key = list.next_key;
        list.next_key += 1;
        list.wakers.push((key, waker.clone()));
        self.count.store(list.wakers.len(), Ordering::SeqCst);
        Watch { watchers: Arc::clone(self), key }
    }

    /// Whether anybody waits; cheap.
    pub(super) fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Wakes all and forgets them.
    pub(super) fn wake(&self) {
        let wakers = {
            let mut list = self.list.lock();
            self.count.store(0, Ordering::SeqCst);
            std::mem::take(&mut list.wakers)
        };
        for (_, waker) in wakers {
            waker.wake();
        }
    }
}

/// A registered waker. It is woken at most once; dropping this unregisters it.
pub struct Watch {
    watchers: Arc<Watchers>,
    key: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut list = self.watchers.list.lock();
        if let Some(at) = list.wakers.iter().position(|(key, _)| *key == self.key) {
            list.wakers.swap_remove(at);
            self.watchers.count.store(list.wakers.len(), Ordering::SeqCst);
        }
    }
}
