//! Beginning a new incarnation once it is known what of the past counts.
//!
//! Apart because up to here a start only reads and repairs; this is where it makes, renames and removes files, each
//! step safe to be the last one.

use std::io::IoSlice;
use std::sync::Arc;

use millstream_types::planted;

use super::chain::{self, Chain};
use super::{Recovered, Tail};
use crate::disk::{Disk, write_all_at};
use crate::error::OpenError;
use crate::identity;
use crate::keeper;
use crate::lane::{Ready, ReadyFiles, Shared, is_no_room};
use crate::options::Options;
use crate::store::Files;
use crate::wal::{self, FileHeader, WalFile};

/// What the new incarnation starts with.
pub(super) struct Parts {
    pub(super) shared: Arc<Shared>,
    pub(super) file: Arc<WalFile>,
    pub(super) leftovers: Leftovers,
}

/// Files that are no part of the lane any more. They stay until nothing can stop the start: when an object is missing, say,
/// they may be the last to have its records.
pub(crate) struct Leftovers {
    shared: Arc<Shared>,
    idle: Vec<chain::Idle>,
}

impl Leftovers {
    /// Puts those aside that can be used again, and removes the others.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub(crate) fn clear(self) -> Result<(), OpenError> {
        let Leftovers { shared, idle } = self;
        let (opener, disk, options) = (&shared.opener, &shared.disk, &shared.options);
        let mut spares = Vec::new();
        for idle in idle {
            let failed = |action| {
                let path = idle.path.clone();
                move |error| OpenError::io(action, &path, error)
            };
            // One that was walked may be open.
            opener.forget(&idle.path);
            let has_place = spares.len() < options.pool_files_max;
            if idle.bytes == options.wal_file_bytes && has_place && is_whole(&idle, opener) {
                let number = idle.path.trim_start_matches("wal/").get(..16).unwrap_or_default();
                let path = format!("{}/{number}.spare", wal::DIR);
                let file = idle.open(opener)?;
                if path != idle.path {
                    disk.rename(&idle.path, &path).map_err(failed("putting aside"))?;
                }
                spares.push(Ready { path, file, grows: false });
            } else {
                disk.remove(&idle.path).map_err(failed("removing a file that is no part of the lane"))?;
            }
        }
        disk.sync_dir(wal::DIR).map_err(|error| OpenError::io("syncing", wal::DIR, error))?;
        spares.into_iter().for_each(|file| shared.ready.add(file));
        Ok(())
    }
}

/// Whether the whole file has space: only such a file may be written without asking the disk again (R12). A disk that
/// does not say is not trusted.
fn is_whole(idle: &chain::Idle, files: &Files) -> bool {
    idle.open(files).is_ok_and(|file| file.allocated_bytes().is_ok_and(|bytes| bytes >= idle.bytes))
}

/// Begins the new incarnation: a file of its own, its header page durable before anything else happens. What is no part of
/// the lane any more is left for the end of the start.
pub(super) fn begin(
    disk: Arc<dyn Disk>,
    options: Options,
    directory: u128,
    is_new: bool,
    chain: Chain,
    tail: &Tail,
    recovered: &Recovered,
) -> Result<Parts, OpenError> {
    let sequence = if is_new { 0 } else { chain.largest_sequence + 1 };
    let path = wal::wal_path(sequence);
    let failed = |action| {
        let path = path.clone();
        move |error| OpenError::io(action, &path, error)
    };
    let Chain { mut links, mut idle, files: opener, .. } = chain;
    // Of the lane are the files that hold frames before its end. The others go from the newest to the oldest, each
    // durably before the next: a file of an incarnation whose first file is gone would look like a loss.
    let counting = links.partition_point(|link| link.file.base < tail.end);
    let dropped = links.split_off(counting);
    for (index, link) in dropped.iter().enumerate().rev() {
        let mut path = link.file.path.clone();
        if index > 0 {
            path = wal::spare_path(link.file.sequence);
            opener.forget(&link.file.path);
            disk.rename(&link.file.path, &path).map_err(failed("putting aside"))?;
            disk.sync_dir(wal::DIR).map_err(failed("putting aside"))?;
        }
        idle.push(chain::Idle { path, bytes: link.bytes, damaged_header: false, first_frame: None });
    }
    if planted!(LaneContinuedInTornFile)
        && !tail.clean
        && let Some(file) = links.last().map(|link| Arc::clone(&link.file))
    {
        file.unseal();
        let files = links.into_iter().map(|link| (link.file.sequence, link.file)).collect();
        let ready = ReadyFiles::default();
        let shared = Shared::new(opener, disk, options, directory, file.incarnation, tail.end, files, ready);
        let shared = Arc::new(shared);
        let leftovers = Leftovers { shared: Arc::clone(&shared), idle };
        return Ok(Parts { shared, file, leftovers });
    }
    // A new file, small, so that a life that ends early has cost little. None that exists is taken: until the new
    // incarnation is durable, each of them may be the only witness of something. Only a full disk has no choice but a spare one.
    let bytes = options.wal_file_bytes_first;
    let (from, file, file_bytes) = match keeper::create_written(&*disk, keeper::UNFINISHED, bytes) {
        Ok(file) => (keeper::UNFINISHED.to_owned(), file, bytes),
        Err(error) if is_no_room(&error) => {
            // One that was going to grow is empty and no help.
            let spare = idle.iter().position(|idle| {
                idle.path.ends_with(".spare") && idle.bytes >= bytes && is_whole(idle, &opener)
            });
            let Some(at) = spare else { return Err(failed("preparing")(error)) };
            let idle = idle.swap_remove(at);
            let file = idle.open(&opener)?;
            (idle.path, file, idle.bytes)
        }
        Err(error) => return Err(failed("preparing")(error)),
    };
    disk.rename(&from, &path).map_err(failed("naming"))?;
    let (incarnation, base) = (recovered.incarnation, recovered.end);
    let header = FileHeader { directory, sequence, incarnation, base, file_bytes, grows: false };
    write_all_at(&*file, 0, &mut [IoSlice::new(&header.encode())]).map_err(failed("beginning"))?;
    file.sync_data().map_err(failed("syncing"))?;
    disk.sync_dir(wal::DIR).map_err(failed("naming"))?;
    if is_new {
        identity::write(&*disk, directory)?;
    }

    // The new incarnation is durable, so the earlier ones end where they were found to end.
    for link in &links {
        link.file.punch_unused(link.footer_bytes).map_err(failed("giving space back"))?;
    }
    let file = Arc::new(WalFile::in_use(&header, path.clone(), file, &opener));
    let mut files: std::collections::BTreeMap<_, _> =
        links.into_iter().map(|link| (link.file.sequence, link.file)).collect();
    files.insert(sequence, Arc::clone(&file));
    let ready = ReadyFiles::default();
    let shared = Arc::new(Shared::new(opener, disk, options, directory, incarnation, base, files, ready));
    shared.note_roll(base, file_bytes);
    let leftovers = Leftovers { shared: Arc::clone(&shared), idle };
    Ok(Parts { shared, file, leftovers })
}
