//! `cargo xtask planted`: makes every known mistake in turn, and fails when the simulations do not find one.
//!
//! Apart from the simulator because the build is another one: with the feature that nothing else has, in a target
//! directory of its own. The table that says who finds what is written to `docs/planted.md`.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::project;

/// Where the table goes.
const PAGE: &str = "docs/planted.md";
/// What is said of a failure is cut here: the seed tells the rest.
const SAID_CHARS_MAX: usize = 110;

/// Which, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this mistake, without writing the table
    #[arg(long)]
    only: Option<String>,
    /// Seeds after which a mistake counts as not found
    #[arg(long, default_value_t = 3000)]
    seeds: u64,
}

/// Runs it and writes the table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = project::root();
    let seeds = options.seeds.to_string();
    let target = project::target_dir(&root).join("planted");
    let mut command = Command::new(project::cargo());
    // Without optimising: the build takes longer than what that saves.
    command.args(["run", "--quiet", "--locked"]);
    command.args(["-p", "millstream-sim", "--features", "planted", "--target-dir"]).arg(target);
    command.args(["--", "--seeds", &seeds, "--planted"]).args(&options.only);
    let child = command.current_dir(&root).stdout(Stdio::piped()).spawn().context("starting cargo")?;
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout).context("what the simulator prints")?;
    let bugs: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let missed: Vec<&str> = bugs.iter().filter(|bug| bug.len() < 6).map(|bug| bug[0]).collect();
    for bug in &bugs {
        println!("{:<28} {}", bug[0], bug.get(3..6).map_or("NOT CAUGHT".to_owned(), |how| how.join(", ")));
    }
    ensure!(missed.is_empty(), "not caught in {seeds} seeds: {}", missed.join(", "));
    ensure!(output.status.success() && !bugs.is_empty(), "the simulator ended with {}", output.status);
    if options.only.is_none() {
        std::fs::write(root.join(PAGE), page(&bugs)).with_context(|| format!("writing {PAGE}"))?;
        println!("{} of {} caught; the table is in {PAGE}", bugs.len(), bugs.len());
    }
    Ok(())
}

fn page(bugs: &[Vec<&str>]) -> String {
    let mut page = String::from(
        "# Planted mistakes\n\nWritten by `cargo xtask planted`; do not edit. Each mistake is one line of the product behind \
         the feature `planted`, which no shipped build has (`crates/types/src/planted.rs`). Each is made alone, and the \
         simulations run seed after seed until one fails.\n\n\
         | mistake | where | what is wrong | found by | seeds | what it said |\n|---|---|---|---|---|---|\n",
    );
    for bug in bugs {
        let [name, place, what, by, seeds, said] = bug[..] else { continue };
        let said: String = said.chars().take(SAID_CHARS_MAX).collect();
        writeln!(page, "| `{name}` | {place} | {what} | {by} | {seeds} | {said} |")
            .expect("a string takes all");
    }
    page
}
