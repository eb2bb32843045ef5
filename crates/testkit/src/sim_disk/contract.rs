//! What every disk promises, as one suite (style rule 17).
//!
//! Apart because the machine's disk and the simulated one must both pass it: what the simulation allows beyond it
//! (losing what was not synced) a machine shows only when its power goes.

use std::io::{ErrorKind, IoSlice};

use millstream_storage::disk::{Disk, OpenMode, read_up_to, write_all_at};

/// Runs all of it on an empty disk.
///
/// # Panics
/// When the disk breaks a promise.
pub fn run(disk: &dyn Disk) {
    names_can_be_made_found_renamed_and_removed(disk);
    bytes_are_read_as_written(disk);
    removed_files_stay_readable(disk);
    only_one_holds_the_lock(disk);
}

fn names_can_be_made_found_renamed_and_removed(disk: &dyn Disk) {
    disk.make_dir("names").expect("a directory can be made");
    disk.make_dir("names").expect("a directory that exists is fine");
    disk.sync_dir("").expect("the root can be synced");
    let missing = disk.open("names/a", OpenMode::Existing).err().expect("there is no such file yet");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    disk.open("names/a", OpenMode::CreateNew).expect("a file can be made");
    let twice = disk.open("names/a", OpenMode::CreateNew).err().expect("it exists");
    assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
    disk.open("names/c", OpenMode::CreateNew).expect("a second file can be made");
    disk.rename("names/c", "names/b").expect("it can be renamed");
    assert_eq!(disk.list("names").expect("the directory can be listed"), ["a", "b"]);
    disk.rename("names/b", "names/a").expect("a rename replaces");
    assert_eq!(disk.list("names").expect("the directory can be listed"), ["a"]);
    disk.remove("names/a").expect("it can be removed");
    let gone = disk.remove("names/a").expect_err("it is gone");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let nowhere = disk.list("nowhere").expect_err("there is no such directory");
    assert_eq!(nowhere.kind(), ErrorKind::NotFound);
    disk.sync_dir("names").expect("the directory can be synced");
    assert!(disk.list("names").expect("the directory can be listed").is_empty());
}

fn bytes_are_read_as_written(disk: &dyn Disk) {
    let file = disk.open("bytes", OpenMode::CreateNew).expect("a file can be made");
    assert!(file.is_empty().expect("its length is known"));
    let long = vec![7; 3000];
    let mut slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(&long), IoSlice::new(b"z")];
    write_all_at(&*file, 510, &mut slices).expect("slices are written");
    assert_eq!(file.len().expect("its length is known"), 510 + 3003);
    let mut back = vec![1; 4000];
    assert_eq!(read_up_to(&*file, 0, &mut back).expect("it can be read"), 3513, "the file ends there");
    assert!(back[..510].iter().all(|byte| *byte == 0), "what was never written is zero");
    assert_eq!(&back[510..512], b"ab");
    assert_eq!(&back[512..3512], &long[..]);
    assert_eq!(back[3512], b'z');
    file.sync_data().expect("it can be synced");
    file.set_len(511).expect("it can be cut");
    file.set_len(600).expect("it can be extended");
    let mut back = [1; 200];
    assert_eq!(read_up_to(&*file, 500, &mut back).expect("it can be read"), 100);
    assert_eq!(back[10], b'a');
    assert!(back[11..100].iter().all(|byte| *byte == 0), "what was cut comes back as zero");
    let mut cached = [0; 1];
    match file.try_read_at(510, &mut cached) {
        Ok(read) => assert_eq!((read, cached[0]), (1, b'a')),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
    // More slices than one call takes.
    let parts: Vec<[u8; 2]> = (0..3000_u16).map(u16::to_le_bytes).collect();
    let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    write_all_at(&*file, 0, &mut slices).expect("many slices are written");
    let mut back = vec![0; 6000];
    assert_eq!(read_up_to(&*file, 0, &mut back).expect("it can be read"), 6000);
    assert_eq!(back, parts.concat());
    assert!(disk.free_space().expect("free space is known") > 0);
}

fn removed_files_stay_readable(disk: &dyn Disk) {
    let file = disk.open("removed", OpenMode::CreateNew).expect("a file can be made");
    write_all_at(&*file, 0, &mut [IoSlice::new(b"still here")]).expect("it can be written");
    disk.remove("removed").expect("it can be removed");
    let mut back = [0; 10];
    assert_eq!(read_up_to(&*file, 0, &mut back).expect("an open file can be read"), 10);
    assert_eq!(&back, b"still here");
}

fn only_one_holds_the_lock(disk: &dyn Disk) {
    let lock = disk.lock().expect("the lock is free");
    let second = disk.lock().err().expect("it is taken");
    assert_eq!(second.kind(), ErrorKind::WouldBlock);
    drop(lock);
    drop(disk.lock().expect("it is free again"));
}
