//! Torn tails that come back: files that a start dropped are used again at the very same position, with whole frames of the
//! life before right behind the first one. A few directed steps instead of random ones.
//!
//! Apart because the old file must be taken for the position that it had, and the new frame be as long as the old one, which
//! random lives come by once in hundreds of seeds.

use anyhow::{Context, Result, ensure};
use millstream_storage::pack::PackOptions;
use millstream_storage::{Durability, Options, Prepared};
use millstream_testkit::sim_disk::{Faults, SimDisk};

use super::held::{self, Broker, FILE_BYTES};
use crate::Outcome;

/// Length of a header page, and where the first frame of a file stands.
const HEADER_PAGE_BYTES: u64 = 4096;
const SECTOR_BYTES: usize = 512;
/// What every frame begins with.
const FRAME_MAGIC: [u8; 4] = *b"MSF\x01";
/// The first file of a start holds no batch: the next file begins where that one does.
const FIRST_FILE_BYTES: u64 = HEADER_PAGE_BYTES + 1024;
/// Written files that wait. A file that a start drops goes behind the others, so each is used before the first comes again.
const FILES: u64 = 2;

/// Runs all of it; `points` is not used.
///
/// # Errors
/// The first broken promise.
pub fn run(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    let disk = disk.unwrap_or_else(|| SimDisk::new(seed, Faults::none(u64::MAX)));
    disk.set_faults(Faults::none(u64::MAX));
    let options = Options {
        // What was answered is not synced yet, and may be torn.
        durability: Durability::Interval(1_000),
        wal_file_bytes_first: FIRST_FILE_BYTES,
        ..held::options(seed)
    };
    let mut broker = Broker::start(disk, options, PackOptions::default())?;
    broker.steps.sync()?;
    let start = broker.steps.position();
    broker.kill(|_| Ok(()))?;
    prepare_written(&mut broker, options.checkpoint_reserve_bytes)?;
    let mut first_end = None;
    for _ in 0..FILES {
        broker.store()?;
        let end = *first_end.get_or_insert(broker.steps.position());
        ensure!(broker.steps.position() == end, "a frame of another length proves nothing");
        broker.store()?;
        broker.kill(tear_newest)?;
        ensure!(broker.steps.recovered().end == start, "a torn tail is not dropped");
    }
    // The first of the files again. Behind this frame stands the second one of its earlier life.
    broker.store()?;
    let end = broker.steps.position();
    ensure!(first_end == Some(end), "a frame of another length proves nothing");
    ensure!(
        is_followed(&broker.disk, end.0 - start.0)?,
        "without an old frame behind the new one this proves nothing"
    );
    broker.kill(|_| Ok(()))?;
    let recovered = broker.steps.recovered().end;
    ensure!(recovered == end, "the lane ended at {end}, and a start finds its end at {recovered}");
    Ok(Outcome { points, ..Outcome::default() })
}

/// Has files written through ahead: with so little room on the disk none is prepared that grows. Such a one would be removed
/// by the next start.
fn prepare_written(broker: &mut Broker, reserve_bytes: u64) -> Result<()> {
    let disk = broker.disk.clone();
    let used: u64 = disk.paths().iter().filter_map(|path| disk.file_bytes(path)).sum();
    disk.set_faults(Faults::none(used + (FILES + 1) * FILE_BYTES + reserve_bytes));
    while broker.prepare()? == Prepared::Ready {}
    let spares = disk.paths().iter().filter(|path| path.ends_with(".spare")).count();
    ensure!(spares as u64 == FILES, "{spares} files are prepared, it takes {FILES}");
    disk.set_faults(Faults::none(u64::MAX));
    Ok(())
}

/// Whether a frame of whatever life stands behind the first frame, of this length, of the newest file.
fn is_followed(disk: &SimDisk, frame_bytes: u64) -> Result<bool> {
    let bytes = disk.bytes_of(&newest(disk)?).context("a listed file has bytes")?;
    let at = usize::try_from(HEADER_PAGE_BYTES + frame_bytes)?;
    Ok(bytes.get(at..).is_some_and(|behind| behind.starts_with(&FRAME_MAGIC)))
}

/// The power cut loses the first sector of the first frame in the newest file, and nothing else.
fn tear_newest(disk: &SimDisk) -> Result<()> {
    disk.overwrite(&newest(disk)?, HEADER_PAGE_BYTES, &[0; SECTOR_BYTES]);
    Ok(())
}

fn newest(disk: &SimDisk) -> Result<String> {
    disk.paths().into_iter().rfind(|path| path.ends_with(".wal")).context("a lane has a file")
}
