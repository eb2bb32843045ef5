//! One queue, spoken to by AMQP, SQS and Kafka clients: two kinds compete for its messages, the third reads all of them again.
//!
//! Apart from the scenarios because it takes clients of all kinds and the command line.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::calls::{bodies, call, get, publish, publish_all, queue, take};
use crate::compat::broker::Broker;
use crate::compat::client::Client;
use crate::compat::kcat::Kcat;
use crate::compat::record::hex;
use crate::compat::report::Report;
use crate::compat::sqs::{self, calls as aws};

/// Messages that consumers of two protocols share.
const MESSAGES: usize = 100;
/// Those that the one over AMQP may have at once.
const PREFETCH: usize = 40;
/// The queue's name in every protocol.
const ORDERS: &str = "orders";
/// What is settled stays readable so long.
const KEPT_MS: u64 = 600_000;

/// Runs it and counts the checks. The client has to tell the types of numbers apart.
pub(super) fn run(broker: &Broker, mut amqp: Client, root: &Path, report: &mut Report) -> anyhow::Result<()> {
    report.scope("AMQP, SQS and Kafka clients on one queue");
    let endpoint = format!("http://{}", broker.aws().context("the broker serves no AWS clients")?);
    let program = sqs::client(sqs::Name::Boto3, root, &endpoint)?;
    let log = crate::compat::fresh(&root.join("target/compat/logs"), "amqp-cross")?;
    let mut boto3 = Client::start(&program, &endpoint, &log)
        .with_context(|| format!("starting boto3; its errors are in {}", log.display()))?;
    let kcat = Kcat(crate::compat::prepare::kcat()?);
    let outcome = competing(broker, &kcat, &mut amqp, &mut boto3);
    report.check(
        "AMQP and SQS consumers compete for what AMQP published, and a Kafka group reads all of it again"
            .to_owned(),
        outcome,
    );
    let outcome = headers(broker, &kcat, &mut amqp, &mut boto3);
    report.check("headers are headers in every protocol, and integers keep their width".to_owned(), outcome);
    let outcome = amqp.close().and_then(|()| boto3.close());
    report.check("the clients end in peace".to_owned(), outcome);
    Ok(())
}

fn competing(broker: &Broker, kcat: &Kcat, amqp: &mut Client, boto3: &mut Client) -> anyhow::Result<()> {
    queue(amqp, ORDERS, &json!({}))?;
    let http = broker.http().context("the broker has no admin API")?;
    let altered = Command::new(broker.binary().context("a binary of ours")?)
        .args(["queue", "alter", ORDERS, "--set", &format!("consumed_retention_ms={KEPT_MS}")])
        .args(["--server", &format!("http://{http}")])
        .output()
        .context("running millstream queue alter")?;
    ensure!(altered.status.success(), "{}", String::from_utf8_lossy(&altered.stderr));
    let url = aws::create(boto3, ORDERS, &json!({}))?;
    let all: Vec<String> = (0..MESSAGES).map(|n| format!("order {n}")).collect();
    let consume = json!({
        "do": "consume", "consumer": ORDERS, "queue": ORDERS, "prefetch": PREFETCH, "then": "hold",
    });
    call(amqp, &consume)?;
    publish(amqp, "", ORDERS, &all.iter().map(String::as_str).collect::<Vec<_>>())?;
    let taken = take(amqp, ORDERS, PREFETCH)?;
    let mut seen: BTreeSet<String> = bodies(&taken)?.into_iter().map(str::to_owned).collect();
    ensure!(seen.len() == PREFETCH, "the AMQP consumer has {} different messages", seen.len());
    while seen.len() < MESSAGES {
        let messages = aws::receive(boto3, &url, 10, 20)?;
        ensure!(!messages.is_empty(), "only {} of {MESSAGES} messages came", seen.len());
        for message in &messages {
            let body = aws::text(message, "Body")?.to_owned();
            ensure!(seen.insert(body.clone()), "both got {body}");
            aws::delete(boto3, &url, message)?;
        }
    }
    ensure!(seen == all.iter().cloned().collect(), "they got {seen:?}");
    call(amqp, &json!({"do": "settle", "consumer": ORDERS, "then": "ack"}))?;
    call(amqp, &json!({"do": "close", "consumer": ORDERS}))?;
    ensure!(aws::counts(boto3, &url)? == [0; 3], "the queue is not empty");
    let again = kcat.read_as_group(broker.bootstrap(), ORDERS, "orders-readers", MESSAGES)?;
    ensure!(again == all, "the group read {} records, or others than were sent", again.len());
    Ok(())
}

fn headers(broker: &Broker, kcat: &Kcat, amqp: &mut Client, boto3: &mut Client) -> anyhow::Result<()> {
    let name = "orders-with-headers";
    queue(amqp, name, &json!({}))?;
    let url = aws::create(boto3, name, &json!({}))?;
    ensure!(amqp.abilities.types, "a client that tells the types of numbers apart");
    let widths = json!({"a": {"i8": 7}, "b": {"i16": 7}, "c": {"i32": 7}, "d": {"i64": 7}, "colour": "blue"});
    publish_all(amqp, "", name, vec![json!({"body": "from AMQP", "headers": widths, "type": "order"})])?;
    let attributes: Value = json!({"colour": {"DataType": "String", "StringValue": "red"}});
    let input = json!({"QueueUrl": url, "MessageBody": "from SQS", "MessageAttributes": attributes});
    aws::call(boto3, "SendMessage", &input)?;
    kcat.write_lz4(broker.bootstrap(), name, &["from Kafka".to_owned()])?;
    let records = kcat.read(broker.bootstrap(), name)?;
    let [first, second, third] = &records[..] else { anyhow::bail!("{} records, not three", records.len()) };
    for (record, header, value) in [
        (first, "a", "7"),
        (first, "d", "7"),
        (first, "colour", "blue"),
        (first, "amqp.type", "order"),
        (second, "colour", "red"),
    ] {
        let wanted = (header.to_owned(), Some(hex(value.as_bytes())));
        ensure!(record.headers.contains(&wanted), "no header {header}={value} in {:?}", record.headers);
    }
    ensure!(third.value == Some(hex(b"from Kafka")), "the third record is {:?}", third.value);
    let mut got = Vec::new();
    while let Some(message) = get(amqp, name)? {
        got.push(message);
    }
    ensure!(bodies(&got)? == ["from AMQP", "from SQS", "from Kafka"], "AMQP got {got:?}");
    ensure!(got[0]["headers"] == widths && got[0]["type"] == "order", "it came back as {}", got[0]);
    ensure!(got[1]["headers"]["colour"] == "red", "SQS's attributes came as {}", got[1]);
    Ok(())
}
