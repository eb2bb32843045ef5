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

#[derive(Debug, Default)]
struct Batches {
    by_base: BTreeMap<Offset, Batch>,
    bytes: u64,
}

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
    /// What everything costs that is held.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |held| held.bytes)
    }

    /// Adds a batch. Returns what it costs.
    pub(crate) fn add(&mut self, base: Offset, last: Offset, bytes: u32) -> u64 {
        let held = self.0.get_or_insert_default();
        let cost = cost(bytes);
        held.by_base.insert(base, Batch { last, cost });
        held.bytes += cost;
        cost
    }

    /// The first offset and the last one of the batch that `offset` lies in, or the next one after it.
    pub(crate) fn batch_from(&self, offset: Offset) -> Option<(Offset, Offset)> {
        let held = self.0.as_ref()?;
        let around = held.by_base.range(..=offset).next_back().filter(|(_, batch)| batch.last >= offset);
        let (base, batch) = around.or_else(|| held.by_base.range(offset..).next())?;
        Some((*base, batch.last))
    }

    /// What the batch that begins at `base` costs.
    pub(crate) fn cost_of(&self, base: Offset) -> u64 {
        self.0.as_ref().and_then(|held| held.by_base.get(&base)).map_or(0, |batch| batch.cost)
    }

    /// Lets go of a batch. Returns what it cost.
    pub(crate) fn forget(&mut self, base: Offset) -> u64 {
        let Some(held) = &mut self.0 else { return 0 };
        let cost = held.by_base.remove(&base).map_or(0, |batch| batch.cost);
        held.bytes -= cost;
        cost
    }

    /// Lets go of what lies before `start` as a whole. Returns what it cost.
    pub(crate) fn trim(&mut self, start: Offset) -> u64 {
        let Some(held) = &mut self.0 else { return 0 };
        let mut freed = 0;
        while let Some(first) = held.by_base.first_entry().filter(|first| first.get().last < start) {
            freed += first.remove().cost;
        }
        held.bytes -= freed;
        freed
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
        assert_eq!(held.bytes(), costs.iter().sum::<u64>());
        assert_eq!(held.batch_from(Offset(3)), Some((Offset(0), Offset(4))));
        assert_eq!(held.forget(Offset(5)), costs[1]);
        assert_eq!(held.forget(Offset(5)), 0, "once");
        assert_eq!(held.batch_from(Offset(5)), Some((Offset(6), Offset(9))));
        assert_eq!(held.trim(Offset(4)), 0, "its last record is still there");
        assert_eq!(held.trim(Offset(7)), costs[0]);
        assert_eq!(held.bytes(), costs[2]);
        assert_eq!(held.trim(Offset(10)), costs[2]);
        assert_eq!(held.bytes(), 0);
    }
}
