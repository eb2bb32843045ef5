//! The 128-bit identifier that Kafka gives topics and directories.
//!
//! Apart because the codec must not know which of our own identifiers a field stands for: that is decided
//! where wire types become nouns of the core.

use core::fmt;

/// Sixteen bytes as on the wire; all zero means "none".
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zero: no identifier.
    pub const NIL: Self = Self([0; 16]);

    /// Whether this is no identifier.
    pub fn is_nil(&self) -> bool {
        *self == Self::NIL
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}
