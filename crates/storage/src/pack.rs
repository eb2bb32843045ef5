//! The packer: gives the live records of mostly dead or badly laid out files a new home (R8).
//!
//! Apart from compaction because it never opens a batch: what it writes is byte for byte what it read, checked on the way.
//! Records that are trimmed, superseded or deleted are not written again; what cannot be read stays where it is.
//!
//! ```text
//! Survey::new(sealed files, objects) ─ add each log ─► finish ─► plan ─► jobs, backlog
//! Packer::new(job) ─► step … ─► Object(entry) ─► committed() ─► step … ─► Done
//! ```
//!
//! Sorted by log, an object holds up to 512 logs with a part each; a log that has much in a job gets objects of its own.
//! Each object is committed before the next one begins. An interruption loses the object at hand and nothing else: the
//! sources stay until no log refers to them.
//!
//! A packer and a compactor must not work on the same log at the same time (see [`compact`](crate::compact)).

mod packer;
mod plan;
mod quarantine;
mod survey;

pub use packer::{PackProgress, PackStats, Packer};
pub use plan::{HomeFacts, PackJob, PackOptions, PackPlan, plan};
pub use quarantine::{Quarantine, Quarantined};
pub use survey::Survey;
