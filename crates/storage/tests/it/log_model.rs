//! A log as a list of batches, and a broker's worth of random acts on the real storage, compared after each.
//!
//! Apart from the tests that drive it because it is a machine: appends, trims, packs and compacts random stretches, drops
//! dead objects, takes checkpoints, crashes, starts again, and reads at any offset with any size.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use millstream_storage::disk::DirLock;
use millstream_storage::object::ObjectWriter;
use millstream_storage::{
    Assembler, Checkpointer, Frame, Keeper, LogReader, Objects, Opened, Options, Prepared, Publish, ReadMode,
    ReadOutcome, StoredBatch, Views, Writer,
};
use millstream_testkit::sim_disk::{Rng, SimDisk};
use millstream_types::object::ObjectEntry;
use millstream_types::{BatchFacts, EngineTime, LogId, ObjectNumber, Offset, RecordTime};

use crate::packed::make_batch;
use crate::support::{log, options, sim_disk, start};

/// A batch that must be there, as it is stored.
#[derive(Clone, Debug)]
struct Batch {
    base: u64,
    last: u64,
    time: i64,
    bytes: Bytes,
}

/// What a log must hold.
#[derive(Clone, Default, Debug)]
struct Log {
    start: u64,
    end: u64,
    batches: Vec<Batch>,
}

/// An open directory whose logs are adopted.
pub(crate) struct Running {
    assembler: Assembler,
    writer: Writer,
    pub(crate) views: Arc<Views>,
    pub(crate) objects: Arc<Objects>,
    keeper: Keeper,
    checkpointer: Checkpointer,
    _lock: Box<dyn DirLock>,
}

pub(crate) struct Model {
    rng: Rng,
    pub(crate) disk: SimDisk,
    pub(crate) opened: Running,
    logs: BTreeMap<LogId, Log>,
    pub(crate) manifest: Vec<ObjectEntry>,
    next_object: u64,
    tail_bytes_max: u64,
    /// How often each act did something: a run that never compacts proves nothing.
    pub(crate) done: BTreeMap<&'static str, u32>,
}

impl Model {
    pub(crate) fn new(seed: u64) -> Model {
        let disk = sim_disk();
        let mut rng = Rng::new(seed);
        let tail_bytes_max = [0, 0, 8 << 10, 1 << 20][rng.below(4) as usize];
        let opened = open(&disk, tail_bytes_max, &[], &BTreeMap::new());
        let mut model = Model {
            rng,
            disk,
            opened,
            logs: BTreeMap::new(),
            manifest: Vec::new(),
            next_object: 1,
            tail_bytes_max,
            done: BTreeMap::new(),
        };
        for n in 1..=3 {
            model.logs.insert(log(n), Log::default());
            model.push(&[], &[Publish::Create { log: log(n), start: Offset(0) }]);
        }
        model
    }

    /// One act, and one read of each log.
    pub(crate) fn step(&mut self) {
        match self.rng.below(16) {
            0..6 => self.append(),
            6..8 => self.trim(),
            8..12 => self.pack(),
            12 => self.drop_dead(),
            13..15 => self.checkpoint(),
            _ => self.restart(),
        }
        let logs: Vec<LogId> = self.logs.keys().copied().collect();
        logs.into_iter().for_each(|log| self.look(log));
    }

    fn count(&mut self, act: &'static str) {
        *self.done.entry(act).or_default() += 1;
    }

    fn push(&mut self, batches: &[(BatchFacts, Bytes)], publish: &[Publish]) {
        while self.opened.keeper.wants_file() {
            if self.opened.keeper.prepare_one(EngineTime(0)).unwrap() != Prepared::Ready {
                break;
            }
        }
        let Running { assembler, writer, .. } = &mut self.opened;
        assembler.push(Frame { time: EngineTime(5), entries: b"", batches, publish });
        writer.write(assembler.take_group().expect("a frame was just pushed")).unwrap();
    }

    fn any_log(&mut self) -> LogId {
        log(1 + self.rng.below(3))
    }

    fn append(&mut self) {
        for _ in 0..=self.rng.below(4) {
            let mut batches = Vec::new();
            for _ in 0..=self.rng.below(3) {
                let of = self.any_log();
                let base = self.logs[&of].end;
                let (records, time) = (1 + self.rng.below(4) as u32, self.rng.below(1000) as i64);
                let bytes = make_batch(base, records, time, self.rng.below(1500) as usize);
                let facts = BatchFacts {
                    log: of,
                    base_offset: Offset(base),
                    records,
                    last_offset_delta: records - 1,
                    max_timestamp: RecordTime(time),
                    bytes: bytes.len() as u32,
                };
                let last = base + u64::from(records) - 1;
                let model = self.logs.get_mut(&of).unwrap();
                model.end = last + 1;
                model.batches.push(Batch { base, last, time, bytes: bytes.clone() });
                batches.push((facts, bytes));
            }
            self.push(&batches, &[]);
        }
        self.count("append");
    }

    fn trim(&mut self) {
        let of = self.any_log();
        let model = self.logs.get_mut(&of).unwrap();
        // Mostly a little, so that something is left to pack.
        let most = (model.end - model.start).min(if self.rng.one_in(8) { u64::MAX } else { 6 });
        model.start += self.rng.below(most + 1);
        let start = model.start;
        model.batches.retain(|batch| batch.last >= start);
        self.push(&[], &[Publish::Trim { log: of, start: Offset(start) }]);
        self.count("trim");
    }

    /// Writes stretches of some logs as an object, as they are or with some batches left out.
    fn pack(&mut self) {
        let number = ObjectNumber(self.next_object);
        self.next_object += 1;
        let (store, directory) = (self.opened.objects.store().clone(), self.opened.objects.directory());
        let mut writer = ObjectWriter::new(&*store, directory, number).unwrap();
        let mut kept = Vec::new();
        for (of, model) in &self.logs {
            // Where batches begin or end; between them may be holes of earlier rounds.
            let ends = model.batches.iter().flat_map(|batch| [batch.base, batch.last + 1]);
            let mut bounds: Vec<u64> = ends.chain([model.end]).collect();
            bounds.dedup();
            if bounds.len() < 2 || self.rng.one_in(3) {
                continue;
            }
            let first = self.rng.below(bounds.len() as u64 - 1) as usize;
            let last = first + 1 + self.rng.below((bounds.len() - first - 1) as u64) as usize;
            let (from, to) = (bounds[first], bounds[last]);
            let compacts = self.rng.one_in(2);
            let stays = |batch: &Batch, rng: &mut Rng| {
                batch.base < from || batch.last >= to || !compacts || rng.one_in(2)
            };
            let rest: Vec<Batch> =
                model.batches.iter().filter(|b| stays(b, &mut self.rng)).cloned().collect();
            writer.begin_part(*of, Offset(from));
            for batch in rest.iter().filter(|batch| batch.base >= from && batch.last < to) {
                writer.batch(&[&batch.bytes]).unwrap();
            }
            writer.end_part(Offset(to), compacts).unwrap();
            kept.push((*of, rest));
        }
        if kept.is_empty() {
            return;
        }
        let entry = writer.finish().unwrap();
        if self.rng.one_in(8) {
            // Never committed: an orphan at the next start, or dropped now.
            if self.rng.one_in(2) {
                self.opened.objects.register(entry);
                self.opened.objects.drop_objects(&[number]);
            }
            self.count("orphan");
            return;
        }
        self.opened.objects.register(entry.clone());
        let publish: Vec<Publish> =
            entry.parts.iter().map(|part| Publish::Pack { object: number, part: *part }).collect();
        self.push(&[], &publish);
        self.manifest.push(entry);
        for (of, rest) in kept {
            self.logs.get_mut(&of).unwrap().batches = rest;
        }
        self.count("pack");
    }

    /// Drops the objects of which every part is trimmed or superseded by one later part.
    fn drop_dead(&mut self) {
        let is_dead = |entry: &ObjectEntry| {
            entry.parts.iter().all(|part| {
                let from = part.from.0.max(self.logs[&part.log].start);
                let later = self.manifest.iter().filter(|other| other.number > entry.number);
                let mut later = later.flat_map(|other| &other.parts).filter(|other| other.log == part.log);
                from >= part.to.0 || later.any(|other| other.from.0 <= from && other.to >= part.to)
            })
        };
        let (dead, live): (Vec<ObjectEntry>, Vec<ObjectEntry>) =
            self.manifest.iter().cloned().partition(is_dead);
        self.manifest = live;
        let numbers: Vec<ObjectNumber> = dead.iter().map(|entry| entry.number).collect();
        self.opened.objects.drop_objects(&numbers);
        self.opened.objects.sweep().unwrap();
        assert_eq!(self.opened.objects.dropped(), 0, "nobody reads, and no piece names a dead object");
        if !numbers.is_empty() {
            self.count("drop");
        }
    }

    fn checkpoint(&mut self) {
        let stamp = self.opened.assembler.next_position();
        let mut writer = self.opened.checkpointer.begin(stamp).unwrap();
        writer.add(stamp, b"").unwrap();
        writer.finish().unwrap();
        let freed = self.opened.keeper.recycle().unwrap();
        self.count(if freed.spared + freed.removed > 0 { "free" } else { "checkpoint" });
    }

    pub(crate) fn restart(&mut self) {
        if self.rng.one_in(2) {
            self.disk.crash()
        } else {
            self.disk.kill()
        }
        self.opened = open(&self.disk, self.tail_bytes_max, &self.manifest, &self.logs);
        let listing = self.opened.objects.store().list().unwrap();
        let numbers: Vec<ObjectNumber> = self.manifest.iter().map(|entry| entry.number).collect();
        assert_eq!((listing.finished, listing.unfinished), (numbers, vec![]), "orphans go, and nothing else");
        self.count("restart");
    }

    /// Compares everything that can be asked of a log at a random offset.
    fn look(&mut self, of: LogId) {
        let view = self.opened.views.get(of).unwrap();
        let model = &self.logs[&of];
        assert_eq!((view.log_start().0, view.high_watermark().0), (model.start, model.end));
        let from = model.start + self.rng.below(model.end - model.start + 1);
        let max_bytes = [1, 1000, 4000, 1 << 20][self.rng.below(4) as usize];
        let outcome = match view.read(Offset(from), max_bytes, ReadMode::CachedOnly).unwrap() {
            ReadOutcome::WouldBlock => view.read(Offset(from), max_bytes, ReadMode::MayBlock).unwrap(),
            outcome => outcome,
        };
        let mut expected = model.batches.iter().skip_while(|batch| batch.last < from);
        match outcome {
            ReadOutcome::Batches(batches) => {
                let sum: usize = batches.iter().map(StoredBatch::bytes).sum();
                assert!(
                    batches.len() == 1 || sum <= max_bytes as usize,
                    "{sum} bytes are more than {max_bytes}"
                );
                for batch in batches {
                    let expected = expected.next().expect("nothing is read that must not be there");
                    assert_eq!((batch.base_offset.0, batch.last_offset.0), (expected.base, expected.last));
                    assert_eq!(batch.max_timestamp.0, expected.time);
                    assert_eq!(batch.to_contiguous()[16..], expected.bytes[16..], "bytes of {of} at {from}");
                    assert_eq!(batch.to_contiguous()[..8], expected.base.to_be_bytes());
                }
            }
            ReadOutcome::AtEnd => {
                assert!(
                    expected.next().is_none(),
                    "{of} has records at {from} and a read says that it has none"
                );
                assert_eq!(view.bytes_from(Offset(from), 1), 0, "a reader of {of} waits at {from}");
            }
            ReadOutcome::WouldBlock => panic!("a read that may block waits"),
        }
        if model.batches.iter().any(|batch| batch.last >= from) {
            assert!(view.bytes_from(Offset(from), 1) > 0, "a reader of {of} at {from} does not wait");
        }
        self.check_pieces(of);
        self.find(of, from);
    }

    /// The pieces answer for all of the log, and their numbers add up.
    fn check_pieces(&self, of: LogId) {
        let (view, model) = (self.opened.views.get(of).unwrap(), &self.logs[&of]);
        let pieces = view.pieces(Offset(0), usize::MAX);
        let mut next = model.start;
        for (place, piece) in pieces.iter().enumerate() {
            assert!(if place == 0 { piece.from.0 <= next } else { piece.from.0 == next }, "{pieces:?}");
            next = piece.to.0;
            let held = model.batches.iter().filter(|batch| batch.base >= piece.from.0 && batch.last < next);
            assert!(piece.batches >= held.clone().count().min(1) as u32, "{pieces:?}");
            assert!(held.map(|batch| batch.time).max() <= Some(piece.max_timestamp.0));
        }
        assert_eq!(next, model.end);
        let sums = pieces.iter().map(|piece| (piece.bytes, u64::from(piece.batches)));
        assert_eq!(
            (view.bytes(), view.batches()),
            sums.fold((0, 0), |sum, add| (sum.0 + add.0, sum.1 + add.1))
        );
    }

    /// The first batch of a time is where the index says.
    fn find(&mut self, of: LogId, from: u64) {
        let (view, model) = (self.opened.views.get(of).unwrap(), &self.logs[&of]);
        let time = self.rng.below(1001) as i64;
        let wanted = model.batches.iter().find(|batch| batch.last >= from && batch.time >= time);
        let mut at = Offset(from);
        while let Some(candidate) = view.time_candidate(RecordTime(time), at) {
            assert!(candidate.from >= at && candidate.to > candidate.from, "the search goes on");
            if let Some(wanted) = wanted {
                assert!(wanted.last >= candidate.from.0, "offset {} of {of} is passed over", wanted.base);
                if wanted.base < candidate.to.0 {
                    return;
                }
            }
            at = candidate.to;
        }
        assert!(wanted.is_none(), "time {time} of {of} is not found");
    }

    /// Every byte of every log, and the number of files.
    pub(crate) fn check_all(&mut self) {
        for (of, model) in &self.logs {
            let view = self.opened.views.get(*of).unwrap();
            let mut at = Offset(model.start);
            let mut found = Vec::new();
            while let ReadOutcome::Batches(batches) = view.read(at, 1 << 20, ReadMode::MayBlock).unwrap() {
                at = batches.last().unwrap().last_offset.advance(1);
                found.extend(
                    batches.iter().map(|batch| (batch.base_offset.0, batch.to_contiguous().slice(16..))),
                );
            }
            let expected: Vec<(u64, Bytes)> =
                model.batches.iter().map(|batch| (batch.base, batch.bytes.slice(16..))).collect();
            assert!(found == expected, "{of} holds what it must");
        }
    }
}

/// Opens the directory, whose manifest and logs are these.
fn open(
    disk: &SimDisk,
    tail_bytes_max: u64,
    manifest: &[ObjectEntry],
    logs: &BTreeMap<LogId, Log>,
) -> Running {
    let options = Options { tail_bytes_max, index_bytes_max: 600, open_files_max: 2, ..options() };
    let (opened, _) = start(disk, options).unwrap();
    let Opened { assembler, writer, views, objects, keeper, checkpointer, mut adoption, lock, .. } = opened;
    manifest.iter().for_each(|entry| adoption.object(entry));
    for (of, log) in logs {
        adoption.adopt(*of, Offset(log.start), Offset(log.end)).unwrap();
    }
    adoption.finish().unwrap();
    Running { assembler, writer, views, objects, keeper, checkpointer, _lock: lock }
}
