//! Opening a data directory: newest checkpoint, then every frame after it, then a new incarnation.
//!
//! Apart because it decides what of the past counts. Nothing is ever deleted to get going: what was durable and is
//! damaged or missing stops the start with its file and offset (R6); only a torn tail, which was never
//! acknowledged, is dropped.
//!
//! In order: lock, identity, checkpoint, files, frames, the tail's batches; then what of the tail is kept is
//! written again in place and synced, because after a failed sync (F5) or a killed process it may be in memory
//! only; then a new file with a new incarnation, durable before its first frame. What is decided stands
//! in `decide`, what is read in `chain` and `scan`, how frames are gone through in `walk`, what begins in `begin`.

use std::io::ErrorKind;
use std::sync::Arc;

use millstream_types::{BatchFacts, EngineTime, Incarnation, WalPosition, planted};

use crate::adopt::Adoption;
use crate::checkpoint::{self, Checkpointer};
use crate::disk::{DirLock, Disk};
use crate::ephemeral::EphemeralLogs;
use crate::error::{OpenError, ReplayError};
use crate::identity;
use crate::keeper::Keeper;
use crate::lane::{Assembler, Writer};
use crate::objects::Objects;
use crate::options::Options;
use crate::store::{DirStore, Files};
use crate::views::{Publisher, Reading, Views};
use crate::wal;
use crate::wal_files::WalFiles;

pub(crate) mod begin;
pub(crate) mod chain;
pub(crate) mod decide;
pub(crate) mod evidence;
pub(crate) mod scan;
mod walk;

use begin::begin;
use walk::{Tail, Walk};

/// What the shard rebuilds itself from.
pub trait Replay {
    /// One image of the checkpoint, in the order they were added.
    ///
    /// # Errors
    /// A sentence for the operator; the start stops.
    fn image(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), ReplayError>;

    /// One frame at or after the checkpoint's smallest stamp, in order.
    ///
    /// # Errors
    /// A sentence for the operator; the start stops.
    fn frame(&mut self, frame: ReplayedFrame<'_>) -> Result<(), ReplayError>;
}

/// A frame that was written before.
#[derive(Clone, Copy, Debug)]
pub struct ReplayedFrame<'a> {
    /// Position of its first byte. An image stamped after it knows it already.
    pub start: WalPosition,
    /// Position after it.
    pub end: WalPosition,
    /// Engine time it carried.
    pub time: EngineTime,
    /// Its entries.
    pub entries: &'a [u8],
    /// Facts of its batches.
    pub facts: &'a [BatchFacts],
}

/// What recovery found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// The directory's id: random, drawn when it was made.
    pub directory: u128,
    /// This start's number.
    pub incarnation: Incarnation,
    /// Where the lane goes on.
    pub end: WalPosition,
    /// Engine time of the last frame; `None` when there is none (then images say it).
    pub last_time: Option<EngineTime>,
    /// The last process stopped cleanly, or there was none.
    pub clean: bool,
    /// Number of the checkpoint that was used.
    pub checkpoint: Option<u64>,
    /// Where the replay began: a checkpoint that is taken now makes the next start begin where this one ended.
    pub replayed_from: WalPosition,
    /// Frames handed to the replay.
    pub frames: u64,
}

/// An open data directory. Dropping all parts lets go of the lock.
pub struct Opened {
    /// For the shard's task.
    pub assembler: Assembler,
    /// For the writing thread.
    pub writer: Writer,
    /// For the shard's task, too.
    pub ephemeral: EphemeralLogs,
    /// For sessions.
    pub views: Arc<Views>,
    /// For housekeeping.
    pub keeper: Keeper,
    /// For checkpoints.
    pub checkpointer: Checkpointer,
    /// The packed objects: empty until [`Opened::adoption`] is told of them.
    pub objects: Arc<Objects>,
    /// The WAL files, to be looked at.
    pub files: WalFiles,
    /// To be told, before anything else, which objects there are and then which logs live.
    pub adoption: Adoption,
    /// Holds the directory for this process.
    pub lock: Box<dyn DirLock>,
    /// What was found.
    pub recovered: Recovered,
}

/// Opens a data directory, making it if the disk is empty.
///
/// # Errors
/// [`OpenError`]; nothing has been deleted.
pub fn open(disk: Arc<dyn Disk>, options: Options, replay: &mut dyn Replay) -> Result<Opened, OpenError> {
    if let Some(problem) = options.problem() {
        return Err(OpenError::Options(problem));
    }
    let lock = disk.lock().map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => OpenError::Locked,
        _ => OpenError::io("locking", "lock", error),
    })?;
    for dir in [wal::DIR, checkpoint::DIR] {
        disk.make_dir(dir).map_err(|error| OpenError::io("making", dir, error))?;
    }
    // The names that the last process left may be in memory only. What is decided from them (which files a checkpoint
    // has let go, say) must not outlive them.
    for (dir, name) in [("", "the data directory"), (wal::DIR, wal::DIR), (checkpoint::DIR, checkpoint::DIR)]
    {
        if !planted!(NamesTrustedAtStart) {
            disk.sync_dir(dir).map_err(|error| OpenError::io("syncing", name, error))?;
        }
    }
    let (directory, is_new) = identify(&*disk, &options)?;

    let (chosen, largest_checkpoint) = checkpoint::read::choose(&*disk, directory)?;
    let footer = chosen.as_ref().map(|chosen| &chosen.footer);
    let files = Arc::new(Files::new(Arc::clone(&disk), options.open_files_max));
    let mut chain = chain::load(&files, directory, footer, &mut Err)?;
    let fell_back = chosen.as_ref().is_some_and(|chosen| chosen.fallback.is_some());
    chain::check_complete(&chain, footer, fell_back, &mut Err)?;
    if chain.links.is_empty() && !is_new {
        let why = "the directory has an identity, so it had at least one WAL file";
        let damaged = chain.idle.iter().find(|idle| idle.damaged_header);
        let missing = || OpenError::Missing { file: wal::wal_path(0), why: why.into() };
        return Err(damaged.map_or_else(missing, |idle| idle.lost(why)));
    }
    if let Some(chosen) = &chosen {
        chosen.images(directory, &mut |stamp, image| replay.image(stamp, image))?;
    }

    let store = DirStore::open(files).map_err(|error| OpenError::io("making", "objects", error))?;
    let objects = Arc::new(Objects::new(Arc::new(store), directory, options.index_bytes_max));
    let adoption = Adoption::new(Arc::new(Views::new(Arc::new(Reading::new(Arc::clone(&objects))))));
    let mut walk = Walk::new(&*disk, &chain, footer, adoption, replay);
    walk.read_footers(directory)?;
    let tail = walk.run()?;
    let (last_time, frames, replayed_from) = (walk.last_time, walk.frames, walk.needed);
    let Walk { mut adoption, found, footers, .. } = walk;
    for (link, footer) in chain.links.iter_mut().zip(footers) {
        link.footer_bytes = footer.map_or(0, |footer| footer.bytes);
    }

    let recovered = Recovered {
        directory,
        incarnation: chain.incarnation,
        end: tail.end,
        last_time,
        clean: tail.clean,
        checkpoint: chosen.as_ref().map(|chosen| chosen.number),
        replayed_from,
        frames,
    };
    tracing::info!(
        incarnation = recovered.incarnation.0,
        end = recovered.end.0,
        clean = recovered.clean,
        frames,
        "data directory opened"
    );
    let parts = begin(disk, options, directory, is_new, chain, &tail, &recovered)?;
    found.into_iter().for_each(|runs| parts.shared.add_footer(runs));
    adoption.leave(parts.leftovers);
    let views = adoption.views();
    let publisher = Publisher::new(Arc::clone(&views), options.tail_bytes_max);
    Ok(Opened {
        writer: Writer::new(Arc::clone(&parts.shared), Arc::clone(&parts.file), publisher),
        assembler: Assembler::new(Arc::clone(&parts.shared), parts.file, recovered.end),
        ephemeral: EphemeralLogs::new(Arc::clone(&views)),
        views,
        objects,
        files: WalFiles::new(Arc::clone(&parts.shared)),
        keeper: Keeper::new(Arc::clone(&parts.shared)),
        checkpointer: Checkpointer::new(parts.shared, largest_checkpoint + 1),
        adoption,
        lock,
        recovered,
    })
}

/// The directory's id, and whether it is being made.
fn identify(disk: &dyn Disk, options: &Options) -> Result<(u128, bool), OpenError> {
    if let Some(id) = identity::read(disk)? {
        return Ok((id, false));
    }
    let names = disk.list(wal::DIR).map_err(|error| OpenError::io("listing", wal::DIR, error))?;
    let checkpoints =
        disk.list(checkpoint::DIR).map_err(|error| OpenError::io("listing", checkpoint::DIR, error))?;
    if !checkpoints.is_empty() || chain::is_in_use(disk, &names)? {
        let why = "the directory holds data, so it had one".into();
        return Err(OpenError::Missing { file: "identity".into(), why });
    }
    // Left over from making the directory: empty, and of an id nobody knows.
    for name in names {
        let path = format!("{}/{name}", wal::DIR);
        disk.remove(&path).map_err(|error| OpenError::io("removing", &path, error))?;
    }
    Ok((options.new_directory_id, true))
}
