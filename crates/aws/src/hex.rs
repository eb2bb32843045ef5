//! Bytes and numbers in hexadecimal digits.
//!
//! Apart because every reply has some, sums and ids, and the formatting machinery costs ten times as much as the digits. Those
//! whose length is known are kept in place ([`Ascii`]): each message has several, for as long as it takes to copy them into a
//! reply.

use core::fmt;
use core::ops::Deref;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes as text, two small digits each.
pub(crate) fn spell(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push(bytes, &mut text);
    text
}

/// Sixteen bytes, a sum or an id, as text: digits that are put in their places cost a fifth of digits that are appended.
pub(crate) fn spell_sum(sum: &[u8; 16]) -> Ascii<32> {
    let mut text = [0; 32];
    put(sum, &mut text);
    Ascii::new(text)
}

/// Text of a known length, of nothing but ASCII.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ascii<const N: usize>([u8; N]);

impl<const N: usize> Ascii<N> {
    /// The text of these bytes.
    ///
    /// # Panics
    /// When they are not ASCII.
    pub(crate) fn new(bytes: [u8; N]) -> Ascii<N> {
        assert!(bytes.is_ascii(), "digits and the like");
        Ascii(bytes)
    }
}

impl<const N: usize> Deref for Ascii<N> {
    type Target = str;

    fn deref(&self) -> &str {
        ascii(&self.0)
    }
}

impl<const N: usize> fmt::Display for Ascii<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<const N: usize> fmt::Debug for Ascii<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Appends bytes, two small digits each.
pub(crate) fn push(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push_str(ascii(&digits(*byte)));
    }
}

/// Puts the digits of bytes into their places; both are as long as that takes.
pub(crate) fn put(bytes: &[u8], text: &mut [u8]) {
    let (pairs, _) = text.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = digits(*byte);
    }
}

/// Digits as text.
pub(crate) fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits and hyphens are text")
}

fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(spell(&[0, 1, 0x0f, 0x10, 0xab, 0xff]), "00010f10abff");
        let all: Vec<u8> = (0..=255).collect();
        let slowly: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(spell(&all), slowly);
        let (sums, _) = all.as_chunks::<16>();
        assert_eq!(sums.iter().map(|sum| spell_sum(sum).to_string()).collect::<String>(), slowly);
    }
}
