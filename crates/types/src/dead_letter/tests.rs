//! Letters there and back, and what is made of damaged ones. Apart because it is longer than a screen.

use super::*;
use crate::RecordTime;
use crate::batch::{BatchBuilder, Compression, OpenLimits, open};
use crate::routed::Routed;
use alloc::format;
use alloc::vec;

fn letter(history: History) -> DeadLetter {
    DeadLetter {
        reason: DeathReason::Limit,
        source: "orders\nand 7 more".into(),
        log: 3,
        offset: Offset(1 << 40),
        deliveries: 5,
        time: EngineTime(-7),
        history,
    }
}

/// What a record with these headers says.
fn parsed(headers: &[(&str, Option<&[u8]>)]) -> Option<DeadLetter> {
    let mut builder = BatchBuilder::new();
    builder.push(RecordTime(1), None, None, headers).unwrap();
    let batch = open(&builder.finish(Compression::None).unwrap(), OpenLimits::default()).unwrap();
    let record = batch.iter().next().unwrap().unwrap();
    DeadLetter::parse(record.headers)
}

fn through(letter: &DeadLetter, before: &[(&'static str, &[u8])]) -> Option<DeadLetter> {
    let headers = letter.headers();
    let own = headers.iter().map(|(name, value)| (*name, Some(&value[..])));
    let all: Vec<_> = before.iter().map(|(name, value)| (*name, Some(*value))).chain(own).collect();
    parsed(&all)
}

#[test]
fn a_letter_is_read_back_from_its_headers_whatever_stands_before_them() {
    let mut history = History::default();
    history.add("b 12 c\n", DeathReason::Expired, EngineTime(1));
    history.add("orders\nand 7 more", DeathReason::Limit, EngineTime(9));
    for history in [History::default(), history] {
        let letter = letter(history);
        assert_eq!(through(&letter, &[]), Some(letter.clone()));
        assert_eq!(through(&letter, &[("x", b"y"), (SOURCE, b"forged"), (OFFSET, b"1")]), Some(letter));
    }
}

#[test]
fn a_record_that_says_only_half_is_no_dead_letter() {
    let headers = letter(History::default()).headers();
    for missing in 0..headers.len() {
        let mut some: Vec<_> = headers.iter().map(|(name, value)| (*name, Some(&value[..]))).collect();
        some.remove(missing);
        assert_eq!(parsed(&some), None, "without {}", headers[missing].0);
        some.push((headers[missing].0, Some(b"\xff")));
        assert_eq!(parsed(&some), None, "with a wrong {}", headers[missing].0);
    }
}

#[test]
fn deaths_are_counted_per_stream_and_reason_latest_first() {
    let mut history = History::default();
    for (source, reason, time) in [
        ("a", DeathReason::Expired, 1),
        ("b", DeathReason::Rejected, 2),
        ("a", DeathReason::Rejected, 3),
        ("a", DeathReason::Expired, 4),
    ] {
        history.add(source, reason, EngineTime(time));
    }
    let told: Vec<_> = history
        .deaths()
        .iter()
        .map(|death| (&*death.source, death.reason, death.count, death.first.0, death.latest.0))
        .collect();
    assert_eq!(
        told,
        [
            ("a", DeathReason::Expired, 2, 1, 4),
            ("a", DeathReason::Rejected, 1, 3, 3),
            ("b", DeathReason::Rejected, 1, 2, 2),
        ]
    );
    assert_eq!(history.first().unwrap().latest, EngineTime(4));
    assert_eq!(History::parse(&history.to_text()), Some(history));
}

#[test]
fn a_death_tells_how_the_record_had_come_there_last() {
    let mut history = History::default();
    let routed = |by: &str, key: &str| Some(Routed { by: by.into(), key: key.into() });
    history.add_routed("a 1\n", DeathReason::Expired, EngineTime(1), routed("", "a 1\n"));
    history.add("b", DeathReason::Expired, EngineTime(2));
    history.add_routed("c", DeathReason::Expired, EngineTime(3), routed("dead letters", ""));
    assert_eq!(History::parse(&history.to_text()), Some(history.clone()));
    history.add_routed("a 1\n", DeathReason::Expired, EngineTime(4), routed("retry", "7"));
    let latest = &history.deaths()[0];
    assert_eq!((latest.count, latest.routed.clone()), (2, routed("retry", "7")));
    assert_eq!(History::parse(&history.to_text()), Some(history));
}

#[test]
fn a_long_history_folds_its_oldest_deaths_but_not_the_first() {
    let mut history = History::default();
    for n in 0..100 {
        history.add(&format!("s{n}"), DeathReason::Expired, EngineTime(n));
    }
    assert_eq!(history.deaths().len(), HISTORY_MAX);
    assert_eq!(history.folded(), 100 - HISTORY_MAX as u64);
    assert_eq!(&*history.first().unwrap().source, "s0");
    assert_eq!(&*history.deaths()[0].source, "s99");
    let names: Vec<_> = history.deaths().iter().map(|death| &*death.source).collect();
    assert_eq!(names[HISTORY_MAX - 2..], ["s85", "s0"]);
    assert_eq!(History::parse(&history.to_text()), Some(history));
}

#[test]
fn a_longest_history_stays_small() {
    let mut history = History::default();
    for n in 0..20 {
        let name = format!("{n:0>255}");
        let routed = Routed { by: name.as_str().into(), key: name.as_str().into() };
        history.add_routed(&name, DeathReason::Rejected, EngineTime(i64::MIN), Some(routed));
    }
    assert_eq!(History::parse(&history.to_text()), Some(history.clone()));
    assert!(history.to_text().len() < 14 << 10, "{}", history.to_text().len());
}

#[test]
fn what_is_no_history_counts_as_none() {
    for text in [
        "expired",
        "expired 1 2 3 1",
        "expired 1 2 3 1 a 1",
        "expired 1 2 3 1 a 1 b\n",
        "expired 1 2 3 1 a 1 b 2 c\n",
        "expired 1 2 3 1 a 1 b 999 c\n",
        "expired 1 2 3 0 \n",
        "expired 1 2 3 2 a\n",
        "expired 1 2 3 1 a",
        "expired 1 2 3 99999999999999999999 a\n",
        "expired x 2 3 1 a\n",
        "eaten 1 2 3 1 a\n",
        "expired 1 2 3 1 ä\n",
        "folded x\n",
        "folded 1",
    ] {
        assert_eq!(History::parse(text), None, "{text:?}");
    }
    let line = "expired 1 2 3 1 a\n";
    assert_eq!(History::parse(&line.repeat(HISTORY_MAX + 1)), None);
}

#[test]
fn a_circle_is_one_that_no_consumer_has_broken() {
    let history = |deaths: &[(&str, DeathReason)]| {
        let mut history = History::default();
        for (time, (source, reason)) in (0..).zip(deaths) {
            history.add(source, *reason, EngineTime(time));
        }
        history
    };
    use DeathReason::{Expired, Length, Limit, Rejected};
    for (deaths, to, is_cycle) in [
        (vec![], "a", false),
        (vec![("a", Expired)], "b", false),
        (vec![("a", Expired)], "a", true),
        (vec![("a", Rejected)], "a", false),
        (vec![("a", Expired), ("b", Length)], "a", true),
        (vec![("a", Expired), ("b", Limit)], "a", true),
        (vec![("a", Rejected), ("b", Expired)], "a", false),
        (vec![("a", Expired), ("b", Rejected)], "a", false),
        // What was rejected before the circle began does not break it.
        (vec![("b", Rejected), ("a", Expired), ("b", Expired)], "a", true),
        (vec![("c", Rejected), ("a", Expired), ("b", Expired)], "a", true),
    ] {
        assert_eq!(history(&deaths).is_cycle_to(to), is_cycle, "{deaths:?} to {to}");
    }
}
