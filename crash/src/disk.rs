//! What is done to the data directory while no broker runs: plant a loss.
//!
//! Apart because nothing else touches the broker's files, and because it must be plain to see that this runs only when
//! it is asked for.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

const BLOCK_BYTES: usize = 4096;
/// How much of the end is taken: many acknowledged frames.
const LOSS_BYTES: u64 = 256 << 10;

/// The write-ahead log's files by name, which is their order.
fn files(data: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(data.join("wal"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wal") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Cuts acknowledged records off the end of the log, as a broker that answers too early would lose them. Recovery
/// cannot tell; the checker must.
pub(crate) fn plant_loss(data: &Path) -> anyhow::Result<()> {
    let mut written = None;
    for path in files(data)? {
        let at = path.metadata()?;
        let modified = (at.mtime(), at.mtime_nsec());
        let file = File::options().read(true).write(true).open(&path)?;
        if let Some(end) = end(&file, at.len())?
            && written.as_ref().is_none_or(|(before, _, _)| *before < modified)
        {
            written = Some((modified, file, end));
        }
    }
    let (_, file, end) = written.context("no file holds anything")?;
    let zeros = vec![0; usize::try_from(LOSS_BYTES)?];
    // The file's header and first frames stay.
    let from = end.saturating_sub(LOSS_BYTES).max(16 << 10);
    ensure!(from < end, "too little is written to lose some of it");
    file.write_all_at(&zeros[..usize::try_from(end - from)?], from)?;
    file.sync_all()?;
    Ok(())
}

/// Where the last block that is not all zeros ends, if that is behind the header's page.
fn end(file: &File, bytes: u64) -> anyhow::Result<Option<u64>> {
    let mut block = [0; BLOCK_BYTES];
    let mut at = bytes / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
    while at > BLOCK_BYTES as u64 {
        at -= BLOCK_BYTES as u64;
        file.read_exact_at(&mut block, at)?;
        if block.iter().any(|byte| *byte != 0) {
            return Ok(Some(at + BLOCK_BYTES as u64));
        }
    }
    Ok(None)
}
