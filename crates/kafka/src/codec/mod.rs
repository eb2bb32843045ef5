//! The Kafka wire codec: requests and responses of every served API, in both directions.
//!
//! Apart because bytes from peers are judged here and nowhere else: what leaves this module is well formed,
//! and nothing in it was allocated from a length that a peer claimed.
//!
//! [`generated`] holds one module per API, written by `cargo xtask codegen kafka` from Kafka's published message
//! definitions. The rest is by hand: [`Reader`] decodes in place from a frame (strings and record bytes are
//! slices of it), [`Writer`] collects responses without copying record bytes, [`frame`] puts headers and the
//! size prefix around a message.
//!
//! Choices where Kafka's own codec is the measure:
//!
//! - Bytes after a message are ignored, as Kafka's broker does; [`Reader::expect_end`] is there for who is stricter.
//! - A tagged field must be exactly as long as it says. Kafka does not look; every known client is exact.
//! - Strings must be UTF-8. Kafka replaces what is not, so that two names could become one.
//! - A field that the version lacks is left out when the definitions call it ignorable or it has its default value,
//!   and is an [`EncodeError`] otherwise, as in Kafka.
//! - Only -1 is null; Kafka takes every negative length for null where null is allowed.
//! - Anything but zero is true, and any non-negative byte announces a struct that may be null, as in Kafka.
//! - Unknown tagged fields are skipped, not kept; so are known ones in versions that lack them.

mod error;
pub mod frame;
pub mod generated;
mod message;
mod reader;
mod records;
mod uuid;
mod writer;

pub use bytestring::ByteString as Str;
pub use error::{DecodeError, EncodeError};
pub use generated::ApiKey;
pub use message::{Message, RequestMessage};
pub use reader::{ELEMENTS_MAX, Reader};
pub use records::Records;
pub use uuid::Uuid;
pub use writer::{SPLICE_BYTES_MIN, Writer};

/// Longest string either side may send, in bytes: what the old two-byte length can say. Kafka keeps the
/// limit for compact strings too.
pub const STRING_BYTES_MAX: usize = i16::MAX as usize;
