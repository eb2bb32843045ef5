//! What one `apply` wants done: bytes for the frame, changes to publish, replies to send.
//!
//! Apart because it is the whole outward side of the state machine: whoever runs a shard (the engine, a simulator,
//! a test) carries these out and needs to know nothing else of it.

use crate::catalog::{NamespaceEntry, StreamEntry};
use crate::request::Reply;
use crate::route::RouteEntry;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::{BatchFacts, LogId, ObjectNumber, ObjectPart, Offset, StreamId, WalPosition};

/// Names one request to whoever submitted it. A reply may come in a later turn than its request (a member waiting
/// for its group), never twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// A reply and what it waits for.
#[derive(Debug)]
pub struct ReplyEffect {
    /// The request that is answered.
    pub ticket: Ticket,
    /// The answer.
    pub reply: Reply,
    /// The reply may leave once the frame that starts here is durable (R10); `None`: at once, since it reveals
    /// nothing that a crash could take back.
    pub after: Option<WalPosition>,
}

/// A change of what sessions see of the catalog (R15). Takes effect before its reply leaves.
#[derive(Debug, Clone)]
pub enum CatalogChange {
    /// A stream is new, or its entry replaces the one before.
    Put(Arc<StreamEntry>),
    /// A stream is gone.
    Remove(Arc<StreamEntry>),
    /// A route is new, or its entry replaces the one before.
    PutRoute(Arc<RouteEntry>),
    /// A route is gone.
    RemoveRoute(Arc<RouteEntry>),
    /// A namespace is new, or its entry replaces the one before.
    PutNamespace(Arc<NamespaceEntry>),
    /// A namespace is not found any more. Its streams go one by one.
    RemoveNamespace(Arc<NamespaceEntry>),
}

/// A change of the read views (R9) beside the appended batches. Takes effect when the frame is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewChange {
    /// A log is new and empty.
    Create {
        /// The log.
        log: LogId,
    },
    /// A log starts later than before.
    Trim {
        /// The log.
        log: LogId,
        /// Its new first offset.
        start: Offset,
    },
    /// All logs of a stream are gone.
    Delete {
        /// The stream.
        stream: StreamId,
        /// How many logs it had.
        logs: u32,
    },
    /// A log's records from `part.from` to `part.to` are read from this part of an object from now on.
    Pack {
        /// The object, whose number is larger than that of every object that was committed before.
        object: ObjectNumber,
        /// Its part; some of its offsets may lie before the log's start.
        part: ObjectPart,
    },
}

/// A change of an ephemeral log (R18), of which nothing is written. It is carried out at once, in order, and what was appended
/// can be read once the position is durable that it names.
#[derive(Debug, Clone)]
pub enum EphemeralChange {
    /// A log is new and empty.
    Create {
        /// The log.
        log: LogId,
    },
    /// A batch is in memory.
    Append {
        /// Its facts; its log is ephemeral.
        facts: BatchFacts,
        /// It.
        bytes: Bytes,
        /// It can be read once the frame that starts here is durable; zero: at once.
        after: WalPosition,
    },
    /// Everything of a batch was settled, and nobody else reads the log: its memory can be used for others. Nothing happens if
    /// it went with a trim.
    Forget {
        /// The log.
        log: LogId,
        /// The batch's first offset.
        base: Offset,
    },
    /// A log starts later than before.
    Trim {
        /// The log.
        log: LogId,
        /// Its new first offset.
        start: Offset,
    },
    /// All logs of a stream are gone.
    Delete {
        /// The stream.
        stream: StreamId,
        /// How many logs it had.
        logs: u32,
    },
}

/// A change of the catalog and when sessions may see it.
#[derive(Debug, Clone)]
pub struct CatalogEffect {
    /// What has changed.
    pub change: CatalogChange,
    /// Once the frame that starts here is durable: the one that the change is in, or, of what is in memory only, the last
    /// one before it that changed the catalog.
    pub after: WalPosition,
}

/// Everything that one turn of the shard wants done. The frame is all or nothing (R5): `entries` and `batches` go
/// into one frame; if both are empty no frame is written.
#[derive(Debug, Default)]
pub struct Effects {
    /// Encoded entries, in the order they were folded.
    pub entries: Vec<u8>,
    /// How many entries were folded: those, and the ones that are not written.
    pub entry_count: usize,
    /// Bytes of the entries that were folded and are not written, because what they are about is in memory only. They count
    /// where the work of a turn is bounded by its bytes (R13).
    pub unwritten_bytes: usize,
    /// Appended batches with their facts, in order.
    pub batches: Vec<(BatchFacts, Bytes)>,
    /// Changes of the read views, in order.
    pub views: Vec<ViewChange>,
    /// Changes of ephemeral logs, in order.
    pub ephemeral: Vec<EphemeralChange>,
    /// Changes of the catalog, in order.
    pub catalog: Vec<CatalogEffect>,
    /// Replies, in order.
    pub replies: Vec<ReplyEffect>,
}

impl Effects {
    /// Whether a frame has to be written.
    #[must_use]
    pub fn has_frame(&self) -> bool {
        !self.entries.is_empty() || !self.batches.is_empty()
    }

    /// Bytes of all entries that were folded, written or not.
    #[must_use]
    pub fn entries_bytes(&self) -> usize {
        self.entries.len() + self.unwritten_bytes
    }

    /// Forgets everything and keeps the memory, for the next turn.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.entry_count = 0;
        self.unwritten_bytes = 0;
        self.batches.clear();
        self.views.clear();
        self.ephemeral.clear();
        self.catalog.clear();
        self.replies.clear();
    }

    /// Adds a reply that leaves once the frame starting at `after` is durable.
    pub fn reply_after(&mut self, ticket: Ticket, after: WalPosition, reply: Reply) {
        self.replies.push(ReplyEffect { ticket, reply, after: Some(after) });
    }

    /// Adds a reply that reveals nothing and leaves at once.
    pub fn reply_now(&mut self, ticket: Ticket, reply: Reply) {
        self.replies.push(ReplyEffect { ticket, reply, after: None });
    }
}
