//! A set of single offsets in compressed bitmaps: what is ready but not next in line.
//!
//! Apart because a queue with priorities may hold a hundred million of them: a chunk of 4,096 offsets is a bitmap of 512
//! bytes when it is full of members and a short list when it is not, so a member costs from an eighth of a byte to two.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_types::Offset;

/// Offsets of one chunk, a power of two.
const CHUNK: u64 = 4096;
const WORDS: usize = (CHUNK / 64) as usize;
/// A list that is longer than this takes more room than a bitmap.
const LIST_MAX: usize = WORDS * 4;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Chunk {
    /// Sorted.
    List(Vec<u16>),
    Bits(Box<[u64; WORDS]>, u16),
}

/// Offsets, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OffsetSet {
    chunks: BTreeMap<u64, Chunk>,
    len: u64,
}

fn split(offset: u64) -> (u64, u16) {
    (offset / CHUNK, u16::try_from(offset % CHUNK).expect("a chunk is smaller than that"))
}

impl Chunk {
    fn insert(&mut self, at: u16) -> bool {
        match self {
            Chunk::List(list) => {
                let Err(place) = list.binary_search(&at) else { return false };
                if list.len() < LIST_MAX {
                    list.insert(place, at);
                } else {
                    let mut bits = Box::new([0; WORDS]);
                    for &member in list.iter().chain(&[at]) {
                        bits[usize::from(member / 64)] |= 1 << (member % 64);
                    }
                    *self = Chunk::Bits(bits, u16::try_from(LIST_MAX + 1).expect("small"));
                }
                true
            }
            Chunk::Bits(bits, len) => {
                let (word, bit) = (&mut bits[usize::from(at / 64)], 1 << (at % 64));
                let is_new = *word & bit == 0;
                *word |= bit;
                *len += u16::from(is_new);
                is_new
            }
        }
    }

    fn remove(&mut self, at: u16) -> bool {
        match self {
            Chunk::List(list) => list.binary_search(&at).map(|place| list.remove(place)).is_ok(),
            Chunk::Bits(bits, len) => {
                let (word, bit) = (&mut bits[usize::from(at / 64)], 1 << (at % 64));
                let was_there = *word & bit != 0;
                *word &= !bit;
                *len -= u16::from(was_there);
                // Half of what made it a bitmap, so that it does not change to and fro.
                if usize::from(*len) <= LIST_MAX / 2 {
                    *self = Chunk::List(self.from(0).collect());
                }
                was_there
            }
        }
    }

    fn contains(&self, at: u16) -> bool {
        match self {
            Chunk::List(list) => list.binary_search(&at).is_ok(),
            Chunk::Bits(bits, _) => bits[usize::from(at / 64)] & 1 << (at % 64) != 0,
        }
    }

    fn len(&self) -> usize {
        match self {
            Chunk::List(list) => list.len(),
            Chunk::Bits(_, len) => usize::from(*len),
        }
    }

    /// The first place from `at` on that is no member; the chunk's size if all are.
    fn first_absent(&self, at: u16) -> u16 {
        match self {
            Chunk::List(list) => {
                let members = list[list.partition_point(|member| *member < at)..].iter();
                at + u16::try_from((at..).zip(members).take_while(|(place, member)| place == *member).count())
                    .expect("small")
            }
            Chunk::Bits(bits, _) => {
                let (first, bit) = (usize::from(at / 64), at % 64);
                // Those before `at` count as members.
                let before = (1_u64 << bit) - 1;
                let words = bits[first..].iter().enumerate();
                let words = words.map(|(n, word)| (first + n, if n == 0 { word | before } else { *word }));
                let found = words.into_iter().find(|(_, word)| *word != u64::MAX);
                found.map_or(u16::try_from(CHUNK).expect("small"), |(word, bits)| {
                    u16::try_from(word * 64).expect("small")
                        + u16::try_from(bits.trailing_ones()).expect("below 64")
                })
            }
        }
    }

    /// Members from `at` on.
    fn from(&self, at: u16) -> impl Iterator<Item = u16> {
        let (list, bits) = match self {
            Chunk::List(list) => {
                (Some(list[list.partition_point(|member| *member < at)..].iter().copied()), None)
            }
            Chunk::Bits(bits, _) => (None, Some(Bits::from(bits, at))),
        };
        list.into_iter().flatten().chain(bits.into_iter().flatten())
    }
}

/// Walks over the bits that are set.
struct Bits<'a> {
    bits: &'a [u64; WORDS],
    word: usize,
    /// What is left of the word.
    left: u64,
}

impl<'a> Bits<'a> {
    fn from(bits: &'a [u64; WORDS], at: u16) -> Bits<'a> {
        let word = usize::from(at / 64);
        Bits { bits, word, left: bits[word] & u64::MAX << (at % 64) }
    }
}

impl Iterator for Bits<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while self.left == 0 {
            self.word += 1;
            self.left = *self.bits.get(self.word)?;
        }
        let bit = self.left.trailing_zeros();
        self.left &= self.left - 1;
        Some(u16::try_from(self.word * 64).expect("small") + u16::try_from(bit).expect("below 64"))
    }
}

impl OffsetSet {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn contains(&self, offset: Offset) -> bool {
        let (chunk, at) = split(offset.0);
        self.chunks.get(&chunk).is_some_and(|chunk| chunk.contains(at))
    }

    /// Whether it was not there before.
    pub(crate) fn insert(&mut self, offset: Offset) -> bool {
        let (chunk, at) = split(offset.0);
        let is_new = self.chunks.entry(chunk).or_insert_with(|| Chunk::List(Vec::new())).insert(at);
        self.len += u64::from(is_new);
        is_new
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, offset: Offset) -> bool {
        let (number, at) = split(offset.0);
        let Some(chunk) = self.chunks.get_mut(&number) else { return false };
        let was_there = chunk.remove(at);
        self.len -= u64::from(was_there);
        if chunk.len() == 0 {
            self.chunks.remove(&number);
        }
        was_there
    }

    pub(crate) fn first(&self) -> Option<Offset> {
        self.from(Offset::ZERO).next()
    }

    /// Members from an offset on.
    pub(crate) fn from(&self, offset: Offset) -> impl Iterator<Item = Offset> {
        let (first, at) = split(offset.0);
        self.chunks.range(first..).flat_map(move |(&number, chunk)| {
            let at = if number == first { at } else { 0 };
            chunk.from(at).map(move |at| Offset(number * CHUNK + u64::from(at)))
        })
    }

    /// The first offset from one on that is no member.
    pub(crate) fn first_absent(&self, offset: Offset) -> Offset {
        let mut at = offset;
        loop {
            let (number, place) = split(at.0);
            let Some(absent) = self.chunks.get(&number).map(|chunk| chunk.first_absent(place)) else {
                return at;
            };
            if u64::from(absent) < CHUNK {
                return Offset(number * CHUNK + u64::from(absent));
            }
            at = Offset((number + 1) * CHUNK);
        }
    }

    /// Removes every member before `to`.
    pub(crate) fn remove_before(&mut self, to: Offset) {
        let (number, _) = split(to.0);
        while let Some(first) = self.chunks.first_entry() {
            if *first.key() >= number {
                break;
            }
            self.len -= first.remove().len() as u64;
        }
        while let Some(offset) = self.first().filter(|offset| *offset < to) {
            self.remove(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn the_set_behaves_like_a_set() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (mut set, mut model) = (OffsetSet::default(), BTreeSet::new());
        for round in 0..40_000 {
            // Grows in the first half, shrinks in the second: chunks become bitmaps and lists again.
            let offset = random(3 * CHUNK);
            if random(10) < if round < 20_000 { 8 } else { 2 } {
                assert_eq!(set.insert(Offset(offset)), model.insert(offset));
            } else {
                assert_eq!(set.remove(Offset(offset)), model.remove(&offset));
            }
            assert_eq!(set.len(), model.len() as u64);
            assert_eq!(set.contains(Offset(offset)), model.contains(&offset));
            if round % 500 == 0 {
                let from = random(3 * CHUNK);
                assert!(set.from(Offset(from)).map(|offset| offset.0).eq(model.range(from..).copied()));
                let absent = (from..).find(|offset| !model.contains(offset)).map(Offset);
                assert_eq!(Some(set.first_absent(Offset(from))), absent);
            }
        }
        set.remove_before(Offset(CHUNK + 17));
        model.retain(|offset| *offset >= CHUNK + 17);
        assert!(set.from(Offset(0)).map(|offset| offset.0).eq(model.iter().copied()));
        assert_eq!(set.len(), model.len() as u64);
    }

    #[test]
    fn a_full_chunk_costs_half_a_kilobyte() {
        let mut set = OffsetSet::default();
        for offset in 0..CHUNK {
            set.insert(Offset(offset));
        }
        assert!(set.chunks.values().all(|chunk| matches!(chunk, Chunk::Bits(..))));
        assert_eq!(set.chunks.len(), 1);
        assert_eq!(set.first_absent(Offset(17)), Offset(CHUNK));
    }
}
