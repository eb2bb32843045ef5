//! Appends and settlements in one request: all of it or nothing.

use crate::broker::Broker;
use crate::work::{ACK, RELEASE, lease, marked, take};
use millstream_core::catalog::{LeaseSetting, Overflow};
use millstream_core::lease::{
    Acquire, Action, Binding, FinishMove, LeaseError, LeaseGroupId, LeaseReply, LeaseRequest, MoveOutcome,
    RecordMark, Settle,
};
use millstream_core::{Reply, Request, Transact, Transacted};
use millstream_types::{ErrorKind, LogId, Offset, StreamId};

fn log(stream: StreamId) -> LogId {
    LogId { stream, index: 0 }
}

fn transact(broker: &mut Broker, transact: Transact) -> Result<Transacted, ErrorKind> {
    match broker.call(Request::Transact(Box::new(transact))) {
        Reply::Transacted(done) => Ok(*done),
        Reply::Refused(kind) => Err(kind),
        other => panic!("{other:?}"),
    }
}

fn settle(stream: StreamId, leases: &[(u64, u64)]) -> Settle {
    let leases = leases.iter().map(|(offset, number)| (lease(*offset, *number), ACK)).collect();
    Settle { group: LeaseGroupId::default_of(stream), leases }
}

#[test]
fn who_waits_hears_of_no_record_of_a_frame_before_it_is_durable() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 2, &[]);
    broker.fill(queue, 1);
    broker.offsets(queue, 1);
    broker.sync_always = false;
    let binding = Binding::Connection { timeout_ms: None };
    let wait = Acquire { binding, wait_ms: 1_000, ..take(queue, 9) };
    let ticket = broker.lease(LeaseRequest::Acquire(wait));
    let both = [0, 1].map(|index| Broker::batch(LogId { stream: queue, index }, 1));
    broker.send(Request::Append(both.into()));
    assert_eq!(broker.acquired(ticket), None, "the records of both logs are not durable yet");
    broker.flush();
    assert_eq!(broker.acquired(ticket).map(|acquired| acquired.records.len()), Some(2));
}

#[test]
fn everything_is_in_one_frame_or_not_there() {
    let mut broker = Broker::new();
    let (from, to, other) =
        (broker.queue("from", 1, &[]), broker.queue("to-to", 1, &[]), broker.stream("o", 2));
    broker.fill(from, 3);
    broker.acquire(take(from, 3));
    broker.sync_always = false;
    let frames = broker.entries().count();
    let ticket = broker.send(Request::Transact(Box::new(Transact {
        appends: vec![Broker::batch(log(to), 2), Broker::batch(log(other), 1), Broker::batch(log(to), 1)],
        settles: vec![settle(from, &[(0, 1), (2, 3), (0, 9)])],
    })));
    assert_eq!(broker.entries().count(), frames + 1);
    assert!(broker.take(ticket).is_none(), "not before it is durable");
    broker.crash();
    broker.sync_always = true;
    assert_eq!(broker.shard.log_bounds(log(to)), Some((Offset(0), Offset(0))));
    assert_eq!(broker.settle(from, &[(lease(0, 1), RELEASE)]), [Ok(())], "still out");
    let done = transact(
        &mut broker,
        Transact {
            appends: vec![Broker::batch(log(to), 2), Broker::batch(log(other), 1), Broker::batch(log(to), 1)],
            settles: vec![settle(from, &[(0, 1), (2, 3), (1, 9)])],
        },
    );
    let done = done.expect("nothing is refused");
    let offsets: Vec<Offset> = done.appended.iter().map(|appended| appended.base_offset).collect();
    assert_eq!(offsets, [Offset(0), Offset(0), Offset(2)]);
    let not_leased = Err(LeaseError::NotLeased);
    assert_eq!(done.settled, [vec![not_leased, Ok(()), not_leased]]);
    broker.crash();
    assert_eq!(broker.offsets(to, 9), [0, 1, 2]);
    assert_eq!(broker.offsets(from, 9), [0], "one is still out, one is settled");
}

#[test]
fn one_batch_that_is_refused_refuses_everything() {
    let mut broker = Broker::new();
    let from = broker.queue("from", 1, &[]);
    let full = [LeaseSetting::LengthMax(Some(3)), LeaseSetting::Overflow(Overflow::Reject)];
    let short = broker.queue("short", 1, &full);
    broker.fill(from, 1);
    broker.acquire(take(from, 1));
    let before = broker.dump();
    let good = || Broker::batch(log(from), 1);
    let none = LeaseGroupId::default_of(StreamId(99));
    let cases: Vec<(Transact, ErrorKind)> = [
        (vec![good(), Broker::batch(log(StreamId(99)), 1)], ErrorKind::UnknownStream),
        (vec![good(), Broker::batch(LogId { index: 7, ..log(from) }, 1)], ErrorKind::UnknownLog),
        (vec![good(), Broker::stamped(log(from), 1)], ErrorKind::InvalidRecord),
        (vec![good(), Broker::batch(log(short), 2), Broker::batch(log(short), 2)], ErrorKind::StreamFull),
        (vec![good(); 16_385], ErrorKind::LimitExceeded),
        (
            (0..1_025)
                .map(|_| marked(log(from), &[RecordMark { priority: 1, ..RecordMark::default() }]))
                .collect(),
            ErrorKind::LimitExceeded,
        ),
    ]
    .into_iter()
    .map(|(appends, kind)| (Transact { appends, settles: vec![settle(from, &[(0, 1)])] }, kind))
    .chain([
        (
            Transact { appends: vec![good()], settles: vec![Settle { group: none, leases: Vec::new() }] },
            ErrorKind::UnknownLeaseGroup,
        ),
        (
            Transact { appends: vec![good()], settles: vec![settle(from, &[(0, 1); 1_025]); 2] },
            ErrorKind::LimitExceeded,
        ),
    ])
    .collect();
    for (request, kind) in cases {
        assert_eq!(transact(&mut broker, request).err(), Some(kind));
        assert!(broker.dump() == before, "{kind:?}: nothing has happened");
    }
    let fits = vec![Broker::batch(log(short), 2), Broker::batch(log(short), 1)];
    assert!(transact(&mut broker, Transact { appends: fits, settles: Vec::new() }).is_ok());
}

#[test]
fn a_record_moves_to_all_streams_or_to_none() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DeadLetter(Some("any".into()))]);
    let full = [LeaseSetting::LengthMax(Some(1)), LeaseSetting::Overflow(Overflow::Reject)];
    let (open, short) = (broker.queue("open", 1, &[]), broker.queue("short", 1, &full));
    broker.fill(queue, 1);
    broker.fill(short, 1);
    broker.offsets(queue, 1);
    broker.settle(queue, &[(lease(0, 1), Action::Reject)]);
    let mover = broker.lease(LeaseRequest::TakeMoves);
    let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(mover) else { panic!("a move is asked for") };
    let end = |broker: &mut Broker| {
        let batches = vec![Broker::batch(log(open), 1), Broker::batch(log(short), 1)];
        let outcome = MoveOutcome::Append(batches);
        let finish = FinishMove { group: moves[0].group, record: moves[0].record, outcome };
        broker.ask_lease(LeaseRequest::FinishMoves(vec![finish]))
    };
    let refused = LeaseReply::Moved(vec![Err(ErrorKind::StreamFull)]);
    assert_eq!(end(&mut broker), Ok(refused));
    assert_eq!((broker.counts(open).ready, broker.counts(queue).moving), (0, 1));
    assert_eq!(broker.offsets(short, 1), [0]);
    assert_eq!(end(&mut broker), Ok(LeaseReply::Moved(vec![Ok(true)])));
    broker.crash();
    assert_eq!(
        (broker.counts(open).ready, broker.counts(short).ready, broker.counts(queue).moving),
        (1, 1, 0)
    );
}

#[test]
fn who_waits_is_served_by_what_a_transaction_appends_and_gives_back() {
    let mut broker = Broker::new();
    let (from, to) = (broker.queue("from", 1, &[]), broker.queue("to-to", 1, &[]));
    broker.fill(from, 1);
    broker.acquire(take(from, 1));
    let mut wait = |stream| {
        let acquire = Acquire { wait_ms: 1_000, ..take(stream, 5) };
        broker.lease(LeaseRequest::Acquire(acquire))
    };
    let (at_from, at_to) = (wait(from), wait(to));
    let back = Settle { group: LeaseGroupId::default_of(from), leases: vec![(lease(0, 1), RELEASE)] };
    transact(&mut broker, Transact { appends: vec![Broker::batch(log(to), 2)], settles: vec![back] })
        .expect("nothing is refused");
    assert_eq!(broker.acquired(at_to).expect("served").records.len(), 2);
    assert_eq!(broker.acquired(at_from).expect("served").records.len(), 1);
}
