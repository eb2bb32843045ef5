//! A history put together by message: its sends, its deliveries, and how long each lease lasted.
//!
//! Apart because every check asks the same: until when had somebody a message *surely*, and until when *maybe*.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Tally;
use super::history::{Act, Event, Got, History, Outcome, Placed, Poll, Rules, Send, Settle, Span, Whole};

/// Never answered, or never.
pub(super) const NEVER: u64 = u64::MAX;

/// One message.
#[derive(Default)]
pub(super) struct Message<'a> {
    /// In the order in which they were asked.
    pub(super) sends: Vec<&'a Send>,
    /// In the order in which they may have been made.
    pub(super) deliveries: Vec<Delivery<'a>>,
    /// What was done with it by its place, or may have been.
    pub(super) placed: Vec<&'a Placed>,
    /// What becomes of it where dead letters go by a route.
    pub(super) heirs: Vec<u64>,
}

impl Message<'_> {
    /// When it may have been done with for good, first.
    pub(super) fn ended_from(&self) -> u64 {
        let ends = |settle: &&Settle| matches!(settle.act, Act::Ack { .. } | Act::Reject);
        let settled = self.deliveries.iter().flat_map(Delivery::effective).filter(ends);
        let placed = self.placed.iter().map(|placed| placed.at.from);
        settled.map(|settle| settle.at.from).chain(placed).min().unwrap_or(NEVER)
    }
}

/// One delivery of a message.
pub(super) struct Delivery<'a> {
    pub(super) poll: &'a Poll,
    pub(super) got: &'a Got,
    /// Its place in its answer.
    pub(super) nth: usize,
    pub(super) settles: Vec<&'a Settle>,
    /// Times in which its holder has it for certain, each from the first to before the second.
    sure: Vec<(u64, u64)>,
    /// From here on its holder has it no more, and it is not put off.
    pub(super) may_end: u64,
    /// A settle that had to be honoured and was not.
    pub(super) cut: Option<&'a Settle>,
}

impl Delivery<'_> {
    pub(super) fn at(&self) -> Span {
        self.poll.at
    }

    pub(super) fn queue(&self) -> usize {
        self.poll.queue
    }

    /// Whether its holder has it for certain, all the time from one moment to the other.
    pub(super) fn is_out(&self, from: u64, to: u64) -> bool {
        self.sure.iter().any(|(since, until)| from >= *since && to < *until)
    }

    /// Until when its holder has it for certain.
    pub(super) fn sure_end(&self) -> u64 {
        self.sure.last().map_or(0, |(_, until)| *until)
    }

    /// Those that happened, or may have.
    pub(super) fn effective(&self) -> impl Iterator<Item = &Settle> {
        self.settles.iter().copied().filter(|settle| settle.outcome != Outcome::Refused)
    }
}

/// A whole history by message.
pub(super) struct Facts<'a> {
    pub(super) history: &'a History,
    pub(super) messages: BTreeMap<u64, Message<'a>>,
    /// By queue: polls that were never answered, with how long what they took was out.
    pub(super) lost: Vec<Vec<(Span, u64)>>,
    pub(super) purges: Vec<Vec<&'a Whole>>,
    pub(super) replays: Vec<Vec<&'a Whole>>,
    pub(super) redrives: Vec<Vec<&'a Whole>>,
    pub(super) restarts: Vec<Span>,
    /// Numbers of what happens together, of which something was seen: all of it has happened.
    pub(super) happened: HashSet<u64>,
    pub(super) malformed: Vec<String>,
}

impl<'a> Facts<'a> {
    pub(super) fn gather(history: &'a History) -> Facts<'a> {
        let queues = history.queues.len();
        let mut facts = Facts {
            history,
            messages: BTreeMap::new(),
            lost: vec![Vec::new(); queues],
            purges: vec![Vec::new(); queues],
            replays: vec![Vec::new(); queues],
            redrives: vec![Vec::new(); queues],
            restarts: Vec::new(),
            happened: HashSet::new(),
            malformed: Vec::new(),
        };
        let mut settles: HashMap<u64, Vec<&Settle>> = HashMap::new();
        for event in &history.events {
            match event {
                Event::Settle(settle) => settles.entry(settle.delivery).or_default().push(settle),
                Event::Restart(span) => facts.restarts.push(*span),
                Event::Purge(whole) => facts.purges[whole.queue].push(whole),
                Event::Replay(whole) => facts.replays[whole.queue].push(whole),
                Event::Redrive(whole) => facts.redrives[whole.queue].push(whole),
                Event::Send(send) => {
                    facts.messages.entry(send.message).or_default().sends.push(send);
                    if let Some(parent) = send.heir_of {
                        facts.messages.entry(parent).or_default().heirs.push(send.message);
                    }
                }
                Event::Placed(placed) if placed.outcome != Outcome::Refused => {
                    facts.messages.entry(placed.message).or_default().placed.push(placed);
                }
                Event::Poll(poll) if poll.outcome == Outcome::Unknown => {
                    facts.lost[poll.queue].push((poll.at, poll.lease_us));
                }
                Event::Poll(_) | Event::Count(_) => {}
                Event::Placed(_) | Event::Look(_) => {}
                Event::Attach(_) | Event::Leave(_) | Event::Yield(_) => {}
            }
        }
        facts.lost.iter_mut().for_each(|lost| lost.sort_unstable_by_key(|(at, _)| at.from));
        facts.restarts.sort_unstable_by_key(|at| at.from);
        let mut known = HashSet::new();
        for event in &history.events {
            let Event::Poll(poll) = event else { continue };
            for (nth, got) in poll.got.iter().enumerate() {
                // Told twice, it was delivered once.
                if !known.insert(got.delivery) {
                    continue;
                }
                let mut settles = settles.remove(&got.delivery).unwrap_or_default();
                settles.sort_unstable_by_key(|settle| settle.at.from);
                let mut delivery =
                    Delivery { poll, got, nth, settles, sure: Vec::new(), may_end: NEVER, cut: None };
                facts.time(&mut delivery);
                facts.messages.entry(got.message).or_default().deliveries.push(delivery);
            }
        }
        facts.malformed.extend(settles.keys().map(|delivery| format!("delivery {delivery} was never made")));
        for message in facts.messages.values_mut() {
            message.sends.sort_unstable_by_key(|send| send.at.from);
            sort(&mut message.deliveries, &facts.replays);
            if !message.deliveries.is_empty() {
                facts.happened.extend(message.sends.iter().filter_map(|send| send.together));
            }
        }
        facts
    }

    pub(super) fn rules(&self, queue: usize) -> &'a Rules {
        &self.history.queues[queue]
    }

    pub(super) fn slack(&self) -> u64 {
        self.history.slack_us
    }

    /// How long a delivery's lease lasted.
    fn time(&self, delivery: &mut Delivery<'a>) {
        let poll = delivery.poll;
        let slack = self.slack();
        let (from, to) = (poll.at.from, poll.at.to);
        // What ends any lease, and what ends one that is bound to its connection.
        let wholes = self.purges[poll.queue].iter().chain(&self.replays[poll.queue]);
        let whole = wholes.filter(|whole| whole.at.to >= from && whole.outcome != Outcome::Refused);
        let whole = whole.map(|whole| whole.at.from).min().unwrap_or(NEVER);
        let restart = self.restarts.iter().find(|at| poll.connection && at.from >= from);
        let cap = whole.min(restart.map_or(NEVER, |at| at.from));
        let may_cap = restart.map_or(NEVER, |at| at.to);
        let mut sure = from.saturating_add(poll.lease_us).saturating_sub(slack).min(cap);
        let mut may = to.saturating_add(poll.lease_us).saturating_add(slack).min(may_cap);
        let (mut since, mut earlier) = (to, Vec::new());
        for settle in &delivery.settles {
            let Span { from: asked, to: answered } = settle.at;
            let is_alone = delivery
                .settles
                .iter()
                .all(|other| other.at == settle.at || other.at.to < asked || answered < other.at.from);
            match (settle.act, settle.outcome) {
                (_, Outcome::Refused) => {
                    if is_alone && asked >= to && answered < sure {
                        delivery.cut = Some(settle);
                    }
                }
                (Act::Renew { lease_us }, Outcome::Done) => {
                    // What had ended it for all that was known has not happened, or a crash took it back. Meanwhile somebody
                    // else may have had the message.
                    if sure <= asked {
                        earlier.push((since, sure));
                        since = answered;
                    }
                    sure = asked.saturating_add(lease_us).saturating_sub(slack).min(cap);
                    may = answered.saturating_add(lease_us).saturating_add(slack).min(may_cap);
                }
                (Act::Renew { lease_us }, Outcome::Unknown) => {
                    sure = sure.min(asked.saturating_add(lease_us).saturating_sub(slack));
                    may = may.max(answered.saturating_add(lease_us).saturating_add(slack)).min(may_cap);
                }
                (Act::Release { delay_us, .. }, outcome) => {
                    sure = sure.min(asked);
                    // A delay outlives the connection.
                    let put_off = answered.saturating_add(delay_us + if delay_us > 0 { slack } else { 0 });
                    may = if outcome == Outcome::Done { put_off } else { may.max(put_off) };
                }
                (Act::Ack { .. } | Act::Reject, _) => sure = sure.min(asked),
            }
        }
        earlier.push((since, sure));
        (delivery.sure, delivery.may_end) = (earlier, may);
    }

    /// How many polls of a queue that were never answered may have been served in a time.
    pub(super) fn lost_between(&self, queue: usize, from: u64, to: u64) -> u32 {
        let lost = &self.lost[queue];
        let began = &lost[..lost.partition_point(|(at, _)| at.from <= to)];
        u32::try_from(began.iter().filter(|(at, _)| at.to >= from).count()).unwrap_or(u32::MAX)
    }

    /// Whether a queue may have been asked for all that it ever had, in a time.
    pub(super) fn is_replayed(&self, queue: usize, from: u64, to: u64) -> bool {
        self.replays[queue].iter().any(|whole| may_be_in(whole, from, to))
    }

    /// Whether messages may have left a dead-letter queue, in a time.
    pub(super) fn is_redriven(&self, queue: usize, from: u64, to: u64) -> bool {
        // It goes on for long after it was asked for.
        self.redrives[queue].iter().any(|whole| may_be_in(whole, 0, to) && from < NEVER)
    }

    /// Whether a queue may have been emptied, in a time.
    pub(super) fn is_purged(&self, queue: usize, from: u64, to: u64) -> bool {
        self.purges[queue].iter().any(|whole| may_be_in(whole, from, to))
    }

    pub(super) fn count(&self, tally: &mut Tally) {
        for event in &self.history.events {
            match event {
                // Nobody sends an heir.
                Event::Send(send) if send.heir_of.is_some() => {}
                Event::Send(send) => {
                    tally.sent += u64::from(send.outcome == Outcome::Done);
                    tally.sent_unknown += u64::from(send.outcome == Outcome::Unknown);
                }
                Event::Settle(settle) => {
                    let is_ack = matches!(settle.act, Act::Ack { .. });
                    let renews = matches!(settle.act, Act::Renew { .. });
                    match settle.outcome {
                        Outcome::Done if is_ack => tally.acked += 1,
                        Outcome::Done if renews => tally.renewed += 1,
                        Outcome::Done => tally.given_back += 1,
                        Outcome::Unknown => tally.acked_unknown += u64::from(is_ack),
                        Outcome::Refused => tally.refused += 1,
                    }
                }
                Event::Poll(poll) => {
                    tally.delivered += poll.got.len() as u64;
                    tally.polls_lost += u64::from(poll.outcome == Outcome::Unknown);
                }
                Event::Count(_) => tally.counted += 1,
                Event::Placed(placed) => tally.placed += u64::from(placed.outcome == Outcome::Done),
                Event::Look(look) => tally.looked += look.messages.len() as u64,
                Event::Attach(_) | Event::Leave(_) | Event::Yield(_) => {}
                Event::Restart(_) => tally.restarts += 1,
                Event::Purge(_) | Event::Replay(_) | Event::Redrive(_) => {}
            }
        }
    }
}

/// In the order in which they may have been made: of two that were asked for at the same time their counts tell, but for a
/// replay between them, which begins to count anew.
fn sort(deliveries: &mut [Delivery<'_>], replays: &[Vec<&Whole>]) {
    deliveries.sort_by_key(|delivery| (delivery.at().to, delivery.at().from));
    for end in (1..deliveries.len()).rev() {
        for nth in 0..end {
            let (one, other) = (&deliveries[nth], &deliveries[nth + 1]);
            let overlap = other.at().from <= one.at().to;
            let replayed =
                || replays[one.queue()].iter().any(|whole| may_be_in(whole, one.at().from, other.at().to));
            if overlap && one.queue() == other.queue() && one.got.count > other.got.count && !replayed() {
                deliveries.swap(nth, nth + 1);
            }
        }
    }
}

fn may_be_in(whole: &Whole, from: u64, to: u64) -> bool {
    whole.outcome != Outcome::Refused && whole.at.from <= to && from <= whole.at.to
}
