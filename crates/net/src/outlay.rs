//! A connection's share of the memory for output: what was read from logs for it, and what waits to be written.
//!
//! Apart because readers and writers must not wait for each other's memory: requests have a budget of their own
//! (`driver/memory.rs`), and this one is what slow and stuck readers can use up. Two things keep it moving:
//!
//! - Only a read waits for memory, and only one that begins an answer. A session that holds slices already is given
//!   nothing more and answers with what it has, so nobody waits for memory while holding memory that is not being
//!   written to a peer.
//! - What is being written to a peer comes free when the peer reads, and when it does not, the peer is disconnected
//!   (`driver/expiry.rs`, `http/watch.rs`), soon when others wait for memory.
//!
//! Reads leave a quarter of the budget to answers, which nobody can size before they are made: an answer that the socket
//! does not take at once is charged. When even that quarter is used up, no more requests are read.

use millstream_front::{Budget, Permit, Tag};
use std::sync::Arc;
use std::task::Waker;

/// A read that finds little memory is made with so much: 64 KiB.
const READ_BYTES_SHORT: u64 = 64 << 10;

/// Whether a read may be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// Yes, of so many bytes.
    Bytes(u32),
    /// Not now: memory is short and the session has something to answer with.
    Nothing,
    /// Not yet; the waker is woken.
    Wait,
}

/// One connection's outlay.
pub(crate) struct Outlay {
    budget: Arc<Budget>,
    permit: Option<Permit>,
    /// Bytes of slices that the session was given and has not answered with.
    gathered_bytes: u64,
    /// Reads that wait for the disk, with what was reserved for them.
    reading: Vec<(Tag, u64)>,
}

impl Outlay {
    pub(crate) fn new(budget: Arc<Budget>) -> Outlay {
        Outlay { budget, permit: None, gathered_bytes: 0, reading: Vec::new() }
    }

    /// Reserves memory for a read of at most `bytes`.
    pub(crate) fn allow(&mut self, bytes: u32, waker: &Waker) -> Allowance {
        let left = self.budget.total_bytes() / 4;
        let short = u64::from(bytes).min(READ_BYTES_SHORT);
        let all = self.budget.reserve_leaving(left, bytes.into(), None);
        let permit = match all {
            Some(permit) => Some(permit),
            None if self.gathered_bytes > 0 => return Allowance::Nothing,
            None => self.budget.reserve_leaving(left, short, Some(waker)),
        };
        let Some(permit) = permit else { return Allowance::Wait };
        // A budget smaller than the read grants what it has.
        let bytes = u32::try_from(permit.bytes()).unwrap_or(u32::MAX).min(bytes);
        self.hold(permit);
        Allowance::Bytes(bytes)
    }

    /// A read of so many reserved bytes waits for the disk.
    pub(crate) fn begin(&mut self, tag: Tag, bytes: u32) {
        self.reading.push((tag, bytes.into()));
    }

    /// Reads that wait for the disk.
    pub(crate) fn reads_under_way(&self) -> usize {
        self.reading.len()
    }

    /// A read that waited for the disk has ended.
    pub(crate) fn end(&mut self, tag: Tag) {
        let at = self.reading.iter().position(|(known, _)| *known == tag).expect("it was begun");
        self.reading.swap_remove(at);
    }

    /// The session is given a slice of so many bytes.
    pub(crate) fn gather(&mut self, bytes: usize) {
        self.gathered_bytes += bytes as u64;
    }

    /// The session has put out so many bytes; slices among them are no longer its own. `idle`: it has none at all.
    pub(crate) fn put_out(&mut self, bytes: usize, idle: bool) {
        self.gathered_bytes = if idle { 0 } else { self.gathered_bytes.saturating_sub(bytes as u64) };
    }

    /// The session has let so many bytes of slices go that it does not put out.
    pub(crate) fn drop_bytes(&mut self, bytes: usize) {
        self.gathered_bytes = self.gathered_bytes.saturating_sub(bytes as u64);
    }

    /// Makes what is held what is needed while `waiting_bytes` wait to be written.
    pub(crate) fn settle(&mut self, waiting_bytes: usize) {
        let reading: u64 = self.reading.iter().map(|(_, bytes)| *bytes).sum();
        let needed = self.gathered_bytes + reading + waiting_bytes as u64;
        let held = self.permit.as_ref().map_or(0, Permit::bytes);
        if needed == 0 {
            self.permit = None;
        } else if needed > held {
            let permit = self.budget.charge(needed - held);
            self.hold(permit);
        } else if let Some(permit) = &mut self.permit
            && needed < held
        {
            permit.release(held - needed);
        }
    }

    /// Whether more requests may be read; `waker` is woken when that may have changed.
    pub(crate) fn has_room(&self, waker: &Waker) -> bool {
        self.budget.has_some(waker)
    }

    /// Whether others wait for this memory.
    pub(crate) fn is_awaited(&self) -> bool {
        self.budget.is_awaited()
    }

    fn hold(&mut self, permit: Permit) {
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_begins_an_answer_waits_and_one_that_continues_it_is_cut_short() {
        let budget = Budget::new(4 << 20);
        let (mut one, mut two) = (Outlay::new(budget.clone()), Outlay::new(budget.clone()));
        for _ in 0..3 {
            assert_eq!(one.allow(1 << 20, Waker::noop()), Allowance::Bytes(1 << 20));
            one.gather(1 << 20);
        }
        assert_eq!(one.allow(1 << 20, Waker::noop()), Allowance::Nothing);
        assert_eq!(two.allow(1 << 20, Waker::noop()), Allowance::Wait);
        assert!(one.is_awaited() && two.has_room(Waker::noop()), "a quarter is left for answers");
        one.put_out(3 << 20, true);
        one.settle(2 << 20);
        assert_eq!(two.allow(1 << 20, Waker::noop()), Allowance::Bytes(1 << 20));
        one.settle(0);
        two.settle(0);
        assert_eq!(budget.free_bytes(), 4 << 20);
    }

    #[test]
    fn with_little_left_a_read_takes_little() {
        let budget = Budget::new(1 << 20);
        let mut one = Outlay::new(budget.clone());
        one.settle((3 << 18) - (70 << 10));
        let mut two = Outlay::new(budget.clone());
        assert_eq!(two.allow(1 << 20, Waker::noop()), Allowance::Bytes(64 << 10));
        assert_eq!(two.allow(1 << 20, Waker::noop()), Allowance::Wait);
    }

    #[test]
    fn a_larger_batch_and_a_larger_answer_than_expected_are_charged() {
        let budget = Budget::new(1 << 20);
        let mut one = Outlay::new(budget.clone());
        assert_eq!(one.allow(100, Waker::noop()), Allowance::Bytes(100));
        one.begin(Tag(1), 100);
        one.settle(0);
        assert_eq!(budget.free_bytes(), (1 << 20) - 100, "a read under way keeps what was reserved");
        one.end(Tag(1));
        one.gather(2 << 20);
        one.settle(0);
        assert!(!one.has_room(Waker::noop()));
        one.put_out(2 << 20, false);
        one.settle(0);
        assert_eq!(budget.free_bytes(), 1 << 20);
    }
}
