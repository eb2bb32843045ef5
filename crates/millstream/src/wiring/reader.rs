//! A storage read view as the log reader of fronts.
//!
//! Apart because it translates results and errors and nothing else.

use super::traced::Traced;
use millstream_front::backend::{
    Blocking, LogReader, ReadError, ReadOutcome, ReadSlice, Traffic, WatchGuard,
};
use millstream_storage::{LogView, ReadMode};
use millstream_types::{Offset, RecordTime};
use std::sync::Arc;
use std::task::Waker;

pub(super) struct ViewReader {
    view: Arc<LogView>,
    /// The bit of whoever reads.
    reader: u32,
    /// Who follows records, if somebody does.
    traced: Option<Traced>,
}

impl ViewReader {
    pub(super) fn new(view: Arc<LogView>, reader: u32, traced: Option<Traced>) -> ViewReader {
        ViewReader { view, reader, traced }
    }
}

impl LogReader for ViewReader {
    fn log_start(&self) -> Offset {
        self.view.log_start()
    }

    fn high_watermark(&self) -> Offset {
        self.view.high_watermark()
    }

    fn last_stable_offset(&self) -> Offset {
        self.view.last_stable()
    }

    fn bytes(&self) -> u64 {
        self.view.bytes()
    }

    fn bytes_from(&self, from: Offset, enough_bytes: u64) -> u64 {
        self.view.bytes_from(from, enough_bytes)
    }

    fn traffic(&self) -> Traffic {
        let traffic = self.view.traffic();
        Traffic {
            bytes_in: traffic.appended_bytes,
            bytes_out: traffic.served_bytes,
            records_out: traffic.served_offsets,
        }
    }

    fn take_readers(&self) -> u32 {
        self.view.take_readers()
    }

    fn read(&self, from: Offset, max_bytes: u32, blocking: Blocking) -> Result<ReadOutcome, ReadError> {
        let outcome = self.read_unseen(from, max_bytes, blocking)?;
        if let ReadOutcome::Data(slice) = &outcome {
            self.view.note_reader(self.reader);
            self.view.count_served(slice.next_offset.0.saturating_sub(from.0), slice.bytes as u64);
            if let Some(traced) = &self.traced {
                traced.delivered(self.view.log(), slice);
            }
        }
        Ok(outcome)
    }

    fn time_at(&self, offset: Offset) -> Option<RecordTime> {
        let from = offset.max(self.view.log_start());
        self.read_unseen(from, 1, Blocking::Allowed).ok()?.first_time()
    }

    fn batch_from_time(&self, time: RecordTime) -> Option<Offset> {
        let candidate = self.view.time_candidate(time, self.view.log_start())?;
        Some(candidate.from)
    }

    fn max_timestamp(&self) -> Option<(RecordTime, Offset)> {
        self.view.max_timestamp()
    }

    fn watch(&self, waker: &Waker) -> WatchGuard {
        WatchGuard::new(self.view.watch(waker))
    }
}

impl ViewReader {
    /// Reads, and counts it nowhere.
    fn read_unseen(
        &self,
        from: Offset,
        max_bytes: u32,
        blocking: Blocking,
    ) -> Result<ReadOutcome, ReadError> {
        let mode = match blocking {
            Blocking::Never => ReadMode::CachedOnly,
            Blocking::Allowed => ReadMode::MayBlock,
        };
        let outcome = self.view.read(from, max_bytes, mode).map_err(|error| translate(&error))?;
        Ok(match outcome {
            millstream_storage::ReadOutcome::WouldBlock => ReadOutcome::WouldBlock,
            millstream_storage::ReadOutcome::AtEnd => {
                ReadOutcome::Data(ReadSlice { next_offset: from, ..ReadSlice::default() })
            }
            millstream_storage::ReadOutcome::Batches(batches) => {
                let next_offset = batches.last().map_or(from, |batch| batch.last_offset.advance(1));
                let mut bytes = 0;
                // Nearly all batches are in one piece; there may be a thousand.
                let mut chunks = Vec::with_capacity(batches.len());
                for batch in batches {
                    bytes += batch.bytes();
                    if !batch.head.is_empty() {
                        chunks.push(batch.head);
                    }
                    chunks.push(batch.rest);
                }
                ReadOutcome::Data(ReadSlice { chunks, bytes, next_offset })
            }
        })
    }
}

/// A client is told the kind; what names a file is for the operator.
fn translate(error: &millstream_storage::ReadError) -> ReadError {
    match error {
        millstream_storage::ReadError::OutOfRange { .. } => ReadError::OutOfRange,
        millstream_storage::ReadError::Revoked => ReadError::Deleted,
        millstream_storage::ReadError::Corrupt { .. } => {
            tracing::error!(%error, "stored records are damaged and are not served");
            ReadError::Corrupt
        }
        millstream_storage::ReadError::Io { .. } => {
            tracing::error!(%error, "stored records cannot be read");
            ReadError::Failed
        }
    }
}
