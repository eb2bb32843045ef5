//! Directories of released formats, kept as they were written: today's program reads each of them, and refuses what a
//! newer program has written.
//!
//! `golden/v1` was made by `cargo test -p millstream-engine --test it golden::make -- --ignored`, from `directory.rs`. A
//! format that was released is never made again; the next one gets a directory beside it.

use crate::directory::{World, expect, make as make_directory};
use crate::verify::{Scratch, check};
use millstream_storage::OpenError;
use millstream_storage::verify::Grade;
use std::path::{Path, PathBuf};

const DIRECTORIES: [&str; 4] = ["", "wal", "checkpoint", "objects"];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// The files in a directory of a data directory, in order.
fn files(root: &Path, dir: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join(dir)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for dir in DIRECTORIES {
        std::fs::create_dir_all(to.join(dir)).unwrap();
        for file in files(from, dir) {
            let name = file.file_name().unwrap().to_str().unwrap();
            // Nothing in these counts.
            if name != "lock" && !name.ends_with(".spare") && !name.ends_with(".tmp") {
                std::fs::copy(&file, to.join(dir).join(name)).unwrap();
            }
        }
    }
}

fn copied() -> Scratch {
    let scratch = Scratch::new();
    copy(&golden(), &scratch.0);
    scratch
}

#[test]
#[ignore = "makes the directory that the other tests read; see the module's documentation"]
fn make() {
    assert!(!golden().exists(), "remove it first, unless its format was released: then add another one");
    let scratch = Scratch::new();
    make_directory(&scratch.disk());
    copy(&scratch.0, &golden());
}

#[test]
fn everything_in_a_directory_of_format_1_is_found() {
    let scratch = copied();
    let (found, _) = check(&scratch.0).unwrap();
    assert!(found.iter().all(|finding| finding.grade == Grade::Note), "{found:?}");
    let mut world = World::start(scratch.disk()).unwrap();
    assert!(world.steps.recovered().clean);
    expect(&mut world);
    drop(world);
    // And once more from what this program has written.
    expect(&mut World::start(scratch.disk()).unwrap());
}

/// Gives the structure at `at` another version, and the checksum at `sum_at` (from there) over `covered` that goes with it.
fn make_newer(path: &Path, at: usize, version_at: usize, sum_at: Option<usize>, tail: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at + version_at] = 9;
    if let Some(sum_at) = sum_at {
        let mut covered = bytes[at..at + sum_at].to_vec();
        // In a footer, what follows the header is covered too.
        if tail > 0 {
            covered.extend_from_slice(&bytes[at + 80..at + 80 + tail]);
        }
        let sum = crc32c::crc32c(&covered);
        bytes[at + sum_at..at + sum_at + 4].copy_from_slice(&sum.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

/// Where `magic` stands last in a file.
fn last(path: &Path, magic: &[u8]) -> Option<usize> {
    std::fs::read(path).unwrap().windows(magic.len()).rposition(|window| window == magic)
}

fn newest(scratch: &Scratch, dir: &str) -> PathBuf {
    files(&scratch.0, dir).pop().unwrap()
}

/// A copy with one structure of a newer version, and the file that it is in.
fn newer(structure: &str) -> (Scratch, PathBuf) {
    let scratch = copied();
    let wal = newest(&scratch, "wal");
    let path = match structure {
        "identity" => scratch.0.join("identity"),
        "checkpoint" => newest(&scratch, "checkpoint"),
        "object" => newest(&scratch, "objects"),
        "header page" | "frame" => wal,
        // A start reads the footers of the files before the last.
        "footer" => files(&scratch.0, "wal").swap_remove(0),
        other => panic!("{other}"),
    };
    match structure {
        "identity" => make_newer(&path, 0, 8, Some(32), 0),
        "checkpoint" => make_newer(&path, 0, 8, Some(48), 0),
        "header page" => make_newer(&path, 0, 8, Some(64), 0),
        "object" => make_newer(&path, 0, 8, Some(44), 0),
        "frame" => make_newer(&path, last(&path, b"MSF\x01").unwrap(), 4, None, 0),
        "footer" => {
            let at = last(&path, b"MSWALRUN").unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let runs = u32::from_le_bytes(bytes[at + 12..at + 16].try_into().unwrap()) as usize;
            make_newer(&path, at, 8, Some(64), runs * 64);
        }
        other => panic!("{other}"),
    }
    (scratch, path)
}

#[test]
fn what_a_newer_program_wrote_is_refused_with_its_file_and_both_versions() {
    for structure in ["identity", "checkpoint", "header page", "frame", "footer", "object"] {
        let (scratch, path) = newer(structure);
        let name = path.strip_prefix(&scratch.0).unwrap().to_str().unwrap().to_owned();
        // Objects are read when they are needed; a check reads all.
        if structure != "object" {
            match World::start(scratch.disk()).map(|_| ()) {
                Err(OpenError::NewerFormat { file, found: 9, known: 1 }) => assert_eq!(file, name),
                other => panic!("{structure}: {other:?}"),
            }
        }
        let (found, _) = check(&scratch.0).unwrap();
        let told = found.iter().find(|finding| finding.place == name && finding.grade == Grade::Damage);
        let what = &told.unwrap_or_else(|| panic!("{structure}: {found:?}")).what;
        assert!(what.contains("version 9") && what.contains("up to 1"), "{structure}: {what}");
    }
}
