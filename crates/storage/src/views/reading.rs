//! What all views read with.
//!
//! Apart because a log's view is one of many, and what costs memory is shared and bounded here.

use std::sync::Arc;

use millstream_types::limits::READ_BYTES_PER_TURN;

use super::buffers::Buffers;
use crate::objects::Objects;

/// Idle read buffers that are kept: what a few connections in full flow have out at any moment.
const IDLE_BUFFERS_BYTES_MAX: u64 = 8 << 20;

/// Beyond this, in buffers whose bytes are not sent yet, turns are short: many slow readers hold little each.
const OUT_BUFFERS_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a short turn.
const SHORT_TURN_BYTES: u32 = 64 << 10;

/// Shared by all views of a directory.
pub(crate) struct Reading {
    pub(super) buffers: Arc<Buffers>,
    pub(super) objects: Arc<Objects>,
}

impl Reading {
    pub(crate) fn new(objects: Arc<Objects>) -> Reading {
        Reading { buffers: Arc::new(Buffers::new(IDLE_BUFFERS_BYTES_MAX)), objects }
    }

    /// Bytes that one turn takes at most.
    pub(super) fn turn_bytes(&self) -> u32 {
        if self.buffers.out_bytes() > OUT_BUFFERS_BYTES_MAX { SHORT_TURN_BYTES } else { READ_BYTES_PER_TURN }
    }
}
