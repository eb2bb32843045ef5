//! Appends of one sender that keep their order also where one of them is refused.
//!
//! Apart because both ends need it and neither sees the other: who submits hangs several appends on one chain, and who decides
//! breaks it. When the disk is full an append is refused before it is decided, and its sender tries again later. Without a chain
//! the next one, which is under way by then, could find room that has just come, and be stored before the one it follows.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// What appends hang on that must be decided in their order, or not at all: behind one that was refused for lack of room all
/// others are refused as well. Whoever tries again does so on a new chain.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    /// Whether one of the appends was refused.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Notes that an append was refused.
    pub fn break_off(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::Chain;

    #[test]
    fn a_chain_is_broken_for_all_who_have_it_and_a_new_one_is_whole() {
        let chain = Chain::default();
        let other = chain.clone();
        assert!(!other.is_broken());
        chain.break_off();
        assert!(other.is_broken() && !Chain::default().is_broken());
    }
}
