//! The wire's nouns as the core's, and back.
//!
//! Apart because this is the one place where both are known: behind it there are streams, leases and records only.

mod arguments;
mod deaths;
mod exchange;
mod names;
mod record;

pub(crate) use arguments::{Arguments, QueueType, Stored, is_own, is_queue, letter, type_name};
pub(crate) use exchange::{Declaration, Routed, check_not_reserved, condition, delay_ms, predeclared};
pub(crate) use names::{cleaned, server_name};
pub(crate) use record::{Message, push_record, show};
