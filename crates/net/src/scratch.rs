//! What a connection needs only while it is being driven: one set per thread, lent for a turn.
//!
//! Apart because this is why ten thousand idle connections are cheap: none of them owns a read buffer or the vectors
//! that commands and events pass through. Nothing of a connection stays in here after its turn.

use bytes::BytesMut;
use millstream_front::limits::READ_CHUNK_BYTES;
use millstream_front::{Event, Io};
use std::cell::Cell;

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Buffers for one turn.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Empty, with room for one read.
    read: BytesMut,
    /// What the session wants done; emptied after each call.
    pub(crate) io: Io,
    /// Events taken from the mailbox; emptied in the round that took them.
    pub(crate) events: Vec<Event>,
}

impl Scratch {
    /// Lends the thread's set to `turn`. A turn that panics loses it, and the next one makes another, so that
    /// nothing half-done reaches another connection.
    pub(crate) fn lend<T>(turn: impl FnOnce(&mut Scratch) -> T) -> T {
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let outcome = turn(&mut scratch);
        scratch.clear();
        SCRATCH.set(Some(scratch));
        outcome
    }

    /// An empty buffer with room for at least one ordinary read.
    pub(crate) fn read_buffer(&mut self) -> &mut BytesMut {
        self.read.clear();
        if self.read.capacity() < READ_CHUNK_BYTES {
            self.read = BytesMut::with_capacity(READ_CHUNK_BYTES);
        }
        &mut self.read
    }

    fn clear(&mut self) {
        let Io {
            output,
            submissions,
            reads,
            watch,
            spare_bytes,
            surcharge_bytes,
            settled_bytes,
            unfinished_bytes,
            dropped_bytes,
            // Every round sets it anew.
            micros: _,
        } = &mut self.io;
        output.clear();
        submissions.clear();
        reads.clear();
        *watch = None;
        (*spare_bytes, *surcharge_bytes, *settled_bytes) = (0, 0, 0);
        (*unfinished_bytes, *dropped_bytes) = (0, 0);
        self.events.clear();
    }
}
