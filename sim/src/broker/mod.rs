//! The whole broker behind its fronts on the simulated disk: clients, shard, gate, lane, keeper, power cuts.
//!
//! Apart from the harness of storage because what is promised here is promised to clients: everything that an answer
//! said is true after any crash ([`known::Known`]), and what nobody was told is there once or not at all. Beside it the
//! state after a crash must be the very state after one of the requests, no earlier than the last that counts.

mod batch;
mod check;
pub(crate) mod client;
pub mod held;
mod known;
pub(crate) mod plan;
mod rules;
pub mod sightings;
mod start;
mod swarm;
pub mod torn;
mod upkeep;
mod whatif;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use client::{Answers, Clients, What};
use known::Known;
use millstream_core::hash::HashSeed;
use millstream_core::{Reply, Request};
use millstream_engine::Submission;
use millstream_engine::steps::Steps;
use millstream_storage::{Durability, Options, Prepared};
use millstream_testkit::sim_disk::{Faults, Rng, SimDisk};
use millstream_testkit::sometimes;
use millstream_types::{EngineTime, ErrorKind, ObjectNumber, WalPosition};
use plan::Plan;

use crate::Outcome;
use crate::neighbour::Neighbour;

/// Length of the frame that a clean stop adds.
const CLOSING_FRAME_BYTES: u64 = 64;
pub(crate) const SEED: HashSeed = HashSeed([3, 4]);
/// A life that ends right after a change of a name has seen so many of them, at most.
const NAMES_MAX: u64 = 12;
/// When the first life begins.
pub(crate) const BEGINNING: EngineTime = EngineTime(1_000_000);

/// Runs `points` crashes from a seed, with any of the faults F1–F9.
///
/// # Errors
/// The first broken promise.
pub fn run(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    let mut rng = Rng::new(seed);
    let plan = Plan::swarm(seed, &mut rng);
    World::new(seed, rng, plan, disk).run(seed, points)
}

/// The same with crashes and failing operations only, drawn as they were when the first seeds were kept.
///
/// # Errors
/// The first broken promise.
pub fn run_crashes(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    let mut rng = Rng::new(seed);
    let plan = Plan::crashes(seed, &mut rng);
    World::new(seed, rng, plan, disk).run(seed, points)
}

/// A request and what came of it so far.
struct Asked {
    tag: u64,
    what: What,
    /// Where the lane ended after the turn that took it; `None` while it waits for room.
    end: Option<WalPosition>,
    /// That turn took nothing else and made a frame.
    alone: bool,
    answer: Option<Reply>,
}

/// The state after a turn.
struct Moment {
    start: WalPosition,
    end: WalPosition,
    /// Of the images.
    hash: u64,
    /// The turn may have made several frames.
    several: bool,
}

struct World {
    rng: Rng,
    disk: SimDisk,
    plan: Plan,
    /// Of this period.
    faults: Faults,
    neighbour: Neighbour,
    options: Options,
    /// Leaps of time so far.
    leaps: u64,
    /// Files that begin before this are listed by a checkpoint.
    listed_to: WalPosition,
    /// Objects that logs have been seen to have records in.
    committed: BTreeSet<ObjectNumber>,
    /// A copy of the directory after some clean stop, and what clients knew then.
    older: Option<(SimDisk, Known)>,
    /// A copy of the directory from the middle of some life.
    midway: Option<SimDisk>,
    clients: Clients,
    /// Requests whose answers have not been learned from, in order.
    asked: VecDeque<Asked>,
    /// How many of them, from the end, no turn has taken.
    unapplied: usize,
    next_tag: u64,
    /// States that a crash may bring back, oldest first.
    moments: VecDeque<Moment>,
    /// What this end of the process must leave.
    floor: WalPosition,
    /// What any end must leave.
    durable: WalPosition,
    closing: bool,
    closed: bool,
    /// The lane of this life has stopped.
    lane_failed: bool,
    /// The disk of this life was full: a turn may begin with an empty frame, by which the lane leaves its file.
    was_full: bool,
    /// Where the lane ended in the last life, whatever became durable of it.
    reached: WalPosition,
    now: EngineTime,
    outcome: Outcome,
}

/// A running broker.
struct Live {
    steps: Steps,
    answers: Arc<Answers>,
    /// Everything before this was written without an error.
    written: WalPosition,
}

impl World {
    fn new(seed: u64, rng: Rng, plan: Plan, disk: Option<SimDisk>) -> World {
        let disk = disk.unwrap_or_else(|| SimDisk::new(plan.disk_seed, plan.faults));
        disk.set_faults(plan.faults);
        let expires = plan.swarm.is_some_and(|swarm| swarm.upkeep);
        let batch_bytes_max = if plan.teams { 4 << 10 } else { plan.options.wal_file_bytes / 16 };
        World {
            rng,
            disk,
            faults: plan.faults,
            options: plan.options,
            clients: Clients::new(plan.teams, batch_bytes_max, expires, BEGINNING),
            leaps: 0,
            listed_to: WalPosition::ZERO,
            committed: BTreeSet::new(),
            older: None,
            midway: None,
            plan,
            asked: VecDeque::new(),
            unapplied: 0,
            next_tag: 0,
            moments: VecDeque::new(),
            floor: WalPosition::ZERO,
            durable: WalPosition::ZERO,
            closing: false,
            closed: false,
            lane_failed: false,
            was_full: false,
            reached: WalPosition::ZERO,
            now: BEGINNING,
            neighbour: Neighbour::new(seed),
            outcome: Outcome::default(),
        }
    }

    fn run(mut self, seed: u64, points: u64) -> Result<Outcome> {
        while self.outcome.points < points {
            self.life().with_context(|| format!("seed {seed}, point {}", self.outcome.points))?;
            self.outcome.points += 1;
        }
        self.outcome.trace = self.disk.trace_hash();
        sightings::of_disk(self.disk.fired(), &mut self.outcome.sightings);
        Ok(self.outcome)
    }

    /// One life of the process: start, work, die.
    fn life(&mut self) -> Result<()> {
        self.begin_period();
        (self.lane_failed, self.was_full) = (false, false);
        let mut live = self.start()?;
        let patience = 10 + self.rng.below(300);
        self.disk.crash_at(Some(self.disk.operations() + patience));
        if self.plan.swarm.is_some() && self.rng.one_in(4) {
            // Right after a name has changed: only then is it in memory and nowhere else.
            let changes = 1 + self.rng.below(NAMES_MAX);
            self.disk.crash_after_names(Some(changes));
        }
        let mut alive = self.clear_up(&mut live)?;
        for _ in 0..5 + self.rng.below(40) {
            alive = alive && self.step(&mut live)?;
        }
        self.hear(&live)?;
        let (written, position) = (live.written, live.steps.position());
        self.floor = live.steps.durable();
        self.closed = false;
        self.closing = alive && self.rng.one_in(4);
        if self.closing {
            let answers = live.answers;
            if live.steps.stop(self.now).is_ok() {
                self.closed = true;
                self.floor = position;
            } else {
                alive = false;
            }
            drop(answers);
        }
        self.durable = self.floor;
        self.reached = position;
        // A process dies between any two operations, and its names and bytes are in memory only.
        let may_die = self.plan.swarm.is_some() || !self.disk.is_crashed();
        let seen = &mut self.outcome.sightings;
        if may_die && self.rng.one_in(3) {
            sometimes!(seen, true, "F1: the process died");
            // Only the process dies: what was written stands, if the disk has not failed it.
            if alive {
                self.floor = self.floor.max(written);
            }
            self.disk.kill();
        } else {
            sometimes!(seen, true, "F2: the power went");
            self.disk.crash();
        }
        if self.closed { self.what_if() } else { Ok(()) }
    }

    /// A quarter of the periods are without faults, until they end.
    fn begin_period(&mut self) {
        self.faults = self.plan.faults;
        if self.plan.swarm.is_some() && self.rng.one_in(4) {
            self.faults = Faults::none(self.plan.faults.capacity_bytes);
        }
        self.disk.set_faults(self.faults);
    }

    /// Does one thing; false when the lane or the power is gone.
    fn step(&mut self, live: &mut Live) -> Result<bool> {
        if self.plan.swarm.is_none_or(|swarm| swarm.fills) {
            let came_back = self.neighbour.turn(&self.disk, &self.faults, self.options.wal_file_bytes);
            sometimes!(self.outcome.sightings, came_back, "F6: room came back");
        }
        let step_ms = self.rng.below(5);
        self.pass(step_ms);
        if let Some(swarm) = self.plan.swarm {
            if self.rng.one_in(5) {
                return self.swarm_step(live, swarm);
            }
            if swarm.upkeep && self.rng.one_in(5) {
                return self.keep_up(live);
            }
            if !self.rng.one_in(swarm.housekeeping_one_in) {
                return self.requests(live);
            }
        }
        match self.rng.below(14) {
            0..=6 => self.requests(live),
            7 => {
                self.turn(live)?;
                self.write(live)
            }
            8 => {
                for _ in 0..self.options.files_ahead {
                    match live.steps.prepare(self.now) {
                        Ok(Prepared::NoSpace) => {
                            self.outcome.full += 1;
                            self.was_full = true;
                            sometimes!(self.outcome.sightings, true, "F6: no room for a file");
                        }
                        Ok(Prepared::Ready | Prepared::Enough | Prepared::Later) => {}
                        Err(_) => return self.failed(),
                    }
                }
                Ok(true)
            }
            9 => match live.steps.recycle() {
                Ok(done) => {
                    self.outcome.freed += (done.removed + done.spared) as u64;
                    sometimes!(self.outcome.sightings, done.removed > 0, "a file was removed");
                    sometimes!(self.outcome.sightings, done.spared > 0, "a file was put aside for use again");
                    Ok(true)
                }
                Err(_) => self.failed(),
            },
            10..=12 => {
                for _ in 0..=self.rng.below(3) {
                    self.checkpoint(live);
                }
                Ok(!self.disk.is_crashed())
            }
            _ => {
                if live.steps.sync().is_err() {
                    return self.failed();
                }
                self.hear(live)?;
                Ok(true)
            }
        }
    }

    /// A few requests, and often the lane writes what came of them.
    fn requests(&mut self, live: &mut Live) -> Result<bool> {
        for _ in 0..=self.rng.below(3) {
            if let Some((what, request)) = self.clients.ask(&mut self.rng) {
                self.ask(live, what, request)?;
            }
        }
        if self.rng.one_in(4) { Ok(true) } else { self.write(live) }
    }

    /// A step of a checkpoint; true when one was finished.
    fn checkpoint(&mut self, live: &mut Live) -> bool {
        let durable = live.steps.durable();
        let is_finished = live.steps.checkpoint();
        if is_finished {
            self.outcome.checkpoints += 1;
            self.listed_to = durable;
        }
        is_finished
    }

    /// Time passes.
    fn pass(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
        self.clients.now = self.now;
    }

    /// A lane may stop only because the power went or a failure was injected.
    fn failed(&mut self) -> Result<bool> {
        let faults = self.faults;
        let injected =
            faults.failed_sync_one_in > 0 || faults.failed_write_one_in > 0 || faults.failed_read_one_in > 0;
        ensure!(self.disk.is_crashed() || injected, "the lane stopped on a disk that works");
        self.outcome.poisoned += u64::from(!self.disk.is_crashed());
        sometimes!(self.outcome.sightings, !self.disk.is_crashed(), "a lane stopped by itself");
        self.lane_failed = true;
        Ok(false)
    }

    fn ask(&mut self, live: &mut Live, what: What, request: Request) -> Result<()> {
        self.next_tag += 1;
        self.asked.push_back(Asked { tag: self.next_tag, what, end: None, alone: false, answer: None });
        self.unapplied += 1;
        live.steps.submit(Submission {
            sink: live.answers.clone(),
            tag: self.next_tag,
            request,
            chain: None,
        });
        self.turn(live)
    }

    fn turn(&mut self, live: &mut Live) -> Result<()> {
        let start = live.steps.position();
        // What is due makes a frame of its own, and so does leaving a file.
        let leaps = self.plan.swarm.is_some_and(|swarm| swarm.leaps);
        let has_others = self.clients.teams || leaps || self.was_full;
        live.steps.turn(self.now);
        let end = live.steps.position();
        let applied = self.unapplied - live.steps.waiting();
        let first = self.asked.len() - self.unapplied;
        for asked in self.asked.range_mut(first..first + applied) {
            asked.end = Some(end);
            asked.alone = applied == 1 && start != end && !has_others;
        }
        self.unapplied -= applied;
        // The upkeep hears its answers itself.
        self.asked.retain(|asked| !matches!(asked.what, What::Upkeep) || asked.end.is_none());
        if start != end {
            self.outcome.frames += 1;
            let several = applied > 1 || has_others;
            self.moments.push_back(Moment { start, end, hash: hash(&live.steps), several });
        }
        self.hear(live)
    }

    fn write(&mut self, live: &mut Live) -> Result<bool> {
        let end = live.steps.position();
        if live.steps.write().is_err() {
            self.hear(live)?;
            ensure!(live.steps.sync().is_err(), "a stopped lane must stay stopped");
            // Sessions go on reading while the lane dies, and the upkeep hears that nobody knows what came of its requests.
            let alive = self.failed()?;
            for _ in 0..if self.plan.swarm.is_some() { 3 } else { 0 } {
                self.read(live)?;
                live.steps.upkeep(self.now);
            }
            return Ok(alive);
        }
        live.written = end;
        self.hear(live)?;
        let durable = live.steps.durable();
        while self.moments.len() > 1 && self.moments[1].end <= durable {
            self.moments.pop_front();
        }
        Ok(true)
    }

    /// Takes the answers that have left, and learns from those that stand.
    fn hear(&mut self, live: &Live) -> Result<()> {
        for (tag, reply) in live.answers.take() {
            let asked = self.asked.iter_mut().find(|asked| asked.tag == tag);
            let asked = asked.with_context(|| format!("a second answer: {reply:?}"))?;
            ensure!(asked.answer.is_none(), "a second answer to {:?}: {reply:?}", asked.what);
            if matches!(asked.what, What::Join(_) | What::Sync(..) | What::Leave(_)) {
                // It may have waited for a later turn: what it says was written by now, and no more is known.
                asked.end = asked.end.max(Some(live.written));
            }
            let seen = &mut self.outcome.sightings;
            let is_full = matches!(reply, Reply::Refused(ErrorKind::StorageFull));
            sometimes!(seen, is_full, "F6: a request was refused for want of room");
            if let Reply::Appended(results) = &reply {
                let duplicate = results.iter().flatten().any(|appended| appended.duplicate);
                sometimes!(seen, duplicate, "a batch was recognised as sent before");
            }
            asked.answer = Some(reply);
        }
        let durable = live.steps.durable();
        let fsync = self.options.durability == Durability::Fsync;
        let mut index = 0;
        while let Some(asked) = self.asked.get(index) {
            let stands = fsync || asked.end.is_some_and(|end| end <= durable);
            let Some(reply) = asked.answer.as_ref().filter(|_| stands) else {
                index += 1;
                continue;
            };
            let is_open = matches!(reply, Reply::Refused(ErrorKind::Indeterminate | ErrorKind::ShuttingDown));
            ensure!(
                !asked.alone || is_open || asked.end.is_some_and(|end| end <= durable),
                "{:?} was answered before it was durable: {reply:?}",
                asked.what
            );
            let asked = self.asked.remove(index).expect("it was just looked at");
            if !is_open {
                self.clients.learn(&asked.what, &asked.answer.expect("it was just looked at"))?;
            }
        }
        Ok(())
    }
}

/// Of everything durable that the shard knows.
fn hash(steps: &Steps) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for image in steps.images() {
        hash = hash.rotate_left(5) ^ u64::from(crc32c::crc32c(&image)) ^ (image.len() as u64) << 32;
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    hash
}
