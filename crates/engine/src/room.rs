//! Whoever waits for room, on the disk or in the memory of ephemeral logs, and is woken when there is some.
//!
//! Apart because those who wait are sessions, who must not ask again and again, and those who know are the keeper's thread and
//! whoever sits in the shard's seat.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

/// What ephemeral logs hold (R18), as the last turn left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EphemeralMemory {
    /// Bytes that they hold, counted as the shard counts them.
    pub bytes: u64,
    /// Bytes that they may hold.
    pub bytes_max: u64,
    /// An append was refused because they hold so much, and not enough was let go of since.
    pub is_full: bool,
}

/// The same for all threads to see.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    bytes: AtomicU64,
    bytes_max: AtomicU64,
    is_full: AtomicBool,
}

impl SharedMemory {
    /// Shows what a turn has left. Returns whether memory was full and is not any more.
    pub(crate) fn show(&self, memory: EphemeralMemory) -> bool {
        self.bytes.store(memory.bytes, Ordering::Relaxed);
        self.bytes_max.store(memory.bytes_max, Ordering::Relaxed);
        self.is_full.swap(memory.is_full, Ordering::SeqCst) && !memory.is_full
    }

    pub(crate) fn load(&self) -> EphemeralMemory {
        EphemeralMemory {
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_max: self.bytes_max.load(Ordering::Relaxed),
            is_full: self.is_full.load(Ordering::SeqCst),
        }
    }
}

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
