//! Both disks keep the same contract.

use millstream_storage::RealDisk;
use millstream_storage::disk::{Disk, OpenMode, read_up_to};
use millstream_testkit::sim_disk::contract;

use crate::support::{TempDir, sim_disk};

#[test]
fn the_simulated_disk_keeps_the_contract() {
    contract::run(&sim_disk());
}

#[test]
fn the_machines_disk_keeps_the_contract() {
    let dir = TempDir::new();
    contract::run(&RealDisk::new(&dir.0).unwrap());
}

#[test]
fn files_and_directories_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    let disk = RealDisk::new(&dir.0).unwrap();
    disk.make_dir("wal").unwrap();
    disk.open("wal/a", OpenMode::CreateNew).unwrap();
    let mode = |path: &str| std::fs::metadata(dir.0.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("wal"), 0o700);
    assert_eq!(mode("wal/a"), 0o600);
}

/// Lengths around those of a block and of one write past the page cache, in pieces that fit neither.
#[test]
fn streamed_files_of_any_length_arrive_whole() {
    let dir = TempDir::new();
    let disks: [(&str, Box<dyn Disk>); 2] =
        [("real", Box::new(RealDisk::new(&dir.0).unwrap())), ("simulated", Box::new(sim_disk()))];
    let bytes: Vec<u8> = (0..900_000_u32).map(|at| (at % 251) as u8).collect();
    for (which, disk) in disks {
        for length in [0, 1, 4095, 4096, 4097, 262_144, 262_151, 524_288, bytes.len()] {
            for piece in [1000, 262_145] {
                let name = format!("{length}-{piece}");
                let mut file = disk.create_streamed(&name).unwrap();
                bytes[..length].chunks(piece).for_each(|piece| file.append(piece).unwrap());
                file.finish().unwrap();
                let found = disk.open(&name, OpenMode::Existing).unwrap();
                assert_eq!(found.len().unwrap(), length as u64, "{which}, in pieces of {piece}");
                let mut read = vec![0; length];
                assert_eq!(read_up_to(&*found, 0, &mut read).unwrap(), length);
                assert_eq!(read, bytes[..length], "{which}, {length} bytes in pieces of {piece}");
            }
        }
        let again = disk.create_streamed("0-1000").map(drop).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists, "{which}");
    }
}
