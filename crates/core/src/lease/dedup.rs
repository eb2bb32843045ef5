//! The dedup window of a stream: which records came lately, so that one that is sent again is not appended again.
//!
//! Apart because it may hold millions: forty-eight bytes each, in the order in which they came. What an id hashes to is the
//! sender's business, its scope included. The first answer is repeated for as long as the window says, over restarts and
//! whichever way the record comes the second time.
//!
//! Ids are forgotten by an entry, many at once: a fold that forgot by itself would not remember the same ones when it
//! begins from a later image.

use crate::hash::HashSeed;
use alloc::collections::VecDeque;
use core::hash::{BuildHasher, Hasher};
use hashbrown::HashTable;
use millstream_types::{EngineTime, Offset};

/// Ids that are forgotten at once, or not at all: an entry for that many appends.
const FORGOTTEN_AT_ONCE: usize = 256;

/// A record that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// Hash of its id, in halves so that it takes no more room than it needs.
    pub id: [u64; 2],
    /// Its offset.
    pub offset: Offset,
    /// When it came.
    pub time: EngineTime,
    /// Index of its log.
    pub log: u32,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct DedupWindow {
    seed: HashSeed,
    /// In the order of their times.
    records: VecDeque<Remembered>,
    /// How many came before the first of them.
    gone: u64,
    /// Where the newest record of an id is: its number, of which the lowest 32 bits are enough.
    places: HashTable<u32>,
    /// Everything that came until then is forgotten.
    pub(super) forgotten_to: EngineTime,
}

fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("32 bits")
}

impl DedupWindow {
    pub(super) fn new(seed: HashSeed) -> DedupWindow {
        DedupWindow {
            seed,
            records: VecDeque::new(),
            gone: 0,
            places: HashTable::new(),
            forgotten_to: EngineTime(i64::MIN),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    fn hash(seed: HashSeed, id: [u64; 2]) -> u64 {
        let mut hasher = seed.build_hasher();
        hasher.write_u64(id[0]);
        hasher.write_u64(id[1]);
        hasher.finish()
    }

    fn at(records: &VecDeque<Remembered>, gone: u64, place: u32) -> &Remembered {
        &records[place.wrapping_sub(low(gone)) as usize]
    }

    /// The newest record of an id in a log.
    pub(super) fn find(&self, id: [u64; 2], log: u32) -> Option<&Remembered> {
        let is_it = |place: &u32| {
            let record = DedupWindow::at(&self.records, self.gone, *place);
            (record.id, record.log) == (id, log)
        };
        let place = self.places.find(DedupWindow::hash(self.seed, id), is_it)?;
        Some(DedupWindow::at(&self.records, self.gone, *place))
    }

    /// Folds that a record came. One that is forgotten, or remembered, already (its image is newer) stays so.
    pub(super) fn remember(&mut self, record: Remembered) {
        let is_known = self.find(record.id, record.log).is_some_and(|known| known.offset >= record.offset);
        if is_known || record.time <= self.forgotten_to {
            return;
        }
        let (seed, gone, records) = (self.seed, self.gone, &mut self.records);
        let number = gone + records.len() as u64;
        records.push_back(record);
        let is_same = |place: &u32| {
            let other = DedupWindow::at(records, gone, *place);
            (other.id, other.log) == (record.id, record.log)
        };
        let hash = DedupWindow::hash(seed, record.id);
        if let Some(place) = self.places.find_mut(hash, is_same) {
            *place = low(number);
        } else {
            let rehash = |place: &u32| DedupWindow::hash(seed, DedupWindow::at(records, gone, *place).id);
            self.places.insert_unique(hash, low(number), rehash);
        }
    }

    /// What there is to forget, if it is worth an entry.
    pub(super) fn to_forget(&self, now: EngineTime, window_ms: u64) -> Option<EngineTime> {
        let last = self.records.get(FORGOTTEN_AT_ONCE - 1)?.time;
        (now.since_ms(last) > window_ms).then_some(last)
    }

    /// Folds that everything which came until then is forgotten.
    pub(super) fn forget(&mut self, to: EngineTime) {
        self.forgotten_to = self.forgotten_to.max(to);
        while let Some(&record) = self.records.front().filter(|record| record.time <= to) {
            let place = low(self.gone);
            let hash = DedupWindow::hash(self.seed, record.id);
            if let Ok(entry) = self.places.find_entry(hash, |at| *at == place) {
                entry.remove();
            }
            self.records.pop_front();
            self.gone += 1;
        }
    }

    /// Those that came after so many, with how many came until each.
    pub(super) fn after(&self, came: u64) -> impl Iterator<Item = (u64, &Remembered)> {
        let skipped =
            usize::try_from(came.saturating_sub(self.gone)).unwrap_or(usize::MAX).min(self.records.len());
        let first = self.gone + skipped as u64 + 1;
        (first..).zip(self.records.range(skipped..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_until_it_is_forgotten_and_the_newest_one_counts() {
        let mut window = DedupWindow::new(HashSeed([1, 2]));
        for n in 0..10_000_u64 {
            let id = [n % 3_000, 7];
            let time = EngineTime(n.cast_signed());
            window.remember(Remembered { id, offset: Offset(n), time, log: 0 });
        }
        assert_eq!(window.find([5, 7], 0).map(|record| record.offset), Some(Offset(9_005)));
        assert_eq!(window.find([5, 7], 1), None);
        window.forget(EngineTime(8_999));
        assert_eq!(window.find([5, 7], 0).map(|record| record.offset), Some(Offset(9_005)));
        assert_eq!(window.find([1_500, 7], 0), None);
        assert_eq!(window.len(), 1_000);
        let again = Remembered { id: [1_500, 7], offset: Offset(1_500), time: EngineTime(1_500), log: 0 };
        window.remember(again);
        assert_eq!(window.len(), 1_000, "what was forgotten is not remembered again");
        assert_eq!(
            window.after(9_998).map(|(came, _)| came).collect::<alloc::vec::Vec<_>>(),
            [9_999, 10_000]
        );
    }

    #[test]
    fn a_remembered_id_takes_forty_bytes_and_its_place() {
        assert_eq!(size_of::<Remembered>(), 40);
    }
}
