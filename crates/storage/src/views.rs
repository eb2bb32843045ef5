//! Read views: what sessions see of each log without asking the shard (R9).
//!
//! Apart because readers and the writer meet only here: the writer publishes after a group is durable, readers
//! load a few numbers and an index, and neither waits for the other longer than one short lock.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use millstream_types::{LogId, Offset, StreamId};

use crate::objects::Objects;

mod adopting;
mod buffers;
mod estimate;
mod held;
mod housekeeping;
mod index;
mod log_view;
mod piece;
mod publisher;
mod read;
mod reading;
mod watch;

pub(crate) use adopting::FoundRun;
pub(crate) use buffers::{Buffer, Buffers};
pub(crate) use held::Held;
pub(crate) use index::RUN_BYTES_MAX;
pub use log_view::{LogTraffic, LogView};
pub(crate) use publisher::Publisher;
pub use read::{ReadMode, ReadOutcome, StoredBatch, TimeCandidate};
pub(crate) use reading::Reading;
pub use watch::Watch;

/// The views of all live logs.
pub struct Views {
    map: papaya::HashMap<LogId, Arc<LogView>, BuildHasherDefault<IdHasher>>,
    reading: Arc<Reading>,
}

impl Views {
    pub(crate) fn new(reading: Arc<Reading>) -> Views {
        Views { map: papaya::HashMap::default(), reading }
    }

    /// The view of a log; `None` when it does not exist (yet, or any more).
    #[must_use]
    pub fn get(&self, log: LogId) -> Option<Arc<LogView>> {
        self.map.pin().get(&log).cloned()
    }

    /// The objects that logs have parts in.
    pub(crate) fn objects(&self) -> &Arc<Objects> {
        &self.reading.objects
    }

    /// Adds an empty log whose first record has offset `start`.
    pub(crate) fn create(&self, log: LogId, start: Offset) -> Arc<LogView> {
        let view = Arc::new(LogView::new(log, start, Arc::clone(&self.reading)));
        self.insert(Arc::clone(&view));
        view
    }

    /// Adds an empty log that is in memory only.
    pub(crate) fn create_ephemeral(&self, log: LogId) {
        self.insert(Arc::new(LogView::ephemeral(log, Arc::clone(&self.reading))));
    }

    fn insert(&self, view: Arc<LogView>) {
        let log = view.log();
        let before = self.map.pin().insert(log, view).is_some();
        assert!(!before, "log {log} was created twice: ids are never used again");
    }

    /// Revokes and forgets a log's view.
    pub(crate) fn remove(&self, log: LogId) {
        if let Some(view) = self.take(log) {
            view.revoke();
        }
    }

    /// Forgets a log's view, and returns it.
    pub(crate) fn take(&self, log: LogId) -> Option<Arc<LogView>> {
        self.map.pin().remove(&log).cloned()
    }

    pub(crate) fn remove_stream(&self, stream: StreamId, logs: u32) {
        for index in 0..logs {
            self.remove(LogId { stream, index });
        }
    }

    /// The ids of all logs, in no order.
    #[must_use]
    pub fn ids(&self) -> Vec<LogId> {
        self.map.pin().keys().copied().collect()
    }
}

/// Mixes the numbers of an id. Ids are given by the shard in order, never by a client, so that no key is needed
/// (R22), and the map is on the path of every batch.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // Multiply by 2⁶⁴ divided by the golden ratio, fold the high half down: spreads consecutive numbers.
        let mixed = (self.0.rotate_left(29) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
