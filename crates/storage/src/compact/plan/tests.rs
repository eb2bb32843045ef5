//! Tables of logs and the pass that each is worth.

use millstream_types::{EngineTime, LogId, Offset, RecordTime, StreamId};

use super::{CompactCandidate, CompactPlan, CompactRules, cleaned_to, plan, take_next};
use crate::log_reader::{HomeId, PieceFacts};

const NOW: EngineTime = EngineTime(1_000_000);

const RULES: CompactRules =
    CompactRules { dirty_ratio_min: 5000, lag_min_ms: 0, lag_max_ms: None, tombstone_retention_ms: 60 };

/// Pieces of 100 offsets each: `c`ompacted, `d`irty, or a dirty `s`ingle batch; bytes as given.
fn pieces(kinds: &[(char, u64)]) -> Vec<PieceFacts> {
    (0u64..)
        .zip(kinds)
        .map(|(n, &(kind, bytes))| PieceFacts {
            home: HomeId::Wal(n),
            from: Offset(n * 100),
            to: Offset(n * 100 + 100),
            bytes,
            batches: if kind == 's' { 1 } else { 10 },
            max_timestamp: RecordTime(n.cast_signed() * 1000),
            is_compacted: kind == 'c',
        })
        .collect()
}

fn candidate(rules: CompactRules) -> CompactCandidate {
    let log = LogId { stream: StreamId(1), index: 0 };
    CompactCandidate { log, rules, last_stable: Offset(u64::MAX), oldest_dirty: None }
}

fn planned(rules: CompactRules, kinds: &[(char, u64)]) -> Option<CompactPlan> {
    plan(&candidate(rules), pieces(kinds), NOW)
}

#[test]
fn the_share_of_dirty_bytes_decides() {
    for (kinds, expected) in [
        (&[('c', 500), ('d', 500), ('s', 9)][..], Some((100, 200, 5000))),
        (&[('c', 501), ('d', 500), ('s', 9)], None),
        (&[('d', 500), ('s', 9)], Some((0, 100, 10_000))),
        (&[('c', 100), ('d', 100), ('c', 100), ('s', 9)], Some((100, 300, 6666))),
        (&[('c', 100), ('c', 100)], None),
        (&[], None),
    ] {
        let plan = planned(RULES, kinds);
        assert_eq!(
            plan.map(|plan| (plan.cleaned_to.0, plan.to.0, plan.dirty_ratio())),
            expected,
            "{kinds:?}"
        );
    }
}

#[test]
fn the_last_batch_is_never_worth_a_pass() {
    assert_eq!(planned(RULES, &[('s', 500)]), None);
    assert_eq!(planned(RULES, &[('c', 1), ('s', 500)]), None);
    let plan = planned(RULES, &[('d', 500)]).unwrap();
    assert_eq!((plan.to, plan.end, plan.dirty_bytes), (Offset(100), Offset(100), 450));
}

#[test]
fn nothing_young_or_unstable_is_touched_nor_anything_behind_it() {
    let log = [('d', 500), ('d', 500), ('d', 500), ('d', 500), ('s', 9)];
    // Pieces are 0, 1, 2, 3 and 4 seconds past the beginning, now is a thousand seconds past it.
    for (lag_min_ms, to) in [(0, Some(400)), (995_000, Some(400)), (997_000, Some(400)), (997_001, Some(300))]
    {
        let rules = CompactRules { lag_min_ms, ..RULES };
        assert_eq!(planned(rules, &log).map(|plan| plan.to.0), to, "{lag_min_ms}");
    }
    let rules = CompactRules { lag_min_ms: 1_000_001, ..RULES };
    assert_eq!(planned(rules, &log), None);
    let unstable = CompactCandidate { last_stable: Offset(299), ..candidate(RULES) };
    assert_eq!(plan(&unstable, pieces(&log), NOW).map(|plan| plan.to), Some(Offset(200)));
}

#[test]
fn a_young_piece_hides_the_older_ones_behind_it() {
    let mut log = pieces(&[('d', 500), ('d', 500), ('d', 500), ('s', 9)]);
    log[1].max_timestamp = RecordTime(NOW.0);
    let rules = CompactRules { lag_min_ms: 1, ..RULES };
    assert_eq!(plan(&candidate(rules), log, NOW).map(|plan| plan.to), Some(Offset(100)));
}

#[test]
fn a_record_that_waited_too_long_makes_its_log_due_whatever_the_share() {
    let log = [('c', 5000), ('d', 10), ('s', 9)];
    for (lag_max_ms, oldest_dirty, is_due) in [
        (None, None, false),
        (Some(999_000), None, false),
        (Some(998_999), None, true),
        (Some(999_000), Some(RecordTime(999)), true),
        (Some(999_000), Some(RecordTime(1000)), false),
    ] {
        let rules = CompactRules { lag_max_ms, ..RULES };
        let candidate = CompactCandidate { oldest_dirty, ..candidate(rules) };
        let plan = plan(&candidate, pieces(&log), NOW);
        assert_eq!(plan.is_some_and(|plan| plan.is_due), is_due, "{lag_max_ms:?} {oldest_dirty:?}");
        assert_eq!(plan.is_some(), is_due);
    }
}

#[test]
fn cleaned_to_is_the_end_of_the_compacted_prefix() {
    for (kinds, expected) in [
        (&[('c', 1), ('c', 1), ('d', 1), ('c', 1)][..], Some(200)),
        (&[('d', 1), ('c', 1)], Some(0)),
        (&[('c', 1)], Some(100)),
        (&[], None),
    ] {
        assert_eq!(cleaned_to(pieces(kinds)).map(|offset| offset.0), expected);
    }
}

#[test]
fn the_due_log_comes_first_then_the_dirtiest_and_small_ones_go_together() {
    let made = |stream: u64, clean_bytes: u64, dirty_bytes: u64, is_due: bool| CompactPlan {
        log: LogId { stream: StreamId(stream), index: 0 },
        start: Offset(0),
        cleaned_to: Offset(0),
        to: Offset(1),
        end: Offset(2),
        clean_bytes,
        dirty_bytes,
        is_due,
        now: NOW,
        tombstone_retention_ms: 0,
    };
    let mut plans = vec![
        made(1, 0, 10, false),
        made(2, 40, 60, false),
        made(3, 90, 10, true),
        made(4, 2, 8, false),
        made(5, 5, 5, false),
        made(6, 7, 5, false),
    ];
    let mut taken =
        || -> Vec<u64> { take_next(&mut plans, 100, 2).iter().map(|plan| plan.log.stream.0).collect() };
    // Logs below 12 bytes are small; two go together at most.
    assert_eq!(taken(), [3], "due");
    assert_eq!(taken(), [1, 4], "the dirtiest is small and takes the next small one along");
    assert_eq!(taken(), [2]);
    assert_eq!(taken(), [5]);
    assert_eq!(taken(), [6]);
    assert_eq!(taken(), [0; 0]);
}
