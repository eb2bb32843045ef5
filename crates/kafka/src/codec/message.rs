//! What all messages have in common, for code that is generic over them: clients, benches, tests.
//!
//! Apart because the broker does not need it: an operation names its own message types.

use core::fmt::Debug;
use core::ops::RangeInclusive;

use super::{ApiKey, DecodeError, EncodeError, Reader, Writer};

/// A request or a response body.
pub trait Message: Sized + Clone + Debug + Default + PartialEq {
    /// The API it belongs to.
    const API: ApiKey;
    /// Its name in Kafka's definitions.
    const NAME: &'static str;
    /// The versions the codec has.
    const VERSIONS: RangeInclusive<i16>;

    /// Decodes a body.
    ///
    /// # Errors
    /// When the bytes are not a message of that version, or the codec has no such version.
    fn decode(version: i16, r: &mut Reader) -> Result<Self, DecodeError>;

    /// Encodes a body.
    ///
    /// # Errors
    /// When that version cannot carry a value of the message, or the codec has no such version.
    fn encode(&self, version: i16, w: &mut Writer) -> Result<(), EncodeError>;
}

/// A request body, which knows what answers it.
pub trait RequestMessage: Message {
    /// The body of the answer.
    type Response: Message;
}
