//! One SQS action through a client's program, and what its answers hold.
//!
//! Apart because SDKs differ in how they show what is absent: as nothing, as null, as an empty list.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::compat::client::Client;

/// Calls an action that must succeed and returns its output.
pub(in crate::compat) fn call(client: &mut Client, action: &str, input: &Value) -> anyhow::Result<Value> {
    let mut done = client.call(&json!({"do": "call", "action": action, "input": input}))?;
    if let Some(code) = done["refused"].as_str() {
        bail!("{action} was refused: {code}: {}", done["message"]);
    }
    Ok(done["output"].take())
}

/// Calls an action that must be refused with one of these codes; SDKs name the same refusal differently.
pub(in crate::compat) fn refused(
    client: &mut Client,
    action: &str,
    input: &Value,
    codes: &[&str],
) -> anyhow::Result<()> {
    let done = client.call(&json!({"do": "call", "action": action, "input": input}))?;
    let code = done["refused"].as_str().with_context(|| format!("{action} was not refused: {done}"))?;
    ensure!(
        codes.iter().any(|wanted| code.contains(wanted)),
        "{action} was refused with {code}, not with one of {codes:?}"
    );
    Ok(())
}

/// Creates a queue and returns its URL.
pub(in crate::compat) fn create(
    client: &mut Client,
    name: &str,
    attributes: &Value,
) -> anyhow::Result<String> {
    let made = call(client, "CreateQueue", &json!({"QueueName": name, "Attributes": attributes}))?;
    Ok(text(&made, "QueueUrl")?.to_owned())
}

/// Sends one plain message and returns the answer.
pub(in crate::compat) fn send(client: &mut Client, queue: &str, body: &str) -> anyhow::Result<Value> {
    call(client, "SendMessage", &json!({"QueueUrl": queue, "MessageBody": body}))
}

/// Receives up to ten messages with all that they have.
pub(in crate::compat) fn receive(
    client: &mut Client,
    queue: &str,
    count: u32,
    wait_s: u32,
) -> anyhow::Result<Vec<Value>> {
    let mut got = call(
        client,
        "ReceiveMessage",
        &json!({
            "QueueUrl": queue, "MaxNumberOfMessages": count, "WaitTimeSeconds": wait_s,
            "MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"],
        }),
    )?;
    list(&mut got, "Messages")
}

/// Receives exactly one message within `wait_s`.
pub(in crate::compat) fn receive_one(client: &mut Client, queue: &str, wait_s: u32) -> anyhow::Result<Value> {
    let mut messages = receive(client, queue, 1, wait_s)?;
    ensure!(messages.len() == 1, "{} messages within {wait_s} s", messages.len());
    Ok(messages.remove(0))
}

/// Sees that nothing can be received.
pub(in crate::compat) fn receive_none(client: &mut Client, queue: &str, wait_s: u32) -> anyhow::Result<()> {
    let messages = receive(client, queue, 10, wait_s)?;
    ensure!(messages.is_empty(), "received what nobody may receive now: {messages:?}");
    Ok(())
}

/// Deletes a received message.
pub(in crate::compat) fn delete(client: &mut Client, queue: &str, message: &Value) -> anyhow::Result<()> {
    let handle = text(message, "ReceiptHandle")?;
    call(client, "DeleteMessage", &json!({"QueueUrl": queue, "ReceiptHandle": handle})).map(drop)
}

/// Sets for how long a received message stays invisible from now.
pub(in crate::compat) fn hide(
    client: &mut Client,
    queue: &str,
    message: &Value,
    seconds: u32,
) -> anyhow::Result<()> {
    let handle = text(message, "ReceiptHandle")?;
    let input = json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
    call(client, "ChangeMessageVisibility", &input).map(drop)
}

/// All attributes of a queue.
pub(in crate::compat) fn attributes(client: &mut Client, queue: &str) -> anyhow::Result<Value> {
    let mut got = call(client, "GetQueueAttributes", &json!({"QueueUrl": queue, "AttributeNames": ["All"]}))?;
    Ok(got["Attributes"].take())
}

/// How many messages are visible, out and delayed.
pub(in crate::compat) fn counts(client: &mut Client, queue: &str) -> anyhow::Result<[u64; 3]> {
    let all = attributes(client, queue)?;
    let count = |kind: &str| -> anyhow::Result<u64> {
        Ok(text(&all, &format!("ApproximateNumberOfMessages{kind}"))?.parse()?)
    };
    Ok([count("")?, count("NotVisible")?, count("Delayed")?])
}

/// A member that is text.
pub(in crate::compat) fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name].as_str().with_context(|| format!("no {name} in {value}"))
}

/// A member that is a list, which may be absent or null when it is empty.
pub(in crate::compat) fn list(value: &mut Value, name: &str) -> anyhow::Result<Vec<Value>> {
    Ok(serde_json::from_value::<Option<_>>(value[name].take())?.unwrap_or_default())
}
