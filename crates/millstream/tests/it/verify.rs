//! `millstream verify`: what it says and how it ends.

use crate::process::{Broker, Scratch, complaint, millstream, stdout};
use serde_json::Value;

fn stopped() -> Scratch {
    let scratch = Scratch::new();
    let broker = Broker::start(&scratch, &["--data-dir", "data"]);
    let kafka = broker.kafka.clone();
    let run = |args: &[&str]| stdout(millstream(&scratch, args).env("MILLSTREAM_BOOTSTRAP", &kafka));
    run(&["topic", "create", "orders"]);
    run(&["produce", "orders", "--value", "hello", "--count", "50"]);
    let refused = complaint(&mut millstream(&scratch, &["verify", "data"]));
    assert_eq!(refused, "millstream: a broker is using data; stop it, or check a copy");
    broker.signal("TERM");
    assert_eq!(broker.end().0, Some(0));
    scratch
}

#[test]
fn a_stopped_brokers_directory_is_sound() {
    let scratch = stopped();
    let text = stdout(&mut millstream(&scratch, &["verify", "data"]));
    assert!(text.lines().last().unwrap().starts_with("sound: "), "{text}");
    let json = stdout(&mut millstream(&scratch, &["verify", "data", "--json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["sound"], &json["damaged"], &json["checked"]["logs"]),
        (&true.into(), &0.into(), &1.into())
    );
    // It is checked without being touched: the broker starts on it.
    drop(Broker::start(&scratch, &["--data-dir", "data"]));
}

#[test]
fn damage_is_named_and_the_exit_code_is_1() {
    let scratch = stopped();
    let path = scratch.path().join("data/wal/0000000000000000.wal");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|window| window == b"hello").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut command = millstream(&scratch, &["verify", "data"]);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("damage ")).collect();
    assert_eq!(told.len(), 1, "{text}");
    assert!(told[0].starts_with("damage wal/0000000000000000.wal at offset "), "{text}");
    assert_eq!(complaint(&mut command), "millstream: data is damaged in one place");
}

#[test]
fn what_is_no_data_directory_is_said_so() {
    let scratch = Scratch::new();
    let missing = complaint(&mut millstream(&scratch, &["verify", "nowhere"]));
    assert!(missing.starts_with("millstream: nowhere cannot be read: "), "{missing}");
    let other = complaint(&mut millstream(&scratch, &["verify", "."]));
    assert_eq!(other, "millstream: . cannot be checked: identity is missing: every data directory has one");
}
