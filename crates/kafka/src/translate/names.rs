//! Topic names: which of the core's names Kafka can spell.
//!
//! Apart because a stream may have a name that no Kafka client can say; such a stream is neither listed nor reached here (R16).

use crate::errors::{ErrorCode, Failure};
use crate::limits::TOPIC_NAME_BYTES_MAX;

/// Whether Kafka can spell the name: 1 to 249 of `a–z A–Z 0–9 . _ -`, and neither `.` nor `..`.
pub(crate) fn is_topic_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=TOPIC_NAME_BYTES_MAX).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(legal)
}

/// Refuses what Kafka cannot spell.
pub(crate) fn check_topic_name(name: &str) -> Result<(), ErrorCode> {
    if is_topic_name(name) { Ok(()) } else { Err(ErrorCode::INVALID_TOPIC_EXCEPTION) }
}

/// [`check_topic_name`], with a sentence.
pub(crate) fn topic_name_failure(name: &str) -> Result<(), Failure> {
    let rule = "a topic's name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is neither '.' nor '..'";
    check_topic_name(name).map_err(|code| Failure::new(code, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_spells_what_kafka_spells() {
        for name in ["a", "orders", "a.b_c-D9", &"x".repeat(249)] {
            assert!(is_topic_name(name), "{name}");
        }
        for name in ["", ".", "..", "a b", "ü", "a/b", &"x".repeat(250)] {
            assert!(!is_topic_name(name), "{name}");
        }
    }
}
