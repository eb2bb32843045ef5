//! Why bytes from a peer are no method, no header or no table.
//!
//! Apart because sessions answer these with the protocol's own codes, and need to tell a method that nobody knows from
//! one that is spelled wrong.

/// Bytes that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field reaches beyond the end of its frame or table.
    #[error("it ends in the middle of a field")]
    Truncated,
    /// Bytes follow the last field.
    #[error("{0} bytes follow its last field")]
    TrailingBytes(usize),
    /// No method of the protocol has these numbers.
    #[error("no method has the numbers {class}, {method}")]
    UnknownMethod {
        /// The class.
        class: u16,
        /// The method in it.
        method: u16,
    },
    /// A short string is not UTF-8.
    #[error("a short string is not UTF-8")]
    NotText,
    /// No type of field has this letter.
    #[error("no type of field has the letter {0:#04x}")]
    UnknownType(u8),
    /// Tables and arrays in each other, deeper than [`super::table::DEPTH_MAX`].
    #[error("tables are nested too deep")]
    TooDeep,
    /// The property flags say what no header of this protocol has.
    #[error("unknown property flags {0:#06x}")]
    UnknownFlags(u16),
    /// A content header of a class that has no content.
    #[error("class {0} has no content")]
    NoContent(u16),
}
