//! Dead letters: after three receives a message moves, and a move task brings it back.
//!
//! Apart because it takes two queues and a task that runs on the other side.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Bench;
use crate::clock;
use crate::compat::sqs::calls::{
    attributes, call, counts, create, delete, hide, list, receive_none, receive_one, refused, send, text,
};

const MOVED: Duration = Duration::from_secs(15);

pub(super) fn run(bench: &mut Bench<'_>) {
    let mut letter = None;
    let outcome = dead_letter(bench).map(|made| letter = Some(made));
    bench.report.check("after three receives a message is a dead letter".to_owned(), outcome);
    if let Some(Letter { source, source_arn, dead, sent, got }) = letter {
        let outcome = unchanged(&sent, &got, &source_arn);
        bench
            .report
            .check("a dead letter has its id and attributes, and names its source".to_owned(), outcome);
        let outcome = redrive(bench, &source, &dead);
        bench.report.check("a move task brings dead letters back".to_owned(), outcome);
        let outcome = elsewhere(bench, &dead);
        bench.report.check("a move task at a rate is shown, alone and cancelled".to_owned(), outcome);
    }
}

/// A message that became a dead letter, and is visible again in the queue of dead letters.
struct Letter {
    source: String,
    source_arn: String,
    dead: String,
    /// The answer to its sending.
    sent: Value,
    /// The dead letter as it was received.
    got: Value,
}

fn unchanged(sent: &Value, got: &Value, source_arn: &str) -> anyhow::Result<()> {
    ensure!(got["MessageId"] == sent["MessageId"], "sent {sent}, the dead letter: {got}");
    ensure!(got["MessageAttributes"]["why"]["StringValue"] == "test", "the dead letter: {got}");
    ensure!(got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"], "the dead letter: {got}");
    ensure!(got["Attributes"]["DeadLetterQueueSourceArn"] == source_arn, "the dead letter: {got}");
    Ok(())
}

fn dead_letter(bench: &mut Bench<'_>) -> anyhow::Result<Letter> {
    let (source, dead) = (bench.queue("source"), bench.queue("dead"));
    let client = &mut bench.client;
    let dead = create(client, &dead, &json!({}))?;
    let dead_arn = text(&attributes(client, &dead)?, "QueueArn")?.to_owned();
    let policy = json!({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3}).to_string();
    let source = create(client, &source, &json!({"RedrivePolicy": policy}))?;
    let source_arn = text(&attributes(client, &source)?, "QueueArn")?.to_owned();
    let sent = call(
        client,
        "SendMessage",
        &json!({
            "QueueUrl": source, "MessageBody": "poison",
            "MessageAttributes": {"why": {"DataType": "String", "StringValue": "test"}},
        }),
    )?;
    for count in 1..=3 {
        let got = receive_one(client, &source, 5)?;
        let told = text(&got["Attributes"], "ApproximateReceiveCount")?;
        ensure!(told == count.to_string(), "receive {count} says that it is {told}");
        hide(client, &source, &got, 0)?;
    }
    receive_none(client, &source, 1)?;
    let got = receive_one(client, &dead, 5)?;
    ensure!(got["Body"] == "poison", "the dead letter: {got}");
    hide(client, &dead, &got, 0)?;
    let mut sources = call(client, "ListDeadLetterSourceQueues", &json!({"QueueUrl": dead}))?;
    // The one member of all answers whose name begins with a small letter.
    let sources = [list(&mut sources, "queueUrls")?, list(&mut sources, "QueueUrls")?].concat();
    ensure!(sources == [Value::String(source.clone())], "sources of {dead}: {sources:?}");
    Ok(Letter { source, source_arn, dead, sent, got })
}

fn redrive(bench: &mut Bench<'_>, source: &str, dead: &str) -> anyhow::Result<()> {
    let client = &mut bench.client;
    let dead_arn = text(&attributes(client, dead)?, "QueueArn")?.to_owned();
    call(client, "StartMessageMoveTask", &json!({"SourceArn": dead_arn}))?;
    let deadline = clock::now() + MOVED;
    loop {
        let mut tasks = call(client, "ListMessageMoveTasks", &json!({"SourceArn": dead_arn}))?;
        let tasks = list(&mut tasks, "Results")?;
        ensure!(tasks.len() == 1, "tasks: {tasks:?}");
        if tasks[0]["Status"] == "COMPLETED" {
            ensure!(tasks[0]["ApproximateNumberOfMessagesMoved"] == 1, "tasks: {tasks:?}");
            break;
        }
        ensure!(clock::now() < deadline, "not completed: {tasks:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let back = receive_one(client, source, 5)?;
    ensure!(back["Body"] == "poison", "moved back: {back}");
    ensure!(back["MessageAttributes"]["why"]["StringValue"] == "test", "moved back: {back}");
    delete(client, source, &back)?;
    let left = [counts(client, source)?, counts(client, dead)?];
    ensure!(left == [[0; 3]; 2], "visible, out and delayed in both at the end: {left:?}");
    Ok(())
}

fn elsewhere(bench: &mut Bench<'_>, dead: &str) -> anyhow::Result<()> {
    let other = bench.create("elsewhere", &json!({}))?;
    let client = &mut bench.client;
    for body in ["one", "two", "three"] {
        send(client, dead, body)?;
    }
    let dead_arn = text(&attributes(client, dead)?, "QueueArn")?.to_owned();
    let other_arn = text(&attributes(client, &other)?, "QueueArn")?.to_owned();
    let wish = json!({"SourceArn": dead_arn, "DestinationArn": other_arn, "MaxNumberOfMessagesPerSecond": 1});
    let started = call(client, "StartMessageMoveTask", &wish)?;
    let handle = text(&started, "TaskHandle")?;
    // There is one exception for all that is wrong with a parameter, and SDKs do not have it.
    refused(client, "StartMessageMoveTask", &wish, &["InvalidParameterValue"])?;
    let newest = json!({"SourceArn": dead_arn, "MaxResults": 10});
    let mut tasks = call(client, "ListMessageMoveTasks", &newest)?;
    let tasks = list(&mut tasks, "Results")?;
    let running = tasks.first().context("no task is listed")?;
    let shown = [
        ("Status", json!("RUNNING")),
        ("TaskHandle", json!(handle)),
        ("DestinationArn", json!(other_arn)),
        ("MaxNumberOfMessagesPerSecond", json!(1)),
        ("ApproximateNumberOfMessagesToMove", json!(3)),
    ];
    for (member, wanted) in shown {
        ensure!(running[member] == wanted, "{member} of the task that runs: {running}");
    }
    let ended = call(client, "CancelMessageMoveTask", &json!({"TaskHandle": handle}))?;
    let moved = ended["ApproximateNumberOfMessagesMoved"].as_u64().context("no number of moved messages")?;
    let mut tasks = call(client, "ListMessageMoveTasks", &newest)?;
    let tasks = list(&mut tasks, "Results")?;
    ensure!(tasks.first().is_some_and(|task| task["Status"] == "CANCELLED"), "cancelled: {tasks:?}");
    let left = counts(client, dead)?[0];
    ensure!(moved + left == 3, "{moved} were moved, {left} are left");
    Ok(())
}
