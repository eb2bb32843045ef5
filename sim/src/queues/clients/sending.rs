//! What clients send: to one queue, by a route, or together with what they settle.
//!
//! Apart because a send is written down as what it is in each queue, with all that was said of it.

use bytes::Bytes;
use millstream_core::Request;
use millstream_core::lease::{LeaseRef, RecordMark, Settle as SettleRequest};
use millstream_core::log::AppendBatch;
use millstream_core::route::Lookup;
use millstream_core::{Transact, lease};
use millstream_testkit::checker::queue::{Act, Event, Outcome, Send, Span};
use millstream_testkit::sim_disk::Rng;
use millstream_types::batch::{BatchBuilder, Compression};
use millstream_types::key::ordering_key;
use millstream_types::{LogId, RecordTime, routed};

use super::names::{copy, death, heir, key_bytes, published, value};
use super::routing::{FAN, KEYS as ROUTED_KEYS};
use super::{Clients, Place, What, us};
use crate::queues::plan::{FIRST, GRAVES, HELD, ORDERED, SECOND};

/// Keys of a queue that has any.
const KEYS: u64 = 4;
/// Dedup ids that are sent again and again.
const IDS: u64 = 5;
/// Places that are remembered for being looked at.
const RECENT_MAX: usize = 40;
/// Until nobody knows when.
const NEVER_US: u64 = u64::MAX;

impl Clients {
    pub(super) fn send(&mut self, rng: &mut Rng, queue: usize) -> Option<(u64, Request)> {
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
                let priority = [0, 0, 1, 9][rng.below(4) as usize];
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
                    priority: if has_marks { priority } else { 0 },
                    ..Send::default()
                };
                marks.push(mark(&send, own_delay, own_life));
                sends.push(send);
            }
        }
        let compression = [Compression::None, Compression::Lz4][rng.below(2) as usize];
        let bytes = self.batch(&sends, compression, &[]);
        let marks = if has_marks { marks } else { Vec::new() };
        let batch = self.append(queue, log, sends.len(), marks, bytes);
        Some(self.note(What::Send { queue, log, sends }, Request::Append(vec![batch])))
    }

    /// The bytes of a batch of what is sent.
    fn batch(&self, sends: &[Send], compression: Compression, headers: &[(&str, Option<&[u8]>)]) -> Bytes {
        let mut builder = BatchBuilder::new();
        for send in sends {
            let key = send.key.map(key_bytes);
            builder
                .push(RecordTime(self.now.0), key.as_deref(), Some(&value(send.message)), headers)
                .expect("a small record is legal");
        }
        builder.finish(compression).expect("small records make a batch")
    }

    fn append(
        &self,
        queue: usize,
        log: u32,
        records: usize,
        marks: Vec<RecordMark>,
        bytes: Bytes,
    ) -> AppendBatch {
        let records = u32::try_from(records).expect("few");
        AppendBatch {
            log: LogId { stream: self.streams[queue], index: log },
            records,
            last_offset_delta: records - 1,
            max_timestamp: RecordTime(self.now.0),
            producer: None,
            marks,
            bytes,
        }
    }

    /// A message as a queue without marks takes it.
    fn plain(&mut self, queue: usize, message: u64, together: Option<u64>) -> Send {
        let plan = &self.queues[queue];
        let lives_ms = plan.lives_ms;
        if lives_ms.is_some() {
            self.mortal.insert(message);
        }
        let delay_us = us(plan.delay_ms);
        Send { queue, message, delay_us, time_to_live_us: lives_ms.map(us), together, ..Send::default() }
    }

    fn together(&mut self) -> u64 {
        self.next_together += 1;
        self.next_together
    }

    /// Publishes by the route that fans out: to all queues that it leads to, in one request.
    pub(super) fn publish(&mut self, rng: &mut Rng, catalog: &dyn Lookup) -> Option<(u64, Request)> {
        let key = ROUTED_KEYS[rng.below(ROUTED_KEYS.len() as u64) as usize];
        let targets = self.targets(key, catalog);
        if targets.is_empty() {
            return None;
        }
        self.next_message += 1;
        let sent = published(self.next_message);
        let record = [Send { message: sent, ..Send::default() }];
        let headers = [(routed::BY, Some(FAN.as_bytes())), (routed::KEY, Some(key.as_bytes()))];
        let bytes = self.batch(&record, Compression::None, &headers);
        let number = self.together();
        let (mut sends, mut appends) = (Vec::new(), Vec::new());
        for queue in targets {
            let log = rng.below(u64::from(self.queues[queue].logs)) as u32;
            let send = self.plain(queue, copy(sent, queue), Some(number));
            appends.push(self.append(queue, log, 1, Vec::new(), bytes.clone()));
            sends.push((log, vec![send]));
        }
        Some(self.note(What::Together { sends, acts: Vec::new(), number }, Request::Append(appends)))
    }

    /// Sends to some queues and acks some deliveries, all of it or nothing.
    pub(super) fn transact(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let number = self.together();
        let (mut sends, mut appends) = (Vec::new(), Vec::new());
        for queue in [FIRST, SECOND, 0, HELD] {
            if rng.one_in(3) {
                continue;
            }
            let logs = self.queues[queue].logs;
            let only = rng.one_in(2).then(|| rng.below(u64::from(logs)) as u32);
            for log in (0..logs).filter(|log| only.is_none_or(|only| only == *log)) {
                let mut batch = Vec::new();
                for _ in 0..1 + rng.below(2) {
                    self.next_message += 1;
                    batch.push(self.plain(queue, self.next_message, Some(number)));
                }
                let bytes = self.batch(&batch, Compression::None, &[]);
                appends.push(self.append(queue, log, batch.len(), Vec::new(), bytes));
                sends.push((log, batch));
            }
        }
        let (mut settles, mut acts) = (Vec::new(), Vec::new());
        let now_us = self.now_us();
        let ack = Act::Ack { late: false };
        for _ in 0..rng.below(3) {
            let skipped = rng.below(6) as usize;
            let mut newest = self.held.iter_mut().rev().filter(|one| !one.is_settled);
            let Some(one) = newest.nth(skipped) else { break };
            one.is_settled = true;
            let (queue, lease): (usize, LeaseRef) = (one.queue, one.lease);
            acts.push(vec![(one.delivery, ack)]);
            self.settled.entry((queue, lease.log, lease.offset.0)).or_insert(now_us);
            let leases = vec![(lease, lease::Action::Ack { late: false })];
            settles.push(SettleRequest { group: self.group(queue), leases });
        }
        if sends.is_empty() && settles.is_empty() {
            return None;
        }
        let transact = Box::new(Transact { appends, settles });
        Some(self.note(What::Together { sends, acts, number }, Request::Transact(transact)))
    }

    /// Writes down how a send ended; its first message is at this place.
    pub(super) fn sent(&mut self, sends: &[Send], at: Span, outcome: Outcome, place: Option<(u32, u64)>) {
        for (nth, send) in (0..).zip(sends) {
            let answer = place.map(|(log, base)| self.told((send.queue, log, base + nth)));
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
            if let (Some((log, base)), None) = (place, send.dedup) {
                self.remember((send.queue, log, base + nth), send.message);
            }
            if send.queue == FIRST && outcome != Outcome::Refused {
                self.name_heirs(send, at.from);
            }
            let send = Send { at, outcome, answer, ..send.clone() };
            self.history.events.push(Event::Send(send));
        }
    }

    /// What a message becomes if it dies: one in each of the queues that its dead letters go to, or none.
    fn name_heirs(&mut self, send: &Send, from: u64) {
        for grave in GRAVES {
            let heir = Send {
                queue: grave,
                message: heir(send.message, grave),
                at: Span { from, to: NEVER_US },
                outcome: Outcome::Unknown,
                together: Some(death(send.message)),
                heir_of: Some(send.message),
                ..Send::default()
            };
            self.history.events.push(Event::Send(heir));
        }
    }

    /// A message is, or was a moment ago, at a place.
    pub(super) fn remember(&mut self, place: Place, message: u64) {
        if self.routes.is_some() {
            self.recent.push_back((place, message));
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
    }
}

fn mark(send: &Send, delay_ms: Option<u64>, time_to_live_ms: Option<u64>) -> RecordMark {
    RecordMark {
        priority: send.priority,
        delay_ms,
        time_to_live_ms,
        ordering_key: send.key.map(|key| ordering_key(&key_bytes(key))),
        dedup: send.dedup.map(|id| u128::from(id) << 64 | 7),
    }
}
