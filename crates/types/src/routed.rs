//! What a routed record says of the way that it came: two reserved headers, and their bytes.
//!
//! Apart because whoever publishes by a route writes them, whoever moves a dead letter on needs them, and every protocol
//! shows them in its own words.
//!
//! | header | value |
//! |---|---|
//! | `routed.by` | name of the route; empty for a record that was published to a stream by its name |
//! | `routed.key` | the key that it was published under |

use crate::batch::Headers;
use crate::limits::{BINDING_KEY_BYTES_MAX, NAME_BYTES_MAX};
use alloc::boxed::Box;

/// What the names of these headers begin with.
pub const PREFIX: &str = "routed.";
/// Name of the header with the route's name.
pub const BY: &str = "routed.by";
/// Name of the header with the key.
pub const KEY: &str = "routed.key";

/// The way that a record came into its stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Routed {
    /// The route's name, at most 255 bytes; empty: none, the stream was named.
    pub by: Box<str>,
    /// The key, at most 255 bytes.
    pub key: Box<str>,
}

impl Routed {
    /// Reads the headers of a record; `None` if it does not say. Anyone may have written them.
    #[must_use]
    pub fn parse(headers: Headers<'_>) -> Option<Routed> {
        let (mut by, mut key) = (None, None);
        for (name, value) in headers {
            match name {
                BY => by = value,
                KEY => key = value,
                _ => {}
            }
        }
        let text = |bytes| core::str::from_utf8(bytes).ok();
        let (by, key) = (text(by?)?, text(key?)?);
        let fits = by.len() <= NAME_BYTES_MAX && key.len() <= BINDING_KEY_BYTES_MAX;
        fits.then(|| Routed { by: by.into(), key: key.into() })
    }
}
