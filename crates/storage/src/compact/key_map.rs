//! The latest offset of each key in a stretch of a log, in a bounded table.
//!
//! Apart because it is the one thing in compaction that grows with the data: 24 bytes for a key of any length, a
//! table of fixed size, and a word to the caller when it is full. Keys are kept as keyed 128-bit hashes (R22): without the
//! seed nobody can make two keys meet, and by chance it does not happen (10⁻²⁶ for a table of a million keys).

use millstream_types::Offset;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Bytes of one slot.
const SLOT_BYTES: u64 = size_of::<Slot>() as u64;
/// Slots of the smallest table.
const SLOTS_MIN: u64 = 16;
/// Marks a free slot: no offset is that large.
const FREE: u64 = u64::MAX;

const _: () = assert!(SLOT_BYTES == 24);

#[derive(Clone, Copy)]
struct Slot {
    hash: [u64; 2],
    offset: u64,
}

/// Whether a key found its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Put {
    /// It has one.
    Done,
    /// The table is three quarters full and the key is not in it: nothing was changed.
    Full,
}

/// The table: open addressing with linear probing.
pub(super) struct KeyMap {
    seed: [u64; 2],
    slots: Vec<Slot>,
    used: usize,
}

impl KeyMap {
    /// A table for at most `keys` keys and of at most `bytes_max` bytes, whichever is less.
    pub(super) fn new(seed: [u64; 2], keys: u64, bytes_max: u64) -> KeyMap {
        // A quarter stays free.
        let wanted = keys.div_ceil(3).saturating_mul(4);
        let slots = wanted.min(bytes_max / SLOT_BYTES).max(SLOTS_MIN);
        let slots = usize::try_from(slots).expect("a table that was asked for fits the address space");
        KeyMap { seed, slots: vec![Slot { hash: [0; 2], offset: FREE }; slots], used: 0 }
    }

    /// Keys in the table.
    pub(super) fn keys(&self) -> usize {
        self.used
    }

    /// Remembers that `key` has a record at `offset`; of several, the largest counts.
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) -> Put {
        assert!(offset.0 != FREE, "offsets stay in the signed range");
        let hash = self.hash(key);
        let at = self.find(hash);
        let slot = self.slots[at];
        if slot.offset == FREE {
            if self.used >= self.slots.len() / 4 * 3 {
                return Put::Full;
            }
            self.used += 1;
            self.slots[at] = Slot { hash, offset: offset.0 };
        } else {
            self.slots[at].offset = slot.offset.max(offset.0);
        }
        Put::Done
    }

    /// The latest offset of `key`, if it is in the table.
    pub(super) fn latest(&self, key: &[u8]) -> Option<Offset> {
        let slot = self.slots[self.find(self.hash(key))];
        (slot.offset != FREE).then_some(Offset(slot.offset))
    }

    /// Twice the room, whatever the bound: for a single batch that has more keys than the bound allows.
    pub(super) fn grow(&mut self) {
        let room = vec![Slot { hash: [0; 2], offset: FREE }; self.slots.len() * 2];
        let before = std::mem::replace(&mut self.slots, room);
        for slot in before {
            if slot.offset != FREE {
                let at = self.find(slot.hash);
                self.slots[at] = slot;
            }
        }
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_keys(self.seed[0], self.seed[1]);
        hasher.write(key);
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }

    /// The slot that holds `hash`, or the free one where it belongs. Ends because a quarter is always free.
    fn find(&self, hash: [u64; 2]) -> usize {
        // The high half of hash × length spreads over any length; a division would cost more.
        let mut at = ((u128::from(hash[0]) * self.slots.len() as u128) >> 64) as usize;
        loop {
            let slot = &self.slots[at];
            if slot.offset == FREE || slot.hash == hash {
                return at;
            }
            at += 1;
            if at == self.slots.len() {
                at = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyMap, Put};
    use millstream_types::Offset;
    use std::collections::BTreeMap;

    #[test]
    fn the_largest_offset_of_each_key_is_remembered() {
        let mut map = KeyMap::new([1, 2], 1000, 1 << 20);
        let mut model = BTreeMap::new();
        for n in 0..5000u64 {
            let key = (n * 7919 % 613).to_be_bytes();
            assert_eq!(map.put(&key, Offset(n)), Put::Done);
            model.insert(key, n);
        }
        assert_eq!(map.keys(), model.len());
        assert!(model.iter().all(|(key, &offset)| map.latest(key) == Some(Offset(offset))));
        assert_eq!(map.latest(b"absent"), None);
        assert_eq!(map.put(&0u64.to_be_bytes(), Offset(0)), Put::Done);
        assert_eq!(map.latest(&0u64.to_be_bytes()), Some(Offset(model[&0u64.to_be_bytes()])), "never back");
    }

    #[test]
    fn a_full_table_takes_known_keys_only_until_it_grows() {
        let mut map = KeyMap::new([1, 2], u64::MAX, 24 * 16);
        let full = (0u64..).find(|n| map.put(&n.to_be_bytes(), Offset(*n)) == Put::Full).unwrap();
        assert_eq!(full, 12, "three quarters of sixteen slots");
        assert_eq!(map.latest(&full.to_be_bytes()), None);
        assert_eq!(map.put(&3u64.to_be_bytes(), Offset(99)), Put::Done);
        map.grow();
        assert_eq!(map.put(&full.to_be_bytes(), Offset(full)), Put::Done);
        assert_eq!(map.latest(&3u64.to_be_bytes()), Some(Offset(99)));
        assert!((4..=full).all(|n| map.latest(&n.to_be_bytes()) == Some(Offset(n))));
    }

    #[test]
    fn the_table_is_no_larger_than_its_bound_or_its_need() {
        assert_eq!(KeyMap::new([0; 2], u64::MAX, 24 << 10).slots.len(), 1 << 10);
        assert_eq!(KeyMap::new([0; 2], 31, u64::MAX).slots.len(), 44);
    }
}
