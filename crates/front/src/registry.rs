//! The registry of operations: what a front serves, as data.
//!
//! Apart because the documentation's tables, the metrics' labels and the protocol's own answer to "what do you
//! support" come from it, so that none of them can say something else than the code does.

/// One operation of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The protocol's name for it.
    pub name: &'static str,
    /// Its number, where the protocol numbers operations.
    pub number: i16,
    /// Lowest version served.
    pub version_min: i16,
    /// Highest version served.
    pub version_max: i16,
    /// What differs from the original system, in a sentence; empty when nothing does.
    pub differences: &'static str,
}
