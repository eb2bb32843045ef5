//! Serving: what a running engine answers, and what it remembers after a clean stop.

use crate::caller::{Caller, PATIENCE, batch, start};
use millstream_core::request::Trim;
use millstream_core::{Reply, Request};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{ErrorKind, LogId, Namespace, Offset, StreamId};
use std::sync::Arc;

const MIB: u64 = 1 << 20;

fn disk() -> Arc<SimDisk> {
    Arc::new(SimDisk::new(1, Faults::none(256 * MIB)))
}

#[test]
fn the_first_refusal_of_an_empty_directory_is_answered() {
    let engine = start(&disk()).unwrap();
    let mut caller = Caller::new(&engine);
    let reply = caller.ask(Request::DeleteStream { stream: StreamId(9) });
    assert!(matches!(reply, Reply::Refused(ErrorKind::UnknownStream)), "{reply:?}");
    engine.stop().unwrap();
}

#[test]
fn records_and_streams_are_there_after_a_clean_stop() {
    let disk = disk();
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("orders", 2);
    let log = LogId { stream: stream.id, index: 1 };
    for n in 0..300 {
        let Reply::Appended(results) = caller.ask(Request::Append(vec![batch(log, 5, 2000)])) else {
            panic!("an append is answered with results")
        };
        assert_eq!(results[0].unwrap().base_offset, Offset(n * 5));
    }
    assert_eq!(caller.read_all(log, Offset(0)), (0..1500).collect::<Vec<_>>());
    engine.stop().unwrap();

    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let found = caller.handle.catalog().stream(Namespace::DEFAULT, "orders").expect("the stream is there");
    assert_eq!(*found, *stream);
    assert_eq!(caller.read_all(log, Offset(0)), (0..1500).collect::<Vec<_>>());
    let Reply::Appended(results) = caller.ask(Request::Append(vec![batch(log, 1, 10)])) else { panic!() };
    assert_eq!(results[0].unwrap().base_offset, Offset(1500));
    engine.stop().unwrap();
}

#[test]
fn each_batch_of_a_request_succeeds_or_fails_on_its_own() {
    let engine = start(&disk()).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let good = LogId { stream: stream.id, index: 0 };
    let bad = LogId { stream: stream.id, index: 1 };
    let gone = LogId { stream: StreamId(99), index: 0 };
    let batches = vec![batch(good, 1, 1), batch(bad, 1, 1), batch(gone, 1, 1), batch(good, 2, 1)];
    let Reply::Appended(results) = caller.ask(Request::Append(batches)) else { panic!() };
    assert_eq!(results[0].unwrap().base_offset, Offset(0));
    assert_eq!(results[1], Err(ErrorKind::UnknownLog));
    assert_eq!(results[2], Err(ErrorKind::UnknownStream));
    assert_eq!(results[3].unwrap().base_offset, Offset(1));
    engine.stop().unwrap();
}

#[test]
fn trimmed_space_is_used_again() {
    let disk = disk();
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let stream = caller.create("s", 1);
    let log = LogId { stream: stream.id, index: 0 };
    let mut end = 0;
    // Forty times the space that the disk would need if nothing were freed.
    for _ in 0..80 {
        for _ in 0..10 {
            caller.ask(Request::Append(vec![batch(log, 10, 10_000)]));
            end += 10;
        }
        let reply = caller.ask(Request::TrimLogs(vec![Trim { log, before: None }]));
        assert!(matches!(reply, Reply::Trimmed(ref starts) if starts[0] == Ok(Offset(end))), "{reply:?}");
    }
    let view = caller.handle.view(log).unwrap();
    assert_eq!((view.log_start(), view.high_watermark()), (Offset(end), Offset(end)));
    engine.stop().unwrap();
}

#[test]
fn a_deleted_stream_is_gone_and_its_name_is_free() {
    let disk = disk();
    let engine = start(&disk).unwrap();
    let mut caller = Caller::new(&engine);
    let first = caller.create("s", 3);
    let log = LogId { stream: first.id, index: 2 };
    caller.ask(Request::Append(vec![batch(log, 1, 1)]));
    caller.ask(Request::DeleteStream { stream: first.id });
    assert!(caller.handle.view(log).is_none());
    assert!(caller.handle.catalog().stream(Namespace::DEFAULT, "s").is_none());
    let second = caller.create("s", 1);
    assert_ne!(first.id, second.id);
    let Reply::Appended(results) = caller.ask(Request::Append(vec![batch(log, 1, 1)])) else { panic!() };
    assert_eq!(results[0], Err(ErrorKind::UnknownStream));
    engine.stop().unwrap();
    let engine = start(&disk).unwrap();
    let caller = Caller::new(&engine);
    let names: Vec<_> = caller.handle.catalog().streams(Namespace::DEFAULT);
    assert_eq!(names.iter().map(|entry| entry.id).collect::<Vec<_>>(), [second.id]);
    engine.stop().unwrap();
}

#[test]
fn a_stopped_engine_refuses() {
    let engine = start(&disk()).unwrap();
    let mut caller = Caller::new(&engine);
    engine.stop().unwrap();
    caller.submit(Request::AllocateProducer);
    let (_, reply) = caller.reply_within(PATIENCE).expect("refused, not forgotten");
    assert!(matches!(reply, Reply::Refused(ErrorKind::ShuttingDown)), "{reply:?}");
}
