//! Packing jobs over logs in memory: what is copied, how it is cut into objects, and what is left where it is.
//!
//! Apart from the plan's table because here every byte is compared: a packer that loses or changes a batch is worse than none.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use millstream_storage::pack::{PackJob, PackOptions, PackProgress, Packer, Quarantine, Survey, plan};
use millstream_storage::store::Store;
use millstream_storage::{HomeId, StoredBatch};
use millstream_testkit::sim_disk::Rng;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::{LogId, ObjectEntry, ObjectNumber, Offset, RecordTime, StreamId};

use crate::listed_log::{DIRECTORY, ListedLog, ListedLogs, store};
use crate::support::sim_disk;

/// Several logs on one disk.
struct Bench {
    store: Arc<dyn Store>,
    logs: ListedLogs,
    quarantine: Quarantine,
    next_number: u64,
}

fn id(stream: u64) -> LogId {
    LogId { stream: StreamId(stream), index: 0 }
}

fn batch(bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(RecordTime(1), Some(b"key"), Some(&vec![b'x'; bytes]), &[]).unwrap();
    builder.push(RecordTime(1), Some(b"other"), None, &[]).unwrap();
    builder.finish(Compression::None).unwrap()
}

fn small() -> PackOptions {
    PackOptions {
        young_files: 1,
        files_together: 2,
        log_bytes_min: 2000,
        piece_bytes_min: 100,
        job_bytes: 1 << 20,
        object_bytes: 4000,
        own_object_bytes: 1500,
    }
}

impl Bench {
    fn new(logs: u64) -> Bench {
        let logs = (0..logs).map(|n| (id(n), Arc::default())).collect();
        let store = store(&sim_disk());
        Bench { store, logs: ListedLogs(logs), quarantine: Quarantine::default(), next_number: 100 }
    }

    fn log(&self, n: u64) -> &Arc<ListedLog> {
        &self.logs.0[&id(n)]
    }

    fn add(&self, n: u64, file: u64, bytes: usize) {
        self.log(n).append_to(HomeId::Wal(file), &batch(bytes), true);
    }

    fn packer(&self, options: PackOptions, homes: &[HomeId]) -> Packer {
        let job = PackJob { homes: homes.to_vec(), live_bytes: 0 };
        Packer::new(Arc::clone(&self.store), DIRECTORY, options, &job, Arc::new(self.logs.clone()))
    }

    /// Drives a job to its end, or until `goes_on` says no to an object that is about to be committed.
    fn pack(
        &mut self,
        options: PackOptions,
        homes: &[HomeId],
        budget: u64,
        mut goes_on: impl FnMut(&Bench) -> bool,
    ) -> Vec<ObjectEntry> {
        let mut packer = self.packer(options, homes);
        let mut entries = Vec::new();
        loop {
            let next = &mut self.next_number;
            let mut numbers = || {
                *next += 1;
                ObjectNumber(*next)
            };
            match packer.step(budget, &mut numbers, &mut self.quarantine).unwrap() {
                PackProgress::Working => {}
                PackProgress::Done => break,
                PackProgress::Object(entry) => {
                    if !goes_on(self) {
                        break;
                    }
                    ListedLog::commit(&*self.store, &entry, |log| &self.logs.0[&log]);
                    packer.committed();
                    entries.push(entry);
                }
            }
        }
        let stats = packer.stats();
        assert!(stats.objects as usize >= entries.len());
        assert!(stats.bytes_written >= entries.iter().map(|entry| entry.bytes).sum());
        entries
    }

    /// Bytes of every batch of every log.
    fn content(&self) -> Vec<Vec<Bytes>> {
        let of = |log: &Arc<ListedLog>| log.batches().iter().map(StoredBatch::to_contiguous).collect();
        self.logs.0.values().map(of).collect()
    }

    fn homes(&self, n: u64) -> Vec<HomeId> {
        self.log(n).all_pieces().iter().map(|piece| piece.home).collect()
    }
}

const WAL: [HomeId; 3] = [HomeId::Wal(0), HomeId::Wal(1), HomeId::Wal(2)];

#[test]
fn stretches_over_several_files_become_one_part_each() {
    let mut bench = Bench::new(3);
    for file in 0..3 {
        for log in 0..3 {
            bench.add(log, file, 100);
        }
    }
    let before = bench.content();
    let entries = bench.pack(small(), &WAL[..2], 1 << 20, |_| true);
    assert_eq!(entries.len(), 1);
    let parts: Vec<_> = entries[0].parts.iter().map(|part| (part.log, part.from, part.to)).collect();
    assert_eq!(parts, [0, 1, 2].map(|n| (id(n), Offset(0), Offset(4))));
    assert_eq!(bench.content(), before);
    for log in 0..3 {
        assert_eq!(bench.homes(log), [HomeId::Object(entries[0].number), HomeId::Wal(2)]);
    }
}

#[test]
fn a_log_with_much_gets_objects_of_its_own_and_others_share() {
    let mut bench = Bench::new(4);
    for _ in 0..80 {
        bench.add(1, 0, 100);
    }
    for log in [0, 2, 3] {
        bench.add(log, 0, 100);
    }
    let before = bench.content();
    let entries = bench.pack(small(), &WAL, 700, |_| true);
    let logs = |entry: &ObjectEntry| entry.parts.iter().map(|part| part.log.stream.0).collect::<Vec<_>>();
    assert_eq!(logs(&entries[0]), [0, 2, 3]);
    assert!(entries.len() >= 4 && entries[1..].iter().all(|entry| logs(entry) == [1]));
    assert!(entries.iter().all(|entry| entry.bytes < 4000 + 1500 + 1000));
    assert_eq!(bench.content(), before);
}

#[test]
fn an_object_has_no_more_parts_than_it_may() {
    let mut bench = Bench::new(600);
    for log in 0..600 {
        bench.add(log, 0, 1);
    }
    let options = PackOptions { object_bytes: 1 << 20, ..small() };
    let entries = bench.pack(options, &WAL, 1 << 20, |_| true);
    let parts: Vec<_> = entries.iter().map(|entry| entry.parts.len()).collect();
    assert_eq!(parts, [512, 88]);
}

#[test]
fn an_object_takes_the_place_of_no_more_pieces_than_one_commit_may() {
    let mut bench = Bench::new(3);
    let homes: Vec<_> = (1..=1500).map(|number| HomeId::Object(ObjectNumber(number))).collect();
    for log in 0..3 {
        for home in &homes[..500 + 500 * log as usize] {
            bench.log(log).append_to(*home, &batch(1), false);
        }
    }
    let before = bench.content();
    bench.next_number = 2000;
    for own_object_bytes in [1 << 20, 1] {
        let options = PackOptions { object_bytes: 1 << 20, own_object_bytes, ..small() };
        let entries = bench.pack(options, &homes, 1 << 20, |_| true);
        // Each piece has two offsets.
        let covered =
            |entry: &ObjectEntry| entry.parts.iter().map(|part| (part.to.0 - part.from.0) / 2).sum();
        let covered: Vec<u64> = entries.iter().map(covered).collect();
        assert!(covered.iter().all(|pieces| *pieces <= 1024 + 500), "{covered:?}");
        assert!(covered.is_empty() || covered.iter().sum::<u64>() == 3000);
        assert_eq!(bench.content(), before);
    }
}

#[test]
fn what_has_a_home_between_is_packed_in_another_round() {
    let mut bench = Bench::new(2);
    for (file, log) in [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)] {
        bench.add(log, file, 100);
    }
    let before = bench.content();
    let entries = bench.pack(small(), &[HomeId::Wal(0), HomeId::Wal(2)], 1 << 20, |_| true);
    let parts = |entry: &ObjectEntry| -> Vec<_> {
        entry.parts.iter().map(|part| (part.log.stream.0, part.from.0, part.to.0)).collect()
    };
    assert_eq!(entries.iter().map(parts).collect::<Vec<_>>(), [vec![(0, 0, 2), (1, 0, 4)], vec![(0, 4, 6)]]);
    assert_eq!(bench.content(), before);
}

#[test]
fn compacted_parts_stay_compacted_and_their_holes_stay_holes() {
    let mut bench = Bench::new(1);
    for _ in 0..3 {
        bench.add(0, 0, 100);
    }
    // Compaction has been over the first four offsets and has left one batch of two.
    let mut writer =
        millstream_storage::object::ObjectWriter::new(&*bench.store, DIRECTORY, ObjectNumber(7)).unwrap();
    writer.begin_part(id(0), Offset(0));
    writer.batch(&[&bench.content()[0][0]]).unwrap();
    writer.end_part(Offset(4), true).unwrap();
    let entry = writer.finish().unwrap();
    ListedLog::commit(&*bench.store, &entry, |_| bench.log(0));
    let before = bench.content();
    assert_eq!(before[0].len(), 2);
    let entries = bench.pack(small(), &[HomeId::Object(ObjectNumber(7)), HomeId::Wal(0)], 1 << 20, |_| true);
    let parts: Vec<_> = entries
        .iter()
        .flat_map(|entry| &entry.parts)
        .map(|part| (part.from.0, part.to.0, part.is_compacted, part.batches))
        .collect();
    assert_eq!(parts, [(0, 4, true, 1), (4, 6, false, 1)]);
    assert_eq!(bench.content(), before);
}

#[test]
fn trimmed_and_deleted_logs_are_not_written_again() {
    let mut bench = Bench::new(3);
    for log in 0..3 {
        for _ in 0..10 {
            bench.add(log, 0, 100);
        }
    }
    bench.log(0).trim(Offset(20));
    bench.log(1).trim(Offset(15));
    bench.log(2).delete();
    let entries = bench.pack(small(), &WAL, 1 << 20, |_| true);
    let parts: Vec<_> = entries
        .iter()
        .flat_map(|entry| &entry.parts)
        .map(|part| (part.log.stream.0, part.from.0, part.to.0))
        .collect();
    // Offset 15 is the second of its batch.
    assert_eq!(parts, [(1, 14, 20)]);
}

#[test]
fn what_cannot_be_read_stays_and_is_named_and_the_rest_goes() {
    let mut bench = Bench::new(2);
    for file in 0..3 {
        for _ in 0..2 {
            bench.add(0, file, 100);
            bench.add(1, file, 100);
        }
    }
    bench.log(0).damage(Some(Offset(6)));
    let before = bench.content();
    bench.pack(small(), &WAL, 1 << 20, |_| true);
    assert_eq!(bench.content(), before);
    let left: Vec<_> = bench
        .log(0)
        .all_pieces()
        .iter()
        .filter(|piece| matches!(piece.home, HomeId::Wal(_)))
        .map(|piece| (piece.from.0, piece.to.0))
        .collect();
    assert_eq!(left, [(6, 8)], "the damaged batch and what follows it in its piece");
    assert!(bench.homes(1).iter().all(|home| matches!(home, HomeId::Object(_))));
    let named = bench.quarantine.pieces();
    assert_eq!(named.len(), 1);
    assert_eq!((named[0].log, named[0].home), (id(0), HomeId::Wal(1)));
    assert_eq!(named[0].why.to_string(), "a file is damaged at offset 99");

    // The file is not worth another job.
    let mut survey = Survey::new([(HomeId::Wal(1), 1000), (HomeId::Wal(9), 0)]);
    for log in 0..2 {
        survey.add(id(log), &**bench.log(log), &bench.quarantine);
    }
    let facts = survey.finish();
    assert_eq!(facts[0].live_bytes, 0);
    assert!(plan(&facts, &small()).jobs.is_empty());
    assert_eq!(bench.pack(small(), &WAL, 1 << 20, |_| true), []);
}

#[test]
fn a_log_with_damage_and_more_behind_it_comes_once_in_the_next_round() {
    let mut bench = Bench::new(1);
    for file in 0..3 {
        bench.add(0, file, 100);
    }
    bench.log(0).damage(Some(Offset(0)));
    let entries = bench.pack(small(), &[HomeId::Wal(0), HomeId::Wal(2)], 1 << 20, |_| true);
    let parts: Vec<_> =
        entries.iter().flat_map(|entry| &entry.parts).map(|part| (part.from.0, part.to.0)).collect();
    assert_eq!(parts, [(4, 6)]);
}

#[test]
fn a_survey_counts_pieces_bytes_and_logs_by_home() {
    let bench = Bench::new(3);
    for log in 0..3 {
        bench.add(log, 1, 100);
        bench.add(log, 2, 100);
        bench.log(log).append_to(HomeId::Wal(2), &batch(100), false);
    }
    bench.log(2).trim(Offset(2));
    let mut survey = Survey::new([(HomeId::Wal(1), 4096), (HomeId::Wal(2), 4096)]);
    let quarantine = Quarantine::default();
    let pieces: u64 = (0..3).map(|log| survey.add(id(log), &**bench.log(log), &quarantine)).sum();
    assert_eq!(pieces, 8);
    let one = batch(100).len() as u64;
    let facts: Vec<_> =
        survey.finish().iter().map(|facts| (facts.live_bytes, facts.live_pieces, facts.live_logs)).collect();
    assert_eq!(facts, [(2 * one, 2, 2), (6 * one, 6, 3)]);
}

fn random_job(seed: u64) {
    let mut rng = Rng::new(seed);
    let logs = 1 + rng.below(12);
    let mut bench = Bench::new(logs);
    for file in 0..6 {
        for _ in 0..rng.below(60) {
            let log = rng.below(logs);
            let bytes = rng.below(400) as usize;
            bench.log(log).append_to(HomeId::Wal(file), &batch(bytes), rng.below(3) > 0);
        }
    }
    let options = PackOptions { object_bytes: 500 + rng.below(8000), ..small() };
    for _ in 0..rng.below(5) {
        let homes: BTreeSet<_> = (0..1 + rng.below(4)).map(|_| HomeId::Wal(rng.below(6))).collect();
        let homes: Vec<_> = homes.into_iter().collect();
        let before = bench.content();
        let is_interrupted = rng.below(3) == 0;
        let budget = 1 + rng.below(3000);
        let mut is_over = false;
        bench.pack(options, &homes, budget, |_| {
            is_over |= is_interrupted && rng.below(3) == 0;
            !is_over
        });
        assert_eq!(bench.content(), before, "seed {seed}");
        if !is_over {
            for log in 0..logs {
                assert!(bench.homes(log).iter().all(|home| !homes.contains(home)), "seed {seed}");
            }
        }
        // Half-dead objects are homes like any other.
        for log in 0..logs {
            let (start, end) =
                (bench.log(log).all_pieces().first().map(|piece| piece.from), bench.log(log).end());
            if let Some(start) = start.filter(|_| rng.below(4) == 0) {
                bench.log(log).trim(Offset(start.0 + rng.below(end.0 - start.0)));
            }
        }
        let objects: BTreeSet<_> = (0..logs).flat_map(|log| bench.homes(log)).collect();
        let objects: Vec<_> = objects
            .into_iter()
            .filter(|home| matches!(home, HomeId::Object(_)) && rng.below(2) == 0)
            .collect();
        if objects.is_empty() {
            continue;
        }
        let before = bench.content();
        bench.pack(options, &objects, budget, |_| true);
        assert_eq!(bench.content(), before, "seed {seed}");
        for log in 0..logs {
            assert!(bench.homes(log).iter().all(|home| !objects.contains(home)), "seed {seed}");
        }
    }
    assert!(bench.quarantine.pieces().is_empty());
}

#[test]
fn any_job_empties_its_homes_and_changes_nothing() {
    (1..=200).for_each(random_job);
}
