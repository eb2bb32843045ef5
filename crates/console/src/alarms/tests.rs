//! The state machine of alarms, walked through by readings and the time.
//!
//! Apart because each test is a story of several looks.

use super::*;
use crate::metrics::Storage;
use crate::observe::{Flow, GroupKind, GroupSeen, Observation, StreamSeen};
use millstream_core::catalog::{Annotations, StreamConfig, StreamEntry};
use millstream_core::lease::{GroupCounts, GroupTotals};
use millstream_types::histogram::Counted;
use millstream_types::{EngineTime, Histogram, Namespace, StreamId, StreamUid};
use std::sync::Arc;

fn subject(name: &str) -> Subject {
    Subject::Stream { namespace: "default".into(), stream: name.into() }
}

fn reading(rule: Rule, name: &str, value: f64) -> Reading {
    let subject = subject(name);
    Reading { id: AlarmId::new(rule, &subject), subject, value }
}

/// Looks so many seconds after the start.
fn look(board: &mut Board, second: i64, readings: &[Reading]) -> Vec<(NoticeKind, f64)> {
    let notices = board.observe(EngineTime(second * 1000), readings.to_vec());
    notices.into_iter().map(|notice| (notice.kind, notice.value)).collect()
}

#[test]
fn a_condition_that_holds_long_enough_is_told_once_and_once_more_when_it_is_over() {
    let mut board = Board::new(Thresholds::default());
    let deep = |value| [reading(Rule::Depth, "q", value)];
    assert_eq!(look(&mut board, 0, &deep(2e6)), []);
    let states: Vec<State> = board.alarms(EngineTime(0)).map(|(_, alarm, _)| alarm.state).collect();
    assert_eq!(states, [State::Pending]);
    assert_eq!(look(&mut board, 59, &deep(3e6)), []);
    assert_eq!(look(&mut board, 60, &deep(4e6)), [(NoticeKind::Raised, 4e6)]);
    assert_eq!(look(&mut board, 70, &deep(5e6)), []);
    assert_eq!(look(&mut board, 80, &[]), [], "it may come back");
    assert_eq!(look(&mut board, 129, &[]), []);
    assert_eq!(look(&mut board, 130, &[]), [(NoticeKind::Resolved, 5e6)]);
    assert_eq!(board.alarms(EngineTime(0)).count(), 0);
}

#[test]
fn a_condition_that_does_not_hold_is_forgotten() {
    let mut board = Board::new(Thresholds::default());
    let deep = [reading(Rule::Depth, "q", 2e6)];
    look(&mut board, 0, &deep);
    assert_eq!(look(&mut board, 30, &[]), []);
    assert_eq!(look(&mut board, 40, &deep), []);
    assert_eq!(look(&mut board, 61, &deep), [], "its time began anew");
    assert_eq!(look(&mut board, 100, &deep), [(NoticeKind::Raised, 2e6)]);
}

#[test]
fn what_is_silenced_is_told_when_the_silence_ends_if_it_is_still_so() {
    let mut board = Board::new(Thresholds::default());
    let letters = [reading(Rule::DeadLetters, "dlq", 3.0), reading(Rule::DeadLetters, "other", 1.0)];
    let silence = Silence {
        rule: Rule::DeadLetters,
        subject: Some(letters[0].id.subject),
        reason: "known".to_owned(),
        until: EngineTime(50_000),
    };
    assert!(board.silence(EngineTime(0), silence.clone()));
    assert_eq!(look(&mut board, 0, &letters), [(NoticeKind::Raised, 1.0)]);
    let counts = board.counts(EngineTime(0));
    let of_rule = counts.iter().find(|counts| counts.rule == "dead_letters").unwrap();
    assert_eq!((of_rule.raised, of_rule.silenced), (2, 1));
    assert_eq!(look(&mut board, 49, &letters), []);
    assert_eq!(look(&mut board, 50, &letters), [(NoticeKind::Raised, 3.0)]);
    assert!(!board.end_silence(Rule::DeadLetters, silence.subject), "it ended by itself");

    let whole_rule = Silence { subject: None, until: EngineTime(500_000), ..silence };
    assert!(board.silence(EngineTime(50_000), whole_rule));
    let more = [letters[0].clone(), letters[1].clone(), reading(Rule::DeadLetters, "third", 1.0)];
    assert_eq!(look(&mut board, 60, &more), []);
    assert_eq!(look(&mut board, 120, &more[..2]), [], "nobody heard of it, so nobody hears that it is over");
    assert!(board.end_silence(Rule::DeadLetters, None));
}

#[test]
fn alarms_and_silences_survive_a_restart_without_being_told_again() {
    let mut board = Board::new(Thresholds::default());
    let letters = [reading(Rule::DeadLetters, "dlq", 3.0), reading(Rule::DeadLetters, "gone", 1.0)];
    look(&mut board, 7, &letters);
    let silence = Silence {
        rule: Rule::NoConsumer,
        subject: None,
        reason: "the night shift: see the wiki".to_owned(),
        until: EngineTime(900_000),
    };
    assert!(board.silence(EngineTime(0), silence.clone()));
    let mut annotations =
        Annotations::from([("policy.x".into(), "{}".into()), ("alarms.silence.9".into(), "old".into())]);
    for (key, text) in board.changes(&annotations) {
        match text {
            Some(text) => annotations.insert(key, text),
            None => annotations.remove(&key),
        };
    }
    assert_eq!(annotations.len(), 3, "{annotations:?}");
    assert_eq!(board.changes(&annotations), []);

    let mut after = Board::new(Thresholds::default());
    after.restore(&annotations);
    assert_eq!(after.changes(&annotations), [], "what was not looked at yet is not forgotten");
    assert_eq!(after.silences(EngineTime(0)).collect::<Vec<_>>(), [&silence]);
    assert_eq!(look(&mut after, 100, &letters[..1]), []);
    let since: Vec<EngineTime> = after.alarms(EngineTime(0)).map(|(_, alarm, _)| alarm.since).collect();
    assert_eq!(since, [EngineTime(7_000)]);
    assert_eq!(look(&mut after, 161, &letters), [(NoticeKind::Raised, 1.0)], "it was over in between");
}

#[test]
fn there_are_only_so_many_silences_and_a_new_one_replaces_its_like() {
    let mut board = Board::new(Thresholds::default());
    let silence = |subject| Silence {
        rule: Rule::Depth,
        subject: Some(subject),
        reason: "x".repeat(300),
        until: EngineTime(1_000),
    };
    for subject in 0..32 {
        assert!(board.silence(EngineTime(0), silence(subject)));
    }
    assert!(!board.silence(EngineTime(0), silence(32)));
    assert!(board.silence(EngineTime(0), silence(5)));
    assert!(board.silence(EngineTime(1_000), silence(32)), "the others are over");
}

#[test]
fn names_of_alarms_are_read_as_they_are_written() {
    for info in RULES {
        let id = AlarmId::new(info.rule, &subject("a/b \"c\""));
        assert_eq!(AlarmId::parse(&id.to_string()), Some(id));
    }
    for wrong in [
        "",
        "depth",
        "depth.",
        "depth.1",
        "depth.000000000000000g",
        "deep.0000000000000000",
        "depth.+00000000000000f",
    ] {
        assert_eq!(AlarmId::parse(wrong), None, "{wrong}");
    }
    // It is written down: another program must find the same.
    assert_eq!(AlarmId::new(Rule::Depth, &subject("orders")).to_string().len(), "depth.".len() + 16);
    let one = AlarmId::new(Rule::Depth, &Subject::Stream { namespace: "a".into(), stream: "bc".into() });
    let other = AlarmId::new(Rule::Depth, &Subject::Stream { namespace: "ab".into(), stream: "c".into() });
    assert_ne!(one, other);
}

#[test]
fn rules_have_names_of_their_own_and_sentences() {
    for (index, info) in RULES.iter().enumerate() {
        assert!(RULES[..index].iter().all(|other| other.name != info.name && other.rule != info.rule));
        assert!(info.doc.ends_with('.') && info.advice.ends_with('.'), "{}", info.name);
        assert_eq!(Rule::by_name(info.name), Some(info.rule));
        assert_eq!(info.rule.info().name, info.name);
    }
}

#[test]
fn notices_are_documents_whatever_names_are_in_them() {
    let mut board = Board::new(Thresholds::default());
    let notices = board.observe(EngineTime(5), vec![reading(Rule::DeadLetters, "\"\u{1}</script>", 3.0)]);
    let shown: serde_json::Value = serde_json::from_slice(&notices[0].json()).unwrap();
    assert_eq!(shown["stream"], "\"\u{1}</script>");
    assert_eq!((&shown["event"], &shown["value"]), (&"raised".into(), &3.0.into()));
    assert!(!notices[0].summary().contains('\u{1}'), "what goes into a log is escaped");
    let test: serde_json::Value = serde_json::from_slice(&Board::test(EngineTime(5)).json()).unwrap();
    assert_eq!(test["event"], "test");
}

fn stream(name: &str) -> StreamSeen {
    let entry = StreamEntry {
        id: StreamId(1),
        uid: StreamUid(1),
        namespace: Namespace::DEFAULT,
        name: name.into(),
        logs: 1,
        config: StreamConfig::default(),
        created: EngineTime(0),
    };
    StreamSeen {
        entry: Arc::new(entry),
        namespace: "default".into(),
        logs: 1,
        records: 0,
        bytes: 0,
        flow: Flow::default(),
        in_per_second: 0.0,
        out_per_second: 0.0,
        takes_dead_letters: false,
        waiting_records: 0,
        readers: Vec::new(),
        is_shown: true,
    }
}

fn group(kind: GroupKind) -> GroupSeen {
    GroupSeen {
        kind,
        namespace: "default".into(),
        stream: "q".into(),
        name: "default".into(),
        lag_records: 0,
        lag_ms: Some(0),
        consumers: 1,
        is_paused: false,
        counts: GroupCounts::default(),
        totals: GroupTotals::default(),
        in_per_second: 0.0,
        done_per_second: 0.0,
        delivered_per_second: 0.0,
        redelivered_per_second: 0.0,
        is_shown: true,
    }
}

/// The rules that apply.
fn rules(groups: Vec<GroupSeen>, streams: Vec<StreamSeen>) -> Vec<(&'static str, f64)> {
    let seen = Observation { groups, streams, ..Observation::default() };
    let all = readings(&Thresholds::default(), &seen, &Storage::default(), &Counted::default());
    all.into_iter().map(|reading| (reading.id.rule.info().name, reading.value)).collect()
}

#[test]
fn each_rule_applies_to_what_it_is_for() {
    let queue = group(GroupKind::Lease);
    let cursor = group(GroupKind::Cursor);
    assert_eq!(rules(vec![queue.clone(), cursor.clone()], vec![stream("q")]), []);
    let one = |group: GroupSeen| rules(vec![group], Vec::new());

    assert_eq!(one(GroupSeen { lag_records: 1_000_001, ..queue.clone() }), [("depth", 1_000_001.0)]);
    assert_eq!(one(GroupSeen { lag_records: 1_000_001, ..cursor.clone() }), [("lag_records", 1_000_001.0)]);
    assert_eq!(one(GroupSeen { lag_ms: Some(3_601_000), ..queue.clone() }), [("oldest_age", 3601.0)]);
    assert_eq!(one(GroupSeen { lag_ms: Some(3_601_000), ..cursor.clone() }), [("lag_seconds", 3601.0)]);
    assert_eq!(one(GroupSeen { lag_ms: None, ..cursor.clone() }), [], "what is not known is no alarm");

    let alone = GroupSeen { consumers: 0, lag_records: 5, ..queue.clone() };
    assert_eq!(one(alone.clone()), [("no_consumer", 5.0)]);
    assert_eq!(one(GroupSeen { is_paused: true, ..alone.clone() }), []);
    assert_eq!(
        one(GroupSeen { delivered_per_second: 0.1, ..alone.clone() }),
        [],
        "somebody asks now and then"
    );
    assert_eq!(one(GroupSeen { consumers: 0, lag_records: 5, ..cursor.clone() }), []);

    let grows = GroupSeen { lag_records: 2_000, in_per_second: 20.0, done_per_second: 10.0, ..cursor };
    assert_eq!(one(grows.clone()), [("growing", 10.0)]);
    assert_eq!(one(GroupSeen { done_per_second: 19.5, ..grows.clone() }), []);
    assert_eq!(one(GroupSeen { lag_records: 999, ..grows }), []);

    let storm = GroupSeen { delivered_per_second: 30.0, redelivered_per_second: 20.0, ..queue.clone() };
    assert_eq!(one(storm.clone()), [("redelivery_storm", 20.0)]);
    assert_eq!(one(GroupSeen { delivered_per_second: 50.0, ..storm }), []);

    let letters = StreamSeen { takes_dead_letters: true, waiting_records: 4, ..stream("q") };
    assert_eq!(rules(vec![alone], vec![letters]), [("dead_letters", 4.0)], "nobody is to consume them");
}

#[test]
fn the_broker_s_own_troubles_are_seen() {
    let thresholds = Thresholds::default();
    let names = |storage: &Storage, syncs: &Counted| {
        let all = readings(&thresholds, &Observation::default(), storage, syncs);
        all.into_iter().map(|reading| reading.id.rule.info().name).collect::<Vec<_>>()
    };
    let none = Counted::default();
    let disk = |all, free| Storage { disk_bytes: (all, free), ..Storage::default() };
    assert_eq!(names(&disk(1_000, 99), &none), ["disk_nearly_full"]);
    assert_eq!(names(&disk(1_000, 100), &none), [""; 0]);
    assert_eq!(names(&disk(0, 0), &none), [""; 0], "nobody knows");
    assert_eq!(names(&Storage { scrub_findings: 1, ..Storage::default() }, &none), ["damage"]);
    let syncs = Histogram::default();
    syncs.record_many(600_000, 19);
    assert_eq!(names(&Storage::default(), &syncs.counted()), [""; 0], "too few to tell");
    syncs.record(600_000);
    assert_eq!(names(&Storage::default(), &syncs.counted()), ["fsync_slow"]);
    syncs.record_many(1_000, 10_000);
    assert_eq!(names(&Storage::default(), &syncs.counted()), [""; 0]);
}
