//! What is known of streams and groups at one time, with how fast they move: one look at all of them, every few seconds.
//!
//! Apart because metrics, alarms, scaling and pages show the same numbers, and looking at a hundred thousand streams must be
//! nobody's wait: whoever runs the broker has a thread that [looks](Sampler::look) at a pace, and everybody reads the last
//! [`Observation`]. A value: time is an argument, questions go through [`World`].

mod ages;
mod groups;
pub(crate) mod history;
mod rates;
mod sampler;
mod shown;
#[cfg(test)]
mod tests;

pub use sampler::{Sampler, World};

use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{GroupCounts, GroupTotals};
use millstream_types::{EngineTime, Namespace};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands for the names of all that are not shown by name. A stream of a namespace that is called like this is never shown
/// by name.
pub const REST: &str = "*";

/// What went in and out of a stream. Records that went in are counted since the stream is there, all else since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Records appended.
    pub records_in: u64,
    /// Records read for clients.
    pub records_out: u64,
    /// Bytes of batches appended.
    pub bytes_in: u64,
    /// Bytes of batches read for clients.
    pub bytes_out: u64,
}

/// A stream as it was seen.
#[derive(Debug, Clone)]
pub struct StreamSeen {
    /// Its entry in the catalog.
    pub entry: Arc<StreamEntry>,
    /// The name of its namespace.
    pub namespace: Arc<str>,
    /// Partitions.
    pub logs: u32,
    /// Offsets from the first record to the end.
    pub records: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// What went in and out.
    pub flow: Flow,
    /// Records appended per second, lately.
    pub in_per_second: f64,
    /// Records read per second, lately.
    pub out_per_second: f64,
    /// Others send their dead letters here.
    pub takes_dead_letters: bool,
    /// Records that nobody has done with: of its queue, or all if it is none.
    pub waiting_records: u64,
    /// Who has read it lately, by the name of the protocol, and when that was last seen.
    pub readers: Vec<(&'static str, EngineTime)>,
    /// It is shown by name.
    pub is_shown: bool,
}

/// How a group reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// It works the stream as a queue.
    Lease,
    /// It reads the stream by offset.
    Cursor,
}

impl GroupKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            GroupKind::Lease => "lease",
            GroupKind::Cursor => "cursor",
        }
    }
}

/// A group on one stream as it was seen. A cursor group that reads several streams is seen on each.
#[derive(Debug, Clone)]
pub struct GroupSeen {
    /// How it reads.
    pub kind: GroupKind,
    /// The name of its namespace.
    pub namespace: Arc<str>,
    /// The name of the stream.
    pub stream: Arc<str>,
    /// Its name; `default` for a stream's own queue.
    pub name: Arc<str>,
    /// Records that it has not done with.
    pub lag_records: u64,
    /// Age of the oldest of those in milliseconds; `None` when it is not known.
    pub lag_ms: Option<u64>,
    /// Consumers: members, or who waits for or is attached to a queue.
    pub consumers: u64,
    /// It is paused: nobody is to get anything.
    pub is_paused: bool,
    /// Where its records are; of a cursor group nothing.
    pub counts: GroupCounts,
    /// What has happened to its records since the start; of a cursor group nothing.
    pub totals: GroupTotals,
    /// Records that come to it per second, lately.
    pub in_per_second: f64,
    /// Records that it does with per second, lately.
    pub done_per_second: f64,
    /// Deliveries per second, lately.
    pub delivered_per_second: f64,
    /// Deliveries per second that were not the first of their record, lately.
    pub redelivered_per_second: f64,
    /// It is shown by name.
    pub is_shown: bool,
}

/// One look at everything.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// When.
    pub at: EngineTime,
    /// How long it took, in microseconds.
    pub took_micros: u64,
    /// Every stream: those of a namespace together, in the order of their names.
    pub streams: Vec<StreamSeen>,
    /// Where in [`Observation::streams`] those of a namespace are: from the first to behind the last.
    pub places: BTreeMap<Namespace, (usize, usize)>,
    /// Every group.
    pub groups: Vec<GroupSeen>,
    /// What went in and out, while they were not shown by name, of streams that were not.
    pub rest_flow: Flow,
    /// What happened to records of queues while those were not shown by name.
    pub rest_totals: GroupTotals,
}

impl Observation {
    /// A stream, if it was there already.
    #[must_use]
    pub fn stream(&self, entry: &StreamEntry) -> Option<&StreamSeen> {
        let (from, to) = *self.places.get(&entry.namespace)?;
        let here = &self.streams[from..to];
        let place = here.binary_search_by(|seen| seen.entry.name.cmp(&entry.name)).ok()?;
        Some(&here[place]).filter(|seen| seen.entry.id == entry.id)
    }
}
