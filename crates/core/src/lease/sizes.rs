//! How many bytes a log's records take, batch by batch: for streams that may hold so many.
//!
//! Apart because nothing of it is kept unless the stream has such a bound. A batch is known by its size as it is stored (R2), and a
//! record's share of it is what even division gives: the shares of a batch's records add up to its size exactly. Batches
//! that were appended before the bound was set, or before the group sought another place, count as nothing.

use alloc::collections::BTreeMap;
use core::ops::Range;
use millstream_types::Offset;

/// See the module's documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// First offset → how many offsets, how many bytes.
    batches: BTreeMap<Offset, (u32, u32)>,
    /// Shares of all records that are not settled. Signed, because recovery learns things in any order and counts at its end.
    unsettled: i64,
    /// Shares of those that are not settled and not ready.
    aside: i64,
}

fn share_of(len: u32, bytes: u32, range: Range<u64>) -> i64 {
    let before = |n: u64| u128::from(bytes) * u128::from(n) / u128::from(len);
    let share = before(range.end) - before(range.start);
    i64::try_from(share).expect("less than the batch")
}

impl Sizes {
    /// Bytes of the records that are ready.
    pub(super) fn ready_bytes(&self) -> u64 {
        u64::try_from(self.unsettled - self.aside).unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// A batch was appended.
    pub(super) fn learn(&mut self, first: Offset, len: u32, bytes: u32) {
        if len > 0 && self.batches.insert(first, (len, bytes)).is_none() {
            self.unsettled += i64::from(bytes);
        }
    }

    /// The share of some records.
    pub(super) fn share(&self, range: Range<u64>) -> i64 {
        let mut sum = 0;
        let begun = self.batches.range(..=Offset(range.start)).next_back();
        let rest =
            self.batches.range(Offset(range.start.saturating_add(1))..Offset(range.end.max(range.start + 1)));
        for (first, &(len, bytes)) in begun.into_iter().chain(rest) {
            let from = range.start.max(first.0);
            let to = range.end.min(first.0 + u64::from(len));
            if from < to {
                sum += share_of(len, bytes, from - first.0..to - first.0);
            }
        }
        sum
    }

    /// A record is not ready any more, or is ready again.
    pub(super) fn set_aside(&mut self, offset: Offset, is_aside: bool) {
        if !self.batches.is_empty() {
            let share = self.share(offset.0..offset.0 + 1);
            self.aside += if is_aside { share } else { -share };
        }
    }

    /// Some records are settled that were not.
    pub(super) fn settle(&mut self, range: Range<u64>) {
        if !self.batches.is_empty() {
            self.unsettled -= self.share(range);
        }
    }

    /// Everything before an offset is settled.
    pub(super) fn forget_before(&mut self, settled: Offset) {
        while let Some(first) = self.batches.first_entry()
            && first.key().0 + u64::from(first.get().0) <= settled.0
        {
            first.remove();
        }
    }

    /// Nothing is known any more.
    pub(super) fn clear(&mut self) {
        *self = Sizes::default();
    }

    /// Counts anew, given what is settled and what is aside.
    pub(super) fn count(
        &mut self,
        settled: impl Iterator<Item = Range<u64>>,
        aside: impl Iterator<Item = Offset>,
    ) {
        let all: i64 = self.batches.values().map(|(_, bytes)| i64::from(*bytes)).sum();
        self.unsettled = all - settled.map(|range| self.share(range)).sum::<i64>();
        self.aside = aside.map(|offset| self.share(offset.0..offset.0 + 1)).sum();
    }

    /// Batches from an offset on: first offset, how many offsets, how many bytes.
    pub(super) fn from(&self, offset: Offset) -> impl Iterator<Item = (Offset, u32, u32)> {
        self.batches.range(offset..).map(|(&first, &(len, bytes))| (first, len, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_batch_add_up_to_its_size() {
        let mut sizes = Sizes::default();
        sizes.learn(Offset(10), 7, 100);
        sizes.learn(Offset(17), 3, 1);
        assert_eq!(sizes.share(0..100), 101);
        let single: i64 = (0..30).map(|offset| sizes.share(offset..offset + 1)).sum();
        assert_eq!(single, 101);
        assert_eq!(sizes.share(12..18), sizes.share(12..17) + sizes.share(17..18));
        for offset in 10..17 {
            assert!((14..=15).contains(&sizes.share(offset..offset + 1)));
        }
        sizes.set_aside(Offset(11), true);
        sizes.settle(10..11);
        let expected = 101 - sizes.share(10..12);
        assert_eq!(sizes.ready_bytes(), u64::try_from(expected).unwrap());
        sizes.settle(11..17);
        sizes.set_aside(Offset(11), false);
        sizes.forget_before(Offset(17));
        assert_eq!((sizes.len(), sizes.ready_bytes()), (1, 1));
        sizes.count(core::iter::once(0..17), core::iter::once(Offset(19)));
        assert_eq!(sizes.ready_bytes(), 0);
    }
}
