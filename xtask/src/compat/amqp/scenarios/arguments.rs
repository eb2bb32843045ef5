//! Arguments of queues, and what is refused.
//!
//! Apart because codes and texts are what clients and their users decide by.

use anyhow::ensure;
use serde_json::{Value, json};

use super::Bench;
use crate::clock;
use crate::compat::amqp::calls::{PATIENCE_MS, call, publish, queue, refused, take};

pub(super) fn run(bench: &mut Bench<'_>) {
    bench.check("arguments of every kind are taken, and compared when a queue is declared again", declared);
    bench.check("what is wrong is refused with its code, and the connection goes on", wrong);
    bench.check("queues that expire, delete themselves or belong to a connection go", going);
}

fn declared(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let kinds: [(&str, Value); 7] = [
        ("limits", json!({"x-max-length": 10, "x-max-length-bytes": 1000, "x-overflow": "drop-head"})),
        ("times", json!({"x-message-ttl": 60_000, "x-expires": 600_000})),
        ("dead", json!({"x-dead-letter-exchange": "amq.fanout", "x-dead-letter-routing-key": "k"})),
        ("levels", json!({"x-max-priority": 5})),
        ("lazy", json!({"x-queue-mode": "lazy", "x-queue-version": 2})),
        ("classic", json!({"x-queue-type": "classic"})),
        (
            "quorum",
            json!({"x-queue-type": "quorum", "x-delivery-limit": 5, "x-quorum-initial-group-size": 1}),
        ),
    ];
    for (name, arguments) in &kinds {
        let name = bench.name(&format!("arguments-{name}"));
        // Twice: what is equal may be declared again.
        queue(&mut bench.client, &name, arguments)?;
        queue(&mut bench.client, &name, arguments)?;
    }
    let name = bench.name("arguments-times");
    let other = json!({"x-message-ttl": 5, "x-expires": 600_000});
    let text = refused(&mut bench.client, &json!({"do": "queue", "name": name, "arguments": other}), 406)?;
    ensure!(
        text.contains("inequivalent arg 'x-message-ttl' for queue")
            && text.contains("received")
            && text.contains("current is"),
        "the text is {text}"
    );
    let transient = json!({"do": "queue", "name": name, "durable": false, "arguments": {}});
    refused(&mut bench.client, &transient, 406).map(drop)
}

fn wrong(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("wrong");
    let declare = |arguments: Value| json!({"do": "queue", "name": name, "arguments": arguments});
    let cases = [
        (declare(json!({"x-message-ttl": -1})), 406),
        (declare(json!({"x-max-priority": 256})), 406),
        (declare(json!({"x-overflow": "whatever"})), 406),
        (declare(json!({"x-dead-letter-routing-key": "alone"})), 406),
        (json!({"do": "queue", "name": "amq.mine"}), 403),
        (json!({"do": "queue", "name": name, "passive": true}), 404),
        (json!({"do": "exchange", "name": "amq.mine", "type": "fanout"}), 403),
        (json!({"do": "exchange", "name": "amq.direct", "type": "topic"}), 406),
        (json!({"do": "bind", "queue": name, "exchange": "amq.direct", "key": "k"}), 404),
        (json!({"do": "get", "queue": name}), 404),
        (json!({"do": "consume", "consumer": "c", "queue": name}), 404),
    ];
    for (command, code) in &cases {
        refused(&mut bench.client, command, *code)?;
    }
    let deleted = call(&mut bench.client, &json!({"do": "delete", "queue": name}))?;
    ensure!(deleted["messages"] == 0, "a queue that is not there had {}", deleted["messages"]);
    Ok(())
}

fn going(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let [expiring, auto, own] = ["expiring", "auto", "own"].map(|name| bench.name(name));
    queue(&mut bench.client, &expiring, &json!({"x-expires": 200}))?;
    call(&mut bench.client, &json!({"do": "queue", "name": auto, "durable": false, "auto_delete": true}))?;
    call(&mut bench.client, &json!({"do": "consume", "consumer": "last", "queue": auto, "prefetch": 1}))?;
    publish(&mut bench.client, "", &auto, &["x"])?;
    take(&mut bench.client, "last", 1)?;
    call(&mut bench.client, &json!({"do": "close", "consumer": "last"}))?;
    let mut owner = (bench.start)()?;
    let exclusive = json!({"do": "queue", "name": own, "durable": false, "exclusive": true});
    call(&mut owner, &exclusive)?;
    refused(&mut bench.client, &json!({"do": "queue", "name": own, "passive": true}), 405)?;
    owner.kill()?;
    let named = call(&mut bench.client, &json!({"do": "queue", "name": "", "exclusive": true}))?;
    ensure!(named["queue"].as_str().is_some_and(|name| name.starts_with("amq.gen-")), "it is {named}");
    for name in [expiring, auto, own] {
        gone(bench, &name)?;
    }
    Ok(())
}

/// Waits until a queue is not there any more.
fn gone(bench: &mut Bench<'_>, name: &str) -> anyhow::Result<()> {
    let since = clock::now();
    loop {
        let found = bench.client.call(&json!({"do": "queue", "name": name, "passive": true}))?;
        if found["refused"]["code"] == 404 {
            return Ok(());
        }
        ensure!(
            (clock::now() - since).as_millis() < u128::from(PATIENCE_MS),
            "{name} is still there: {found}"
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
