//! `cargo xtask faults`: what disks and machines do, done to the real broker under load, and judged.
//!
//! Apart from the fault runs themselves because only here it is known how the broker is built and where tools come from;
//! `faults/README.md` tells what each row does.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::project::{cargo, root, run_in, target_dir, tool};

/// Programs that rows use, and Debian's packages of them.
const TOOLS: [(&str, &str); 4] =
    [("strace", "strace"), ("prlimit", "util-linux"), ("xfs_io", "xfsprogs"), ("mkfs.ext4", "e2fsprogs")];
/// How many of them rows of a short run use.
const TOOLS_SHORT: usize = 2;

/// What is run, and on which build.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this row; may be given several times
    #[arg(long)]
    only: Vec<String>,
    /// Decides what is decided by chance; without it the clock does
    #[arg(long)]
    seed: Option<u64>,
    /// Times that each row does its harm, instead of its own count
    #[arg(long)]
    cycles: Option<u32>,
    /// Only the rows that need no mounts and take seconds, a few times each
    #[arg(long)]
    short: bool,
    /// Keep the data directories and histories of good rows
    #[arg(long)]
    keep: bool,
    /// List the rows and end
    #[arg(long)]
    list: bool,
    /// Build with optimisations: for long runs
    #[arg(long)]
    release: bool,
    /// A Millstream binary that is built already
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Builds, gets the tools and runs; an error if anything was wrong.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = root();
    let target = target_dir(&root);
    // With the whole workspace's features, as its tests were built: nothing is compiled twice.
    let mut build = vec!["build", "--quiet", "--locked", "--workspace", "--bin", "millstream-faults"];
    if options.binary.is_none() {
        build.extend(["--bin", "millstream"]);
    }
    if options.release {
        build.push("--release");
    }
    run_in(&root, &cargo(), &build)?;
    if !options.list {
        for (name, package) in &TOOLS[..if options.short { TOOLS_SHORT } else { TOOLS.len() }] {
            // A row that needs it says so itself; the others run without it.
            if let Err(error) = tool(name, Some(package)) {
                println!("{error:#}");
            }
        }
    }
    let built = target.join(if options.release { "release" } else { "debug" });
    let mut arguments: Vec<OsString> = Vec::new();
    let mut say = |name: &str, value: OsString| arguments.extend([name.into(), value]);
    say("--broker", options.binary.clone().unwrap_or_else(|| built.join("millstream")).into());
    say("--target", target.join("faults").into());
    for only in &options.only {
        say("--only", only.into());
    }
    if let Some(seed) = options.seed {
        say("--seed", seed.to_string().into());
    }
    if let Some(cycles) = options.cycles {
        say("--cycles", cycles.to_string().into());
    }
    for (flag, given) in [("--short", options.short), ("--keep", options.keep), ("--list", options.list)] {
        if given {
            arguments.push(flag.into());
        }
    }
    run_in(&root, &built.join("millstream-faults"), &arguments)
}
