//! A set of offsets kept as ranges: what was settled out of order above a group's watermark.
//!
//! Apart because its cost has to follow the number of gaps, not of records: a consumer that settles a million records
//! behind one that stays out costs one range.

use alloc::collections::BTreeMap;
use core::ops::Range;
use millstream_types::Offset;

/// Disjoint ranges that do not touch, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    /// First offset → offset after the last.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// The range that holds an offset.
    pub(crate) fn around(&self, offset: Offset) -> Option<Range<u64>> {
        let (&from, &to) = self.ranges.range(..=offset.0).next_back()?;
        (offset.0 < to).then_some(from..to)
    }

    pub(crate) fn contains(&self, offset: Offset) -> bool {
        self.around(offset).is_some()
    }

    /// The first range.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.ranges.iter().next().map(|(&from, &to)| from..to)
    }

    /// Ranges that begin after this offset (or at all), in order.
    pub(crate) fn after(&self, after: Option<u64>) -> impl Iterator<Item = Range<u64>> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        self.ranges.range(from..).map(|(&from, &to)| from..to)
    }

    /// Ranges that have something in common with one, in order.
    pub(crate) fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let begun = self.around(Offset(range.start));
        let rest = self.after(Some(range.start)).take_while(move |other| other.start < range.end);
        begun.into_iter().chain(rest)
    }

    /// Adds `from..to`; what is there already stays.
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        let Range { mut start, mut end } = range;
        if start >= end {
            return;
        }
        // Swallow every range that overlaps or touches, beginning with the one before.
        if let Some((&from, &to)) = self.ranges.range(..=start).next_back()
            && to >= start
        {
            if to >= end {
                return;
            }
            start = from;
        }
        while let Some((&from, &to)) = self.ranges.range(start..=end).next() {
            self.ranges.remove(&from);
            end = end.max(to);
        }
        self.ranges.insert(start, end);
    }

    /// Removes everything before `to`.
    pub(crate) fn remove_before(&mut self, to: u64) {
        while let Some((&from, &end)) = self.ranges.iter().next() {
            if from >= to {
                return;
            }
            self.ranges.remove(&from);
            if end > to {
                self.ranges.insert(to, end);
                return;
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = RangeSet::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    #[test]
    fn ranges_behave_like_a_set_of_offsets() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..200 {
            let (mut set, mut model) = (RangeSet::default(), BTreeSet::new());
            for _ in 0..60 {
                let (from, len) = (random(80), random(6));
                if random(9) == 0 {
                    set.remove_before(from);
                    model.retain(|offset| *offset >= from);
                } else {
                    set.insert(from..from + len);
                    model.extend(from..from + len);
                }
                let flat: Vec<u64> = set.after(None).flatten().collect();
                assert_eq!(flat, model.iter().copied().collect::<Vec<_>>());
                let gaps = set.after(None).collect::<Vec<_>>();
                assert!(gaps.windows(2).all(|two| two[0].end < two[1].start), "ranges do not touch");
                assert_eq!(set.contains(Offset(from)), model.contains(&from));
            }
        }
    }
}
