//! Bodies: which characters they may have.
//!
//! Apart because a body that was put in by another protocol is held to the same rule on its way out.

use crate::sqs::errors::SqsError;

/// Whether text has only characters that XML can carry, which is Amazon's rule: no controls but tab and line ends, and
/// not the two that are no characters at the end of the basic plane.
pub(crate) fn is_legal(text: &str) -> bool {
    // All bytes are looked at without a branch, several at once: every message is, on its way in and on its way out.
    let doubtful = text.bytes().fold(false, |doubtful, byte| doubtful | (byte < 0x20) | (byte == FFFE_FIRST));
    !doubtful || text.chars().all(is_legal_char)
}

/// The first byte of U+FFFE and U+FFFF, and of 4,094 others.
const FFFE_FIRST: u8 = 0xef;

fn is_legal_char(char: char) -> bool {
    match char {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        char => char >= ' ',
    }
}

/// The body of a message to be sent.
pub(crate) fn check_body(body: Option<&str>) -> Result<&str, SqsError> {
    let body = body.filter(|body| !body.is_empty()).ok_or(SqsError::MissingParameter("MessageBody"))?;
    if is_legal(body) { Ok(body) } else { Err(SqsError::InvalidMessageContents) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_can_carry_is_legal() {
        for text in ["", "a\tb\r\nc", "\u{7f}\u{85}ü€😀\u{d7ff}\u{e000}\u{fffd}\u{10ffff}\u{1fffe}"] {
            assert!(is_legal(text), "{text:?}");
        }
        for text in ["\0", "\u{1}", "a\u{b}", "\u{1f}", "\u{fffe}", "x\u{ffff}"] {
            assert!(!is_legal(text), "{text:?}");
        }
    }

    #[test]
    fn an_empty_body_is_a_missing_one() {
        assert_eq!(check_body(None), Err(SqsError::MissingParameter("MessageBody")));
        assert_eq!(check_body(Some("")), Err(SqsError::MissingParameter("MessageBody")));
        assert_eq!(check_body(Some("\u{1}")), Err(SqsError::InvalidMessageContents));
        assert_eq!(check_body(Some("a")), Ok("a"));
    }
}
