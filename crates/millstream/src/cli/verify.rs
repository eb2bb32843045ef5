//! `millstream verify`: checks the data directory of a stopped broker and changes nothing in it.
//!
//! What is wrong goes to standard output as it is found, one line each. Exit code 0: sound; 1: damage, or the directory
//! cannot be checked (a broker runs on it, it is no data directory).

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use millstream_core::hash::HashSeed;
use millstream_engine::Verification;
use millstream_storage::verify::{Counts, Finding, Grade};
use millstream_storage::{OpenError, RealDisk};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Findings told at most; the others are counted.
const TOLD_MAX: usize = 10_000;
/// The maps of the shard that is rebuilt are filled from a directory, not by clients who might choose what collides.
const SEED: HashSeed = HashSeed([0x6d69_6c6c_7374_7265, 0x616d_2076_6572_6966]);

/// Arguments of `millstream verify`.
#[derive(clap::Args)]
pub(super) struct VerifyArgs {
    /// The data directory of a broker that does not run.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let shown = args.directory.display();
    let disk = RealDisk::read_only(&args.directory).with_context(|| format!("{shown} cannot be read"))?;
    let mut found = Vec::new();
    let mut check = match Verification::begin(Arc::new(disk), SEED, &mut found) {
        Ok(check) => check,
        Err(OpenError::Locked) => bail!("a broker is using {shown}; stop it, or check a copy"),
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be checked")),
    };
    let bar = progress_bar();
    let mut report = Report { is_json: args.json, ..Report::default() };
    loop {
        bar.suspend(|| report.take(&mut found))?;
        let Some(progress) = check.step(&mut found) else { break };
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.done_bytes.min(progress.total_bytes));
    }
    report.take(&mut found)?;
    bar.finish_and_clear();
    report.end(check.counts().expect("no step is left"))?;
    match report.damaged {
        0 => Ok(()),
        1 => bail!("{shown} is damaged in one place"),
        places => bail!("{shown} is damaged in {places} places"),
    }
}

/// What was found so far.
#[derive(Default)]
struct Report {
    is_json: bool,
    told: Vec<Finding>,
    told_count: usize,
    damaged: usize,
    notes: usize,
}

impl Report {
    fn take(&mut self, found: &mut Vec<Finding>) -> anyhow::Result<()> {
        let mut text = String::new();
        for finding in found.drain(..) {
            match finding.grade {
                Grade::Damage => self.damaged += 1,
                Grade::Note => self.notes += 1,
            }
            self.told_count += 1;
            if self.told_count > TOLD_MAX {
                continue;
            }
            if self.is_json {
                self.told.push(finding);
            } else {
                line(&mut text, &finding);
            }
        }
        if text.is_empty() { Ok(()) } else { super::print(&text) }
    }

    fn end(&mut self, counts: Counts) -> anyhow::Result<()> {
        let untold = self.told_count.saturating_sub(TOLD_MAX);
        if self.is_json {
            let mut text = serde_json::to_string(&Json {
                sound: self.damaged == 0,
                damaged: self.damaged,
                notes: self.notes,
                untold,
                findings: self.told.iter().map(JsonFinding::new).collect(),
                checked: JsonCounts::new(counts),
            })?;
            text.push('\n');
            return super::print(&text);
        }
        let mut text = String::new();
        if untold > 0 {
            writeln!(text, "and {untold} findings more")?;
        }
        let Counts { bytes, checkpoints, wal_files, frames, batches, objects, logs } = counts;
        let verdict = if self.damaged == 0 { "sound" } else { "damaged" };
        writeln!(
            text,
            "{verdict}: {bytes} bytes, {checkpoints} checkpoints, {wal_files} WAL files ({frames} frames, {batches} \
             batches), {objects} objects, {logs} logs"
        )?;
        super::print(&text)
    }
}

fn line(text: &mut String, finding: &Finding) {
    let grade = match finding.grade {
        Grade::Damage => "damage",
        Grade::Note => "note  ",
    };
    let at = finding.offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    writeln!(text, "{grade} {}{at}: {}", finding.place, finding.what).expect("a string takes all");
}

/// A bar on standard error; invisible when that is no terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{bar:40} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(template).expect("the template is ours"));
    bar
}

#[derive(Serialize)]
struct Json<'a> {
    sound: bool,
    damaged: usize,
    notes: usize,
    /// Findings beyond those that are listed.
    untold: usize,
    findings: Vec<JsonFinding<'a>>,
    checked: JsonCounts,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    grade: &'static str,
    place: &'a str,
    offset: Option<u64>,
    what: &'a str,
}

impl JsonFinding<'_> {
    fn new(finding: &Finding) -> JsonFinding<'_> {
        let grade = match finding.grade {
            Grade::Damage => "damage",
            Grade::Note => "note",
        };
        JsonFinding { grade, place: &finding.place, offset: finding.offset, what: &finding.what }
    }
}

#[derive(Serialize)]
struct JsonCounts {
    bytes: u64,
    checkpoints: u64,
    wal_files: u64,
    frames: u64,
    batches: u64,
    objects: u64,
    logs: u64,
}

impl JsonCounts {
    fn new(counts: Counts) -> JsonCounts {
        let Counts { bytes, checkpoints, wal_files, frames, batches, objects, logs } = counts;
        JsonCounts { bytes, checkpoints, wal_files, frames, batches, objects, logs }
    }
}
