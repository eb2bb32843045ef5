//! Files that grow: what they cost, what a full disk does to them, and that their shortness hides no loss.

use millstream_storage::disk::{Disk, OpenMode};
use millstream_storage::{
    Admit, Frame, Group, LaneError, OpenError, Opened, Options, Prepared, Publish, Purpose,
};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{EngineTime, Offset};

use crate::support::{
    FIRST_FRAME, add, batch, commit, facts, fill, log, options, prepare, read_all, read_file, refusal,
    sim_disk, start,
};

/// Byte of a header page that says whether the file grows.
const FLAGS_AT: usize = 12;
const BATCH_BYTES: usize = 1000;
/// At least what a frame with one such batch and `append <n>` takes.
const FRAME_BYTES: u64 = (64 + 52 + 8 + BATCH_BYTES as u64).next_multiple_of(16) + 16;

/// The WAL files that were begun, in order, and whether each of them grows.
fn begun(disk: &SimDisk) -> Vec<(String, bool)> {
    let names = disk.list("wal").unwrap();
    let files = names.iter().filter(|name| name.ends_with(".wal")).map(|name| {
        let path = format!("wal/{name}");
        let page = read_file(disk, &path);
        (path, page[FLAGS_AT] == 1)
    });
    files.collect()
}

/// Appends until a file that grows has been begun and holds a few frames; returns the next offset.
fn until_growing(disk: &SimDisk, opened: &mut Opened, mut base: u64) -> u64 {
    let newest = |disk| begun(disk).pop().unwrap();
    let before = newest(disk);
    while newest(disk) == before || !newest(disk).1 {
        prepare(opened);
        add(opened, base, BATCH_BYTES).unwrap();
        base += 1;
    }
    for _ in 0..3 {
        add(opened, base, BATCH_BYTES).unwrap();
        base += 1;
    }
    prepare(opened);
    base
}

fn push(opened: &mut Opened, base: u64) {
    let entries = format!("append {base}");
    let batches = [(facts(log(1), base, 1, BATCH_BYTES), batch(BATCH_BYTES, base as u8))];
    opened.assembler.push(Frame {
        time: EngineTime(5),
        entries: entries.as_bytes(),
        batches: &batches,
        publish: &[],
    });
}

fn push_group(opened: &mut Opened, base: &mut u64, frames: u64) -> Group {
    for _ in 0..frames {
        assert_eq!(opened.assembler.admit(FRAME_BYTES, Purpose::Append), Admit::Yes);
        push(opened, *base);
        *base += 1;
    }
    opened.assembler.take_group().unwrap()
}

/// What a start must find: every batch, and that a power cut changes nothing of it.
fn assert_all_there(disk: &SimDisk, end: u64) {
    for _ in 0..2 {
        let (mut opened, _) = start(disk, options()).unwrap();
        opened.adoption.adopt(log(1), Offset(0), Offset(end)).unwrap();
        assert_eq!(read_all(&opened, log(1), 0).len() as u64, end);
        drop(opened);
        disk.crash();
    }
}

#[test]
fn a_lane_that_fills_files_fast_writes_each_byte_once() {
    let disk = sim_disk();
    disk.keep_trace();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 0, 0);
    for base in 0..600 {
        prepare(&mut opened);
        add(&mut opened, base, BATCH_BYTES).unwrap();
    }
    let written: u64 = disk
        .trace()
        .iter()
        .filter_map(|line| line.split_once(" write wal/")?.1.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    let pushed = opened.assembler.next_position().0;
    assert!(
        written * 10 < pushed * 13,
        "{written} bytes were written for {pushed}: pages, the first file, a reserve"
    );
    assert_eq!(
        begun(&disk).iter().filter(|(_, grows)| !grows).count(),
        1,
        "only the first was written through"
    );
    drop(opened);
    disk.crash();
    assert_all_there(&disk, 600);
}

#[test]
fn a_slow_lane_gets_its_files_written_through_ahead() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 0, 0);
    let mut now = EngineTime(0);
    for base in 0..200 {
        now = now.after_ms(500);
        while opened.keeper.wants_file() || opened.keeper.due().is_some_and(|due| due <= now) {
            opened.keeper.prepare_one(now).unwrap();
        }
        add(&mut opened, base, BATCH_BYTES).unwrap();
    }
    let begun = begun(&disk);
    assert!(begun.len() > 5 && begun.iter().all(|(_, grows)| !grows), "{begun:?}");
}

#[test]
fn a_file_in_the_making_makes_room_on_a_disk_that_is_full() {
    let disk = sim_disk();
    let wal_file_bytes = 2 << 20;
    let options = Options { wal_file_bytes, wal_file_bytes_first: wal_file_bytes, ..options() };
    let (mut opened, _) = start(&disk, options).unwrap();
    fill(&mut opened, 0, 0);
    let (mut now, mut base) = (EngineTime(0), 0);
    while opened.keeper.due().is_none() {
        now = now.after_ms(500);
        while opened.keeper.wants_file() {
            opened.keeper.prepare_one(now).unwrap();
        }
        add(&mut opened, base, 100_000).unwrap();
        base += 1;
    }
    assert_eq!(opened.keeper.prepare_one(now).unwrap(), Prepared::Enough, "one step of four");
    let path = "wal/prepare.tmp";
    let written = disk.file_bytes(path).unwrap();
    assert!(0 < written && written < wal_file_bytes, "{written}");
    let due = opened.keeper.due().unwrap();
    assert!(due > now, "the others come later");
    let used: u64 = disk.paths().iter().map(|path| disk.file_bytes(path).unwrap()).sum();
    disk.set_faults(Faults::none(used));
    assert_eq!(opened.keeper.prepare_one(due).unwrap(), Prepared::NoSpace);
    assert_eq!((opened.keeper.due(), disk.file_bytes(path)), (None, None));
}

#[test]
fn a_file_that_grew_is_written_space_when_it_comes_back() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, Options { pool_files_max: 9, ..options() }).unwrap();
    fill(&mut opened, 0, 0);
    let base = until_growing(&disk, &mut opened, 0);
    let (path, _) = begun(&disk).pop().unwrap();
    let end = until_growing(&disk, &mut opened, base);
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(end) }]).unwrap();
    let at = opened.assembler.next_position();
    let mut checkpoint = opened.checkpointer.begin(at).unwrap();
    checkpoint.add(at, b"all").unwrap();
    checkpoint.finish().unwrap();
    assert!(opened.keeper.recycle().unwrap().spared > 0);
    let spare = path.replace(".wal", ".spare");
    assert_eq!(disk.file_bytes(&spare), Some(options().wal_file_bytes), "its rest was filled");
}

#[test]
fn a_disk_that_fills_up_under_a_growing_file_takes_nothing_that_was_admitted() {
    // Whatever byte the disk ends at: within the part, at its first, behind a file's header page.
    for (groups, frames, left) in [
        (1, 1, 0),
        (1, 1, 1),
        (1, 1, 700),
        (1, 4, 2000),
        (3, 4, 3000),
        (3, 8, 100),
        (3, 8, 9000),
        (4, 6, 12_000),
    ]
    .into_iter()
    .chain((0..40).map(|n| (2, 12, 600 * n)))
    {
        let disk = sim_disk();
        let (mut opened, _) = start(&disk, options()).unwrap();
        fill(&mut opened, 0, 0);
        let mut base = until_growing(&disk, &mut opened, 0);
        // Several groups are laid out before the first of them is written, over the end of the file.
        let mut waiting = Vec::new();
        for _ in 0..groups {
            if (0..frames)
                .all(|_| opened.assembler.admit(FRAME_BYTES * frames, Purpose::Append) == Admit::Yes)
            {
                waiting.push(push_group(&mut opened, &mut base, frames));
            }
        }
        assert!(!waiting.is_empty());
        let capacity = (1 << 30) - disk.free_space().unwrap() + left;
        disk.set_faults(Faults::none(capacity));
        for group in waiting {
            opened.writer.write(group).unwrap();
        }
        assert_eq!(read_all(&opened, log(1), 0).len() as u64, base, "{groups} {frames} {left}");
        // Goes on from there, with relief to the last byte, and from the start again.
        while opened.assembler.admit(FRAME_BYTES, Purpose::Relief) == Admit::Yes {
            push(&mut opened, base);
            base += 1;
            let group = opened.assembler.take_group().unwrap();
            opened.writer.write(group).unwrap();
            opened.keeper.prepare_one(EngineTime(0)).unwrap();
        }
        assert_eq!(opened.assembler.admit(FRAME_BYTES, Purpose::Append), Admit::Full);
        assert!(opened.keeper.is_disk_full());
        drop(opened);
        disk.set_faults(Faults::none(1 << 30));
        disk.kill();
        assert_all_there(&disk, base);
    }
}

#[test]
fn after_a_full_disk_the_lane_goes_on_by_itself_when_there_is_room() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 0, 0);
    let mut base = until_growing(&disk, &mut opened, 0);
    disk.set_faults(Faults::none((1 << 30) - disk.free_space().unwrap()));
    let group = push_group(&mut opened, &mut base, 2);
    opened.writer.write(group).unwrap();
    assert_eq!(opened.keeper.prepare_one(EngineTime(0)).unwrap(), Prepared::NoSpace);
    assert_eq!(opened.assembler.admit(FRAME_BYTES, Purpose::Append), Admit::Full);
    disk.set_faults(Faults::none(1 << 30));
    prepare(&mut opened);
    let end = until_growing(&disk, &mut opened, base);
    drop(opened);
    disk.crash();
    assert_all_there(&disk, end);
}

#[test]
fn on_a_full_disk_a_file_in_which_nothing_lives_is_left_and_freed() {
    for is_trimmed in [true, false] {
        let disk = sim_disk();
        let (mut opened, _) = start(&disk, options()).unwrap();
        fill(&mut opened, 0, 0);
        let mut base = until_growing(&disk, &mut opened, 0);
        let before = begun(&disk).len();
        while begun(&disk).len() == before {
            add(&mut opened, base, BATCH_BYTES).unwrap();
            base += 1;
        }
        let trim = [Publish::Trim { log: log(1), start: Offset(base) }];
        commit(&mut opened, b"trim", &[], if is_trimmed { &trim } else { &[] }).unwrap();
        let in_use = begun(&disk).pop().unwrap().0;
        // One byte less than a further file needs.
        let needed = options().wal_file_bytes + options().checkpoint_reserve_bytes;
        disk.set_faults(Faults::none((1 << 30) - disk.free_space().unwrap() + needed - 1));
        assert_eq!(opened.keeper.prepare_one(EngineTime(0)).unwrap(), Prepared::NoSpace);
        assert_eq!(opened.assembler.admit(FRAME_BYTES, Purpose::Append), Admit::Full);
        assert_eq!(opened.assembler.relieve(EngineTime(6)), is_trimmed);
        if !is_trimmed {
            continue;
        }
        let group = opened.assembler.take_group().unwrap();
        opened.writer.write(group).unwrap();
        assert!(!opened.assembler.relieve(EngineTime(6)), "once is enough");
        let at = opened.assembler.next_position();
        let mut checkpoint = opened.checkpointer.begin(at).unwrap();
        checkpoint.add(at, b"all").unwrap();
        checkpoint.finish().unwrap();
        opened.keeper.recycle().unwrap();
        assert!(!begun(&disk).iter().any(|(path, _)| *path == in_use));
        opened.keeper.prepare_one(EngineTime(0)).unwrap();
        assert_eq!(opened.assembler.admit(FRAME_BYTES, Purpose::Append), Admit::Yes);
        add(&mut opened, base, BATCH_BYTES).unwrap();
        drop(opened);
        disk.crash();
        let (mut opened, _) = start(&disk, options()).unwrap();
        opened.adoption.adopt(log(1), Offset(base), Offset(base + 1)).unwrap();
        assert_eq!(read_all(&opened, log(1), base).len(), 1);
    }
}

#[test]
fn a_write_that_fails_for_another_reason_stops_the_lane_even_where_a_file_grows() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 0, 0);
    let base = until_growing(&disk, &mut opened, 0);
    disk.set_faults(Faults { failed_write_one_in: 1, ..Faults::none(1 << 30) });
    assert!(matches!(add(&mut opened, base, BATCH_BYTES), Err(LaneError::Write { .. })));
}

/// A growing file that was sealed, one that is the last, and what is cut off them.
#[test]
fn what_is_cut_off_a_growing_file_is_missed_when_anything_proves_it() {
    let shorten = |disk: &SimDisk, path: &str, bytes: u64| {
        let file = disk.open(path, OpenMode::Existing).unwrap();
        file.set_len(bytes).unwrap();
        file.sync_data().unwrap();
    };
    let written = |closes: bool| {
        let disk = sim_disk();
        let (mut opened, _) = start(&disk, options()).unwrap();
        fill(&mut opened, 0, 0);
        let base = until_growing(&disk, &mut opened, 0);
        let sealed = begun(&disk).pop().unwrap().0;
        let end = until_growing(&disk, &mut opened, base);
        let last = begun(&disk).pop().unwrap().0;
        if closes {
            opened.writer.close(opened.assembler, EngineTime(9)).unwrap();
        }
        disk.kill();
        (disk, sealed, last, end)
    };
    let (disk, sealed, ..) = written(false);
    let bytes = read_file(&disk, &sealed);
    let is_footer = |window: &[u8]| window == b"MSWALRUN";
    let sealed_bytes = bytes.windows(8).position(is_footer).expect("a sealed file has a footer") as u64;
    for bytes in [FIRST_FRAME, FIRST_FRAME + 40, FIRST_FRAME + 5 * FRAME_BYTES + 9, sealed_bytes - 17] {
        let (disk, sealed, ..) = written(false);
        shorten(&disk, &sealed, bytes);
        match refusal(&disk) {
            OpenError::Corrupt { file, .. } => assert_eq!(file, sealed),
            other => panic!("cut to {bytes}: {other}"),
        }
    }
    // Of the last file of an unclean stop no later frame speaks: it is a torn tail.
    let (disk, _, last, end) = written(false);
    shorten(&disk, &last, disk.file_bytes(&last).unwrap() - BATCH_BYTES as u64);
    let (mut opened, recorder) = start(&disk, options()).unwrap();
    assert_eq!(recorder.facts.len() as u64, end - 1);
    opened.adoption.adopt(log(1), Offset(0), Offset(end - 1)).unwrap();
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, end - 1);
    // After a clean stop only the closing frame itself can be cut off unnoticed, and nothing with it.
    let (disk, _, last, end) = written(true);
    shorten(&disk, &last, disk.file_bytes(&last).unwrap() - 64);
    assert_all_there(&disk, end);
}
