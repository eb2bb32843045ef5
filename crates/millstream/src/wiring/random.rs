//! Random numbers from the operating system, fetched in advance.
//!
//! Apart because every request of some fronts draws one or two, and a system call for each cost them a twentieth of
//! their processor time. A thread fetches 4 KiB at once and hands them out; nothing is handed out twice, and what was handed out
//! is overwritten.

use std::cell::RefCell;

/// Bytes fetched at once: 256 numbers.
const FETCHED_BYTES: usize = 4096;
/// Bytes of one number.
const NUMBER_BYTES: usize = 16;

struct Fetched {
    bytes: [u8; FETCHED_BYTES],
    /// What was handed out stands before this.
    next: usize,
}

thread_local! {
    static FETCHED: RefCell<Fetched> =
        const { RefCell::new(Fetched { bytes: [0; FETCHED_BYTES], next: FETCHED_BYTES }) };
}

/// A random number, as good as the operating system's.
pub(crate) fn number() -> u128 {
    FETCHED.with_borrow_mut(|fetched| {
        if fetched.next == FETCHED_BYTES {
            getrandom::fill(&mut fetched.bytes).expect("the operating system gave random numbers at start");
            fetched.next = 0;
        }
        let number: &mut [u8; NUMBER_BYTES] =
            fetched.bytes[fetched.next..].first_chunk_mut().expect("numbers fill what is fetched exactly");
        fetched.next += NUMBER_BYTES;
        u128::from_le_bytes(std::mem::take(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_number_comes_twice_also_not_after_new_ones_were_fetched_or_on_another_thread() {
        let draw = || (0..1000).map(|_| number()).collect::<Vec<_>>();
        let other = std::thread::spawn(draw).join().expect("it ends");
        let all: HashSet<u128> = draw().into_iter().chain(other).collect();
        assert_eq!(all.len(), 2000);
        assert!(!all.contains(&0));
    }
}
