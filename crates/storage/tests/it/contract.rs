//! Both disks keep the same contract.

use millstream_storage::{RealDisk, disk::Disk};
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
    disk.open("wal/a", millstream_storage::disk::OpenMode::CreateNew).unwrap();
    let mode = |path: &str| std::fs::metadata(dir.0.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("wal"), 0o700);
    assert_eq!(mode("wal/a"), 0o600);
}
