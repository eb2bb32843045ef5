//! Deterministic simulation: one seed decides the workload, the faults and every crash.
//!
//! Apart from the crates it drives because it must see them only as their callers do. The harness is generic in
//! what entries are ([`subject::Subject`]): it checks what storage promises whatever the state machine is.

pub mod harness;
pub mod subject;
pub mod toy;

pub use harness::{Outcome, run};
