//! What is to be measured, as the command line says it.
//!
//! Apart so that the words of the command line, of the tables and of the JSON are one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

/// Options of `kafka`.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds; in each, every work is run on each broker in turn [default: 3, without a peer 1]
    #[arg(long)]
    rounds: Option<u32>,
    /// Seconds of each timed work
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u32,
    /// Measure only these works
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Work>,
    /// Which durability classes to run
    #[arg(long, value_enum, default_value = "both")]
    class: Classes,
    /// Measure Millstream alone
    #[arg(long)]
    pub(crate) no_peer: bool,
    /// Seconds for which the peer is loaded before anything of it is measured
    #[arg(long, default_value_t = 40)]
    pub(crate) warm_up_seconds: u32,
    /// The millstream binary
    #[arg(long, value_name = "PATH")]
    pub(crate) millstream: PathBuf,
    /// Apache Kafka's jars
    #[arg(long, value_name = "DIR")]
    pub(crate) peer_lib: Option<PathBuf>,
    /// Where the brokers' data goes: on the disk to be measured
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    pub(crate) data: PathBuf,
    /// Also write every single figure to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Records per second of the latency work
    #[arg(long, default_value_t = 10_000)]
    pub(crate) rate: u32,
    /// WAL files of 256 MiB that Millstream may keep for reuse; they must hold what one produce work writes
    #[arg(long, default_value_t = 24)]
    pub(crate) pool_files: u32,
}

impl Options {
    /// How many rounds.
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.no_peer { 1 } else { 3 })
    }

    /// Whether a work is asked for.
    pub(crate) fn wants(&self, work: Work) -> bool {
        self.only.is_empty() || self.only.contains(&work)
    }

    /// The durability classes asked for.
    pub(crate) fn classes(&self) -> &'static [Class] {
        match self.class {
            Classes::Fsync => &[Class::Fsync],
            Classes::Cache => &[Class::Cache],
            Classes::Both => &[Class::Fsync, Class::Cache],
        }
    }
}

/// The works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Work {
    /// The client alone, against a server that does nothing
    Ceiling,
    /// Time to start, memory and processor time while idle
    Start,
    /// Batches of 100 into WAL files that were never written before (Millstream only)
    Growing,
    /// Batches of 100
    Produce,
    /// One record per request
    Single,
    /// Fetches of 1 MiB
    Consume,
    /// End to end in an open loop
    Latency,
}

#[derive(Clone, Copy, ValueEnum)]
enum Classes {
    /// fsync before the answer, on both brokers
    Fsync,
    /// Page cache, on both brokers
    Cache,
    /// One after the other, in tables of their own
    Both,
}

/// What an answer to a producer means. The two are never compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    /// The records are on the disk.
    Fsync,
    /// The records are in the page cache: a crash of the machine may lose them.
    Cache,
}

impl Class {
    /// Its name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Class::Fsync => "fsync before the answer",
            Class::Cache => "page cache",
        }
    }
}
