//! Every size and count that is bounded, and how the bounds relate (R13, R19).
//!
//! Apart so that they can be compared: a limit alone says little, and two that do not fit together are a bug
//! that only the largest message finds. The assertions are checked when the crate is compiled.

/// Largest record batch a stream accepts unless configured otherwise: 16 MiB.
pub const BATCH_BYTES_DEFAULT: u32 = 16 << 20;
/// Largest record batch a stream can be configured to accept: 128 MiB.
pub const BATCH_BYTES_MAX: u32 = 128 << 20;
/// Largest frame of the write-ahead log: 160 MiB.
pub const FRAME_BYTES_MAX: u32 = 160 << 20;
/// Size of a write-ahead log file: 256 MiB.
pub const WAL_FILE_BYTES: u64 = 256 << 20;
/// Size of the first write-ahead log file of a new directory: 16 MiB, so that a first start stays fast.
pub const WAL_FILE_BYTES_FIRST: u64 = 16 << 20;
/// Memory for bodies in flight and the tail kept for readers, unless configured otherwise: 256 MiB.
pub const MEMORY_BUDGET_DEFAULT: u64 = 256 << 20;
/// What all ephemeral logs together hold, unless told otherwise: half of the memory budget, and beside it.
pub const EPHEMERAL_BYTES_DEFAULT: u64 = MEMORY_BUDGET_DEFAULT / 2;
/// What a batch in memory costs beside its bytes: its places in the log's and the core's maps, and its allocation.
pub const EPHEMERAL_BATCH_COST_BYTES: u64 = 256;
/// Entries one `apply` may make at most.
pub const ENTRIES_PER_APPLY_MAX: usize = 4096;
/// Logs that one request trims: half a millisecond's work (R13).
pub const TRIMS_PER_REQUEST_MAX: usize = 2048;
/// Targets of one fan-out at most.
pub const APPEND_TARGETS_MAX: usize = 16_384;
/// Batches of idempotent producers that one append may hold: each may make three entries, its own and those that
/// forget two idle producers.
pub const APPEND_STAMPED_MAX: usize = 1024;
/// Bytes of one checkpoint chunk at most: 64 KiB.
pub const CHECKPOINT_CHUNK_BYTES_MAX: usize = 64 << 10;
/// Bytes one read hands out per turn at most: 1 MiB (one larger batch is still handed out whole).
pub const READ_BYTES_PER_TURN: u32 = 1 << 20;
/// Packed objects that one request may drop.
pub const OBJECTS_PER_DROP_MAX: usize = 256;
/// Length of a name in bytes at most.
pub const NAME_BYTES_MAX: usize = 255;
/// Annotations of one stream at most, together: they stand in one image with it.
pub const ANNOTATION_BYTES_MAX: usize = 48 << 10;
/// Annotations of one namespace at most, together.
pub const NAMESPACE_ANNOTATION_BYTES_MAX: usize = 32 << 10;
/// Namespaces of one shard at most.
pub const NAMESPACES_MAX: usize = 65_536;
/// Logs of one stream at most.
pub const LOGS_PER_STREAM_MAX: u32 = 10_000;
/// Logs of one shard at most.
pub const LOGS_MAX: u32 = 1_000_000;
/// Batches whose sequences are remembered per idempotent producer and log, as producers rely on (5 in flight).
pub const PRODUCER_BATCHES_REMEMBERED: usize = 5;
/// Cursor groups of one shard at most: each costs a kilobyte or so before its members and offsets.
pub const GROUPS_MAX: usize = 100_000;
/// Members of one group at most: a rebalance answers all of them in one step, and their leader gets everyone's
/// metadata.
pub const MEMBERS_PER_GROUP_MAX: usize = 5_000;
/// What one group's members say of themselves, together at most: 2 MiB. It is written as one entry at each rebalance,
/// twice what systems take that keep groups in a log of ordinary records.
pub const GROUP_MEMBERS_BYTES_MAX: usize = 2 << 20;
/// One group's assignments together at most: 2 MiB, in the same entry.
pub const GROUP_ASSIGNMENTS_BYTES_MAX: usize = 2 << 20;
/// Both together: the largest roster, apart from a few kilobytes of names.
pub const GROUP_ROSTER_BYTES_MAX: usize = GROUP_MEMBERS_BYTES_MAX + GROUP_ASSIGNMENTS_BYTES_MAX;
/// Ways of assigning that one member may offer: clients know two to five.
pub const GROUP_PROTOCOLS_PER_MEMBER_MAX: usize = 32;
/// Bytes of each thing a member is called by (its client's id and host, its static identity, its protocols' names).
pub const MEMBER_TEXT_BYTES_MAX: usize = 1024;
/// Committed offsets of one group at most: 100 bytes or so each.
pub const OFFSETS_PER_GROUP_MAX: usize = 100_000;
/// Offsets that one request may commit, fetch by name or delete: a third of a microsecond each.
pub const OFFSETS_PER_REQUEST_MAX: usize = 2_048;
/// Bytes of the note beside a committed offset at most, as clients expect.
pub const OFFSET_METADATA_BYTES_MAX: usize = 4096;
/// Groups that one request may describe or delete: two microseconds each.
pub const GROUPS_PER_REQUEST_MAX: usize = 256;
/// Lease groups of one shard at most.
pub const LEASE_GROUPS_MAX: usize = 1_000_000;
/// Lease groups that one request may ask about.
pub const LEASE_GROUPS_PER_REQUEST_MAX: usize = 1024;
/// Records that one request may take out.
pub const LEASE_ACQUIRE_RECORDS_MAX: u32 = 1024;
/// Entries that the batches of one transaction may make; settling its leases may make as many as any request's.
pub const TRANSACT_ENTRIES_MAX: usize = 1024;
/// Leases that one request may settle: each may make an entry of its own, and those who wait get some.
pub const LEASE_SETTLE_RECORDS_MAX: usize = 2048;
/// Records of one group that may be out at the same time: 150 bytes or so each.
pub const LEASED_PER_GROUP_MAX: u64 = 1 << 20;
/// Records of one group that may be put off at the same time: 50 bytes or so each.
pub const LEASE_DELAYED_PER_GROUP_MAX: u64 = 5_000_000;
/// Logs of a stream that can be redriven.
pub const LOGS_PER_REDRIVE_MAX: usize = 256;
/// Redrives of one group that are remembered.
pub const REDRIVES_REMEMBERED: usize = 10;
/// Dedup ids that one group remembers: fifty bytes each.
pub const DEDUP_IDS_PER_GROUP_MAX: usize = 5_000_000;
/// Records of one log whose ordering keys are known at the same time.
pub const KEY_WINDOW_RECORDS_MAX: usize = 120_000;
/// Records whose ordering keys one request may say.
pub const KEYS_PER_REQUEST_MAX: usize = 2048;
/// Attempts to acquire of one group that are remembered: half a kilobyte each.
pub const LEASE_ATTEMPTS_PER_GROUP_MAX: usize = 1024;
/// Holders that may be attached to one group.
pub const LEASE_HOLDERS_PER_GROUP_MAX: usize = 100_000;
/// Acquirers that may wait in one group.
pub const LEASE_WAITERS_PER_GROUP_MAX: usize = 100_000;
/// Logs that one request may seek in: each costs a look at what was settled out of order.
pub const LOGS_PER_SEEK_MAX: usize = 1024;
/// Records on their way into other streams at the same time.
pub const MOVES_UNDER_WAY_MAX: usize = 1024;
/// Streams that one record may be moved to at once.
pub const MOVE_TARGETS_MAX: usize = 1024;
/// Moves that one request may end, or be handed.
pub const MOVES_PER_REQUEST_MAX: usize = 256;
/// Routes of one shard at most: a kilobyte or so each.
pub const ROUTES_MAX: usize = 100_000;
/// Bindings of all routes together at most: 500 bytes or so each, most of it in what sessions match by.
pub const BINDINGS_MAX: usize = 2_000_000;
/// Bytes of a binding's key at most.
pub const BINDING_KEY_BYTES_MAX: usize = 255;
/// Bytes of a binding's opaque arguments at most, and as many of the headers that it asks for.
pub const BINDING_ARGUMENTS_BYTES_MAX: usize = 16 << 10;
/// Weight of a binding at most: each unit costs a point on a ring.
pub const BINDING_WEIGHT_MAX: u32 = 1024;
/// Bytes of a route's annotations at most.
pub const ROUTE_ANNOTATIONS_BYTES_MAX: usize = 16 << 10;
/// Steps that finding one record's streams may take: nodes and bindings looked at, some ten nanoseconds each.
pub const ROUTE_STEPS_MAX: usize = 1 << 20;

const _: () = {
    assert!(BATCH_BYTES_DEFAULT <= BATCH_BYTES_MAX);
    assert!(
        (BATCH_BYTES_MAX as u64) < FRAME_BYTES_MAX as u64,
        "a frame holds the largest batch and its entries"
    );
    assert!((FRAME_BYTES_MAX as u64) < WAL_FILE_BYTES, "a file holds the largest frame");
    assert!(WAL_FILE_BYTES_FIRST <= WAL_FILE_BYTES);
    assert!(MEMORY_BUDGET_DEFAULT >= BATCH_BYTES_MAX as u64, "the largest batch can be taken at all");
    assert!(CHECKPOINT_CHUNK_BYTES_MAX < FRAME_BYTES_MAX as usize);
    assert!(ANNOTATION_BYTES_MAX + 4 * NAME_BYTES_MAX + 1024 <= CHECKPOINT_CHUNK_BYTES_MAX);
    assert!(NAMESPACE_ANNOTATION_BYTES_MAX < ANNOTATION_BYTES_MAX);
    assert!(LOGS_PER_STREAM_MAX <= LOGS_MAX);
    assert!(
        OFFSETS_PER_REQUEST_MAX * (OFFSET_METADATA_BYTES_MAX + 64) < FRAME_BYTES_MAX as usize,
        "a frame holds the largest commit of offsets"
    );
    assert!(OFFSETS_PER_GROUP_MAX >= OFFSETS_PER_REQUEST_MAX);
    assert!(OFFSETS_PER_GROUP_MAX >= LOGS_PER_STREAM_MAX as usize, "a group can read the widest stream");
    assert!(APPEND_STAMPED_MAX * 3 <= ENTRIES_PER_APPLY_MAX);
    assert!(APPEND_STAMPED_MAX <= APPEND_TARGETS_MAX);
    assert!(ROUTE_STEPS_MAX > APPEND_TARGETS_MAX, "every target can be found");
    assert!(TRIMS_PER_REQUEST_MAX < ENTRIES_PER_APPLY_MAX);
    assert!(OBJECTS_PER_DROP_MAX < ENTRIES_PER_APPLY_MAX);
    assert!(GROUPS_PER_REQUEST_MAX < ENTRIES_PER_APPLY_MAX);
    assert!(LEASE_SETTLE_RECORDS_MAX + TRANSACT_ENTRIES_MAX + 512 <= ENTRIES_PER_APPLY_MAX);
    assert!(LEASE_SETTLE_RECORDS_MAX + LEASE_ACQUIRE_RECORDS_MAX as usize <= ENTRIES_PER_APPLY_MAX);
    assert!(
        MOVES_PER_REQUEST_MAX <= MOVES_UNDER_WAY_MAX && MOVES_PER_REQUEST_MAX * 3 < ENTRIES_PER_APPLY_MAX
    );
    assert!(MOVE_TARGETS_MAX < ENTRIES_PER_APPLY_MAX / 2, "a record with marks can be moved to all of them");
    assert!(OFFSET_METADATA_BYTES_MAX * 4 < CHECKPOINT_CHUNK_BYTES_MAX);
};
