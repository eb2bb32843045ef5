//! What every client must be able to do; one scenario, one file.
//!
//! The scenarios live here and not in the clients' programs, so that all clients are judged by the same words.

mod group;
mod idempotence;
mod resume;
mod round_trip;
mod streams;
mod timestamps;

use std::path::PathBuf;

use serde_json::json;

use super::broker::Broker;
use super::client::{Client, Program};
use super::kcat::Kcat;
use super::record::{Record, hex};
use super::report::Report;

/// All that a scenario works with.
pub(crate) struct Bench<'a> {
    /// The broker, which a scenario may crash.
    pub broker: &'a mut Broker,
    /// How to start more processes of the client.
    pub program: &'a Program,
    /// The client itself.
    pub client: Client,
    /// The reader beside it.
    pub kcat: &'a Kcat,
    /// Where the client's processes write their errors.
    pub log: PathBuf,
    /// What clients before this one wrote and what must be read of it.
    pub written: &'a mut Vec<(String, Vec<Record>)>,
    /// Timestamp of the first record that a scenario writes, in milliseconds since the epoch: young enough that no
    /// broker's retention takes it while the checks run.
    pub start_ms: i64,
    /// Group protocols that the broker offers.
    pub protocols: &'a [String],
    /// Where the checks are counted.
    pub report: &'a mut Report,
}

impl Bench<'_> {
    /// A topic's name, which tells the client and the scenario.
    fn topic(&self, scenario: &str) -> String {
        format!("{}.{scenario}", self.program.name)
    }

    /// Writes records with text values to one partition.
    fn fill(&mut self, topic: &str, partition: u32, values: &[String]) -> anyhow::Result<()> {
        let records: Vec<Record> =
            (0u64..).zip(values).map(|(offset, text)| plain(offset, self.start_ms, text)).collect();
        let command = json!({
            "do": "produce", "topic": topic, "partition": partition, "codec": "none", "records": records,
        });
        self.client.call(&command).map(drop)
    }
}

fn plain(offset: u64, timestamp: i64, text: &str) -> Record {
    Record { offset, timestamp, key: None, value: Some(hex(text.as_bytes())), headers: vec![] }
}

/// Runs every scenario; a failure of one does not keep the next from running.
pub(crate) fn run(mut bench: Bench<'_>) -> anyhow::Result<()> {
    round_trip::run(&mut bench);
    timestamps::run(&mut bench);
    resume::run(&mut bench);
    idempotence::run(&mut bench);
    group::run(&mut bench);
    streams::run(&mut bench);
    bench.client.close()
}
