//! The store of objects in a directory: the contract on both disks, and what a crash leaves.

use std::io::IoSlice;
use std::sync::Arc;

use millstream_storage::disk::{Disk, RealDisk};
use millstream_storage::store::{DirStore, Files, ObjectFile, Store};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_testkit::store_contract;
use millstream_types::ObjectNumber;

use crate::support::{TempDir, sim_disk};

const NUMBER: ObjectNumber = ObjectNumber(5);

pub(crate) fn dir_store(disk: impl Disk + 'static) -> DirStore {
    DirStore::open(Arc::new(Files::new(Arc::new(disk), 8))).unwrap()
}

fn read(file: &dyn ObjectFile) -> Vec<u8> {
    let mut bytes = vec![0; file.len().unwrap() as usize];
    assert_eq!(file.read_at(0, &mut bytes).unwrap(), bytes.len());
    bytes
}

/// Writes an object of a few sectors.
fn write(store: &dyn Store) -> std::io::Result<()> {
    let mut sink = store.create(NUMBER)?;
    for fill in 1..=3 {
        sink.append(&mut [IoSlice::new(&[fill; 700]), IoSlice::new(&[fill; 300])])?;
    }
    sink.finish()
}

fn written() -> Vec<u8> {
    [[1; 1000], [2; 1000], [3; 1000]].concat()
}

#[test]
fn a_directory_on_the_simulated_disk_keeps_the_contract() {
    store_contract::run(&dir_store(sim_disk()));
}

#[test]
fn a_directory_on_the_machines_disk_keeps_the_contract() {
    let dir = TempDir::new();
    store_contract::run(&dir_store(RealDisk::new(&dir.0).unwrap()));
}

#[test]
fn foreign_names_are_not_listed() {
    let dir = TempDir::new();
    let store = dir_store(RealDisk::new(&dir.0).unwrap());
    write(&store).unwrap();
    for name in ["note.txt", "0000000000000001.OBJ", "+000000000000001.obj", "000000000000000A.obj", "1.obj"]
    {
        std::fs::write(dir.0.join("objects").join(name), b"").unwrap();
    }
    let listing = store.list().unwrap();
    assert_eq!((listing.finished, listing.unfinished), (vec![NUMBER], vec![]));
}

#[test]
fn a_power_cut_leaves_a_whole_object_or_none() {
    let steps = {
        let disk = sim_disk();
        let store = dir_store(disk.clone());
        let before = disk.operations();
        write(&store).unwrap();
        disk.operations() - before
    };
    let (mut kept, mut lost, mut unfinished) = (0, 0, 0);
    for step in 0..=steps {
        for seed in 0..20 {
            let disk = SimDisk::new(seed, Faults::none(1 << 20));
            let store = dir_store(disk.clone());
            disk.crash_at(Some(disk.operations() + step));
            let result = write(&store);
            assert_eq!(result.is_ok(), step == steps, "each operation matters");
            disk.crash();

            let store = dir_store(disk);
            let listing = store.list().unwrap();
            unfinished += listing.unfinished.len();
            match listing.finished[..] {
                [NUMBER] => {
                    kept += 1;
                    assert_eq!(read(&*store.open(NUMBER).unwrap()), written(), "step {step}, seed {seed}");
                }
                [] => {
                    lost += 1;
                    assert!(result.is_err(), "a finished object survives: step {step}, seed {seed}");
                }
                ref other => panic!("{other:?} were never written"),
            }
            // Whatever is left can be removed, durably, and the number used again.
            store.remove(NUMBER).unwrap();
            store.remove_unfinished(NUMBER).unwrap();
            write(&store).unwrap();
        }
    }
    assert!(kept > 20 && lost > 0 && unfinished > 0, "{kept} kept, {lost} lost, {unfinished} unfinished");
}

#[test]
fn a_failed_sync_or_write_leaves_no_object() {
    let (mut failed, mut finished) = (0, 0);
    for seed in 0..200 {
        let disk = SimDisk::new(seed, Faults::none(1 << 20));
        let store = dir_store(disk.clone());
        disk.set_faults(Faults {
            failed_sync_one_in: 4,
            failed_write_one_in: 8,
            short_write_one_in: 2,
            ..Faults::none(1 << 20)
        });
        let result = write(&store);
        disk.set_faults(Faults::none(1 << 20));
        let listing = store.list().unwrap();
        assert!(listing.unfinished.is_empty());
        assert_eq!(listing.finished.len(), usize::from(result.is_ok()), "seed {seed}");
        if result.is_ok() {
            finished += 1;
            assert_eq!(read(&*store.open(NUMBER).unwrap()), written());
        } else {
            failed += 1;
        }
    }
    assert!(failed > 20 && finished > 20, "{failed} failed, {finished} finished");
}

#[test]
fn a_removed_object_does_not_come_back() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed, Faults::none(1 << 20));
        let store = dir_store(disk.clone());
        write(&store).unwrap();
        store.remove(NUMBER).unwrap();
        disk.crash();
        assert!(dir_store(disk).list().unwrap().finished.is_empty(), "seed {seed}");
    }
}
