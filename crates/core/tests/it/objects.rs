//! Packed objects: what may be committed and dropped, and that no crash changes which object answers for a record.

use crate::broker::{Broker, disturb};
use crate::random::Random;
use millstream_core::request::Trim;
use millstream_core::{Reply, Request};
use millstream_types::limits::OBJECTS_PER_DROP_MAX;
use millstream_types::{ErrorKind, LogId, ObjectEntry, ObjectNumber, ObjectPart, Offset, RecordTime};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn part(log: LogId, from: u64, to: u64) -> ObjectPart {
    ObjectPart {
        log,
        from: Offset(from),
        to: Offset(to),
        at: 64,
        bytes: 100,
        index_bytes: 20,
        batches: 1,
        records: to.saturating_sub(from),
        max_timestamp: RecordTime(5),
        is_compacted: false,
    }
}

pub(crate) fn object(number: u64, parts: Vec<ObjectPart>) -> ObjectEntry {
    ObjectEntry { number: ObjectNumber(number), bytes: 1_000, checksum: 7, parts }
}

pub(crate) fn commit(broker: &mut Broker, entry: ObjectEntry) -> Result<bool, ErrorKind> {
    match broker.call(Request::CommitObject(Box::new(entry))) {
        Reply::Object { committed } => Ok(committed),
        Reply::Refused(kind) => Err(kind),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn drop_objects(broker: &mut Broker, numbers: &[u64]) -> Vec<u64> {
    let objects = numbers.iter().copied().map(ObjectNumber).collect();
    match broker.call(Request::DropObjects(objects)) {
        Reply::ObjectsDropped(gone) => gone.into_iter().map(|object| object.0).collect(),
        other => panic!("{other:?}"),
    }
}

fn filled(broker: &mut Broker, name: &str, records: u32) -> LogId {
    let log = LogId { stream: broker.stream(name, 1), index: 0 };
    broker.call(Request::Append(vec![Broker::batch(log, records)]));
    log
}

fn trim(broker: &mut Broker, log: LogId, before: u64) {
    broker.call(Request::TrimLogs(vec![Trim { log, before: Some(Offset(before)) }]));
    broker.advance(0);
}

fn numbers(broker: &Broker) -> Vec<u64> {
    broker.shard.objects().map(|entry| entry.number.0).collect()
}

#[test]
fn what_cannot_be_is_refused() {
    let mut broker = Broker::new();
    let log = filled(&mut broker, "s", 100);
    let other = filled(&mut broker, "t", 100);
    assert_eq!(commit(&mut broker, object(3, vec![part(log, 0, 10)])), Ok(true));
    let good = part(log, 10, 20);
    let rows = [
        ("a number that was used", object(3, vec![good])),
        ("a number before one that was used", object(2, vec![good])),
        ("a number without a successor", object(u64::MAX, vec![good])),
        ("no parts", object(4, vec![])),
        ("too many parts", object(4, vec![good; 513])),
        ("parts out of order", object(4, vec![part(other, 0, 1), good])),
        ("two parts of one log", object(4, vec![good, part(log, 20, 30)])),
        ("no offsets", object(4, vec![part(log, 10, 10)])),
        ("offsets the log does not have", object(4, vec![part(log, 90, 101)])),
        ("bytes beyond the object", object(4, vec![ObjectPart { at: 881, ..good }])),
        ("bytes beyond everything", object(4, vec![ObjectPart { at: u64::MAX, ..good }])),
        ("more records than offsets", object(4, vec![ObjectPart { records: 11, ..good }])),
        ("batches without bytes", object(4, vec![ObjectPart { bytes: 0, ..good }])),
        ("records without batches", object(4, vec![ObjectPart { bytes: 0, batches: 0, ..good }])),
    ];
    for (what, entry) in rows {
        assert_eq!(commit(&mut broker, entry), Err(ErrorKind::InvalidObject), "{what}");
    }
    assert_eq!(numbers(&broker), [3]);
    assert_eq!(broker.shard.next_object(), ObjectNumber(4));
    assert_eq!(commit(&mut broker, object(4, vec![good])), Ok(true));
}

#[test]
fn parts_that_nobody_needs_are_left_out() {
    let mut broker = Broker::new();
    let gone = filled(&mut broker, "gone", 10);
    let trimmed = filled(&mut broker, "trimmed", 10);
    let kept = filled(&mut broker, "kept", 10);
    broker.call(Request::DeleteStream { stream: gone.stream });
    trim(&mut broker, trimmed, 10);
    trim(&mut broker, kept, 9);
    let useless = object(1, vec![part(gone, 0, 10), part(trimmed, 0, 10)]);
    assert_eq!(commit(&mut broker, useless), Ok(false));
    assert_eq!(broker.shard.next_object(), ObjectNumber(1), "its file goes, its number may come again");
    let parts = vec![part(gone, 0, 10), part(trimmed, 0, 10), part(kept, 0, 10)];
    assert_eq!(commit(&mut broker, object(1, parts)), Ok(true));
    let entry = broker.shard.objects().next().expect("it was committed").clone();
    assert_eq!(entry, object(1, vec![part(kept, 0, 10)]));
    assert_eq!(broker.shard.object_at(kept, Offset(8)), None, "before the start nobody answers");
    assert_eq!(broker.shard.object_at(kept, Offset(9)), Some(ObjectNumber(1)));
    broker.crash();
    assert_eq!(broker.shard.objects().next(), Some(&entry));
}

#[test]
fn only_what_nobody_needs_is_dropped() {
    let mut broker = Broker::new();
    let log = filled(&mut broker, "s", 100);
    let other = filled(&mut broker, "t", 100);
    commit(&mut broker, object(1, vec![part(log, 0, 50), part(other, 0, 50)])).expect("accepted");
    commit(&mut broker, object(2, vec![part(log, 50, 100)])).expect("accepted");
    assert_eq!(drop_objects(&mut broker, &[1, 2, 9]), [9], "what is not known is gone");
    commit(&mut broker, object(3, vec![part(log, 0, 100)])).expect("accepted");
    assert_eq!(drop_objects(&mut broker, &[1, 2, 3]), [2], "one of its two parts is needed");
    broker.crash();
    trim(&mut broker, other, 50);
    assert_eq!(drop_objects(&mut broker, &[1, 1, 3]), [1, 1]);
    broker.call(Request::DeleteStream { stream: log.stream });
    broker.advance(0);
    assert_eq!(drop_objects(&mut broker, &[3]), [3]);
    broker.crash();
    assert_eq!(numbers(&broker), [0; 0]);
    assert_eq!(broker.shard.next_object(), ObjectNumber(4), "numbers are not used again");
    let many = vec![ObjectNumber(1); OBJECTS_PER_DROP_MAX + 1];
    let reply = broker.call(Request::DropObjects(many));
    assert!(matches!(reply, Reply::Refused(ErrorKind::LimitExceeded)), "{reply:?}");
}

#[test]
fn the_largest_object_fits_a_frame_and_a_chunk() {
    let mut broker = Broker::new();
    let stream = broker.stream("wide", 512);
    let logs: Vec<LogId> = (0..512).map(|index| LogId { stream, index }).collect();
    broker.call(Request::Append(logs.iter().map(|log| Broker::batch(*log, 3)).collect()));
    let parts: Vec<ObjectPart> = logs.iter().map(|log| part(*log, 0, 3)).collect();
    assert_eq!(commit(&mut broker, object(1, parts)), Ok(true));
    broker.checkpoint(usize::MAX);
    broker.crash();
    assert_eq!(broker.shard.object_at(logs[511], Offset(2)), Some(ObjectNumber(1)));
}

#[test]
fn one_commit_takes_over_a_bounded_number_of_stretches() {
    let mut broker = Broker::new();
    let log = filled(&mut broker, "s", 3_000);
    for number in 1..=2_049 {
        commit(&mut broker, object(number, vec![part(log, number - 1, number)])).expect("accepted");
    }
    let whole = |number| object(number, vec![part(log, 0, 3_000)]);
    assert_eq!(commit(&mut broker, whole(2_050)), Err(ErrorKind::LimitExceeded));
    trim(&mut broker, log, 1);
    assert_eq!(commit(&mut broker, whole(2_050)), Ok(true));
    let dead = (1..=2_049).filter(|number| !broker.shard.is_object_live(ObjectNumber(*number))).count();
    assert_eq!(dead, 2_049);
}

/// What was committed, and which offset belongs to whom: the last one that named it.
#[derive(Default)]
struct Model {
    objects: BTreeMap<u64, ObjectEntry>,
}

impl Model {
    fn owner(&self, log: LogId, offset: Offset) -> Option<u64> {
        let names = |part: &ObjectPart| part.log == log && (part.from..part.to).contains(&offset);
        self.objects.iter().rev().find(|(_, entry)| entry.parts.iter().any(names)).map(|(number, _)| *number)
    }

    /// Compares with a shard that has nothing left to do.
    fn check(&self, broker: &Broker) {
        let known: BTreeMap<u64, ObjectEntry> =
            broker.shard.objects().map(|entry| (entry.number.0, entry.clone())).collect();
        assert_eq!(known, self.objects);
        let mut live = BTreeSet::new();
        for stream in broker.shard.stream_entries() {
            for log in stream.log_ids() {
                let (start, end) = broker.shard.log_bounds(log).expect("a stream's logs exist");
                for offset in (start.0..end.0).map(Offset) {
                    let owner = self.owner(log, offset);
                    live.extend(owner);
                    assert_eq!(broker.shard.object_at(log, offset).map(|object| object.0), owner);
                }
            }
        }
        for number in self.objects.keys() {
            let is_live = broker.shard.is_object_live(ObjectNumber(*number));
            assert_eq!(is_live, live.contains(number), "object {number}");
        }
    }
}

/// Every request is durable at once: what the model says is what must be after a crash.
fn history(seed: u64) -> (usize, usize) {
    let mut random = Random(seed);
    let mut broker = Broker::new();
    let mut model = Model::default();
    let (mut committed, mut dropped) = (0, 0);
    for step in 0..1_000 {
        let streams: Vec<(_, u32)> =
            broker.shard.stream_entries().map(|entry| (entry.id, entry.logs)).collect();
        if streams.len() < 3 {
            broker.stream(&format!("s{step}"), 2);
            continue;
        }
        let (stream, logs) = *random.pick(&streams);
        let log = LogId { stream, index: u32::try_from(random.below(u64::from(logs))).expect("small") };
        let (start, end) = broker.shard.log_bounds(log).expect("it exists");
        match random.below(20) {
            0..=5 => {
                let records = 1 + u32::try_from(random.below(4)).expect("small");
                broker.call(Request::Append(vec![Broker::batch(log, records)]));
            }
            6 => trim(&mut broker, log, start.0 + random.below(end.0 - start.0 + 1)),
            7 if random.one_in(4) => {
                broker.call(Request::DeleteStream { stream });
            }
            8..=12 => {
                let mut parts = Vec::new();
                for index in (0..logs).filter(|_| random.one_in(2)).collect::<Vec<_>>() {
                    let log = LogId { stream, index };
                    let (_, end) = broker.shard.log_bounds(log).expect("it exists");
                    if end.0 > 0 {
                        let from = random.below(end.0);
                        parts.push(part(log, from, from + 1 + random.below(end.0 - from)));
                    }
                }
                let number = broker.shard.next_object().0 + random.below(3);
                let mut entry = object(number, parts);
                if let Ok(true) = commit(&mut broker, entry.clone()) {
                    entry.parts.retain(|part| {
                        broker.shard.log_bounds(part.log).is_some_and(|(start, _)| part.to > start)
                    });
                    model.objects.insert(number, entry);
                    committed += 1;
                }
            }
            _ => {
                broker.advance(0);
                let known: Vec<u64> = model.objects.keys().copied().collect();
                for number in drop_objects(&mut broker, &known) {
                    model.objects.remove(&number);
                    dropped += 1;
                }
            }
        }
        broker.advance(random.below(2));
        if disturb(&mut broker, &mut random) {
            model.check(&broker);
        }
    }
    broker.advance(0);
    model.check(&broker);
    (committed, dropped)
}

#[test]
fn random_histories_of_objects_survive_crashes() {
    let mut sum = (0, 0);
    for seed in 0..40 {
        println!("seed {seed}");
        let (committed, dropped) = history(seed);
        sum = (sum.0 + committed, sum.1 + dropped);
    }
    assert!(sum.0 > 1_000 && sum.1 > 500, "the histories are about something: {sum:?}");
}
