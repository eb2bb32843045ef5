//! Footers: what they save a start, and that nothing depends on them.

use millstream_storage::disk::{Disk, OpenMode};
use millstream_storage::{OpenError, Opened, Options, Publish};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::{EngineTime, Offset};

use crate::support::{
    FIRST_FRAME, add, batch, commit, facts, fill, log, options, prepare, read_all, read_file, refusal,
    sim_disk, start,
};

const MAGIC: &[u8] = b"MSWALRUN";
const RECORDS: u64 = 150;

fn checkpoint(opened: &mut Opened) {
    let at = opened.assembler.next_position();
    let mut writer = opened.checkpointer.begin(at).unwrap();
    writer.add(at, b"all").unwrap();
    writer.finish().unwrap();
}

/// Several files of one log, all but the last with footers, and a checkpoint at the end.
fn written(disk: &SimDisk) -> Opened {
    let (mut opened, _) = start(disk, options()).unwrap();
    fill(&mut opened, 0, 0);
    for base in 0..RECORDS {
        prepare(&mut opened);
        add(&mut opened, base, 1000).unwrap();
    }
    prepare(&mut opened);
    checkpoint(&mut opened);
    opened
}

fn wal_files(disk: &SimDisk) -> Vec<String> {
    let names = disk.list("wal").unwrap();
    names.iter().filter(|name| name.ends_with(".wal")).map(|name| format!("wal/{name}")).collect()
}

/// Where a file's footer is.
fn footer_at(disk: &SimDisk, path: &str) -> Option<u64> {
    let bytes = read_file(disk, path);
    bytes.windows(MAGIC.len()).position(|window| window == MAGIC).map(|at| at as u64)
}

/// Starts and looks at everything; returns the files whose frames were read from the first one on.
fn scanned(disk: &SimDisk, records: u64) -> Vec<String> {
    disk.keep_trace();
    let before = disk.trace().len();
    let (mut opened, _) = start(disk, options()).unwrap();
    let trace = disk.trace().split_off(before);
    opened.adoption.adopt(log(1), Offset(0), Offset(records)).unwrap();
    opened.adoption.finish().unwrap();
    let read = read_all(&opened, log(1), 0);
    assert_eq!(read.len() as u64, records);
    for (n, stored) in read.iter().enumerate() {
        assert_eq!(stored.to_contiguous()[21..], batch(1000, n as u8)[21..]);
    }
    let reads_frames = |path: &String| {
        let first = format!(" read {path} {FIRST_FRAME} ");
        trace.iter().any(|line| line.contains(&first))
    };
    wal_files(disk).into_iter().filter(reads_frames).collect()
}

#[test]
fn a_start_reads_no_frames_of_a_file_with_a_footer() {
    let disk = sim_disk();
    drop(written(&disk));
    let files = wal_files(&disk);
    assert!(files.len() > 4);
    disk.crash();
    assert_eq!(scanned(&disk, RECORDS), files[files.len() - 1..], "only the last one has no footer yet");
}

#[test]
fn after_a_clean_stop_no_file_is_read_to_its_end() {
    let disk = sim_disk();
    let mut opened = written(&disk);
    opened.keeper.write_footers();
    opened.writer.close(opened.assembler, EngineTime(9)).unwrap();
    disk.crash();
    assert_eq!(scanned(&disk, RECORDS), [""; 0]);
    disk.crash();
    assert_eq!(scanned(&disk, RECORDS), [""; 0], "a start in between changes nothing");
}

/// Bytes of a file that a start reads.
fn bytes_read(disk: &SimDisk, path: &str, options: Options) -> u64 {
    disk.keep_trace();
    let before = disk.trace().len();
    let (opened, _) = start(disk, options).unwrap();
    assert!(opened.recovered.clean);
    let what = format!(" read {path} ");
    let trace = disk.trace().split_off(before);
    let reads = trace.iter().filter(|line| line.contains(&what));
    reads.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn after_a_clean_stop_what_a_recycled_file_held_before_is_not_searched() {
    let options = Options { wal_file_bytes: 4 << 20, pool_files_max: 9, ..options() };
    let holds_old_frames = |bytes: &[u8]| bytes[bytes.len() / 2..].windows(4).any(|word| word == b"MSF\x01");
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options).unwrap();
    fill(&mut opened, 0, 0);
    let mut base = 0;
    let mut roll = |opened: &mut Opened| {
        let newest = wal_files(&disk).pop();
        while wal_files(&disk).pop() == newest {
            prepare(opened);
            add(opened, base, 100_000).unwrap();
            base += 1;
        }
        base
    };
    for _ in 0..3 {
        roll(&mut opened);
    }
    let end = roll(&mut opened);
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(end - 1) }]).unwrap();
    checkpoint(&mut opened);
    assert!(opened.keeper.recycle().unwrap().spared > 0);
    let recycled = (0..8).find_map(|_| {
        roll(&mut opened);
        wal_files(&disk).pop().filter(|path| holds_old_frames(&read_file(&disk, path)))
    });
    let recycled = recycled.expect("a recycled file is used");
    checkpoint(&mut opened);
    opened.writer.close(opened.assembler, EngineTime(9)).unwrap();
    disk.crash();
    let footer = footer_at(&disk, &recycled).unwrap();
    let copy = disk.fork(7);
    let read = bytes_read(&copy, &recycled, options);
    assert!(read < 1 << 20, "{read} bytes are read");
    // It is the footer that says so.
    disk.flip_bit(&recycled, (footer + 70) * 8);
    disk.kill();
    let read = bytes_read(&disk, &recycled, options);
    assert!(read > 3 << 20, "{read} bytes are read");
}

#[test]
fn files_that_a_start_had_to_read_get_their_footers() {
    let disk = sim_disk();
    drop(written(&disk));
    disk.crash();
    let (mut opened, _) = start(&disk, options()).unwrap();
    opened.adoption.adopt(log(1), Offset(0), Offset(RECORDS)).unwrap();
    prepare(&mut opened);
    add(&mut opened, RECORDS, 1000).unwrap();
    checkpoint(&mut opened);
    let files = wal_files(&disk);
    drop(opened);
    disk.crash();
    assert_eq!(scanned(&disk, RECORDS + 1), files[files.len() - 1..]);
}

#[test]
fn a_damaged_footer_costs_a_scan_and_nothing_else() {
    let disk = sim_disk();
    drop(written(&disk));
    let path = wal_files(&disk)[1].clone();
    let at = footer_at(&disk, &path).unwrap();
    let end = disk.file_bytes(&path).unwrap();
    for byte in (at..at + 80).chain((at + 80..end).step_by(7)) {
        let disk = sim_disk();
        drop(written(&disk));
        disk.flip_bit(&path, byte * 8 + byte % 8);
        disk.kill();
        assert!(scanned(&disk, RECORDS).contains(&path), "byte {}", byte - at);
    }
}

#[test]
fn a_footer_cut_short_or_of_another_file_is_none() {
    let disk = sim_disk();
    drop(written(&disk));
    let files = wal_files(&disk);
    let (one, other) = (&files[1], &files[2]);
    let at = footer_at(&disk, one).unwrap();
    for bytes in [at, at + 20, at + 80, at + 81, disk.file_bytes(one).unwrap() - 1] {
        let disk = sim_disk();
        drop(written(&disk));
        disk.open(one, OpenMode::Existing).unwrap().set_len(bytes).unwrap();
        disk.kill();
        assert!(scanned(&disk, RECORDS).contains(one), "cut to {bytes}");
    }
    let disk = sim_disk();
    drop(written(&disk));
    let foreign = read_file(&disk, other)[footer_at(&disk, other).unwrap() as usize..].to_vec();
    crate::support::overwrite(&disk, one, at, &foreign);
    disk.kill();
    assert!(scanned(&disk, RECORDS).contains(one));
}

#[test]
fn a_newer_footer_is_refused_by_name() {
    let disk = sim_disk();
    drop(written(&disk));
    let path = wal_files(&disk)[1].clone();
    let at = footer_at(&disk, &path).unwrap() as usize;
    let mut footer = read_file(&disk, &path)[at..].to_vec();
    footer[8] = 2;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&footer[..64]), &footer[80..]);
    footer[64..68].copy_from_slice(&sum.to_le_bytes());
    crate::support::overwrite(&disk, &path, at as u64, &footer);
    disk.kill();
    assert!(matches!(refusal(&disk), OpenError::NewerFormat { file, found: 2, .. } if file == path));
}

#[test]
fn a_footer_beyond_the_files_length_is_cut_off_when_the_file_is_used_again() {
    let disk = sim_disk();
    let mut opened = written(&disk);
    let beyond = |path: &String| disk.file_bytes(path).unwrap() > options().wal_file_bytes;
    // Small frames fill a file to its last byte, so that its footer has no room in it.
    let mut base = RECORDS;
    while !wal_files(&disk).iter().any(beyond) {
        prepare(&mut opened);
        add(&mut opened, base, 61 + base as usize % 90).unwrap();
        base += 1;
        assert!(base < 5000, "one of the files is filled nearly to its end");
    }
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(base) }]).unwrap();
    checkpoint(&mut opened);
    opened.keeper.recycle().unwrap();
    let names = disk.list("wal").unwrap();
    let spare = names.iter().filter(|name| name.ends_with(".spare")).map(|name| format!("wal/{name}"));
    assert!(spare.clone().count() > 0 && !spare.into_iter().any(|path| beyond(&path)));
}

/// Files of two logs by turns; the second log is trimmed, and what only it needed goes.
#[test]
fn a_gap_between_files_is_accepted_where_the_checkpoint_lists_no_file_and_refused_elsewhere() {
    let with_gap = || {
        let disk = sim_disk();
        let (mut opened, _) = start(&disk, Options { pool_files_max: 2, ..options() }).unwrap();
        fill(&mut opened, 0, 0);
        commit(&mut opened, b"", &[], &[Publish::Create { log: log(2), start: Offset(0) }]).unwrap();
        let mut ends = [0, 0];
        for n in 0..200 {
            prepare(&mut opened);
            let which = usize::from(n / 50 % 2 == 1);
            let id = log(1 + which as u64);
            let batches = [(facts(id, ends[which], 1, 1000), batch(1000, 1))];
            commit(&mut opened, b"append", &batches, &[]).unwrap();
            ends[which] += 1;
        }
        commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(2), start: Offset(ends[1]) }]).unwrap();
        prepare(&mut opened);
        let before = wal_files(&disk).len();
        checkpoint(&mut opened);
        opened.keeper.recycle().unwrap();
        assert!(wal_files(&disk).len() < before);
        drop(opened);
        disk.kill();
        (disk, ends)
    };
    let (disk, ends) = with_gap();
    let (mut opened, _) = start(&disk, options()).unwrap();
    opened.adoption.adopt(log(1), Offset(0), Offset(ends[0])).unwrap();
    opened.adoption.adopt(log(2), Offset(ends[1]), Offset(ends[1])).unwrap();
    assert_eq!(read_all(&opened, log(1), 0).len() as u64, ends[0]);
    drop(opened);
    for file in wal_files(&disk).iter().rev().skip(1) {
        let (disk, _) = with_gap();
        if disk.file_bytes(file).is_none() {
            continue;
        }
        disk.remove(file).unwrap();
        match refusal(&disk) {
            OpenError::Missing { file: named, .. } => {
                assert!(named.contains(&file[4..]), "{named}, not {file}")
            }
            other => panic!("{file}: {other}"),
        }
    }
}
