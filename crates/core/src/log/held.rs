//! What an ephemeral log holds: its batches with what each of them costs in memory.
//!
//! Apart because only such logs have it: what a log on the disk holds costs no memory, and nobody counts it here. It is what the
//! budget of all ephemeral logs is kept by, so it is the core's, where an append is refused before anything is decided.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_types::Offset;
use millstream_types::limits::EPHEMERAL_BATCH_COST_BYTES;

/// Nothing, for a log on the disk.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<Box<Batches>>);

/// Batches by the offset of their first record.
type Batches = BTreeMap<Offset, Batch>;

#[derive(Debug, Clone, Copy)]
struct Batch {
    last: Offset,
    cost: u64,
}

/// What a batch costs.
pub(crate) fn cost(bytes: u32) -> u64 {
    u64::from(bytes) + EPHEMERAL_BATCH_COST_BYTES
}

impl Held {
    /// Adds a batch. Returns what it costs.
    pub(crate) fn add(&mut self, base: Offset, last: Offset, bytes: u32) -> u64 {
        let held = self.0.get_or_insert_default();
        let cost = cost(bytes);
        held.insert(base, Batch { last, cost });
        cost
    }

    /// The first offset and the last one of the batch that `offset` lies in, or the next one after it.
    pub(crate) fn batch_from(&self, offset: Offset) -> Option<(Offset, Offset)> {
        let held = self.0.as_ref()?;
        let around = held.range(..=offset).next_back().filter(|(_, batch)| batch.last >= offset);
        let (base, batch) = around.or_else(|| held.range(offset..).next())?;
        Some((*base, batch.last))
    }

    /// What the batch that begins at `base` costs.
    pub(crate) fn cost_of(&self, base: Offset) -> u64 {
        self.0.as_ref().and_then(|held| held.get(&base)).map_or(0, |batch| batch.cost)
    }

    /// Lets go of a batch. Returns what it cost.
    pub(crate) fn forget(&mut self, base: Offset) -> u64 {
        let Some(held) = &mut self.0 else { return 0 };
        held.remove(&base).map_or(0, |batch| batch.cost)
    }

    /// Lets go of what lies before `start` as a whole, at most `max` batches. Returns what they cost, and how many they were.
    pub(crate) fn trim(&mut self, start: Offset, max: usize) -> (u64, usize) {
        let Some(held) = &mut self.0 else { return (0, 0) };
        let (mut freed, mut batches) = (0, 0);
        while batches < max
            && let Some(first) = held.first_entry().filter(|first| first.get().last < start)
        {
            freed += first.remove().cost;
            batches += 1;
        }
        (freed, batches)
    }

    /// Lets go of up to `max` batches of a log that is gone. Returns what they cost, and how many they were.
    pub(crate) fn drop_some(&mut self, max: usize) -> (u64, usize) {
        self.trim(Offset(u64::MAX), max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_of_is_what_was_added() {
        let mut held = Held::default();
        let costs = [(0, 4, 100), (5, 5, 70), (6, 9, 1)].map(|(base, last, bytes)| {
            assert_eq!(held.batch_from(Offset(base)), None);
            held.add(Offset(base), Offset(last), bytes)
        });
        assert_eq!(held.batch_from(Offset(3)), Some((Offset(0), Offset(4))));
        assert_eq!(held.forget(Offset(5)), costs[1]);
        assert_eq!(held.forget(Offset(5)), 0, "once");
        assert_eq!(held.batch_from(Offset(5)), Some((Offset(6), Offset(9))));
        assert_eq!(held.trim(Offset(4), 9), (0, 0), "its last record is still there");
        assert_eq!(held.trim(Offset(7), 9), (costs[0], 1));
        assert_eq!(held.trim(Offset(10), 0), (0, 0), "no more than it may");
        assert_eq!(held.drop_some(9), (costs[2], 1));
        assert_eq!(held.drop_some(9), (0, 0));
    }
}
