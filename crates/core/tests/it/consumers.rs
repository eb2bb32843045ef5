//! Holders that are attached, streams that go when they are not used, attempts that are repeated.

use crate::broker::Broker;
use crate::work::{ACK, lease, listed, take};
use millstream_core::Ticket;
use millstream_core::catalog::LeaseSetting;
use millstream_core::lease::{
    Acquire, Action, Attach, Binding, HolderEnd, HolderId, LeaseGroupId, LeaseReply, LeaseRequest,
};
use millstream_types::{ErrorKind, StreamId};

fn attach(queue: StreamId, holder: u64, priority: i32, exclusive: bool) -> LeaseRequest {
    let (group, holder) = (LeaseGroupId::default_of(queue), HolderId(holder));
    LeaseRequest::Attach(Attach { group, holder, priority, exclusive })
}

impl Broker {
    fn attach(&mut self, queue: StreamId, holder: u64) {
        assert_eq!(self.ask_lease(attach(queue, holder, 0, false)), Ok(LeaseReply::Done));
    }

    fn detach(&mut self, queue: StreamId, holder: u64) {
        let (group, holder) = (LeaseGroupId::default_of(queue), HolderId(holder));
        assert_eq!(self.ask_lease(LeaseRequest::EndHolder { group, holder }), Ok(LeaseReply::Done));
        self.advance(0);
    }

    fn await_end(&mut self, queue: StreamId, holder: u64) -> Ticket {
        let (group, holder) = (LeaseGroupId::default_of(queue), HolderId(holder));
        self.lease(LeaseRequest::AwaitEnd { group, holder })
    }

    fn ended(&mut self, ticket: Ticket) -> Option<HolderEnd> {
        match self.leased(ticket)? {
            Ok(LeaseReply::Ended(end)) => Some(end),
            other => panic!("{other:?}"),
        }
    }

    fn exists(&self, stream: StreamId) -> bool {
        self.shard.stream_entries().any(|entry| entry.id == stream)
    }
}

fn connected(queue: StreamId, holder: u64, records_max: u32) -> Acquire {
    let binding = Binding::Connection { timeout_ms: None };
    Acquire { holder: HolderId(holder), binding, ..take(queue, records_max) }
}

#[test]
fn holders_are_counted_until_they_end() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.attach(queue, 1);
    broker.attach(queue, 2);
    broker.attach(queue, 2);
    assert_eq!(broker.counts(queue).holders, 2);
    broker.detach(queue, 1);
    broker.detach(queue, 3);
    assert_eq!(broker.counts(queue).holders, 1);
    broker.crash();
    assert_eq!(broker.counts(queue).holders, 0);
    let unknown = LeaseGroupId { number: 9, ..LeaseGroupId::default_of(queue) };
    let attach = Attach { group: unknown, holder: HolderId(1), priority: 0, exclusive: false };
    assert_eq!(broker.ask_lease(LeaseRequest::Attach(attach)), Err(ErrorKind::UnknownLeaseGroup));
}

#[test]
fn who_wants_to_be_alone_is_or_is_refused() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.attach(queue, 1);
    assert_eq!(broker.ask_lease(attach(queue, 2, 0, true)), Err(ErrorKind::HolderExcluded));
    assert_eq!(broker.ask_lease(attach(queue, 1, 0, true)), Ok(LeaseReply::Done), "the only one may");
    assert_eq!(broker.ask_lease(attach(queue, 2, 0, false)), Err(ErrorKind::HolderExcluded));
    broker.detach(queue, 1);
    broker.attach(queue, 2);
}

#[test]
fn a_holder_hears_of_its_end() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let never = broker.await_end(queue, 5);
    assert_eq!(broker.ended(never), Some(HolderEnd::Detached));
    broker.attach(queue, 1);
    broker.attach(queue, 2);
    let (one, two) = (broker.await_end(queue, 1), broker.await_end(queue, 2));
    assert_eq!((broker.ended(one), broker.ended(two)), (None, None));
    broker.detach(queue, 1);
    assert_eq!(broker.ended(one), Some(HolderEnd::Detached));
    let again = broker.await_end(queue, 2);
    assert_eq!(broker.ended(two), Some(HolderEnd::Detached), "one asks at a time");
    broker
        .ask_lease(LeaseRequest::DeleteStream { stream: queue, if_unused: false, if_empty: false })
        .unwrap();
    assert_eq!(broker.ended(again), Some(HolderEnd::GroupGone));
}

#[test]
fn a_holder_whose_lease_runs_out_is_told_once() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 3);
    broker.attach(queue, 1);
    let binding = Binding::Connection { timeout_ms: Some(1_000) };
    let acquire = Acquire { binding, ..connected(queue, 1, 1) };
    assert_eq!(broker.acquire(acquire).len(), 1);
    let waiting = broker.await_end(queue, 1);
    broker.advance(999);
    assert_eq!(broker.ended(waiting), None);
    broker.advance(1);
    assert_eq!(broker.ended(waiting), Some(HolderEnd::TimedOut));
    assert_eq!((broker.counts(queue).ready, broker.counts(queue).holders), (3, 1));

    // One that did not ask in time learns of it when it does.
    broker.acquire(acquire);
    broker.advance(1_000);
    let late = broker.await_end(queue, 1);
    assert_eq!(broker.ended(late), Some(HolderEnd::TimedOut));
    let next = broker.await_end(queue, 1);
    assert_eq!(broker.ended(next), None);
}

#[test]
fn consumers_that_wait_together_share_what_comes_and_a_higher_priority_comes_first() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let wait = |broker: &mut Broker, holder, records_max, priority| {
        let acquire = Acquire { wait_ms: u64::MAX, priority, ..connected(queue, holder, records_max) };
        broker.lease(LeaseRequest::Acquire(acquire))
    };
    let got =
        |broker: &mut Broker, ticket| broker.acquired(ticket).map_or(0, |acquired| acquired.records.len());
    let three = [1, 2, 3].map(|holder| wait(&mut broker, holder, 100, 0));
    broker.fill(queue, 10);
    assert_eq!(three.map(|ticket| got(&mut broker, ticket)), [4, 3, 3]);
    // Who wants little leaves the rest to the others.
    let three = [(1, 1), (2, 100), (3, 100)].map(|(holder, most)| wait(&mut broker, holder, most, 0));
    broker.fill(queue, 9);
    assert_eq!(three.map(|ticket| got(&mut broker, ticket)), [1, 4, 4]);
    let three = [(1, 0), (2, 7), (3, 0)].map(|(holder, priority)| wait(&mut broker, holder, 4, priority));
    broker.fill(queue, 6);
    assert_eq!(three.map(|ticket| got(&mut broker, ticket)), [1, 4, 1]);
}

#[test]
fn of_attached_holders_the_one_with_the_largest_priority_is_served_alone() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::SingleHolder(true)]);
    for (holder, priority) in [(1, 0), (2, 5), (3, 5)] {
        broker.ask_lease(attach(queue, holder, priority, false)).unwrap();
    }
    broker.fill(queue, 3);
    let wait = |holder| LeaseRequest::Acquire(Acquire { wait_ms: u64::MAX, ..connected(queue, holder, 1) });
    let waits = [1, 2, 3].map(|holder| broker.lease(wait(holder)));
    let got = waits.map(|ticket| broker.acquired(ticket).map(|acquired| acquired.records.len()));
    assert_eq!(got, [None, Some(1), None]);
    broker.detach(queue, 2);
    assert_eq!(broker.acquired(waits[0]), None);
    assert_eq!(broker.acquired(waits[2]).map(|acquired| acquired.records.len()), Some(1));
}

#[test]
fn a_stream_goes_with_its_last_holder_if_it_says_so() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DeleteUnused(true)]);
    broker.fill(queue, 1);
    broker.offsets(queue, 1);
    broker.detach(queue, 9);
    assert!(broker.exists(queue), "nobody was ever attached");
    broker.attach(queue, 1);
    broker.attach(queue, 2);
    broker.detach(queue, 1);
    assert!(broker.exists(queue));
    let end = broker.await_end(queue, 2);
    broker.detach(queue, 2);
    assert!(!broker.exists(queue));
    assert_eq!(broker.ended(end), Some(HolderEnd::Detached));
    broker.crash();
    assert!(!broker.exists(queue));
}

#[test]
fn a_stream_that_nobody_uses_expires() {
    let mut broker = Broker::new();
    let expires = [LeaseSetting::ExpiresMs(Some(1_000))];
    let unused = broker.queue("unused", 1, &expires);
    let held = broker.queue("held", 1, &expires);
    let out = broker.queue("out", 1, &expires);
    let polled = broker.queue("polled", 1, &expires);
    let declared = broker.queue("declared", 1, &expires);
    broker.attach(held, 1);
    broker.fill(out, 1);
    assert_eq!(broker.acquire(connected(out, 1, 1)).len(), 1);
    for _ in 0..30 {
        broker.advance(100);
        broker.offsets(polled, 1);
        broker.set(declared, LeaseSetting::ExpiresMs(Some(1_000)));
        assert_eq!(broker.exists(unused), broker.now.0 < 1_001_000);
    }
    assert!([held, out, polled, declared].into_iter().all(|stream| broker.exists(stream)));
    broker.detach(held, 1);
    broker.settle(out, &[(lease(0, 1), ACK)]);
    broker.advance(999);
    assert!([held, out, polled, declared].into_iter().all(|stream| broker.exists(stream)));
    broker.crash();
    broker.advance(950);
    assert!(broker.exists(held), "a restart is a use");
    broker.advance(100);
    assert!([held, out, polled, declared].into_iter().all(|stream| !broker.exists(stream)));
    assert_eq!(broker.shard.next_deadline(), None, "and nothing is looked at any more");
}

#[test]
fn a_stream_is_deleted_only_as_its_deleter_thinks_it_is() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let delete = |if_unused, if_empty| LeaseRequest::DeleteStream { stream: queue, if_unused, if_empty };
    broker.fill(queue, 3);
    broker.attach(queue, 1);
    assert_eq!(broker.ask_lease(delete(true, false)), Err(ErrorKind::StreamInUse));
    assert_eq!(broker.ask_lease(delete(false, true)), Err(ErrorKind::StreamNotEmpty));
    broker.detach(queue, 1);
    assert_eq!(broker.acquire(connected(queue, 1, 1)).len(), 1);
    assert_eq!(broker.ask_lease(delete(true, true)), Err(ErrorKind::StreamNotEmpty));
    assert_eq!(broker.ask_lease(delete(true, false)), Ok(LeaseReply::Deleted { ready: 2 }));
    assert_eq!(broker.ask_lease(delete(false, false)), Err(ErrorKind::UnknownStream));
    let plain = broker.stream("plain", 1);
    let delete = LeaseRequest::DeleteStream { stream: plain, if_unused: true, if_empty: true };
    assert_eq!(broker.ask_lease(delete), Ok(LeaseReply::Deleted { ready: 0 }));
}

#[test]
fn a_repeated_attempt_gets_the_same_records_while_nothing_has_happened_to_them() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeoutMs(1_000)]);
    broker.fill(queue, 8);
    let attempt = |id| Acquire { attempt: Some(id), ..take(queue, 2) };
    let first = broker.acquire(attempt(7));
    assert_eq!(first, [(0, 1, 1), (1, 1, 2)]);
    broker.advance(400);
    let ticket = broker.lease(LeaseRequest::Acquire(attempt(7)));
    let again = broker.acquired(ticket).unwrap();
    assert_eq!(listed(&again), first);
    assert_eq!(again.deadline.map(|end| end.0 - broker.now.0), Some(600), "the leases end when they did");
    assert_eq!(broker.acquire(attempt(8)), [(2, 1, 3), (3, 1, 4)], "another attempt");
    assert_eq!(broker.settle(queue, &[(lease(1, 2), ACK)]), [Ok(())]);
    assert_eq!(broker.acquire(attempt(7)), [(4, 1, 5), (5, 1, 6)], "one was settled");
    assert_eq!(broker.settle(queue, &[(lease(4, 5), Action::Renew { timeout_ms: 5_000 })]), [Ok(())]);
    assert_eq!(broker.acquire(attempt(7)), [(6, 1, 7), (7, 1, 8)], "one was prolonged");
    broker.advance(1_000);
    assert_eq!(broker.acquire(attempt(7)), [(0, 2, 9), (2, 2, 10)], "they have run out");
    broker.crash();
    assert_eq!(broker.acquire(attempt(7)), [(3, 2, 11), (5, 2, 12)], "after a restart it is a new one");
}
