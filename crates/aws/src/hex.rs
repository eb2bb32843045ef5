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

/// Appends bytes, two small digits each.
pub(crate) fn push(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
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
    }
}
