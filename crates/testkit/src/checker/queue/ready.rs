//! What is ready comes to whoever asks, and counts are true (Q3, Q10).
//!
//! Apart because it concerns answers that a message is *not* in: from when on it surely was ready, and until when.

use std::collections::HashSet;

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::{Delivery, Facts, Message, NEVER};
use super::history::{Act, Count, Event, Outcome, Poll, Send, Span};

pub(super) fn check(facts: &Facts<'_>, duplicates: &HashSet<u64>, verdict: &mut QueueVerdict) {
    // By queue: polls that got less than they asked for, so that nothing else was ready.
    let mut short: Vec<Vec<&Poll>> = vec![Vec::new(); facts.history.queues.len()];
    for event in &facts.history.events {
        if let Event::Poll(poll) = event
            && poll.outcome == Outcome::Done
            && poll.takes_all
            && poll.got.len() < poll.asked as usize
        {
            short[poll.queue].push(poll);
        }
    }
    short.iter_mut().for_each(|polls| polls.sort_unstable_by_key(|poll| poll.at.from));
    for (&number, message) in facts.messages.iter().filter(|(number, _)| !duplicates.contains(number)) {
        let Some(&send) = message.sends.iter().find(|send| send.outcome == Outcome::Done) else { continue };
        woken(facts, number, message, send, verdict);
        for Span { from, to } in surely_ready(facts, message, send) {
            let polls = &short[send.queue];
            let after = polls.partition_point(|poll| poll.at.from < from);
            let mut missed = polls[after..].iter().take_while(|poll| poll.at.from <= to);
            if let Some(poll) = missed.find(|poll| poll.at.to <= to) {
                verdict.anomalies.add(Anomaly::NotDelivered, || {
                    format!(
                        "message {number} is ready from {from} to {to}, and a receive from {} at {:?} got only {} of {}",
                        facts.rules(send.queue).name,
                        poll.at,
                        poll.got.len(),
                        poll.asked
                    )
                });
            }
        }
    }
    for event in &facts.history.events {
        if let Event::Count(count) = event {
            counted(facts, duplicates, count, verdict);
        }
    }
}

/// Who waits gets a message when it is sent, not later.
fn woken(facts: &Facts<'_>, number: u64, message: &Message<'_>, send: &Send, verdict: &mut QueueVerdict) {
    let Some(first) = message.deliveries.first() else { return };
    let (at, name) = (first.at(), &facts.rules(first.queue()).name);
    // Nobody else may have had it before.
    let is_first = first.queue() == send.queue
        && first.got.count == 1
        && message.sends.len() == 1
        && facts.lost_between(send.queue, send.at.from, at.to) == 0
        && !facts.is_replayed(send.queue, send.at.from, at.to);
    if let Some(since) = first.poll.waits_since
        && is_first
        && send.delay_us == 0
        && since < send.at.from
        && at.from > send.at.to.saturating_add(facts.slack())
    {
        verdict.anomalies.add(Anomaly::NotDelivered, || {
            format!(
                "message {number} in {name}, sent at {:?}, comes only at {at:?} to who waits since {since}",
                send.at
            )
        });
    }
}

/// Times in which a message was surely ready in the queue that it was sent to.
pub(super) fn surely_ready(facts: &Facts<'_>, message: &Message<'_>, send: &Send) -> Vec<Span> {
    let (queue, slack) = (send.queue, facts.slack());
    let rules = facts.rules(queue);
    let is_elsewhere = message.deliveries.iter().any(|delivery| delivery.queue() != queue);
    let is_uncertain = rules.ordered
        || rules.gives_up
        || is_elsewhere
        || facts.is_redriven(queue, 0, NEVER)
        || message.sends.len() > 1;
    if is_uncertain {
        return Vec::new();
    }
    // After this nothing is sure any more.
    let dies = send.time_to_live_us.map_or(NEVER, |lives| (send.at.from + lives).saturating_sub(slack));
    let purged = facts.purges[queue].iter().filter(|purge| purge.at.to >= send.at.from);
    let purged = purged.map(|purge| purge.at.from).min().unwrap_or(NEVER);
    let replayed = facts.replays[queue].iter().map(|replay| replay.at.from).min().unwrap_or(NEVER);
    let end = dies.min(purged).min(replayed).min(message.ended_from());
    let mut from = send.at.to.saturating_add(send.delay_us).saturating_add(slack);
    let mut times = Vec::new();
    let mut count = 0;
    for delivery in &message.deliveries {
        add(facts, queue, count, Span { from, to: delivery.at().from.min(end) }, &mut times);
        // What a crash took back, a release and what came after it, leaves an earlier lease as it was.
        (from, count) = (from.max(delivery.may_end.saturating_add(slack)), delivery.got.count);
    }
    add(facts, queue, count, Span { from, to: end }, &mut times);
    times
}

/// Adds a time without those parts in which somebody may have had the message who never said so.
fn add(facts: &Facts<'_>, queue: usize, count: u32, time: Span, times: &mut Vec<Span>) {
    let limit = facts.rules(queue).delivery_limit.unwrap_or(u32::MAX);
    let Span { mut from, to } = time;
    let mut count = count;
    for (at, lease_us) in &facts.lost[queue] {
        let until = at.to.saturating_add(*lease_us).saturating_add(facts.slack());
        if until < from || at.from > to {
            continue;
        }
        if count < limit && from < at.from {
            times.push(Span { from, to: at.from });
        }
        from = from.max(until);
        count += 1;
    }
    // A message that may have been out as often as it may be is on its way elsewhere.
    if count < limit && from < to {
        times.push(Span { from, to });
    }
}

/// As many are there as must be, and no more than may be.
fn counted(facts: &Facts<'_>, duplicates: &HashSet<u64>, count: &Count, verdict: &mut QueueVerdict) {
    let (at, queue) = (count.at, count.queue);
    let rules = facts.rules(queue);
    let receives_letters = facts.history.queues.iter().any(|other| other.dead_letter == Some(queue));
    let is_uncertain = rules.gives_up
        || receives_letters
        || facts.is_replayed(queue, 0, at.to)
        || rules.dead_letter.is_some_and(|letters| facts.is_redriven(letters, 0, NEVER));
    if is_uncertain {
        return;
    }
    let (mut least, mut most, mut leased) = (0, 0, 0);
    for (_, message) in facts.messages.iter().filter(|(number, _)| !duplicates.contains(number)) {
        let sent = message.sends.iter().find(|send| send.queue == queue && send.outcome != Outcome::Refused);
        let Some(&send) = sent.filter(|send| send.at.from <= at.to) else { continue };
        let deliveries = &message.deliveries;
        let ends = |settle: &&super::Settle| matches!(settle.act, Act::Ack { .. } | Act::Reject);
        let settles = || deliveries.iter().flat_map(Delivery::effective).filter(ends);
        // What is on its way to the dead letters is counted here.
        let is_gone = |settle: &super::Settle| matches!(settle.act, Act::Ack { .. }) || !rules.buries();
        let surely_gone = settles().any(|settle| {
            settle.outcome == Outcome::Done && settle.at.to < at.from && !rules.lenient && is_gone(settle)
        }) || message
            .placed
            .iter()
            .any(|placed| placed.settles && placed.outcome == Outcome::Done && placed.at.to < at.from)
            || facts.purges[queue].iter().any(|purge| {
                purge.outcome == Outcome::Done && purge.at.from > send.at.to && purge.at.to < at.from
            });
        let maybe_gone = message.ended_from() <= at.to
            || facts.is_purged(queue, send.at.from, at.to)
            || send.time_to_live_us.is_some_and(|lives| send.at.from + lives <= at.to + facts.slack())
            || deliveries.iter().any(|delivery| delivery.queue() != queue)
            || rules.delivery_limit.is_some_and(|limit| {
                let before = deliveries.iter().filter(|delivery| delivery.at().from <= at.to);
                let most = before.map(|delivery| delivery.got.count).max().unwrap_or(0);
                most + facts.lost_between(queue, send.at.from, at.to) >= limit
            });
        let is_sent = send.outcome == Outcome::Done && send.at.to < at.from;
        least += u64::from(is_sent && !maybe_gone);
        most += u64::from(!surely_gone);
        let is_out = |delivery: &Delivery<'_>| delivery.is_out(at.from, at.to);
        leased += u64::from(deliveries.iter().any(is_out) && !maybe_gone);
    }
    if !(least..=most).contains(&count.messages) || count.leased < leased {
        verdict.anomalies.add(Anomaly::WrongCount, || {
            format!(
                "{} is said to have {count:?}, not {least}..={most} with at least {leased} out",
                rules.name
            )
        });
    }
}
