//! The window of ordering keys: which of a log's next records may be handed out, where their keys matter.
//!
//! Apart because it is a view of the log's state, not state of its own: every record in it is where the log says. A log
//! whose stream is **ordered** hands out a key's records one after another: while one of them is out, no other is. A
//! record that is put off or moving holds nobody up. Where a stream is **fair** nothing is held up, but the key with the
//! fewest records out comes first, so that one sender's burst does not starve the others.
//!
//! The keys of a bounded number of records are known, from the first that is not settled on (R21); what lies behind is
//! asked for when there is room. Keys take turns: the one that was served longest ago comes first, and among those that were
//! not served since they came, the one whose first record is the oldest.

use super::record::State;
use crate::catalog::Ordering;
use alloc::collections::btree_set::Iter;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::iter::Peekable;
use core::ops::Range;
use millstream_types::{Offset, planted};

/// A hash of a record's ordering key; `None`: the record has none and is ordered with nothing.
pub(crate) type KeyHash = Option<u64>;

/// Where a record is, as far as others of its key are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Ready,
    Out,
    /// Put off or moving.
    Aside,
}

impl Place {
    pub(super) fn of(state: State) -> Place {
        match state {
            State::Ready => Place::Ready,
            State::Leased { .. } => Place::Out,
            State::Delayed { .. } | State::Moving { .. } => Place::Aside,
        }
    }
}

#[derive(Debug, Default)]
struct Key {
    ready: BTreeSet<Offset>,
    out: u32,
    /// Its place in turns: larger, the later it was served.
    served: u64,
}

/// A key's place in the order in which keys come: how many of its records are out, when it was served, its first record
/// that is ready, which it is.
type Turn = (u32, u64, Offset, KeyHash);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct KeyWindow {
    /// The keys of all records before this that are not settled are known.
    pub(super) known_to: Offset,
    records: BTreeMap<Offset, (KeyHash, Place)>,
    keys: BTreeMap<KeyHash, Key>,
    /// Keys with records that are ready.
    turns: BTreeSet<Turn>,
    /// The turn that was given last: an even number.
    served: u64,
}

impl KeyWindow {
    pub(super) fn starting_at(known_to: Offset) -> KeyWindow {
        KeyWindow { known_to, ..KeyWindow::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Records with their keys, from an offset on.
    pub(super) fn from(&self, offset: Offset) -> impl Iterator<Item = (Offset, KeyHash)> {
        self.records.range(offset..).map(|(&offset, &(key, _))| (offset, key))
    }

    pub(super) fn learn(&mut self, offset: Offset, key: KeyHash, place: Place) {
        self.forget(offset);
        self.records.insert(offset, (key, place));
        self.change(key, |entry| entry.add(offset, place));
    }

    /// A record is somewhere else than before.
    pub(super) fn place(&mut self, offset: Offset, place: Place) {
        let Some((key, at)) = self.records.get_mut(&offset) else { return };
        let (key, before) = (*key, core::mem::replace(at, place));
        if before != place {
            self.change(key, |entry| {
                entry.remove(offset, before);
                entry.add(offset, place);
            });
        }
    }

    /// A record is settled.
    pub(super) fn forget(&mut self, offset: Offset) {
        if let Some((key, place)) = self.records.remove(&offset) {
            self.change(key, |entry| entry.remove(offset, place));
        }
    }

    pub(super) fn forget_all(&mut self, range: Range<Offset>) {
        while let Some((&offset, _)) = self.records.range(range.clone()).next() {
            self.forget(offset);
        }
    }

    fn change(&mut self, key: KeyHash, change: impl FnOnce(&mut Key)) {
        // A key that comes anew waits for all that were served but the last one, or it would always come first.
        let served = self.served.saturating_sub(1);
        let entry = self.keys.entry(key).or_insert_with(|| Key { served, ..Key::default() });
        if let Some(turn) = entry.turn(key) {
            self.turns.remove(&turn);
        }
        change(entry);
        if let Some(turn) = entry.turn(key) {
            self.turns.insert(turn);
        } else if entry.out == 0 {
            self.keys.remove(&key);
        }
    }

    /// The records that are handed out next, in order, up to so many.
    pub(super) fn candidates(&self, ordering: Ordering, max: usize) -> Vec<Offset> {
        match ordering {
            Ordering::Fair => self.fair(max),
            Ordering::Ordered | Ordering::Unordered => self.ordered(max),
        }
    }

    /// As many of one key as may be, before the next key.
    fn ordered(&self, max: usize) -> Vec<Offset> {
        let is_free = |out: u32| out == 0 || planted!(KeyNotBlocked);
        let free = self.turns.iter().take_while(|(out, ..)| is_free(*out)).map(|(.., key)| *key);
        let without = self.keys.get(&None).filter(|entry| entry.out > 0).map(|_| None);
        let offsets = free.chain(without).flat_map(|key| self.keys[&key].ready.iter().copied());
        offsets.take(max).collect()
    }

    /// One of the key with the fewest out, again and again.
    fn fair(&self, max: usize) -> Vec<Offset> {
        let mut turns: BTreeSet<Turn> = self.turns.iter().take(max).copied().collect();
        let mut left: BTreeMap<KeyHash, Peekable<Iter<'_, Offset>>> = BTreeMap::new();
        let mut offsets = Vec::new();
        while offsets.len() < max
            && let Some((out, served, _, key)) = turns.pop_first()
        {
            let of_key = left.entry(key).or_insert_with(|| self.keys[&key].ready.iter().peekable());
            offsets.extend(of_key.next());
            turns.extend(of_key.peek().map(|next| (out + 1, served, **next, key)));
        }
        offsets
    }

    /// These records' keys were served: they come last among their equals.
    pub(super) fn serve(&mut self, offsets: impl Iterator<Item = Offset>) {
        for offset in offsets {
            let Some(&(key, _)) = self.records.get(&offset) else { continue };
            self.served += 2;
            let served = self.served;
            self.change(key, |entry| entry.served = served);
        }
    }
}

impl Key {
    /// Its place, if it has records that are ready.
    fn turn(&self, key: KeyHash) -> Option<Turn> {
        self.ready.first().map(|&first| (self.out, self.served, first, key))
    }

    fn add(&mut self, offset: Offset, place: Place) {
        match place {
            Place::Ready => {
                self.ready.insert(offset);
            }
            Place::Out => self.out += 1,
            Place::Aside => {}
        }
    }

    fn remove(&mut self, offset: Offset, place: Place) {
        match place {
            Place::Ready => {
                self.ready.remove(&offset);
            }
            Place::Out => self.out -= 1,
            Place::Aside => {}
        }
    }
}
