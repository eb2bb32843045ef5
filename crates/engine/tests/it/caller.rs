//! A caller: submits requests and waits for their replies.

use bytes::Bytes;
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::hash::HashSeed;
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_core::{Reply, Request};
use millstream_engine::{Engine, EngineOptions, Handle, ReplySink, StartError, Submission};
use millstream_storage::{Disk, Options, ReadMode, ReadOutcome};
use millstream_testkit::sim_disk::SimDisk;
use millstream_types::batch::{BatchBuilder, BatchHeader, Compression};
use millstream_types::{Chain, LogId, Namespace, Offset, RecordTime, StreamUid};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Far longer than anything here takes, short enough that a hang is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Small files, so that a test rolls through many; a turn's largest frame (4 MiB of group entries) still fits.
pub(crate) fn options() -> Options {
    Options {
        wal_file_bytes: 5 << 20,
        wal_file_bytes_first: 256 << 10,
        tail_bytes_max: 64 << 10,
        checkpoint_reserve_bytes: 1 << 20,
        ..Options::new(7)
    }
}

pub(crate) fn start(disk: &Arc<SimDisk>) -> Result<Engine, StartError> {
    start_with(disk, options(), &EngineOptions { checkpoint_bytes: 200 << 10, ..EngineOptions::default() })
}

pub(crate) fn start_with(
    disk: &Arc<SimDisk>,
    storage: Options,
    options: &EngineOptions,
) -> Result<Engine, StartError> {
    Engine::start(disk.clone(), storage, options, HashSeed([1, 2]))
}

pub(crate) fn start_on(disk: Arc<dyn Disk>, storage: Options) -> Engine {
    Engine::start(disk, storage, &EngineOptions::default(), HashSeed([1, 2])).unwrap()
}

struct Sink(Mutex<Sender<(u64, Reply)>>);

impl ReplySink for Sink {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        let sender = self.0.lock().unwrap();
        for reply in replies {
            // A caller that is gone does not care.
            drop(sender.send(reply));
        }
    }
}

pub(crate) struct Caller {
    pub(crate) handle: Handle,
    sink: Arc<dyn ReplySink>,
    replies: Receiver<(u64, Reply)>,
    next: u64,
}

impl Caller {
    pub(crate) fn new(engine: &Engine) -> Caller {
        let (sender, replies) = channel();
        Caller { handle: engine.handle(), sink: Arc::new(Sink(Mutex::new(sender))), replies, next: 0 }
    }

    /// Submits and returns at once.
    pub(crate) fn submit(&mut self, request: Request) -> u64 {
        self.submit_on(request, None)
    }

    /// The same for a request that hangs on a chain.
    pub(crate) fn submit_on(&mut self, request: Request, chain: Option<Chain>) -> u64 {
        let tag = self.next;
        self.next += 1;
        self.handle.submit(std::iter::once(Submission { sink: self.sink.clone(), tag, request, chain }));
        tag
    }

    /// The next reply, `None` when none comes within the patience given.
    pub(crate) fn reply_within(&self, patience: Duration) -> Option<(u64, Reply)> {
        self.replies.recv_timeout(patience).ok()
    }

    /// Submits and waits for the reply.
    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        let tag = self.submit(request);
        let (answered, reply) = self.reply_within(PATIENCE).expect("every request is answered");
        assert_eq!(answered, tag);
        reply
    }

    pub(crate) fn create(&mut self, name: &str, logs: u32) -> Arc<StreamEntry> {
        let request = Request::CreateStream(Box::new(CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(u128::from(self.next) + 1),
            logs,
            config: StreamConfig::default(),
        }));
        match self.ask(request) {
            Reply::Stream(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    /// Offsets of all records from `from` on, read until the high watermark.
    pub(crate) fn read_all(&self, log: LogId, from: Offset) -> Vec<u64> {
        let view = self.handle.view(log).expect("the log exists");
        let (mut at, mut offsets) = (from, Vec::new());
        loop {
            match view.read(at, 1 << 20, ReadMode::MayBlock).expect("stored records can be read") {
                ReadOutcome::AtEnd => return offsets,
                ReadOutcome::WouldBlock => panic!("it may block"),
                ReadOutcome::Batches(batches) => {
                    for batch in batches {
                        let header = BatchHeader::parse(&batch.to_contiguous()).unwrap();
                        assert_eq!(header.base_offset(), Some(batch.base_offset));
                        offsets.extend(batch.base_offset.0..=batch.last_offset.0);
                        at = batch.last_offset.advance(1);
                    }
                }
            }
        }
    }
}

/// A batch of `records` records of `bytes` bytes each.
pub(crate) fn batch(log: LogId, records: u32, bytes: usize) -> AppendBatch {
    let mut builder = BatchBuilder::new();
    for _ in 0..records {
        builder.push(RecordTime(1_000), None, Some(&vec![b'x'; bytes]), &[]).unwrap();
    }
    let bytes: Bytes = builder.finish(Compression::None).unwrap();
    AppendBatch {
        log,
        records,
        last_offset_delta: records - 1,
        max_timestamp: RecordTime(1_000),
        producer: None,
        marks: Vec::new(),
        bytes,
    }
}
