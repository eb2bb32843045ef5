//! Between SQS's words and the core's: where wire types stop.
//!
//! Apart because everything in front of this module speaks SQS and everything behind it does not.

mod hash;
mod identity;
mod long;
mod receipt;
mod record;
#[cfg(test)]
mod record_tests;
mod settings;

pub(crate) use hash::log_of;
pub(crate) use identity::{message_id, sequence_number, task_id};
pub(crate) use receipt::{HANDLE_BYTES, Receipt};
pub(crate) use record::{Message, Origin, is_group_id, push_record};
pub(crate) use settings::{Stored, attach, creation, detach, is_own, is_queue};
