//! The front's limits, and how they fit with what all fronts keep.
//!
//! Apart because clients negotiate some of them, and a peer meets the others before it has said who it is.

use crate::codec::FRAME_OVERHEAD_BYTES;
use millstream_types::limits::{BATCH_BYTES_MAX, LEASE_ACQUIRE_RECORDS_MAX};

/// Channels of one connection, as RabbitMQ offers.
pub const CHANNEL_MAX: u16 = 2047;
/// Bytes of a frame that is offered, as in RabbitMQ: 128 KiB.
pub const FRAME_BYTES_OFFERED: u32 = 128 << 10;
/// Bytes of a frame before anything is agreed: 8 KiB.
pub(crate) const FRAME_BYTES_FIRST: u32 = 8 << 10;
/// The smallest frames that a client may ask for: 4 KiB, which clients for Node still do.
pub(crate) const FRAME_BYTES_MIN: u32 = 4 << 10;
/// Bytes of what a client says of itself that are kept; clients say some hundreds.
pub(crate) const CLIENT_BYTES_MAX: usize = 4 << 10;
/// Seconds between heartbeats that are offered.
pub(crate) const HEARTBEAT_SECONDS: u16 = 60;
/// A peer has so long to open its connection, from the first byte on.
pub const HANDSHAKE_MS: u64 = 10_000;
/// A peer that was told that its connection closes has so long to agree.
pub(crate) const CLOSING_MS: u64 = 10_000;
/// How long a peer whose credentials were refused waits for the end, unless it can be told: guessing shall be slow.
pub(crate) const REFUSED_MS: u64 = 3_000;

/// Bytes of a message's body: 16 MiB, as RabbitMQ has it since 4.0.
pub const MESSAGE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of the batches that a stream made by this front takes: its largest message, with its properties.
pub(crate) const BATCH_BYTES: u32 = (16 << 20) + (512 << 10);
/// A batch of pipelined messages is closed from so many bytes on, so that whoever wants one record of it walks few others.
pub(crate) const BATCH_BYTES_CLOSED: usize = 256 << 10;
/// Or from so many records on.
pub(crate) const BATCH_RECORDS_CLOSED: u32 = 512;

/// Requests of one connection under way, beside those that wait for records: further input is not read.
pub(crate) const PENDING_MAX: usize = 1024;
/// Bytes of frames of one connection that are held behind operations of their channels: 1 MiB. Beyond it further input is
/// not read.
pub(crate) const HELD_BYTES_MAX: usize = 1 << 20;
/// Bytes of a method that cannot be read that its sender is shown.
pub(crate) const OCTETS_SHOWN: usize = 64;
/// Bytes of messages that wait for one commit: 32 MiB. They are in memory, and go into one frame of the write-ahead log.
pub(crate) const TRANSACTION_BYTES_MAX: usize = 32 << 20;
/// Bytes of the messages that wait for commits on all connections together: 128 MiB, and no more than half of the memory budget
/// that they are counted in, as nobody can say when a client commits.
pub(crate) const TRANSACTIONS_BYTES_MAX: usize = 128 << 20;
/// Bytes of answers that wait for all sessions together: 64 MiB.
pub(crate) const ANSWERS_BYTES_MAX: usize = 64 << 20;
/// Records that one consumer is given at once: more than clients' usual prefetch counts.
pub(crate) const RECORDS_PER_ACQUIRE: u32 = 512;
/// Asked for when several records are to be read: 256 KiB.
pub(crate) const READ_BYTES: u32 = 256 << 10;
/// Asks for the batch that holds a record, and no other.
pub(crate) const READ_ONE_BATCH: u32 = 1;
/// Records at most so far apart are read together.
pub(crate) const NEIGHBOURS: u64 = 256;
/// A batch that was compressed may grow to this: 128 MiB, as the largest batch.
pub(crate) const OPEN_BYTES_MAX: usize = 128 << 20;
/// Values that a consumer of a stream may filter by.
pub(crate) const STREAM_FILTERS_MAX: usize = 256;
/// Consumers of one channel.
pub(crate) const CONSUMERS_PER_CHANNEL_MAX: usize = 10_000;
/// Longest time to live in milliseconds that a message or a queue may ask for: ten years, as in RabbitMQ.
pub(crate) const TIME_TO_LIVE_MS_MAX: u64 = 315_360_000_000;

const _: () = {
    assert!(FRAME_BYTES_MIN as usize > FRAME_OVERHEAD_BYTES);
    assert!(FRAME_BYTES_MIN <= FRAME_BYTES_FIRST && FRAME_BYTES_FIRST <= FRAME_BYTES_OFFERED);
    assert!(MESSAGE_BYTES_MAX < BATCH_BYTES as u64 && BATCH_BYTES <= BATCH_BYTES_MAX);
    assert!(TRANSACTION_BYTES_MAX < millstream_types::limits::FRAME_BYTES_MAX as usize / 2);
    assert!(TRANSACTION_BYTES_MAX <= TRANSACTIONS_BYTES_MAX);
    assert!(RECORDS_PER_ACQUIRE <= LEASE_ACQUIRE_RECORDS_MAX);
    assert!(
        (BATCH_BYTES as u64 - MESSAGE_BYTES_MAX) > 3 * FRAME_BYTES_OFFERED as u64,
        "properties fit twice beside the largest body: as they were sent, and as headers of their own"
    );
};
