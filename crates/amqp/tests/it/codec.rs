//! The codec against itself: whatever is written is read back the same, and nothing that is read panics or grows.
//!
//! Apart because it needs no broker.

use bytes::{Bytes, BytesMut};
use millstream_amqp::codec::{
    ArrayBuilder, Beginning, ContentHeader, DecodeError, FRAME_END, Fields, FrameError, FrameKind, Long,
    Method, MethodKind, Output, Properties, Reader, Table, TableBuilder, Value, split_frame,
    table::DEPTH_MAX,
};
use proptest::prelude::*;

/// A value with what it borrows, for tests.
#[derive(Debug, Clone)]
enum Owned {
    Long(Vec<u8>),
    I32(i32),
    Decimal(u8, u32),
    Timestamp(u64),
    Table(Vec<(String, Owned)>),
    Array(Vec<Owned>),
    Bool(bool),
    I8(i8),
    U8(u8),
    I16(i16),
    U16(u16),
    U32(u32),
    I64(i64),
    F32(f32),
    F64(f64),
    Bytes(Vec<u8>),
    Void,
}

impl Owned {
    fn with(&self, run: &mut dyn FnMut(Value<'_>)) {
        let (table, mut array);
        let value = match self {
            Owned::Long(bytes) => Value::Long(bytes),
            Owned::I32(number) => Value::I32(*number),
            Owned::Decimal(scale, value) => Value::Decimal { scale: *scale, value: *value },
            Owned::Timestamp(seconds) => Value::Timestamp(*seconds),
            Owned::Table(fields) => {
                table = built(fields);
                Value::Table(table.table())
            }
            Owned::Array(values) => {
                array = ArrayBuilder::default();
                for value in values {
                    value.with(&mut |value| {
                        array.push(value);
                    });
                }
                Value::Array(array.array())
            }
            Owned::Bool(is) => Value::Bool(*is),
            Owned::I8(number) => Value::I8(*number),
            Owned::U8(number) => Value::U8(*number),
            Owned::I16(number) => Value::I16(*number),
            Owned::U16(number) => Value::U16(*number),
            Owned::U32(number) => Value::U32(*number),
            Owned::I64(number) => Value::I64(*number),
            Owned::F32(number) => Value::F32(*number),
            Owned::F64(number) => Value::F64(*number),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::Void => Value::Void,
        };
        run(value);
    }

    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Owned::Table(fields), Value::Table(table)) => are(fields, table),
            (Owned::Array(values), Value::Array(array)) => {
                values.len() == array.iter().count()
                    && values.iter().zip(array.iter()).all(|(owned, value)| owned.is(value))
            }
            _ => {
                let mut equal = false;
                self.with(&mut |own| equal = own == value);
                equal
            }
        }
    }
}

fn built(fields: &[(String, Owned)]) -> TableBuilder {
    let mut table = TableBuilder::default();
    for (name, value) in fields {
        value.with(&mut |value| {
            table.put(name, value);
        });
    }
    table
}

fn are(fields: &[(String, Owned)], table: Table<'_>) -> bool {
    fields.len() == table.iter().count()
        && fields
            .iter()
            .zip(table.iter())
            .all(|((name, owned), (read, value))| name == read && owned.is(value))
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..40)
}

fn value() -> impl Strategy<Value = Owned> {
    let leaf = prop_oneof![
        bytes().prop_map(Owned::Long),
        any::<i32>().prop_map(Owned::I32),
        (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| Owned::Decimal(scale, value)),
        any::<u64>().prop_map(Owned::Timestamp),
        any::<bool>().prop_map(Owned::Bool),
        any::<i8>().prop_map(Owned::I8),
        any::<u8>().prop_map(Owned::U8),
        any::<i16>().prop_map(Owned::I16),
        any::<u16>().prop_map(Owned::U16),
        any::<u32>().prop_map(Owned::U32),
        any::<i64>().prop_map(Owned::I64),
        (-1e9f32..1e9).prop_map(Owned::F32),
        (-1e300f64..1e300).prop_map(Owned::F64),
        bytes().prop_map(Owned::Bytes),
        Just(Owned::Void),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec((".{0,20}", inner.clone()), 0..5).prop_map(Owned::Table),
            proptest::collection::vec(inner, 0..5).prop_map(Owned::Array),
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<(String, Owned)>> {
    proptest::collection::vec((".{0,20}", value()), 0..8)
}

/// Some methods that have every type of field, filled from a few values; the others are walked as bytes below.
fn some_methods<'a>(
    text: &'a str,
    long: &'a [u8],
    table: Table<'a>,
    number: u64,
    flag: bool,
) -> Vec<Method<'a>> {
    MethodKind::ALL.iter().filter_map(|kind| filled(*kind, text, long, table, number, flag)).collect()
}

fn filled<'a>(
    kind: MethodKind,
    text: &'a str,
    long: &'a [u8],
    table: Table<'a>,
    number: u64,
    flag: bool,
) -> Option<Method<'a>> {
    let octets = number.to_be_bytes();
    let small = u16::from_be_bytes([octets[6], octets[7]]);
    let word = u32::from_be_bytes([octets[4], octets[5], octets[6], octets[7]]);
    let (ticket, nowait) = (small, flag);
    Some(match kind {
        MethodKind::ConnectionStart => Method::ConnectionStart {
            version_major: octets[0],
            version_minor: octets[1],
            server_properties: table,
            mechanisms: Long(long),
            locales: Long(long),
        },
        MethodKind::ConnectionStartOk => Method::ConnectionStartOk {
            client_properties: table,
            mechanism: text,
            response: Long(long),
            locale: text,
        },
        MethodKind::ConnectionTune => {
            Method::ConnectionTune { channel_max: small, frame_max: word, heartbeat: small }
        }
        MethodKind::ConnectionClose => {
            Method::ConnectionClose { reply_code: small, reply_text: text, class_id: small, method_id: small }
        }
        MethodKind::QueueDeclare => Method::QueueDeclare {
            ticket,
            queue: text,
            passive: flag,
            durable: !flag,
            exclusive: flag,
            auto_delete: !flag,
            nowait,
            arguments: table,
        },
        MethodKind::AccessRequest => Method::AccessRequest {
            realm: text,
            exclusive: flag,
            passive: !flag,
            active: flag,
            write: !flag,
            read: flag,
        },
        MethodKind::BasicDeliver => Method::BasicDeliver {
            consumer_tag: text,
            delivery_tag: number,
            redelivered: flag,
            exchange: text,
            routing_key: text,
        },
        MethodKind::BasicConsume => Method::BasicConsume {
            ticket,
            queue: text,
            consumer_tag: text,
            no_local: flag,
            no_ack: !flag,
            exclusive: flag,
            nowait,
            arguments: table,
        },
        MethodKind::BasicNack => Method::BasicNack { delivery_tag: number, multiple: flag, requeue: !flag },
        MethodKind::TxCommit => Method::TxCommit {},
        _ => return None,
    })
}

proptest! {
    #[test]
    fn tables_come_back_as_they_were_written(fields in fields()) {
        let table = built(&fields);
        prop_assert!(are(&fields, table.table()));
        let again = Table::of(table.table().bytes()).unwrap();
        prop_assert!(are(&fields, again));
        for (name, _) in &fields {
            prop_assert!(again.find(name).is_some());
        }
    }

    #[test]
    fn methods_come_back_as_they_were_written(
        text in ".{0,60}",
        long in bytes(),
        fields in fields(),
        number: u64,
        flag: bool,
    ) {
        let table = built(&fields);
        for method in some_methods(&text, &long, table.table(), number, flag) {
            let mut out = BytesMut::new();
            method.put(&mut out);
            prop_assert_eq!(Method::decode(&out), Ok(method));
        }
    }

    #[test]
    fn whatever_is_read_as_a_method_is_written_with_the_same_bytes_but_for_unused_bits(payload in bytes(), kind in 0..MethodKind::ALL.len()) {
        let (class, number) = MethodKind::ALL[kind].id();
        let mut whole = [class.to_be_bytes(), number.to_be_bytes()].concat();
        whole.extend(payload);
        if let Ok(method) = Method::decode(&whole) {
            prop_assert_eq!(method.kind(), MethodKind::ALL[kind]);
            let mut out = BytesMut::new();
            method.put(&mut out);
            prop_assert_eq!(out.len(), whole.len());
            prop_assert_eq!(Method::decode(&out).map(|again| format!("{again:?}")), Ok(format!("{method:?}")));
        }
    }

    #[test]
    fn contents_come_back_whatever_the_frames(
        body in proptest::collection::vec(any::<u8>(), 0..5000),
        frame_max in 9u32..3000,
        text in ".{0,60}",
        fields in fields(),
        number: u64,
        which: u16,
    ) {
        let table = built(&fields);
        let some = |bit: u32| which & 1 << bit != 0;
        let properties = Properties {
            content_type: some(0).then_some(&*text),
            content_encoding: some(1).then_some(&*text),
            headers: some(2).then_some(table.table()),
            delivery_mode: some(3).then_some(2),
            priority: some(4).then_some(9),
            correlation_id: some(5).then_some(&*text),
            reply_to: some(6).then_some(&*text),
            expiration: some(7).then_some(&*text),
            message_id: some(8).then_some(&*text),
            timestamp: some(9).then_some(number),
            message_type: some(10).then_some(&*text),
            user_id: some(11).then_some(&*text),
            app_id: some(12).then_some(&*text),
            cluster_id: some(13).then_some(&*text),
        };
        let mut output = Output::default();
        output.content(7, &properties, &Bytes::from(body.clone()), frame_max);
        let bytes = output.len();
        let mut chunks = Vec::new();
        output.drain_into(&mut chunks);
        let mut input = BytesMut::new();
        chunks.iter().for_each(|chunk| input.extend_from_slice(chunk));
        prop_assert_eq!(input.len(), bytes);
        let header = split_frame(&mut input, u32::MAX).unwrap().unwrap();
        prop_assert_eq!((header.kind, header.channel), (FrameKind::Header, 7));
        let read = ContentHeader::decode(&header.payload).unwrap();
        prop_assert_eq!(read, ContentHeader { body_bytes: body.len() as u64, properties });
        let mut whole = Vec::new();
        while !input.is_empty() {
            let part = split_frame(&mut input, frame_max - 8).unwrap().unwrap();
            prop_assert_eq!(part.kind, FrameKind::Body);
            whole.extend_from_slice(&part.payload);
        }
        prop_assert_eq!(whole, body);
    }

    #[test]
    fn a_frame_is_cut_off_only_when_it_is_whole(payload in bytes(), channel: u16, rest in bytes()) {
        let mut whole = vec![1];
        whole.extend(channel.to_be_bytes());
        whole.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        whole.extend(&payload);
        whole.push(FRAME_END);
        for end in 0..whole.len() {
            let mut input = BytesMut::from(&whole[..end]);
            let missing = split_frame(&mut input, 100).unwrap().unwrap_err();
            prop_assert!(missing > end && missing <= whole.len(), "{missing} of {end}");
            prop_assert_eq!(input.len(), end);
        }
        let mut input = BytesMut::from(&[&*whole, &*rest].concat()[..]);
        let frame = split_frame(&mut input, 100).unwrap().unwrap();
        prop_assert_eq!((frame.channel, &frame.payload[..], &input[..]), (channel, &*payload, &*rest));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Table::of(&data);
        let _ = ContentHeader::decode(&data);
        let _ = Method::decode(&data);
    }
}

#[test]
fn bits_that_follow_each_other_share_octets() {
    let mut out = BytesMut::new();
    let mut fields = Fields::new(&mut out);
    let bits = [true, false, true, true, false, false, false, true, true];
    bits.iter().for_each(|bit| fields.bit(*bit));
    fields.u8(7);
    fields.bit(true);
    assert_eq!(&out[..], &[0b1000_1101, 1, 7, 1]);
    let mut reader = Reader::new(&out);
    for bit in bits {
        assert_eq!(reader.bit(), Ok(bit));
    }
    assert_eq!((reader.u8(), reader.bit(), reader.end()), (Ok(7), Ok(true), Ok(())));
}

#[test]
fn numbers_of_methods_are_unique_and_in_order() {
    let ids: Vec<_> = MethodKind::ALL.iter().map(|kind| kind.id()).collect();
    assert!(ids.is_sorted_by(|left, right| left < right), "{ids:?}");
    assert_eq!(ids.len(), 66);
    assert_eq!(MethodKind::ExchangeUnbindOk.id(), (40, 51));
}

#[test]
fn tables_in_each_other_are_read_to_a_depth_and_not_beyond() {
    let nested = |depth: usize| {
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 1..depth {
            let mut outer = vec![1, b'a', b'F'];
            outer.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            outer.extend(bytes);
            bytes = outer;
        }
        bytes
    };
    assert!(Table::of(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(Table::of(&nested(DEPTH_MAX + 1)), Err(DecodeError::TooDeep));
    assert_eq!(Table::of(&nested(3000)), Err(DecodeError::TooDeep));
}

#[test]
fn what_is_no_frame_is_called_by_its_mistake() {
    let split = |bytes: &[u8]| split_frame(&mut BytesMut::from(bytes), 10);
    let unknown = FrameError::UnknownType(Beginning::of(7, &[1, 2]));
    assert_eq!(split(&[7, 0, 0, 0, 0, 0, 2, 1, 2, FRAME_END]), Err(unknown));
    assert_eq!(unknown.to_string(), "type 7, all octets = <<1,2>>: unknown_frame");
    let too_large = FrameError::TooLarge { kind: 1, bytes: 11, max: 10 };
    assert_eq!(split(&[1, 0, 0, 0, 0, 0, 11, 0]), Err(too_large));
    assert_eq!(too_large.to_string(), "type 1, all octets = <<>>: {frame_too_large,11,2}");
    let wrong_end = FrameError::WrongEnd(Beginning::of(8, &[]), 0xcd);
    assert_eq!(split(&[8, 0, 0, 0, 0, 0, 0, 0xcd]), Err(wrong_end));
    assert_eq!(wrong_end.to_string(), "type 8, all octets = <<>>: {invalid_frame_end_marker,205}");
    let long = Beginning::of(3, &[9; 17]);
    assert!(long.to_string().starts_with("type 3, first 16 octets = <<9,9"));
    assert_eq!(
        split(&[8, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        Err(FrameError::TooLarge { kind: 8, bytes: u32::MAX, max: 10 })
    );
}

#[test]
fn a_captured_method_is_read() {
    // queue.declare of "hello", durable, with x-max-priority 5 as a client for Python sends it.
    let mut bytes = vec![0, 50, 0, 10, 0, 0, 5];
    bytes.extend(b"hello");
    bytes.push(0b10);
    bytes.extend([0, 0, 0, 17, 14]);
    bytes.extend(b"x-max-priority");
    bytes.extend([b'b', 5]);
    let Ok(Method::QueueDeclare { queue, passive, durable, arguments, .. }) = Method::decode(&bytes) else {
        panic!("{:?}", Method::decode(&bytes));
    };
    assert_eq!((queue, passive, durable), ("hello", false, true));
    assert_eq!(arguments.find("x-max-priority").and_then(|value| value.as_integer()), Some(5));
}
