//! As its parent, of what concerns several messages, holders, and those who look after queues.

use super::*;

fn in_order() -> Rules {
    Rules { in_order: true, ..Rules::default() }
}

impl Story {
    fn sent_at(&mut self, message: u64, priority: u8) {
        self.send_as(message, |send| send.priority = priority);
    }

    /// One message at its place, which is called like itself.
    fn takes_one(&mut self, message: u64, change: impl FnOnce(&mut Poll)) -> u64 {
        let delivery = self.take(message, 1);
        let poll = self.last_poll();
        poll.asked = 1;
        poll.got[0].place = Some(message);
        change(poll);
        delivery
    }

    fn last_poll(&mut self) -> &mut Poll {
        match self.history.events.last_mut() {
            Some(Event::Poll(poll)) => poll,
            other => unreachable!("the last event is {other:?}"),
        }
    }

    fn holding(&mut self, holder: u64, exclusive: bool, outcome: Outcome) -> Holding {
        Holding { queue: 0, holder, at: self.at(), exclusive, outcome }
    }

    fn look(&mut self, messages: &[(u64, Seen)]) {
        let look = Look { queue: 0, at: self.at(), messages: messages.to_vec(), is_all: true };
        self.history.events.push(Event::Look(look));
    }

    fn by_place(&mut self, message: u64, outcome: Outcome) {
        let placed = Placed { queue: 0, message, at: self.at(), settles: true, outcome };
        self.history.events.push(Event::Placed(placed));
    }

    fn ack_all(&mut self, deliveries: &[u64]) {
        deliveries.iter().for_each(|delivery| self.ack(*delivery));
    }
}

#[test]
fn higher_priorities_come_first_and_then_earlier_places() {
    for (order, expected) in [
        ([3, 1, 2], &[][..]),
        ([1, 3, 2], &[Anomaly::OutOfOrder][..]),
        ([3, 2, 1], &[Anomaly::OutOfOrder][..]),
    ] {
        let mut story = Story::new(in_order());
        story.sent_at(1, 0);
        story.sent_at(2, 0);
        story.sent_at(3, 4);
        story.wait(5);
        let deliveries = order.map(|message| story.takes_one(message, |_| {}));
        story.ack_all(&deliveries);
        story.is(expected);
    }
}

#[test]
fn what_happens_together_is_there_whole_or_not_at_all() {
    let story = |is_seen: bool, comes_again: bool| {
        let mut story = Story::new(Rules::default());
        story.send(9);
        let first = story.take(9, 1);
        for message in [1, 2] {
            story.send_as(message, |send| (send.outcome, send.together) = (Outcome::Unknown, Some(5)));
        }
        story.settle(first, Act::Ack { late: false }, Outcome::Unknown);
        let Some(Event::Settle(settle)) = story.history.events.last_mut() else {
            unreachable!("it was just added")
        };
        settle.together = Some(5);
        story.wait(2 * LEASE);
        if is_seen {
            let seen = story.take(1, 1);
            story.ack(seen);
        }
        if comes_again {
            let again = story.take(9, 2);
            story.ack(again);
        }
        story
    };
    story(false, true).is(&[]);
    story(true, false).is(&[Anomaly::LostMessage]);
    story(true, true).is(&[Anomaly::AckedAgain, Anomaly::LostMessage]);
}

#[test]
fn a_dead_letter_has_all_its_heirs_or_none() {
    let rules = || Rules { has_heirs: true, ..Rules::default() };
    let heirs = |story: &mut Story| {
        story.send(1);
        for heir in [11, 12] {
            story.send_as(heir, |send| {
                send.queue = 1;
                (send.outcome, send.together, send.heir_of) = (Outcome::Unknown, Some(5), Some(1));
                send.at.to = u64::MAX;
            });
        }
        story.take(1, 1)
    };
    let mut story = Story::new(rules());
    let first = heirs(&mut story);
    story.settle(first, Act::Reject, Outcome::Done);
    story.is(&[Anomaly::LostMessage]);
    let left = story.poll(1, &[(11, 1)]);
    story.ack(left);
    story.is(&[Anomaly::LostMessage]);
    let right = story.poll(1, &[(12, 1)]);
    story.ack(right);
    assert_eq!(story.is(&[]).inherited, 1);
    story.wait(2 * LEASE);
    let again = story.take(1, 2);
    story.ack(again);
    story.is(&[Anomaly::AckedAgain]);

    let mut story = Story::new(rules());
    let first = heirs(&mut story);
    story.settle(first, Act::Release { delay_us: 0, counts: true }, Outcome::Done);
    let both = story.poll(1, &[(11, 1), (12, 1)]);
    story.ack_all(&[both, both + 1]);
    story.is(&[Anomaly::MovedUnasked]);
}

#[test]
fn who_looks_sees_what_is_there() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.send(2);
    story.wait(5);
    let first = story.takes_one(1, |_| {});
    story.look(&[(1, Seen::Out), (2, Seen::Ready)]);
    story.ack(first);
    story.look(&[(2, Seen::Ready)]);
    let second = story.takes_one(2, |_| {});
    story.ack(second);
    story.is(&[]);
    for (wrong, expected) in [
        (vec![(1, Seen::Ready), (2, Seen::Ready)], Anomaly::WrongCount),
        (vec![(1, Seen::Out)], Anomaly::WrongCount),
        (vec![(1, Seen::Out), (2, Seen::Ready), (7, Seen::Ready)], Anomaly::NeverSent),
    ] {
        let mut story = Story::new(Rules::default());
        story.send(1);
        story.send(2);
        story.wait(5);
        let first = story.takes_one(1, |_| {});
        story.look(&wrong);
        let second = story.takes_one(2, |_| {});
        story.ack_all(&[first, second]);
        story.is(&[expected]);
    }
    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.takes_one(1, |_| {});
    story.ack(first);
    story.look(&[(1, Seen::Ready)]);
    story.is(&[Anomaly::AckedAgain]);
}

#[test]
fn what_is_ready_is_taken_by_its_place_and_what_is_out_is_not() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.wait(5);
    story.by_place(1, Outcome::Done);
    assert_eq!(story.is(&[]).placed, 1);
    story.take(1, 1);
    story.is(&[Anomaly::AckedAgain]);

    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.take(1, 1);
    story.by_place(1, Outcome::Refused);
    story.ack(first);
    story.is(&[]);
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.take(1, 1);
    story.by_place(1, Outcome::Done);
    story.is(&[Anomaly::LeasedTwice]);
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.wait(5);
    story.by_place(1, Outcome::Refused);
    let first = story.take(1, 1);
    story.ack(first);
    story.is(&[Anomaly::NotDelivered]);
}

#[test]
fn who_waits_is_woken_by_what_is_sent() {
    for (late, expected) in [(false, &[][..]), (true, &[Anomaly::NotDelivered][..])] {
        let mut story = Story::new(Rules::default());
        let since = story.at().from;
        story.send(1);
        if late {
            story.wait(10);
        }
        let first = story.takes_one(1, |poll| poll.waits_since = Some(since));
        story.ack(first);
        story.is(expected);
    }
}

#[test]
fn no_more_is_out_than_may_be_and_nobody_is_refused_before() {
    for (most, refused, expected) in [
        (2, false, &[][..]),
        (1, false, &[Anomaly::OverLimit][..]),
        (1, true, &[][..]),
        (2, true, &[Anomaly::NotDelivered][..]),
    ] {
        let mut story = Story::new(Rules::default());
        story.send(1);
        story.send(2);
        let mut deliveries = vec![story.takes_one(1, |_| {})];
        if refused {
            story.poll(0, &[]);
            let poll = story.last_poll();
            (poll.leased_max, poll.outcome) = (Some(most), Outcome::Refused);
            deliveries.push(story.takes_one(2, |_| {}));
        } else {
            deliveries.push(story.takes_one(2, |poll| poll.leased_max = Some(most)));
        }
        story.ack_all(&deliveries);
        story.is(expected);
    }
}

#[test]
fn an_attempt_that_is_repeated_gets_what_it_got() {
    let mut story = Story::new(Rules::default());
    story.send(1);
    story.send(2);
    let first = story.takes_one(1, |poll| poll.attempt = Some(7));
    story.takes_one(1, |poll| {
        poll.attempt = Some(7);
        poll.got[0].delivery = first;
    });
    let second = story.takes_one(2, |_| {});
    story.ack_all(&[first, second]);
    assert_eq!(story.is(&[]).repeated, 1);

    let mut story = Story::new(Rules::default());
    story.send(1);
    story.send(2);
    let first = story.takes_one(1, |poll| poll.attempt = Some(7));
    let second = story.takes_one(2, |poll| poll.attempt = Some(7));
    story.ack_all(&[first, second]);
    story.is(&[Anomaly::Forgotten]);

    let mut story = Story::new(Rules::default());
    story.send(1);
    let first = story.takes_one(1, |poll| poll.attempt = Some(7));
    story.takes_one(1, |poll| {
        poll.attempt = Some(8);
        poll.got[0].delivery = first;
    });
    story.ack(first);
    story.is(&[Anomaly::LeasedTwice]);
}

#[test]
fn one_holder_at_a_time_is_served_until_it_ends() {
    for (ends, expected) in [(true, &[][..]), (false, &[Anomaly::NotAlone][..])] {
        let mut story = Story::new(Rules { single: true, ..Rules::default() });
        story.send(1);
        story.send(2);
        let first = story.takes_one(1, |poll| poll.holder = Some(1));
        if ends {
            let end = story.holding(1, false, Outcome::Done);
            story.history.events.push(Event::Yield(end));
        }
        let second = story.takes_one(2, |poll| poll.holder = Some(2));
        story.ack_all(&[first, second]);
        story.is(expected);
    }
}

#[test]
fn who_wants_to_be_alone_is() {
    for (exclusive, leaves, outcome, expected) in [
        (true, false, Outcome::Done, &[Anomaly::NotAlone][..]),
        (true, false, Outcome::Refused, &[][..]),
        (true, true, Outcome::Done, &[][..]),
        (true, true, Outcome::Refused, &[Anomaly::NotAlone][..]),
        (false, false, Outcome::Done, &[][..]),
        (false, false, Outcome::Refused, &[Anomaly::NotAlone][..]),
    ] {
        let mut story = Story::new(Rules::default());
        let first = story.holding(1, exclusive, Outcome::Done);
        story.history.events.push(Event::Attach(first));
        if leaves {
            let end = story.holding(1, false, Outcome::Done);
            story.history.events.push(Event::Leave(end));
        }
        let second = story.holding(2, false, outcome);
        story.history.events.push(Event::Attach(second));
        story.is(expected);
    }
}

#[test]
fn who_waited_for_long_and_is_served_late_follows_the_one_before() {
    let mut story = Story::new(Rules { single: true, ..Rules::default() });
    for message in [1, 2, 3] {
        story.send(message);
    }
    let since = story.now;
    for (message, holder) in [(1, 1), (2, 1), (3, 2)] {
        if holder == 2 {
            let at = story.at();
            let left = Holding { queue: 0, holder: 1, at, exclusive: false, outcome: Outcome::Done };
            story.history.events.push(Event::Leave(left));
        }
        let delivery = story.take(message, 1);
        story.ack(delivery);
        let polls = story.history.events.iter_mut().rev().find_map(|event| match event {
            Event::Poll(poll) => Some(poll),
            _ => None,
        });
        let poll = polls.unwrap();
        poll.holder = Some(holder);
        // A consumer is sent one after the other.
        poll.takes_all = false;
        if holder == 2 {
            poll.at.from = since;
        }
    }
    assert_eq!(story.is(&[]).succeeded, 1);
}

#[test]
fn a_queue_that_says_only_again_is_judged_by_that() {
    let again = Rules { says_again: true, ..Rules::default() };
    let story = |counts: &[u32]| {
        let mut story = Story::new(again.clone());
        story.send(1);
        for (nth, count) in counts.iter().enumerate() {
            let delivery = story.take(1, *count);
            if nth + 1 < counts.len() {
                story.settle(delivery, Act::Release { delay_us: 0, counts: true }, Outcome::Done);
            } else {
                story.ack(delivery);
            }
        }
        story
    };
    story(&[1, 2, 2, 2]).is(&[]);
    story(&[1, 2, 1]).is(&[Anomaly::WrongCount]);
    story(&[2]).is(&[Anomaly::WrongCount]);
}
