//! What can be set of an engine.
//!
//! Apart so that the binary's configuration has one place to fill in.

use millstream_core::ShardOptions;

/// Options of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Bytes of write-ahead log after which a checkpoint is begun.
    pub checkpoint_bytes: u64,
    /// Options of the shard.
    pub shard: ShardOptions,
}

impl Default for EngineOptions {
    /// Checkpoints every 64 MiB: a restart reads about as much, in well under a second.
    fn default() -> Self {
        EngineOptions { checkpoint_bytes: 64 << 20, shard: ShardOptions::default() }
    }
}

/// Requests that one turn applies before it lets go of the assembler: the lane waits no longer than these take,
/// under 100 µs.
pub(crate) const REQUESTS_PER_TURN: usize = 64;
/// Turns that a submitting thread runs before it leaves the rest to the shard's own.
pub(crate) const TURNS_PER_CALLER: usize = 16;
/// Bytes of images written per turn of the shard: about 100 µs of work (R7).
pub(crate) const IMAGE_BYTES_PER_TURN: usize = 64 << 10;
/// Image chunks on their way to the keeper; the walk waits when there are more.
pub(crate) const IMAGES_UNDER_WAY_MAX: usize = 64;
