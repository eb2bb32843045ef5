//! Limits of a listener and its connections, with the reasons for their defaults.
//!
//! Apart so that a test can shrink them, and so that they can be compared with each other and with the front's.

use millstream_front::limits::{OUTPUT_BYTES_MAX, READ_CHUNK_BYTES};

/// Largest read from a socket at once, for connections that fill smaller ones: 1 MiB, as much as one read of a log.
pub(crate) const READ_CHUNK_BYTES_MAX: usize = 1 << 20;
/// What is read in one go and is at most this long is copied into a buffer of its size, so that a short request does
/// not keep a whole read buffer alive for as long as its record stays in memory: 16 KiB.
pub(crate) const COPIED_BYTES_MAX: usize = 16 << 10;
/// From this many missing bytes on a read ends where the request ends, so that the next one starts in a fresh buffer
/// and its beginning need not be moved: 256 KiB.
pub(crate) const EXACT_READ_BYTES: usize = 256 << 10;
/// Slices handed to one write.
pub(crate) const SLICES_PER_WRITE: usize = 256;
/// Rounds of one turn before a busy connection lets the others run.
pub(crate) const ROUNDS_PER_TURN: usize = 16;
/// Reads of logs in one round, each at most 1 MiB.
pub(crate) const READS_PER_ROUND: usize = 16;
/// Reads of one connection that may wait for the disk at once.
pub(crate) const READS_BLOCKING_MAX: usize = 4;
/// Reserved for a read even if the log says that less is there, which is an estimate: 4 KiB.
pub(crate) const READ_BYTES_LEAST: u32 = 4 << 10;
/// Memory for requests shorter than the least that a request costs, reserved with what was read: 4 KiB.
pub(crate) const SPARE_BYTES: usize = 4 << 10;
/// Events for which an idle connection keeps room; more is given back.
pub(crate) const EVENTS_KEPT: usize = 16;
/// A connection in bulk mode keeps its read buffer for so long without traffic.
pub(crate) const BUFFER_KEPT_MS: u64 = 1_000;
/// How long what remains is written, and the peer's rest thrown away, after a session ended its connection.
pub(crate) const CLOSING_MS: u64 = 1_000;

/// What an HTTP connection may keep for itself beside the memory budget: a request's head at most, what is read of a
/// body at once, and what was read ahead of its time: 16 KiB.
pub(crate) const HTTP_BUFFER_BYTES: usize = 16 << 10;
/// Reserved for a body whose length was not announced, until it turns out to be longer: 64 KiB.
pub(crate) const BODY_BYTES_UNANNOUNCED: usize = 64 << 10;
/// How long an exchange may go on whose client is gone, when the broker stops: less than the listener waits.
pub(crate) const ABANDONED_MS: u64 = 500;

const _: () = {
    assert!(COPIED_BYTES_MAX < READ_CHUNK_BYTES, "a full read is never copied");
    assert!(READ_CHUNK_BYTES <= READ_CHUNK_BYTES_MAX);
    assert!(EXACT_READ_BYTES <= READ_CHUNK_BYTES_MAX);
    assert!(READ_CHUNK_BYTES_MAX <= OUTPUT_BYTES_MAX);
    assert!(HTTP_BUFFER_BYTES <= READ_CHUNK_BYTES, "the thread's buffer takes what is read at once");
};

/// Limits of one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections at once; further ones are closed as soon as they are accepted.
    pub connections_max: usize,
    /// Connections of one address at once.
    pub connections_per_ip_max: usize,
    /// A peer that has begun its first request must have sent all of it after so long; over HTTP the head of every one.
    pub first_request_ms: u64,
    /// Over so long a peer in the middle of a later request must send at least 64 KiB or the rest of it: a request
    /// holds memory that was reserved for all of it.
    pub stalled_ms: u64,
    /// Over so long a peer must read at least 64 KiB while more than the front's `OUTPUT_BYTES_MAX` waits for it.
    pub slow_reader_ms: u64,
    /// A connection whose peer reads nothing of what waits for it is closed after so long: it holds memory (R9).
    pub unread_ms: u64,
    /// Over so long a peer must read at least 64 KiB of what waits for it, or all, while others wait for the memory.
    pub unread_awaited_ms: u64,
    /// A connection without traffic and without a request under way is closed after so long.
    pub idle_ms: u64,
    /// A request for which there is no memory is refused after so long, by protocols that can say so. Others are not
    /// read until there is.
    pub memory_wait_ms: u64,
    /// How long requests under way may take once the broker stops or the peer has closed its side.
    pub finish_ms: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            // An idle connection costs a few KiB, so this many cost less than the memory budget.
            connections_max: 20_000,
            // Many clients share an address behind a NAT or in a container network; half leaves room for others.
            connections_per_ip_max: 10_000,
            first_request_ms: 10_000,
            stalled_ms: 60_000,
            slow_reader_ms: 60_000,
            unread_ms: 30_000,
            // Longer than a peer's garbage collection takes as a rule, short enough that the others hardly notice.
            unread_awaited_ms: 2_000,
            // What clients are used to as `connections.max.idle.ms`.
            idle_ms: 600_000,
            // Less than clients wait for an answer, so that it is still there when they are told to come again.
            memory_wait_ms: 5_000,
            finish_ms: 5_000,
        }
    }
}
