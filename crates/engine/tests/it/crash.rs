//! Crashes: what was acknowledged is there afterwards; what the disk refused was never acknowledged.

use crate::caller::{Caller, batch, options, start, start_with};
use crate::verify::check_disk;
use millstream_core::{Reply, Request};
use millstream_engine::{Engine, EngineOptions};
use millstream_storage::verify::Grade;
use millstream_storage::{Disk as _, Durability, Options};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{LogId, Offset};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[test]
fn every_acknowledged_append_survives_a_power_cut_at_any_operation() {
    for seed in 0..60 {
        let disk = Arc::new(SimDisk::new(seed, Faults::none(64 << 20)));
        let engine = start(&disk).unwrap();
        let mut caller = Caller::new(&engine);
        let stream = caller.create("s", 1);
        let log = LogId { stream: stream.id, index: 0 };
        disk.crash_at(Some(disk.operations() + 1 + seed * 3));
        let mut acknowledged = 0;
        for _ in 0..400 {
            caller.submit(Request::Append(vec![batch(log, 3, 1500)]));
            match caller.reply_within(Duration::from_millis(if disk.is_crashed() { 50 } else { 20_000 })) {
                Some((_, Reply::Appended(results))) => {
                    assert_eq!(results[0].unwrap().base_offset, Offset(acknowledged));
                    acknowledged += 3;
                }
                Some((_, other)) => {
                    assert!(disk.is_crashed(), "seed {seed}: {other:?}");
                    break;
                }
                None => break,
            }
        }
        drop(engine.stop());
        disk.crash_at(None);
        disk.crash();
        // A crash damages nothing, whatever it leaves half done.
        let (found, _) = check_disk(disk.clone()).unwrap();
        assert!(found.iter().all(|finding| finding.grade == Grade::Note), "seed {seed}: {found:?}");
        let engine = start(&disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let caller = Caller::new(&engine);
        let found = caller.read_all(log, Offset(0));
        assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>(), "seed {seed}: dense offsets");
        assert!(found.len() as u64 >= acknowledged, "seed {seed}: {} of {acknowledged} left", found.len());
        engine.stop().unwrap();
    }
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_stops_the_engine() {
    let disk = Arc::new(SimDisk::new(3, Faults::none(64 << 20)));
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    disk.set_faults(Faults { failed_sync_one_in: 1, ..Faults::none(64 << 20) });
    caller.submit(Request::Append(vec![batch(log, 1, 10)]));
    let reply = caller.reply_within(Duration::from_millis(300));
    assert!(!matches!(reply, Some((_, Reply::Appended(_)))), "{reply:?}");
    let handle = engine.handle();
    assert!(matches!(handle.poll_failure(&Context::from_waker(Waker::noop())), Poll::Ready(_)));
    assert!(engine.stop().is_err());
}

#[test]
fn a_checkpoint_is_taken_under_load_and_used() {
    let disk = Arc::new(SimDisk::new(5, Faults::none(256 << 20)));
    let every = EngineOptions { checkpoint_bytes: 64 << 10, ..EngineOptions::default() };
    let engine = start_with(&disk, options(), &every).unwrap();
    let mut caller = Caller::new(&engine);
    let streams: Vec<_> = (0..50).map(|n| caller.create(&format!("s{n}"), 4)).collect();
    for n in 0..400_u32 {
        let log = LogId { stream: streams[n as usize % 50].id, index: n % 4 };
        caller.ask(Request::Append(vec![batch(log, 2, 3000)]));
    }
    let ends = |caller: &Caller| -> Vec<Offset> {
        let logs = streams.iter().flat_map(|stream| stream.log_ids());
        logs.map(|log| caller.handle.view(log).expect("it lives").high_watermark()).collect()
    };
    let before = ends(&caller);
    cut_power(&disk, engine);
    let engine = start_with(&disk, options(), &every).unwrap();
    assert_eq!(ends(&Caller::new(&engine)), before);
    engine.stop().unwrap();
}

#[test]
fn a_checkpoint_waits_for_the_sync_when_replies_do_not() {
    let disk = Arc::new(SimDisk::new(6, Faults::none(256 << 20)));
    let storage = Options { durability: Durability::Interval(20), ..options() };
    let every = EngineOptions { checkpoint_bytes: 64 << 10, ..EngineOptions::default() };
    let engine = start_with(&disk, storage, &every).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    for _ in 0..300 {
        caller.ask(Request::Append(vec![batch(log, 1, 3000)]));
    }
    engine.stop().unwrap();
    let engine = start_with(&disk, storage, &every).unwrap();
    assert_eq!(Caller::new(&engine).read_all(log, Offset(0)).len(), 300);
    engine.stop().unwrap();
}

#[test]
fn lives_too_short_for_a_checkpoint_s_worth_take_one_together() {
    let disk = Arc::new(SimDisk::new(7, Faults::none(256 << 20)));
    let every = EngineOptions { checkpoint_bytes: 64 << 10, ..EngineOptions::default() };
    let checkpoints = || {
        let names = disk.list("checkpoint").unwrap();
        names.into_iter().filter(|name| name.ends_with(".ckpt")).count()
    };
    // Together more than a checkpoint waits for; the appends of the looks at the end are far less.
    const LIVES: u32 = 5;
    const LOOKS: u32 = 200;
    let mut log = None;
    for life in 0..=LIVES {
        let engine = start_with(&disk, options(), &every).unwrap();
        let mut caller = Caller::new(&engine);
        let log = *log.get_or_insert_with(|| LogId { stream: caller.create("s", 1).id, index: 0 });
        // A quarter of what a checkpoint waits for.
        for _ in 0..5 {
            caller.ask(Request::Append(vec![batch(log, 1, 3000)]));
        }
        if life == LIVES {
            let taken = (0..LOOKS).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                caller.ask(Request::Append(vec![batch(log, 1, 1)]));
                checkpoints() > 0
            });
            assert!(taken, "no checkpoint after {LIVES} lives");
            engine.stop().unwrap();
            break;
        }
        cut_power(&disk, engine);
    }
}

/// The power goes at the disk's next operation, so that nothing is closed, and comes back when the engine's threads are gone:
/// they would go on with the next life's disk.
fn cut_power(disk: &SimDisk, engine: Engine) {
    disk.crash_at(Some(disk.operations() + 1));
    assert!(engine.stop().is_err(), "a stop writes to the disk");
    disk.crash_at(None);
    disk.crash();
}
