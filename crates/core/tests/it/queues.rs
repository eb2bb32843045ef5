//! What a queue does, behaviour by behaviour, seen by who sends and who takes out. One behaviour each; long because
//! there are many.

use crate::broker::Broker;
use crate::work::{ACK, HOLDER, LATE_ACK, RELEASE, lease, listed, marked, take};
use millstream_core::catalog::{ConfigChange, LeaseSetting, Overflow, Setting};
use millstream_core::cursor::GroupRequest;
use millstream_core::lease::{
    Acquire, Action, Binding, FinishMove, GroupCounts, HolderId, LeaseError, LeaseGroupId, LeaseReply,
    LeaseRequest, MoveOutcome, MoveReason, MoveTarget, RecordMark, SeekTo, Settle,
};
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, LogId, Offset, StreamId};

fn counts(ready: u64, leased: u64, delayed: u64, moving: u64) -> GroupCounts {
    GroupCounts { ready, leased, delayed, moving, ..GroupCounts::default() }
}

#[test]
fn records_are_taken_out_in_order_and_settled_once() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 5);
    assert_eq!(broker.acquire(take(queue, 3)), [(0, 1, 1), (1, 1, 2), (2, 1, 3)]);
    assert_eq!(broker.counts(queue), counts(2, 3, 0, 0));
    let settled = broker.settle(queue, &[(lease(1, 2), ACK), (lease(0, 1), ACK), (lease(1, 2), ACK)]);
    assert_eq!(settled, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(broker.settle(queue, &[(lease(1, 2), ACK)]), [Err(LeaseError::Settled)]);
    assert_eq!(broker.settle(queue, &[(lease(9, 2), ACK)]), [Err(LeaseError::Unknown)]);
    assert_eq!(broker.settle(queue, &[(lease(2, 1), ACK)]), [Err(LeaseError::NotLeased)]);
    assert_eq!(broker.counts(queue), counts(2, 1, 0, 0));
    broker.crash();
    assert_eq!(broker.counts(queue), counts(2, 1, 0, 0));
    assert_eq!(broker.settle(queue, &[(lease(2, 3), ACK)]), [Ok(())]);
    assert_eq!(broker.offsets(queue, 9), [3, 4]);
}

#[test]
fn a_stream_that_becomes_a_queue_hands_out_what_it_holds_already() {
    let mut broker = Broker::new();
    let stream = broker.stream("s", 2);
    broker.fill(stream, 3);
    broker.set(stream, LeaseSetting::Enabled(true));
    assert_eq!(broker.counts(stream), counts(3, 0, 0, 0));
    assert_eq!(broker.offsets(stream, 9), [0, 1, 2]);
}

#[test]
fn a_lease_that_runs_out_gives_its_record_back_before_newer_ones() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeoutMs(1_000)]);
    broker.fill(queue, 3);
    assert_eq!(broker.offsets(queue, 1), [0]);
    broker.advance(999);
    assert_eq!(broker.counts(queue), counts(2, 1, 0, 0));
    broker.advance(1);
    assert_eq!(broker.counts(queue), counts(3, 0, 0, 0));
    assert_eq!(broker.settle(queue, &[(lease(0, 1), ACK)]), [Err(LeaseError::NotLeased)]);
    assert_eq!(broker.acquire(take(queue, 2)), [(0, 2, 2), (1, 1, 3)]);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), LATE_ACK)]), [Err(LeaseError::NotLeased)]);
    broker.advance(1_000);
    assert_eq!(broker.settle(queue, &[(lease(0, 2), LATE_ACK)]), [Ok(())], "nobody has it since");
    assert_eq!(broker.offsets(queue, 9), [1, 2]);
}

#[test]
fn a_lease_is_prolonged_from_now_on_and_keeps_its_deadline_over_a_restart() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeoutMs(1_000)]);
    broker.fill(queue, 1);
    broker.offsets(queue, 1);
    broker.advance(900);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), Action::Renew { timeout_ms: 5_000 })]), [Ok(())]);
    broker.crash();
    broker.advance(4_999);
    assert_eq!(broker.counts(queue), counts(0, 1, 0, 0));
    broker.advance(1);
    assert_eq!(broker.counts(queue), counts(1, 0, 0, 0));
    assert_eq!(broker.acquire(take(queue, 1)), [(0, 2, 2)]);
    assert_eq!(broker.settle(queue, &[(lease(0, 2), Action::Renew { timeout_ms: 0 })]), [Ok(())]);
    assert_eq!(broker.acquire(take(queue, 1)), [(0, 3, 3)]);
}

#[test]
fn who_waits_longest_is_served_first_unless_another_has_priority() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let wait =
        |holder, priority| Acquire { holder: HolderId(holder), wait_ms: 20_000, priority, ..take(queue, 2) };
    let tickets = [(1, 0), (2, 0), (3, 5), (4, 0)]
        .map(|(holder, priority)| broker.lease(LeaseRequest::Acquire(wait(holder, priority))));
    assert_eq!(broker.counts(queue).waiting, 4);
    broker.fill(queue, 3);
    assert_eq!(listed(&broker.acquired(tickets[2]).expect("served")), [(0, 1, 1), (1, 1, 2)]);
    assert_eq!(listed(&broker.acquired(tickets[0]).expect("served")), [(2, 1, 3)]);
    let group = LeaseGroupId::default_of(queue);
    broker.lease(LeaseRequest::CancelAcquire { group, holder: HolderId(2) });
    assert_eq!(broker.acquired(tickets[1]).expect("cancelled").records, []);
    assert_eq!(broker.settle(queue, &[(lease(1, 2), RELEASE)]), [Ok(())]);
    assert_eq!(listed(&broker.acquired(tickets[3]).expect("served")), [(1, 2, 4)]);
    let last = broker.lease(LeaseRequest::Acquire(wait(5, 0)));
    broker.advance(19_999);
    assert!(broker.acquired(last).is_none());
    broker.advance(1);
    assert_eq!(broker.acquired(last).expect("it has waited").records, []);
}

#[test]
fn a_wait_that_ends_when_a_record_comes_back_gets_it() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeoutMs(1_000)]);
    broker.fill(queue, 1);
    assert_eq!(broker.offsets(queue, 1), [0]);
    let wait = Acquire { wait_ms: 1_000, ..take(queue, 1) };
    let ticket = broker.lease(LeaseRequest::Acquire(wait));
    broker.advance(1_000);
    assert_eq!(listed(&broker.acquired(ticket).expect("it has waited")), [(0, 2, 2)]);
}

#[test]
fn delayed_records_come_later_and_hold_nobody_up() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let delayed = |ms| RecordMark { delay_ms: Some(ms), ..RecordMark::default() };
    broker.fill_marked(queue, &[delayed(5_000), delayed(0), delayed(1_000), delayed(0)]);
    assert_eq!(broker.counts(queue), counts(2, 0, 2, 0));
    assert_eq!(broker.offsets(queue, 9), [1, 3]);
    broker.advance(1_000);
    assert_eq!(broker.offsets(queue, 9), [2]);
    broker.crash();
    assert_eq!(broker.counts(queue), counts(0, 3, 1, 0));
    broker.advance(3_999);
    assert_eq!(broker.offsets(queue, 9), [0; 0]);
    broker.advance(1);
    assert_eq!(broker.offsets(queue, 9), [0]);
    assert_eq!(
        broker.settle(queue, &[(lease(0, 4), Action::Release { delay_ms: 70, delivered: true })]),
        [Ok(())]
    );
    broker.advance(69);
    assert_eq!(broker.offsets(queue, 9), [0; 0]);
    broker.advance(1);
    assert_eq!(broker.acquire(take(queue, 9)), [(0, 2, 5)]);
}

#[test]
fn a_stream_can_delay_all_its_records() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DelayMs(2_000)]);
    broker.fill(queue, 3);
    broker.fill_marked(queue, &[RecordMark { delay_ms: Some(0), ..RecordMark::default() }]);
    assert_eq!(broker.offsets(queue, 9), [3]);
    broker.advance(2_000);
    assert_eq!(broker.offsets(queue, 9), [0, 1, 2]);
}

#[test]
fn higher_priorities_go_first_and_come_back_to_their_place() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let marks = [0, 3, 9, 3, 0].map(|priority| RecordMark { priority, ..RecordMark::default() });
    broker.fill_marked(queue, &marks);
    assert_eq!(broker.offsets(queue, 2), [2, 1]);
    assert_eq!(broker.settle(queue, &[(lease(2, 1), RELEASE), (lease(1, 2), RELEASE)]), [Ok(()), Ok(())]);
    broker.crash();
    assert_eq!(broker.acquire(take(queue, 9)), [(2, 2, 3), (1, 2, 4), (3, 1, 5), (0, 1, 6), (4, 1, 7)]);
}

#[test]
fn a_delivery_that_was_none_does_not_count() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DeliveryLimit(Some(1))]);
    broker.fill(queue, 2);
    broker.offsets(queue, 2);
    let none = Action::Release { delay_ms: 0, delivered: false };
    assert_eq!(broker.settle(queue, &[(lease(1, 2), none)]), [Ok(())]);
    assert_eq!(broker.counts(queue), counts(1, 1, 0, 0));
    assert_eq!(broker.acquire(take(queue, 2)), [(1, 1, 3)]);
    assert_eq!(
        broker.settle(queue, &[(lease(1, 3), RELEASE)]),
        [Ok(())],
        "the limit is reached: it is dropped"
    );
    assert_eq!(broker.counts(queue), counts(0, 1, 0, 0));
}

#[test]
fn records_beyond_their_limit_move_to_the_dead_letters_in_one_frame() {
    let mut broker = Broker::new();
    let settings = [LeaseSetting::DeliveryLimit(Some(2)), LeaseSetting::DeadLetter(Some("dead".into()))];
    let queue = broker.queue("q", 1, &settings);
    let dead = broker.queue("dead", 1, &[]);
    broker.fill(queue, 2);
    let mover = broker.lease(LeaseRequest::TakeMoves);
    broker.offsets(queue, 1);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), RELEASE)]), [Ok(())]);
    broker.offsets(queue, 1);
    broker.advance(30_000);
    assert_eq!(broker.counts(queue), counts(2, 0, 0, 0), "it ran out, and is found on the next way");
    assert_eq!(broker.offsets(queue, 1), [1]);
    assert_eq!(broker.counts(queue), counts(0, 1, 0, 1));
    broker.advance(0);
    let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(mover) else { panic!("a move is asked for") };
    let [only] = moves[..] else { panic!("{moves:?}") };
    assert_eq!(
        (only.reason, only.target, only.delivery_count),
        (MoveReason::Limit, MoveTarget::DeadLetter, 2)
    );
    broker.crash();
    let mover = broker.lease(LeaseRequest::TakeMoves);
    let again = broker.leased(mover);
    assert_eq!(again, Some(Ok(LeaseReply::Moves(vec![only]))), "a restart asks again");
    let waiting = broker.lease(LeaseRequest::Acquire(Acquire { wait_ms: 1_000, ..take(dead, 1) }));
    let batch = Broker::batch(LogId { stream: dead, index: 0 }, 1);
    let finish =
        FinishMove { group: only.group, record: only.record, outcome: MoveOutcome::Append(vec![batch]) };
    let request = || LeaseRequest::FinishMoves(vec![finish.clone()]);
    assert_eq!(broker.ask_lease(request()), Ok(LeaseReply::Moved(vec![Ok(true)])));
    assert_eq!(broker.ask_lease(request()), Ok(LeaseReply::Moved(vec![Ok(false)])), "only once");
    assert_eq!(broker.counts(queue), counts(0, 1, 0, 0));
    assert_eq!(listed(&broker.acquired(waiting).expect("it came")), [(0, 1, 1)]);
}

#[test]
fn a_move_that_cannot_end_is_put_off_or_gives_the_record_back() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DeadLetter(Some("nowhere".into()))]);
    broker.fill(queue, 1);
    broker.offsets(queue, 1);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), Action::Reject)]), [Ok(())]);
    let mover = broker.lease(LeaseRequest::TakeMoves);
    let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(mover) else { panic!("a move is asked for") };
    let end = |broker: &mut Broker, outcome| {
        let finish = FinishMove { group: moves[0].group, record: moves[0].record, outcome };
        broker.ask_lease(LeaseRequest::FinishMoves(vec![finish]))
    };
    let gone = LogId { stream: StreamId(99), index: 0 };
    let reply = end(&mut broker, MoveOutcome::Append(vec![Broker::batch(gone, 1)]));
    assert_eq!(reply, Ok(LeaseReply::Moved(vec![Err(ErrorKind::UnknownStream)])));
    assert_eq!(broker.counts(queue), counts(0, 0, 0, 1), "it has not ended");
    let put_off = LeaseReply::Moved(vec![Ok(true)]);
    assert_eq!(end(&mut broker, MoveOutcome::Later { after_ms: 1_000 }), Ok(put_off));
    let mover = broker.lease(LeaseRequest::TakeMoves);
    broker.advance(999);
    assert_eq!(broker.leased(mover), None);
    assert_eq!(broker.counts(queue), counts(0, 0, 0, 1));
    broker.advance(1);
    assert_eq!(broker.leased(mover), Some(Ok(LeaseReply::Moves(moves.clone()))), "the same again");
    assert_eq!(end(&mut broker, MoveOutcome::Return), Ok(LeaseReply::Moved(vec![Ok(true)])));
    assert_eq!(broker.acquire(take(queue, 1)), [(0, 2, 3)]);
}

#[test]
fn records_that_are_sought_away_on_their_way_leave_room_for_others() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DeadLetter(Some("dead".into()))]);
    let group = LeaseGroupId::default_of(queue);
    for _ in 0..10 {
        broker.fill(queue, 128);
        let records = broker.acquire(take(queue, 128));
        let rejects: Vec<_> =
            records.iter().map(|(offset, _, of)| (lease(*offset, *of), Action::Reject)).collect();
        broker.settle(queue, &rejects);
        let mover = broker.lease(LeaseRequest::TakeMoves);
        let Some(Ok(LeaseReply::Moves(moves))) = broker.leased(mover) else { panic!("moves are asked for") };
        broker.lease(LeaseRequest::Seek { group, to: SeekTo::End });
        let finish = |of: &millstream_core::lease::Move| FinishMove {
            group,
            record: of.record,
            outcome: MoveOutcome::Drop,
        };
        let ends = LeaseRequest::FinishMoves(moves.iter().map(finish).collect());
        assert_eq!(broker.ask_lease(ends), Ok(LeaseReply::Moved(vec![Ok(false); 128])));
    }
}

#[test]
fn records_whose_time_is_over_are_not_delivered() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeToLiveMs(Some(1_000))]);
    broker.fill(queue, 2);
    let short = RecordMark { time_to_live_ms: Some(100), ..RecordMark::default() };
    broker.fill_marked(queue, &[short, short]);
    assert_eq!(broker.offsets(queue, 1), [0]);
    broker.advance(100);
    assert_eq!(broker.counts(queue), counts(1, 1, 0, 0));
    broker.crash();
    broker.advance(900);
    assert_eq!(broker.counts(queue), counts(0, 1, 0, 0), "who has one may keep it");
    assert_eq!(broker.settle(queue, &[(lease(0, 1), RELEASE)]), [Ok(())]);
    broker.advance(0);
    assert_eq!(broker.counts(queue), counts(0, 0, 0, 0));
}

#[test]
fn a_stream_that_is_too_long_drops_refuses_or_dead_letters() {
    let all = [Overflow::DropOldest, Overflow::Reject, Overflow::DeadLetter, Overflow::RejectDeadLetter];
    for overflow in all {
        let mut broker = Broker::new();
        let settings = [
            LeaseSetting::LengthMax(Some(3)),
            LeaseSetting::Overflow(overflow),
            LeaseSetting::DeadLetter(Some("dead".into())),
        ];
        let queue = broker.queue("q", 1, &settings);
        broker.fill(queue, 3);
        assert_eq!(broker.offsets(queue, 1), [0]);
        let log = LogId { stream: queue, index: 0 };
        let reply = broker.call(Request::Append(vec![Broker::batch(log, 3)]));
        let Reply::Appended(results) = reply else { panic!("{reply:?}") };
        let expected = match overflow {
            Overflow::Reject => {
                assert_eq!(results, [Err(ErrorKind::StreamFull)]);
                counts(2, 1, 0, 0)
            }
            Overflow::RejectDeadLetter => {
                assert_eq!(results, [Err(ErrorKind::StreamFull)]);
                counts(2, 1, 0, 3)
            }
            Overflow::DropOldest => counts(3, 1, 0, 0),
            Overflow::DeadLetter => counts(3, 1, 0, 2),
            Overflow::Block | Overflow::SlowDown | Overflow::Sample => {
                unreachable!("they are not among these")
            }
        };
        assert_eq!(broker.counts(queue), expected, "{overflow:?}");
        let rest: &[u64] = if overflow.refuses() { &[1, 2] } else { &[3, 4, 5] };
        assert_eq!(broker.offsets(queue, 9), rest);
        broker.crash();
        assert_eq!(broker.counts(queue).moving, expected.moving, "{overflow:?}");
    }
}

#[test]
fn of_what_is_refused_only_so_much_is_dead_lettered() {
    let mut broker = Broker::new();
    let settings = [
        LeaseSetting::LengthMax(Some(1)),
        LeaseSetting::Overflow(Overflow::RejectDeadLetter),
        LeaseSetting::DeadLetter(Some("dead".into())),
    ];
    let queue = broker.queue("q", 1, &settings);
    let log = LogId { stream: queue, index: 0 };
    let batches = [1, 200, 57, 56].map(|records| Broker::batch(log, records));
    let reply = broker.call(Request::Append(batches.into()));
    let Reply::Appended(results) = reply else { panic!("{reply:?}") };
    assert!(results[0].is_ok());
    assert_eq!(results[1..], [const { Err(ErrorKind::StreamFull) }; 3]);
    assert_eq!(broker.counts(queue), counts(1, 0, 0, 256));
}

#[test]
fn a_single_holder_is_served_until_it_ends() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::SingleHolder(true)]);
    let of = |holder| Acquire {
        holder: HolderId(holder),
        binding: Binding::Connection { timeout_ms: None },
        wait_ms: u64::MAX,
        ..take(queue, 1)
    };
    let first = broker.lease(LeaseRequest::Acquire(of(1)));
    let second = broker.lease(LeaseRequest::Acquire(of(2)));
    broker.fill(queue, 2);
    assert_eq!(listed(&broker.acquired(first).expect("active")), [(0, 1, 1)]);
    assert!(broker.acquired(second).is_none());
    let group = LeaseGroupId::default_of(queue);
    let ended = broker.ask_lease(LeaseRequest::EndHolder { group, holder: HolderId(1) });
    assert_eq!(ended, Ok(LeaseReply::Done));
    assert_eq!(listed(&broker.acquired(second).expect("active now")), [(0, 2, 2)]);
}

#[test]
fn a_holder_that_is_detached_keeps_what_it_has_and_the_next_one_is_served() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::SingleHolder(true)]);
    let group = LeaseGroupId::default_of(queue);
    let of = |holder| Acquire {
        holder: HolderId(holder),
        binding: Binding::Connection { timeout_ms: None },
        wait_ms: u64::MAX,
        ..take(queue, 1)
    };
    let first = broker.lease(LeaseRequest::Acquire(of(1)));
    broker.fill(queue, 2);
    assert_eq!(listed(&broker.acquired(first).expect("active")), [(0, 1, 1)]);
    let waiting = broker.lease(LeaseRequest::Acquire(of(1)));
    let second = broker.lease(LeaseRequest::Acquire(of(2)));
    // It is the first one that waits: both records are its own.
    assert_eq!(listed(&broker.acquired(waiting).expect("active")), [(1, 1, 2)]);
    let again = broker.lease(LeaseRequest::Acquire(of(1)));
    let detached = broker.ask_lease(LeaseRequest::Detach { group, holder: HolderId(1) });
    assert_eq!(detached, Ok(LeaseReply::Done));
    assert_eq!(listed(&broker.acquired(again).expect("its wait ended")), []);
    broker.fill(queue, 1);
    assert_eq!(listed(&broker.acquired(second).expect("active now")), [(2, 1, 3)]);
    assert_eq!(broker.counts(queue), counts(0, 3, 0, 0));
    let settle = Settle { group, leases: vec![(lease(0, 1), ACK)] };
    assert_eq!(broker.ask_lease(LeaseRequest::Settle(settle)), Ok(LeaseReply::Settled(vec![Ok(())])));
    assert_eq!(broker.counts(queue), counts(0, 2, 0, 0));
}

#[test]
fn what_a_connection_has_comes_back_with_its_end_or_with_a_restart() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 700);
    let bound = Acquire { binding: Binding::Connection { timeout_ms: None }, ..take(queue, 600) };
    assert_eq!(broker.acquire(bound).len(), 600);
    assert_eq!(broker.offsets(queue, 50).len(), 50, "another holder's, with a deadline");
    assert_eq!(broker.counts(queue), counts(50, 650, 0, 0));
    let group = LeaseGroupId::default_of(queue);
    broker.lease(LeaseRequest::EndHolder { group, holder: HOLDER });
    broker.advance(0);
    assert_eq!(broker.counts(queue), counts(650, 50, 0, 0));
    assert_eq!(broker.acquire(bound).first(), Some(&(0, 2, 651)));
    broker.crash();
    assert_eq!(broker.counts(queue), counts(650, 50, 0, 0));
    assert_eq!(broker.acquire(bound).first(), Some(&(0, 3, 1251)));
}

#[test]
fn a_delivery_to_a_connection_waits_for_its_record_and_not_for_itself() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 2);
    broker.sync_always = false;
    let bound = Acquire { binding: Binding::Connection { timeout_ms: None }, ..take(queue, 1) };
    let ticket = broker.lease(LeaseRequest::Acquire(bound));
    assert!(broker.acquired(ticket).is_some(), "the record is durable");
    let ticket = broker.lease(LeaseRequest::Acquire(take(queue, 1)));
    assert!(broker.acquired(ticket).is_none(), "a deadline has to be durable");
    broker.flush();
    assert!(broker.acquired(ticket).is_some());
    broker.fill(queue, 1);
    let ticket = broker.lease(LeaseRequest::Acquire(bound));
    assert!(broker.acquired(ticket).is_none(), "the record is not durable");
    broker.flush();
    assert!(broker.acquired(ticket).is_some());
}

#[test]
fn a_paused_stream_serves_nobody_until_it_goes_on() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::Paused(true)]);
    broker.fill(queue, 1);
    assert_eq!(broker.offsets(queue, 1), [0; 0]);
    let waiting = broker.lease(LeaseRequest::Acquire(Acquire { wait_ms: 5_000, ..take(queue, 1) }));
    broker.advance(1_000);
    assert!(broker.acquired(waiting).is_none());
    broker.set(queue, LeaseSetting::Paused(false));
    assert_eq!(listed(&broker.acquired(waiting).expect("served")), [(0, 1, 1)]);
}

#[test]
fn a_group_seeks_back_to_what_it_settled_and_forward_over_what_it_has_not() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 6);
    broker.offsets(queue, 4);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), ACK), (lease(2, 3), ACK)]), [Ok(()), Ok(())]);
    assert_eq!(broker.seek(queue, SeekTo::End), 4);
    assert_eq!(broker.counts(queue), counts(0, 0, 0, 0));
    assert_eq!(broker.settle(queue, &[(lease(1, 2), ACK)]), [Err(LeaseError::Settled)]);
    assert_eq!(broker.seek(queue, SeekTo::Offsets(vec![(0, Offset(1))])), 0);
    broker.crash();
    assert_eq!(broker.settle(queue, &[(lease(1, 2), ACK)]), [Err(LeaseError::NotLeased)]);
    assert_eq!(broker.acquire(take(queue, 9)), [(1, 1, 5), (2, 1, 6), (3, 1, 7), (4, 1, 8), (5, 1, 9)]);
}

#[test]
fn so_many_may_be_out_and_no_more() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 10);
    let capped = Acquire { leased_max: Some(4), ..take(queue, 3) };
    assert_eq!(broker.acquire(capped).len(), 3);
    assert_eq!(broker.acquire(capped).len(), 1);
    assert_eq!(broker.ask_lease(LeaseRequest::Acquire(capped)), Err(ErrorKind::TooManyLeased));
    let waiting = broker.lease(LeaseRequest::Acquire(Acquire { wait_ms: 1_000, ..capped }));
    assert!(broker.acquired(waiting).is_none());
    broker.settle(queue, &[(lease(2, 3), ACK)]);
    assert_eq!(listed(&broker.acquired(waiting).expect("one may be out again")), [(4, 1, 5)]);
}

#[test]
fn named_groups_are_worked_independently_and_begin_where_they_are_told() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 2, &[]);
    broker.fill(queue, 3);
    let create = |name: &str, from| LeaseRequest::CreateGroup { stream: queue, name: name.into(), from };
    let Ok(LeaseReply::Group(whole)) = broker.ask_lease(create("whole", SeekTo::Start)) else { panic!() };
    let Ok(LeaseReply::Group(newest)) = broker.ask_lease(create("newest", SeekTo::End)) else { panic!() };
    assert_eq!(broker.ask_lease(create("whole", SeekTo::End)), Ok(LeaseReply::Group(whole)));
    broker.fill(queue, 1);
    assert_eq!(broker.acquire(Acquire { group: newest, ..take(queue, 9) }), [(3, 1, 1)]);
    assert_eq!(broker.offsets(queue, 2), [0, 1]);
    broker.crash();
    assert_eq!(broker.acquire(Acquire { group: whole, ..take(queue, 9) }).len(), 4);
    assert_eq!(broker.ask_lease(LeaseRequest::DeleteGroup { group: whole }), Ok(LeaseReply::Done));
    let gone = broker.ask_lease(LeaseRequest::Acquire(Acquire { group: whole, ..take(queue, 9) }));
    assert_eq!(gone, Err(ErrorKind::UnknownLeaseGroup));
    let Ok(LeaseReply::Group(again)) = broker.ask_lease(create("whole", SeekTo::Start)) else { panic!() };
    assert_ne!(again, whole, "an id is never used again");
}

#[test]
fn who_waits_for_a_stream_that_goes_is_told() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let wait = Acquire { wait_ms: u64::MAX, ..take(queue, 1) };
    let waiting = broker.lease(LeaseRequest::Acquire(wait));
    broker.call(Request::DeleteStream { stream: queue });
    assert_eq!(broker.leased(waiting), Some(Err(ErrorKind::UnknownStream)));
    assert_eq!(broker.ask_lease(LeaseRequest::Acquire(wait)), Err(ErrorKind::UnknownLeaseGroup));
    let queue = broker.queue("r", 1, &[]);
    let waiting = broker.lease(LeaseRequest::Acquire(Acquire { wait_ms: u64::MAX, ..take(queue, 1) }));
    broker.set(queue, LeaseSetting::Enabled(false));
    assert_eq!(broker.leased(waiting), Some(Err(ErrorKind::UnknownLeaseGroup)));
}

#[test]
fn logs_take_turns() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 3, &[]);
    for index in 0..3 {
        broker.send(Request::Append(vec![Broker::batch(LogId { stream: queue, index }, 2)]));
    }
    let mut logs = Vec::new();
    for _ in 0..6 {
        let ticket = broker.lease(LeaseRequest::Acquire(take(queue, 1)));
        logs.extend(broker.acquired(ticket).expect("answered").records.iter().map(|record| record.log));
    }
    assert_eq!(logs, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn what_is_consumed_goes_at_once_later_or_when_readers_have_passed_it() {
    let start =
        |broker: &Broker, stream| broker.shard.log_bounds(LogId { stream, index: 0 }).expect("it is there").0;
    let consumed = |broker: &mut Broker, stream, kept_ms| {
        let changes = vec![ConfigChange::Set(Setting::Consumed(Some(kept_ms)))];
        broker.call(Request::AlterStream { stream, changes });
    };
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    consumed(&mut broker, queue, 0);
    broker.fill(queue, 10);
    broker.offsets(queue, 4);
    broker.settle(queue, &[(lease(0, 1), ACK), (lease(1, 2), ACK), (lease(3, 4), ACK)]);
    broker.advance(1_000);
    assert_eq!(start(&broker, queue), Offset(2), "up to the first that is not settled");
    broker.settle(queue, &[(lease(2, 3), ACK)]);
    broker.crash();
    broker.advance(1_000);
    assert_eq!(start(&broker, queue), Offset(4), "a restart looks at everything");
    let log = LogId { stream: queue, index: 0 };
    broker.group(GroupRequest::CommitOffsets(crate::people::simple_commit("reader", &[(log, 5)])));
    assert_eq!(broker.seek(queue, SeekTo::End), 6);
    broker.advance(1_000);
    assert_eq!(start(&broker, queue), Offset(5), "a reader is behind");
    broker.group(GroupRequest::CommitOffsets(crate::people::simple_commit("reader", &[(log, 9)])));
    broker.advance(10_000);
    assert_eq!(start(&broker, queue), Offset(9));
    broker.advance(25 * 3_600_000);
    assert_eq!(start(&broker, queue), Offset(10), "a reader that is gone holds nothing back");

    let queue = broker.queue("kept", 1, &[]);
    consumed(&mut broker, queue, 640_000);
    broker.fill(queue, 10);
    for number in 1..=10 {
        broker.offsets(queue, 1);
        broker.settle(queue, &[(lease(number - 1, number), ACK)]);
        broker.advance(64_000);
    }
    assert!(start(&broker, queue) <= Offset(1), "{:?}", start(&broker, queue));
    broker.advance(320_000);
    let at = start(&broker, queue);
    assert!((Offset(4)..=Offset(5)).contains(&at), "{at}");
    broker.seek(queue, SeekTo::Offsets(vec![(0, Offset(7))]));
    broker.advance(3_600_000);
    assert_eq!(start(&broker, queue), Offset(7), "what is to be worked again stays");
}

#[test]
fn marks_that_do_not_fit_their_batch_are_refused() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let log = LogId { stream: queue, index: 0 };
    let mut batch = marked(log, &[RecordMark::default(); 2]);
    batch.records = 3;
    let reply = broker.call(Request::Append(vec![batch]));
    assert!(
        matches!(&reply, Reply::Appended(results) if results == &[Err(ErrorKind::CorruptBatch)]),
        "{reply:?}"
    );
}
