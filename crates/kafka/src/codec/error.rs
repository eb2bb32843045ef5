//! Why bytes are not a message, and why a message cannot become bytes.
//!
//! Apart because the session and the client side match on it. Positions count from the start of what the
//! reader was given (for a broker: the frame after its size).

/// A frame does not hold the message it should. The connection's state is unknown after one of these:
/// the session closes it, as Kafka does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame ends inside a field.
    #[error("frame ends at byte {at}, where {needed} more bytes are needed")]
    Truncated {
        /// Where the field begins.
        at: usize,
        /// How many bytes it takes.
        needed: usize,
    },
    /// A length is negative, or longer than its type allows.
    #[error("length {length} at byte {at} is out of range")]
    Length {
        /// Where the reader stood after the length.
        at: usize,
        /// The length as sent.
        length: i64,
    },
    /// An array claims more elements than the bytes left can hold.
    #[error("{count} array elements at byte {at} do not fit in what is left of the frame")]
    Count {
        /// Where the reader stood after the count.
        at: usize,
        /// The count as sent.
        count: i64,
    },
    /// The arrays of one message hold more elements than the reader's limit.
    #[error("more array elements at byte {at} than one message may have")]
    TooManyElements {
        /// Where the reader stood after the count.
        at: usize,
    },
    /// Null where the version has no null.
    #[error("null at byte {at} in a field that cannot be null")]
    UnexpectedNull {
        /// Where the reader stood after the null.
        at: usize,
    },
    /// A variable-length integer has more than 32 bits.
    #[error("variable-length integer at byte {at} has more than 32 bits")]
    Varint {
        /// Where the integer begins.
        at: usize,
    },
    /// A string is not UTF-8.
    #[error("string at byte {at} is not UTF-8")]
    Utf8 {
        /// Where the string's bytes begin.
        at: usize,
    },
    /// A tagged field is shorter than the size it was sent with.
    #[error("tagged field {tag} ending at byte {at} is not as long as it says")]
    TagSize {
        /// Where the field should end.
        at: usize,
        /// Its tag.
        tag: u32,
    },
    /// The codec has no such version of the message.
    #[error("{message} has no version {version}")]
    Version {
        /// The message's name in Kafka's definitions.
        message: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// The API key is not one this codec knows.
    #[error("unknown API key {key}")]
    UnknownApi {
        /// The key as sent.
        key: i16,
    },
    /// Bytes are left after the message; only [`Reader::expect_end`](super::Reader::expect_end) says this.
    #[error("{bytes} bytes after the message, which ends at byte {at}")]
    Trailing {
        /// Where the message ends.
        at: usize,
        /// How many bytes follow.
        bytes: usize,
    },
}

/// A message cannot be said in the version asked for. It is always the caller's mistake, never the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec has no such version of the message.
    #[error("{message} has no version {version}")]
    Version {
        /// The message's name in Kafka's definitions.
        message: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// A field that may not be dropped silently has a value, and the version lacks the field.
    #[error("{field} has a value, which version {version} cannot carry")]
    FieldNotInVersion {
        /// Structure and field.
        field: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// A field is null, and the version has no null for it.
    #[error("{field} is null, which version {version} cannot carry")]
    NullNotInVersion {
        /// Structure and field.
        field: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// A string, array, byte field or frame is longer than its length field can say.
    #[error("{length} is longer than the wire format allows")]
    TooLong {
        /// Bytes, or elements of an array.
        length: usize,
    },
}
