//! One client's hand: it takes the time, and writes down what was said and heard.
//!
//! Apart from the loads because each thing is written down in the same way, whoever does it. Nothing answers an
//! acknowledgement; it is known to be done when a question about its queue, asked after it on its channel, is answered.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail};
use millstream_amqp::codec::{Method, Table};
use millstream_testkit::checker::queue::{Act, Event, Got, Holding, Outcome, Poll, Send, Settle, Span};

use super::link::{Came, Heard, Link, Silence, Word};
use super::places::{ADDRESSES, ALL, ORDERS, copy, copy_in, targets};
use crate::siege::now_us;

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(5);
/// A lease that its connection alone ends, in microseconds.
const FOREVER_US: u64 = u64::MAX / 4;
/// The broker has noticed by then that a connection was cut, in microseconds.
const NOTICED_US: u64 = 10_000_000;

/// What all clients share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) over: AtomicBool,
    next_message: AtomicU64,
    next_delivery: AtomicU64,
    next_holder: AtomicU64,
    next_together: AtomicU64,
    /// Things that were said and are not answered yet.
    pub(super) under_way: AtomicU64,
}

/// A message that was published.
pub(super) struct Published {
    pub(super) number: u64,
    pub(super) address: (&'static str, &'static str),
    pub(super) mandatory: bool,
    pub(super) from: u64,
}

/// A delivery that is not settled.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) tag: u64,
    pub(super) delivery: u64,
}

/// A client.
pub(super) struct Hand {
    pub(super) link: Link,
    pub(super) shared: Arc<Shared>,
    pub(super) events: Vec<Event>,
}

/// A consumer and what it was given, from its beginning to its end.
pub(super) struct Intake {
    pub(super) queue: usize,
    holder: u64,
    /// Since when each delivery that may still come may have been made: no more of them come.
    credit: VecDeque<u64>,
    pub(super) held: Vec<Held>,
    /// What was settled and is not known to be done: since when it was said.
    said: Vec<(Held, Act, u64)>,
    /// Since when it is being ended, or what it holds given back, and nothing has answered that yet.
    parting: Option<u64>,
}

impl Hand {
    pub(super) fn new(address: SocketAddr, shared: &Arc<Shared>) -> Hand {
        Hand { link: Link::new(address), shared: shared.clone(), events: Vec::new() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::SeqCst)
    }

    /// Waits for a connection: `None` when the run is over, else whether it is a new one.
    pub(super) fn ready(&mut self) -> anyhow::Result<Option<bool>> {
        while !self.is_over() {
            if let (true, is_new) = self.link.connect()? {
                return Ok(Some(is_new));
            }
            sleep(PAUSE);
        }
        Ok(None)
    }

    /// Something that is said and not answered for a while.
    pub(super) fn under_way<T>(&mut self, act: impl FnOnce(&mut Hand) -> T) -> T {
        self.shared.under_way.fetch_add(1, Ordering::SeqCst);
        let outcome = act(self);
        self.shared.under_way.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    /// A number for what happens together.
    pub(super) fn together(&self) -> u64 {
        // Messages that go to several queues have their own, which are even.
        self.shared.next_together.fetch_add(1, Ordering::SeqCst) * 2 + 1
    }

    /// Publishes a message to each address.
    pub(super) fn publish(&mut self, to: &[(usize, bool)]) -> Heard<Vec<Published>> {
        let published: Vec<Published> = to
            .iter()
            .map(|(address, mandatory)| Published {
                number: self.shared.next_message.fetch_add(1, Ordering::SeqCst),
                address: ADDRESSES[*address],
                mandatory: *mandatory,
                from: now_us(),
            })
            .collect();
        let said: Vec<_> =
            published.iter().map(|one| (one.address.0, one.address.1, one.number, one.mandatory)).collect();
        match self.link.publish(&said) {
            // What was written before the connection broke may have arrived.
            Err(Silence::Gone) => {
                for one in &published {
                    self.sent(one, Outcome::Unknown, None, None);
                }
                Err(Silence::Gone)
            }
            outcome => outcome.map(|()| published),
        }
    }

    /// Writes down what became of a message: in each queue that it goes to.
    pub(super) fn sent(
        &mut self,
        one: &Published,
        outcome: Outcome,
        key: Option<u64>,
        together: Option<u64>,
    ) {
        let at = Span { from: one.from, to: now_us() };
        let queues = targets(one.address.0, one.address.1);
        let together = together.or((queues.len() > 1).then_some(one.number * 2));
        for queue in queues {
            self.events.push(Event::Send(Send {
                queue,
                message: copy(one.number, queue),
                at,
                outcome,
                key: key.filter(|_| queue == ORDERS),
                time_to_live_us: ALL[queue].time_to_live_us(),
                together,
                ..Send::default()
            }));
        }
    }

    /// Writes down a message that came.
    fn came(&mut self, queue: usize, came: Came, at: Span, holder: Option<u64>, takes_all: bool) -> Held {
        let delivery = self.shared.next_delivery.fetch_add(1, Ordering::SeqCst);
        let place = (queue == ORDERS).then_some(came.number);
        let got = Got { message: copy_in(came.number, queue), delivery, count: came.count, place };
        self.polled(queue, at, Outcome::Done, holder, takes_all, vec![got]);
        Held { tag: came.tag, delivery }
    }

    fn polled(
        &mut self,
        queue: usize,
        at: Span,
        outcome: Outcome,
        holder: Option<u64>,
        takes_all: bool,
        got: Vec<Got>,
    ) {
        // What nobody has read was out until its connection was gone.
        let lease_us = if outcome == Outcome::Unknown { 0 } else { FOREVER_US };
        self.events.push(Event::Poll(Poll {
            queue,
            at,
            outcome,
            asked: 1,
            takes_all,
            lease_us,
            connection: true,
            holder,
            got,
            ..Poll::default()
        }));
    }

    /// Takes one message out of a queue, if there is one.
    pub(super) fn get(&mut self, queue: usize) -> Heard<Option<Held>> {
        let from = now_us();
        let get = Method::BasicGet { ticket: 0, queue: ALL[queue].name, no_ack: false };
        let answer = self.under_way(|hand| hand.link.ask(&get, |_| bail!("something is said unasked")));
        let at = Span { from, to: now_us() };
        match answer {
            Ok(Word::Got(Some(came))) => Ok(Some(self.came(queue, came, at, None, true))),
            Ok(Word::Got(None)) => {
                self.polled(queue, at, Outcome::Done, None, true, Vec::new());
                Ok(None)
            }
            Ok(_) => Err(anyhow::anyhow!("basic.get has the answer to something else").into()),
            Err(silence) => {
                self.polled(queue, at, Outcome::Unknown, None, true, Vec::new());
                Err(silence)
            }
        }
    }

    /// Writes down what became of a delivery that was settled.
    pub(super) fn settled(
        &mut self,
        held: Held,
        act: Act,
        at: Span,
        outcome: Outcome,
        together: Option<u64>,
    ) {
        self.events.push(Event::Settle(Settle { delivery: held.delivery, at, act, outcome, together }));
    }

    /// Begins to consume.
    pub(super) fn consume(&mut self, queue: usize, prefetch: u16) -> Heard<Intake> {
        self.link.order(&Method::BasicQos { prefetch_size: 0, prefetch_count: prefetch, global: false })?;
        let holder = self.shared.next_holder.fetch_add(1, Ordering::SeqCst);
        let credit = vec![now_us(); usize::from(prefetch)].into();
        let mut intake = Intake { queue, holder, credit, held: Vec::new(), said: Vec::new(), parting: None };
        let consume = Method::BasicConsume {
            ticket: 0,
            queue: ALL[queue].name,
            consumer_tag: TAG,
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: false,
            arguments: Table::default(),
        };
        match intake.ask(self, &consume) {
            Ok(()) => Ok(intake),
            Err(silence) => {
                intake.gone(self);
                Err(silence)
            }
        }
    }
}

/// The consumer tag: a channel has one consumer.
const TAG: &str = "it";

impl Intake {
    /// Takes what the broker says.
    pub(super) fn heard(&mut self, hand: &mut Hand, word: Word) -> anyhow::Result<()> {
        let Word::Delivered(came) = word else { bail!("a consumer is told what is not for it") };
        let from = self.credit.pop_front().context("more is out to a consumer than its prefetch allows")?;
        let at = Span { from, to: now_us() };
        let held = hand.came(self.queue, came, at, Some(self.holder), false);
        self.held.push(held);
        Ok(())
    }

    /// Says something and waits for its answer.
    fn ask(&mut self, hand: &mut Hand, method: &Method<'_>) -> Heard<()> {
        let mut words = Vec::new();
        let answer = hand.under_way(|hand| {
            hand.link.ask(method, |word| {
                words.push(word);
                Ok(())
            })
        });
        // They came before the answer, and were told as well if there is none.
        words.into_iter().try_for_each(|word| self.heard(hand, word))?;
        match answer? {
            Word::Done | Word::Counted => Ok(()),
            Word::Closed(code) => Err(anyhow::anyhow!("{method:?} is refused with {code}").into()),
            _ => Err(anyhow::anyhow!("{method:?} has the answer to something else").into()),
        }
    }

    /// Settles the first of what is held, so many, in one word or in one for each.
    pub(super) fn settle(&mut self, hand: &mut Hand, count: usize, act: Act, at_once: bool) -> Heard<()> {
        let all: Vec<Held> = self.held.drain(..count.min(self.held.len())).collect();
        let now = now_us();
        self.credit.extend(all.iter().map(|_| now));
        self.said.extend(all.iter().map(|held| (*held, act, now)));
        let last = all.last().copied().into_iter().collect();
        for Held { tag, .. } in if at_once { last } else { all } {
            let multiple = at_once;
            let method = match act {
                Act::Release { .. } => Method::BasicNack { delivery_tag: tag, multiple, requeue: true },
                Act::Reject if multiple => Method::BasicNack { delivery_tag: tag, multiple, requeue: false },
                Act::Reject => Method::BasicReject { delivery_tag: tag, requeue: false },
                Act::Ack { .. } | Act::Renew { .. } => Method::BasicAck { delivery_tag: tag, multiple },
            };
            hand.link.say(&method)?;
        }
        Ok(())
    }

    /// Waits until what was settled is done.
    pub(super) fn sync(&mut self, hand: &mut Hand) -> Heard<()> {
        self.ask(hand, &super::link::passive(ALL[self.queue].name))?;
        let to = now_us();
        for (held, act, from) in std::mem::take(&mut self.said) {
            hand.settled(held, act, Span { from, to }, Outcome::Done, None);
        }
        Ok(())
    }

    /// Notes that everything held goes back, from that time on.
    fn give_back(&mut self, from: u64) {
        let act = Act::Release { delay_us: 0, counts: true };
        self.credit.extend(self.held.iter().map(|_| from));
        self.said.extend(self.held.drain(..).map(|held| (held, act, from)));
    }

    /// Has everything that is held given out anew.
    pub(super) fn recover(&mut self, hand: &mut Hand) -> Heard<()> {
        let from = now_us();
        self.parting = Some(from);
        self.give_back(from);
        self.ask(hand, &Method::BasicRecover { requeue: true })?;
        // What came while the word was on its way goes back as well, and may have been out again before it was read here.
        self.give_back(from);
        self.parting = None;
        self.sync(hand)
    }

    /// Ends the consumer: what is held stays so.
    pub(super) fn cancel(&mut self, hand: &mut Hand) -> Heard<()> {
        let from = now_us();
        self.parting = Some(from);
        self.ask(hand, &Method::BasicCancel { consumer_tag: TAG, nowait: false })?;
        self.sync(hand)?;
        self.left(hand, Span { from, to: now_us() }, Outcome::Done);
        self.parting = None;
        self.credit.clear();
        Ok(())
    }

    /// Ends the channel, and with it the consumer: what is held goes back.
    pub(super) fn close(&mut self, hand: &mut Hand) -> Heard<()> {
        let from = now_us();
        self.parting = Some(from);
        let close = Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 };
        self.ask(hand, &close)?;
        // What came while the word was on its way goes back as well.
        self.said
            .extend(self.held.drain(..).map(|held| (held, Act::Release { delay_us: 0, counts: true }, from)));
        hand.link.order(&Method::ChannelOpen { out_of_band: "" })?;
        self.sync(hand)?;
        // What was given out and not sent any more counts as delivered, as with RabbitMQ.
        self.may_have_missed(hand, now_us());
        self.left(hand, Span { from, to: now_us() }, Outcome::Done);
        self.credit.clear();
        Ok(())
    }

    /// Cuts the connection; what was settled is done.
    pub(super) fn cut(&mut self, hand: &mut Hand) -> Heard<()> {
        self.sync(hand)?;
        self.give_back(now_us());
        self.end(hand, NOTICED_US);
        Ok(())
    }

    /// The broker is gone: nobody knows what was done of what was said, nor what else had been given out.
    pub(super) fn gone(&mut self, hand: &mut Hand) {
        self.end(hand, 0);
    }

    /// The connection is over; the broker notices it within that time.
    fn end(&mut self, hand: &mut Hand, noticed_us: u64) {
        // The next one may be served before the cut returns, and since it was asked to end, if it was and nothing answered.
        let from = self.parting.unwrap_or_else(now_us);
        hand.link.cut();
        let to = now_us() + noticed_us;
        for (held, act, from) in std::mem::take(&mut self.said) {
            hand.settled(held, act, Span { from, to }, Outcome::Unknown, None);
        }
        self.may_have_missed(hand, to);
        self.left(hand, Span { from, to }, Outcome::Unknown);
        self.credit.clear();
        self.held.clear();
    }

    /// Notes that something may have been given out that was never heard of.
    fn may_have_missed(&self, hand: &mut Hand, to: u64) {
        if let Some(from) = self.credit.front() {
            let at = Span { from: *from, to };
            hand.polled(self.queue, at, Outcome::Unknown, Some(self.holder), false, Vec::new());
        }
    }

    fn left(&self, hand: &mut Hand, at: Span, outcome: Outcome) {
        let (queue, holder) = (self.queue, self.holder);
        hand.events.push(Event::Leave(Holding { queue, holder, at, exclusive: false, outcome }));
    }
}
