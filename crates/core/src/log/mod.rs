//! One log: where it starts and ends, and what its idempotent producers sent last.
//!
//! Apart because offsets are decided here and nowhere else. The shard never opens a batch (R2): it sees an
//! [`AppendBatch`]'s facts and hands its bytes on.

mod append;
mod held;
mod producer;
mod trim;

pub use append::{AppendBatch, Appended, ProducerStamp};
pub(crate) use append::{Bounds, append, append_one, check_one, fold_facts, show_together};
pub(crate) use held::Held;
pub(crate) use producer::{ProducerAppended, Producers};
pub(crate) use trim::trim;

use millstream_types::{Offset, WalPosition};

/// A log as the shard holds it. `start ≤ end` always.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// Offset of the first record that readers may see.
    pub(crate) start: Offset,
    /// Offset that the next record gets.
    pub(crate) end: Offset,
    /// Start of the last frame that touched the log.
    pub(crate) last: WalPosition,
    /// What idempotent producers sent.
    pub(crate) producers: Producers,
    /// What it holds, if it is in memory only.
    pub(crate) held: Held,
}
