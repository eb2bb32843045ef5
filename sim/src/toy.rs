//! A state machine with the least that exercises storage: logs are created, appended to, trimmed, deleted.
//!
//! Apart from the harness because the broker's core will stand beside it. Batch bytes come from a number, so that
//! the whole expected content of a log is a short list.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_storage::{Publish, ReplayedFrame};
use millstream_testkit::sim_disk::Rng;
use millstream_types::{BatchFacts, LogId, Offset, RecordTime, StreamId, WalPosition};

use crate::subject::{ExpectedLog, Step, Subject};

/// Live logs are kept to about this many.
const LOGS: usize = 6;

/// A batch, told by what makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ToyBatch {
    base: u64,
    records: u32,
    bytes: u32,
    content: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct ToyLog {
    start: u64,
    end: u64,
    batches: Vec<ToyBatch>,
}

/// The toy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Toy {
    next_stream: u64,
    logs: BTreeMap<u64, ToyLog>,
    /// While replaying: what each restored image knows already.
    known: BTreeMap<u64, WalPosition>,
}

/// What an entry does; written as six numbers.
#[derive(Clone, Copy)]
enum Entry {
    Create { stream: u64, start: u64 },
    Append { stream: u64, batch: ToyBatch },
    Trim { stream: u64, start: u64 },
    Delete { stream: u64 },
}

impl Entry {
    fn encode(self, out: &mut Vec<u8>) {
        let numbers = match self {
            Entry::Create { stream, start } => [1, stream, start, 0, 0, 0],
            Entry::Append { stream, batch: ToyBatch { base, records, bytes, content } } => {
                [2, stream, base, u64::from(records), u64::from(bytes), content]
            }
            Entry::Trim { stream, start } => [3, stream, start, 0, 0, 0],
            Entry::Delete { stream } => [4, stream, 0, 0, 0, 0],
        };
        out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn decode(numbers: &[u64]) -> Entry {
        let batch = || ToyBatch {
            base: numbers[2],
            records: numbers[3] as u32,
            bytes: numbers[4] as u32,
            content: numbers[5],
        };
        match numbers[0] {
            1 => Entry::Create { stream: numbers[1], start: numbers[2] },
            2 => Entry::Append { stream: numbers[1], batch: batch() },
            3 => Entry::Trim { stream: numbers[1], start: numbers[2] },
            4 => Entry::Delete { stream: numbers[1] },
            other => panic!("no entry has the number {other}"),
        }
    }
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    assert_eq!(bytes.len() % 8, 0, "entries and images are whole numbers");
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight bytes"))).collect()
}

fn log_id(stream: u64) -> LogId {
    LogId { stream: StreamId(stream), index: (stream % 3) as u32 }
}

/// The bytes of a batch: a valid record batch v2 header around bytes that `content` decides.
fn batch_bytes(batch: &ToyBatch) -> Vec<u8> {
    let mut bytes = vec![0; batch.bytes as usize];
    let mut rng = Rng::new(batch.content);
    for chunk in bytes[21..].chunks_mut(8) {
        chunk.copy_from_slice(&rng.next_u64().to_le_bytes()[..chunk.len()]);
    }
    bytes[8..12].copy_from_slice(&(batch.bytes - 12).to_be_bytes());
    bytes[16] = 2;
    let sum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&sum.to_be_bytes());
    bytes
}

impl Toy {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Create { stream, start } => {
                self.next_stream = self.next_stream.max(stream + 1);
                self.logs.insert(stream, ToyLog { start, end: start, batches: Vec::new() });
            }
            Entry::Append { stream, batch } => {
                if let Some(log) = self.logs.get_mut(&stream) {
                    log.batches.push(batch);
                    log.end = batch.base + u64::from(batch.records);
                }
            }
            Entry::Trim { stream, start } => {
                if let Some(log) = self.logs.get_mut(&stream) {
                    log.start = start;
                    log.batches.retain(|batch| batch.base + u64::from(batch.records) > start);
                }
            }
            Entry::Delete { stream } => {
                self.logs.remove(&stream);
            }
        }
    }

    fn any_log(&self, rng: &mut Rng) -> Option<u64> {
        let at = rng.below(self.logs.len() as u64) as usize;
        self.logs.keys().nth(at).copied()
    }

    fn add(&mut self, step: &mut Step, entry: Entry) {
        entry.encode(&mut step.entries);
        self.apply(entry);
        match entry {
            Entry::Create { stream, start } => {
                step.publish.push(Publish::Create { log: log_id(stream), start: Offset(start) });
            }
            Entry::Trim { stream, start } => {
                step.publish.push(Publish::Trim { log: log_id(stream), start: Offset(start) });
            }
            Entry::Delete { stream } => step.publish.push(Publish::Delete { log: log_id(stream) }),
            Entry::Append { .. } => {}
        }
    }
}

impl Subject for Toy {
    fn append(&mut self, rng: &mut Rng, bytes_max: usize) -> Step {
        let mut step = Step::default();
        if self.logs.len() < LOGS && rng.one_in(3) || self.logs.is_empty() {
            let entry = Entry::Create { stream: self.next_stream, start: rng.below(3) * 10 };
            self.add(&mut step, entry);
        }
        let largest = (bytes_max / 4).max(80);
        // In a fan-out all batches are the very same bytes.
        let fan_out = rng.one_in(4);
        let mut shared: Option<(Bytes, u64)> = None;
        for _ in 0..rng.below(4) {
            let stream = self.any_log(rng).expect("one was just created if there was none");
            let (bytes, content) = match &shared {
                Some((body, content)) => (body.len() as u32, *content),
                None => (61 + rng.below(largest as u64 - 61) as u32, rng.next_u64()),
            };
            let records = 1 + rng.below(5) as u32;
            let base = self.logs[&stream].end;
            let batch = ToyBatch { base, records, bytes, content };
            self.add(&mut step, Entry::Append { stream, batch });
            let facts = BatchFacts {
                log: log_id(stream),
                base_offset: Offset(base),
                records,
                last_offset_delta: records - 1,
                max_timestamp: RecordTime(base as i64),
                bytes,
            };
            let body = match &shared {
                Some((body, _)) => body.clone(),
                None => Bytes::from(batch_bytes(&batch)),
            };
            if fan_out {
                shared = Some((body.clone(), content));
            }
            step.batches.push((facts, body));
        }
        step
    }

    fn relieve(&mut self, rng: &mut Rng) -> Step {
        let mut step = Step::default();
        if let Some(stream) = self.any_log(rng) {
            let (start, end) = (self.logs[&stream].start, self.logs[&stream].end);
            if rng.one_in(5) {
                self.add(&mut step, Entry::Delete { stream });
            } else {
                let start = start + rng.below(end - start + 1);
                self.add(&mut step, Entry::Trim { stream, start });
            }
        }
        step
    }

    fn images(&self) -> usize {
        self.next_stream as usize + 1
    }

    fn image(&self, index: usize) -> Option<Vec<u8>> {
        let mut image = Vec::new();
        if index == 0 {
            image.extend_from_slice(&u64::MAX.to_le_bytes());
            image.extend_from_slice(&self.next_stream.to_le_bytes());
            return Some(image);
        }
        let stream = index as u64 - 1;
        let log = self.logs.get(&stream)?;
        for number in [stream, log.start, log.end] {
            image.extend_from_slice(&number.to_le_bytes());
        }
        for batch in &log.batches {
            for number in [batch.base, u64::from(batch.records), u64::from(batch.bytes), batch.content] {
                image.extend_from_slice(&number.to_le_bytes());
            }
        }
        Some(image)
    }

    fn restore(&mut self, stamp: WalPosition, image: &[u8]) {
        let numbers = numbers(image);
        if numbers[0] == u64::MAX {
            self.next_stream = self.next_stream.max(numbers[1]);
            return;
        }
        let batches = numbers[3..].chunks_exact(4).map(|batch| ToyBatch {
            base: batch[0],
            records: batch[1] as u32,
            bytes: batch[2] as u32,
            content: batch[3],
        });
        let log = ToyLog { start: numbers[1], end: numbers[2], batches: batches.collect() };
        self.logs.insert(numbers[0], log);
        self.known.insert(numbers[0], stamp);
    }

    fn replay(&mut self, frame: &ReplayedFrame<'_>) {
        for entry in numbers(frame.entries).chunks_exact(6).map(Entry::decode) {
            let stream = match entry {
                Entry::Create { stream, .. }
                | Entry::Append { stream, .. }
                | Entry::Trim { stream, .. }
                | Entry::Delete { stream } => stream,
            };
            // The counter's image may be older than the log's.
            if matches!(entry, Entry::Create { .. }) {
                self.next_stream = self.next_stream.max(stream + 1);
            }
            if self.known.get(&stream).is_none_or(|stamp| frame.start >= *stamp) {
                self.apply(entry);
            }
        }
    }

    fn end_replay(&mut self) {
        self.known.clear();
    }

    fn logs(&self) -> Vec<ExpectedLog> {
        let expected = |(stream, log): (&u64, &ToyLog)| ExpectedLog {
            log: log_id(*stream),
            start: Offset(log.start),
            end: Offset(log.end),
        };
        self.logs.iter().map(expected).collect()
    }

    fn batch_at(&self, log: LogId, offset: Offset) -> Option<(Offset, Offset, Vec<u8>)> {
        let batches = &self.logs.get(&log.stream.0)?.batches;
        let batch = batches.iter().find(|batch| batch.base + u64::from(batch.records) > offset.0)?;
        let mut bytes = batch_bytes(batch);
        bytes[..8].copy_from_slice(&batch.base.to_be_bytes());
        Some((Offset(batch.base), Offset(batch.base + u64::from(batch.records) - 1), bytes))
    }
}
