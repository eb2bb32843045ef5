//! Retries as they are made with RabbitMQ: refused messages wait in queues with a time to live, and come back.
//!
//! Apart because it is one picture of many queues, and what counts is the history that a message tells at its end.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Bench;
use crate::compat::amqp::calls::{bind, body, call, exchange, number, publish_all, queue, take};

/// Longer each time.
const DELAYS_MS: [u32; 3] = [50, 100, 200];

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("three delays, each longer, then the parking queue, with the whole history", chain);
    bench.check("a loop through one waiting queue counts its turns", turns);
    bench.check("a message expires at its own time, and a queue's for all", expiry);
}

/// Entries of `x-death`, newest first: queue, reason, count.
fn deaths(message: &Value) -> anyhow::Result<Vec<(String, String, i64)>> {
    let deaths = message["headers"]["x-death"].as_array().context("no x-death")?;
    let text = |death: &Value, name: &str| -> anyhow::Result<String> {
        Ok(death[name].as_str().with_context(|| format!("no {name} in {death}"))?.to_owned())
    };
    deaths
        .iter()
        .map(|death| {
            let count = number(&death["count"]).with_context(|| format!("no count in {death}"))?;
            Ok((text(death, "queue")?, text(death, "reason")?, count))
        })
        .collect()
}

/// `work.0` -(refused)-> `wait.1` -(expired)-> `work.1` -> … -> `work.3` -(refused)-> `parking`
fn chain(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let work: Vec<String> = (0..=DELAYS_MS.len()).map(|n| bench.name(&format!("work.{n}"))).collect();
    let wait: Vec<String> = (0..DELAYS_MS.len()).map(|n| bench.name(&format!("wait.{n}"))).collect();
    let (parking, retries) = (bench.name("parking"), bench.name("retries"));
    let client = &mut bench.client;
    exchange(client, &retries, "direct")?;
    queue(client, &parking, &json!({}))?;
    bind(client, &parking, &retries, &parking)?;
    for (n, name) in work.iter().enumerate() {
        let next = wait.get(n).unwrap_or(&parking);
        let dead = json!({"x-dead-letter-exchange": retries, "x-dead-letter-routing-key": next});
        queue(client, name, &dead)?;
    }
    for ((name, delay_ms), next) in wait.iter().zip(DELAYS_MS).zip(&work[1..]) {
        let arguments = json!({
            "x-message-ttl": delay_ms, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": next,
        });
        queue(client, name, &arguments)?;
        bind(client, name, &retries, name)?;
    }
    for name in &work {
        let consume =
            json!({"do": "consume", "consumer": name, "queue": name, "prefetch": 10, "then": "reject"});
        call(client, &consume)?;
    }
    let sent = json!({"body": "job", "message_id": "m-7", "headers": {"kind": "compat"}});
    publish_all(client, "", &work[0], vec![sent])?;
    let consume =
        json!({"do": "consume", "consumer": "parked", "queue": parking, "prefetch": 10, "then": "ack"});
    call(client, &consume)?;
    let parked = take(client, "parked", 1)?.remove(0);
    ensure!(body(&parked)? == "job" && parked["message_id"] == "m-7", "it came as {parked}");
    ensure!(parked["headers"]["kind"] == "compat", "it lost its headers: {parked}");
    ensure!(parked["exchange"] == *retries && parked["key"] == *parking, "it came by another way: {parked}");
    let mut wanted = vec![(work[DELAYS_MS.len()].clone(), "rejected".to_owned(), 1)];
    for n in (0..DELAYS_MS.len()).rev() {
        wanted.push((wait[n].clone(), "expired".to_owned(), 1));
        wanted.push((work[n].clone(), "rejected".to_owned(), 1));
    }
    let mut told = deaths(&parked)?;
    ensure!(told.first() == wanted.first(), "the last death is not the first entry of {told:?}");
    // Versions of RabbitMQ differ in the order of the others.
    told.sort();
    wanted.sort();
    ensure!(told == wanted, "it tells of {told:?}");
    let first = &parked["headers"]["x-first-death-queue"];
    ensure!(first == work[0].as_str(), "its first death was in {first}");
    for name in work.iter().map(String::as_str).chain(["parked"]) {
        call(client, &json!({"do": "close", "consumer": name}))?;
    }
    Ok(())
}

fn turns(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (work, wait) = (bench.name("turning"), bench.name("turning-wait"));
    let client = &mut bench.client;
    queue(client, &work, &json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": wait}))?;
    let back = json!({
        "x-message-ttl": 20, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": work,
    });
    queue(client, &wait, &back)?;
    publish_all(client, "", &work, vec![json!({"body": "again"})])?;
    let consume =
        json!({"do": "consume", "consumer": "turning", "queue": work, "prefetch": 1, "then": "hold"});
    call(client, &consume)?;
    for turn in 0..4 {
        let message = take(client, "turning", 1)?.remove(0);
        if turn > 0 {
            let wanted =
                [(wait.clone(), "expired".to_owned(), turn), (work.clone(), "rejected".to_owned(), turn)];
            let told = deaths(&message)?;
            ensure!(told == wanted, "at turn {turn} it tells of {told:?}");
        }
        let then = if turn < 3 { "reject" } else { "ack" };
        call(client, &json!({"do": "settle", "consumer": "turning", "then": then}))?;
    }
    call(client, &json!({"do": "close", "consumer": "turning"})).map(drop)
}

fn expiry(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (short, dead) = (bench.name("short"), bench.name("dead"));
    let client = &mut bench.client;
    queue(client, &dead, &json!({}))?;
    let arguments = json!({
        "x-message-ttl": 600_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
    });
    queue(client, &short, &arguments)?;
    let messages =
        vec![json!({"body": "now", "expiration": "0"}), json!({"body": "soon", "expiration": "30"})];
    publish_all(client, "", &short, messages)?;
    let consume = json!({"do": "consume", "consumer": "dead", "queue": dead, "prefetch": 10, "then": "ack"});
    call(client, &consume)?;
    for (message, (text, expiration)) in take(client, "dead", 2)?.iter().zip([("now", "0"), ("soon", "30")]) {
        ensure!(body(message)? == text && message["expiration"].is_null(), "it came as {message}");
        let original = &message["headers"]["x-death"][0]["original-expiration"];
        ensure!(original == expiration, "its expiration was {original}");
    }
    call(client, &json!({"do": "close", "consumer": "dead"})).map(drop)
}
