//! Percent-encoding: of form fields, and of what signatures are made over.
//!
//! Apart because both need it, and signatures need it exact: every byte but `A–Z a–z 0–9 - . _ ~` is encoded, in
//! capital digits.

use std::borrow::Cow;

/// Whether `+` means a space, as in form fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    Space,
    Itself,
}

/// Decodes text; `None` when an escape is cut off or wrong, or the result is not UTF-8. Text without escapes is borrowed.
pub(crate) fn decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let special = |byte: u8| byte == b'%' || (byte == b'+' && plus == Plus::Space);
    let Some(first) = text.bytes().position(special) else { return Some(Cow::Borrowed(text)) };
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend_from_slice(&text.as_bytes()[..first]);
    let mut rest = &text.as_bytes()[first..];
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'%' => {
                let (digits, tail) = rest.split_first_chunk::<2>()?;
                decoded.push(hex_digit(digits[0])? << 4 | hex_digit(digits[1])?);
                rest = tail;
            }
            b'+' if plus == Plus::Space => decoded.push(b' '),
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// The value of a hexadecimal digit.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends text, encoded.
pub(crate) fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_left_alone_when_plain() {
        assert!(matches!(decode("plain", Plus::Space), Some(Cow::Borrowed("plain"))));
        assert_eq!(decode("a+b%20c%C3%BC%e2%82%ac", Plus::Space).as_deref(), Some("a b cü€"));
        assert_eq!(decode("a+b", Plus::Itself).as_deref(), Some("a+b"));
        for wrong in ["%", "%4", "%zz", "%ff", "x%c3", "%+1"] {
            assert_eq!(decode(wrong, Plus::Space), None, "{wrong}");
        }
    }

    #[test]
    fn everything_but_the_unreserved_is_encoded() {
        let mut out = String::new();
        encode("aZ0-._~ /+%ü", &mut out);
        assert_eq!(out, "aZ0-._~%20%2F%2B%25%C3%BC");
        assert_eq!(decode(&out, Plus::Itself).as_deref(), Some("aZ0-._~ /+%ü"));
    }
}
