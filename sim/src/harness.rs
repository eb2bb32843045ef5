//! Runs a subject on the lane over a simulated disk, crashes it, and checks what recovery brings back.
//!
//! Apart from the subject because what is checked holds for any: every acknowledged frame is there, the others as
//! a prefix and each whole or not at all, every live record can be read and is what was written, from memory and
//! from the files; a clean stop is recognised; a start never fails on a disk that only lost power.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use millstream_storage::disk::DirLock;
use millstream_storage::{
    Admit, Assembler, CheckpointWriter, Checkpointer, Durability, Frame, Keeper, LogView, OpenError, Opened,
    Options, Prepared, Purpose, ReadError, ReadMode, ReadOutcome, Recovered, Replay, ReplayError,
    ReplayedFrame, Views, Writer, frame_bytes, open,
};
use millstream_testkit::sim_disk::{Faults, Rng, SimDisk};
use millstream_testkit::sometimes;
use millstream_types::{EngineTime, Offset, WalPosition};

use crate::Outcome;
use crate::neighbour::Neighbour;
use crate::subject::{Step, Subject};

/// Length of the frame that a clean stop adds.
const CLOSING_FRAME_BYTES: u64 = 64;

/// Runs `points` crashes from a seed.
///
/// # Errors
/// The first broken promise.
pub fn run<S: Subject>(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    let mut rng = Rng::new(seed);
    let wal_file_bytes = [16 << 10, 32 << 10, 64 << 10][rng.below(3) as usize];
    let quiet = rng.one_in(2);
    let faults = Faults {
        capacity_bytes: wal_file_bytes * (6 + rng.below(40)),
        short_write_one_in: if rng.one_in(3) { 5 } else { 0 },
        failed_sync_one_in: if quiet { 0 } else { 60 },
        failed_read_one_in: if quiet || rng.one_in(2) { 0 } else { 200 },
        failed_write_one_in: if quiet || rng.one_in(2) { 0 } else { 60 },
        short_read_one_in: if rng.one_in(3) { 5 } else { 0 },
        interrupted_one_in: if rng.one_in(3) { 20 } else { 0 },
    };
    let disk = disk.unwrap_or_else(|| SimDisk::new(rng.next_u64(), faults));
    disk.set_faults(faults);
    let options = Options {
        durability: if rng.one_in(4) { Durability::Interval(10) } else { Durability::Fsync },
        wal_file_bytes,
        wal_file_bytes_first: wal_file_bytes / (1 + rng.below(2)),
        files_ahead: 2 + rng.below(2) as usize,
        pool_files_max: 3,
        checkpoint_reserve_bytes: wal_file_bytes / 2,
        pending_bytes_max: 1 << 20,
        tail_bytes_max: [0, 4 << 10, 1 << 20][rng.below(3) as usize],
        cached_bytes_max: 0,
        index_bytes_max: 1 << 10,
        open_files_max: 2,
        micros: || 0,
        new_directory_id: u128::from(seed) + 1,
    };
    let mut world = World::<S> {
        rng,
        disk,
        faults,
        options,
        state: S::default(),
        history: VecDeque::new(),
        floor: WalPosition::ZERO,
        durable: WalPosition::ZERO,
        closed: false,
        closing: false,
        neighbour: Neighbour::new(seed),
        outcome: Outcome::default(),
    };
    while world.outcome.points < points {
        world.life().with_context(|| format!("seed {seed}, point {}", world.outcome.points))?;
        world.outcome.points += 1;
    }
    world.outcome.trace = world.disk.trace_hash();
    Ok(world.outcome)
}

/// A frame pushed, and the state with it.
struct Pushed<S> {
    end: WalPosition,
    state: S,
}

struct World<S> {
    rng: Rng,
    disk: SimDisk,
    faults: Faults,
    neighbour: Neighbour,
    options: Options,
    /// State after all frames pushed.
    state: S,
    /// Frames that a crash may take, and the last that it may not, oldest first.
    history: VecDeque<Pushed<S>>,
    /// What this end of the process must leave.
    floor: WalPosition,
    /// What any end must leave.
    durable: WalPosition,
    /// The last life ended with a closing frame.
    closed: bool,
    /// It has tried to write one.
    closing: bool,
    outcome: Outcome,
}

/// The parts of an open lane.
struct Live {
    assembler: Assembler,
    writer: Writer,
    views: Arc<Views>,
    keeper: Keeper,
    checkpointer: Checkpointer,
    /// A checkpoint under way, and how many images it has.
    checkpoint: Option<(CheckpointWriter, usize)>,
    acked: WalPosition,
    time: EngineTime,
    _lock: Box<dyn DirLock>,
}

struct Rebuild<S>(S);

impl<S: Subject> Replay for Rebuild<S> {
    fn image(&mut self, stamp: WalPosition, image: &[u8]) -> Result<(), ReplayError> {
        self.0.restore(stamp, image);
        Ok(())
    }

    fn frame(&mut self, frame: ReplayedFrame<'_>) -> Result<(), ReplayError> {
        self.0.replay(&frame);
        Ok(())
    }
}

/// What is there once the logs are adopted.
struct Started {
    assembler: Assembler,
    writer: Writer,
    views: Arc<Views>,
    keeper: Keeper,
    checkpointer: Checkpointer,
    recovered: Recovered,
    lock: Box<dyn DirLock>,
}

/// Says which logs there are: the end of a start.
fn adopt<S: Subject>(opened: Opened, mut state: S) -> Result<(Started, S), OpenError> {
    let Opened { assembler, writer, views, keeper, checkpointer, mut adoption, recovered, lock, .. } = opened;
    state.end_replay();
    for log in state.logs() {
        adoption.adopt(log.log, log.start, log.end)?;
    }
    adoption.finish()?;
    Ok((Started { assembler, writer, views, keeper, checkpointer, recovered, lock }, state))
}

impl<S: Subject> World<S> {
    /// One life of the process: start, work, die.
    fn life(&mut self) -> Result<()> {
        let mut live = self.start()?;
        let patience = 10 + self.rng.below(400);
        self.disk.crash_at(Some(self.disk.operations() + patience));
        let steps = 5 + self.rng.below(40);
        let mut alive = true;
        for _ in 0..steps {
            alive = alive && self.step(&mut live)?;
        }
        let acked = live.acked;
        self.floor = live.writer.durable();
        self.closed = false;
        self.closing = alive && self.rng.one_in(4);
        if self.closing {
            // What is still in the assembler goes out with the close.
            let end = live.assembler.next_position();
            if live.writer.close(live.assembler, live.time).is_ok() {
                self.closed = true;
                self.floor = end;
            } else {
                alive = false;
            }
        }
        if self.options.durability == Durability::Fsync {
            ensure!(self.floor >= acked, "acknowledged {acked}, but durable is {}", self.floor);
        }
        self.durable = self.floor;
        if !self.disk.is_crashed() && self.rng.one_in(3) {
            // Only the process dies: what was written stands, if the disk has not failed it.
            if alive {
                self.floor = self.floor.max(acked);
            }
            self.disk.kill();
        } else {
            self.disk.crash();
        }
        Ok(())
    }

    /// Opens until it works, and checks what came back.
    fn start(&mut self) -> Result<Live> {
        let mut tries = 0;
        loop {
            tries += 1;
            if self.rng.one_in(4) {
                let soon = self.rng.below(60);
                self.disk.crash_at(Some(self.disk.operations() + soon));
            }
            let mut rebuild = Rebuild(S::default());
            let opened = open(Arc::new(self.disk.clone()), self.options, &mut rebuild);
            let (opened, state) = match opened.and_then(|opened| adopt(opened, rebuild.0)) {
                Ok(both) => both,
                Err(OpenError::Io { .. }) => {
                    // A start needs a disk that works: power or faults may have stopped this one, then it gets one.
                    if self.disk.is_crashed() {
                        self.disk.crash()
                    } else {
                        self.disk.kill()
                    }
                    // What only the page cache held may be gone now.
                    self.floor = self.floor.min(self.durable);
                    self.disk.set_faults(Faults { capacity_bytes: u64::MAX, ..Faults::none(0) });
                    continue;
                }
                Err(error) => bail!("the start failed: {error}"),
            };
            self.disk.crash_at(None);
            self.disk.set_faults(self.faults);
            self.neighbour.leave();
            self.check_recovered(&opened, &state, tries == 1)?;
            self.state = state;
            let end = opened.recovered.end;
            self.history.clear();
            self.history.push_back(Pushed { end, state: self.state.clone() });
            let live = Live {
                assembler: opened.assembler,
                writer: opened.writer,
                views: opened.views,
                keeper: opened.keeper,
                checkpointer: opened.checkpointer,
                checkpoint: None,
                acked: end,
                time: opened.recovered.last_time.unwrap_or_default(),
                _lock: opened.lock,
            };
            self.check_all_reads(&live)?;
            return Ok(live);
        }
    }

    /// What recovery found must be a prefix of what was pushed, and not miss what counts.
    fn check_recovered(&mut self, opened: &Started, state: &S, is_first_try: bool) -> Result<()> {
        let end = opened.recovered.end;
        // A closing frame lies between the last frame and the new end.
        let known = self.history.iter().rev().find(|pushed| pushed.end <= end);
        let first_start = self.history.is_empty();
        if first_start {
            ensure!(*state == S::default(), "a new directory holds something");
            return Ok(());
        }
        let Some(known) = known else { bail!("the lane ends at {end}, before anything that counts") };
        ensure!(known.end >= self.floor, "acknowledged up to {}, recovered up to {end}", self.floor);
        ensure!(*state == known.state, "state at {end} differs:\n{state:?}\nexpected\n{:?}", known.state);
        ensure!(
            known.end == end || (self.closing && known.end.advance(CLOSING_FRAME_BYTES) == end),
            "the lane ends at {end}, which is no frame's end"
        );
        if self.closed && is_first_try {
            ensure!(opened.recovered.clean, "a clean stop was not recognised");
        }
        Ok(())
    }

    /// Does one thing; false when the lane or the power is gone.
    fn step(&mut self, live: &mut Live) -> Result<bool> {
        let came_back = self.neighbour.turn(&self.disk, &self.faults, self.options.wal_file_bytes);
        sometimes!(self.outcome.sightings, came_back, "F6: room came back");
        match self.rng.below(12) {
            0..=5 => {
                for _ in 0..=self.rng.below(3) {
                    self.push(live);
                }
                self.write(live)
            }
            6 => {
                self.push(live);
                Ok(true)
            }
            7 => {
                while live.keeper.wants_file() {
                    match live.keeper.prepare_one(live.time) {
                        Ok(Prepared::Ready | Prepared::Enough) => {}
                        Ok(Prepared::Later) => break,
                        Ok(Prepared::NoSpace) => {
                            self.outcome.full += 1;
                            break;
                        }
                        Err(_) => return self.failed(),
                    }
                }
                Ok(true)
            }
            8 => match live.keeper.recycle() {
                Ok(done) => {
                    self.outcome.freed += (done.removed + done.spared) as u64;
                    Ok(true)
                }
                Err(_) => self.failed(),
            },
            9 => self.checkpoint(live),
            10 => {
                if live.writer.sync().is_err() {
                    return self.failed();
                }
                Ok(true)
            }
            _ => {
                let logs = self.published(live).logs();
                if !logs.is_empty() {
                    let log = &logs[self.rng.below(logs.len() as u64) as usize];
                    let view = live.views.get(log.log).context("a live log has no view")?;
                    ensure!(
                        view.log_start() == log.start && view.high_watermark() == log.end,
                        "marks of {log:?}"
                    );
                    let from = Offset(log.start.0 + self.rng.below(log.end.0 - log.start.0 + 1));
                    self.check_reads(self.published(live), &view, from)?;
                }
                Ok(true)
            }
        }
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

    fn push(&mut self, live: &mut Live) {
        let relief = self.rng.one_in(3);
        let mut next = self.state.clone();
        let purpose = if relief { Purpose::Relief } else { Purpose::Append };
        // The most that a frame of this subject takes; R12 asks before anything is decided.
        let bytes_max = 3 << 10;
        let most = frame_bytes(1 << 10, 8, bytes_max as u64);
        match live.assembler.admit(most, purpose) {
            Admit::Yes => {}
            Admit::Wait => return,
            Admit::Full => {
                self.outcome.full += 1;
                return;
            }
        }
        let Step { entries, batches, publish } =
            if relief { next.relieve(&mut self.rng) } else { next.append(&mut self.rng, bytes_max) };
        live.time = live.time.after_ms(self.rng.below(5));
        let frame = Frame { time: live.time, entries: &entries, batches: &batches, publish: &publish };
        let end = live.assembler.push(frame);
        self.state = next;
        self.outcome.frames += 1;
        self.history.push_back(Pushed { end, state: self.state.clone() });
    }

    fn write(&mut self, live: &mut Live) -> Result<bool> {
        let Some(group) = live.assembler.take_group() else { return Ok(true) };
        match live.writer.write(group) {
            Ok(durable) => {
                live.acked = durable.position;
                let floor = live.writer.durable();
                while self.history.len() > 1 && self.history[1].end <= floor {
                    self.history.pop_front();
                }
                Ok(true)
            }
            Err(_) => {
                ensure!(live.writer.sync().is_err(), "a stopped lane must stay stopped");
                self.failed()
            }
        }
    }

    fn checkpoint(&mut self, live: &mut Live) -> Result<bool> {
        let Some((mut writer, mut done)) = live.checkpoint.take() else {
            match live.checkpointer.begin(live.assembler.next_position()) {
                Ok(writer) => live.checkpoint = Some((writer, 0)),
                Err(_) => return Ok(!self.disk.is_crashed()),
            }
            return Ok(true);
        };
        let stamp = live.assembler.next_position();
        for _ in 0..=self.rng.below(6) {
            if let Some(image) = self.state.image(done)
                && writer.add(stamp, &image).is_err()
            {
                return Ok(!self.disk.is_crashed());
            }
            done += 1;
        }
        if done < self.state.images() || live.writer.durable() < writer.largest_stamp() {
            live.checkpoint = Some((writer, done));
            return Ok(true);
        }
        match writer.finish() {
            Ok(_) => self.outcome.checkpoints += 1,
            Err(_) if self.disk.is_crashed() => return Ok(false),
            Err(_) => {}
        }
        Ok(true)
    }

    /// The state that read views show.
    fn published(&self, live: &Live) -> &S {
        let pushed = self.history.iter().rev().find(|pushed| pushed.end <= live.acked);
        &pushed.expect("the state of the last acknowledged frame is kept").state
    }

    fn check_all_reads(&self, live: &Live) -> Result<()> {
        for log in self.state.logs() {
            let view = live.views.get(log.log).with_context(|| format!("{log:?} has no view"))?;
            ensure!(
                view.log_start() == log.start && view.high_watermark() == log.end,
                "marks of {log:?} differ"
            );
            self.check_reads(&self.state, &view, log.start)?;
        }
        Ok(())
    }

    /// Reads from an offset to the end and compares every byte.
    fn check_reads(&self, state: &S, view: &LogView, mut from: Offset) -> Result<()> {
        loop {
            let batches = match view.read(from, 2048, ReadMode::MayBlock) {
                Ok(ReadOutcome::Batches(batches)) => batches,
                Ok(ReadOutcome::AtEnd) => return Ok(()),
                Ok(ReadOutcome::WouldBlock) => bail!("a read that may block does not ask to wait"),
                Err(ReadError::Io { .. }) if self.disk.is_crashed() || self.faults.failed_read_one_in > 0 => {
                    return Ok(());
                }
                Err(error) if self.disk.is_crashed() => bail!("the power went, and a read says {error}"),
                Err(error) => bail!("reading {} from {from}: {error}", view.log()),
            };
            ensure!(!batches.is_empty(), "a read gives at least one batch");
            for batch in batches {
                let expected =
                    state.batch_at(view.log(), from).with_context(|| format!("nothing at {from}"))?;
                let found = (batch.base_offset, batch.last_offset, batch.to_contiguous().to_vec());
                ensure!(found == expected, "log {} at {from} holds other bytes", view.log());
                from = batch.last_offset.advance(1);
            }
        }
    }
}
