//! Random-looking identifiers as clients expect them: `8f14e45f-ceea-467f-a5e4-6b9c0d1e2f30`.
//!
//! Apart because request ids are drawn at random and message ids derived, and both are spelled alike.

use crate::hex::{self, Ascii};

/// Spells 128 bits as a version 4 identifier: six of the bits are the version's.
#[must_use]
pub(crate) fn uuid(bits: u128) -> Ascii<36> {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = bits & !VERSION & !VARIANT | 0x4 << 76 | 0b10 << 62;
    let bytes = bits.to_be_bytes();
    let mut text = [b'-'; 36];
    for (from, to, at) in [(0, 4, 0), (4, 6, 9), (6, 8, 14), (8, 10, 19), (10, 16, 24)] {
        hex::put(&bytes[from..to], &mut text[at..at + 2 * (to - from)]);
    }
    Ascii::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_its_place() {
        assert_eq!(&*uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(&*uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(&*uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "01234567-89ab-4def-8123-456789abcdef");
    }
}
