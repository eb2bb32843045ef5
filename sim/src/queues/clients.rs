//! The clients of queues: what they ask, and how it is written down.
//!
//! Apart from the world because none of this knows of disks and crashes. A client writes down what it asked and what it was
//! told, each with its times, and draws no conclusion: that is the judge's part. A little long, because each
//! request stands beside what its answer means.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use millstream_core::lease::{
    Acquire, Acquired, Action, Binding, HolderId, LeaseGroupId, LeaseRef, LeaseReply, LeaseRequest,
    MoveTarget, RecordMark, SeekTo, Settle as SettleRequest, StartRedrive,
};
use millstream_core::log::AppendBatch;
use millstream_core::{Reply, Request};
use millstream_testkit::checker::queue::{
    Act, Count, Event, Got, History, Outcome, Poll, Send, Settle, Span, Whole,
};
use millstream_testkit::sim_disk::Rng;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::key::ordering_key;
use millstream_types::{EngineTime, ErrorKind, LogId, Offset, RecordTime, StreamId};

use super::Found;
use super::plan::{FAIR, LETTERS, ORDERED, Queue, REPLAYED};

/// Keys of a queue that has any.
const KEYS: u64 = 4;
/// Dedup ids that are sent again and again.
const IDS: u64 = 5;
/// Holders at a time.
const HOLDERS: u64 = 4;
/// Deliveries that are remembered for being settled.
const HELD_MAX: usize = 60;
/// "Until its connection ends", in microseconds.
const FOR_EVER_US: u64 = 1 << 52;

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
    Poll {
        queue: usize,
        records_max: u32,
        lease_us: u64,
        connection: bool,
        wait_ms: u64,
        holder: u64,
    },
    Settle(Vec<(u64, Act)>),
    /// Deliveries, and whether it is sure that they were out.
    EndHolder(Vec<(u64, bool)>),
    Purge(usize),
    /// What is out or put off stays.
    PurgeReady(usize),
    Replay(usize),
    Redrive(usize),
    Count(usize),
    Nothing,
}

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
    places: HashMap<(usize, u32, u64), u64>,
    /// Ids of sends of which nobody knows, with their messages and when they were sent first.
    doubtful: BTreeMap<u64, (Send, u64)>,
    /// Ids before this are not used any more.
    first_id: u64,
    /// When each place's message was first acked or rejected by somebody, maybe.
    settled: BTreeMap<(usize, u32, u64), u64>,
    /// Messages that are given up after a time.
    mortal: HashSet<u64>,
}

fn us(ms: u64) -> u64 {
    ms * 1_000
}

/// The value of a message.
fn value(number: u64) -> Vec<u8> {
    let mut rng = Rng::new(number);
    let length = rng.below(200) as usize;
    number.to_le_bytes().into_iter().chain((0..length).map(|_| rng.next_u64() as u8)).collect()
}

fn key_bytes(key: u64) -> Vec<u8> {
    format!("key-{key}").into_bytes()
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
    pub(super) fn ask(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let queue = rng.below(self.queues.len() as u64) as usize;
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
                    return Some(self.whole(What::Purge(REPLAYED), request));
                }
                let request = LeaseRequest::Seek { group, to: SeekTo::Start };
                rng.one_in(3).then(|| self.whole(What::Replay(REPLAYED), request))
            }
            38 => {
                let per_second = [None, Some(2), Some(100)][rng.below(3) as usize];
                let start =
                    StartRedrive { group: self.group(LETTERS), target: MoveTarget::Source, per_second };
                Some(self.lease(What::Redrive(LETTERS), LeaseRequest::StartRedrive(start)))
            }
            _ => {
                let holder = HolderId(self.first_holder + rng.below(HOLDERS));
                let group = self.group(queue);
                Some(self.lease(What::Nothing, LeaseRequest::CancelAcquire { group, holder }))
            }
        }
    }

    fn send(&mut self, rng: &mut Rng, queue: usize) -> Option<(u64, Request)> {
        let plan = &self.queues[queue];
        let (delay_ms, lives_ms, has_keys) = (plan.delay_ms, plan.lives_ms, plan.has_keys);
        let log = rng.below(u64::from(plan.logs)) as u32;
        let has_marks = rng.one_in(2);
        let blank = Span { from: 0, to: 0 };
        let mut sends: Vec<Send> = Vec::new();
        let mut marks = Vec::new();
        let dedup = (queue == ORDERED && has_marks && rng.one_in(2)).then(|| self.first_id + rng.below(IDS));
        if let Some(id) = dedup
            && let Some((send, first)) = self.doubtful.get(&id).cloned()
        {
            // It is known to be in doubt, and sent again as it was, as long as it is remembered.
            if self.now_us() >= first + us(2_900) {
                self.doubtful.remove(&id);
                self.first_id += IDS;
                return None;
            }
            marks.push(mark(&send, None, None));
            sends.push(send);
        } else {
            for _ in 0..if dedup.is_some() { 1 } else { 1 + rng.below(4) } {
                self.next_message += 1;
                let key = has_keys.then(|| rng.below(KEYS));
                let own_delay = [None, None, Some(0), Some(60), Some(2_000)][rng.below(5) as usize];
                let own_life = [None, None, None, Some(90)][rng.below(4) as usize];
                let (own_delay, own_life) =
                    if has_marks && queue != ORDERED { (own_delay, own_life) } else { (None, None) };
                let lives = own_life.into_iter().chain(lives_ms).min();
                if lives.is_some() {
                    self.mortal.insert(self.next_message);
                }
                let send = Send {
                    queue,
                    message: self.next_message,
                    at: blank,
                    outcome: Outcome::Unknown,
                    answer: None,
                    delay_us: us(own_delay.unwrap_or(delay_ms)),
                    time_to_live_us: lives.map(us),
                    key,
                    dedup,
                };
                marks.push(RecordMark {
                    priority: [0, 0, 1, 9][rng.below(4) as usize],
                    ..mark(&send, own_delay, own_life)
                });
                sends.push(send);
            }
        }
        let mut builder = BatchBuilder::new();
        for send in &sends {
            let key = send.key.map(key_bytes);
            builder
                .push(RecordTime(self.now.0), key.as_deref(), Some(&value(send.message)), &[])
                .expect("a small record is legal");
        }
        let compression = [Compression::None, Compression::Lz4][rng.below(2) as usize];
        let records = u32::try_from(sends.len()).expect("few");
        let batch = AppendBatch {
            log: LogId { stream: self.streams[queue], index: log },
            records,
            last_offset_delta: records - 1,
            max_timestamp: RecordTime(self.now.0),
            producer: None,
            marks: if has_marks { marks } else { Vec::new() },
            bytes: builder.finish(compression).expect("small records make a batch"),
        };
        Some(self.note(What::Send { queue, log, sends }, Request::Append(vec![batch])))
    }

    fn poll(&mut self, rng: &mut Rng, queue: usize) -> (u64, Request) {
        let timeout_ms = self.queues[queue].timeout_ms;
        let connection = rng.one_in(4);
        let own_ms = [None, None, Some(20), Some(3_000)][rng.below(4) as usize];
        let lease_us = match own_ms {
            None if connection => FOR_EVER_US,
            own => us(own.unwrap_or(timeout_ms)),
        };
        let binding = match connection {
            true => Binding::Connection { timeout_ms: own_ms },
            false => Binding::Timed { timeout_ms: own_ms },
        };
        let wait_ms = [0, 0, 0, 30, 700][rng.below(5) as usize];
        let holder = self.first_holder + rng.below(HOLDERS);
        let records_max = 1 + rng.below(5) as u32;
        let acquire = Acquire {
            group: self.group(queue),
            holder: HolderId(holder),
            binding,
            records_max,
            wait_ms,
            priority: rng.below(2) as i32,
            leased_max: None,
            attempt: None,
        };
        let what = What::Poll { queue, records_max, lease_us, connection, wait_ms, holder };
        self.lease(what, LeaseRequest::Acquire(acquire))
    }

    /// Takes what there is of a queue, for long.
    pub(super) fn take(&mut self, queue: usize, records_max: u32, lease_ms: u64) -> (u64, Request) {
        let acquire = Acquire {
            group: self.group(queue),
            holder: HolderId(self.first_holder),
            binding: Binding::Timed { timeout_ms: Some(lease_ms) },
            records_max,
            wait_ms: 0,
            priority: 0,
            leased_max: None,
            attempt: None,
        };
        let (lease_us, holder) = (us(lease_ms), self.first_holder);
        let what = What::Poll { queue, records_max, lease_us, connection: false, wait_ms: 0, holder };
        self.lease(what, LeaseRequest::Acquire(acquire))
    }

    /// Acks everything that was delivered and not settled, a request for each queue.
    pub(super) fn ack_all(&mut self) -> Vec<(u64, Request)> {
        let now_us = self.now_us();
        let held = std::mem::take(&mut self.held);
        let mut by_queue: BTreeMap<usize, Vec<Held>> = BTreeMap::new();
        for one in held.into_iter().filter(|one| !one.is_settled && one.until_us > now_us) {
            self.settled.entry((one.queue, one.lease.log, one.lease.offset.0)).or_insert(now_us);
            by_queue.entry(one.queue).or_default().push(one);
        }
        let mut requests = Vec::new();
        for (queue, held) in by_queue {
            let leases = held.iter().map(|one| (one.lease, Action::Ack { late: false })).collect();
            let acts = held.iter().map(|one| (one.delivery, Act::Ack { late: false })).collect();
            let request = LeaseRequest::Settle(SettleRequest { group: self.group(queue), leases });
            requests.push(self.lease(What::Settle(acts), request));
        }
        requests
    }

    fn settle(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let newest = self.held.len().checked_sub(1)?;
        let reach = if rng.one_in(6) { newest as u64 + 1 } else { 5 };
        let age = rng.below(reach);
        let queue = self.held[newest.saturating_sub(age as usize)].queue;
        let acts = [
            (Action::Ack { late: false }, Act::Ack { late: false }),
            (Action::Ack { late: false }, Act::Ack { late: false }),
            (Action::Ack { late: true }, Act::Ack { late: true }),
            (Action::Release { delay_ms: 0, delivered: true }, Act::Release { delay_us: 0, counts: true }),
            (Action::Release { delay_ms: 0, delivered: false }, Act::Release { delay_us: 0, counts: false }),
            (
                Action::Release { delay_ms: 400, delivered: true },
                Act::Release { delay_us: us(400), counts: true },
            ),
            (Action::Reject, Act::Reject),
            (Action::Expire, Act::Reject),
            (Action::Renew { timeout_ms: 0 }, Act::Release { delay_us: 0, counts: true }),
            (Action::Renew { timeout_ms: 50 }, Act::Renew { lease_us: us(50) }),
            (Action::Renew { timeout_ms: 4_000 }, Act::Renew { lease_us: us(4_000) }),
        ];
        let (mut leases, mut noted, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let now_us = self.now_us();
        for one in self.held.iter_mut().rev().skip(age as usize).take(6) {
            if one.queue != queue || leases.len() == 3 || !seen.insert((one.lease.log, one.lease.offset)) {
                continue;
            }
            let (action, act) = acts[rng.below(acts.len() as u64) as usize];
            match act {
                Act::Renew { lease_us } => (one.until_us, one.is_in_doubt) = (now_us + lease_us, true),
                _ => one.is_settled = true,
            }
            if let Act::Ack { .. } | Act::Reject = act {
                let place = (queue, one.lease.log, one.lease.offset.0);
                self.settled.entry(place).or_insert(now_us);
            }
            leases.push((one.lease, action));
            noted.push((one.delivery, act));
        }
        let request = LeaseRequest::Settle(SettleRequest { group: self.group(queue), leases });
        Some(self.lease(What::Settle(noted), request))
    }

    /// Asks for what ends every lease of the queue that is replayed.
    fn whole(&mut self, what: What, request: LeaseRequest) -> (u64, Request) {
        for one in self.held.iter_mut().filter(|one| one.queue == REPLAYED) {
            one.is_in_doubt = true;
        }
        self.lease(what, request)
    }

    /// A connection ends that has nothing under way.
    fn end_holder(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        if self.asked.values().any(|asked| matches!(asked.what, What::Settle(_) | What::Poll { .. })) {
            return None;
        }
        let of = self.held.iter().rev().find(|one| one.connection && !one.is_settled).copied();
        let of = of.filter(|_| rng.one_in(2))?;
        let now_us = self.now_us();
        let mut deliveries = Vec::new();
        for one in &mut self.held {
            if (one.queue, one.holder, one.connection) == (of.queue, of.holder, true) {
                if !one.is_settled && one.until_us > now_us {
                    deliveries.push((one.delivery, !one.is_in_doubt));
                }
                one.is_settled = true;
            }
        }
        let request = LeaseRequest::EndHolder { group: self.group(of.queue), holder: HolderId(of.holder) };
        Some(self.lease(What::EndHolder(deliveries), request))
    }

    pub(super) fn count(&mut self, queue: usize) -> (u64, Request) {
        let groups = vec![self.group(queue)];
        self.lease(What::Count(queue), LeaseRequest::Describe { groups })
    }

    /// Takes an answer. `read` finds a record that was delivered. Returns what a count says.
    pub(super) fn hear(
        &mut self,
        tag: u64,
        reply: Reply,
        read: &dyn Fn(LogId, Offset) -> Result<Found>,
    ) -> Result<Option<u64>> {
        let to = self.at();
        let asked = self.asked.get_mut(&tag).with_context(|| format!("a second answer: {reply:?}"))?;
        if matches!(reply, Reply::Refused(ErrorKind::Indeterminate | ErrorKind::ShuttingDown)) {
            asked.is_open = true;
            return Ok(None);
        }
        ensure!(!asked.is_open, "a second answer: {reply:?}");
        let Asked { from, what, .. } = self.asked.remove(&tag).expect("it was just looked at");
        let at = Span { from, to };
        match (what, reply) {
            (What::Send { queue, sends, .. }, Reply::Refused(kind)) => {
                self.is_refusal(queue, kind)?;
                self.sent(&sends, at, Outcome::Refused, None);
            }
            (_, Reply::Refused(kind)) => {
                ensure!(
                    matches!(kind, ErrorKind::StorageFull | ErrorKind::LimitExceeded),
                    "refused: {kind:?}"
                );
            }
            (What::Send { queue, log, sends }, Reply::Appended(results)) => match results[0] {
                Ok(appended) => {
                    let base = appended.base_offset.0;
                    self.sent(&sends, at, Outcome::Done, Some((log, base)));
                    ensure!(
                        !appended.duplicate || sends[0].dedup.is_some(),
                        "a duplicate of what has no id in queue {queue}"
                    );
                }
                Err(kind) => {
                    self.is_refusal(queue, kind)?;
                    self.sent(&sends, at, Outcome::Refused, None);
                }
            },
            (what, Reply::Lease(reply)) => return self.hear_lease(what, *reply, at, read),
            (what, reply) => bail!("{what:?} is answered by {reply:?}"),
        }
        Ok(None)
    }

    fn is_refusal(&self, queue: usize, kind: ErrorKind) -> Result<()> {
        let is_full = kind == ErrorKind::StreamFull && self.queues[queue].name == "short";
        ensure!(is_full || kind == ErrorKind::StorageFull, "a send is refused: {kind:?}");
        Ok(())
    }

    /// Writes down how a send ended; its first message is at this place.
    fn sent(&mut self, sends: &[Send], at: Span, outcome: Outcome, place: Option<(u32, u64)>) {
        for (nth, send) in (0..).zip(sends) {
            let answer = place.map(|(log, base)| u64::from(log) << 40 | (base + nth));
            if let Some(id) = send.dedup {
                match outcome {
                    Outcome::Unknown => {
                        self.doubtful.entry(id).or_insert((send.clone(), at.from));
                    }
                    Outcome::Done => {
                        self.doubtful.remove(&id);
                    }
                    Outcome::Refused => {}
                }
            }
            let send = Send { at, outcome, answer, ..send.clone() };
            self.history.events.push(Event::Send(send));
        }
    }

    fn hear_lease(
        &mut self,
        what: What,
        reply: LeaseReply,
        at: Span,
        read: &dyn Fn(LogId, Offset) -> Result<Found>,
    ) -> Result<Option<u64>> {
        let done = |queue| Whole { queue, at, outcome: Outcome::Done };
        let event = match (what, reply) {
            (what @ What::Poll { .. }, LeaseReply::Acquired(acquired)) => {
                let Some(event) = self.delivered(&what, &acquired, at, read)? else {
                    // Whoever asked is gone with the broker.
                    self.next_tag += 1;
                    self.asked.insert(self.next_tag, Asked { from: at.from, what, is_open: true });
                    return Ok(None);
                };
                event
            }
            (What::Settle(acts), LeaseReply::Settled(results)) => {
                ensure!(acts.len() == results.len(), "one result per lease");
                for ((delivery, act), result) in acts.into_iter().zip(results) {
                    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Refused };
                    self.history.events.push(Event::Settle(Settle { delivery, at, act, outcome }));
                }
                return Ok(None);
            }
            (What::EndHolder(deliveries), LeaseReply::Done) => {
                self.gave_back(&deliveries, at, Outcome::Done);
                return Ok(None);
            }
            // Which of them were ready, the judge need not know.
            (What::PurgeReady(queue), LeaseReply::Purged { .. }) => {
                Event::Purge(Whole { outcome: Outcome::Unknown, ..done(queue) })
            }
            (What::Purge(queue), LeaseReply::Sought { .. }) => Event::Purge(done(queue)),
            (What::Replay(queue), LeaseReply::Sought { .. }) => Event::Replay(done(queue)),
            (What::Redrive(queue), LeaseReply::Redrive { .. }) => Event::Redrive(done(queue)),
            (What::Count(queue), LeaseReply::Described(counts)) => {
                let Ok(counts) = counts[0] else { bail!("a queue is not counted: {counts:?}") };
                let messages = counts.ready + counts.leased + counts.delayed + counts.moving;
                self.history.events.push(Event::Count(Count { queue, at, messages, leased: counts.leased }));
                return Ok(Some(messages));
            }
            (What::Nothing, LeaseReply::Done) => return Ok(None),
            (what, reply) => bail!("{what:?} is answered by {reply:?}"),
        };
        self.history.events.push(event);
        Ok(None)
    }

    fn gave_back(&mut self, deliveries: &[(u64, bool)], at: Span, outcome: Outcome) {
        let act = Act::Release { delay_us: 0, counts: true };
        for &(delivery, is_sure) in deliveries {
            let outcome = if is_sure { outcome } else { Outcome::Unknown };
            self.history.events.push(Event::Settle(Settle { delivery, at, act, outcome }));
        }
    }

    fn delivered(
        &mut self,
        what: &What,
        acquired: &Acquired,
        at: Span,
        read: &dyn Fn(LogId, Offset) -> Result<Found>,
    ) -> Result<Option<Event>> {
        let &What::Poll { queue, records_max, lease_us, connection, wait_ms, holder } = what else {
            bail!("{what:?} is answered with records")
        };
        // The answer says in which millisecond it was decided.
        let decided = us(acquired.now.0.cast_unsigned());
        let has_waited = us(wait_ms) + at.from < decided;
        let at = Span { from: at.from.max(decided), to: at.to.min(decided + 999) };
        ensure!(at.from <= at.to, "decided at {decided}, asked and answered within {at:?}");
        let (mut got, mut held) = (Vec::new(), Vec::new());
        for record in &acquired.records {
            let place = (queue, record.log, record.offset.0);
            let message = match self.places.get(&place) {
                Some(message) => *message,
                None => {
                    let log = LogId { stream: self.streams[queue], index: record.log };
                    let found = read(log, record.offset)?;
                    let found = match found {
                        Found::Value(found) => found,
                        Found::PowerOff => return Ok(None),
                        Found::Trimmed => {
                            // Purged or replayed, or its lease has ended and then its time to live: trimmed before the
                            // answer was heard.
                            let name = self.queues[queue].name;
                            ensure!(
                                queue == REPLAYED || self.now_us() >= at.from.saturating_add(lease_us),
                                "{name} has no record at {} of log {log}",
                                record.offset
                            );
                            continue;
                        }
                    };
                    let number = found.get(..8).context("a value holds its number")?;
                    let number = u64::from_le_bytes(number.try_into()?);
                    ensure!(found[..] == value(number)[..], "message {number} has another value");
                    self.places.insert(place, number);
                    number
                }
            };
            self.next_delivery += 1;
            let delivery = self.next_delivery;
            let lease = LeaseRef { log: record.log, offset: record.offset, lease: record.lease };
            let until_us = at.from.saturating_add(lease_us);
            let (is_settled, is_in_doubt) = (false, false);
            held.push(Held { queue, delivery, lease, connection, holder, until_us, is_settled, is_in_doubt });
            let place = Some(u64::from(record.log) << 40 | record.offset.0);
            got.push(Got { message, delivery, count: record.delivery_count, place });
        }
        self.held.extend(held);
        let surplus = self.held.len().saturating_sub(HELD_MAX);
        self.held.drain(..surplus);
        // Keys may have to be read first.
        let has_keys = self.queues[queue].has_keys;
        let is_all = got.len() == acquired.records.len();
        // One that has waited long enough gets nothing, whatever became ready in the same moment.
        let takes_all = !has_keys && is_all && (wait_ms == 0 || got.is_empty() && !has_waited);
        let outcome = Outcome::Done;
        let asked = records_max;
        Ok(Some(Event::Poll(Poll { queue, at, outcome, asked, takes_all, lease_us, connection, got })))
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
                What::Settle(acts) => {
                    let settle = |(delivery, act)| Event::Settle(Settle { delivery, at, act, outcome });
                    self.history.events.extend(acts.into_iter().map(settle));
                    continue;
                }
                What::EndHolder(deliveries) => {
                    self.gave_back(&deliveries, at, outcome);
                    continue;
                }
                What::Poll { queue, records_max, lease_us, connection, .. } => {
                    // What was bound to the connection came back when it ended.
                    let lease_us = if connection { 0 } else { lease_us };
                    let (asked, got) = (records_max, Vec::new());
                    Event::Poll(Poll {
                        queue,
                        at,
                        outcome,
                        asked,
                        takes_all: false,
                        lease_us,
                        connection,
                        got,
                    })
                }
                What::Purge(queue) | What::PurgeReady(queue) => Event::Purge(Whole { queue, at, outcome }),
                What::Replay(queue) => Event::Replay(Whole { queue, at, outcome }),
                What::Redrive(queue) => Event::Redrive(Whole { queue, at, outcome }),
                What::Count(_) | What::Nothing => continue,
            };
            self.history.events.push(event);
        }
        self.held.retain(|one| !one.connection);
        self.first_holder += HOLDERS;
        to
    }

    /// The broker answers again.
    pub(super) fn is_back(&mut self, gone: u64) {
        let to = self.at();
        self.history.events.push(Event::Restart(Span { from: gone, to }));
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

fn mark(send: &Send, delay_ms: Option<u64>, time_to_live_ms: Option<u64>) -> RecordMark {
    RecordMark {
        priority: 0,
        delay_ms,
        time_to_live_ms,
        ordering_key: send.key.map(|key| ordering_key(&key_bytes(key))),
        dedup: send.dedup.map(|id| u128::from(id) << 64 | 7),
    }
}
