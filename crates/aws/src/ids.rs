//! Random-looking identifiers as clients expect them: `8f14e45f-ceea-467f-a5e4-6b9c0d1e2f30`.
//!
//! Apart because request ids are drawn at random and message ids derived, and both are spelled alike.

use crate::hex;

/// Spells 128 bits as a version 4 identifier: six of the bits are the version's.
#[must_use]
pub fn uuid(bits: u128) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = bits & !VERSION & !VARIANT | 0x4 << 76 | 0b10 << 62;
    let bytes = bits.to_be_bytes();
    let mut text = String::with_capacity(36);
    for (index, group) in [0..4, 4..6, 6..8, 8..10, 10..16].into_iter().enumerate() {
        if index > 0 {
            text.push('-');
        }
        hex::push(&bytes[group], &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_its_place() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "01234567-89ab-4def-8123-456789abcdef");
    }
}
