//! From a pushed frame to a read batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use millstream_storage::{
    Admit, Options, Prepared, Publish, Purpose, ReadError, ReadMode, ReadOutcome, RealDisk, TimeCandidate,
    open,
};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{EngineTime, Offset, RecordTime};

use crate::support::{
    Recorder, TempDir, add, batch, commit, facts, fill, log, options, read_all, sim_disk, start,
};

#[test]
fn batches_are_read_as_pushed_from_memory_and_from_files_on_the_machines_disk() {
    let dir = TempDir::new();
    for tail_bytes_max in [0, 1 << 20] {
        let disk = Arc::new(RealDisk::new(&dir.0).unwrap());
        let options = Options { tail_bytes_max, ..options() };
        let mut opened = open(disk, options, &mut Recorder::default()).unwrap();
        let id = log(1 + tail_bytes_max);
        let sizes = [61, 1100, 8192, 8193, 9_000];
        let mut base = 3;
        commit(&mut opened, b"", &[], &[Publish::Create { log: id, start: Offset(base) }]).unwrap();
        for bytes in sizes {
            commit(&mut opened, b"entry", &[(facts(id, base, 2, bytes), batch(bytes, 9))], &[]).unwrap();
            base += 2;
        }
        let read = read_all(&opened, id, 4);
        assert_eq!(read.iter().map(|batch| batch.bytes()).collect::<Vec<_>>(), sizes);
        for (n, stored) in read.iter().enumerate() {
            let mut expected = batch(sizes[n], 9).to_vec();
            expected[..8].copy_from_slice(&(3 + 2 * n as u64).to_be_bytes());
            expected[12..16].fill(0);
            assert_eq!(stored.to_contiguous(), expected);
            assert_eq!(
                stored.head.is_empty(),
                tail_bytes_max == 0 || sizes[n] <= 8192,
                "large ones are not copied"
            );
        }
    }
}

#[test]
fn a_fan_out_is_stored_once_and_read_with_each_logs_offsets() {
    for tail_bytes_max in [0, 1 << 20] {
        let (mut opened, _) = start(&sim_disk(), Options { tail_bytes_max, ..options() }).unwrap();
        let creates: Vec<_> =
            (1..=10).map(|id| Publish::Create { log: log(id), start: Offset(id) }).collect();
        let before = commit(&mut opened, b"", &[], &creates).unwrap().position;
        let body = batch(5000, 3);
        let batches: Vec<_> = (1..=10).map(|id| (facts(log(id), id, 1, 5000), body.clone())).collect();
        let after = commit(&mut opened, b"", &batches, &[]).unwrap().position;
        assert!(after.0 - before.0 < 6000, "ten logs point at the same bytes");
        for id in 1..=10 {
            let read = read_all(&opened, log(id), id);
            let mut expected = body.to_vec();
            expected[..8].copy_from_slice(&id.to_be_bytes());
            expected[12..16].fill(0);
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].to_contiguous(), expected);
        }
    }
}

#[test]
fn reads_outside_the_log_say_where_it_is() {
    let (mut opened, _) = start(&sim_disk(), options()).unwrap();
    fill(&mut opened, 5, 100);
    commit(&mut opened, b"", &[], &[Publish::Trim { log: log(1), start: Offset(2) }]).unwrap();
    let view = opened.views.get(log(1)).unwrap();
    for outside in [1, 6] {
        let error = view.read(Offset(outside), 100, ReadMode::MayBlock).unwrap_err();
        assert!(matches!(error, ReadError::OutOfRange { start: Offset(2), end: Offset(5) }), "{error}");
    }
    assert!(matches!(view.read(Offset(5), 100, ReadMode::MayBlock), Ok(ReadOutcome::AtEnd)));
    commit(&mut opened, b"", &[], &[Publish::Delete { log: log(1) }]).unwrap();
    assert!(matches!(view.read(Offset(3), 100, ReadMode::MayBlock), Err(ReadError::Revoked)));
    assert!(opened.views.get(log(1)).is_none());
}

#[test]
fn a_read_takes_whole_batches_within_its_limit_but_at_least_one() {
    for tail_bytes_max in [0, 1 << 20] {
        let (mut opened, _) = start(&sim_disk(), Options { tail_bytes_max, ..options() }).unwrap();
        fill(&mut opened, 10, 1000);
        let view = opened.views.get(log(1)).unwrap();
        for (max_bytes, expected) in [(1, 1), (1000, 1), (1999, 1), (2000, 2), (3500, 3)] {
            let Ok(ReadOutcome::Batches(read)) = view.read(Offset(4), max_bytes, ReadMode::MayBlock) else {
                panic!("there are batches");
            };
            assert_eq!(read.len(), expected);
            assert_eq!(read[0].base_offset, Offset(4));
        }
    }
}

#[test]
fn a_read_of_what_is_not_cached_asks_to_wait() {
    let disk = sim_disk();
    let (mut opened, _) = start(&disk, options()).unwrap();
    fill(&mut opened, 2, 100);
    let view = opened.views.get(log(1)).unwrap();
    disk.evict("wal/0000000000000000.wal");
    assert!(matches!(view.read(Offset(0), 100, ReadMode::CachedOnly), Ok(ReadOutcome::WouldBlock)));
    assert!(matches!(view.read(Offset(0), 100, ReadMode::MayBlock), Ok(ReadOutcome::Batches(_))));
    assert!(matches!(view.read(Offset(0), 100, ReadMode::CachedOnly), Ok(ReadOutcome::Batches(_))));
}

#[test]
fn times_lead_to_the_offsets_where_they_may_be() {
    let (mut opened, _) = start(&sim_disk(), options()).unwrap();
    fill(&mut opened, 5, 100);
    let view = opened.views.get(log(1)).unwrap();
    let found = view.time_candidate(RecordTime(1003), Offset(0));
    assert_eq!(found, Some(TimeCandidate { from: Offset(0), to: Offset(5) }), "one run holds them all");
    assert_eq!(view.time_candidate(RecordTime(1003), Offset(4)).unwrap().from, Offset(4));
    assert_eq!(view.time_candidate(RecordTime(1005), Offset(0)), None);
}

#[test]
fn who_watches_is_woken_once_per_registration() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (mut opened, _) = start(&sim_disk(), options()).unwrap();
    fill(&mut opened, 1, 100);
    let view = opened.views.get(log(1)).unwrap();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let kept = view.watch(&waker);
    drop(view.watch(&waker));
    add(&mut opened, 1, 100).unwrap();
    add(&mut opened, 2, 100).unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 1, "the dropped one is not woken, the kept one once");
    drop(kept);
    let _kept = view.watch(&waker);
    commit(&mut opened, b"", &[], &[Publish::Trim { log: log(1), start: Offset(1) }]).unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
}

#[test]
fn a_full_disk_refuses_appends_before_the_last_file_and_relief_after_it() {
    let room = 4 * (32 << 10);
    let disk = SimDisk::new(1, Faults::none(room));
    let (mut opened, _) = start(&disk, options()).unwrap();
    assert_eq!(opened.keeper.prepare_one(EngineTime(0)).unwrap(), Prepared::Ready);
    commit(&mut opened, b"create", &[], &[Publish::Create { log: log(1), start: Offset(0) }]).unwrap();
    let mut base = 0;
    let refused = loop {
        match opened.assembler.admit(1200, Purpose::Append) {
            Admit::Yes => {
                add(&mut opened, base, 1000).unwrap();
                base += 1;
            }
            Admit::Wait => match opened.keeper.prepare_one(EngineTime(0)).unwrap() {
                Prepared::NoSpace | Prepared::Ready | Prepared::Enough | Prepared::Later => {}
            },
            Admit::Full => break opened.assembler.next_position(),
        }
        if opened.keeper.wants_file() {
            opened.keeper.prepare_one(EngineTime(0)).unwrap();
        }
        assert!(base < 1000, "the disk is full one day");
    };
    assert_eq!(opened.assembler.admit(1200, Purpose::Relief), Admit::Yes);
    commit(&mut opened, b"trim", &[], &[Publish::Trim { log: log(1), start: Offset(base) }]).unwrap();
    let mut checkpoint = opened.checkpointer.begin(opened.assembler.next_position()).unwrap();
    checkpoint.add(opened.assembler.next_position(), b"all").unwrap();
    // A checkpoint needs room too; it finds what the preparation left.
    let done = checkpoint.finish().unwrap();
    assert!(done.released > 0 && done.needed > refused);
    opened.keeper.recycle().unwrap();
    assert_eq!(
        opened.assembler.admit(1200, Purpose::Append),
        Admit::Yes,
        "the freed file is the reserve now"
    );
}

/// Every start begins a file, and most of what an earlier process had prepared lies unused behind its last frame.
#[test]
fn a_life_that_ends_early_costs_no_more_disk_than_it_wrote() {
    use std::os::unix::fs::MetadataExt;
    let dir = TempDir::new();
    let options = Options { wal_file_bytes: 4 << 20, wal_file_bytes_first: 1 << 20, ..options() };
    let mut base = 0;
    for life in 0..12 {
        let disk = Arc::new(RealDisk::new(&dir.0).unwrap());
        let mut recorder = Recorder::default();
        let mut opened = open(disk, options, &mut recorder).unwrap();
        if life > 0 {
            opened.adoption.adopt(log(1), Offset(0), Offset(base)).unwrap();
        }
        opened.adoption.finish().unwrap();
        if life == 0 {
            fill(&mut opened, 3, 1000);
            base = 3;
        }
        assert_eq!(opened.keeper.prepare_one(EngineTime(0)).unwrap(), Prepared::Ready);
        for _ in 0..3 {
            let all = read_all(&opened, log(1), 0);
            assert_eq!(all.len(), base as usize, "life {life}");
            add(&mut opened, base, 1000).unwrap();
            base += 1;
        }
    }
    let allocated: u64 = std::fs::read_dir(dir.0.join("wal"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512)
        .sum();
    // The file in use, the one prepared, and 16 KiB for each life that is over.
    assert!(allocated < (5 << 20) + 12 * (16 << 10), "{allocated} bytes are allocated");
}
