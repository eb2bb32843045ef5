//! What a Kafka peer may ask for.
//!
//! Apart so that the numbers can be compared with the core's; each is Kafka's own default where it has one.

/// Largest request, size prefix not counted: Kafka's `socket.request.max.bytes`, 100 MiB.
pub const FRAME_BYTES_MAX: usize = 100 << 20;
/// Bytes of records in one Fetch response, beyond which no further batch is added: 16 MiB. Clients ask for
/// up to 50 MiB by default; what is left comes with the next request.
pub(crate) const FETCH_BYTES_MAX: u32 = 16 << 20;
/// Longest wait that a Fetch may ask for.
pub(crate) const FETCH_WAIT_MS_MAX: u64 = 5 * 60_000;
/// Incremental fetch sessions of one connection; clients use one.
pub(crate) const FETCH_SESSIONS_MAX: usize = 4;
/// Partitions of one fetch session.
pub(crate) const FETCH_SESSION_PARTITIONS_MAX: usize = 100_000;
/// Longest topic name, as Kafka's.
pub(crate) const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Partitions of one answer to DescribeTopicPartitions, as Kafka's `max.request.partition.size.limit`.
pub(crate) const DESCRIBED_PARTITIONS_MAX: i32 = 2000;
/// Partitions of one request to commit or delete offsets, which the core takes in parts.
pub(crate) const OFFSETS_PER_REQUEST_MAX: usize = 16_384;
/// Groups of one request to fetch offsets.
pub(crate) const FETCHED_GROUPS_MAX: usize = 1_024;
/// A batch that has to be opened may grow to this when decompressed: 128 MiB, as the largest batch.
pub(crate) const OPEN_BYTES_MAX: usize = 128 << 20;

const _: () = {
    assert!(FRAME_BYTES_MAX < millstream_types::limits::FRAME_BYTES_MAX as usize);
    assert!(TOPIC_NAME_BYTES_MAX <= millstream_types::limits::NAME_BYTES_MAX);
};
