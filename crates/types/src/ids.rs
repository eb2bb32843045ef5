//! Identifiers and positions, one type for each number that has a meaning.
//!
//! Apart so that an offset can never be passed where a position is meant: both are 64 bits, and mixing them up
//! would be a corruption that no checksum finds.

use core::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A stream, for ever: ids are handed out in order and never used again, so a stream that is deleted and
    /// created anew under its old name is another stream, and an id also says which generation of a name is meant.
    /// Streams in memory have ids of a range of their own.
    StreamId(u64)
}
number! {
    /// The 128-bit random name that protocols with universal topic ids show for a stream. Never zero.
    StreamUid(u128)
}
number! {
    /// A space of names: what one protocol calls a virtual host, another an account. [`Namespace::DEFAULT`] is shared by
    /// every principal that is not placed elsewhere.
    Namespace(u32)
}
number! {
    /// A route, for ever: ids are handed out in order and never used again.
    RouteId(u64)
}
number! {
    /// Place of a record in its log. The first record of a log has offset 0; offsets are dense when appended and
    /// may get holes later (compaction, single deletes).
    Offset(u64)
}
number! {
    /// Place of a byte in the write-ahead log, counted over all its files and restarts; it never goes back.
    WalPosition(u64)
}
number! {
    /// One start of one process on a data directory. Every start takes the next number.
    Incarnation(u64)
}
number! {
    /// One packed object, for ever: numbers are handed out in order and never used again.
    ObjectNumber(u64)
}
number! {
    /// An idempotent producer's identity, handed out by the shard, never used again.
    ProducerId(u64)
}
number! {
    /// Which incarnation of a producer id is speaking; a newer one fences the older.
    ProducerEpoch(u16)
}

/// Set in the ids of what is in memory only. Ids that are persisted stay below it for as long as anybody can hand them out.
const EPHEMERAL: u64 = 1 << 62;
/// Bits of an ephemeral id that tell those of one start apart: ten thousand a second last for three years. The rest says which
/// start it was; after four million starts they begin anew.
const EPHEMERAL_PER_START_BITS: u32 = 40;

/// The first ephemeral id that a start gives.
fn first_ephemeral(start: Incarnation) -> u64 {
    let start = start.0 & ((1 << (62 - EPHEMERAL_PER_START_BITS)) - 1);
    EPHEMERAL | start << EPHEMERAL_PER_START_BITS
}

impl StreamId {
    /// Whether the stream is in memory only (R18). The id says it, so that whoever sees no more than an id (an entry, a log, a
    /// lease) knows it without a look-up, and nothing of such a stream can be persisted by mistake.
    #[must_use]
    pub fn is_ephemeral(self) -> bool {
        self.0 & EPHEMERAL != 0
    }

    /// The first id that a start gives to a stream in memory. Those that it gives later count on from there.
    #[must_use]
    pub fn first_ephemeral(start: Incarnation) -> StreamId {
        StreamId(first_ephemeral(start))
    }
}

impl RouteId {
    /// Whether the route is in memory only, as for [`StreamId::is_ephemeral`].
    #[must_use]
    pub fn is_ephemeral(self) -> bool {
        self.0 & EPHEMERAL != 0
    }

    /// The first id that a start gives to a route in memory. Those that it gives later count on from there.
    #[must_use]
    pub fn first_ephemeral(start: Incarnation) -> RouteId {
        RouteId(first_ephemeral(start))
    }
}

impl Namespace {
    /// The namespace of everyone who is not placed elsewhere.
    pub const DEFAULT: Namespace = Namespace(0);
    /// Numbers that are handed out are smaller than this. Before there was a registry, fronts made larger ones of names:
    /// they are never taken for anything that is registered.
    pub const NUMBERS_END: u32 = 1 << 31;
}

impl Offset {
    /// The first offset of every log.
    pub const ZERO: Offset = Offset(0);

    /// The offset `count` records further on.
    ///
    /// # Panics
    /// When the sum passes 2⁶³: offsets must stay representable as signed 64-bit numbers in every protocol.
    #[must_use]
    pub fn advance(self, count: u64) -> Offset {
        let next = self.0 + count;
        assert!(next <= i64::MAX as u64, "offset {self} + {count} leaves the signed range");
        Offset(next)
    }
}

impl WalPosition {
    /// Before everything: where an entity that no frame has touched was last touched.
    pub const ZERO: WalPosition = WalPosition(0);
    /// Where the first frame of a new directory starts. Not zero, so that "never touched" is durable from the start.
    pub const FIRST: WalPosition = WalPosition(16);

    /// The position `bytes` further on.
    #[must_use]
    pub fn advance(self, bytes: u64) -> WalPosition {
        WalPosition(self.0 + bytes)
    }
}

/// One log: a partition of a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogId {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place among the stream's logs, from 0.
    pub index: u32,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.index)
    }
}
