//! The walk of a check over the frames of the lane.
//!
//! Apart because it follows recovery's walk step by step, and differs in three things: it goes on behind damage, it reads
//! every frame, footer and batch, and it only says where the lane ends.

use std::collections::VecDeque;
use std::sync::Arc;

use millstream_types::WalPosition;

use super::frames::{Damage, FrameCheck, next_whole};
use super::{Finding, LaneCheck};
use crate::disk::read_up_to;
use crate::error::OpenError;
use crate::footer::{self, FileRuns, FooterFound};
use crate::frame::{self, Header, NotAFrame};
use crate::recovery::chain::{Chain, Link};
use crate::recovery::decide::{self, Stop, Verdict};
use crate::recovery::evidence;
use crate::recovery::scan::{FileScan, Found};
use crate::wal::{FileHeader, HEADER_PAGE_BYTES, number_in};
use crate::{Replay, ReplayedFrame};

/// Bytes of frames that one step looks at, about.
const STEP_BYTES: u64 = 1 << 20;

/// The walk over the frames.
pub(super) struct Walk {
    chain: Chain,
    needed: WalPosition,
    checkpoint_to: WalPosition,
    link: usize,
    open: Option<OpenFile>,
    /// Where the file before ended, if that is known.
    end: Option<WalPosition>,
    pending: VecDeque<Pending>,
    is_over: bool,
}

/// The file at hand.
struct OpenFile {
    scan: FileScan,
    check: FrameCheck,
    at: WalPosition,
    /// What its footer should say; nothing is known once a frame was damaged.
    runs: Option<FileRuns>,
}

/// A frame that no other yet proves durable.
struct Pending {
    link: usize,
    header: Header,
    meta: Vec<u8>,
    damage: Option<Damage>,
}

impl Walk {
    /// A walk over the links of `chain`; replay begins at `needed`, and a checkpoint knows of positions up to
    /// `checkpoint_to`.
    pub(super) fn new(chain: Chain, needed: WalPosition, checkpoint_to: WalPosition) -> Walk {
        Walk {
            chain,
            needed,
            checkpoint_to,
            link: 0,
            open: None,
            end: None,
            pending: VecDeque::new(),
            is_over: false,
        }
    }
}

impl LaneCheck {
    /// One step of the walk; `false` when it is over.
    pub(super) fn walk_on(&mut self, replay: &mut dyn Replay, found: &mut Vec<Finding>) -> bool {
        let mut walk = self.walk.take().expect("a walk is under way");
        let goes_on = !walk.is_over && walk.link < walk.chain.links.len();
        if goes_on && let Err(error) = self.walk_stretch(&mut walk, replay, found) {
            // The disk refuses to read this file; the others may still tell something.
            found.push(error.into());
            self.is_complete = false;
            self.pass(&mut walk, None);
        }
        self.walk = Some(walk);
        goes_on
    }

    fn walk_stretch(
        &mut self,
        walk: &mut Walk,
        replay: &mut dyn Replay,
        found: &mut Vec<Finding>,
    ) -> Result<(), OpenError> {
        if walk.open.is_none() {
            self.open_file(walk, found)?;
        }
        let mut looked_at = 0;
        while looked_at < STEP_BYTES {
            let OpenFile { scan, check, at, runs } = walk.open.as_mut().expect("a file is open");
            let link = &walk.chain.links[walk.link];
            if link.limit == Some(*at) {
                return self.stop_at(walk, Stop::AtLimit, NotAFrame::Blank, replay, found);
            }
            let (header, meta) = match scan.frame_at(*at)? {
                Found::Frame(header, _) if link.limit.is_some_and(|limit| header.end() > limit) => {
                    return self.stop_at(walk, Stop::BadFrame, NotAFrame::Damaged, replay, found);
                }
                Found::Frame(header, meta) => (header, meta.to_vec()),
                Found::Bad(bad) => return self.stop_at(walk, Stop::BadFrame, bad, replay, found),
            };
            let damage = check.damage(&header, &meta)?;
            if let Some(runs) = runs {
                for stored in frame::facts(&header, &meta) {
                    runs.add(&stored.facts, header.position, header.end());
                }
            }
            *at = header.end();
            looked_at += u64::from(header.total_bytes);
            self.progress.done_bytes += u64::from(header.total_bytes);
            self.counts.frames += 1;
            self.last_time = self.last_time.max(Some(header.time));
            self.prove(walk, header.durable_to, replay, found);
            if header.closing {
                let stop = if link_ends(walk, header.end()) { Stop::AtLimit } else { Stop::Closed };
                return self.stop_at(walk, stop, NotAFrame::Blank, replay, found);
            }
            walk.pending.push_back(Pending { link: walk.link, header, meta, damage });
        }
        Ok(())
    }

    fn open_file(&mut self, walk: &mut Walk, found: &mut Vec<Finding>) -> Result<(), OpenError> {
        let link = &walk.chain.links[walk.link];
        let file = &link.file;
        self.counts.wal_files += 1;
        if walk.end != Some(file.base) && file.base > walk.needed {
            let lacks = walk.end.map_or("all before it".to_owned(), |end| format!("from {end} on"));
            let what = format!(
                "what comes before it is missing: replay needs all from position {}, lacking {lacks}",
                walk.needed
            );
            found.push(Finding::damage(&*file.path, None, what));
            self.is_complete = false;
        }
        let mut page = [0; HEADER_PAGE_BYTES as usize];
        let opened = file.open().map_err(|error| OpenError::io("opening", &file.path, error))?;
        read_up_to(&*opened, 0, &mut page).map_err(|error| OpenError::io("reading", &file.path, error))?;
        if let Some(offset) = FileHeader::first_stray_byte(&page) {
            let what = "the header page holds something behind its checksum";
            found.push(Finding::damage(&*file.path, Some(offset), what));
        }
        walk.open = Some(OpenFile {
            scan: FileScan::new(file, link.bytes),
            check: FrameCheck::new(file),
            at: file.base,
            runs: Some(FileRuns::new(file)),
        });
        Ok(())
    }

    /// The frames of the file at hand stop.
    fn stop_at(
        &mut self,
        walk: &mut Walk,
        stop: Stop,
        bad: NotAFrame,
        replay: &mut dyn Replay,
        found: &mut Vec<Finding>,
    ) -> Result<(), OpenError> {
        let at = walk.open.as_ref().expect("a file is open").at;
        let link = &walk.chain.links[walk.link];
        let file = Arc::clone(&link.file);
        if stop == Stop::AtLimit && link.limit_is_soft {
            self.check_footer(walk, found)?;
            self.pass(walk, Some(at));
            return Ok(());
        }
        let (evidence, behind) = evidence::gather(&walk.chain, walk.link, stop, at, walk.checkpoint_to)?;
        let what = match (decide::decide(&evidence), bad) {
            (_, NotAFrame::Newer(version)) => {
                format!("a frame has format version {version}, this program knows up to {}", frame::VERSION)
            }
            (Verdict::Continue, _) => {
                self.check_footer(walk, found)?;
                self.prove(walk, at, replay, found);
                self.pass(walk, Some(at));
                return Ok(());
            }
            (Verdict::CleanEnd, _) => {
                self.check_footer(walk, found)?;
                self.prove(walk, at, replay, found);
                self.end_walk(walk);
                return Ok(());
            }
            (Verdict::TornTail, _) => {
                self.prove(walk, behind.durable_to.max(walk.checkpoint_to), replay, found);
                let end = self.end_torn(walk, at, replay, found);
                let what = format!(
                    "the lane ends here at position {end}, as an unclean stop leaves it; the next start drops what \
                     follows, which nobody was told is stored"
                );
                let file = walk.chain.links.iter().map(|link| &link.file).rfind(|file| file.base <= end);
                let file = file.expect("a tail lies in a file of the lane");
                let offset = Some(file.offset_of(end));
                found.push(Finding { offset, ..Finding::note(&*file.path, what) });
                self.end_walk(walk);
                return Ok(());
            }
            (Verdict::Corrupt(how), _) => format!("no whole frame stands at position {at}, yet {how}"),
            (Verdict::Contradiction, _) => unreachable!("a walk stops at a limit only where there is one"),
        };
        found.push(Finding::damage(&*file.path, Some(file.offset_of(at)), what));
        blame_lost_files(walk, at, found);
        // All before it was durable, as what proves the damage proves that too.
        self.prove(walk, at, replay, found);
        let link = &walk.chain.links[walk.link];
        let room = file.base.advance(link.bytes.saturating_sub(HEADER_PAGE_BYTES));
        let room = link.limit.map_or(room, |limit| limit.min(room));
        let open = walk.open.as_mut().expect("a file is open");
        let from = if stop == Stop::BadFrame { at.advance(frame::ALIGNMENT_BYTES) } else { at };
        let next = next_whole(&mut open.scan, from, room)?;
        self.is_complete &= next.or(link.limit).is_some_and(|next| next <= walk.needed);
        match next {
            Some(next) => (open.at, open.runs) = (next, None),
            None => {
                let limit = link.limit;
                self.pass(walk, limit);
            }
        }
        Ok(())
    }

    /// Compares what the footer of the file at hand says with what its frames hold. None need be there.
    fn check_footer(&self, walk: &Walk, found: &mut Vec<Finding>) -> Result<(), OpenError> {
        let OpenFile { at, runs, .. } = walk.open.as_ref().expect("a file is open");
        let file = &walk.chain.links[walk.link].file;
        let place = &*file.path;
        let offset = Some(file.offset_of(*at));
        let read = footer::read(self.directory, file, *at)
            .map_err(|error| OpenError::io("reading", &file.path, error))?;
        match read {
            FooterFound::Nothing => {}
            FooterFound::Runs(footer) => {
                if runs.as_ref().is_some_and(|runs| runs.runs() != footer.runs) {
                    let what = "its footer does not say what its frames hold";
                    found.push(Finding::damage(place, offset, what));
                }
            }
            FooterFound::Damaged => {
                // The process may have ended while it was written.
                let what = "its footer is not whole; a start reads the frames instead and writes it again";
                found.push(Finding { offset, ..Finding::note(place, what) });
            }
            FooterFound::Newer(version) => {
                let (found_version, known) = (version, footer::VERSION);
                let file = file.path.clone();
                found.push(OpenError::NewerFormat { file, found: found_version, known }.into());
            }
        }
        Ok(())
    }

    /// Goes on with the next file. When nobody knows where this one ended, the next one is where it should be.
    fn pass(&mut self, walk: &mut Walk, end: Option<WalPosition>) {
        let link = &walk.chain.links[walk.link];
        self.progress.done_bytes += unread(link, walk.open.take());
        walk.link += 1;
        walk.end = end.or(walk.chain.links.get(walk.link).map(|next| next.file.base));
    }

    fn end_walk(&mut self, walk: &mut Walk) {
        for link in &walk.chain.links[walk.link..] {
            self.progress.done_bytes += unread(link, walk.open.take());
        }
        walk.is_over = true;
    }

    /// Takes over every frame that ends at or before `durable_to`: it must be whole.
    fn prove(
        &mut self,
        walk: &mut Walk,
        durable_to: WalPosition,
        replay: &mut dyn Replay,
        found: &mut Vec<Finding>,
    ) {
        while walk.pending.front().is_some_and(|pending| pending.header.end() <= durable_to) {
            let pending = walk.pending.pop_front().expect("the front was just looked at");
            self.take_over(walk, pending, replay, found);
        }
    }

    /// Of the frames that nothing proves durable, a start keeps those up to the first damaged batch. Says where it ends.
    fn end_torn(
        &mut self,
        walk: &mut Walk,
        at: WalPosition,
        replay: &mut dyn Replay,
        found: &mut Vec<Finding>,
    ) -> WalPosition {
        for pending in std::mem::take(&mut walk.pending) {
            if pending.damage.is_some() {
                return pending.header.position;
            }
            self.take_over(walk, pending, replay, found);
        }
        at
    }

    fn take_over(
        &mut self,
        walk: &Walk,
        pending: Pending,
        replay: &mut dyn Replay,
        found: &mut Vec<Finding>,
    ) {
        let Pending { link, header, meta, damage } = pending;
        let file = &walk.chain.links[link].file;
        let offset = Some(file.offset_of(header.position));
        found.extend(damage.map(|damage| Finding::damage(&*file.path, Some(damage.offset), damage.what)));
        let mut facts = Vec::with_capacity(header.facts_count as usize);
        for stored in frame::facts(&header, &meta) {
            if stored.body_in(&header).is_none() {
                // Its offsets cannot be trusted either; the damage was told.
                self.is_complete = false;
                continue;
            }
            let (log, base) = (stored.facts.log, stored.facts.base_offset);
            self.counts.batches += 1;
            if !self.coverage.add(log, base, stored.facts.next_offset()) {
                let what = format!("log {log} has offset {base} twice");
                found.push(Finding::damage(&*file.path, offset, what));
                self.is_complete = false;
            }
            facts.push(stored.facts);
        }
        if header.position < walk.needed || !self.is_complete {
            return;
        }
        let (start, end, time) = (header.position, header.end(), header.time);
        let entries = frame::entries(&header, &meta);
        if let Err(reason) = replay.frame(ReplayedFrame { start, end, time, entries, facts: &facts }) {
            found.push(Finding::damage(&*file.path, offset, format!("replay stops here: {reason}")));
            self.is_complete = false;
        }
    }
}

fn link_ends(walk: &Walk, at: WalPosition) -> bool {
    walk.chain.links[walk.link].limit == Some(at)
}

/// Frames are missing from `at` on: names the files that may have held them, since they have no header page any more.
fn blame_lost_files(walk: &mut Walk, at: WalPosition, found: &mut Vec<Finding>) {
    let links = &walk.chain.links;
    let sequence = links[walk.link].file.sequence;
    let next = links.get(walk.link + 1).map(|next| next.file.sequence);
    for idle in &mut walk.chain.idle {
        let Some(number) = idle.path.strip_prefix("wal/").and_then(|name| number_in(name, "wal")) else {
            continue;
        };
        let is_between = number > sequence && next.is_some_and(|next| number < next);
        if is_between || std::mem::take(&mut idle.damaged_header) {
            let what = format!(
                "it has no whole header page, and the frames missing from position {at} on may be its"
            );
            found.push(Finding::damage(&*idle.path, Some(0), what));
        }
    }
}

/// Bytes of a file that no step has counted.
fn unread(link: &Link, open: Option<OpenFile>) -> u64 {
    let read = open.map_or(0, |open| open.at.0 - link.file.base.0);
    link.bytes.saturating_sub(read)
}
