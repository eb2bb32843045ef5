//! The clients of queues: what they ask, and how it is written down.
//!
//! Apart from the world because none of this knows of disks and crashes. A client writes down what it asked and what it was
//! told, each with its times, and draws no conclusion: that is the judge's part. What is sent is in `sending.rs`, what is taken and
//! settled in `taking.rs`, what whoever looks after queues does in `tending.rs`, routes in `routing.rs`, and answers in `hearing.rs`.

mod hearing;
mod names;
mod routing;
mod sending;
mod taking;
mod tending;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use anyhow::{Result, ensure};
use millstream_core::Request;
use millstream_core::lease::{
    LeaseGroupId, LeaseNumber, LeaseRef, LeaseRequest, MoveTarget, SeekTo, StartRedrive,
};
use millstream_core::route::Lookup;
use millstream_testkit::checker::queue::{
    Act, Event, History, Holding, Outcome, Poll, Send, Settle, Span, Whole,
};
use millstream_testkit::sim_disk::Rng;
use millstream_types::{EngineTime, StreamId};
use routing::Change;
pub(super) use routing::{BURIAL, Routes};
use taking::Attempt;

use super::plan::{FAIR, GRAVES, HELD, LETTERS, ORDERED, PLAIN_QUEUES, Queue, REPLAYED};

/// Holders at a time.
const HOLDERS: u64 = 4;

/// A request that was not answered yet.
#[derive(Debug)]
struct Asked {
    from: u64,
    what: What,
    /// It was answered that nobody knows.
    is_open: bool,
}

#[derive(Debug, Clone)]
enum What {
    Send {
        queue: usize,
        log: u32,
        sends: Vec<Send>,
    },
    /// Batches of one request: the log of each and what is in it; and what is settled with them. One number for all.
    Together {
        sends: Vec<(u32, Vec<Send>)>,
        acts: Vec<Vec<(u64, Act)>>,
        number: u64,
    },
    Poll(Asking),
    Settle(Vec<(u64, Act)>),
    /// Deliveries, and whether it is sure that they were out.
    EndHolder {
        queue: usize,
        holder: u64,
        deliveries: Vec<(u64, bool)>,
    },
    Cancel {
        queue: usize,
        holder: u64,
    },
    Attach {
        queue: usize,
        holder: u64,
        exclusive: bool,
    },
    Look {
        queue: usize,
    },
    /// Messages, and whether they are settled or sent back.
    Place {
        queue: usize,
        messages: Vec<u64>,
        settles: bool,
    },
    Route(Change),
    Purge(usize),
    /// What is out or put off stays.
    PurgeReady(usize),
    Replay(usize),
    Redrive(usize),
    Count(usize),
}

/// What somebody who asks for messages has asked for.
#[derive(Debug, Clone, Copy)]
struct Asking {
    queue: usize,
    records_max: u32,
    lease_us: u64,
    connection: bool,
    holder: u64,
    leased_max: Option<u32>,
    attempt: Option<u64>,
    waits: bool,
}

impl Asking {
    fn event(&self, at: Span, outcome: Outcome) -> Poll {
        Poll {
            queue: self.queue,
            at,
            outcome,
            asked: self.records_max,
            lease_us: self.lease_us,
            connection: self.connection,
            holder: Some(self.holder),
            leased_max: self.leased_max,
            attempt: self.attempt,
            ..Poll::default()
        }
    }
}

/// Where a message is: queue, log, offset.
type Place = (usize, u32, u64);

/// A delivery that somebody was told of.
#[derive(Debug, Clone, Copy)]
struct Held {
    queue: usize,
    delivery: u64,
    lease: LeaseRef,
    connection: bool,
    holder: u64,
    /// What its holder believes.
    until_us: u64,
    is_settled: bool,
    /// It was renewed, or its queue was purged or replayed: whether it is still out is not known.
    is_in_doubt: bool,
}

/// The clients.
pub(super) struct Clients {
    pub(super) history: History,
    pub(super) queues: Vec<Queue>,
    /// What the queues' streams are called by; empty until they are made.
    pub(super) streams: Vec<StreamId>,
    now: EngineTime,
    /// Things that happened in this millisecond.
    ticks: u64,
    next_tag: u64,
    next_message: u64,
    next_delivery: u64,
    first_holder: u64,
    asked: BTreeMap<u64, Asked>,
    held: Vec<Held>,
    /// Which message is at a place.
    places: HashMap<Place, u64>,
    /// Deliveries of this life.
    deliveries: HashMap<(Place, LeaseNumber), u64>,
    /// Receives that may be repeated.
    attempts: VecDeque<Attempt>,
    /// Where messages were a moment ago.
    recent: VecDeque<(Place, u64)>,
    /// What leads where; of a seed that has routes.
    pub(super) routes: Option<Routes>,
    next_together: u64,
    /// How often the broker has started.
    life: u64,
    /// Who was served last where one is at a time.
    served: Option<u64>,
    /// Ids of sends of which nobody knows, with their messages and when they were sent first.
    doubtful: BTreeMap<u64, (Send, u64)>,
    /// Ids before this are not used any more.
    first_id: u64,
    /// When each place's message was first acked or rejected by somebody, maybe.
    settled: BTreeMap<Place, u64>,
    /// Messages that are given up after a time.
    mortal: HashSet<u64>,
}

fn us(ms: u64) -> u64 {
    ms * 1_000
}

impl Clients {
    pub(super) fn new(queues: Vec<Queue>, now: EngineTime) -> Clients {
        let history = History {
            queues: queues.iter().map(|queue| queue.rules.clone()).collect(),
            slack_us: 1_000,
            ..History::default()
        };
        Clients {
            history,
            queues,
            streams: Vec::new(),
            now,
            ticks: 0,
            next_tag: 0,
            next_message: 0,
            next_delivery: 0,
            first_holder: 1,
            asked: BTreeMap::new(),
            held: Vec::new(),
            places: HashMap::new(),
            deliveries: HashMap::new(),
            attempts: VecDeque::new(),
            recent: VecDeque::new(),
            routes: None,
            next_together: 0,
            life: 0,
            served: None,
            doubtful: BTreeMap::new(),
            first_id: 0,
            settled: BTreeMap::new(),
            mortal: HashSet::new(),
        }
    }

    pub(super) fn set_now(&mut self, now: EngineTime) {
        if now > self.now {
            (self.now, self.ticks) = (now, 0);
        }
    }

    /// The judge's clock: a moment after every other.
    fn at(&mut self) -> u64 {
        self.ticks = (self.ticks + 1).min(999);
        self.now_us() + self.ticks
    }

    pub(super) fn now_us(&self) -> u64 {
        us(self.now.0.cast_unsigned())
    }

    /// Whether something else must happen in a later millisecond.
    pub(super) fn is_busy(&self) -> bool {
        self.ticks > 900
    }

    pub(super) fn group(&self, queue: usize) -> LeaseGroupId {
        LeaseGroupId::default_of(self.streams[queue])
    }

    fn note(&mut self, what: What, request: Request) -> (u64, Request) {
        self.next_tag += 1;
        let from = self.at();
        self.asked.insert(self.next_tag, Asked { from, what, is_open: false });
        (self.next_tag, request)
    }

    fn lease(&mut self, what: What, request: LeaseRequest) -> (u64, Request) {
        self.note(what, Request::Lease(Box::new(request)))
    }

    /// The next request; `None` when there is nothing sensible to ask.
    pub(super) fn ask(&mut self, rng: &mut Rng, catalog: &dyn Lookup) -> Option<(u64, Request)> {
        if self.routes.is_some() && rng.one_in(2) {
            return self.ask_more(rng, catalog);
        }
        let queue = rng.below(PLAIN_QUEUES as u64) as usize;
        match rng.below(40) {
            0..=10 => self.send(rng, if queue == LETTERS { 0 } else { queue }),
            11..=22 => Some(self.poll(rng, queue)),
            23..=33 => self.settle(rng),
            34..=35 => Some(self.count(queue)),
            36 => self.end_holder(rng),
            37 => {
                let group = self.group(REPLAYED);
                if rng.one_in(3) {
                    return Some(self.lease(What::PurgeReady(REPLAYED), LeaseRequest::Purge { group }));
                }
                if rng.one_in(2) {
                    let request = LeaseRequest::Seek { group, to: SeekTo::End };
                    return Some(self.whole(REPLAYED, What::Purge(REPLAYED), request));
                }
                let request = LeaseRequest::Seek { group, to: SeekTo::Start };
                rng.one_in(3).then(|| self.whole(REPLAYED, What::Replay(REPLAYED), request))
            }
            38 => {
                let per_second = [None, Some(2), Some(100)][rng.below(3) as usize];
                let start =
                    StartRedrive { group: self.group(LETTERS), target: MoveTarget::Source, per_second };
                Some(self.lease(What::Redrive(LETTERS), LeaseRequest::StartRedrive(start)))
            }
            _ => Some(self.cancel(rng, queue)),
        }
    }

    /// As [`Clients::ask`], of what concerns routes, holders and those who look after queues.
    fn ask_more(&mut self, rng: &mut Rng, catalog: &dyn Lookup) -> Option<(u64, Request)> {
        let queues = self.queues.len();
        let more = PLAIN_QUEUES + rng.below((queues - PLAIN_QUEUES) as u64) as usize;
        let any = rng.below(queues as u64) as usize;
        match rng.below(30) {
            0..=4 => self.publish(rng, catalog),
            5 => self.send(rng, ORDERED),
            6..=7 => self.send(rng, if GRAVES.contains(&more) { 0 } else { more }),
            8 => Some(self.ask_for(rng, any)),
            9..=14 => Some(self.ask_for(rng, more)),
            15..=18 => self.settle(rng),
            19..=20 => self.transact(rng),
            21 => Some(self.attach(rng)),
            22..=23 => self.leave(rng),
            24 => Some(self.look(rng, any)),
            25..=26 => self.act_by_place(rng),
            27..=28 => self.change_routes(rng),
            _ => Some(self.count(more)),
        }
    }

    /// The broker is gone: of what was not answered nobody knows. Returns when.
    pub(super) fn lose_touch(&mut self) -> u64 {
        let to = self.at();
        for (_, Asked { from, what, .. }) in std::mem::take(&mut self.asked) {
            let at = Span { from, to };
            let outcome = Outcome::Unknown;
            let event = match what {
                What::Send { sends, .. } => {
                    self.sent(&sends, at, outcome, None);
                    continue;
                }
                What::Together { sends, acts, number } => {
                    for (_, sends) in sends {
                        self.sent(&sends, at, outcome, None);
                    }
                    for (delivery, act) in acts.into_iter().flatten() {
                        let together = Some(number);
                        self.history.events.push(Event::Settle(Settle {
                            delivery,
                            at,
                            act,
                            outcome,
                            together,
                        }));
                    }
                    continue;
                }
                What::Settle(acts) => {
                    let together = None;
                    let settle =
                        |(delivery, act)| Event::Settle(Settle { delivery, at, act, outcome, together });
                    self.history.events.extend(acts.into_iter().map(settle));
                    continue;
                }
                What::EndHolder { queue, holder, deliveries } => {
                    self.gave_back(&deliveries, at, outcome);
                    Event::Leave(Holding { queue, holder, at, exclusive: false, outcome })
                }
                What::Cancel { queue, holder } => {
                    Event::Yield(Holding { queue, holder, at, exclusive: false, outcome })
                }
                What::Attach { queue, holder, exclusive } => {
                    Event::Attach(Holding { queue, holder, at, exclusive, outcome })
                }
                What::Place { queue, messages, settles } => {
                    self.placed(queue, &messages, settles, at, &vec![outcome; messages.len()]);
                    continue;
                }
                What::Poll(asking) => {
                    // What was bound to the connection came back when it ended.
                    let lease_us = if asking.connection { 0 } else { asking.lease_us };
                    Event::Poll(Poll { lease_us, ..asking.event(at, outcome) })
                }
                What::Purge(queue) | What::PurgeReady(queue) => Event::Purge(Whole { queue, at, outcome }),
                What::Replay(queue) => Event::Replay(Whole { queue, at, outcome }),
                What::Redrive(queue) => Event::Redrive(Whole { queue, at, outcome }),
                What::Count(_) | What::Look { .. } | What::Route(_) => continue,
            };
            self.history.events.push(event);
        }
        self.held.retain(|one| !one.connection);
        self.deliveries.clear();
        self.attempts.clear();
        self.served = None;
        self.first_holder += HOLDERS;
        self.lose_held();
        to
    }

    /// The broker answers again.
    pub(super) fn is_back(&mut self, gone: u64) {
        let at = Span { from: gone, to: self.at() };
        self.history.events.push(Event::Restart(at));
        if self.queues.len() > HELD {
            // What was in memory is gone: as if somebody had emptied the queue in that moment.
            self.history.events.push(Event::Purge(Whole { queue: HELD, at, outcome: Outcome::Done }));
        }
    }

    /// Forgets what is known of the queue that went with the process.
    fn lose_held(&mut self) {
        self.life += 1;
        self.held.retain(|one| one.queue != HELD);
        self.places.retain(|(queue, ..), _| *queue != HELD);
        self.settled.retain(|(queue, ..), _| *queue != HELD);
        self.recent.retain(|((queue, ..), _)| *queue != HELD);
        if let Some(routes) = &mut self.routes {
            routes.lose(HELD);
        }
    }

    /// What a place is called in the history: another name in each life for a queue that begins anew with it.
    fn told(&self, (queue, log, offset): Place) -> u64 {
        let life = if queue == HELD { self.life } else { 0 };
        life << 48 | u64::from(log) << 40 | offset
    }

    /// Whether anything is under way.
    pub(super) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether everything in a log before an offset was settled so long ago that it need not be kept.
    pub(super) fn check_start(&self, queue: usize, log: u32, start: u64) -> Result<()> {
        let kept_us = us(self.queues[queue].kept_ms);
        if queue != FAIR {
            return Ok(());
        }
        let before =
            self.places.iter().filter(|((of, at_log, at), _)| (*of, *at_log) == (queue, log) && *at < start);
        for (&(_, _, offset), message) in before.filter(|(_, message)| !self.mortal.contains(message)) {
            let settled = self.settled.get(&(queue, log, offset));
            ensure!(
                settled.is_some_and(|at| at + kept_us <= self.now_us()),
                "message {message} at {offset} of queue {queue} is gone at {}, settled at {settled:?}, to be kept for {kept_us}",
                self.now_us()
            );
        }
        Ok(())
    }
}
