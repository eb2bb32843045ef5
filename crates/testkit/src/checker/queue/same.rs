//! A dedup id names one message for as long as its window lasts (Q8).
//!
//! Apart because it concerns sends, and decides which messages must never be seen: those that were recognised as another.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::Facts;
use super::history::{Event, Outcome, Send};

/// Judges all sends. Returns the messages that were recognised as others.
pub(super) fn check(facts: &Facts<'_>, verdict: &mut QueueVerdict) -> HashSet<u64> {
    let mut duplicates = HashSet::new();
    let mut first: HashMap<(usize, u64), &Send> = HashMap::new();
    let mut by_id: BTreeMap<(usize, u64), Vec<&Send>> = BTreeMap::new();
    let mut sends: Vec<&Send> = Vec::new();
    for event in &facts.history.events {
        if let Event::Send(send) = event {
            sends.push(send);
        }
    }
    sends.sort_by_key(|send| send.at.from);
    for send in sends {
        if let Some(id) = send.dedup.filter(|_| facts.rules(send.queue).dedup_window_us.is_some()) {
            by_id.entry((send.queue, id)).or_default().push(send);
        }
        let Some(answer) = send.answer.filter(|_| send.outcome == Outcome::Done) else { continue };
        let known = *first.entry((send.queue, answer)).or_insert(send);
        if std::ptr::eq(known, send) {
            continue;
        }
        verdict.tally.duplicates += 1;
        if send.dedup.is_none() || known.dedup != send.dedup {
            verdict.anomalies.add(Anomaly::Duplicate, || {
                format!("messages {} and {} are answered as if they were one", known.message, send.message)
            });
        }
        if known.message != send.message {
            duplicates.insert(send.message);
        }
    }
    for ((queue, id), sends) in by_id {
        let window = facts.rules(queue).dedup_window_us.unwrap_or_default();
        check_id(facts, id, window, &sends, verdict);
    }
    duplicates
}

fn check_id(facts: &Facts<'_>, id: u64, window: u64, sends: &[&Send], verdict: &mut QueueVerdict) {
    let slack = facts.slack();
    let done: Vec<&Send> = sends.iter().copied().filter(|send| send.outcome == Outcome::Done).collect();
    let original = |answer: Option<u64>| {
        done.iter().copied().find(|send| send.answer == answer).expect("it is one of them")
    };
    for pair in done.windows(2) {
        let [one, other] = pair else { continue };
        let began = original(one.answer);
        if one.answer == other.answer {
            if other.at.from > began.at.to.saturating_add(window).saturating_add(slack) {
                verdict.anomalies.add(Anomaly::Forgotten, || {
                    format!("id {id} is still remembered at {:?}, first sent at {:?}", other.at, began.at)
                });
            }
            continue;
        }
        // One of which nobody knows may have begun the window.
        let doubtful = |send: &&&Send| send.outcome == Outcome::Unknown && send.at.from <= began.at.to;
        let earliest = sends.iter().filter(doubtful).map(|send| send.at.from).min();
        let began_at = earliest.unwrap_or(began.at.from).min(began.at.from);
        if other.at.from >= one.at.to && other.at.to < (began_at + window).saturating_sub(slack) {
            verdict.anomalies.add(Anomaly::Forgotten, || {
                format!(
                    "id {id} sent at {:?} is stored again at {:?}: {:?}, {:?}",
                    began.at, other.at, one.answer, other.answer
                )
            });
        }
    }
}
