//! `cargo xtask bench`: builds what is measured, fetches the peers, and runs the bench.
//!
//! Apart from the bench itself because a bench should be built optimised and know nothing of cargo or Maven; each
//! bench that needs more than a build has a file here.

pub(crate) mod kafka;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Millstream beside Apache Kafka; arguments go to the bench, `--help` lists them
    Kafka(kafka::Options),
    /// Many logs and much data: memory, creation, restarts; arguments go to the bench, `--help` lists them
    Restart(Plain),
    /// Storage that lasts: retention, packing, reading what was packed; arguments go to the bench, `--help` lists them
    Storage(Plain),
}

/// A bench that needs nothing but its arguments.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Plain {
    /// Options of the bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Kafka(options) => kafka::run(options),
        Bench::Restart(Plain { arguments }) => plain("restart", arguments),
        Bench::Storage(Plain { arguments }) => plain("storage", arguments),
    }
}

fn plain(bench: &str, arguments: &[OsString]) -> anyhow::Result<()> {
    let help = arguments.iter().any(|argument| argument == "--help");
    succeed(built(bench, help)?.args(arguments))
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
