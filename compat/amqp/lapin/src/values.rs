//! Between JSON and what lapin writes: integers name their type, as `{"i16": 5}`.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde_json::{Map, Value, json};

use crate::text;

pub(crate) fn table(from: &Map<String, Value>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, item) in from {
        table.insert(name.as_str().into(), value(item));
    }
    table
}

fn value(from: &Value) -> AMQPValue {
    match from {
        Value::Null => AMQPValue::Void,
        Value::Bool(is) => AMQPValue::Boolean(*is),
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(items) => AMQPValue::FieldArray(items.iter().map(value).collect::<Vec<_>>().into()),
        Value::Number(number) => match number.as_i64() {
            Some(number) => AMQPValue::LongLongInt(number),
            None => AMQPValue::Double(number.as_f64().unwrap_or_default()),
        },
        Value::Object(members) => integer(members).unwrap_or_else(|| AMQPValue::FieldTable(table(members))),
    }
}

fn integer(members: &Map<String, Value>) -> Option<AMQPValue> {
    let (kind, number) = members.iter().next().filter(|_| members.len() == 1)?;
    let number = number.as_i64()?;
    Some(match kind.as_str() {
        "i8" => AMQPValue::ShortShortInt(number.try_into().ok()?),
        "i16" => AMQPValue::ShortInt(number.try_into().ok()?),
        "i32" => AMQPValue::LongInt(number.try_into().ok()?),
        "i64" => AMQPValue::LongLongInt(number),
        _ => return None,
    })
}

/// The way back.
fn plain(from: &AMQPValue) -> Value {
    match from {
        AMQPValue::Boolean(is) => json!(is),
        AMQPValue::ShortShortInt(number) => json!({"i8": number}),
        AMQPValue::ShortInt(number) => json!({"i16": number}),
        AMQPValue::LongInt(number) => json!({"i32": number}),
        AMQPValue::LongLongInt(number) => json!({"i64": number}),
        AMQPValue::ShortShortUInt(number) => json!({"u8": number}),
        AMQPValue::ShortUInt(number) => json!({"u16": number}),
        AMQPValue::LongUInt(number) => json!({"u32": number}),
        AMQPValue::Float(number) => json!(number),
        AMQPValue::Double(number) => json!(number),
        AMQPValue::DecimalValue(number) => json!({"scale": number.scale, "value": number.value}),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(plain).collect(),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        AMQPValue::FieldTable(table) => members(table),
        AMQPValue::ByteArray(bytes) => json!(String::from_utf8_lossy(bytes.as_slice())),
        AMQPValue::Void => Value::Null,
    }
}

fn members(table: &FieldTable) -> Value {
    table.inner().iter().map(|(name, item)| (name.as_str().to_owned(), plain(item))).collect::<Map<_, _>>().into()
}

pub(crate) fn properties(message: &Value) -> BasicProperties {
    let mut made = BasicProperties::default();
    let has = |name: &str| !message[name].is_null();
    let short = |name: &str| ShortString::from(text(message, name));
    let octet = |name: &str| message[name].as_u64().and_then(|number| u8::try_from(number).ok()).unwrap_or_default();
    if let Some(headers) = message["headers"].as_object() {
        made = made.with_headers(table(headers));
    }
    if has("content_type") {
        made = made.with_content_type(short("content_type"));
    }
    if has("content_encoding") {
        made = made.with_content_encoding(short("content_encoding"));
    }
    if has("delivery_mode") {
        made = made.with_delivery_mode(octet("delivery_mode"));
    }
    if has("priority") {
        made = made.with_priority(octet("priority"));
    }
    if has("correlation_id") {
        made = made.with_correlation_id(short("correlation_id"));
    }
    if has("reply_to") {
        made = made.with_reply_to(short("reply_to"));
    }
    if has("expiration") {
        made = made.with_expiration(short("expiration"));
    }
    if has("message_id") {
        made = made.with_message_id(short("message_id"));
    }
    if let Some(seconds) = message["timestamp"].as_u64() {
        made = made.with_timestamp(seconds);
    }
    if has("type") {
        made = made.with_type(short("type"));
    }
    if has("user_id") {
        made = made.with_user_id(short("user_id"));
    }
    if has("app_id") {
        made = made.with_app_id(short("app_id"));
    }
    made
}

pub(crate) fn shown(delivery: &Delivery) -> Value {
    let known = &delivery.properties;
    let text = |property: &Option<ShortString>| property.as_ref().map(|text| text.as_str().to_owned());
    json!({
        "body": String::from_utf8_lossy(&delivery.data),
        "exchange": delivery.exchange.as_str(),
        "key": delivery.routing_key.as_str(),
        "redelivered": delivery.redelivered,
        "headers": known.headers().as_ref().map(members),
        "content_type": text(known.content_type()),
        "content_encoding": text(known.content_encoding()),
        "delivery_mode": known.delivery_mode(),
        "priority": known.priority(),
        "correlation_id": text(known.correlation_id()),
        "reply_to": text(known.reply_to()),
        "expiration": text(known.expiration()),
        "message_id": text(known.message_id()),
        "timestamp": known.timestamp(),
        "type": text(known.kind()),
        "user_id": text(known.user_id()),
        "app_id": text(known.app_id()),
    })
}
