//! Batches that were decompressed a moment ago.
//!
//! Apart because a producer of another protocol puts a thousand records into one compressed batch, and receivers take ten
//! at a time: without this each of them would decompress all of it. What is here is a copy of what is stored, found by
//! its log, its offset and its checksum, so that a batch which compaction has written anew is another one.

use bytes::Bytes;
use millstream_types::batch::{self, BatchError, BatchHeader, Compression, OpenBatch, OpenLimits};
use millstream_types::{LogId, Offset};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// A batch that was compressed may grow to this: 128 MiB, as the largest batch.
const OPEN_BYTES_MAX: usize = 128 << 20;
/// Bytes that are kept altogether: those of a few batches as producers make them, of one each for some busy queues.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// A larger batch is not kept: it would push out all others.
const KEPT_ONE_BYTES_MAX: usize = 4 << 20;
/// Batches that are kept: they are looked for one after the other.
const KEPT_MAX: usize = 64;

const _: () = assert!(KEPT_ONE_BYTES_MAX <= KEPT_BYTES_MAX / 4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    log: LogId,
    base: Option<Offset>,
    checksum: u32,
}

/// The batches, those that were used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<(Key, OpenBatch)>,
    bytes: usize,
}

impl Opened {
    /// A batch of a log, opened; not decompressed again if that was done a moment ago.
    ///
    /// # Errors
    /// Those of [`batch::open`].
    pub(crate) fn open(
        &self,
        log: LogId,
        header: &BatchHeader,
        bytes: &Bytes,
    ) -> Result<OpenBatch, BatchError> {
        let limits = OpenLimits { body_bytes_max: OPEN_BYTES_MAX };
        if header.compression() == Compression::None {
            return batch::open(bytes, limits);
        }
        let key = Key { log, base: header.base_offset(), checksum: header.checksum() };
        if let Some(batch) = self.kept.lock().find(key) {
            return Ok(batch);
        }
        // Two who open the same at the same time both do the work; nobody waits for the other's.
        let opened = batch::open(bytes, limits)?;
        if opened.body().len() <= KEPT_ONE_BYTES_MAX {
            self.kept.lock().keep(key, opened.clone());
        }
        Ok(opened)
    }
}

impl Kept {
    fn find(&mut self, key: Key) -> Option<OpenBatch> {
        let place = self.batches.iter().rposition(|(known, _)| *known == key)?;
        let found = self.batches.remove(place)?;
        let batch = found.1.clone();
        self.batches.push_back(found);
        Some(batch)
    }

    fn keep(&mut self, key: Key, batch: OpenBatch) {
        if self.find(key).is_some() {
            return;
        }
        self.bytes += batch.body().len();
        self.batches.push_back((key, batch));
        while self.bytes > KEPT_BYTES_MAX || self.batches.len() > KEPT_MAX {
            let (_, oldest) = self.batches.pop_front().expect("what was just kept alone fits");
            self.bytes -= oldest.body().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_types::batch::BatchBuilder;
    use millstream_types::{RecordTime, StreamId};

    const LOG: LogId = LogId { stream: StreamId(1), index: 0 };

    fn batch(value: &[u8], compression: Compression) -> (BatchHeader, Bytes) {
        let mut builder = BatchBuilder::new();
        builder.push(RecordTime(1), None, Some(value), &[]).unwrap();
        let bytes = builder.finish(compression).unwrap();
        (BatchHeader::parse(&bytes).unwrap(), bytes)
    }

    /// Whether two share their bytes: then one was not made anew.
    fn is_same(one: &OpenBatch, other: &OpenBatch) -> bool {
        one.body().as_ptr() == other.body().as_ptr()
    }

    #[test]
    fn a_compressed_batch_is_opened_once() {
        let opened = Opened::default();
        let (header, bytes) = batch(&[7; 1000], Compression::Zstd);
        let first = opened.open(LOG, &header, &bytes).unwrap();
        assert!(is_same(&first, &opened.open(LOG, &header, &bytes).unwrap()));
        let elsewhere = LogId { index: 1, ..LOG };
        assert!(!is_same(&first, &opened.open(elsewhere, &header, &bytes).unwrap()), "another log's");
        let (changed, changed_bytes) = batch(&[8; 1000], Compression::Zstd);
        let other = opened.open(LOG, &changed, &changed_bytes).unwrap();
        assert!(!is_same(&first, &other), "another batch at the same place");
    }

    #[test]
    fn what_needs_no_work_and_what_is_large_is_not_kept() {
        let opened = Opened::default();
        let (header, bytes) = batch(&[7; 1000], Compression::None);
        opened.open(LOG, &header, &bytes).unwrap();
        let (header, bytes) = batch(&vec![7; KEPT_ONE_BYTES_MAX + 1], Compression::Lz4);
        opened.open(LOG, &header, &bytes).unwrap();
        assert!(opened.kept.lock().batches.is_empty());
        let (header, bytes) = batch(&[7; 10], Compression::Gzip);
        let torn = bytes.slice(..bytes.len() - 1);
        assert!(opened.open(LOG, &header, &torn).is_err());
        assert!(opened.kept.lock().batches.is_empty());
    }

    #[test]
    fn the_oldest_make_room_by_bytes_and_by_number() {
        let opened = Opened::default();
        let at = |index| LogId { index, ..LOG };
        let (header, bytes) = batch(&vec![7; 1 << 20], Compression::Lz4);
        for index in 0..20 {
            opened.open(at(index), &header, &bytes).unwrap();
            opened.open(at(0), &header, &bytes).unwrap();
        }
        let logs = |opened: &Opened| -> Vec<u32> {
            opened.kept.lock().batches.iter().map(|(key, _)| key.log.index).collect()
        };
        assert_eq!(opened.kept.lock().bytes / (1 << 20), 15, "with some bytes around each");
        assert_eq!(logs(&opened)[14], 0, "what is used stays");
        assert_eq!(logs(&opened)[..14], (6..20).collect::<Vec<u32>>());
        let (header, bytes) = batch(&[7; 10], Compression::Lz4);
        for index in 100..200 {
            opened.open(at(index), &header, &bytes).unwrap();
        }
        assert_eq!(logs(&opened), (200 - KEPT_MAX as u32..200).collect::<Vec<u32>>());
        let kept: usize = opened.kept.lock().batches.iter().map(|(_, batch)| batch.body().len()).sum();
        assert_eq!(opened.kept.lock().bytes, kept);
    }
}
