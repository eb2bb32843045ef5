//! The sums of bodies that were sent a moment ago.
//!
//! Apart because MD5 is the largest single piece of work that a message makes, and most messages are received soon after they
//! were sent: their sum was made then. A record at an offset never changes, so what is remembered is right as long as it
//! is there. It is in memory alone; a sum that is not found is made again.

use super::message::Sum;
use millstream_types::{Offset, StreamUid};
use parking_lot::Mutex;

/// Sums that are remembered: the messages of some hundred milliseconds, in about a megabyte.
const SUMS_MAX: usize = 1 << 14;
/// Neighbours in a log that share a lock, since they are sent and received together.
const NEIGHBOURS: usize = 16;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) stream: StreamUid,
    pub(crate) log: u32,
    pub(crate) offset: Offset,
}

type Row = [Option<(Place, Sum)>; NEIGHBOURS];

/// The sums, each at the one place that its message may have; a newer message's takes it over.
#[derive(Debug)]
pub(crate) struct Sums {
    rows: Box<[Mutex<Row>]>,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums { rows: (0..SUMS_MAX / NEIGHBOURS).map(|_| Mutex::new([None; NEIGHBOURS])).collect() }
    }
}

impl Sums {
    /// Remembers the sum of a message.
    pub(crate) fn keep(&self, place: Place, sum: Sum) {
        let (row, column) = self.find(place);
        row.lock()[column] = Some((place, sum));
    }

    /// The sum of a message, if it is remembered.
    pub(crate) fn get(&self, place: Place) -> Option<Sum> {
        let (row, column) = self.find(place);
        let (known, sum) = row.lock()[column]?;
        (known == place).then_some(sum)
    }

    fn find(&self, Place { stream, log, offset }: Place) -> (&Mutex<Row>, usize) {
        // Universal ids are random, so that streams lie apart.
        let from = stream.0 as usize ^ (log as usize).wrapping_mul(0x9e37_79b9);
        let at = from.wrapping_add(offset.0 as usize);
        (&self.rows[at / NEIGHBOURS % self.rows.len()], at % NEIGHBOURS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: u64) -> Place {
        Place { stream: StreamUid(0x1234_5678_9abc), log: 3, offset: Offset(offset) }
    }

    #[test]
    fn a_sum_is_remembered_for_its_message_and_for_no_other() {
        let sums = Sums::default();
        sums.keep(place(7), [7; 16]);
        assert_eq!(sums.get(place(7)), Some([7; 16]));
        for other in [
            place(8),
            place(7 + SUMS_MAX as u64),
            Place { log: 4, ..place(7) },
            Place { stream: StreamUid(1), ..place(7) },
        ] {
            assert_eq!(sums.get(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_newest_of_one_log_are_remembered_whatever_was_before() {
        let sums = Sums::default();
        for offset in 0..3 * SUMS_MAX as u64 {
            sums.keep(place(offset), [offset as u8; 16]);
        }
        for offset in 2 * SUMS_MAX as u64..3 * SUMS_MAX as u64 {
            assert_eq!(sums.get(place(offset)), Some([offset as u8; 16]));
            assert_eq!(sums.get(place(offset - SUMS_MAX as u64)), None);
        }
    }
}
