//! The broker is killed under a publisher and a consumer: both come back, and nothing that was confirmed is missing.
//!
//! Apart because it needs a broker that is ours to kill.

use std::sync::mpsc::channel;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::Bench;
use crate::compat::amqp::calls::{PATIENCE_MS, call, queue};

/// Numbers that are published.
const COUNT: u64 = 2_000;
/// The broker is killed when so many were confirmed.
const KILLS: [u64; 2] = [400, 1_100];

pub(super) fn run(bench: &mut Bench<'_>) {
    if bench.broker.is_none() {
        bench
            .report
            .note("not checked: the broker killed under a publisher and a consumer; it is not ours to kill");
        return;
    }
    bench.check("the broker is killed twice under a publisher and a consumer: every number arrives", killed);
}

fn killed(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let name = bench.name("recovery");
    queue(&mut bench.client, &name, &json!({}))?;
    let broker = bench.broker.as_deref_mut().context("a broker to kill")?;
    let (client, other) = (&mut bench.client, &mut bench.other);
    let (sink, confirmed) = channel();
    let stream = json!({"do": "stream", "queue": name, "count": COUNT});
    let work = json!({"do": "work", "queue": name, "count": COUNT});
    let (published, worked) = std::thread::scope(|scope| {
        let publisher = scope.spawn(move || {
            client.call_with(&stream, |event| {
                // Nobody listens after the last kill.
                let _nobody_waits = sink.send(event["count"].as_u64().unwrap_or_default());
                Ok(())
            })
        });
        let worker = scope.spawn(move || other.call_with(&work, |_| Ok(())));
        let mut outcome = Ok(());
        for at in KILLS {
            let patience = std::time::Duration::from_millis(PATIENCE_MS);
            while outcome.is_ok() {
                match confirmed.recv_timeout(patience) {
                    Ok(count) if count >= at => break,
                    Ok(_) => {}
                    Err(_) => outcome = Err(anyhow::anyhow!("the publisher does not get on")),
                }
            }
            outcome = outcome.and_then(|()| broker.crash_and_restart());
        }
        let join = |thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<serde_json::Value>>| {
            thread.join().map_err(|_| anyhow::anyhow!("a thread of the harness failed"))?
        };
        let both = join(publisher).and_then(|published| Ok((published, join(worker)?)));
        outcome.and(both)
    })?;
    ensure!(published["confirmed"] == COUNT, "the publisher: {published}");
    ensure!(worked["seen"] == COUNT, "the worker: {worked}");
    for side in [&published, &worked] {
        ensure!(side["reconnects"].as_u64() >= Some(1), "it did not notice: {side}");
    }
    let deleted = call(&mut bench.client, &json!({"do": "delete", "queue": name}));
    // The connection that was there before the kill is gone, unless the client brings it back.
    if let Ok(deleted) = deleted {
        ensure!(deleted["messages"] == 0, "{} are left", deleted["messages"]);
    }
    Ok(())
}
