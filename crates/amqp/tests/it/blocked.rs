//! A disk without room: publishers wait and are told, consumers go on, nothing is lost.

use crate::client::{Server, ack, get, published};
use millstream_amqp::codec::{Method, Properties};

const BLOCKED: &str = "0 ConnectionBlocked { reason: \"low on disk\" }";
const UNBLOCKED: &str = "0 ConnectionUnblocked";

fn message(body: &str) -> Vec<u8> {
    published("", "q", false, &Properties::default(), body.as_bytes())
}

#[test]
fn publishers_are_blocked_while_the_disk_is_full_and_lose_nothing() {
    let server = Server::new();
    let mut publisher = server.connect();
    publisher.declare("q", &[]);
    publisher.ask(&Method::ConfirmSelect { nowait: false });
    server.broker.set_full(true);
    publisher.bytes(&message("1"));
    assert_eq!(publisher.said(), [BLOCKED]);
    // What is sent meanwhile is not taken.
    publisher.bytes(&message("2"));
    publisher.advance_ms(1_000);
    publisher.advance_ms(1_000);
    assert_eq!(publisher.said(), [""; 0]);
    server.broker.set_full(false);
    publisher.advance_ms(1_000);
    assert_eq!(
        publisher.said(),
        [
            UNBLOCKED,
            "1 BasicAck { delivery_tag: 1, multiple: false }",
            "1 BasicAck { delivery_tag: 2, multiple: false }"
        ]
    );
    assert_eq!(publisher.unsettled, 0);
    let got: Vec<String> = (0..2).map(|_| publisher.ask(&get("q")).pop().unwrap()).collect();
    assert_eq!(got, ["1 body 1", "1 body 2"]);
}

#[test]
fn consumers_and_those_who_do_not_publish_go_on() {
    let server = Server::new();
    let (mut publisher, mut consumer) = (server.connect(), server.connect());
    publisher.declare("q", &[]);
    publisher.bytes(&message("1"));
    server.broker.set_full(true);
    publisher.bytes(&message("2"));
    assert_eq!(publisher.said(), [BLOCKED]);
    consumer.consume("q", "ct");
    consumer.send(1, &ack(1));
    assert_eq!(consumer.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
    server.broker.set_full(false);
    publisher.advance_ms(1_000);
    assert_eq!(publisher.said(), [UNBLOCKED]);
    assert!(consumer.said().contains(&"1 body 2".to_owned()));
}

#[test]
fn a_queue_that_is_deleted_meanwhile_takes_its_messages_with_it() {
    let server = Server::new();
    let (mut publisher, mut other) = (server.connect(), server.connect());
    publisher.declare("q", &[]);
    publisher.ask(&Method::ConfirmSelect { nowait: false });
    server.broker.set_full(true);
    publisher.bytes(&message("1"));
    assert_eq!(publisher.said(), [BLOCKED]);
    let delete =
        Method::QueueDelete { ticket: 0, queue: "q", if_unused: false, if_empty: false, nowait: false };
    assert_eq!(other.ask(&delete), ["1 QueueDeleteOk { message_count: 0 }"]);
    publisher.advance_ms(1_000);
    assert_eq!(publisher.said(), [UNBLOCKED, "1 BasicAck { delivery_tag: 1, multiple: false }"]);
    assert_eq!(publisher.unsettled, 0);
}

#[test]
fn a_blocked_connection_can_be_cut() {
    let server = Server::new();
    let mut publisher = server.connect();
    publisher.declare("q", &[]);
    server.broker.set_full(true);
    publisher.bytes(&message("1"));
    assert_eq!(publisher.said(), [BLOCKED]);
    publisher.drop_connection();
    server.broker.set_full(false);
    let mut other = server.connect();
    assert_eq!(other.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
}
