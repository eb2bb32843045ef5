//! Exchanges: every type, chains, alternates, and what is refused.

use crate::client::{Client, Server, get, published};
use millstream_amqp::codec::{Method, Properties, Table, TableBuilder, Value};

fn exchange<'a>(name: &'a str, exchange_type: &'a str, arguments: Table<'a>) -> Method<'a> {
    Method::ExchangeDeclare {
        ticket: 0,
        exchange: name,
        exchange_type,
        passive: false,
        durable: true,
        auto_delete: false,
        internal: false,
        nowait: false,
        arguments,
    }
}

fn bind(client: &mut Client, queue: &str, exchange: &str, routing_key: &str, arguments: Table<'_>) {
    let bind = Method::QueueBind { ticket: 0, queue, exchange, routing_key, nowait: false, arguments };
    assert_eq!(client.ask(&bind), ["1 QueueBindOk"]);
}

/// What is in a queue, taken out.
fn drain(client: &mut Client, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let said = client.ask(&get(queue));
        match said.iter().find_map(|line| line.strip_prefix("1 body ")) {
            Some(body) => bodies.push(body.to_owned()),
            None => return bodies,
        }
    }
}

fn publish(client: &mut Client, exchange: &str, key: &str, body: &str) {
    client.bytes(&published(exchange, key, false, &Properties::default(), body.as_bytes()));
}

#[test]
fn every_type_leads_its_own_way() {
    let server = Server::new();
    let mut client = server.connect();
    for queue in ["a", "b", "c"] {
        client.declare(queue, &[]);
    }
    for (name, exchange_type) in [("d", "direct"), ("t", "topic"), ("f", "fanout")] {
        assert_eq!(client.ask(&exchange(name, exchange_type, Table::default())), ["1 ExchangeDeclareOk"]);
    }
    let none = Table::default();
    bind(&mut client, "a", "d", "red", none);
    bind(&mut client, "b", "d", "blue", none);
    bind(&mut client, "a", "t", "*.orange.*", none);
    bind(&mut client, "b", "t", "lazy.#", none);
    bind(&mut client, "a", "f", "", none);
    bind(&mut client, "c", "f", "ignored", none);
    publish(&mut client, "d", "red", "1");
    publish(&mut client, "t", "quick.orange.fox", "2");
    publish(&mut client, "t", "lazy.orange.cat", "3");
    publish(&mut client, "f", "any", "4");
    publish(&mut client, "d", "green", "5");
    assert_eq!(drain(&mut client, "a"), ["1", "2", "3", "4"]);
    assert_eq!(drain(&mut client, "b"), ["3"]);
    assert_eq!(drain(&mut client, "c"), ["4"]);
}

#[test]
fn headers_are_matched_by_all_or_any() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("all", &[]);
    client.declare("any", &[]);
    let mut criteria = TableBuilder::default();
    criteria.put("x-match", Value::Long(b"all")).put("n", Value::I32(1)).put("s", Value::Long(b"x"));
    bind(&mut client, "all", "amq.headers", "", criteria.table());
    let mut criteria = TableBuilder::default();
    criteria.put("x-match", Value::Long(b"any")).put("n", Value::I64(1)).put("s", Value::Long(b"x"));
    bind(&mut client, "any", "amq.match", "", criteria.table());
    let mut send = |exchange: &str, fields: &[(&str, Value<'_>)], body: &str| {
        let mut table = TableBuilder::default();
        fields.iter().for_each(|(name, value)| {
            table.put(name, *value);
        });
        let properties = Properties { headers: Some(table.table()), ..Properties::default() };
        client.bytes(&published(exchange, "", false, &properties, body.as_bytes()));
    };
    for exchange in ["amq.headers", "amq.match"] {
        send(exchange, &[("n", Value::I8(1)), ("s", Value::Long(b"x"))], "both");
        send(exchange, &[("n", Value::I8(1))], "one");
        send(exchange, &[("n", Value::I8(2))], "none");
    }
    assert_eq!(drain(&mut client, "all"), ["both"]);
    assert_eq!(drain(&mut client, "any"), ["both", "one"]);
}

#[test]
fn exchanges_lead_to_exchanges_in_circles_and_each_queue_gets_a_message_once() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    for name in ["one", "two"] {
        client.ask(&exchange(name, "fanout", Table::default()));
        bind(&mut client, "q", name, "", Table::default());
    }
    let to = |destination, source| Method::ExchangeBind {
        ticket: 0,
        destination,
        source,
        routing_key: "",
        nowait: false,
        arguments: Table::default(),
    };
    assert_eq!(client.ask(&to("two", "one")), ["1 ExchangeBindOk"]);
    assert_eq!(client.ask(&to("one", "two")), ["1 ExchangeBindOk"]);
    publish(&mut client, "one", "", "once");
    assert_eq!(drain(&mut client, "q"), ["once"]);
    let unbind = Method::ExchangeUnbind {
        ticket: 0,
        destination: "two",
        source: "one",
        routing_key: "",
        nowait: false,
        arguments: Table::default(),
    };
    assert_eq!(client.ask(&unbind), ["1 ExchangeUnbindOk"]);
}

#[test]
fn what_leads_nowhere_goes_to_the_alternate() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("rest", &[]);
    client.ask(&exchange("others", "fanout", Table::default()));
    bind(&mut client, "rest", "others", "", Table::default());
    let mut table = TableBuilder::default();
    table.put("alternate-exchange", Value::Long(b"others"));
    client.ask(&exchange("main", "direct", table.table()));
    client.bytes(&published("main", "unknown", true, &Properties::default(), b"1"));
    assert_eq!(client.said(), Vec::<String>::new(), "it is not returned");
    assert_eq!(drain(&mut client, "rest"), ["1"]);
}

#[test]
fn a_delayed_message_waits() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("q", &[]);
    let mut table = TableBuilder::default();
    table.put("x-delayed-type", Value::Long(b"direct"));
    client.ask(&exchange("later", "x-delayed-message", table.table()));
    bind(&mut client, "q", "later", "k", Table::default());
    let mut headers = TableBuilder::default();
    headers.put("x-delay", Value::I32(5_000));
    let properties = Properties { headers: Some(headers.table()), ..Properties::default() };
    client.bytes(&published("later", "k", false, &properties, b"1"));
    assert_eq!(drain(&mut client, "q"), Vec::<String>::new());
    client.advance_ms(5_000);
    assert_eq!(drain(&mut client, "q"), ["1"]);
}

#[test]
fn a_consistent_hash_shares_by_weight_and_keeps_keys_together() {
    let server = Server::new();
    let mut client = server.connect();
    client.ask(&exchange("hash", "x-consistent-hash", Table::default()));
    for queue in ["a", "b"] {
        client.declare(queue, &[]);
        bind(&mut client, queue, "hash", "10", Table::default());
    }
    for n in 0..200 {
        publish(&mut client, "hash", &format!("key{}", n % 50), &n.to_string());
    }
    let (a, b) = (drain(&mut client, "a"), drain(&mut client, "b"));
    assert_eq!(a.len() + b.len(), 200);
    assert!(!a.is_empty() && !b.is_empty() && a.len() % 4 == 0);
}

#[test]
fn a_message_shows_the_exchange_and_key_that_it_was_sent_with_and_copies_go_to_their_keys() {
    let server = Server::new();
    let mut client = server.connect();
    for queue in ["a", "b", "c"] {
        client.declare(queue, &[]);
        bind(&mut client, queue, "amq.direct", queue, Table::default());
    }
    let mut copies = millstream_amqp::codec::ArrayBuilder::default();
    copies.push(Value::Long(b"b"));
    let mut blind = millstream_amqp::codec::ArrayBuilder::default();
    blind.push(Value::Long(b"c"));
    let mut headers = TableBuilder::default();
    headers.put("CC", Value::Array(copies.array())).put("BCC", Value::Array(blind.array()));
    let properties = Properties { headers: Some(headers.table()), ..Properties::default() };
    client.bytes(&published("amq.direct", "a", false, &properties, b"1"));
    for queue in ["a", "b", "c"] {
        let said = client.ask(&get(queue));
        assert!(said[0].contains("exchange: \"amq.direct\", routing_key: \"a\""), "{said:?}");
        assert!(said[1].contains("CC=") && !said[1].contains("BCC="), "{said:?}");
    }
}

#[test]
fn what_rabbitmq_refuses_is_refused_in_its_words() {
    let none = Table::default();
    let auto = |name| Method::ExchangeDelete { ticket: 0, exchange: name, if_unused: true, nowait: false };
    let bind_to = |exchange| Method::QueueBind {
        ticket: 0,
        queue: "q",
        exchange,
        routing_key: "",
        nowait: false,
        arguments: none,
    };
    let cases: [(Method<'_>, &str); 8] = [
        (exchange("", "direct", none), "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (
            exchange("amq.mine", "direct", none),
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (exchange("x", "mystery", none), "PRECONDITION_FAILED - unknown exchange type 'mystery'"),
        (
            exchange("amq.direct", "fanout", none),
            "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'fanout' but current is 'direct'",
        ),
        (
            auto("amq.topic"),
            "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed",
        ),
        (bind_to(""), "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (bind_to("nowhere"), "NOT_FOUND - no exchange 'nowhere' in vhost '/'"),
        (
            Method::QueueBind {
                ticket: 0,
                queue: "missing",
                exchange: "amq.direct",
                routing_key: "",
                nowait: false,
                arguments: none,
            },
            "NOT_FOUND - no queue 'missing' in vhost '/'",
        ),
    ];
    for (method, text) in cases {
        let server = Server::new();
        let mut client = server.connect();
        client.declare("q", &[]);
        let said = client.ask(&method);
        assert!(said[0].contains("ChannelClose") && said[0].contains(text), "{said:?}");
    }
    let server = Server::new();
    let mut client = server.connect();
    publish(&mut client, "nowhere", "", "1");
    assert!(client.said()[0].contains("NOT_FOUND - no exchange 'nowhere' in vhost '/'"));
    let mut client = server.connect();
    publish(&mut client, "amq.rabbitmq.trace", "", "1");
    assert!(client.said()[0].contains("ACCESS_REFUSED - cannot publish to internal exchange"));
    let mut client = server.connect();
    assert_eq!(client.ask(&auto("nowhere")), ["1 ExchangeDeleteOk"], "gone is gone");
    client.ask(&exchange("used", "fanout", none));
    client.declare("q", &[]);
    bind(&mut client, "q", "used", "", none);
    assert!(
        client.ask(&auto("used"))[0].contains("PRECONDITION_FAILED - exchange 'used' in vhost '/' in use")
    );
}

#[test]
fn dead_letters_go_through_exchanges_with_their_own_key() {
    let server = Server::new();
    let mut client = server.connect();
    client.ask(&exchange("dlx", "direct", Table::default()));
    client.declare("dead", &[]);
    bind(&mut client, "dead", "dlx", "work", Table::default());
    client.declare("work", &[("x-dead-letter-exchange", Value::Long(b"dlx"))]);
    publish(&mut client, "", "work", "1");
    client.ask(&get("work"));
    client.ask(&Method::BasicReject { delivery_tag: 1, requeue: false });
    server.broker.carry_out_moves();
    let said = client.ask(&get("dead"));
    assert!(said[0].contains("exchange: \"dlx\", routing_key: \"work\""), "{said:?}");
    assert!(said[1].contains("x-first-death-queue=work"), "{said:?}");
}
