//! Kafka Streams counts words, with a changelog and a repartition topic, through a restart in the middle.
//!
//! Apart because it is an application, not a client: it creates topics of its own, deletes records that it has read, and
//! restores its state from the changelog. Between the two runs the broker is killed and the local state removed, so
//! that the second count can only be right if the changelog is. Both runs end in peace, hence every count is exact.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::Bench;

const PARTITIONS: u32 = 2;
const LINES: usize = 300;
const WORDS: [&str; 7] = ["stream", "log", "lane", "shard", "frame", "zażółć", "x"];

pub(super) fn run(bench: &mut Bench<'_>) {
    if !bench.client.abilities.counts_words {
        return;
    }
    let outcome = count(bench);
    bench.report.check(
        "Kafka Streams counts words, and goes on from its changelog after broker and state are gone"
            .to_owned(),
        outcome,
    );
}

fn count(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let (input, output) = (bench.topic("words"), bench.topic("counts"));
    bench.client.create(&input, PARTITIONS)?;
    bench.client.create(&output, PARTITIONS)?;
    let state = crate::project::root().join("target/compat/streams");
    let mut expected = BTreeMap::new();
    for run in 0..2 {
        if state.exists() {
            std::fs::remove_dir_all(&state)?;
        }
        for partition in 0..PARTITIONS {
            let lines: Vec<String> =
                (0..LINES).map(|line| line_of(run * 2 + partition as usize, line, &mut expected)).collect();
            bench.fill(&input, partition, &lines)?;
        }
        bench
            .client
            .call(&json!({
                "do": "count words", "application": bench.topic("application"), "state": state,
                "input": input, "output": output, "partitions": PARTITIONS,
            }))
            .with_context(|| format!("run {run}"))?;
        let counted = last_counts(bench, &output)?;
        ensure!(counted == expected, "after run {run} the counts are {counted:?} instead of {expected:?}");
        if run == 0 {
            bench.broker.crash_and_restart()?;
        }
    }
    Ok(())
}

/// A line of words, counted.
fn line_of(series: usize, line: usize, counts: &mut BTreeMap<String, u64>) -> String {
    let words: Vec<&str> =
        (0..3 + line % 4).map(|nth| WORDS[(series + line * (nth + 1)) % WORDS.len()]).collect();
    for word in &words {
        *counts.entry((*word).to_owned()).or_default() += 1;
    }
    words.join(" ")
}

/// The last count of each word.
fn last_counts(bench: &mut Bench<'_>, output: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let read = json!({"do": "read", "topic": output, "partition": partition, "start": 0});
        let read = bench.client.call(&read)?;
        for record in read["records"].as_array().into_iter().flatten() {
            counts.insert(text(&record["key"])?, text(&record["value"])?.parse()?);
        }
    }
    Ok(counts)
}

/// Text from its hexadecimal form.
fn text(hex: &Value) -> anyhow::Result<String> {
    let hex = hex.as_str().context("a key or value that is null")?;
    let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16));
    Ok(String::from_utf8(bytes.collect::<Result<_, _>>()?)?)
}
