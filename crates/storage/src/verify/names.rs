//! Which names a data directory may hold.
//!
//! Apart because a directory is also what an operator, a backup or a file system leaves in it: what no part of the broker
//! reads is mentioned, never judged.

use std::io::ErrorKind;

use super::Finding;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::wal::number_in;
use crate::{checkpoint, store, wal};

/// The names in a directory, none when it does not exist.
pub(super) fn list(disk: &dyn Disk, dir: &str) -> Result<Vec<String>, OpenError> {
    match disk.list(dir) {
        Ok(names) => Ok(names),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(OpenError::io("listing", if dir.is_empty() { "." } else { dir }, error)),
    }
}

/// Mentions what does not count: unfinished files, and those that are none of ours.
pub(super) fn mention(disk: &dyn Disk, found: &mut Vec<Finding>) {
    for dir in ["", wal::DIR, checkpoint::DIR, store::DIR] {
        let names = match list(disk, dir) {
            Ok(names) => names,
            Err(error) => {
                found.push(error.into());
                continue;
            }
        };
        for name in names {
            let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
            found.extend(describe(dir, &name).map(|what| Finding::note(path, what)));
        }
    }
}

fn describe(dir: &str, name: &str) -> Option<&'static str> {
    const UNFINISHED: &str = "it was never finished, and is not read";
    let is = |suffix: &str| {
        number_in(name, suffix).is_some_and(|number| name == format!("{number:016x}.{suffix}"))
    };
    match dir {
        "" if name == "identity" || name == "lock" => None,
        "" if name == "identity.tmp" => Some(UNFINISHED),
        wal::DIR if is("wal") => None,
        wal::DIR if is("spare") => Some("it waits for use; what it holds does not count"),
        wal::DIR if name == "prepare.tmp" => Some(UNFINISHED),
        checkpoint::DIR if is("ckpt") => None,
        store::DIR if is("obj") => None,
        checkpoint::DIR | store::DIR if is("tmp") => Some(UNFINISHED),
        _ => Some("it is no file of a data directory"),
    }
}
