//! The management API: the part of RabbitMQ's HTTP API that tools call, so that `rabbitmqadmin`, Flower, provisioners and
//! health checks work as they are.
//!
//! Apart because it speaks HTTP and its JSON is RabbitMQ's own, field by field, while what it does is what methods do: queues
//! are streams, exchanges routes, virtual hosts namespaces. A request is a value ([`Management`]), what is served stands in
//! one table ([`ENDPOINTS`]), each operation is a chain of [steps](millstream_front::steps). What the broker does not
//! measure is left out of answers instead of being made up.

mod call;
mod context;
mod errors;
mod json;
mod listener;
mod ops;
mod page;
mod settle;
mod show;

pub use listener::{Management, ManagementOptions};
pub use ops::ENDPOINTS;
pub use settle::settle_policies;

pub(crate) use context::{Context, Step, Vhost, step};
pub(crate) use errors::Problem;
