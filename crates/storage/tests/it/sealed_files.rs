//! Descriptors of sealed WAL files: as many as configured, however many files there are.

use millstream_storage::{
    Admit, Opened, Options, Prepared, Publish, Purpose, ReadError, ReadMode, frame_bytes,
};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::{EngineTime, Offset};

use crate::open_files::Scarce;
use crate::support::{add, batch, commit, fill, log, options, prepare, read_all, sim_disk, start};

const FILES: usize = 2000;
const FEW_FILES: usize = 50;
const OPEN_FILES_MAX: usize = 8;
/// What the lane holds beside them: the lock, the file in use and one being synced, those that are ready, one being made.
const LANE_FILES_MAX: usize = 8;
/// Two to a file.
const BATCH_BYTES: usize = 1500;

fn small() -> Options {
    Options {
        wal_file_bytes: 8 << 10,
        wal_file_bytes_first: 8 << 10,
        open_files_max: OPEN_FILES_MAX,
        ..options()
    }
}

fn wal_files(disk: &SimDisk) -> usize {
    disk.paths().iter().filter(|path| path.ends_with(".wal")).count()
}

/// Fills so many files; returns the lane and the end of its log.
fn filled(sim: &SimDisk, disk: &Scarce, files: usize) -> (Opened, u64) {
    let (mut opened, _) = start(disk, small()).unwrap();
    fill(&mut opened, 0, 0);
    let end = 2 * files as u64;
    for base in 0..end {
        prepare(&mut opened);
        add(&mut opened, base, BATCH_BYTES).unwrap();
    }
    prepare(&mut opened);
    assert!(wal_files(sim) >= files);
    (opened, end)
}

#[test]
fn two_thousand_files_are_written_read_and_recovered_with_a_few_descriptors() {
    let sim = sim_disk();
    let disk = Scarce::over(sim.clone(), 1000);
    let (opened, end) = filled(&sim, &disk, FILES);
    let bound = OPEN_FILES_MAX + LANE_FILES_MAX;
    assert!(disk.take_peak() <= bound, "while the files were filled");
    for _ in 0..2 {
        assert_eq!(read_all(&opened, log(1), 0).len() as u64, end);
    }
    let peak = disk.take_peak();
    assert!((OPEN_FILES_MAX..=bound).contains(&peak), "{peak} while they were read");
    drop(opened);
    assert_eq!(disk.held(), 0);
    sim.crash();

    let (mut opened, _) = start(&disk, small()).unwrap();
    opened.adoption.adopt(log(1), Offset(0), Offset(end)).unwrap();
    let peak = disk.take_peak();
    assert!(peak <= bound, "{peak} while the directory was opened");
    let read = read_all(&opened, log(1), 0);
    assert_eq!(read.len() as u64, end);
    for (n, stored) in read.iter().enumerate() {
        assert_eq!(stored.to_contiguous()[21..], batch(BATCH_BYTES, n as u8)[21..]);
    }
    assert!(disk.take_peak() <= bound);
}

#[test]
fn without_a_descriptor_reads_and_new_files_wait_and_the_lane_lives() {
    let sim = sim_disk();
    let disk = Scarce::over(sim.clone(), 1000);
    let (mut opened, end) = filled(&sim, &disk, FEW_FILES);
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, end);

    // None is free, but some are only kept: they are closed for others.
    disk.allow(disk.held());
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, end);

    disk.allow(0);
    let view = opened.views.get(log(1)).unwrap();
    let error = view.read(Offset(0), 1, ReadMode::MayBlock).unwrap_err();
    assert!(matches!(&error, ReadError::Io { file, .. } if file.ends_with(".wal")), "{error}");
    // The lane goes on, beyond the file in use, with what is open.
    let begun = wal_files(&sim);
    let bytes = frame_bytes(20, 1, BATCH_BYTES as u64);
    let mut reached = end;
    while opened.assembler.admit(bytes, Purpose::Append) == Admit::Yes {
        add(&mut opened, reached, BATCH_BYTES).unwrap();
        reached += 1;
    }
    assert!(wal_files(&sim) > begun, "it went on in another file");
    assert_eq!(opened.assembler.admit(bytes, Purpose::Append), Admit::Wait);
    assert_eq!(opened.keeper.prepare_one(EngineTime(0)).unwrap(), Prepared::Later);
    let at = opened.assembler.next_position();
    assert!(opened.checkpointer.begin(at).is_err(), "a checkpoint needs a file");

    disk.allow(1000);
    prepare(&mut opened);
    add(&mut opened, reached, BATCH_BYTES).unwrap();
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, reached + 1);
    let mut writer = opened.checkpointer.begin(at).unwrap();
    writer.add(at, b"all").unwrap();
    writer.finish().unwrap();
}

#[test]
fn freed_files_are_recycled_and_removed_with_no_descriptor_left_on_them() {
    let sim = sim_disk();
    let disk = Scarce::over(sim.clone(), 1000);
    let (mut opened, end) = filled(&sim, &disk, FEW_FILES);
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, end);
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(end) }]).unwrap();
    let at = opened.assembler.next_position();
    let mut writer = opened.checkpointer.begin(at).unwrap();
    writer.add(at, b"all").unwrap();
    writer.finish().unwrap();
    let recycled = opened.keeper.recycle().unwrap();
    assert!(recycled.removed + recycled.spared >= FEW_FILES - 2, "{recycled:?}");
    assert!(disk.held() <= LANE_FILES_MAX, "{} are held", disk.held());
    opened.writer.close(opened.assembler, EngineTime(9)).unwrap();
}
