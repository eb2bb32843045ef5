//! What the binary decides for this front.
//!
//! Apart so that the listener needs nothing else from the configuration.

/// Options of the listener.
#[derive(Debug, Clone, Default)]
pub struct AmqpOptions {
    /// The broker's own version, which `connection.start` tells.
    pub version: &'static str,
}
