//! One file of the write-ahead log: its header page, and what the running process knows of it.
//!
//! Apart because the page is persisted, and because the life of a file (prepared, begun, sealed, freed) is counted
//! here and nowhere else.
//!
//! ```text
//! wal/<sequence, 16 hex digits>.wal
//!    0 ┌ magic "MSWALFIL" (8) ─┬ 8 version (4) ┬ 12 flags (4) ┐
//!   16 ├ data directory id (16) ────────────────────────────────┤
//!   32 ├ sequence (8) ─────────┬ 40 incarnation (8) ────────────┤
//!   48 ├ base position (8) ────┴ 56 file length (8) ────────────┤
//!   64 ├ CRC-32C of bytes 0..64 (4) ┬ zeros up to 4096 ─────────┤
//! 4096 ├ frames, from the base position on, without gaps ───────┤
//!      └ what a recycled file held before, zeros, or a hole ────┘
//! ```
//!
//! Flag bit 0: the file *grows*. It was begun empty, so it is as long as what was written to it, at most the length
//! that the page says; every other file has that length from the beginning. The other bits are zero.
//!
//! Position in the lane = base position + (offset in the file − 4096). The page is written together with the
//! file's first group, so that beginning a file costs no sync of its own; all it says lies in one sector. A page
//! whose sequence is not the one in the file's name is left from an earlier life: the file is not begun yet.
//! Positions and sequences are never given twice, except positions of a torn tail, which another incarnation
//! takes over.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use millstream_types::{Incarnation, WalPosition};
use parking_lot::Mutex;

use crate::disk::DiskFile;
use crate::frame::{u32_at, u64_at};
use crate::store::Files;

/// Directory of the files.
pub(crate) const DIR: &str = "wal";
/// Bytes before a file's first frame.
pub(crate) const HEADER_PAGE_BYTES: u64 = 4096;
/// Space is given back in blocks of this size, the page size of common file systems.
const HOLE_BYTES: u64 = 4096;
/// Newest version of the page known.
pub(crate) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"MSWALFIL";
const FLAG_GROWS: u32 = 1;
const CHECKSUM_AT: usize = 64;

/// Name of a file of the lane.
pub(crate) fn wal_path(sequence: u64) -> String {
    format!("{DIR}/{sequence:016x}.wal")
}

/// Name of a file that waits for use.
pub(crate) fn spare_path(sequence: u64) -> String {
    format!("{DIR}/{sequence:016x}.spare")
}

/// The number in a name of the form `<16 hex digits>.<suffix>`.
pub(crate) fn number_in(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?.strip_suffix('.')?;
    if digits.len() == 16 { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// What a header page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileHeader {
    pub(crate) directory: u128,
    pub(crate) sequence: u64,
    pub(crate) incarnation: Incarnation,
    pub(crate) base: WalPosition,
    /// Length of the file; of one that grows, the most it may become.
    pub(crate) file_bytes: u64,
    pub(crate) grows: bool,
}

/// What stands where a header page belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeaderPage {
    /// An intact page; its sequence may be an earlier life's.
    Intact(FileHeader),
    /// Intact, but of a newer version.
    Newer(u32),
    /// Zeros: a new file.
    Blank,
    /// Anything else.
    Damaged,
}

impl FileHeader {
    /// The page.
    pub(crate) fn encode(&self) -> [u8; HEADER_PAGE_BYTES as usize] {
        let mut page = [0; HEADER_PAGE_BYTES as usize];
        page[0..8].copy_from_slice(&MAGIC);
        page[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let flags = if self.grows { FLAG_GROWS } else { 0 };
        page[12..16].copy_from_slice(&flags.to_le_bytes());
        page[16..32].copy_from_slice(&self.directory.to_le_bytes());
        page[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        page[40..48].copy_from_slice(&self.incarnation.0.to_le_bytes());
        page[48..56].copy_from_slice(&self.base.0.to_le_bytes());
        page[56..64].copy_from_slice(&self.file_bytes.to_le_bytes());
        let sum = crc32c::crc32c(&page[..CHECKSUM_AT]);
        page[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&sum.to_le_bytes());
        page
    }

    /// Where in an intact page something stands that its checksum does not cover.
    pub(crate) fn first_stray_byte(page: &[u8; HEADER_PAGE_BYTES as usize]) -> Option<u64> {
        let rest = &page[CHECKSUM_AT + 4..];
        rest.iter().position(|byte| *byte != 0).map(|place| (CHECKSUM_AT + 4 + place) as u64)
    }

    /// Reads a page.
    pub(crate) fn decode(page: &[u8; HEADER_PAGE_BYTES as usize]) -> HeaderPage {
        if page.iter().all(|byte| *byte == 0) {
            return HeaderPage::Blank;
        }
        if page[0..8] != MAGIC || crc32c::crc32c(&page[..CHECKSUM_AT]) != u32_at(page, CHECKSUM_AT) {
            return HeaderPage::Damaged;
        }
        let version = u32_at(page, 8);
        if version != VERSION {
            return HeaderPage::Newer(version);
        }
        let flags = u32_at(page, 12);
        if flags & !FLAG_GROWS != 0 {
            return HeaderPage::Damaged;
        }
        HeaderPage::Intact(FileHeader {
            directory: u128::from_le_bytes(page[16..32].try_into().expect("sixteen bytes were taken")),
            sequence: u64_at(page, 32),
            incarnation: Incarnation(u64_at(page, 40)),
            base: WalPosition(u64_at(page, 48)),
            file_bytes: u64_at(page, 56),
            grows: flags & FLAG_GROWS != 0,
        })
    }
}

/// A begun file. `live` counts runs of live logs in it, `pins` the reads under way.
pub(crate) struct WalFile {
    pub(crate) path: String,
    pub(crate) sequence: u64,
    pub(crate) incarnation: Incarnation,
    pub(crate) base: WalPosition,
    pub(crate) file_bytes: u64,
    /// Its space is allocated as it is written: a write may find the disk full.
    pub(crate) grows: bool,
    /// The lane's own descriptor while it writes here.
    held: Mutex<Option<Arc<dyn DiskFile>>>,
    /// Opens it for everybody else after that: descriptors are few, files are not.
    files: Arc<Files>,
    /// Position after the last frame; `u64::MAX` while frames are still added.
    end: AtomicU64,
    live: AtomicU64,
    pins: AtomicU32,
    /// The space behind its last frame was given back: it must not go to the pool.
    has_hole: AtomicBool,
}

impl WalFile {
    /// A file that the lane goes on in: it stays open, whatever else is, and nobody needs its name.
    pub(crate) fn in_use(
        header: &FileHeader,
        path: String,
        file: Arc<dyn DiskFile>,
        files: &Arc<Files>,
    ) -> WalFile {
        WalFile { held: Mutex::new(Some(file)), ..WalFile::left(header, path, files) }
    }

    /// A file to which the lane adds nothing: it is opened when it is wanted.
    pub(crate) fn left(header: &FileHeader, path: String, files: &Arc<Files>) -> WalFile {
        WalFile {
            path,
            sequence: header.sequence,
            incarnation: header.incarnation,
            base: header.base,
            file_bytes: header.file_bytes,
            grows: header.grows,
            held: Mutex::new(None),
            files: Arc::clone(files),
            end: AtomicU64::new(u64::MAX),
            live: AtomicU64::new(0),
            pins: AtomicU32::new(0),
            has_hole: AtomicBool::new(false),
        }
    }

    /// Its bytes. Opens it if nobody did lately, which does not wait for the medium as a rule.
    ///
    /// # Errors
    /// What the disk says. Without a free descriptor, others that nobody uses are closed first.
    pub(crate) fn open(&self) -> io::Result<Arc<dyn DiskFile>> {
        if let Some(file) = self.held.lock().as_ref() {
            return Ok(Arc::clone(file));
        }
        self.files.open(&self.path)
    }

    /// The lane has written its last byte here, under its final name. Whoever still has to sync it has it open.
    pub(crate) fn let_go(&self) {
        let file = self.held.lock().take();
        drop(file);
    }

    /// What its header page says.
    pub(crate) fn header(&self, directory: u128) -> FileHeader {
        let WalFile { sequence, incarnation, base, file_bytes, grows, .. } = *self;
        FileHeader { directory, sequence, incarnation, base, file_bytes, grows }
    }

    /// Where in the file a position lies.
    pub(crate) fn offset_of(&self, position: WalPosition) -> u64 {
        assert!(position >= self.base, "position {position} lies before {}", self.path);
        position.0 - self.base.0 + HEADER_PAGE_BYTES
    }

    /// No frame is added any more. Of two ends the earlier one holds: frames that were laid out for the file and then
    /// written elsewhere are not in it.
    pub(crate) fn seal(&self, end: WalPosition) {
        self.end.fetch_min(end.0, Ordering::Release);
    }

    /// Frames are added again: what a start must never do, for the test that it would be noticed.
    pub(crate) fn unseal(&self) {
        self.end.store(u64::MAX, Ordering::Release);
    }

    /// Position after the last frame, once sealed.
    pub(crate) fn end(&self) -> Option<WalPosition> {
        match self.end.load(Ordering::Acquire) {
            u64::MAX => None,
            end => Some(WalPosition(end)),
        }
    }

    /// Gives the space behind the last frame of an earlier life back: a process that ended early leaves most of its
    /// last file unused, and nothing is ever written there but a footer. `footer_bytes` of it are there already.
    pub(crate) fn punch_unused(&self, footer_bytes: u64) -> io::Result<()> {
        let Some(end) = self.end() else { return Ok(()) };
        self.has_hole.store(true, Ordering::Relaxed);
        let from = (self.offset_of(end) + footer_bytes).next_multiple_of(HOLE_BYTES);
        if from >= self.file_bytes {
            return Ok(());
        }
        self.open()?.punch(from, self.file_bytes)
    }

    /// Whether parts of it have no space any more.
    pub(crate) fn has_hole(&self) -> bool {
        self.has_hole.load(Ordering::Relaxed)
    }

    pub(crate) fn add_live(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn drop_live(&self) {
        let before = self.live.fetch_sub(1, Ordering::Release);
        assert!(before > 0, "a run of {} was dropped twice", self.path);
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire) > 0
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins.load(Ordering::Acquire) > 0
    }
}

/// A read under way: the file is neither recycled nor removed. Taken only while the index still names the file,
/// so that a file without live runs gets no new pins.
pub(crate) struct Pin(Arc<WalFile>);

impl Pin {
    pub(crate) fn new(file: &Arc<WalFile>) -> Pin {
        file.pins.fetch_add(1, Ordering::Acquire);
        Pin(Arc::clone(file))
    }
}

impl std::ops::Deref for Pin {
    type Target = WalFile;

    fn deref(&self) -> &WalFile {
        &self.0
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::Release);
    }
}
