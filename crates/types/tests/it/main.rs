//! Tests of the types crate through its public interface.
//!
//! Apart from the sources so that their length means something; one binary, because each costs a link.

#![allow(clippy::unwrap_used, reason = "in a test, and in what tests call, a panic is the verdict")]

mod bombs;
mod checks;
mod damage;
mod fuzzed;
mod golden;
mod place;
mod retain;
mod round_trip;
mod support;
