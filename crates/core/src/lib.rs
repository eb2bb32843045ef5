//! The pure core: what a broker decides, without a clock, a disk, a socket or a runtime.
//!
//! Apart because everything that must be right after a crash is here and can be run a million times in a test:
//! [`Shard::apply`] takes the time, a position and a [`Request`] and returns [`Effects`]; recovery folds the same
//! entries that `apply` made (R1). The nouns are modules: [`log`], [`cursor`], [`lease`], [`route`], [`catalog`]; `object` is the manifest of the packed objects,
//! [`retention`] says what may go. Nothing here
//! knows a protocol: if two fronts need it, it is one of these nouns; if only one does, it belongs to that front.
#![no_std]
extern crate alloc;

pub mod catalog;
pub mod codec;
pub mod cursor;
pub mod effect;
pub mod entry;
pub mod hash;
pub mod lease;
pub mod log;
mod object;
pub mod request;
pub mod retention;
pub mod route;
pub mod shard;
mod transact;

pub use effect::{CatalogChange, CatalogEffect, Effects, EphemeralChange, Ticket, ViewChange};
pub use entry::Entry;
pub use request::{Reply, Request};
pub use shard::{Restore, Shard, ShardOptions, Turn};
pub use transact::{Transact, Transacted};
