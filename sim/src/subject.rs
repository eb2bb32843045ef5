//! What the harness asks of a state machine that lives on the lane.
//!
//! Apart so that the toy of the storage tests and the broker's core can take each other's place.

use bytes::Bytes;
use millstream_storage::{Publish, ReplayedFrame};
use millstream_testkit::sim_disk::Rng;
use millstream_types::{BatchFacts, LogId, Offset, WalPosition};

/// A frame to push.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Opaque to storage.
    pub entries: Vec<u8>,
    /// Batches to append.
    pub batches: Vec<(BatchFacts, Bytes)>,
    /// Changes of read views.
    pub publish: Vec<Publish>,
}

/// A live log, and every byte it must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedLog {
    /// The log.
    pub log: LogId,
    /// Log start offset.
    pub start: Offset,
    /// Offset after the last record.
    pub end: Offset,
}

/// A deterministic state machine. Cloning must be cheap enough to do it per frame.
pub trait Subject: Clone + PartialEq + std::fmt::Debug + Default {
    /// Decides a frame that takes space, and applies it. Batches are at most `bytes_max` together.
    fn append(&mut self, rng: &mut Rng, bytes_max: usize) -> Step;

    /// Decides a frame that gives space back (trims, deletes), and applies it.
    fn relieve(&mut self, rng: &mut Rng) -> Step;

    /// Number of images of a checkpoint now.
    fn images(&self) -> usize;

    /// One image, stamped by the caller; `None` when the entity is gone meanwhile.
    fn image(&self, index: usize) -> Option<Vec<u8>>;

    /// Takes an image over; frames before `stamp` are known to it.
    fn restore(&mut self, stamp: WalPosition, image: &[u8]);

    /// Applies a frame of the past.
    fn replay(&mut self, frame: &ReplayedFrame<'_>);

    /// Forgets what only the replay needs.
    fn end_replay(&mut self);

    /// All live logs, in order.
    fn logs(&self) -> Vec<ExpectedLog>;

    /// The stored bytes of the batch that holds an offset of a live log, with its first and last offset.
    fn batch_at(&self, log: LogId, offset: Offset) -> Option<(Offset, Offset, Vec<u8>)>;
}
