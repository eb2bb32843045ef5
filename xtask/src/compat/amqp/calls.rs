//! One command through a client's program, and what its answers hold.
//!
//! Apart because libraries differ in how they show what is absent, and in whether they tell the types of numbers apart.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::compat::client::Client;

/// Long enough for whatever has to come on a machine that pauses.
pub(super) const PATIENCE_MS: u64 = 60_000;

/// Gives a command that must succeed and returns its answer.
pub(super) fn call(client: &mut Client, command: &Value) -> anyhow::Result<Value> {
    let done = client.call(command)?;
    if let Some(refused) = done.get("refused") {
        bail!("{command} was refused: {} {}", refused["code"], refused["text"]);
    }
    Ok(done)
}

/// Gives a command that must be refused with a code; returns the text. A library that does not tell the code is believed.
pub(super) fn refused(client: &mut Client, command: &Value, code: u64) -> anyhow::Result<String> {
    let done = client.call(command)?;
    let refused = done.get("refused").with_context(|| format!("{command} was not refused: {done}"))?;
    ensure!(
        refused["code"] == code || refused["code"].is_null(),
        "{command} was refused with {refused}, not with {code}"
    );
    Ok(refused["text"].as_str().unwrap_or_default().to_owned())
}

/// Declares a durable queue.
pub(super) fn queue(client: &mut Client, name: &str, arguments: &Value) -> anyhow::Result<()> {
    call(client, &json!({"do": "queue", "name": name, "arguments": arguments})).map(drop)
}

/// Declares a durable exchange.
pub(super) fn exchange(client: &mut Client, name: &str, kind: &str) -> anyhow::Result<()> {
    call(client, &json!({"do": "exchange", "name": name, "type": kind})).map(drop)
}

/// Binds a queue.
pub(super) fn bind(client: &mut Client, queue: &str, exchange: &str, key: &str) -> anyhow::Result<()> {
    call(client, &json!({"do": "bind", "queue": queue, "exchange": exchange, "key": key})).map(drop)
}

/// Publishes messages with these bodies; all must be confirmed.
pub(super) fn publish(client: &mut Client, exchange: &str, key: &str, bodies: &[&str]) -> anyhow::Result<()> {
    let messages = bodies.iter().map(|body| json!({"body": body})).collect();
    publish_all(client, exchange, key, messages)
}

/// Publishes messages; all must be confirmed.
pub(super) fn publish_all(
    client: &mut Client,
    exchange: &str,
    key: &str,
    messages: Vec<Value>,
) -> anyhow::Result<()> {
    let count = messages.len();
    let command = json!({"do": "publish", "exchange": exchange, "key": key, "messages": messages});
    let outcome = call(client, &command)?;
    ensure!(
        outcome["acked"] == count && outcome["nacked"] == 0,
        "{count} messages were published: {outcome}"
    );
    Ok(())
}

/// Gets one message, if there is one, and acknowledges it.
pub(super) fn get(client: &mut Client, queue: &str) -> anyhow::Result<Option<Value>> {
    let mut done = call(client, &json!({"do": "get", "queue": queue}))?;
    Ok(Some(done["message"].take()).filter(|message| !message.is_null()))
}

/// Gets all that a queue has, and sees that it is these bodies.
pub(super) fn holds(client: &mut Client, queue: &str, bodies: &[&str]) -> anyhow::Result<()> {
    let mut got = Vec::new();
    while let Some(message) = get(client, queue)? {
        got.push(body(&message)?.to_owned());
    }
    ensure!(got == bodies, "{queue} has {got:?}, not {bodies:?}");
    Ok(())
}

/// Takes exactly so many messages that a consumer was sent.
pub(super) fn take(client: &mut Client, consumer: &str, count: usize) -> anyhow::Result<Vec<Value>> {
    let command = json!({"do": "take", "consumer": consumer, "count": count, "wait_ms": PATIENCE_MS});
    let messages = messages(call(client, &command)?)?;
    ensure!(messages.len() == count, "{consumer} got {} messages, not {count}", messages.len());
    Ok(messages)
}

/// Sees that a consumer gets nothing more.
pub(super) fn take_none(client: &mut Client, consumer: &str) -> anyhow::Result<()> {
    let command = json!({"do": "take", "consumer": consumer, "count": 1, "wait_ms": 300});
    let messages = messages(call(client, &command)?)?;
    ensure!(messages.is_empty(), "{consumer} got what it may not get now: {messages:?}");
    Ok(())
}

fn messages(mut done: Value) -> anyhow::Result<Vec<Value>> {
    Ok(serde_json::from_value(done["messages"].take())?)
}

/// A message's body.
pub(super) fn body(message: &Value) -> anyhow::Result<&str> {
    message["body"].as_str().with_context(|| format!("no body in {message}"))
}

/// The bodies of messages.
pub(super) fn bodies(messages: &[Value]) -> anyhow::Result<Vec<&str>> {
    messages.iter().map(body).collect()
}

/// A header that is a number, with its type or without.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_object()?.values().next()?.as_i64())
}
