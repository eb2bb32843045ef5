//! The shard as a running thing: requests in, frames to the lane, replies out when they are durable.
//!
//! Apart because core decides without doing and storage does without deciding; what connects them is here. Two threads
//! carry it: the *shard* thread takes requests and applies them ([`turns`]), the *lane* thread writes what came of
//! them and lets the replies go ([`lane`]). A third one, the *keeper*, prepares files and writes checkpoints. Each
//! has its steps as a value, so that a simulator can run them in one thread.
//!
//! ```text
//! submit ─► queue ─► shard: admit, apply ─► assembler ─► lane: write, sync, publish ─► gate: replies ─► inboxes
//!                                └───────────── replies that wait for nothing ────────────────────────────┘
//! ```

mod catalog;
mod clock;
mod gate;
mod keeper;
mod lane;
mod options;
mod queue;
mod replay;
mod shard_thread;
mod shared;
mod start;
mod turns;

pub use catalog::Catalog;
pub use clock::EngineClock;
pub use gate::ReplySink;
pub use options::EngineOptions;
pub use queue::Submission;
pub use shared::Failure;
pub use start::{Engine, Handle, StartError};
