//! Compaction against a reference of a few lines, interrupted wherever an object is handed out.
//!
//! Apart from the rules' own tables because what counts is what readers see: at any moment, from any offset, the latest record
//! of every key, and in the end nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use millstream_storage::compact::{
    CompactCandidate, CompactOptions, CompactPlan, CompactProgress, CompactRules, Compactor, PassEnd,
    cleaned_to, oldest_dirty, plan, take_next,
};
use millstream_storage::store::Store;
use millstream_storage::{HomeId, LogReader, StoredBatch};
use millstream_testkit::sim_disk::Rng;
use millstream_types::batch::{BatchBuilder, BatchHeader, Compression, set_log_append_time};
use millstream_types::{
    EngineTime, LogId, ObjectNumber, Offset, ProducerEpoch, ProducerId, RecordTime, StreamId,
};

use crate::listed_log::{DIRECTORY, ListedLog, Seen, seen, store};
use crate::support::{log, sim_disk};

const RULES: CompactRules =
    CompactRules { dirty_ratio_min: 0, lag_min_ms: 0, lag_max_ms: None, tombstone_retention_ms: 1000 };

fn options(map_bytes_max: u64, object_bytes: u64) -> CompactOptions {
    CompactOptions { map_bytes_max, object_bytes, seed: [3, 4] }
}

/// What must be left of `all` when everything before `to` has been compacted: the ten lines.
fn reference(all: &[Seen], to: u64, keeps: impl Fn(&Seen) -> bool) -> Vec<Seen> {
    let mut latest = BTreeMap::new();
    for record in all.iter().filter(|record| record.offset < to) {
        if let Some(key) = &record.key {
            latest.insert(key.clone(), record.offset);
        }
    }
    let stays = |record: &&Seen| {
        record.offset >= to
            || (record.key.as_ref().is_some_and(|key| latest[key] == record.offset)
                && (record.value.is_some() || keeps(record)))
    };
    all.iter().filter(stays).cloned().collect()
}

/// The last thing that a reader from `from` on learns of each key.
fn learned(records: &[Seen], from: u64) -> BTreeMap<Vec<u8>, (u64, Option<Vec<u8>>)> {
    let read = records.iter().filter(|record| record.offset >= from);
    read.filter_map(|record| Some((record.key.clone()?, (record.offset, record.value.clone())))).collect()
}

/// One log on one disk, and everything that was ever appended to it.
struct Bench {
    store: Arc<dyn Store>,
    log: Arc<ListedLog>,
    all: Vec<Seen>,
    next_number: u64,
    now: i64,
}

impl Bench {
    fn new() -> Bench {
        let store = store(&sim_disk());
        Bench { store, log: Arc::default(), all: Vec::new(), next_number: 0, now: 10_000 }
    }

    fn append(&mut self, batch: &Bytes, joins: bool) {
        let before = self.log.batches().len();
        self.log.append(batch, joins);
        self.all.extend(seen(&self.log.batches()[before..]));
    }

    /// Appends a batch of `records`, as (key, value), at the present time.
    fn put(&mut self, records: &[(Option<&str>, Option<&str>)]) {
        let mut builder = BatchBuilder::new();
        for (key, value) in records {
            builder
                .push(RecordTime(self.now), key.map(str::as_bytes), value.map(str::as_bytes), &[])
                .unwrap();
        }
        self.append(&builder.finish(Compression::None).unwrap(), true);
    }

    fn plan(&self, rules: CompactRules) -> Option<CompactPlan> {
        let candidate = CompactCandidate {
            log: log(1),
            rules,
            last_stable: self.log.end(),
            oldest_dirty: oldest_dirty(&*self.log, self.cleaned_to()).unwrap_or_default(),
        };
        plan(&candidate, self.log.all_pieces(), EngineTime(self.now))
    }

    fn cleaned_to(&self) -> Offset {
        cleaned_to(self.log.all_pieces()).unwrap()
    }

    fn compactor(&self, plan: CompactPlan, options: CompactOptions) -> Compactor {
        let reader: Arc<dyn LogReader> = self.log.clone();
        Compactor::new(Arc::clone(&self.store), DIRECTORY, options, vec![(plan, reader)])
    }

    /// Steps until the end or until `goes_on` says no to an object that is about to be committed.
    fn drive(
        &mut self,
        compactor: &mut Compactor,
        budget: u64,
        mut goes_on: impl FnMut() -> bool,
        mut check: impl FnMut(&Bench),
    ) -> Vec<PassEnd> {
        loop {
            let next = &mut self.next_number;
            let mut numbers = || {
                *next += 1;
                ObjectNumber(*next)
            };
            match compactor.step(budget, &mut numbers).unwrap() {
                CompactProgress::Working => {}
                CompactProgress::Done => break,
                CompactProgress::Object(entry) => {
                    if !goes_on() {
                        break;
                    }
                    ListedLog::commit(&*self.store, &entry, |_| &self.log);
                    compactor.committed();
                    check(self);
                }
            }
        }
        compactor.ends().to_vec()
    }

    /// One pass from beginning to end.
    fn pass(&mut self) -> Option<PassEnd> {
        let plan = self.plan(RULES)?;
        let mut compactor = self.compactor(plan, options(1 << 20, 1 << 20));
        self.drive(&mut compactor, 1 << 20, || true, |_| {}).pop()
    }

    fn seen(&self) -> Vec<Seen> {
        seen(&self.log.batches())
    }

    /// What holds at every moment: nothing was changed, and readers learn the latest of every key.
    fn check(&self) {
        let now = self.seen();
        for record in &now {
            let place = self.all.binary_search_by_key(&record.offset, |one| one.offset).unwrap();
            assert_eq!(*record, self.all[place], "a record is as it was appended");
        }
        let start = self.log.log_start().0;
        let end = self.log.end().0;
        for from in (start..=end).step_by(1 + (end - start) as usize / 12) {
            let (was, is) = (learned(&self.all, from), learned(&now, from));
            for (key, (offset, value)) in &was {
                let expected = match value {
                    Some(_) => is.get(key) == Some(&(*offset, value.clone())),
                    None => is.get(key).is_none_or(|(found, value)| found == offset && value.is_none()),
                };
                assert!(expected, "from {from}: {key:?} was {offset}, is {:?}", is.get(key));
            }
            assert!(is.keys().all(|key| was.contains_key(key)));
        }
        assert_eq!(now.last(), self.all.last(), "the last record of a log stays");
    }
}

/// A batch of anything.
fn random_batch(rng: &mut Rng, now: i64) -> Bytes {
    let mut builder = BatchBuilder::new();
    for _ in 0..1 + rng.below(6) {
        let key = format!("key-{}", rng.below(40));
        let key = (rng.below(20) > 0).then_some(key.as_bytes());
        let value = format!("value {} ", rng.next_u64()).repeat(1 + rng.below(20) as usize);
        let value = (rng.below(4) > 0).then_some(value.as_bytes());
        let headers = [("trace", Some(&b"abc"[..])), ("none", None)];
        let time = RecordTime(now - rng.below(100) as i64);
        builder.push(time, key, value, &headers[..rng.below(3) as usize]).unwrap();
    }
    let codec = Compression::ALL[rng.below(5) as usize];
    let batch = builder.finish(codec).unwrap();
    if rng.below(4) > 0 {
        return batch;
    }
    let mut batch = batch.to_vec();
    set_log_append_time(&mut batch, RecordTime(now)).unwrap();
    Bytes::from(batch)
}

fn random_log(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut bench = Bench::new();
    let keeps_tombstones = rng.below(2) == 0;
    let rules = CompactRules { tombstone_retention_ms: if keeps_tombstones { 1 << 40 } else { 50 }, ..RULES };
    // Mostly a map of fewer keys than there are, so that a pass ends where it is full.
    let options = options(24 * [16, 20, 1000][rng.below(3) as usize], 200 + rng.below(4000));
    for _ in 0..4 {
        for _ in 0..rng.below(30) {
            bench.now += rng.below(20) as i64;
            let batch = random_batch(&mut rng, bench.now);
            bench.append(&batch, rng.below(3) > 0);
        }
        if rng.below(4) == 0 {
            let log = &bench.log;
            let start = log.log_start().0 + rng.below(1 + log.end().0.saturating_sub(log.log_start().0 + 10));
            if start < log.batches().last().map_or(0, |batch| batch.base_offset.0) {
                log.trim(Offset(start));
                // What is before a log's start may still be in the batch that holds the start: nobody reads it.
                let first = log.batches()[0].base_offset.0;
                bench.all.retain(|record| record.offset >= first);
            }
        }
        for _ in 0..rng.below(6) {
            bench.now += rng.below(40) as i64;
            let Some(plan) = (!bench.all.is_empty()).then(|| bench.plan(rules)).flatten() else { break };
            let mut compactor = bench.compactor(plan, options);
            let budget = 1 + rng.below(5000);
            let ends = bench.drive(&mut compactor, budget, || rng.below(8) > 0, Bench::check);
            assert!(ends.iter().all(|end| end.trouble.is_none()));
        }
    }
    // At rest: passes until there is nothing to do.
    let mut passes = 0;
    while let Some(plan) = (!bench.all.is_empty()).then(|| bench.plan(rules)).flatten() {
        let before = bench.cleaned_to();
        let mut compactor = bench.compactor(plan, options);
        bench.drive(&mut compactor, 10_000, || true, Bench::check);
        assert!(bench.cleaned_to() > before, "every pass goes on");
        passes += 1;
        assert!(passes < 1000);
    }
    let Some(last) = bench.log.batches().last().map(|batch| batch.base_offset.0) else { return };
    assert_eq!(bench.cleaned_to(), Offset(last));
    let now = bench.seen();
    let expected = reference(&bench.all, last, |tombstone| keeps_tombstones || now.contains(tombstone));
    assert_eq!(now, expected, "seed {seed}");
}

#[test]
fn any_log_ends_as_the_reference_says_whatever_interrupts_it() {
    (1..=120).for_each(random_log);
}

#[test]
fn of_each_key_the_latest_record_stays_at_its_offset() {
    let mut bench = Bench::new();
    bench.put(&[(Some("a"), Some("1")), (Some("b"), Some("1")), (None, Some("keyless"))]);
    bench.put(&[(Some("a"), Some("2"))]);
    bench.put(&[(Some("b"), Some("2"))]);
    let end = bench.pass().unwrap();
    assert_eq!((end.to, end.keys), (Offset(4), 2));
    let left: Vec<u64> = bench.seen().iter().map(|record| record.offset).collect();
    assert_eq!(left, [1, 3, 4], "the last batch is not touched, nor does it supersede anything yet");
    assert_eq!(bench.log.batches()[0].base_offset, Offset(0), "a batch keeps its offsets");
    assert_eq!(bench.log.batches()[0].last_offset, Offset(2));
}

#[test]
fn a_tombstone_outlives_what_it_deletes_by_the_configured_time() {
    let mut bench = Bench::new();
    bench.put(&[(Some("a"), Some("1"))]);
    bench.put(&[(Some("a"), None)]);
    bench.put(&[(Some("z"), Some("1"))]);
    bench.pass();
    let has_tombstone = |bench: &Bench| bench.seen().iter().any(|record| record.value.is_none());
    assert!(has_tombstone(&bench));
    assert!(bench.seen().iter().all(|record| record.offset != 0));
    let header = BatchHeader::parse(&bench.log.batches()[0].to_contiguous()).unwrap();
    assert_eq!(header.delete_horizon(), Some(RecordTime(11_000)), "the first pass, and the time it stays");
    bench.now = 10_999;
    bench.put(&[(Some("z"), Some("2"))]);
    bench.pass();
    assert!(has_tombstone(&bench), "one millisecond before");
    bench.now = 11_000;
    bench.put(&[(Some("z"), Some("3"))]);
    bench.pass();
    assert!(!has_tombstone(&bench));
    bench.check();
}

#[test]
fn control_batches_stay_byte_for_byte() {
    let mut bench = Bench::new();
    let mut marker =
        BatchBuilder::new().producer(ProducerId(1), ProducerEpoch(0), None).transactional().control();
    marker.push(RecordTime(5), Some(b"\0\0\0\x01"), Some(b"\0\0"), &[]).unwrap();
    let marker = marker.finish(Compression::None).unwrap();
    bench.append(&marker, true);
    bench.append(&marker, true);
    bench.put(&[(Some("z"), Some("1"))]);
    let before: Vec<StoredBatch> = bench.log.batches();
    let end = bench.pass().unwrap();
    assert_eq!((end.to, end.keys), (Offset(2), 0));
    let whole = |batches: &[StoredBatch]| batches.iter().map(StoredBatch::to_contiguous).collect::<Vec<_>>();
    assert_eq!(whole(&bench.log.batches()), whole(&before));
}

#[test]
fn a_batch_with_more_keys_than_the_map_holds_still_makes_a_pass() {
    let mut bench = Bench::new();
    let keys: Vec<String> = (0..200).map(|n| format!("key-{n}")).collect();
    for half in keys.chunks(100) {
        let records: Vec<_> = half.iter().map(|key| (Some(key.as_str()), Some("1"))).collect();
        bench.put(&records);
    }
    bench.put(&[(Some("z"), Some("1"))]);
    let plan = bench.plan(RULES).unwrap();
    let mut compactor = bench.compactor(plan, options(1, 1 << 20));
    let ends = bench.drive(&mut compactor, 1 << 20, || true, |_| {});
    assert_eq!(ends[0].to, Offset(100), "the first batch, and no more");
    bench.check();
}

#[test]
fn an_object_takes_the_place_of_no_more_pieces_than_one_commit_may() {
    let mut bench = Bench::new();
    for number in 0..3000 {
        let mut builder = BatchBuilder::new();
        builder.push(RecordTime(1), Some(b"key"), Some(b"value"), &[]).unwrap();
        let batch = builder.finish(Compression::None).unwrap();
        bench.log.append_to(HomeId::Object(ObjectNumber(number)), &batch, false);
    }
    bench.next_number = 3000;
    let plan = bench.plan(RULES).unwrap();
    let mut compactor = bench.compactor(plan, options(1 << 20, 1 << 30));
    let mut cleaned = vec![0];
    bench.drive(&mut compactor, 1 << 20, || true, |bench| cleaned.push(bench.cleaned_to().0));
    assert_eq!(cleaned, [0, 1024, 2048, 2999]);
}

#[test]
fn what_cannot_be_read_ends_the_pass_and_is_named() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.put(&[(Some("a"), Some("1"))]);
    }
    bench.log.damage(Some(Offset(2)));
    let end = bench.pass().unwrap();
    assert_eq!(end.to, Offset(2));
    assert_eq!(end.trouble.unwrap().to_string(), "a file is damaged at offset 99");
    let end = bench.pass().unwrap();
    assert_eq!(end.to, Offset(2), "nothing behind it is compacted");
    bench.log.damage(None);
    assert_eq!(bench.pass().unwrap().to, Offset(3));
    bench.check();
}

#[test]
fn a_batch_that_cannot_be_opened_ends_the_pass_and_is_named() {
    let mut bench = Bench::new();
    bench.put(&[(Some("a"), Some("1"))]);
    let mut batch = BatchBuilder::new();
    batch.push(RecordTime(1), Some(b"a"), Some(b"2"), &[]).unwrap();
    let mut bytes = batch.finish(Compression::None).unwrap().to_vec();
    bytes[22] = Compression::Zstd.code();
    let checksum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    bench.log.append(&Bytes::from(bytes), true);
    bench.put(&[(Some("a"), Some("3"))]);
    let end = bench.pass().unwrap();
    assert_eq!(end.to, Offset(1));
    let said = end.trouble.unwrap().to_string();
    assert_eq!(said, "the batch at offset 1 cannot be compacted: body is not valid zstd data");
}

#[test]
fn a_log_that_is_trimmed_or_deleted_under_a_pass_does_no_harm() {
    for is_deleted in [false, true] {
        let mut bench = Bench::new();
        for n in 0..20 {
            bench.put(&[(Some(&format!("key-{n}")), Some("1"))]);
        }
        let plan = bench.plan(RULES).unwrap();
        let mut compactor = bench.compactor(plan, options(1 << 20, 300));
        let mut objects = 0;
        let log = Arc::clone(&bench.log);
        let ends = bench.drive(
            &mut compactor,
            100,
            || {
                objects += 1;
                if objects == 2 {
                    if is_deleted { log.delete() } else { log.trim(Offset(15)) }
                }
                true
            },
            |_| {},
        );
        assert!(ends[0].trouble.is_none());
        assert_eq!(ends[0].to == Offset(19), !is_deleted, "{ends:?} {objects}");
        assert!(objects > 2 || is_deleted);
    }
}

#[test]
fn small_logs_share_an_object_and_a_large_one_is_cut_at_batches() {
    let benches: Vec<Bench> = (0..3).map(|_| Bench::new()).collect();
    let id = |stream| LogId { stream: StreamId(stream), index: 0 };
    let mut plans = Vec::new();
    let mut logs: Vec<Arc<ListedLog>> = Vec::new();
    for (n, mut bench) in (0u64..).zip(benches) {
        for round in 0..10 {
            bench.put(&[(Some(&format!("key-{}", round % 5)), Some(&"x".repeat(200)))]);
        }
        plans.push(CompactPlan { log: id(n), ..bench.plan(RULES).unwrap() });
        logs.push(bench.log);
    }
    let taken = take_next(&mut plans, 1 << 20, 512);
    assert_eq!(taken.len(), 3);
    for (object_bytes, objects) in [(1 << 20, 1), (1000, 3)] {
        let store = store(&sim_disk());
        let with_readers = taken.iter().map(|plan| {
            let reader: Arc<dyn LogReader> = logs[plan.log.stream.0 as usize].clone();
            (*plan, reader)
        });
        let mut compactor =
            Compactor::new(Arc::clone(&store), 7, options(1 << 20, object_bytes), with_readers.collect());
        let mut entries = Vec::new();
        let mut numbers = 0..;
        loop {
            match compactor.step(500, &mut || ObjectNumber(numbers.next().unwrap())).unwrap() {
                CompactProgress::Working => {}
                CompactProgress::Done => break,
                CompactProgress::Object(entry) => {
                    entries.push(entry);
                    compactor.committed();
                }
            }
        }
        assert!(entries.len() >= objects, "{} objects", entries.len());
        let parts: Vec<_> = entries.iter().flat_map(|entry| &entry.parts).collect();
        assert!(parts.windows(2).all(|two| {
            two[0].log < two[1].log || (two[0].log == two[1].log && two[0].to == two[1].from)
        }));
        assert!(parts.iter().all(|part| part.is_compacted));
        for n in 0..3 {
            let of_log: Vec<_> = parts.iter().filter(|part| part.log == id(n)).collect();
            assert_eq!((of_log[0].from, of_log[of_log.len() - 1].to), (Offset(0), Offset(9)));
        }
        let stats = compactor.stats();
        assert_eq!(stats.bytes_written, entries.iter().map(|entry| entry.bytes).sum::<u64>());
        assert_eq!((stats.batches_unchanged, stats.batches_dropped), (15, 12));
    }
}
