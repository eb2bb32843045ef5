//! Message attributes: named, typed values beside a body.
//!
//! Apart because their rules are many and each has a sentence of its own: names and types up to 256 characters, three
//! kinds of type with any suffix, no lists, no empty values.

use crate::sqs::errors::SqsError;
use crate::sqs::limits::{ATTRIBUTE_NAME_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX};
use crate::sqs::message::is_legal;
use crate::value::{List, Map, Text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use std::borrow::Cow;

/// An attribute as it was sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawAttribute<'a> {
    #[serde(borrow, rename = "DataType")]
    data_type: Option<Text<'a>>,
    #[serde(borrow, rename = "StringValue")]
    string_value: Option<Text<'a>>,
    /// In base64.
    #[serde(borrow, rename = "BinaryValue")]
    binary_value: Option<Text<'a>>,
    #[serde(borrow, rename = "StringListValues", alias = "StringListValue")]
    string_list_values: List<Text<'a>, 0>,
    #[serde(borrow, rename = "BinaryListValues", alias = "BinaryListValue")]
    binary_list_values: List<Text<'a>, 0>,
}

impl RawAttribute<'_> {
    /// Bytes of type and value; of a binary value those it has when decoded.
    pub(crate) fn bytes(&self) -> usize {
        let length = |text: &Option<Text<'_>>| text.as_ref().map_or(0, |text| text.len());
        let padding = |text: &Text<'_>| text.bytes().rev().take_while(|byte| *byte == b'=').count();
        let decoded =
            self.binary_value.as_ref().map_or(0, |text| (text.len() / 4 * 3).saturating_sub(padding(text)));
        length(&self.data_type) + length(&self.string_value) + decoded
    }
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    /// Its name.
    pub(crate) name: Cow<'a, str>,
    /// Its type: `String`, `Number` or `Binary`, and what follows.
    pub(crate) data_type: Cow<'a, str>,
    /// Its value.
    pub(crate) value: Value<'a>,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Of types `String` and `Number`.
    Text(Cow<'a, str>),
    /// Of type `Binary`.
    Binary(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The value's bytes.
    #[must_use]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
        }
    }
}

impl Attribute<'_> {
    /// The same as one's own.
    pub(crate) fn into_owned(self) -> Attribute<'static> {
        let value = match self.value {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Binary(bytes) => Value::Binary(Cow::Owned(bytes.into_owned())),
        };
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Attribute { name: own(self.name), data_type: own(self.data_type), value }
    }

    /// What it adds to a message's size.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.as_bytes().len()
    }
}

/// The attributes of a message to be sent, checked.
///
/// # Errors
/// In Amazon's order and words, for the first attribute that breaks a rule.
pub(crate) fn attributes<'a>(
    raw: Map<'a, RawAttribute<'a>, MESSAGE_ATTRIBUTES_MAX>,
) -> Result<Vec<Attribute<'a>>, SqsError> {
    if raw.sent > MESSAGE_ATTRIBUTES_MAX {
        return invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MESSAGE_ATTRIBUTES_MAX}].",
            raw.sent
        ));
    }
    let mut attributes: Vec<Attribute<'a>> = Vec::with_capacity(raw.entries.len());
    for (name, raw) in raw.entries {
        check_name(&name)?;
        if attributes.iter().any(|known| known.name == name.0) {
            return invalid(format!("Message (user) attribute name '{name}' already exists."));
        }
        attributes.push(attribute(name, raw)?);
    }
    Ok(attributes)
}

fn invalid<T>(message: impl Into<String>) -> Result<T, SqsError> {
    Err(SqsError::InvalidParameterValue(message.into()))
}

fn check_name(name: &str) -> Result<(), SqsError> {
    if name.is_empty() {
        return invalid("The request must contain non-empty message (user) attribute names.");
    }
    if name.len() > ATTRIBUTE_NAME_CHARS_MAX {
        return invalid("Message (user) attribute name must be shorter than 256 bytes.");
    }
    if is_reserved(name) {
        return invalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved \
             for internal use.",
        );
    }
    if !is_attribute_name(name) {
        return invalid(
            "Invalid character was found in the message (user) attribute name. Can only include alphanumeric \
             characters, hyphens, underscores, or periods, and no period at either end or twice in a row.",
        );
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    ["aws.", "amazon."]
        .iter()
        .any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// Whether a client could have given an attribute this name: a rule that other protocols' headers are held to as well.
pub(crate) fn is_attribute_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(legal)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !is_reserved(name)
}

fn attribute<'a>(name: Text<'a>, raw: RawAttribute<'a>) -> Result<Attribute<'a>, SqsError> {
    if raw.string_list_values.sent > 0 || raw.binary_list_values.sent > 0 {
        let sentence = "Message attribute list values in SendMessage operation are not supported.";
        return Err(SqsError::UnsupportedOperation(sentence.to_owned()));
    }
    if raw.string_value.is_none() && raw.binary_value.is_none() {
        return invalid(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute value."
        ));
    }
    let data_type = raw.data_type.filter(|data_type| !data_type.is_empty());
    let Some(data_type) = data_type else {
        return invalid(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute type."
        ));
    };
    if data_type.len() > ATTRIBUTE_NAME_CHARS_MAX {
        return invalid("Message (user) attribute type must be shorter than 256 bytes.");
    }
    let Some(kind) = ["Binary", "Number", "String"].into_iter().find(|kind| data_type.starts_with(kind))
    else {
        return invalid(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type \
             prefixes: Binary, Number, String."
        ));
    };
    let value = value(&name, kind, raw.string_value, raw.binary_value)?;
    if value.as_bytes().is_empty() {
        return invalid(format!(
            "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        ));
    }
    Ok(Attribute { name: name.0, data_type: data_type.0, value })
}

fn value<'a>(
    name: &str,
    kind: &str,
    string_value: Option<Text<'a>>,
    binary_value: Option<Text<'a>>,
) -> Result<Value<'a>, SqsError> {
    match (kind, string_value, binary_value) {
        ("Binary", None, Some(base64)) => match BASE64.decode(base64.as_bytes()) {
            Ok(bytes) => Ok(Value::Binary(Cow::Owned(bytes))),
            Err(_) => Err(SqsError::Serialization(format!(
                "The value of message (user) attribute '{name}' is not valid base64."
            ))),
        },
        ("String" | "Number", Some(text), None) => {
            if !is_legal(&text) {
                return Err(SqsError::InvalidMessageContents);
            }
            if kind == "Number" && !text.is_empty() && !is_number(&text) {
                return invalid(format!(
                    "Can't cast the value of message (user) attribute '{name}' to a number."
                ));
            }
            Ok(Value::Text(text.0))
        }
        _ => {
            let field = if kind == "Binary" { "Binary" } else { "String" };
            invalid(format!(
                "The message (user) attribute '{name}' with type '{kind}' must use field '{field}'."
            ))
        }
    }
}

/// Whether text is a decimal number that Amazon could hold.
fn is_number(text: &str) -> bool {
    let begins = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    let digits = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().next().is_some_and(begins);
    digits && text.parse::<f64>().is_ok_and(|number| number.abs() <= 1e128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Vec<Attribute<'_>>, SqsError> {
        attributes(serde_json::from_str(json).unwrap())
    }

    fn says(json: &str) -> String {
        match check(json).unwrap_err() {
            SqsError::InvalidParameterValue(sentence)
            | SqsError::UnsupportedOperation(sentence)
            | SqsError::Serialization(sentence) => sentence,
            error => format!("{error:?}"),
        }
    }

    #[test]
    fn the_three_kinds_are_taken_with_any_suffix() {
        let json = r#"{"s":{"DataType":"String.uuid","StringValue":"x"},
            "n":{"DataType":"Number.bigint","StringValue":"-1234567890123456789012.5e3"},
            "b":{"DataType":"Binary.gif","BinaryValue":"AAH/"}}"#;
        let attributes = check(json).unwrap();
        assert_eq!(attributes[0].value, Value::Text("x".into()));
        assert_eq!(attributes[2].value.as_bytes(), [0, 1, 255]);
        assert_eq!(attributes[2].bytes(), 1 + 10 + 3);
    }

    #[test]
    fn every_rule_has_its_sentence() {
        let string = |name: &str| format!("{{\"{name}\":{{\"DataType\":\"String\",\"StringValue\":\"v\"}}}}");
        for (json, sentence) in [
            (string(""), "non-empty message (user) attribute names"),
            (string(&"a".repeat(257)), "name must be shorter than 256 bytes"),
            (string("AWS.x"), "beginning with 'AWS.' or 'Amazon.'"),
            (string("aMaZoN.x"), "beginning with 'AWS.' or 'Amazon.'"),
            (string("a b"), "Invalid character"),
            (string(".a"), "no period at either end"),
            (string("a..b"), "no period at either end"),
            (r#"{"A":{}}"#.to_owned(), "'A' must contain a non-empty message attribute value."),
            (
                r#"{"A":{"StringValue":"v"}}"#.to_owned(),
                "'A' must contain a non-empty message attribute type.",
            ),
            (
                r#"{"A":{"DataType":"Text","StringValue":"v"}}"#.to_owned(),
                "type prefixes: Binary, Number, String.",
            ),
            (
                format!("{{\"A\":{{\"DataType\":\"String.{}\",\"StringValue\":\"v\"}}}}", "a".repeat(250)),
                "type must be shorter than 256 bytes",
            ),
            (
                r#"{"A":{"DataType":"StringList","StringListValues":["v"]}}"#.to_owned(),
                "Message attribute list values in SendMessage operation are not supported.",
            ),
            (
                r#"{"A":{"DataType":"String","StringValue":""}}"#.to_owned(),
                "Message (user) attribute 'A' must contain a non-empty value of type 'String'.",
            ),
            (
                r#"{"A":{"DataType":"Binary","BinaryValue":""}}"#.to_owned(),
                "non-empty value of type 'Binary'",
            ),
            (r#"{"A":{"DataType":"Binary","BinaryValue":"?"}}"#.to_owned(), "not valid base64"),
            (r#"{"A":{"DataType":"Binary","StringValue":"v"}}"#.to_owned(), "must use field 'Binary'"),
            (r#"{"A":{"DataType":"String","BinaryValue":"AA=="}}"#.to_owned(), "must use field 'String'"),
            (
                r#"{"A":{"DataType":"Number","StringValue":"world"}}"#.to_owned(),
                "Can't cast the value of message (user) attribute 'A' to a number.",
            ),
            (r#"{"A":{"DataType":"String","StringValue":"\u0001"}}"#.to_owned(), "InvalidMessageContents"),
        ] {
            let said = says(&json);
            assert!(said.contains(sentence), "{json}: {said}");
        }
        let value = r#"{"DataType":"String","StringValue":"v"}"#;
        let eleven: Vec<String> = (0..11).map(|n| format!("\"a{n}\":{value}")).collect();
        let said = says(&format!("{{{}}}", eleven.join(",")));
        assert_eq!(said, "Number of message attributes [11] exceeds the allowed maximum [10].");
        assert!(says(&format!("{{\"a\":{value},\"a\":{value}}}")).contains("'a' already exists"));
    }

    #[test]
    fn numbers_are_decimal() {
        for text in ["0", "-1", "+1", "1.5", ".5", "1e10", "1E-7"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "inf", "-inf", "nan", "NaN", "0x10", "1,5", "e5", "1e200", "-", " 1"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
