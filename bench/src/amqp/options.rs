//! What is to be measured of the AMQP protocol.
//!
//! Apart because the command line is read by people.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What to measure, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these works
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Work>,
    /// How often everything is measured, brokers in turn
    #[arg(long, default_value_t = 2)]
    pub(crate) rounds: u32,
    /// Seconds of each work
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u32,
    /// Connections that publish, and as many that consume
    #[arg(long, default_value_t = 2)]
    pub(crate) connections: usize,
    /// Messages that are not confirmed, and that a consumer holds
    #[arg(long, default_value_t = 500)]
    pub(crate) outstanding: u16,
    /// Bindings of the topic exchange
    #[arg(long, default_value_t = 10_000)]
    pub(crate) bindings: u32,
    /// Million messages that wait in the deep queue
    #[arg(long, default_value_t = 10.0)]
    pub(crate) deep_million: f64,
    /// Million messages that wait in the deep queue of the peer
    #[arg(long, default_value_t = 1.0)]
    pub(crate) peer_deep_million: f64,
    /// Messages a second of the work at a rate
    #[arg(long, default_value_t = 10_000)]
    pub(crate) rate: u32,
    /// Connections that are opened and do nothing
    #[arg(long, default_value_t = 10_000)]
    pub(crate) idle: usize,
    /// A RabbitMQ that runs on this machine, where guest may do everything
    #[arg(long, value_name = "ADDR", requires = "peer_pid")]
    pub(crate) peer: Option<SocketAddr>,
    /// Its process: the one called beam.smp
    #[arg(long, value_name = "PID")]
    pub(crate) peer_pid: Option<u32>,
    /// Queues of the peer are quorum queues
    #[arg(long)]
    pub(crate) quorum: bool,
    /// The millstream binary
    #[arg(long, value_name = "PATH")]
    pub(crate) millstream: PathBuf,
    /// Where the broker's data goes: on the disk to be measured
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    pub(crate) data: PathBuf,
    /// Also write every single figure to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// WAL files of 256 MiB that Millstream may keep for reuse
    #[arg(long, default_value_t = 8)]
    pub(crate) pool_files: u32,
}

/// The works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Work {
    /// Published, confirmed, delivered and acked at once
    Both,
    /// Published and confirmed, then delivered and acked
    Apart,
    /// One message to ten queues
    Fanout,
    /// A topic exchange with many bindings
    Topic,
    /// At a rate
    Rate,
    /// Request and reply
    Rpc,
    /// The first with many messages waiting
    Deep,
    /// Connections that do nothing (Millstream only)
    Idle,
}

impl Options {
    /// Whether a work is asked for.
    pub(crate) fn wants(&self, work: Work) -> bool {
        self.only.is_empty() || self.only.contains(&work)
    }
}
