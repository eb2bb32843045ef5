//! A broker without disk, sockets or runtime, for the tests of fronts: the real shard behind what a front sees of a broker.
//!
//! Apart because the tests and fuzz targets of every front drive one, thousands of times. A request is applied the moment
//! it is submitted, what it wants published is published at once, batches are kept in memory. Time stands still until a
//! test moves it. What the engine does beside the shard is done only when it is asked for ([`TestBroker::carry_out_moves`]).

mod log;
mod moves;

use bytes::{Bytes, BytesMut};
use log::{MemoryLog, Stored};
use millstream_core::catalog::{ConfigChange, NamespaceEntry, Setting, StreamConfig, StreamEntry};
use millstream_core::hash::HashSeed;
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_core::route::{
    Binding, Condition, CreateRoute, Destination, Lookup, MatchKind, RouteConfig, RouteEntry, RouteReply,
    RouteRequest,
};
use millstream_core::shard::ImageKey;
use millstream_core::{
    CatalogChange, CatalogEffect, Effects, EphemeralChange, Reply, Request, Restore, Shard, ShardOptions,
    Ticket, Turn, ViewChange,
};
use millstream_front::backend::{Inbox, WatchGuard};
use millstream_front::{
    Action, Authorized, Authorizer, Backend, LogReader, Principal, Resource, Submission, Tag,
};
use millstream_types::batch::{self, BatchHeader, LeaderEpoch};
use millstream_types::{
    BatchFacts, Chain, EngineTime, ErrorKind, Incarnation, LogId, Namespace, RouteId, StreamId, StreamUid,
    WalPosition,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::task::Waker;

/// When the tests take place.
pub const START_MS: i64 = 1_700_000_000_000;
/// Always the same: nobody attacks a test.
const SEED: HashSeed = HashSeed([1, 2]);
/// Bytes of images that a restart takes at once.
const IMAGE_BYTES: usize = 1 << 20;

/// A broker that is at rest whenever nobody asks it anything.
pub struct TestBroker {
    state: Mutex<State>,
    now_ms: AtomicI64,
    random: AtomicU64,
    /// Where the moves come that were asked for, while they have not come.
    moves: Mutex<Option<Arc<TestInbox>>>,
    is_full: AtomicBool,
    /// Who waits until it is not.
    room: Arc<Mutex<BTreeMap<u64, Waker>>>,
}

struct State {
    shard: Shard,
    position: u64,
    starts: u64,
    next_ticket: u64,
    streams: BTreeMap<(Namespace, Arc<str>), Arc<StreamEntry>>,
    routes: BTreeMap<RouteId, Arc<RouteEntry>>,
    logs: BTreeMap<LogId, Arc<MemoryLog>>,
    waiting: BTreeMap<Ticket, (Arc<dyn Inbox>, Tag)>,
    /// Something was refused because logs in memory hold too much; not until they hold no more than this.
    relieved_at: Option<u64>,
    /// The last request that was.
    lacked: Option<Ticket>,
}

impl TestBroker {
    /// A broker that holds nothing.
    #[must_use]
    pub fn new() -> Arc<TestBroker> {
        TestBroker::with_options(ShardOptions::default())
    }

    /// The same with options of its shard.
    #[must_use]
    pub fn with_options(options: ShardOptions) -> Arc<TestBroker> {
        let state = State {
            shard: Shard::new(SEED, options),
            position: 16,
            starts: 0,
            next_ticket: 0,
            streams: BTreeMap::new(),
            routes: BTreeMap::new(),
            logs: BTreeMap::new(),
            waiting: BTreeMap::new(),
            relieved_at: None,
            lacked: None,
        };
        Arc::new(TestBroker {
            state: Mutex::new(state),
            now_ms: AtomicI64::new(START_MS),
            random: AtomicU64::new(1),
            moves: Mutex::default(),
            is_full: AtomicBool::new(false),
            room: Arc::default(),
        })
    }

    /// From now on there is no room for records on the disk, or there is again.
    pub fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
        if !is_full {
            self.wake();
        }
    }

    /// There is room.
    fn wake(&self) {
        std::mem::take(&mut *self.room.lock()).into_values().for_each(Waker::wake);
    }

    /// Lets time pass, and the shard do what has become due.
    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
        self.state.lock().catch_up(self.now());
    }

    /// Forgets what a crash forgets, and goes on with what was durable: not with what is in memory only. Who waits for an answer
    /// gets none.
    pub fn restart(&self) {
        let now = self.now();
        let state = &mut *self.state.lock();
        state.shard = state.restored(now);
        state.starts += 1;
        state.shard.begin(Incarnation(state.starts));
        state.streams = state.shard.stream_entries().map(|entry| (name_of(entry), entry.clone())).collect();
        state.routes = state.shard.route_entries().map(|entry| (entry.id, entry.clone())).collect();
        state.logs.retain(|log, _| !log.stream.is_ephemeral());
        state.waiting.clear();
        *self.moves.lock() = None;
        state.catch_up(now);
    }

    /// Asks the shard something; `None` if it does not answer at once.
    pub fn ask(&self, request: Request) -> Option<Reply> {
        self.start(request).take().pop().map(|(_, reply)| reply)
    }

    /// Asks the shard something; the answer comes to what is returned.
    fn start(&self, request: Request) -> Arc<TestInbox> {
        let grant = Authorizer::local_only().authorize(&Principal::local(), Action::Write, Resource::Cluster);
        let request = grant.expect("the local principal may do everything").request(request);
        let inbox = Arc::<TestInbox>::default();
        let to: Arc<dyn Inbox> = inbox.clone();
        self.submit(&to, vec![Submission { tag: Tag(0), request, chain: None }]);
        inbox
    }

    /// The answers to what is asked together; what is not answered at once is missing from them.
    pub fn ask_all(&self, requests: Vec<Authorized<Request>>) -> Vec<Reply> {
        let inbox = Arc::<TestInbox>::default();
        let to: Arc<dyn Inbox> = inbox.clone();
        let submissions = (0..).zip(requests).map(|(number, request)| Submission {
            tag: Tag(number),
            request,
            chain: None,
        });
        self.submit(&to, submissions.collect());
        inbox.take().into_iter().map(|(_, reply)| reply).collect()
    }

    /// A stream that another front creates, in the default namespace.
    pub fn create_stream(&self, name: &str, logs: u32) {
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(self.random()),
            logs,
            config: StreamConfig::default(),
        };
        self.ask(Request::CreateStream(Box::new(create)));
    }

    /// A route that leads records with a key to a stream, both in the default namespace; a key more where it is there.
    ///
    /// # Panics
    /// When there is no such stream, or the route is of another kind.
    pub fn create_route(&self, name: &str, key: &str, stream: &str) {
        let config = RouteConfig::new(MatchKind::Exact);
        let create = CreateRoute { namespace: Namespace::DEFAULT, name: name.into(), config };
        let create = RouteRequest::Create(Box::new(create));
        let Some(Reply::Route(reply)) = self.ask(Request::Route(Box::new(create))) else {
            panic!("{name} is another kind of route")
        };
        let RouteReply::Route { entry, .. } = *reply else { panic!("{reply:?} is no route") };
        let destination = Destination::Stream(self.stream(Namespace::DEFAULT, stream).expect("it exists").id);
        let binding = Binding {
            destination,
            key: key.as_bytes().into(),
            condition: Condition::Key,
            arguments: [].into(),
        };
        let bind = RouteRequest::Bind { source: entry.id, binding: Box::new(binding) };
        let bound = self.ask(Request::Route(Box::new(bind)));
        assert!(matches!(bound, Some(Reply::Route(_))), "{bound:?}");
    }

    /// Changes settings of a stream of the default namespace, as another front would.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn set(&self, name: &str, settings: impl IntoIterator<Item = Setting>) {
        let stream = self.stream(Namespace::DEFAULT, name).expect("it exists").id;
        let changes = settings.into_iter().map(ConfigChange::Set).collect();
        self.ask(Request::AlterStream { stream, changes });
    }

    /// Whether the default namespace has a stream of a name.
    #[must_use]
    pub fn has_stream(&self, name: &str) -> bool {
        self.stream(Namespace::DEFAULT, name).is_some()
    }

    /// A batch that another front appends to the first log of a stream in the default namespace.
    ///
    /// # Panics
    /// When there is no such stream, or the bytes are no batch's.
    pub fn append(&self, name: &str, bytes: Bytes) {
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
}

impl State {
    /// Does what has become due.
    fn catch_up(&mut self, now: EngineTime) {
        while self.shard.next_deadline().is_some_and(|due| due <= now) {
            self.turn(now, |shard, turn, effects| shard.tick(turn, effects));
        }
    }

    /// The shard that a checkpoint of this moment restores.
    fn restored(&self, now: EngineTime) -> Shard {
        let mut restore = Restore::new(SEED, ShardOptions::default());
        let mut next = Some(ImageKey::Counters);
        while let Some(key) = next {
            let mut chunks = Vec::new();
            next = self.shard.images(key, IMAGE_BYTES, &mut chunks);
            for chunk in chunks {
                restore.image(WalPosition(self.position), &chunk).expect("an image can be read");
            }
        }
        restore.finish(now).expect("images of one moment fit together")
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
                ViewChange::Trim { log, start } => self.logs[&log].trim(start),
                ViewChange::Pack { .. } => unreachable!("no front packs objects"),
                ViewChange::Delete { stream, .. } => self.logs.retain(|log, _| log.stream != stream),
            }
        }
        for change in effects.ephemeral {
            match change {
                EphemeralChange::Create { log } => {
                    self.logs.insert(log, Arc::new(MemoryLog::default()));
                }
                EphemeralChange::Append { facts, bytes, .. } => self.append(&facts, &bytes),
                EphemeralChange::Forget { log, base } => self.logs[&log].forget(base),
                EphemeralChange::Trim { log, start } => self.logs[&log].trim(start),
                EphemeralChange::Delete { stream, .. } => self.logs.retain(|log, _| log.stream != stream),
            }
        }
        for (facts, bytes) in effects.batches {
            self.append(&facts, &bytes);
        }
        for CatalogEffect { change, .. } in effects.catalog {
            match change {
                CatalogChange::Put(entry) => {
                    self.streams.insert((entry.namespace, entry.name.clone()), entry);
                }
                CatalogChange::Remove(entry) => {
                    self.streams.remove(&(entry.namespace, entry.name.clone()));
                }
                CatalogChange::PutRoute(entry) => {
                    self.routes.insert(entry.id, entry);
                }
                CatalogChange::RemoveRoute(entry) => {
                    self.routes.remove(&entry.id);
                }
                // They are looked up in the shard.
                CatalogChange::PutNamespace(_) | CatalogChange::RemoveNamespace(_) => {}
            }
        }
        let bytes = self.shard.ephemeral_bytes();
        for reply in effects.replies {
            let lacks_memory = match &reply.reply {
                Reply::Appended(results) => results.contains(&Err(ErrorKind::Overloaded)),
                Reply::Refused(kind) => *kind == ErrorKind::Overloaded,
                _ => false,
            };
            if lacks_memory {
                self.relieved_at = Some(bytes.saturating_sub(1));
                self.lacked = Some(reply.ticket);
            }
            let (inbox, tag) = self.waiting.remove(&reply.ticket).expect("one reply per request");
            inbox.deliver(&mut std::iter::once((tag, reply.reply)));
        }
    }
}

impl State {
    fn append(&self, facts: &BatchFacts, bytes: &[u8]) {
        let mut bytes = BytesMut::from(bytes);
        batch::patch(&mut bytes, facts.base_offset, LeaderEpoch(0)).expect("checked by the front");
        self.logs[&facts.log].append(Stored {
            base: facts.base_offset,
            next: facts.next_offset(),
            max_timestamp: facts.max_timestamp,
            bytes: bytes.freeze(),
        });
    }
}

fn name_of(entry: &StreamEntry) -> (Namespace, Arc<str>) {
    (entry.namespace, entry.name.clone())
}

impl Lookup for TestBroker {
    fn route(&self, namespace: Namespace, name: &str) -> Option<Arc<RouteEntry>> {
        self.routes(namespace).into_iter().find(|entry| *entry.name == *name)
    }

    fn route_by_id(&self, route: RouteId) -> Option<Arc<RouteEntry>> {
        self.state.lock().routes.get(&route).cloned()
    }

    fn stream_by_id(&self, stream: StreamId) -> Option<Arc<StreamEntry>> {
        self.state.lock().streams.values().find(|entry| entry.id == stream).cloned()
    }
}

impl Backend for TestBroker {
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

    fn namespace(&self, name: &str) -> Option<Namespace> {
        self.namespaces().into_iter().find(|entry| &*entry.name == name).map(|entry| entry.number)
    }

    fn namespaces(&self) -> Vec<Arc<NamespaceEntry>> {
        let mut all: Vec<_> = self.state.lock().shard.namespaces().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn stream(&self, namespace: Namespace, name: &str) -> Option<Arc<StreamEntry>> {
        self.state.lock().streams.get(&(namespace, Arc::from(name))).cloned()
    }

    fn stream_by_uid(&self, namespace: Namespace, uid: StreamUid) -> Option<Arc<StreamEntry>> {
        self.streams(namespace).into_iter().find(|entry| entry.uid == uid)
    }

    fn streams(&self, namespace: Namespace) -> Vec<Arc<StreamEntry>> {
        let state = self.state.lock();
        state.streams.values().filter(|entry| entry.namespace == namespace).cloned().collect()
    }

    fn routes(&self, namespace: Namespace) -> Vec<Arc<RouteEntry>> {
        let state = self.state.lock();
        let mut routes: Vec<_> =
            state.routes.values().filter(|entry| entry.namespace == namespace).cloned().collect();
        routes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        routes
    }

    fn log(&self, log: LogId) -> Option<Arc<dyn LogReader>> {
        let log = self.state.lock().logs.get(&log).cloned();
        log.map(|log| log as Arc<dyn LogReader>)
    }

    fn disk_bytes(&self) -> (u64, u64) {
        (1_000_000, 400_000)
    }

    fn is_disk_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    fn is_memory_full(&self) -> bool {
        self.state.lock().relieved_at.is_some()
    }

    fn watch_room(&self, waker: &Waker) -> WatchGuard {
        let number = self.random.fetch_add(1, Ordering::Relaxed);
        self.room.lock().insert(number, waker.clone());
        WatchGuard::new(Watcher { room: self.room.clone(), number })
    }

    fn submit(&self, inbox: &Arc<dyn Inbox>, submissions: Vec<Submission>) {
        let now = self.now();
        let mut state = self.state.lock();
        for Submission { tag, request, chain } in submissions {
            let takes_room = matches!(request.get(), Request::Append(_) | Request::Transact(_));
            let is_cut_off = chain.as_ref().is_some_and(Chain::is_broken);
            if takes_room && (self.is_full.load(Ordering::Relaxed) || is_cut_off) {
                if let Some(chain) = chain {
                    chain.break_off();
                }
                let refusal = (tag, Reply::Refused(ErrorKind::StorageFull));
                inbox.deliver(&mut std::iter::once(refusal));
                continue;
            }
            let ticket = Ticket(state.next_ticket);
            state.next_ticket += 1;
            state.waiting.insert(ticket, (inbox.clone(), tag));
            let request = request.into_inner();
            state.turn(now, |shard, turn, effects| shard.apply(turn, ticket, request, effects));
            if state.lacked == Some(ticket) {
                chain.iter().for_each(Chain::break_off);
            }
            state.catch_up(now);
        }
        let bytes = state.shard.ephemeral_bytes();
        if state.relieved_at.take_if(|at| bytes <= *at).is_some() {
            drop(state);
            self.wake();
        }
    }
}

/// Ends a registration.
struct Watcher {
    room: Arc<Mutex<BTreeMap<u64, Waker>>>,
    number: u64,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.room.lock().remove(&self.number);
    }
}

/// Replies for one session or exchange, until its driver takes them.
#[derive(Default)]
pub struct TestInbox(Mutex<Vec<(Tag, Reply)>>);

impl TestInbox {
    /// Takes what has come.
    #[must_use]
    pub fn take(&self) -> Vec<(Tag, Reply)> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Inbox for TestInbox {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (Tag, Reply)>) {
        self.0.lock().extend(replies);
    }
}
