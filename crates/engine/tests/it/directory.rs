//! A small data directory with everything in it: each entry, each image, objects, three lives; and what must be read from it.
//!
//! Apart because the same directory is checked, damaged, and kept as an example of today's format.

use bytes::Bytes;
use millstream_core::catalog::{ConfigChange, Setting, StreamConfig, StreamEntry, TimestampSource};
use millstream_core::cursor::{
    CommitOffsets, Generation, GroupId, GroupReply, GroupRequest, GroupState, JoinGroup, Joined,
    OfferedProtocol, OffsetToCommit, Subscription, SyncGroup,
};
use millstream_core::hash::HashSeed;
use millstream_core::log::{AppendBatch, ProducerStamp};
use millstream_core::request::{CreateStream, Trim};
use millstream_core::{Reply, Request};
use millstream_engine::steps::Steps;
use millstream_engine::{EngineOptions, ReplySink, Submission};
use millstream_storage::object::ObjectWriter;
use millstream_storage::{Disk, OpenError, Options, ReadMode, ReadOutcome, StoredBatch};
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{
    EngineTime, LogId, Namespace, ObjectNumber, Offset, ProducerEpoch, ProducerId, RecordTime, StreamUid,
};
use std::sync::{Arc, Mutex};

/// Engine time at which the directory was made.
const BEGIN_MS: i64 = 1_700_000_000_000;
/// A day and an hour: after it silent producers are forgotten.
const LONG_MS: i64 = 25 * 3_600_000;
/// Records per log of `orders` in the first two lives, one batch each.
const FIRST_LIVES: u64 = 40;
/// And in all.
const RECORDS: u64 = 50;
/// `orders/0` up to here lies in an object, `orders/1` in one that was compacted.
const PACKED: u64 = 25;
/// `orders/2` up to here lay in an object that was dropped.
const OBJECT_ONE: u64 = 10;
/// Where `orders/2` starts.
const TRIMMED: u64 = 20;

/// The first file is soon full; the others can take what the largest request of a group announces.
pub(crate) fn options() -> Options {
    Options {
        wal_file_bytes: 7 << 20,
        wal_file_bytes_first: 32 << 10,
        checkpoint_reserve_bytes: 1 << 20,
        tail_bytes_max: 0,
        ..Options::new(0x6d69_6c6c_7374_7265_616d)
    }
}

struct Sink(Mutex<Vec<Reply>>);

impl ReplySink for Sink {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        self.0.lock().unwrap().extend(replies.map(|(_, reply)| reply));
    }
}

/// A broker that moves when it is asked something.
pub(crate) struct World {
    pub(crate) steps: Steps,
    now: EngineTime,
    sink: Arc<Sink>,
}

impl World {
    /// Goes on when the last life ended.
    pub(crate) fn start(disk: Arc<dyn Disk>) -> Result<World, OpenError> {
        World::start_at(disk, BEGIN_MS)
    }

    fn start_at(disk: Arc<dyn Disk>, now_ms: i64) -> Result<World, OpenError> {
        let now = EngineTime(now_ms);
        let steps = Steps::start(disk, options(), &EngineOptions::default(), HashSeed([1, 2]), now)?;
        let now = now.max(steps.recovered().last_time.unwrap_or_default());
        Ok(World { steps, now, sink: Arc::new(Sink(Mutex::default())) })
    }

    /// Submits a request and takes turns until it is answered, half a second each.
    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        let sink = Arc::clone(&self.sink) as Arc<dyn ReplySink>;
        self.steps.submit(Submission { sink, tag: 0, request, chain: None });
        for _ in 0..100 {
            self.steps.prepare(self.now).unwrap();
            self.steps.turn(self.now);
            self.steps.write().unwrap();
            if let Some(reply) = self.sink.0.lock().unwrap().pop() {
                return reply;
            }
            self.now = EngineTime(self.now.0 + 500);
        }
        panic!("no answer comes");
    }

    fn group(&mut self, request: GroupRequest) -> GroupReply {
        match self.ask(Request::Group(Box::new(request))) {
            Reply::Group(reply) => *reply,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn checkpoint(&mut self) {
        while !self.steps.checkpoint() {}
        self.steps.recycle().unwrap();
    }

    fn stop(self) {
        self.steps.stop(self.now).unwrap();
    }

    fn create(&mut self, name: &str, logs: u32, config: StreamConfig) -> Arc<StreamEntry> {
        let uid = StreamUid(0xabc0 + u128::from(logs));
        let create = CreateStream { namespace: Namespace::DEFAULT, name: name.into(), uid, logs, config };
        match self.ask(Request::CreateStream(Box::new(create))) {
            Reply::Stream(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    fn append(&mut self, batch: AppendBatch) {
        match self.ask(Request::Append(vec![batch])) {
            Reply::Appended(results) => assert!(results.iter().all(Result::is_ok), "{results:?}"),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn append_plain(&mut self, log: LogId, n: u64) {
        self.append(batch(log, n, None));
    }

    /// Makes a group with one member and its assignment.
    fn found_team(&mut self, name: &str) {
        let GroupReply::Joined(Joined { member, generation, .. }) = self.group(join(name)) else {
            panic!("refused")
        };
        self.group(GroupRequest::Sync(SyncGroup {
            group: group(name),
            member: Arc::clone(&member),
            instance: Some("first".into()),
            generation,
            protocol_type: None,
            protocol_name: None,
            assignments: vec![(member, Bytes::from_static(b"everything"))],
        }));
    }

    fn producer(&mut self) -> ProducerId {
        match self.ask(Request::AllocateProducer) {
            Reply::Producer { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    fn read(&self, log: LogId, from: Offset) -> Vec<StoredBatch> {
        let view = self.steps.views().get(log).expect("the log exists");
        let (mut at, mut all) = (from, Vec::new());
        loop {
            match view.read(at, 1 << 20, ReadMode::MayBlock).unwrap() {
                ReadOutcome::Batches(batches) => all.extend(batches),
                ReadOutcome::AtEnd => return all,
                ReadOutcome::WouldBlock => panic!("a read that may block waits"),
            }
            at = all.last().expect("a read gives something").last_offset.advance(1);
        }
    }

    /// Writes an object of stretches of logs, leaving out what `keeps` refuses, and commits it.
    fn pack(&mut self, number: u64, parts: &[(LogId, u64, bool)], keeps: impl Fn(LogId, u64) -> bool) {
        let objects = Arc::clone(self.steps.objects());
        let number = ObjectNumber(number);
        let mut writer = ObjectWriter::new(&**objects.store(), objects.directory(), number).unwrap();
        for &(log, to, is_compacted) in parts {
            let start = self.steps.views().get(log).unwrap().log_start();
            writer.begin_part(log, start);
            for stored in self.read(log, start) {
                if stored.base_offset.0 < to && keeps(log, stored.base_offset.0) {
                    writer.batch(&[&stored.head, &stored.rest]).unwrap();
                }
            }
            writer.end_part(Offset(to), is_compacted).unwrap();
        }
        let entry = writer.finish().unwrap();
        objects.register(entry.clone());
        match self.ask(Request::CommitObject(Box::new(entry))) {
            Reply::Object { committed: true } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A batch of one record whose value says where it belongs.
fn batch(log: LogId, n: u64, producer: Option<(ProducerId, u32)>) -> AppendBatch {
    let time = RecordTime(BEGIN_MS + n as i64);
    let mut builder = BatchBuilder::new();
    if let Some((id, sequence)) = producer {
        builder = builder.producer(id, ProducerEpoch(0), Some(sequence));
    }
    let key = format!("key {}", n % 7);
    builder.push(time, Some(key.as_bytes()), Some(value(log, n).as_bytes()), &[]).unwrap();
    AppendBatch {
        log,
        records: 1,
        last_offset_delta: 0,
        max_timestamp: time,
        producer: producer.map(|(id, sequence)| ProducerStamp {
            id,
            epoch: ProducerEpoch(0),
            first_sequence: sequence,
            last_sequence: sequence,
        }),
        marks: Vec::new(),
        bytes: builder.finish(Compression::None).unwrap(),
    }
}

fn value(log: LogId, n: u64) -> String {
    format!("record {n} of log {log} {}", "x".repeat(200))
}

fn group(name: &str) -> GroupId {
    GroupId { namespace: Namespace::DEFAULT, name: name.into() }
}

fn commit(name: &str, offsets: &[(LogId, u64)]) -> GroupRequest {
    let offsets = offsets.iter().map(|&(log, offset)| OffsetToCommit {
        log,
        offset: Offset(offset),
        leader_epoch: 0,
        metadata: "a note".into(),
    });
    GroupRequest::CommitOffsets(CommitOffsets {
        group: group(name),
        member: "".into(),
        instance: None,
        generation: Generation::NONE,
        retention_ms: None,
        offsets: offsets.collect(),
    })
}

fn join(name: &str) -> GroupRequest {
    GroupRequest::Join(JoinGroup {
        group: group(name),
        member: "".into(),
        instance: Some("first".into()),
        client_id: "client".into(),
        client_host: "/10.0.0.1".into(),
        session_timeout_ms: 300_000,
        rebalance_timeout_ms: 1_000,
        protocol_type: "consumer".into(),
        protocols: vec![OfferedProtocol { name: "range".into(), metadata: Bytes::from_static(b"all") }],
        subscription: Subscription::Opaque,
        require_known_member: false,
        can_skip_assignment: true,
        random: 77,
    })
}

fn config() -> StreamConfig {
    let mut config = StreamConfig::default();
    for setting in [
        Setting::BatchBytesMax(1 << 20),
        Setting::TimestampSource(TimestampSource::Producer),
        Setting::TimestampBeforeMaxMs(1 << 50),
        Setting::TimestampAfterMaxMs(1 << 40),
        Setting::RetentionMs(None),
        Setting::RetentionBytes(Some(1 << 40)),
        Setting::Cleanup { delete: true, compact: true },
        Setting::TombstoneRetentionMs(5),
        Setting::CompactionLagMinMs(6),
        Setting::CompactionLagMaxMs(Some(7)),
        Setting::CompactionDirtyRatioMin(8),
        Setting::Consumed(None),
        Setting::Annotation("owner".into(), "tests".into()),
    ] {
        config.change(&ConfigChange::Set(setting)).unwrap();
    }
    config
}

fn stream(world: &World, name: &str) -> Arc<StreamEntry> {
    world.steps.catalog().stream(Namespace::DEFAULT, name).expect("the stream exists")
}

fn log(world: &World, name: &str, index: u32) -> LogId {
    LogId { stream: stream(world, name).id, index }
}

/// Makes the directory in three lives. The first ends in a crash after a checkpoint with every kind of image; the second adds
/// every kind of entry, so that all of them are replayed, and crashes; the third is stopped.
pub(crate) fn make(disk: &Arc<dyn Disk>) {
    let mut world = World::start(Arc::clone(disk)).unwrap();
    let orders = world.create("orders", 3, config()).id;
    let events = world.create("events", 1, StreamConfig::default()).id;
    let gone = world.create("gone", 2, StreamConfig::default()).id;
    let [first, second, third] = [0, 1, 2].map(|index| LogId { stream: orders, index });
    let forgotten = world.producer();
    world.append(batch(second, 0, Some((forgotten, 0))));
    (0..OBJECT_ONE).for_each(|n| world.append_plain(third, n));
    world.group(commit("billing", &[(first, 7), (third, 9)]));
    world.group(commit("old", &[(first, 1)]));
    world.found_team("crew");
    world.pack(1, &[(third, OBJECT_ONE, false)], |_, _| true);
    world.checkpoint();
    world.checkpoint();
    drop(world);

    let mut world = World::start_at(Arc::clone(disk), BEGIN_MS + LONG_MS).unwrap();
    let producer = world.producer();
    world.append(batch(second, 1, Some((producer, 0))));
    for n in 0..FIRST_LIVES {
        world.append(batch(first, n, Some((producer, n as u32))));
        if n > 1 {
            world.append_plain(second, n);
        }
        if n >= OBJECT_ONE {
            world.append_plain(third, n);
        }
        world.append_plain(LogId { stream: gone, index: (n % 2) as u32 }, n / 2);
    }
    world.create("late", 1, StreamConfig::default());
    world.ask(Request::DeleteStream { stream: gone });
    world.ask(Request::AddLogs { stream: events, logs: 2 });
    world.group(commit("billing", &[(second, 8)]));
    world.group(GroupRequest::DeleteOffsets { group: group("billing"), logs: vec![third] });
    world.group(GroupRequest::Delete { groups: vec![group("old")] });
    world.pack(2, &[(first, PACKED, false), (second, PACKED, true)], |log, n| log == first || n % 2 == 0);
    world.ask(Request::TrimLogs(vec![Trim { log: third, before: Some(Offset(TRIMMED)) }]));
    let drop_first = Request::DropObjects(vec![ObjectNumber(1)]);
    let Reply::ObjectsDropped(dropped) = world.ask(drop_first) else { panic!("refused") };
    world.steps.objects().drop_objects(&dropped);
    assert_eq!(world.steps.objects().sweep().unwrap(), 1, "the dropped object is removed");
    world.found_team("team");
    drop(world);

    let mut world = World::start(Arc::clone(disk)).unwrap();
    for n in FIRST_LIVES..RECORDS {
        [first, second, third].into_iter().for_each(|log| world.append_plain(log, n));
    }
    world.append_plain(log(&world, "events", 1), 0);
    expect(&mut world);
    world.stop();
}

/// Everything that [`make`] has left is there.
pub(crate) fn expect(world: &mut World) {
    let orders = stream(world, "orders");
    assert_eq!((orders.logs, orders.uid, &orders.config), (3, StreamUid(0xabc3), &config()));
    assert_eq!(stream(world, "events").logs, 2);
    assert_eq!(stream(world, "late").logs, 1);
    assert!(world.steps.catalog().stream(Namespace::DEFAULT, "gone").is_none());
    let [first, second, third] = [0, 1, 2].map(|index| LogId { stream: orders.id, index });
    let all = |from: u64| (from..RECORDS).collect::<Vec<_>>();
    let compacted: Vec<u64> = (0..RECORDS).filter(|n| *n >= PACKED || n % 2 == 0).collect();
    let events = log(world, "events", 1);
    for (log, start, offsets) in
        [(first, 0, all(0)), (second, 0, compacted), (third, TRIMMED, all(TRIMMED)), (events, 0, vec![0])]
    {
        let read = world.read(log, Offset(start));
        let found: Vec<u64> = read.iter().map(|stored| stored.base_offset.0).collect();
        assert_eq!(found, offsets, "log {log}");
        for stored in read {
            let value = value(log, stored.base_offset.0);
            let bytes = stored.to_contiguous();
            let is_there = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(is_there, "log {log} at {}", stored.base_offset);
        }
    }
    let live: Vec<u64> = world.steps.objects().list().iter().map(|object| object.number().0).collect();
    assert_eq!(live, [2]);

    // The producer's last batch is known: sent again it is no other record.
    let again =
        Request::Append(vec![batch(first, FIRST_LIVES - 1, Some((ProducerId(2), FIRST_LIVES as u32 - 1)))]);
    match world.ask(again) {
        Reply::Appended(results) => assert!(results[0].unwrap().duplicate, "{results:?}"),
        other => panic!("{other:?}"),
    }
    let fetch = GroupRequest::FetchOffsets { group: group("billing"), logs: None };
    let GroupReply::Offsets(offsets) = world.group(fetch) else { panic!("refused") };
    let offsets: Vec<_> =
        offsets.into_iter().map(|(log, offset)| (log, offset.map(|offset| offset.offset.0))).collect();
    assert_eq!(offsets, [(first, Some(7)), (second, Some(8))]);
    let groups = vec![group("team"), group("old")];
    let GroupReply::Described(groups) = world.group(GroupRequest::Describe { groups }) else {
        panic!("refused")
    };
    let team = groups[0].as_ref().unwrap();
    assert_eq!((team.state, team.members.len()), (GroupState::Stable, 1));
    assert_eq!(team.members[0].assignment, Bytes::from_static(b"everything"));
    assert!(groups[1].is_err());
}
