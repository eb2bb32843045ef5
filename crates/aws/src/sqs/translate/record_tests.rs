//! Round trips, and records that no SQS client sent.

use super::record::{Message, push_record};
use crate::sqs::message::{Attribute, Value};
use bytes::Bytes;
use millstream_types::RecordTime;
use millstream_types::batch::{BatchBuilder, Compression, OpenLimits, open};
use proptest::prelude::*;

/// What a record of these parts looks like to an SQS client.
fn seen<T>(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[(&str, Option<&[u8]>)],
    look: impl FnOnce(Message<'_>) -> T,
) -> T {
    let mut builder = BatchBuilder::new();
    builder.push(RecordTime(5), key, value, headers).unwrap();
    let batch: Bytes = builder.finish(Compression::Lz4).unwrap();
    let opened = open(&batch, OpenLimits::default()).unwrap();
    let record = opened.iter().next().unwrap().unwrap();
    look(Message::of(&record))
}

fn round_trip(message: &Message<'_>) {
    let mut builder = BatchBuilder::new();
    push_record(&mut builder, message).unwrap();
    let batch = builder.finish(Compression::None).unwrap();
    let opened = open(&batch, OpenLimits::default()).unwrap();
    let record = opened.iter().next().unwrap().unwrap();
    assert_eq!(&Message::of(&record), message);
}

fn attribute<'a>(name: &'a str, data_type: &'a str, value: &'a str) -> Attribute<'a> {
    let value = match data_type.starts_with("Binary") {
        true => Value::Binary(value.as_bytes().into()),
        false => Value::Text(value.into()),
    };
    Attribute { name: name.into(), data_type: data_type.into(), value }
}

#[test]
fn what_sqs_sends_sqs_receives() {
    round_trip(&Message {
        body: "hello <&> \r\n ü".into(),
        attributes: vec![
            attribute("plain", "String", "v"),
            attribute("Price", "Number.float", "1.50"),
            attribute("Blob", "Binary.gif", "text that is binary"),
            attribute("custom", "String.uuid", "x"),
            attribute("sqs.type.plain", "String", "not a type"),
            attribute("dead-letter.source", "String", "forged"),
            attribute("sqs.attribute.x", "String", "twice escaped"),
        ],
        group: Some("customer-7".into()),
        deduplication_id: Some("d".into()),
        trace_header: Some("Root=1".into()),
        sent: RecordTime(1_700_000_000_000),
        origin: None,
    });
}

#[test]
fn headers_of_others_are_attributes_by_what_they_look_like() {
    let headers: [(&str, Option<&[u8]>); 9] = [
        ("text", Some(b"v")),
        ("bytes", Some(&[0xff, 0])),
        ("empty", Some(b"")),
        ("null", None),
        ("bad name", Some(b"v")),
        ("AWS.x", Some(b"v")),
        ("text", Some(b"the second of a name")),
        ("amqp.priority", Some(b"5")),
        ("sqs.type.bytes", Some(b"String")),
    ];
    seen(Some(b"k"), Some(b"body"), &headers, |message| {
        assert_eq!(message.body, "body");
        assert_eq!(message.group.as_deref(), Some("k"));
        let expected = [
            attribute("text", "String", "v"),
            Attribute {
                name: "bytes".into(),
                data_type: "Binary".into(),
                value: Value::Binary((&[0xff, 0][..]).into()),
            },
        ];
        assert_eq!(message.attributes, expected);
    });
}

#[test]
fn a_value_that_is_no_text_comes_in_base64_and_says_so() {
    for value in [&[0xff, 0xfe][..], b"\x01", "\u{ffff}".as_bytes()] {
        seen(None, Some(value), &[("a", Some(b"v"))], |message| {
            assert_eq!(message.attributes[0], attribute("millstream.body-encoding", "String", "base64"));
            assert_eq!(message.attributes[1].name, "a");
            assert!(message.body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
        });
    }
    seen(None, None, &[], |message| assert_eq!(message.body, ""));
}

#[test]
fn only_ten_headers_are_shown() {
    let names: Vec<String> = (0..20).map(|n| format!("h{n}")).collect();
    let headers: Vec<(&str, Option<&[u8]>)> = names.iter().map(|name| (&**name, Some(&b"v"[..]))).collect();
    seen(None, Some(b"b"), &headers, |message| assert_eq!(message.attributes.len(), 10));
}

#[test]
fn a_key_that_is_no_group_id_is_not_shown() {
    let long = [b'x'; 129];
    for key in [&b""[..], b"a b", &[0xff], &long, "ü".as_bytes()] {
        seen(Some(key), Some(b"b"), &[], |message| assert_eq!(message.group, None));
    }
}

proptest! {
    #[test]
    fn any_record_can_be_seen(
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..10)),
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        headers in prop::collection::vec(("(sqs\\.(type|attribute)\\.)?[a-c.]{0,3}", prop::option::of(prop::collection::vec(any::<u8>(), 0..8))), 0..14),
    ) {
        let headers: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
        seen(key.as_deref(), value.as_deref(), &headers, |message| {
            assert!(message.attributes.len() <= 10);
            assert!(message.attributes.iter().all(|attribute| !attribute.value.as_bytes().is_empty()));
        });
    }

    #[test]
    fn any_message_comes_back(
        body in "[\\t\\n\\r -~ü€]{1,40}",
        attributes in prop::collection::btree_map("[a-z]{1,5}(\\.[a-z]{1,4})?", ("(String|Number|Binary)(\\.[a-z]{1,3})?", "[0-9]{1,5}"), 0..8),
        group in prop::option::of("[!-~]{1,128}"),
    ) {
        let attributes =
            attributes.iter().map(|(name, (data_type, value))| attribute(name, data_type, value)).collect();
        let group = group.as_deref().map(Into::into);
        round_trip(&Message { body: body.as_str().into(), attributes, group, deduplication_id: None, trace_header: None, sent: RecordTime(1), origin: None });
    }
}
