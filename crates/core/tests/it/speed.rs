//! How long the longest steps take when there are 100,000 logs: none may keep the shard for more than a millisecond (R13).
//!
//! Apart because it measures time, so it runs only when it is asked to, alone and optimised:
//!
//! ```text
//! cargo test --release -p millstream-core --test it speed -- --ignored --nocapture
//! ```
//!
//! Everything is done a few times over, and of each step the shortest time counts: what is left is the work, not what else
//! the machine had to do. Of each kind the longest step is left out if there are more: in the middle of one or the other the
//! allocator of a test gives memory back to the machine (1.7 ms once among 293 ticks), and a table of names doubles. Requests
//! about groups and leases are of the largest sizes that are taken, except that nobody fetches all of 100,000 offsets.

use crate::broker::{Broker, START};
use crate::objects::{object, part};
use crate::people::{group, join, simple_commit};
use crate::work::{self, take};
use millstream_core::catalog::{ConfigChange, LeaseSetting, Setting};
use millstream_core::cursor::{GroupId, GroupRequest, JoinGroup};
use millstream_core::hash::HashSeed;
use millstream_core::lease::{Acquire, LeaseGroupId, LeaseRequest, MoveTarget, SeekTo, Settle};
use millstream_core::request::{CreateStream, Trim};
use millstream_core::shard::{ImageKey, ShardOptions};
use millstream_core::{Effects, Reply, Request, Shard, Ticket, Turn};
use millstream_types::limits::{OFFSETS_PER_REQUEST_MAX, TRIMS_PER_REQUEST_MAX};
use millstream_types::{
    EngineTime, LogId, Namespace, ObjectNumber, Offset, StreamId, StreamUid, WalPosition,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The bound of R13.
const STEP_MAX: Duration = Duration::from_millis(1);
/// What the engine gives a step of a walk.
const IMAGE_BYTES: usize = 64 << 10;
const ROUNDS: usize = 5;

/// A shard of which every step is timed.
struct Timed {
    shard: Shard,
    now: EngineTime,
    position: WalPosition,
    tickets: u64,
    effects: Effects,
    /// By what was done, in order.
    took: BTreeMap<&'static str, Vec<Duration>>,
}

impl Timed {
    fn new() -> Timed {
        Timed {
            shard: Shard::new(HashSeed([1, 2]), ShardOptions::default()),
            now: START,
            position: WalPosition(64),
            tickets: 0,
            effects: Effects::default(),
            took: BTreeMap::new(),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "it measures")]
    fn time<T>(&mut self, what: &'static str, act: impl FnOnce(&mut Shard, Turn, &mut Effects) -> T) -> T {
        let turn = Turn { now: self.now, position: self.position };
        let begun = Instant::now();
        let done = act(&mut self.shard, turn, &mut self.effects);
        self.took.entry(what).or_default().push(begun.elapsed());
        self.position = self.position.advance(64);
        done
    }

    fn ask(&mut self, what: &'static str, request: Request) -> Option<Reply> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.time(what, |shard, turn, effects| shard.apply(turn, ticket, request, effects));
        let reply = self.effects.replies.pop();
        self.effects.clear();
        reply.map(|reply| reply.reply)
    }

    fn stream(&mut self, what: &'static str, name: &str, logs: u32) -> StreamId {
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(u128::from(self.tickets) + 1),
            logs,
            config: Default::default(),
        };
        match self.ask(what, Request::CreateStream(Box::new(create))) {
            Some(Reply::Stream(entry)) => entry.id,
            other => panic!("{other:?}"),
        }
    }

    fn commit(&mut self, name: &str, logs: &[LogId]) {
        let offsets: Vec<(LogId, u64)> = logs.iter().map(|log| (*log, 1)).collect();
        let request = GroupRequest::CommitOffsets(simple_commit(name, &offsets));
        let what = if logs.len() > 1 { "commit of 2,048 offsets" } else { "commit of one offset" };
        assert!(matches!(self.ask(what, Request::Group(Box::new(request))), Some(Reply::Group(_))));
    }

    fn walk(&mut self, what: &'static str) {
        let mut key = Some(ImageKey::Counters);
        while let Some(from) = key {
            key = self.time(what, |shard, _, _| shard.images(from, IMAGE_BYTES, &mut Vec::new()));
        }
    }

    /// Lets time pass and does all that is due.
    fn tick(&mut self, what: &'static str, ms: u64) {
        self.now = self.now.after_ms(ms);
        while self.shard.next_deadline().is_some_and(|due| due <= self.now) {
            self.time(what, |shard, turn, effects| shard.tick(turn, effects));
            self.effects.clear();
        }
    }
}

fn run() -> BTreeMap<&'static str, Vec<Duration>> {
    let mut timed = Timed::new();
    let mut streams = Vec::new();
    for number in 0..9 {
        streams.push((timed.stream("creation of 10,000 logs", &format!("wide{number}"), 10_000), 10_000));
    }
    for number in 0..10_000 {
        streams.push((timed.stream("creation of one log", &format!("narrow{number}"), 1), 1));
    }
    let log = |stream, index| LogId { stream, index };
    let logs: Vec<LogId> =
        streams.iter().flat_map(|(stream, count)| (0..*count).map(|index| log(*stream, index))).collect();
    timed.walk("walk over 100,000 empty logs");
    for some in logs.chunks(1024) {
        let batches = some.iter().map(|log| Broker::stamped(*log, 1)).collect();
        timed.ask("append to 1,024 logs", Request::Append(batches));
    }
    timed.walk("walk over 100,000 logs with a producer each");

    // One log with very many producers and stretches.
    let busy = log(timed.stream("creation of one log", "busy", 1), 0);
    for first in (0..100_000).step_by(1000) {
        let batches = (first..first + 1000).map(|id| Broker::stamped(busy, id + 2)).collect();
        timed.ask("append of 1,000 producers", Request::Append(batches));
    }
    timed.walk("walk over 100,000 producers of one log");
    let mut number = 0;
    let mut commit = |timed: &mut Timed, what, parts| {
        number += 1;
        let reply = timed.ask(what, Request::CommitObject(Box::new(object(number, parts))));
        assert!(matches!(reply, Some(Reply::Object { committed: true })), "{reply:?}");
    };
    for some in logs.chunks(512) {
        commit(
            &mut timed,
            "commit of an object with 512 logs",
            some.iter().map(|log| part(*log, 0, 1)).collect(),
        );
    }
    for at in 0..10_000 {
        commit(&mut timed, "commit of a small object", vec![part(busy, at, at + 1)]);
    }
    commit(&mut timed, "commit that takes over 2,048 stretches", vec![part(busy, 0, 2048)]);
    timed.walk("walk over 10,000 objects");
    // Those that it took over are needed by nobody.
    let unneeded = number - 10_000..number - 10_000 + 256;
    timed.ask("drop of 256 objects", Request::DropObjects(unneeded.map(ObjectNumber).collect()));

    for some in logs.chunks(OFFSETS_PER_REQUEST_MAX) {
        timed.commit("wide", some);
    }
    for number in 0..20_000 {
        timed.commit(&format!("narrow{number}"), &logs[number..=number]);
    }
    timed.walk("walk over 100,000 offsets of one group and 20,000 groups");
    for number in 0..20_000 {
        let joins = JoinGroup { group: group(&format!("joins{number}")), ..join("", 1) };
        timed.ask("join", Request::Group(Box::new(GroupRequest::Join(joins))));
    }
    timed.walk("walk over 20,000 groups that have no image");
    timed.tick("tick when 20,000 groups come together", 1);
    timed.tick("tick when 20,000 groups fall apart", 3_600_000);

    for some in logs[..20_480].chunks(512) {
        let trims = some.iter().map(|log| Trim { log: *log, before: None }).collect();
        timed.ask("trim of 512 logs", Request::TrimLogs(trims));
    }
    for some in logs[20_480..40_960].chunks(TRIMS_PER_REQUEST_MAX) {
        let trims = some.iter().map(|log| Trim { log: *log, before: None }).collect();
        timed.ask("trim of 2,048 logs", Request::TrimLogs(trims));
    }
    timed.ask("trim of one log", Request::TrimLogs(vec![Trim { log: busy, before: Some(Offset(9_000)) }]));
    timed.tick("tick after trims", 1);
    timed.ask("deletion of one log", Request::DeleteStream { stream: busy.stream });
    for (stream, count) in streams {
        let what = if count > 1 { "deletion of 10,000 logs" } else { "deletion of one log" };
        timed.ask(what, Request::DeleteStream { stream });
    }
    timed.walk("walk after the deletion of everything");
    timed.tick("tick after the deletion of everything", 1);
    let groups: Vec<GroupId> = (0..256).map(|number| group(&format!("narrow{number}"))).collect();
    timed.ask("deletion of 256 groups", Request::Group(Box::new(GroupRequest::Delete { groups })));
    timed.tick("tick after the deletion of groups", 1);
    timed.tick("tick that forgets groups", 8 * 24 * 3_600_000);
    timed.took
}

/// Queues with very many records that are out, and the largest requests about them.
fn run_leases() -> BTreeMap<&'static str, Vec<Duration>> {
    let mut timed = Timed::new();
    let lease = |request| Request::Lease(Box::new(request));
    let queue = |timed: &mut Timed, name: &str| {
        let stream = timed.stream("creation of one log", name, 1);
        let set = |setting| ConfigChange::Set(Setting::Lease(setting));
        let changes =
            vec![set(LeaseSetting::Enabled(true)), set(LeaseSetting::LengthBytesMax(Some(1 << 40)))];
        timed.ask("creation of a queue", Request::AlterStream { stream, changes });
        let log = LogId { stream, index: 0 };
        for _ in 0..100 {
            timed.ask("append of 2,048 records", Request::Append(vec![Broker::batch(log, 2_048)]));
        }
        for _ in 0..100 {
            let acquire = Acquire { records_max: 1_024, ..take(stream, 1) };
            timed.ask("acquire of 1,024 records", lease(LeaseRequest::Acquire(acquire)));
        }
        (LeaseGroupId::default_of(stream), log)
    };
    let (group, log) = queue(&mut timed, "trimmed");
    let places = |from: u64, step: u64| (0..2_048).map(|n| (0, Offset(from + n * step))).collect();
    let settle = Settle {
        group,
        leases: (0..2_048).map(|n| (work::lease(n * 2, n * 2 + 1), work::RELEASE)).collect(),
    };
    timed.ask("release of every other of 4,096 records", lease(LeaseRequest::Settle(settle)));
    let records = places(0, 4);
    timed.ask("settlement of 2,048 places", lease(LeaseRequest::SettleRecords { group, records }));
    let (records, target) = (places(102_400, 2), MoveTarget::Source);
    timed.ask("redrive of 2,048 places", lease(LeaseRequest::RedriveRecords { group, records, target }));
    timed.ask("look at 1,024 records", lease(LeaseRequest::Peek { group, from: None, max: 1_024 }));
    timed.ask("purge of 100,000 records", lease(LeaseRequest::Purge { group }));
    timed.tick("tick of a purge", 1);
    timed.ask("trim of 100,000 leases", Request::TrimLogs(vec![Trim { log, before: Some(Offset(150_000)) }]));
    timed.tick("tick that sweeps", 1);
    let (group, _) = queue(&mut timed, "sought");
    timed.ask("seek behind 100,000 leases", lease(LeaseRequest::Seek { group, to: SeekTo::End }));
    timed.tick("tick that sweeps", 1);
    queue(&mut timed, "left");
    timed.tick("tick when 100,000 leases end", 60_000);
    timed.took
}

#[test]
#[ignore = "measures time; see the module's documentation"]
fn no_step_about_leases_takes_longer_than_a_millisecond() {
    judge(run_leases);
}

#[test]
#[ignore = "measures time; see the module's documentation"]
fn no_step_takes_longer_than_a_millisecond_with_a_hundred_thousand_logs() {
    judge(run);
}

/// Fails when a step takes longer than it may, whenever it is done.
fn judge(run: fn() -> BTreeMap<&'static str, Vec<Duration>>) {
    let mut least = run();
    for _ in 1..ROUNDS {
        for (what, took) in run() {
            let least = least.get_mut(what).expect("every round does the same");
            assert_eq!(least.len(), took.len(), "{what}: every round does the same");
            least.iter_mut().zip(took).for_each(|(least, took)| *least = took.min(*least));
        }
    }
    let mut slow = Vec::new();
    for (what, took) in &least {
        let mut sorted = took.clone();
        sorted.sort_unstable_by(|left, right| right.cmp(left));
        let longest = sorted.get(1).or(sorted.first()).expect("it was done");
        let sum: Duration = took.iter().sum();
        let steps = took.len();
        println!("{:>9.1} µs of {steps:>6} steps in {sum:>10.1?}  {what}", longest.as_nanos() as f64 / 1e3);
        if *longest > STEP_MAX {
            slow.push(what);
        }
    }
    assert!(slow.is_empty(), "longer than {STEP_MAX:?}: {slow:#?}");
}
