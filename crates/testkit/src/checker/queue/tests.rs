//! Each anomaly is planted in a history that is otherwise good, and must be the one that is found.

mod wider;

use super::*;

const LEASE: u64 = 1_000;

/// Writes histories by hand; each thing takes one unit of time, and one passes between two.
struct Story {
    history: History,
    now: u64,
    deliveries: u64,
}

impl Story {
    /// Queue 0 with its dead letters in queue 1.
    fn new(rules: Rules) -> Story {
        let letters = Rules { name: "letters".into(), ..Rules::default() };
        let queues = vec![Rules { name: "work".into(), ..rules }, letters];
        let history = History { queues, slack_us: 1, events: Vec::new(), is_drained: true };
        Story { history, now: 10, deliveries: 0 }
    }

    fn at(&mut self) -> Span {
        self.now += 2;
        Span { from: self.now - 1, to: self.now }
    }

    fn plain(&mut self, message: u64) -> Send {
        let at = self.at();
        Send {
            queue: 0,
            message,
            at,
            outcome: Outcome::Done,
            answer: Some(message),
            delay_us: 0,
            time_to_live_us: None,
            ..Send::default()
        }
    }

    fn send(&mut self, message: u64) {
        let send = self.plain(message);
        self.history.events.push(Event::Send(send));
    }

    fn send_as(&mut self, message: u64, change: impl FnOnce(&mut Send)) {
        let mut send = self.plain(message);
        change(&mut send);
        self.history.events.push(Event::Send(send));
    }

    fn poll(&mut self, queue: usize, messages: &[(u64, u32)]) -> u64 {
        let at = self.at();
        let first = self.deliveries;
        let got = messages.iter().map(|&(message, count)| {
            self.deliveries += 1;
            Got { message, delivery: self.deliveries, count, place: None }
        });
        let got = got.collect();
        self.history.events.push(Event::Poll(Poll {
            queue,
            at,
            outcome: Outcome::Done,
            asked: 10,
            takes_all: true,
            lease_us: LEASE,
            got,
            ..Poll::default()
        }));
        first + 1
    }

    fn take(&mut self, message: u64, count: u32) -> u64 {
        self.poll(0, &[(message, count)])
    }

    fn settle(&mut self, delivery: u64, act: Act, outcome: Outcome) {
        let at = self.at();
        self.history.events.push(Event::Settle(Settle { delivery, at, act, outcome, together: None }));
    }

    fn ack(&mut self, delivery: u64) {
        self.settle(delivery, Act::Ack { late: false }, Outcome::Done);
    }

    fn wait(&mut self, time: u64) {
        self.now += time;
    }

    fn lost_poll(&mut self) {
        self.poll(0, &[]);
        let Some(Event::Poll(poll)) = self.history.events.last_mut() else {
            unreachable!("it was just added")
        };
        poll.outcome = Outcome::Unknown;
    }

    fn whole(&mut self) -> Whole {
        Whole { queue: 0, at: self.at(), outcome: Outcome::Done }
    }

    #[track_caller]
    fn is(&self, expected: &[Anomaly]) -> Tally {
        let verdict = judge(&self.history);
        let found: Vec<Anomaly> = verdict.anomalies.iter().map(|(kind, _, _)| kind).collect();
        let words: Vec<_> = verdict.anomalies.iter().flat_map(|(_, _, examples)| examples).collect();
        assert_eq!(found, expected, "{words:#?}");
        verdict.tally
    }
}

fn limit(limit: u32) -> Rules {
    Rules { delivery_limit: Some(limit), dead_letter: Some(1), ..Rules::default() }
}

#[test]
fn a_good_history_has_no_anomaly() {
    let mut story = Story::new(limit(3));
    story.send(1);
    story.send(2);
    let first = story.poll(0, &[(1, 1), (2, 1)]);
    story.ack(first);
    story.settle(first + 1, Act::Release { delay_us: 0, counts: true }, Outcome::Done);
    let second = story.take(2, 2);
    story.settle(second, Act::Renew { lease_us: 5_000 }, Outcome::Done);
    story.wait(3_000);
    story.poll(0, &[]);
    story.ack(second);
    let count = Count { queue: 0, at: story.at(), messages: 0, leased: 0 };
    story.history.events.push(Event::Count(count));
    let tally = story.is(&[]);
    assert_eq!((tally.sent, tally.delivered, tally.redelivered, tally.acked), (2, 3, 1, 2));
}

#[test]
fn what_nobody_sent_or_what_was_refused_must_not_be_there() {
    let mut story = Story::new(Rules::default());
    let first = story.take(7, 1);
    story.ack(first);
    story.is(&[Anomaly::NeverSent]);
    story.send_as(7, |send| send.outcome = Outcome::Refused);
    story.is(&[Anomaly::ReadOfFailed]);
}

#[test]
fn a_message_is_out_once_at_a_time() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.take(1, 1);
    story.wait(900);
    let second = story.take(1, 2);
    story.ack(second);
    story.is(&[Anomaly::LeasedTwice]);
}

#[test]
fn an_acked_message_stays_away_unless_nobody_knows_of_the_ack() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.settle(first, Act::Ack { late: false }, Outcome::Unknown);
    story.wait(2_000);
    let second = story.take(1, 2);
    story.ack(second);
    assert_eq!(story.is(&[]).acked_unknown_again, 1);
    story.wait(2_000);
    story.take(1, 3);
    story.is(&[Anomaly::AckedAgain]);
}

#[test]
fn an_old_receipt_settles_nothing_newer() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.wait(2_000);
    let second = story.take(1, 2);
    story.settle(first, Act::Ack { late: true }, Outcome::Done);
    story.ack(second);
    story.is(&[Anomaly::StaleReceipt]);
}

#[test]
fn a_lease_that_is_over_is_not_honoured_and_one_that_is_not_is() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.wait(2_000);
    story.ack(first);
    story.is(&[Anomaly::StaleReceipt]);

    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.wait(500);
    story.settle(first, Act::Ack { late: false }, Outcome::Refused);
    story.ack(first);
    story.is(&[Anomaly::LeaseCut]);
}

#[test]
fn a_lenient_queue_takes_an_old_receipt_and_nothing_follows_from_it() {
    let mut story = Story::new(Rules { lenient: true, ..Rules::default() });
    story.send(1);
    let first = story.take(1, 1);
    story.wait(2_000);
    let second = story.take(1, 2);
    story.settle(first, Act::Ack { late: true }, Outcome::Done);
    story.wait(2_000);
    let third = story.take(1, 3);
    story.ack(third);
    story.is(&[]);
    story.wait(2_000);
    story.take(1, 4);
    story.is(&[Anomaly::AckedAgain]);
    assert_eq!(second, 2);
}

#[test]
fn nothing_comes_before_its_time_or_after_it() {
    let mut story = Story::new(Rules::default());
    story.send_as(1, |send| send.delay_us = 500);
    let first = story.take(1, 1);
    story.ack(first);
    story.is(&[Anomaly::TooEarly]);

    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.settle(first, Act::Release { delay_us: 500, counts: true }, Outcome::Done);
    story.wait(300);
    let second = story.take(1, 2);
    story.ack(second);
    story.is(&[Anomaly::TooEarly]);

    let mut story = Story::new(Rules::default());
    story.send_as(1, |send| send.time_to_live_us = Some(500));
    story.wait(600);
    let first = story.take(1, 1);
    story.ack(first);
    story.is(&[Anomaly::TooLate]);
}

#[test]
fn counts_are_true_but_for_what_nobody_has_seen() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 2);
    story.ack(first);
    story.is(&[Anomaly::WrongCount]);

    let mut story = Story::new(Rules::default());
    story.send(1);
    story.lost_poll();
    story.wait(2_000);
    let first = story.take(1, 2);
    story.ack(first);
    story.is(&[]);
}

#[test]
fn the_count_of_a_connection_may_be_lost_with_the_broker_and_no_other() {
    for (connection, expected) in [(true, &[][..]), (false, &[Anomaly::WrongCount][..])] {
        let mut story = Story::new(Rules::default());
        story.send(1);
        story.take(1, 1);
        let Some(Event::Poll(poll)) = story.history.events.last_mut() else {
            unreachable!("it was just added")
        };
        poll.connection = connection;
        story.wait(2_000);
        let gone = story.at();
        story.history.events.push(Event::Restart(gone));
        let second = story.take(1, 1);
        story.ack(second);
        story.is(expected);
    }
}

#[test]
fn a_message_dies_after_its_last_delivery_and_only_then() {
    let mut story = Story::new(limit(1));
    story.send(1);
    story.take(1, 1);
    story.wait(2_000);
    let dead = story.poll(1, &[(1, 1)]);
    story.ack(dead);
    assert_eq!(story.is(&[]).moved, 1);

    let mut story = Story::new(limit(2));
    story.send(1);
    story.take(1, 1);
    story.wait(2_000);
    let dead = story.poll(1, &[(1, 1)]);
    story.ack(dead);
    story.is(&[Anomaly::MovedUnasked]);

    let mut story = Story::new(limit(1));
    story.send(1);
    story.take(1, 1);
    story.wait(2_000);
    let again = story.take(1, 2);
    story.ack(again);
    story.is(&[Anomaly::OverLimit]);
}

#[test]
fn a_dead_letter_is_not_also_where_it_came_from() {
    let mut story = Story::new(limit(1));
    story.send(1);
    story.take(1, 1);
    story.wait(2_000);
    let dead = story.poll(1, &[(1, 1)]);
    let both = story.take(1, 1);
    story.ack(dead);
    story.ack(both);
    story.is(&[Anomaly::LeasedTwice, Anomaly::StaleReceipt, Anomaly::MovedUnasked]);
}

#[test]
fn keys_are_kept_in_order() {
    let ordered = || Story::new(Rules { ordered: true, ..Rules::default() });
    let mut story = ordered();
    story.send_as(1, |send| send.key = Some(5));
    story.send_as(2, |send| send.key = Some(5));
    let second = story.take(2, 1);
    let first = story.take(1, 1);
    story.ack(first);
    story.ack(second);
    story.is(&[Anomaly::OutOfOrder]);

    let mut story = ordered();
    story.send_as(1, |send| send.key = Some(5));
    story.send_as(2, |send| send.key = Some(5));
    let both = story.poll(0, &[(1, 1), (2, 1)]);
    story.ack(both);
    story.ack(both + 1);
    story.is(&[]);
}

#[test]
fn an_id_is_remembered_for_its_window_and_no_longer() {
    let window = || Story::new(Rules { dedup_window_us: Some(1_000), ..Rules::default() });
    let mut story = window();
    story.send_as(1, |send| send.dedup = Some(9));
    story.send_as(2, |send| (send.dedup, send.answer) = (Some(9), Some(1)));
    let first = story.take(1, 1);
    story.ack(first);
    assert_eq!(story.is(&[]).duplicates, 1);
    let second = story.take(2, 1);
    story.ack(second);
    story.is(&[Anomaly::ReadOfFailed]);

    let mut story = window();
    story.send_as(1, |send| send.dedup = Some(9));
    story.send_as(2, |send| send.dedup = Some(9));
    let first = story.poll(0, &[(1, 1), (2, 1)]);
    story.ack(first);
    story.ack(first + 1);
    story.is(&[Anomaly::Forgotten]);
}

#[test]
fn what_is_ready_is_delivered() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.wait(10);
    story.poll(0, &[]);
    let first = story.take(1, 1);
    story.ack(first);
    story.is(&[Anomaly::NotDelivered]);

    let mut story = Story::new(Rules::default());
    story.send(1);
    story.lost_poll();
    story.wait(500);
    story.poll(0, &[]);
    story.wait(600);
    let first = story.take(1, 2);
    story.ack(first);
    story.is(&[]);
}

#[test]
fn what_was_acknowledged_is_found_at_the_end() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.send_as(2, |send| send.outcome = Outcome::Unknown);
    story.is(&[Anomaly::LostMessage]);
    let purge = story.whole();
    story.history.events.push(Event::Purge(purge));
    story.is(&[]);
    let first = story.take(1, 1);
    story.ack(first);
    story.is(&[Anomaly::AckedAgain]);
}

#[test]
fn a_queue_is_counted_as_it_is() {
    for (messages, expected) in
        [(1, &[][..]), (0, &[Anomaly::WrongCount][..]), (2, &[Anomaly::WrongCount][..])]
    {
        let mut story = Story::new(Rules::default());
        story.send(1);
        let count = Count { queue: 0, at: story.at(), messages, leased: 0 };
        story.history.events.push(Event::Count(count));
        let first = story.take(1, 1);
        story.ack(first);
        story.is(expected);
    }
}

#[test]
fn what_was_replayed_may_come_again() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.ack(first);
    let replay = story.whole();
    story.history.events.push(Event::Replay(replay));
    let again = story.take(1, 1);
    story.ack(again);
    story.is(&[]);
}

#[test]
fn a_crash_may_take_a_replay_back_and_what_was_delivered_after_it_to_a_connection() {
    for (connection, expected) in [(true, &[][..]), (false, &[Anomaly::WrongCount][..])] {
        let mut story = Story::new(Rules::default());
        story.send(1);
        for count in 1..=3 {
            let delivery = story.take(1, count);
            story.settle(delivery, Act::Release { delay_us: 0, counts: true }, Outcome::Done);
        }
        let replay = Whole { outcome: Outcome::Unknown, ..story.whole() };
        story.history.events.push(Event::Replay(replay));
        story.take(1, 1);
        let Some(Event::Poll(poll)) = story.history.events.last_mut() else {
            unreachable!("it was just added")
        };
        poll.connection = connection;
        let gone = story.at();
        story.history.events.push(Event::Restart(gone));
        story.wait(LEASE);
        let last = story.take(1, 4);
        story.ack(last);
        story.is(expected);
    }
}
