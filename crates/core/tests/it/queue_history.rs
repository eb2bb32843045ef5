//! Random histories of queues, with crashes, old checkpoints and jumps of the clock, against the reference.
//!
//! Every answer has to be the reference's, to the lease number; after a crash the queue has to be what the reference was
//! when the last frame became durable.

use crate::broker::{Broker, disturb};
use crate::random::Random;
use crate::reference::{Queue, Record, Served, State, Waiter};
use crate::work::{listed, take};
use millstream_core::catalog::{LeaseSetting, Overflow};
use millstream_core::lease::{
    Acquire, Action, Binding, FinishMove, LeaseGroupId, LeaseNumber, LeaseRef, LeaseReply, LeaseRequest,
    Move, MoveOutcome, MoveTarget, RecordMark, RecordState, SeekTo, Settle,
};
use millstream_core::{Reply, Ticket};
use millstream_types::{ErrorKind, LogId, Offset, StreamId, WalPosition};
use std::collections::BTreeMap;

/// What a ticket has to be answered with, once it is.
#[derive(Debug, PartialEq)]
enum Due {
    Acquired(Vec<(u64, u32, u64)>),
    Waits(u64),
    Lease(LeaseReply),
    Appended(bool),
    Moves,
}

struct World {
    broker: Broker,
    model: Queue,
    /// What the reference was at the end of each turn that wrote, oldest first.
    past: Vec<(WalPosition, Queue)>,
    due: BTreeMap<Ticket, Due>,
    /// Moves that were asked for.
    moves: Vec<Move>,
    /// Leases that somebody was told of, right ones and old ones.
    leases: Vec<(u64, u64)>,
    queue: StreamId,
    dead: StreamId,
    delay_ms: i64,
    lives_ms: i64,
    names: u64,
    delivered: usize,
    /// The settings of the queue, if it is in memory only: a crash takes it, and it is made anew.
    ephemeral: Option<Vec<LeaseSetting>>,
}

impl World {
    fn new(random: &mut Random, is_ephemeral: bool) -> World {
        let limit = *random.pick(&[1, 2, 3, u32::MAX, u32::MAX]);
        let has_route = random.one_in(2);
        let delay_ms = *random.pick(&[0, 0, 0, 40]);
        let lives_ms = *random.pick(&[i64::MAX, i64::MAX, 300, 2_000]);
        let overflow = *random.pick(&[Overflow::DropOldest, Overflow::Reject, Overflow::DeadLetter]);
        let length_max = random.one_in(3).then_some(6);
        let bytes_max = random.one_in(3).then_some(20);
        let mut settings = vec![
            LeaseSetting::TimeoutMs(100),
            LeaseSetting::DelayMs(u64::try_from(delay_ms).expect("positive")),
            LeaseSetting::Overflow(overflow),
            LeaseSetting::LengthMax(length_max.map(|max| max as u64)),
            LeaseSetting::LengthBytesMax(bytes_max),
            LeaseSetting::DeliveryLimit((limit != u32::MAX).then_some(limit)),
            LeaseSetting::DeadLetter(has_route.then(|| "dead".into())),
        ];
        if lives_ms != i64::MAX {
            settings.push(LeaseSetting::TimeToLiveMs(Some(u64::try_from(lives_ms).expect("positive"))));
        }
        let mut broker = Broker::new();
        let queue = match is_ephemeral {
            true => broker.ephemeral_queue("queue", 1, &settings),
            false => broker.queue("queue", 1, &settings),
        };
        let dead = broker.stream("dead", 1);
        broker.sync_always = false;
        let model = Queue {
            records: Vec::new(),
            waiters: Vec::new(),
            next_lease: 1,
            timeout: 100,
            limit,
            has_route,
            length_max,
            bytes_max,
            overflow,
        };
        let past = vec![(broker.position(), model.clone())];
        World {
            broker,
            model,
            past,
            due: BTreeMap::new(),
            moves: Vec::new(),
            leases: Vec::new(),
            queue,
            dead,
            delay_ms,
            lives_ms,
            names: 0,
            delivered: 0,
            ephemeral: is_ephemeral.then_some(settings),
        }
    }

    fn now(&self) -> i64 {
        self.broker.now.0
    }

    fn group(&self) -> LeaseGroupId {
        LeaseGroupId::default_of(self.queue)
    }

    fn lease(&mut self, request: LeaseRequest, due: Due) {
        println!("{} {request:?} {due:?}", self.now());
        let ticket = self.broker.lease(request);
        self.due.insert(ticket, due);
    }

    /// Who waited got this.
    fn served(&mut self, served: Served) {
        for (name, got) in served {
            let waits = Due::Waits(name);
            let waiting = self.due.iter().find(|(_, due)| **due == waits);
            let (&ticket, _) = waiting.expect("who was served has waited");
            self.due.insert(ticket, Due::Acquired(got));
        }
    }

    fn act(&mut self, random: &mut Random) {
        let now = self.now();
        match random.below(20) {
            0..=4 => self.append(random),
            5..=8 => {
                let (records_max, connection) = (1 + random.below(4), random.one_in(3));
                let wait_ms = *random.pick(&[0, 0, 50, 400, u64::MAX]);
                self.acquire(u32::try_from(records_max).expect("small"), wait_ms, connection);
            }
            9..=16 => self.settle(random),
            17 => self.finish(random),
            18 if random.one_in(3) => self.look_after(random),
            18 if random.one_in(4) => {
                let to = random.below(self.model.records.len() as u64 + 1);
                // What is in memory is trimmed once it is consumed.
                let log = LogId { stream: self.queue, index: 0 };
                let (start, _) = self.broker.shard.log_bounds(log).expect("the queue is there");
                let to = to.max(start.0);
                let settled = self.model.seek(usize::try_from(to).expect("small"));
                let to = SeekTo::Offsets(vec![(0, Offset(to))]);
                let request = LeaseRequest::Seek { group: self.group(), to };
                self.lease(request, Due::Lease(LeaseReply::Sought { settled }));
                let served = self.model.serve(now);
                self.served(served);
            }
            _ => {
                let by_ms = *random.pick(&[0, 1, 30, 90, 100, 500, 40_000, 31_536_000_000]);
                if by_ms < 500 || random.one_in(10) {
                    self.advance(by_ms);
                }
            }
        }
        self.advance(0);
        self.past.push((self.broker.position(), self.model.clone()));
    }

    fn advance(&mut self, by_ms: u64) {
        println!("{} advance {by_ms}", self.now());
        let until = self.now() + i64::try_from(by_ms).expect("small");
        let served = self.model.advance(self.now(), until);
        self.served(served);
        self.broker.advance(by_ms);
    }

    fn append(&mut self, random: &mut Random) {
        let now = self.now();
        let marks: Vec<RecordMark> = (0..1 + random.below(3))
            .map(|_| RecordMark {
                priority: *random.pick(&[0, 0, 0, 1, 7]),
                delay_ms: *random.pick(&[None, None, Some(0), Some(60)]),
                time_to_live_ms: *random.pick(&[None, None, None, Some(80)]),
                ..RecordMark::default()
            })
            .collect();
        let is_marked = random.one_in(2);
        let record = |mark: &RecordMark| {
            let mark = if is_marked { *mark } else { RecordMark::default() };
            let delay_ms = mark.delay_ms.map_or(self.delay_ms, |ms| ms.cast_signed());
            let lives_ms =
                mark.time_to_live_ms.map_or(self.lives_ms, |ms| self.lives_ms.min(ms.cast_signed()));
            let state = if delay_ms == 0 { State::Ready } else { State::Delayed { until: now + delay_ms } };
            let (priority, expires) = (mark.priority, now.saturating_add(lives_ms));
            // A batch has six bytes.
            let bytes = 6 / marks.len() as u64;
            Record { state, count: 0, lease: 0, priority, expires, bytes }
        };
        let records: Vec<Record> = marks.iter().map(record).collect();
        let is_taken = self.model.append(&records);
        let log = LogId { stream: self.queue, index: 0 };
        let batch = if is_marked {
            crate::work::marked(log, &marks)
        } else {
            Broker::batch(log, u32::try_from(marks.len()).expect("small"))
        };
        let ticket = self.broker.send(millstream_core::Request::Append(vec![batch]));
        self.due.insert(ticket, Due::Appended(is_taken));
        let served = self.model.serve(now);
        self.served(served);
        if is_taken {
            self.model.cut();
        }
    }

    fn acquire(&mut self, records_max: u32, wait_ms: u64, connection: bool) {
        let now = self.now();
        let binding = match connection {
            true => Binding::Connection { timeout_ms: None },
            false => Binding::Timed { timeout_ms: None },
        };
        let acquire = Acquire { binding, wait_ms, ..take(self.queue, records_max) };
        let waits = wait_ms > 0;
        let got = if waits && !self.model.waiters.is_empty() {
            Vec::new()
        } else {
            self.model.acquire(now, records_max as usize, connection)
        };
        if !got.is_empty() || !waits {
            return self.lease(LeaseRequest::Acquire(acquire), Due::Acquired(got));
        }
        self.names += 1;
        let until = if wait_ms == u64::MAX { i64::MAX } else { now + wait_ms.cast_signed() };
        let name = self.names;
        self.model.waiters.push(Waiter { name, records_max: records_max as usize, until, connection });
        self.lease(LeaseRequest::Acquire(acquire), Due::Waits(name));
    }

    fn settle(&mut self, random: &mut Random) {
        let now = self.now();
        let mut leases = Vec::new();
        let mut results = Vec::new();
        for _ in 0..1 + random.below(3) {
            // Mostly one that is good, sometimes one that was, rarely a forged one.
            let (offset, lease) = match random.below(12) {
                0 => (random.below(self.model.records.len() as u64 + 2), random.below(20)),
                _ if self.leases.is_empty() => continue,
                n => {
                    let newest = self.leases.len() - 1;
                    let age = random.below(if n < 9 { 4 } else { newest as u64 + 1 });
                    self.leases[newest.saturating_sub(usize::try_from(age).expect("small"))]
                }
            };
            let action = *random.pick(&[
                Action::Ack { late: false },
                Action::Ack { late: false },
                Action::Ack { late: true },
                Action::Release { delay_ms: 0, delivered: true },
                Action::Release { delay_ms: 0, delivered: false },
                Action::Release { delay_ms: 70, delivered: true },
                Action::Reject,
                Action::Expire,
                Action::Absent,
                Action::Renew { timeout_ms: 0 },
                Action::Renew { timeout_ms: 250 },
            ]);
            if leases.iter().any(|(of, _): &(LeaseRef, Action)| of.offset == Offset(offset)) {
                continue;
            }
            let of = LeaseRef { log: 0, offset: Offset(offset), lease: LeaseNumber(lease) };
            leases.push((of, action));
            results.push(self.model.settle(now, usize::try_from(offset).expect("small"), lease, action));
        }
        let settle = Settle { group: self.group(), leases };
        self.lease(LeaseRequest::Settle(settle), Due::Lease(LeaseReply::Settled(results)));
        let served = self.model.serve(now);
        self.served(served);
    }

    /// What nobody does who consumes.
    fn look_after(&mut self, random: &mut Random) {
        let group = self.group();
        if random.one_in(5) {
            let settled = self.model.purge();
            return self.lease(LeaseRequest::Purge { group }, Due::Lease(LeaseReply::Purged { settled }));
        }
        let (target, moves) = (MoveTarget::Stream(self.dead), random.one_in(2));
        let mut records: Vec<u64> =
            (0..1 + random.below(4)).map(|_| random.below(self.model.records.len() as u64 + 2)).collect();
        records.sort_unstable();
        records.dedup();
        let at = |offset: &u64| usize::try_from(*offset).expect("small");
        let results = records.iter().map(|offset| self.model.by_place(at(offset), moves)).collect();
        let records = records.into_iter().map(|offset| (0, Offset(offset))).collect();
        let request = match moves {
            true => LeaseRequest::RedriveRecords { group, records, target },
            false => LeaseRequest::SettleRecords { group, records },
        };
        self.lease(request, Due::Lease(LeaseReply::Settled(results)));
    }

    /// Every record that is not settled is where the reference has it.
    fn peek(&mut self) {
        let mut from = None;
        let mut found = Vec::new();
        loop {
            let peek = LeaseRequest::Peek { group: self.group(), from, max: 7 };
            let Ok(LeaseReply::Peeked { records, next }) = self.broker.ask_lease(peek) else {
                panic!("it can be looked at")
            };
            found.extend(records.iter().map(|record| {
                let state = match record.state {
                    RecordState::Ready => State::Ready,
                    RecordState::Leased { deadline, .. } => State::Leased {
                        until: deadline.map_or(i64::MAX, |deadline| deadline.0),
                        connection: deadline.is_none(),
                    },
                    RecordState::Delayed { until } => State::Delayed { until: until.0 },
                    RecordState::Moving { .. } => State::Moving,
                };
                (record.offset.0, state, record.delivery_count, record.priority)
            }));
            from = next;
            if from.is_none() {
                break;
            }
        }
        let open = (0..).zip(&self.model.records).filter(|(_, record)| record.state != State::Settled);
        let expected: Vec<_> = open
            .map(|(offset, record)| {
                let state = match record.state {
                    // A renewed lease of a connection has a deadline, and nobody sees that it is one.
                    State::Leased { until, .. } => State::Leased { until, connection: until == i64::MAX },
                    state => state,
                };
                (offset, state, record.count, record.priority)
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn finish(&mut self, random: &mut Random) {
        let now = self.now();
        if self.moves.is_empty() {
            let is_asked = self.due.values().any(|due| *due == Due::Moves);
            if !is_asked {
                self.lease(LeaseRequest::TakeMoves, Due::Moves);
            }
            return;
        }
        let at = usize::try_from(random.below(self.moves.len() as u64)).expect("small");
        let finished = if random.one_in(5) { self.moves[at] } else { self.moves.swap_remove(at) };
        let of = finished.record;
        let offset = usize::try_from(of.offset.0).expect("small");
        let record = self.model.records.get_mut(offset);
        let open = record.filter(|record| record.state == State::Moving && record.lease == of.lease.0);
        let is_open = open.is_some();
        let dead = LogId { stream: self.dead, index: 0 };
        let (outcome, state) = match random.below(4) {
            0 => (MoveOutcome::Drop, State::Settled),
            1 => (MoveOutcome::Return, State::Ready),
            _ => (MoveOutcome::Append(vec![Broker::batch(dead, 1)]), State::Settled),
        };
        if let Some(record) = open {
            record.state = state;
        }
        let finish = FinishMove { group: finished.group, record: of, outcome };
        let due = Due::Lease(LeaseReply::Moved(vec![Ok(is_open)]));
        self.lease(LeaseRequest::FinishMoves(vec![finish]), due);
        let served = self.model.serve(now);
        self.served(served);
    }

    /// Compares what has left with what had to come.
    fn compare(&mut self) {
        for (ticket, reply) in self.broker.take_all() {
            let Some(due) = self.due.remove(&ticket) else { continue };
            match (due, reply) {
                (Due::Acquired(expected), Reply::Lease(reply)) => {
                    let LeaseReply::Acquired(acquired) = *reply else { panic!("{reply:?}") };
                    assert_eq!(listed(&acquired), expected);
                    self.delivered += expected.len();
                    self.leases.extend(expected.iter().map(|(offset, _, lease)| (*offset, *lease)));
                }
                (Due::Lease(expected), Reply::Lease(reply)) => assert_eq!(*reply, expected),
                (Due::Appended(expected), Reply::Appended(results)) => match results[0] {
                    Ok(_) => assert!(expected, "it was refused by the reference"),
                    Err(kind) => assert_eq!((kind, expected), (ErrorKind::StreamFull, false)),
                },
                (Due::Moves, Reply::Lease(reply)) => {
                    let LeaseReply::Moves(moves) = *reply else { panic!("{reply:?}") };
                    self.moves.extend(moves);
                }
                (due, reply) => panic!("{due:?} was answered with {reply:?}"),
            }
        }
        let newest = self.leases.len();
        self.leases.drain(..newest.saturating_sub(30));
    }

    /// The reference as it was when the last durable frame was written.
    fn crashed(&mut self) {
        let durable = self.broker.crashed_at;
        self.due.clear();
        self.moves.clear();
        if let Some(settings) = &self.ephemeral {
            let before = self.queue;
            self.broker.sync_always = true;
            self.queue = self.broker.ephemeral_queue("queue", 1, settings);
            self.broker.sync_always = false;
            assert!(self.queue > before, "an id is not used again");
            self.model.records.clear();
            self.model.waiters.clear();
            self.model.next_lease = 1;
            self.leases.clear();
            return self.advance(0);
        }
        let kept =
            self.past.iter().rposition(|(position, _)| *position <= durable).expect("it began somewhere");
        self.model = self.past[kept].1.clone();
        self.model.restart(self.now());
        self.advance(0);
        self.past = vec![(self.broker.position(), self.model.clone())];
    }

    fn check(&mut self) {
        self.broker.sync_always = true;
        self.broker.flush();
        self.compare();
        let counts = self.broker.counts(self.queue);
        println!("check {counts:?} {:?}", self.model.counts());
        assert_eq!([counts.ready, counts.leased, counts.delayed, counts.moving], self.model.counts());
        assert_eq!(counts.waiting, self.model.waiters.len() as u64);
        self.peek();
        self.broker.sync_always = false;
    }
}

fn history(seed: u64, steps: usize, is_ephemeral: bool) -> usize {
    let mut random = Random(seed);
    let mut world = World::new(&mut random, is_ephemeral);
    for _ in 0..steps {
        world.act(&mut random);
        world.compare();
        if disturb(&mut world.broker, &mut random) {
            world.crashed();
            world.check();
        } else if random.one_in(7) {
            world.check();
        }
    }
    world.check();
    world.delivered
}

#[test]
fn random_histories_of_queues_are_what_the_reference_says() {
    let mut delivered = 0;
    for seed in 0..400 {
        println!("seed {seed}");
        delivered += history(seed, 250, false);
    }
    assert!(delivered > 20_000, "the histories are about something: {delivered}");
}

#[test]
fn a_queue_in_memory_is_what_the_reference_says_until_a_crash_takes_it() {
    let mut delivered = 0;
    for seed in 0..200 {
        println!("seed {seed}");
        delivered += history(seed, 250, true);
    }
    assert!(delivered > 5_000, "the histories are about something: {delivered}");
}

#[test]
#[ignore = "minutes of the same"]
fn thousands_of_histories_of_queues_are_what_the_reference_says() {
    for seed in 1_000..8_000 {
        println!("seed {seed}");
        history(seed, 250, seed % 4 == 0);
    }
}
