//! A group resumes where it committed, also after the broker was killed.
//!
//! The crash lies between two commits, so that neither the log nor the group may come back older.

use serde_json::{Value, json};

use super::Bench;

pub(super) fn run(bench: &mut Bench<'_>) {
    let outcome = resume(bench);
    bench
        .report
        .check("a group resumes where it committed, across a crash of the broker".to_owned(), outcome);
}

fn resume(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let topic = bench.topic("resume");
    bench.client.create(&topic, 1)?;
    let values: Vec<String> = (0..100).map(|number| format!("value {number}")).collect();
    bench.fill(&topic, 0, &values)?;
    for (from, to, crash) in [(0, 40, false), (40, 70, true), (70, 100, false)] {
        if crash {
            bench.broker.crash_and_restart()?;
        }
        let command =
            json!({"do": "consume", "topic": topic, "group": format!("{topic}.group"), "count": to - from});
        let got = bench.client.call(&command)?;
        let got: Vec<&str> =
            got["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        anyhow::ensure!(got == values[from..to], "after {from} committed records came {got:?}");
    }
    Ok(())
}
