//! Entries: the changes that the write-ahead log holds, each of exactly one entity (R1).
//!
//! Apart because this is the persisted language of the core. `apply` decides entries and folds them; recovery folds
//! the same ones. An entry is a tag byte and its fields; tags are never used again for something else, so a tag
//! that is not known was written by a newer version and stops recovery.
//!
//! | tag | entry | entity |
//! |---|---|---|
//! | 1 | stream created | the stream, its logs (new and empty) |
//! | 2 | stream changed (logs added, configuration) | the stream |
//! | 3 | stream deleted | the stream and its logs |
//! | 4 | log trimmed | the log |
//! | 5 | producer appended | the log's producer table |
//! | 6 | producer id allocated | the counters |
//! | 7 | object committed, or replaced by what it says | the object |
//! | 8 | object dropped | the object |
//! | 9 | producer forgotten | the log's producer table |
//! | 10 | namespace created or changed, or its deletion begun | the namespace |
//! | 11 | namespace gone | the namespace |
//! | 16… | group entries, see [`crate::cursor`] | the group |
//! | 32… | lease entries, see [`crate::lease`] | the lease group |
//! | 64… | entries of routes, see [`crate::route`] | the route |
//!
//! Appended batches are not entries: their facts have a section of their own in the frame (R2).

use crate::catalog::{
    NamespaceEntry, StreamEntry, get_entry, get_namespace, get_number, put_entry, put_namespace,
};
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::cursor::GroupEntry;
use crate::lease::{self, LeaseEntry};
use crate::log::ProducerAppended;
use crate::object::{get_object, put_object};
use crate::route::{self, RouteChange};
use alloc::boxed::Box;
use millstream_types::{LogId, Namespace, ObjectEntry, ObjectNumber, Offset, ProducerId, StreamId};

/// One durable change. See the module's table.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A stream was created, with its logs.
    StreamCreated(StreamEntry),
    /// A stream's entry was replaced; it never loses logs.
    StreamChanged(StreamEntry),
    /// A stream was deleted, with its logs.
    StreamDeleted {
        /// The stream.
        stream: StreamId,
    },
    /// A log starts later.
    LogTrimmed {
        /// The log.
        log: LogId,
        /// Its new first offset.
        start: Offset,
    },
    /// An idempotent producer's batch was appended.
    ProducerAppended(ProducerAppended),
    /// A producer id was handed out.
    ProducerAllocated {
        /// The id.
        id: ProducerId,
    },
    /// A packed object exists.
    ObjectCommitted(ObjectEntry),
    /// A packed object is needed no more; its file goes.
    ObjectDropped {
        /// The object.
        object: ObjectNumber,
    },
    /// An idempotent producer was silent for so long that a log forgets it.
    ProducerForgotten {
        /// The log.
        log: LogId,
        /// The producer.
        id: ProducerId,
    },
    /// A namespace is as this says.
    NamespacePut(Box<NamespaceEntry>),
    /// A namespace is gone, and so are its streams.
    NamespaceGone {
        /// The namespace.
        namespace: Namespace,
    },
    /// A change of a cursor group.
    Group(GroupEntry),
    /// A change of a lease group.
    Lease(LeaseEntry),
    /// A change of a route.
    Route(RouteChange),
}

impl Entry {
    /// Whether it is about something that is in memory only (R18): it is folded and not written.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        match self {
            Entry::StreamCreated(entry) | Entry::StreamChanged(entry) => entry.id.is_ephemeral(),
            Entry::StreamDeleted { stream } => stream.is_ephemeral(),
            Entry::LogTrimmed { log, .. } | Entry::ProducerForgotten { log, .. } => log.stream.is_ephemeral(),
            Entry::ProducerAppended(appended) => appended.log.stream.is_ephemeral(),
            Entry::Group(entry) => entry.is_ephemeral(),
            Entry::Lease(entry) => entry.group.stream.is_ephemeral(),
            Entry::Route(change) => change.is_ephemeral(),
            Entry::ProducerAllocated { .. }
            | Entry::ObjectCommitted(_)
            | Entry::ObjectDropped { .. }
            | Entry::NamespacePut(_)
            | Entry::NamespaceGone { .. } => false,
        }
    }

    /// Writes the entry: its tag, then its fields.
    pub fn put(&self, out: &mut Encoder<'_>) {
        match self {
            Entry::StreamCreated(entry) => {
                out.u8(1);
                put_entry(out, entry);
            }
            Entry::StreamChanged(entry) => {
                out.u8(2);
                put_entry(out, entry);
            }
            Entry::StreamDeleted { stream } => {
                out.u8(3);
                out.u64(stream.0);
            }
            Entry::LogTrimmed { log, start } => {
                out.u8(4);
                out.log(*log);
                out.u64(start.0);
            }
            Entry::ProducerAppended(appended) => {
                out.u8(5);
                appended.put(out);
            }
            Entry::ProducerAllocated { id } => {
                out.u8(6);
                out.u64(id.0);
            }
            Entry::ObjectCommitted(entry) => {
                out.u8(7);
                put_object(out, entry);
            }
            Entry::ObjectDropped { object } => {
                out.u8(8);
                out.u64(object.0);
            }
            Entry::ProducerForgotten { log, id } => {
                out.u8(9);
                out.log(*log);
                out.u64(id.0);
            }
            Entry::NamespacePut(entry) => {
                out.u8(10);
                put_namespace(out, entry);
            }
            Entry::NamespaceGone { namespace } => {
                out.u8(11);
                out.u32(namespace.0);
            }
            Entry::Group(entry) => entry.put(out),
            Entry::Lease(entry) => entry.put(out),
            Entry::Route(change) => change.put(out),
        }
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// When the bytes are damaged or were written by a newer version.
    pub fn get(input: &mut Decoder<'_>) -> Result<Entry, DecodeError> {
        let entry = match input.u8()? {
            1 => Entry::StreamCreated(get_entry(input)?),
            2 => Entry::StreamChanged(get_entry(input)?),
            3 => Entry::StreamDeleted { stream: StreamId(input.id()?) },
            4 => Entry::LogTrimmed { log: input.log()?, start: input.offset()? },
            5 => Entry::ProducerAppended(ProducerAppended::get(input)?),
            6 => Entry::ProducerAllocated { id: ProducerId(input.id()?) },
            7 => Entry::ObjectCommitted(get_object(input)?),
            8 => Entry::ObjectDropped { object: ObjectNumber(input.id()?) },
            9 => Entry::ProducerForgotten { log: input.log()?, id: ProducerId(input.u64()?) },
            10 => Entry::NamespacePut(Box::new(get_namespace(input)?)),
            11 => Entry::NamespaceGone { namespace: get_number(input)? },
            tag @ route::FIRST_TAG.. => Entry::Route(RouteChange::get(tag, input)?),
            tag @ lease::FIRST_TAG.. => Entry::Lease(LeaseEntry::get(tag, input)?),
            tag => Entry::Group(GroupEntry::get(tag, input)?),
        };
        if entry.is_ephemeral() {
            return Err(DecodeError::Invalid("an entry, of what is never written"));
        }
        Ok(entry)
    }
}
