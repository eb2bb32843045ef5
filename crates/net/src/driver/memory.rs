//! A connection's share of the memory budget: what it may read now, and what it must give back.
//!
//! Apart because waiting for memory while holding memory is how brokers lock up: many half-read requests can hold the
//! whole budget, and none of them ends. So one connection at a time may go beyond the budget, for one request: the
//! *loan*. What is held is therefore at most the budget and one request, and there is always someone who gets on.

use crate::options::{EXACT_READ_BYTES, SPARE_BYTES};
use millstream_front::{Budget, Permit};
use std::sync::Arc;
use std::task::Waker;

/// Held by the one connection that may go beyond the budget.
struct Loan {
    _permit: Permit,
    /// Bytes that were unsettled when it was taken. Once the request is consumed there are more, and the loan
    /// does not pay for another.
    unsettled_bytes: usize,
}

/// One connection's memory.
pub(crate) struct Memory {
    budget: Arc<Budget>,
    /// A budget of one: the loan.
    loans: Arc<Budget>,
    permit: Option<Permit>,
    loan: Option<Loan>,
    /// Bytes the session took and has not settled.
    unsettled_bytes: usize,
    /// Of these, the bytes of requests whose rest has not arrived.
    unfinished_bytes: usize,
}

impl Memory {
    pub(crate) fn new(budget: Arc<Budget>, loans: Arc<Budget>) -> Memory {
        Memory { budget, loans, permit: None, loan: None, unsettled_bytes: 0, unfinished_bytes: 0 }
    }

    /// How many bytes may be read now, `chunk` at best, when `buffered` are waiting for the session and it needs
    /// `need`. `None`: none; `waker` is woken when that may have changed.
    pub(crate) fn allow(
        &mut self,
        buffered: usize,
        need: usize,
        chunk: usize,
        waker: &Waker,
    ) -> Option<usize> {
        let missing = need.saturating_sub(buffered).max(1);
        let generous = if missing >= EXACT_READ_BYTES { missing } else { chunk.max(missing) };
        let held = self.unsettled_bytes + buffered;
        if self.cover(held + generous, None) {
            return Some(generous);
        }
        if self.cover(held + missing, Some(waker)) {
            return Some(missing);
        }
        if self.loan.is_none() {
            let unsettled_bytes = self.whole_bytes();
            let permit = self.loans.reserve(1, Some(waker));
            self.loan = permit.map(|permit| Loan { _permit: permit, unsettled_bytes });
        }
        let usable = self.loan.as_ref().is_some_and(|loan| self.whole_bytes() <= loan.unsettled_bytes);
        usable.then_some(missing)
    }

    /// Bytes reserved beyond what is held while `buffered` are waiting for the session, for what requests cost
    /// beside their bytes.
    pub(crate) fn spare(&mut self, buffered: usize) -> usize {
        let held = self.unsettled_bytes + buffered;
        let spare = |memory: &Memory| memory.reserved_bytes().saturating_sub(held as u64);
        if spare(self) < SPARE_BYTES as u64 && !self.cover(held + SPARE_BYTES, None) {
            // Fewer requests at once are the worst that comes of it.
            return usize::try_from(spare(self)).unwrap_or(0);
        }
        usize::try_from(spare(self)).unwrap_or(usize::MAX)
    }

    fn reserved_bytes(&self) -> u64 {
        self.permit.as_ref().map_or(0, Permit::bytes)
    }

    /// Counts bytes that the session took, and what their requests cost beside them.
    pub(crate) fn consumed(&mut self, bytes: usize) {
        self.unsettled_bytes += bytes;
    }

    /// Says how many of the unsettled bytes belong to requests whose rest has not arrived.
    ///
    /// # Panics
    /// When they are more than there are.
    pub(crate) fn unfinished(&mut self, bytes: usize) {
        assert!(bytes <= self.unsettled_bytes, "what is unfinished was taken and is not settled");
        self.unfinished_bytes = bytes;
    }

    /// Whether the session has taken a part of a request.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished_bytes > 0
    }

    /// Unsettled bytes of requests that have arrived.
    fn whole_bytes(&self) -> usize {
        self.unsettled_bytes.saturating_sub(self.unfinished_bytes)
    }

    /// Counts bytes that the session settled.
    ///
    /// # Panics
    /// When the session settles more than it took.
    pub(crate) fn settled(&mut self, bytes: usize) {
        self.unsettled_bytes =
            self.unsettled_bytes.checked_sub(bytes).expect("a session settles no more than it took");
    }

    /// Gives back what is not needed while `buffered` bytes wait for the session, which needs `need`.
    pub(crate) fn trim(&mut self, buffered: usize, need: usize) {
        let waiting = if buffered == 0 && !self.is_unfinished() { 0 } else { buffered.max(need) };
        let keep = (self.unsettled_bytes + waiting) as u64;
        let held = self.reserved_bytes();
        if held < keep {
            return;
        }
        // Before the permit: whoever is woken by its bytes can have the loan as well.
        self.loan = None;
        if keep == 0 {
            self.permit = None;
        } else if held > keep
            && let Some(permit) = &mut self.permit
        {
            permit.release(held - keep);
        }
    }

    fn cover(&mut self, bytes: usize, waker: Option<&Waker>) -> bool {
        let held = self.reserved_bytes();
        let missing = (bytes as u64).saturating_sub(held);
        if missing == 0 {
            return true;
        }
        match (self.budget.reserve(missing, waker), &mut self.permit) {
            (None, _) => false,
            (Some(more), Some(permit)) => {
                permit.merge(more);
                true
            }
            (Some(more), none) => {
                *none = Some(more);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(budget: &Arc<Budget>, loans: &Arc<Budget>) -> Memory {
        Memory::new(budget.clone(), loans.clone())
    }

    #[test]
    fn a_short_request_reserves_a_chunk_and_keeps_what_it_holds() {
        let (budget, loans) = (Budget::new(1000), Budget::new(1));
        let mut one = memory(&budget, &loans);
        assert_eq!(one.allow(0, 4, 100, Waker::noop()), Some(100));
        one.consumed(60);
        one.trim(0, 4);
        assert_eq!(budget.free_bytes(), 940);
        one.settled(60);
        one.trim(0, 4);
        assert_eq!(budget.free_bytes(), 1000);
    }

    #[test]
    fn only_one_half_read_request_goes_beyond_the_budget_and_the_others_follow() {
        let (budget, loans) = (Budget::new(200), Budget::new(1));
        let (mut one, mut two) = (memory(&budget, &loans), memory(&budget, &loans));
        for each in [&mut one, &mut two] {
            assert_eq!(each.allow(0, 4, 100, Waker::noop()), Some(100));
            each.trim(100, 150);
        }
        assert_eq!(budget.free_bytes(), 0);
        assert_eq!(one.allow(100, 150, 100, Waker::noop()), Some(50));
        assert_eq!(two.allow(100, 150, 100, Waker::noop()), None);
        one.consumed(150);
        one.trim(0, 4);
        assert_eq!(one.allow(0, 4, 100, Waker::noop()), None, "the loan pays for one request");
        one.settled(150);
        one.trim(0, 4);
        assert_eq!(two.allow(100, 150, 50, Waker::noop()), Some(50));
    }

    #[test]
    fn a_request_that_is_taken_in_parts_keeps_its_reservation_and_the_loan() {
        let (budget, loans) = (Budget::new(200), Budget::new(1));
        let (mut one, mut two) = (memory(&budget, &loans), memory(&budget, &loans));
        assert_eq!(one.allow(0, 4, 50, Waker::noop()), Some(50));
        one.consumed(50);
        one.unfinished(50);
        one.trim(0, 100);
        assert_eq!(budget.free_bytes(), 150, "what was reserved is kept, the rest comes when it is read");
        assert_eq!(two.allow(0, 4, 140, Waker::noop()), Some(140));
        two.consumed(140);
        assert_eq!(one.allow(0, 100, 10, Waker::noop()), Some(100), "on loan");
        one.consumed(60);
        one.unfinished(110);
        one.trim(0, 40);
        assert_eq!(one.allow(0, 40, 10, Waker::noop()), Some(40), "still the same request");
        one.consumed(40);
        one.unfinished(0);
        assert_eq!(one.allow(0, 4, 50, Waker::noop()), None, "the loan pays for one request");
    }

    #[test]
    fn a_request_larger_than_the_whole_budget_is_still_read() {
        let (budget, loans) = (Budget::new(100), Budget::new(1));
        let mut one = memory(&budget, &loans);
        assert_eq!(one.allow(0, 500, 10, Waker::noop()), Some(500));
        assert_eq!(one.allow(300, 500, 10, Waker::noop()), Some(200));
        one.consumed(500);
        one.settled(500);
        one.trim(0, 4);
        assert_eq!((budget.free_bytes(), loans.free_bytes()), (100, 1));
    }
}
