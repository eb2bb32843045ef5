//! Streams that are too long and slow their producers down, or keep a sample of what they send.

use crate::broker::Broker;
use crate::work::{ACK, lease};
use millstream_core::catalog::{LeaseSetting, Overflow};
use millstream_core::{Reply, Request, Ticket};
use millstream_types::{LogId, StreamId};

/// A queue that takes ten records gladly.
fn queue(broker: &mut Broker, overflow: Overflow) -> StreamId {
    broker.queue("q", 1, &[LeaseSetting::LengthMax(Some(10)), LeaseSetting::Overflow(overflow)])
}

fn append(broker: &mut Broker, queue: StreamId, records: u32) -> Ticket {
    broker.send(Request::Append(vec![Broker::batch(LogId { stream: queue, index: 0 }, records)]))
}

/// Whether an append is answered by now.
fn is_answered(broker: &mut Broker, ticket: Ticket) -> bool {
    match broker.take(ticket) {
        Some(Reply::Appended(results)) => {
            assert!(results.iter().all(Result::is_ok), "{results:?}");
            true
        }
        Some(other) => panic!("{other:?}"),
        None => false,
    }
}

#[test]
fn a_producer_waits_until_there_is_room_and_not_for_ever() {
    let mut broker = Broker::new();
    let queue = queue(&mut broker, Overflow::Block);
    let fits = append(&mut broker, queue, 10);
    assert!(is_answered(&mut broker, fits));
    let (one, more) = (append(&mut broker, queue, 1), append(&mut broker, queue, 3));
    broker.advance(5_000);
    assert!(!is_answered(&mut broker, one) && !is_answered(&mut broker, more));
    assert_eq!(broker.counts(queue).ready, 14, "what it waits for to be answered is stored");
    // Who takes records makes room; that they come back later changes nothing.
    assert_eq!(broker.offsets(queue, 4), [0, 1, 2, 3]);
    broker.advance(100);
    assert!(is_answered(&mut broker, one) && is_answered(&mut broker, more));
    let late = append(&mut broker, queue, 1);
    broker.advance(9_999);
    assert!(!is_answered(&mut broker, late));
    broker.advance(1);
    assert!(is_answered(&mut broker, late), "it is answered although there is no room");
    let lost = append(&mut broker, queue, 1);
    broker.crash();
    broker.advance(20_000);
    assert!(!is_answered(&mut broker, lost));
    assert_eq!(broker.shard.next_deadline().filter(|at| at.0 <= broker.now.0), None);
}

#[test]
fn nobody_waits_for_a_stream_that_is_gone() {
    let mut broker = Broker::new();
    let queue = queue(&mut broker, Overflow::Block);
    let waits = append(&mut broker, queue, 11);
    assert!(!is_answered(&mut broker, waits));
    broker.call(Request::DeleteStream { stream: queue });
    broker.advance(100);
    assert!(is_answered(&mut broker, waits));
}

#[test]
fn the_longer_the_stream_the_later_the_answer() {
    let mut broker = Broker::new();
    let queue = queue(&mut broker, Overflow::SlowDown);
    let mut waited = Vec::new();
    for records in [10, 1, 4, 5, 100] {
        let ticket = append(&mut broker, queue, records);
        let mut ms = 0;
        while !is_answered(&mut broker, ticket) {
            broker.advance(100);
            ms += 100;
        }
        waited.push(ms);
    }
    // By nothing, a tenth, a half, twice as long as it may be, and far beyond.
    assert_eq!(waited, [0, 500, 2_500, 5_000, 5_000]);
    assert_eq!(broker.counts(queue).ready, 120, "nothing is lost");
}

#[test]
fn of_what_comes_above_the_bound_one_of_so_many_is_kept() {
    let mut broker = Broker::new();
    let settings = [
        LeaseSetting::LengthMax(Some(10)),
        LeaseSetting::Overflow(Overflow::Sample),
        LeaseSetting::SampleOneOf(5),
    ];
    let queue = broker.queue("q", 1, &settings);
    let log = LogId { stream: queue, index: 0 };
    let ticket = broker.send(Request::Append(vec![Broker::batch(log, 8), Broker::batch(log, 12)]));
    assert!(is_answered(&mut broker, ticket));
    assert_eq!(broker.counts(queue).ready, 12, "ten, and 10 and 15");
    let ticket = append(&mut broker, queue, 20);
    assert!(is_answered(&mut broker, ticket));
    assert_eq!(broker.counts(queue).ready, 16, "and 20, 25, 30, 35");
    broker.crash();
    let offsets = broker.offsets(queue, 100);
    assert_eq!(offsets[8..], [8, 9, 10, 15, 20, 25, 30, 35]);
    // With room again everything is kept.
    let settled: Vec<_> = (0..16).zip(offsets).map(|(at, offset)| (lease(offset, at + 1), ACK)).collect();
    assert!(broker.settle(queue, &settled).iter().all(Result::is_ok));
    append(&mut broker, queue, 10);
    assert_eq!(broker.counts(queue).ready, 10);
}
