//! What is ready at the places of one log comes in its order: higher priorities first, then earlier places.
//!
//! Apart because it concerns pairs of messages: none is delivered while one before it was surely ready all the time. Places are
//! what sends are answered with.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::Facts;
use super::history::{Outcome, Span};
use super::ready::surely_ready;

/// The bits of a place that tell the log.
const LOG_SHIFT: u32 = 40;

/// The larger priority first, then the earlier place.
type Rank = (Reverse<u8>, u64);

/// One log of a queue.
#[derive(Default)]
struct Log {
    /// When messages were surely ready.
    waiting: Vec<(Span, Rank, u64)>,
    /// When messages were delivered.
    taken: Vec<(Span, Rank, u64)>,
}

pub(super) fn check(facts: &Facts<'_>, duplicates: &HashSet<u64>, verdict: &mut QueueVerdict) {
    let mut logs: BTreeMap<(usize, u64), Log> = BTreeMap::new();
    for (&number, message) in facts.messages.iter().filter(|(number, _)| !duplicates.contains(number)) {
        let Some(&send) = message.sends.iter().find(|send| send.outcome == Outcome::Done) else { continue };
        if !facts.rules(send.queue).in_order {
            continue;
        }
        let mut moved = false;
        for delivery in &message.deliveries {
            let Some(place) = delivery.got.place.filter(|_| delivery.queue() == send.queue) else { continue };
            let rank = (Reverse(send.priority), place);
            logs.entry((send.queue, place >> LOG_SHIFT)).or_default().taken.push((
                delivery.at(),
                rank,
                number,
            ));
            moved |= send.answer != Some(place);
        }
        // One that has been elsewhere and came back is at another place, since nobody knows when.
        let Some(place) = send.answer.filter(|_| !moved) else { continue };
        let log = logs.entry((send.queue, place >> LOG_SHIFT)).or_default();
        let rank = (Reverse(send.priority), place);
        log.waiting.extend(surely_ready(facts, message, send).into_iter().map(|time| (time, rank, number)));
    }
    for ((queue, _), log) in logs {
        compare(&facts.rules(queue).name, log, verdict);
    }
}

fn compare(name: &str, log: Log, verdict: &mut QueueVerdict) {
    let Log { mut waiting, mut taken } = log;
    waiting.sort_unstable_by_key(|(time, ..)| time.from);
    taken.sort_unstable_by_key(|(at, ..)| at.from);
    let mut coming = waiting.into_iter().peekable();
    // Those that may still be ready: until when, and which.
    let mut there: BTreeMap<Rank, (u64, u64)> = BTreeMap::new();
    for (at, rank, number) in taken {
        while let Some((time, of, other)) = coming.next_if(|(time, ..)| time.from <= at.from) {
            there.insert(of, (time.to, other));
        }
        verdict.tally.ranked += u64::from(!there.is_empty());
        let over: Vec<Rank> =
            there.range(..rank).filter(|(_, (to, _))| *to <= at.from).map(|(of, _)| *of).collect();
        for of in over {
            there.remove(&of);
        }
        if let Some((of, (_, other))) = there.range(..rank).find(|(_, (to, _))| *to > at.to) {
            verdict.anomalies.add(Anomaly::OutOfOrder, || {
                format!(
                    "message {number} in {name} ({rank:?}) is delivered at {at:?} although {other} ({of:?}) is ready"
                )
            });
        }
    }
}
