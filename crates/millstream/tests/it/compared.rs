//! The binary beside recordings of RabbitMQ: the same scenes, frame by frame and answer by answer.
//!
//! Apart because the scenes and recordings are `compare`'s; here they are played to the binary that was built.

use crate::process::{Broker, Scratch, millstream};
use millstream_compare::amqp::Patience;
use millstream_compare::{Finding, Kind, Scene, amqp, management, parse, table};
use std::time::Duration;

/// Nothing here measures time: a machine may be as slow as it is.
const PATIENCE: Patience = Patience(Duration::from_secs(60));

/// A broker that speaks AMQP and the management API; where it listens for each.
fn broker(scratch: &Scratch) -> (Broker, String, String) {
    let arguments =
        ["serve", "--json", "--listen-aws", "off", "--listen-http", "off", "--listen-kafka", "off"];
    let mut command = millstream(scratch, &arguments);
    let any = "127.0.0.1:0";
    let broker = Broker::spawn(command.args(["--listen-amqp", any, "--listen-amqp-management", any]));
    let at = |name: &str| broker.ready["listen"][name].as_str().unwrap().to_owned();
    let (amqp, management) = (at("amqp"), at("amqp_management"));
    (broker, amqp, management)
}

#[track_caller]
fn there_are_none(findings: &[Finding]) {
    for finding in findings {
        let [theirs, ours] = &finding.sides;
        eprintln!("== {} ({}): {:?}", finding.title, finding.version, finding.kind);
        eprintln!("{}\n-- this broker:\n{}\n", theirs.join("\n"), ours.join("\n"));
    }
    let kinds: Vec<Kind> = findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [], "`cargo xtask compare` shows the same");
}

#[test]
fn amqp_is_answered_as_rabbitmq_does_or_there_is_a_reason() {
    let scratch = Scratch::new();
    let (_broker, address, _) = broker(&scratch);
    let scenes = amqp::scenes().unwrap();
    let played = amqp::play_all(&address, &scenes, PATIENCE).unwrap();
    there_are_none(&amqp::findings(&scenes, &played, &parse(amqp::OURS)));
}

#[test]
fn the_management_api_answers_as_rabbitmqs_does_or_there_is_a_reason() {
    let scratch = Scratch::new();
    let (_broker, _, address) = broker(&scratch);
    let scenes = management::scenes().unwrap();
    let played = management::play_all(&address, &scenes, PATIENCE).unwrap();
    there_are_none(&management::findings(&scenes, &played, &parse(management::OURS)));
}

#[test]
fn the_documentation_lists_the_differences() {
    let lists = |page: &str, scenes: Vec<Scene>| {
        let text = std::fs::read_to_string(format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR")));
        assert!(text.unwrap().contains(&table(&scenes)), "`cargo xtask compare … --accept` writes the table");
    };
    lists("amqp.md", amqp::scenes().unwrap());
    lists("amqp-management.md", management::scenes().unwrap());
}
