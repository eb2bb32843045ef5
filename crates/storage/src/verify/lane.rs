//! The first half of a check: identity, checkpoints and the lane, handed to a replay on the way.
//!
//! Apart because it knows no logs: it says which bytes are whole and in their place, and rebuilds what a start would.

use std::sync::Arc;

use millstream_types::{EngineTime, Incarnation, WalPosition};

use super::walk::Walk;
use super::{Counts, Coverage, Finding, Lane, Progress, lock, names};
use crate::Replay;
use crate::checkpoint::read::Chosen;
use crate::checkpoint::{self, read};
use crate::disk::{DirLock, Disk, DiskFile, OpenMode};
use crate::error::OpenError;
use crate::recovery::chain::{self, Chain};
use crate::store::Files;
use crate::wal::{self, HeaderPage, number_in};
use crate::{identity, store};

/// Files kept open: it goes through one after another.
const OPEN_FILES_MAX: usize = 16;

/// The check of a directory's lane. See the module's documentation.
pub struct LaneCheck {
    disk: Arc<dyn Disk>,
    pub(super) directory: u128,
    lock: Option<Box<dyn DirLock>>,
    /// Checkpoints not looked at yet, the newest last.
    checkpoints: Vec<u64>,
    chosen: Option<Chosen>,
    /// A checkpoint newer than the chosen one is damaged.
    fell_back: bool,
    pub(super) walk: Option<Walk>,
    pub(super) coverage: Coverage,
    /// Nothing that a shard is rebuilt from was missing so far.
    pub(super) is_complete: bool,
    pub(super) last_time: Option<EngineTime>,
    pub(super) progress: Progress,
    pub(super) counts: Counts,
}

impl LaneCheck {
    /// Takes the directory and reads its identity. `found` takes what is wrong with it.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when a broker runs; otherwise why this cannot be read as a data directory at all.
    pub fn begin(disk: Arc<dyn Disk>, found: &mut Vec<Finding>) -> Result<LaneCheck, OpenError> {
        let lock = lock(&*disk, found)?;
        let directory = identify(&*disk, found)?;
        names::mention(&*disk, found);
        let checkpoints = names::list(&*disk, checkpoint::DIR)?;
        let checkpoints: Vec<u64> = checkpoints.iter().filter_map(|name| number_in(name, "ckpt")).collect();
        let mut total_bytes = 0;
        for dir in [wal::DIR, checkpoint::DIR, store::DIR] {
            for name in names::list(&*disk, dir)? {
                total_bytes += length(&*disk, &format!("{dir}/{name}")).unwrap_or(0);
            }
        }
        Ok(LaneCheck {
            disk,
            directory,
            lock,
            checkpoints,
            chosen: None,
            fell_back: false,
            walk: None,
            coverage: Coverage::default(),
            is_complete: true,
            last_time: None,
            progress: Progress { done_bytes: 0, total_bytes },
            counts: Counts { bytes: total_bytes, ..Counts::default() },
        })
    }

    /// Looks at the next checkpoint or the next stretch of a file; `None` when there is no more. What a start would read
    /// is handed to `replay`, as far as nothing of it is missing.
    pub fn step(&mut self, replay: &mut dyn Replay, found: &mut Vec<Finding>) -> Option<Progress> {
        if let Some(number) = self.checkpoints.pop() {
            self.check_checkpoint(number, found);
        } else if self.walk.is_none() {
            self.begin_walk(replay, found);
        } else if !self.walk_on(replay, found) {
            return None;
        }
        Some(self.progress)
    }

    /// What was found; to be called when no step is left.
    #[must_use]
    pub fn finish(self) -> Lane {
        let LaneCheck { disk, directory, coverage, progress, counts, lock, is_complete, last_time, .. } =
            self;
        Lane { disk, directory, coverage, progress, counts, _lock: lock, is_complete, last_time }
    }

    fn check_checkpoint(&mut self, number: u64, found: &mut Vec<Finding>) {
        let name = checkpoint::path(number);
        self.counts.checkpoints += 1;
        self.progress.done_bytes += length(&*self.disk, &name).unwrap_or(0);
        match read::inspect(&*self.disk, number, self.directory) {
            Ok(Ok(chosen)) if self.chosen.is_none() => self.chosen = Some(chosen),
            Ok(Ok(_)) => {}
            Ok(Err((offset, what))) => {
                self.fell_back |= self.chosen.is_none();
                found.push(Finding::damage(name, Some(offset), what));
            }
            Err(error) => {
                self.fell_back |= self.chosen.is_none();
                found.push(error.into());
            }
        }
    }

    fn begin_walk(&mut self, replay: &mut dyn Replay, found: &mut Vec<Finding>) {
        let footer = self.chosen.as_ref().map(|chosen| &chosen.footer);
        if footer.is_none() && self.fell_back {
            self.is_complete = false;
        }
        let before = found.len();
        let files = Arc::new(Files::new(Arc::clone(&self.disk), OPEN_FILES_MAX));
        let mut report = |error: OpenError| {
            found.push(error.into());
            Ok(())
        };
        let loaded = chain::load(&files, self.directory, footer, &mut report).and_then(|chain| {
            if footer.is_some() || !self.fell_back {
                chain::check_complete(&chain, footer, self.fell_back, &mut report)?;
            }
            Ok(chain)
        });
        let chain = match loaded {
            Ok(chain) => chain,
            Err(error) => {
                found.push(error.into());
                let (directory, incarnation) = (self.directory, Incarnation::default());
                Chain {
                    directory,
                    links: Vec::new(),
                    idle: Vec::new(),
                    largest_sequence: 0,
                    incarnation,
                    files,
                }
            }
        };
        if chain.links.is_empty() && found.len() == before {
            let damaged = chain.idle.iter().find(|idle| idle.damaged_header);
            found.push(match damaged {
                Some(idle) => idle.lost("no other file holds any frames").into(),
                None => Finding::damage(wal::DIR, None, "there is no WAL file, and there was one"),
            });
        }
        self.is_complete &= found.len() == before;
        for idle in &chain.idle {
            self.progress.done_bytes += idle.bytes;
            // What is told of a file as damage needs no note.
            if !found[before..].iter().any(|finding| finding.place == idle.path) {
                found.extend(describe_idle(&idle.path, idle.damaged_header));
            }
        }
        if let Some(chosen) = &self.chosen
            && self.is_complete
            && let Err(error) = chosen.images(self.directory, &mut |stamp, image| replay.image(stamp, image))
        {
            let name = checkpoint::path(chosen.number);
            found.push(match error {
                OpenError::Replay { reason, .. } => Finding::damage(name, None, reason.0),
                error => error.into(),
            });
            self.is_complete = false;
        }
        // Without a checkpoint that is whole nothing is known of what must be there.
        let first = chain.links.first().map_or(WalPosition::FIRST, |link| link.file.base);
        let needed = if self.fell_back { first } else { WalPosition::FIRST };
        let needed = footer.map_or(needed, |footer| footer.needed);
        let checkpoint_to = footer.map_or(WalPosition::ZERO, |footer| footer.largest);
        self.walk = Some(Walk::new(chain, needed, checkpoint_to));
    }
}

/// What a file is that holds no frames of the lane.
fn describe_idle(path: &str, damaged_header: bool) -> Option<Finding> {
    let what = if damaged_header {
        "its header page cannot be read; nothing shows that it was ever in use"
    } else if path.ends_with(".wal") {
        "it is no part of the lane: freed, or all of it a torn tail, or not begun; the next start puts it aside"
    } else {
        // Spare files are mentioned by their name.
        return None;
    };
    Some(Finding::note(path, what))
}

/// The id of the directory; of one whose identity file is damaged, what its other files say.
fn identify(disk: &dyn Disk, found: &mut Vec<Finding>) -> Result<u128, OpenError> {
    let why = match identity::read(disk) {
        Ok(Some(id)) => return Ok(id),
        Ok(None) => {
            OpenError::Missing { file: identity::FILE.into(), why: "every data directory has one".into() }
        }
        Err(error) => error,
    };
    let names = names::list(disk, wal::DIR)?;
    if !chain::is_in_use(disk, &names)? && names::list(disk, checkpoint::DIR)?.is_empty() {
        // No data directory, or one whose making was cut short: a start would make it.
        return Err(why);
    }
    for name in names {
        let Some(sequence) = number_in(&name, "wal") else { continue };
        if let Ok((_, HeaderPage::Intact(header))) = chain::read_page(disk, &wal::wal_path(sequence)) {
            found.push(why.into());
            return Ok(header.directory);
        }
    }
    Err(why)
}

fn length(disk: &dyn Disk, path: &str) -> std::io::Result<u64> {
    let file: Arc<dyn DiskFile> = disk.open(path, OpenMode::Existing)?;
    file.len()
}
