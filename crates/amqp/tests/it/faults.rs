//! What ends a channel or a connection, and in which words.

use crate::client::{Server, consume, declare, get, published};
use millstream_amqp::MESSAGE_BYTES_MAX;
use millstream_amqp::codec::{Method, Output, Properties, Table, TableBuilder, Value};

#[test]
fn mistakes_on_a_channel_are_answered_with_code_text_and_method() {
    let qos = Method::BasicQos { prefetch_size: 1, prefetch_count: 0, global: false };
    let cases: [(Method<'_>, &str); 13] = [
        (
            get("nowhere"),
            "1 ChannelClose { reply_code: 404, reply_text: \"NOT_FOUND - no queue 'nowhere' in vhost '/'\", class_id: 60, method_id: 70 }",
        ),
        (get(""), "reply_code: 404, reply_text: \"NOT_FOUND - no previously declared queue\""),
        (
            declare("amq.mine", Table::default()),
            "reply_code: 403, reply_text: \"ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'\"",
        ),
        (
            qos,
            "0 ConnectionClose { reply_code: 540, reply_text: \"NOT_IMPLEMENTED - prefetch_size!=0 (1)\", class_id: 60, method_id: 10 }",
        ),
        (Method::BasicRecover { requeue: false }, "0 ConnectionClose { reply_code: 540"),
        (Method::ChannelFlow { active: false }, "0 ConnectionClose { reply_code: 540"),
        (
            Method::ChannelOpen { out_of_band: "" },
            "reply_text: \"CHANNEL_ERROR - second 'channel.open' seen\"",
        ),
        (
            Method::QueueDeclareOk { queue: "q", message_count: 0, consumer_count: 0 },
            "reply_code: 503, reply_text: \"COMMAND_INVALID - unimplemented method\"",
        ),
        (
            Method::BasicPublish {
                ticket: 0,
                exchange: "",
                routing_key: "",
                mandatory: false,
                immediate: true,
            },
            "reply_text: \"NOT_IMPLEMENTED - immediate=true\"",
        ),
        (
            Method::TxCommit {},
            "reply_code: 406, reply_text: \"PRECONDITION_FAILED - channel is not transactional\"",
        ),
        (
            Method::BasicAck { delivery_tag: 7, multiple: true },
            "reply_text: \"PRECONDITION_FAILED - unknown delivery tag 7\"",
        ),
        (
            Method::BasicReject { delivery_tag: 0, requeue: true },
            "reply_text: \"PRECONDITION_FAILED - unknown delivery tag 0\"",
        ),
        (
            Method::QueueDeclare {
                ticket: 0,
                queue: "nowhere",
                passive: true,
                durable: false,
                exclusive: false,
                auto_delete: false,
                nowait: false,
                arguments: Table::default(),
            },
            "NOT_FOUND - no queue 'nowhere' in vhost '/'",
        ),
    ];
    for (method, expected) in cases {
        let server = Server::new();
        let mut client = server.connect();
        let said = client.ask(&method);
        assert!(said[0].contains(expected), "{said:?}");
        assert_eq!(client.unsettled, 0);
    }
}

#[test]
fn access_is_granted_to_who_asks_for_it() {
    let server = Server::new();
    let mut client = server.connect();
    let request = Method::AccessRequest {
        realm: "/",
        exclusive: false,
        passive: true,
        active: true,
        write: true,
        read: true,
    };
    assert_eq!(client.ask(&request), ["1 AccessRequestOk { ticket: 1 }"]);
}

#[test]
fn a_closed_channel_ignores_what_comes_until_the_client_agrees() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    assert!(client.ask(&get("nowhere"))[0].starts_with("1 ChannelClose"));
    client.bytes(&published("", "q", false, &Properties::default(), b"ignored"));
    assert_eq!(client.ask(&get("q")), Vec::<String>::new());
    let close = Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 };
    assert_eq!(client.ask(&close), ["1 ChannelCloseOk"], "both closed at once");
    client.send(1, &Method::ChannelCloseOk {});
    client.send(1, &Method::ChannelOpen { out_of_band: "" });
    assert_eq!(client.said().len(), 1);
    assert_eq!(client.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
    assert_eq!(client.unsettled, 0);
}

#[test]
fn messages_that_cannot_be_are_refused() {
    let mut cc = TableBuilder::default();
    cc.put("CC", Value::Long(b"not an array"));
    let with_cc = Properties { headers: Some(cc.table()), ..Properties::default() };
    let expiring = |expiration| Properties { expiration: Some(expiration), ..Properties::default() };
    let impostor = Properties { user_id: Some("root"), ..Properties::default() };
    for (properties, text) in [
        (expiring("abc"), "PRECONDITION_FAILED - invalid expiration 'abc': no_integer"),
        (expiring("1s"), "PRECONDITION_FAILED - invalid expiration '1s': {leftover_string,"),
        (expiring("-1"), "PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}"),
        (expiring("315360000001"), "PRECONDITION_FAILED - invalid expiration '315360000001'"),
        (with_cc, "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"),
        (impostor, "PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'guest'"),
    ] {
        let server = Server::new();
        let mut client = server.connect();
        client.declare("q", &[]);
        client.publish("", "q", &properties, b"x");
        let said = client.said();
        assert!(said[0].contains(text), "{said:?}");
        assert_eq!(client.unsettled, 0);
    }
}

#[test]
fn a_message_beyond_the_limit_is_refused_by_its_header() {
    let server = Server::new();
    let mut client = server.connect();
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
    let mut bytes = crate::client::bytes_of(output);
    bytes.extend([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0]);
    bytes.extend((MESSAGE_BYTES_MAX + 1).to_be_bytes());
    bytes.extend([0, 0, 206]);
    client.bytes(&bytes);
    let text = format!(
        "message size {} is larger than configured max size {MESSAGE_BYTES_MAX}",
        MESSAGE_BYTES_MAX + 1
    );
    assert!(client.said()[0].contains(&text));
    assert_eq!(client.unsettled, 0);
}

#[test]
fn frames_out_of_turn_end_the_connection() {
    let publish = Method::BasicPublish {
        ticket: 0,
        exchange: "",
        routing_key: "q",
        mandatory: false,
        immediate: false,
    };
    let server = Server::new();
    let mut client = server.connect();
    client.send(1, &publish);
    client.send(1, &publish);
    assert!(client.said()[0].contains(
        "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"
    ));
    let mut client = server.connect();
    client.bytes(&[3, 0, 1, 0, 0, 0, 1, 65, 206]);
    assert!(
        client.said()[0].contains("UNEXPECTED_FRAME - expected method frame, got non method frame instead")
    );
}

#[test]
fn tags_and_exclusive_consumers_are_alone() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    client.consume("q", "c");
    let again = client.consume("q", "c");
    assert!(
        again[0].contains("reply_code: 530, reply_text: \"NOT_ALLOWED - attempt to reuse consumer tag 'c'\""),
        "{again:?}"
    );
    let mut client = server.connect();
    client.send(2, &Method::ChannelOpen { out_of_band: "" });
    client.said();
    client.consume("q", "c");
    let Method::BasicConsume { ticket, queue, consumer_tag, no_local, no_ack, nowait, arguments, .. } =
        consume("q", "x", false)
    else {
        unreachable!()
    };
    let alone = Method::BasicConsume {
        ticket,
        queue,
        consumer_tag,
        no_local,
        no_ack,
        exclusive: true,
        nowait,
        arguments,
    };
    client.send(2, &alone);
    let said = client.said();
    assert!(said[0].contains("ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"), "{said:?}");
}

#[test]
fn modes_of_publishing_exclude_each_other() {
    let server = Server::new();
    let mut client = server.connect();
    client.ask(&Method::ConfirmSelect { nowait: false });
    let said = client.ask(&Method::TxSelect {});
    assert!(said[0].contains("PRECONDITION_FAILED - cannot switch from confirm to tx mode"), "{said:?}");
}
