//! Dead letters: what is taken out of a stream arrives in another, once, with everything that is said of it, over crashes
//! and whatever is wrong with the target. And ordering keys of records that came without them.
//! Long, because every way in which a move can end is told from its beginning.

use crate::caller::{Caller, PATIENCE, options, start};
use bytes::Bytes;
use millstream_core::catalog::{
    ConfigChange, DeadLetterRoute, LeaseSetting, Ordering, Overflow, Setting, StreamConfig, StreamEntry,
};
use millstream_core::hash::HashSeed;
use millstream_core::lease::{
    Acquire, AcquiredRecord, Action, Binding, GroupCounts, GroupTotals, HolderId, LeaseGroupId, LeaseRef,
    LeaseReply, LeaseRequest, MoveTarget, Redrive, RedriveState, Settle, StartRedrive,
};
use millstream_core::log::AppendBatch;
use millstream_core::request::CreateStream;
use millstream_core::route::{
    self, Condition, CreateRoute, Destination, MatchKind, RouteConfig, RouteReply, RouteRequest,
};
use millstream_core::{Reply, Request};
use millstream_engine::steps::Steps;
use millstream_engine::{EngineOptions, ReplySink, Submission};
use millstream_storage::{LogView, Options, ReadMode, ReadOutcome};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::batch::{self, BatchBuilder, Compression, OpenLimits, Record};
use millstream_types::dead_letter::{DeadLetter, DeathReason, History};
use millstream_types::routed::Routed;
use millstream_types::{EngineTime, LogId, Namespace, Offset, RecordTime, StreamUid};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BEGIN: i64 = 1_000_000_000_000;
/// The default time of a lease.
const LEASE_MS: u64 = 30_000;

#[derive(Default)]
struct Replies(Mutex<Vec<Reply>>);

impl ReplySink for Replies {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (u64, Reply)>) {
        self.0.lock().unwrap().extend(replies.map(|(_, reply)| reply));
    }
}

/// A broker in one thread. Its disk may crash; then nothing is answered any more.
struct Broker {
    steps: Steps,
    now: EngineTime,
    replies: Arc<Replies>,
}

fn disk(seed: u64) -> Arc<SimDisk> {
    Arc::new(SimDisk::new(seed, Faults::none(64 << 20)))
}

fn dead_letter(to: &str) -> LeaseSetting {
    LeaseSetting::DeadLetter(Some(to.into()))
}

fn group(stream: &StreamEntry) -> LeaseGroupId {
    LeaseGroupId::default_of(stream.id)
}

fn leased(request: LeaseRequest) -> Request {
    Request::Lease(Box::new(request))
}

fn create(name: &str, settings: &[LeaseSetting]) -> Request {
    let mut config = StreamConfig::default();
    for setting in settings.iter().cloned().chain([LeaseSetting::Enabled(true)]) {
        config.change(&ConfigChange::Set(Setting::Lease(setting))).unwrap();
    }
    let uid = StreamUid(name.bytes().fold(1, |uid, byte| uid * 256 + u128::from(byte)));
    let create = CreateStream { namespace: Namespace::DEFAULT, name: name.into(), uid, logs: 1, config };
    Request::CreateStream(Box::new(create))
}

/// A batch of records with these values; each has its value as key, a time, and a header.
fn batch_of(stream: &StreamEntry, values: &[Bytes], compression: Compression) -> AppendBatch {
    let mut builder = BatchBuilder::new();
    for (n, value) in (0..).zip(values) {
        let key = &value[..value.len().min(4)];
        builder.push(RecordTime(77 + n), Some(key), Some(value), &[("color", Some(b"red"))]).unwrap();
    }
    let records = u32::try_from(values.len()).unwrap();
    AppendBatch {
        log: LogId { stream: stream.id, index: 0 },
        records,
        last_offset_delta: records - 1,
        max_timestamp: RecordTime(76 + i64::from(records)),
        producer: None,
        marks: Vec::new(),
        bytes: builder.finish(compression).unwrap(),
    }
}

fn acquire(stream: &StreamEntry, records_max: u32) -> Request {
    leased(LeaseRequest::Acquire(acquiring(stream, records_max)))
}

fn acquiring(stream: &StreamEntry, records_max: u32) -> Acquire {
    Acquire {
        group: group(stream),
        holder: HolderId(1),
        binding: Binding::Timed { timeout_ms: None },
        records_max,
        wait_ms: 0,
        priority: 0,
        leased_max: None,
        attempt: None,
    }
}

fn settle(stream: &StreamEntry, records: &[AcquiredRecord], action: Action) -> Request {
    let of =
        |record: &AcquiredRecord| LeaseRef { log: record.log, offset: record.offset, lease: record.lease };
    let leases = records.iter().map(|record| (of(record), action)).collect();
    leased(LeaseRequest::Settle(Settle { group: group(stream), leases }))
}

fn acquired(reply: Reply) -> Vec<AcquiredRecord> {
    match reply {
        Reply::Lease(reply) => match *reply {
            LeaseReply::Acquired(acquired) => acquired.records,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// All records of a log.
fn read_all(view: &LogView) -> Vec<Record> {
    let (mut at, mut records) = (Offset(0), Vec::new());
    loop {
        match view.read(at, 1 << 20, ReadMode::MayBlock).unwrap() {
            ReadOutcome::AtEnd => return records,
            ReadOutcome::WouldBlock => panic!("it may block"),
            ReadOutcome::Batches(batches) => {
                for stored in batches {
                    at = stored.last_offset.advance(1);
                    let opened = batch::records(&stored.to_contiguous(), OpenLimits::default()).unwrap();
                    records.extend(opened.map(Result::unwrap));
                }
            }
        }
    }
}

impl Broker {
    fn start(disk: &Arc<SimDisk>, now: EngineTime) -> Broker {
        Broker::start_with(disk, options(), now)
    }

    fn start_with(disk: &Arc<SimDisk>, storage: Options, now: EngineTime) -> Broker {
        let options = EngineOptions::default();
        let steps = Steps::start(disk.clone(), storage, &options, HashSeed([1, 2]), now).unwrap();
        Broker { steps, now, replies: Arc::default() }
    }

    /// False when the disk has crashed.
    #[must_use]
    fn turn(&mut self) -> bool {
        self.steps.turn(self.now);
        self.steps.write().is_ok() && self.steps.prepare(self.now).is_ok()
    }

    /// `None` when the disk has crashed.
    fn try_ask(&mut self, request: Request) -> Option<Reply> {
        let sink = Arc::clone(&self.replies) as Arc<dyn ReplySink>;
        self.steps.submit(Submission { sink, tag: 0, request, chain: None });
        for _ in 0..1_000 {
            if !self.turn() {
                return None;
            }
            if let Some(reply) = self.replies.0.lock().unwrap().pop() {
                return Some(reply);
            }
        }
        panic!("every request is answered");
    }

    fn ask(&mut self, request: Request) -> Reply {
        self.try_ask(request).expect("the disk lives")
    }

    /// Lets time pass, and moves whatever is to be moved then. Returns how many requests the mover made.
    fn pass(&mut self, ms: u64) -> u32 {
        self.now = self.now.after_ms(ms);
        let (mut asked, mut quiet) = (0, 0);
        while quiet < 4 {
            let more = self.steps.mover(self.now);
            assert!(self.turn(), "the disk lives");
            asked += u32::from(more);
            quiet = if more { 0 } else { quiet + 1 };
            assert!(asked < 10_000, "the mover comes to rest");
        }
        asked
    }

    fn create(&mut self, name: &str, settings: &[LeaseSetting]) -> Arc<StreamEntry> {
        match self.ask(create(name, settings)) {
            Reply::Stream(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    fn append(&mut self, stream: &StreamEntry, values: &[Bytes], compression: Compression) {
        match self.ask(Request::Append(vec![batch_of(stream, values, compression)])) {
            Reply::Appended(results) => results[0].unwrap(),
            other => panic!("{other:?}"),
        };
    }

    fn acquire(&mut self, stream: &StreamEntry, records_max: u32) -> Vec<AcquiredRecord> {
        acquired(self.ask(acquire(stream, records_max)))
    }

    /// Takes out so many and ends their leases.
    fn end(&mut self, stream: &StreamEntry, records: u32, action: Action) {
        let taken = self.acquire(stream, records);
        assert_eq!(taken.len(), records as usize);
        let reply = self.ask(settle(stream, &taken, action));
        assert!(matches!(reply, Reply::Lease(_)), "{reply:?}");
    }

    fn counts(&mut self, stream: &StreamEntry) -> GroupCounts {
        match self.ask(leased(LeaseRequest::Describe { groups: vec![group(stream)] })) {
            Reply::Lease(reply) => match *reply {
                // Only where records are; what has happened to them is counted beside that.
                LeaseReply::Described(counts) => {
                    GroupCounts { totals: GroupTotals::default(), ..counts[0].unwrap() }
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn read(&self, stream: &StreamEntry) -> Vec<Record> {
        read_all(&self.steps.views().get(LogId { stream: stream.id, index: 0 }).unwrap())
    }

    fn values(&self, stream: &StreamEntry) -> Vec<Bytes> {
        self.read(stream).into_iter().map(|record| record.value.unwrap()).collect()
    }
}

fn value(n: u32) -> Bytes {
    Bytes::from(format!("{n:06}"))
}

fn values(range: std::ops::Range<u32>) -> Vec<Bytes> {
    range.map(value).collect()
}

fn letter(record: &Record) -> DeadLetter {
    DeadLetter::parse(record.headers()).expect("it is a dead letter")
}

#[test]
fn a_rejected_record_arrives_as_it_was_and_says_where_it_comes_from() {
    let mut broker = Broker::start(&disk(1), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let dead = broker.create("dead", &[]);
    broker.append(&work, &values(0..50), Compression::Zstd);
    broker.append(&work, &values(50..52), Compression::None);
    broker.end(&work, 3, Action::Release { delay_ms: 0, delivered: true });
    broker.end(&work, 20, Action::Reject);
    broker.end(&work, 32, Action::Ack { late: false });
    broker.pass(5);
    let records = broker.read(&dead);
    assert_eq!(broker.values(&dead), values(0..20), "in their order");
    let time = broker.now;
    for (n, record) in (0..).zip(&records) {
        assert_eq!(record.timestamp, RecordTime(77 + n));
        assert_eq!(record.key.as_deref(), Some(&record.value.as_ref().unwrap()[..4]));
        assert_eq!(record.headers().next(), Some(("color", Some(&b"red"[..]))));
        let letter = letter(record);
        assert_eq!((&*letter.source, letter.log, letter.offset.0), ("work", 0, n as u64));
        assert_eq!((letter.reason, letter.time), (DeathReason::Rejected, time));
        assert_eq!(letter.deliveries, if n < 3 { 2 } else { 1 });
        assert_eq!(letter.history.deaths().len(), 1);
    }
    let totals = broker.steps.mover_totals();
    assert_eq!((totals.moved, totals.batches_opened), (20, 1), "neighbours are opened together");
    assert_eq!(broker.counts(&work), GroupCounts::default());
    assert_eq!(broker.counts(&dead).ready, 20);
}

fn declare(broker: &mut Broker, request: RouteRequest) -> RouteReply {
    match broker.ask(Request::Route(Box::new(request))) {
        Reply::Route(reply) => *reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dead_letters_that_go_by_a_route_go_to_all_streams_that_it_leads_to() {
    let mut broker = Broker::start(&disk(9), EngineTime(BEGIN));
    let by = |key: Option<&str>| {
        let route = DeadLetterRoute { route: "letters".into(), key: key.map(Into::into) };
        LeaseSetting::DeadLetterRoute(Some(route))
    };
    let work = broker.create("work", &[by(None)]);
    let retry = broker.create("retry", &[by(Some("again"))]);
    let all = broker.create("all", &[]);
    broker.append(&work, &values(0..2), Compression::Zstd);
    broker.end(&work, 2, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.counts(&work).moving, 2, "they wait for their route");

    let config = RouteConfig::new(MatchKind::Pattern);
    let create = CreateRoute { namespace: Namespace::DEFAULT, name: "letters".into(), config };
    let created = declare(&mut broker, RouteRequest::Create(Box::new(create)));
    let RouteReply::Route { entry, .. } = created else { panic!("{created:?}") };
    let bind = |broker: &mut Broker, key: &str, stream: &StreamEntry| {
        let (key, arguments) = (key.as_bytes().into(), [].into());
        let destination = Destination::Stream(stream.id);
        let binding = route::Binding { destination, key, condition: Condition::Key, arguments };
        declare(broker, RouteRequest::Bind { source: entry.id, binding: Box::new(binding) });
    };
    bind(&mut broker, "work", &retry);
    bind(&mut broker, "#", &all);
    broker.pass(120_000);
    assert_eq!(broker.counts(&work), GroupCounts::default());
    for stream in [&retry, &all] {
        assert_eq!(broker.values(stream), values(0..2));
        for record in broker.read(stream) {
            assert_eq!(&*letter(&record).source, "work");
            let way = Routed { by: "letters".into(), key: "work".into() };
            assert_eq!(Routed::parse(record.headers()), Some(way), "a record that does not say came by name");
        }
    }
    broker.end(&retry, 1, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&all), values(0..2).into_iter().chain([value(0)]).collect::<Vec<_>>());
    let twice = broker.read(&all).pop().unwrap();
    assert_eq!(&*Routed::parse(twice.headers()).unwrap().key, "again");
    let ways: Vec<_> =
        letter(&twice).history.deaths().iter().map(|death| death.routed.clone().map(|way| way.key)).collect();
    assert_eq!(ways, [Some("work".into()), None]);

    bind(&mut broker, "again", &retry);
    broker.append(&retry, &[value(9)], Compression::None);
    broker.end(&retry, 2, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&all).len(), 5);
    assert_eq!(broker.counts(&retry).ready, 2, "rejected by somebody, so not a circle by itself");
    let redriven = redrive(&mut broker, &all, MoveTarget::Source);
    assert_eq!(redriven.state, RedriveState::Completed);
    assert_eq!(broker.counts(&work).ready, 2, "its route leads here by that key");
    broker.ask(Request::DeleteStream { stream: all.id });
    broker.ask(Request::DeleteStream { stream: retry.id });
    broker.end(&work, 2, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.counts(&work), GroupCounts::default(), "a route that leads nowhere drops them");
}

/// Moves everything that is ready, to one stream or to where it came from.
fn redrive(broker: &mut Broker, stream: &StreamEntry, target: MoveTarget) -> Redrive {
    let group = group(stream);
    let start = LeaseRequest::StartRedrive(StartRedrive { group, target, per_second: None });
    broker.ask(leased(start));
    for _ in 0..5 {
        broker.pass(100);
    }
    match broker.ask(leased(LeaseRequest::Redrives { group })) {
        Reply::Lease(reply) => match *reply {
            LeaseReply::Redrives(mut redrives) => redrives.pop().expect("one was started"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_record_goes_back_only_to_a_stream_whose_dead_letters_come_here() {
    let mut broker = Broker::start(&disk(5), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let dead = broker.create("dead", &[]);
    let other = broker.create("other", &[dead_letter("elsewhere")]);
    broker.append(&work, &values(0..3), Compression::None);
    broker.end(&work, 3, Action::Reject);
    broker.pass(0);
    // What a producer may write: a letter that names a stream to which it may not.
    let forged = |source: &str| {
        let letter = DeadLetter {
            reason: DeathReason::Rejected,
            source: source.into(),
            log: 0,
            offset: Offset(0),
            deliveries: 1,
            time: EngineTime(BEGIN),
            history: History::default(),
        };
        let headers = letter.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, Some(&value[..]))).collect();
        let mut builder = BatchBuilder::new();
        builder.push(RecordTime(1), None, Some(source.as_bytes()), &headers).unwrap();
        AppendBatch {
            marks: Vec::new(),
            records: 1,
            last_offset_delta: 0,
            max_timestamp: RecordTime(1),
            bytes: builder.finish(Compression::None).unwrap(),
            ..batch_of(&dead, &[value(0)], Compression::None)
        }
    };
    for source in ["other", "nowhere", "dead"] {
        let reply = broker.ask(Request::Append(vec![forged(source)]));
        assert!(matches!(reply, Reply::Appended(_)), "{reply:?}");
    }
    let redriven = redrive(&mut broker, &dead, MoveTarget::Source);
    assert_eq!((redriven.state, redriven.moved, redriven.total), (RedriveState::Completed, 6, 6));
    assert_eq!(broker.values(&work), [values(0..3), values(0..3)].concat());
    assert_eq!(broker.values(&other), Vec::<Bytes>::new());
    assert_eq!(broker.counts(&dead).ready, 3, "the forged ones are where they were");
    assert_eq!(broker.read(&work)[3].headers().filter(|(name, _)| name.ends_with("source")).count(), 0);

    // Whoever sees to the stream says where they go.
    redrive(&mut broker, &dead, MoveTarget::Stream(other.id));
    assert_eq!(broker.values(&other), ["other", "nowhere", "dead"].map(Bytes::from));
}

#[test]
fn a_mover_with_nothing_to_move_asks_once_and_rests() {
    let mut broker = Broker::start(&disk(2), EngineTime(BEGIN));
    let work = broker.create("work", &[]);
    assert_eq!(broker.pass(1), 1);
    broker.append(&work, &values(0..5), Compression::None);
    broker.end(&work, 5, Action::Reject);
    let position = broker.steps.position();
    assert_eq!(broker.pass(3_600_000), 0, "without a route a reject settles");
    assert_eq!(broker.steps.position(), position);
}

#[test]
fn a_dead_letter_that_dies_again_says_both() {
    let mut broker = Broker::start(&disk(3), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("retry"), LeaseSetting::DeliveryLimit(Some(1))]);
    let retry = broker.create("retry", &[dead_letter("dead"), LeaseSetting::TimeToLiveMs(Some(5_000))]);
    let dead = broker.create("dead", &[]);
    broker.append(&work, &values(0..1), Compression::Lz4);
    broker.end(&work, 1, Action::Release { delay_ms: 0, delivered: true });
    broker.pass(0);
    assert_eq!(letter(&broker.read(&retry)[0]).reason, DeathReason::Limit);
    broker.pass(4_999);
    assert_eq!(broker.read(&dead).len(), 0);
    broker.pass(1);
    let records = broker.read(&dead);
    let letter = letter(&records[0]);
    assert_eq!((&*letter.source, letter.reason, letter.deliveries), ("retry", DeathReason::Expired, 0));
    let deaths: Vec<_> =
        letter.history.deaths().iter().map(|death| (&*death.source, death.reason, death.count)).collect();
    assert_eq!(deaths, [("retry", DeathReason::Expired, 1), ("work", DeathReason::Limit, 1)]);
    let own = records[0].headers().filter(|(name, _)| !name.starts_with("dead-letter.")).count();
    assert_eq!((own, records[0].headers().len()), (1, 8), "the old ones are replaced");
}

#[test]
fn a_circle_ends_unless_a_consumer_rejects() {
    let mut broker = Broker::start(&disk(4), EngineTime(BEGIN));
    let mortal = LeaseSetting::TimeToLiveMs(Some(1_000));
    let a = broker.create("a", &[dead_letter("b"), mortal.clone()]);
    let b = broker.create("b", &[dead_letter("a"), mortal.clone()]);
    broker.append(&a, &values(0..1), Compression::None);
    for _ in 0..5 {
        broker.pass(1_000);
    }
    assert_eq!((broker.read(&a).len(), broker.read(&b).len()), (1, 1));
    let totals = broker.steps.mover_totals();
    assert_eq!((totals.moved, totals.dropped, totals.cycles), (1, 1, 1));
    broker.append(&a, &values(1..2), Compression::None);
    broker.pass(1_000);
    broker.end(&b, 1, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&a), values(0..2).into_iter().chain([value(1)]).collect::<Vec<_>>());
    broker.pass(1_000);
    assert_eq!(broker.values(&b).len(), 3, "the reject allows one more round");
    let own = broker.create("own", &[dead_letter("own"), mortal]);
    broker.append(&own, &values(0..1), Compression::None);
    broker.pass(1_000);
    assert_eq!(broker.read(&own).len(), 1, "a circle of one");
    assert_eq!(broker.counts(&own), GroupCounts::default());
}

#[test]
fn dead_letters_wait_for_a_target_that_does_not_exist_and_cost_nothing_meanwhile() {
    let mut broker = Broker::start(&disk(5), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead"), LeaseSetting::TimeToLiveMs(Some(1_000))]);
    broker.append(&work, &values(0..600), Compression::Gzip);
    broker.end(&work, 300, Action::Reject);
    broker.pass(1_000);
    assert_eq!(broker.counts(&work).moving, 600);
    let position = broker.steps.position();
    let asked: u32 = (0..600).map(|_| broker.pass(1_000)).sum();
    assert!(asked < 200, "{asked} requests in ten minutes");
    assert_eq!(broker.steps.position(), position, "nothing is written");
    assert_eq!(broker.steps.mover_totals().batches_opened, 0, "nor read");
    let dead = broker.create("dead", &[]);
    for _ in 0..61 {
        broker.pass(1_000);
    }
    let mut arrived = broker.values(&dead);
    arrived.sort();
    assert_eq!(arrived, values(0..600));
    assert_eq!(broker.counts(&work), GroupCounts::default());
}

#[test]
fn a_full_target_takes_the_rest_when_there_is_room_again() {
    let mut broker = Broker::start(&disk(6), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let limits = [LeaseSetting::LengthMax(Some(2)), LeaseSetting::Overflow(Overflow::Reject)];
    let dead = broker.create("dead", &limits);
    broker.append(&work, &values(0..6), Compression::None);
    broker.end(&work, 6, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&dead), values(0..2));
    assert_eq!(broker.counts(&work), GroupCounts { moving: 4, ..GroupCounts::default() });
    let position = broker.steps.position();
    let asked: u32 = (0..300).map(|_| broker.pass(1_000)).sum();
    assert!(asked < 100, "{asked} requests in five minutes");
    assert_eq!(broker.steps.position(), position, "nothing is written");
    broker.end(&dead, 2, Action::Ack { late: false });
    for _ in 0..60 {
        broker.pass(1_000);
    }
    assert_eq!(broker.values(&dead), values(0..4));
    broker.end(&dead, 2, Action::Ack { late: false });
    for _ in 0..60 {
        broker.pass(1_000);
    }
    assert_eq!(broker.values(&dead), values(0..6));
    assert_eq!(broker.counts(&work), GroupCounts::default());
}

#[test]
fn records_whose_stream_or_route_goes_meanwhile_hold_nothing_up() {
    let mut broker = Broker::start(&disk(7), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let gone = broker.create("gone", &[dead_letter("dead")]);
    let dead = broker.create("dead", &[]);
    for stream in [&work, &gone] {
        broker.append(stream, &values(0..10), Compression::None);
        broker.end(stream, 10, Action::Reject);
    }
    // The moves are handed out, and then:
    broker.steps.mover(broker.now);
    assert!(broker.turn() && broker.turn());
    broker.ask(Request::DeleteStream { stream: gone.id });
    let without = ConfigChange::Set(Setting::Lease(LeaseSetting::DeadLetter(None)));
    broker.ask(Request::AlterStream { stream: work.id, changes: vec![without] });
    broker.pass(0);
    assert_eq!(broker.read(&dead).len(), 0);
    assert_eq!(broker.counts(&work), GroupCounts::default(), "as if it had had no route at once");
    let with = ConfigChange::Set(Setting::Lease(dead_letter("dead")));
    broker.ask(Request::AlterStream { stream: work.id, changes: vec![with] });
    broker.append(&work, &values(10..12), Compression::None);
    broker.end(&work, 2, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&dead), values(10..12));
}

#[test]
fn a_record_that_cannot_be_read_stays_where_it_is_and_the_others_go() {
    let disk = disk(8);
    let storage = Options { wal_file_bytes_first: 1 << 20, ..options() };
    let mut broker = Broker::start_with(&disk, storage, EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let dead = broker.create("dead", &[]);
    broker.append(&work, &[Bytes::from(vec![b'd'; 100_000])], Compression::None);
    // Enough to drive it out of memory.
    broker.append(&work, &[Bytes::from(vec![b'i'; 100_000])], Compression::None);
    disk.flip_bit("wal/0000000000000000.wal", 60_000 * 8);
    broker.end(&work, 2, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&dead), [Bytes::from(vec![b'i'; 100_000])]);
    assert_eq!(broker.counts(&work), GroupCounts { moving: 1, ..GroupCounts::default() });
    let asked: u32 = (0..100).map(|_| broker.pass(60_000)).sum();
    assert!(asked < 10, "{asked} requests in a hundred minutes");
    assert_eq!(broker.counts(&work).moving, 1);
}

#[test]
fn a_record_that_compaction_has_removed_meanwhile_is_settled_and_its_neighbours_go() {
    let mut broker = Broker::start(&disk(15), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let dead = broker.create("dead", &[]);
    let compact = ConfigChange::Set(Setting::Cleanup { delete: false, compact: true });
    broker.ask(Request::AlterStream { stream: work.id, changes: vec![compact] });
    // The key is the first four digits: the latest of each hundred stays.
    for from in (0..1_000).step_by(50) {
        broker.append(&work, &values(from..from + 50), Compression::Lz4);
    }
    broker.end(&work, 1_000, Action::Reject);
    broker.now = broker.now.after_ms(3_600_000);
    for _ in 0..1_000 {
        broker.steps.upkeep(broker.now);
        assert!(broker.turn());
    }
    let kept = broker.values(&work);
    assert!(kept.len() < 100, "{} are left", kept.len());
    broker.pass(0);
    assert_eq!(broker.values(&dead), kept);
    let totals = broker.steps.mover_totals();
    assert_eq!((totals.moved, totals.dropped), (kept.len() as u64, 1_000 - kept.len() as u64));
    assert_eq!(broker.counts(&work), GroupCounts::default());
}

#[test]
fn a_record_that_its_target_never_takes_stays_where_it_is_and_the_others_go() {
    let mut broker = Broker::start(&disk(9), EngineTime(BEGIN));
    let work = broker.create("work", &[dead_letter("dead")]);
    let dead = broker.create("dead", &[]);
    let small = ConfigChange::Set(Setting::BatchBytesMax(1_000));
    broker.ask(Request::AlterStream { stream: dead.id, changes: vec![small] });
    broker.append(&work, &[Bytes::from(vec![b'l'; 5_000]), value(1)], Compression::None);
    broker.end(&work, 2, Action::Reject);
    broker.pass(0);
    assert_eq!(broker.values(&dead), [value(1)]);
    let asked: u32 = (0..100).map(|_| broker.pass(60_000)).sum();
    assert!(asked < 10, "{asked} requests in a hundred minutes");
    assert_eq!(broker.counts(&work).moving, 1);
    let large = ConfigChange::Set(Setting::BatchBytesMax(1 << 20));
    broker.ask(Request::AlterStream { stream: dead.id, changes: vec![large] });
    broker.pass(3_600_000);
    assert_eq!(broker.values(&dead).len(), 2);
}

fn offsets(records: &[AcquiredRecord]) -> Vec<u64> {
    records.iter().map(|record| record.offset.0).collect()
}

#[test]
fn records_that_came_without_their_keys_are_ordered_by_them_all_the_same() {
    let disk = disk(11);
    let mut broker = Broker::start(&disk, EngineTime(BEGIN));
    let work = broker.create("work", &[LeaseSetting::Ordering(Ordering::Ordered)]);
    // A hundred of each key.
    broker.append(&work, &values(0..150), Compression::Zstd);
    broker.append(&work, &values(150..300), Compression::None);
    assert_eq!(offsets(&broker.acquire(&work, 2)), [0; 0], "no key is known");
    for round in 0..2 {
        broker.pass(0);
        // Which key comes first is not said.
        let mut keys: Vec<u64> = Vec::new();
        for (max, expected) in [(2, 2), (2, 2), (150, 100)] {
            let taken = offsets(&broker.acquire(&work, max));
            let first = taken[0];
            assert_eq!(taken, (first..first + expected).collect::<Vec<_>>(), "round {round}");
            keys.push(first);
        }
        keys.sort_unstable();
        assert_eq!(keys, [0, 100, 200], "round {round}");
        assert_eq!(offsets(&broker.acquire(&work, 1)), [0; 0], "round {round}: one of every key is out");
        let now = broker.now.after_ms(LEASE_MS);
        drop(broker);
        disk.crash();
        broker = Broker::start(&disk, now);
    }
}

#[test]
fn all_records_of_a_long_log_get_their_turn_in_the_order_of_their_keys() {
    const RECORDS: u32 = 6_000;
    let mut broker = Broker::start(&disk(12), EngineTime(BEGIN));
    let work = broker.create("work", &[LeaseSetting::Ordering(Ordering::Ordered)]);
    for from in (0..RECORDS).step_by(500) {
        broker.append(&work, &values(from..from + 500), Compression::Lz4);
    }
    let mut seen = vec![0; 60];
    let mut left = RECORDS;
    while left > 0 {
        let taken = broker.acquire(&work, 700);
        left -= u32::try_from(taken.len()).unwrap();
        for record in &taken {
            let key = usize::try_from(record.offset.0 / 100).unwrap();
            assert_eq!(record.offset.0 % 100, seen[key], "key {key}");
            seen[key] += 1;
        }
        if taken.is_empty() {
            assert!(broker.pass(0) > 0, "{left} are left, and nobody looks for them");
        } else {
            broker.ask(settle(&work, &taken, Action::Ack { late: false }));
        }
    }
    assert_eq!(broker.counts(&work), GroupCounts::default());
}

#[test]
fn a_record_whose_key_cannot_be_read_holds_up_nobody() {
    let disk = disk(13);
    let storage = Options { wal_file_bytes_first: 1 << 20, ..options() };
    let mut broker = Broker::start_with(&disk, storage, EngineTime(BEGIN));
    let work = broker.create("work", &[LeaseSetting::Ordering(Ordering::Ordered)]);
    broker.append(&work, &[Bytes::from(vec![b'd'; 100_000])], Compression::None);
    broker.append(&work, &[Bytes::from(vec![b'i'; 100_000])], Compression::None);
    disk.flip_bit("wal/0000000000000000.wal", 60_000 * 8);
    assert_eq!(offsets(&broker.acquire(&work, 2)), [0; 0]);
    broker.pass(0);
    let mut taken = offsets(&broker.acquire(&work, 2));
    if taken.len() == 1 {
        broker.pass(0);
        taken.extend(offsets(&broker.acquire(&work, 2)));
    }
    taken.sort_unstable();
    assert_eq!(taken, [0, 1]);
}

#[test]
fn who_waits_for_an_ordered_stream_is_served_once_its_keys_are_read() {
    let engine = start(&disk(14)).unwrap();
    let mut caller = Caller::new(&engine);
    let work = match caller.ask(create("work", &[LeaseSetting::Ordering(Ordering::Ordered)])) {
        Reply::Stream(entry) => entry,
        other => panic!("{other:?}"),
    };
    caller.ask(Request::Append(vec![batch_of(&work, &values(0..10), Compression::Gzip)]));
    let patient = Acquire { wait_ms: u64::MAX, ..acquiring(&work, 3) };
    let taken = acquired(caller.ask(leased(LeaseRequest::Acquire(patient))));
    assert_eq!(offsets(&taken), [0, 1, 2]);
    engine.stop().unwrap();
}

/// Numbers without a pattern.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Rejects everything there is to reject, with steps of the mover in between. False when the disk has crashed.
fn reject_all(broker: &mut Broker, work: &StreamEntry, dice: &mut Dice) -> bool {
    loop {
        let max = 1 + u32::try_from(dice.below(9)).unwrap();
        let Some(reply) = broker.try_ask(acquire(work, max)) else { return false };
        let records = acquired(reply);
        if records.is_empty() {
            return true;
        }
        if broker.try_ask(settle(work, &records, Action::Reject)).is_none() {
            return false;
        }
        for _ in 0..dice.below(4) {
            broker.steps.mover(broker.now);
            if dice.below(3) > 0 && !broker.turn() {
                return false;
            }
        }
        if dice.below(8) == 0 {
            broker.steps.checkpoint();
        }
    }
}

#[test]
fn a_crash_at_any_point_loses_no_dead_letter_and_repeats_none() {
    const RECORDS: u32 = 120;
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let disk = disk(seed);
        let mut broker = Broker::start(&disk, EngineTime(BEGIN));
        let work = broker.create("work", &[dead_letter("dead")]);
        let dead = broker.create("dead", &[]);
        let mut next = 0;
        while next < RECORDS {
            let to = RECORDS.min(next + 1 + u32::try_from(dice.below(10)).unwrap());
            let compression = if dice.below(2) == 0 { Compression::Snappy } else { Compression::None };
            broker.append(&work, &values(next..to), compression);
            next = to;
        }
        for _ in 0..4 {
            disk.crash_at(Some(disk.operations() + 1 + dice.below(60)));
            let is_done = reject_all(&mut broker, &work, &mut dice);
            let now = broker.now.after_ms(LEASE_MS);
            drop(broker);
            disk.crash_at(None);
            disk.crash();
            broker = Broker::start(&disk, now);
            if is_done {
                break;
            }
        }
        assert!(reject_all(&mut broker, &work, &mut dice), "seed {seed}");
        broker.pass(LEASE_MS);
        assert_eq!(broker.counts(&work), GroupCounts::default(), "seed {seed}");
        let mut arrived = broker.values(&dead);
        arrived.sort();
        assert_eq!(arrived, values(0..RECORDS), "seed {seed}");
    }
}

#[test]
fn the_mover_s_thread_moves_what_is_rejected_and_stops_in_the_middle() {
    const RECORDS: u32 = 5_000;
    let disk = disk(10);
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let mut stream = |name: &str, settings: &[LeaseSetting]| match caller.ask(create(name, settings)) {
        Reply::Stream(entry) => entry,
        other => panic!("{other:?}"),
    };
    let (work, dead) = (stream("work", &[dead_letter("dead")]), stream("dead", &[]));
    for from in (0..RECORDS).step_by(100) {
        caller.ask(Request::Append(vec![batch_of(&work, &values(from..from + 100), Compression::Lz4)]));
    }
    for _ in (0..RECORDS).step_by(500) {
        let records = acquired(caller.ask(acquire(&work, 500)));
        assert_eq!(records.len(), 500);
        caller.ask(settle(&work, &records, Action::Reject));
    }
    let log = LogId { stream: dead.id, index: 0 };
    let arrived = |caller: &Caller| {
        let mut values: Vec<_> = read_all(&caller.handle.view(log).unwrap())
            .into_iter()
            .map(|record| record.value.unwrap())
            .collect();
        values.sort();
        values
    };
    let begun = caller.handle.now();
    engine.stop().unwrap();
    let stopped_ms = caller.handle.now().since_ms(begun);
    assert!(stopped_ms < 10_000, "it took {stopped_ms} ms to stop");
    let engine = start(&disk).unwrap();
    let caller = Caller::new(&engine);
    let begun = caller.handle.now();
    while caller.handle.view(log).unwrap().high_watermark() < Offset(u64::from(RECORDS)) {
        let waits = Duration::from_millis(caller.handle.now().since_ms(begun));
        assert!(waits < PATIENCE, "{} have arrived", arrived(&caller).len());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(arrived(&caller), values(0..RECORDS));
    engine.stop().unwrap();
}
