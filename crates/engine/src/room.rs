//! Whoever waits for room on the disk, and is woken when there is some.
//!
//! Apart because those who wait are sessions, who must not ask again and again, and the one who knows is the keeper's thread.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::task::Waker;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Room {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Room {
    /// Registers a waker; the number ends that again.
    pub(crate) fn add(&self, waker: &Waker) -> u64 {
        let mut state = self.state.lock();
        state.next += 1;
        let number = state.next;
        state.waiting.insert(number, waker.clone());
        number
    }

    /// Ends a registration, if it was not woken.
    pub(crate) fn remove(&self, number: u64) {
        self.state.lock().waiting.remove(&number);
    }

    /// There is room: wakes everybody, once.
    pub(crate) fn wake_all(&self) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        waiting.into_values().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn who_waits_is_woken_once_and_who_has_left_is_not() {
        let room = Room::default();
        let (stays, leaves) = (Arc::<Count>::default(), Arc::<Count>::default());
        room.add(&Waker::from(stays.clone()));
        let number = room.add(&Waker::from(leaves.clone()));
        room.remove(number);
        room.wake_all();
        room.wake_all();
        assert_eq!((stays.0.load(Ordering::SeqCst), leaves.0.load(Ordering::SeqCst)), (1, 0));
        assert!(room.state.lock().waiting.is_empty());
    }
}
