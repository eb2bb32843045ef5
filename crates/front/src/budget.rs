//! The memory budget: bytes that peers may make the broker hold, counted before they are read (R19).
//!
//! Apart because every driver draws on the same one. A permit is a promise of memory, not memory: what was announced
//! is reserved, what arrives is allocated. Whoever finds the budget empty waits in order and stops reading its
//! socket, which is the backpressure that reaches the peer.
//!
//! What exists already when its size becomes known, an answer above all, is *charged*: it is counted even if the budget
//! goes below zero by it. Nobody is granted anything until that is paid back, so the debt never grows beyond what was
//! being made at one time.

use crate::backend::WatchGuard;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// A budget of bytes.
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    total_bytes: u64,
    /// Nothing is free, as it was when the state was last unlocked: for a look without the lock.
    exhausted: AtomicBool,
    /// Somebody waits, likewise.
    awaited: AtomicBool,
    /// Most of it was taken, and has not been given back since.
    short: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Below zero after more was charged than was free.
    free_bytes: i64,
    waiting: VecDeque<Waker>,
    /// Who waits until it is not short any more.
    relief: BTreeMap<u64, Waker>,
    next_relief: u64,
}

/// A registration of who waits for relief.
struct Relief {
    budget: Arc<Budget>,
    number: u64,
}

impl Drop for Relief {
    fn drop(&mut self) {
        self.budget.state.lock().relief.remove(&self.number);
    }
}

/// Bytes taken from a budget; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// A budget of `total_bytes`.
    ///
    /// # Panics
    /// From 2^62 bytes on, which no machine has.
    #[must_use]
    pub fn new(total_bytes: u64) -> Arc<Budget> {
        assert!(total_bytes < 1 << 62, "a budget is memory of this machine");
        Arc::new(Budget {
            state: Mutex::new(State {
                free_bytes: signed(total_bytes),
                waiting: VecDeque::new(),
                relief: BTreeMap::new(),
                next_relief: 0,
            }),
            total_bytes,
            exhausted: AtomicBool::new(total_bytes == 0),
            awaited: AtomicBool::new(false),
            short: AtomicBool::new(false),
        })
    }

    /// Takes bytes, or registers `waker` to be woken when some have been given back. More than the whole budget is
    /// taken as the whole budget, so that it can be granted at all.
    pub fn reserve(self: &Arc<Self>, bytes: u64, waker: Option<&Waker>) -> Option<Permit> {
        self.reserve_leaving(0, bytes, waker)
    }

    /// As [`Budget::reserve`], but only if at least `left_bytes` stay free for those who ask for less.
    pub fn reserve_leaving(
        self: &Arc<Self>,
        left_bytes: u64,
        bytes: u64,
        waker: Option<&Waker>,
    ) -> Option<Permit> {
        let bytes = bytes.min(self.total_bytes.saturating_sub(left_bytes));
        let mut state = self.state.lock();
        if state.free_bytes >= signed(bytes + left_bytes) {
            state.free_bytes -= signed(bytes);
            self.publish(&state);
            return Some(Permit { budget: self.clone(), bytes });
        }
        if let Some(waker) = waker {
            self.await_bytes(&mut state, waker);
        }
        None
    }

    /// Counts bytes that are held already, whether they are free or not.
    #[must_use = "dropping it gives the bytes back"]
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Permit {
        let mut state = self.state.lock();
        state.free_bytes -= signed(bytes);
        self.publish(&state);
        Permit { budget: self.clone(), bytes }
    }

    /// Whether anything is free; registers `waker` to be woken when something has been given back if not.
    pub fn has_some(&self, waker: &Waker) -> bool {
        // The lock is for those who have to wait; whoever misses the moment in which it runs out misses little.
        if !self.exhausted.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = self.state.lock();
        if state.free_bytes > 0 {
            return true;
        }
        self.await_bytes(&mut state, waker);
        false
    }

    /// Whether somebody waits for bytes.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
    }

    /// Whether it is short: more than seven eighths were taken, and more than three quarters still are. Between the two it stays
    /// as it is, so that nobody is told one thing and the other in turn.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Wakes `waker` once when it is not short: at once if it is not.
    pub fn watch_relief(self: &Arc<Self>, waker: &Waker) -> WatchGuard {
        let mut state = self.state.lock();
        state.next_relief += 1;
        let number = state.next_relief;
        if self.is_short() {
            state.relief.insert(number, waker.clone());
        } else {
            drop(state);
            waker.wake_by_ref();
        }
        WatchGuard::new(Relief { budget: self.clone(), number })
    }

    /// All there is.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes not taken; 0 as well when more was charged than there is.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        u64::try_from(self.state.lock().free_bytes).unwrap_or(0)
    }

    fn await_bytes(&self, state: &mut State, waker: &Waker) {
        if !state.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            state.waiting.push_back(waker.clone());
        }
        self.publish(state);
    }

    fn publish(&self, state: &State) {
        self.exhausted.store(state.free_bytes <= 0, Ordering::Relaxed);
        if state.free_bytes < signed(self.total_bytes / 8) {
            self.short.store(true, Ordering::Relaxed);
        } else if state.free_bytes >= signed(self.total_bytes / 4) {
            self.short.store(false, Ordering::Relaxed);
        }
        self.awaited.store(!state.waiting.is_empty(), Ordering::Relaxed);
    }

    fn give_back(&self, bytes: u64) {
        let (waiting, relieved) = {
            let mut state = self.state.lock();
            state.free_bytes += signed(bytes);
            assert!(state.free_bytes <= signed(self.total_bytes), "a permit was given back twice");
            let waiting =
                if state.free_bytes > 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
            self.publish(&state);
            let relieved = if self.is_short() { BTreeMap::new() } else { std::mem::take(&mut state.relief) };
            (waiting, relieved)
        };
        waiting.into_iter().chain(relieved.into_values()).for_each(Waker::wake);
    }
}

/// Bytes of this machine's memory as a signed number.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("no machine has so much memory")
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
        if bytes > 0 {
            self.budget.give_back(bytes);
        }
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
    use std::sync::atomic::AtomicUsize;
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
    fn what_is_charged_beyond_the_budget_is_paid_back_before_anything_is_granted() {
        let budget = Budget::new(100);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut charged = budget.charge(150);
        assert_eq!(budget.free_bytes(), 0);
        assert!(!budget.has_some(&waker) && budget.is_awaited());
        charged.release(50);
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "there is still nothing");
        assert!(budget.reserve(1, None).is_none());
        charged.release(1);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(budget.has_some(&waker) && !budget.is_awaited());
        drop(charged);
        assert_eq!(budget.free_bytes(), 100);
    }

    #[test]
    fn who_waits_for_relief_is_woken_when_a_quarter_is_free_again() {
        let budget = Budget::new(800);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut held = budget.charge(700);
        assert!(!budget.is_short(), "an eighth is free");
        let mut more = budget.charge(1);
        assert!(budget.is_short());
        let stays = budget.watch_relief(&waker);
        drop(budget.watch_relief(&waker));
        more.release(1);
        held.release(99);
        assert!(budget.is_short() && count.0.load(Ordering::Relaxed) == 0);
        held.release(1);
        assert!(!budget.is_short());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        drop(stays);
        drop(budget.watch_relief(&waker));
        assert_eq!(count.0.load(Ordering::Relaxed), 2, "there is nothing to wait for");
    }

    #[test]
    fn what_is_to_be_left_is_left() {
        let budget = Budget::new(100);
        let most = budget.reserve_leaving(25, 1000, None).expect("all but what is left");
        assert_eq!(most.bytes(), 75);
        assert!(budget.reserve_leaving(25, 1, None).is_none());
        assert!(budget.reserve(25, None).is_some());
    }

    #[test]
    fn more_than_everything_is_everything() {
        let budget = Budget::new(100);
        let permit = budget.reserve(1000, None).expect("granted when all is free");
        assert_eq!(permit.bytes(), 100);
    }
}
