//! What the mover has done so far, for whoever wants to see it.
//!
//! Apart because it is written by one thread and read by others at any time.

use parking_lot::Mutex;

/// Records that were to be moved into other streams, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MoverTotals {
    /// Are in their new stream.
    pub moved: u64,
    /// Had nowhere to go any more, and are settled.
    pub dropped: u64,
    /// Of these: had gone round in a circle.
    pub cycles: u64,
    /// Could not go where somebody asked for them to go, and are back.
    pub returned: u64,
    /// How often one could not be moved at the time and was put off.
    pub put_off: u64,
    /// Batches that were opened for them.
    pub batches_opened: u64,
}

/// The totals, kept by the mover.
#[derive(Debug, Default)]
pub(crate) struct MoverStats(Mutex<MoverTotals>);

impl MoverStats {
    pub(super) fn update(&self, change: impl FnOnce(&mut MoverTotals)) {
        change(&mut self.0.lock());
    }

    /// The totals as they are.
    pub(crate) fn totals(&self) -> MoverTotals {
        *self.0.lock()
    }
}
