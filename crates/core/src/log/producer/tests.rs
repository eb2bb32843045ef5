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
    producers.fold(&sent(other(3), 3, day));
    assert_eq!(producers.ids_after(None).map(|id| id.0).collect::<alloc::vec::Vec<_>>(), [2, 3]);
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
