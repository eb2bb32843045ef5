//! `cargo xtask crash`: the broker killed again and again under real clients, and what they saw judged.
//!
//! Apart from the crash test itself because only here it is known how the broker is built and where clients come
//! from; `crash/README.md` tells what happens.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::project::{cargo, python_environment, root, run_in, target_dir, tool};

/// What is run, and on which build.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Times the broker is killed
    #[arg(long, default_value_t = 15)]
    cycles: u32,
    /// Decides when and how it is killed; without it the clock does
    #[arg(long)]
    seed: Option<u64>,
    /// Whose clients use the broker: kafka, sqs, amqp, or all, one run after the other
    #[arg(long, default_value = "all", value_parser = ["kafka", "sqs", "amqp", "all"])]
    front: String,
    /// How long the broker lives between kills, on average
    #[arg(long, default_value_t = 1.0)]
    seconds_per_cycle: f64,
    /// Keep the data directory and the history of a good run
    #[arg(long)]
    keep: bool,
    /// Cut acknowledged records off the log before the last start: the run succeeds when that is found
    #[arg(long)]
    plant_loss: bool,
    /// Build with optimisations: for long runs
    #[arg(long)]
    release: bool,
    /// A Millstream binary that is built already
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Builds, prepares the clients and runs; an error if anything was wrong.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = root();
    let target = target_dir(&root);
    // With the whole workspace's features, as its tests were built: nothing is compiled twice.
    let mut build = vec![
        "build",
        "--quiet",
        "--locked",
        "--workspace",
        "--bin",
        "millstream",
        "--bin",
        "millstream-crash",
    ];
    if options.release {
        build.push("--release");
    }
    run_in(&root, &cargo(), &build)?;
    let built = target.join(if options.release { "release" } else { "debug" });
    let python = python_environment(&target.join("compat/python"), &root.join("compat/requirements.txt"))?;
    let kcat = tool("kcat", Some("kcat"))?;
    let mut arguments: Vec<OsString> = Vec::new();
    let mut say = |name: &str, value: OsString| arguments.extend([name.into(), value]);
    say("--broker", options.binary.clone().unwrap_or_else(|| built.join("millstream")).into());
    say("--python", python.into());
    say("--kcat", kcat.into());
    say("--programs", root.join("crash/clients").into());
    say("--target", target.join("crash").into());
    say("--front", (&options.front).into());
    say("--cycles", options.cycles.to_string().into());
    say("--seconds-per-cycle", options.seconds_per_cycle.to_string().into());
    if let Some(seed) = options.seed {
        say("--seed", seed.to_string().into());
    }
    if options.keep {
        arguments.push("--keep".into());
    }
    if options.plant_loss {
        arguments.push("--plant-loss".into());
    }
    run_in(&root, &built.join("millstream-crash"), &arguments)
}
