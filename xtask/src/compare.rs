//! `cargo xtask compare amqp`: the scenes of `compare/` played to this broker, and to real RabbitMQ when it is recorded.
//!
//! Apart from the scenes because only here it is known how the broker is built and where recordings lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use millstream_compare::amqp::{
    OURS, Patience, Scene, Transcript, findings, parse, play_all, render, scenes, table,
};

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

/// Runs the command; an error if there is an unexplained difference.
pub(crate) fn run(what: &Compare) -> anyhow::Result<()> {
    let Compare::Amqp(options) = what;
    let root = project::root();
    let mut scenes = scenes()?;
    if let Some(only) = &options.only {
        scenes.retain(|scene| scene.title.contains(only.as_str()));
    }
    if let (Some(version), Some(peer)) = (&options.record, &options.peer) {
        return record(&root, version, peer, &scenes, options.only.is_some());
    }
    let played = match &options.peer {
        Some(peer) => play_all(peer, &scenes, PATIENCE)?,
        None => {
            let binary = match &options.binary {
                Some(binary) => binary.clone(),
                None => project::build_binary(&root)?,
            };
            let broker = Amqp::start(&binary, &root.join("target/compare"))?;
            play_all(broker.address(), &scenes, PATIENCE)?
        }
    };
    if options.say {
        print!("{}", render(&played));
        return Ok(());
    }
    if options.accept {
        accept(&root, &scenes, &played)?;
    }
    let looked_at = if options.accept { played.clone() } else { parse(OURS) };
    let findings = findings(&scenes, &played, &looked_at);
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
fn record(root: &Path, version: &str, peer: &str, scenes: &[Scene], only_some: bool) -> anyhow::Result<()> {
    let file = root.join(format!("compare/recorded/amqp/rabbitmq-{version}.txt"));
    let mut played = play_all(peer, scenes, PATIENCE)?;
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
fn accept(root: &Path, scenes: &[Scene], played: &[Transcript]) -> anyhow::Result<()> {
    let explained =
        |title: &str| scenes.iter().any(|scene| scene.title == title && !scene.differs.is_empty());
    let kept = played.iter().filter(|transcript| explained(&transcript.title));
    fs::write(root.join("compare/recorded/amqp/millstream.txt"), render(kept))?;
    let page = root.join("docs/amqp.md");
    let text = fs::read_to_string(&page)?;
    let cut =
        text.split_once(MARKS[0]).and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?.1)));
    let Some((before, after)) = cut else { anyhow::bail!("{} has no place for the table", page.display()) };
    fs::write(&page, format!("{before}{}{}{}{after}", MARKS[0], table(scenes), MARKS[1]))?;
    Ok(())
}
