//! The AWS front: what unmodified AWS clients speak, translated to streams, leases and the catalog. Today Amazon SQS.
//!
//! Apart because wire types stop here. A request is a value ([`Request`](millstream_front::http::Request)); its protocol
//! is told by its own looks ([`protocol`]), its sender by its signature ([`sigv4`]). What all services share is here, each
//! service in a module of its own ([`sqs`]). Nothing here does I/O, reads a clock or waits.

pub mod arn;
mod cut;
pub mod fault;
pub mod form;
mod hex;
mod ids;
mod json;
mod listener;
mod options;
mod percent;
pub mod protocol;
mod reply;
pub mod scope;
pub mod sigv4;
pub mod sqs;
mod step;
pub mod value;
pub mod xml;

pub use listener::Listener;
pub use options::AwsOptions;
