//! Queues of type stream: read by offset, by everybody, and kept.
//!
//! Apart because nothing of them is worked off.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Bench;
use crate::compat::amqp::calls::{bodies, call, number, publish, queue, refused, take, take_none};

/// Messages that are there when the first consumer comes, and where the second one begins.
const MESSAGES: usize = 40;
const FROM: usize = 25;

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("a stream is read from its first offset, from another one, and goes on", offsets);
}

fn consume(name: &str, consumer: &str, offset: &Value) -> Value {
    let arguments = json!({"x-stream-offset": offset});
    json!({"do": "consume", "consumer": consumer, "queue": name, "prefetch": 5, "arguments": arguments})
}

fn offsets(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("stream");
    queue(&mut bench.client, &name, &json!({"x-queue-type": "stream", "x-max-age": "1D"}))?;
    let all: Vec<String> = (0..MESSAGES).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = all.iter().map(String::as_str).collect();
    publish(&mut bench.client, "", &name, &texts)?;
    call(&mut bench.client, &consume(&name, "whole", &json!("first")))?;
    call(&mut bench.other, &consume(&name, "part", &json!(FROM)))?;
    let whole = take(&mut bench.client, "whole", MESSAGES)?;
    let part = take(&mut bench.other, "part", MESSAGES - FROM)?;
    ensure!(bodies(&whole)? == texts && bodies(&part)? == texts[FROM..], "{whole:?} {part:?}");
    for (offset, message) in (0..).zip(&whole) {
        let told = number(&message["headers"]["x-stream-offset"]);
        let told = told.with_context(|| format!("no offset in {message}"))?;
        ensure!(told == offset, "offset {offset} says that it is {told}");
    }
    publish(&mut bench.client, "", &name, &["new"])?;
    for (client, consumer) in [(&mut bench.client, "whole"), (&mut bench.other, "part")] {
        ensure!(bodies(&take(client, consumer, 1)?)? == ["new"], "{consumer} does not go on");
        take_none(client, consumer)?;
        call(client, &json!({"do": "close", "consumer": consumer}))?;
    }
    let without_prefetch = json!({"do": "consume", "consumer": "c", "queue": name});
    refused(&mut bench.client, &without_prefetch, 406).map(drop)
}
