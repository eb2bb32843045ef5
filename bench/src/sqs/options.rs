//! What is to be measured of SQS, as the command line says it.
//!
//! Apart so that the words of the command line and those of the tables are one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `sqs`.
#[derive(Args)]
pub(crate) struct Options {
    /// Peers to measure beside Millstream
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Peer::Elasticmq, Peer::Moto])]
    pub(crate) peers: Vec<Peer>,
    /// Measure only these works
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Work>,
    /// Rounds; in each, every work is run on each broker in turn
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Seconds of each timed work
    #[arg(long, default_value_t = 4)]
    pub(crate) seconds: u32,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [64, 32])]
    pub(crate) connections: Vec<usize>,
    /// Million messages that wait in the deep queue of Millstream
    #[arg(long, default_value_t = 10.0)]
    pub(crate) deep_million: f64,
    /// Million messages that wait in the deep queue of ElasticMQ: it has them in memory
    #[arg(long, default_value_t = 0.3)]
    pub(crate) peer_deep_million: f64,
    /// Receivers that wait for nothing
    #[arg(long, default_value_t = 10_000)]
    pub(crate) receivers: usize,
    /// Seconds for which a peer is loaded before anything of it is measured
    #[arg(long, default_value_t = 20)]
    pub(crate) warm_up_seconds: u32,
    /// The millstream binary
    #[arg(long, value_name = "PATH")]
    pub(crate) millstream: PathBuf,
    /// ElasticMQ's jars
    #[arg(long, value_name = "DIR")]
    pub(crate) elasticmq_lib: Option<PathBuf>,
    /// The program `moto_server`
    #[arg(long, value_name = "PATH")]
    pub(crate) moto_server: Option<PathBuf>,
    /// Where the brokers' data goes: on the disk to be measured
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    pub(crate) data: PathBuf,
    /// Also write every single figure to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// WAL files of 256 MiB that Millstream may keep for reuse
    #[arg(long, default_value_t = 8)]
    pub(crate) pool_files: u32,
}

/// A peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Peer {
    /// None at all
    None,
    /// ElasticMQ, in memory
    Elasticmq,
    /// moto's server, in memory
    Moto,
}

/// The works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Work {
    /// One message per request
    Singles,
    /// Ten messages per request
    Tens,
    /// The same with many messages waiting
    Deep,
    /// Receivers that wait for nothing (Millstream only)
    Idle,
    /// Quiet tenants beside a loud one (Millstream only)
    Fair,
}

impl Options {
    /// Whether a work is asked for.
    pub(crate) fn wants(&self, work: Work) -> bool {
        self.only.is_empty() || self.only.contains(&work)
    }

    /// Messages of each request, as asked for.
    pub(crate) fn batches(&self) -> Vec<usize> {
        let sizes = [(Work::Singles, 1), (Work::Tens, 10)];
        // Asked for the deep queue alone, it is measured with both.
        let any = sizes.iter().any(|(work, _)| self.wants(*work));
        sizes.iter().filter(|(work, _)| self.wants(*work) || !any).map(|(_, batch)| *batch).collect()
    }

    /// Whether queues are measured while they are empty.
    pub(crate) fn wants_empty(&self) -> bool {
        self.wants(Work::Singles) || self.wants(Work::Tens)
    }
}
