//! What is seen of a queue without taking anything, and what is taken out by its place, is true.
//!
//! Apart because whoever looks after a queue is none of its consumers: what is seen is compared with what consumers were told.

use std::collections::{BTreeMap, HashSet};

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::{Delivery, Facts, Message};
use super::history::{Act, Event, Look, Outcome, Placed, Seen, Span};
use super::ready::surely_ready;

pub(super) fn check(facts: &Facts<'_>, duplicates: &HashSet<u64>, verdict: &mut QueueVerdict) {
    for event in &facts.history.events {
        match event {
            Event::Look(look) => looked(facts, duplicates, look, verdict),
            Event::Placed(placed) => taken(facts, placed, verdict),
            _ => {}
        }
    }
}

/// Where a message surely is, if that is known.
fn surely(facts: &Facts<'_>, message: &Message<'_>, queue: usize, at: Span) -> Option<Seen> {
    let is_out = |delivery: &Delivery<'_>| delivery.queue() == queue && delivery.is_out(at.from, at.to);
    if message.deliveries.iter().any(is_out) {
        return Some(Seen::Out);
    }
    let send = message.sends.iter().find(|send| send.outcome == Outcome::Done && send.queue == queue)?;
    let is_in = |time: &Span| time.from <= at.from && time.to > at.to;
    surely_ready(facts, message, send).iter().any(is_in).then_some(Seen::Ready)
}

fn looked(facts: &Facts<'_>, duplicates: &HashSet<u64>, look: &Look, verdict: &mut QueueVerdict) {
    let (queue, at) = (look.queue, look.at);
    let name = &facts.rules(queue).name;
    let seen: BTreeMap<u64, Seen> = look.messages.iter().copied().collect();
    if seen.len() < look.messages.len() {
        verdict.anomalies.add(Anomaly::Duplicate, || format!("a message is twice in {name}: {look:?}"));
    }
    for number in seen.keys() {
        let message = facts.messages.get(number).filter(|_| !duplicates.contains(number));
        let Some(message) = message.filter(|message| !message.sends.is_empty()) else {
            verdict
                .anomalies
                .add(Anomaly::NeverSent, || format!("message {number} is seen in {name} at {at:?}"));
            continue;
        };
        if let Some(gone) = gone_before(facts, message, queue, at) {
            verdict.anomalies.add(Anomaly::AckedAgain, || {
                format!("message {number} is seen in {name} at {at:?}, gone at {gone:?}")
            });
        }
    }
    for (&number, message) in facts.messages.iter().filter(|(number, _)| !duplicates.contains(number)) {
        let Some(surely) = surely(facts, message, queue, at) else { continue };
        match seen.get(&number) {
            Some(how) if *how == surely => {}
            None if !look.is_all => {}
            other => verdict.anomalies.add(Anomaly::WrongCount, || {
                format!("message {number} is {surely:?} in {name} at {at:?}, and is seen as {other:?}")
            }),
        }
    }
}

/// When a message was surely done with, before a time.
fn gone_before(facts: &Facts<'_>, message: &Message<'_>, queue: usize, at: Span) -> Option<Span> {
    let lenient = facts.rules(queue).lenient || facts.rules(queue).gone_is_done;
    let acks = message.deliveries.iter().flat_map(Delivery::effective).filter(|settle| {
        settle.outcome == Outcome::Done && matches!(settle.act, Act::Ack { .. }) && !lenient
    });
    let placed = message.placed.iter().filter(|placed| placed.settles && placed.outcome == Outcome::Done);
    let gone = acks.map(|settle| settle.at).chain(placed.map(|placed| placed.at));
    gone.filter(|gone| gone.to < at.from && !facts.is_replayed(queue, gone.from, at.to))
        .min_by_key(|gone| gone.to)
}

/// What is taken out by its place was ready, and what was ready is taken out.
fn taken(facts: &Facts<'_>, placed: &Placed, verdict: &mut QueueVerdict) {
    let Some(message) = facts.messages.get(&placed.message) else { return };
    let surely = surely(facts, message, placed.queue, placed.at);
    let is_wrong = match placed.outcome {
        Outcome::Done => surely == Some(Seen::Out),
        Outcome::Refused => surely == Some(Seen::Ready),
        Outcome::Unknown => false,
    };
    if is_wrong {
        let kind = if placed.outcome == Outcome::Done { Anomaly::LeasedTwice } else { Anomaly::NotDelivered };
        verdict.anomalies.add(kind, || format!("{placed:?}, and it is surely {surely:?}"));
    }
}
