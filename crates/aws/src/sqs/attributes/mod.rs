//! Queue attributes: what a queue can be set to, by the names and in the ranges that Amazon has.
//!
//! Apart because one table says of each attribute who may set it, what it may be and what it is when nobody did; creating,
//! altering, showing and storing queues all read it. [`QueueSettings`] is what a queue is set to, in types.

mod names;
mod parse;
mod permission;
mod redrive;
mod settings;
mod tags;
#[cfg(test)]
mod tests;

pub(crate) use names::{AttributeName, Wish};
pub(crate) use permission::{add_permission, remove_permission};
#[cfg(test)]
use redrive::RedriveAllow;
pub(crate) use redrive::RedrivePolicy;
pub(crate) use settings::{DeduplicationScope, QueueSettings};
pub(crate) use tags::{TagMap, check_tags};
