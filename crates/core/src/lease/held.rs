//! Answers to producers that are held back because their stream is too long: how it slows them down.
//!
//! Apart because it is about time alone. What was sent is in the log already; only that its producer hears of it is put off, so that one
//! that waits for its answers sends no more meanwhile, in any protocol. A stream passes its bound by what its producers have
//! under way, and no further. Nothing of it is durable: who waits for an answer when the broker stops never gets it.

use super::act::Act;
use super::group::Leases;
use super::ids::LeaseGroupId;
use super::log::LeaseLog;
use crate::catalog::Overflow;
use crate::effect::{Effects, ReplyEffect};
use crate::request::Reply;
use crate::shard::{Shard, Turn};
use alloc::collections::BTreeMap;
use millstream_types::{EngineTime, LogId};

/// An answer that waits for room waits so long at most: less than clients wait for an answer.
const BLOCKED_MS_MAX: u64 = 10_000;
/// How often it is looked whether there is room.
const LOOK_MS: u64 = 100;
/// What the answer to an append that makes a stream twice as long as it may be is put off by.
const SLOWED_MS_MAX: u64 = 5_000;
/// Results of appends that may be held back together, of all streams.
const RESULTS_MAX: usize = 65_536;
/// Answers that one tick looks at.
const LOOKS_PER_TICK: usize = 1_024;

/// Answers that are held back.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By when they are looked at next, and then in the order in which they came.
    answers: BTreeMap<(EngineTime, u64), Answer>,
    results: usize,
    next: u64,
}

#[derive(Debug)]
struct Answer {
    reply: ReplyEffect,
    results: usize,
    /// The log that has to have room; `None`: the time is all that is waited for.
    log: Option<LogId>,
    /// It is not held back for longer.
    until: EngineTime,
}

impl Held {
    /// Whether no more can be held back: then appends to streams that are too long are refused.
    pub(super) fn is_full(&self) -> bool {
        self.results >= RESULTS_MAX
    }

    fn add(&mut self, at: EngineTime, answer: Answer) {
        self.results += answer.results;
        self.next += 1;
        self.answers.insert((at, self.next), answer);
    }

    /// The next one that is to be looked at.
    fn pop_due(&mut self, now: EngineTime) -> Option<Answer> {
        self.answers.first_key_value().filter(|((at, _), _)| *at <= now)?;
        let (_, answer) = self.answers.pop_first()?;
        self.results -= answer.results;
        Some(answer)
    }

    /// When one is to be looked at.
    pub(super) fn next_deadline(&self) -> Option<EngineTime> {
        self.answers.first_key_value().map(|((at, _), _)| *at)
    }
}

/// By how much a log is longer than it may be, in parts of a thousand of its bound; 0: it is not.
fn excess(leases: &Leases, shard: &Shard, log: LogId) -> u64 {
    let Some(stream) = shard.streams.get(&log.stream) else { return 0 };
    let Some(end) = stream.logs.get(log.index as usize).map(|log| log.end) else { return 0 };
    let Some(group) = leases.group(LeaseGroupId::default_of(log.stream)) else { return 0 };
    let untouched = LeaseLog::default();
    let of = group.logs.get(log.index as usize).unwrap_or(&untouched);
    let settings = stream.entry.config.lease();
    let over = |length: u64, max: Option<u64>| {
        let over = max.map_or(0, |max| length.saturating_sub(max));
        // Above a bound of nothing everything is twice as long as it may be.
        if over == 0 { 0 } else { (over.saturating_mul(1_000) / max.unwrap_or(0).max(1)).max(1) }
    };
    let records = over(of.ready(end), settings.length_max());
    records.max(over(of.sizes.ready_bytes(), settings.length_bytes_max()))
}

/// Answers a producer: at once, or later if a stream that it has appended to says so.
pub(crate) fn answer(
    shard: &mut Shard,
    turn: Turn,
    logs: &[LogId],
    reply: ReplyEffect,
    effects: &mut Effects,
) {
    let mut latest: Option<(EngineTime, Option<LogId>, EngineTime)> = None;
    for &log in logs {
        let Some(stream) = shard.streams.get(&log.stream) else { continue };
        let (at, blocked, until) = match stream.entry.config.lease().overflow() {
            Overflow::DropOldest
            | Overflow::Reject
            | Overflow::DeadLetter
            | Overflow::RejectDeadLetter
            | Overflow::Sample => continue,
            Overflow::Block if excess(&shard.leases, shard, log) > 0 => {
                (turn.now.after_ms(LOOK_MS), Some(log), turn.now.after_ms(BLOCKED_MS_MAX))
            }
            Overflow::SlowDown => match excess(&shard.leases, shard, log) {
                0 => continue,
                excess => {
                    let until = turn.now.after_ms((SLOWED_MS_MAX * excess.min(1_000) / 1_000).max(1));
                    (until, None, until)
                }
            },
            Overflow::Block => continue,
        };
        if latest.is_none_or(|(_, _, before)| until > before) {
            latest = Some((at, blocked, until));
        }
    }
    let results = match &reply.reply {
        Reply::Appended(results) if results.iter().any(Result::is_ok) => results.len(),
        _ => 0,
    };
    match latest {
        Some((at, log, until)) if results > 0 && !shard.leases.held.is_full() => {
            shard.leases.held.add(at, Answer { reply, results, log, until });
        }
        _ => effects.replies.push(reply),
    }
}

impl Act<'_> {
    /// Lets answers go that have waited long enough, or whose stream has room again.
    pub(super) fn let_answers_go(&mut self) {
        let now = self.turn.now;
        for _ in 0..LOOKS_PER_TICK {
            let Some(answer) = self.shard.leases.held.pop_due(now) else { return };
            let is_over = |log| excess(&self.shard.leases, self.shard, log) > 0;
            if now < answer.until && answer.log.is_some_and(is_over) {
                let at = now.after_ms(LOOK_MS).min(answer.until);
                self.shard.leases.held.add(at, answer);
            } else {
                self.effects.replies.push(answer.reply);
            }
        }
    }
}
