//! The beginning and the end of connections: protocol headers, credentials, limits, heartbeats, errors.

use crate::client::{Server, bytes_of};
use millstream_amqp::codec::{Long, Method, Output, PROTOCOL_HEADER, PROTOCOL_HEADER_OLD, Table};
use millstream_amqp::{Code, HANDSHAKE_MS};

fn start_ok<'a>(mechanism: &'a str, response: &'a [u8]) -> Method<'a> {
    Method::ConnectionStartOk {
        client_properties: Table::default(),
        mechanism,
        response: Long(response),
        locale: "en_US",
    }
}

fn closed(code: u16, text: &str) -> String {
    format!("0 ConnectionClose {{ reply_code: {code}, reply_text: {text:?}")
}

#[test]
fn foreign_beginnings_are_answered_with_the_header_and_ended() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"AMQP\x00\x01\x00\x00", b"\x16\x03\x01\x02\x00\x01\x00\x01"]
    {
        let server = Server::new();
        let mut client = server.raw();
        client.bytes(bytes);
        assert_eq!(client.raw_output(), PROTOCOL_HEADER);
        assert!(client.ended.is_some_and(|reason| !reason.is_empty()));
    }
}

#[test]
fn the_old_header_is_taken_byte_by_byte() {
    let server = Server::new();
    let mut client = server.raw();
    for byte in PROTOCOL_HEADER_OLD {
        assert_eq!(client.said(), Vec::<String>::new());
        client.bytes(&[byte]);
    }
    let start = client.said();
    assert!(start[0].starts_with("0 ConnectionStart { version_major: 0, version_minor: 9"), "{start:?}");
}

#[test]
fn credentials_that_cannot_be_read_are_refused_after_a_while() {
    let server = Server::new();
    let mut client = server.raw();
    client.bytes(&PROTOCOL_HEADER);
    client.said();
    client.send(0, &start_ok("PLAIN", b"guest"));
    assert_eq!((client.said(), client.ended.clone()), (vec![], None), "who cannot be told waits");
    client.advance_ms(3_000);
    assert!(client.ended.is_some());
    let mut client = server.raw();
    client.bytes(&PROTOCOL_HEADER);
    client.said();
    client.send(0, &start_ok("EXTERNAL", b""));
    let text = "COMMAND_INVALID - unknown authentication mechanism 'EXTERNAL'";
    assert!(client.said()[0].starts_with(&closed(503, text)));
}

#[test]
fn limits_beyond_what_was_offered_are_refused() {
    for (channel_max, frame_max, what) in
        [(2048, 131_072, "channel_max"), (1, 131_073, "frame_max"), (1, 4095, "frame_max")]
    {
        let server = Server::new();
        let mut client = server.raw();
        client.bytes(&PROTOCOL_HEADER);
        client.send(0, &start_ok("PLAIN", b"\0guest\0guest"));
        client.said();
        client.send(0, &Method::ConnectionTuneOk { channel_max, frame_max, heartbeat: 0 });
        let said = client.said();
        assert!(
            said[0].starts_with(&format!(
                "0 ConnectionClose {{ reply_code: 530, reply_text: \"NOT_ALLOWED - negotiated {what}"
            )),
            "{said:?}"
        );
        client.send(0, &Method::ConnectionCloseOk {});
        assert_eq!(client.ended.as_deref(), Some(""));
    }
}

#[test]
fn a_virtual_host_that_does_not_exist_is_refused() {
    let server = Server::new();
    let mut client = server.raw();
    client.bytes(&PROTOCOL_HEADER);
    client.send(0, &start_ok("PLAIN", b"\0guest\0guest"));
    client.send(0, &Method::ConnectionTuneOk { channel_max: 0, frame_max: 0, heartbeat: 0 });
    client.said();
    client.send(0, &Method::ConnectionOpen { virtual_host: "nowhere", capabilities: "", insist: false });
    assert!(client.said()[0].starts_with(&closed(530, "NOT_ALLOWED - vhost nowhere not found")));
}

#[test]
fn a_connection_that_does_not_open_ends() {
    let server = Server::new();
    let mut client = server.raw();
    client.bytes(&PROTOCOL_HEADER);
    client.advance_ms(i64::try_from(HANDSHAKE_MS).unwrap());
    assert!(client.ended.is_some());
}

#[test]
fn heartbeats_are_sent_when_nothing_else_is_and_expected_from_the_client() {
    let server = Server::new();
    let mut client = server.raw();
    client.handshake(10);
    client.advance_ms(5_000);
    assert_eq!(client.said(), ["heartbeat"]);
    let mut output = Output::default();
    output.heartbeat();
    let beat = bytes_of(output);
    for _ in 0..10 {
        client.advance_ms(5_000);
        client.bytes(&beat);
        assert_eq!(client.said(), ["heartbeat"]);
    }
    for _ in 0..3 {
        client.advance_ms(5_000);
        assert_eq!(client.ended, None);
    }
    client.advance_ms(5_000);
    assert!(client.ended.is_some());
}

#[test]
fn after_the_brokers_close_nothing_counts_but_the_clients_word() {
    let server = Server::new();
    let mut client = server.connect();
    client.send(2, &Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    let said = client.said();
    assert!(said[0].starts_with(&closed(504, "CHANNEL_ERROR - expected 'channel.open'")), "{said:?}");
    client.send(1, &Method::BasicQos { prefetch_size: 0, prefetch_count: 1, global: false });
    client.send(0, &Method::ConnectionOpen { virtual_host: "/", capabilities: "", insist: false });
    assert_eq!((client.said(), client.ended.clone()), (vec![], None));
    client.send(0, &Method::ConnectionCloseOk {});
    assert_eq!(client.ended.as_deref(), Some(""));
    let mut client = server.connect();
    client
        .send(0, &Method::ConnectionClose { reply_code: 200, reply_text: "bye", class_id: 0, method_id: 0 });
    assert_eq!(client.said(), ["0 ConnectionCloseOk"]);
    assert_eq!(client.ended.as_deref(), Some(""));
}

#[test]
fn frames_that_are_none_end_the_connection_with_their_code() {
    let wrong: [(&[u8], Code); 7] = [
        (&[9, 0, 1, 0, 0, 0, 0, 206], Code::FRAME_ERROR),
        (&[1, 0, 1, 0, 2, 0, 1, 0], Code::FRAME_ERROR),
        (&[8, 0, 0, 0, 0, 0, 0, 205], Code::FRAME_ERROR),
        (&[1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 99, 206], Code::FRAME_ERROR),
        (&[1, 0, 1, 0, 0, 0, 5, 0, 60, 0, 80, 0, 206], Code::FRAME_ERROR),
        (&[1, 0, 1, 0, 0, 0, 4, 0, 61, 0, 99, 206], Code::COMMAND_INVALID),
        (&[1, 0, 1, 0, 0, 0, 2, 0, 60, 206], Code::SYNTAX_ERROR),
    ];
    for (bytes, code) in wrong {
        let server = Server::new();
        let mut client = server.connect();
        client.bytes(bytes);
        let said = client.said();
        let begin = format!("0 ConnectionClose {{ reply_code: {}", code.number());
        assert!(said[0].starts_with(&begin), "{bytes:?}: {said:?}");
        assert_eq!(client.unsettled, 0);
    }
}

#[test]
fn channels_beyond_the_agreed_number_are_refused() {
    let server = Server::new();
    let mut client = server.connect();
    // It is the number of channels that counts, as in RabbitMQ, not how they are numbered.
    for channel in 3..=2048 {
        client.send(channel, &Method::ChannelOpen { out_of_band: "" });
    }
    assert_eq!(client.said().len(), 2046);
    client.send(2, &Method::ChannelOpen { out_of_band: "" });
    let text = "number of channels opened (2047) has reached the negotiated channel_max (2047)";
    assert!(client.said()[0].contains(text));
}

#[test]
fn two_thousand_channels_are_open_at_once() {
    let server = Server::new();
    let mut client = server.connect();
    for channel in 2..=2047 {
        client.send(channel, &Method::ChannelOpen { out_of_band: "" });
    }
    assert_eq!(client.said().len(), 2046);
    client.send(2047, &Method::ChannelFlow { active: true });
    assert_eq!(client.said(), ["2047 ChannelFlowOk { active: true }"]);
}
