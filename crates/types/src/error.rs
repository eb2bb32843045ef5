//! Error kinds by what the caller should do.
//!
//! Apart because every front answers them in its own words with one total match (style rule 20): a kind added
//! here stops every front from compiling until it is answered.

/// Why a request was refused or failed. *Definite* kinds say that nothing happened; only
/// [`ErrorKind::Indeterminate`] leaves open whether the request took effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ErrorKind {
    /// The named stream does not exist (any more).
    UnknownStream,
    /// The namespace does not exist (any more).
    UnknownNamespace,
    /// The stream exists, the log does not.
    UnknownLog,
    /// A stream of this name exists already.
    StreamExists,
    /// The name is empty, too long or otherwise not allowed.
    InvalidName,
    /// The number of logs is zero, over the limit, or not more than there are.
    InvalidLogCount,
    /// A configuration key is unknown or its value is out of range.
    InvalidConfig,
    /// The offset is before the log start or after the log end.
    OffsetOutOfRange,
    /// A batch is larger than the stream or the broker allows.
    RecordTooLarge,
    /// A batch is damaged: bad checksum, bad lengths, undecodable compression.
    CorruptBatch,
    /// A batch is well-formed, but its stream does not accept it.
    InvalidRecord,
    /// A record's timestamp is outside what its stream accepts.
    InvalidTimestamp,
    /// The sequence is not the next one of this producer.
    OutOfOrderSequence,
    /// The sequence was appended earlier, too long ago to still know its offset.
    DuplicateSequence,
    /// A newer epoch of this producer has taken over.
    StaleProducerEpoch,
    /// The broker keeps no state of this producer.
    UnknownProducer,
    /// The group does not exist.
    UnknownGroup,
    /// The group still has members.
    GroupNotEmpty,
    /// The member is not (any more) in the group.
    UnknownMember,
    /// The member must ask again with the id it was just given.
    MemberIdRequired,
    /// Another member has taken this member's static identity.
    FencedInstance,
    /// The member speaks of another generation of the group.
    StaleGeneration,
    /// The group is between generations; join again.
    RebalanceInProgress,
    /// The member shares no way of assigning with the rest of the group.
    InconsistentProtocol,
    /// The member's session timeout is out of range.
    InvalidSessionTimeout,
    /// The group already has its maximum number of members.
    GroupFull,
    /// Offsets of a log in use by the group's members cannot be deleted.
    GroupSubscribed,
    /// The metadata kept beside an offset is too large.
    MetadataTooLarge,
    /// The stream has no such lease group.
    UnknownLeaseGroup,
    /// As many records of the group are out as the caller said may be.
    TooManyLeased,
    /// The stream is as long as it may be, and refuses more.
    StreamFull,
    /// The route does not exist (any more).
    UnknownRoute,
    /// A route of this name exists, set up in another way.
    RouteDiffers,
    /// Bindings lead on from the route.
    RouteInUse,
    /// A holder that is attached to the group wants to be alone, or this one does and is not.
    HolderExcluded,
    /// Somebody consumes from the stream.
    StreamInUse,
    /// Records of the stream wait for a consumer.
    StreamNotEmpty,
    /// The principal may not do this.
    Denied,
    /// The disk is full; nothing was written. Retry when space has been freed.
    StorageFull,
    /// Too much is waiting already; retry later.
    Overloaded,
    /// A limit of R19 or `limits` would be passed.
    LimitExceeded,
    /// The broker is stopping; reconnect elsewhere or later. Nothing happened.
    ShuttingDown,
    /// What is said of a packed object cannot be: its number was used, or its parts name what their logs do not have.
    InvalidObject,
    /// Stored bytes do not match their checksum; nothing is served from there.
    CorruptStorage,
    /// The outcome is unknown: the request was under way when the storage failed.
    Indeterminate,
}
