//! Messages as records, and records as messages: AMQP's part of `docs/mapping.md`.
//!
//! Apart because it is the one place where both shapes are known. The body is the value and the key is null; a field of
//! the headers table is a header under its own name with its plain value. What that loses (how wide a number is,
//! tables in tables) stands in one reserved header, the table as it was sent; a table of strings needs none. The other
//! properties are reserved headers of text. Exchange and routing key are left out where they say no more than the
//! stream's name does.

use super::deaths;
use super::streams::STREAM_OFFSET;
use crate::codec::{Properties, Table, TableBuilder, Value};
use bytes::Bytes;
use millstream_front::reserved::is_reserved;
use millstream_types::batch::{BatchBuilder, BatchError, Record};
use millstream_types::dead_letter;
use millstream_types::routed;
use millstream_types::{Offset, RecordTime};
use std::borrow::Cow;

/// The headers table as it was sent.
const HEADERS: &str = "amqp.headers";
const EXCHANGE: &str = routed::BY;
const ROUTING_KEY: &str = routed::KEY;
const CONTENT_TYPE: &str = "amqp.content-type";
const CONTENT_ENCODING: &str = "amqp.content-encoding";
const DELIVERY_MODE: &str = "amqp.delivery-mode";
const PRIORITY: &str = "amqp.priority";
const CORRELATION_ID: &str = "amqp.correlation-id";
const REPLY_TO: &str = "amqp.reply-to";
const EXPIRATION: &str = "amqp.expiration";
const MESSAGE_ID: &str = "amqp.message-id";
const TIMESTAMP: &str = "amqp.timestamp";
const TYPE: &str = "amqp.type";
const USER_ID: &str = "amqp.user-id";
const APP_ID: &str = "amqp.app-id";
const CLUSTER_ID: &str = "amqp.cluster-id";
/// Receivers that nobody else is to see: taken away before the message is stored.
const BLIND_COPIES: &str = "BCC";
const COPIES: &str = "CC";

/// A message on its way into a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
    pub(crate) properties: &'a Properties<'a>,
    /// In the parts in which it came.
    pub(crate) body: &'a [Bytes],
}

impl Message<'_> {
    /// Whether the name of a stream says how it came there, so that its record need not.
    pub(crate) fn names(&self, stream: &str) -> bool {
        self.exchange.is_empty() && self.routing_key == stream
    }
}

/// A record as it is delivered.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
    pub(crate) properties: Properties<'a>,
    pub(crate) body: Bytes,
}

/// What a queue tells of a record beside what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// How often it was delivered before; nothing is said of the first time.
    Deliveries(u32),
    /// Where it is in its stream.
    Offset(Offset),
}

impl Told {
    fn header(self) -> Option<(&'static str, Value<'static>)> {
        match self {
            Told::Deliveries(0) => None,
            Told::Deliveries(count) => Some(("x-delivery-count", Value::I64(count.into()))),
            // Offsets are less than this by far: they count records.
            Told::Offset(offset) => {
                Some((STREAM_OFFSET, Value::I64(i64::try_from(offset.0).unwrap_or(i64::MAX))))
            }
        }
    }
}

/// Adds a message to a batch of the stream of a name.
///
/// # Errors
/// Those of [`BatchBuilder::push`].
pub(crate) fn push_record(
    builder: &mut BatchBuilder,
    now: RecordTime,
    stream: &str,
    message: &Message<'_>,
) -> Result<(), BatchError> {
    let properties = message.properties;
    let mut headers: Vec<(&str, Option<Cow<'_, [u8]>>)> = Vec::with_capacity(16);
    let without_copies;
    let mut table = properties.headers.unwrap_or_default();
    if table.find(BLIND_COPIES).is_some() {
        let mut kept = TableBuilder::default();
        table.iter().filter(|(name, _)| *name != BLIND_COPIES).for_each(|(name, value)| {
            kept.put(name, value);
        });
        without_copies = kept;
        table = without_copies.table();
    }
    let mut is_plain = true;
    for (name, value) in table.iter() {
        is_plain &= matches!(value, Value::Long(_)) && !is_reserved(name);
        if !is_reserved(name)
            && let Some(value) = plain(value)
        {
            headers.push((name, value));
        }
    }
    let mut own = |name: &'static str, value: Option<Cow<'_, str>>| {
        if let Some(value) = value {
            headers.push((name, Some(Cow::Owned(value.into_owned().into_bytes()))));
        }
    };
    let number = |value: Option<u8>| value.map(|value| Cow::Owned(value.to_string()));
    own(CONTENT_TYPE, properties.content_type.map(Cow::Borrowed));
    own(CONTENT_ENCODING, properties.content_encoding.map(Cow::Borrowed));
    own(DELIVERY_MODE, number(properties.delivery_mode));
    own(PRIORITY, number(properties.priority));
    own(CORRELATION_ID, properties.correlation_id.map(Cow::Borrowed));
    own(REPLY_TO, properties.reply_to.map(Cow::Borrowed));
    own(EXPIRATION, properties.expiration.map(Cow::Borrowed));
    own(MESSAGE_ID, properties.message_id.map(Cow::Borrowed));
    own(TIMESTAMP, properties.timestamp.map(|seconds| Cow::Owned(seconds.to_string())));
    own(TYPE, properties.message_type.map(Cow::Borrowed));
    own(USER_ID, properties.user_id.map(Cow::Borrowed));
    own(APP_ID, properties.app_id.map(Cow::Borrowed));
    own(CLUSTER_ID, properties.cluster_id.map(Cow::Borrowed));
    if !message.names(stream) {
        own(EXCHANGE, Some(Cow::Borrowed(message.exchange)));
        own(ROUTING_KEY, Some(Cow::Borrowed(message.routing_key)));
    }
    // An empty table is another thing than none.
    if !is_plain || properties.headers.is_some_and(|sent| sent.is_empty()) {
        headers.push((HEADERS, Some(Cow::Borrowed(table.bytes()))));
    }
    let headers = headers.iter().map(|(name, value)| (*name, value.as_deref()));
    builder.push_parts(now, None, Some(message.body), headers)
}

/// A value as other protocols see it; `None` for what they cannot see at all. The inner `None` is no value.
fn plain(value: Value<'_>) -> Option<Option<Cow<'_, [u8]>>> {
    let text = |text: String| Some(Some(Cow::Owned(text.into_bytes())));
    match value {
        Value::Long(bytes) | Value::Bytes(bytes) => Some(Some(Cow::Borrowed(bytes))),
        Value::Bool(is) => text(is.to_string()),
        Value::F32(number) => text(number.to_string()),
        Value::F64(number) => text(number.to_string()),
        Value::Timestamp(seconds) => text(seconds.to_string()),
        Value::Void => Some(None),
        Value::Decimal { .. } | Value::Table(_) | Value::Array(_) => None,
        Value::I8(_)
        | Value::U8(_)
        | Value::I16(_)
        | Value::U16(_)
        | Value::I32(_)
        | Value::U32(_)
        | Value::I64(_) => text(value.as_integer().unwrap_or_default().to_string()),
    }
}

/// What a consumer sees of a record of a queue, wherever the record came from, with what the queue tells of it.
pub(crate) fn show<'a>(
    record: &'a Record,
    queue: &'a str,
    told: Option<Told>,
    table: &'a mut TableBuilder,
) -> Shown<'a> {
    let mut properties = Properties::default();
    let (mut exchange, mut sent_key) = ("", None);
    let mut sent: Option<Table<'a>> = None;
    let mut has_own = false;
    let mut is_dead = false;
    for (name, value) in record.headers() {
        if !is_reserved(name) {
            has_own = true;
            continue;
        }
        let text =
            || value.and_then(|value| core::str::from_utf8(value).ok()).filter(|text| text.len() <= 255);
        match name {
            HEADERS => sent = value.and_then(|bytes| Table::of(bytes).ok()),
            EXCHANGE => exchange = text().unwrap_or(exchange),
            ROUTING_KEY => sent_key = text(),
            CONTENT_TYPE => properties.content_type = text(),
            CONTENT_ENCODING => properties.content_encoding = text(),
            DELIVERY_MODE => properties.delivery_mode = text().and_then(|text| text.parse().ok()),
            PRIORITY => properties.priority = text().and_then(|text| text.parse().ok()),
            CORRELATION_ID => properties.correlation_id = text(),
            REPLY_TO => properties.reply_to = text(),
            EXPIRATION => properties.expiration = text(),
            MESSAGE_ID => properties.message_id = text(),
            TIMESTAMP => properties.timestamp = text().and_then(|text| text.parse().ok()),
            TYPE => properties.message_type = text(),
            USER_ID => properties.user_id = text(),
            APP_ID => properties.app_id = text(),
            CLUSTER_ID => properties.cluster_id = text(),
            name => is_dead |= name.starts_with(dead_letter::PREFIX),
        }
    }
    let history = if is_dead { dead_letter::history(record.headers()) } else { Default::default() };
    let told = told.and_then(Told::header);
    // A header that the queue tells itself counts, not what a publisher says of it.
    let is_told = |name: &str| told.is_some_and(|(told, _)| told == name);
    if sent.is_none() && has_own || !history.is_empty() || told.is_some() {
        match sent {
            Some(sent) => {
                let fields = sent.iter().filter(|(name, _)| {
                    !is_told(name) && (history.is_empty() || !deaths::is_of_deaths(name))
                });
                fields.for_each(|(name, value)| {
                    table.put(name, value);
                });
            }
            None => {
                let own = record.headers();
                let own = own.filter(|(name, _)| !is_reserved(name) && !is_told(name) && name.len() <= 255);
                own.for_each(|(name, value)| {
                    table.put(name, value.map_or(Value::Void, Value::Long));
                });
            }
        }
        if !history.is_empty() {
            let copies = sent.and_then(|sent| sent.find(COPIES));
            deaths::put(table, &history, properties.expiration, copies);
            properties.expiration = None;
        }
        if let Some((name, value)) = told {
            table.put(name, value);
        }
        properties.headers = Some(table.table());
    } else {
        properties.headers = sent;
    }
    let routing_key = sent_key.unwrap_or(queue);
    let body = record.value.clone().unwrap_or_default();
    Shown { exchange, routing_key, properties, body }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
