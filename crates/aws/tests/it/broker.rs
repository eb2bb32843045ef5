//! A broker without disk, sockets or runtime: the real shard behind the real front.
//!
//! Apart because every test of a call drives it. A request is applied the moment it is submitted, what it wants published is
//! published at once, batches are kept in memory. Time stands still until a test moves it.

use bytes::{Bytes, BytesMut};
use millstream_core::catalog::{StreamConfig, StreamEntry};
use millstream_core::hash::HashSeed;
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_core::{
    CatalogChange, Effects, Reply, Request, Shard, ShardOptions, Ticket, Turn, ViewChange,
};
use millstream_front::backend::{Blocking, Inbox, WatchGuard};
use millstream_front::{
    Action, Authorizer, Backend, LogReader, Principal, ReadError, ReadOutcome, ReadSlice, Resource,
    Submission, Tag,
};
use millstream_types::batch::{self, BatchHeader, LeaderEpoch};
use millstream_types::{EngineTime, LogId, Namespace, Offset, RecordTime, StreamUid, WalPosition};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

/// When the tests take place.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) struct Broker {
    state: Mutex<State>,
    now_ms: AtomicI64,
    random: AtomicU64,
}

struct State {
    shard: Shard,
    position: u64,
    next_ticket: u64,
    streams: BTreeMap<(Namespace, Arc<str>), Arc<StreamEntry>>,
    logs: BTreeMap<LogId, Arc<MemoryLog>>,
    waiting: BTreeMap<Ticket, (Arc<dyn Inbox>, Tag)>,
}

impl Broker {
    pub(crate) fn new() -> Arc<Broker> {
        let state = State {
            shard: Shard::new(HashSeed([1, 2]), ShardOptions::default()),
            position: 16,
            next_ticket: 0,
            streams: BTreeMap::new(),
            logs: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        Arc::new(Broker {
            state: Mutex::new(state),
            now_ms: AtomicI64::new(START_MS),
            random: AtomicU64::new(1),
        })
    }

    /// A stream that another front creates.
    pub(crate) fn create_stream(self: &Arc<Self>, name: &str, logs: u32) {
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(self.random()),
            logs,
            config: StreamConfig::default(),
        };
        self.ask(Request::CreateStream(Box::new(create)));
    }

    pub(crate) fn has_stream(&self, name: &str) -> bool {
        self.stream(Namespace::DEFAULT, name).is_some()
    }

    /// A batch that another front appends to the only log of a stream.
    pub(crate) fn append(self: &Arc<Self>, name: &str, bytes: Bytes) {
        let header = BatchHeader::parse(&bytes).expect("a batch");
        let stream = self.stream(Namespace::DEFAULT, name).expect("it exists").id;
        self.ask(Request::Append(vec![AppendBatch {
            log: LogId { stream, index: 0 },
            records: header.record_count(),
            last_offset_delta: header.last_offset_delta(),
            max_timestamp: header.max_timestamp(),
            producer: None,
            marks: Vec::new(),
            bytes,
        }]));
    }

    fn ask(self: &Arc<Self>, request: Request) {
        let authorizer = Authorizer::local_only();
        let grant =
            authorizer.authorize(&Principal::local(), Action::Write, Resource::Cluster).expect("local");
        let inbox: Arc<dyn Inbox> = Arc::<Queue>::default();
        self.submit(&inbox, vec![Submission { tag: Tag(0), request: grant.request(request) }]);
    }

    /// Lets time pass, and the shard do what has become due.
    pub(crate) fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
        let now = self.now();
        let mut state = self.state.lock().expect("nobody panics while holding it");
        state.catch_up(now);
    }
}

impl State {
    /// Does what has become due.
    fn catch_up(&mut self, now: EngineTime) {
        while self.shard.next_deadline().is_some_and(|due| due <= now) {
            self.turn(now, |shard, turn, effects| shard.tick(turn, effects));
        }
    }

    fn turn(&mut self, now: EngineTime, run: impl FnOnce(&mut Shard, Turn, &mut Effects)) {
        let mut effects = Effects::default();
        let turn = Turn { now, position: WalPosition(self.position) };
        run(&mut self.shard, turn, &mut effects);
        self.position += 1000;
        self.publish(effects);
    }

    /// Views first, then the catalog, then replies: nobody hears of what cannot be seen yet.
    fn publish(&mut self, effects: Effects) {
        for view in effects.views {
            match view {
                ViewChange::Create { log } => {
                    self.logs.insert(log, Arc::new(MemoryLog::default()));
                }
                ViewChange::Trim { log, start } => self.logs[&log].change(|data| {
                    data.start = start;
                    data.batches.retain(|batch| batch.next > start);
                }),
                ViewChange::Pack { .. } => unreachable!("no session packs objects"),
                ViewChange::Delete { stream, .. } => self.logs.retain(|log, _| log.stream != stream),
            }
        }
        for (facts, bytes) in effects.batches {
            let mut bytes = BytesMut::from(&bytes[..]);
            batch::patch(&mut bytes, facts.base_offset, LeaderEpoch(0)).expect("checked by the session");
            let stored = Stored {
                base: facts.base_offset,
                next: facts.next_offset(),
                max_timestamp: facts.max_timestamp,
                bytes: bytes.freeze(),
            };
            self.logs[&facts.log].change(|data| {
                data.end = stored.next;
                data.batches.push(stored);
            });
        }
        for change in effects.catalog {
            match change {
                CatalogChange::Put(entry) => {
                    self.streams.insert((entry.namespace, entry.name.clone()), entry);
                }
                CatalogChange::Remove(entry) => {
                    self.streams.remove(&(entry.namespace, entry.name.clone()));
                }
            }
        }
        for reply in effects.replies {
            let (inbox, tag) = self.waiting.remove(&reply.ticket).expect("one reply per request");
            inbox.deliver(&mut std::iter::once((tag, reply.reply)));
        }
    }
}

impl Backend for Broker {
    fn now(&self) -> EngineTime {
        EngineTime(self.now_ms.load(Ordering::Relaxed))
    }

    fn random(&self) -> u128 {
        let next = u128::from(self.random.fetch_add(1, Ordering::Relaxed));
        next << 64 | next << 1 | 1
    }

    fn cluster_id(&self) -> u128 {
        7
    }

    fn stream(&self, namespace: Namespace, name: &str) -> Option<Arc<StreamEntry>> {
        self.state
            .lock()
            .expect("nobody panics while holding it")
            .streams
            .get(&(namespace, Arc::from(name)))
            .cloned()
    }

    fn stream_by_uid(&self, namespace: Namespace, uid: StreamUid) -> Option<Arc<StreamEntry>> {
        self.streams(namespace).into_iter().find(|entry| entry.uid == uid)
    }

    fn streams(&self, namespace: Namespace) -> Vec<Arc<StreamEntry>> {
        let state = self.state.lock().expect("nobody panics while holding it");
        state.streams.values().filter(|entry| entry.namespace == namespace).cloned().collect()
    }

    fn log(&self, log: LogId) -> Option<Arc<dyn LogReader>> {
        let log = self.state.lock().expect("nobody panics while holding it").logs.get(&log).cloned();
        log.map(|log| log as Arc<dyn LogReader>)
    }

    fn disk_bytes(&self) -> (u64, u64) {
        (1_000_000, 400_000)
    }

    fn submit(&self, inbox: &Arc<dyn Inbox>, submissions: Vec<Submission>) {
        let now = self.now();
        let mut state = self.state.lock().expect("nobody panics while holding it");
        for Submission { tag, request } in submissions {
            let ticket = Ticket(state.next_ticket);
            state.next_ticket += 1;
            state.waiting.insert(ticket, (inbox.clone(), tag));
            let request = request.into_inner();
            state.turn(now, |shard, turn, effects| shard.apply(turn, ticket, request, effects));
            state.catch_up(now);
        }
    }
}

/// Replies for one exchange, until its driver takes them.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Vec<(Tag, Reply)>>);

impl Queue {
    pub(crate) fn take(&self) -> Vec<(Tag, Reply)> {
        std::mem::take(&mut self.0.lock().expect("nobody panics while holding it"))
    }
}

impl Inbox for Queue {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (Tag, Reply)>) {
        self.0.lock().expect("nobody panics while holding it").extend(replies);
    }
}

#[derive(Default)]
struct MemoryLog(Mutex<LogData>);

#[derive(Default)]
struct LogData {
    start: Offset,
    end: Offset,
    batches: Vec<Stored>,
}

struct Stored {
    base: Offset,
    next: Offset,
    max_timestamp: RecordTime,
    bytes: Bytes,
}

impl MemoryLog {
    fn change(&self, change: impl FnOnce(&mut LogData)) {
        change(&mut self.0.lock().expect("nobody panics while holding it"));
    }
}

impl LogReader for MemoryLog {
    fn log_start(&self) -> Offset {
        self.0.lock().expect("nobody panics while holding it").start
    }

    fn high_watermark(&self) -> Offset {
        self.0.lock().expect("nobody panics while holding it").end
    }

    fn last_stable_offset(&self) -> Offset {
        self.high_watermark()
    }

    fn bytes(&self) -> u64 {
        self.bytes_from(Offset::ZERO, u64::MAX)
    }

    fn bytes_from(&self, from: Offset, _enough_bytes: u64) -> u64 {
        let data = self.0.lock().expect("nobody panics while holding it");
        data.batches.iter().filter(|batch| batch.next > from).map(|batch| batch.bytes.len() as u64).sum()
    }

    fn read(&self, from: Offset, max_bytes: u32, _blocking: Blocking) -> Result<ReadOutcome, ReadError> {
        let data = self.0.lock().expect("nobody panics while holding it");
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
        let data = self.0.lock().expect("nobody panics while holding it");
        data.batches.iter().find(|batch| batch.max_timestamp >= time).map(|batch| batch.base)
    }

    fn max_timestamp(&self) -> Option<(RecordTime, Offset)> {
        let data = self.0.lock().expect("nobody panics while holding it");
        let latest = data.batches.iter().rev().max_by_key(|batch| batch.max_timestamp)?;
        Some((latest.max_timestamp, latest.base))
    }

    /// Nothing of this front watches logs.
    fn watch(&self, _waker: &Waker) -> WatchGuard {
        WatchGuard::new(())
    }
}
