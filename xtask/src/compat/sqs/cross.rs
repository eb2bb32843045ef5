//! One queue, spoken to by Kafka and SQS clients: what one sends the other reads, and what was worked can be read again.
//!
//! Apart from the scenarios because it takes clients of both kinds and the command line: kcat, boto3, `millstream queue`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::calls::{call, counts, create, delete, receive, text};
use super::prepare::{Name, client};
use crate::compat::client::Client;
use crate::compat::kcat::Kcat;
use crate::compat::record::hex;
use crate::compat::report::Report;

/// Messages that Kafka's client sends.
const MESSAGES: usize = 120;
/// What is settled stays readable so long.
const KEPT_MS: u64 = 600_000;

/// The broker with all its addresses.
pub(in crate::compat) struct Addresses<'a> {
    /// Host and port for Kafka clients.
    pub(in crate::compat) kafka: &'a str,
    /// Host and port for AWS clients.
    pub(in crate::compat) aws: &'a str,
    /// Host and port of the admin API.
    pub(in crate::compat) http: &'a str,
}

/// Runs it and counts the checks.
pub(in crate::compat) fn run(
    at: &Addresses<'_>,
    binary: &Path,
    kcat: &Kcat,
    root: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.scope("Kafka and SQS clients on one queue");
    let endpoint = format!("http://{}", at.aws);
    let program = client(Name::Boto3, root, &endpoint)?;
    let log = root.join("target/compat/logs/cross.log");
    std::fs::write(&log, "")?;
    let mut sqs = Client::start(&program, &endpoint, &log)
        .with_context(|| format!("starting boto3; its errors are in {}", log.display()))?;
    let outcome = replayed(at, binary, kcat, &mut sqs);
    report.check(
        "Kafka sends with lz4, SQS receives and deletes, and a Kafka group reads all of it again".to_owned(),
        outcome,
    );
    let outcome = with_attributes(at, kcat, &mut sqs);
    report.check("SQS sends with attributes, and Kafka reads them as headers".to_owned(), outcome);
    let outcome = sqs.close();
    report.check("the clients end in peace".to_owned(), outcome);
    Ok(())
}

fn replayed(at: &Addresses<'_>, binary: &Path, kcat: &Kcat, sqs: &mut Client) -> anyhow::Result<()> {
    let name = "cross-replayed";
    let queue = create(sqs, name, &json!({"VisibilityTimeout": "60"}))?;
    let kept = format!("consumed_retention_ms={KEPT_MS}");
    let altered = Command::new(binary)
        .args(["queue", "alter", name, "--set", &kept, "--server", &format!("http://{}", at.http)])
        .output()
        .context("running millstream queue alter")?;
    ensure!(altered.status.success(), "{}", String::from_utf8_lossy(&altered.stderr));
    let bodies: Vec<String> =
        (0..MESSAGES).map(|n| format!("message {n} {}", "lz4 ".repeat(n % 40))).collect();
    kcat.write_lz4(at.kafka, name, &bodies)?;
    let mut received = Vec::new();
    while received.len() < MESSAGES {
        let messages = receive(sqs, &queue, 10, 5)?;
        ensure!(!messages.is_empty(), "only {} of {MESSAGES} messages can be received", received.len());
        for message in &messages {
            received.push(text(message, "Body")?.to_owned());
            delete(sqs, &queue, message)?;
        }
    }
    ensure!(received == bodies, "received other messages, or in another order, than were sent");
    ensure!(counts(sqs, &queue)? == [0; 3], "the queue is not empty");
    // Long after what is consumed would be gone if it were not kept.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let again = kcat.read_as_group(at.kafka, name, "cross-group", MESSAGES)?;
    ensure!(again == bodies, "the group read {} records, or others than were sent", again.len());
    Ok(())
}

fn with_attributes(at: &Addresses<'_>, kcat: &Kcat, sqs: &mut Client) -> anyhow::Result<()> {
    let name = "cross-attributes";
    let queue = create(sqs, name, &json!({}))?;
    let attributes: Value = json!({
        "colour": {"DataType": "String", "StringValue": "blue"},
        "weight": {"DataType": "Number", "StringValue": "12.5"},
    });
    let input = json!({"QueueUrl": queue, "MessageBody": "from SQS", "MessageAttributes": attributes});
    call(sqs, "SendMessage", &input)?;
    let records = kcat.read(at.kafka, name)?;
    let [record] = &records[..] else { anyhow::bail!("{} records, not one", records.len()) };
    ensure!(record.value.as_deref() == Some(&hex(b"from SQS")), "the value is {:?}", record.value);
    for (header, value) in [("colour", "blue"), ("weight", "12.5")] {
        let wanted = (header.to_owned(), Some(hex(value.as_bytes())));
        ensure!(record.headers.contains(&wanted), "no header {header}={value} in {:?}", record.headers);
    }
    Ok(())
}
