//! The limits of the API, and how they fit with the core's.
//!
//! Apart because a client meets these first.

use millstream_types::limits::{
    BATCH_BYTES_DEFAULT, GROUPS_PER_REQUEST_MAX, LEASE_ACQUIRE_RECORDS_MAX, LEASE_GROUPS_PER_REQUEST_MAX,
    LEASE_SETTLE_RECORDS_MAX,
};

/// Bytes of a request's body: a record of 11 MiB in base64, with room for what is beside it.
pub(crate) const BODY_BYTES_MAX: usize = 16 << 20;
/// Items of a page when nothing is said.
pub(crate) const PAGE_DEFAULT: usize = 100;
/// Items of a page at most.
pub(crate) const PAGE_MAX: usize = 1000;
/// Logs that a page of streams looks at; a stream with more still makes a page of its own.
pub(crate) const PAGE_LOGS_MAX: u32 = 10_000;
/// Records that one request may send.
pub(crate) const SEND_RECORDS_MAX: usize = 1000;
/// Records that one request may receive.
pub(crate) const RECEIVE_RECORDS_MAX: u32 = 100;
/// Leases that one request may settle.
pub(crate) const SETTLE_MAX: usize = 1000;
/// The longest wait for records.
pub(crate) const WAIT_MS_MAX: u64 = 60_000;
/// The longest lease: 12 hours.
pub(crate) const LEASE_MS_MAX: u64 = 12 * 3_600_000;
/// Content of records in one answer, beyond which the others are left for the next; one record always fits.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes that one read of a log asks for.
pub(crate) const READ_BYTES: u32 = 256 << 10;
/// Records of a queue that are looked at together.
pub(crate) const PEEKED_MAX: u32 = 256;
/// How often one request looks: at 4,096 records.
pub(crate) const PEEKS_MAX: usize = 16;
/// Partitions in which the oldest record of a queue is looked for.
pub(crate) const OLDEST_LOGS_MAX: u32 = 64;
/// Reads that one request makes in search of records that a filter lets through: 16 MiB.
pub(crate) const READS_MAX: usize = 64;

/// Cursor groups of a page: each costs a question and a read.
pub(crate) const GROUPS_PAGE_MAX: usize = 100;
/// Positions of cursor groups that a page of a stream's groups shows.
pub(crate) const POSITIONS_MAX: usize = 10_000;
/// Streams that the answer to "where would this go" names.
pub(crate) const TARGETS_SHOWN_MAX: usize = 1000;
/// How often a request looks for long work: at 2,048 groups each time.
pub(crate) const JOB_LOOKS_MAX: usize = 64;
/// Views that may be live at once, of all clients together: each is woken by every append that it shows.
pub(crate) const LIVE_MAX: usize = 256;
/// Partitions that one live view may show.
pub(crate) const LIVE_LOGS_MAX: u32 = 1024;
/// A live view says at least this often that it is still there: 15 s.
pub(crate) const LIVE_PAUSE_MS: u64 = 15_000;
/// How often live counters are shown: every 2 s.
pub(crate) const OVERVIEW_PAUSE_MS: u64 = 2_000;
/// Streams with dead letters that the overview names.
pub(crate) const DEAD_LETTERS_SHOWN_MAX: usize = 20;

const _: () = {
    assert!(GROUPS_PAGE_MAX <= GROUPS_PER_REQUEST_MAX, "one question describes a page of groups");
    assert!(PAGE_MAX <= LEASE_GROUPS_PER_REQUEST_MAX, "one question counts a page of groups");
    assert!(RECEIVE_RECORDS_MAX <= LEASE_ACQUIRE_RECORDS_MAX && PEEKED_MAX <= LEASE_ACQUIRE_RECORDS_MAX);
    assert!(SETTLE_MAX <= LEASE_SETTLE_RECORDS_MAX);
    assert!(BODY_BYTES_MAX <= BATCH_BYTES_DEFAULT as usize, "what fits into a body fits into a batch");
    assert!(PAGE_DEFAULT <= PAGE_MAX);
};
