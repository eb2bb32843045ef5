//! The wire's nouns as the core's, and back.
//!
//! Apart because this is the one place where both are known: behind it there are streams, leases and records only.

mod arguments;
mod by_policy;
mod deaths;
mod exchange;
mod names;
mod record;
mod streams;

pub(crate) use arguments::{Arguments, QueueType, Stored, is_own, is_queue, is_stream, letter, type_name};
pub(crate) use by_policy::{Merged, applied, applied_to_exchange, set_up_exchange, set_up_queue};
pub(crate) use exchange::{
    Declaration, Routed, arguments_of, check_not_reserved, condition, delay_ms, is_durable, predeclared,
    predeclared_names, type_of,
};
pub(crate) use names::{cleaned, namespace_name, server_name, vhost_name};
pub(crate) use record::{Message, Told, push_record, show};
pub(crate) use streams::{STREAM_LOG, StreamFilter, StreamStart, stream_len};
