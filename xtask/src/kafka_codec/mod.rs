//! `cargo xtask codegen kafka`: Rust types and codecs from Kafka's message definitions.
//!
//! Apart because the definitions are large, versioned and not ours: they are fetched, never committed, and what is
//! committed is what this makes of them. To serve another API, add its name to [`APIS`], run the task, and
//! commit what it wrote. To follow a newer Kafka, change [`KAFKA_VERSION`] likewise.

mod api_key;
mod decode;
mod definitions;
mod emit;
mod encode;
mod model;
mod random;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use model::Api;

/// The release whose definitions are used.
const KAFKA_VERSION: &str = "4.3.1";

/// The APIs to generate, as the definitions spell them; order is that of the API keys.
const APIS: [&str; 28] = [
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "OffsetCommit",
    "OffsetFetch",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "DescribeGroups",
    "ListGroups",
    "ApiVersions",
    "CreateTopics",
    "DeleteTopics",
    "DeleteRecords",
    "InitProducerId",
    "OffsetForLeaderEpoch",
    "DescribeConfigs",
    "AlterConfigs",
    "DescribeLogDirs",
    "CreatePartitions",
    "DeleteGroups",
    "IncrementalAlterConfigs",
    "OffsetDelete",
    "DescribeCluster",
    "DescribeTopicPartitions",
];

const CODEC: &str = "crates/kafka/src/codec/generated";
const TESTS: &str = "crates/kafka/tests/it/generated";

/// How to run the task.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Compare with the committed files instead of writing them
    #[arg(long)]
    check: bool,
}

/// Generates every file and writes it, or says which differ.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let definitions = definitions::fetch(root, KAFKA_VERSION)?;
    let apis = APIS.iter().map(|name| Api::load(&definitions, name)).collect::<Result<Vec<_>>>()?;
    ensure!(apis.is_sorted_by_key(|api| api.key), "the list of APIs is not in the order of their keys");

    let header = |what: &str, why: &str| {
        format!(
            "//! {what}\n//!\n//! {why}\n//! Written by `cargo xtask codegen kafka` from the message definitions of \
             Kafka {KAFKA_VERSION}; do not edit.\n\n"
        )
    };
    let mut files = Vec::new();
    for api in &apis {
        let what = format!(
            "{} (API key {}), versions {}: request and response.",
            api.name,
            api.key,
            api.request.versions.prose()
        );
        let why = "Apart because each API has a module of its own, as long as its messages make it.";
        files.push((format!("{CODEC}/{}.rs", api.module), header(&what, why) + &emit::api(api)));
    }
    let what = "The APIs that the codec has, with their keys and versions.";
    let why = "Apart because a session needs this table before it knows which message it holds.";
    files.push((format!("{CODEC}/api_key.rs"), header(what, why) + &api_key::table(&apis)));
    let what = "The messages of every API that the codec has, one module per API.";
    let why = "Apart from the codec's other modules because no line of it is written by hand.";
    files.push((format!("{CODEC}/mod.rs"), header(what, why) + &emit::modules(&apis)));
    for api in &apis {
        let what = format!("Random messages of {}.", api.name);
        let why = "Apart because each API has a module of its own.";
        files.push((format!("{TESTS}/{}.rs", api.module), header(&what, why) + &random::api(api)));
    }
    let what = "Random messages of every API and a visit to each, for round trips.";
    let why = "Apart from the other tests because no line of it is written by hand.";
    files.push((format!("{TESTS}/mod.rs"), header(what, why) + &random::modules(&apis)));

    let mut different = Vec::new();
    for (path, source) in &files {
        let source = rustfmt(root, source).with_context(|| format!("formatting {path}"))?;
        let file = root.join(path);
        if fs::read_to_string(&file).is_ok_and(|committed| committed == source) {
            continue;
        }
        if !options.check {
            fs::create_dir_all(file.parent().context("a file lies in a directory")?)?;
            fs::write(&file, source).with_context(|| format!("writing {path}"))?;
        }
        different.push(path.clone());
    }
    let strangers = strangers(root, &files)?;
    ensure!(strangers.is_empty(), "no longer generated, to be deleted:\n  {}", strangers.join("\n  "));
    match (options.check, different.is_empty()) {
        (_, true) => println!("{} files are up to date", files.len()),
        (true, false) => bail!("not what the generator writes:\n  {}", different.join("\n  ")),
        (false, false) => println!("wrote:\n  {}", different.join("\n  ")),
    }
    Ok(())
}

/// Files in the generated folders that the generator no longer writes.
fn strangers(root: &Path, files: &[(String, String)]) -> Result<Vec<String>> {
    let expected: Vec<PathBuf> = files.iter().map(|(path, _)| root.join(path)).collect();
    let mut found = Vec::new();
    for folder in [CODEC, TESTS] {
        let folder = root.join(folder);
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !expected.contains(&path) {
                found.push(path.strip_prefix(root)?.display().to_string());
            }
        }
    }
    Ok(found)
}

/// Formats a source text as the workspace's own settings say.
fn rustfmt(root: &Path, source: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt")?;
    // rustfmt reads all of its input before it writes, so that the pipes cannot fill up against each other.
    child.stdin.take().context("rustfmt has an input")?.write_all(source.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt refuses the generated source");
    Ok(String::from_utf8(output.stdout)?)
}
