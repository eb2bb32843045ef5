//! A broker of nothing but the core: it keeps the frames, holds replies back until theirs are durable, takes fuzzy
//! checkpoints, and can crash.
//!
//! Apart because every test wants the same promises checked all the time: each ticket is answered at most once, no
//! reply waits for a frame that does not exist yet, and whatever way the state is restored, it is the same.

use crate::random::Random;
use bytes::Bytes;
use millstream_core::cursor::GroupRequest;
use millstream_core::hash::HashSeed;
use millstream_core::shard::{ImageKey, ShardOptions};
use millstream_core::{
    CatalogEffect, Effects, EphemeralChange, Reply, Request, Restore, Shard, Ticket, Turn,
};
use millstream_types::{BatchFacts, EngineTime, Incarnation, Namespace, StreamId, StreamUid, WalPosition};
use std::collections::{BTreeMap, BTreeSet};

/// Where a test's time begins.
pub(crate) const START: EngineTime = EngineTime(1_000_000);

struct Frame {
    position: WalPosition,
    entries: Vec<u8>,
    facts: Vec<BatchFacts>,
}

/// A checkpoint: chunks with the positions they are stamped with.
#[derive(Clone)]
struct Checkpoint {
    began: WalPosition,
    next: Option<ImageKey>,
    chunks: Vec<(WalPosition, Vec<u8>)>,
}

pub(crate) struct Broker {
    pub(crate) shard: Shard,
    pub(crate) options: ShardOptions,
    pub(crate) now: EngineTime,
    /// Replies leave at once; otherwise when [`Broker::flush`] has made their frames durable.
    pub(crate) sync_always: bool,
    position: WalPosition,
    durable: WalPosition,
    /// What was durable at the last crash.
    pub(crate) crashed_at: WalPosition,
    frames: Vec<Frame>,
    open: BTreeSet<Ticket>,
    held: Vec<(Ticket, Option<WalPosition>, Reply)>,
    delivered: BTreeMap<Ticket, Reply>,
    tickets: u64,
    running: Option<Checkpoint>,
    complete: Option<Checkpoint>,
    effects: Effects,
    starts: u64,
    /// What was wanted done in memory, since a test has taken it.
    pub(crate) memory: Vec<EphemeralChange>,
    /// What the catalog was to show, likewise.
    pub(crate) catalog: Vec<CatalogEffect>,
}

fn seed() -> HashSeed {
    HashSeed([1, 2])
}

impl Broker {
    pub(crate) fn new() -> Broker {
        Broker::with(ShardOptions::default())
    }

    pub(crate) fn with(options: ShardOptions) -> Broker {
        Broker {
            shard: Shard::new(seed(), options),
            options,
            now: START,
            sync_always: true,
            position: WalPosition(64),
            durable: WalPosition(64),
            crashed_at: WalPosition::ZERO,
            frames: Vec::new(),
            open: BTreeSet::new(),
            held: Vec::new(),
            delivered: BTreeMap::new(),
            tickets: 0,
            running: None,
            complete: None,
            effects: Effects::default(),
            starts: 0,
            memory: Vec::new(),
            catalog: Vec::new(),
        }
    }

    /// Where the next frame begins.
    pub(crate) fn position(&self) -> WalPosition {
        self.position
    }

    /// Submits a request.
    pub(crate) fn send(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.open.insert(ticket);
        let turn = Turn { now: self.now, position: self.position };
        let mut effects = std::mem::take(&mut self.effects);
        let (announced, is_ephemeral) = (request.frame_size_max(), request.is_ephemeral());
        self.shard.apply(turn, ticket, request, &mut effects);
        assert!(effects.entries.len() <= announced.entries_bytes, "a request writes more than it announced");
        assert!(!is_ephemeral || !effects.has_frame(), "what changes memory only writes nothing");
        self.absorb(effects);
        ticket
    }

    /// Submits a request about a group.
    pub(crate) fn group(&mut self, request: GroupRequest) -> Ticket {
        self.send(Request::Group(Box::new(request)))
    }

    /// Submits a request that is answered at once.
    pub(crate) fn call(&mut self, request: Request) -> Reply {
        let ticket = self.send(request);
        self.take(ticket).expect("the request is answered at once")
    }

    /// The reply to a ticket, if it has left.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Reply> {
        self.delivered.remove(&ticket)
    }

    /// Every reply that has left and was not taken yet.
    pub(crate) fn take_all(&mut self) -> BTreeMap<Ticket, Reply> {
        std::mem::take(&mut self.delivered)
    }

    /// Tickets without an answer.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    fn absorb(&mut self, mut effects: Effects) {
        for reply in effects.replies.drain(..) {
            assert!(self.open.remove(&reply.ticket), "{:?} is answered twice", reply.ticket);
            assert!(reply.after <= Some(self.position), "{:?} waits for the future", reply.ticket);
            self.held.push((reply.ticket, reply.after, reply.reply));
        }
        let is_seen = |effect: &CatalogEffect| effect.after < self.position || effects.has_frame();
        assert!(effects.catalog.iter().all(is_seen), "the catalog waits for the future");
        let mut kept = effects.batches.iter().map(|(facts, _)| facts.log.stream);
        assert!(kept.all(|stream| !stream.is_ephemeral()), "a batch in memory is in no frame");
        self.memory.append(&mut effects.ephemeral);
        self.catalog.append(&mut effects.catalog);
        if effects.has_frame() {
            let batches = effects.batches.iter().map(|(facts, _)| u64::from(facts.bytes)).sum::<u64>();
            let bytes = 64 + effects.entries.len() as u64 + batches;
            let facts = effects.batches.iter().map(|(facts, _)| *facts).collect();
            let entries = std::mem::take(&mut effects.entries);
            self.frames.push(Frame { position: self.position, entries, facts });
            self.position = self.position.advance(bytes);
        }
        effects.clear();
        self.effects = effects;
        if self.sync_always {
            self.flush();
        }
        self.deliver();
    }

    /// Lets every reply leave that does not wait for anything, or whose frame is durable.
    fn deliver(&mut self) {
        let durable = self.durable;
        let waits = |after: &Option<WalPosition>| after.is_some_and(|after| after >= durable);
        let (held, free): (Vec<_>, Vec<_>) = self.held.drain(..).partition(|(_, after, _)| waits(after));
        self.held = held;
        self.delivered.extend(free.into_iter().map(|(ticket, _, reply)| (ticket, reply)));
    }

    /// Makes every frame durable and lets the replies leave.
    pub(crate) fn flush(&mut self) {
        self.durable = self.position;
        self.deliver();
        assert!(self.held.is_empty(), "no reply waits for a frame that was not written");
    }

    /// Every frame's entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(|frame| &*frame.entries)
    }

    /// Lets time pass, doing on the way whatever is due.
    pub(crate) fn advance(&mut self, by_ms: u64) {
        let until = self.now.after_ms(by_ms);
        for _ in 0..1_000_000 {
            match self.shard.next_deadline() {
                Some(due) if due <= until => {
                    self.now = self.now.max(due);
                    self.tick();
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the shard never has nothing to do");
    }

    /// Does some of what is due.
    pub(crate) fn tick(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        let bytes_max = self.shard.tick_entries_bytes(self.now);
        self.shard.tick(Turn { now: self.now, position: self.position }, &mut effects);
        assert!(effects.entries.len() <= bytes_max, "a tick is bounded");
        self.absorb(effects);
    }

    /// Writes some chunks of a checkpoint: the next ones of the one that is under way, or the first ones.
    pub(crate) fn checkpoint(&mut self, budget_bytes: usize) {
        let position = self.position;
        let running = self.running.get_or_insert_with(|| Checkpoint {
            began: position,
            next: Some(ImageKey::Counters),
            chunks: Vec::new(),
        });
        let mut chunks = Vec::new();
        let key = running.next.take().expect("an unfinished checkpoint goes on somewhere");
        running.next = self.shard.images(key, budget_bytes, &mut chunks);
        running.chunks.extend(chunks.into_iter().map(|chunk| (position, chunk)));
        // A checkpoint counts when everything before its last chunk is durable.
        if running.next.is_none() && self.durable == position {
            self.complete = self.running.take();
        } else if running.next.is_none() {
            self.running = None;
        }
    }

    /// The durable state as bytes.
    pub(crate) fn dump(&self) -> Vec<Vec<u8>> {
        dump(&self.shard)
    }

    fn restore(&self, from: Option<&Checkpoint>) -> Shard {
        let mut restore = Restore::new(seed(), self.options);
        let began = from.map_or(WalPosition::ZERO, |checkpoint| checkpoint.began);
        for (stamp, chunk) in from.into_iter().flat_map(|checkpoint| &checkpoint.chunks) {
            restore.image(*stamp, chunk).expect("an image can be read");
        }
        for frame in self.frames.iter().filter(|frame| frame.position >= began) {
            restore.frame(frame.position, &frame.entries, &frame.facts).expect("a frame can be read");
        }
        restore.finish(self.now).expect("what was written fits together")
    }

    /// Loses what is not durable and starts again, from everything or from the last checkpoint: both must agree.
    pub(crate) fn crash(&mut self) {
        let durable = self.durable;
        let whole = self.frames.iter().all(|frame| frame.position < durable);
        let before = self.dump();
        self.frames.retain(|frame| frame.position < durable);
        let shard = self.restore(None);
        if whole {
            assert_same(&dump(&shard), &before, "restored from frames, and before the crash");
        }
        if let Some(checkpoint) = self.complete.clone() {
            let other = self.restore(Some(&checkpoint));
            assert_same(&dump(&other), &dump(&shard), "restored from a checkpoint, and from frames");
            self.shard = other;
        } else {
            self.shard = shard;
        }
        self.starts += 1;
        self.shard.begin(Incarnation(self.starts));
        self.crashed_at = durable;
        // The next frame begins where the last one ended: until it comes, no reply may wait for it.
        self.position = durable;
        self.open.clear();
        self.held.clear();
        self.running = None;
    }

    /// A stream with some logs, in the default namespace.
    pub(crate) fn stream(&mut self, name: &str, logs: u32) -> StreamId {
        let create = millstream_core::request::CreateStream {
            namespace: Namespace::DEFAULT,
            name: name.into(),
            uid: StreamUid(u128::from(self.tickets) + 1),
            logs,
            config: Default::default(),
        };
        match self.call(Request::CreateStream(Box::new(create))) {
            Reply::Stream(entry) => entry.id,
            other => panic!("{other:?}"),
        }
    }

    /// A batch of `records` for a log.
    pub(crate) fn batch(log: millstream_types::LogId, records: u32) -> millstream_core::log::AppendBatch {
        millstream_core::log::AppendBatch {
            log,
            records,
            last_offset_delta: records - 1,
            max_timestamp: millstream_types::RecordTime(0),
            producer: None,
            marks: Vec::new(),
            bytes: Bytes::from_static(b"opaque"),
        }
    }

    /// The first batch of an idempotent producer.
    pub(crate) fn stamped(log: millstream_types::LogId, id: u64) -> millstream_core::log::AppendBatch {
        let stamp = millstream_core::log::ProducerStamp {
            id: millstream_types::ProducerId(id),
            epoch: millstream_types::ProducerEpoch(0),
            first_sequence: 0,
            last_sequence: 0,
        };
        millstream_core::log::AppendBatch { producer: Some(stamp), ..Broker::batch(log, 1) }
    }
}

fn dump(shard: &Shard) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let end = shard.images(ImageKey::Counters, usize::MAX, &mut chunks);
    assert_eq!(end, None);
    chunks
}

fn assert_same(left: &[Vec<u8>], right: &[Vec<u8>], what: &str) {
    if left != right {
        let at = left.iter().zip(right).position(|(left, right)| left != right);
        panic!("not the same: {what}; {} and {} chunks, first difference at {at:?}", left.len(), right.len());
    }
}

/// Restores at random: a checkpoint step, a flush, sometimes a crash.
pub(crate) fn disturb(broker: &mut Broker, random: &mut Random) -> bool {
    if random.one_in(3) {
        broker.flush();
    }
    if random.one_in(5) {
        let budget = [1, 100, 5_000, 100_000];
        broker.checkpoint(*random.pick(&budget));
    }
    let crash = random.one_in(60);
    if crash {
        broker.crash();
    }
    crash
}
