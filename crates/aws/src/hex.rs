//! Bytes and numbers in hexadecimal digits.
//!
//! Apart because every reply has some, sums and ids, and the formatting machinery costs ten times as much as the digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Bytes as text, two small digits each.
pub(crate) fn spell(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push(bytes, &mut text);
    text
}

/// Sixteen bytes, a sum or an id, as text: each message has some of these, and digits that are put in their places cost a
/// fifth of digits that are appended.
pub(crate) fn spell_sum(sum: &[u8; 16]) -> String {
    let mut text = [0; 32];
    put(sum, &mut text);
    ascii(&text).to_owned()
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
        assert_eq!(sums.iter().map(spell_sum).collect::<String>(), slowly);
    }
}
