//! The memory budget: bytes that peers may make the broker hold, counted before they are read (R19).
//!
//! Apart because every driver draws on the same one. A permit is a promise of memory, not memory: what was announced
//! is reserved, what arrives is allocated. Whoever finds the budget empty waits in order and stops reading its
//! socket, which is the backpressure that reaches the peer.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// A budget of bytes.
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    total_bytes: u64,
}

#[derive(Debug)]
struct State {
    free_bytes: u64,
    waiting: VecDeque<Waker>,
}

/// Bytes taken from a budget; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// A budget of `total_bytes`.
    #[must_use]
    pub fn new(total_bytes: u64) -> Arc<Budget> {
        Arc::new(Budget {
            state: Mutex::new(State { free_bytes: total_bytes, waiting: VecDeque::new() }),
            total_bytes,
        })
    }

    /// Takes bytes, or registers `waker` to be woken when some have been given back. More than the whole budget is
    /// taken as the whole budget, so that it can be granted at all.
    pub fn reserve(self: &Arc<Self>, bytes: u64, waker: Option<&Waker>) -> Option<Permit> {
        let bytes = bytes.min(self.total_bytes);
        let mut state = self.state.lock();
        if state.free_bytes >= bytes {
            state.free_bytes -= bytes;
            return Some(Permit { budget: self.clone(), bytes });
        }
        if let Some(waker) = waker
            && !state.waiting.iter().any(|waiting| waiting.will_wake(waker))
        {
            state.waiting.push_back(waker.clone());
        }
        None
    }

    /// Bytes not taken.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.state.lock().free_bytes
    }

    fn give_back(&self, bytes: u64) {
        let waiting = {
            let mut state = self.state.lock();
            state.free_bytes += bytes;
            assert!(state.free_bytes <= self.total_bytes, "a permit was given back twice");
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Permit {
    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Joins another permit of the same budget to this one.
    pub fn merge(&mut self, mut other: Permit) {
        assert!(Arc::ptr_eq(&self.budget, &other.budget), "permits of one budget");
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives part of it back.
    pub fn release(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.give_back(bytes);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.give_back(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn waiting_is_woken_when_bytes_come_back() {
        let budget = Budget::new(100);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut first = budget.reserve(80, None).expect("fits");
        assert!(budget.reserve(30, Some(&waker)).is_none());
        first.release(5);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(budget.reserve(30, Some(&waker)).is_none());
        drop(first);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[test]
    fn more_than_everything_is_everything() {
        let budget = Budget::new(100);
        let permit = budget.reserve(1000, None).expect("granted when all is free");
        assert_eq!(permit.bytes(), 100);
    }
}
