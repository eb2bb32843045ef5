//! Header pages that are damaged: the file that lost its page is named, not one beside it.

use millstream_storage::OpenError;
use millstream_storage::disk::Disk;
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::EngineTime;

use crate::support::{add, fill, options, overwrite, prepare, refusal, sim_disk, start};

/// What a lane is when it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    /// One file, no checkpoint.
    OneFile,
    /// The newest file is listed by the newest checkpoint.
    Listed,
    /// The newest file was begun after the newest checkpoint.
    Begun,
    /// The newest file is the first of a second start.
    SecondStart,
    /// As before, after a clean stop.
    Closed,
}

fn newest(disk: &SimDisk) -> String {
    let names = disk.list("wal").unwrap();
    format!("wal/{}", names.iter().rfind(|name| name.ends_with(".wal")).unwrap())
}

fn left(how: Left) -> SimDisk {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 2, 1000);
    if how == Left::OneFile {
        drop(opened);
        disk.kill();
        return disk;
    }
    let mut base = 2;
    let mut roll = |opened: &mut _| {
        let before = newest(&disk);
        while newest(&disk) == before {
            prepare(opened);
            add(opened, base, 1000).unwrap();
            base += 1;
        }
        for _ in 0..2 {
            add(opened, base, 1000).unwrap();
            base += 1;
        }
    };
    roll(&mut opened);
    let at = opened.assembler.next_position();
    let mut checkpoint = opened.checkpointer.begin(at).unwrap();
    checkpoint.add(at, b"all").unwrap();
    checkpoint.finish().unwrap();
    if how == Left::Begun {
        roll(&mut opened);
    }
    drop(opened);
    if matches!(how, Left::SecondStart | Left::Closed) {
        disk.kill();
        let (mut opened, _) = start(&disk, options()).unwrap();
        add(&mut opened, base, 1000).unwrap();
        add(&mut opened, base + 1, 1000).unwrap();
        if how == Left::Closed {
            opened.writer.close(opened.assembler, EngineTime(9)).unwrap();
        }
    }
    disk.kill();
    disk
}

#[test]
fn a_start_names_the_newest_file_when_its_header_page_is_damaged() {
    for how in [Left::OneFile, Left::Listed, Left::Begun, Left::SecondStart, Left::Closed] {
        for at in [0, 9, 33, 50, 64] {
            let disk = left(how);
            let path = newest(&disk);
            disk.flip_bit(&path, at * 8);
            match refusal(&disk) {
                OpenError::Corrupt { file, offset: 0, what } if file == path => {
                    assert!(what.starts_with("its header page is damaged, yet "), "{how:?} {at}: {what}");
                }
                other => panic!("{how:?} {at}: {other}"),
            }
        }
    }
}

#[test]
fn a_start_names_the_newest_file_when_its_header_page_is_gone() {
    for how in [Left::Listed, Left::Begun, Left::SecondStart, Left::Closed] {
        let disk = left(how);
        let path = newest(&disk);
        overwrite(&disk, &path, 0, &[0; 4096]);
        match refusal(&disk) {
            OpenError::Corrupt { file, offset: 0, .. } if file == path => {}
            other => panic!("{how:?}: {other}"),
        }
    }
}

/// Making a directory ends with its identity. Before that there is one file with a header page and zeros, and the page may be
/// torn; a frame, or another file, is more than that leaves.
#[test]
fn a_directory_whose_making_was_cut_short_within_the_header_page_is_made_again() {
    for has_frames in [false, true] {
        let disk = sim_disk();
        let (mut opened, _) = start(&disk, options()).unwrap();
        if has_frames {
            fill(&mut opened, 1, 100);
        }
        drop(opened);
        disk.kill();
        disk.remove("identity").unwrap();
        overwrite(&disk, "wal/0000000000000000.wal", 9, &[0xff; 40]);
        for name in disk.list("wal").unwrap().iter().filter(|name| !name.ends_with(".wal")) {
            disk.remove(&format!("wal/{name}")).unwrap();
        }
        if has_frames {
            assert!(matches!(refusal(&disk), OpenError::Missing { file, .. } if file == "identity"));
        } else {
            start(&disk, options()).unwrap();
        }
    }
}
