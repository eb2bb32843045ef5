//! `cargo xtask bench`: builds what is measured, fetches the peers, and runs the bench.
//!
//! Apart from the bench itself because a bench should be built optimised and know nothing of cargo or Maven; each
//! bench that needs more than a build has a file here.

mod kafka;
mod options;
mod peers;
mod sqs;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Subcommand;

use options::Options;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Millstream beside Apache Kafka; arguments go to the bench, `--help` lists them
    Kafka(Options),
    /// Many logs and much data: memory, creation, restarts; arguments go to the bench, `--help` lists them
    Restart(Options),
    /// Storage that lasts: retention, packing, reading what was packed; arguments go to the bench, `--help` lists them
    Storage(Options),
    /// Millstream beside ElasticMQ and moto; arguments go to the bench, `--help` lists them
    Sqs(Options),
    /// Millstream beside a RabbitMQ that runs already; arguments go to the bench, `--help` lists them
    Amqp(Options),
    /// The console and the metrics with very many streams and connections; arguments go to the bench, `--help` lists them
    Console(Options),
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Kafka(options) => kafka::run(options),
        Bench::Restart(options) => plain("restart", options),
        Bench::Storage(options) => plain("storage", options),
        Bench::Sqs(options) => sqs::run(options),
        Bench::Amqp(options) => plain("amqp", options),
        Bench::Console(options) => plain("console", options),
    }
}

/// A bench that needs nothing but its arguments.
fn plain(bench: &str, options: &Options) -> anyhow::Result<()> {
    succeed(built(bench, options.has("--help"))?.args(options.arguments()))
}

/// The command for a bench, built; with the broker, which it is told, unless `without_broker`.
fn built(bench: &str, without_broker: bool) -> anyhow::Result<Command> {
    let root = root()?;
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(root).args(["build", "--quiet", "--release", "--package", "millstream-bench"]);
    if !without_broker {
        build.args(["--package", "millstream"]);
    }
    succeed(&mut build)?;
    let binaries = root.join("target/release");
    let mut command = Command::new(binaries.join("millstream-bench"));
    command.current_dir(root).arg(bench);
    if !without_broker {
        command.arg("--millstream").arg(binaries.join("millstream"));
    }
    Ok(command)
}

fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("running {:?}", command.get_program()))?;
    ensure!(status.success(), "{:?} ended with {status}", command.get_program());
    Ok(())
}
