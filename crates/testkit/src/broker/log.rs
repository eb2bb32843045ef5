//! A log in memory: whole batches with their offsets.
//!
//! Apart because it is all that is stored, and readers see it without asking the broker, as they see a read view.

use bytes::Bytes;
use millstream_front::backend::Blocking;
use millstream_front::{LogReader, ReadError, ReadOutcome, ReadSlice, WatchGuard};
use millstream_types::{Offset, RecordTime};
use parking_lot::Mutex;
use std::task::Waker;

#[derive(Default)]
pub(super) struct MemoryLog(Mutex<Data>);

#[derive(Default)]
struct Data {
    start: Offset,
    end: Offset,
    batches: Vec<Stored>,
}

/// A batch, and what its facts say of it.
pub(super) struct Stored {
    pub(super) base: Offset,
    pub(super) next: Offset,
    pub(super) max_timestamp: RecordTime,
    pub(super) bytes: Bytes,
}

impl MemoryLog {
    pub(super) fn append(&self, batch: Stored) {
        let mut data = self.0.lock();
        data.end = batch.next;
        data.batches.push(batch);
    }

    /// Lets go of the batch that begins at `base`.
    pub(super) fn forget(&self, base: Offset) {
        self.0.lock().batches.retain(|batch| batch.base != base);
    }

    pub(super) fn trim(&self, start: Offset) {
        let mut data = self.0.lock();
        data.start = start;
        data.batches.retain(|batch| batch.next > start);
    }
}

impl LogReader for MemoryLog {
    fn log_start(&self) -> Offset {
        self.0.lock().start
    }

    fn high_watermark(&self) -> Offset {
        self.0.lock().end
    }

    fn last_stable_offset(&self) -> Offset {
        self.high_watermark()
    }

    fn bytes(&self) -> u64 {
        self.bytes_from(Offset::ZERO, u64::MAX)
    }

    fn bytes_from(&self, from: Offset, _enough_bytes: u64) -> u64 {
        let data = self.0.lock();
        data.batches.iter().filter(|batch| batch.next > from).map(|batch| batch.bytes.len() as u64).sum()
    }

    fn read(&self, from: Offset, max_bytes: u32, _blocking: Blocking) -> Result<ReadOutcome, ReadError> {
        let data = self.0.lock();
        if from < data.start || from > data.end {
            return Err(ReadError::OutOfRange);
        }
        let mut slice = ReadSlice { next_offset: from, ..Default::default() };
        for batch in data.batches.iter().filter(|batch| batch.next > from) {
            if slice.bytes > 0 && slice.bytes + batch.bytes.len() > max_bytes as usize {
                break;
            }
            slice.bytes += batch.bytes.len();
            slice.next_offset = batch.next;
            slice.chunks.push(batch.bytes.clone());
        }
        Ok(ReadOutcome::Data(slice))
    }

    fn batch_from_time(&self, time: RecordTime) -> Option<Offset> {
        self.0.lock().batches.iter().find(|batch| batch.max_timestamp >= time).map(|batch| batch.base)
    }

    fn max_timestamp(&self) -> Option<(RecordTime, Offset)> {
        let data = self.0.lock();
        let latest = data.batches.iter().rev().max_by_key(|batch| batch.max_timestamp)?;
        Some((latest.max_timestamp, latest.base))
    }

    /// Whoever drives a session in a test looks at what it watches each time: nobody has to be woken.
    fn watch(&self, _waker: &Waker) -> WatchGuard {
        WatchGuard::new(())
    }
}
