//! What an SQS client may ask for: Amazon's own limits.
//!
//! Apart so that the numbers stand beside each other and beside the broker's, which they must fit.

/// A message, and all messages of a batch: 1 MiB.
pub const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// The smallest limit that a queue may set for its messages.
pub(crate) const MESSAGE_BYTES_MAX_MIN: u64 = 1024;
/// Largest body of a request: a message of 1 MiB of which each byte is an escape of six.
pub const REQUEST_BYTES_MAX: usize = 6 * (1 << 20) + (256 << 10);
/// Entries of a batch.
pub(crate) const BATCH_ENTRIES_MAX: usize = 10;
/// Characters of a batch entry's id, and of a queue's name.
pub(crate) const NAME_CHARS_MAX: usize = 80;
/// Attributes of one message.
pub(crate) const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// Characters of an attribute's name and of its type.
pub(crate) const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
/// Characters of a group id, a deduplication id and an attempt id.
pub(crate) const GROUP_ID_CHARS_MAX: usize = 128;
/// Seconds that a message may be put off: 15 minutes.
pub(crate) const DELAY_SECONDS_MAX: i64 = 900;
/// Seconds that a message may be kept: one minute to 14 days.
pub(crate) const RETENTION_SECONDS_MIN: i64 = 60;
pub(crate) const RETENTION_SECONDS_MAX: i64 = 1_209_600;
/// Seconds that a message stays hidden after it was received, altogether: 12 hours.
pub(crate) const VISIBILITY_SECONDS_MAX: i64 = 43_200;
/// Seconds that a receive may wait.
pub(crate) const WAIT_SECONDS_MAX: i64 = 20;
/// Messages of one receive.
pub(crate) const RECEIVED_MAX: i64 = 10;
/// Messages of one queue that may be out at once.
pub(crate) const IN_FLIGHT_MAX: u32 = 120_000;
/// Queues in one list.
pub(crate) const LISTED_MAX: i64 = 1000;
/// Tags of one queue; characters of a tag's key and value.
pub(crate) const TAGS_MAX: usize = 50;
pub(crate) const TAG_KEY_CHARS_MAX: usize = 128;
pub(crate) const TAG_VALUE_CHARS_MAX: usize = 256;
/// Receives before a message goes to the dead-letter queue.
pub(crate) const RECEIVE_COUNT_MAX: i64 = 1000;
/// Queues that a dead-letter queue may name as its sources.
pub(crate) const REDRIVE_SOURCES_MAX: usize = 10;
/// Messages that a move task may move in a second, if it is limited.
pub(crate) const MOVED_PER_SECOND_MAX: i64 = 500;
/// Move tasks in one list: as many as are remembered.
pub(crate) const LISTED_TASKS_MAX: i64 = 10;
/// Bytes of a move task's handle: one with the longest resource name there is has fewer.
pub(crate) const TASK_HANDLE_BYTES_MAX: usize = 1024;
/// Bytes of an access policy.
pub(crate) const POLICY_BYTES_MAX: usize = 8192;
/// Accounts and actions that one permission may name.
pub(crate) const PERMISSION_ITEMS_MAX: usize = 20;
/// Attribute names that one request may list; there are fewer.
pub(crate) const LISTED_NAMES_MAX: usize = 100;
/// A duplicate is recognised for so long: five minutes.
pub(crate) const DEDUPLICATION_MS: u64 = 300_000;
/// Time between two purges of a queue, and before a deleted queue's name may be used again.
pub(crate) const QUEUE_PAUSE_MS: u64 = 60_000;

const _: () = {
    assert!(MESSAGE_BYTES_MAX * 2 < millstream_types::limits::BATCH_BYTES_DEFAULT as u64);
    assert!(NAME_CHARS_MAX <= millstream_types::limits::NAME_BYTES_MAX);
    assert!(MESSAGE_BYTES_MAX_MIN <= MESSAGE_BYTES_MAX);
    assert!(LISTED_TASKS_MAX as usize == millstream_types::limits::REDRIVES_REMEMBERED);
};
