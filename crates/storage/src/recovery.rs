//! Opening a data directory: newest checkpoint, then every frame after it, then a new incarnation.
//!
//! Apart because it decides what of the past counts. Nothing is ever deleted to get going: what was durable and is
//! damaged or missing stops the start with its file and offset (R6); only a torn tail, which was never
//! acknowledged, is dropped.
//!
//! In order: lock, identity, checkpoint, files, frames, the tail's batches; then what of the tail is kept is
//! written again in place and synced, because after a failed sync (F5) or a killed process it may be in memory
//! only; then a new file with a new incarnation, durable before its first frame. What is decided stands
//! in `decide`, what is read in `chain` and `scan`, what begins in `begin`.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;

use millstream_types::{BatchFacts, EngineTime, Incarnation, WalPosition, planted};

use crate::adopt::Adoption;
use crate::checkpoint::{self, Checkpointer};
use crate::disk::{DirLock, Disk, DiskFile, read_up_to, write_all_at};
use crate::ephemeral::EphemeralLogs;
use crate::error::{OpenError, ReplayError};
use crate::footer::{self, FileRuns, Footer, FooterFound};
use crate::frame::{self, Header, NotAFrame};
use crate::identity;
use crate::keeper::Keeper;
use crate::lane::{Assembler, Writer};
use crate::objects::Objects;
use crate::options::Options;
use crate::store::{DirStore, Files};
use crate::views::{Publisher, Reading, Views};
use crate::wal::{self, HEADER_PAGE_BYTES, WalFile};
use crate::wal_files::WalFiles;

pub(crate) mod begin;
pub(crate) mod chain;
pub(crate) mod decide;
pub(crate) mod evidence;
pub(crate) mod scan;

use begin::begin;
use chain::Chain;
use decide::{Stop, Verdict};
use scan::{FileScan, Found};

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
    let mut walk = Walk {
        disk: &*disk,
        chain: &chain,
        needed: footer.map_or(WalPosition::FIRST, |footer| footer.needed),
        checkpoint_to: footer.map_or(WalPosition::ZERO, |footer| footer.largest),
        adoption: Adoption::new(Arc::new(Views::new(Arc::new(Reading::new(Arc::clone(&objects)))))),
        replay,
        pending: VecDeque::new(),
        last_time: None,
        frames: 0,
        footers: Vec::new(),
        found: Vec::new(),
    };
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

/// Where the lane ends.
struct Tail {
    end: WalPosition,
    clean: bool,
}

/// A frame that no other yet proves durable.
struct Pending {
    link: usize,
    header: Header,
    meta: Vec<u8>,
}

/// The walk over all frames.
struct Walk<'a> {
    disk: &'a dyn Disk,
    chain: &'a Chain,
    needed: WalPosition,
    checkpoint_to: WalPosition,
    adoption: Adoption,
    replay: &'a mut dyn Replay,
    pending: VecDeque<Pending>,
    last_time: Option<EngineTime>,
    frames: u64,
    /// By file, what its footer says.
    footers: Vec<Option<Footer>>,
    /// For the footers that are missing: what was found by going through the frames.
    found: Vec<FileRuns>,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<Tail, OpenError> {
        let mut end: Option<WalPosition> = None;
        for (index, link) in self.chain.links.iter().enumerate() {
            let file = &link.file;
            if let Some(end) = end
                && end != file.base
                && file.base > self.needed
            {
                let what = format!("replay needs all from position {} on, this lacks {end}", self.needed);
                return Err(OpenError::Missing {
                    file: format!("what comes before {}", file.path),
                    why: what,
                });
            }
            if end.is_none() && file.base > self.needed {
                let why = format!("replay begins at position {}", self.needed);
                return Err(OpenError::Missing { file: format!("what comes before {}", file.path), why });
            }
            let (stop, at, bad) = self.walk_file(index)?;
            if stop == Stop::AtLimit && link.limit_is_soft {
                file.seal(at);
                end = Some(at);
                continue;
            }
            let (evidence, behind) = evidence::gather(self.chain, index, stop, at, self.checkpoint_to)?;
            if let NotAFrame::Newer(found) = bad {
                // Even where a torn tail may be: a newer program's frames are not ours to drop.
                let (found, known) = (u32::from(found), u32::from(frame::VERSION));
                return Err(OpenError::NewerFormat { file: file.path.clone(), found, known });
            }
            match decide::decide(&evidence) {
                Verdict::Continue => {
                    self.prove(at)?;
                    file.seal(at);
                    end = Some(at);
                }
                Verdict::CleanEnd => {
                    self.prove(at)?;
                    file.seal(at);
                    // The closing frame itself may be in memory only, and the next file begins behind it.
                    let start = WalPosition(at.0 - frame::CLOSING_BYTES);
                    let bytes = open_file(file)?;
                    let closing = read_at(file, &*bytes, start, frame::CLOSING_BYTES as usize)?;
                    rewrite(file, &*bytes, start, &closing)?;
                    bytes.sync_data().map_err(|error| OpenError::io("syncing", &file.path, error))?;
                    return Ok(Tail { end: at, clean: true });
                }
                Verdict::TornTail => return self.end_torn(at, behind.durable_to),
                Verdict::Corrupt(_) if planted!(CorruptionTakenForTail) => {
                    return self.end_torn(at, behind.durable_to);
                }
                Verdict::Corrupt(how) => {
                    if let Some(lost) = behind.idle {
                        let why = format!("frames in it follow position {at}, and {how}");
                        return Err(self.chain.idle[lost].lost(&why));
                    }
                    let what = format!("no whole frame stands at position {at}, yet {how}");
                    return Err(OpenError::Corrupt {
                        file: file.path.clone(),
                        offset: file.offset_of(at),
                        what,
                    });
                }
                Verdict::Contradiction => unreachable!("a walk stops at a limit only where there is one"),
            }
        }
        // The newest file always stops badly or closed; only a directory without files comes here.
        assert!(self.chain.links.is_empty(), "the last file has no successor");
        Ok(Tail { end: WalPosition::FIRST, clean: true })
    }

    /// Reads the footers of all files of which it is known where they end. After a clean stop it is of the last file too:
    /// its closing frame follows what the checkpoint knows.
    fn read_footers(&mut self, directory: u128) -> Result<(), OpenError> {
        for link in &self.chain.links {
            let file = &link.file;
            let end = link.limit.unwrap_or(self.needed.advance(frame::CLOSING_BYTES));
            if end < file.base || file.offset_of(end) > file.file_bytes {
                self.footers.push(None);
                continue;
            }
            let found = footer::read(directory, file, end)
                .map_err(|error| OpenError::io("reading", &file.path, error))?;
            self.footers.push(match found {
                FooterFound::Runs(footer) => Some(footer),
                FooterFound::Nothing => None,
                FooterFound::Damaged => {
                    let offset = file.offset_of(end);
                    tracing::warn!(
                        file = file.path,
                        offset,
                        "a footer is damaged; the file's frames are read instead"
                    );
                    None
                }
                FooterFound::Newer(found) => {
                    let known = footer::VERSION;
                    return Err(OpenError::NewerFormat { file: file.path.clone(), found, known });
                }
            });
        }
        Ok(())
    }

    /// Takes over what a file's footer says; returns from which position on its frames must be read.
    fn begin_file(&mut self, index: usize) -> Result<WalPosition, OpenError> {
        let link = &self.chain.links[index];
        let file = &link.file;
        if self.footers[index].is_none() {
            return Ok(file.base);
        }
        // The footer was written when all of the file was durable.
        self.prove(file.base)?;
        let footer = self.footers[index].as_ref().expect("it was just looked at");
        for (log, run) in &footer.runs {
            self.adoption.index_run(*log, file, run)?;
        }
        let end = link.limit.unwrap_or(self.needed);
        Ok(self.needed.clamp(file.base, end.max(file.base)))
    }

    /// Goes through one file's frames, those that its footer does not make up for; says how it stopped, and where.
    fn walk_file(&mut self, index: usize) -> Result<(Stop, WalPosition, NotAFrame), OpenError> {
        let link = &self.chain.links[index];
        let mut scan = FileScan::new(&link.file, link.bytes);
        let mut at = self.begin_file(index)?;
        loop {
            if link.limit == Some(at) {
                return Ok((Stop::AtLimit, at, NotAFrame::Blank));
            }
            let (header, meta) = match scan.frame_at(at)? {
                Found::Frame(header, meta) => (header, meta),
                Found::Bad(bad) => return Ok((Stop::BadFrame, at, bad)),
            };
            if link.limit.is_some_and(|limit| header.end() > limit) {
                return Ok((Stop::BadFrame, at, NotAFrame::Damaged));
            }
            let meta = meta.to_vec();
            self.prove(header.durable_to)?;
            at = header.end();
            self.last_time = self.last_time.max(Some(header.time));
            if header.closing {
                return if link.limit == Some(at) {
                    Ok((Stop::AtLimit, at, NotAFrame::Blank))
                } else {
                    Ok((Stop::Closed, at, NotAFrame::Blank))
                };
            }
            self.pending.push_back(Pending { link: index, header, meta });
        }
    }

    /// Takes over every frame that ends at or before `durable_to`.
    fn prove(&mut self, durable_to: WalPosition) -> Result<(), OpenError> {
        while self.pending.front().is_some_and(|pending| pending.header.end() <= durable_to) {
            let pending = self.pending.pop_front().expect("the front was just looked at");
            self.take_over(&pending)?;
        }
        Ok(())
    }

    fn take_over(&mut self, pending: &Pending) -> Result<(), OpenError> {
        let Pending { link, header, meta } = pending;
        let file = &self.chain.links[*link].file;
        if self.footers[*link].is_none()
            && !self.found.last().is_some_and(|runs| Arc::ptr_eq(&runs.file, file))
        {
            self.found.push(FileRuns::new(file));
        }
        let mut facts = Vec::with_capacity(header.facts_count as usize);
        for stored in frame::facts(header, meta) {
            if stored.body_in(header).is_none() {
                let what = "a frame's facts name bytes outside it".to_owned();
                let offset = file.offset_of(header.position);
                return Err(OpenError::Corrupt { file: file.path.clone(), offset, what });
            }
            if self.footers[*link].is_none() {
                self.adoption.index(&stored.facts, file, header.position, header.end())?;
                let runs = self.found.last_mut().expect("the file was just added");
                runs.add(&stored.facts, header.position, header.end());
            }
            facts.push(stored.facts);
        }
        if header.position < self.needed {
            return Ok(());
        }
        self.frames += 1;
        let (start, end, time) = (header.position, header.end(), header.time);
        let entries = frame::entries(header, meta);
        self.replay
            .frame(ReplayedFrame { start, end, time, entries, facts: &facts })
            .map_err(|reason| OpenError::Replay { position: start, reason })
    }

    /// The lane ends at `at` or before: of the frames that nothing proves durable, those up to the first damaged
    /// batch are kept, written again and synced.
    fn end_torn(&mut self, at: WalPosition, durable_to: WalPosition) -> Result<Tail, OpenError> {
        self.prove(durable_to.max(self.checkpoint_to))?;
        let mut tail = Tail { end: at, clean: false };
        let mut kept: Vec<Pending> = Vec::new();
        // Open until they are synced: the descriptor that wrote is the one that is told of errors.
        let mut touched: Vec<(usize, Arc<dyn DiskFile>)> = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let file = &self.chain.links[pending.link].file;
            let opened = match touched.last() {
                Some((link, opened)) if *link == pending.link => Arc::clone(opened),
                _ => open_file(file)?,
            };
            let total_bytes = pending.header.total_bytes as usize;
            let bytes = read_at(file, &*opened, pending.header.position, total_bytes)?;
            if !batches_are_intact(&pending.header, &pending.meta, &bytes) && !planted!(TornBatchKept) {
                if planted!(FactsOfDroppedTail) {
                    self.take_over(&pending)?;
                }
                tail.end = pending.header.position;
                break;
            }
            rewrite(file, &*opened, pending.header.position, &bytes)?;
            if touched.last().is_none_or(|(link, _)| *link != pending.link) {
                touched.push((pending.link, opened));
            }
            kept.push(pending);
        }
        for (link, opened) in touched {
            let file = &self.chain.links[link].file;
            opened.sync_data().map_err(|error| OpenError::io("syncing", &file.path, error))?;
        }
        for pending in &kept {
            self.take_over(pending)?;
        }
        for link in &self.chain.links {
            if link.file.end().is_none_or(|end| end > tail.end) {
                link.file.seal(tail.end);
            }
        }
        self.disk.sync_dir(wal::DIR).map_err(|error| OpenError::io("syncing", wal::DIR, error))?;
        Ok(tail)
    }
}

/// Writes a frame of the tail again in place, and with a file's first frame its header page: what a failed sync
/// has dropped, or only memory holds, becomes dirty again and is synced with the rest.
fn rewrite(
    file: &WalFile,
    opened: &dyn DiskFile,
    position: WalPosition,
    bytes: &[u8],
) -> Result<(), OpenError> {
    if planted!(TailNotRewritten) {
        return Ok(());
    }
    let failed = |action| move |error| OpenError::io(action, &file.path, error);
    if position == file.base {
        let mut page = vec![0; HEADER_PAGE_BYTES as usize];
        read_up_to(opened, 0, &mut page).map_err(failed("reading"))?;
        write_all_at(opened, 0, &mut [IoSlice::new(&page)]).map_err(failed("rewriting"))?;
    }
    write_all_at(opened, file.offset_of(position), &mut [IoSlice::new(bytes)]).map_err(failed("rewriting"))
}

fn open_file(file: &WalFile) -> Result<Arc<dyn DiskFile>, OpenError> {
    file.open().map_err(|error| OpenError::io("opening", &file.path, error))
}

fn read_at(
    file: &WalFile,
    opened: &dyn DiskFile,
    position: WalPosition,
    bytes: usize,
) -> Result<Vec<u8>, OpenError> {
    let mut buffer = vec![0; bytes];
    read_up_to(opened, file.offset_of(position), &mut buffer)
        .map_err(|error| OpenError::io("reading", &file.path, error))?;
    Ok(buffer)
}

fn batches_are_intact(header: &Header, meta: &[u8], bytes: &[u8]) -> bool {
    let mut last = None;
    frame::facts(header, meta).all(|stored| {
        let Some(body) = stored.body_in(header) else { return false };
        let seen = last.replace(body.clone()) == Some(body.clone());
        seen || frame::batch_is_intact(&bytes[body], stored.crc)
    })
}
