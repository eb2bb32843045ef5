//! Changes of read views that are no appends.
//!
//! Apart because the shard decides them and storage shows them, at the moment the frame that carries them is
//! durable and not before (R9).

use millstream_types::{LogId, ObjectNumber, ObjectPart, Offset, StreamId};

/// One change. Within a frame, creates happen before its batches, the others after them, each in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publish {
    /// A new log whose first record will have offset `start`.
    Create {
        /// The log; ids are never used again.
        log: LogId,
        /// Its log start offset.
        start: Offset,
    },
    /// Records before `start` are gone. Reads under way finish.
    Trim {
        /// The log.
        log: LogId,
        /// Its new log start offset; one before the present is no change.
        start: Offset,
    },
    /// Records from `offset` on belong to open transactions.
    LastStable {
        /// The log.
        log: LogId,
        /// Its last stable offset; at or after the high watermark means that no transaction is open.
        offset: Offset,
    },
    /// The log is gone and reads of it fail from now on.
    Delete {
        /// The log.
        log: LogId,
    },
    /// The first `logs` logs of a stream are gone.
    DeleteStream {
        /// The stream.
        stream: StreamId,
        /// How many logs it had.
        logs: u32,
    },
    /// A log's records from `part.from` to `part.to` are read from this part of an object from now on.
    Pack {
        /// The object.
        object: ObjectNumber,
        /// Its part; some of its offsets may lie before the log's start.
        part: ObjectPart,
    },
}
