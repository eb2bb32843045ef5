//! Finding the records that were acquired.
//!
//! Apart because it is about offsets and bytes alone: which reads to make, what each of them shows, and what becomes of
//! records that are not there.

use crate::errors::Problem;
use crate::limits::{ANSWER_BYTES_MAX, READ_BYTES};
use crate::scan::{read_problem, walk};
use crate::translate::ShownRecord;
use core::ops::ControlFlow;
use millstream_core::lease::{Acquired, AcquiredRecord, Action, LeaseRef};
use millstream_front::ReadError;
use millstream_front::steps::{Place, ReadResult};
use millstream_types::{EngineTime, LogId, Offset, StreamId};
use std::sync::Arc;

/// The records of one acquire.
pub(super) struct Fetch {
    deadline: Option<EngineTime>,
    wanted: Vec<(AcquiredRecord, Fate)>,
    /// Content found so far.
    bytes: usize,
    /// A read failed: nothing more is looked for.
    failure: Option<Problem>,
    /// The stream's name.
    stream: Arc<str>,
}

/// A record that was found, with its lease.
pub(super) type Found = (AcquiredRecord, ShownRecord);

/// What became of a record.
enum Fate {
    /// It has to be looked for.
    Missing,
    Found(Box<ShownRecord>),
    /// There is no such record.
    Absent,
    /// It is given back undelivered.
    Back,
}

impl Fetch {
    pub(super) fn new(acquired: Acquired, stream: Arc<str>) -> Fetch {
        let wanted = acquired.records.into_iter().map(|record| (record, Fate::Missing)).collect();
        Fetch { deadline: acquired.deadline, wanted, bytes: 0, failure: None, stream }
    }

    /// The reads to make next: one for each log that has records to look for, from the first of them on. None: all is known.
    pub(super) fn reads(&self, stream: StreamId) -> Vec<Place> {
        let mut reads: Vec<Place> = Vec::new();
        for (record, fate) in &self.wanted {
            if !matches!(fate, Fate::Missing) {
                continue;
            }
            match reads.iter_mut().find(|(log, _, _)| log.index == record.log) {
                Some((_, from, _)) => *from = (*from).min(record.offset),
                None => reads.push((LogId { stream, index: record.log }, record.offset, READ_BYTES)),
            }
        }
        reads
    }

    /// Takes what a read gave.
    pub(super) fn take(&mut self, (log, from, _): Place, result: ReadResult) {
        match result {
            // Nothing came although there is something: memory is short.
            Ok(slice) if slice.next_offset <= from => self.give_back_missing(),
            Ok(slice) => {
                let next = slice.next_offset;
                let walked = walk(slice, from, |offset, record| {
                    let is_wanted = |(wanted, fate): &(AcquiredRecord, Fate)| {
                        wanted.log == log.index && wanted.offset == offset && matches!(fate, Fate::Missing)
                    };
                    if let Some(index) = self.wanted.iter().position(is_wanted) {
                        let bytes = ShownRecord::content_bytes(record);
                        let fits = self.bytes == 0 || self.bytes + bytes <= ANSWER_BYTES_MAX;
                        self.bytes += if fits { bytes } else { 0 };
                        let shown = || Box::new(ShownRecord::new(log.index, offset, record));
                        self.wanted[index].1 = if fits { Fate::Found(shown()) } else { Fate::Back };
                    }
                    ControlFlow::Continue(())
                });
                match walked {
                    Ok(_) => self.settle_missing(log, from, next),
                    Err(problem) => self.fail(problem),
                }
            }
            // It went away after it was acquired: retention, or someone who trimmed the log.
            Err(ReadError::OutOfRange) => self.settle_missing(log, from, from.advance(1)),
            Err(error) => self.fail(read_problem(error, &self.stream)),
        }
    }

    fn fail(&mut self, problem: Problem) {
        self.failure = Some(problem);
        self.give_back_missing();
    }

    fn give_back_missing(&mut self) {
        for (_, fate) in &mut self.wanted {
            if matches!(fate, Fate::Missing) {
                *fate = Fate::Back;
            }
        }
    }

    /// Gives back everything, for nobody is there to get it.
    pub(super) fn give_back_all(&mut self) {
        for (_, fate) in &mut self.wanted {
            if matches!(fate, Fate::Missing | Fate::Found(_)) {
                *fate = Fate::Back;
            }
        }
    }

    /// What was looked for in vain between two offsets is not there.
    fn settle_missing(&mut self, log: LogId, from: Offset, to: Offset) {
        for (record, fate) in &mut self.wanted {
            let searched = record.log == log.index && (from..to).contains(&record.offset);
            if searched && matches!(fate, Fate::Missing) {
                *fate = Fate::Absent;
            }
        }
    }

    /// What becomes of the leases of records that are not answered with.
    pub(super) fn unanswered(&self) -> Vec<(LeaseRef, Action)> {
        let action = |fate: &Fate| match fate {
            Fate::Missing | Fate::Back => Some(Action::Release { delay_ms: 0, delivered: false }),
            Fate::Absent => Some(Action::Absent),
            Fate::Found(_) => None,
        };
        let leases = self.wanted.iter().filter_map(|(record, fate)| {
            let AcquiredRecord { log, offset, lease, .. } = *record;
            Some((LeaseRef { log, offset, lease }, action(fate)?))
        });
        leases.collect()
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        !self.wanted.iter().any(|(_, fate)| matches!(fate, Fate::Found(_)))
    }

    /// Whether everything was looked for, and nothing failed.
    pub(super) fn is_whole(&self) -> bool {
        let is_open = |fate: &Fate| matches!(fate, Fate::Back | Fate::Missing);
        self.failure.is_none() && !self.wanted.iter().any(|(_, fate)| is_open(fate))
    }

    /// What was found, with the end of its leases.
    ///
    /// # Errors
    /// The failure, if there is nothing else to answer with.
    pub(super) fn into_found(self) -> Result<(Option<EngineTime>, Vec<Found>), Problem> {
        let found = self.wanted.into_iter().filter_map(|(record, fate)| match fate {
            Fate::Found(shown) => Some((record, *shown)),
            Fate::Missing | Fate::Absent | Fate::Back => None,
        });
        let found: Vec<Found> = found.collect();
        match self.failure {
            Some(problem) if found.is_empty() => Err(problem),
            _ => Ok((self.deadline, found)),
        }
    }
}
