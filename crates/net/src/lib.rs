//! Listening sockets and the drivers that pump a [`Session`](millstream_front::Session) per connection, or the
//! [exchanges](millstream_front::http::Exchange) of a connection that speaks HTTP.
//!
//! Apart because this is the only crate that listens: what a peer can do to the process before a protocol looks at
//! its bytes (open too many connections, announce too much, read too slowly, send half a request) is answered here
//! once, for every front. The driver owns the socket, the timers and the waiting; the session owns the protocol.

mod connections;
mod directory;
mod document;
mod driver;
mod http;
mod mailbox;
mod options;
mod outlay;
mod pump;
mod reads;
mod scratch;
mod tcp;

pub use connections::ConnectionCounts;
pub use directory::{Directory, Listening, OpenConnection};
pub use document::{Document, short_path};
pub use options::Options;
pub use tcp::{Bound, ConnectionsWatch, Front, Server, Service};
