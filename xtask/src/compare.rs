//! `cargo xtask compare`: the scenes of `compare/` played to this broker, and to real RabbitMQ when it is recorded.
//!
//! Apart from the scenes because only here it is known how the broker is built and where recordings lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use millstream_compare::amqp::Patience;
use millstream_compare::{Finding, Scene, Transcript, amqp, management, parse, render, table};

use crate::compat::Amqp;
use crate::project;

/// How long an answer is waited for.
const PATIENCE: Patience = Patience(Duration::from_secs(15));
/// Where the table of differences begins and ends in the documentation.
const MARKS: [&str; 2] = ["<!-- differences: begin -->\n", "\n<!-- differences: end -->"];

/// What is compared.
#[derive(clap::Subcommand)]
pub(crate) enum Compare {
    /// AMQP 0-9-1, with RabbitMQ
    Amqp(Options),
    /// RabbitMQ's management API
    Management(Options),
}

/// What is played to whom.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Play to a running RabbitMQ of this version, and keep what it answers
    #[arg(long, value_name = "VERSION", requires = "peer")]
    record: Option<String>,
    /// Host and port of that RabbitMQ, or of a broker under test that runs already
    #[arg(long, value_name = "ADDRESS")]
    peer: Option<String>,
    /// Only scenes whose titles have this in them
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Keep what this broker answers where it differs, and write the table of reasons into the documentation
    #[arg(long, conflicts_with_all = ["record", "only"])]
    accept: bool,
    /// Say the answers instead of comparing them
    #[arg(long)]
    say: bool,
    /// A Millstream binary that is built already
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Compares what was played, and what was looked at before, with the recordings.
type Judge = fn(&[Scene], &[Transcript], &[Transcript]) -> Vec<Finding>;

/// One protocol's scenes and how they are judged.
struct Suite {
    /// The folder of its recordings.
    name: &'static str,
    /// The page of the documentation that lists the differences.
    page: &'static str,
    scenes: fn() -> anyhow::Result<Vec<Scene>>,
    play: fn(&str, &[Scene], Patience) -> anyhow::Result<Vec<Transcript>>,
    findings: Judge,
    ours: &'static str,
    /// Where a broker that was started listens for it.
    address: fn(&Amqp) -> &str,
}

const AMQP: Suite = Suite {
    name: "amqp",
    page: "docs/amqp.md",
    scenes: amqp::scenes,
    play: amqp::play_all,
    findings: amqp::findings,
    ours: amqp::OURS,
    address: Amqp::address,
};

const MANAGEMENT: Suite = Suite {
    name: "management",
    page: "docs/amqp-management.md",
    scenes: management::scenes,
    play: management::play_all,
    findings: management::findings,
    ours: management::OURS,
    address: Amqp::management,
};

/// Runs the command; an error if there is an unexplained difference.
pub(crate) fn run(what: &Compare) -> anyhow::Result<()> {
    let (suite, options) = match what {
        Compare::Amqp(options) => (&AMQP, options),
        Compare::Management(options) => (&MANAGEMENT, options),
    };
    let root = project::root();
    let mut scenes = (suite.scenes)()?;
    if let Some(only) = &options.only {
        scenes.retain(|scene| scene.title.contains(only.as_str()));
    }
    if let (Some(version), Some(peer)) = (&options.record, &options.peer) {
        return record(suite, &root, version, peer, &scenes, options.only.is_some());
    }
    let played = match &options.peer {
        Some(peer) => (suite.play)(peer, &scenes, PATIENCE)?,
        None => {
            let binary = match &options.binary {
                Some(binary) => binary.clone(),
                None => project::build_binary(&root)?,
            };
            let broker = Amqp::start(&binary, &root.join("target/compare"))?;
            (suite.play)((suite.address)(&broker), &scenes, PATIENCE)?
        }
    };
    if options.say {
        print!("{}", render(&played));
        return Ok(());
    }
    if options.accept {
        accept(suite, &root, &scenes, &played)?;
    }
    let looked_at = if options.accept { played.clone() } else { parse(suite.ours) };
    let findings = (suite.findings)(&scenes, &played, &looked_at);
    for finding in &findings {
        println!("== {} ({}): {:?}", finding.title, finding.version, finding.kind);
        let [theirs, ours] = &finding.sides;
        for line in theirs {
            println!("{}{line}", if ours.contains(line) { "   " } else { " - " });
        }
        ours.iter().filter(|line| !theirs.contains(line)).for_each(|line| println!(" + {line}"));
    }
    println!("{} scenes, {} findings", scenes.len(), findings.len());
    ensure!(findings.is_empty(), "this broker differs");
    Ok(())
}

/// Plays to RabbitMQ and writes down what it answers.
fn record(
    suite: &Suite,
    root: &Path,
    version: &str,
    peer: &str,
    scenes: &[Scene],
    only_some: bool,
) -> anyhow::Result<()> {
    let file = root.join(format!("compare/recorded/{}/rabbitmq-{version}.txt", suite.name));
    let mut played = (suite.play)(peer, scenes, PATIENCE)?;
    if only_some {
        let mut known = parse(&fs::read_to_string(&file)?);
        known.retain(|old| played.iter().all(|new| new.title != old.title));
        played.extend(known);
    }
    fs::write(&file, render(&played))?;
    println!("{} scenes are recorded in {}", played.len(), file.display());
    Ok(())
}

/// Keeps what was looked at: this broker's answers where they differ, and the reasons.
fn accept(suite: &Suite, root: &Path, scenes: &[Scene], played: &[Transcript]) -> anyhow::Result<()> {
    let explained =
        |title: &str| scenes.iter().any(|scene| scene.title == title && !scene.differs.is_empty());
    let kept = played.iter().filter(|transcript| explained(&transcript.title));
    fs::write(root.join(format!("compare/recorded/{}/millstream.txt", suite.name)), render(kept))?;
    let page = root.join(suite.page);
    let text = fs::read_to_string(&page)?;
    let cut =
        text.split_once(MARKS[0]).and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?.1)));
    let Some((before, after)) = cut else { anyhow::bail!("{} has no place for the table", page.display()) };
    fs::write(&page, format!("{before}{}{}{}{after}", MARKS[0], table(scenes), MARKS[1]))?;
    Ok(())
}
