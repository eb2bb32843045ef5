//! Amazon SQS: queues over streams and their default lease groups.
//!
//! Apart from what all AWS services share. A queue is the stream of its name in the namespace of account and region;
//! who receives from it acquires leases, who deletes settles them. Wire types stop at `ops/` and `translate/`.

mod attributes;
mod batch;
mod call;
mod deleted;
mod errors;
pub mod limits;
mod message;
mod opened;
mod ops;
mod outgoing;
mod queue;
mod sums;
mod translate;

pub(crate) use call::{Call, Parameters};
pub(crate) use deleted::Deleted;
pub use errors::SqsError;
pub(crate) use opened::Opened;
pub use ops::OPERATIONS;
pub(crate) use ops::start;
pub use queue::QueueRef;
pub(crate) use sums::Sums;

/// The name of the service for clients of AWS JSON.
pub(crate) const TARGET: &str = "AmazonSQS";
/// The name of the service in credential scopes.
pub(crate) const SERVICE: &str = "sqs";
/// The namespace of the service's XML.
pub(crate) const XML_NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";
