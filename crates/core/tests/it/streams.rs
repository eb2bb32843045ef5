//! Streams and logs: every answer that their requests can get.

use crate::broker::Broker;
use millstream_core::catalog::{ConfigChange, Setting};
use millstream_core::log::Appended;
use millstream_core::request::{CreateStream, Trim};
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, LogId, Namespace, Offset, StreamId, StreamUid};

fn create(name: &str, logs: u32) -> Request {
    Request::CreateStream(Box::new(CreateStream {
        namespace: Namespace::DEFAULT,
        name: name.into(),
        uid: StreamUid(7),
        logs,
        config: Default::default(),
    }))
}

fn refused(broker: &mut Broker, request: Request) -> ErrorKind {
    match broker.call(request) {
        Reply::Refused(kind) => kind,
        other => panic!("{other:?}"),
    }
}

fn append(broker: &mut Broker, log: LogId, records: u32) -> Result<Appended, ErrorKind> {
    match broker.call(Request::Append(vec![Broker::batch(log, records)])) {
        Reply::Appended(mut results) => results.remove(0),
        other => panic!("{other:?}"),
    }
}

fn trim(broker: &mut Broker, log: LogId, before: Option<u64>) -> Result<Offset, ErrorKind> {
    match broker.call(Request::TrimLogs(vec![Trim { log, before: before.map(Offset) }])) {
        Reply::Trimmed(mut results) => results.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_and_numbers_are_checked() {
    let mut broker = Broker::new();
    broker.stream("taken", 1);
    assert_eq!(refused(&mut broker, create("taken", 1)), ErrorKind::StreamExists);
    assert_eq!(refused(&mut broker, create("", 1)), ErrorKind::InvalidName);
    assert_eq!(refused(&mut broker, create(&"n".repeat(256), 1)), ErrorKind::InvalidName);
    assert_eq!(refused(&mut broker, create("tab\t", 1)), ErrorKind::InvalidName);
    assert_eq!(refused(&mut broker, create("none", 0)), ErrorKind::InvalidLogCount);
    assert_eq!(refused(&mut broker, create("many", 10_001)), ErrorKind::InvalidLogCount);
    let nobody = StreamId(99);
    assert_eq!(refused(&mut broker, Request::DeleteStream { stream: nobody }), ErrorKind::UnknownStream);
    assert_eq!(refused(&mut broker, Request::AddLogs { stream: nobody, logs: 2 }), ErrorKind::UnknownStream);
}

#[test]
fn logs_are_added_never_taken() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 2);
    assert_eq!(refused(&mut broker, Request::AddLogs { stream, logs: 2 }), ErrorKind::InvalidLogCount);
    assert_eq!(append(&mut broker, LogId { stream, index: 3 }, 1), Err(ErrorKind::UnknownLog));
    let Reply::Stream(entry) = broker.call(Request::AddLogs { stream, logs: 4 }) else { panic!("changed") };
    assert_eq!(entry.logs, 4);
    assert!(append(&mut broker, LogId { stream, index: 3 }, 1).is_ok());
    broker.crash();
    assert_eq!(broker.shard.log_bounds(LogId { stream, index: 3 }), Some((Offset(0), Offset(1))));
}

#[test]
fn offsets_are_dense_and_trimming_moves_forward_only() {
    let mut broker = Broker::new();
    let log = LogId { stream: broker.stream("s", 1), index: 0 };
    for (records, base) in [(3, 0), (1, 3), (10, 4)] {
        let appended = append(&mut broker, log, records).expect("accepted");
        assert_eq!((appended.base_offset, appended.duplicate), (Offset(base), false));
    }
    assert_eq!(trim(&mut broker, log, Some(15)), Err(ErrorKind::OffsetOutOfRange));
    assert_eq!(trim(&mut broker, log, Some(4)), Ok(Offset(4)));
    assert_eq!(trim(&mut broker, log, Some(2)), Ok(Offset(4)));
    assert_eq!(trim(&mut broker, log, None), Ok(Offset(14)));
    assert_eq!(trim(&mut broker, LogId { index: 1, ..log }, None), Err(ErrorKind::UnknownLog));
    broker.crash();
    assert_eq!(broker.shard.log_bounds(log), Some((Offset(14), Offset(14))));
}

#[test]
fn idle_producers_are_forgotten_for_good() {
    const DAY_MS: u64 = 24 * 3_600_000;
    let mut broker = Broker::new();
    let log = LogId { stream: broker.stream("s", 1), index: 0 };
    let send = |broker: &mut Broker, id| match broker.call(Request::Append(vec![Broker::stamped(log, id)])) {
        Reply::Appended(results) => results[0].map(|appended| appended.duplicate),
        other => panic!("{other:?}"),
    };
    // The walk begins before the producers come and writes their images after two of them were forgotten: what is
    // replayed over the images meets producers that they do not hold.
    broker.checkpoint(1);
    for id in [7, 3, 5] {
        assert_eq!(send(&mut broker, id), Ok(false));
        broker.advance(1_000);
    }
    broker.advance(DAY_MS);
    assert_eq!(send(&mut broker, 9), Ok(false));
    broker.checkpoint(usize::MAX);
    broker.crash();
    let known = [(9, true), (7, true), (3, false), (5, false)];
    for (id, duplicate) in known {
        assert_eq!(send(&mut broker, id), Ok(duplicate), "producer {id}");
    }
    broker.crash();
}

#[test]
fn an_append_holds_a_bounded_number_of_stamps() {
    let mut broker = Broker::new();
    let log = LogId { stream: broker.stream("s", 1), index: 0 };
    let batches = |count| Request::Append((1..=count).map(|id| Broker::stamped(log, id)).collect());
    assert_eq!(refused(&mut broker, batches(1_025)), ErrorKind::LimitExceeded);
    broker.call(batches(1_024));
    broker.advance(24 * 3_600_000);
    let fresh = (2_001..=3_024).map(|id| Broker::stamped(log, id)).collect();
    let Reply::Appended(results) = broker.call(Request::Append(fresh)) else { panic!("appended") };
    assert!(results.iter().all(Result::is_ok), "each forgets two at most");
    broker.crash();
}

#[test]
fn a_name_can_be_used_again_an_id_cannot() {
    let mut broker = Broker::new();
    let first = broker.stream("s", 1);
    append(&mut broker, LogId { stream: first, index: 0 }, 1).expect("accepted");
    broker.checkpoint(usize::MAX);
    broker.call(Request::DeleteStream { stream: first });
    assert_eq!(append(&mut broker, LogId { stream: first, index: 0 }, 1), Err(ErrorKind::UnknownStream));
    broker.crash();
    let second = broker.stream("s", 1);
    assert!(second > first);
    assert_eq!(broker.shard.log_bounds(LogId { stream: second, index: 0 }), Some((Offset(0), Offset(0))));
}

#[test]
fn a_stream_that_does_not_outlive_the_process_is_gone_before_anybody_finds_it() {
    let mut broker = Broker::new();
    let gone: Vec<StreamId> = (0..200)
        .map(|number| {
            let stream = broker.stream(&format!("s{number}"), 1);
            let changes = vec![ConfigChange::Set(Setting::DeletedAtStart(true))];
            assert!(matches!(broker.call(Request::AlterStream { stream, changes }), Reply::Stream(_)));
            stream
        })
        .collect();
    let kept = broker.stream("kept", 1);
    broker.checkpoint(usize::MAX);
    broker.advance(1_000);
    assert!(gone.iter().all(|stream| !broker.shard.is_doomed(*stream)), "not while the process lives");
    broker.crash();
    assert!(gone.iter().all(|stream| broker.shard.is_doomed(*stream)));
    assert!(!broker.shard.is_doomed(kept));
    // Their names are free at once, also of those that have not gone yet.
    let again = broker.stream("s199", 1);
    broker.crash();
    broker.advance(0);
    let left: Vec<StreamId> = broker.shard.stream_entries().map(|entry| entry.id).collect();
    assert_eq!(left, [kept, again]);
    broker.crash();
    assert_eq!(refused(&mut broker, create("s199", 1)), ErrorKind::StreamExists);
}
