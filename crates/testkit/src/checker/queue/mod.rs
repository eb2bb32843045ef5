//! Judges what clients of queues saw: every message once, to one at a time, in order, on time, and none lost.
//!
//! Apart from the judge of logs because messages are settled one by one and have no offsets that clients would know. Only
//! requests and answers count, each with the time in which it must have happened; an anomaly is what no order of events in those
//! times explains. What was asked and never answered may have happened or not, and excuses both.
//!
//! A message is one thing, wherever it is: in its queue, among the dead letters, back again. So most is judged message by
//! message ([`message`]); what concerns several, their order and their identity, beside it ([`order`], [`rank`], [`same`],
//! [`ready`], [`seen`]), and what concerns those who have them as well ([`holders`]).

mod facts;
mod history;
mod holders;
mod message;
mod order;
mod rank;
mod ready;
mod same;
mod seen;

pub use history::{
    Act, Count, Event, Got, History, Holding, Look, Outcome, Placed, Poll, Rules, Seen, Send, Settle, Span,
    Whole,
};

use super::{Anomalies, Anomaly};
use facts::Facts;

/// What was found.
#[derive(Debug, Default)]
pub struct QueueVerdict {
    /// Everything that must not be.
    pub anomalies: Anomalies,
    /// How much of everything there was.
    pub tally: Tally,
}

/// How much of everything there was: a history in which nothing happens proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Messages that were acknowledged to their senders.
    pub sent: u64,
    /// Sends of which nobody knows.
    pub sent_unknown: u64,
    /// Sends that were recognised as sent before.
    pub duplicates: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Of messages that had been delivered before.
    pub redelivered: u64,
    /// Acks that were confirmed.
    pub acked: u64,
    /// Acks of which nobody knows.
    pub acked_unknown: u64,
    /// Of those messages: came again.
    pub acked_unknown_again: u64,
    /// Leases that were prolonged.
    pub renewed: u64,
    /// Deliveries that were given back or rejected.
    pub given_back: u64,
    /// Receipts that were too old, and were refused.
    pub refused: u64,
    /// Messages that were found among the dead letters.
    pub moved: u64,
    /// Messages that came back from there.
    pub moved_back: u64,
    /// Asked for and never answered: whatever they took came back.
    pub polls_lost: u64,
    /// Counts that were compared.
    pub counted: u64,
    /// Restarts.
    pub restarts: u64,
    /// Messages that were taken out by their places.
    pub placed: u64,
    /// Messages that somebody looked at.
    pub looked: u64,
    /// Deliveries of which it was compared what else was ready.
    pub ranked: u64,
    /// Answers that were repeated.
    pub repeated: u64,
    /// Receives that were refused or cut short because enough was out.
    pub capped: u64,
    /// Holders that followed another where one is served at a time.
    pub succeeded: u64,
    /// Holders that were refused because one is alone.
    pub excluded: u64,
    /// Copies of one message that was sent to several queues.
    pub copies: u64,
    /// Messages that went to several queues when they died.
    pub inherited: u64,
}

impl Tally {
    /// The counts with their names.
    #[must_use]
    pub fn lines(&self) -> [(&'static str, u64); 25] {
        [
            ("messages sent", self.sent),
            ("sends in doubt", self.sent_unknown),
            ("duplicates recognised", self.duplicates),
            ("deliveries", self.delivered),
            ("redeliveries", self.redelivered),
            ("acks", self.acked),
            ("acks in doubt", self.acked_unknown),
            ("of these came again", self.acked_unknown_again),
            ("leases prolonged", self.renewed),
            ("given back or rejected", self.given_back),
            ("old receipts refused", self.refused),
            ("dead letters", self.moved),
            ("moved back", self.moved_back),
            ("receives in doubt", self.polls_lost),
            ("counts compared", self.counted),
            ("restarts", self.restarts),
            ("taken out by their places", self.placed),
            ("looked at", self.looked),
            ("deliveries ranked", self.ranked),
            ("answers repeated", self.repeated),
            ("receives capped", self.capped),
            ("single holders succeeded", self.succeeded),
            ("holders excluded", self.excluded),
            ("copies delivered", self.copies),
            ("dead letters with several heirs", self.inherited),
        ]
    }
}

/// Judges a history.
#[must_use]
pub fn judge(history: &History) -> QueueVerdict {
    let facts = Facts::gather(history);
    let mut verdict = QueueVerdict::default();
    facts.count(&mut verdict.tally);
    for problem in &facts.malformed {
        verdict.anomalies.add(Anomaly::Malformed, || problem.clone());
    }
    let duplicates = same::check(&facts, &mut verdict);
    for (number, message) in &facts.messages {
        message::check(&facts, *number, message, duplicates.contains(number), &mut verdict);
    }
    order::check(&facts, &duplicates, &mut verdict);
    ready::check(&facts, &duplicates, &mut verdict);
    rank::check(&facts, &duplicates, &mut verdict);
    holders::check(&facts, &mut verdict);
    seen::check(&facts, &duplicates, &mut verdict);
    verdict
}

#[cfg(test)]
mod tests;
