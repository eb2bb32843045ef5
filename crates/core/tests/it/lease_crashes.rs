//! What a crash may repeat, and what not: the rows of the table in `docs/durability.md`, each walked.

use crate::broker::Broker;
use crate::work::{ACK, HOLDER, LATE_ACK, RELEASE, lease, listed, marked, take};
use millstream_core::catalog::LeaseSetting;
use millstream_core::lease::{
    Acquire, Action, Binding, LeaseError, LeaseGroupId, LeaseRequest, RecordMark, Settle,
};
use millstream_core::{Reply, Request};
use millstream_types::{LogId, StreamId};

const TIMEOUT_MS: u64 = 1_000;

/// A queue with records that are durable; from here on nothing is until it is flushed.
fn queue(records: u32) -> (Broker, StreamId) {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeoutMs(TIMEOUT_MS)]);
    broker.fill(queue, records);
    broker.sync_always = false;
    (broker, queue)
}

fn bound(queue: StreamId) -> Acquire {
    Acquire { binding: Binding::Connection { timeout_ms: None }, ..take(queue, 1) }
}

/// The process ends, and the next one makes everything durable at once.
fn crash(broker: &mut Broker) {
    broker.crash();
    broker.sync_always = true;
}

fn settle(broker: &mut Broker, queue: StreamId, action: Action) -> millstream_core::Ticket {
    let leases = vec![(lease(0, 1), action)];
    broker.lease(LeaseRequest::Settle(Settle { group: LeaseGroupId::default_of(queue), leases }))
}

#[test]
fn a_delivery_that_was_answered_lasts_over_the_crash_and_counts() {
    let (mut broker, queue) = queue(1);
    let ticket = broker.lease(LeaseRequest::Acquire(take(queue, 1)));
    assert!(broker.acquired(ticket).is_none(), "not before it is durable");
    broker.flush();
    assert_eq!(listed(&broker.acquired(ticket).expect("it is durable")), [(0, 1, 1)]);
    crash(&mut broker);
    broker.advance(TIMEOUT_MS - 1);
    assert_eq!(broker.acquire(take(queue, 1)), []);
    broker.advance(1);
    assert_eq!(broker.acquire(take(queue, 1)), [(0, 2, 2)]);
}

#[test]
fn a_delivery_that_nobody_was_told_of_has_happened_or_not() {
    for (is_durable, expected) in [(false, vec![(0, 1, 1)]), (true, vec![])] {
        let (mut broker, queue) = queue(1);
        broker.lease(LeaseRequest::Acquire(take(queue, 1)));
        if is_durable {
            broker.flush();
        }
        crash(&mut broker);
        assert_eq!(broker.acquire(take(queue, 1)), expected);
        broker.advance(TIMEOUT_MS);
        let again = broker.acquire(take(queue, 1));
        assert_eq!(again, [(0, 2, 2)], "comes again when the lease is over, and says so");
    }
}

#[test]
fn what_a_connection_had_comes_back_at_once_and_its_count_may_be_one_low() {
    for (is_durable, count) in [(false, 1), (true, 2)] {
        let (mut broker, queue) = queue(1);
        let ticket = broker.lease(LeaseRequest::Acquire(bound(queue)));
        let given = broker.acquired(ticket).expect("it waits for its record alone");
        assert_eq!(listed(&given), [(0, 1, 1)]);
        if is_durable {
            broker.flush();
        }
        crash(&mut broker);
        let again = broker.acquire(bound(queue));
        assert_eq!(
            again.iter().map(|(offset, count, _)| (*offset, *count)).collect::<Vec<_>>(),
            [(0, count)]
        );
    }
}

#[test]
fn each_delivery_to_a_connection_that_was_not_durable_is_missing_in_the_count() {
    let (mut broker, queue) = queue(1);
    for n in 1..=3 {
        let ticket = broker.lease(LeaseRequest::Acquire(bound(queue)));
        assert_eq!(
            listed(&broker.acquired(ticket).expect("it waits for its record alone")),
            [(0, n, u64::from(n))]
        );
        broker.lease(LeaseRequest::EndHolder { group: LeaseGroupId::default_of(queue), holder: HOLDER });
    }
    crash(&mut broker);
    assert_eq!(broker.acquire(take(queue, 1)), [(0, 1, 1)]);
}

#[test]
fn an_ack_that_was_answered_stays_and_one_that_was_not_may_come_to_nothing() {
    for (is_durable, left) in [(true, 0), (false, 1)] {
        let (mut broker, queue) = queue(1);
        broker.lease(LeaseRequest::Acquire(take(queue, 1)));
        broker.flush();
        let ticket = settle(&mut broker, queue, ACK);
        assert!(broker.leased(ticket).is_none(), "not before it is durable");
        if is_durable {
            broker.flush();
        }
        crash(&mut broker);
        assert_eq!(broker.counts(queue).leased, left);
        broker.advance(TIMEOUT_MS);
        assert_eq!(broker.counts(queue).ready, left);
        if left == 1 {
            let late = broker.settle(queue, &[(lease(0, 1), LATE_ACK)]);
            assert_eq!(late, [Ok(())], "who asks again is heard as long as nobody has it since");
        }
    }
}

#[test]
fn a_release_or_a_renewal_that_was_not_answered_has_happened_or_not() {
    let renewal = Action::Renew { timeout_ms: 5 * TIMEOUT_MS };
    for (action, durable, lost) in [(RELEASE, (1, 0), (0, 1)), (renewal, (0, 1), (0, 1))] {
        for is_durable in [true, false] {
            let (mut broker, queue) = queue(1);
            broker.lease(LeaseRequest::Acquire(take(queue, 1)));
            broker.flush();
            settle(&mut broker, queue, action);
            if is_durable {
                broker.flush();
            }
            crash(&mut broker);
            let counts = broker.counts(queue);
            assert_eq!((counts.ready, counts.leased), if is_durable { durable } else { lost });
            broker.advance(TIMEOUT_MS);
            let outlives = is_durable && action == renewal;
            assert_eq!(broker.counts(queue).leased, u64::from(outlives), "the old deadline or the new one");
        }
    }
}

#[test]
fn a_delivery_to_a_connection_that_the_crash_took_back_has_replaced_nothing() {
    let (mut broker, queue) = queue(1);
    broker.lease(LeaseRequest::Acquire(take(queue, 1)));
    broker.flush();
    broker.advance(TIMEOUT_MS);
    let ticket = broker.lease(LeaseRequest::Acquire(bound(queue)));
    assert_eq!(listed(&broker.acquired(ticket).expect("it waits for its record alone")), [(0, 2, 2)]);
    crash(&mut broker);
    assert_eq!(broker.settle(queue, &[(lease(0, 2), LATE_ACK)]), [Err(LeaseError::NotLeased)]);
    assert_eq!(broker.settle(queue, &[(lease(0, 1), LATE_ACK)]), [Ok(())]);
}

#[test]
fn what_is_sent_again_after_a_crash_is_the_same_or_comes_for_the_first_time() {
    for is_durable in [true, false] {
        let mut broker = Broker::new();
        let queue = broker.queue("q", 1, &[LeaseSetting::DedupWindowMs(Some(TIMEOUT_MS))]);
        broker.sync_always = false;
        let send = |broker: &mut Broker| {
            let mark = RecordMark { dedup: Some(7), ..RecordMark::default() };
            let log = LogId { stream: queue, index: 0 };
            broker.send(Request::Append(vec![marked(log, &[mark])]))
        };
        send(&mut broker);
        if is_durable {
            broker.flush();
        }
        crash(&mut broker);
        let ticket = send(&mut broker);
        let Some(Reply::Appended(results)) = broker.take(ticket) else { panic!("it is answered") };
        let appended = results[0].expect("it is stored");
        assert_eq!((appended.base_offset.0, appended.duplicate), (0, is_durable));
        assert_eq!(broker.counts(queue).ready, 1);
    }
}
