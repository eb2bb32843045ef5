//! Finding records at places that are known, in batches that hold others as well.
//!
//! Apart because it is about offsets and bytes alone: which reads to make, what each of them shows, and what becomes of
//! records that are not there. Whoever receives records and whoever looks at dead letters needs the same.

use crate::errors::Problem;
use crate::limits::{ANSWER_BYTES_MAX, READ_BYTES};
use crate::scan::{At, read_problem, walk};
use crate::translate::ShownRecord;
use core::ops::ControlFlow;
use millstream_front::ReadError;
use millstream_front::steps::{Place, ReadResult};
use millstream_types::{LogId, Offset, StreamId};
use std::sync::Arc;

/// Which of the records that are found are wanted.
pub(crate) type Keep = Box<dyn Fn(&ShownRecord) -> bool + Send>;

/// What became of a place.
pub(crate) enum Fate {
    /// It has to be looked at.
    Missing,
    /// There is a record that is wanted.
    Found(Box<ShownRecord>),
    /// There is one that is not.
    Unwanted,
    /// There is no record.
    Absent,
    /// It was not looked at, or its record does not fit into the answer: later.
    Later,
}

/// Places of a stream's records, and what became of each.
pub(crate) struct Lookup {
    stream: Arc<str>,
    places: Vec<(At, Fate)>,
    keep: Keep,
    /// Content found so far.
    bytes: usize,
    /// A read failed: nothing more is looked for.
    failure: Option<Problem>,
}

impl Lookup {
    /// A look at places of the stream of this name.
    pub(crate) fn new(stream: Arc<str>, places: impl Iterator<Item = At>, keep: Keep) -> Lookup {
        let places = places.map(|place| (place, Fate::Missing)).collect();
        Lookup { stream, places, keep, bytes: 0, failure: None }
    }

    /// The reads to make next: one for each log that has places to look at, from the first of them on. None: all is known.
    pub(crate) fn reads(&self, stream: StreamId) -> Vec<Place> {
        let mut reads: Vec<Place> = Vec::new();
        for ((index, offset), _) in self.places.iter().filter(|(_, fate)| matches!(fate, Fate::Missing)) {
            match reads.iter_mut().find(|(log, _, _)| log.index == *index) {
                Some((_, from, _)) => *from = (*from).min(*offset),
                None => reads.push((LogId { stream, index: *index }, *offset, READ_BYTES)),
            }
        }
        reads
    }

    /// Takes what a read gave.
    pub(crate) fn take(&mut self, (log, from, _): Place, result: ReadResult) {
        match result {
            // Nothing came although there is something: memory is short.
            Ok(slice) if slice.next_offset <= from => self.leave_missing(),
            Ok(slice) => {
                let next = slice.next_offset;
                let walked = walk(slice, from, |offset, record| {
                    let is_it =
                        |(at, fate): &(At, Fate)| *at == (log.index, offset) && matches!(fate, Fate::Missing);
                    if let Some(place) = self.places.iter().position(is_it) {
                        let shown = Box::new(ShownRecord::new(log.index, offset, record));
                        self.places[place].1 = self.judge(shown, ShownRecord::content_bytes(record));
                    }
                    ControlFlow::Continue(())
                });
                match walked {
                    Ok(_) => self.miss(log, from, next),
                    Err(problem) => self.fail(problem),
                }
            }
            // It went away after its place was told: retention, or someone who trimmed the log.
            Err(ReadError::OutOfRange) => self.miss(log, from, from.advance(1)),
            Err(error) => self.fail(read_problem(error, &self.stream)),
        }
    }

    fn judge(&mut self, shown: Box<ShownRecord>, bytes: usize) -> Fate {
        if !(self.keep)(&shown) {
            return Fate::Unwanted;
        }
        if self.bytes > 0 && self.bytes + bytes > ANSWER_BYTES_MAX {
            return Fate::Later;
        }
        self.bytes += bytes;
        Fate::Found(shown)
    }

    fn fail(&mut self, problem: Problem) {
        self.failure = Some(problem);
        self.leave_missing();
    }

    /// Looks at nothing more.
    pub(crate) fn leave_missing(&mut self) {
        for (_, fate) in self.places.iter_mut().filter(|(_, fate)| matches!(fate, Fate::Missing)) {
            *fate = Fate::Later;
        }
    }

    /// What was looked for in vain between two offsets is not there.
    fn miss(&mut self, log: LogId, from: Offset, to: Offset) {
        for ((index, offset), fate) in &mut self.places {
            let searched = *index == log.index && (from..to).contains(offset);
            if searched && matches!(fate, Fate::Missing) {
                *fate = Fate::Absent;
            }
        }
    }

    /// What became of each place, in the order in which they were given; and what went wrong, if something did.
    pub(crate) fn into_fates(self) -> (Vec<Fate>, Option<Problem>) {
        (self.places.into_iter().map(|(_, fate)| fate).collect(), self.failure)
    }
}
