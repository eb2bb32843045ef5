//! Each anomaly is planted in a history that is otherwise good, and must be the one that is found.

use super::{Anomaly, Checker, Verdict};
use crate::history::{Event, Op, Phase, Run};

/// Writes histories by hand; time passes by one at every event.
#[derive(Default)]
struct Story {
    events: Vec<Event>,
    next_id: u64,
}

impl Story {
    fn add(&mut self, process: &str, phase: Phase, event: Event) {
        let time = self.events.len() as u64;
        self.events.push(Event { time, process: process.into(), phase, ..event });
    }

    fn invoke(&mut self, process: &str, event: Event) -> Event {
        self.next_id += 1;
        let event = Event { id: self.next_id, topic: "t".into(), ..event };
        self.add(process, Phase::Invoke, event.clone());
        event
    }

    /// An operation from its question to its answer.
    fn call(&mut self, process: &str, phase: Phase, asked: Event, answer: impl FnOnce(Event) -> Event) {
        let event = self.invoke(process, asked);
        self.add(process, phase, answer(event));
    }

    fn ask_send(&mut self, client: u32, n: u64, count: u32) -> Event {
        let event = Event { op: Op::Send, client, n, count, once: true, ..Event::default() };
        self.invoke(&format!("c{client}"), event)
    }

    fn send(&mut self, client: u32, n: u64, count: u32, offset: i64) {
        let event = self.ask_send(client, n, count);
        self.add(&format!("c{client}"), Phase::Ok, Event { offset: Some(offset), ..event });
    }

    fn seen(&mut self, process: &str, event: Event) {
        self.add(process, Phase::Ok, Event { topic: "t".into(), ..event });
    }

    fn poll(&mut self, process: &str, runs: &[(i64, u32, u64, u32)]) {
        let runs = runs.iter().map(|run| Run::from(*run)).collect();
        self.seen(process, Event { op: Op::Poll, runs, ..Event::default() });
    }

    /// Reads everything from the start; the runs are what came.
    fn drain(&mut self, runs: &[(i64, u32, u64, u32)], low: i64, high: i64) {
        self.seen("d", Event { op: Op::Seek, offset: Some(low), ..Event::default() });
        self.poll("d", runs);
        self.seen("d", Event { op: Op::Drain, low: Some(low), high: Some(high), ..Event::default() });
    }

    fn bounds(&mut self, low: i64, high: i64) {
        let asked = Event { op: Op::Bounds, ..Event::default() };
        self.call("b", Phase::Ok, asked, |event| Event { low: Some(low), high: Some(high), ..event });
    }

    fn trim(&mut self, offset: i64, low: i64) {
        let asked = Event { op: Op::Trim, offset: Some(offset), ..Event::default() };
        self.call("b", Phase::Ok, asked, |event| Event { low: Some(low), ..event });
    }

    fn commit(&mut self, phase: Phase, offset: i64) {
        let asked = Event { op: Op::Commit, group: "g".into(), offset: Some(offset), ..Event::default() };
        self.call("g", phase, asked, |event| event);
    }

    fn committed(&mut self, offset: i64) {
        let asked = Event { op: Op::Committed, group: "g".into(), ..Event::default() };
        self.call("g", Phase::Ok, asked, |event| Event { offset: Some(offset), ..event });
    }

    fn verdict(&self) -> Verdict {
        let mut checker = Checker::default();
        self.events.iter().for_each(|event| checker.event(event));
        checker.verdict()
    }

    /// Exactly these kinds are found.
    #[track_caller]
    fn finds(&self, expected: &[Anomaly]) {
        let verdict = self.verdict();
        let found: Vec<_> = verdict.anomalies.iter().map(|(kind, _, _)| kind).collect();
        assert_eq!(found, expected, "{:#?}", verdict.anomalies);
    }

    /// The sentence about the only anomaly.
    fn only_sentence(&self) -> String {
        let verdict = self.verdict();
        assert_eq!(verdict.anomalies.total(), 1, "{:#?}", verdict.anomalies);
        verdict.anomalies.iter().map(|(_, _, examples)| examples[0].clone()).collect()
    }
}

/// Two clients, three sends of two records each, in order.
fn six() -> Story {
    let mut story = Story::default();
    story.send(1, 0, 2, 0);
    story.send(2, 0, 2, 2);
    story.send(1, 2, 2, 4);
    story
}

const SIX: [(i64, u32, u64, u32); 3] = [(0, 1, 0, 2), (2, 2, 0, 2), (4, 1, 2, 2)];

#[test]
fn a_good_history_has_nothing_and_is_counted() {
    let mut story = six();
    let open = story.ask_send(2, 2, 1);
    story.seen("k", Event { op: Op::Kill, ..Event::default() });
    // Right after a start, before anything was acknowledged; then with nothing under way.
    story.seen("k", Event { op: Op::Ready, ..Event::default() });
    story.seen("k", Event { op: Op::Kill, ..Event::default() });
    story.add("c2", Phase::Info, open);
    story.seen("k", Event { op: Op::Kill, ..Event::default() });
    story.bounds(0, 6);
    story.commit(Phase::Ok, 3);
    story.committed(3);
    story.drain(&SIX, 0, 6);
    story.finds(&[]);
    let verdict = story.verdict();
    assert_eq!((verdict.kills, verdict.kills_under_load), (3, 1));
    assert_eq!((verdict.acked_total(), verdict.read_total()), (6, 6));
    assert_eq!(verdict.operations[&Op::Send], [3, 0, 1]);
}

#[test]
fn an_unknown_send_may_be_there_or_not_but_not_twice() {
    for (runs, high) in [(&SIX[..], 6), (&[SIX[0], SIX[1], SIX[2], (6, 2, 2, 1)][..], 7)] {
        let mut story = six();
        story.ask_send(2, 2, 1);
        story.drain(runs, 0, high);
        story.drain(runs, 0, high);
        story.finds(&[]);
    }
    let mut story = six();
    story.ask_send(2, 2, 1);
    story.drain(&[SIX[0], SIX[1], SIX[2], (6, 2, 2, 1), (7, 2, 2, 1)], 0, 8);
    story.finds(&[Anomaly::Duplicate]);
}

#[test]
fn lost_records_are_found_with_their_shape() {
    let mut story = six();
    story.drain(&SIX[1..], 0, 6);
    story.finds(&[Anomaly::LostWrite, Anomaly::PollSkip]);
    assert!(shapes(&story).contains("lost-prefix, 2 records, offsets 0 to 1"));

    let mut story = six();
    story.drain(&[SIX[0], SIX[2]], 0, 6);
    story.finds(&[Anomaly::LostWrite, Anomaly::PollSkip]);
    assert!(shapes(&story).contains("lost-middle, 2 records, offsets 2 to 3"));

    // The tail was cut: the broker is sure that it ends at 4.
    let mut story = six();
    story.drain(&SIX[..2], 0, 4);
    story.finds(&[Anomaly::Unseen, Anomaly::WatermarkBack]);
    assert!(shapes(&story).contains("lost-postfix, 2 records, offsets 4 to 5"));

    // A reader that is told of 6 and gets 4.
    let mut story = six();
    story.drain(&SIX[..2], 0, 6);
    story.finds(&[Anomaly::Unseen, Anomaly::PollSkip]);
}

fn shapes(story: &Story) -> String {
    let verdict = story.verdict();
    let sentences = verdict.anomalies.iter().flat_map(|(_, _, examples)| examples.to_vec());
    sentences.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_acknowledgement_without_an_offset_needs_the_record_to_be_somewhere() {
    let mut story = six();
    let event = story.ask_send(2, 2, 1);
    story.add("c2", Phase::Ok, event);
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::Unseen]);
    assert!(story.only_sentence().contains("2:2"));
}

#[test]
fn records_that_nobody_sent_are_found() {
    let mut story = six();
    story.drain(&[SIX[0], SIX[1], SIX[2], (6, 9, 0, 1)], 0, 7);
    story.finds(&[Anomaly::NeverSent]);

    // Sent to another partition.
    let mut story = six();
    let elsewhere = Event { op: Op::Send, partition: 1, client: 3, count: 1, ..Event::default() };
    story.invoke("c3", elsewhere);
    story.drain(&[SIX[0], SIX[1], SIX[2], (6, 3, 0, 1)], 0, 7);
    story.finds(&[Anomaly::NeverSent]);

    // Read before it was sent.
    let mut story = six();
    story.drain(&[SIX[0], SIX[1], SIX[2], (6, 2, 2, 1)], 0, 7);
    story.ask_send(2, 2, 1);
    story.finds(&[Anomaly::NeverSent]);
}

#[test]
fn a_failed_send_must_not_be_read_whichever_comes_first() {
    for fail_first in [true, false] {
        let mut story = six();
        let event = story.ask_send(2, 2, 1);
        let runs = [SIX[0], SIX[1], SIX[2], (6, 2, 2, 1)];
        if !fail_first {
            story.drain(&runs, 0, 7);
        }
        story.add("c2", Phase::Fail, event);
        if fail_first {
            story.drain(&runs, 0, 7);
        } else {
            story.bounds(0, 7);
        }
        story.finds(&[Anomaly::ReadOfFailed]);
    }
}

#[test]
fn an_error_with_an_offset_and_a_success_without_one_are_found() {
    for (phase, offset) in [(Phase::Fail, 6), (Phase::Ok, -1)] {
        let mut story = six();
        let event = story.ask_send(2, 2, 1);
        story.add("c2", phase, Event { offset: Some(offset), ..event });
        let mut runs = SIX.to_vec();
        if phase == Phase::Ok {
            runs.push((6, 2, 2, 1));
        }
        story.drain(&runs, 0, 6 + i64::from(phase == Phase::Ok));
        story.finds(&[Anomaly::OffsetOnError]);
    }
}

#[test]
fn an_offset_with_two_values_is_found() {
    let mut story = six();
    story.poll("r", &SIX[..1]);
    story.ask_send(3, 0, 1);
    // Offset 5 held 1:3 when it was acknowledged.
    story.drain(&[SIX[0], SIX[1], (4, 1, 2, 1), (5, 3, 0, 1)], 0, 6);
    // It also lies before offsets that were acknowledged before it was sent.
    story.finds(&[Anomaly::InconsistentOffsets, Anomaly::RealTime]);
}

#[test]
fn a_value_at_two_offsets_is_found_unless_its_sender_allows_it() {
    for once in [true, false] {
        let mut story = six();
        let asked = Event { op: Op::Send, client: 3, count: 1, once, ..Event::default() };
        story.call("c3", Phase::Ok, asked, |event| Event { offset: Some(7), ..event });
        story.drain(&[SIX[0], SIX[1], SIX[2], (6, 3, 0, 1), (7, 3, 0, 1)], 0, 8);
        story.finds(if once { &[Anomaly::Duplicate] } else { &[] });
        assert_eq!(story.verdict().repeated, 1);
    }
}

#[test]
fn a_producer_s_records_out_of_order_are_found() {
    let mut story = Story::default();
    let first = story.ask_send(1, 0, 1);
    let second = story.ask_send(1, 1, 1);
    story.add("c1", Phase::Ok, Event { offset: Some(1), ..first });
    story.add("c1", Phase::Ok, Event { offset: Some(0), ..second });
    story.drain(&[(0, 1, 1, 1), (1, 1, 0, 1)], 0, 2);
    story.finds(&[Anomaly::NonmonotonicSend]);

    // Also when neither was acknowledged.
    let mut story = Story::default();
    story.ask_send(1, 0, 1);
    story.ask_send(1, 1, 1);
    story.drain(&[(0, 1, 1, 1), (1, 1, 0, 1)], 0, 2);
    story.finds(&[Anomaly::NonmonotonicSend]);
}

#[test]
fn a_record_before_one_that_was_acknowledged_earlier_is_found() {
    let mut story = Story::default();
    story.send(1, 0, 1, 1);
    story.send(2, 0, 1, 0);
    story.drain(&[(0, 2, 0, 1), (1, 1, 0, 1)], 0, 2);
    assert!(story.verdict().anomalies.iter().all(|(kind, _, _)| kind == Anomaly::RealTime));
    assert!(!story.verdict().anomalies.is_empty());

    // Two that were under way together may be in any order.
    let mut story = Story::default();
    let first = story.ask_send(1, 0, 1);
    story.send(2, 0, 1, 0);
    story.add("c1", Phase::Ok, Event { offset: Some(1), ..first });
    story.drain(&[(0, 2, 0, 1), (1, 1, 0, 1)], 0, 2);
    story.finds(&[]);
}

#[test]
fn readers_that_skip_or_go_back_are_found() {
    let mut story = six();
    story.poll("r", &SIX[..1]);
    story.poll("r", &SIX[2..]);
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::PollSkip]);

    let mut story = six();
    story.poll("r", &SIX[..2]);
    story.poll("r", &SIX[..1]);
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::NonmonotonicPoll]);

    // After a seek anything goes, and what was trimmed may be skipped.
    let mut story = six();
    story.poll("r", &SIX[1..2]);
    story.seen("r", Event { op: Op::Seek, ..Event::default() });
    story.poll("r", &SIX[..1]);
    story.trim(4, 4);
    story.poll("r", &SIX[2..]);
    story.drain(&SIX[2..], 4, 6);
    story.finds(&[]);
}

#[test]
fn watermarks_that_go_back_or_start_without_being_asked_are_found() {
    let mut story = six();
    story.bounds(0, 5);
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::WatermarkBack]);

    let mut story = six();
    story.trim(4, 4);
    story.bounds(2, 6);
    story.drain(&SIX[2..], 4, 6);
    story.finds(&[Anomaly::WatermarkBack]);

    let mut story = six();
    story.trim(2, 2);
    story.bounds(4, 6);
    story.drain(&SIX[2..], 4, 6);
    story.finds(&[Anomaly::TrimUnasked]);

    // An answer that says less than was asked.
    let mut story = six();
    story.trim(4, 2);
    story.drain(&SIX[1..], 2, 6);
    story.finds(&[Anomaly::WatermarkBack]);

    // What was read is part of the end.
    let mut story = six();
    story.ask_send(2, 2, 1);
    story.poll("r", &[SIX[0], SIX[1], SIX[2], (6, 2, 2, 1)]);
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::WatermarkBack]);
}

#[test]
fn an_answer_is_measured_by_what_was_known_at_its_question() {
    let mut story = Story::default();
    let asked = story.invoke("b", Event { op: Op::Bounds, ..Event::default() });
    story.send(1, 0, 1, 0);
    story.add("b", Phase::Ok, Event { low: Some(0), high: Some(0), ..asked });
    story.drain(&[(0, 1, 0, 1)], 0, 1);
    story.finds(&[]);
}

#[test]
fn commits_that_vanish_or_appear_are_found() {
    let mut story = Story::default();
    story.commit(Phase::Ok, 5);
    story.commit(Phase::Info, 9);
    story.committed(5);
    story.committed(9);
    story.finds(&[]);
    story.committed(4);
    story.finds(&[Anomaly::CommitLost]);

    let mut story = Story::default();
    story.commit(Phase::Ok, 5);
    story.committed(6);
    story.finds(&[Anomaly::CommitInvented]);

    let mut story = Story::default();
    story.commit(Phase::Ok, 5);
    story.committed(-1);
    story.finds(&[Anomaly::CommitLost]);
}

#[test]
fn topics_that_vanish_or_come_back_are_found() {
    let life = |deletes: &[Phase], present: bool| {
        let mut story = Story::default();
        story.call("a", Phase::Ok, Event { op: Op::Create, ..Event::default() }, |event| event);
        for phase in deletes {
            story.call("a", *phase, Event { op: Op::Delete, ..Event::default() }, |event| event);
        }
        story.seen("a", Event { op: Op::Exists, present: Some(present), ..Event::default() });
        story
    };
    life(&[], true).finds(&[]);
    life(&[], false).finds(&[Anomaly::TopicLost]);
    life(&[Phase::Info], true).finds(&[]);
    life(&[Phase::Info], false).finds(&[]);
    life(&[Phase::Ok], false).finds(&[]);
    life(&[Phase::Ok], true).finds(&[Anomaly::TopicUndead]);
}

#[test]
fn records_of_a_topic_that_was_to_be_deleted_need_not_be_read() {
    let mut story = six();
    story.call("a", Phase::Info, Event { op: Op::Delete, ..Event::default() }, |event| event);
    story.finds(&[]);
}

#[test]
fn a_producer_that_cannot_go_on_is_found() {
    let mut story = six();
    story.add("c1", Phase::Fail, Event { op: Op::Fatal, topic: "t".into(), ..Event::default() });
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::ProducerFatal]);
}

#[test]
fn a_history_that_says_too_little_does_not_pass() {
    // Acknowledged and never looked at.
    six().finds(&[Anomaly::Malformed]);

    // Values out of turn.
    let mut story = six();
    story.ask_send(1, 7, 1);
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::Malformed]);

    // An answer without a question.
    let mut story = six();
    story.seen("c2", Event { op: Op::Send, client: 2, n: 1, count: 1, offset: Some(3), ..Event::default() });
    story.drain(&SIX, 0, 6);
    story.finds(&[Anomaly::Malformed]);
}

#[test]
fn a_good_history_of_many_sends_is_judged() {
    let mut story = Story::default();
    let mut runs = Vec::new();
    for n in 0..20_000u64 {
        let client = u32::try_from(n % 4).unwrap();
        story.send(client, n / 4, 1, n.cast_signed());
        runs.push((n.cast_signed(), client, n / 4, 1));
    }
    story.drain(&runs, 0, 20_000);
    story.finds(&[]);
    // The same with one record exchanged.
    runs[11_111].2 += 1;
    let mut story = Story { events: story.events[..40_000].to_vec(), ..Story::default() };
    story.drain(&runs, 0, 20_000);
    assert!(!story.verdict().anomalies.is_empty());
}
