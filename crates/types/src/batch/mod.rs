//! The record batch: the one shape in which records are stored, sent and received.
//!
//! Apart because every other crate reads these bytes and none may change them: a producer's batch is stored as it
//! came, and only what its checksum does not cover is patched (R17). The format is Kafka's record batch v2:
//!
//! ```text
//!   0  base offset          i64    offset of the first record           ┐ outside the checksum: the broker
//!   8  length               i32    bytes after this field               │ patches offset and epoch in place
//!  12  leader epoch         i32    who led the log when it was appended ┘
//!  16  magic                i8     2
//!  17  checksum             u32    CRC-32C of everything from byte 21 on
//!  21  attributes           i16    bits 0–2 compression, 3 log append time, 4 transactional, 5 control,
//!                                  6 base timestamp is the delete horizon
//!  23  last offset delta    i32    last record's offset − base offset
//!  27  base timestamp       i64    ms; the records' timestamps are relative to it
//!  35  max timestamp        i64    ms; with log append time, the timestamp of every record
//!  43  producer id          i64    −1: not idempotent
//!  51  producer epoch       i16
//!  53  base sequence        i32    sequence of the first record
//!  57  record count         i32
//!  61  body                        the records, compressed as a whole or not at all
//! ```
//!
//! A record in the (decompressed) body; `varint` and `varlong` are zigzag encoded, least significant group first:
//!
//! ```text
//! length varint · attributes i8 · timestamp delta varlong · offset delta varint
//! key length varint (−1: null) · key · value length varint (−1: null) · value
//! header count varint · (key length varint · key UTF-8 · value length varint (−1: null) · value)*
//! ```
//!
//! A producer's batch on its way in: [`split_batches`] → [`verify_from_producer`] → [`patch`] (or
//! [`BatchHeader::placed`], when the bytes are shared). A reader that needs records: [`open`] or [`records`].
//! Whoever makes records: [`BatchBuilder`]. Who takes records out again: [`OpenBatch::retain`].

mod builder;
mod codec;
mod error;
mod header;
mod patch;
mod record;
mod records;
mod retain;
mod split;
mod varint;
mod verify;

pub use builder::BatchBuilder;
pub use codec::Compression;
pub use error::BatchError;
pub use header::{BatchHeader, HEADER_BYTES, LeaderEpoch, TimestampType};
pub use patch::{PLACED_BYTES, patch, set_log_append_time};
pub use record::{Headers, RecordView};
pub use records::{
    OpenBatch, OpenLimits, Record, RecordChecks, RecordViews, Records, open, records, validate_records,
};
pub use retain::RetainedBatch;
pub use split::{Batches, split_batches};
pub use verify::{verify, verify_from_producer};
