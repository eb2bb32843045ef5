//! The commands that speak the admin API, end to end: the real binary on both sides, and a Kafka client between them.

use crate::process::{Broker, Scratch, complaint, millstream, stdout};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// A broker and the directory that commands run in.
struct Place {
    scratch: Scratch,
    broker: Broker,
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        let broker = Broker::start(&scratch, &["--data-dir", "data"]);
        Place { scratch, broker }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = millstream(&self.scratch, args);
        command.env("MILLSTREAM_SERVER", format!("http://{}", self.broker.http));
        command.env("MILLSTREAM_BOOTSTRAP", &self.broker.kafka);
        command
    }

    /// What a command prints.
    fn run(&self, args: &[&str]) -> String {
        stdout(&mut self.command(args))
    }

    /// The JSON that a command prints.
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&stdout(self.command(args).arg("--json"))).unwrap()
    }

    /// What a command says that fails.
    fn refused(&self, args: &[&str]) -> String {
        complaint(&mut self.command(args))
    }

    /// The values of up to a hundred records that are received, and their tokens.
    fn receive(&self, name: &str) -> Vec<(String, String)> {
        let received = self.json(&["queue", "receive", name, "-n", "100"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        received.as_array().unwrap().iter().map(|it| (text(&it["value"]), text(&it["token"]))).collect()
    }

    fn values(&self, name: &str) -> Vec<String> {
        self.receive(name).into_iter().map(|(value, _)| value).collect()
    }
}

#[test]
fn a_queue_is_created_fed_worked_and_listed() {
    let place = Place::new();
    assert_eq!(
        place.run(&["queue", "create", "jobs", "--set", "delivery_limit=3"]),
        "queue \"jobs\" is there\n"
    );
    let stored = place.run(&["queue", "send", "jobs", "--value", "first", "-H", "a=1"]);
    assert_eq!(stored, "the record is stored: partition 0 offset 0\n");
    let mut sending = place.command(&["queue", "send", "jobs"]);
    let mut child = sending.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = (0..1200).map(|number| format!("line {number}\n")).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1200 records are stored in \"jobs\"\n");

    let received = place.receive("jobs");
    assert_eq!((received.len(), &*received[0].0, &*received[99].0), (100, "first", "line 98"));
    assert_eq!(place.run(&["queue", "ack", "jobs", &received[0].1]), "1 record is done with\n");
    let said = place.refused(&["queue", "ack", "jobs", &received[0].1, &received[1].1]);
    assert!(
        said.contains("1 of 2 tokens are not settled") && said.ends_with("The record is settled."),
        "{said}"
    );
    assert_eq!(place.run(&["queue", "release", "jobs", &received[2].1]), "1 record is given back\n");
    let listed = place.json(&["queue", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["counts"]["leased"], 97);
    assert_eq!(listed[0]["counts"]["ready"], 1102);
    let table = place.run(&["queue", "list"]);
    assert!(table.starts_with("QUEUE  READY  LEASED"), "{table}");
    let described = place.run(&["queue", "describe", "jobs"]);
    assert!(
        described.contains("delivery_limit") && described.contains("the oldest record is 0@2, of "),
        "{described}"
    );
    assert_eq!(place.run(&["queue", "purge", "jobs"]), "queue \"jobs\" is purged of 1102 records\n");
    assert_eq!(
        place.run(&["queue", "purge", "jobs", "--everything"]),
        "queue \"jobs\" is purged of 97 records\n"
    );
    assert_eq!(place.values("jobs"), [""; 0]);
}

#[test]
fn a_kafka_topic_is_worked_as_a_queue_and_replayed() {
    let place = Place::new();
    place.run(&["topic", "create", "orders", "-p", "1"]);
    for value in ["a", "b", "c"] {
        place.run(&["produce", "orders", "--value", value]);
    }
    let said = place.refused(&["queue", "receive", "orders"]);
    assert!(said.contains("is not worked as a queue"), "{said}");
    place.run(&["queue", "create", "orders"]);
    let printed = place.run(&["queue", "receive", "orders", "-n", "2", "--ack"]);
    assert!(printed.contains('a') && !printed.contains("TOKEN"), "{printed}");
    let said = place.run(&["queue", "replay", "orders", "--to-offset", "1"]);
    assert_eq!(said, "queue \"orders\" goes on from that offset\n");
    assert_eq!(place.values("orders"), ["b", "c"]);
    place.run(&["queue", "replay", "orders", "--to-time", "-1h"]);
    place.run(&["queue", "alter", "orders", "--pause"]);
    assert_eq!(place.values("orders"), [""; 0]);
    place.run(&["queue", "alter", "orders", "--resume", "--set", "lease_timeout_ms=1000"]);
    assert_eq!(place.values("orders"), ["a", "b", "c"]);
    assert_eq!(place.run(&["consume", "orders"]), "a\nb\nc\n", "readers by offset are not disturbed");
}

#[test]
fn dead_letters_are_listed_and_come_back() {
    let place = Place::new();
    place.run(&["queue", "create", "dead"]);
    place.run(&["queue", "create", "jobs", "--set", "dead_letter_stream=dead"]);
    for value in ["x", "y"] {
        place.run(&["queue", "send", "jobs", "--value", value]);
    }
    let tokens: Vec<String> = place.receive("jobs").into_iter().map(|(_, token)| token).collect();
    place.run(&["queue", "release", "jobs", "--reject", &tokens[0], &tokens[1]]);
    let listed = (0..200).find_map(|_| {
        let listed = place.json(&["dlq", "list"]);
        let is_there = listed[0]["counts"]["ready"] == 2;
        std::thread::sleep(std::time::Duration::from_millis(25));
        is_there.then_some(listed)
    });
    assert_eq!(listed.expect("they are moved")[0]["sources"], json!(["jobs"]));
    let shown = place.run(&["dlq", "show", "dead", "--reason", "rejected", "--since", "-1h"]);
    assert!(shown.starts_with("RECORD  STATE  REASON    SOURCE  DELIVERIES  DIED"), "{shown}");
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert_eq!(place.json(&["dlq", "show", "dead", "--source", "none"]), json!([]));
    assert_eq!(place.run(&["queue", "redrive", "jobs"]), "2 dead letters are moved out of \"dead\"\n");
    let back = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        place.json(&["queue", "list", "--prefix", "jobs"])[0]["counts"]["ready"] == 2
    });
    assert!(back, "they are where they came from");
    let said = place.refused(&["queue", "redrive", "dead"]);
    assert!(
        said.ends_with("the dead letters of \"dead\" go nowhere: its setting dead_letter_stream is null"),
        "{said}"
    );
}

#[test]
fn failures_are_one_sentence() {
    let place = Place::new();
    assert_eq!(place.refused(&["queue", "describe", "none"]), "millstream: There is no stream \"none\".");
    let said = place.refused(&["queue", "create", "q", "--set", "colour=red"]);
    assert!(said.contains("there is no setting \"colour\""), "{said}");
    let mut nobody = millstream(&place.scratch, &["queue", "list", "--server", "http://127.0.0.1:1"]);
    let said = complaint(&mut nobody);
    assert!(
        said.contains("no broker answers at 127.0.0.1:1 (connection refused); start one with")
            && said.ends_with("with --server"),
        "{said}"
    );
    let mut wrong = millstream(&place.scratch, &["queue", "list", "--server", "https://broker"]);
    assert!(complaint(&mut wrong).contains("is not an address of the admin API"));
    let kafka = format!("http://{}", place.broker.kafka);
    let mut foreign = millstream(&place.scratch, &["queue", "list", "--server", &kafka, "--timeout", "5"]);
    assert!(complaint(&mut foreign).contains(&place.broker.kafka));
}

/// What a plain client of HTTP gets.
fn http(place: &Place, request: &str) -> String {
    let mut stream = TcpStream::connect(&place.broker.http).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_api_answers_this_machine_and_no_page_of_another_site() {
    let place = Place::new();
    let get = |host: &str, more: &str| {
        http(&place, &format!("GET /api/v1 HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n"))
    };
    assert_eq!(place.broker.ready["listen"]["http"], place.broker.http.as_str());
    let answer = get("localhost:8080", "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"product\":\"millstream\""), "{answer}");
    assert!(get("evil.example", "").starts_with("HTTP/1.1 403 "));
    assert!(get("localhost", "origin: http://evil.example\r\n").starts_with("HTTP/1.1 403 "));
}

#[test]
fn the_api_listens_beyond_loopback_only_when_that_is_wanted() {
    let scratch = Scratch::new();
    let mut args =
        vec!["serve", "--json", "--listen-aws", "off", "--listen-amqp", "off", "--listen-kafka", "off"];
    args.extend(["--listen-http", "0.0.0.0:0"]);
    let said = complaint(&mut millstream(&scratch, &args));
    assert!(said.contains("listen_http") && said.contains("--insecure"), "{said}");
    args.push("--insecure");
    let broker = Broker::spawn(&mut millstream(&scratch, &args));
    assert!(broker.http.starts_with("0.0.0.0:"));
    broker.signal("TERM");
    assert!(broker.end().1.contains("INSECURE: http"));
}

#[test]
fn all_dead_letters_go_elsewhere_or_are_discarded() {
    // As many as a slow machine needs seconds to end what moves one in each.
    const MORE: u64 = 20;
    let place = Place::new();
    for queue in [&["dead"][..], &["other"], &["jobs", "--set", "dead_letter_stream=dead"]] {
        place.run(&[&["queue", "create"], queue].concat());
    }
    for value in ["x", "y", "z"] {
        place.run(&["queue", "send", "dead", "--value", value, "--key", value]);
    }
    let discarded = place.run(&["dlq", "discard", "dead", "--key", "y"]);
    assert_eq!(discarded, "1 dead letter is discarded from \"dead\"\n");
    assert!(
        place
            .refused(&["dlq", "redrive", "dead", "--cancel"])
            .ends_with("no redrive of \"dead\" is under way")
    );
    for n in 0..MORE {
        place.run(&["queue", "send", "dead", "--value", &n.to_string(), "--key", "more"]);
    }
    place.run(&["dlq", "redrive", "dead", "--to", "jobs", "--rate", "1", "--detach"]);
    let ended = place.run(&["dlq", "redrive", "dead", "--cancel"]);
    assert!(ended.starts_with("redrive 1 is ended after "), "{ended}");
    // Some have moved by then.
    let ready = |queue: &str| {
        place.json(&["queue", "list", "--prefix", queue])[0]["counts"]["ready"].as_u64().unwrap()
    };
    let left = ready("dead");
    assert!((1..=MORE + 2).contains(&left), "{left}");
    let moved = place.json(&["dlq", "redrive", "dead", "--to", "other", "--rate", "1000"]);
    assert_eq!((&moved["state"], &moved["moved"]), (&json!("completed"), &json!(left)));
    let arrived = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        ready("other") == left
    });
    assert!(arrived);
    assert_eq!(place.json(&["dlq", "discard", "other", "--all"])["done"], left);
    assert_eq!(place.values("other"), [""; 0]);
}
