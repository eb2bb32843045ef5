//! Checking the bytes of one frame that recovery does not look at: its batches, and what lies between and behind them.
//!
//! Apart because the check of a stopped directory and the scrubber of a running one do the same to a frame.

use std::sync::Arc;

use millstream_types::WalPosition;

use crate::disk::read_up_to;
use crate::error::OpenError;
use crate::frame::{self, ALIGNMENT_BYTES, Header};
use crate::recovery::scan::{FileScan, Found};
use crate::wal::WalFile;

/// Where in a file something is wrong, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Damage {
    pub(crate) offset: u64,
    pub(crate) what: String,
}

/// Checks frames of one file; holds the buffer for their batches.
pub(crate) struct FrameCheck {
    file: Arc<WalFile>,
    buffer: Vec<u8>,
}

impl FrameCheck {
    pub(crate) fn new(file: &Arc<WalFile>) -> FrameCheck {
        FrameCheck { file: Arc::clone(file), buffer: Vec::new() }
    }

    /// What is wrong with the batches of a frame whose header, facts and entries are intact.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub(crate) fn damage(&mut self, header: &Header, meta: &[u8]) -> Result<Option<Damage>, OpenError> {
        let start = self.file.offset_of(header.position);
        let meta_bytes = header.meta_bytes();
        self.buffer.resize(header.total_bytes as usize - meta_bytes, 0);
        let file = self.file.open().map_err(|error| OpenError::io("opening", &self.file.path, error))?;
        let read = read_up_to(&*file, start + meta_bytes as u64, &mut self.buffer)
            .map_err(|error| OpenError::io("reading", &self.file.path, error))?;
        if read < self.buffer.len() {
            let what = "it ends within a frame".to_owned();
            return Ok(Some(Damage { offset: start + (meta_bytes + read) as u64, what }));
        }
        let mut end = meta_bytes;
        for stored in frame::facts(header, meta) {
            let (log, base) = (stored.facts.log, stored.facts.base_offset);
            let Some(body) = stored.body_in(header) else {
                let what = format!("its facts of log {log} at offset {base} name bytes outside the frame");
                return Ok(Some(Damage { offset: start, what }));
            };
            let damaged = |what: &str| {
                let what = format!("the batch of log {log} at offset {base} {what}");
                Ok(Some(Damage { offset: start + body.start as u64, what }))
            };
            let bytes = &self.buffer[body.start - meta_bytes..body.end - meta_bytes];
            if !frame::batch_is_intact(bytes, stored.crc) {
                return damaged("does not match its checksum");
            }
            // Several logs may share the bytes: they are set for the first.
            if body.start >= end && bytes[..frame::PATCHED_BYTES] != frame::patched_head(bytes, base) {
                return damaged("names another offset or epoch");
            }
            end = end.max(body.end);
        }
        Ok(None)
    }
}

/// The first place from `from` on, and before `end`, where a whole frame of the file stands as if all before it were
/// there: where a check goes on behind damage.
///
/// # Errors
/// [`OpenError::Io`].
pub(crate) fn next_whole(
    scan: &mut FileScan,
    from: WalPosition,
    end: WalPosition,
) -> Result<Option<WalPosition>, OpenError> {
    let mut at = from;
    while at < end {
        if let Found::Frame(..) = scan.frame_at(at)? {
            return Ok(Some(at));
        }
        at = at.advance(ALIGNMENT_BYTES);
    }
    Ok(None)
}
