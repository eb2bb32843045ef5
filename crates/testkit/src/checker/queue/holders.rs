//! What holds for those who have messages: how many are out, who is served, who is alone, and what they get when they ask again.
//!
//! Apart because it concerns who asks, and all that is out at a time, not a message.

use std::collections::BTreeMap;

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::{Delivery, Facts};
use super::history::{Event, Holding, Outcome, Poll, Span};

pub(super) fn check(facts: &Facts<'_>, verdict: &mut QueueVerdict) {
    let mut deliveries: BTreeMap<u64, &Delivery<'_>> = BTreeMap::new();
    for message in facts.messages.values() {
        deliveries.extend(message.deliveries.iter().map(|delivery| (delivery.got.delivery, delivery)));
    }
    let mut polls: Vec<Vec<&Poll>> = vec![Vec::new(); facts.history.queues.len()];
    let (mut attached, mut left, mut yielded) = (Vec::new(), Vec::new(), Vec::new());
    for event in &facts.history.events {
        match event {
            Event::Poll(poll) => polls[poll.queue].push(poll),
            Event::Attach(holding) => attached.push(holding),
            Event::Leave(holding) => left.push(holding),
            Event::Yield(holding) => yielded.push(holding),
            _ => {}
        }
    }
    for (queue, mut polls) in polls.into_iter().enumerate() {
        polls.sort_by_key(|poll| (poll.at.from, poll.at.to));
        let of_queue: Vec<&Delivery<'_>> =
            deliveries.values().copied().filter(|delivery| delivery.queue() == queue).collect();
        capped(facts, &of_queue, &polls, verdict);
        repeated(facts, &deliveries, &polls, verdict);
        if facts.rules(queue).single {
            let ends: Vec<&Holding> =
                left.iter().chain(&yielded).copied().filter(|end| end.queue == queue).collect();
            single(facts, &polls, &ends, verdict);
        }
    }
    alone(facts, &attached, &left, verdict);
}

/// No more is out than may be (Q5), and nobody is refused while less is.
fn capped(facts: &Facts<'_>, of_queue: &[&Delivery<'_>], polls: &[&Poll], verdict: &mut QueueVerdict) {
    for poll in polls {
        let Some(most) = poll.leased_max else { continue };
        let (at, most) = (poll.at, most as usize);
        if poll.outcome == Outcome::Refused {
            let is_gone = |delivery: &Delivery<'_>| {
                delivery.settles.iter().any(|settle| {
                    settle.outcome == Outcome::Done
                        && settle.at.to < at.from
                        && !matches!(settle.act, super::Act::Renew { .. })
                })
            };
            let may_be_out = |delivery: &&&Delivery<'_>| {
                delivery.at().from <= at.to && delivery.may_end >= at.from && !is_gone(delivery)
            };
            let maybe = of_queue.iter().filter(may_be_out).count();
            verdict.tally.capped += 1;
            let may_be_lost = facts.lost[poll.queue]
                .iter()
                .any(|(lost, lease_us)| lost.from <= at.to && lost.to.saturating_add(*lease_us) >= at.from);
            if maybe < most && !may_be_lost {
                verdict.anomalies.add(Anomaly::NotDelivered, || {
                    format!("{poll:?} is refused although only {maybe} may be out")
                });
            }
            continue;
        }
        let is_new = |delivery: &&&Delivery<'_>| std::ptr::eq(delivery.poll, *poll);
        let got = of_queue.iter().filter(is_new).count();
        let out = of_queue.iter().filter(|delivery| delivery.is_out(at.from, at.to)).count();
        if got > 0 && out + got > most {
            verdict.anomalies.add(Anomaly::OverLimit, || {
                format!("{poll:?} is answered while {out} are out, which makes more than {most}")
            });
        }
        verdict.tally.capped += u64::from(got < poll.asked as usize && out + got == most);
    }
}

/// Who asks again under the same number gets the same, as long as it has all of it.
fn repeated(
    facts: &Facts<'_>,
    deliveries: &BTreeMap<u64, &Delivery<'_>>,
    polls: &[&Poll],
    verdict: &mut QueueVerdict,
) {
    let numbers = |poll: &Poll| poll.got.iter().map(|got| got.delivery).collect::<Vec<_>>();
    let mut before: BTreeMap<u64, &Poll> = BTreeMap::new();
    for &poll in polls.iter().filter(|poll| poll.outcome == Outcome::Done) {
        let first = poll.got.first().and_then(|got| deliveries.get(&got.delivery));
        let original = first.map(|delivery| delivery.poll).filter(|first| !std::ptr::eq(*first, poll));
        if let Some(original) = original {
            verdict.tally.repeated += 1;
            if poll.attempt.is_none()
                || poll.attempt != original.attempt
                || numbers(poll) != numbers(original)
            {
                verdict.anomalies.add(Anomaly::LeasedTwice, || {
                    format!("{poll:?} is answered with deliveries of {original:?}")
                });
            }
        }
        let Some(attempt) = poll.attempt else { continue };
        if let Some(&known) = before.get(&attempt) {
            let restarted =
                facts.restarts.iter().any(|gone| gone.to >= known.at.from && gone.from <= poll.at.to);
            let has_all = known.got.iter().all(|got| {
                let delivery = deliveries[&got.delivery];
                let is_touched = delivery.settles.iter().any(|settle| settle.at.from <= poll.at.to);
                !is_touched && delivery.is_out(poll.at.from, poll.at.to)
            });
            if has_all && !restarted && known.at.to < poll.at.from && numbers(known) != numbers(poll) {
                verdict
                    .anomalies
                    .add(Anomaly::Forgotten, || format!("{poll:?} is not answered like {known:?}"));
            }
        }
        if !poll.got.is_empty() {
            before.insert(attempt, poll);
        }
    }
}

/// One holder at a time is served, until it ends.
fn single(facts: &Facts<'_>, polls: &[&Poll], ends: &[&Holding], verdict: &mut QueueVerdict) {
    let mut served: Vec<&Poll> = polls.iter().copied().filter(|poll| !poll.got.is_empty()).collect();
    // Who has waited for long may be served late: the end of a time says more than its beginning.
    served.sort_by_key(|poll| (poll.at.to, poll.at.from));
    for pair in served.windows(2) {
        let [one, other] = pair else { continue };
        if one.holder == other.holder {
            continue;
        }
        let between = Span { from: one.at.from, to: other.at.to };
        let is_between = |at: Span| at.from <= between.to && at.to >= between.from;
        // In which order they were served is not known of two at the same time.
        let is_unclear = other.at.from <= one.at.to;
        let ended = ends.iter().any(|end| {
            let is_its = Some(end.holder) == one.holder || is_unclear && Some(end.holder) == other.holder;
            is_its && end.outcome != Outcome::Refused && is_between(end.at)
        });
        let restarted = facts.restarts.iter().any(|gone| is_between(*gone));
        verdict.tally.succeeded += u64::from(ended && !restarted);
        if !ended && !restarted {
            verdict.anomalies.add(Anomaly::NotAlone, || format!("{other:?} is served beside {one:?}"));
        }
    }
}

/// Who wants to be alone is, and nobody is refused without a reason.
fn alone(facts: &Facts<'_>, attached: &[&Holding], left: &[&Holding], verdict: &mut QueueVerdict) {
    // Until when it is attached at least, and at most.
    let until = |holding: &Holding| {
        let ends = left.iter().filter(|end| {
            (end.queue, end.holder) == (holding.queue, holding.holder) && end.at.to >= holding.at.from
        });
        let restart = facts.restarts.iter().find(|gone| gone.to >= holding.at.from);
        let sure = ends.clone().map(|end| end.at.from).chain(restart.map(|gone| gone.from)).min();
        let known = ends.filter(|end| end.outcome == Outcome::Done && end.at.from > holding.at.to);
        let maybe = known.map(|end| end.at.to).chain(restart.map(|gone| gone.to)).min();
        (sure.unwrap_or(u64::MAX), maybe.unwrap_or(u64::MAX))
    };
    let times: Vec<(u64, u64)> = attached.iter().map(|holding| until(holding)).collect();
    // Who attaches again may have changed its mind.
    let again = |holding: &Holding| {
        attached.iter().filter(|one| (one.queue, one.holder) == (holding.queue, holding.holder)).count() > 1
    };
    for next in attached {
        let others = || {
            let all = attached.iter().copied().zip(&times);
            all.filter(|(one, _)| one.queue == next.queue && one.holder != next.holder)
        };
        match next.outcome {
            Outcome::Done => {
                let is_alone = |(one, (sure, _)): &(&Holding, &(u64, u64))| {
                    one.outcome == Outcome::Done
                        && (one.exclusive && !again(one) || next.exclusive)
                        && one.at.to < next.at.from
                        && *sure > next.at.to
                };
                if let Some((one, _)) = others().find(is_alone) {
                    verdict
                        .anomalies
                        .add(Anomaly::NotAlone, || format!("{next:?} is attached beside {one:?}"));
                }
            }
            Outcome::Refused => {
                verdict.tally.excluded += 1;
                let is_reason = |(one, (_, maybe)): &(&Holding, &(u64, u64))| {
                    one.outcome != Outcome::Refused
                        && (one.exclusive || next.exclusive)
                        && one.at.from <= next.at.to
                        && *maybe >= next.at.from
                };
                if !others().any(|other| is_reason(&other)) {
                    verdict.anomalies.add(Anomaly::NotAlone, || format!("{next:?} is refused for no reason"));
                }
            }
            Outcome::Unknown => {}
        }
    }
}
