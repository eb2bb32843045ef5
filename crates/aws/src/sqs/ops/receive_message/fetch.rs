//! Finding the records that were acquired, in batches that hold others as well.
//!
//! Apart because it is about offsets and bytes and nothing of SQS: which reads to make, what each of them shows, and what
//! becomes of records that are not there.

use super::show::Found;
use crate::sqs::errors::SqsError;
use crate::sqs::message::NameFilter;
use crate::sqs::translate::Message;
use crate::step::ReadResult;
use bytes::{Bytes, BytesMut};
use millstream_core::lease::{Acquired, AcquiredRecord, Action, LeaseRef};
use millstream_front::{ReadError, ReadSlice};
use millstream_types::batch::{self, BatchHeader, OpenLimits};
use millstream_types::{EngineTime, LogId, Offset, StreamId};

/// Bytes that a read of several records asks for: ten messages of the usual size. A larger batch comes whole.
const READ_BYTES: u32 = 64 << 10;
/// Asks for the batch that holds a record, and no other.
const ONE_BATCH: u32 = 1;
/// Records at most so far apart are read together: messages lie close to each other unless groups are picked apart.
const NEIGHBOURS: u64 = 16;
/// Content of one reply, beyond which messages are left for the next: as much as ten of Amazon's largest.
const REPLY_BYTES_MAX: u64 = 10 << 20;
/// A batch that was compressed may grow to this: 128 MiB, as the largest batch.
const OPEN_BYTES_MAX: usize = 128 << 20;

/// A read: the log, the first offset, and how many bytes.
pub(super) type Read = (LogId, Offset, u32);

/// The records of one acquire.
pub(super) struct Fetch {
    received: EngineTime,
    wanted: Vec<(AcquiredRecord, Fate)>,
    /// Content found so far.
    bytes: u64,
    /// A read failed: nothing more is looked for.
    failure: Option<SqsError>,
}

/// What became of a record.
enum Fate {
    /// It has to be looked for.
    Missing,
    Found(Box<Found>),
    /// There is no such record.
    Absent,
    /// It is given back undelivered.
    Back,
}

impl Fetch {
    pub(super) fn new(acquired: Acquired) -> Fetch {
        let wanted = acquired.records.into_iter().map(|record| (record, Fate::Missing)).collect();
        Fetch { received: acquired.now, wanted, bytes: 0, failure: None }
    }

    /// The reads to make next, for all records that have to be looked for: one for each run of neighbours. None: all is
    /// known.
    pub(super) fn reads(&self, stream: StreamId) -> Vec<Read> {
        let missing = self.wanted.iter().filter(|(_, fate)| matches!(fate, Fate::Missing));
        let mut places: Vec<(u32, Offset)> = missing.map(|(record, _)| (record.log, record.offset)).collect();
        places.sort_unstable();
        let mut reads: Vec<Read> = Vec::new();
        let mut before: Option<(u32, Offset)> = None;
        for (index, offset) in places {
            let joins = before.is_some_and(|(log, last)| log == index && offset.0 - last.0 <= NEIGHBOURS);
            match reads.last_mut() {
                Some((_, _, bytes)) if joins => *bytes = READ_BYTES,
                _ => reads.push((LogId { stream, index }, offset, ONE_BATCH)),
            }
            before = Some((index, offset));
        }
        reads
    }

    /// Takes what a read gave.
    pub(super) fn take(&mut self, (log, from, _): Read, result: ReadResult, filter: &NameFilter) {
        match result {
            Ok(slice) if slice.next_offset <= from => self.give_all_back(),
            Ok(slice) => self.search(log, from, slice, filter),
            // It went away after it was acquired: retention, or someone who trimmed the log.
            Err(ReadError::OutOfRange) => self.settle_missing(log, from, from.advance(1)),
            Err(ReadError::Deleted) => self.fail(SqsError::QueueDoesNotExist),
            Err(ReadError::Corrupt) => {
                self.fail(SqsError::Unavailable("Stored data is damaged; the broker's log says which."));
            }
            Err(ReadError::Failed) => self.fail(SqsError::Internal),
        }
    }

    fn fail(&mut self, error: SqsError) {
        self.failure = Some(error);
        self.give_all_back();
    }

    /// Gives back everything that has not been found, and what has been found if nobody is there to get it.
    pub(super) fn give_all_back(&mut self) {
        for (_, fate) in &mut self.wanted {
            if matches!(fate, Fate::Missing) {
                *fate = Fate::Back;
            }
        }
    }

    fn search(&mut self, log: LogId, from: Offset, slice: ReadSlice, filter: &NameFilter) {
        let next = slice.next_offset;
        for batch in batch::split_batches(joined(slice)) {
            // Batches were checked when they came in; the first that cannot be read ends what can be found.
            let Ok((header, bytes)) = batch else { break };
            self.search_batch(log, &header, &bytes, filter);
        }
        self.settle_missing(log, from, next);
    }

    fn search_batch(&mut self, log: LogId, header: &BatchHeader, bytes: &Bytes, filter: &NameFilter) {
        let (Some(first), Some(last)) = (header.base_offset(), header.last_offset()) else { return };
        let is_wanted = |record: &AcquiredRecord, fate: &Fate| {
            let here = record.log == log.index && (first..=last).contains(&record.offset);
            here && matches!(fate, Fate::Missing)
        };
        if header.is_control() || !self.wanted.iter().any(|(record, fate)| is_wanted(record, fate)) {
            return;
        }
        let Ok(opened) = batch::open(bytes, OpenLimits { body_bytes_max: OPEN_BYTES_MAX }) else { return };
        for record in opened.iter() {
            let Ok(record) = record else { return };
            let offset = first.advance(u64::from(record.offset_delta));
            let known = self
                .wanted
                .iter()
                .position(|(wanted, fate)| wanted.offset == offset && is_wanted(wanted, fate));
            if let Some(index) = known {
                self.found(index, Found::new(self.wanted[index].0, Message::of(&record), filter));
            }
        }
    }

    fn found(&mut self, index: usize, found: Found) {
        let fits = self.bytes == 0 || self.bytes + found.bytes() <= REPLY_BYTES_MAX;
        if fits {
            self.bytes += found.bytes();
            self.wanted[index].1 = Fate::Found(Box::new(found));
        } else {
            self.give_all_back();
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
        self.failure.is_none()
            && self.wanted.iter().all(|(_, fate)| !matches!(fate, Fate::Back | Fate::Missing))
    }

    /// What was found, with the time of the receive.
    ///
    /// # Errors
    /// The failure, if there is nothing else to answer with.
    pub(super) fn into_found(self) -> Result<(EngineTime, Vec<Found>), SqsError> {
        let found: Vec<Found> = self
            .wanted
            .into_iter()
            .filter_map(|(_, fate)| match fate {
                Fate::Found(found) => Some(*found),
                Fate::Missing | Fate::Absent | Fate::Back => None,
            })
            .collect();
        match self.failure {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok((self.received, found)),
        }
    }
}

/// A slice's chunks as one piece; nearly always it is one already.
fn joined(slice: ReadSlice) -> Bytes {
    let mut chunks = slice.chunks;
    if chunks.len() == 1 {
        return chunks.remove(0);
    }
    let mut joined = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
    joined.freeze()
}
