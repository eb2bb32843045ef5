//! What goes from the assembler to the writer: bytes laid out for a vectored write, and what to publish after it.
//!
//! Apart because it is the one value that crosses threads on the hot path: small frames lie in one arena, large
//! batches go along without a copy.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_types::{BatchFacts, WalPosition};

use crate::publish::Publish;
use crate::wal::WalFile;

/// Frames that are written and made durable together.
pub struct Group {
    pub(crate) parts: Vec<Part>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) ops: Vec<Op>,
    pub(crate) arena: BytesMut,
    /// Patched first 16 bytes of batches that share another log's stored bytes.
    pub(crate) heads: BytesMut,
    pub(crate) end: WalPosition,
    pub(crate) bytes: u64,
}

impl Group {
    /// Position after the group's last frame.
    #[must_use]
    pub fn end(&self) -> WalPosition {
        self.end
    }

    /// Bytes it writes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What one file gets of a group: whole frames, in order, without gaps.
pub(crate) struct Part {
    pub(crate) file: Arc<WalFile>,
    /// Position of the first frame.
    pub(crate) position: WalPosition,
    /// The part is the file's first, so that the header page goes before it: the name under which the file waits.
    pub(crate) begins: Option<String>,
    /// Diversions that the assembler knew of (see [`super::Shared::divert`]).
    pub(crate) diversions: u32,
    pub(crate) pieces: Range<usize>,
}

/// Bytes to write.
pub(crate) enum Piece {
    Arena(Range<usize>),
    Bytes(Bytes),
}

/// What the writer publishes once the group is durable, in order.
pub(crate) enum Op {
    /// The batches that follow are in this frame of this part.
    Frame {
        part: usize,
        start: WalPosition,
        end: WalPosition,
    },
    Batch {
        facts: BatchFacts,
        body: Body,
    },
    Publish(Publish),
}

/// Where a batch's bytes are.
pub(crate) enum Body {
    /// In the arena, patched.
    Arena(Range<usize>),
    /// First 16 bytes in the arena, the others as they came.
    Split { head: usize, rest: Bytes },
    /// First 16 bytes in `heads`; the others are those of the batch before.
    Shared { head: usize },
}
