//! Values of attributes, read from text.
//!
//! Apart because all of them are text on the wire, in ranges that Amazon checks in one sentence.

use crate::sqs::errors::SqsError;
use core::ops::RangeInclusive;

/// The refusal of a value.
pub(super) fn invalid(name: &str) -> SqsError {
    SqsError::InvalidAttributeValue(format!("Invalid value for the parameter {name}."))
}

/// A whole number in a range.
pub(super) fn number(name: &str, text: &str, range: RangeInclusive<i64>) -> Result<i64, SqsError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && range.contains(number));
    number.ok_or_else(|| invalid(name))
}

/// `true` or `false`, in any case.
pub(super) fn boolean(name: &str, text: &str) -> Result<bool, SqsError> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(invalid(name))
    }
}

/// One of some words.
pub(super) fn word<T: Copy>(name: &str, text: &str, words: &[(&str, T)]) -> Result<T, SqsError> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| invalid(name))
}
