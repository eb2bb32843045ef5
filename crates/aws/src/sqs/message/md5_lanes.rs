//! MD5 of several messages at once.
//!
//! Apart because MD5 is a chain in which each step waits for the one before, so that one sum leaves most of a processor idle: it
//! was a quarter of the time that a batch of messages took. Twelve sums go through the steps side by side, in three vectors: a
//! whole batch of messages.

use md5::{Digest, Md5};
use wide::u32x4;

/// A sum.
pub(crate) type Sum = [u8; 16];

/// Vectors of the smallest kind, whose steps overlap.
const VECTORS: usize = 3;
/// Lanes of each.
const VECTOR_LANES: usize = 4;
/// Messages that go side by side.
const LANES: usize = VECTORS * VECTOR_LANES;
/// Fewer messages than this are faster one after the other.
const WORTHWHILE: usize = 3;
/// Bytes of a block.
const BLOCK_BYTES: usize = 64;
/// What follows a message: one bit, and its length in bits.
const END_BYTES: usize = 9;

/// One word of each lane.
type Words = [u32x4; VECTORS];

/// The sums' state before the first block.
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The constant of each step: the first 32 bits behind the point of its sine's absolute value.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// The sums of some messages, in their order.
pub(super) fn sums(messages: &[&[u8]]) -> Vec<Sum> {
    let mut sums = Vec::with_capacity(messages.len());
    for some in messages.chunks(LANES) {
        if some.len() < WORTHWHILE {
            sums.extend(some.iter().map(|message| Sum::from(Md5::digest(message))));
        } else {
            sums.extend_from_slice(&side_by_side(some)[..some.len()]);
        }
    }
    sums
}

/// The sums of up to [`LANES`] messages; what stands behind them means nothing.
fn side_by_side(messages: &[&[u8]]) -> [Sum; LANES] {
    let lanes: [Lane<'_>; LANES] =
        std::array::from_fn(|lane| Lane::new(messages.get(lane).copied().unwrap_or_default()));
    let blocks = lanes.iter().map(Lane::blocks).max().unwrap_or_default();
    let mut state = START.map(|word| [u32x4::splat(word); VECTORS]);
    let mut sums = [[0; 16]; LANES];
    for block in 0..blocks {
        let blocks: [&[u8; BLOCK_BYTES]; LANES] = std::array::from_fn(|lane| lanes[lane].block(block));
        add_block(&mut state, &std::array::from_fn(|index| word(&blocks, index)));
        for (index, _) in lanes.iter().enumerate().filter(|(_, lane)| block + 1 == lane.blocks()) {
            for (bytes, word) in sums[index].chunks_exact_mut(4).zip(&state) {
                let word = word[index / VECTOR_LANES].as_array_ref()[index % VECTOR_LANES];
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
    }
    sums
}

/// The word at an index of each lane's block.
fn word(blocks: &[&[u8; BLOCK_BYTES]; LANES], index: usize) -> Words {
    let of = |lane: usize| {
        let (words, _) = blocks[lane].as_chunks::<4>();
        u32::from_le_bytes(words[index])
    };
    std::array::from_fn(|vector| u32x4::new(std::array::from_fn(|lane| of(vector * VECTOR_LANES + lane))))
}

/// A message in blocks.
struct Lane<'m> {
    whole: &'m [[u8; BLOCK_BYTES]],
    /// The last one or two, with the end of the message and what follows it.
    last: [[u8; BLOCK_BYTES]; 2],
    lasts: usize,
}

impl<'m> Lane<'m> {
    fn new(message: &'m [u8]) -> Lane<'m> {
        let (whole, rest) = message.as_chunks::<BLOCK_BYTES>();
        let lasts = if rest.len() + END_BYTES <= BLOCK_BYTES { 1 } else { 2 };
        let mut last = [[0; BLOCK_BYTES]; 2];
        last[0][..rest.len()].copy_from_slice(rest);
        last[0][rest.len()] = 0x80;
        let bits = (message.len() as u64).wrapping_mul(8);
        last[lasts - 1][BLOCK_BYTES - 8..].copy_from_slice(&bits.to_le_bytes());
        Lane { whole, last, lasts }
    }

    fn blocks(&self) -> usize {
        self.whole.len() + self.lasts
    }

    /// A block; any one when the message has ended before it.
    fn block(&self, index: usize) -> &[u8; BLOCK_BYTES] {
        let behind = || &self.last[(index - self.whole.len()).min(1)];
        self.whole.get(index).unwrap_or_else(behind)
    }
}

/// Adds a block to each lane's state.
fn add_block(state: &mut [Words; 4], words: &[Words; 16]) {
    let before = *state;
    let mix = |b: u32x4, c: u32x4, d: u32x4| d ^ (b & (c ^ d));
    round::<0, 7, 12, 17, 22>(state, |step| &words[step], mix);
    let mix = |b: u32x4, c: u32x4, d: u32x4| c ^ (d & (b ^ c));
    round::<1, 5, 9, 14, 20>(state, |step| &words[(5 * step + 1) % 16], mix);
    let mix = |b: u32x4, c: u32x4, d: u32x4| b ^ c ^ d;
    round::<2, 4, 11, 16, 23>(state, |step| &words[(3 * step + 5) % 16], mix);
    let ones = u32x4::splat(u32::MAX);
    let mix = |b: u32x4, c: u32x4, d: u32x4| c ^ (b | (d ^ ones));
    round::<3, 6, 10, 15, 21>(state, |step| &words[7 * step % 16], mix);
    for (words, before) in state.iter_mut().zip(before) {
        words.iter_mut().zip(before).for_each(|(word, before)| *word += before);
    }
}

/// The sixteen steps of a round, which rotate by `R0` to `R3` in turn.
#[inline(always)]
fn round<'w, const ROUND: usize, const R0: u32, const R1: u32, const R2: u32, const R3: u32>(
    [a, b, c, d]: &mut [Words; 4],
    word: impl Fn(usize) -> &'w Words,
    mix: impl Fn(u32x4, u32x4, u32x4) -> u32x4 + Copy,
) {
    for step in (0..16).step_by(4) {
        let sines = &SINES[16 * ROUND + step..];
        advance::<R0>(a, [b, c, d], word(step), sines[0], mix);
        advance::<R1>(d, [a, b, c], word(step + 1), sines[1], mix);
        advance::<R2>(c, [d, a, b], word(step + 2), sines[2], mix);
        advance::<R3>(b, [c, d, a], word(step + 3), sines[3], mix);
    }
}

/// One step of every lane.
#[inline(always)]
fn advance<const ROTATION: u32>(
    a: &mut Words,
    [b, c, d]: [&Words; 3],
    word: &Words,
    sine: u32,
    mix: impl Fn(u32x4, u32x4, u32x4) -> u32x4,
) {
    let sine = u32x4::splat(sine);
    for at in 0..VECTORS {
        let sum = a[at] + mix(b[at], c[at], d[at]) + (word[at] + sine);
        let rotated = (sum << ROTATION) | (sum >> (32 - ROTATION));
        a[at] = rotated + b[at];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(messages: &[Vec<u8>]) {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let expected: Vec<Sum> = messages.iter().map(|message| Md5::digest(message).into()).collect();
        assert_eq!(sums(&messages), expected);
    }

    fn message(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 + seed * 17 + at / 7) as u8).collect()
    }

    #[test]
    fn sums_are_those_of_each_message_alone_at_every_length_around_the_blocks() {
        for from in (0..=200).step_by(8) {
            check(&(0..LANES).map(|lane| message(from + lane, lane)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn messages_of_very_different_lengths_end_each_in_its_own_block() {
        check(&[message(10_000, 1), Vec::new(), message(64, 2), message(55, 3), message(1_024, 4)]);
        check(&(0..13).map(|index| message(index * index * 40, index)).collect::<Vec<_>>());
    }

    #[test]
    fn any_number_of_messages_is_summed() {
        for count in 0..=2 * LANES + 1 {
            check(&(0..count).map(|index| message(1_024, index)).collect::<Vec<_>>());
        }
    }
}
