//! Checkpoints: what they save, what they let go, what happens when one is damaged (R7).

use millstream_storage::{Disk, Durability, OpenError, Opened, Options, Publish};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{Offset, WalPosition};

use crate::support::{add, commit, fill, log, options, prepare, refusal, sim_disk, start};

fn checkpoint(opened: &mut Opened, images: &[&[u8]]) -> WalPosition {
    let at = opened.assembler.next_position();
    let mut writer = opened.checkpointer.begin(at).unwrap();
    for image in images {
        writer.add(at, image).unwrap();
    }
    writer.finish().unwrap().needed
}

/// Fills several files with a log that is then trimmed to its end, with two checkpoints on the way.
fn aged(disk: &SimDisk) -> (WalPosition, usize) {
    let (mut opened, _) = start(disk, options()).unwrap();
    fill(&mut opened, 1, 100);
    checkpoint(&mut opened, &[b"old"]);
    for base in 1..100 {
        prepare(&mut opened);
        add(&mut opened, base, 1000).unwrap();
    }
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(100) }]).unwrap();
    let needed = checkpoint(&mut opened, &[b"new", b"two"]);
    let freed = opened.keeper.recycle().unwrap();
    commit(&mut opened, b"after", &[], &[]).unwrap();
    disk.kill();
    (needed, freed.spared + freed.removed)
}

#[test]
fn replay_begins_at_the_newest_checkpoint_and_the_freed_files_are_not_missed() {
    let disk = sim_disk();
    let (needed, freed) = aged(&disk);
    assert!(freed >= 2, "{freed}");
    let (mut opened, recorder) = start(&disk, options()).unwrap();
    assert_eq!(opened.recovered.checkpoint, Some(2));
    assert_eq!(recorder.images.iter().map(|(_, image)| &image[..]).collect::<Vec<_>>(), [b"new", b"two"]);
    assert!(recorder.images.iter().all(|(stamp, _)| *stamp == needed));
    assert_eq!(recorder.entries(), [b"after"]);
    opened.adoption.adopt(log(1), Offset(100), Offset(100)).unwrap();
}

#[test]
fn a_checkpoint_never_lists_a_file_that_the_one_before_has_let_go() {
    let disk = sim_disk();
    let options = Options { durability: Durability::Interval(10), ..options() };
    let (mut opened, _) = start(&disk, options).unwrap();
    fill(&mut opened, 1, 100);
    for base in 1..100 {
        prepare(&mut opened);
        add(&mut opened, base, 1000).unwrap();
    }
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(100) }]).unwrap();
    opened.writer.sync().unwrap();
    checkpoint(&mut opened, &[b"first"]);
    // Between that checkpoint and the freeing of its files comes another one, while something is not synced.
    let at = opened.assembler.next_position();
    commit(&mut opened, b"after", &[], &[]).unwrap();
    let mut writer = opened.checkpointer.begin(at).unwrap();
    writer.add(at, b"second").unwrap();
    writer.finish().unwrap();
    let freed = opened.keeper.recycle().unwrap();
    assert!(freed.spared + freed.removed >= 2, "{freed:?}");
    drop(opened);
    disk.crash();
    let (opened, _) = start(&disk, options).unwrap();
    assert_eq!(opened.recovered.checkpoint, Some(2));
}

#[test]
fn files_freed_before_anything_new_is_durable_may_come_back() {
    for seed in 0..60 {
        let disk = SimDisk::new(seed, Faults::none(1 << 30));
        let (mut opened, _) = start(&disk, options()).unwrap();
        fill(&mut opened, 1, 100);
        for base in 1..100 {
            prepare(&mut opened);
            add(&mut opened, base, 1000).unwrap();
        }
        commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(100) }]).unwrap();
        drop(opened);
        disk.kill();
        let (mut opened, _) = start(&disk, options()).unwrap();
        opened.adoption.adopt(log(1), Offset(100), Offset(100)).unwrap();
        checkpoint(&mut opened, &[b"all"]);
        // The power goes while names change: some of them are as before.
        disk.crash_at(Some(disk.operations() + 1 + seed % 5));
        assert!(opened.keeper.recycle().is_err() || seed % 5 == 4);
        drop(opened);
        disk.crash();
        let (opened, recorder) =
            start(&disk, options()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(recorder.images.len(), 1);
        assert!(recorder.frames.is_empty());
        drop(opened);
    }
}

#[test]
fn a_damaged_checkpoint_falls_back_only_if_the_files_before_it_are_still_there() {
    // Nothing was freed: the one before does.
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 1, 100);
    checkpoint(&mut opened, &[b"old"]);
    add(&mut opened, 1, 100).unwrap();
    checkpoint(&mut opened, &[b"new"]);
    disk.kill();
    disk.flip_bit("checkpoint/0000000000000002.ckpt", 70 * 8);
    let (opened, recorder) = start(&disk, options()).unwrap();
    assert_eq!(opened.recovered.checkpoint, Some(1));
    assert_eq!(recorder.entries(), [b"append 1"]);

    // Files were freed on the word of the damaged one: a hole, not a start with less.
    let disk = sim_disk();
    aged(&disk);
    disk.flip_bit("checkpoint/0000000000000002.ckpt", 70 * 8);
    assert!(matches!(refusal(&disk), OpenError::Missing { .. }), "{}", refusal(&disk));
}

#[test]
fn a_bit_flipped_anywhere_in_a_checkpoint_is_found() {
    let make = || {
        let disk = sim_disk();
        let (mut opened, _) = start(&disk, options()).unwrap();
        fill(&mut opened, 1, 100);
        checkpoint(&mut opened, &[b"only"]);
        disk.kill();
        disk
    };
    let path = "checkpoint/0000000000000001.ckpt";
    let bytes = make().file_bytes(path).unwrap();
    for byte in 0..bytes {
        let disk = make();
        disk.flip_bit(path, byte * 8 + byte % 8);
        let error = refusal(&disk);
        assert!(
            matches!(&error, OpenError::Corrupt { file, .. } if file == path) || (52..64).contains(&byte),
            "{byte}: {error}"
        );
    }
}

#[test]
fn a_listed_file_that_is_gone_is_named() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 3, 100);
    checkpoint(&mut opened, &[b"only"]);
    disk.kill();
    drop(start(&disk, options()).unwrap());
    disk.kill();
    disk.remove("wal/0000000000000000.wal").unwrap();
    let error = refusal(&disk);
    assert!(matches!(&error, OpenError::Missing { file, .. } if file.ends_with("0000.wal")), "{error}");
}

#[test]
fn a_file_that_still_holds_live_records_is_not_freed() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 1, 100);
    commit(&mut opened, b"other", &[], &[Publish::Create { log: log(2), start: Offset(0) }]).unwrap();
    let batches = [(crate::support::facts(log(2), 0, 1, 100), crate::support::batch(100, 1))];
    commit(&mut opened, b"other", &batches, &[]).unwrap();
    for base in 1..60 {
        prepare(&mut opened);
        add(&mut opened, base, 1000).unwrap();
    }
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(60) }]).unwrap();
    checkpoint(&mut opened, &[]);
    opened.keeper.recycle().unwrap();
    assert_eq!(crate::support::read_all(&opened, log(2), 0).len(), 1);
    assert!(disk.file_bytes("wal/0000000000000000.wal").is_some());
    commit(&mut opened, b"", &[], &[Publish::Delete { log: log(2) }]).unwrap();
    checkpoint(&mut opened, &[]);
    opened.keeper.recycle().unwrap();
    assert!(disk.file_bytes("wal/0000000000000000.wal").is_none());
}
