//! Real clients against the real binary: a broker's process, loads with histories, moments, and the judge of what was seen.
//!
//! Apart from the crash test's `main` because the fault runs of `faults/` use the same loads and the same judge while
//! they do other things to the broker than killing it.

mod amqp;
pub mod broker;
pub mod chance;
pub mod clock;
mod disk;
pub mod drain;
pub mod judge;
pub mod load;
pub mod moment;
mod options;
mod programs;
mod report;
mod run;
mod siege;
pub mod sqs;
mod value;
pub mod wire;

pub use options::Options;
pub use run::{judge_only, run};
