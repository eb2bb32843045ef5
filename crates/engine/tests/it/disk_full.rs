//! A full disk: refused before anything is decided, reads go on, and writing resumes by itself (R12).

use crate::caller::{Caller, batch, options, start_with};
use millstream_core::catalog::{ConfigChange, LeaseSetting, Setting};
use millstream_core::lease::{
    Acquire, Action, Binding, HolderId, LeaseGroupId, LeaseRef, LeaseReply, LeaseRequest, Settle,
};
use millstream_core::request::Trim;
use millstream_core::{Reply, Request};
use millstream_engine::EngineOptions;
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{Chain, ErrorKind, LogId, Offset};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Wake, Waker};
use std::time::Duration;

const BATCH_BYTES: usize = 200_000;
/// How often an append is tried, 20 ms apart.
const TRIES_MAX: u32 = 500;

/// Appends one batch at `end`; the next offset, or `None` when the disk is full.
fn append(caller: &mut Caller, log: LogId, end: u64) -> Option<u64> {
    match caller.ask(Request::Append(vec![batch(log, 1, BATCH_BYTES)])) {
        Reply::Appended(results) => {
            assert_eq!(results[0].unwrap().base_offset, Offset(end));
            assert!(end < 1000, "the disk is smaller than that");
            Some(end + 1)
        }
        Reply::Refused(ErrorKind::StorageFull) => None,
        other => panic!("{other:?}"),
    }
}

/// Appends from `end` on until the disk is full; returns the end of the log.
fn fill(caller: &mut Caller, log: LogId, mut end: u64) -> u64 {
    while let Some(next) = append(caller, log, end) {
        end = next;
    }
    end
}

/// Trims everything, which is never refused, and appends once more as soon as that is possible.
fn empty_and_go_on(caller: &mut Caller, log: LogId, end: u64) {
    let reply = caller.ask(Request::TrimLogs(vec![Trim { log, before: None }]));
    assert!(matches!(reply, Reply::Trimmed(_)), "what frees space is never refused: {reply:?}");
    for _ in 0..TRIES_MAX {
        if append(caller, log, end).is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("writing resumes without a restart");
}

/// No checkpoint is due by bytes: what was trimmed must come free all the same.
fn rarely() -> EngineOptions {
    EngineOptions { checkpoint_bytes: 1 << 40, ..EngineOptions::default() }
}

#[test]
fn appends_are_refused_reads_go_on_and_trimming_makes_room() {
    let disk = Arc::new(SimDisk::new(1, Faults::none(24 << 20)));
    assert!(options().wal_file_bytes < 12 << 20, "several files fit");
    let engine = start_with(&disk, options(), &rarely()).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    let end = fill(&mut caller, log, 0);
    assert_eq!(caller.read_all(log, Offset(0)), (0..end).collect::<Vec<_>>());
    empty_and_go_on(&mut caller, log, end);
    engine.stop().unwrap();
}

#[test]
fn what_only_the_file_in_use_holds_can_be_trimmed_too() {
    // However the disk ends: with one file in use and its reserve, or with a few more.
    let sizes = options();
    let least = sizes.wal_file_bytes_first + 2 * sizes.wal_file_bytes + sizes.checkpoint_reserve_bytes;
    for more in [64, 1024, 4096, 6 << 10, 12 << 10] {
        let disk = Arc::new(SimDisk::new(1, Faults::none(least + (more << 10))));
        let engine = start_with(&disk, sizes, &rarely()).unwrap();
        let mut caller = Caller::new(&engine);
        let stream = caller.create("s", 1);
        let log = LogId { stream: stream.id, index: 0 };
        let mut end = 0;
        for _ in 0..3 {
            let before = end;
            end = fill(&mut caller, log, end);
            assert!(end - before > 10, "{more}: {} records fit", end - before);
            empty_and_go_on(&mut caller, log, end);
            end += 1;
        }
        drop(caller);
        engine.stop().unwrap();
    }
}

/// Says that it was woken.
struct Woken(Sender<()>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // A test that has ended does not care.
        let _nobody_waits = self.0.send(());
    }
}

#[test]
fn who_waits_for_room_is_woken_and_nothing_comes_before_what_was_refused() {
    let disk = Arc::new(SimDisk::new(1, Faults::none(24 << 20)));
    let engine = start_with(&disk, options(), &rarely()).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    let on = |caller: &mut Caller, chain: &Chain, bytes| {
        caller.submit_on(Request::Append(vec![batch(log, 1, bytes)]), Some(chain.clone()));
        caller.reply_within(Duration::from_secs(60)).expect("every request is answered").1
    };
    let chain = Chain::default();
    let mut end = 0;
    while let Reply::Appended(_) = on(&mut caller, &chain, BATCH_BYTES) {
        assert!(!chain.is_broken() && end < 1000, "the disk is smaller than that");
        end += 1;
    }
    assert!(chain.is_broken());
    let (sender, woken) = channel();
    let waker = Waker::from(Arc::new(Woken(sender)));
    let watch = caller.handle.watch_room(&waker);
    caller.ask(Request::TrimLogs(vec![Trim { log, before: None }]));
    if caller.handle.files().lane().is_disk_full {
        woken.recv_timeout(Duration::from_secs(60)).expect("who waits is woken");
    }
    drop(watch);
    // However small it is and however much room there is.
    assert!(matches!(on(&mut caller, &chain, 10), Reply::Refused(ErrorKind::StorageFull)));
    loop {
        match on(&mut caller, &Chain::default(), BATCH_BYTES) {
            Reply::Appended(results) => {
                assert_eq!(results[0].unwrap().base_offset, Offset(end));
                break;
            }
            // It has become full again, or was so for a moment: then it is waited for again.
            Reply::Refused(ErrorKind::StorageFull) => {
                let _watch = caller.handle.watch_room(&waker);
                if caller.handle.files().lane().is_disk_full {
                    woken.recv_timeout(Duration::from_secs(60)).expect("who waits is woken");
                }
            }
            other => panic!("{other:?}"),
        }
    }
    engine.stop().unwrap();
}

/// One request about the default lease group of a stream.
fn lease(caller: &mut Caller, request: LeaseRequest) -> LeaseReply {
    match caller.ask(Request::Lease(Box::new(request))) {
        Reply::Lease(reply) => *reply,
        other => panic!("what delivers and settles is never refused: {other:?}"),
    }
}

#[test]
fn a_full_disk_still_delivers_and_settles_and_what_is_settled_makes_room() {
    let disk = Arc::new(SimDisk::new(1, Faults::none(24 << 20)));
    let engine = start_with(&disk, options(), &rarely()).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("q", 1);
    let settings = [Setting::Lease(LeaseSetting::Enabled(true)), Setting::Consumed(Some(0))];
    let changes = settings.into_iter().map(ConfigChange::Set).collect();
    caller.ask(Request::AlterStream { stream: stream.id, changes });
    let log = LogId { stream: stream.id, index: 0 };
    let end = fill(&mut caller, log, 0);
    let group = LeaseGroupId::default_of(stream.id);
    let mut settled = 0;
    while settled < end {
        let acquire = Acquire {
            group,
            holder: HolderId(1),
            binding: Binding::Timed { timeout_ms: None },
            records_max: 10,
            wait_ms: 0,
            priority: 0,
            leased_max: None,
            attempt: None,
        };
        let LeaseReply::Acquired(acquired) = lease(&mut caller, LeaseRequest::Acquire(acquire)) else {
            panic!("an acquire is answered with records")
        };
        assert!(!acquired.records.is_empty(), "{settled} of {end} were delivered");
        let leases: Vec<_> = acquired
            .records
            .iter()
            .map(|record| {
                let lease = LeaseRef { log: record.log, offset: record.offset, lease: record.lease };
                (lease, Action::Ack { late: false })
            })
            .collect();
        settled += leases.len() as u64;
        let LeaseReply::Settled(results) = lease(&mut caller, LeaseRequest::Settle(Settle { group, leases }))
        else {
            panic!("a settle is answered with results")
        };
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
    for _ in 0..TRIES_MAX {
        if append(&mut caller, log, end).is_some() {
            return engine.stop().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("writing resumes without a restart");
}
