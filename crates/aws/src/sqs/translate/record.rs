//! Messages as records, and records as messages: SQS's part of `docs/mapping.md`.
//!
//! Apart because it is the one place where both shapes are known. The body is the value, the message group the key, an
//! attribute a header under its own name with its plain value. What other protocols have no place for stands in headers
//! beginning with `sqs.`, so that a message comes back as it was sent, and a record that came from elsewhere still has an
//! answer to every question that an SQS client asks.

use crate::sqs::limits::{GROUP_ID_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX};
use crate::sqs::message::{Attribute, Value, is_attribute_name, is_legal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use millstream_front::reserved::is_reserved;
use millstream_types::batch::{BatchBuilder, BatchError, RecordView};
use millstream_types::dead_letter::DeadLetter;
use millstream_types::{Offset, RecordTime};
use std::borrow::Cow;

/// Begins the type of an attribute that is not of type `String`: `sqs.type.<name>`.
const TYPE: &str = "sqs.type.";
/// Begins the value of an attribute whose own name could be taken for a protocol's header: `sqs.attribute.<name>`.
const ESCAPED: &str = "sqs.attribute.";
/// The deduplication id.
const DEDUPLICATION_ID: &str = "sqs.deduplication-id";
/// The trace header.
const TRACE_HEADER: &str = "sqs.trace-header";
/// The attribute that says that a body is in base64, because the record's value is not text.
const BODY_ENCODING: &str = "millstream.body-encoding";

/// A message, sent or to be received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) body: Cow<'a, str>,
    /// In the order of the headers.
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) group: Option<Cow<'a, str>>,
    pub(crate) deduplication_id: Option<Cow<'a, str>>,
    pub(crate) trace_header: Option<Cow<'a, str>>,
    pub(crate) sent: RecordTime,
    /// Where it was before it was dead-lettered.
    pub(crate) origin: Option<Origin>,
}

/// The place of a message that was dead-lettered, in the stream that it was sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The stream's name.
    pub(crate) stream: Box<str>,
    /// Index of the log.
    pub(crate) log: u32,
    pub(crate) offset: Offset,
}

/// Adds a message to a batch.
///
/// # Errors
/// Those of [`BatchBuilder::push`].
pub(crate) fn push_record(builder: &mut BatchBuilder, message: &Message<'_>) -> Result<(), BatchError> {
    let mut headers: Vec<(Cow<'_, str>, &[u8])> = Vec::with_capacity(2 * message.attributes.len() + 2);
    for Attribute { name, data_type, value } in &message.attributes {
        let own = if is_reserved(name) { format!("{ESCAPED}{name}").into() } else { Cow::Borrowed(&**name) };
        headers.push((own, value.as_bytes()));
        if data_type != "String" {
            headers.push((format!("{TYPE}{name}").into(), data_type.as_bytes()));
        }
    }
    let properties = [(DEDUPLICATION_ID, &message.deduplication_id), (TRACE_HEADER, &message.trace_header)];
    for (name, property) in properties {
        headers.extend(property.as_ref().map(|property| (Cow::Borrowed(name), property.as_bytes())));
    }
    let key = message.group.as_ref().map(|group| group.as_bytes());
    let headers = headers.iter().map(|(name, value)| (&**name, Some(*value)));
    builder.push_with(message.sent, key, Some(message.body.as_bytes()), headers)
}

impl<'a> Message<'a> {
    /// What an SQS client sees of a record, wherever it came from.
    pub(crate) fn of(record: &RecordView<'a>) -> Message<'a> {
        let text = |name: &str| {
            let value = record.headers.first(name).flatten()?;
            std::str::from_utf8(value).ok().map(Cow::Borrowed)
        };
        let mut attributes = Vec::new();
        let body = match as_text(record.value.unwrap_or_default()) {
            Some(text) => Cow::Borrowed(text),
            None => {
                attributes.push(Attribute {
                    name: BODY_ENCODING.into(),
                    data_type: "String".into(),
                    value: Value::Text("base64".into()),
                });
                Cow::Owned(BASE64.encode(record.value.unwrap_or_default()))
            }
        };
        for (name, value) in record.headers {
            if attributes.len() == MESSAGE_ATTRIBUTES_MAX {
                break;
            }
            let name = match name.strip_prefix(ESCAPED) {
                Some(name) => name,
                None if is_reserved(name) => continue,
                None => name,
            };
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            if is_attribute_name(name) && attributes.iter().all(|known| known.name != name) {
                attributes.push(attribute(name, value, text(&format!("{TYPE}{name}"))));
            }
        }
        Message {
            body,
            attributes,
            group: record.key.and_then(group),
            deduplication_id: text(DEDUPLICATION_ID),
            trace_header: text(TRACE_HEADER),
            sent: record.timestamp,
            origin: DeadLetter::parse(record.headers).map(|letter| Origin {
                stream: letter.source,
                log: letter.log,
                offset: letter.offset,
            }),
        }
    }
}

/// Bytes as text that a body or an attribute may be.
fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| is_legal(text))
}

/// The key as a message group, if it can be one.
fn group(key: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(key).ok()?;
    is_group_id(text).then_some(Cow::Borrowed(text))
}

/// Whether text may be a group id, a deduplication id or an attempt id: 1 to 128 letters, digits and punctuation.
pub(crate) fn is_group_id(text: &str) -> bool {
    (1..=GROUP_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A header as an attribute. What says that it is text, but is not, is binary.
fn attribute<'a>(name: &'a str, value: &'a [u8], data_type: Option<Cow<'a, str>>) -> Attribute<'a> {
    let name = Cow::Borrowed(name);
    let kind = |prefix: &str| data_type.as_ref().is_some_and(|known| known.starts_with(prefix));
    match as_text(value) {
        Some(text) if !kind("Binary") => {
            let known = kind("String") || kind("Number");
            let data_type = data_type.filter(|_| known).unwrap_or(Cow::Borrowed("String"));
            Attribute { name, data_type, value: Value::Text(text.into()) }
        }
        Some(_) | None => {
            let known = kind("Binary");
            let data_type = data_type.filter(|_| known).unwrap_or(Cow::Borrowed("Binary"));
            Attribute { name, data_type, value: Value::Binary(value.into()) }
        }
    }
}
