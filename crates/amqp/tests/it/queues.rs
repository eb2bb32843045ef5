//! Queues at work: publishing, consuming, settling, confirms, and what becomes of it all when connections go.
//! One behaviour each, in the order of a message's life; long because there are many.

use crate::client::{Client, Server, ack, consume, get, published};
use bytes::Bytes;
use millstream_amqp::codec::{Method, Output, Properties, Table, TableBuilder, Value};

const PLAIN: Properties<'static> = Properties {
    content_type: None,
    content_encoding: None,
    headers: None,
    delivery_mode: None,
    priority: None,
    correlation_id: None,
    reply_to: None,
    expiration: None,
    message_id: None,
    timestamp: None,
    message_type: None,
    user_id: None,
    app_id: None,
    cluster_id: None,
};

fn delivery(tag: u64, redelivered: bool, queue: &str) -> String {
    format!(
        "1 BasicDeliver {{ consumer_tag: \"c\", delivery_tag: {tag}, redelivered: {redelivered}, exchange: \"\", \
         routing_key: {queue:?} }}"
    )
}

/// The bodies among what came.
fn bodies(said: &[String]) -> Vec<&str> {
    said.iter().filter_map(|line| line.strip_prefix("1 body ")).collect()
}

fn publish_all(client: &mut Client, queue: &str, bodies: &[&str]) {
    let frames: Vec<Vec<u8>> =
        bodies.iter().map(|body| published("", queue, false, &PLAIN, body.as_bytes())).collect();
    client.bytes(&frames.concat());
}

fn confirming(server: &Server) -> Client {
    let mut client = server.connect();
    assert_eq!(client.ask(&Method::ConfirmSelect { nowait: false }), ["1 ConfirmSelectOk"]);
    client
}

#[test]
fn a_message_goes_from_publisher_to_consumer_with_all_its_properties() {
    let server = Server::new();
    let mut client = confirming(&server);
    let declared = client.declare("orders", &[]);
    assert_eq!(declared, ["1 QueueDeclareOk { queue: \"orders\", message_count: 0, consumer_count: 0 }"]);
    let mut table = TableBuilder::default();
    table.put("n", Value::I16(7)).put("s", Value::Long(b"x"));
    let properties = Properties {
        content_type: Some("text/plain"),
        delivery_mode: Some(2),
        headers: Some(table.table()),
        ..PLAIN
    };
    client.publish("", "orders", &properties, b"hello");
    assert_eq!(client.said(), ["1 BasicAck { delivery_tag: 1, multiple: false }"]);
    assert_eq!(client.unsettled, 0);
    assert_eq!(
        client.consume("orders", "c"),
        [
            "1 BasicConsumeOk { consumer_tag: \"c\" }".to_owned(),
            delivery(1, false, "orders"),
            "1 header 5 type=text/plain mode=2 n=I16(7) s=x".to_owned(),
            "1 body hello".to_owned(),
        ]
    );
    assert_eq!(client.ask(&ack(1)), Vec::<String>::new());
    let again = client.ask(&ack(1));
    assert!(again[0].contains("reply_text: \"PRECONDITION_FAILED - unknown delivery tag 1\""), "{again:?}");
    client.send(1, &Method::ChannelCloseOk {});
    client.send(1, &Method::ChannelOpen { out_of_band: "" });
    client.said();
    assert_eq!(client.ask(&get("orders")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
}

#[test]
fn messages_of_one_read_are_confirmed_in_one_word_and_come_in_order() {
    let server = Server::new();
    let mut client = confirming(&server);
    client.declare("q", &[]);
    let texts: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
    publish_all(&mut client, "q", &texts);
    assert_eq!(client.said(), ["1 BasicAck { delivery_tag: 1000, multiple: true }"]);
    client.send(1, &consume("q", "c", true));
    let said = client.said();
    assert_eq!(bodies(&said), texts);
    assert_eq!(client.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
}

#[test]
fn a_body_in_many_frames_between_those_of_another_channel_is_one_message() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    client.send(2, &Method::ChannelOpen { out_of_band: "" });
    client.said();
    let body: Vec<u8> = (0..300_000u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let mut output = Output::default();
    output.method(
        1,
        &Method::BasicPublish {
            ticket: 0,
            exchange: "",
            routing_key: "q",
            mandatory: false,
            immediate: false,
        },
    );
    output.content(1, &PLAIN, &Bytes::from(body.clone()), 5000);
    let frames = crate::client::bytes_of(output);
    let (mut at, mut first) = (0, true);
    while at < frames.len() {
        let size =
            usize::try_from(u32::from_be_bytes(frames[at + 3..at + 7].try_into().unwrap())).unwrap() + 8;
        for part in frames[at..at + size].chunks(1999) {
            client.bytes(part);
        }
        at += size;
        if !std::mem::take(&mut first) && at < frames.len() {
            // Its frames are not all there is: each part of the body has eight bytes around it.
            let missing = (frames.len() - at).saturating_sub(8 * 100);
            assert!(client.need >= missing, "what is missing is reserved: {} of {missing}", client.need);
            assert!(client.unsettled > 0);
        }
        client.send(2, &Method::ChannelFlow { active: true });
    }
    assert_eq!(client.unsettled, 0);
    client.said();
    let said = client.ask(&get("q"));
    assert!(said[0].starts_with("1 BasicGetOk { delivery_tag: 1, redelivered: false"), "{}", said[0]);
    assert_eq!(bodies(&said).concat().into_bytes(), body);
}

#[test]
fn prefetch_bounds_what_is_out_and_credit_brings_more() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2", "3", "4", "5"]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 2, global: false });
    assert_eq!(bodies(&client.consume("q", "c")), ["1", "2"]);
    assert_eq!(bodies(&client.ask(&ack(1))), ["3"]);
    assert_eq!(bodies(&client.ask(&Method::BasicAck { delivery_tag: 0, multiple: true })), ["4", "5"]);
    let declared = client.declare("q", &[]);
    assert_eq!(declared, ["1 QueueDeclareOk { queue: \"q\", message_count: 0, consumer_count: 1 }"]);
}

#[test]
fn prefetch_of_a_channel_is_shared_by_its_consumers() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("a", &[]);
    client.declare("b", &[]);
    publish_all(&mut client, "a", &["a1", "a2", "a3"]);
    publish_all(&mut client, "b", &["b1", "b2", "b3"]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 4, global: true });
    let mut came = client.consume("a", "one");
    came.extend(client.consume("b", "two"));
    assert_eq!(bodies(&came), ["a1", "a2", "a3", "b1"]);
    assert_eq!(bodies(&client.ask(&Method::BasicAck { delivery_tag: 3, multiple: true })), ["b2", "b3"]);
}

#[test]
fn what_is_given_back_comes_again_at_its_place_as_redelivered() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2"]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    client.consume("q", "c");
    let again = client.ask(&Method::BasicNack { delivery_tag: 1, multiple: false, requeue: true });
    assert_eq!((again[0].as_str(), bodies(&again)), (delivery(2, true, "q").as_str(), vec!["1"]));
    let next = client.ask(&Method::BasicReject { delivery_tag: 2, requeue: false });
    assert_eq!(bodies(&next), ["2"], "refused for good, without a dead-letter route");
    let recovered = client.ask(&Method::BasicRecover { requeue: true });
    assert!(recovered.contains(&"1 BasicRecoverOk".to_owned()));
    assert_eq!(bodies(&recovered), ["2"]);
}

#[test]
fn what_a_lost_connection_had_comes_to_the_next_one() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2"]);
    assert_eq!(bodies(&client.consume("q", "c")), ["1", "2"]);
    client.send(1, &ack(1));
    client.drop_connection();
    let mut other = server.connect();
    let came = other.consume("q", "c");
    assert_eq!((came[1].as_str(), bodies(&came)), (delivery(1, true, "q").as_str(), vec!["2"]));
}

#[test]
fn a_channel_that_closes_gives_everything_back() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2", "3"]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    client.consume("q", "c");
    assert_eq!(bodies(&client.ask(&get("q"))), ["2"]);
    client.send(1, &Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 });
    client.send(1, &Method::ChannelOpen { out_of_band: "" });
    client.said();
    assert_eq!(bodies(&client.consume("q", "c")), ["1", "2", "3"]);
}

#[test]
fn a_cancelled_consumer_keeps_what_it_has_and_gets_nothing_more() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1"]);
    client.consume("q", "c");
    let cancelled = client.ask(&Method::BasicCancel { consumer_tag: "c", nowait: false });
    assert_eq!(cancelled, ["1 BasicCancelOk { consumer_tag: \"c\" }"]);
    publish_all(&mut client, "q", &["2"]);
    assert_eq!(client.said(), Vec::<String>::new());
    assert_eq!(client.ask(&ack(1)), Vec::<String>::new());
    assert_eq!(bodies(&client.consume("q", "c")), ["2"], "the tag is free again");
    let unknown = client.ask(&Method::BasicCancel { consumer_tag: "nobody", nowait: false });
    assert_eq!(unknown, ["1 BasicCancelOk { consumer_tag: \"nobody\" }"]);
}

#[test]
fn consumers_take_turns_and_the_larger_priority_goes_first() {
    let server = Server::new();
    let (mut one, mut two) = (server.connect(), server.connect());
    one.declare("q", &[]);
    for client in [&mut one, &mut two] {
        client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
        client.consume("q", "c");
    }
    let mut publisher = server.connect();
    publish_all(&mut publisher, "q", &["1"]);
    publish_all(&mut publisher, "q", &["2"]);
    assert_eq!((bodies(&one.said()), bodies(&two.said())), (vec!["1"], vec!["2"]));
    let mut table = TableBuilder::default();
    table.put("x-priority", Value::I32(10));
    let Method::BasicConsume { ticket, queue, consumer_tag, no_local, no_ack, exclusive, nowait, .. } =
        consume("q", "first", false)
    else {
        unreachable!()
    };
    let mut first = server.connect();
    first.ask(&Method::BasicConsume {
        ticket,
        queue,
        consumer_tag,
        no_local,
        no_ack,
        exclusive,
        nowait,
        arguments: table.table(),
    });
    one.ask(&ack(1));
    two.ask(&ack(1));
    publish_all(&mut publisher, "q", &["3"]);
    assert_eq!(bodies(&first.said()), ["3"]);
}

#[test]
fn priorities_and_times_to_live_are_kept() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[("x-max-priority", Value::U8(5)), ("x-message-ttl", Value::I32(60_000))]);
    let with = |priority, expiration| Properties { priority, expiration, ..PLAIN };
    client.publish("", "q", &with(None, None), b"low");
    client.publish("", "q", &with(Some(9), None), b"high");
    client.publish("", "q", &with(Some(3), Some("1000")), b"short");
    client.advance_ms(2_000);
    assert_eq!(bodies(&client.ask(&get("q"))), ["high"]);
    assert_eq!(bodies(&client.ask(&get("q"))), ["low"]);
    assert_eq!(client.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
}

#[test]
fn a_queue_that_is_full_refuses_with_nack() {
    let server = Server::new();
    let mut client = confirming(&server);
    client.declare("q", &[("x-max-length", Value::I32(2)), ("x-overflow", Value::Long(b"reject-publish"))]);
    for (body, answer) in [("1", "Ack"), ("2", "Ack"), ("3", "Nack")] {
        client.publish("", "q", &PLAIN, body.as_bytes());
        let said = client.said();
        assert!(said[0].starts_with(&format!("1 Basic{answer} {{ delivery_tag: {body}")), "{said:?}");
    }
}

#[test]
fn a_mandatory_message_without_a_queue_is_returned_before_it_is_confirmed() {
    let server = Server::new();
    let mut client = confirming(&server);
    client.bytes(&published("", "nowhere", true, &PLAIN, b"lost"));
    assert_eq!(
        client.said(),
        [
            "1 BasicReturn { reply_code: 312, reply_text: \"NO_ROUTE\", exchange: \"\", routing_key: \"nowhere\" }",
            "1 header 4 ",
            "1 body lost",
            "1 BasicAck { delivery_tag: 1, multiple: false }",
        ]
    );
    client.publish("", "nowhere", &PLAIN, b"lost");
    assert_eq!(client.said(), ["1 BasicAck { delivery_tag: 2, multiple: false }"]);
}

#[test]
fn deleting_a_queue_tells_its_consumers_and_counts() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    client.consume("q", "c");
    let mut other = server.connect();
    let delete = |if_unused, if_empty| Method::QueueDelete {
        ticket: 0,
        queue: "q",
        if_unused,
        if_empty,
        nowait: false,
    };
    let refused = other.ask(&delete(true, false));
    assert!(refused[0].contains("PRECONDITION_FAILED - queue 'q' in vhost '/' in use"), "{refused:?}");
    let mut other = server.connect();
    assert_eq!(other.ask(&delete(false, false)), ["1 QueueDeleteOk { message_count: 0 }"]);
    assert_eq!(client.said(), ["1 BasicCancel { consumer_tag: \"c\", nowait: true }"]);
    assert_eq!(other.ask(&delete(false, false)), ["1 QueueDeleteOk { message_count: 0 }"], "gone is gone");
    other.declare("q", &[]);
    publish_all(&mut other, "q", &["1"]);
    let refused = other.ask(&delete(false, true));
    assert!(refused[0].contains("PRECONDITION_FAILED - queue 'q' in vhost '/' not empty"), "{refused:?}");
}

#[test]
fn exclusive_queues_belong_to_their_connection_and_go_with_it() {
    let server = Server::new();
    let mut client = server.connect();
    let exclusive = Method::QueueDeclare {
        ticket: 0,
        queue: "",
        passive: false,
        durable: false,
        exclusive: true,
        auto_delete: true,
        nowait: false,
        arguments: Table::default(),
    };
    let declared = client.ask(&exclusive);
    let name = declared[0].split('"').nth(1).unwrap().to_owned();
    assert!(name.starts_with("amq.gen-"), "{declared:?}");
    assert!(client.consume("", "c")[0].starts_with("1 BasicConsumeOk"), "the last declared queue");
    let mut other = server.connect();
    let locked = other.consume(&name, "c");
    assert!(
        locked[0].contains("reply_code: 405, reply_text: \"RESOURCE_LOCKED - cannot obtain exclusive access"),
        "{locked:?}"
    );
    assert!(server.broker.has_stream(&name));
    client.drop_connection();
    assert!(!server.broker.has_stream(&name));
}

#[test]
fn a_queue_that_deletes_itself_goes_with_its_last_consumer() {
    let server = Server::new();
    let mut client = server.connect();
    let auto_delete = Method::QueueDeclare {
        ticket: 0,
        queue: "q",
        passive: false,
        durable: true,
        exclusive: false,
        auto_delete: true,
        nowait: false,
        arguments: Table::default(),
    };
    client.ask(&auto_delete);
    client.consume("q", "one");
    client.consume("q", "two");
    client.ask(&Method::BasicCancel { consumer_tag: "one", nowait: false });
    assert!(server.broker.has_stream("q"));
    client.ask(&Method::BasicCancel { consumer_tag: "two", nowait: false });
    assert!(!server.broker.has_stream("q"));
}

#[test]
fn dead_letters_go_to_the_queue_that_was_named() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("dead", &[]);
    client.declare(
        "q",
        &[("x-dead-letter-exchange", Value::Long(b"")), ("x-dead-letter-routing-key", Value::Long(b"dead"))],
    );
    publish_all(&mut client, "q", &["1"]);
    client.consume("q", "c");
    client.ask(&Method::BasicReject { delivery_tag: 1, requeue: false });
    server.broker.carry_out_moves();
    let dead = client.ask(&get("dead"));
    assert_eq!(bodies(&dead), ["1"]);
    assert!(
        dead[1].contains("x-first-death-reason=rejected") && dead[1].contains("x-death=Array"),
        "{dead:?}"
    );
}

#[test]
fn a_stream_of_another_protocol_becomes_a_queue_and_stays_when_it_is_deleted() {
    let server = Server::new();
    server.broker.create_stream("events", 1);
    let mut client = server.connect();
    let missing = client.ask(&get("events"));
    assert!(missing[0].contains("NOT_FOUND - no queue 'events' in vhost '/'"), "{missing:?}");
    let mut client = server.connect();
    client.declare("events", &[]);
    publish_all(&mut client, "events", &["1"]);
    assert_eq!(bodies(&client.ask(&get("events"))), ["1"]);
    let delete =
        Method::QueueDelete { ticket: 0, queue: "events", if_unused: false, if_empty: false, nowait: false };
    client.ask(&delete);
    assert!(server.broker.has_stream("events"));
}

#[test]
fn purging_counts() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2", "3"]);
    assert_eq!(
        client.ask(&Method::QueuePurge { ticket: 0, queue: "q", nowait: false }),
        ["1 QueuePurgeOk { message_count: 3 }"]
    );
    assert_eq!(client.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
}

#[test]
fn a_transaction_does_all_of_it_at_its_commit() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("in", &[]);
    client.declare("out", &[]);
    publish_all(&mut client, "in", &["1", "2"]);
    assert_eq!(client.ask(&Method::TxSelect {}), ["1 TxSelectOk"]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    assert_eq!(bodies(&client.consume("in", "c")), ["1"]);
    client.send(1, &ack(1));
    publish_all(&mut client, "out", &["a", "b"]);
    client.bytes(&published("", "nowhere", true, &PLAIN, b"back"));
    assert_eq!(client.said(), Vec::<String>::new(), "nothing happens before the commit");
    assert_eq!(client.unsettled, 0);
    let mut other = server.connect();
    assert_eq!(other.ask(&get("out")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
    let committed = client.ask(&Method::TxCommit {});
    assert!(committed[0].starts_with("1 BasicReturn"), "{committed:?}");
    assert!(committed.contains(&"1 TxCommitOk".to_owned()));
    assert_eq!(bodies(&committed), ["back", "2"], "credit comes back with the commit");
    assert_eq!(bodies(&other.ask(&get("out"))), ["a"]);
    client.send(1, &ack(2));
    publish_all(&mut client, "out", &["never"]);
    assert_eq!(client.ask(&Method::TxRollback {}), ["1 TxRollbackOk"]);
    assert_eq!(client.ask(&Method::TxCommit {}), ["1 TxCommitOk"]);
    assert_eq!(client.ask(&ack(2)), Vec::<String>::new(), "the delivery is there again");
    client.ask(&Method::TxCommit {});
    client.drop_connection();
    assert_eq!(bodies(&other.ask(&get("out"))), ["b"]);
    assert_eq!(other.ask(&get("in")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
    let refused = other.ask(&Method::TxRollback {});
    assert!(refused[0].contains("PRECONDITION_FAILED - channel is not transactional"), "{refused:?}");
}

#[test]
fn what_a_transaction_held_goes_back_with_its_channel() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1"]);
    client.ask(&Method::TxSelect {});
    client.consume("q", "c");
    client.send(1, &ack(1));
    client.drop_connection();
    let mut other = server.connect();
    assert_eq!(bodies(&other.ask(&get("q"))), ["1"]);
}

#[test]
fn a_purge_leaves_what_is_out() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2", "3"]);
    client.ask(&get("q"));
    assert_eq!(
        client.ask(&Method::QueuePurge { ticket: 0, queue: "q", nowait: false }),
        ["1 QueuePurgeOk { message_count: 2 }"]
    );
    client.ask(&Method::BasicNack { delivery_tag: 1, multiple: false, requeue: true });
    assert_eq!(bodies(&client.ask(&get("q"))), ["1"]);
}

#[test]
fn a_queue_that_nobody_uses_expires() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[("x-expires", Value::I32(10_000))]);
    client.advance_ms(9_000);
    client.declare("q", &[("x-expires", Value::I32(10_000))]);
    client.advance_ms(9_000);
    assert!(server.broker.has_stream("q"), "a declaration is use");
    client.advance_ms(2_000);
    assert!(!server.broker.has_stream("q"));
}

#[test]
fn a_consumer_at_its_limit_hears_at_once_that_its_queue_is_gone() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    publish_all(&mut client, "q", &["1", "2"]);
    client.ask(&Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    client.consume("q", "c");
    let mut other = server.connect();
    let delete =
        Method::QueueDelete { ticket: 0, queue: "q", if_unused: false, if_empty: false, nowait: false };
    assert_eq!(other.ask(&delete), ["1 QueueDeleteOk { message_count: 1 }"]);
    assert_eq!(client.said(), ["1 BasicCancel { consumer_tag: \"c\", nowait: true }"]);
}

#[test]
fn a_delivery_that_is_not_settled_in_time_closes_its_channel() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[("x-consumer-timeout", Value::I32(5_000))]);
    publish_all(&mut client, "q", &["1"]);
    client.consume("q", "c");
    client.advance_ms(6_000);
    let said = client.said();
    assert!(
        said[0].contains("PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out"),
        "{said:?}"
    );
}

#[test]
fn answers_go_from_connection_to_connection_without_a_queue() {
    let server = Server::new();
    let (mut requester, mut worker) = (server.connect(), server.connect());
    worker.declare("rpc", &[]);
    worker.consume("rpc", "w");
    let early = Properties { reply_to: Some("amq.rabbitmq.reply-to"), ..PLAIN };
    let mut hasty = server.connect();
    hasty.publish("", "rpc", &early, b"too early");
    assert!(hasty.said()[0].contains("PRECONDITION_FAILED - fast reply consumer does not exist"));
    let acking = requester.ask(&consume("amq.rabbitmq.reply-to", "r", false));
    assert!(acking[0].contains("PRECONDITION_FAILED - reply consumer cannot acknowledge"), "{acking:?}");
    let mut requester = server.connect();
    assert_eq!(
        requester.ask(&consume("amq.rabbitmq.reply-to", "r", true)),
        ["1 BasicConsumeOk { consumer_tag: \"r\" }"]
    );
    let request = Properties { correlation_id: Some("7"), ..early };
    requester.publish("", "rpc", &request, b"question");
    let asked = worker.raw_reply_to();
    assert!(asked.starts_with("amq.rabbitmq.reply-to.") && asked.len() > 40, "{asked}");
    let looked = Method::QueueDeclare {
        ticket: 0,
        queue: &asked,
        passive: true,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: Table::default(),
    };
    assert!(worker.ask(&looked)[0].contains("message_count: 0, consumer_count: 1"));
    let answer = Properties { correlation_id: Some("7"), ..PLAIN };
    worker.bytes(&published("", &asked, true, &answer, b"answer"));
    assert_eq!(worker.said(), Vec::<String>::new(), "it counts as routed");
    let said = requester.said();
    assert!(said[0].contains("consumer_tag: \"r\", delivery_tag: 1"), "{said:?}");
    assert_eq!((said[1].as_str(), bodies(&said)), ("1 header 6 correlation=7", vec!["answer"]));
    requester.drop_connection();
    worker.bytes(&published("", &asked, true, &answer, b"late"));
    assert!(worker.said()[0].contains("NO_ROUTE"));
}
