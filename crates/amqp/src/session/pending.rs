//! Requests and reads under way, found again by their tags.
//!
//! Apart because a tag is a place in a row: each request has exactly one answer, so a place is free again once its
//! answer is there.

use super::publish::Appending;
use millstream_front::Tag;

/// What an answer is for.
#[derive(Debug)]
pub(crate) enum Pending {
    /// Messages that were published.
    Append(Appending),
    /// Records that a consumer asked for.
    Acquire(u64),
    /// The end of a consumer's queue.
    End(u64),
    /// Records that a consumer reads.
    Read(u64),
    /// One of the requests of an operation that its channel waits for.
    Operation {
        /// Whose.
        channel: u16,
        /// Which opening of the channel.
        serial: u64,
        /// Which of the requests.
        index: usize,
    },
    /// Nobody waits for it.
    Quiet,
}

/// Whether something is being done; waits last as long as their consumers.
fn is_busy(pending: &Pending) -> bool {
    !matches!(pending, Pending::Acquire(_) | Pending::End(_))
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct PendingTable {
    places: Vec<Option<Pending>>,
    free: Vec<usize>,
    /// Those that the connection's end would cut off: all but waits.
    busy: usize,
}

impl PendingTable {
    /// Takes a place.
    pub(crate) fn add(&mut self, pending: Pending) -> Tag {
        self.busy += usize::from(is_busy(&pending));
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        let before = self.places[place].replace(pending);
        assert!(before.is_none(), "a free place is empty");
        Tag(place as u64)
    }

    /// Gives the place of a tag back.
    pub(crate) fn take(&mut self, tag: Tag) -> Option<Pending> {
        let place = usize::try_from(tag.0).ok()?;
        let pending = self.places.get_mut(place)?.take()?;
        self.busy -= usize::from(is_busy(&pending));
        self.free.push(place);
        Some(pending)
    }

    /// How many there are beside waits.
    pub(crate) fn busy(&self) -> usize {
        self.busy
    }
}
