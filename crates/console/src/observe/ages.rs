//! How old a record is: the time of the batch that it is in.
//!
//! Apart because this is the only thing for which a look reads records. It reads a batch for each oldest record that it has not
//! seen there before, so many of them in one look, and the others in the next ones.

use millstream_front::Backend;
use millstream_types::{LogId, Offset, RecordTime};
use std::collections::BTreeMap;

/// Batches that one look reads.
const READ_MAX: usize = 256;

/// The times of the records at some places, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Ages {
    known: BTreeMap<(LogId, Offset), RecordTime>,
    /// Those of the look at hand; all others are forgotten after it.
    asked: BTreeMap<(LogId, Offset), RecordTime>,
    read: usize,
}

impl Ages {
    /// A new look begins.
    pub(super) fn begin(&mut self) {
        self.known = std::mem::take(&mut self.asked);
        self.read = 0;
    }

    /// The time of the first record at or after a place; `None` when there is none, or it cannot be read in this look.
    pub(super) fn time(&mut self, backend: &dyn Backend, log: LogId, offset: Offset) -> Option<RecordTime> {
        let place = (log, offset);
        let known = self.asked.get(&place).or_else(|| self.known.get(&place)).copied();
        let time = match known {
            Some(time) => time,
            None if self.read >= READ_MAX => return None,
            None => {
                self.read += 1;
                backend.log(log)?.time_at(offset)?
            }
        };
        self.asked.insert(place, time);
        Some(time)
    }
}
