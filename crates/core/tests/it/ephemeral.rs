//! Streams in memory (R18): everything works on them, nothing of them is written, and nothing waits for the disk.

use crate::broker::Broker;
use crate::people::{group, simple_commit};
use crate::routing::{ask, bind, binding, create, plain, targets};
use crate::work::{ACK, lease, take};
use millstream_core::catalog::{ConfigChange, LeaseSetting, Overflow, Setting, SettingKey, StreamConfig};
use millstream_core::cursor::GroupRequest;
use millstream_core::lease::{
    Acquire, Action, Attach, FinishMove, HolderId, LeaseGroupId, LeaseReply, LeaseRequest, Move, MoveOutcome,
    SeekTo, Settle,
};
use millstream_core::log::AppendBatch;
use millstream_core::request::{CreateStream, Trim};
use millstream_core::route::{Destination, MatchKind, RouteConfig, RouteReply, RouteRequest};
use millstream_core::shard::ShardOptions;
use millstream_core::{EphemeralChange, Reply, Request, Transact};
use millstream_types::limits::EPHEMERAL_BATCH_COST_BYTES;
use millstream_types::{ErrorKind, LogId, Namespace, Offset, StreamId, StreamUid, WalPosition};

/// What a batch of the tests' broker costs.
const BATCH_COST: u64 = 6 + EPHEMERAL_BATCH_COST_BYTES;

fn log(stream: StreamId) -> LogId {
    LogId { stream, index: 0 }
}

/// A broker that makes nothing durable by itself.
fn unsynced() -> Broker {
    let mut broker = Broker::new();
    broker.sync_always = false;
    broker
}

fn frames(broker: &Broker) -> usize {
    broker.entries().count()
}

fn batch(stream: StreamId) -> AppendBatch {
    Broker::batch(log(stream), 1)
}

fn append(broker: &mut Broker, stream: StreamId) -> Result<Offset, ErrorKind> {
    match broker.call(Request::Append(vec![batch(stream)])) {
        Reply::Appended(mut results) => results.remove(0).map(|appended| appended.base_offset),
        other => panic!("{other:?}"),
    }
}

fn refusal(broker: &mut Broker, request: Request) -> Option<ErrorKind> {
    match broker.call(request) {
        Reply::Refused(kind) => Some(kind),
        _ => None,
    }
}

/// What of a log was forgotten since this was last asked.
fn forgotten(broker: &mut Broker) -> Vec<u64> {
    let forgotten = |change: EphemeralChange| match change {
        EphemeralChange::Forget { base, .. } => Some(base.0),
        _ => None,
    };
    broker.memory.drain(..).filter_map(forgotten).collect()
}

/// Takes the moves that are asked for and ends them.
fn finish_moves(broker: &mut Broker, outcome: impl Fn(&Move) -> MoveOutcome) -> usize {
    let ticket = broker.lease(LeaseRequest::TakeMoves);
    broker.advance(0);
    let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(ticket) else { panic!("there are moves") };
    let finish = |of: &Move| FinishMove { group: of.group, record: of.record, outcome: outcome(of) };
    let finished: Vec<FinishMove> = moves.iter().map(finish).collect();
    broker.lease(LeaseRequest::FinishMoves(finished));
    moves.len()
}

#[test]
fn nothing_of_a_stream_in_memory_is_written_and_nothing_waits() {
    let mut broker = unsynced();
    let queue = broker.ephemeral_queue("q", 1, &[LeaseSetting::TimeoutMs(100)]);
    assert!(queue.is_ephemeral());
    let id = LeaseGroupId::default_of(queue);
    // Every `call` fails if its answer waits for a frame.
    for _ in 0..6 {
        append(&mut broker, queue).expect("taken");
    }
    let stamped = Broker::stamped(log(queue), 3);
    assert!(matches!(broker.call(Request::Append(vec![stamped])), Reply::Appended(_)));
    assert_eq!(broker.offsets(queue, 2), [0, 1]);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), ACK), (lease(1, 2), Action::Reject)]), [Ok(()), Ok(())]);
    broker.set(queue, LeaseSetting::DelayMs(5));
    broker
        .ask_lease(LeaseRequest::Attach(Attach {
            group: id,
            holder: HolderId(1),
            priority: 0,
            exclusive: false,
        }))
        .expect("attached");
    let transact = Transact {
        appends: vec![batch(queue)],
        settles: vec![Settle { group: id, leases: vec![(lease(2, 3), ACK)] }],
    };
    assert!(matches!(broker.call(Request::Transact(Box::new(transact))), Reply::Transacted(_)));
    let named = LeaseRequest::CreateGroup { stream: queue, name: "other".into(), from: SeekTo::Start };
    let Ok(LeaseReply::Group(named)) = broker.ask_lease(named) else { panic!("made") };
    assert_eq!(broker.acquire(Acquire { group: named, ..take(queue, 1) }).len(), 1);
    broker.ask_lease(LeaseRequest::DeleteGroup { group: named }).expect("gone");
    assert_eq!(broker.seek(queue, SeekTo::End), 6);
    assert!(matches!(broker.call(Request::AddLogs { stream: queue, logs: 2 }), Reply::Stream(_)));
    broker.call(Request::TrimLogs(vec![Trim { log: log(queue), before: Some(Offset(3)) }]));
    assert_eq!(broker.commit(simple_commit("readers", &[(log(queue), 4)])), Ok(vec![Ok(())]));
    assert_eq!(broker.positions("readers"), [(log(queue), 4)]);
    let route =
        create(&mut broker, "r", RouteConfig { ephemeral: true, ..RouteConfig::new(MatchKind::Exact) })
            .expect("made");
    assert!(bind(&mut broker, route, binding(Destination::Stream(queue), "k")).expect("bound"));
    assert_eq!(targets(&broker, route, "k"), [queue]);
    broker.advance(10_000);
    assert_eq!(frames(&broker), 0);
    assert_eq!(broker.position(), WalPosition(64));
    broker.checkpoint(usize::MAX);
    broker.crash();
    assert_eq!(broker.shard.stream_entries().count(), 0);
    assert_eq!(broker.shard.route_entries().count(), 0);
    assert_eq!(broker.shard.ephemeral_bytes(), 0);
    let again = broker.ephemeral_queue("q", 1, &[]);
    assert!(again.is_ephemeral());
}

#[test]
fn what_is_published_to_both_kinds_is_seen_in_both_when_its_frame_is_durable() {
    let mut broker = Broker::new();
    let durable = broker.queue("durable", 1, &[]);
    let held = broker.ephemeral_queue("held", 1, &[]);
    broker.sync_always = false;
    let waiting = broker.lease(LeaseRequest::Acquire(Acquire { wait_ms: u64::MAX, ..take(held, 1) }));
    broker.memory.clear();
    let frame = broker.position();
    let both = broker.send(Request::Append(vec![batch(held), batch(durable)]));
    // What comes behind it in its log waits as well, so that the log is read in order.
    let behind = broker.send(Request::Append(vec![batch(held)]));
    let afters: Vec<WalPosition> = broker.memory.drain(..).filter_map(after).collect();
    assert_eq!(afters, [frame, frame]);
    assert!(broker.take(both).is_none() && broker.take(behind).is_none());
    assert!(broker.acquired(waiting).is_none(), "the record cannot be read yet");
    // So does who asks only now, also in a group that is made only now.
    let second = broker.lease(LeaseRequest::Acquire(take(held, 1)));
    let named = LeaseRequest::CreateGroup { stream: held, name: "other".into(), from: SeekTo::Start };
    let Ok(LeaseReply::Group(named)) = broker.ask_lease(named) else { panic!("made") };
    let third = broker.lease(LeaseRequest::Acquire(Acquire { group: named, ..take(held, 1) }));
    assert!(broker.acquired(second).is_none() && broker.acquired(third).is_none());
    broker.flush();
    assert!(broker.take(both).is_some() && broker.take(behind).is_some());
    for (ticket, offset) in [(waiting, 0), (second, 1), (third, 0)] {
        let acquired = broker.acquired(ticket).expect("it is durable now");
        assert_eq!(acquired.records[0].offset, Offset(offset));
    }
    // From here on it is in memory alone again.
    assert_eq!(append(&mut broker, held), Ok(Offset(2)));
    assert_eq!(broker.memory.drain(..).filter_map(after).max(), Some(frame), "which is durable");
}

fn after(change: EphemeralChange) -> Option<WalPosition> {
    match change {
        EphemeralChange::Append { after, .. } => Some(after),
        _ => None,
    }
}

#[test]
fn a_publish_whose_durable_part_is_refused_waits_for_nothing() {
    let mut broker = Broker::new();
    let full = broker.queue(
        "full",
        1,
        &[LeaseSetting::LengthMax(Some(0)), LeaseSetting::Overflow(Overflow::Reject)],
    );
    let held = broker.ephemeral_queue("held", 1, &[]);
    broker.sync_always = false;
    let Reply::Appended(results) = broker.call(Request::Append(vec![batch(full), batch(held)])) else {
        panic!("answered")
    };
    assert_eq!(results[0], Err(ErrorKind::StreamFull));
    assert!(results[1].is_ok());
    assert_eq!(broker.offsets(held, 1), [0]);
    // A transaction that settles nothing on the disk after all.
    let settles = vec![Settle { group: LeaseGroupId::default_of(full), leases: vec![(lease(7, 7), ACK)] }];
    let transact = Transact { appends: vec![batch(held)], settles };
    assert!(matches!(broker.call(Request::Transact(Box::new(transact))), Reply::Transacted(_)));
    assert_eq!(broker.offsets(held, 1), [1]);
}

#[test]
fn a_transaction_of_both_kinds_is_seen_when_its_frame_is_durable() {
    let mut broker = Broker::new();
    let work = broker.queue("work", 1, &[]);
    let held = broker.ephemeral_queue("held", 1, &[]);
    broker.fill(work, 1);
    let first = broker.acquire(take(work, 1))[0];
    broker.sync_always = false;
    let frame = broker.position();
    let leases = vec![(lease(first.0, first.2), ACK)];
    let settles = vec![Settle { group: LeaseGroupId::default_of(work), leases }];
    broker.memory.clear();
    let done = broker.send(Request::Transact(Box::new(Transact { appends: vec![batch(held)], settles })));
    assert!(broker.take(done).is_none());
    assert_eq!(broker.memory.drain(..).filter_map(after).collect::<Vec<_>>(), [frame]);
    let waits = broker.lease(LeaseRequest::Acquire(take(held, 1)));
    assert!(broker.acquired(waits).is_none());
    broker.flush();
    assert!(broker.take(done).is_some());
    assert_eq!(broker.acquired(waits).expect("durable").records.len(), 1);
}

#[test]
fn dead_letters_go_from_memory_to_the_disk_and_back() {
    let mut broker = Broker::new();
    let durable = broker.queue("durable", 1, &[LeaseSetting::DeadLetter(Some("held".into()))]);
    let held = broker.ephemeral_queue("held", 1, &[LeaseSetting::DeadLetter(Some("durable".into()))]);
    broker.fill(durable, 1);
    let first = broker.acquire(take(durable, 1))[0];
    broker.settle(durable, &[(lease(first.0, first.2), Action::Reject)]);
    let to_held = |_: &Move| MoveOutcome::Append(vec![batch(held)]);
    assert_eq!(finish_moves(&mut broker, to_held), 1);
    assert_eq!(broker.counts(durable).moving, 0, "it is settled");
    let moved = broker.acquire(take(held, 1))[0];
    broker.settle(held, &[(lease(moved.0, moved.2), Action::Reject)]);
    broker.memory.clear();
    let before = frames(&broker);
    let to_durable = |_: &Move| MoveOutcome::Append(vec![batch(durable)]);
    assert_eq!(finish_moves(&mut broker, to_durable), 1);
    assert_eq!(frames(&broker), before + 1, "the letter is on the disk");
    assert_eq!(forgotten(&mut broker), [0], "and not in memory any more");
    broker.crash();
    assert_eq!(broker.offsets(durable, 2), [1]);
}

#[test]
fn a_crash_takes_what_is_in_memory_and_nothing_else() {
    let mut broker = Broker::new();
    let durable = broker.queue("durable", 1, &[LeaseSetting::DeadLetter(Some("held".into()))]);
    let held = broker.ephemeral_queue("held", 1, &[]);
    let route = plain(&mut broker, "both", MatchKind::Exact);
    bind(&mut broker, route, binding(Destination::Stream(durable), "k")).expect("bound");
    bind(&mut broker, route, binding(Destination::Stream(held), "k")).expect("bound");
    let inner = RouteConfig { ephemeral: true, ..RouteConfig::new(MatchKind::Everything) };
    let inner = create(&mut broker, "inner", inner).expect("made");
    bind(&mut broker, route, binding(Destination::Route(inner), "k")).expect("bound");
    bind(&mut broker, inner, binding(Destination::Stream(durable), "")).expect("bound");
    assert_eq!(targets(&broker, route, "k"), [durable, held]);
    broker.commit(simple_commit("g", &[(log(durable), 1), (log(held), 1)])).expect("committed");
    assert_eq!(broker.positions("g"), [(log(durable), 1), (log(held), 1)]);
    broker.call(Request::Append(vec![batch(durable), batch(held)]));
    broker.checkpoint(usize::MAX);
    broker.crash();
    assert_eq!(targets(&broker, route, "k"), [durable]);
    let entries: Vec<StreamId> = broker.shard.stream_entries().map(|entry| entry.id).collect();
    assert_eq!(entries, [durable]);
    assert_eq!(broker.positions("g"), [(log(durable), 1)]);
    assert_eq!(broker.offsets(durable, 2), [0]);
    // The names are free, the ids are not used again.
    let again = broker.ephemeral_queue("held", 1, &[]);
    assert!(again > held);
    assert!(bind(&mut broker, route, binding(Destination::Stream(again), "k")).expect("bound"));
    assert_eq!(targets(&broker, route, "k"), [durable, again]);
}

#[test]
fn bindings_to_what_is_in_memory_go_with_it() {
    let mut broker = Broker::new();
    let route = create(
        &mut broker,
        "unused",
        RouteConfig { delete_when_unbound: true, ..RouteConfig::new(MatchKind::Exact) },
    )
    .expect("made");
    let held = broker.ephemeral_queue("held", 1, &[]);
    let kept = broker.queue("kept", 1, &[]);
    bind(&mut broker, route, binding(Destination::Stream(held), "k")).expect("bound");
    bind(&mut broker, route, binding(Destination::Stream(kept), "k")).expect("bound");
    broker.call(Request::DeleteStream { stream: held });
    broker.advance(0);
    assert_eq!(targets(&broker, route, "k"), [kept]);
    broker.call(Request::DeleteStream { stream: kept });
    broker.advance(0);
    assert_eq!(broker.shard.route_entries().count(), 0, "it went with its last binding");
    broker.crash();
    assert_eq!(broker.shard.route_entries().count(), 0);
}

#[test]
fn what_is_in_memory_is_seen_no_sooner_than_what_it_follows_from() {
    let mut broker = Broker::new();
    let old = broker.stream("name", 1);
    broker.sync_always = false;
    let frame = broker.position();
    let deleted = broker.send(Request::DeleteStream { stream: old });
    broker.catalog.clear();
    let mut config = StreamConfig::default();
    config.change(&ConfigChange::Set(Setting::Ephemeral(true))).expect("in range");
    let create = CreateStream {
        namespace: Namespace::DEFAULT,
        name: "name".into(),
        uid: StreamUid(5),
        logs: 1,
        config,
    };
    let created = broker.send(Request::CreateStream(Box::new(create)));
    assert_eq!(broker.catalog[0].after, frame, "its name came free there");
    assert!(broker.take(deleted).is_none() && broker.take(created).is_none());
    broker.flush();
    assert!(broker.take(deleted).is_some() && broker.take(created).is_some());
    // A binding to memory is in the same table as one that is not durable yet.
    let held = broker.ephemeral_queue("held", 1, &[]);
    broker.sync_always = true;
    let route = plain(&mut broker, "r", MatchKind::Exact);
    let kept = broker.stream("kept", 1);
    broker.sync_always = false;
    let frame = broker.position();
    let bind = |stream, key| {
        let binding = Box::new(binding(Destination::Stream(stream), key));
        Request::Route(Box::new(RouteRequest::Bind { source: route, binding }))
    };
    broker.catalog.clear();
    let tickets = [bind(kept, "a"), bind(held, "b"), bind(held, "b")].map(|request| broker.send(request));
    assert!(broker.catalog.iter().all(|effect| effect.after == frame));
    assert!(tickets.iter().all(|ticket| broker.take(*ticket).is_none()));
    broker.flush();
    assert!(tickets.iter().all(|ticket| broker.take(*ticket).is_some()));
}

#[test]
fn memory_is_bounded_and_comes_free_as_records_are_settled() {
    let options = ShardOptions { ephemeral_bytes_max: 4 * BATCH_COST, ..ShardOptions::default() };
    let mut broker = Broker::with(options);
    let queue = broker.ephemeral_queue("q", 1, &[]);
    let bounded = broker.ephemeral_queue("bounded", 1, &[LeaseSetting::LengthMax(Some(100))]);
    let durable = broker.stream("durable", 1);
    for _ in 0..3 {
        append(&mut broker, queue).expect("there is room");
    }
    append(&mut broker, bounded).expect("there is room");
    assert_eq!(broker.shard.ephemeral_bytes(), 4 * BATCH_COST);
    assert_eq!(append(&mut broker, queue), Err(ErrorKind::Overloaded));
    append(&mut broker, durable).expect("it is on the disk");
    // A stream that gives up its oldest records when it is too long does so for want of memory as well.
    assert_eq!(append(&mut broker, bounded), Ok(Offset(1)));
    assert_eq!(broker.offsets(bounded, 5), [1]);
    assert_eq!(append(&mut broker, bounded), Err(ErrorKind::Overloaded), "what is out is not given up");
    let transact = Transact { appends: vec![batch(queue)], settles: Vec::new() };
    assert_eq!(refusal(&mut broker, Request::Transact(Box::new(transact))), Some(ErrorKind::Overloaded));
    // Out of order: what is in front stays.
    let taken = broker.acquire(take(queue, 3));
    broker.memory.clear();
    broker.settle(queue, &[(lease(taken[1].0, taken[1].2), ACK)]);
    assert_eq!(forgotten(&mut broker), [1]);
    assert_eq!(broker.shard.ephemeral_bytes(), 3 * BATCH_COST);
    append(&mut broker, queue).expect("there is room again");
    broker.call(Request::DeleteStream { stream: bounded });
    broker.advance(0);
    assert_eq!(broker.shard.ephemeral_bytes(), 3 * BATCH_COST);
    broker.call(Request::TrimLogs(vec![Trim { log: log(queue), before: Some(Offset(3)) }]));
    assert_eq!(broker.shard.ephemeral_bytes(), BATCH_COST);
    broker.call(Request::DeleteStream { stream: queue });
    broker.advance(0);
    assert_eq!(broker.shard.ephemeral_bytes(), 0);
}

#[test]
fn much_that_nobody_can_read_any_more_is_let_go_of_in_steps() {
    const BATCHES: u64 = 5_000;
    let mut broker = Broker::new();
    let queue = broker.ephemeral_queue("q", 1, &[]);
    for ends in [
        Request::TrimLogs(vec![Trim { log: log(queue), before: Some(Offset(BATCHES)) }]),
        Request::DeleteStream { stream: queue },
    ] {
        for _ in 0..BATCHES {
            append(&mut broker, queue).expect("there is room");
        }
        broker.call(ends);
        let mut before = broker.shard.ephemeral_bytes();
        let mut steps = 0;
        while before > 0 {
            assert!(broker.shard.next_deadline().is_some_and(|due| due <= broker.now), "more is due at once");
            broker.tick();
            let left = broker.shard.ephemeral_bytes();
            assert!(left < before, "every step lets go of some");
            assert!(before - left <= BATCHES / 4 * BATCH_COST, "and of no more than a part");
            (before, steps) = (left, steps + 1);
        }
        assert!(steps > 1, "in {steps} steps");
    }
    assert!(broker.shard.next_deadline().is_none_or(|due| due > broker.now), "then it rests");
}

#[test]
fn a_batch_goes_with_the_last_of_its_records_unless_somebody_else_reads_the_log() {
    let mut broker = Broker::new();
    let queue = broker.ephemeral_queue("q", 1, &[]);
    broker.fill(queue, 3);
    broker.fill(queue, 1);
    let taken = broker.acquire(take(queue, 4));
    let ack = |at: usize| (lease(taken[at].0, taken[at].2), ACK);
    broker.settle(queue, &[ack(1), ack(2)]);
    assert_eq!(forgotten(&mut broker), [] as [u64; 0]);
    broker.settle(queue, &[ack(0)]);
    assert_eq!(forgotten(&mut broker), [0]);
    // Somebody who reads by offset holds it until the trim has asked how far.
    broker.commit(simple_commit("g", &[(log(queue), 0)])).expect("committed");
    broker.settle(queue, &[ack(3)]);
    assert_eq!(forgotten(&mut broker), [] as [u64; 0]);
    assert!(broker.shard.ephemeral_bytes() > 0);
    broker.commit(simple_commit("g", &[(log(queue), 4)])).expect("committed");
    broker.advance(60_000);
    assert_eq!(broker.shard.ephemeral_bytes(), 0);
    assert_eq!(broker.shard.log_bounds(log(queue)), Some((Offset(4), Offset(4))));
}

#[test]
fn whether_a_stream_is_in_memory_is_said_when_it_is_created_and_never_again() {
    let mut broker = Broker::new();
    let held = broker.ephemeral_queue("held", 1, &[]);
    let kept = broker.stream("kept", 1);
    let alter = |stream, change| Request::AlterStream { stream, changes: vec![change] };
    let set = |value| ConfigChange::Set(Setting::Ephemeral(value));
    assert_eq!(refusal(&mut broker, alter(kept, set(true))), Some(ErrorKind::InvalidConfig));
    assert_eq!(refusal(&mut broker, alter(held, set(false))), Some(ErrorKind::InvalidConfig));
    let unset = ConfigChange::Unset(SettingKey::Ephemeral);
    assert_eq!(refusal(&mut broker, alter(held, unset.clone())), Some(ErrorKind::InvalidConfig));
    assert_eq!(refusal(&mut broker, alter(held, set(true))), None, "as it is");
    assert_eq!(refusal(&mut broker, alter(kept, set(false))), None, "as it is");
    assert_eq!(refusal(&mut broker, alter(kept, unset)), None, "as it is");
    let compact = ConfigChange::Set(Setting::Cleanup { delete: true, compact: true });
    assert_eq!(refusal(&mut broker, alter(held, compact)), Some(ErrorKind::InvalidConfig));
    broker.crash();
    assert_eq!(broker.shard.stream_entries().count(), 1);
}

#[test]
fn a_route_in_memory_is_as_it_was_declared() {
    let mut broker = Broker::new();
    let config = |ephemeral| RouteConfig { ephemeral, ..RouteConfig::new(MatchKind::Exact) };
    let route = create(&mut broker, "r", config(true)).expect("made");
    assert!(route.is_ephemeral());
    assert_eq!(create(&mut broker, "r", config(true)), Ok(route));
    assert_eq!(create(&mut broker, "r", config(false)), Err(ErrorKind::RouteDiffers));
    let deleted = ask(&mut broker, RouteRequest::Delete { route, if_unused: false });
    assert!(matches!(deleted, Ok(RouteReply::Deleted(_))));
    assert!(!create(&mut broker, "r", config(false)).expect("made").is_ephemeral());
}

#[test]
fn offsets_of_both_kinds_of_logs_are_forgotten_alike() {
    let mut broker = Broker::new();
    let kept = broker.stream("kept", 1);
    let held = broker.ephemeral_queue("held", 1, &[]);
    broker.commit(simple_commit("g", &[(log(kept), 1), (log(held), 1)])).expect("committed");
    broker.checkpoint(usize::MAX);
    let request = GroupRequest::DeleteOffsets { group: group("g"), logs: vec![log(kept), log(held)] };
    broker.call(Request::Group(Box::new(request)));
    assert_eq!(broker.positions("g"), []);
    broker.crash();
    assert_eq!(broker.positions("g"), []);
}
