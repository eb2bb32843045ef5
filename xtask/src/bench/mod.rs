//! `cargo xtask bench`: builds what is measured, fetches the peers, and runs the bench.
//!
//! Apart from the bench itself because a bench should be built optimised and know nothing of cargo or Maven; each
//! protocol's bench has a file here.

pub(crate) mod kafka;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Millstream beside Apache Kafka; arguments go to the bench, `--help` lists them
    Kafka(kafka::Options),
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Kafka(options) => kafka::run(options),
    }
}
