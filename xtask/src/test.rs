//! `cargo xtask test`: everything that must pass, in stages, with a summary of counts and times.
//!
//! Apart from the stages themselves so that each can also be run alone: `cargo test`, `cargo xtask compat`,
//! `cargo xtask crash`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::compat::{self, Report};
use crate::{clock, project};

/// What to leave out, for work on one part.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this stage; may be given several times
    #[arg(long = "stage", value_enum)]
    stages: Vec<Stage>,
}

/// A part of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Stage {
    /// `cargo test --workspace`
    Workspace,
    /// Unmodified clients against the binary
    Compat,
    /// The broker killed at random moments under load
    Crash,
    /// Failing disks, damaged files, limits: the rows that take seconds and need no mounts
    Faults,
    /// What systems around the broker are given, judged by their own tools
    Ops,
    /// The documentation as a site
    Docs,
}

impl Stage {
    fn all() -> Vec<Self> {
        <Self as clap::ValueEnum>::value_variants().to_vec()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Workspace => "tests of the workspace",
            Self::Compat => "unmodified clients",
            Self::Crash => "crash run",
            Self::Faults => "fault runs",
            Self::Ops => "monitoring and the service",
            Self::Docs => "documentation",
        }
    }
}

/// Runs the stages; an error if anything failed. `tasks` are the names of the project's tasks.
pub(crate) fn run(options: &Options, tasks: &[String]) -> anyhow::Result<()> {
    let root = project::root();
    let stages = if options.stages.is_empty() { Stage::all() } else { options.stages.clone() };
    let mut report = Report::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for stage in stages {
        println!("\n== {}", stage.name());
        let since = clock::now();
        let outcome = match stage {
            Stage::Workspace => workspace(&root, &mut report),
            Stage::Compat => project::build_binary(&root).and_then(|binary| {
                times.push(("building the binary", clock::now() - since));
                report.add(compat::all(&binary)?);
                Ok(())
            }),
            Stage::Crash if tasks.iter().any(|task| task == "crash") => itself(&["crash"]),
            Stage::Faults => itself(&["faults", "--short"]),
            Stage::Ops => itself(&["ops"]),
            Stage::Docs => itself(&["docs"]),
            Stage::Crash => {
                report.note("not run: this tree has no task `crash`");
                continue;
            }
        };
        // A stage that counts its own checks still counts as one: it may fail before the first of them.
        report.check(stage.name().to_owned(), outcome);
        times.push((stage.name(), clock::now() - since));
    }
    println!("\n== summary");
    for (name, took) in times {
        println!("{:>7.1} s  {name}", took.as_secs_f64());
    }
    anyhow::ensure!(report.close(), "not everything passed");
    Ok(())
}

/// Runs the workspace's tests, shows what they print and counts them.
fn workspace(root: &Path, report: &mut Report) -> anyhow::Result<()> {
    let mut child = Command::new(project::cargo())
        .args(["test", "--workspace", "--no-fail-fast", "--locked"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("cargo has no standard output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        // One line a test would bury the rest; cargo names those that failed again at the end.
        if !line.ends_with(" ... ok") {
            println!("{line}");
        }
        if let Some((passed, failed)) = counts(&line) {
            report.add_counts(passed, failed);
        }
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "cargo test ended with {status}");
    Ok(())
}

/// The counts in a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn counts(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some((count("passed")?, count("failed")?))
}

/// Runs another task, in a process of its own because it is one.
fn itself(arguments: &[&str]) -> anyhow::Result<()> {
    project::run_in(&project::root(), &std::env::current_exe()?, arguments)
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn counts_are_read_from_the_closing_line_of_a_test_binary() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test name ... ok"), None);
        assert_eq!(counts("running 12 tests"), None);
    }
}
