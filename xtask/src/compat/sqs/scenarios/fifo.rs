//! FIFO queues: order within a group, duplicates, sequence numbers, receipt handles that are over.
//!
//! Apart because standard queues promise none of it.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde_json::{Value, json};

use super::Bench;
use crate::compat::client::Client;
use crate::compat::sqs::calls::{call, delete, hide, receive, receive_none, receive_one, refused, text};

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("FIFO: sequence numbers have 20 digits and grow", sequence_numbers);
    bench.check("FIFO: groups keep their order, and wait for what is out", order);
    bench.check("FIFO: a duplicate is answered as the first was, and not delivered", duplicates);
    bench.check("FIFO: a duplicate of what is deleted is not delivered either", late_duplicate);
    bench.check("FIFO: a receipt handle of an earlier delivery is refused", old_handle);
}

fn fifo(bench: &mut Bench<'_>, name: &str, more: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut attributes = json!({"FifoQueue": "true"});
    for (attribute, value) in more {
        attributes[*attribute] = json!(value);
    }
    bench.create(&format!("{name}.fifo"), &attributes)
}

fn send(client: &mut Client, queue: &str, group: &str, id: &str) -> anyhow::Result<Value> {
    call(
        client,
        "SendMessage",
        &json!({
            "QueueUrl": queue, "MessageBody": id, "MessageGroupId": group, "MessageDeduplicationId": id,
        }),
    )
}

fn sequence_numbers(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = fifo(bench, "sequence", &[])?;
    let mut last = String::new();
    for id in ["a1", "b1", "a2"] {
        let sent = send(&mut bench.client, &queue, &id[..1], id)?;
        let number = text(&sent, "SequenceNumber")?;
        ensure!(number.len() == 20 && *number > *last, "sequence number {number:?} after {last:?}");
        number.clone_into(&mut last);
    }
    Ok(())
}

fn order(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = fifo(bench, "order", &[])?;
    let client = &mut bench.client;
    for id in ["a1", "b1", "a2", "b2", "a3"] {
        send(client, &queue, &id[..1], id)?;
    }
    // The head of one group is out: of that group nothing else may be received, of the other its head may.
    let head = receive_one(client, &queue, 5)?;
    let group = text(&head["Attributes"], "MessageGroupId")?.to_owned();
    ensure!(head["Body"] == format!("{group}1"), "the first that was received: {head}");
    let meanwhile = receive(client, &queue, 10, 0)?;
    for message in &meanwhile {
        ensure!(message["Attributes"]["MessageGroupId"] != group, "{message} while {head} is out");
    }
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut received = vec![head];
    received.extend(meanwhile);
    for _round in 0..10 {
        for message in std::mem::take(&mut received) {
            let group = text(&message["Attributes"], "MessageGroupId")?.to_owned();
            seen.entry(group).or_default().push(text(&message, "Body")?.to_owned());
            delete(client, &queue, &message)?;
        }
        if seen.values().map(Vec::len).sum::<usize>() == 5 {
            break;
        }
        received = receive(client, &queue, 10, 1)?;
    }
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let wanted =
        BTreeMap::from([("a".into(), names(&["a1", "a2", "a3"])), ("b".into(), names(&["b1", "b2"]))]);
    ensure!(seen == wanted, "received {seen:?}");
    receive_none(client, &queue, 0)
}

fn duplicates(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = fifo(bench, "duplicates", &[("ContentBasedDeduplication", "true")])?;
    let client = &mut bench.client;
    let by_id = (send(client, &queue, "a", "once")?, send(client, &queue, "a", "once")?);
    let plain = json!({"QueueUrl": queue, "MessageBody": "same text", "MessageGroupId": "b"});
    let by_text = (call(client, "SendMessage", &plain)?, call(client, "SendMessage", &plain)?);
    for (first, second) in [&by_id, &by_text] {
        for member in ["MessageId", "SequenceNumber"] {
            ensure!(first[member] == second[member], "{member}: {first}, of the duplicate: {second}");
        }
    }
    let mut bodies = Vec::new();
    for _message in 0..2 {
        let message = receive_one(client, &queue, 5)?;
        bodies.push(text(&message, "Body")?.to_owned());
        delete(client, &queue, &message)?;
    }
    bodies.sort_unstable();
    ensure!(bodies == ["once", "same text"], "received {bodies:?}");
    receive_none(client, &queue, 0)
}

fn late_duplicate(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = fifo(bench, "late-duplicate", &[])?;
    let client = &mut bench.client;
    let first = send(client, &queue, "a", "once")?;
    let message = receive_one(client, &queue, 5)?;
    delete(client, &queue, &message)?;
    // Deletion does not end the window in which an id counts.
    let late = send(client, &queue, "a", "once")?;
    ensure!(late["MessageId"] == first["MessageId"], "first {first}, after the deletion {late}");
    receive_none(client, &queue, 0)
}

fn old_handle(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = fifo(bench, "old-handle", &[])?;
    let client = &mut bench.client;
    send(client, &queue, "a", "only-one")?;
    let first = receive_one(client, &queue, 5)?;
    hide(client, &queue, &first, 0)?;
    let second = receive_one(client, &queue, 5)?;
    let old = json!({"QueueUrl": queue, "ReceiptHandle": first["ReceiptHandle"]});
    refused(client, "DeleteMessage", &old, &["InvalidParameterValue"])?;
    delete(client, &queue, &second)
}
