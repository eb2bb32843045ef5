//! Limits that every front keeps, and how they fit with the core's.
//!
//! Apart because a peer meets these first, most of them before it has said who it is.

/// Requests of one connection that may be under way at once; further ones stay in the socket.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 1024;
/// Bytes read from a socket at once when nothing larger was announced: 64 KiB.
pub const READ_CHUNK_BYTES: usize = 64 << 10;
/// Bytes waiting to be written to one peer before its requests are no longer read: 8 MiB.
pub const OUTPUT_BYTES_MAX: usize = 8 << 20;
/// Answers that a session makes at once before its driver writes them: 1 MiB, and the one that goes beyond.
pub const ANSWER_BYTES_PER_TURN: usize = 1 << 20;
/// What a request costs the memory budget at least, so that counts are bounded as well: 512 bytes.
pub const REQUEST_BYTES_MIN: usize = 512;

const _: () = {
    assert!(READ_CHUNK_BYTES <= OUTPUT_BYTES_MAX);
    assert!(ANSWER_BYTES_PER_TURN <= OUTPUT_BYTES_MAX);
    assert!(
        (REQUESTS_IN_FLIGHT_MAX * REQUEST_BYTES_MIN) as u64
            <= millstream_types::limits::MEMORY_BUDGET_DEFAULT
    );
};
