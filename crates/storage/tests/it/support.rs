//! What the tests share: a small lane, batches that are valid, and a replay that remembers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use millstream_storage::disk::{Disk, OpenMode, read_up_to, write_all_at};
use millstream_storage::{
    Durability, Durable, Frame, LaneError, OpenError, Opened, Options, Prepared, Publish, ReadMode,
    ReadOutcome, Replay, ReplayError, ReplayedFrame, StoredBatch, open,
};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{BatchFacts, EngineTime, LogId, Offset, RecordTime, StreamId, WalPosition};

/// Where the first frame of the first file begins.
pub(crate) const FIRST_FRAME: u64 = 4096;

pub(crate) fn options() -> Options {
    Options {
        durability: Durability::Fsync,
        wal_file_bytes: 32 << 10,
        wal_file_bytes_first: 32 << 10,
        files_ahead: 2,
        pool_files_max: 2,
        checkpoint_reserve_bytes: 8 << 10,
        pending_bytes_max: 1 << 20,
        tail_bytes_max: 0,
        cached_bytes_max: u64::MAX,
        index_bytes_max: 1 << 20,
        open_files_max: 4,
        micros: || 0,
        new_directory_id: 7,
    }
}

pub(crate) fn sim_disk() -> SimDisk {
    SimDisk::new(1, Faults::none(1 << 30))
}

/// A directory of its own on the machine's disk, gone when dropped.
pub(crate) struct TempDir(pub(crate) PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("millstream-storage-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        TempDir(std::env::temp_dir().join(name))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What the last start replayed.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) images: Vec<(WalPosition, Vec<u8>)>,
    pub(crate) frames: Vec<(WalPosition, Vec<u8>)>,
    pub(crate) facts: Vec<BatchFacts>,
}

impl Replay for Recorder {
    fn image(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), ReplayError> {
        self.images.push((stamp, image.to_vec()));
        Ok(())
    }

    fn frame(&mut self, frame: ReplayedFrame<'_>) -> Result<(), ReplayError> {
        self.frames.push((frame.start, frame.entries.to_vec()));
        self.facts.extend_from_slice(frame.facts);
        Ok(())
    }
}

impl Recorder {
    pub(crate) fn entries(&self) -> Vec<&[u8]> {
        self.frames.iter().map(|(_, entries)| &entries[..]).collect()
    }
}

pub(crate) fn start(
    disk: &(impl Disk + Clone + 'static),
    options: Options,
) -> Result<(Opened, Recorder), OpenError> {
    let mut recorder = Recorder::default();
    let opened = open(Arc::new(disk.clone()), options, &mut recorder)?;
    Ok((opened, recorder))
}

/// The error of a start that must not succeed.
pub(crate) fn refusal(disk: &SimDisk) -> OpenError {
    match start(disk, options()) {
        Ok(_) => panic!("the start must be refused"),
        Err(error) => error,
    }
}

pub(crate) fn log(stream: u64) -> LogId {
    LogId { stream: StreamId(stream), index: 0 }
}

/// A valid batch of this length.
pub(crate) fn batch(bytes: usize, fill: u8) -> Bytes {
    let mut batch = vec![fill; bytes];
    batch[8..12].copy_from_slice(&(bytes as u32 - 12).to_be_bytes());
    batch[16] = 2;
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(batch)
}

pub(crate) fn facts(log: LogId, base: u64, records: u32, bytes: usize) -> BatchFacts {
    BatchFacts {
        log,
        base_offset: Offset(base),
        records,
        last_offset_delta: records - 1,
        max_timestamp: RecordTime(1000 + base as i64),
        bytes: bytes as u32,
    }
}

/// Pushes one frame and writes it.
pub(crate) fn commit(
    opened: &mut Opened,
    entries: &[u8],
    batches: &[(BatchFacts, Bytes)],
    publish: &[Publish],
) -> Result<Durable, LaneError> {
    opened.assembler.push(Frame { time: EngineTime(5), entries, batches, publish });
    let group = opened.assembler.take_group().expect("a frame was just pushed");
    opened.writer.write(group)
}

/// Creates log 1 with `batches` batches of one record, one frame each.
pub(crate) fn fill(opened: &mut Opened, batches: u64, bytes: usize) {
    commit(opened, b"create", &[], &[Publish::Create { log: log(1), start: Offset(0) }]).unwrap();
    for base in 0..batches {
        add(opened, base, bytes).unwrap();
    }
}

pub(crate) fn add(opened: &mut Opened, base: u64, bytes: usize) -> Result<Durable, LaneError> {
    let entries = format!("append {base}");
    commit(opened, entries.as_bytes(), &[(facts(log(1), base, 1, bytes), batch(bytes, base as u8))], &[])
}

/// Has every file prepared that the lane wants. No time passes: the lane is fast.
pub(crate) fn prepare(opened: &mut Opened) {
    while opened.keeper.wants_file() {
        let prepared = opened.keeper.prepare_one(EngineTime(0)).unwrap();
        assert!(matches!(prepared, Prepared::Ready | Prepared::Enough), "{prepared:?}");
    }
}

/// All batches of a log from an offset on.
pub(crate) fn read_all(opened: &Opened, log: LogId, from: u64) -> Vec<StoredBatch> {
    let view = opened.views.get(log).expect("the log has a view");
    let mut all: Vec<StoredBatch> = Vec::new();
    loop {
        let from = all.last().map_or(Offset(from), |batch| batch.last_offset.advance(1));
        match view.read(from, 1 << 20, ReadMode::MayBlock).unwrap() {
            ReadOutcome::Batches(batches) => all.extend(batches),
            ReadOutcome::AtEnd => return all,
            ReadOutcome::WouldBlock => panic!("a read that may block waits"),
        }
    }
}

pub(crate) fn read_file(disk: &dyn Disk, path: &str) -> Vec<u8> {
    let file = disk.open(path, OpenMode::Existing).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    read_up_to(&*file, 0, &mut bytes).unwrap();
    bytes
}

pub(crate) fn overwrite(disk: &dyn Disk, path: &str, at: u64, bytes: &[u8]) {
    let file = disk.open(path, OpenMode::Existing).unwrap();
    write_all_at(&*file, at, &mut [std::io::IoSlice::new(bytes)]).unwrap();
    file.sync_data().unwrap();
}
