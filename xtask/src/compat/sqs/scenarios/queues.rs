//! Queues themselves: attributes and exact counts, tags, listing in pages, purging, deletion.
//!
//! Apart because none of it is about a message.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};

use super::Bench;
use crate::clock;
use crate::compat::sqs::calls::{
    attributes, call, counts, create, list, receive_none, receive_one, refused, send, text,
};

/// How long a purge may take: AWS says up to 60 s, nothing that runs here needs that.
const PURGE: Duration = Duration::from_secs(5);

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("attributes are kept", kept);
    bench.check("counts are exact", exact_counts);
    bench.check("tags are set, listed and removed", tags);
    bench.check("queues are listed in pages", pages);
    bench.check("a purge empties a queue", purge);
    bench.check("a second purge within a minute is refused", purge_again);
    bench.check("a deleted queue is gone", deleted);
}

fn kept(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.queue("attributes");
    let client = &mut bench.client;
    let queue = create(client, &name, &json!({"DelaySeconds": "0", "VisibilityTimeout": "40"}))?;
    call(
        client,
        "SetQueueAttributes",
        &json!({
            "QueueUrl": queue, "Attributes": {"VisibilityTimeout": "45", "ReceiveMessageWaitTimeSeconds": "1"},
        }),
    )?;
    let all = attributes(client, &queue)?;
    let wanted = [
        ("VisibilityTimeout", "45"),
        ("ReceiveMessageWaitTimeSeconds", "1"),
        ("DelaySeconds", "0"),
        ("MessageRetentionPeriod", "345600"),
    ];
    for (attribute, value) in wanted {
        ensure!(all[attribute] == value, "{attribute} is {}, not {value}", all[attribute]);
    }
    let arn = text(&all, "QueueArn")?;
    ensure!(arn.starts_with("arn:aws:sqs:us-east-1:") && arn.ends_with(&format!(":{name}")), "{all}");
    let too_long = json!({"QueueUrl": queue, "Attributes": {"VisibilityTimeout": "43201"}});
    refused(client, "SetQueueAttributes", &too_long, &["InvalidAttributeValue"])
}

fn exact_counts(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("counts", &json!({}))?;
    let client = &mut bench.client;
    for body in ["one", "two", "three"] {
        send(client, &queue, body)?;
    }
    call(client, "SendMessage", &json!({"QueueUrl": queue, "MessageBody": "later", "DelaySeconds": 900}))?;
    receive_one(client, &queue, 1)?;
    let now = counts(client, &queue)?;
    ensure!(now == [2, 1, 1], "visible, out and delayed: {now:?}");
    Ok(())
}

fn tags(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.queue("tags");
    let client = &mut bench.client;
    let made = call(client, "CreateQueue", &json!({"QueueName": name, "tags": {"born": "with it"}}))?;
    let queue = text(&made, "QueueUrl")?;
    let more = json!({"QueueUrl": queue, "Tags": {"team": "grün", "cost centre": "7"}});
    call(client, "TagQueue", &more)?;
    call(client, "UntagQueue", &json!({"QueueUrl": queue, "TagKeys": ["cost centre"]}))?;
    let listed = call(client, "ListQueueTags", &json!({"QueueUrl": queue}))?;
    ensure!(listed["Tags"] == json!({"born": "with it", "team": "grün"}), "tags: {}", listed["Tags"]);
    Ok(())
}

fn pages(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let prefix = bench.queue("page");
    let client = &mut bench.client;
    let mut wanted = Vec::new();
    for number in 0..5 {
        wanted.push(create(client, &format!("{prefix}-{number}"), &json!({}))?);
    }
    let (mut found, mut token) = (Vec::new(), None::<String>);
    for full in [true, true, false] {
        let mut input = json!({"QueueNamePrefix": prefix, "MaxResults": 2});
        if let Some(token) = token.take() {
            input["NextToken"] = Value::String(token);
        }
        let mut page = call(client, "ListQueues", &input)?;
        let urls = list(&mut page, "QueueUrls")?;
        ensure!(urls.len() == if full { 2 } else { 1 }, "a page of {urls:?}");
        found.extend(urls.iter().filter_map(Value::as_str).map(str::to_owned));
        token = page["NextToken"].as_str().map(str::to_owned);
        ensure!(token.is_some() == full, "the token after {found:?} is {token:?}");
    }
    found.sort_unstable();
    ensure!(found == wanted, "created {wanted:?}, listed {found:?}");
    Ok(())
}

fn purge(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("purge", &json!({}))?;
    let client = &mut bench.client;
    for body in ["one", "two", "three"] {
        send(client, &queue, body)?;
    }
    receive_one(client, &queue, 1)?;
    call(client, "PurgeQueue", &json!({"QueueUrl": queue}))?;
    let deadline = clock::now() + PURGE;
    while counts(client, &queue)? != [0, 0, 0] {
        ensure!(clock::now() < deadline, "left after the purge: {:?}", counts(client, &queue)?);
        std::thread::sleep(Duration::from_millis(100));
    }
    receive_none(client, &queue, 0)
}

fn purge_again(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = json!({"QueueUrl": bench.create("purge-again", &json!({}))?});
    call(&mut bench.client, "PurgeQueue", &queue)?;
    refused(&mut bench.client, "PurgeQueue", &queue, &["PurgeQueueInProgress"])
}

fn deleted(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.queue("deleted");
    let client = &mut bench.client;
    let queue = create(client, &name, &json!({}))?;
    let found = call(client, "GetQueueUrl", &json!({"QueueName": name}))?;
    ensure!(text(&found, "QueueUrl")? == queue, "created as {queue}, found as {found}");
    call(client, "DeleteQueue", &json!({"QueueUrl": queue}))?;
    let gone = ["QueueDoesNotExist", "NonExistentQueue"];
    refused(client, "GetQueueUrl", &json!({"QueueName": name}), &gone)?;
    refused(client, "SendMessage", &json!({"QueueUrl": queue, "MessageBody": "nobody home"}), &gone)
}
