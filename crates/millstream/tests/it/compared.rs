//! The binary beside recordings of RabbitMQ: the same scenes, frame by frame.
//!
//! Apart because the scenes and recordings are `compare`'s; here they are played to the binary that was built.

use crate::process::{Broker, Scratch, millstream};
use millstream_compare::amqp::{Kind, OURS, Patience, findings, parse, play_all, scenes, table};
use std::time::Duration;

#[test]
fn amqp_is_answered_as_rabbitmq_does_or_there_is_a_reason() {
    let scratch = Scratch::new();
    let arguments =
        ["serve", "--json", "--listen-aws", "off", "--listen-http", "off", "--listen-kafka", "off"];
    let mut command = millstream(&scratch, &arguments);
    let broker = Broker::spawn(command.args(["--listen-amqp", "127.0.0.1:0"]));
    let address = broker.ready["listen"]["amqp"].as_str().unwrap().to_owned();
    let scenes = scenes().unwrap();
    // Nothing here measures time: a machine may be as slow as it is.
    let played = play_all(&address, &scenes, Patience(Duration::from_secs(60))).unwrap();
    let findings = findings(&scenes, &played, &parse(OURS));
    for finding in &findings {
        let [theirs, ours] = &finding.sides;
        eprintln!("== {} ({}): {:?}", finding.title, finding.version, finding.kind);
        eprintln!("{}\n-- this broker:\n{}\n", theirs.join("\n"), ours.join("\n"));
    }
    let kinds: Vec<Kind> = findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [], "`cargo xtask compare amqp` shows the same");
}

#[test]
fn the_documentation_lists_the_differences() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/amqp.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = table(&scenes().unwrap());
    assert!(page.contains(&table), "`cargo xtask compare amqp --accept` writes the table");
}
