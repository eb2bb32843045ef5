//! `cargo xtask fuzz`: every fuzz target for some seconds.
//!
//! Apart from the targets because what they find is looked at in every test run: the committed corpus, where each
//! regression goes, is only read here; what the fuzzer learns is kept beside the build, findings in `fuzz/artifacts`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::project;

/// Fuzz targets, and the package whose tests replay their corpus.
const TARGETS: [(&str, &str); 8] = [
    ("kafka_request", "millstream-kafka"),
    ("amqp_session", "millstream-amqp"),
    ("amqp_codec", "millstream-amqp"),
    ("aws_request", "millstream-aws"),
    ("record_batch", "millstream-types"),
    ("wal_recovery", "millstream-storage"),
    ("packed_object", "millstream-storage"),
    ("core_restore", "millstream-core"),
];
/// Longest input: long enough for every structure there is, short enough to be tried often.
const INPUT_BYTES_MAX: u32 = 4096;
/// Memory of one fuzzer; a claim that is believed takes more.
const MEMORY_MIB_MAX: u32 = 1500;
/// One input may take this long.
const INPUT_SECONDS_MAX: u32 = 20;

/// Which targets, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds per target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target; may be given several times
    #[arg(long = "target", value_parser = TARGETS.map(|(target, _)| target))]
    targets: Vec<String>,
    /// Write the seeds of the corpus anew and end
    #[arg(long)]
    seeds: bool,
}

/// Runs the targets one after the other; ends with the first finding.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = project::root();
    let chosen =
        |target: &str| options.targets.is_empty() || options.targets.iter().any(|name| name == target);
    let targets = TARGETS.into_iter().filter(|(target, _)| chosen(target));
    if options.seeds {
        for (_, package) in targets {
            let arguments =
                ["test", "--locked", "-p", package, "--test", "it", "--", "--ignored", "write_seeds"];
            project::run_in(&root, &project::cargo(), &arguments)?;
        }
        return Ok(());
    }
    ensure_installed(&root)?;
    for (target, _) in targets {
        println!("\n== {target}");
        one(&root, target, options.seconds)?;
    }
    Ok(())
}

fn one(root: &Path, target: &str, seconds: u32) -> anyhow::Result<()> {
    let learned = root.join("fuzz/target/corpus").join(target);
    std::fs::create_dir_all(&learned)?;
    let learned = learned.to_str().context("the project's path is no text")?;
    let committed = format!("fuzz/corpus/{target}");
    let limits = [
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
    ];
    // Without a sanitizer: there is no unsafe code here, and so it works with the project's own compiler.
    let mut arguments = vec!["fuzz", "run", "--sanitizer", "none", target, learned, &committed, "--"];
    arguments.extend(limits.iter().map(String::as_str));
    project::run_in(root, &project::cargo(), &arguments).with_context(|| {
        format!(
            "{target} found something: the input is in fuzz/artifacts/{target}; put it into {committed} with the fix"
        )
    })
}

fn ensure_installed(root: &Path) -> anyhow::Result<()> {
    let version = Command::new(project::cargo()).args(["fuzz", "--version"]).current_dir(root).output()?;
    ensure!(version.status.success(), "`cargo fuzz` is needed; install it with `cargo install cargo-fuzz`");
    Ok(())
}
