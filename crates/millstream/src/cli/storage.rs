//! `millstream storage`: what a running broker's storage holds and does.
//!
//! Apart from the remote commands because it does not speak a protocol of the broker's: it reads the document that the
//! broker leaves at a socket in its data directory, for whoever may read that directory.

use super::knob_args::KnobArgs;
use crate::config::Effective;
use crate::wiring::SOCKET;
use anyhow::Context;
use millstream_console::{Moved, StorageStatus};
use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A broker that says nothing for so long is not going to.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Arguments of `millstream storage`.
#[derive(clap::Args)]
pub(super) struct StorageArgs {
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    knobs: KnobArgs,
}

pub(super) fn run(args: &StorageArgs) -> anyhow::Result<()> {
    let settings = Effective::load(&args.knobs.given, |name| std::env::var_os(name))?.settings;
    let document = read(&settings.data_dir)?;
    if args.json {
        return super::print(&format!("{document}\n"));
    }
    let status = serde_json::from_str(&document).context("the broker is of another version")?;
    super::print(&text(&status))
}

fn read(data_dir: &Path) -> anyhow::Result<String> {
    let socket = millstream_net::short_path(data_dir, SOCKET)
        .and_then(|(open, path)| UnixStream::connect(path).map(|stream| (open, stream)));
    let (_open, mut stream) = match socket {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            anyhow::bail!("no broker runs on the data directory {}", data_dir.display());
        }
        other => other.with_context(|| format!("asking the broker of {}", data_dir.display()))?,
    };
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    let mut document = String::new();
    stream.read_to_string(&mut document).context("the broker does not answer")?;
    Ok(document)
}

fn text(status: &StorageStatus) -> String {
    let StorageStatus { wal, objects, packer, packer_backlog_bytes, compaction, scrub, write_amplification } =
        status;
    let moved = |Moved { bytes_read, bytes_written }: &Moved| {
        format!("{} read, {} written since the start", size(*bytes_read), size(*bytes_written))
    };
    let mut lines = vec![
        ("appended", format!("{} since the start", size(wal.appended_bytes))),
        (
            "wal files",
            format!(
                "{} sealed with {}, of it live {}; {} without anything live, {} held by reads; {} prepared",
                wal.sealed_files,
                size(wal.sealed_bytes),
                size(wal.live_bytes),
                wal.dead_files,
                size(wal.pinned_bytes),
                wal.prepared_files,
            ),
        ),
        (
            "objects",
            format!(
                "{} with {} parts and {}, of it live {}; {} to be removed",
                objects.count,
                objects.parts,
                size(objects.bytes),
                size(objects.live_bytes),
                objects.dropped,
            ),
        ),
        ("packer", format!("{}; backlog {}", moved(packer), size(*packer_backlog_bytes))),
        ("compaction", moved(compaction)),
        (
            "scrub",
            format!(
                "{} read, {} rounds, {} places damaged",
                size(scrub.bytes_read),
                scrub.rounds,
                scrub.findings
            ),
        ),
    ];
    if let Some(amplification) = write_amplification {
        lines.push(("written", format!("{amplification:.2} bytes for each byte appended")));
    }
    if wal.is_disk_full {
        lines.push(("disk", "full: appends are refused until there is room".to_owned()));
    }
    lines.iter().map(|(name, value)| format!("{name:<11} {value}\n")).collect()
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::test_status;

    #[test]
    fn everything_of_the_document_is_shown() {
        let text = text(&test_status());
        for part in
            ["7 sealed", "3 with 40 parts", "backlog 5.00 KiB", "1 places damaged", "1.25 bytes", "full"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_directory_without_a_broker_is_said_to_be_one() {
        let error = read(&std::env::temp_dir()).expect_err("nobody serves there");
        assert!(error.to_string().starts_with("no broker runs on the data directory"), "{error}");
    }
}
