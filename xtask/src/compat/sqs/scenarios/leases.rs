//! What is out, waits or is waited for: extended visibility, delay, long polls.
//!
//! Apart because these checks measure time.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::Bench;
use crate::clock;
use crate::compat::sqs::calls::{call, counts, delete, hide, receive, receive_none, receive_one, send};

/// A long poll that a send wakes ends within this time, not when its 20 s are over.
const WOKEN: Duration = Duration::from_secs(1);
const DELAY: Duration = Duration::from_secs(2);

pub(super) fn run(bench: &mut Bench<'_>) {
    bench
        .check("a message stays invisible while its visibility is extended, and comes back after", heartbeat);
    bench.check("a delayed message comes when its delay is over", delay);
    bench.check("a send wakes a long poll", long_poll);
    if bench.client.abilities.works {
        bench.check("a framework's worker keeps what it works on by its heartbeat", worker);
    }
}

fn heartbeat(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("heartbeat", &json!({"VisibilityTimeout": "3"}))?;
    send(&mut bench.client, &queue, "long work")?;
    let working_on = receive_one(&mut bench.client, &queue, 5)?;
    for _second in 0..4 {
        std::thread::sleep(Duration::from_secs(1));
        hide(&mut bench.client, &queue, &working_on, 3)?;
        receive_none(&mut bench.other, &queue, 0)?;
    }
    // Now the worker dies: another one gets the message.
    let again = receive_one(&mut bench.other, &queue, 10)?;
    ensure!(again["MessageId"] == working_on["MessageId"], "received {again} after {working_on}");
    ensure!(again["Attributes"]["ApproximateReceiveCount"] == "2", "received again: {again}");
    ensure!(again["ReceiptHandle"] != working_on["ReceiptHandle"], "the same receipt handle twice");
    delete(&mut bench.other, &queue, &again)?;
    let left = counts(&mut bench.client, &queue)?;
    ensure!(left == [0, 0, 0], "visible, out and delayed at the end: {left:?}");
    Ok(())
}

fn delay(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("delay", &json!({}))?;
    let client = &mut bench.client;
    let since = clock::now();
    let input = json!({"QueueUrl": queue, "MessageBody": "later", "DelaySeconds": DELAY.as_secs()});
    call(client, "SendMessage", &input)?;
    receive_none(client, &queue, 0)?;
    let got = receive_one(client, &queue, 10)?;
    let took = clock::now() - since;
    ensure!(got["Body"] == "later", "received {got}");
    ensure!(took >= DELAY && took < DELAY + 2 * WOKEN, "it came after {took:?}");
    delete(client, &queue, &got)
}

fn long_poll(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("long-poll", &json!({}))?;
    let Bench { client, other, .. } = bench;
    // Its first call of all would also measure how long a client takes to get going.
    receive_none(other, &queue, 0)?;
    let (sent, received) = std::thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            let messages = receive(other, &queue, 10, 20);
            (messages, clock::now())
        });
        std::thread::sleep(2 * WOKEN);
        let sent = send(client, &queue, "wake up");
        let at = clock::now();
        (sent.map(|_answer| at), waiting.join())
    });
    let (sent, Ok((messages, received))) = (sent?, received) else {
        anyhow::bail!("the waiting thread panicked");
    };
    let messages = messages?;
    ensure!(messages.len() == 1 && messages[0]["Body"] == "wake up", "received {messages:?}");
    // The receiver may be faster than the sender's answer.
    let woken = received.saturating_duration_since(sent);
    ensure!(woken < WOKEN, "woken {woken:?} after the send");
    delete(client, &queue, &messages[0])
}

fn worker(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let queue = bench.create("worker", &json!({}))?;
    let Bench { client, other, .. } = bench;
    send(other, &queue, "long work")?;
    let command = json!({
        "do": "work", "queue": queue, "count": 1, "take_ms": 4_500, "visibility_s": 2, "heartbeat_s": 1,
    });
    let done = std::thread::scope(|threads| {
        let (taken, took) = std::sync::mpsc::channel();
        let working = threads.spawn(move || client.call_with(&command, |_event| Ok(taken.send(())?)));
        // The channel closes when the worker ends before it took anything; its result says why.
        if took.recv().is_ok() {
            while !working.is_finished() {
                receive_none(other, &queue, 0)?;
                std::thread::sleep(Duration::from_millis(500));
            }
        }
        working.join().ok().context("the working thread panicked")?
    })?;
    ensure!(done["bodies"] == json!(["long work"]), "worked on {done}");
    let left = counts(other, &queue)?;
    ensure!(left == [0, 0, 0], "visible, out and delayed at the end: {left:?}");
    Ok(())
}
