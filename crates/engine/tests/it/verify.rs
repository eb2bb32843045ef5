//! Checking a stopped broker's directory: what is sound is called so, what is damaged is found where it is.

use crate::directory::{World, make};
use millstream_core::hash::HashSeed;
use millstream_engine::Verification;
use millstream_storage::verify::{Counts, Finding, Grade};
use millstream_storage::{Disk, OpenError, RealDisk};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

const SEED: HashSeed = HashSeed([5, 6]);

/// A directory of its own, gone when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("millstream-engine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Scratch(std::env::temp_dir().join(name))
    }

    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(RealDisk::new(&self.0).unwrap())
    }

    fn made() -> Scratch {
        let scratch = Scratch::new();
        make(&scratch.disk());
        scratch
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// The files whose names end so, relative to the directory and in order.
    fn files(&self, ending: &str) -> Vec<String> {
        let all = contents(&self.0).into_keys();
        all.filter(|file| file.ends_with(ending)).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Every file with its bytes and when it was changed.
fn contents(root: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut all = BTreeMap::new();
    for dir in ["", "wal", "checkpoint", "objects"] {
        for entry in std::fs::read_dir(root.join(dir)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = entry.file_name().into_string().unwrap();
                let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
                let changed = entry.metadata().unwrap().modified().unwrap();
                all.insert(path, (std::fs::read(entry.path()).unwrap(), changed));
            }
        }
    }
    all
}

pub(crate) fn check(root: &Path) -> Result<(Vec<Finding>, Counts), OpenError> {
    check_disk(Arc::new(RealDisk::read_only(root).unwrap()))
}

pub(crate) fn check_disk(disk: Arc<dyn Disk>) -> Result<(Vec<Finding>, Counts), OpenError> {
    let mut found = Vec::new();
    let mut check = Verification::begin(disk, SEED, &mut found)?;
    let (mut before, mut steps) = (0, 0);
    while let Some(progress) = check.step(&mut found) {
        assert!(progress.done_bytes >= before, "progress goes on");
        (before, steps) = (progress.done_bytes, steps + 1);
        assert!(steps < 100_000, "a check ends");
    }
    Ok((found, check.counts().expect("no step is left")))
}

fn damage(root: &Path) -> Vec<Finding> {
    let (found, _) = check(root).unwrap();
    found.into_iter().filter(|finding| finding.grade == Grade::Damage).collect()
}

/// Nothing depends on a footer, and the writing of one may be cut short: that one is not whole is no damage.
fn damage_or_footer(root: &Path) -> Vec<Finding> {
    let (mut found, _) = check(root).unwrap();
    found.retain(|finding| finding.grade == Grade::Damage || finding.what.contains("footer"));
    found
}

/// Bytes of a file up to the last one that is not zero.
fn used(path: &Path) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1)
}

fn flip(path: &Path, at: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at as usize] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_directory_with_everything_in_it_is_sound_and_stays_as_it_is() {
    let scratch = Scratch::made();
    std::fs::write(scratch.path("notes.txt"), "mine").unwrap();
    std::fs::write(scratch.path("objects/00000000000000ff.obj"), "an orphan").unwrap();
    let before = contents(&scratch.0);
    let has_footer = |bytes: &[u8]| bytes.windows(8).any(|window| window == b"MSWALRUN");
    assert!(before.values().any(|(bytes, _)| has_footer(bytes)), "a file was left, or stopped cleanly");
    let (found, counts) = check(&scratch.0).unwrap();
    assert!(found.iter().all(|finding| finding.grade == Grade::Note), "{found:?}");
    for place in ["notes.txt", "objects/00000000000000ff.obj"] {
        assert_eq!(found.iter().filter(|finding| finding.place == place).count(), 1, "{found:?}");
    }
    assert_eq!((counts.checkpoints, counts.objects, counts.logs), (2, 1, 6));
    assert!(counts.wal_files >= 2 && counts.batches > 100, "{counts:?}");
    assert!(contents(&scratch.0) == before, "nothing is written, not even the same bytes again");
}

#[test]
fn a_flipped_bit_is_found_where_it_is() {
    let scratch = Scratch::made();
    let wal = scratch.files(".wal");
    let newest = wal.last().unwrap().clone();
    for file in contents(&scratch.0).into_keys().filter(|file| *file != "lock" && !file.ends_with(".spare")) {
        let path = scratch.path(&file);
        let used = used(&path);
        // A damaged closing frame looks like a stop that was none.
        let to = if file == newest { closing_at(&path) } else { used };
        let structure_bytes = 8192;
        let mut places: Vec<u64> = (0..to.min(100)).step_by(9).collect();
        places.extend((100..to).step_by((to as usize / 40).max(1)));
        places.extend(to.checked_sub(1));
        let bytes = std::fs::read(&path).unwrap();
        // What fills a frame up to a multiple of 16 says nothing, and a torn write may leave anything there.
        let is_filler = |at: &u64| {
            let end = (*at as usize + 1).next_multiple_of(16).min(bytes.len());
            file.ends_with(".wal") && *at >= 4096 && bytes[*at as usize..end].iter().all(|byte| *byte == 0)
        };
        places.retain(|at| !is_filler(at));
        for at in places {
            flip(&path, at);
            let found = damage_or_footer(&scratch.0);
            let here = found.iter().find(|finding| finding.place == file);
            let near = |offset: u64| offset.abs_diff(at) < structure_bytes;
            let is_found = here.is_some_and(|finding| finding.offset.is_none_or(near));
            assert!(is_found, "byte {at} of {file} ({used} used): {found:?}");
            flip(&path, at);
        }
    }
    assert_eq!(damage(&scratch.0), []);
}

/// Where the last frame of a file begins.
fn closing_at(path: &Path) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    // Behind it there may be a footer, in which no frame begins.
    let at = bytes.windows(4).rposition(|window| window == b"MSF\x01").unwrap();
    at as u64
}

#[test]
fn a_file_that_is_cut_or_gone_is_named() {
    let scratch = Scratch::made();
    let wal = scratch.files(".wal");
    let newest_checkpoint = scratch.files(".ckpt").pop().unwrap();
    let mut files = vec![wal[0].clone(), wal[1].clone(), "identity".to_owned(), newest_checkpoint.clone()];
    files.extend(scratch.files(".obj"));
    for file in files {
        let path = scratch.path(&file);
        let bytes = std::fs::read(&path).unwrap();
        for left in [0, bytes.len() / 3, used(&path) as usize - 1] {
            std::fs::write(&path, &bytes[..left]).unwrap();
            let found = damage_or_footer(&scratch.0);
            assert!(found.iter().any(|finding| finding.place == file), "{file} cut to {left}: {found:?}");
        }
        std::fs::remove_file(&path).unwrap();
        let found = damage(&scratch.0);
        if file == newest_checkpoint {
            // The one before counts, and everything that it needs is there.
            assert_eq!(found, []);
        } else if file == wal[1] {
            // No checkpoint lists it yet: what is told is where the frames before it end.
            assert!(found.iter().any(|finding| finding.place == wal[0]), "{file} gone: {found:?}");
        } else {
            assert!(found.iter().any(|finding| finding.place == file), "{file} gone: {found:?}");
        }
        std::fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(damage(&scratch.0), []);
}

#[test]
fn records_that_no_file_holds_any_more_are_named_by_their_log() {
    let scratch = Scratch::made();
    let object = scratch.files(".obj").pop().unwrap();
    std::fs::remove_file(scratch.path(&object)).unwrap();
    let found = damage(&scratch.0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, object);
    // Damage where nothing is replayed from: the logs tell what was lost.
    let scratch = Scratch::made();
    let first = scratch.files(".wal").swap_remove(0);
    flip(&scratch.path(&first), 9000);
    let found = damage(&scratch.0);
    assert!(found.iter().any(|finding| finding.place == first), "{found:?}");
    assert!(found.iter().all(|finding| finding.place != "replay"), "{found:?}");
}

#[test]
fn a_file_of_another_directory_is_refused_by_name() {
    let scratch = Scratch::made();
    let foreign = Scratch::new();
    let disk = Arc::new(RealDisk::new(&foreign.0).unwrap());
    let options = millstream_storage::Options { new_directory_id: 99, ..crate::directory::options() };
    let engine = crate::caller::start_on(disk, options);
    engine.stop().unwrap();
    let theirs = std::fs::read(foreign.path("wal/0000000000000000.wal")).unwrap();
    std::fs::write(scratch.path("wal/0000000000000fff.wal"), theirs).unwrap();
    let found = damage(&scratch.0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "wal/0000000000000fff.wal");
    assert!(found[0].what.contains("another data directory"), "{found:?}");
}

#[test]
fn a_torn_tail_is_no_damage() {
    let scratch = Scratch::made();
    let mut world = World::start(scratch.disk()).unwrap();
    let log =
        world.steps.catalog().streams(millstream_types::Namespace::DEFAULT)[0].log_ids().next().unwrap();
    for n in 50..60 {
        world.append_plain(log, n);
    }
    drop(world);
    let newest = scratch.files(".wal").pop().unwrap();
    let path = scratch.path(&newest);
    let last = closing_at(&path);
    for at in [last + 20, last + 200, used(&path) - 20] {
        flip(&path, at);
        let (found, _) = check(&scratch.0).unwrap();
        assert!(found.iter().all(|finding| finding.grade == Grade::Note), "{found:?}");
        let tail = found.iter().find(|finding| finding.place == newest).expect("the tail is told of");
        assert_eq!(tail.offset, Some(last), "{tail:?}");
        flip(&path, at);
    }
    World::start(scratch.disk()).unwrap();
}

#[test]
fn a_directory_in_use_is_not_checked() {
    let scratch = Scratch::made();
    let world = World::start(scratch.disk()).unwrap();
    assert!(matches!(check(&scratch.0), Err(OpenError::Locked)));
    drop(world);
    assert!(check(&scratch.0).is_ok());
}

#[test]
fn what_is_no_data_directory_is_said_so() {
    let scratch = Scratch::new();
    std::fs::create_dir(&scratch.0).unwrap();
    assert!(matches!(check(&scratch.0), Err(OpenError::Missing { .. })));
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0, "nothing is made");
}
