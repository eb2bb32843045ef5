//! Confirms and returns: what a publisher hears of its messages.
//!
//! Apart because it is about publishers alone.

use anyhow::ensure;
use serde_json::json;

use super::Bench;
use crate::compat::amqp::calls::{call, get, publish, queue};

/// As many as the promise of confirms is made for.
const FLOOD: u64 = 100_000;

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("100,000 messages are confirmed, each once, and come in order", flood);
    bench.check("a mandatory message without a queue is returned, and confirmed", returns);
    bench.check("a queue that is full refuses, or drops its oldest", full);
}

fn flood(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("flood");
    queue(&mut bench.client, &name, &json!({}))?;
    let outcome =
        call(&mut bench.client, &json!({"do": "flood", "queue": name, "count": FLOOD, "bytes": 64}))?;
    ensure!(outcome["acked"] == FLOOD && outcome["nacked"] == 0, "of {FLOOD}: {outcome}");
    let found = call(&mut bench.client, &json!({"do": "queue", "name": name, "passive": true}))?;
    ensure!(found["messages"] == FLOOD, "the queue has {}", found["messages"]);
    let drain = json!({"do": "drain", "queue": name, "count": FLOOD, "prefetch": 1000});
    let drained = call(&mut bench.client, &drain)?;
    ensure!(drained["count"] == FLOOD && drained["in_order"] == true, "of {FLOOD}: {drained}");
    let deleted = call(&mut bench.client, &json!({"do": "delete", "queue": name}))?;
    ensure!(deleted["messages"] == 0, "{} messages were left", deleted["messages"]);
    Ok(())
}

fn returns(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let missing = bench.name("no-such-queue");
    let messages = json!([{"body": "one", "message_id": "m"}, {"body": "two"}]);
    let command =
        json!({"do": "publish", "exchange": "", "key": missing, "messages": messages, "mandatory": true});
    let outcome = call(&mut bench.client, &command)?;
    let returned = outcome["returned"].as_array().cloned().unwrap_or_default();
    ensure!(outcome["acked"] == 2 && returned.len() == 2, "it was answered {outcome}");
    for (returned, body) in returned.iter().zip(["one", "two"]) {
        let wanted = json!({"code": 312, "text": "NO_ROUTE", "exchange": "", "key": missing, "body": body});
        for (member, value) in wanted.as_object().into_iter().flatten() {
            ensure!(returned[member] == *value, "{member} is {}, not {value}", returned[member]);
        }
    }
    let command = json!({"do": "publish", "exchange": "", "key": missing, "messages": messages});
    let outcome = call(&mut bench.client, &command)?;
    ensure!(outcome["acked"] == 2 && outcome["returned"] == json!([]), "not mandatory: {outcome}");
    Ok(())
}

fn full(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (refusing, dropping) = (bench.name("refusing"), bench.name("dropping"));
    let client = &mut bench.client;
    queue(client, &refusing, &json!({"x-max-length": 2, "x-overflow": "reject-publish"}))?;
    publish(client, "", &refusing, &["1"])?;
    publish(client, "", &refusing, &["2"])?;
    let third = json!({"do": "publish", "exchange": "", "key": refusing, "messages": [{"body": "3"}]});
    let outcome = call(client, &third)?;
    ensure!(outcome["nacked"] == 1 && outcome["acked"] == 0, "the third was answered {outcome}");
    queue(client, &dropping, &json!({"x-max-length": 2}))?;
    for body in ["1", "2", "3"] {
        publish(client, "", &dropping, &[body])?;
    }
    let first = get(client, &dropping)?.unwrap_or_default();
    ensure!(first["body"] == "2", "the oldest is {first}");
    Ok(())
}
