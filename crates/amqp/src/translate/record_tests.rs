//! Messages survive their life as records, and records of other protocols are messages.

use super::*;
use crate::codec::ArrayBuilder;
use millstream_types::batch::{self, Compression, OpenLimits};
use millstream_types::dead_letter::{DeadLetter, DeathReason, History};
use millstream_types::{EngineTime, Offset};

fn stored(headers: &[(&str, Option<&[u8]>)], body: &[u8]) -> Record {
    let mut builder = BatchBuilder::new();
    builder.push(RecordTime(5), None, Some(body), headers).unwrap();
    only(builder)
}

fn only(builder: BatchBuilder) -> Record {
    let bytes = builder.finish(Compression::None).unwrap();
    batch::records(&bytes, OpenLimits::default()).unwrap().next().unwrap().unwrap()
}

fn through(message: &Message<'_>, stream: &str) -> Record {
    let mut builder = BatchBuilder::new();
    push_record(&mut builder, RecordTime(5), stream, message).unwrap();
    only(builder)
}

fn header<'a>(record: &'a Record, name: &str) -> Option<&'a [u8]> {
    record.headers().first(name).flatten()
}

#[test]
fn every_property_survives_and_numbers_keep_their_width() {
    let mut keys = ArrayBuilder::default();
    keys.push(Value::I16(-3)).push(Value::Long(b"x"));
    let mut table = TableBuilder::default();
    table
        .put("text", Value::Long(b"a"))
        .put("small", Value::I8(-1))
        .put("wide", Value::I64(1))
        .put("list", Value::Array(keys.array()))
        .put("nothing", Value::Void)
        .put("amqp.mine", Value::Long(b"kept"));
    let properties = Properties {
        content_type: Some("text/plain"),
        content_encoding: Some(""),
        headers: Some(table.table()),
        delivery_mode: Some(2),
        priority: Some(200),
        correlation_id: Some("c"),
        reply_to: Some("r"),
        expiration: Some("1000"),
        message_id: Some("m"),
        timestamp: Some(u64::MAX),
        message_type: Some("t"),
        user_id: Some("guest"),
        app_id: Some("a"),
        cluster_id: Some("k"),
    };
    let message = Message {
        exchange: "logs",
        routing_key: "a.b",
        properties: &properties,
        body: &[Bytes::from_static(b"bo"), Bytes::from_static(b"dy")],
    };
    let record = through(&message, "orders");
    assert_eq!(header(&record, "text"), Some(&b"a"[..]));
    assert_eq!(header(&record, "small"), Some(&b"-1"[..]));
    assert_eq!(record.headers().first("nothing"), Some(None));
    assert_eq!(header(&record, "amqp.mine"), None, "reserved names are not given away");
    assert_eq!(header(&record, "amqp.content-type"), Some(&b"text/plain"[..]));
    assert_eq!((record.key.as_deref(), record.value.as_deref()), (None, Some(&b"body"[..])));
    let mut builder = TableBuilder::default();
    let shown = show(&record, "orders", None, &mut builder);
    assert_eq!((shown.exchange, shown.routing_key, &shown.body[..]), ("logs", "a.b", &b"body"[..]));
    assert_eq!(shown.properties, properties);
}

#[test]
fn a_table_of_strings_is_stored_once_and_what_the_name_says_not_at_all() {
    let mut table = TableBuilder::default();
    table.put("b", Value::Long(b"2")).put("a", Value::Long(&[0xff])).put("b", Value::Long(b"3"));
    let properties = Properties { headers: Some(table.table()), ..Properties::default() };
    let message = Message { exchange: "", routing_key: "orders", properties: &properties, body: &[] };
    let record = through(&message, "orders");
    assert_eq!(record.headers().len(), 3);
    let mut builder = TableBuilder::default();
    let shown = show(&record, "orders", None, &mut builder);
    assert_eq!(shown.properties.headers, Some(table.table()));
    assert_eq!((shown.exchange, shown.routing_key), ("", "orders"));
    let empty = Properties { headers: Some(Table::default()), ..Properties::default() };
    let none = Properties::default();
    for properties in [&empty, &none] {
        let record = through(&Message { properties, ..message }, "orders");
        let mut builder = TableBuilder::default();
        assert_eq!(&show(&record, "orders", None, &mut builder).properties, properties);
    }
}

#[test]
fn blind_copies_are_nobodys_business() {
    let mut table = TableBuilder::default();
    table.put("BCC", Value::Long(b"secret")).put("CC", Value::Long(b"shown"));
    let properties = Properties { headers: Some(table.table()), ..Properties::default() };
    let message = Message { exchange: "", routing_key: "q", properties: &properties, body: &[] };
    let record = through(&message, "q");
    let mut builder = TableBuilder::default();
    let shown = show(&record, "q", None, &mut builder);
    let shown = shown.properties.headers.unwrap();
    assert_eq!((shown.find("BCC"), shown.find("CC")), (None, Some(Value::Long(b"shown"))));
}

#[test]
fn a_record_of_another_protocol_is_a_message() {
    let record = stored(&[("trace", Some(b"1")), ("sqs.message-id", Some(b"x")), ("void", None)], b"hi");
    let mut builder = TableBuilder::default();
    let shown = show(&record, "orders", Some(Told::Deliveries(2)), &mut builder);
    let table = shown.properties.headers.unwrap();
    assert_eq!(table.find("trace"), Some(Value::Long(b"1")));
    assert_eq!((table.find("sqs.message-id"), table.find("void")), (None, Some(Value::Void)));
    assert_eq!(table.find("x-delivery-count"), Some(Value::I64(2)));
    assert_eq!((shown.exchange, shown.routing_key, &shown.body[..]), ("", "orders", &b"hi"[..]));
    let bad = stored(&[("amqp.headers", Some(b"\x05broken")), ("amqp.priority", Some(b"high"))], b"");
    let mut builder = TableBuilder::default();
    assert_eq!(show(&bad, "q", None, &mut builder).properties, Properties::default());
}

#[test]
fn a_dead_letter_tells_of_its_deaths() {
    let mut history = History::default();
    history.add("work", DeathReason::Expired, EngineTime(7_000));
    history.add("retry", DeathReason::Rejected, EngineTime(9_000));
    let letter = DeadLetter {
        reason: DeathReason::Rejected,
        source: "retry".into(),
        log: 0,
        offset: Offset(3),
        deliveries: 1,
        time: EngineTime(9_000),
        history,
    };
    let mut headers: Vec<(&str, Option<&[u8]>)> =
        vec![("amqp.expiration", Some(b"500")), ("own", Some(b"x"))];
    let of_letter = letter.headers();
    headers.extend(of_letter.iter().map(|(name, value)| (*name, Some(&value[..]))));
    let record = stored(&headers, b"");
    let mut builder = TableBuilder::default();
    let shown = show(&record, "parking", None, &mut builder);
    assert_eq!(shown.properties.expiration, None);
    let table = shown.properties.headers.unwrap();
    assert_eq!(table.find("own"), Some(Value::Long(b"x")));
    let Some(Value::Array(deaths)) = table.find("x-death") else { panic!("{table:?}") };
    let deaths: Vec<Table<'_>> = deaths
        .iter()
        .filter_map(|death| if let Value::Table(death) = death { Some(death) } else { None })
        .collect();
    assert_eq!(deaths.len(), 2);
    assert_eq!(deaths[0].find("queue"), Some(Value::Long(b"retry")));
    assert_eq!(deaths[1].find("reason"), Some(Value::Long(b"expired")));
    assert_eq!(deaths[1].find("time"), Some(Value::Timestamp(7)));
    assert_eq!(deaths[1].find("original-expiration"), Some(Value::Long(b"500")));
    assert_eq!(table.find("x-first-death-queue"), Some(Value::Long(b"work")));
    assert_eq!(table.find("x-last-death-reason"), Some(Value::Long(b"rejected")));
}
