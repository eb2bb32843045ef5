//! The Kafka front: what unmodified Kafka clients speak, translated to logs, cursors and the catalog.
//!
//! Apart because wire types stop here: behind [`translate`] there are only the core's nouns. A
//! [`Listener`] makes a session per connection; the session takes frames apart, starts one operation per
//! request ([`ops`]) and keeps the answers in order.

pub mod codec;
mod errors;
mod limits;
mod listener;
mod ops;
mod options;
mod session;
mod step;
mod translate;

pub use errors::ErrorCode;
pub use limits::FRAME_BYTES_MAX;
pub use listener::Listener;
pub use ops::OPERATIONS;
pub use options::KafkaOptions;
