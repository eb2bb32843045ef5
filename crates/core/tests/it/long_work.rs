//! Work on very many records of a group at once: purges, trims and seeks in slices, over restarts.

use crate::broker::Broker;
use crate::work::{ACK, RELEASE, lease, take};
use millstream_core::catalog::{LeaseSetting, Overflow};
use millstream_core::lease::{Acquire, Action, LeaseGroupId, LeaseReply, LeaseRequest, RecordMark, SeekTo};
use millstream_core::request::Trim;
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, LogId, Offset, StreamId};

impl Broker {
    fn lease_all(&mut self, queue: StreamId, records: u64) {
        for from in (0..records).step_by(1_000) {
            let got = self.acquire(take(queue, 1_000));
            assert_eq!(got.first(), Some(&(from, 1, from + 1)));
        }
    }

    fn purge(&mut self, queue: StreamId) -> Option<u64> {
        let ticket = self.lease(LeaseRequest::Purge { group: LeaseGroupId::default_of(queue) });
        self.purged(ticket)
    }

    fn purged(&mut self, ticket: millstream_core::Ticket) -> Option<u64> {
        match self.leased(ticket)? {
            Ok(LeaseReply::Purged { settled }) => Some(settled),
            other => panic!("{other:?}"),
        }
    }

    /// Ready, leased, delayed.
    fn places(&mut self, queue: StreamId) -> [u64; 3] {
        let counts = self.counts(queue);
        [counts.ready, counts.leased, counts.delayed]
    }
}

#[test]
fn a_purge_takes_what_is_ready_and_leaves_what_is_out_or_put_off() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    let late = RecordMark { delay_ms: Some(1_000), ..RecordMark::default() };
    let first = RecordMark { priority: 3, ..RecordMark::default() };
    broker.fill_marked(queue, &[late, RecordMark::default(), first, first, RecordMark::default()]);
    broker.fill(queue, 1_000_000);
    assert_eq!(broker.offsets(queue, 1), [2]);
    assert_eq!(broker.purge(queue), Some(1_000_003), "one step, however many they are");
    assert_eq!(broker.places(queue), [0, 1, 1]);
    broker.crash();
    assert_eq!(broker.places(queue), [0, 1, 1]);
    broker.fill(queue, 1);
    assert_eq!(broker.settle(queue, &[(lease(2, 1), RELEASE)]), [Ok(())]);
    broker.advance(1_000);
    assert_eq!(broker.offsets(queue, 9), [2, 0, 1_000_005]);
    let unknown = LeaseGroupId { number: 4, ..LeaseGroupId::default_of(queue) };
    let refused = broker.ask_lease(LeaseRequest::Purge { group: unknown });
    assert_eq!(refused, Err(ErrorKind::UnknownLeaseGroup));
}

#[test]
fn a_long_purge_goes_on_in_ticks_and_after_a_restart() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 2_000);
    broker.lease_all(queue, 2_000);
    // Every other one comes back: as many runs as records.
    for from in (0..2_000).step_by(500) {
        let back: Vec<_> = (from..from + 500).step_by(2).map(|at| (lease(at, at + 1), RELEASE)).collect();
        broker.settle(queue, &back);
    }
    assert_eq!(broker.places(queue), [1_000, 1_000, 0]);
    let group = LeaseGroupId::default_of(queue);
    broker.checkpoint(usize::MAX);
    let first = broker.lease(LeaseRequest::Purge { group });
    assert_eq!(broker.purged(first), None, "it is long work");
    let [ready, out, _] = broker.places(queue);
    assert!((500..1_000).contains(&ready) && out == 1_000, "{ready}");
    broker.fill(queue, 5);
    broker.crash();
    broker.advance(0);
    assert_eq!(broker.places(queue), [5, 1_000, 0], "what came after it stays");

    // Two who ask are answered together.
    let back: Vec<_> = (1..1_000).step_by(2).map(|at| (lease(at, at + 1), RELEASE)).collect();
    broker.settle(queue, &back);
    let (one, two) =
        (broker.lease(LeaseRequest::Purge { group }), broker.lease(LeaseRequest::Purge { group }));
    assert_eq!((broker.purged(one), broker.purged(two)), (None, None));
    broker.advance(0);
    let settled = (broker.purged(one), broker.purged(two));
    assert_eq!(settled, (Some(505), Some(505)));
    assert_eq!(broker.purge(queue), Some(0));
    assert_eq!(broker.shard.next_deadline().map(|at| at > broker.now), Some(true), "only leases are left");
}

#[test]
fn long_work_of_all_groups_is_listed_and_a_purge_can_be_ended() {
    let mut broker = Broker::new();
    let (queue, other) = (broker.queue("q", 1, &[]), broker.queue("r", 1, &[]));
    let group = LeaseGroupId::default_of(queue);
    broker.fill(queue, 2_000);
    broker.lease_all(queue, 2_000);
    // Every other record: a run for each, so that it does not fit into one step.
    let back: Vec<_> = (0..2_000).step_by(2).map(|at| (lease(at, at + 1), RELEASE)).collect();
    broker.settle(queue, &back);
    let Ok(LeaseReply::PurgeStarted { settled, is_done }) =
        broker.ask_lease(LeaseRequest::StartPurge { group })
    else {
        panic!("it begins")
    };
    assert!(!is_done && settled > 0 && settled < 1_000);
    let waits = broker.lease(LeaseRequest::Purge { group });
    let listed = |broker: &mut Broker, after| match broker.ask_lease(LeaseRequest::Jobs { after }) {
        Ok(LeaseReply::Jobs { jobs, next: None }) => jobs,
        reply => panic!("{reply:?}"),
    };
    let jobs = listed(&mut broker, None);
    assert_eq!(jobs.len(), 1, "of the other queue there is none");
    let progress = jobs[0].purge.expect("it is under way");
    assert_eq!((jobs[0].group, progress.settled > settled, progress.left_max > 0), (group, true, true));
    assert_eq!(listed(&mut broker, Some(group)), []);
    let ended = broker.ask_lease(LeaseRequest::CancelPurge { group });
    assert_eq!(ended, Ok(LeaseReply::Purged { settled: progress.settled }));
    assert_eq!(broker.purged(waits), Some(progress.settled));
    assert_eq!(listed(&mut broker, None), []);
    let left = broker.places(queue);
    assert_eq!(left, [1_000 - progress.settled, 1_000, 0]);
    broker.crash();
    broker.advance(0);
    assert_eq!(broker.places(queue), left, "a restart does not go on with it");
    let group = LeaseGroupId::default_of(other);
    let nothing = LeaseReply::PurgeStarted { settled: 0, is_done: true };
    assert_eq!(broker.ask_lease(LeaseRequest::StartPurge { group }), Ok(nothing));
    assert_eq!(broker.ask_lease(LeaseRequest::CancelPurge { group }), Ok(LeaseReply::Purged { settled: 0 }));
}

#[test]
fn a_group_that_goes_refuses_who_waits_for_its_purge() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 1_000);
    broker.lease_all(queue, 1_000);
    let back: Vec<_> = (0..1_000).step_by(2).map(|at| (lease(at, at + 1), RELEASE)).collect();
    broker.settle(queue, &back);
    let purge = broker.lease(LeaseRequest::Purge { group: LeaseGroupId::default_of(queue) });
    broker.call(Request::DeleteStream { stream: queue });
    assert_eq!(broker.leased(purge), Some(Err(ErrorKind::UnknownStream)));
    broker.advance(0);
    assert_eq!(broker.shard.next_deadline(), None);
}

#[test]
fn a_trim_of_very_many_leases_is_swept_in_ticks_and_looks_done_at_once() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::TimeoutMs(60_000)]);
    broker.fill(queue, 6_000);
    broker.lease_all(queue, 5_000);
    let dead = (lease(2_000, 2_001), Action::Release { delay_ms: 5, delivered: true });
    broker.settle(queue, &[dead]);
    let log = LogId { stream: queue, index: 0 };
    let trim = Request::TrimLogs(vec![Trim { log, before: Some(Offset(4_990)) }]);
    assert!(matches!(broker.call(trim), Reply::Trimmed(_)));
    assert!(broker.counts(queue).leased > 1_000, "they are swept later");
    // None of them is there any more for whoever asks.
    let settled = broker.settle(queue, &[(lease(7, 8), ACK), (lease(4_989, 4_990), ACK)]);
    assert_eq!(settled, [Err(millstream_core::lease::LeaseError::Settled); 2]);
    assert_eq!(broker.settle(queue, &[(lease(4_990, 4_991), RELEASE)]), [Ok(())]);
    assert_eq!(broker.offsets(queue, 1), [4_990]);
    let group = LeaseGroupId::default_of(queue);
    let Ok(LeaseReply::Peeked { records, .. }) =
        broker.ask_lease(LeaseRequest::Peek { group, from: None, max: 1 })
    else {
        panic!("it can be looked at")
    };
    assert_eq!(records[0].offset, Offset(4_990));
    broker.checkpoint(usize::MAX);
    broker.crash();
    assert_eq!(broker.places(queue), [1_000, 10, 0], "a restart has nothing to sweep");
    broker.advance(60_000);
    assert_eq!(broker.places(queue), [1_010, 0, 0]);
}

#[test]
fn a_seek_behind_very_many_leases_is_swept_in_ticks() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 5_000);
    broker.lease_all(queue, 5_000);
    assert_eq!(broker.seek(queue, SeekTo::End), 5_000);
    assert!(broker.counts(queue).leased > 1_000, "they are swept later");
    broker.fill(queue, 2);
    assert_eq!(broker.offsets(queue, 9), [5_000, 5_001], "what comes is not held up");
    broker.advance(0);
    assert_eq!(broker.places(queue), [0, 2, 0]);
    assert_eq!(broker.seek(queue, SeekTo::Start), 0);
    assert_eq!(broker.places(queue), [5_002, 0, 0]);
    broker.crash();
    assert_eq!(broker.places(queue), [5_002, 0, 0]);
}

#[test]
fn a_stream_holds_so_many_bytes_and_no_more() {
    let drop = [LeaseSetting::LengthBytesMax(Some(20))];
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &drop);
    // Each batch has six bytes, each of its records an even share.
    broker.fill(queue, 3);
    broker.fill(queue, 2);
    broker.fill(queue, 1);
    broker.fill(queue, 6);
    assert_eq!(broker.counts(queue).ready, 10, "24 bytes are four too many: two records of the first batch");
    broker.crash();
    assert_eq!(broker.offsets(queue, 2), [2, 3], "two and three bytes are out");
    broker.fill(queue, 6);
    assert_eq!(broker.counts(queue).ready, 13, "3 + 6 + 6 + 6 bytes are one too many");
    assert_eq!(broker.offsets(queue, 1), [5]);
    broker.set(queue, LeaseSetting::Overflow(Overflow::Reject));
    let log = LogId { stream: queue, index: 0 };
    let full = broker.call(Request::Append(vec![Broker::batch(log, 1), Broker::batch(log, 1)]));
    let Reply::Appended(results) = full else { panic!("{full:?}") };
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert_eq!(results[1], Err(ErrorKind::StreamFull));
}

#[test]
fn records_whose_size_is_not_known_are_not_given_up_for_it() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[]);
    broker.fill(queue, 100);
    broker.set(queue, LeaseSetting::LengthBytesMax(Some(6)));
    broker.fill(queue, 1);
    broker.fill(queue, 1);
    assert_eq!(broker.counts(queue).ready, 101);
    let got = broker.acquire(Acquire { records_max: 200, ..take(queue, 1) });
    assert_eq!(got.last().map(|(offset, ..)| *offset), Some(101));
}
