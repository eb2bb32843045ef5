//! Consumers: prefetch, redelivery, priorities, cancellation, request and answer.
//!
//! Apart because here two processes work at the same time.

use anyhow::ensure;
use serde_json::{Value, json};

use super::Bench;
use crate::compat::amqp::calls::{
    PATIENCE_MS, bodies, call, publish, publish_all, queue, refused, take, take_none,
};

/// Messages that a slow and a fast worker share.
const SHARED: usize = 60;
/// Those that the slow one may have.
const PREFETCH: usize = 5;
/// Requests by direct reply-to.
const REQUESTS: usize = 200;

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("a slow worker has no more than its prefetch, a fast one does the rest", fairness);
    bench.check("what a killed consumer had comes again, in order and marked", killed);
    bench.check("what is given back comes again, what is refused is gone", given_back);
    bench.check("messages of higher priority come first", priorities);
    bench.check("a consumer is told when its queue is deleted, and goes when it likes", cancelled);
    bench.check("an exclusive consumer is alone, and a single active one is followed by the next", alone);
    bench.check("requests are answered by direct reply-to", answers);
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

fn texts(numbers: &[String]) -> Vec<&str> {
    numbers.iter().map(String::as_str).collect()
}

fn consume(name: &str, consumer: &str, prefetch: usize, then: &str) -> Value {
    json!({"do": "consume", "consumer": consumer, "queue": name, "prefetch": prefetch, "then": then})
}

fn fairness(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("fairness");
    queue(&mut bench.client, &name, &json!({}))?;
    call(&mut bench.other, &consume(&name, "slow", PREFETCH, "hold"))?;
    let all = numbers(SHARED);
    publish(&mut bench.client, "", &name, &texts(&all[..PREFETCH]))?;
    let slow = take(&mut bench.other, "slow", PREFETCH)?;
    call(&mut bench.client, &consume(&name, "fast", PREFETCH, "ack"))?;
    publish(&mut bench.client, "", &name, &texts(&all[PREFETCH..]))?;
    let fast = take(&mut bench.client, "fast", SHARED - PREFETCH)?;
    ensure!(bodies(&slow)? == all[..PREFETCH] && bodies(&fast)? == all[PREFETCH..], "{slow:?} {fast:?}");
    take_none(&mut bench.other, "slow")?;
    call(&mut bench.client, &json!({"do": "close", "consumer": "fast"}))?;
    publish(&mut bench.client, "", &name, &["later"])?;
    take_none(&mut bench.other, "slow")?;
    call(&mut bench.other, &json!({"do": "settle", "consumer": "slow", "then": "ack"}))?;
    ensure!(bodies(&take(&mut bench.other, "slow", 1)?)? == ["later"], "credit brings the next");
    call(&mut bench.other, &json!({"do": "close", "consumer": "slow"})).map(drop)
}

fn killed(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("killed");
    queue(&mut bench.client, &name, &json!({}))?;
    let all = numbers(10);
    publish(&mut bench.client, "", &name, &texts(&all))?;
    let mut victim = (bench.start)()?;
    call(&mut victim, &consume(&name, "victim", 8, "hold"))?;
    take(&mut victim, "victim", 8)?;
    victim.kill()?;
    call(&mut bench.client, &consume(&name, "heir", 20, "ack"))?;
    let messages = take(&mut bench.client, "heir", 10)?;
    let mut seen = bodies(&messages)?;
    // The last two may be sent before the broker hears of the death.
    seen.sort_by_key(|body| body.parse::<u32>().unwrap_or(u32::MAX));
    ensure!(seen == all, "the heir got {seen:?}");
    for message in &messages {
        let had = message["body"].as_str().is_some_and(|body| body < "8");
        ensure!(message["redelivered"] == had, "redelivered is wrong in {message}");
    }
    call(&mut bench.client, &json!({"do": "close", "consumer": "heir"})).map(drop)
}

fn given_back(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("given-back");
    queue(&mut bench.client, &name, &json!({}))?;
    publish(&mut bench.client, "", &name, &["a", "b", "c"])?;
    call(&mut bench.client, &consume(&name, "picky", 3, "hold"))?;
    take(&mut bench.client, "picky", 3)?;
    call(&mut bench.client, &json!({"do": "settle", "consumer": "picky", "then": "requeue"}))?;
    let again = take(&mut bench.client, "picky", 3)?;
    ensure!(bodies(&again)? == ["a", "b", "c"], "what was given back came as {again:?}");
    ensure!(again.iter().all(|message| message["redelivered"] == true), "not marked: {again:?}");
    call(&mut bench.client, &json!({"do": "settle", "consumer": "picky", "then": "reject"}))?;
    take_none(&mut bench.client, "picky")?;
    call(&mut bench.client, &json!({"do": "close", "consumer": "picky"}))?;
    let deleted = call(&mut bench.client, &json!({"do": "delete", "queue": name}))?;
    ensure!(deleted["messages"] == 0, "{} are left", deleted["messages"]);
    Ok(())
}

fn priorities(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("priorities");
    queue(&mut bench.client, &name, &json!({"x-max-priority": 10}))?;
    let order = [0, 5, 9, 1, 5, 0, 10, 3];
    let messages = order
        .iter()
        .zip(0..)
        .map(|(priority, n)| json!({"body": format!("{priority}-{n}"), "priority": priority}));
    publish_all(&mut bench.client, "", &name, messages.collect())?;
    call(&mut bench.client, &consume(&name, "sorted", 1, "ack"))?;
    let got = take(&mut bench.client, "sorted", order.len())?;
    let wanted = ["10-6", "9-2", "5-1", "5-4", "3-7", "1-3", "0-0", "0-5"];
    ensure!(bodies(&got)? == wanted, "they came as {:?}", bodies(&got)?);
    call(&mut bench.client, &json!({"do": "close", "consumer": "sorted"})).map(drop)
}

fn cancelled(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("cancelled");
    queue(&mut bench.client, &name, &json!({}))?;
    call(&mut bench.other, &consume(&name, "watching", 10, "ack"))?;
    call(&mut bench.client, &json!({"do": "delete", "queue": name}))?;
    let take = json!({"do": "take", "consumer": "watching", "count": 1, "wait_ms": PATIENCE_MS});
    let told = call(&mut bench.other, &take)?;
    ensure!(told["cancelled"] == true, "it heard {told}");
    call(&mut bench.other, &json!({"do": "close", "consumer": "watching"}))?;
    queue(&mut bench.client, &name, &json!({}))?;
    call(&mut bench.client, &consume(&name, "leaving", 10, "ack"))?;
    call(&mut bench.client, &json!({"do": "cancel", "consumer": "leaving"}))?;
    publish(&mut bench.client, "", &name, &["after it left"])?;
    take_none(&mut bench.client, "leaving")?;
    call(&mut bench.client, &json!({"do": "close", "consumer": "leaving"}))?;
    let deleted = call(&mut bench.client, &json!({"do": "delete", "queue": name}))?;
    ensure!(deleted["messages"] == 1, "{} are left", deleted["messages"]);
    Ok(())
}

fn alone(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("alone");
    queue(&mut bench.client, &name, &json!({}))?;
    let mut exclusive = consume(&name, "alone", 10, "ack");
    exclusive["exclusive"] = json!(true);
    call(&mut bench.client, &exclusive)?;
    refused(&mut bench.other, &consume(&name, "second", 10, "ack"), 403)?;
    call(&mut bench.client, &json!({"do": "close", "consumer": "alone"}))?;
    let name = bench.name("active");
    queue(&mut bench.client, &name, &json!({"x-single-active-consumer": true}))?;
    call(&mut bench.client, &consume(&name, "active", 10, "ack"))?;
    call(&mut bench.other, &consume(&name, "standby", 10, "ack"))?;
    publish(&mut bench.client, "", &name, &["1", "2", "3"])?;
    take(&mut bench.client, "active", 3)?;
    take_none(&mut bench.other, "standby")?;
    call(&mut bench.client, &json!({"do": "close", "consumer": "active"}))?;
    publish(&mut bench.client, "", &name, &["4"])?;
    take(&mut bench.other, "standby", 1)?;
    call(&mut bench.other, &json!({"do": "close", "consumer": "standby"})).map(drop)
}

fn answers(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("requests");
    queue(&mut bench.client, &name, &json!({}))?;
    call(&mut bench.other, &json!({"do": "serve", "queue": name}))?;
    let asked: Vec<String> = (0..REQUESTS).map(|n| format!("request {n}")).collect();
    let done = call(&mut bench.client, &json!({"do": "call", "queue": name, "bodies": asked}))?;
    let wanted: Vec<String> = asked.iter().map(|body| body.to_uppercase()).collect();
    ensure!(done["answers"] == json!(wanted), "the answers are {}", done["answers"]);
    Ok(())
}
