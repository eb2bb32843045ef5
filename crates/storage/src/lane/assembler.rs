//! The half of the lane that the shard's task drives: orders frames, lays out their bytes, never blocks.
//!
//! Apart because this is where a frame's cost is paid: 400,000 small frames or 1 GB of large ones a second must
//! pass with room to spare, so small batches are copied into one arena, large ones pass untouched, and nothing is
//! looked up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use millstream_types::{BatchFacts, EngineTime, WalPosition};

use super::group::{Body, Group, Op, Part, Piece};
use super::{Ready, Shared};
use crate::frame::{self, CLOSING_BYTES, HEADER_BYTES, Header, PATCHED_BYTES, StoredFacts};
use crate::publish::Publish;
use crate::wal::{self, FileHeader, HEADER_PAGE_BYTES, WalFile};

/// Batches up to this size are copied: a copy costs less than an iovec, and does not pin a network buffer.
const COPIED_BYTES_MAX: usize = 8 << 10;
/// First guess of a group's arena; after that the last group's size.
const ARENA_BYTES_MIN: usize = 16 << 10;
/// Largest arena allocated at once for a group that may turn out small.
const ARENA_BYTES_MAX: usize = 4 << 20;

/// One request's change, all or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Engine time of the change.
    pub time: EngineTime,
    /// What the shard folds; opaque here.
    pub entries: &'a [u8],
    /// Appended batches. Neighbours that are clones of the same bytes are stored once (R17); a batch is at least
    /// 61 bytes and as long as its facts say.
    pub batches: &'a [(BatchFacts, Bytes)],
    /// Other changes of read views.
    pub publish: &'a [Publish],
}

/// What a frame is for: whether it may use the reserve (R12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Takes space.
    Append,
    /// Gives space back or settles: acks, trims, deletes. May draw on the last prepared file.
    Relief,
}

/// Whether a frame may be pushed now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admit {
    /// It fits.
    Yes,
    /// Not before the writer or the keeper has caught up.
    Wait,
    /// The disk has no room; refuse before anything is decided.
    Full,
}

/// Lays out frames. One per lane.
pub struct Assembler {
    shared: Arc<Shared>,
    file: Arc<WalFile>,
    /// Diversions that it knows of.
    diversions: u32,
    position: WalPosition,
    group: Group,
    /// Where the arena bytes that are no piece yet begin.
    piece_start: usize,
    closed: bool,
}

impl Assembler {
    pub(crate) fn new(shared: Arc<Shared>, file: Arc<WalFile>, position: WalPosition) -> Assembler {
        let group = empty_group(position, ARENA_BYTES_MIN);
        Assembler { shared, file, diversions: 0, position, group, piece_start: 0, closed: false }
    }

    /// Where the next frame will begin.
    #[must_use]
    pub fn next_position(&self) -> WalPosition {
        self.position
    }

    /// Whether a frame of at most `frame_bytes` (see [`crate::frame_bytes`]) may be pushed now. The answer holds
    /// until the next push.
    ///
    /// What is admitted has space (R12): in the file in use if that was written through, and otherwise in the reserve, to
    /// which everything that is not written yet can go when the file that grows finds the disk full.
    #[must_use]
    pub fn admit(&mut self, frame_bytes: u64, purpose: Purpose) -> Admit {
        self.follow_diversion();
        let options = &self.shared.options;
        let pending = self.shared.pending_bytes.load(Ordering::Relaxed);
        if pending >= options.pending_bytes_max {
            return Admit::Wait;
        }
        let full = self.shared.disk_full.load(Ordering::Relaxed);
        let (written, growing) = self.shared.ready.counts();
        let may_take = purpose == Purpose::Relief || !full;
        let fits_reserve =
            |bytes: u64| written > 0 && HEADER_PAGE_BYTES + bytes + CLOSING_BYTES <= options.wal_file_bytes;
        let covered = fits_reserve(pending.saturating_add(frame_bytes));
        let fits = match (self.fits(frame_bytes), self.file.grows) {
            // With room on the disk the reserve can still be prepared; without, it must be there.
            (true, false) => may_take || written > 0,
            (true, true) => may_take && covered,
            // The next file is a written one, and one more is left.
            (false, grows) if written > 1 => covered || !grows && fits_reserve(frame_bytes),
            (false, _) if growing > 0 => may_take && covered,
            // The reserve itself; nothing may be under way that would need it.
            (false, grows) => {
                purpose == Purpose::Relief && full && fits_reserve(frame_bytes) && (!grows || pending == 0)
            }
        };
        match (fits, full) {
            (true, _) => Admit::Yes,
            // What is being written needs the reserve and will let go of it.
            (false, true) if purpose == Purpose::Relief && written > 0 && pending > 0 => Admit::Wait,
            (false, true) => Admit::Full,
            (false, false) => Admit::Wait,
        }
    }

    /// Leaves the file in use when the disk is full and nothing lives in it, as the keeper has found: its space comes free
    /// only then (R12). The next file begins with an empty frame, so that a checkpoint has something to be written for.
    /// `true` when there is such a frame.
    pub fn relieve(&mut self, time: EngineTime) -> bool {
        if self.closed || !self.shared.wants_roll.load(Ordering::Relaxed) {
            return false;
        }
        self.follow_diversion();
        let (written, _) = self.shared.ready.counts();
        // While something is under way that was not shown yet, who knows what will live.
        if written == 0 || self.shared.published() != self.position {
            return false;
        }
        self.shared.wants_roll.store(false, Ordering::Relaxed);
        if self.file.is_live() {
            return false;
        }
        self.roll(HEADER_BYTES as u64);
        self.push(Frame { time, entries: &[], batches: &[], publish: &[] });
        true
    }

    /// Adds a frame; returns the position after it, which is durable when [`super::Durable`] reaches it.
    ///
    /// # Panics
    /// When it was not admitted, when a batch is not as long as its facts say, or after the closing frame.
    pub fn push(&mut self, frame: Frame<'_>) -> WalPosition {
        assert!(!self.closed, "nothing follows a closing frame");
        self.follow_diversion();
        let batches_bytes = stored_bytes(frame.batches);
        let total = frame::frame_bytes(frame.entries.len(), frame.batches.len(), batches_bytes);
        let header = Header {
            incarnation: self.shared.incarnation,
            position: self.position,
            time: frame.time,
            durable_to: self.shared.durable(),
            total_bytes: u32::try_from(total).expect("an admitted frame fits a file"),
            entries_bytes: u32::try_from(frame.entries.len()).expect("entries are shorter than their frame"),
            facts_count: u32::try_from(frame.batches.len()).expect("facts are shorter than their frame"),
            closing: false,
        };
        if !self.fits(total) {
            self.roll(total);
        }
        self.begin_part();
        let start = self.group.arena.len();
        self.group.arena.resize(start + HEADER_BYTES, 0);
        let mut body_at = 0;
        let mut next_at = 0;
        for (index, (facts, body)) in frame.batches.iter().enumerate() {
            assert_eq!(facts.bytes as usize, body.len(), "a batch is as long as its facts say");
            assert!(body.len() >= frame::BATCH_BYTES_MIN, "a batch holds at least its own header");
            if index == 0 || !is_same(&frame.batches[index - 1].1, body) {
                body_at = next_at;
                next_at += facts.bytes;
            }
            let stored = StoredFacts { facts: *facts, body_at, crc: frame::crc_of(body) };
            self.group.arena.extend_from_slice(&stored.encode());
        }
        self.group.arena.extend_from_slice(frame.entries);
        frame::seal(&mut self.group.arena[start..], &header);

        for change in frame.publish.iter().filter(|change| matches!(change, Publish::Create { .. })) {
            self.group.ops.push(Op::Publish(*change));
        }
        let part = self.group.parts.len() - 1;
        self.group.ops.push(Op::Frame { part, start: self.position, end: header.end() });
        for (index, (facts, body)) in frame.batches.iter().enumerate() {
            let shares = index > 0 && is_same(&frame.batches[index - 1].1, body);
            let body = self.add_body(facts, body, shares);
            self.group.ops.push(Op::Batch { facts: *facts, body });
        }
        for change in frame.publish.iter().filter(|change| !matches!(change, Publish::Create { .. })) {
            self.group.ops.push(Op::Publish(*change));
        }
        let padding = total - header.meta_bytes() as u64 - batches_bytes;
        self.group.arena.resize(self.group.arena.len() + padding as usize, 0);
        self.advance(total)
    }

    /// Whether something was pushed that was not taken yet.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        !self.group.parts.is_empty()
    }

    /// What was pushed since the last call, if anything.
    #[must_use]
    pub fn take_group(&mut self) -> Option<Group> {
        if !self.has_frames() {
            return None;
        }
        self.end_part();
        let next_arena = self.group.arena.len().clamp(ARENA_BYTES_MIN, ARENA_BYTES_MAX);
        let group = std::mem::replace(&mut self.group, empty_group(self.position, next_arena));
        self.piece_start = 0;
        Some(group)
    }

    /// The last frame of a clean stop; everything before it must be durable.
    pub(crate) fn push_closing(&mut self, time: EngineTime) {
        assert!(!self.closed, "a lane is closed once");
        self.follow_diversion();
        assert_eq!(self.shared.durable(), self.position, "a closing frame follows what is durable");
        self.begin_part();
        let header = Header {
            incarnation: self.shared.incarnation,
            position: self.position,
            time,
            durable_to: self.position,
            total_bytes: CLOSING_BYTES as u32,
            entries_bytes: 0,
            facts_count: 0,
            closing: true,
        };
        let start = self.group.arena.len();
        self.group.arena.resize(start + HEADER_BYTES, 0);
        frame::seal(&mut self.group.arena[start..], &header);
        self.advance(CLOSING_BYTES);
        self.closed = true;
    }

    /// Whether a frame fits the current file and leaves room for a closing frame.
    fn fits(&self, frame_bytes: u64) -> bool {
        self.file.offset_of(self.position) + frame_bytes + CLOSING_BYTES <= self.file.file_bytes
    }

    fn advance(&mut self, frame_bytes: u64) -> WalPosition {
        self.position = self.position.advance(frame_bytes);
        self.group.end = self.position;
        self.group.bytes += frame_bytes;
        self.shared.pending_bytes.fetch_add(frame_bytes, Ordering::Relaxed);
        self.position
    }

    fn add_body(&mut self, facts: &BatchFacts, body: &Bytes, shares: bool) -> Body {
        let head = frame::patched_head(body, facts.base_offset);
        if shares {
            let at = self.group.heads.len();
            self.group.heads.extend_from_slice(&head);
            return Body::Shared { head: at };
        }
        let at = self.group.arena.len();
        self.group.arena.extend_from_slice(&head);
        let rest = &body[PATCHED_BYTES..];
        if body.len() <= COPIED_BYTES_MAX {
            self.group.arena.extend_from_slice(rest);
            Body::Arena(at..self.group.arena.len())
        } else {
            self.end_piece();
            let rest = body.slice(PATCHED_BYTES..);
            self.group.pieces.push(Piece::Bytes(rest.clone()));
            Body::Split { head: at, rest }
        }
    }

    /// Goes on where the writer went on when the disk was full. What was pushed meanwhile the writer puts there itself.
    fn follow_diversion(&mut self) {
        let diversions = self.shared.diversions();
        if diversions != self.diversions {
            self.diversions = diversions;
            self.file = self.shared.diverted_to();
        }
    }

    fn begin_part(&mut self) {
        let goes_on = self.group.parts.last().is_some_and(|part| Arc::ptr_eq(&part.file, &self.file));
        if !goes_on {
            self.open_part(None);
        }
    }

    fn open_part(&mut self, begins: Option<String>) {
        self.end_part();
        let first = self.group.pieces.len();
        self.group.parts.push(Part {
            file: Arc::clone(&self.file),
            position: self.position,
            begins,
            diversions: self.diversions,
            pieces: first..first,
        });
    }

    fn end_part(&mut self) {
        self.end_piece();
        let end = self.group.pieces.len();
        if let Some(part) = self.group.parts.last_mut() {
            part.pieces.end = end;
        }
    }

    fn end_piece(&mut self) {
        let end = self.group.arena.len();
        if end > self.piece_start {
            self.group.pieces.push(Piece::Arena(self.piece_start..end));
            self.piece_start = end;
        }
    }

    /// Goes on in the next file, whose header page goes out before its first frames.
    fn roll(&mut self, frame_bytes: u64) {
        let Ready { path, file, grows } =
            self.shared.ready.take_next().expect("an admitted frame fits this file or the next");
        self.file.seal(self.position);
        let header = FileHeader {
            directory: self.shared.directory,
            sequence: self.shared.take_sequence(grows),
            incarnation: self.shared.incarnation,
            base: self.position,
            file_bytes: self.shared.options.wal_file_bytes,
            grows,
        };
        self.file =
            Arc::new(WalFile::in_use(&header, wal::wal_path(header.sequence), file, &self.shared.opener));
        self.shared.files.lock().insert(header.sequence, Arc::clone(&self.file));
        self.shared.note_roll(header.base, header.file_bytes);
        assert!(self.fits(frame_bytes), "an admitted frame fits the next file");
        self.open_part(Some(path));
    }
}

fn empty_group(end: WalPosition, arena_bytes: usize) -> Group {
    Group {
        parts: Vec::with_capacity(1),
        pieces: Vec::new(),
        ops: Vec::new(),
        arena: BytesMut::with_capacity(arena_bytes),
        heads: BytesMut::new(),
        end,
        bytes: 0,
    }
}

/// Whether two handles are clones of the same bytes.
fn is_same(left: &Bytes, right: &Bytes) -> bool {
    left.as_ptr() == right.as_ptr() && left.len() == right.len()
}

fn stored_bytes(batches: &[(BatchFacts, Bytes)]) -> u64 {
    let mut bytes = 0;
    for (index, (_, body)) in batches.iter().enumerate() {
        if index == 0 || !is_same(&batches[index - 1].1, body) {
            bytes += body.len() as u64;
        }
    }
    bytes
}
