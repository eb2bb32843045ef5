//! Ordering keys and dedup ids: behaviours, and random histories in which no record overtakes another of its key.

use crate::broker::Broker;
use crate::random::Random;
use crate::work::{ACK, RELEASE, lease, marked, take};
use millstream_core::catalog::{LeaseSetting, Ordering};
use millstream_core::lease::{
    Action, GiveKeys, KeyRequest, LeaseGroupId, LeaseReply, LeaseRequest, RecordMark, SeekTo,
};
use millstream_core::log::Appended;
use millstream_core::{Reply, Request};
use millstream_types::{ErrorKind, LogId, Offset, StreamId};
use std::collections::BTreeMap;

fn keyed(key: u64) -> RecordMark {
    RecordMark { ordering_key: Some(key), ..RecordMark::default() }
}

fn ordered(broker: &mut Broker, more: &[LeaseSetting]) -> StreamId {
    let settings: Vec<LeaseSetting> =
        more.iter().cloned().chain([LeaseSetting::Ordering(Ordering::Ordered)]).collect();
    broker.queue("q", 1, &settings)
}

#[test]
fn a_key_with_a_record_out_is_held_up_and_others_go_on() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    broker.fill_marked(queue, &[keyed(1), keyed(1), keyed(2), keyed(1), keyed(2)]);
    assert_eq!(broker.offsets(queue, 2), [0, 1], "as many of one key as may be");
    assert_eq!(broker.offsets(queue, 1), [2]);
    assert_eq!(broker.offsets(queue, 9), [0; 0]);
    broker.settle(queue, &[(lease(0, 1), ACK)]);
    assert_eq!(broker.offsets(queue, 9), [0; 0], "another one is still out");
    broker.crash();
    assert_eq!(broker.offsets(queue, 9), [0; 0], "and after a restart");
    assert_eq!(broker.settle(queue, &[(lease(1, 2), RELEASE)]), [Ok(())]);
    assert_eq!(broker.acquire(take(queue, 9)), [(1, 2, 4), (3, 1, 5)]);
}

#[test]
fn a_delayed_record_holds_nobody_up() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    let late = RecordMark { delay_ms: Some(1_000), ..keyed(1) };
    broker.fill_marked(queue, &[late, keyed(1), keyed(1)]);
    assert_eq!(broker.offsets(queue, 1), [1]);
    broker.settle(queue, &[(lease(1, 1), Action::Release { delay_ms: 500, delivered: true })]);
    assert_eq!(broker.offsets(queue, 1), [2]);
    broker.settle(queue, &[(lease(2, 2), ACK)]);
    broker.advance(1_000);
    assert_eq!(broker.offsets(queue, 9), [0, 1]);
}

#[test]
fn records_without_a_key_are_held_up_by_nothing() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    broker.fill_marked(queue, &[RecordMark::default(), keyed(1), RecordMark::default()]);
    assert_eq!(broker.offsets(queue, 1), [0]);
    assert_eq!(broker.offsets(queue, 1), [1]);
    assert_eq!(broker.offsets(queue, 1), [2]);
}

#[test]
fn the_burst_of_one_key_does_not_starve_another() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::Ordering(Ordering::Fair)]);
    broker.fill_marked(queue, &[keyed(1); 1_000]);
    broker.fill_marked(queue, &[keyed(2), keyed(3), keyed(2)]);
    let first = broker.offsets(queue, 4);
    assert_eq!(first.iter().filter(|offset| **offset >= 1_000).count(), 2, "{first:?}");
    assert_eq!(broker.offsets(queue, 1).len(), 1);
    assert_eq!(broker.offsets(queue, 600).len(), 600, "nothing is held up");
}

#[test]
fn keys_take_turns() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    broker.fill_marked(queue, &[keyed(1), keyed(1), keyed(1), keyed(2), keyed(2), keyed(3)]);
    let mut order = Vec::new();
    for number in 1..=6 {
        let got = broker.offsets(queue, 1);
        broker.settle(queue, &[(lease(got[0], number), ACK)]);
        order.extend(got);
    }
    assert_eq!(order, [0, 3, 5, 1, 4, 2]);
}

#[test]
fn among_keys_that_were_never_served_the_oldest_record_comes_first() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    // Hashes that are in no order.
    let keys: Vec<RecordMark> = (0..100_u64).map(|n| keyed(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    broker.fill_marked(queue, &keys);
    let mut expected: Vec<u64> = (0..100).collect();
    assert_eq!(broker.offsets(queue, 40), expected[..40]);
    broker.crash();
    assert_eq!(broker.offsets(queue, 60), expected.split_off(40));
}

#[test]
fn a_key_that_comes_anew_waits_for_those_that_wait() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    broker.fill_marked(queue, &[keyed(1), keyed(1), keyed(1), keyed(2), keyed(2)]);
    let mut order = Vec::new();
    for number in 1..=7 {
        let got = broker.offsets(queue, 1);
        broker.settle(queue, &[(lease(got[0], number), ACK)]);
        order.extend(got);
        if number == 2 {
            broker.fill_marked(queue, &[keyed(3), keyed(3)]);
        }
    }
    assert_eq!(order, [0, 3, 1, 5, 4, 2, 6], "the third key waits for the first one, not for the second");
}

#[test]
fn keys_that_were_not_given_are_asked_for_and_what_is_absent_is_settled() {
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[]);
    let group = LeaseGroupId::default_of(queue);
    broker.fill(queue, 4);
    broker.fill_marked(queue, &[keyed(1)]);
    assert_eq!(broker.offsets(queue, 9), [0; 0], "their keys are not known");
    let reader = broker.lease(LeaseRequest::TakeKeyRequests);
    let Some(Ok(LeaseReply::KeyRequests(requests))) = broker.leased(reader) else {
        panic!("one is asked for")
    };
    assert_eq!(requests, [KeyRequest { group, log: 0, from: Offset(0), to: Offset(5) }]);
    let keys =
        [(0, Some(1)), (1, Some(2)), (3, Some(1)), (4, Some(1))].map(|(at, key)| (Offset(at), key)).to_vec();
    let given = GiveKeys { group, log: 0, from: Offset(0), to: Offset(5), keys };
    let give = |given: &GiveKeys| LeaseRequest::GiveKeys(given.clone());
    assert_eq!(broker.ask_lease(give(&given)), Ok(LeaseReply::Done));
    broker.crash();
    assert_eq!(broker.ask_lease(give(&given)), Ok(LeaseReply::Done), "too late, but no harm");
    let counts = broker.counts(queue);
    assert_eq!((counts.ready, counts.leased), (4, 0));
    assert_eq!(broker.offsets(queue, 2), [0, 3]);
    assert_eq!(broker.offsets(queue, 2), [1]);
    let backwards = GiveKeys { keys: vec![(Offset(3), None), (Offset(2), None)], ..given };
    assert_eq!(broker.ask_lease(give(&backwards)), Err(ErrorKind::OffsetOutOfRange));
}

fn with_id(broker: &mut Broker, stream: StreamId, id: u128) -> Appended {
    let mark = RecordMark { dedup: Some(id), ..RecordMark::default() };
    let batch = marked(LogId { stream, index: 0 }, &[mark]);
    match broker.call(Request::Append(vec![batch])) {
        Reply::Appended(results) => results[0].expect("it is taken"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_answer_is_repeated_within_the_window_over_a_restart_and_after_the_record_is_gone() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DedupWindowMs(Some(1_000))]);
    assert_eq!(with_id(&mut broker, queue, 7).base_offset, Offset(0));
    assert_eq!(with_id(&mut broker, queue, 8).base_offset, Offset(1));
    broker.offsets(queue, 1);
    broker.settle(queue, &[(lease(0, 1), ACK)]);
    broker.crash();
    broker.advance(999);
    let again = with_id(&mut broker, queue, 7);
    assert_eq!((again.base_offset, again.duplicate), (Offset(0), true));
    broker.advance(1);
    let anew = with_id(&mut broker, queue, 7);
    assert_eq!((anew.base_offset, anew.duplicate), (Offset(2), false));
    assert!(with_id(&mut broker, queue, 7).duplicate);
}

#[test]
fn ids_are_forgotten_in_numbers_and_checkpoints_agree() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DedupWindowMs(Some(1_000))]);
    for round in 0..3_u128 {
        for id in 0..700 {
            with_id(&mut broker, queue, round * 500 + id);
            if id % 90 == 0 {
                broker.checkpoint(3_000);
            }
        }
        broker.advance(600);
        broker.crash();
    }
    assert!(!with_id(&mut broker, queue, 2).duplicate);
    assert!(with_id(&mut broker, queue, 1_400).duplicate);
}

#[test]
fn a_batch_with_an_id_has_one_record() {
    let mut broker = Broker::new();
    let queue = broker.queue("q", 1, &[LeaseSetting::DedupWindowMs(Some(1_000))]);
    let mark = RecordMark { dedup: Some(1), ..RecordMark::default() };
    let batch = marked(LogId { stream: queue, index: 0 }, &[mark, mark]);
    let Reply::Appended(results) = broker.call(Request::Append(vec![batch])) else { panic!() };
    assert_eq!(results, [Err(ErrorKind::CorruptBatch)]);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Ready,
    Out(u64),
    Delayed,
    Settled,
}

/// What must hold of a delivery of an ordered stream.
fn history(seed: u64) -> usize {
    let mut random = Random(seed);
    let mut broker = Broker::new();
    let queue = ordered(&mut broker, &[LeaseSetting::TimeoutMs(1 << 33)]);
    let mut records: Vec<(Option<u64>, At)> = Vec::new();
    let mut delivered = 0;
    for _ in 0..150 {
        match random.below(10) {
            0..=2 => {
                let key = |random: &mut Random| (!random.one_in(6)).then(|| random.below(4));
                let marks: Vec<RecordMark> = (0..1 + random.below(4))
                    .map(|_| RecordMark { ordering_key: key(&mut random), ..RecordMark::default() })
                    .collect();
                records.extend(marks.iter().map(|mark| (mark.ordering_key, At::Ready)));
                broker.fill_marked(queue, &marks);
            }
            3..=5 => {
                let max = 1 + random.below(5);
                let blocked: Vec<Option<u64>> =
                    records.iter().filter(|(_, at)| matches!(at, At::Out(_))).map(|(key, _)| *key).collect();
                let is_free = |key: &Option<u64>| key.is_none() || !blocked.contains(key);
                let free = records.iter().filter(|(key, at)| *at == At::Ready && is_free(key)).count();
                let got = broker.acquire(take(queue, u32::try_from(max).expect("small")));
                assert_eq!(got.len(), free.min(usize::try_from(max).expect("small")), "nothing is held back");
                let mut last: BTreeMap<u64, u64> = BTreeMap::new();
                for (offset, _, lease) in got {
                    let at = usize::try_from(offset).expect("small");
                    let (key, place) = records[at];
                    assert_eq!(place, At::Ready);
                    if let Some(key) = key {
                        assert!(is_free(&Some(key)), "{offset} was delivered while its key was out");
                        let earlier = records[..at].contains(&(Some(key), At::Ready));
                        assert!(!earlier, "{offset} overtook another");
                        assert!(last.insert(key, offset).is_none_or(|last| last < offset));
                    }
                    records[at].1 = At::Out(lease);
                    delivered += 1;
                }
            }
            6..=8 => {
                let out: Vec<(usize, u64)> = (0..records.len())
                    .filter_map(|at| match records[at].1 {
                        At::Out(lease) => Some((at, lease)),
                        _ => None,
                    })
                    .collect();
                if out.is_empty() {
                    continue;
                }
                let (at, number) = *random.pick(&out);
                let (action, place) = *random.pick(&[
                    (ACK, At::Settled),
                    (ACK, At::Settled),
                    (RELEASE, At::Ready),
                    (Action::Release { delay_ms: 1 << 34, delivered: true }, At::Delayed),
                ]);
                assert_eq!(broker.settle(queue, &[(lease(at as u64, number), action)]), [Ok(())]);
                records[at].1 = place;
            }
            _ if random.one_in(12) => {
                broker.seek(queue, SeekTo::End);
                records.iter_mut().for_each(|(_, at)| *at = At::Settled);
            }
            _ => {
                broker.checkpoint(*random.pick(&[1, 200, 5_000]));
                if random.one_in(3) {
                    broker.crash();
                }
            }
        }
    }
    delivered
}

#[test]
fn no_record_overtakes_another_of_its_key_in_random_histories() {
    let delivered: usize = (0..300)
        .map(|seed| {
            println!("seed {seed}");
            history(seed)
        })
        .sum();
    assert!(delivered > 10_000, "the histories are about something: {delivered}");
}
