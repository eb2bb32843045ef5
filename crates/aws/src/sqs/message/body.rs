//! Bodies: which characters they may have.
//!
//! Apart because a body that was put in by another protocol is held to the same rule on its way out.

use crate::sqs::errors::SqsError;

/// Whether text has only characters that XML can carry, which is Amazon's rule: no controls but tab and line ends, and
/// not the two that are no characters at the end of the basic plane.
pub(crate) fn is_legal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut controls = bytes.iter().filter(|byte| **byte < 0x20);
    if controls.any(|byte| !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return false;
    }
    // U+FFFE and U+FFFF are the only others that are not allowed; both begin so.
    !text.contains(['\u{fffe}', '\u{ffff}'])
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
