//! The commands that speak RabbitMQ's management API, and the migration from one broker to another: here both are ours.

use crate::process::{Broker, Scratch, complaint, millstream, stdout};
use serde_json::{Value, json};
use std::process::Command;

/// A broker and the directory that commands run in.
struct Place {
    scratch: Scratch,
    broker: Broker,
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        let mut serve =
            millstream(&scratch, &["serve", "--json", "--listen-aws", "off", "--listen-kafka", "off"]);
        serve.args(["--listen-http", "127.0.0.1:0", "--listen-amqp", "127.0.0.1:0", "--data-dir", "data"]);
        let broker = Broker::spawn(&mut serve);
        Place { scratch, broker }
    }

    fn listens(&self, name: &str) -> &str {
        self.broker.ready["listen"][name].as_str().unwrap()
    }

    fn management(&self) -> String {
        format!("http://{}", self.listens("amqp_management"))
    }

    fn amqp(&self) -> String {
        format!("amqp://guest:guest@{}", self.listens("amqp"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = millstream(&self.scratch, args);
        command.env("MILLSTREAM_SERVER", format!("http://{}", self.broker.http));
        command.env("MILLSTREAM_AMQP_MANAGEMENT", self.management());
        command
    }

    fn run(&self, args: &[&str]) -> String {
        stdout(&mut self.command(args))
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&stdout(self.command(args).arg("--json"))).unwrap()
    }

    fn refused(&self, args: &[&str]) -> String {
        complaint(&mut self.command(args))
    }

    /// The values of the records that are ready in a queue, which are done with then.
    fn values(&self, queue: &str) -> Vec<String> {
        let received = self.json(&["queue", "receive", queue, "-n", "100", "--ack"]);
        received.as_array().unwrap().iter().map(|it| it["value"].as_str().unwrap().to_owned()).collect()
    }

    /// Takes over what another broker has.
    fn migrate(&self, from: &Place, more: &[&str]) -> Command {
        let mut command = self.command(&["migrate", "rabbitmq", "--json", "--from", &from.amqp()]);
        command.args(["--from-management", &from.management(), "--to", &self.amqp()]);
        command.args(["--to-management", &self.management()]).args(more);
        command
    }
}

#[test]
fn what_amqp_clients_use_is_declared_listed_and_deleted() {
    let place = Place::new();
    place.run(&["amqp", "queue", "declare", "orders", "--argument", "x-max-length=5"]);
    place.run(&["amqp", "queue", "declare", "orders", "--argument", "x-max-length=5"]);
    let said = place.refused(&["amqp", "queue", "declare", "orders"]);
    assert!(said.contains("inequivalent arg 'x-max-length'"), "{said}");
    place.run(&["amqp", "exchange", "declare", "events", "--type", "topic"]);
    place.run(&["amqp", "binding", "declare", "events", "orders", "--key", "order.#"]);
    let bindings = place.run(&["amqp", "binding", "list"]);
    assert!(bindings.contains("events") && bindings.contains("order.#"), "{bindings}");
    place.run(&[
        "amqp",
        "policy",
        "declare",
        "short",
        "--pattern",
        "^o",
        "--set",
        "max-length=3",
        "--apply-to",
        "queues",
    ]);
    place.run(&[
        "amqp",
        "policy",
        "declare",
        "cap",
        "--operator",
        "--pattern",
        "^o",
        "--set",
        "expires=600000",
    ]);
    let queues = place.json(&["amqp", "queue", "list"]);
    assert_eq!((&queues[0]["policy"], &queues[0]["operator_policy"]), (&json!("short"), &json!("cap")));
    assert_eq!(queues[0]["effective_policy_definition"], json!({"max-length": 3, "expires": 600_000}));
    assert_eq!(place.json(&["amqp", "policy", "list"])[0]["pattern"], "^o");
    let listed = place.run(&["amqp", "queue", "list"]);
    assert!(listed.starts_with("QUEUE") && listed.contains("short"), "{listed}");
    assert_eq!(place.json(&["amqp", "connection", "list"]), json!([]));
    assert!(place.refused(&["amqp", "connection", "delete", "nobody"]).contains("Not Found"));
    place.run(&["amqp", "binding", "delete", "events", "orders", "--key", "order.#"]);
    let said = place.refused(&["amqp", "binding", "delete", "events", "orders", "--key", "order.#"]);
    assert!(said.contains("there is no such binding"), "{said}");
    place.run(&["amqp", "policy", "delete", "short"]);
    place.run(&["amqp", "exchange", "delete", "events"]);
    place.run(&["amqp", "queue", "delete", "orders", "--if-empty"]);
    assert_eq!(place.json(&["amqp", "queue", "list"]), json!([]));
    let said =
        complaint(place.command(&["amqp", "queue", "list"]).env("MILLSTREAM_AMQP_MANAGEMENT", "ftp://x"));
    assert!(said.contains("is not an address of a management API"), "{said}");
}

#[test]
fn another_brokers_declarations_and_messages_are_taken_over_in_order_and_once() {
    let (old, new) = (Place::new(), Place::new());
    old.run(&["amqp", "queue", "declare", "orders", "--argument", "x-max-length=500"]);
    old.run(&["amqp", "queue", "declare", "empty"]);
    old.run(&["amqp", "exchange", "declare", "events", "--type", "topic"]);
    old.run(&["amqp", "binding", "declare", "events", "orders", "--key", "order.#"]);
    old.run(&["amqp", "policy", "declare", "short", "--pattern", "^o", "--set", "max-length=400"]);
    let values: Vec<String> = (0..40).map(|n| format!("message {n}")).collect();
    let send = |values: &[String]| {
        for value in values {
            old.run(&["queue", "send", "orders", "--value", value, "-H", "n=1"]);
        }
    };
    send(&values);
    let done: Value =
        serde_json::from_str(&stdout(&mut new.migrate(&old, &["--only", "definitions"]))).unwrap();
    assert_eq!((&done["declared"], &done["refused"], &done["queues"]), (&json!(6), &json!([]), &json!([])));
    assert_eq!(new.json(&["amqp", "queue", "list"])[1]["policy"], "short");
    let moved = |more: &[&str]| -> Value {
        let done: Value = serde_json::from_str(&stdout(&mut new.migrate(&old, more))).unwrap();
        done["queues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|queue| queue["messages"].as_u64().unwrap())
            .sum::<u64>()
            .into()
    };
    assert_eq!(moved(&["--window", "7"]), 40);
    assert_eq!(moved(&[]), 0, "nothing is moved twice");
    assert_eq!(new.values("orders"), values);
    assert_eq!(old.values("orders"), [""; 0]);
    send(&values[..3]);
    assert_eq!(moved(&["--only", "messages", "--queue", "orders"]), 3);
    assert_eq!(new.values("orders"), values[..3]);
    let said = complaint(&mut new.migrate(&old, &["--queue", "none", "--only", "messages"]));
    assert!(said.contains("there is no queue \"none\""), "{said}");
    let mut nobody = new.command(&["migrate", "rabbitmq", "--from", "amqp://127.0.0.1:1"]);
    assert!(complaint(&mut nobody).contains("asking RabbitMQ"));
    assert!(complaint(&mut new.command(&["migrate", "rabbitmq", "--from", "rabbit"])).contains("amqp://"));
}
