//! The walk over all frames of the lane, from the first that a checkpoint leaves to the end.
//!
//! Apart from opening because it alone goes through files: it folds what is proven durable, ends at the first thing that
//! is no frame, and says what of the tail behind the last proof is kept.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use millstream_types::{EngineTime, WalPosition, planted};

use super::ReplayedFrame;
use super::chain::Chain;
use super::decide::{Stop, Verdict};
use super::scan::{FileScan, Found};
use super::{Replay, decide, evidence};
use crate::adopt::Adoption;
use crate::checkpoint::format;
use crate::disk::{Disk, DiskFile, read_up_to, write_all_at};
use crate::error::OpenError;
use crate::footer::{self, FileRuns, Footer, FooterFound};
use crate::frame::{self, Header, NotAFrame};
use crate::wal::{self, HEADER_PAGE_BYTES, WalFile};

/// Where the lane ends.
pub(super) struct Tail {
    pub(super) end: WalPosition,
    pub(super) clean: bool,
}

/// A frame that no other yet proves durable.
struct Pending {
    link: usize,
    header: Header,
    meta: Vec<u8>,
}

/// The walk over all frames.
pub(super) struct Walk<'a> {
    disk: &'a dyn Disk,
    chain: &'a Chain,
    pub(super) needed: WalPosition,
    checkpoint_to: WalPosition,
    pub(super) adoption: Adoption,
    replay: &'a mut dyn Replay,
    pending: VecDeque<Pending>,
    pub(super) last_time: Option<EngineTime>,
    pub(super) frames: u64,
    /// By file, what its footer says.
    pub(super) footers: Vec<Option<Footer>>,
    /// For the footers that are missing: what was found by going through the frames.
    pub(super) found: Vec<FileRuns>,
}

impl<'a> Walk<'a> {
    /// A walk that begins where the checkpoint of that footer says, or at the first frame.
    pub(super) fn new(
        disk: &'a dyn Disk,
        chain: &'a Chain,
        checkpoint: Option<&format::Footer>,
        adoption: Adoption,
        replay: &'a mut dyn Replay,
    ) -> Walk<'a> {
        Walk {
            disk,
            chain,
            needed: checkpoint.map_or(WalPosition::FIRST, |footer| footer.needed),
            checkpoint_to: checkpoint.map_or(WalPosition::ZERO, |footer| footer.largest),
            adoption,
            replay,
            pending: VecDeque::new(),
            last_time: None,
            frames: 0,
            footers: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(super) fn run(&mut self) -> Result<Tail, OpenError> {
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
    pub(super) fn read_footers(&mut self, directory: u128) -> Result<(), OpenError> {
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
