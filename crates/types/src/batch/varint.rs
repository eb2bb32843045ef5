//! Zigzag varints, at most 5 bytes for 32 bits and 10 for 64.
//!
//! Apart because every field of a record is one, so that bounds and overlong forms are dealt with in one place.

use alloc::vec::Vec;

/// A reading position in borrowed bytes. Every method returns `None`, and nothing else, when the bytes are not
/// enough or not well-formed: the caller knows which record it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A signed 32-bit number in at most 5 bytes.
    pub(super) fn varint(&mut self) -> Option<i32> {
        let raw = u32::try_from(self.groups(5)?).ok()?;
        Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// A signed 64-bit number in at most 10 bytes.
    pub(super) fn varlong(&mut self) -> Option<i64> {
        let raw = self.groups(10)?;
        Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// Groups of 7 bits, the highest bit of each byte telling whether another follows.
    fn groups(&mut self, bytes_max: u32) -> Option<u64> {
        let mut value = 0u64;
        for index in 0..bytes_max {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            let shifted = group << (7 * index);
            // The tenth group has room for one bit; what would be shifted out is refused, not dropped.
            if shifted >> (7 * index) != group {
                return None;
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Bytes with their length before them.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    /// Bytes with their length before them, −1 for null.
    pub(super) fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1).cast_unsigned() ^ (value >> 63).cast_unsigned()
}

/// Bytes that `value` takes.
pub(super) fn encoded_bytes(value: i64) -> usize {
    let bits = (u64::BITS - zigzag(value).leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

/// Appends `value`. A number that fits 32 bits is encoded the same whether it is read as 32 or 64 bits.
pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest > 0x7f {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
