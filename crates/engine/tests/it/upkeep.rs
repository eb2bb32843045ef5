//! Retention, packing and compaction as the engine does them by itself: what may go goes, what must stay can be read, and
//! a crash at any moment changes neither.

use crate::caller::options;
use bytes::Bytes;
use millstream_core::catalog::{ConfigChange, Setting, StreamConfig, StreamEntry};
use millstream_core::hash::HashSeed;
use millstream_core::log::AppendBatch;
use millstream_core::request::{CreateStream, Trim};
use millstream_core::{Reply, Request};
use millstream_engine::steps::Steps;
use millstream_engine::{EngineOptions, ReplySink, Submission};
use millstream_storage::pack::PackOptions;
use millstream_storage::{Disk as _, Options, ReadMode, ReadOutcome};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::batch::{self, BatchBuilder, Compression, OpenLimits};
use millstream_types::{EngineTime, LogId, Namespace, RecordTime, StreamUid};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A time at which records are made, in milliseconds.
const BEGIN: i64 = 1_000_000_000_000;

/// Far more than any test writes.
const DISK_BYTES: u64 = 256 << 20;

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

fn small() -> Options {
    Options { wal_file_bytes: 1 << 20, wal_file_bytes_first: 256 << 10, ..options() }
}

fn engine_options() -> EngineOptions {
    let mut options = EngineOptions { checkpoint_bytes: 64 << 10, ..EngineOptions::default() };
    options.upkeep.pack = PackOptions { young_files: 0, files_together: 1, ..PackOptions::default() };
    options.upkeep.compact.object_bytes = 32 << 10;
    options.upkeep.step_bytes = 4 << 10;
    options
}

impl Broker {
    fn start(disk: &Arc<SimDisk>, now: EngineTime) -> Broker {
        let steps = Steps::start(disk.clone(), small(), &engine_options(), HashSeed([1, 2]), now).unwrap();
        Broker { steps, now, replies: Arc::default() }
    }

    fn ask(&mut self, request: Request) -> Reply {
        let sink = Arc::clone(&self.replies) as Arc<dyn ReplySink>;
        self.steps.submit(Submission { sink, tag: 0, request, chain: None });
        for _ in 0..1_000 {
            self.turn();
            if let Some(reply) = self.replies.0.lock().unwrap().pop() {
                return reply;
            }
        }
        panic!("every request is answered");
    }

    fn turn(&mut self) {
        self.steps.turn(self.now);
        self.steps.write().unwrap();
        self.steps.prepare(self.now).unwrap();
    }

    /// Lets time pass and does whatever is to be done then.
    fn settle(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
        let mut quiet = 0;
        for _ in 0..100_000 {
            let more = self.steps.upkeep(self.now);
            self.turn();
            quiet = if more { 0 } else { quiet + 1 };
            if quiet > 3 {
                while !self.steps.checkpoint() {
                    self.turn();
                }
                self.steps.recycle().unwrap();
                return;
            }
        }
        panic!("the upkeep comes to an end");
    }

    fn create(&mut self, name: &str, settings: &[Setting]) -> Arc<StreamEntry> {
        let mut config = StreamConfig::default();
        for setting in settings {
            config.change(&ConfigChange::Set(setting.clone())).unwrap();
        }
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(9),
            logs: 1,
            config,
        };
        match self.ask(Request::CreateStream(Box::new(create))) {
            Reply::Stream(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    fn append(&mut self, log: LogId, records: &[(u32, Option<Bytes>)]) {
        let time = RecordTime(self.now.0);
        let mut builder = BatchBuilder::new();
        for (key, value) in records {
            builder.push(time, Some(&key.to_be_bytes()), value.as_deref(), &[]).unwrap();
        }
        let count = u32::try_from(records.len()).unwrap();
        let batch = AppendBatch {
            log,
            records: count,
            last_offset_delta: count - 1,
            max_timestamp: time,
            producer: None,
            marks: Vec::new(),
            bytes: builder.finish(Compression::None).unwrap(),
        };
        match self.ask(Request::Append(vec![batch])) {
            Reply::Appended(results) => results[0].unwrap(),
            other => panic!("{other:?}"),
        };
    }

    /// Offset, key and value of every record from the log's start on.
    fn read(&self, log: LogId) -> Vec<(u64, u32, Option<Vec<u8>>)> {
        let view = self.steps.views().get(log).unwrap();
        let mut at = view.log_start();
        let mut records = Vec::new();
        loop {
            match view.read(at, 1 << 20, ReadMode::MayBlock).unwrap() {
                ReadOutcome::AtEnd => return records,
                ReadOutcome::WouldBlock => panic!("it may block"),
                ReadOutcome::Batches(batches) => {
                    for stored in batches {
                        at = stored.last_offset.advance(1);
                        let bytes = stored.to_contiguous();
                        let opened = batch::open(&bytes, OpenLimits::default()).unwrap();
                        for record in opened.iter() {
                            let record = record.unwrap();
                            let key = u32::from_be_bytes(record.key.unwrap().try_into().unwrap());
                            let offset = stored.base_offset.0 + u64::from(record.offset_delta);
                            records.push((offset, key, record.value.map(<[u8]>::to_vec)));
                        }
                    }
                }
            }
        }
    }
}

fn disk() -> Arc<SimDisk> {
    Arc::new(SimDisk::new(1, Faults::none(DISK_BYTES)))
}

/// Bytes that all files take.
fn used(disk: &SimDisk) -> u64 {
    DISK_BYTES - disk.free_space().unwrap()
}

fn value(bytes: usize) -> Option<Bytes> {
    Some(Bytes::from(vec![b'v'; bytes]))
}

fn log_of(stream: &StreamEntry) -> LogId {
    LogId { stream: stream.id, index: 0 }
}

#[test]
fn records_go_when_their_time_has_passed_and_not_before() {
    let disk = disk();
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    let short = log_of(&broker.create("short", &[Setting::RetentionMs(Some(60_000))]));
    let default = log_of(&broker.create("default", &[]));
    for log in [short, default] {
        broker.append(log, &[(1, value(100)), (2, value(100))]);
    }
    broker.settle(50_000);
    assert_eq!(broker.read(short).len(), 2, "too early");
    broker.settle(20_000);
    assert_eq!(broker.read(short), [], "expired without a write, and the last records too");
    assert_eq!(broker.read(default).len(), 2);
    broker.settle(8 * 24 * 3_600_000);
    assert_eq!(broker.read(default), [], "seven days are the default");
    drop(broker);
    disk.crash();
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    assert_eq!(broker.steps.views().get(short).unwrap().log_start().0, 2, "and stay gone");
    broker.append(short, &[(3, value(1))]);
    assert_eq!(broker.read(short)[0].0, 2, "offsets go on");
}

#[test]
fn a_log_keeps_no_more_than_its_bytes() {
    let mut broker = Broker::start(&disk(), EngineTime(BEGIN));
    let log = log_of(&broker.create("s", &[Setting::RetentionBytes(Some(200_000))]));
    for n in 0..400 {
        broker.append(log, &[(n, value(5_000))]);
    }
    broker.settle(10_000);
    let kept = broker.steps.views().get(log).unwrap().bytes();
    assert!((200_000..300_000).contains(&kept), "{kept} bytes are kept");
    let records = broker.read(log);
    assert_eq!(records.last().unwrap().0, 399);
}

#[test]
fn compaction_leaves_the_latest_of_each_key_at_its_offset_also_after_a_crash() {
    let disk = disk();
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    let compact = Setting::Cleanup { delete: false, compact: true };
    let log = log_of(&broker.create("s", &[compact, Setting::TombstoneRetentionMs(60_000)]));
    let mut latest = BTreeMap::new();
    let mut offset = 0;
    for round in 0..60u32 {
        let records: Vec<_> = (0..20)
            .map(|n| ((round * 7 + n * 3) % 50, if n == 19 { None } else { value(200 + n as usize) }))
            .collect();
        for (key, _) in &records {
            latest.insert(*key, offset);
            offset += 1;
        }
        broker.append(log, &records);
    }
    // The last batch is never touched.
    broker.append(log, &[(1_000, value(1))]);
    let all = broker.read(log);
    broker.settle(20_000);
    let kept = broker.read(log);
    let expected: Vec<_> =
        all.iter().filter(|(offset, key, _)| *key == 1_000 || latest[key] == *offset).cloned().collect();
    assert_eq!(kept, expected, "tombstones stay for their time");
    assert!(!broker.steps.objects().list().is_empty());

    let now = broker.now;
    drop(broker);
    disk.crash();
    let mut broker = Broker::start(&disk, now);
    assert_eq!(broker.read(log), expected);
    broker.settle(70_000);
    // Something new makes the log dirty; the tombstones' time has passed.
    for n in 0..200 {
        broker.append(log, &[(2_000, value(500 + n))]);
    }
    broker.settle(20_000);
    let kept = broker.read(log);
    assert!(kept.iter().all(|(_, key, value)| value.is_some() || *key == 2_000), "{kept:?}");
    let alive: Vec<_> = expected.into_iter().filter(|(_, _, value)| value.is_some()).collect();
    assert_eq!(&kept[..alive.len()], alive);
}

#[test]
fn a_slow_log_does_not_hold_the_files_of_busy_ones() {
    let disk = disk();
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    let slow = log_of(&broker.create("slow", &[Setting::RetentionMs(None)]));
    let busy = log_of(&broker.create("busy", &[Setting::RetentionMs(Some(1_000))]));
    let mut kept = Vec::new();
    for n in 0..60u32 {
        broker.append(slow, &[(n, value(50))]);
        kept.push((u64::from(n), n, value(50).map(|bytes| bytes.to_vec())));
        for _ in 0..10 {
            broker.append(busy, &[(n, value(20_000))]);
        }
    }
    let before = used(&disk);
    for _ in 0..4 {
        broker.settle(20_000);
        // A checkpoint lets go only of what a later frame has followed.
        broker.append(busy, &[(0, value(1))]);
    }
    let after = used(&disk);
    assert!(after < before / 2, "{before} bytes before, {after} after");
    assert_eq!(broker.read(slow), kept);
    let objects = broker.steps.objects().list().len();
    assert!(objects > 0, "the slow log lives in objects");
    let now = broker.now;
    drop(broker);
    disk.crash();
    let broker = Broker::start(&disk, now);
    assert_eq!(broker.read(slow), kept);
    assert_eq!(broker.steps.objects().list().len(), objects);
}

#[test]
fn an_object_that_a_read_held_when_its_records_went_goes_although_nothing_is_written() {
    let disk = disk();
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    let slow = log_of(&broker.create("slow", &[Setting::RetentionMs(None)]));
    let busy = log_of(&broker.create("busy", &[Setting::RetentionMs(Some(1_000))]));
    for n in 0..60u32 {
        broker.append(slow, &[(n, value(50))]);
        for _ in 0..10 {
            broker.append(busy, &[(n, value(20_000))]);
        }
    }
    for _ in 0..4 {
        broker.settle(20_000);
        broker.append(busy, &[(0, value(1))]);
    }
    let held = broker.steps.objects().list();
    assert!(!held.is_empty(), "the slow log lives in objects");
    broker.ask(Request::TrimLogs(vec![Trim { log: slow, before: None }]));
    for _ in 0..4 {
        broker.settle(20_000);
    }
    let held_numbers: Vec<_> = held.iter().map(|object| object.number()).collect();
    let left = |broker: &Broker| {
        let left = broker.steps.objects().list();
        held_numbers.iter().filter(|number| left.iter().any(|object| object.number() == **number)).count()
    };
    assert_eq!(left(&broker), held.len(), "a read holds them");
    drop(held);
    for _ in 0..2 {
        broker.settle(2_000);
    }
    assert_eq!(left(&broker), 0);
    let files = disk.list("objects").unwrap().len();
    assert_eq!(files, broker.steps.objects().list().len(), "no file is left without an object");
}

#[test]
fn damage_in_what_nobody_reads_is_found_and_said_and_changes_nothing() {
    let disk = disk();
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    let log = log_of(&broker.create("s", &[Setting::RetentionMs(None)]));
    for n in 0..40 {
        broker.append(log, &[(n, value(30_000))]);
    }
    broker.settle(3_600_000);
    let totals = broker.steps.upkeep_totals().scrub;
    assert!(totals.rounds >= 1 && totals.bytes > 200_000 && totals.findings == 0, "{totals:?}");
    let object = disk.paths().into_iter().find(|path| path.ends_with(".obj")).expect("files were packed");
    disk.flip_bit(&object, 8 * 60_000);
    broker.settle(8 * 24 * 3_600_000);
    let totals = broker.steps.upkeep_totals().scrub;
    assert_eq!(totals.findings, 1, "{totals:?}");
}
