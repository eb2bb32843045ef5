//! A disk without room, or too little memory: publishers wait and are told, consumers go on, nothing is lost.

use crate::client::{Client, Server, ack, get, published};
use millstream_amqp::codec::{Method, Properties, Table};
use millstream_front::budget::Budget;

const BLOCKED: &str = "0 ConnectionBlocked { reason: \"low on disk\" }";
const UNBLOCKED: &str = "0 ConnectionUnblocked";
const MEMORY: &str = "0 ConnectionBlocked { reason: \"low on memory\" }";

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
    server.broker.set_full(false);
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

/// The bodies of everything in `q`, in order.
fn bodies(client: &mut Client, count: usize) -> Vec<String> {
    (0..count).map(|_| client.ask(&get("q")).pop().expect("something is answered")).collect()
}

#[test]
fn what_was_refused_is_stored_before_what_was_published_after_it() {
    let server = Server::new();
    let mut publisher = server.connect();
    publisher.declare("q", &[]);
    publisher.ask(&Method::ConfirmSelect { nowait: false });
    server.broker.set_full(true);
    publisher.feed(&message("1"));
    // Room comes before the client has heard that there was none.
    server.broker.set_full(false);
    publisher.feed(&message("2"));
    publisher.feed(&message("3"));
    let said = publisher.said();
    assert!(said[0] == BLOCKED && said.contains(&UNBLOCKED.to_owned()), "{said:?}");
    assert_eq!(bodies(&mut publisher, 3), ["1 body 1", "1 body 2", "1 body 3"]);
    assert_eq!(publisher.unsettled, 0);
}

#[test]
fn what_is_refused_again_keeps_its_place() {
    let server = Server::new();
    let mut publisher = server.connect();
    publisher.declare("q", &[]);
    server.broker.set_full(true);
    for body in ["1", "2", "3"] {
        publisher.feed(&message(body));
    }
    assert_eq!(publisher.said(), [BLOCKED]);
    // The room is gone again before anybody looks, and comes back.
    server.broker.set_full(false);
    server.broker.set_full(true);
    assert_eq!(publisher.said(), [""; 0]);
    server.broker.set_full(false);
    assert_eq!(publisher.said(), [UNBLOCKED]);
    assert_eq!(bodies(&mut publisher, 3), ["1 body 1", "1 body 2", "1 body 3"]);
}

#[test]
fn a_commit_waits_for_room_with_all_that_belongs_to_it() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    client.bytes(&message("0"));
    client.ask(&Method::TxSelect {});
    assert!(client.ask(&get("q")).contains(&"1 body 0".to_owned()));
    client.send(1, &ack(1));
    client.bytes(&message("1"));
    server.broker.set_full(true);
    assert_eq!(client.ask(&Method::TxCommit {}), [BLOCKED]);
    server.broker.set_full(false);
    assert_eq!(client.said(), [UNBLOCKED, "1 TxCommitOk"]);
    client.send(1, &Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 });
    client.send(1, &Method::ChannelOpen { out_of_band: "" });
    client.said();
    assert_eq!(bodies(&mut client, 1), ["1 body 1"]);
    assert_eq!(client.ask(&get("q")), ["1 BasicGetEmpty { cluster_id: \"\" }"]);
}

#[test]
fn publishers_wait_while_memory_is_short_and_nothing_that_arrived_does() {
    let memory = Budget::new(800);
    let server = Server::with_memory(&memory);
    let (mut publisher, mut consumer) = (server.connect(), server.connect());
    publisher.declare("q", &[]);
    publisher.ask(&Method::ConfirmSelect { nowait: false });
    consumer.consume("q", "ct");
    let held = memory.charge(750);
    publisher.bytes(&message("1"));
    assert_eq!(publisher.said(), [MEMORY, "1 BasicAck { delivery_tag: 1, multiple: false }"]);
    publisher.bytes(&message("2"));
    assert_eq!(publisher.said(), [""; 0]);
    assert!(consumer.said().contains(&"1 body 1".to_owned()));
    consumer.send(1, &ack(1));
    drop(held);
    assert_eq!(publisher.said(), [UNBLOCKED, "1 BasicAck { delivery_tag: 2, multiple: false }"]);
    assert!(consumer.said().contains(&"1 body 2".to_owned()));
}

#[test]
fn nobody_is_stopped_in_the_middle_of_a_message_or_a_transaction() {
    let memory = Budget::new(8_000);
    let server = Server::with_memory(&memory);
    let mut publisher = server.connect();
    publisher.declare("q", &[]);
    publisher.send(2, &Method::ChannelOpen { out_of_band: "" });
    publisher.send(2, &Method::TxSelect {});
    publisher.said();
    let mut on_two = message("1");
    // The channel of each of its three frames.
    let mut at = 0;
    while at < on_two.len() {
        on_two[at + 2] = 2;
        at += 8 + u32::from_be_bytes(on_two[at + 3..at + 7].try_into().unwrap()) as usize;
    }
    publisher.bytes(&on_two);
    let open = 8_000 - memory.free_bytes();
    assert!(open > 0, "an open transaction is counted");
    let held = memory.charge(7_500);
    publisher.bytes(&message("2"));
    assert_eq!(publisher.said(), [""; 0], "it has a transaction to end");
    publisher.send(2, &Method::TxCommit {});
    assert_eq!(publisher.said(), ["2 TxCommitOk"]);
    assert_eq!(memory.free_bytes(), 500);
    let half = message("3");
    publisher.bytes(&half[..half.len() - 4]);
    assert_eq!(publisher.said(), [""; 0]);
    publisher.bytes(&half[half.len() - 4..]);
    assert_eq!(publisher.said(), [MEMORY]);
    drop(held);
    assert_eq!(publisher.said(), [UNBLOCKED]);
    assert_eq!(bodies(&mut publisher, 3), ["1 body 2", "1 body 1", "1 body 3"]);
}

/// A queue that is in memory only.
fn transient(name: &str) -> Method<'_> {
    Method::QueueDeclare {
        ticket: 0,
        queue: name,
        passive: false,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: Table::default(),
    }
}

/// More than half of the memory that these tests give to queues in memory.
fn large(exchange: &str, queue: &str, letter: char) -> Vec<u8> {
    let body: String = std::iter::repeat_n(letter, 6_000).collect();
    published(exchange, queue, false, &Properties::default(), body.as_bytes())
}

/// The first letter of the message that a queue has next; it is acknowledged.
fn first_letter(client: &mut Client, queue: &str) -> Option<char> {
    let get = Method::BasicGet { ticket: 0, queue, no_ack: true };
    client.ask(&get).iter().find_map(|line| line.strip_prefix("1 body ")?.chars().next())
}

#[test]
fn publishers_wait_while_queues_in_memory_hold_too_much_and_keep_their_order() {
    let server = Server::with_ephemeral(10_000);
    let (mut publisher, mut other) = (server.connect(), server.connect());
    publisher.ask(&transient("t"));
    publisher.ask(&Method::ConfirmSelect { nowait: false });
    for letter in ['a', 'b', 'c'] {
        publisher.bytes(&large("", "t", letter));
    }
    publisher.bytes(&published("", "t", false, &Properties::default(), b"d"));
    let said = publisher.said();
    assert_eq!(said, ["1 BasicAck { delivery_tag: 1, multiple: false }", MEMORY]);
    // Whoever publishes where there is room goes on.
    other.declare("on the disk", &[]);
    other.publish("", "on the disk", &Properties::default(), b"x");
    assert_eq!(first_letter(&mut other, "on the disk"), Some('x'));
    assert_eq!(first_letter(&mut other, "t"), Some('a'));
    let said = publisher.said();
    assert!(said.contains(&"1 BasicAck { delivery_tag: 2, multiple: false }".to_owned()), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some(MEMORY), "there is none for the next one");
    for letter in ['b', 'c', 'd'] {
        assert_eq!(first_letter(&mut other, "t"), Some(letter));
        publisher.said();
    }
    assert_eq!(publisher.unsettled, 0);
    other.ask(&transient("u"));
    publisher.bytes(&large("", "u", 'e'));
    assert_eq!(
        publisher.said(),
        ["1 BasicAck { delivery_tag: 5, multiple: false }"],
        "it is not blocked any more"
    );
}

#[test]
fn what_one_queue_has_is_not_given_to_it_again_when_the_other_finds_memory() {
    let server = Server::with_ephemeral(10_000);
    let (mut publisher, mut other) = (server.connect(), server.connect());
    publisher.declare("d", &[]);
    publisher.ask(&transient("t"));
    for queue in ["d", "t"] {
        let bind = Method::QueueBind {
            ticket: 0,
            queue,
            exchange: "amq.fanout",
            routing_key: "",
            nowait: false,
            arguments: Table::default(),
        };
        publisher.ask(&bind);
    }
    publisher.ask(&Method::ConfirmSelect { nowait: false });
    publisher.bytes(&large("amq.fanout", "", 'a'));
    assert_eq!(publisher.said(), ["1 BasicAck { delivery_tag: 1, multiple: false }"]);
    publisher.bytes(&large("amq.fanout", "", 'b'));
    assert_eq!(publisher.said(), [MEMORY]);
    assert_eq!(first_letter(&mut other, "t"), Some('a'));
    assert_eq!(publisher.said(), [UNBLOCKED, "1 BasicAck { delivery_tag: 2, multiple: false }"]);
    assert_eq!(first_letter(&mut other, "t"), Some('b'));
    let durable: Vec<_> = (0..3).map(|_| first_letter(&mut other, "d")).collect();
    assert_eq!(durable, [Some('a'), Some('b'), None]);
}

#[test]
fn a_queue_that_is_deleted_gives_its_memory_to_those_who_wait() {
    let server = Server::with_ephemeral(10_000);
    let (mut publisher, mut other) = (server.connect(), server.connect());
    for name in ["t", "u"] {
        publisher.ask(&transient(name));
    }
    publisher.bytes(&large("", "t", 'a'));
    publisher.bytes(&large("", "u", 'b'));
    assert_eq!(publisher.said(), [MEMORY]);
    let delete =
        Method::QueueDelete { ticket: 0, queue: "t", if_unused: false, if_empty: false, nowait: false };
    other.ask(&delete);
    assert_eq!(publisher.said(), [UNBLOCKED]);
    assert_eq!(first_letter(&mut other, "u"), Some('b'));
}

#[test]
fn a_commit_waits_for_memory_as_well() {
    let server = Server::with_ephemeral(10_000);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.ask(&transient("t"));
    other.bytes(&large("", "t", 'a'));
    client.ask(&Method::TxSelect {});
    client.bytes(&large("", "t", 'b'));
    assert_eq!(client.ask(&Method::TxCommit {}), [MEMORY]);
    assert_eq!(first_letter(&mut other, "t"), Some('a'));
    assert_eq!(client.said(), [UNBLOCKED, "1 TxCommitOk"]);
    assert_eq!(first_letter(&mut other, "t"), Some('b'));
}
