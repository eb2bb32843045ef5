//! What is not durable is in memory: queues, exchanges, bindings; and how it goes together with what is on the disk.

use crate::client::{Client, Server, get};
use millstream_amqp::codec::{Method, Properties, Table};
use millstream_core::route::Lookup;
use millstream_front::Backend;
use millstream_types::Namespace;

fn queue(name: &str, durable: bool, exclusive: bool) -> Method<'_> {
    Method::QueueDeclare {
        ticket: 0,
        queue: name,
        passive: false,
        durable,
        exclusive,
        auto_delete: false,
        nowait: false,
        arguments: Table::default(),
    }
}

fn exchange(name: &str, durable: bool) -> Method<'_> {
    Method::ExchangeDeclare {
        ticket: 0,
        exchange: name,
        exchange_type: "fanout",
        passive: false,
        durable,
        auto_delete: false,
        internal: false,
        nowait: false,
        arguments: Table::default(),
    }
}

fn bind(client: &mut Client, queue: &str, exchange: &str) {
    let arguments = Table::default();
    let bind = Method::QueueBind { ticket: 0, queue, exchange, routing_key: "", nowait: false, arguments };
    assert_eq!(client.ask(&bind), ["1 QueueBindOk"]);
}

fn bodies(client: &mut Client, queue: &str) -> Vec<String> {
    let said = client.ask(&get(queue));
    said.iter().filter_map(|line| line.strip_prefix("1 body ").map(str::to_owned)).collect()
}

fn is_ephemeral(server: &Server, name: &str) -> bool {
    let entry = server.broker.stream(Namespace::DEFAULT, name).expect("it is there");
    assert_eq!(entry.config.ephemeral(), entry.id.is_ephemeral());
    entry.config.ephemeral()
}

#[test]
fn a_queue_is_in_memory_unless_it_is_durable_and_everybodys() {
    let server = Server::new();
    let mut client = server.connect();
    for (name, durable, exclusive, expected) in [
        ("durable", true, false, false),
        ("transient", false, false, true),
        ("mine", true, true, true),
        ("mine-transient", false, true, true),
    ] {
        client.ask(&queue(name, durable, exclusive));
        assert_eq!(is_ephemeral(&server, name), expected, "{name}");
    }
    // Declared again it is what it was; a message's delivery mode does not matter.
    assert!(client.ask(&queue("transient", false, false))[0].contains("QueueDeclareOk"));
    let persistent = Properties { delivery_mode: Some(2), ..Properties::default() };
    let transient = Properties { delivery_mode: Some(1), ..Properties::default() };
    client.publish("", "transient", &persistent, b"gone");
    client.publish("", "durable", &transient, b"kept");
    client.drop_connection();
    server.broker.restart();
    for name in ["transient", "mine", "mine-transient"] {
        assert!(!server.broker.has_stream(name), "{name}");
    }
    let mut client = server.connect();
    assert_eq!(bodies(&mut client, "durable"), ["kept"]);
}

#[test]
fn an_exchange_that_is_not_durable_goes_with_its_bindings() {
    let server = Server::new();
    let mut client = server.connect();
    client.declare("kept", &[]);
    client.ask(&queue("held", false, false));
    for (name, durable) in [("kept-exchange", true), ("held-exchange", false)] {
        assert_eq!(client.ask(&exchange(name, durable)), ["1 ExchangeDeclareOk"]);
        bind(&mut client, "kept", name);
        bind(&mut client, "held", name);
    }
    client.publish("held-exchange", "", &Properties::default(), b"1");
    client.publish("kept-exchange", "", &Properties::default(), b"2");
    for name in ["kept", "held"] {
        assert_eq!(bodies(&mut client, name), ["1"]);
        assert_eq!(bodies(&mut client, name), ["2"]);
    }
    client.drop_connection();
    server.broker.restart();
    let route = |name| server.broker.route(Namespace::DEFAULT, name);
    assert!(route("held-exchange").is_none());
    assert_eq!(route("kept-exchange").expect("it is durable").bindings_len(), 1);
    let mut client = server.connect();
    client.publish("kept-exchange", "", &Properties::default(), b"3");
    for expected in ["1", "2", "3"] {
        assert_eq!(bodies(&mut client, "kept"), [expected], "nobody has acknowledged any");
    }
    let other = client.ask(&exchange("kept-exchange", false));
    assert!(other[0].contains("inequivalent arg 'durable'"), "{other:?}");
}
