//! Seeking by timestamp finds the first record that is not older.
//!
//! Asked inside one batch, between batches, before all records and after them: each is another path of ListOffsets.

use serde_json::json;

use super::{Bench, plain};
use crate::compat::record::{Record, compare};

const BATCHES: u64 = 3;
const BATCH_RECORDS: u64 = 20;
const STEP_MS: i64 = 1_000;

pub(super) fn run(bench: &mut Bench<'_>) {
    let outcome = timestamps(bench);
    bench.report.check("a timestamp finds the first record that is not older".to_owned(), outcome);
}

fn timestamps(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let topic = bench.topic("timestamps");
    bench.client.create(&topic, 1)?;
    let records: Vec<Record> = (0..BATCHES * BATCH_RECORDS)
        .zip((bench.start_ms..).step_by(STEP_MS.unsigned_abs().try_into()?))
        .map(|(offset, timestamp)| plain(offset, timestamp, &offset.to_string()))
        .collect();
    for batch in records.chunks(BATCH_RECORDS.try_into()?) {
        bench.client.call(
            &json!({"do": "produce", "topic": topic, "partition": 0, "codec": "none", "records": batch}),
        )?;
    }
    let first = bench.start_ms;
    let cases = [
        ("before all", first - 1, 0),
        ("the first exactly", first, 0),
        ("inside a batch, exactly", first + 7 * STEP_MS, 7),
        ("inside a batch, between two", first + 7 * STEP_MS + 1, 8),
        ("between two batches", first + 19 * STEP_MS + 1, 20),
        ("the last exactly", first + 59 * STEP_MS, 59),
        ("after all", first + 59 * STEP_MS + 1, 60),
    ];
    for (name, since, expected) in cases {
        let mut got =
            bench.client.call(&json!({"do": "read", "topic": topic, "partition": 0, "since": since}))?;
        let got: Vec<Record> = serde_json::from_value(got["records"].take())?;
        compare(&records[expected..], &got).map_err(|error| error.context(format!("asked for {name}")))?;
    }
    Ok(())
}
