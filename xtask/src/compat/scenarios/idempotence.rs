//! An idempotent producer that sends on while the broker is killed leaves neither a gap nor a duplicate.
//!
//! Each crash hits requests in flight: some are stored and unconfirmed, and the retry must be recognised after recovery.

use serde_json::json;

use super::Bench;
use crate::compat::record::{Record, hex};

const RECORDS: u64 = 10_000;
/// Confirmed records after which the broker is killed.
const CRASHES: [u64; 3] = [1_500, 4_500, 7_500];

pub(super) fn run(bench: &mut Bench<'_>) {
    let outcome = idempotence(bench);
    let crashes = CRASHES.len();
    bench
        .report
        .check(format!("idempotent produce through {crashes} crashes: no gap, no duplicate"), outcome);
}

fn idempotence(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let topic = bench.topic("idempotence");
    bench.client.create(&topic, 1)?;
    let mut crashes = CRASHES.iter().peekable();
    let broker = &mut *bench.broker;
    let command = json!({"do": "stream", "topic": topic, "partition": 0, "count": RECORDS});
    let done = bench.client.call_with(&command, |event| {
        let acked = event["count"].as_u64().unwrap_or_default();
        match crashes.next_if(|at| acked >= **at) {
            Some(_) => broker.crash_and_restart(),
            None => Ok(()),
        }
    })?;
    anyhow::ensure!(done["acked"] == RECORDS, "the client has {} confirmations of {RECORDS}", done["acked"]);
    let left: Vec<_> = crashes.collect();
    anyhow::ensure!(left.is_empty(), "the broker was not killed at {left:?} confirmed records");
    let mut got = bench.client.call(&json!({"do": "read", "topic": topic, "partition": 0, "start": 0}))?;
    let got: Vec<Record> = serde_json::from_value(got["records"].take())?;
    for (number, record) in (0..RECORDS).zip(&got) {
        anyhow::ensure!(
            record.offset == number && record.value.as_ref() == Some(&hex(number.to_string().as_bytes())),
            "at offset {number}, where value {number} (hexadecimal {}) belongs, is {record:?}",
            hex(number.to_string().as_bytes())
        );
    }
    anyhow::ensure!(got.len().try_into() == Ok(RECORDS), "{} records were read", got.len());
    Ok(())
}
