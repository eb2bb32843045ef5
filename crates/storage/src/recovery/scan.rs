//! Reading a WAL file's frames one after another, and searching it for frames behind a bad place.
//!
//! Apart because both read far more than they keep: one buffer, large steps through small frames, small steps
//! over large ones.

use std::sync::Arc;

use millstream_types::{Incarnation, WalPosition, planted};

use super::decide::Later;
use crate::disk::{DiskFile, read_up_to};
use crate::error::OpenError;
use crate::frame::{self, ALIGNMENT_BYTES, HEADER_BYTES, Header, NotAFrame};
use crate::wal::{HEADER_PAGE_BYTES, WalFile};

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes read at once after a large frame: the next header, most likely.
const STEP_BYTES: usize = 4 << 10;

/// What stands at a position.
pub(crate) enum Found<'a> {
    Frame(Header, &'a [u8]),
    Bad(NotAFrame),
}

/// A window on a file.
struct Window {
    bytes: Vec<u8>,
    at: u64,
}

impl Window {
    fn new() -> Window {
        Window { bytes: Vec::new(), at: 0 }
    }

    /// At least `wanted` bytes of the file from `offset` on, fewer only at its end. If it must read, it has `open` open
    /// the file and reads `ahead`.
    fn get(
        &mut self,
        open: impl Fn() -> std::io::Result<Arc<dyn DiskFile>>,
        offset: u64,
        wanted: usize,
        ahead: usize,
    ) -> std::io::Result<&[u8]> {
        let end = self.at + self.bytes.len() as u64;
        if offset < self.at || offset + wanted as u64 > end {
            self.bytes.resize(wanted.max(ahead), 0);
            let read = open().and_then(|file| read_up_to(&*file, offset, &mut self.bytes));
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            self.at = offset;
            read?;
        }
        Ok(&self.bytes[(offset - self.at) as usize..])
    }
}

/// The frames of one file, in order.
pub(crate) struct FileScan {
    file: Arc<WalFile>,
    /// Length of the file: one that grows may be shorter than its header says.
    bytes: u64,
    window: Window,
    ahead: usize,
}

impl FileScan {
    pub(crate) fn new(file: &Arc<WalFile>, bytes: u64) -> FileScan {
        FileScan { file: Arc::clone(file), bytes, window: Window::new(), ahead: CHUNK_BYTES }
    }

    /// The frame at `position`; its batches are not looked at.
    pub(crate) fn frame_at(&mut self, position: WalPosition) -> Result<Found<'_>, OpenError> {
        let path = self.file.path.clone();
        let failed = |error| OpenError::io("reading", &path, error);
        let offset = self.file.offset_of(position);
        let room = self.bytes.saturating_sub(offset);
        if room < HEADER_BYTES as u64 {
            return Ok(Found::Bad(NotAFrame::Blank));
        }
        let open = || self.file.open();
        let bytes = self.window.get(open, offset, HEADER_BYTES, self.ahead).map_err(failed)?;
        let header = match frame::peek(bytes, room) {
            Ok(header) if header.incarnation == self.file.incarnation && header.position == position => {
                header
            }
            Ok(header) if planted!(StaleFrameAccepted) => header,
            // What a recycled file held before.
            Ok(_) => return Ok(Found::Bad(NotAFrame::Blank)),
            // A write that was cut short may leave a magic before older bytes. A newer program's frame is one that says
            // where it stands: every version says that in the same place.
            Err(NotAFrame::Newer(_)) if !frame::stands_at(bytes, self.file.incarnation, position) => {
                return Ok(Found::Bad(NotAFrame::Damaged));
            }
            Err(bad) => return Ok(Found::Bad(bad)),
        };
        let meta_bytes = header.meta_bytes();
        self.ahead = if header.total_bytes as usize > CHUNK_BYTES / 4 { STEP_BYTES } else { CHUNK_BYTES };
        let bytes = self.window.get(open, offset, meta_bytes, self.ahead).map_err(failed)?;
        match bytes.get(..meta_bytes) {
            Some(meta) if frame::is_intact(&header, meta) || planted!(TornFrameKept) => {
                Ok(Found::Frame(header, meta))
            }
            _ => Ok(Found::Bad(NotAFrame::Damaged)),
        }
    }
}

/// What frames behind a bad place say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind {
    pub(crate) later: Later,
    /// Largest position that any of them says was durable.
    pub(crate) durable_to: WalPosition,
    /// Which of the chain's idle files holds the proof: its header page is lost.
    pub(crate) idle: Option<usize>,
}

impl Behind {
    /// Whether any of them proves that the bad place was durable.
    pub(crate) fn is_proof(&self) -> bool {
        matches!(self.later, Later::ProvesDurable | Later::ClosingFrame)
    }
}

/// Searches `file` from `offset` on for frames of `incarnation` (or a later one) behind `position`, at every
/// sixteenth byte. A frame is recognised by itself: its checksum is seeded with what it says it is.
pub(crate) fn search(
    file: &Arc<dyn DiskFile>,
    path: &str,
    file_bytes: u64,
    offset: u64,
    incarnation: Incarnation,
    position: WalPosition,
    behind: &mut Behind,
) -> Result<(), OpenError> {
    let failed = |error| OpenError::io("reading", path, error);
    let open = || Ok(Arc::clone(file));
    let mut window = Window::new();
    let mut large = Window::new();
    let mut offset = offset.max(HEADER_PAGE_BYTES).next_multiple_of(ALIGNMENT_BYTES);
    while offset + HEADER_BYTES as u64 <= file_bytes {
        let bytes = window.get(open, offset, HEADER_BYTES, CHUNK_BYTES).map_err(failed)?;
        if bytes.len() < HEADER_BYTES {
            break;
        }
        let here = offset;
        offset += ALIGNMENT_BYTES;
        let Ok(header) = frame::peek(bytes, file_bytes - here) else { continue };
        if header.incarnation < incarnation || header.position <= position {
            continue;
        }
        let meta_bytes = header.meta_bytes();
        let bytes = large.get(open, here, meta_bytes, meta_bytes).map_err(failed)?;
        if !bytes.get(..meta_bytes).is_some_and(|meta| frame::is_intact(&header, meta)) {
            continue;
        }
        // The header page of a new incarnation is durable before its first frame: seeing the frame without
        // the page is proof enough.
        let proof = header.durable_to > position || header.incarnation > incarnation;
        behind.durable_to = behind.durable_to.max(header.durable_to);
        behind.later = match (behind.later, header.closing, proof) {
            (_, true, _) => Later::ClosingFrame,
            (Later::ClosingFrame, ..) => Later::ClosingFrame,
            (_, _, true) | (Later::ProvesDurable, ..) => Later::ProvesDurable,
            (Later::Nothing | Later::Unproven, ..) => Later::Unproven,
        };
        offset = (here + u64::from(header.total_bytes)).max(offset);
        if behind.is_proof() {
            break;
        }
    }
    Ok(())
}
