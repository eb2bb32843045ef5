//! Streams in memory (R18) on a simulated disk: the disk hears nothing of them, readers see them in order, and they are gone
//! with the process.

use crate::caller::{Caller, batch, options, start, start_with};
use millstream_core::catalog::{ConfigChange, LeaseSetting, Setting, StreamConfig, StreamEntry};
use millstream_core::hash::HashSeed;
use millstream_core::lease::{
    Acquire, AcquiredRecord, Action, Binding, HolderId, LeaseGroupId, LeaseRef, LeaseReply, LeaseRequest,
    Settle,
};
use millstream_core::log::AppendBatch;
use millstream_core::request::{CreateStream, Trim};
use millstream_core::shard::ShardOptions;
use millstream_core::{Reply, Request};
use millstream_engine::steps::Steps;
use millstream_engine::{EngineOptions, ReplySink, Submission};
use millstream_storage::{LogView, ReadMode, ReadOutcome};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{Chain, EngineTime, ErrorKind, LogId, Namespace, Offset, StreamUid};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

/// Threads that publish at a time, and how often each of them does.
const PUBLISHERS: u64 = 3;
const EACH: u64 = 400;
const BEGIN: EngineTime = EngineTime(1_000_000_000_000);

#[derive(Default)]
struct Replies(Mutex<Vec<Reply>>);

impl ReplySink for Replies {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        self.0.lock().unwrap().extend(replies.map(|(_, reply)| reply));
    }
}

/// A broker in one thread.
struct Broker {
    steps: Steps,
    now: EngineTime,
    replies: Arc<Replies>,
}

fn disk(seed: u64) -> Arc<SimDisk> {
    Arc::new(SimDisk::new(seed, Faults::none(64 << 20)))
}

fn create(name: &str, settings: &[Setting]) -> Request {
    let mut config = StreamConfig::default();
    for setting in settings {
        config.change(&ConfigChange::Set(setting.clone())).unwrap();
    }
    let uid = StreamUid(name.bytes().fold(1, |uid, byte| uid * 256 + u128::from(byte)));
    let create = CreateStream { namespace: Namespace::DEFAULT, name: name.into(), uid, logs: 1, config };
    Request::CreateStream(Box::new(create))
}

/// Settings of a queue in memory, and `more`.
fn held(more: &[Setting]) -> Vec<Setting> {
    let queue = [Setting::Ephemeral(true), Setting::Lease(LeaseSetting::Enabled(true))];
    queue.into_iter().chain(more.iter().cloned()).collect()
}

fn dead_letter(to: &str) -> Setting {
    Setting::Lease(LeaseSetting::DeadLetter(Some(to.into())))
}

fn log(stream: &StreamEntry) -> LogId {
    LogId { stream: stream.id, index: 0 }
}

/// One record.
fn one(stream: &StreamEntry) -> AppendBatch {
    batch(log(stream), 1, 10)
}

impl Broker {
    fn start(disk: &Arc<SimDisk>, now: EngineTime) -> Broker {
        let engine = EngineOptions::default();
        let steps = Steps::start(disk.clone(), options(), &engine, HashSeed([1, 2]), now).unwrap();
        Broker { steps, now, replies: Arc::default() }
    }

    fn submit(&mut self, request: Request) {
        let sink = Arc::clone(&self.replies) as Arc<dyn ReplySink>;
        self.steps.submit(Submission { sink, tag: 0, request, chain: None });
        self.steps.turn(self.now);
    }

    fn answer(&self) -> Option<Reply> {
        self.replies.0.lock().unwrap().pop()
    }

    /// Asks what is answered without the lane.
    fn ask(&mut self, request: Request) -> Reply {
        self.submit(request);
        self.answer().expect("nothing has to be written for it")
    }

    fn write(&mut self) {
        self.steps.write().unwrap();
        self.steps.prepare(self.now).unwrap();
    }

    /// Asks what may have to be written.
    fn ask_durably(&mut self, request: Request) -> Reply {
        self.submit(request);
        for _ in 0..1_000 {
            if let Some(reply) = self.answer() {
                return reply;
            }
            self.write();
            self.steps.turn(self.now);
        }
        panic!("every request is answered");
    }

    fn create(&mut self, name: &str, settings: &[Setting]) -> Arc<StreamEntry> {
        match self.ask_durably(create(name, settings)) {
            Reply::Stream(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    fn view(&self, stream: &StreamEntry) -> Arc<LogView> {
        self.steps.views().get(log(stream)).expect("the log exists")
    }

    fn acquire(&mut self, stream: &StreamEntry) -> Vec<AcquiredRecord> {
        let acquire = Acquire {
            group: LeaseGroupId::default_of(stream.id),
            holder: HolderId(1),
            binding: Binding::Connection { timeout_ms: None },
            records_max: 100,
            wait_ms: 0,
            priority: 0,
            leased_max: None,
            attempt: None,
        };
        match self.ask_durably(Request::Lease(Box::new(LeaseRequest::Acquire(acquire)))) {
            Reply::Lease(reply) => match *reply {
                LeaseReply::Acquired(acquired) => acquired.records,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// Moves whatever is to be moved.
    fn move_all(&mut self) {
        let mut quiet = 0;
        while quiet < 4 {
            let more = self.steps.mover(self.now);
            self.steps.turn(self.now);
            self.write();
            quiet = if more { 0 } else { quiet + 1 };
        }
    }

    /// The upkeep does whatever it finds to do after so long.
    fn keep_up(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
        let mut quiet = 0;
        while quiet < 4 {
            let more = self.steps.upkeep(self.now);
            self.steps.turn(self.now);
            quiet = if more { 0 } else { quiet + 1 };
        }
    }
}

fn settle(stream: &StreamEntry, records: &[AcquiredRecord], action: Action) -> Request {
    let of =
        |record: &AcquiredRecord| LeaseRef { log: record.log, offset: record.offset, lease: record.lease };
    let leases = records.iter().map(|record| (of(record), action)).collect();
    let settle = Settle { group: LeaseGroupId::default_of(stream.id), leases };
    Request::Lease(Box::new(LeaseRequest::Settle(settle)))
}

/// Offsets of all batches from the log's start on.
fn offsets(view: &LogView) -> Vec<u64> {
    let (mut at, mut found) = (view.log_start(), Vec::new());
    while let ReadOutcome::Batches(batches) = view.read(at, 1 << 20, ReadMode::CachedOnly).unwrap() {
        for batch in batches {
            let header = millstream_types::batch::BatchHeader::parse(&batch.to_contiguous()).unwrap();
            assert_eq!(header.base_offset(), Some(batch.base_offset));
            at = batch.last_offset.advance(1);
            found.push(batch.base_offset.0);
        }
    }
    found
}

#[test]
fn the_disk_hears_nothing_of_a_stream_in_memory() {
    let disk = disk(1);
    let mut broker = Broker::start(&disk, BEGIN);
    let (operations, position) = (disk.operations(), broker.steps.position());
    let queue = broker.create("q", &held(&[Setting::Consumed(Some(0))]));
    let view = broker.view(&queue);
    for n in 0..50 {
        // Small ones and one that is kept in two pieces.
        let batch = batch(log(&queue), 2, if n == 7 { 20_000 } else { 30 });
        assert!(matches!(broker.ask(Request::Append(vec![batch])), Reply::Appended(_)));
    }
    assert_eq!(offsets(&view), (0..100).step_by(2).collect::<Vec<_>>());
    let taken = broker.acquire(&queue);
    assert_eq!(taken.len(), 100);
    broker.ask(settle(&queue, &taken[10..90], Action::Ack { late: false }));
    assert_eq!(offsets(&view), [0, 2, 4, 6, 8, 90, 92, 94, 96, 98], "what is settled makes room at once");
    broker.ask(settle(&queue, &taken[..10], Action::Ack { late: false }));
    broker.now = broker.now.after_ms(5_000);
    broker.steps.turn(broker.now);
    assert_eq!(view.log_start(), Offset(90));
    while !broker.steps.checkpoint() {}
    let checkpoint = disk.operations() - operations;
    assert_eq!(broker.steps.position(), position, "there was no frame");
    // A checkpoint of nothing takes as much.
    let bare = self::disk(1);
    let mut other = Broker::start(&bare, BEGIN);
    let before = bare.operations();
    while !other.steps.checkpoint() {}
    assert_eq!(bare.operations() - before, checkpoint);
    drop(broker);
    disk.crash();
    let mut broker = Broker::start(&disk, BEGIN.after_ms(10_000));
    assert!(broker.steps.catalog().stream(Namespace::DEFAULT, "q").is_none());
    assert!(broker.steps.views().get(log(&queue)).is_none());
    assert_ne!(broker.create("q", &held(&[])).id, queue.id);
}

#[test]
fn a_batch_for_both_kinds_is_read_from_both_when_it_is_durable() {
    let disk = disk(2);
    let mut broker = Broker::start(&disk, BEGIN);
    let kept = broker.create("kept", &[]);
    let queue = broker.create("q", &held(&[]));
    let (kept_view, view) = (broker.view(&kept), broker.view(&queue));
    broker.submit(Request::Append(vec![one(&queue), one(&kept)]));
    broker.submit(Request::Append(vec![one(&queue)]));
    assert_eq!((view.high_watermark(), kept_view.high_watermark()), (Offset(0), Offset(0)));
    assert!(offsets(&view).is_empty());
    assert!(broker.answer().is_none());
    broker.write();
    assert_eq!((view.high_watermark(), kept_view.high_watermark()), (Offset(2), Offset(1)));
    assert_eq!(offsets(&view), [0, 1]);
    assert_eq!(broker.replies.0.lock().unwrap().drain(..).count(), 2);
    broker.ask(Request::Append(vec![one(&queue)]));
    assert_eq!(view.high_watermark(), Offset(3));
    // A power cut before the frame: neither has it. The one in memory has nothing at all.
    broker.submit(Request::Append(vec![one(&queue), one(&kept)]));
    drop(broker);
    disk.crash();
    let broker = Broker::start(&disk, BEGIN.after_ms(1));
    assert_eq!(broker.view(&kept).high_watermark(), Offset(1));
    assert!(broker.steps.catalog().stream(Namespace::DEFAULT, "q").is_none());
}

#[test]
fn a_full_disk_does_not_concern_it() {
    let disk = Arc::new(SimDisk::new(3, Faults::none(24 << 20)));
    let mut broker = Broker::start(&disk, BEGIN);
    let kept = broker.create("kept", &[]);
    let is_full = |broker: &mut Broker| {
        let append = Request::Append(vec![batch(log(&kept), 1, 200_000)]);
        matches!(broker.ask_durably(append), Reply::Refused(_))
    };
    assert!((0..1_000).any(|_| is_full(&mut broker)), "the disk is smaller than that");
    let queue = broker.create("q", &held(&[]));
    for n in 0..20 {
        let Reply::Appended(results) = broker.ask(Request::Append(vec![one(&queue)])) else {
            panic!("it needs no disk")
        };
        assert_eq!(results[0].unwrap().base_offset, Offset(n));
    }
    let taken = broker.acquire(&queue);
    assert_eq!(taken.len(), 20);
    broker.ask(settle(&queue, &taken, Action::Ack { late: false }));
}

#[test]
fn the_mover_carries_dead_letters_between_memory_and_disk() {
    let disk = disk(4);
    let mut broker = Broker::start(&disk, BEGIN);
    let leased = Setting::Lease(LeaseSetting::Enabled(true));
    let kept = broker.create("kept", &[leased, dead_letter("q")]);
    let queue = broker.create("q", &held(&[dead_letter("kept")]));
    broker.ask_durably(Request::Append(vec![one(&kept)]));
    let taken = broker.acquire(&kept);
    broker.ask_durably(settle(&kept, &taken, Action::Reject));
    broker.move_all();
    let taken = broker.acquire(&queue);
    assert_eq!(taken.len(), 1, "it is in memory");
    broker.ask(settle(&queue, &taken, Action::Reject));
    broker.move_all();
    assert_eq!(broker.view(&kept).high_watermark(), Offset(2), "and back on the disk");
    drop(broker);
    disk.crash();
    let mut broker = Broker::start(&disk, BEGIN.after_ms(1));
    let offsets: Vec<u64> = broker.acquire(&kept).iter().map(|record| record.offset.0).collect();
    assert_eq!(offsets, [1]);
}

#[test]
fn retention_by_time_and_size_holds_in_memory() {
    let disk = disk(5);
    let mut broker = Broker::start(&disk, BEGIN);
    let keep = [Setting::Ephemeral(true), Setting::RetentionMs(Some(60_000))];
    let timed = broker.create("timed", &keep);
    let size = one(&timed).bytes.len() as u64;
    let keep =
        [Setting::Ephemeral(true), Setting::RetentionBytes(Some(3 * size)), Setting::RetentionMs(None)];
    let sized = broker.create("sized", &keep);
    // The records' own time is long ago.
    broker.ask(Request::Append((0..5).map(|_| one(&timed)).collect()));
    broker.ask(Request::Append((0..5).map(|_| one(&sized)).collect()));
    let (timed, sized) = (broker.view(&timed), broker.view(&sized));
    assert_eq!((timed.bytes(), timed.batches()), (5 * size, 5));
    assert_eq!(sized.bytes_from(Offset(2), u64::MAX), 3 * size);
    assert_eq!(sized.bytes_from(Offset(2), 1), size, "enough is enough");
    broker.keep_up(3_600_000);
    assert_eq!((timed.log_start(), timed.high_watermark()), (Offset(5), Offset(5)));
    assert_eq!(timed.bytes(), 0);
    assert_eq!(offsets(&sized), [2, 3, 4]);
    let found = sized.time_candidate(millstream_types::RecordTime(1_000), Offset(0)).expect("there are some");
    assert_eq!(found.from, Offset(2));
    assert_eq!(sized.max_timestamp().map(|(time, _)| time.0), Some(1_000));
}

/// Counts a thread as long as it runs, however it ends.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn new(count: &'a AtomicUsize) -> Running<'a> {
        count.fetch_add(1, Ordering::SeqCst);
        Running(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn readers_of_a_log_in_memory_find_no_gap_while_the_lane_and_others_publish() {
    let disk = disk(6);
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let kept = caller.create("kept", 1);
    let Reply::Stream(queue) = caller.ask(create("q", &held(&[]))) else { panic!("made") };
    let view = caller.handle.view(log(&queue)).expect("it is there");
    let running = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut caller = Caller::new(&engine);
            let (kept, queue) = (&kept, &queue);
            let running = Running::new(&running);
            scope.spawn(move || {
                let _running = running;
                for n in 0..EACH {
                    let mut batches = vec![one(queue)];
                    if (n + publisher) % 3 == 0 {
                        batches.push(one(kept));
                    }
                    let Reply::Appended(results) = caller.ask(Request::Append(batches)) else {
                        panic!("appended")
                    };
                    let offset = results[0].unwrap().base_offset;
                    let view = caller.handle.view(log(queue)).expect("it is there");
                    assert!(view.high_watermark() > offset, "what was answered can be read");
                }
            });
        }
        let mut at = Offset(0);
        while at < Offset(PUBLISHERS * EACH) {
            let all_done = running.load(Ordering::SeqCst) == 0;
            match view.read(at, 1 << 16, ReadMode::CachedOnly).unwrap() {
                ReadOutcome::Batches(batches) => {
                    for batch in batches {
                        assert_eq!(batch.base_offset, at, "no gap");
                        at = at.advance(1);
                    }
                }
                _ => {
                    assert!(!all_done, "what was answered can be read");
                    std::thread::yield_now();
                }
            }
        }
    });
    let trimmed = caller.ask(Request::TrimLogs(vec![Trim { log: log(&queue), before: None }]));
    assert!(matches!(trimmed, Reply::Trimmed(_)));
    // In steps, of which the last ones are the shard's thread's.
    let gone = (0..60_000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        view.bytes() == 0
    });
    assert!(gone, "{} bytes are left", view.bytes());
    engine.stop().unwrap();
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    assert!(
        caller.handle.catalog().stream(Namespace::DEFAULT, "q").is_none(),
        "a clean stop takes it as well"
    );
    assert!(caller.handle.catalog().stream(Namespace::DEFAULT, "kept").is_some());
    assert!(matches!(caller.ask(create("q", &held(&[]))), Reply::Stream(_)));
    engine.stop().unwrap();
}

/// Says that it was woken.
struct Woken(Sender<()>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // A test that has ended does not care.
        let _nobody_waits = self.0.send(());
    }
}

#[test]
fn who_waits_for_memory_is_woken_and_nothing_comes_before_what_was_refused() {
    let disk = disk(5);
    let shard = ShardOptions { ephemeral_bytes_max: 20_000, ..ShardOptions::default() };
    let engine = start_with(&disk, options(), &EngineOptions { shard, ..EngineOptions::default() }).unwrap();
    let mut caller = Caller::new(&engine);
    let Reply::Stream(stream) = caller.ask(create("q", &held(&[]))) else { panic!("it is made") };
    let on = |caller: &mut Caller, chain: &Chain, bytes| {
        caller.submit_on(Request::Append(vec![batch(log(&stream), 1, bytes)]), Some(chain.clone()));
        match caller.reply_within(Duration::from_secs(60)).expect("every request is answered").1 {
            Reply::Appended(results) => results[0].map(|appended| appended.base_offset),
            Reply::Refused(kind) => Err(kind),
            other => panic!("{other:?}"),
        }
    };
    let chain = Chain::default();
    let mut end = 0;
    while on(&mut caller, &chain, 1_000).is_ok() {
        assert!(!chain.is_broken() && end < 100, "there is less memory than that");
        end += 1;
    }
    assert!(chain.is_broken() && end > 10);
    let memory = caller.handle.ephemeral_memory();
    assert!(memory.is_full && memory.bytes > 15_000 && memory.bytes_max == 20_000, "{memory:?}");
    let (sender, woken) = channel();
    let waker = Waker::from(Arc::new(Woken(sender)));
    let watch = caller.handle.watch_room(&waker);
    caller.ask(Request::TrimLogs(vec![Trim { log: log(&stream), before: Some(Offset(end / 2)) }]));
    if caller.handle.ephemeral_memory().is_full {
        woken.recv_timeout(Duration::from_secs(60)).expect("who waits is woken");
    }
    drop(watch);
    // However small it is and however much memory there is.
    assert_eq!(on(&mut caller, &chain, 10), Err(ErrorKind::StorageFull));
    assert_eq!(on(&mut caller, &Chain::default(), 1_000), Ok(Offset(end)));
    assert_eq!(on(&mut caller, &Chain::default(), 30_000), Err(ErrorKind::RecordTooLarge), "it never fits");
    assert!(!caller.handle.ephemeral_memory().is_full);
    drop(caller);
    engine.stop().unwrap();
}

#[test]
fn a_large_log_that_is_deleted_is_let_go_of_in_steps_and_read_no_more() {
    let mut broker = Broker::start(&disk(6), BEGIN);
    let stream = broker.create("q", &held(&[]));
    let view = broker.view(&stream);
    for _ in 0..5_000 {
        assert!(matches!(broker.ask(Request::Append(vec![one(&stream)])), Reply::Appended(_)));
    }
    assert_eq!(view.batches(), 5_000);
    broker.ask(Request::TrimLogs(vec![Trim { log: log(&stream), before: Some(Offset(4_000)) }]));
    assert!(view.batches() > 1_000, "not all of it at once");
    while view.batches() > 1_000 {
        let before = view.batches();
        broker.steps.turn(broker.now);
        assert!(view.batches() < before, "every turn lets go of some");
    }
    broker.ask(Request::DeleteStream { stream: stream.id });
    assert!(view.is_revoked());
    assert!(view.read(Offset(4_000), 1 << 20, ReadMode::MayBlock).is_err());
}
