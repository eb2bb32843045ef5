//! Walks the table of the module, row by row.

use super::*;
use millstream_types::StreamId;

const LOG: LogId = LogId { stream: StreamId(1), index: 0 };

fn stamp(epoch: u16, first_sequence: u32, last_sequence: u32) -> ProducerStamp {
    ProducerStamp { id: ProducerId(7), epoch: ProducerEpoch(epoch), first_sequence, last_sequence }
}

fn sent(stamp: ProducerStamp, base: u64, time: i64) -> ProducerAppended {
    ProducerAppended { log: LOG, stamp, base_offset: Offset(base), time: EngineTime(time) }
}

#[test]
fn every_row_of_the_table_answers_as_written() {
    let mut producers = Producers::default();
    assert_eq!(producers.check(stamp(3, 40, 49)), Ok(Sequence::Next), "unknown producer");
    producers.fold(&sent(stamp(3, 40, 49), 100, 0));
    producers.fold(&sent(stamp(3, 50, 59), 110, 0));
    let rows = [
        (stamp(2, 60, 69), Err(ErrorKind::StaleProducerEpoch)),
        (stamp(4, 0, 9), Ok(Sequence::Next)),
        (stamp(4, 60, 69), Err(ErrorKind::OutOfOrderSequence)),
        (stamp(3, 40, 49), Ok(Sequence::Duplicate { base_offset: Offset(100) })),
        (stamp(3, 50, 59), Ok(Sequence::Duplicate { base_offset: Offset(110) })),
        (stamp(3, 60, 60), Ok(Sequence::Next)),
        (stamp(3, 61, 61), Err(ErrorKind::OutOfOrderSequence)),
        (stamp(3, 45, 54), Err(ErrorKind::OutOfOrderSequence)),
    ];
    for (stamp, answer) in rows {
        assert_eq!(producers.check(stamp), answer, "{stamp:?}");
    }
}

#[test]
fn only_the_last_five_batches_are_duplicates() {
    let mut producers = Producers::default();
    for n in 0..6 {
        producers.fold(&sent(stamp(0, n, n), u64::from(n), 0));
    }
    assert_eq!(producers.check(stamp(0, 0, 0)), Err(ErrorKind::OutOfOrderSequence));
    assert_eq!(producers.check(stamp(0, 1, 1)), Ok(Sequence::Duplicate { base_offset: Offset(1) }));
}

#[test]
fn sequences_wrap() {
    let mut producers = Producers::default();
    producers.fold(&sent(stamp(0, SEQUENCE_MAX, SEQUENCE_MAX), 0, 0));
    assert_eq!(producers.check(stamp(0, 0, 4)), Ok(Sequence::Next));
}

#[test]
fn idle_producers_are_forgotten_and_busy_ones_are_not() {
    let mut producers = Producers::default();
    let other = |id: u64| ProducerStamp { id: ProducerId(id), ..stamp(0, 0, 0) };
    producers.fold(&sent(other(1), 0, 0));
    producers.fold(&sent(other(2), 1, 0));
    let day = i64::try_from(PRODUCER_IDLE_MS).expect("a day fits");
    producers.fold(&sent(ProducerStamp { first_sequence: 1, last_sequence: 1, ..other(2) }, 2, day / 2));
    let idle = |producers: &Producers, id, now| producers.idle_for(ProducerId(id), EngineTime(now));
    assert_eq!(idle(&producers, 3, day - 1), [None, None], "not yet");
    assert_eq!(idle(&producers, 2, day), [None, None], "it is known: the table does not grow");
    assert_eq!(idle(&producers, 3, day), [Some(ProducerId(1)), None]);
    assert_eq!(idle(&producers, 3, 2 * day), [Some(ProducerId(1)), Some(ProducerId(2))], "the oldest first");
    producers.forget(ProducerId(1));
    producers.forget(ProducerId(1));
    producers.fold(&sent(other(3), 3, day));
    assert_eq!(producers.ids_after(None).map(|id| id.0).collect::<alloc::vec::Vec<_>>(), [2, 3]);
}

#[test]
fn what_comes_from_images_forgets_the_same_producers_in_the_same_order() {
    let mut live = Producers::default();
    let other = |id: u64, sequence| ProducerStamp { id: ProducerId(id), ..stamp(0, sequence, sequence) };
    let hour = 3_600_000;
    // First seen in the order of neither ids nor last batches.
    for (n, (id, sequence, hours)) in
        (0..).zip([(5, 0, 0), (1, 0, 1), (9, 0, 2), (1, 1, 7), (5, 1, 6), (3, 0, 8), (9, 1, 9), (3, 1, 9)])
    {
        live.fold(&sent(other(id, sequence), n, hours * hour));
    }
    let mut restored = Producers::default();
    let mut bytes = alloc::vec::Vec::new();
    live.ids_after(None).for_each(|id| live.put(id, &mut Encoder(&mut bytes)));
    let mut input = Decoder(&bytes);
    while !input.is_empty() {
        restored.get(&mut input).expect("it was just written");
    }
    assert_eq!(restored, live);
    let mut forgotten = alloc::vec::Vec::new();
    loop {
        let idle = live.idle_for(ProducerId(100), EngineTime(40 * hour));
        assert_eq!(restored.idle_for(ProducerId(100), EngineTime(40 * hour)), idle);
        for id in idle.into_iter().flatten() {
            live.forget(id);
            restored.forget(id);
            forgotten.push(id.0);
        }
        if idle[1].is_none() {
            break;
        }
    }
    assert_eq!(forgotten, [5, 1, 3, 9]);
    assert_eq!((live.known.len(), live.by_age.len()), (0, 0));
}

#[test]
fn folding_twice_changes_nothing() {
    let mut producers = Producers::default();
    producers.fold(&sent(stamp(0, 0, 9), 0, 5));
    producers.fold(&sent(stamp(0, 10, 19), 10, 6));
    let mut again = Producers::default();
    for n in [0, 0, 10, 0, 10] {
        again.fold(&sent(stamp(0, n, n + 9), u64::from(n), 5 + i64::from(n / 10)));
    }
    assert_eq!(producers, again);
}
