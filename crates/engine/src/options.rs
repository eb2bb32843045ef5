//! What can be set of an engine.
//!
//! Apart so that the binary's configuration has one place to fill in.

use millstream_core::ShardOptions;
use millstream_storage::compact::CompactOptions;
use millstream_storage::pack::PackOptions;

/// Options of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Bytes of write-ahead log after which a checkpoint is begun.
    pub checkpoint_bytes: u64,
    /// Options of the shard.
    pub shard: ShardOptions,
    /// Options of what keeps the data in shape.
    pub upkeep: UpkeepOptions,
}

/// How retention, packing and compaction go about it.
#[derive(Debug, Clone, Copy)]
pub struct UpkeepOptions {
    /// How often logs with a configured retention are looked through for records that may go, in milliseconds.
    pub retention_interval_ms: u64,
    /// The same for logs that go by the default, for the first time so long after the start.
    pub default_retention_interval_ms: u64,
    /// How often files and logs are looked through for what is worth packing or compacting, in milliseconds.
    pub plan_interval_ms: u64,
    /// So many bytes of WAL files in which nothing lives are worth a checkpoint, which frees them, however little was written.
    pub dead_bytes_max: u64,
    /// Bytes that packing and compaction read and write per second, together.
    pub bytes_per_second: u64,
    /// Bytes of one step; after each the upkeep looks whether something else is due. Small, so that what is written is spread
    /// over many of the lane's syncs, each of which waits for what the disk has not put away yet.
    pub step_bytes: u64,
    /// The first round of scrubbing begins so long after the start, in milliseconds.
    pub scrub_first_ms: u64,
    /// Each further one so long after the one before has ended.
    pub scrub_interval_ms: u64,
    /// Bytes that scrubbing reads per second.
    pub scrub_bytes_per_second: u64,
    /// Packing.
    pub pack: PackOptions,
    /// Compaction. The seed is replaced by the engine's.
    pub compact: CompactOptions,
}

impl Default for UpkeepOptions {
    /// A look every 5 seconds, at what goes by default every 5 minutes; 128 MiB per second. Scrubbing
    /// an hour after the start and then every week, 8 MiB per second.
    fn default() -> Self {
        UpkeepOptions {
            retention_interval_ms: 5_000,
            default_retention_interval_ms: 300_000,
            plan_interval_ms: 5_000,
            dead_bytes_max: 64 << 20,
            bytes_per_second: 128 << 20,
            step_bytes: 64 << 10,
            scrub_first_ms: 3_600_000,
            scrub_interval_ms: 7 * 24 * 3_600_000,
            scrub_bytes_per_second: 8 << 20,
            pack: PackOptions::default(),
            compact: CompactOptions::new([0; 2]),
        }
    }
}

impl Default for EngineOptions {
    /// Checkpoints every 64 MiB: a restart reads about as much, in well under a second.
    fn default() -> Self {
        EngineOptions {
            checkpoint_bytes: 64 << 20,
            shard: ShardOptions::default(),
            upkeep: UpkeepOptions::default(),
        }
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
