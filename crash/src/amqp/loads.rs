//! What the AMQP clients do, a thread each, until the run is over.
//!
//! Apart from the hand that writes it down because here nothing is certain: they act by chance.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use millstream_amqp::codec::Method;
use millstream_testkit::checker::queue::{Act, Outcome, Span};

use super::churn::churn;
use super::hand::{Hand, Held, Intake, Published};
use super::link::{Heard, Silence, Word};
use super::places::{
    ADDRESSES, BRIEF, BRIEF_LETTERS, FAN_A, FAN_ALL, FAN_B, ORDERS, PLAIN, REST, WORK, WORK_LETTERS, targets,
};
use crate::chance::Chance;
use crate::siege::now_us;

/// Between two words of a publisher.
const PACE: Duration = Duration::from_millis(12);
/// A consumer looks so long for something before it settles what it has.
const LOOK: Duration = Duration::from_millis(10);
/// Between two looks at the queues that nobody consumes.
const GATHER_PACE: Duration = Duration::from_millis(60);
/// What a publisher has under way at most.
const WINDOW: u64 = 30;
/// A publisher hears nothing so often, a pace each, before it says that the broker has forgotten its messages.
const SILENT_LOOKS_MAX: u32 = 5_000;

/// Gives a delivery back.
const RELEASE: Act = Act::Release { delay_us: 0, counts: true };
/// Settles a delivery.
const ACK: Act = Act::Ack { late: false };

/// A load.
pub(super) type Load = fn(&mut Hand, &mut Chance, u64) -> anyhow::Result<()>;

/// All loads with their names; the number tells those of one kind apart.
pub(super) const LOADS: [(&str, Load, u64); 15] = [
    ("publish-0", publish, 0),
    ("publish-1", publish, 1),
    ("transact-0", transact, 2),
    ("transact-1", transact, 3),
    ("consume-plain", consume, PLAIN as u64),
    ("consume-work", consume, WORK as u64),
    ("consume-work-too", consume, WORK as u64),
    ("consume-orders", consume, ORDERS as u64),
    ("consume-orders-too", consume, ORDERS as u64),
    ("consume-brief", consume, BRIEF as u64),
    ("consume-fan-all", consume, FAN_ALL as u64),
    ("consume-fan-b", consume, FAN_B as u64),
    ("gather-letters", gather, 0),
    ("gather-others", gather, 1),
    ("churn", churn, 0),
];

/// Lets a step end as the connection did: a broker that is gone is what the run is about.
pub(super) fn unless_gone(outcome: Heard<()>) -> anyhow::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(Silence::Gone) => Ok(false),
        Err(Silence::Wrong(error)) => Err(error),
    }
}

/// With confirms: several messages under way, some of which must come back.
fn publish(hand: &mut Hand, chance: &mut Chance, publisher: u64) -> anyhow::Result<()> {
    let mut confirms = Confirms { publisher, open: BTreeMap::new(), next_tag: 1, returned: Vec::new() };
    while let Some(is_new) = hand.ready()? {
        if !unless_gone(hand.under_way(|hand| confirms.publish(hand, chance, is_new)))? {
            confirms.gone(hand);
        }
    }
    if !unless_gone(confirms.hear(hand, 0))? {
        confirms.gone(hand);
    }
    Ok(())
}

/// What a publisher has under way.
struct Confirms {
    publisher: u64,
    open: BTreeMap<u64, Published>,
    next_tag: u64,
    /// Messages that came back and are not confirmed yet.
    returned: Vec<u64>,
}

impl Confirms {
    /// Publishes some messages and listens for a while.
    fn publish(&mut self, hand: &mut Hand, chance: &mut Chance, is_new: bool) -> Heard<()> {
        if is_new {
            self.next_tag = 1;
            hand.link.order(&Method::ConfirmSelect { nowait: false })?;
        }
        let to: Vec<(usize, bool)> = (0..1 + chance.below(6))
            .map(|_| (chance.below(ADDRESSES.len() as u64) as usize, chance.below(3) == 0))
            .collect();
        for one in hand.publish(&to)? {
            self.open.insert(self.next_tag, one);
            self.next_tag += 1;
        }
        self.hear(hand, chance.below(WINDOW) as usize)
    }

    /// Listens until no more than so many messages are under way, and nothing is said for a while.
    fn hear(&mut self, hand: &mut Hand, most: usize) -> Heard<()> {
        let mut looks = SILENT_LOOKS_MAX;
        while looks > 0 {
            match hand.link.hear(PACE)? {
                None if self.open.len() <= most => return Ok(()),
                None => looks -= 1,
                Some(Word::Returned(number)) => self.returned.push(number),
                Some(Word::Confirmed { tag, multiple, taken }) => {
                    self.confirmed(hand, tag, multiple, taken)?
                }
                Some(_) => return Err(anyhow!("a publisher is told what is not for it").into()),
            }
        }
        Err(anyhow!("{} messages are not confirmed", self.open.len()).into())
    }

    fn confirmed(&mut self, hand: &mut Hand, tag: u64, multiple: bool, taken: bool) -> anyhow::Result<()> {
        ensure!(taken, "message {tag} of the channel is refused");
        ensure!(self.open.contains_key(&tag), "what is not under way is confirmed: {tag}");
        let from = if multiple { 0 } else { tag };
        let tags: Vec<u64> = self.open.range(from..=tag).map(|(tag, _)| *tag).collect();
        for tag in tags {
            let one = self.open.remove(&tag).expect("it was found there");
            let (exchange, key) = one.address;
            let must_return = one.mandatory && targets(exchange, key).is_empty();
            let at = self.returned.iter().position(|number| *number == one.number);
            ensure!(
                at.is_some() == must_return,
                "message {} to {exchange:?} with {key:?}, mandatory {}, returned {}",
                one.number,
                one.mandatory,
                at.is_some()
            );
            if let Some(at) = at {
                self.returned.swap_remove(at);
            }
            hand.sent(&one, Outcome::Done, Some(self.publisher), None);
        }
        Ok(())
    }

    fn gone(&mut self, hand: &mut Hand) {
        hand.link.cut();
        self.returned.clear();
        for one in std::mem::take(&mut self.open).into_values() {
            hand.sent(&one, Outcome::Unknown, Some(self.publisher), None);
        }
    }
}

/// Takes messages, publishes others and settles, all together or not at all.
fn transact(hand: &mut Hand, chance: &mut Chance, publisher: u64) -> anyhow::Result<()> {
    let mut held: Vec<Held> = Vec::new();
    while let Some(is_new) = hand.ready()? {
        if is_new {
            held.clear();
        }
        let done = transaction(hand, chance, publisher, is_new, &mut held);
        if !unless_gone(done)? {
            hand.link.cut();
        }
        sleep(PACE);
    }
    hand.link.cut();
    let now = now_us();
    for one in held {
        hand.settled(one, RELEASE, Span { from: now, to: now }, Outcome::Unknown, None);
    }
    Ok(())
}

fn transaction(
    hand: &mut Hand,
    chance: &mut Chance,
    publisher: u64,
    is_new: bool,
    held: &mut Vec<Held>,
) -> Heard<()> {
    if is_new {
        hand.link.order(&Method::TxSelect {})?;
    }
    for _ in 0..chance.below(4) {
        let queue = if chance.below(2) == 0 { PLAIN } else { FAN_A };
        held.extend(hand.get(queue)?);
    }
    let with_queues: Vec<usize> =
        (0..ADDRESSES.len()).filter(|at| !targets(ADDRESSES[*at].0, ADDRESSES[*at].1).is_empty()).collect();
    let to: Vec<(usize, bool)> = (0..chance.below(5))
        .map(|_| (with_queues[chance.below(with_queues.len() as u64) as usize], false))
        .collect();
    let published = hand.publish(&to)?;
    let from = now_us();
    let mut settled: Vec<(Held, Act)> = Vec::new();
    let mut outcome = Ok(());
    for one in &*held {
        if chance.below(3) == 0 {
            continue;
        }
        let act = if chance.below(4) == 0 { RELEASE } else { ACK };
        settled.push((*one, act));
        let method = match act {
            Act::Release { .. } => {
                Method::BasicNack { delivery_tag: one.tag, multiple: false, requeue: true }
            }
            _ => Method::BasicAck { delivery_tag: one.tag, multiple: false },
        };
        outcome = outcome.and_then(|()| hand.link.say(&method));
    }
    let end = chance.below(12);
    let what = outcome.and_then(|()| match end {
        // The connection ends in the middle of it.
        0 => {
            hand.link.cut();
            Ok(Outcome::Refused)
        }
        1 | 2 => hand.under_way(|hand| hand.link.order(&Method::TxRollback {})).map(|()| Outcome::Refused),
        _ => hand.under_way(|hand| hand.link.order(&Method::TxCommit {})).map(|()| Outcome::Done),
    });
    let known = match &what {
        Ok(outcome) => *outcome,
        // What was not to be committed was not.
        Err(_) if end < 3 => Outcome::Refused,
        Err(_) => Outcome::Unknown,
    };
    let together = Some(hand.together());
    for one in &published {
        hand.sent(one, known, Some(publisher), together);
    }
    let at = Span { from, to: now_us() };
    if known != Outcome::Refused {
        for (one, act) in settled {
            held.retain(|other| other.delivery != one.delivery);
            hand.settled(one, act, at, known, together);
        }
    } else if end == 0 {
        // The broker takes back what was out when it notices.
        for one in held.drain(..) {
            hand.settled(one, RELEASE, at, Outcome::Unknown, None);
        }
    }
    what.map(|_| ())
}

/// Consumes, works for a while, and settles in one way or another; now and then it goes away and comes back.
fn consume(hand: &mut Hand, chance: &mut Chance, queue: u64) -> anyhow::Result<()> {
    let queue = usize::try_from(queue)?;
    while hand.ready()?.is_some() {
        // One at a time keeps the order.
        let prefetch = if queue == ORDERS { 1 } else { 1 + chance.below(12) as u16 };
        let mut intake = match hand.consume(queue, prefetch) {
            Ok(intake) => intake,
            Err(Silence::Gone) => continue,
            Err(Silence::Wrong(error)) => return Err(error),
        };
        if !unless_gone(stay(hand, chance, &mut intake))? {
            intake.gone(hand);
        }
    }
    Ok(())
}

/// Consumes until it goes away.
fn stay(hand: &mut Hand, chance: &mut Chance, intake: &mut Intake) -> Heard<()> {
    while !hand.is_over() {
        for _ in 0..8 {
            let Some(word) = hand.link.hear(LOOK)? else { break };
            intake.heard(hand, word)?;
        }
        let count = 1 + chance.below(4) as usize;
        let at_once = chance.below(3) == 0;
        match chance.below(40) {
            0..=21 => intake.settle(hand, count, ACK, at_once)?,
            22..=24 => intake.settle(hand, count, RELEASE, at_once)?,
            25..=26 => intake.settle(hand, 1, Act::Reject, at_once)?,
            27 => intake.recover(hand)?,
            28..=35 => intake.sync(hand)?,
            36 => return intake.close(hand),
            // What is out to one that is cancelled stays so while the next one is served already, which keeps no order.
            37 if intake.queue == ORDERS => return intake.close(hand),
            37 => {
                intake.sync(hand)?;
                intake.cancel(hand)?;
                intake.settle(hand, usize::MAX, ACK, true)?;
                return intake.sync(hand);
            }
            38 if chance.below(8) == 0 => return intake.cut(hand),
            _ => {}
        }
    }
    intake.close(hand)
}

/// Takes messages one by one out of the queues that nobody consumes, and leaves most of them to the end.
fn gather(hand: &mut Hand, chance: &mut Chance, which: u64) -> anyhow::Result<()> {
    let queues = if which == 0 { [WORK_LETTERS, BRIEF_LETTERS] } else { [REST, FAN_A] };
    while hand.ready()?.is_some() {
        let queue = queues[chance.below(2) as usize];
        let gives_back = chance.below(3) == 0;
        let step = |hand: &mut Hand| take_some(hand, queue, 3, if gives_back { RELEASE } else { ACK });
        if !unless_gone(step(hand).map(|_| ()))? {
            hand.link.cut();
        }
        sleep(GATHER_PACE);
    }
    Ok(())
}

/// Takes messages out of a queue, at most so many, and settles them all in one way. Returns how many there were.
pub(super) fn take_some(hand: &mut Hand, queue: usize, most: usize, act: Act) -> Heard<usize> {
    let mut all: Vec<Held> = Vec::new();
    while all.len() < most
        && let Some(held) = hand.get(queue)?
    {
        all.push(held);
    }
    let Some(last) = all.last().copied() else { return Ok(0) };
    let from = now_us();
    let settle = match act {
        Act::Release { .. } => Method::BasicNack { delivery_tag: last.tag, multiple: true, requeue: true },
        _ => Method::BasicAck { delivery_tag: last.tag, multiple: true },
    };
    let done = hand.link.say(&settle).and_then(|()| {
        let name = super::places::ALL[queue].name;
        hand.under_way(|hand| hand.link.count(name, |_| bail!("something is said unasked")))
    });
    let outcome = if done.is_ok() { Outcome::Done } else { Outcome::Unknown };
    let at = Span { from, to: now_us() };
    for held in &all {
        hand.settled(*held, act, at, outcome, None);
    }
    done.map(|()| all.len())
}
