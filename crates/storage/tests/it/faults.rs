//! What storage does when the disk or the operator does something wrong (F5, F6, F8, F9, F29, F30).

use std::sync::Arc;

use millstream_storage::{LaneError, OpenError, Options, RealDisk, open};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{EngineTime, Offset};

use crate::support::{
    Recorder, TempDir, add, fill, log, options, overwrite, read_all, refusal, sim_disk, start,
};

const FILE: &str = "wal/0000000000000000.wal";

#[test]
fn after_a_failed_sync_the_lane_never_writes_again_and_a_restart_loses_no_acknowledged_frame() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed, Faults::none(1 << 30));
        let (mut opened, _) = start(&disk, options()).unwrap();
        fill(&mut opened, 3, 100);
        disk.set_faults(Faults { failed_sync_one_in: 1, ..Faults::none(1 << 30) });
        assert!(matches!(add(&mut opened, 3, 100), Err(LaneError::Sync { .. })));
        disk.set_faults(Faults::none(1 << 30));
        assert_eq!(opened.views.get(log(1)).unwrap().high_watermark(), Offset(3), "it was not shown");
        assert!(matches!(add(&mut opened, 4, 100), Err(LaneError::Poisoned(_))));
        assert!(matches!(opened.keeper.prepare_one(EngineTime(0)), Err(LaneError::Poisoned(_))));
        drop(opened);
        // The process restarts on the same page cache: what it then shows must survive a power cut.
        disk.kill();
        let (_, seen) = start(&disk, options()).unwrap();
        assert!(seen.frames.len() >= 4);
        disk.crash();
        let (_, after) = start(&disk, options()).unwrap();
        assert_eq!(seen.frames, after.frames, "seed {seed}");
    }
}

#[test]
fn a_failed_write_in_allocated_space_stops_the_lane() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 1, 100);
    disk.set_faults(Faults { failed_write_one_in: 1, ..Faults::none(1 << 30) });
    assert!(matches!(add(&mut opened, 1, 100), Err(LaneError::Write { .. })));
    assert!(matches!(opened.writer.sync(), Err(LaneError::Poisoned(_))));
}

#[test]
fn short_writes_are_finished() {
    let disk = SimDisk::new(3, Faults { short_write_one_in: 1, ..Faults::none(1 << 30) });
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 5, 1000);
    assert_eq!(read_all(&opened, log(1), 0).len(), 5);
}

#[test]
fn a_second_process_is_told_that_the_directory_is_in_use() {
    let dir = TempDir::new();
    let disk = Arc::new(RealDisk::new(&dir.0).unwrap());
    let first = open(Arc::clone(&disk) as Arc<_>, options(), &mut Recorder::default()).unwrap();
    let second = open(Arc::clone(&disk) as Arc<_>, options(), &mut Recorder::default());
    assert!(matches!(second.err(), Some(OpenError::Locked)));
    drop(first);
    assert!(open(disk, options(), &mut Recorder::default()).is_ok());
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let disk = sim_disk();
    drop(start(&disk, options()).unwrap());
    // Version 2 of the identity, with the right checksum.
    let mut identity = crate::support::read_file(&disk, "identity");
    identity[8] = 2;
    let sum = crc32c::crc32c(&identity[..32]);
    identity[32..36].copy_from_slice(&sum.to_le_bytes());
    overwrite(&disk, "identity", 0, &identity);
    assert!(matches!(refusal(&disk), OpenError::NewerFormat { file, found: 2, .. } if file == "identity"));
}

#[test]
fn a_damaged_identity_is_refused() {
    let disk = sim_disk();
    drop(start(&disk, options()).unwrap());
    disk.flip_bit("identity", 20 * 8);
    assert!(matches!(refusal(&disk), OpenError::Corrupt { file, .. } if file == "identity"));
}

#[test]
fn files_of_another_directory_are_refused() {
    let (disk, other) = (sim_disk(), sim_disk());
    drop(start(&disk, options()).unwrap());
    drop(start(&other, Options { new_directory_id: 8, ..options() }).unwrap());
    let foreign = crate::support::read_file(&other, FILE);
    overwrite(&disk, FILE, 0, &foreign);
    assert!(matches!(refusal(&disk), OpenError::Foreign { file, found: 8, expected: 7 } if file == FILE));
}

#[test]
fn missing_files_are_named_and_nothing_is_made_anew() {
    use millstream_storage::Disk;
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 3, 100);
    disk.kill();
    drop(start(&disk, options()).unwrap());
    disk.kill();
    disk.rename("identity", "elsewhere").unwrap();
    assert!(matches!(refusal(&disk), OpenError::Missing { file, .. } if file == "identity"));
    disk.rename("elsewhere", "identity").unwrap();
    disk.remove(FILE).unwrap();
    assert!(matches!(refusal(&disk), OpenError::Missing { .. }));
    disk.remove("wal/0000000000000001.wal").unwrap();
    let refused = refusal(&disk);
    assert!(matches!(refused, OpenError::Missing { .. }), "{refused}");
}

#[test]
fn a_log_without_its_bytes_is_a_hole() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 3, 100);
    disk.kill();
    let (mut opened, _) = start(&disk, options()).unwrap();
    for (start, end) in [(0, 4), (0, 2)] {
        let error = opened.adoption.adopt(log(1), Offset(start), Offset(end)).unwrap_err();
        assert!(matches!(error, OpenError::Hole { .. }), "{error}");
    }
    assert!(matches!(opened.adoption.adopt(log(2), Offset(0), Offset(1)), Err(OpenError::Hole { .. })));
    opened.adoption.adopt(log(1), Offset(1), Offset(3)).unwrap();
    opened.adoption.adopt(log(3), Offset(5), Offset(5)).unwrap();
}

#[test]
fn logs_that_nobody_adopts_are_forgotten() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 3, 100);
    disk.kill();
    let (mut opened, _) = start(&disk, options()).unwrap();
    let views = Arc::clone(&opened.views);
    opened.adoption.finish().unwrap();
    assert!(views.get(log(1)).is_none());
}
