//! Packing and compaction of real logs: appended, trimmed, packed, compacted, restarted, and read.
//!
//! Apart from the tests of each by itself because the parts must fit: what planning sees of a view, what a view makes of a
//! committed object, and what a start makes of the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use millstream_storage::compact::{
    CompactOptions, CompactPlan, CompactProgress, CompactRules, Compactor, cleaned_to, consider, take_next,
};
use millstream_storage::disk::DirLock;
use millstream_storage::object;
use millstream_storage::pack::{PackOptions, PackProgress, Packer, Quarantine, Survey, plan};
use millstream_storage::{
    Assembler, Frame, HomeId, Keeper, LogReader, Logs, Objects, Publish, ReadMode, ReadOutcome, StoredBatch,
    Views, WalFiles, Writer,
};
use millstream_testkit::sim_disk::{Rng, SimDisk};
use millstream_types::batch::{BatchBuilder, BatchHeader, Compression};
use millstream_types::{BatchFacts, EngineTime, LogId, ObjectEntry, ObjectNumber, Offset, RecordTime};

use crate::listed_log::{Seen, seen};
use crate::support::{log, options, sim_disk, start};

const RULES: CompactRules =
    CompactRules { dirty_ratio_min: 3000, lag_min_ms: 0, lag_max_ms: Some(500), tombstone_retention_ms: 100 };

const PACKING: PackOptions = PackOptions {
    young_files: 1,
    files_together: 2,
    log_bytes_min: 4096,
    piece_bytes_min: 512,
    job_bytes: 1 << 20,
    object_bytes: 20_000,
    own_object_bytes: 8000,
};

/// A running storage.
struct Life {
    assembler: Assembler,
    writer: Writer,
    views: Arc<Views>,
    keeper: Keeper,
    files: WalFiles,
    objects: Arc<Objects>,
    _lock: Box<dyn DirLock>,
}

/// What the core would know of a log, and everything that was ever appended to it.
#[derive(Default)]
struct Known {
    start: Offset,
    end: Offset,
    all: Vec<Seen>,
}

struct Bench {
    disk: SimDisk,
    life: Option<Life>,
    manifest: BTreeMap<ObjectNumber, ObjectEntry>,
    next_number: u64,
    logs: BTreeMap<LogId, Known>,
    quarantine: Quarantine,
    now: i64,
    rng: Rng,
}

impl Bench {
    fn new(seed: u64, logs: u64) -> Bench {
        let mut bench = Bench {
            disk: sim_disk(),
            life: None,
            manifest: BTreeMap::new(),
            next_number: 0,
            logs: BTreeMap::new(),
            quarantine: Quarantine::default(),
            now: 1000,
            rng: Rng::new(seed),
        };
        bench.restart();
        for n in 0..logs {
            bench.logs.insert(log(n), Known::default());
            bench.push(&[], &[Publish::Create { log: log(n), start: Offset(0) }]);
        }
        bench
    }

    fn life(&self) -> &Life {
        self.life.as_ref().unwrap()
    }

    /// Ends the process and starts the next one, which is told of objects and logs as by the core.
    fn restart(&mut self) {
        self.life = None;
        self.disk.kill();
        let (mut opened, _) = start(&self.disk, options()).unwrap();
        self.manifest.values().for_each(|entry| opened.adoption.object(entry));
        for (log, known) in &self.logs {
            opened.adoption.adopt(*log, known.start, known.end).unwrap();
        }
        opened.adoption.finish().unwrap();
        self.life = Some(Life {
            assembler: opened.assembler,
            writer: opened.writer,
            views: opened.views,
            keeper: opened.keeper,
            files: opened.files,
            objects: opened.objects,
            _lock: opened.lock,
        });
    }

    fn push(&mut self, batches: &[(BatchFacts, Bytes)], publish: &[Publish]) {
        let life = self.life.as_mut().unwrap();
        while life.keeper.wants_file() {
            life.keeper.prepare_one(EngineTime(0)).unwrap();
        }
        life.assembler.push(Frame { time: EngineTime(self.now), entries: b"entry", batches, publish });
        let group = life.assembler.take_group().expect("a frame was just pushed");
        life.writer.write(group).unwrap();
    }

    fn append(&mut self, log: LogId) {
        let mut builder = BatchBuilder::new();
        for _ in 0..1 + self.rng.below(4) {
            let key = format!("key-{}", self.rng.below(15));
            let value = "value ".repeat(self.rng.below(60) as usize) + &self.rng.next_u64().to_string();
            let value = (self.rng.below(5) > 0).then_some(value.as_bytes());
            builder.push(RecordTime(self.now), Some(key.as_bytes()), value, &[]).unwrap();
        }
        let batch = builder.finish(Compression::ALL[self.rng.below(5) as usize]).unwrap();
        let known = self.logs.get_mut(&log).unwrap();
        let facts = BatchHeader::parse(&batch).unwrap().facts(log, known.end);
        let from = known.end;
        known.end = facts.next_offset();
        self.push(&[(facts, batch)], &[]);
        let appended = self.read(log, from);
        self.logs.get_mut(&log).unwrap().all.extend(seen(&appended));
    }

    fn trim(&mut self, log: LogId) {
        let known = &self.logs[&log];
        // Not into what would leave the log empty: then there is nothing to compare.
        let room = (known.end.0 - known.start.0).saturating_sub(8);
        let start = Offset(known.start.0 + self.rng.below(1 + room));
        self.logs.get_mut(&log).unwrap().start = start;
        self.push(&[], &[Publish::Trim { log, start }]);
    }

    fn commit(&mut self, entry: ObjectEntry) {
        let object = entry.number;
        let changes: Vec<_> = entry.parts.iter().map(|part| Publish::Pack { object, part: *part }).collect();
        self.life().objects.register(entry.clone());
        let findings = object::verify(
            &*self.life().objects.store().open(object).unwrap(),
            object,
            self.life().objects.directory(),
        );
        assert!(findings.is_empty(), "{findings:?}");
        self.manifest.insert(object, entry);
        self.push(&[], &changes);
    }

    /// Every job that is worth it now.
    fn pack(&mut self, is_interrupted: bool) {
        let files = self.life().files.sealed();
        let files = files.into_iter().map(|file| (HomeId::Wal(file.sequence), file.bytes));
        let objects = self.life().objects.list();
        let objects = objects.iter().map(|object| (HomeId::Object(object.number()), object.entry().bytes));
        let mut survey = Survey::new(files.chain(objects));
        for log in Logs::ids(&*self.life().views) {
            survey.add(log, &*self.life().views.get(log).unwrap(), &self.quarantine);
        }
        let plan = plan(&survey.finish(), &PACKING);
        for job in &plan.jobs {
            let (store, directory) =
                (Arc::clone(self.life().objects.store()), self.life().objects.directory());
            let mut packer = Packer::new(store, directory, PACKING, job, self.life().views.clone());
            loop {
                let next = &mut self.next_number;
                let mut numbers = || {
                    *next += 1;
                    ObjectNumber(*next)
                };
                match packer.step(3000, &mut numbers, &mut self.quarantine).unwrap() {
                    PackProgress::Working => {}
                    PackProgress::Done => break,
                    PackProgress::Object(entry) => {
                        if is_interrupted && self.rng.below(3) == 0 {
                            return;
                        }
                        self.commit(entry);
                        packer.committed();
                    }
                }
            }
            for log in Logs::ids(&*self.life().views) {
                let pieces = self.life().views.get(log).unwrap().pieces(Offset(0), usize::MAX);
                let start = self.logs[&log].start;
                assert!(
                    pieces.iter().all(|piece| !job.homes.contains(&piece.home)),
                    "log {log} from {start} still has pieces in {:?}: {pieces:?}",
                    job.homes
                );
            }
        }
    }

    /// One pass over what comes next; `false` when nothing is worth one.
    fn compact(&mut self, is_interrupted: bool) -> bool {
        let mut plans = Vec::new();
        for log in Logs::ids(&*self.life().views) {
            let view = self.life().views.get(log).unwrap();
            plans.extend(consider(log, &*view, RULES, view.last_stable(), EngineTime(self.now)).unwrap());
        }
        let with_views = |plan: CompactPlan| {
            let reader: Arc<dyn LogReader> = self.life().views.get(plan.log).unwrap();
            (plan, reader)
        };
        let taken: Vec<_> = take_next(&mut plans, 100_000, 512).into_iter().map(with_views).collect();
        let is_over = taken.is_empty();
        let options = CompactOptions { map_bytes_max: 24 * 16, object_bytes: 5000, seed: [1, 2] };
        let (store, directory) = (Arc::clone(self.life().objects.store()), self.life().objects.directory());
        let mut compactor = Compactor::new(store, directory, options, taken);
        loop {
            let next = &mut self.next_number;
            let mut numbers = || {
                *next += 1;
                ObjectNumber(*next)
            };
            match compactor.step(3000, &mut numbers).unwrap() {
                CompactProgress::Working => {}
                CompactProgress::Done => break,
                CompactProgress::Object(entry) => {
                    if is_interrupted && self.rng.below(3) == 0 {
                        return true;
                    }
                    self.commit(entry);
                    compactor.committed();
                }
            }
        }
        assert!(compactor.ends().iter().all(|end| end.trouble.is_none()));
        !is_over
    }

    fn read(&self, log: LogId, from: Offset) -> Vec<StoredBatch> {
        let view = self.life().views.get(log).unwrap();
        let mut all: Vec<StoredBatch> = Vec::new();
        loop {
            let from = all.last().map_or(from, |batch| batch.last_offset.advance(1));
            match view.read(from, 2000, ReadMode::MayBlock).unwrap() {
                ReadOutcome::Batches(batches) => all.extend(batches),
                ReadOutcome::AtEnd => return all,
                ReadOutcome::WouldBlock => panic!("a read that may block waits"),
            }
        }
    }

    /// Each log holds what it should, from its start and from anywhere behind it.
    fn check(&mut self, compacts: bool) {
        for log in self.logs.keys().copied().collect::<Vec<_>>() {
            let known = &self.logs[&log];
            let offset = Offset(known.start.0 + self.rng.below(1 + known.end.0 - known.start.0));
            for from in [known.start, offset] {
                let now: Vec<Seen> = seen(&self.read(log, from))
                    .into_iter()
                    .filter(|record| record.offset >= from.0)
                    .collect();
                let was: Vec<&Seen> = known.all.iter().filter(|record| record.offset >= from.0).collect();
                if !compacts {
                    assert!(now.iter().eq(was), "log {log} from {from}");
                    continue;
                }
                assert!(now.iter().all(|record| was.contains(&record)));
                let latest = |records: &[&Seen]| -> BTreeMap<_, _> {
                    let live =
                        |record: &&Seen| Some((record.key.clone()?, (record.offset, record.value.clone())));
                    records.iter().filter_map(live).collect()
                };
                let (was, is) = (latest(&was), latest(&now.iter().collect::<Vec<_>>()));
                for (key, (offset, value)) in &was {
                    let found = is.get(key);
                    let gone = value.is_none() && found.is_none();
                    assert!(
                        gone || found == Some(&(*offset, value.clone())),
                        "log {log} from {from}: {key:?}"
                    );
                }
            }
        }
    }
}

/// Returns how many objects were committed.
fn run(seed: u64, compacts: bool) -> usize {
    let logs = 1 + seed % 5;
    let mut bench = Bench::new(seed, logs);
    for _ in 0..8 {
        for _ in 0..20 + bench.rng.below(150) {
            let n = bench.rng.below(logs);
            bench.append(log(n));
            bench.now += 1;
        }
        for n in 0..logs {
            if bench.logs[&log(n)].end > Offset(0) && bench.rng.below(3) == 0 {
                bench.trim(log(n));
            }
        }
        let is_interrupted = bench.rng.below(3) == 0;
        bench.pack(is_interrupted);
        bench.check(compacts);
        if compacts {
            bench.compact(is_interrupted);
            bench.check(compacts);
        }
        if bench.rng.below(2) == 0 {
            bench.restart();
            bench.check(compacts);
        }
    }
    assert!(bench.quarantine.pieces().is_empty());
    if compacts {
        // Older than any dirty record may be, and than any tombstone.
        bench.now += 100_000;
        let passes = (0..2000).take_while(|_| bench.compact(false)).count();
        assert!(passes < 2000, "every pass goes on");
        bench.check(true);
        for (log, known) in &bench.logs {
            let pieces = bench.life().views.get(*log).unwrap().pieces(Offset(0), usize::MAX);
            let Some(cleaned) = cleaned_to(pieces) else { continue };
            let last = bench.read(*log, known.start).last().unwrap().base_offset;
            assert_eq!(cleaned.max(known.start), last, "at rest everything but the last batch is compacted");
            let mut keys = BTreeSet::new();
            for record in seen(&bench.read(*log, known.start)) {
                assert!(record.offset >= last.0 || keys.insert(record.key), "one record per key");
            }
        }
    }
    bench.manifest.len()
}

#[test]
fn packed_logs_read_as_they_were_appended() {
    let objects: usize = (1..=12).map(|seed| run(seed, false)).sum();
    assert!(objects > 50, "much was worth packing: {objects}");
}

#[test]
fn compacted_logs_keep_the_latest_of_every_key() {
    let objects: usize = (1..=4).map(|seed| run(seed, true)).sum();
    assert!(objects > 60, "much was compacted: {objects}");
}
