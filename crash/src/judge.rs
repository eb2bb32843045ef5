//! Judging all histories of a folder.
//!
//! Apart because whoever made them, their judge is one.

use std::path::{Path, PathBuf};

use millstream_testkit::checker::{Checker, Verdict};
use millstream_testkit::history::Merge;

/// Judges all histories of a folder.
///
/// # Errors
/// When one cannot be read or is no history.
pub fn judge(histories: &Path) -> anyhow::Result<Verdict> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(histories)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut checker = Checker::default();
    for event in Merge::open(&paths)? {
        checker.event(&event?);
    }
    Ok(checker.verdict())
}
