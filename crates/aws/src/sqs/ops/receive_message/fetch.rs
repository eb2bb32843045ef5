//! Finding the records that were acquired, in batches that hold others as well.
//!
//! Apart because it is about offsets and bytes and nothing of SQS: which reads to make, what each of them shows, and what
//! becomes of records that are not there.

use super::show::Found;
use crate::sqs::errors::SqsError;
use crate::sqs::message::NameFilter;
use crate::sqs::opened::Opened;
use crate::sqs::translate::Message;
use bytes::{Bytes, BytesMut};
use millstream_core::lease::{Acquired, AcquiredRecord, Action, LeaseRef};
use millstream_front::steps::ReadResult;
use millstream_front::{ReadError, ReadSlice};
use millstream_types::batch::BatchHeader;
use millstream_types::{EngineTime, LogId, Offset, StreamId};

/// Bytes that a read of several records asks for at most. A larger batch comes whole.
const READ_BYTES_MAX: u64 = 64 << 10;
/// Asks for the batch that holds a record, and no other.
const ONE_BATCH: u32 = 1;
/// Records at most so far apart are read together: messages lie close to each other unless groups are picked apart.
const NEIGHBOURS: u64 = 16;
/// Content of one reply, beyond which messages are left for the next: as much as ten of Amazon's largest.
const REPLY_BYTES_MAX: u64 = 10 << 20;

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
    /// known. `record_bytes` is about how long a log's records are: what is not there after a read that was too short is
    /// read next, and what is read beyond is fetched and checked for nothing.
    pub(super) fn reads(&self, stream: StreamId, record_bytes: impl Fn(LogId) -> u64) -> Vec<Read> {
        let missing = self.wanted.iter().filter(|(_, fate)| matches!(fate, Fate::Missing));
        let mut places: Vec<(u32, Offset)> = missing.map(|(record, _)| (record.log, record.offset)).collect();
        places.sort_unstable();
        let mut runs: Vec<(u32, Offset, Offset)> = Vec::new();
        for (index, offset) in places {
            match runs.last_mut() {
                Some((log, _, last)) if *log == index && offset.0 - last.0 <= NEIGHBOURS => *last = offset,
                _ => runs.push((index, offset, offset)),
            }
        }
        let read = |(index, first, last): (u32, Offset, Offset)| {
            let log = LogId { stream, index };
            let bytes = match last.0 - first.0 {
                0 => ONE_BATCH,
                // A quarter more, since no record is as long as all are on average.
                between => {
                    let expected = record_bytes(log).saturating_mul(between + 1).saturating_mul(5) / 4;
                    u32::try_from(expected.min(READ_BYTES_MAX)).unwrap_or(ONE_BATCH)
                }
            };
            (log, first, bytes.max(ONE_BATCH))
        };
        runs.into_iter().map(read).collect()
    }

    /// Takes what a read gave.
    pub(super) fn take(
        &mut self,
        (log, from, _): Read,
        result: ReadResult,
        filter: &NameFilter,
        opened: &Opened,
    ) {
        match result {
            Ok(slice) if slice.next_offset <= from => self.give_rest_back(),
            Ok(slice) => self.search(log, from, slice, filter, opened),
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
        self.give_rest_back();
    }

    /// Gives back everything that has not been found.
    fn give_rest_back(&mut self) {
        for (_, fate) in &mut self.wanted {
            if matches!(fate, Fate::Missing) {
                *fate = Fate::Back;
            }
        }
    }

    /// Gives back everything, what has been found too: nobody is there to get it.
    pub(super) fn give_all_back(&mut self) {
        for (_, fate) in &mut self.wanted {
            if matches!(fate, Fate::Missing | Fate::Found(_)) {
                *fate = Fate::Back;
            }
        }
    }

    fn search(&mut self, log: LogId, from: Offset, slice: ReadSlice, filter: &NameFilter, opened: &Opened) {
        let mut rest = Bytes::new();
        for chunk in slice.chunks {
            rest = if rest.is_empty() { chunk } else { joined(&rest, &chunk) };
            // A batch that has only begun goes on in the next chunk.
            while let Ok(header) = BatchHeader::parse(&rest)
                && header.total_bytes() <= rest.len()
            {
                let bytes = rest.split_to(header.total_bytes());
                self.search_batch(log, &header, &bytes, filter, opened);
            }
        }
        self.settle_missing(log, from, slice.next_offset);
    }

    fn search_batch(
        &mut self,
        log: LogId,
        header: &BatchHeader,
        bytes: &Bytes,
        filter: &NameFilter,
        opened: &Opened,
    ) {
        let (Some(first), Some(last)) = (header.base_offset(), header.last_offset()) else { return };
        let is_wanted = |record: &AcquiredRecord, fate: &Fate| {
            let here = record.log == log.index && (first..=last).contains(&record.offset);
            here && matches!(fate, Fate::Missing)
        };
        let wanted = self.wanted.iter().filter(|(record, fate)| is_wanted(record, fate));
        let offsets = wanted.map(|(record, _)| record.offset);
        let Some((least, most)) = offsets.clone().min().zip(offsets.max()) else { return };
        if header.is_control() {
            return;
        }
        let Ok(batch) = opened.open(log, header, bytes) else { return };
        for record in batch.iter() {
            let Ok(record) = record else { return };
            let offset = first.advance(u64::from(record.offset_delta));
            if offset < least {
                continue;
            }
            if offset > most {
                return;
            }
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
            self.give_rest_back();
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

/// Two chunks as one piece; nearly always a batch is in one.
fn joined(one: &Bytes, other: &Bytes) -> Bytes {
    let mut joined = BytesMut::with_capacity(one.len() + other.len());
    joined.extend_from_slice(one);
    joined.extend_from_slice(other);
    joined.freeze()
}
