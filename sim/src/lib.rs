//! Deterministic simulation: one seed decides the workload, the faults and every crash.
//!
//! Apart from the crates it drives because it must see them only as their callers do. The harness is generic in
//! what entries are ([`subject::Subject`]): it checks what storage promises whatever the state machine is.
//! [`broker`] puts the real shard and the engine's steps on the same disk, and checks what clients were promised; [`queues`]
//! does the same for those who lease records.

pub mod broker;
pub mod harness;
mod neighbour;
mod outcome;
#[cfg(feature = "planted")]
pub mod planted;
pub mod queues;
pub mod subject;
pub mod toy;
pub mod trace;

pub use outcome::Outcome;
