//! Messages come back as they were sent: body, attributes of all types, checksums; and batches answer entry by entry.
//!
//! Apart because this is the mapping between a message and a record, seen from outside.

use anyhow::ensure;
use serde_json::{Value, json};

use super::Bench;
use crate::clock;
use crate::compat::sqs::calls::{
    call, counts, delete, list, receive, receive_none, receive_one, refused, send, text,
};

const BODY: &str = "größer <&> \"quoted\" \t\r\n 𝄞";
/// MD5 of the body and of the attributes below, computed apart from any client. Clients check them too, but not all of
/// them check both.
const BODY_MD5: &str = "9cad3f8966f430bc39478b229933a277";
const ATTRIBUTES_MD5: &str = "01fd69eed5cec8dc5143b3f8d6a55432";
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
const A_DAY_MS: i64 = 86_400_000;

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("a message comes back with attributes of all types, and is gone once deleted", round_trip);
    bench.check("a batch that is sent fails only where an entry is bad", send_batch);
    bench.check("batches of receipt handles fail only where a handle is forged", handle_batches);
}

fn round_trip(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("messages", &json!({}))?;
    let attributes = json!({
        "text": {"DataType": "String", "StringValue": "größer <&>"},
        "number": {"DataType": "Number", "StringValue": "-12.5e3"},
        "bytes": {"DataType": "Binary", "BinaryValue": "AAECw6k="},
        "custom": {"DataType": "String.json", "StringValue": "{\"a\":1}"},
        "trace.id": {"DataType": "Number.long", "StringValue": "9007199254740993"},
    });
    let sent = call(
        &mut bench.client,
        "SendMessage",
        &json!({
            "QueueUrl": queue, "MessageBody": BODY, "MessageAttributes": attributes,
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
        }),
    )?;
    ensure!(text(&sent, "MD5OfMessageBody")? == BODY_MD5, "the body's checksum: {sent}");
    ensure!(text(&sent, "MD5OfMessageAttributes")? == ATTRIBUTES_MD5, "the attributes' checksum: {sent}");
    let got = receive_one(&mut bench.client, &queue, 5)?;
    ensure!(got["Body"] == BODY && got["MessageId"] == sent["MessageId"], "sent {sent}, received {got}");
    ensure!(text(&got, "MD5OfMessageAttributes")? == ATTRIBUTES_MD5, "the attributes' checksum: {got}");
    same_attributes(&attributes, &got["MessageAttributes"])?;
    let system = &got["Attributes"];
    ensure!(system["ApproximateReceiveCount"] == "1" && system["AWSTraceHeader"] == TRACE, "{system}");
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        let age_ms = clock::wall_ms()? - text(system, name)?.parse::<i64>()?;
        ensure!(age_ms.abs() < A_DAY_MS, "{name} is {age_ms} ms old");
    }
    delete(&mut bench.client, &queue, &got)?;
    receive_none(&mut bench.client, &queue, 0)?;
    let left = counts(&mut bench.client, &queue)?;
    ensure!(left == [0, 0, 0], "visible, out and delayed after the deletion: {left:?}");
    Ok(())
}

/// Compares type and value of every attribute; SDKs add empty members of their own.
fn same_attributes(sent: &Value, got: &Value) -> anyhow::Result<()> {
    let (sent, got) = (sent.as_object().into_iter().flatten(), got);
    ensure!(got.as_object().is_some_and(|got| got.len() == sent.clone().count()), "attributes: {got}");
    for (name, value) in sent {
        for (member, value) in value.as_object().into_iter().flatten() {
            ensure!(&got[name][member] == value, "{member} of {name}: sent {value}, received {}", got[name]);
        }
    }
    Ok(())
}

fn send_batch(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("batch-send", &json!({}))?;
    let client = &mut bench.client;
    let entry = |id: &str, body: &str| json!({"Id": id, "MessageBody": body});
    // A control character is a body that SQS does not take.
    let entries = [entry("first", "one"), entry("bad", "\u{1}"), entry("last", "two")];
    let mut sent = call(client, "SendMessageBatch", &json!({"QueueUrl": queue, "Entries": entries}))?;
    outcome(&mut sent, &["first", "last"], "bad", "InvalidMessageContents")?;
    let many: Vec<Value> = (0..11).map(|id| entry(&id.to_string(), "one too many")).collect();
    let many = json!({"QueueUrl": queue, "Entries": many});
    refused(client, "SendMessageBatch", &many, &["TooManyEntriesInBatchRequest"])
}

fn handle_batches(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("batch-handles", &json!({}))?;
    let client = &mut bench.client;
    for body in ["one", "two"] {
        send(client, &queue, body)?;
    }
    let mut handles = Vec::new();
    while handles.len() < 2 {
        let messages = receive(client, &queue, 10, 5)?;
        ensure!(!messages.is_empty(), "only {} of 2 messages can be received", handles.len());
        for message in messages {
            handles.push(text(&message, "ReceiptHandle")?.to_owned());
        }
    }
    let forged = "not a receipt handle";
    let entries = json!([
        {"Id": "first", "ReceiptHandle": handles[0], "VisibilityTimeout": 60},
        {"Id": "forged", "ReceiptHandle": forged, "VisibilityTimeout": 60},
        {"Id": "last", "ReceiptHandle": handles[1], "VisibilityTimeout": 60},
    ]);
    let mut changed =
        call(client, "ChangeMessageVisibilityBatch", &json!({"QueueUrl": queue, "Entries": entries}))?;
    outcome(&mut changed, &["first", "last"], "forged", "ReceiptHandleIsInvalid")?;
    let entries = json!([
        {"Id": "first", "ReceiptHandle": handles[0]},
        {"Id": "forged", "ReceiptHandle": forged},
        {"Id": "last", "ReceiptHandle": handles[1]},
    ]);
    let mut deleted = call(client, "DeleteMessageBatch", &json!({"QueueUrl": queue, "Entries": entries}))?;
    outcome(&mut deleted, &["first", "last"], "forged", "ReceiptHandleIsInvalid")?;
    let left = counts(client, &queue)?;
    ensure!(left == [0, 0, 0], "visible, out and delayed at the end: {left:?}");
    Ok(())
}

/// Sees which entries of a batch succeeded, and that one failed by the sender's fault.
fn outcome(answer: &mut Value, good: &[&str], bad: &str, code: &str) -> anyhow::Result<()> {
    let succeeded = list(answer, "Successful")?;
    let failed = list(answer, "Failed")?;
    let mut ids: Vec<&str> = succeeded.iter().filter_map(|entry| entry["Id"].as_str()).collect();
    ids.sort_unstable();
    ensure!(ids == good, "succeeded: {succeeded:?}, failed: {failed:?}");
    ensure!(failed.len() == 1 && failed[0]["Id"] == bad, "failed: {failed:?}");
    ensure!(
        failed[0]["SenderFault"] == true && text(&failed[0], "Code")?.contains(code),
        "failed: {failed:?}, not with {code}"
    );
    Ok(())
}
