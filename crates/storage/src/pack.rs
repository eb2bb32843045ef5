//! The packer: gives live records of mostly dead or badly laid out files a new home (R8).
//!
//! Apart from compaction because it never opens a batch: what it writes is byte for byte what it read.

mod plan;

pub use plan::{HomeFacts, HomeId, PackJob, PackOptions, PackPlan, plan};
