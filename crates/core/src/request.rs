//! What can be asked of a shard, and what it answers: two closed enums without a wire type in them.
//!
//! Apart because this is the whole contract between the fronts and the core (later also between nodes). A front
//! translates its protocol's operations into these and back; it never reaches further in.

use crate::catalog::{
    Annotations, ConfigChange, NamespaceEntry, StreamConfig, StreamEntry, annotations_bytes,
};
use crate::cursor::{GroupReply, GroupRequest};
use crate::lease::{self, LeaseReply, LeaseRequest};
use crate::log::{AppendBatch, Appended};
use crate::object::object_entry_bytes;
use crate::route::{self, RouteReply, RouteRequest};
use crate::transact::{Transact, Transacted};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use millstream_types::limits::{ANNOTATION_BYTES_MAX, NAME_BYTES_MAX, NAMESPACE_ANNOTATION_BYTES_MAX};
use millstream_types::{
    ErrorKind, LogId, Namespace, ObjectEntry, ObjectNumber, Offset, ProducerEpoch, ProducerId, StreamId,
    StreamUid,
};

/// One request to a shard. What it does is atomic: all of it is in one frame, or none.
#[derive(Debug)]
pub enum Request {
    /// Create a stream. Answer: [`Reply::Stream`], or `UnknownNamespace`, `StreamExists`, `InvalidName`,
    /// `InvalidLogCount`, `LimitExceeded`.
    CreateStream(Box<CreateStream>),
    /// Delete a stream and all its logs. Answer: [`Reply::Stream`] with its last entry, or `UnknownStream`.
    DeleteStream {
        /// The stream.
        stream: StreamId,
    },
    /// Add logs to a stream until it has `logs`. Answer: [`Reply::Stream`], or `UnknownStream`,
    /// `InvalidLogCount` when it has as many already.
    AddLogs {
        /// The stream.
        stream: StreamId,
        /// How many logs it shall have.
        logs: u32,
    },
    /// Change a stream's configuration; all changes or none. Answer: [`Reply::Stream`], or `UnknownStream`,
    /// `InvalidConfig`.
    AlterStream {
        /// The stream.
        stream: StreamId,
        /// The changes, in order.
        changes: Vec<ConfigChange>,
    },
    /// Make a namespace. Answer: [`Reply::Namespace`], of the one that has the name already if there is one (nothing of
    /// it changes), or `InvalidName`, `InvalidConfig` for annotations that are too large, `LimitExceeded`.
    CreateNamespace(Box<CreateNamespace>),
    /// Change annotations of a namespace; all changes or none. Answer: [`Reply::Namespace`], or `UnknownNamespace`,
    /// `InvalidConfig`.
    AlterNamespace {
        /// The namespace.
        namespace: Namespace,
        /// Keys with their new values; `None`: there is none any more. Others stay.
        changes: Vec<(Box<str>, Option<Box<str>>)>,
    },
    /// Delete a namespace and everything in it. Nobody finds it any more, and nothing is created in it, once this is answered;
    /// its routes and streams go in slices after that. Cursor groups in it lose their offsets with the streams and go by themselves, as
    /// all do that have none. Answer: [`Reply::Namespace`] with its last entry, or `UnknownNamespace`, `InvalidName` for
    /// the default one, which stays.
    DeleteNamespace {
        /// The namespace.
        namespace: Namespace,
    },
    /// Append batches to logs. Each batch is accepted or refused on its own; the accepted ones are durable together.
    /// Answer: [`Reply::Appended`], or `LimitExceeded` for more than 16,384 batches or 1,024 of idempotent producers.
    Append(Vec<AppendBatch>),
    /// Move the start of logs forward, of at most 2,048. Answer: [`Reply::Trimmed`], or `LimitExceeded`.
    TrimLogs(Vec<Trim>),
    /// Hand out a producer id that was never used before. Answer: [`Reply::Producer`].
    AllocateProducer,
    /// Make a packed object, whose file is durable, a home of its parts' records. Its number is at least
    /// [`crate::Shard::next_object`]. Parts of logs that are gone or start later are left out. Answer: [`Reply::Object`],
    /// or `InvalidObject` when its numbers cannot be, `LimitExceeded` when it takes over too many stretches of others
    /// for one step.
    CommitObject(Box<ObjectEntry>),
    /// Forget those of these objects, at most 256, that no record needs any more. Answer: [`Reply::ObjectsDropped`], or
    /// `LimitExceeded`.
    DropObjects(Vec<ObjectNumber>),
    /// Anything about a cursor group. Answer: [`Reply::Group`].
    Group(Box<GroupRequest>),
    /// Anything about leases. Answer: [`Reply::Lease`].
    Lease(Box<LeaseRequest>),
    /// Anything about routes. Answer: [`Reply::Route`].
    Route(Box<RouteRequest>),
    /// Append batches and settle leases, all or nothing. Answer: [`Reply::Transacted`]; or, and then nothing has happened, why
    /// one of the batches is refused, `InvalidRecord` for one of an idempotent producer, `UnknownLeaseGroup`, `LimitExceeded`.
    Transact(Box<Transact>),
}

/// A stream to create.
#[derive(Debug, Clone)]
pub struct CreateStream {
    /// Where its name lives.
    pub namespace: Namespace,
    /// Its name: UTF-8, 1 to 255 bytes.
    pub name: Arc<str>,
    /// Its universal id, drawn at random by the caller.
    pub uid: StreamUid,
    /// Number of its logs, 1 to 10,000.
    pub logs: u32,
    /// Its configuration; what is not set follows the broker's defaults.
    pub config: StreamConfig,
}

/// A namespace to make.
#[derive(Debug, Clone)]
pub struct CreateNamespace {
    /// Its name: UTF-8, 1 to 255 bytes.
    pub name: Arc<str>,
    /// What fronts keep with it, 32 KiB at most.
    pub annotations: Annotations,
}

/// One log to trim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// The log.
    pub log: LogId,
    /// The new first offset; `None`: everything there is.
    pub before: Option<Offset>,
}

/// The answer to a [`Request`].
#[derive(Debug)]
pub enum Reply {
    /// The stream as it is now (or was, when deleted).
    Stream(Arc<StreamEntry>),
    /// The namespace as it is now (or was, when deleted).
    Namespace {
        /// It.
        entry: Arc<NamespaceEntry>,
        /// It was made by this request.
        is_new: bool,
    },
    /// One result per batch, in the order of the request.
    Appended(Vec<Result<Appended, ErrorKind>>),
    /// The log start per trim, in the order of the request.
    Trimmed(Vec<Result<Offset, ErrorKind>>),
    /// A fresh producer identity.
    Producer {
        /// The id.
        id: ProducerId,
        /// Its first epoch.
        epoch: ProducerEpoch,
    },
    /// What became of a packed object.
    Object {
        /// It is part of the manifest; otherwise nobody needs any of it, and its file may go.
        committed: bool,
    },
    /// Those of the named objects that are not, or no more, in the manifest: their files may go. The others are needed,
    /// or what made them unneeded is still being worked off.
    ObjectsDropped(Vec<ObjectNumber>),
    /// An answer about a group.
    Group(Box<GroupReply>),
    /// An answer about leases.
    Lease(Box<LeaseReply>),
    /// An answer about routes.
    Route(Box<RouteReply>),
    /// What became of a transaction.
    Transacted(Box<Transacted>),
    /// The request was refused as a whole; the kind says whether that is definite.
    Refused(ErrorKind),
}

/// The most that a request can add to the write-ahead log, known before it is decided (R12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSize {
    /// Bytes of entries.
    pub entries_bytes: usize,
    /// Number of batches.
    pub batches: usize,
    /// Bytes of batches.
    pub batches_bytes: usize,
    /// The request gives space back, or settles what holds space: it may draw on the reserve.
    pub frees_space: bool,
}

/// Bytes of a producer's entry and of two that forget others, with room to spare.
const PRODUCER_ENTRY_BYTES_MAX: usize = 96;
/// Bytes of a trim's entry, with room to spare.
const TRIM_ENTRY_BYTES_MAX: usize = 32;
/// Bytes of a dropped object's entry, with room to spare.
const DROP_ENTRY_BYTES_MAX: usize = 16;
/// Bytes of a stream's entry beside its name and annotations, with room to spare; one of the settings is a name.
const STREAM_ENTRY_HEAD_BYTES: usize = 640;
/// Bytes of a stream's entry with all that it may have.
const STREAM_ENTRY_BYTES_MAX: usize = STREAM_ENTRY_HEAD_BYTES + NAME_BYTES_MAX + ANNOTATION_BYTES_MAX;
/// Bytes of a namespace's entry beside its name and annotations, with room to spare.
const NAMESPACE_ENTRY_HEAD_BYTES: usize = 64;

impl Request {
    /// Whether everything that it can change is in memory only (R18): whatever is decided makes no frame, so that it needs no
    /// room in the write-ahead log and goes on when there is none.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        match self {
            Request::Append(batches) => batches.iter().all(|batch| batch.log.stream.is_ephemeral()),
            Request::TrimLogs(trims) => trims.iter().all(|trim| trim.log.stream.is_ephemeral()),
            Request::CreateStream(create) => create.config.ephemeral(),
            Request::AddLogs { stream, .. } | Request::AlterStream { stream, .. } => stream.is_ephemeral(),
            Request::Lease(request) => request.is_ephemeral(),
            Request::Transact(transact) => transact.is_ephemeral(),
            // Its bindings may take routes along that are on the disk.
            Request::DeleteStream { .. }
            | Request::CreateNamespace(_)
            | Request::AlterNamespace { .. }
            | Request::DeleteNamespace { .. }
            | Request::AllocateProducer
            | Request::CommitObject(_)
            | Request::DropObjects(_)
            | Request::Group(_)
            | Request::Route(_) => false,
        }
    }

    /// See [`FrameSize`].
    #[must_use]
    pub fn frame_size_max(&self) -> FrameSize {
        let size = |entries_bytes, frees_space| FrameSize {
            entries_bytes,
            batches: 0,
            batches_bytes: 0,
            frees_space,
        };
        match self {
            Request::Append(batches) => FrameSize {
                entries_bytes: batches.iter().filter(|batch| batch.producer.is_some()).count()
                    * PRODUCER_ENTRY_BYTES_MAX
                    + batches.iter().map(lease::mark_bytes).sum::<usize>()
                    + lease::ROOM_BYTES,
                batches: batches.len(),
                batches_bytes: batches.iter().map(|batch| batch.bytes.len()).sum(),
                frees_space: false,
            },
            Request::CreateStream(create) => {
                let entry = STREAM_ENTRY_HEAD_BYTES + create.name.len() + create.config.annotations_bytes();
                size(entry + lease::group_entry_bytes(create.logs), false)
            }
            Request::AddLogs { .. } | Request::AlterStream { .. } => {
                size(STREAM_ENTRY_BYTES_MAX + lease::GROUP_ENTRY_BYTES_MAX, false)
            }
            Request::CreateNamespace(create) => {
                let head = NAMESPACE_ENTRY_HEAD_BYTES + create.name.len();
                size(head + annotations_bytes(&create.annotations), false)
            }
            Request::AlterNamespace { .. } => {
                let head = NAMESPACE_ENTRY_HEAD_BYTES + NAME_BYTES_MAX;
                size(head + NAMESPACE_ANNOTATION_BYTES_MAX, false)
            }
            Request::DeleteNamespace { .. } => {
                let head = NAMESPACE_ENTRY_HEAD_BYTES + NAME_BYTES_MAX;
                size(head + NAMESPACE_ANNOTATION_BYTES_MAX, true)
            }
            Request::DeleteStream { .. } => size(TRIM_ENTRY_BYTES_MAX + route::FREE_BYTES, true),
            Request::TrimLogs(trims) => size(trims.len() * TRIM_ENTRY_BYTES_MAX, true),
            Request::AllocateProducer => size(PRODUCER_ENTRY_BYTES_MAX, false),
            Request::CommitObject(object) => size(object_entry_bytes(object.parts.len()), true),
            Request::DropObjects(objects) => size(objects.len() * DROP_ENTRY_BYTES_MAX, true),
            Request::Group(request) => size(request.entries_bytes_max(), true),
            Request::Lease(request) => request.frame_size_max(),
            Request::Route(request) => {
                let (entries_bytes, frees_space) = request.entries_bytes_max();
                size(entries_bytes, frees_space)
            }
            Request::Transact(transact) => transact.frame_size_max(),
        }
    }
}
