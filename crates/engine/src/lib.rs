//! The shard as a running thing: requests in, frames to the lane, replies out when they are durable.
//!
//! Apart because core decides without doing and storage does without deciding; what connects them is here. The shard is
//! run by one thread at a time ([`seat`]): the one that submits, or the shard's own for deadlines and checkpoints. The *lane*
//! thread writes what came of it and lets the replies go ([`lane`]). The *keeper* prepares files and writes
//! checkpoints. The *upkeep* sees to retention, packing and compaction. The *mover* takes
//! dead letters to their streams. Each has its steps as a value ([`turns`]), so that a simulator can run them in one thread.
//!
//! ```text
//! submit ─► queue ─► seat: admit, apply ─► assembler ─► lane: write, sync, publish ─► gate: replies ─► inboxes
//!                               └───────────── replies that wait for nothing ────────────────────────────┘
//! ```

mod catalog;
mod clock;
mod gate;
mod keeper;
mod lane;
mod mover;
mod options;
mod priority;
mod queue;
mod replay;
mod room;
mod seat;
mod shard_thread;
mod shared;
mod start;
pub mod steps;
mod turns;
mod upkeep;
mod verify;

pub use catalog::Catalog;
pub use clock::EngineClock;
pub use gate::ReplySink;
pub use mover::MoverTotals;
pub use options::{EngineOptions, UpkeepOptions};
pub use queue::Submission;
pub use room::EphemeralMemory;
pub use shared::Failure;
pub use start::{Engine, Handle, RoomGuard, StartError};
pub use upkeep::UpkeepTotals;
pub use verify::Verification;
