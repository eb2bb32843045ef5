//! What the disk alone can do: 4 KiB overwritten and made durable, again and again.
//!
//! Apart because every figure of a broker that waits for the disk means nothing without this one beside it, and disks
//! of virtual machines change within minutes.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::clock;
use crate::histogram::Latencies;

/// Bytes of one write.
const WRITE_BYTES: usize = 4096;
/// Places that are written in turn, all of them allocated and written before.
const PLACES: u64 = 256;
/// Writes of one probe at most.
const WRITES_MAX: u64 = 2000;
/// How long one probe takes at most.
const PROBE: Duration = Duration::from_millis(400);

/// Settles the disk (whatever is dirty is written out), then measures fdatasync.
///
/// # Errors
/// When the directory cannot be written to.
pub(crate) fn probe(directory: &Path) -> anyhow::Result<Latencies> {
    rustix::fs::sync();
    let path = directory.join("disk-probe");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("creating {}", path.display()))?;
    let block = [0x5a; WRITE_BYTES];
    for place in 0..PLACES {
        file.write_all_at(&block, place * WRITE_BYTES as u64)?;
    }
    file.sync_all()?;
    let mut latencies = Latencies::new();
    let start = clock::now();
    for write in 0..WRITES_MAX {
        let before = clock::now();
        if before - start > PROBE {
            break;
        }
        file.write_all_at(&block, write % PLACES * WRITE_BYTES as u64)?;
        file.sync_data()?;
        latencies.record(before.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(latencies)
}
