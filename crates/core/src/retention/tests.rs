//! Walks the table of the module, row by row, and the edges of time and size.

use super::*;
use crate::catalog::{ConfigChange, Setting};
use alloc::vec;
use alloc::vec::Vec;

const NOW: EngineTime = EngineTime(10_000);

fn config(settings: &[Setting]) -> StreamConfig {
    let mut config = StreamConfig::default();
    for setting in settings {
        config.change(&ConfigChange::Set(setting.clone())).expect("in range");
    }
    config
}

/// Pieces of 10 offsets and 100 bytes each, by their largest timestamps.
fn pieces(times: &[i64]) -> Vec<Piece> {
    let piece =
        |(n, time): (u64, &i64)| Piece { to: Offset(n * 10), bytes: 100, max_timestamp: RecordTime(*time) };
    (1..).zip(times).map(piece).collect()
}

fn start_of(settings: &[Setting], times: &[i64], consumed: Option<u64>) -> Option<u64> {
    let extent = Extent {
        start: Offset(0),
        end: Offset(times.len() as u64 * 10),
        bytes: times.len() as u64 * 100,
        consumed: consumed.map(Offset),
    };
    new_start(&config(settings), NOW, extent, pieces(times)).map(|offset| offset.0)
}

#[test]
fn every_row_of_the_table_is_as_written() {
    let cleanup = |delete, compact| Setting::Cleanup { delete, compact };
    let (time, size) = (Setting::RetentionMs(Some(1_000)), Setting::RetentionBytes(Some(250)));
    let once = Setting::Consumed(Some(0));
    // Five pieces; time lets the first two go, size the first two, too; seven offsets are consumed.
    let times = [1, 8_999, 9_000, 10_000, 10_000];
    for deletes in [cleanup(false, true), cleanup(false, false)] {
        for others in [vec![time.clone(), size.clone(), once.clone()], vec![once.clone()], vec![]] {
            let settings = [vec![deletes.clone()], others].concat();
            assert_eq!(start_of(&settings, &times, Some(7)), None, "{settings:?}");
        }
    }
    for deletes in [cleanup(true, false), cleanup(true, true)] {
        let rows: [(Vec<Setting>, Option<u64>, Option<u64>); 11] = [
            (vec![], Some(7), None),
            (vec![time.clone()], Some(7), Some(20)),
            (vec![size.clone()], Some(7), Some(20)),
            (vec![Setting::Consumed(None)], Some(7), None),
            (vec![once.clone()], Some(7), Some(7)),
            (vec![once.clone()], Some(0), None),
            (vec![once.clone()], None, None),
            (vec![once.clone(), time.clone()], Some(7), Some(20)),
            (vec![once.clone(), size.clone()], Some(33), Some(33)),
            (vec![once.clone(), size.clone(), time.clone()], None, Some(20)),
            (vec![once.clone(), Setting::RetentionMs(None)], Some(1_000), Some(50)),
        ];
        for (others, consumed, start) in rows {
            let settings = [vec![deletes.clone()], others].concat();
            assert_eq!(start_of(&settings, &times, consumed), start, "{settings:?} {consumed:?}");
        }
    }
}

#[test]
fn the_default_time_counts_for_streams_that_are_kept_and_not_for_queues() {
    let week_ms = 7 * 24 * 3_600_000;
    let extent = Extent { start: Offset(0), end: Offset(20), bytes: 200, consumed: None };
    let later = EngineTime(week_ms + 10);
    let of = |settings: &[Setting]| new_start(&config(settings), later, extent, pieces(&[9, 10]));
    assert_eq!(of(&[]), Some(Offset(10)));
    assert_eq!(of(&[Setting::Consumed(Some(0))]), None);
}

#[test]
fn time_stops_at_the_first_piece_that_stays() {
    let time = [Setting::RetentionMs(Some(1_000))];
    for (times, start, why) in [
        (&[8_999, 8_999][..], Some(20), "the newest piece goes, too"),
        (&[9_000, 1], None, "as old as the limit is not older"),
        (&[1, 20_000, 1], Some(10), "a time in the future keeps what comes after it"),
        (&[1, i64::MAX, 1], Some(10), "however far"),
        (&[-1, 1], None, "no time: no age"),
        (&[i64::MIN, 1], None, "what is before 1970 is no time"),
        (&[0], Some(10), "the first moment is one"),
        (&[], None, "nothing there"),
    ] {
        assert_eq!(start_of(&time, times, None), start, "{why}");
    }
    assert_eq!(start_of(&[Setting::RetentionMs(Some(0))], &[10_000, 9_999], None), None);
    assert_eq!(start_of(&[Setting::RetentionMs(Some(u64::MAX))], &[0], None), None);
}

#[test]
fn size_keeps_at_least_what_was_set() {
    let of = |bytes| start_of(&[Setting::RetentionBytes(Some(bytes))], &[-1, 9_999, 9_999], None);
    assert_eq!(of(301), None);
    assert_eq!(of(201), None, "without the oldest there would be too little");
    assert_eq!(of(200), Some(10), "what has no time goes by size");
    assert_eq!(of(100), Some(20));
    assert_eq!(of(0), Some(30));
}

#[test]
fn size_may_free_the_way_for_time() {
    let both = [Setting::RetentionMs(Some(1_000)), Setting::RetentionBytes(Some(200))];
    assert_eq!(start_of(&both, &[20_000, 1, 9_999], None), Some(20));
}

#[test]
fn nothing_moves_backwards_or_beyond_the_end() {
    let settings = config(&[Setting::RetentionMs(Some(1)), Setting::Consumed(Some(0))]);
    let extent = Extent { start: Offset(15), end: Offset(18), bytes: 200, consumed: Some(Offset(12)) };
    assert_eq!(new_start(&settings, NOW, extent, pieces(&[1])), None, "the start is there already");
    assert_eq!(new_start(&settings, NOW, extent, pieces(&[1, 1])), Some(Offset(18)));
    let extent = Extent { consumed: Some(Offset(99)), ..extent };
    assert_eq!(new_start(&settings, NOW, extent, []), Some(Offset(18)));
}

#[test]
fn no_more_pieces_are_taken_than_needed() {
    let mut taken = 0;
    let many = pieces(&[1, 1, 9_999, 1, 1]);
    let counted = many.into_iter().inspect(|_| taken += 1);
    let extent = Extent { start: Offset(0), end: Offset(50), bytes: 500, consumed: None };
    let settings = config(&[Setting::RetentionMs(Some(1_000))]);
    assert_eq!(new_start(&settings, NOW, extent, counted), Some(Offset(20)));
    assert_eq!(taken, 3);
}

#[test]
fn a_piece_goes_at_the_time_that_was_said_and_not_before() {
    let piece = Piece { to: Offset(10), bytes: 100, max_timestamp: RecordTime(9_000) };
    let extent = Extent { start: Offset(0), end: Offset(10), bytes: 100, consumed: None };
    let goes = |config: &StreamConfig, now: EngineTime| new_start(config, now, extent, [piece]).is_some();
    let kept = config(&[Setting::RetentionMs(Some(1_000))]);
    let at = expires_at(&kept, &piece).expect("its age lets it go");
    assert!(goes(&kept, at) && !goes(&kept, EngineTime(at.0 - 1)));
    for never in [
        config(&[Setting::RetentionMs(None)]),
        config(&[Setting::Cleanup { delete: false, compact: true }]),
        config(&[Setting::Consumed(Some(0))]),
    ] {
        assert_eq!(expires_at(&never, &piece), None);
        assert!(!goes(&never, EngineTime(i64::MAX)));
    }
}
