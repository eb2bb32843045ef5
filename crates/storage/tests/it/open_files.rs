//! The bounded set of open files.

use std::io;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millstream_storage::disk::{DirLock, Disk, DiskFile, OpenMode};
use millstream_storage::store::Files;
use millstream_testkit::sim_disk::SimDisk;

use crate::support::{overwrite, sim_disk};

/// Linux's code for "too many open files".
const EMFILE: i32 = 24;

/// A disk with few descriptors, which counts them.
#[derive(Clone)]
pub(crate) struct Scarce {
    disk: SimDisk,
    held: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    held_max: Arc<AtomicUsize>,
}

impl Scarce {
    /// A disk with the files `0` to `9`, each holding its digit.
    fn new(held_max: usize) -> Scarce {
        let disk = sim_disk();
        for digit in 0..10u8 {
            let name = digit.to_string();
            disk.open(&name, OpenMode::CreateNew).unwrap();
            overwrite(&disk, &name, 0, &[digit]);
        }
        Scarce::over(disk, held_max)
    }

    /// The same for a disk that exists.
    pub(crate) fn over(disk: SimDisk, held_max: usize) -> Scarce {
        let held_max = Arc::new(AtomicUsize::new(held_max));
        Scarce { disk, held: Arc::default(), opened: Arc::default(), peak: Arc::default(), held_max }
    }

    /// From now on there are so many descriptors.
    pub(crate) fn allow(&self, held_max: usize) {
        self.held_max.store(held_max, Ordering::Relaxed);
    }

    /// The most that were held at once since the last call.
    pub(crate) fn take_peak(&self) -> usize {
        self.peak.swap(self.held(), Ordering::Relaxed)
    }

    fn files(&self, files_max: usize) -> Files {
        Files::new(Arc::new(self.clone()), files_max)
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Disk for Scarce {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        if self.held() >= self.held_max.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        let file = self.disk.open(path, mode)?;
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(held, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Held { file, held: Arc::clone(&self.held) }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        if self.held() >= self.held_max.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        self.disk.list(dir)
    }

    fn make_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.make_dir(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn free_space(&self) -> io::Result<u64> {
        self.disk.free_space()
    }

    fn lock(&self) -> io::Result<Box<dyn DirLock>> {
        self.disk.lock()
    }
}

struct Held {
    file: Arc<dyn DiskFile>,
    held: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl DiskFile for Held {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.file.write_at(position, slices)
    }

    fn read_at(&self, position: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(position, buf)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

fn digit(file: &dyn DiskFile) -> u8 {
    let mut byte = [0xff];
    assert_eq!(file.read_at(0, &mut byte).unwrap(), 1);
    byte[0]
}

#[test]
fn no_more_files_are_kept_open_than_allowed() {
    let disk = Scarce::new(100);
    let files = disk.files(3);
    for n in (0..10u8).chain(0..10) {
        assert_eq!(digit(&*files.open(&n.to_string()).unwrap()), n);
        assert!(disk.held() <= 3);
    }
    assert_eq!((files.count(), disk.held()), (3, 3));
}

#[test]
fn the_least_recently_used_file_is_closed() {
    let disk = Scarce::new(100);
    let files = disk.files(3);
    for name in ["0", "1", "2", "0", "3"] {
        files.open(name).unwrap();
    }
    assert_eq!(disk.opened(), 4, "0 was kept");
    files.open("0").unwrap();
    files.open("2").unwrap();
    assert_eq!(disk.opened(), 4, "both were used after 1");
    files.open("1").unwrap();
    assert_eq!(disk.opened(), 5, "1 had to go for 3");
}

#[test]
fn a_file_in_use_stays_valid_when_it_is_evicted() {
    let disk = Scarce::new(100);
    let files = disk.files(2);
    let held = files.open("7").unwrap();
    for n in 0..5 {
        files.open(&n.to_string()).unwrap();
    }
    assert_eq!(disk.held(), 3, "two kept, one in use");
    assert_eq!(digit(&*held), 7);
}

#[test]
fn without_descriptors_unused_files_are_closed_and_it_is_tried_again() {
    let disk = Scarce::new(4);
    let files = disk.files(100);
    let held = files.open("9").unwrap();
    for n in (0..9u8).chain(0..9) {
        assert_eq!(digit(&*files.open(&n.to_string()).unwrap()), n);
    }
    let made = files.retrying(|disk| disk.open("new", OpenMode::CreateNew)).unwrap();
    assert_eq!(digit(&*held), 9);
    drop(made);
}

#[test]
fn without_descriptors_and_without_unused_files_it_fails_until_one_is_let_go() {
    let disk = Scarce::new(2);
    let files = disk.files(100);
    let held = (files.open("0").unwrap(), files.open("1").unwrap());
    assert_eq!(files.open("2").err().unwrap().raw_os_error(), Some(EMFILE));
    drop(held);
    assert_eq!(digit(&*files.open("2").unwrap()), 2);
}

#[test]
fn a_name_that_changed_its_meaning_is_opened_anew() {
    let disk = Scarce::new(100);
    let files = disk.files(100);
    files.open("0").unwrap();
    files.remove("0").unwrap();
    assert_eq!(files.open("0").err().unwrap().kind(), io::ErrorKind::NotFound);
    files.open("1").unwrap();
    files.forget("1");
    disk.rename("2", "1").unwrap();
    assert_eq!(digit(&*files.open("1").unwrap()), 2);
}
