//! Queues on the whole broker, simulated: leases, moves and ordering keys beside shard, lane, keeper and upkeep, with power cuts.
//!
//! Apart from the simulation of logs because something else is promised: not where a record is, but who has it and until when.
//! The clients write down what they ask and what they are told, and at the end all queues are emptied; then the judge of
//! `millstream_testkit::checker::queue` looks at the whole history. Nothing is compared with the broker's state.

mod clients;
mod drain;
mod plan;
pub mod sightings;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use clients::{Clients, Routes};
use millstream_core::request::CreateStream;
use millstream_core::route::{CreateRoute, RouteReply, RouteRequest};
use millstream_core::{Reply, Request};
use millstream_engine::Submission;
use millstream_engine::steps::Steps;
use millstream_storage::{LogView, OpenError, Prepared, ReadError, ReadMode, ReadOutcome};
use millstream_testkit::checker::queue::judge;
use millstream_testkit::sim_disk::{Faults, Rng, SimDisk};
use millstream_testkit::sometimes;
use millstream_types::batch::{OpenLimits, records};
use millstream_types::dead_letter::DeadLetter;
use millstream_types::{EngineTime, LogId, Namespace, Offset, StreamUid};
use plan::{HELD, PLAIN_QUEUES, Plan};

use crate::Outcome;
use crate::broker::client::{Answers, answers};
use crate::broker::{BEGINNING, SEED};
use crate::neighbour::Neighbour;

/// A start that needs more tries than this on a disk that works from the second on never ends.
const TRIES_MAX: u32 = 100;
/// Time that passes at once: leases, delays and windows end, and times to live.
const LEAPS_MS: [u64; 5] = [20, 100, 500, 3_000, 40_000];
/// Steps that are enough for whatever is to come to an end.
const STEPS_MAX: usize = 400;
/// Bytes that one read asks for.
const READ_BYTES: u32 = 4 << 10;

/// Runs `points` crashes from a seed, then empties all queues and judges what was seen.
///
/// # Errors
/// The first broken promise.
pub fn run(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    simulate(seed, points, disk, true)
}

/// As [`run`], without routes, and with consumers of the simplest kind only.
///
/// # Errors
/// The first broken promise.
pub fn run_plain(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    simulate(seed, points, disk, false)
}

fn simulate(seed: u64, points: u64, disk: Option<SimDisk>, has_routes: bool) -> Result<Outcome> {
    let mut rng = Rng::new(seed ^ 0x5175_6575_6573);
    let plan = Plan::draw(seed, has_routes, &mut rng);
    let disk = disk.unwrap_or_else(|| SimDisk::new(plan.disk_seed, plan.faults));
    World::new(seed, rng, plan, disk).run(seed, points)
}

struct World {
    rng: Rng,
    disk: SimDisk,
    plan: Plan,
    /// Of this life.
    faults: Faults,
    neighbour: Neighbour,
    clients: Clients,
    now: EngineTime,
    outcome: Outcome,
}

/// A running broker.
struct Live {
    steps: Steps,
    answers: Arc<Answers>,
    /// Moves that are over, as far as this is known.
    moved: u64,
}

impl World {
    fn new(seed: u64, rng: Rng, mut plan: Plan, disk: SimDisk) -> World {
        let clients = Clients::new(std::mem::take(&mut plan.queues), BEGINNING);
        World {
            rng,
            disk,
            faults: plan.faults,
            plan,
            neighbour: Neighbour::new(seed),
            clients,
            now: BEGINNING,
            outcome: Outcome::default(),
        }
    }

    fn run(mut self, seed: u64, points: u64) -> Result<Outcome> {
        while self.outcome.points < points {
            self.life().with_context(|| format!("seed {seed}, point {}", self.outcome.points))?;
            self.outcome.points += 1;
        }
        self.drain().with_context(|| format!("seed {seed}, emptying the queues"))?;
        let verdict = judge(&self.clients.history);
        let first = verdict.anomalies.iter().next();
        if let Some((kind, count, examples)) = first {
            bail!("seed {seed}: {count} × {}: {}", kind.name(), examples[0]);
        }
        sightings::of_tally(&verdict.tally, &mut self.outcome.sightings);
        self.outcome.trace = self.disk.trace_hash();
        Ok(self.outcome)
    }

    /// One life of the process: start, work, die.
    fn life(&mut self) -> Result<()> {
        let is_quiet = self.rng.one_in(4) || self.clients.streams.is_empty();
        self.faults = if is_quiet { Faults::none(self.plan.faults.capacity_bytes) } else { self.plan.faults };
        let mut live = self.start()?;
        if self.clients.streams.is_empty() {
            self.make_queues(&mut live)?;
        }
        let patience = 10 + self.rng.below(400);
        self.disk.crash_at(Some(self.disk.operations() + patience));
        if self.rng.one_in(4) {
            let changes = 1 + self.rng.below(12);
            self.disk.crash_after_names(Some(changes));
        }
        let mut alive = true;
        for _ in 0..10 + self.rng.below(60) {
            alive = alive && self.step(&mut live)?;
        }
        self.hear(&mut live)?;
        self.die(live, alive)
    }

    /// The process ends, cleanly or not.
    fn die(&mut self, live: Live, alive: bool) -> Result<()> {
        let is_clean = alive && self.rng.one_in(6);
        let Live { steps, answers, .. } = live;
        if is_clean {
            // What waits for the disk is answered by the last write.
            let stopped = steps.stop(self.now);
            sometimes!(self.outcome.sightings, stopped.is_ok(), "the broker stopped cleanly");
        } else {
            drop(steps);
        }
        drop(answers);
        if self.rng.one_in(3) {
            sometimes!(self.outcome.sightings, true, "F1: the process died");
            self.disk.kill();
        } else {
            sometimes!(self.outcome.sightings, true, "F2: the power went");
            self.disk.crash();
        }
        Ok(())
    }

    /// Opens until it works.
    fn start(&mut self) -> Result<Live> {
        let gone = self.clients.lose_touch();
        // Time goes on while nobody serves.
        if self.rng.one_in(2) {
            let leap = LEAPS_MS[self.rng.below(LEAPS_MS.len() as u64) as usize];
            self.pass(leap);
        }
        for _ in 0..TRIES_MAX {
            if self.rng.one_in(5) {
                let soon = self.rng.below(60);
                self.disk.crash_at(Some(self.disk.operations() + soon));
            }
            let disk = Arc::new(self.disk.clone());
            match Steps::start(disk, self.plan.options, &self.plan.engine, SEED, self.now) {
                Ok(steps) => {
                    self.disk.crash_at(None);
                    self.disk.set_faults(self.faults);
                    self.neighbour.leave();
                    self.clients.is_back(gone);
                    let seen = &mut self.outcome.sightings;
                    sometimes!(
                        seen,
                        steps.recovered().checkpoint.is_some(),
                        "a start began with a checkpoint"
                    );
                    let mut live = Live { steps, answers: answers(), moved: 0 };
                    self.make_held(&mut live)?;
                    let steps = &live.steps;
                    self.check_starts(steps)?;
                    if let Some(routes) = &mut self.clients.routes {
                        let doubts = routes.settle(steps.catalog(), &self.clients.streams)?;
                        let seen = &mut self.outcome.sightings;
                        sometimes!(seen, doubts > 0, "a start decided where a route leads");
                    }
                    return Ok(live);
                }
                Err(OpenError::Io { .. }) => {
                    if self.disk.is_crashed() {
                        self.disk.crash()
                    } else {
                        self.disk.kill()
                    }
                    self.disk.set_faults(Faults { capacity_bytes: u64::MAX, ..Faults::none(0) });
                }
                Err(error) => bail!("the start failed: {error}"),
            }
        }
        bail!("it starts on no disk")
    }

    fn make_queues(&mut self, live: &mut Live) -> Result<()> {
        for place in 0..self.clients.queues.len() {
            let create = self.create(place);
            let reply = self.answered(live, create)?;
            let Reply::Stream(entry) = reply else { bail!("a queue is not made: {reply:?}") };
            self.clients.streams.push(entry.id);
        }
        if self.clients.queues.len() > PLAIN_QUEUES { self.make_routes(live) } else { Ok(()) }
    }

    fn create(&self, place: usize) -> Request {
        let queue = &self.clients.queues[place];
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: queue.name.into(),
            uid: StreamUid(place as u128 + 1),
            logs: queue.logs,
            config: queue.config.clone(),
        };
        Request::CreateStream(Box::new(create))
    }

    /// Makes anew what went with the process before. Nothing of it is written, so the disk has no part in it.
    fn make_held(&mut self, live: &mut Live) -> Result<()> {
        if self.clients.streams.len() <= HELD {
            return Ok(());
        }
        let before = self.clients.streams[HELD];
        ensure!(live.steps.catalog().stream_by_id(before).is_none(), "what was in memory is still there");
        let request = self.create(HELD);
        live.steps.submit(Submission { sink: live.answers.clone(), tag: 0, request, chain: None });
        live.steps.turn(self.now);
        let reply = live.answers.take().pop();
        let Some((_, Reply::Stream(entry))) = reply else { bail!("a queue is not made: {reply:?}") };
        ensure!(entry.id != before, "an id is used again");
        self.clients.streams[HELD] = entry.id;
        sometimes!(self.outcome.sightings, true, "a queue in memory was made anew");
        Ok(())
    }

    fn make_routes(&mut self, live: &mut Live) -> Result<()> {
        let mut ids = BTreeMap::new();
        for (name, config) in Routes::first_ones() {
            let create = CreateRoute { namespace: Namespace::DEFAULT, name: name.into(), config };
            let create = RouteRequest::Create(Box::new(create));
            let reply = self.answered(live, Request::Route(Box::new(create)))?;
            let Reply::Route(reply) = reply else { bail!("a route is not made: {reply:?}") };
            let RouteReply::Route { entry, is_new: true } = *reply else {
                bail!("a route is not made: {reply:?}")
            };
            ids.insert(name, entry.id);
        }
        let mut routes = Routes::new(ids);
        for bind in routes.begin(&self.clients.streams) {
            let reply = self.answered(live, bind)?;
            let is_bound =
                matches!(&reply, Reply::Route(reply) if matches!(**reply, RouteReply::Bound { .. }));
            ensure!(is_bound, "a route is not bound: {reply:?}");
        }
        self.clients.routes = Some(routes);
        Ok(())
    }

    /// Asks something of a disk that works, and waits for the answer.
    fn answered(&mut self, live: &mut Live, request: Request) -> Result<Reply> {
        live.steps.submit(Submission { sink: live.answers.clone(), tag: 0, request, chain: None });
        for _ in 0..STEPS_MAX {
            live.steps.turn(self.now);
            live.steps.write()?;
            live.steps.prepare(self.now)?;
            if let Some((_, reply)) = live.answers.take().pop() {
                return Ok(reply);
            }
        }
        bail!("a request is never answered")
    }

    /// Time passes.
    fn pass(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
        self.clients.set_now(self.now);
    }

    /// Does one thing; false when the lane or the power is gone.
    fn step(&mut self, live: &mut Live) -> Result<bool> {
        let came_back = self.neighbour.turn(&self.disk, &self.faults, self.plan.options.wal_file_bytes);
        sometimes!(self.outcome.sightings, came_back, "F6: room came back");
        let step_ms = self.rng.below(4) + u64::from(self.clients.is_busy());
        self.pass(step_ms);
        match self.rng.below(30) {
            0..=15 => self.requests(live),
            16..=18 => {
                let leap = LEAPS_MS[self.rng.below(LEAPS_MS.len() as u64) as usize];
                self.pass(leap);
                self.turn(live)?;
                self.write(live)
            }
            19..=22 => self.move_some(live),
            23 => {
                for _ in 0..self.plan.options.files_ahead {
                    match live.steps.prepare(self.now) {
                        Ok(Prepared::NoSpace) => self.outcome.full += 1,
                        Ok(Prepared::Ready | Prepared::Enough | Prepared::Later) => {}
                        Err(_) => return self.failed(),
                    }
                }
                Ok(true)
            }
            24 => match live.steps.recycle() {
                Ok(done) => {
                    self.outcome.freed += (done.removed + done.spared) as u64;
                    Ok(true)
                }
                Err(_) => self.failed(),
            },
            25..=26 => {
                for _ in 0..=self.rng.below(6) {
                    self.outcome.checkpoints += u64::from(live.steps.checkpoint());
                }
                Ok(!self.disk.is_crashed())
            }
            27..=28 => {
                for _ in 0..1 + self.rng.below(8) {
                    live.steps.upkeep(self.now);
                    self.turn(live)?;
                    if self.disk.is_crashed() || !self.rng.one_in(4) && !self.write(live)? {
                        return Ok(false);
                    }
                }
                self.check_starts(&live.steps)?;
                Ok(true)
            }
            _ => {
                if live.steps.sync().is_err() {
                    return self.failed();
                }
                Ok(true)
            }
        }
    }

    /// A few requests, and often the lane writes what came of them.
    fn requests(&mut self, live: &mut Live) -> Result<bool> {
        for _ in 0..=self.rng.below(4) {
            if let Some((tag, request)) = self.clients.ask(&mut self.rng, live.steps.catalog()) {
                self.ask(live, tag, request)?;
            }
        }
        if let Some(routes) = &self.clients.routes {
            routes.check(live.steps.catalog(), &self.clients.streams)?;
        }
        if self.rng.one_in(4) { Ok(true) } else { self.write(live) }
    }

    /// A few steps of the mover and the key reader.
    fn move_some(&mut self, live: &mut Live) -> Result<bool> {
        for _ in 0..1 + self.rng.below(4) {
            live.steps.mover(self.now);
            self.turn(live)?;
            if !self.rng.one_in(4) && !self.write(live)? {
                return Ok(false);
            }
        }
        let totals = live.steps.mover_totals();
        let seen = &mut self.outcome.sightings;
        sometimes!(seen, totals.moved > live.moved, "the mover moved something");
        sometimes!(seen, totals.put_off > 0, "the mover put something off");
        live.moved = totals.moved;
        Ok(!self.disk.is_crashed())
    }

    fn ask(&mut self, live: &mut Live, tag: u64, request: Request) -> Result<()> {
        live.steps.submit(Submission { sink: live.answers.clone(), tag, request, chain: None });
        self.turn(live)
    }

    fn turn(&mut self, live: &mut Live) -> Result<()> {
        let start = live.steps.position();
        live.steps.turn(self.now);
        self.outcome.frames += u64::from(start != live.steps.position());
        self.hear(live).map(drop)
    }

    fn write(&mut self, live: &mut Live) -> Result<bool> {
        if live.steps.write().is_err() {
            self.hear(live)?;
            return self.failed();
        }
        self.hear(live)?;
        Ok(true)
    }

    /// A lane may stop only because the power went or a failure was injected.
    fn failed(&mut self) -> Result<bool> {
        let faults = self.faults;
        let injected =
            faults.failed_sync_one_in > 0 || faults.failed_write_one_in > 0 || faults.failed_read_one_in > 0;
        ensure!(self.disk.is_crashed() || injected, "the lane stopped on a disk that works");
        self.outcome.poisoned += u64::from(!self.disk.is_crashed());
        Ok(false)
    }

    /// Takes the answers that have left. Returns what was counted, together.
    fn hear(&mut self, live: &mut Live) -> Result<u64> {
        let mut counted = 0;
        for (tag, reply) in live.answers.take() {
            // A client reads what it was told; that the disk fails is its front's matter.
            self.disk.set_faults(Faults { failed_read_one_in: 0, ..self.faults });
            let (views, disk) = (live.steps.views(), &self.disk);
            let read = |log: LogId, offset: Offset| {
                let view = views.get(log).with_context(|| format!("{log} has no view"))?;
                read_value(&view, offset, disk)
            };
            let count = self.clients.hear(tag, reply, &read);
            self.disk.set_faults(self.faults);
            counted += count?.unwrap_or_default();
        }
        Ok(counted)
    }

    /// Nothing is trimmed that is to be kept.
    fn check_starts(&self, steps: &Steps) -> Result<()> {
        for (queue, stream) in self.clients.streams.iter().enumerate() {
            for index in 0..self.clients.queues[queue].logs {
                let log = LogId { stream: *stream, index };
                let view = steps.views().get(log).with_context(|| format!("{log} has no view"))?;
                self.clients.check_start(queue, index, view.log_start().0)?;
            }
        }
        Ok(())
    }
}

/// What a client finds where it was told that there is a record.
pub(super) enum Found {
    Record {
        value: Bytes,
        /// Where it died, if it is a dead letter.
        source: Option<Box<str>>,
    },
    /// It was trimmed meanwhile.
    Trimmed,
    /// The power went, and the front with it.
    PowerOff,
}

fn read_value(view: &LogView, offset: Offset, disk: &SimDisk) -> Result<Found> {
    let batches = match view.read(offset, READ_BYTES, ReadMode::MayBlock) {
        Ok(ReadOutcome::Batches(batches)) => batches,
        Err(ReadError::OutOfRange { .. }) | Ok(ReadOutcome::AtEnd) => return Ok(Found::Trimmed),
        Err(ReadError::Io { .. }) if disk.is_crashed() => return Ok(Found::PowerOff),
        other => bail!("reading what was delivered at {offset}: {other:?}"),
    };
    let batch = batches.first().context("a read gives at least one batch")?;
    // What lay in memory is let go of once it is settled.
    let Some(delta) = offset.0.checked_sub(batch.base_offset.0) else { return Ok(Found::Trimmed) };
    for record in records(&batch.to_contiguous(), OpenLimits::default())? {
        let record = record?;
        if u64::from(record.offset_delta) == delta {
            let source = DeadLetter::parse(record.headers()).map(|letter| letter.source);
            return Ok(Found::Record { value: record.value.context("a message without a value")?, source });
        }
    }
    bail!("no record at {offset} in the batch at {}", batch.base_offset)
}
