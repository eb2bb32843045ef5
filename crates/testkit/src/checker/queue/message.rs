//! What must hold for each message by itself.
//!
//! Apart because it is most of the promise: delivered only if it was sent, to one holder at a time, never again once it was
//! acked, its count true, not before and not after its time, moved for a reason, and at the end not lost.

use super::super::Anomaly;
use super::QueueVerdict;
use super::facts::{Delivery, Facts, Message, NEVER};
use super::history::{Act, Outcome, Send, Settle, Span};

/// A message with everything that its checks need.
struct Case<'a, 'b> {
    facts: &'b Facts<'a>,
    number: u64,
    message: &'b Message<'a>,
    verdict: &'b mut QueueVerdict,
}

/// Judges one message. One that `is_duplicate` was recognised as another and must never be seen.
pub(super) fn check(
    facts: &Facts<'_>,
    number: u64,
    message: &Message<'_>,
    is_duplicate: bool,
    verdict: &mut QueueVerdict,
) {
    let mut case = Case { facts, number, message, verdict };
    let may_be_there = |send: &&&Send| send.outcome != Outcome::Refused;
    let Some(send) = message.sends.iter().find(may_be_there).filter(|_| !is_duplicate) else {
        if let Some(delivery) = message.deliveries.first() {
            let kind = if message.sends.is_empty() { Anomaly::NeverSent } else { Anomaly::ReadOfFailed };
            case.found(kind, delivery, "is there, and must not be");
        }
        return;
    };
    let is_copy = send.together.is_some() && send.heir_of.is_none();
    case.verdict.tally.copies += u64::from(is_copy && !message.deliveries.is_empty());
    case.exclusive();
    case.settles();
    case.times(send);
    case.counts(send);
    case.moves(send);
    case.heirs(send);
    case.place();
    case.lost(send);
}

impl Case<'_, '_> {
    fn say(&mut self, kind: Anomaly, what: &str) {
        let number = self.number;
        self.verdict.anomalies.add(kind, || format!("message {number} {what}"));
    }

    fn found(&mut self, kind: Anomaly, delivery: &Delivery<'_>, what: &str) {
        let name = &self.facts.rules(delivery.queue()).name;
        let (at, got) = (delivery.at(), delivery.got);
        let what = format!(
            "{what}: delivery {} in {name} between {} and {}, for the {}th time",
            got.delivery, at.from, at.to, got.count
        );
        self.say(kind, &what);
    }

    /// Nobody has it while another one has it (Q4).
    fn exclusive(&mut self) {
        let mut all: Vec<&Delivery<'_>> = self.message.deliveries.iter().collect();
        all.sort_by_key(|delivery| delivery.at().to);
        for (nth, next) in all.iter().enumerate() {
            let at = next.at();
            let conflicts = |holder: &&&Delivery<'_>| {
                holder.is_out(at.from, at.to) || holder.is_out(at.to, at.to) && next.is_out(at.to, at.to)
            };
            if let Some(holder) = all[..nth].iter().find(conflicts) {
                let what = format!("is out twice, also as delivery {}", holder.got.delivery);
                self.found(Anomaly::LeasedTwice, next, &what);
            }
        }
    }

    /// Leases are honoured as long as they last, and never after; what was acked stays so (Q2).
    fn settles(&mut self) {
        let message = self.message;
        for placed in message.placed.iter().filter(|placed| placed.settles && placed.outcome == Outcome::Done)
        {
            self.stays_acked(placed.at, placed);
        }
        let deliveries = &message.deliveries;
        for (nth, delivery) in deliveries.iter().enumerate() {
            let queue = delivery.queue();
            if let Some(cut) = delivery.cut {
                let what = format!("has a lease until {} that is not honoured: {cut:?}", delivery.sure_end());
                self.found(Anomaly::LeaseCut, delivery, &what);
            }
            let lenient = self.facts.rules(queue).lenient;
            for settle in delivery.settles.iter().filter(|settle| settle.outcome == Outcome::Done) {
                let is_ack = matches!(settle.act, Act::Ack { .. });
                let is_late = matches!(settle.act, Act::Ack { late: true });
                let is_newer = |newer: &&Delivery<'_>| {
                    newer.at().from >= delivery.at().to
                        && newer.at().to <= settle.at.from
                        && !self.is_undone(newer, settle.at.to)
                };
                let newer = deliveries[nth + 1..].iter().find(is_newer);
                let is_gone = is_ack && self.may_be_gone(nth, settle);
                if newer.is_some() && !(is_ack && lenient || is_gone) {
                    let what = format!("is settled by an old receipt: {settle:?}");
                    self.found(Anomaly::StaleReceipt, delivery, &what);
                }
                if !is_late && !is_gone && settle.at.from > lasts_until(delivery, settle, self.facts.slack())
                {
                    let what = format!("is settled after its lease has ended: {settle:?}");
                    self.found(Anomaly::StaleReceipt, delivery, &what);
                }
                if is_ack && self.is_sure(nth, settle) {
                    self.stays_acked(settle.at, settle);
                }
            }
            for settle in &delivery.settles {
                if self.has_happened(delivery, settle) {
                    self.stays_acked(settle.at, settle);
                }
            }
            let in_doubt = |settle: &&Settle| {
                matches!(settle.act, Act::Ack { .. }) && settle.outcome == Outcome::Unknown
            };
            if delivery.settles.iter().copied().any(|settle| in_doubt(&settle)) && nth + 1 < deliveries.len()
            {
                self.verdict.tally.acked_unknown_again += 1;
            }
        }
    }

    /// Whether a crash may have taken a delivery back: it was bound to a connection, and nobody was told that it is durable.
    fn is_undone(&self, delivery: &Delivery<'_>, until: u64) -> bool {
        let is_known = delivery.settles.iter().any(|settle| settle.outcome == Outcome::Done);
        let restarted =
            self.facts.restarts.iter().any(|gone| gone.to >= delivery.at().from && gone.from <= until);
        delivery.poll.connection && !is_known && restarted
    }

    /// Whether an ack that was answered well has done away with the message.
    fn is_sure(&self, nth: usize, ack: &Settle) -> bool {
        let delivery = &self.message.deliveries[nth];
        let rules = self.facts.rules(delivery.queue());
        let says_little = rules.lenient || rules.gone_is_done;
        if !says_little || ack.at.to < full_lease_end(delivery, self.facts.slack()) {
            return true;
        }
        let newer = self.message.deliveries[nth + 1..].iter().any(|newer| newer.at().from <= ack.at.to);
        let lost = self.facts.lost_between(delivery.queue(), delivery.at().from, ack.at.to);
        !newer && lost == 0 && !self.is_spent(delivery)
    }

    /// Whether a message may have been gone already when it was acked once more, where that is answered like a good ack.
    fn may_be_gone(&self, nth: usize, ack: &Settle) -> bool {
        let all = &self.message.deliveries;
        let ends = |settle: &Settle| {
            matches!(settle.act, Act::Ack { .. } | Act::Reject)
                && settle.at.from <= ack.at.to
                && !std::ptr::eq(settle, ack)
        };
        let rules = self.facts.rules(all[nth].queue());
        rules.gone_is_done && all.iter().any(|other| other.effective().any(ends) || self.is_spent(other))
    }

    /// Whether an ack that was never answered has happened, since something was seen that happens only together with it.
    fn has_happened(&self, delivery: &Delivery<'_>, ack: &Settle) -> bool {
        ack.outcome == Outcome::Unknown
            && matches!(ack.act, Act::Ack { .. })
            && ack.together.is_some_and(|number| self.facts.happened.contains(&number))
            && ack.at.from > delivery.at().to
            && ack.at.to < full_lease_end(delivery, self.facts.slack())
            && delivery.effective().all(|other| std::ptr::eq(other, ack))
            && !self.facts.is_purged(delivery.queue(), delivery.at().from, ack.at.to)
            && !self.facts.is_replayed(delivery.queue(), delivery.at().from, ack.at.to)
    }

    fn stays_acked(&mut self, at: Span, ack: &dyn std::fmt::Debug) {
        for delivery in &self.message.deliveries {
            let queue = delivery.queue();
            if delivery.at().from > at.to && !self.facts.is_replayed(queue, at.from, delivery.at().to) {
                let what = format!("comes again after {ack:?}");
                self.found(Anomaly::AckedAgain, delivery, &what);
            }
        }
    }

    /// Not before its delay and not after its time to live (Q9), and not after everything was purged.
    fn times(&mut self, send: &Send) {
        let slack = self.facts.slack();
        for (nth, delivery) in self.message.deliveries.iter().enumerate() {
            let at = delivery.at();
            let is_home = delivery.queue() == send.queue;
            let since = nth.checked_sub(1).map(|before| &self.message.deliveries[before]);
            let asked = since.map_or(send.at.from, |before| before.at().from);
            let is_replayed = self.facts.is_replayed(delivery.queue(), asked, at.to);
            let letters = self.facts.rules(send.queue).dead_letter;
            let came_back =
                letters.is_some_and(|letters| self.facts.is_redriven(letters, send.at.from, at.to));
            let not_before = match since {
                _ if is_replayed || !is_home || came_back => 0,
                None => (send.at.from + send.delay_us).saturating_sub(slack),
                Some(before) => {
                    // A later one is of a life in which this delivery, bound to its connection, has never been.
                    let is_earlier =
                        |settle: &&&Settle| settle.outcome == Outcome::Done && settle.at.from <= at.to;
                    let put_off = before.settles.iter().rev().find(is_earlier);
                    match put_off.map(|settle| (settle.act, settle.at.from)) {
                        Some((Act::Release { delay_us, .. }, asked)) => {
                            (asked + delay_us).saturating_sub(slack)
                        }
                        _ => 0,
                    }
                }
            };
            if at.to < not_before {
                let what = format!("comes before {not_before}");
                self.found(Anomaly::TooEarly, delivery, &what);
            }
            let is_forgotten = came_back || self.facts.is_replayed(send.queue, send.at.from, at.to);
            if let Some(lives) = send.time_to_live_us.filter(|_| is_home && !is_forgotten)
                && at.from > send.at.to.saturating_add(lives).saturating_add(slack)
            {
                self.found(Anomaly::TooLate, delivery, "comes after its time to live");
            }
            let purged = |purge: &&super::Whole| {
                purge.outcome == Outcome::Done && purge.at.from > send.at.to && purge.at.to < at.from
            };
            let purge = self.facts.purges[delivery.queue()].iter().copied().rfind(|purge| purged(purge));
            if let Some(purge) = purge.filter(|_| is_home)
                && !self.facts.is_replayed(send.queue, purge.at.from, at.to)
            {
                let what = format!("comes after {purge:?}");
                self.found(Anomaly::AckedAgain, delivery, &what);
            }
        }
    }

    /// Each delivery says how many there were (Q6, Q10), but for those that nobody has seen.
    fn counts(&mut self, send: &Send) {
        let mut before: Option<&Delivery<'_>> = None;
        // Deliveries of which a crash may have lost the count.
        let mut unlogged = 0;
        for (nth, delivery) in self.message.deliveries.iter().enumerate() {
            let (queue, at, count) = (delivery.queue(), delivery.at(), delivery.got.count);
            let stays = before.filter(|before| before.queue() == queue);
            let since = before.map_or(send.at.from, |before| before.at().from);
            let lost = self.facts.lost_between(queue, since, at.to);
            let letters = self.facts.rules(queue).dead_letter;
            let came_back = letters.is_some_and(|letters| self.facts.is_redriven(letters, since, at.to))
                || self.facts.is_redriven(queue, since, at.to);
            let is_fresh = stays.is_none() || came_back || self.facts.is_replayed(queue, since, at.to);
            let (mut least, mut most) = (1, 1 + lost);
            if let Some(before) = stays {
                most = before.got.count + 1 + lost;
                let takes_back = |settle: &Settle| matches!(settle.act, Act::Release { counts: false, .. });
                let not_counted = before.effective().filter(|settle| takes_back(settle));
                for settle in not_counted {
                    least = 0;
                    most -= u32::from(settle.outcome == Outcome::Done);
                }
                if is_fresh {
                    least = 1;
                } else {
                    let restarted = self
                        .facts
                        .restarts
                        .iter()
                        .any(|gone| gone.to >= before.at().from && gone.from <= at.to);
                    let taken = u32::from(before.effective().any(takes_back));
                    let low = if restarted { unlogged } else { 0 };
                    least = (before.got.count + 1).saturating_sub(taken + low).max(least).max(1);
                }
            }
            most = most.max(self.most_without_undone(nth));
            if self.facts.rules(queue).says_again {
                (least, most) = (least.min(2), most.min(2));
            }
            if !(least..=most).contains(&count) {
                let what = format!("has a count that is not in {least}..={most}");
                self.found(Anomaly::WrongCount, delivery, &what);
            }
            if self.facts.rules(queue).delivery_limit.is_some_and(|limit| count > limit) {
                self.found(Anomaly::OverLimit, delivery, "is delivered more often than it may be");
            }
            let is_known = delivery.settles.iter().any(|settle| settle.outcome == Outcome::Done);
            unlogged = match delivery.poll.connection {
                true if !is_known => unlogged + 1,
                _ => 0,
            };
            self.verdict.tally.redelivered += u64::from(before.is_some());
            before = Some(delivery);
        }
    }

    /// The largest count of a delivery if a crash has taken the ones before it back, and with them whatever they showed that was
    /// not durable: such as a replay, after which they had begun anew.
    fn most_without_undone(&self, nth: usize) -> u32 {
        let (before, delivery) = (&self.message.deliveries[..nth], &self.message.deliveries[nth]);
        let (queue, until) = (delivery.queue(), delivery.at().to);
        // Of two at the same time either may have been the first, with the replay between them.
        let is_skipped =
            |before: &&Delivery<'_>| self.is_undone(before, until) || delivery.at().from <= before.at().to;
        let undone = before.iter().rev().take_while(is_skipped).count();
        let kept = before.iter().rev().skip(1).take(undone).filter(|kept| kept.queue() == queue);
        let most =
            |kept: &Delivery<'_>| kept.got.count + 1 + self.facts.lost_between(queue, kept.at().from, until);
        kept.map(most).max().unwrap_or(0)
    }

    /// It is elsewhere only for a reason (R3, Q6).
    fn moves(&mut self, send: &Send) {
        let mut queue = send.queue;
        let mut before: Option<&Delivery<'_>> = None;
        for delivery in &self.message.deliveries {
            let to = delivery.queue();
            let since = before.map_or(send.at.from, |before| before.at().from);
            if to != queue {
                let rules = self.facts.rules(queue);
                let is_back = self.facts.is_redriven(queue, since, delivery.at().to);
                let is_dead = rules.dead_letter == Some(to);
                if is_dead && !is_back {
                    self.verdict.tally.moved += 1;
                    if !self.may_have_died(queue, before, send, delivery) {
                        self.found(Anomaly::MovedUnasked, delivery, "is a dead letter without a reason");
                    }
                } else if is_back {
                    self.verdict.tally.moved_back += 1;
                } else {
                    self.found(Anomaly::MovedUnasked, delivery, "is where nobody has sent it");
                }
                queue = to;
            }
            before = Some(delivery);
        }
    }

    /// Whether a message may have gone from a queue to its dead letters.
    fn may_have_died(
        &self,
        queue: usize,
        before: Option<&Delivery<'_>>,
        send: &Send,
        there: &Delivery<'_>,
    ) -> bool {
        let rules = self.facts.rules(queue);
        let before = before.filter(|before| before.queue() == queue);
        let since = before.map_or(send.at.from, |before| before.at().from);
        let lost = self.facts.lost_between(queue, since, there.at().to);
        let most = before.map_or(0, |before| before.got.count) + lost;
        // The last delivery, and the one before one that a crash may have taken back, and so on.
        let mut may_be_last = true;
        let was_rejected = self.message.deliveries.iter().rev().any(|delivery| {
            let is_earlier = delivery.queue() == queue && delivery.at().from <= there.at().to;
            if !is_earlier || !may_be_last {
                return false;
            }
            may_be_last = self.is_undone(delivery, there.at().to);
            delivery.effective().any(|settle| matches!(settle.act, Act::Reject))
        });
        let is_old = send
            .time_to_live_us
            .is_some_and(|lives| there.at().to + self.facts.slack() >= send.at.from.saturating_add(lives));
        rules.delivery_limit.is_some_and(|limit| most >= limit)
            || was_rejected
            || is_old && queue == send.queue
            || rules.gives_up
    }

    /// What becomes of it where its dead letters go by a route is there only if it has died, and then it is gone itself.
    fn heirs(&mut self, send: &Send) {
        let mut is_first = true;
        for number in &self.message.heirs {
            let Some(heir) = self.facts.messages.get(number).and_then(|heir| heir.deliveries.first()) else {
                continue;
            };
            self.verdict.tally.inherited += u64::from(!is_first);
            is_first = false;
            let all = &self.message.deliveries;
            let before = all.iter().rev().find(|delivery| delivery.at().from <= heir.at().to);
            if !self.may_have_died(send.queue, before, send, heir) {
                self.found(Anomaly::MovedUnasked, heir, "is a dead letter without a reason");
            }
            if let Some(again) = all.iter().find(|delivery| delivery.at().from > heir.at().to) {
                let what = format!("comes although it is a dead letter already, as message {number}");
                self.found(Anomaly::AckedAgain, again, &what);
            }
        }
    }

    /// It is at one place in its queue, as long as it does not leave it.
    fn place(&mut self) {
        for pair in self.message.deliveries.windows(2) {
            let [before, after] = pair else { continue };
            let (one, other) = (before.got.place, after.got.place);
            let letters = self.facts.rules(after.queue()).dead_letter;
            let came_back = letters.is_some_and(|letters| self.facts.is_redriven(letters, 0, after.at().to))
                || self.facts.is_redriven(after.queue(), 0, after.at().to);
            if before.queue() == after.queue() && one != other && !came_back {
                let what = format!("is at {other:?}, and was at {one:?}");
                self.found(Anomaly::InconsistentOffsets, after, &what);
            }
        }
    }

    /// At the end everything is accounted for (Q1).
    fn lost(&mut self, send: &Send) {
        let has_happened = send.together.is_some_and(|number| self.facts.happened.contains(&number));
        if !self.facts.history.is_drained || send.outcome != Outcome::Done && !has_happened {
            return;
        }
        let deliveries = &self.message.deliveries;
        let ends = |delivery: &Delivery<'_>| {
            let has_route = self.facts.rules(delivery.queue()).buries();
            delivery.effective().any(|settle| match settle.act {
                Act::Ack { .. } => true,
                Act::Reject => !has_route,
                Act::Release { .. } => !has_route && self.is_spent(delivery),
                Act::Renew { .. } => false,
            }) || !has_route && self.is_spent(delivery)
        };
        let home = self.facts.rules(send.queue);
        let letters = home.dead_letter.filter(|letters| self.facts.is_purged(*letters, send.at.from, NEVER));
        let expired = send.time_to_live_us.is_some() && !home.buries();
        let is_there =
            |number: &u64| self.facts.messages.get(number).is_some_and(|heir| !heir.deliveries.is_empty());
        let is_excused = deliveries.iter().any(ends)
            || self.message.placed.iter().any(|placed| placed.settles)
            || self.message.heirs.iter().any(is_there)
            || self.facts.is_purged(send.queue, send.at.from, NEVER)
            || letters.is_some()
            || expired
            || home.gives_up && !home.buries();
        if !is_excused {
            let last = deliveries.last().map(|delivery| (delivery.got, delivery.queue(), &delivery.settles));
            let what = format!("sent at {:?} is lost; it was seen last as {last:?}", send.at);
            self.say(Anomaly::LostMessage, &what);
        }
    }

    /// Whether it may not be delivered again.
    fn is_spent(&self, delivery: &Delivery<'_>) -> bool {
        let queue = delivery.queue();
        let lost = self.facts.lost_between(queue, delivery.at().from, NEVER);
        let limit = self.facts.rules(queue).delivery_limit;
        limit.is_some_and(|limit| delivery.got.count + lost >= limit)
    }
}

/// How long a lease lasts at most, as it was when a settle was asked.
fn lasts_until(delivery: &Delivery<'_>, settle: &Settle, slack: u64) -> u64 {
    let mut until = delivery.at().to.saturating_add(delivery.poll.lease_us).saturating_add(slack);
    for before in delivery.effective().take_while(|before| before.at.from < settle.at.from) {
        if let Act::Renew { lease_us } = before.act {
            let renewed = before.at.to.saturating_add(lease_us).saturating_add(slack);
            until = if before.outcome == Outcome::Done { renewed } else { until.max(renewed) };
        }
    }
    until
}

/// How long a lease lasts at least, unless somebody ends it.
fn full_lease_end(delivery: &Delivery<'_>, slack: u64) -> u64 {
    let mut until = delivery.at().from.saturating_add(delivery.poll.lease_us).saturating_sub(slack);
    for settle in delivery.effective() {
        if let Act::Renew { lease_us } = settle.act {
            let renewed = settle.at.from.saturating_add(lease_us).saturating_sub(slack);
            until = if settle.outcome == Outcome::Done { renewed } else { until.min(renewed) };
        }
    }
    until
}
