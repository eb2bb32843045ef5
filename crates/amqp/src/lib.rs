//! The AMQP front: what unmodified RabbitMQ clients speak (AMQP 0-9-1 with RabbitMQ's extensions), translated to streams
//! and leases.
//!
//! Apart because wire types stop here: behind `translate` there are only the core's nouns. A [`Listener`] makes a session
//! per connection; the session takes frames apart, runs one operation per method (`ops`), and keeps consumers supplied.

pub mod codec;
mod errors;
mod limits;
mod listener;
mod management;
mod meters;
mod ops;
mod options;
mod policy;
mod presence;
mod replies;
mod session;
mod shared;
mod step;
mod translate;

pub use errors::{Code, Scope};
pub use limits::{CHANNEL_MAX, FRAME_BYTES_OFFERED, HANDSHAKE_MS, MESSAGE_BYTES_MAX};
pub use listener::Listener;
pub use management::{ENDPOINTS, Management, ManagementOptions, settle_policies};
pub use ops::OPERATIONS;
pub use options::AmqpOptions;
pub use session::{ChannelState, Incoming, Verdict, judge};
