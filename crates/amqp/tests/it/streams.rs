//! Queues of type `stream`: everybody reads all of it by offset, and nothing is taken out.

use crate::client::{Client, Server, ack, consume, get, published};
use millstream_amqp::codec::{ArrayBuilder, Method, Properties, TableBuilder, Value};
use millstream_core::Request;
use millstream_core::catalog::Setting;
use millstream_core::request::Trim;
use millstream_front::Backend as _;
use millstream_types::{LogId, Namespace, Offset};

const STREAM: (&str, Value<'static>) = ("x-queue-type", Value::Long(b"stream"));

/// A connection with a stream queue `s`, and a prefetch count.
fn streaming(server: &Server, prefetch_count: u16) -> Client {
    let mut client = server.connect();
    let declared = client.declare("s", &[STREAM]);
    assert!(declared[0].starts_with("1 QueueDeclareOk { queue: \"s\""), "{declared:?}");
    qos(&mut client, prefetch_count);
    client
}

fn qos(client: &mut Client, prefetch_count: u16) {
    let qos = Method::BasicQos { prefetch_size: 0, prefetch_count, global: false };
    assert_eq!(client.ask(&qos), ["1 BasicQosOk"]);
}

fn publish(client: &mut Client, bodies: impl IntoIterator<Item = impl AsRef<str>>) {
    for body in bodies {
        client.publish("", "s", &Properties::default(), body.as_ref().as_bytes());
    }
}

/// Consumes with arguments.
fn read(client: &mut Client, tag: &str, arguments: &[(&str, Value<'_>)]) -> Vec<String> {
    let mut table = TableBuilder::default();
    for (name, value) in arguments {
        table.put(name, *value);
    }
    let Method::BasicConsume { ticket, queue, consumer_tag, no_local, no_ack, exclusive, nowait, .. } =
        consume("s", tag, false)
    else {
        unreachable!("it is one")
    };
    let arguments = table.table();
    client.ask(&Method::BasicConsume {
        ticket,
        queue,
        consumer_tag,
        no_local,
        no_ack,
        exclusive,
        nowait,
        arguments,
    })
}

fn from(offset: Value<'_>) -> [(&'static str, Value<'_>); 1] {
    [("x-stream-offset", offset)]
}

const FIRST: [(&str, Value<'static>); 1] = [("x-stream-offset", Value::Long(b"first"))];

/// Offset and body of each message among what came.
fn seen(said: &[String]) -> Vec<(u64, &str)> {
    let offsets = said.iter().filter_map(|line| {
        let (_, rest) = line.split_once("x-stream-offset=I64(")?;
        rest.split_once(')')?.0.parse().ok()
    });
    let bodies = said.iter().filter_map(|line| line.strip_prefix("1 body "));
    let seen: Vec<_> = offsets.zip(bodies).collect();
    assert_eq!(seen.len(), said.iter().filter(|line| line.contains("BasicDeliver")).count(), "{said:?}");
    seen
}

fn all_up_to(delivery_tag: u64) -> Method<'static> {
    Method::BasicAck { delivery_tag, multiple: true }
}

/// Trims the stream `s` to an offset, as retention does.
fn trim(server: &Server, before: u64) {
    let stream = server.broker.stream(Namespace::DEFAULT, "s").expect("it was declared").id;
    let trim = Trim { log: LogId { stream, index: 0 }, before: Some(Offset(before)) };
    assert!(server.broker.ask(Request::TrimLogs(vec![trim])).is_some());
}

#[test]
fn a_message_is_delivered_to_everybody_with_its_offset_as_often_as_wanted() {
    let server = Server::new();
    let mut client = streaming(&server, 10);
    publish(&mut client, ["one", "two"]);
    let said = read(&mut client, "c", &FIRST);
    assert_eq!(
        said,
        [
            "1 BasicConsumeOk { consumer_tag: \"c\" }",
            "1 BasicDeliver { consumer_tag: \"c\", delivery_tag: 1, redelivered: false, exchange: \"\", \
             routing_key: \"s\" }",
            "1 header 3 x-stream-offset=I64(0)",
            "1 body one",
            "1 BasicDeliver { consumer_tag: \"c\", delivery_tag: 2, redelivered: false, exchange: \"\", \
             routing_key: \"s\" }",
            "1 header 3 x-stream-offset=I64(1)",
            "1 body two",
        ]
    );
    assert_eq!(client.ask(&all_up_to(2)), Vec::<String>::new());
    assert_eq!(seen(&read(&mut client, "again", &FIRST)), [(0, "one"), (1, "two")]);
    let mut other = streaming(&server, 10);
    assert_eq!(seen(&read(&mut other, "c", &FIRST)), [(0, "one"), (1, "two")]);
    // What comes now is for all three.
    publish(&mut client, ["three"]);
    assert_eq!(seen(&client.said()), [(2, "three"), (2, "three")]);
    assert_eq!(seen(&other.said()), [(2, "three")]);
    let declared = client.declare("s", &[STREAM]);
    assert_eq!(declared, ["1 QueueDeclareOk { queue: \"s\", message_count: 3, consumer_count: 3 }"]);
}

#[test]
fn a_consumer_begins_where_it_wants() {
    let server = Server::new();
    let mut client = streaming(&server, 10);
    publish(&mut client, ["a", "b"]);
    server.broker.advance_ms(3_600_000);
    let now_s = u64::try_from(server.broker.now().0 / 1000).unwrap();
    publish(&mut client, ["c"]);
    assert_eq!(seen(&read(&mut client, "last", &from(Value::Long(b"last")))), [(2, "c")]);
    assert_eq!(seen(&read(&mut client, "two", &from(Value::I32(1)))), [(1, "b"), (2, "c")]);
    assert_eq!(seen(&read(&mut client, "age", &from(Value::Long(b"1m")))), [(2, "c")]);
    assert_eq!(seen(&read(&mut client, "ages", &from(Value::Long(b"2h")))).len(), 3);
    assert_eq!(seen(&read(&mut client, "time", &from(Value::Timestamp(now_s)))), [(2, "c")]);
    for tag in ["last", "two", "age", "ages", "time"] {
        client.ask(&Method::BasicCancel { consumer_tag: tag, nowait: false });
    }
    assert_eq!(seen(&read(&mut client, "next", &from(Value::Long(b"next")))), []);
    assert_eq!(seen(&read(&mut client, "default", &[])), []);
    assert_eq!(seen(&read(&mut client, "later", &from(Value::I64(4)))), []);
    assert_eq!(seen(&read(&mut client, "much later", &from(Value::Timestamp(now_s + 60)))), []);
    publish(&mut client, ["d", "e"]);
    let mut said: Vec<(u64, String)> =
        seen(&client.said()).into_iter().map(|(offset, body)| (offset, body.to_owned())).collect();
    said.sort();
    let (d, e) = ((3, "d".to_owned()), (4, "e".to_owned()));
    assert_eq!(said, [d.clone(), d, e.clone(), e.clone(), e], "two from the next on, one from the fourth");
}

#[test]
fn the_last_batch_is_delivered_as_a_whole() {
    let server = Server::new();
    let mut client = streaming(&server, 10);
    publish(&mut client, ["a"]);
    let batch: Vec<Vec<u8>> =
        ["b", "c"].map(|body| published("", "s", false, &Properties::default(), body.as_bytes())).into();
    client.bytes(&batch.concat());
    assert_eq!(seen(&read(&mut client, "c", &from(Value::Long(b"last")))), [(1, "b"), (2, "c")]);
    assert_eq!(seen(&read(&mut client, "d", &from(Value::I64(2)))), [(2, "c")], "an offset within a batch");
}

#[test]
fn acknowledging_however_gives_credit_and_nothing_comes_again() {
    let server = Server::new();
    let mut client = streaming(&server, 2);
    publish(&mut client, (0..7).map(|n| n.to_string()));
    assert_eq!(seen(&read(&mut client, "c", &FIRST)), [(0, "0"), (1, "1")]);
    assert_eq!(seen(&client.ask(&ack(1))), [(2, "2")]);
    let requeue = Method::BasicNack { delivery_tag: 2, multiple: false, requeue: true };
    assert_eq!(seen(&client.ask(&requeue)), [(3, "3")]);
    assert_eq!(seen(&client.ask(&Method::BasicReject { delivery_tag: 3, requeue: false })), [(4, "4")]);
    assert_eq!(seen(&client.ask(&Method::BasicRecover { requeue: true })), [(5, "5"), (6, "6")]);
    // Acknowledgements of a transaction count with its commit.
    client.ask(&Method::TxSelect {});
    publish(&mut client, ["7"]);
    assert_eq!(client.ask(&all_up_to(0)), Vec::<String>::new());
    let said = client.ask(&Method::TxCommit {});
    assert_eq!((seen(&said), &*said[0]), (vec![(7, "7")], "1 TxCommitOk"));
}

#[test]
fn whoever_comes_again_goes_on_behind_what_it_had() {
    let server = Server::new();
    let mut client = streaming(&server, 3);
    publish(&mut client, (0..5).map(|n| n.to_string()));
    let last = seen(&read(&mut client, "c", &FIRST)).last().unwrap().0;
    client.drop_connection();
    let mut client = streaming(&server, 3);
    let said = read(&mut client, "c", &from(Value::I64(i64::try_from(last).unwrap() + 1)));
    assert_eq!(seen(&said), [(3, "3"), (4, "4")]);
}

#[test]
fn a_cancelled_consumer_gets_nothing_more() {
    let server = Server::new();
    let mut client = streaming(&server, 1);
    publish(&mut client, ["a", "b"]);
    read(&mut client, "c", &FIRST);
    let cancel = Method::BasicCancel { consumer_tag: "c", nowait: false };
    assert_eq!(client.ask(&cancel), ["1 BasicCancelOk { consumer_tag: \"c\" }"]);
    assert_eq!(client.ask(&ack(1)), Vec::<String>::new());
    publish(&mut client, ["c"]);
    assert_eq!(client.said(), Vec::<String>::new());
    let declared = client.declare("s", &[STREAM]);
    assert_eq!(declared, ["1 QueueDeclareOk { queue: \"s\", message_count: 3, consumer_count: 0 }"]);
}

#[test]
fn a_filter_lets_through_what_it_names() {
    let server = Server::new();
    let mut client = streaming(&server, 10);
    let about = |value: &'static str| {
        let mut table = TableBuilder::default();
        table.put("x-stream-filter-value", Value::Long(value.as_bytes()));
        table
    };
    for value in ["red", "blue", "green"] {
        let table = about(value);
        let properties = Properties { headers: Some(table.table()), ..Properties::default() };
        client.publish("", "s", &properties, value.as_bytes());
    }
    publish(&mut client, ["nothing"]);
    let mut colours = ArrayBuilder::default();
    colours.push(Value::Long(b"red")).push(Value::Long(b"green"));
    let filter = |value| [FIRST[0], ("x-stream-filter", value)];
    assert_eq!(seen(&read(&mut client, "one", &filter(Value::Long(b"blue")))), [(1, "blue")]);
    let several = filter(Value::Array(colours.array()));
    assert_eq!(seen(&read(&mut client, "two", &several)), [(0, "red"), (2, "green")]);
    let [start, filter] = several;
    let all = [start, filter, ("x-stream-match-unfiltered", Value::Bool(true))];
    let said = read(&mut client, "three", &all);
    assert_eq!(seen(&said), [(0, "red"), (2, "green"), (3, "nothing")]);
    assert!(said.iter().any(|line| line.contains("x-stream-filter-value=red x-stream-offset=I64(0)")));
}

#[test]
fn what_is_passed_over_costs_no_credit() {
    let server = Server::new();
    let mut client = streaming(&server, 1);
    publish(&mut client, (0..50).map(|n| n.to_string()));
    let mut table = TableBuilder::default();
    table.put("x-stream-filter-value", Value::Long(b"it"));
    let properties = Properties { headers: Some(table.table()), ..Properties::default() };
    client.publish("", "s", &properties, b"it");
    let said = read(&mut client, "c", &[FIRST[0], ("x-stream-filter", Value::Long(b"it"))]);
    assert_eq!(seen(&said), [(50, "it")]);
}

#[test]
fn a_reader_behind_the_log_start_goes_on_there() {
    let server = Server::new();
    let mut client = streaming(&server, 1);
    publish(&mut client, (0..6).map(|n| n.to_string()));
    assert_eq!(seen(&read(&mut client, "c", &from(Value::I64(0)))), [(0, "0")]);
    // What it has read already it may deliver still; a consumer that comes now finds the new start.
    trim(&server, 4);
    let mut other = streaming(&server, 1);
    assert_eq!(seen(&read(&mut other, "c", &from(Value::I64(1)))), [(4, "4")]);
    assert_eq!(seen(&other.ask(&ack(1))), [(5, "5")]);
    // One that waited at the end when everything went: it goes on with what comes.
    other.ask(&ack(2));
    trim(&server, 6);
    publish(&mut other, ["6"]);
    assert_eq!(seen(&other.said()), [(6, "6")]);
}

#[test]
fn a_stream_that_is_deleted_cancels_its_consumers() {
    let server = Server::new();
    let mut client = streaming(&server, 10);
    publish(&mut client, ["a"]);
    read(&mut client, "c", &FIRST);
    let delete =
        |if_empty| Method::QueueDelete { ticket: 0, queue: "s", if_unused: false, if_empty, nowait: false };
    let mut other = server.connect();
    assert!(other.ask(&delete(true))[0].contains("PRECONDITION_FAILED - queue 's' in vhost '/' not empty"));
    let mut other = server.connect();
    assert_eq!(other.ask(&delete(false)), ["1 QueueDeleteOk { message_count: 0 }"]);
    assert_eq!(client.said(), ["1 BasicCancel { consumer_tag: \"c\", nowait: true }"]);
    assert!(!server.broker.has_stream("s"));
    // A new one of the name is another stream.
    let mut client = streaming(&server, 10);
    publish(&mut client, ["b"]);
    assert_eq!(seen(&read(&mut client, "c", &FIRST)), [(0, "b")]);
}

#[test]
fn what_streams_do_not_do_is_refused_in_rabbitmqs_words() {
    let server = Server::new();
    streaming(&server, 1);
    let purge = Method::QueuePurge { ticket: 0, queue: "s", nowait: false };
    let cases = [
        (
            0,
            consume("s", "c", false),
            "406, reply_text: \"PRECONDITION_FAILED - consumer prefetch count is not set",
        ),
        (
            1,
            consume("s", "c", true),
            "540, reply_text: \"NOT_IMPLEMENTED - automatic acknowledgement not supported",
        ),
        (
            1,
            get("s"),
            "540, reply_text: \"NOT_IMPLEMENTED - basic.get not supported by stream queues queue 's'",
        ),
        (
            1,
            purge,
            "540, reply_text: \"NOT_IMPLEMENTED - queue.purge not supported by stream queues queue 's'",
        ),
    ];
    for (prefetch, method, refusal) in cases {
        let mut client = server.connect();
        qos(&mut client, prefetch);
        let said = client.ask(&method);
        assert!(said[0].contains(refusal), "{said:?}");
    }
    for (value, why) in [
        (Value::Long(b"soon"), "{invalid_offset_arg,"),
        (Value::I32(-1), "{value_negative,-1}"),
        (Value::Bool(true), "{unacceptable_type,bool}"),
    ] {
        let mut client = server.connect();
        qos(&mut client, 1);
        let said = read(&mut client, "c", &from(value));
        assert!(said[0].contains("406") && said[0].contains("x-stream-offset"), "{said:?}");
        assert!(said[0].contains(why), "{said:?}");
    }
    for (argument, value, why) in [
        ("x-stream-filter-size-bytes", 15, "Invalid value for  x-stream-filter-size-bytes"),
        (
            "x-stream-max-segment-size-bytes",
            3_000_000_001,
            "Exceeded max value for x-stream-max-segment-size-bytes",
        ),
    ] {
        let said = server.connect().declare("t", &[STREAM, (argument, Value::I64(value))]);
        assert!(said[0].contains(why), "{said:?}");
    }
    let said = server.connect().declare("", &[STREAM]);
    assert!(said[0].contains("Cannot declare a server-named queue for type rabbit_stream_queue"), "{said:?}");
}

#[test]
fn a_stream_keeps_by_age_and_size_and_has_no_leases() {
    let server = Server::new();
    let arguments =
        [STREAM, ("x-max-age", Value::Long(b"7D")), ("x-max-length-bytes", Value::I64(1_000_000))];
    assert!(server.connect().declare("s", &arguments)[0].contains("QueueDeclareOk"));
    let entry = server.broker.stream(Namespace::DEFAULT, "s").unwrap();
    let config = &entry.config;
    assert_eq!((config.retention_ms(), config.retention_bytes()), (Some(604_800_000), Some(1_000_000)));
    assert_eq!((config.consumed(), config.lease().enabled(), entry.logs), (None, false, 1));
    assert!(server.connect().declare("s", &arguments)[0].contains("QueueDeclareOk"), "it is as it was");
    let said = server.connect().declare("s", &[STREAM, ("x-max-age", Value::Long(b"8D"))]);
    assert!(said[0].contains("inequivalent arg 'x-max-age'"), "{said:?}");
    assert!(server.connect().declare("forever", &[STREAM])[0].contains("QueueDeclareOk"));
    let said = server.connect().declare("forever", &[]);
    assert!(said[0].contains("inequivalent arg 'x-queue-type'"), "{said:?}");
    let entry = server.broker.stream(Namespace::DEFAULT, "forever").unwrap();
    assert_eq!((entry.config.retention_ms(), entry.config.retention_bytes()), (None, None));
}

#[test]
fn a_stream_of_another_protocol_is_read_as_it_is_and_stays() {
    let server = Server::new();
    server.broker.create_stream("s", 1);
    server.broker.set("s", [Setting::RetentionMs(Some(3_600_000))]);
    let said = server.connect().declare("s", &[STREAM, ("x-max-age", Value::Long(b"2h"))]);
    assert!(said[0].contains("inequivalent arg 'x-max-age'"), "{said:?}");
    let mut client = streaming(&server, 10);
    publish(&mut client, ["a"]);
    assert_eq!(seen(&read(&mut client, "c", &FIRST)), [(0, "a")]);
    let delete =
        Method::QueueDelete { ticket: 0, queue: "s", if_unused: false, if_empty: false, nowait: false };
    assert_eq!(server.connect().ask(&delete), ["1 QueueDeleteOk { message_count: 0 }"]);
    assert!(server.broker.has_stream("s"));
    let said = server.connect().ask(&get("s"));
    assert!(said[0].contains("no queue 's'"), "{said:?}");
    server.broker.create_stream("many", 3);
    let said = server.connect().declare("many", &[STREAM]);
    assert!(said[0].contains("a stream queue has one log, and another protocol gave this one 3"), "{said:?}");
}

#[test]
fn nothing_of_a_reader_is_left_when_its_channel_ends() {
    let server = Server::new();
    let mut client = streaming(&server, 1);
    publish(&mut client, ["a", "b"]);
    read(&mut client, "c", &FIRST);
    let close = Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 };
    assert_eq!(client.ask(&close), ["1 ChannelCloseOk"]);
    client.send(1, &Method::ChannelOpen { out_of_band: "" });
    publish(&mut client, ["c"]);
    assert_eq!(client.said().len(), 1, "the channel is open, and nobody consumes");
    let said = client.declare("s", &[STREAM]);
    assert!(said[0].contains("consumer_count: 0"), "{said:?}");
}
