//! Messages of one key come one after another (Q7).
//!
//! Apart because it concerns pairs of messages: none is delivered while an earlier one of its key is ready or out.

use std::collections::{BTreeMap, HashSet};

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::{Delivery, Facts, Message, NEVER};
use super::history::{Act, Outcome, Send};

/// A message of a key.
struct Keyed<'a, 'b> {
    number: u64,
    send: &'a Send,
    message: &'b Message<'a>,
    place: Option<u64>,
    /// From here on it may be gone for good.
    gone_from: u64,
}

pub(super) fn check(facts: &Facts<'_>, duplicates: &HashSet<u64>, verdict: &mut QueueVerdict) {
    let mut keys: BTreeMap<(usize, u64), Vec<Keyed<'_, '_>>> = BTreeMap::new();
    for (&number, message) in facts.messages.iter().filter(|(number, _)| !duplicates.contains(number)) {
        let Some(&send) = message.sends.iter().find(|send| send.outcome == Outcome::Done) else { continue };
        let Some(key) = send.key.filter(|_| facts.rules(send.queue).ordered) else { continue };
        let place = message.deliveries.first().and_then(|delivery| delivery.got.place);
        let keyed = Keyed { number, send, message, place, gone_from: gone_from(message, send) };
        keys.entry((send.queue, key)).or_default().push(keyed);
    }
    for ((queue, key), mut of_key) in keys {
        of_key.sort_by_key(|keyed| (keyed.send.at.from, keyed.place));
        for (nth, later) in of_key.iter().enumerate() {
            let here = |delivery: &&Delivery<'_>| delivery.queue() == queue;
            for delivery in later.message.deliveries.iter().filter(here) {
                let waits = |earlier: &&Keyed<'_, '_>| {
                    earlier.gone_from > delivery.at().to
                        && is_before(earlier, later)
                        && must_wait(facts, earlier, delivery)
                };
                if let Some(earlier) = of_key[..nth].iter().find(waits) {
                    verdict.anomalies.add(Anomaly::OutOfOrder, || {
                        format!(
                            "message {} of key {key} in {} is delivered at {:?} although {} is there, sent at {:?}",
                            later.number,
                            facts.rules(queue).name,
                            delivery.at(),
                            earlier.number,
                            earlier.send.at
                        )
                    });
                }
            }
        }
    }
}

fn gone_from(message: &Message<'_>, send: &Send) -> u64 {
    let elsewhere = message.deliveries.iter().any(|delivery| delivery.queue() != send.queue);
    if elsewhere { 0 } else { message.ended_from() }
}

fn is_before(earlier: &Keyed<'_, '_>, later: &Keyed<'_, '_>) -> bool {
    match (earlier.place, later.place) {
        (Some(one), Some(other)) => one < other,
        _ => earlier.send.at.to < later.send.at.from,
    }
}

/// Whether an earlier message of the key was surely ready or out when this delivery was made.
fn must_wait(facts: &Facts<'_>, earlier: &Keyed<'_, '_>, later: &Delivery<'_>) -> bool {
    let (slack, at, queue) = (facts.slack(), later.at(), later.queue());
    let rules = facts.rules(queue);
    let deliveries = &earlier.message.deliveries;
    let send = earlier.send;
    let is_there = send.at.to <= at.from && send.at.to + send.delay_us + slack <= at.from;
    let together = deliveries.iter().any(|one| std::ptr::eq(one.poll, later.poll) && one.nth < later.nth);
    let put_off = deliveries.iter().flat_map(Delivery::effective).any(|settle| match settle.act {
        Act::Release { delay_us, .. } => {
            delay_us > 0 && settle.at.from <= at.to && settle.at.to + delay_us + slack >= at.from
        }
        _ => false,
    });
    let expired =
        send.time_to_live_us.is_some_and(|lives| send.at.from.saturating_add(lives) <= at.to + slack);
    let counts = deliveries.iter().filter(|one| one.at().from <= at.to).map(|one| one.got.count);
    let most = counts.max().unwrap_or(0) + facts.lost_between(queue, send.at.from, at.to);
    let may_be_dead = rules.delivery_limit.is_some_and(|limit| most >= limit) || rules.gives_up;
    is_there
        && !together
        && !put_off
        && !expired
        && !may_be_dead
        && !facts.is_purged(queue, send.at.from, at.to)
        && !facts.is_replayed(queue, 0, NEVER)
}
