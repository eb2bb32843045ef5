//! Steps that only some seeds have: reads that take long, a lane that stands still, leaps of time.
//!
//! Apart from the ordinary steps so that the kept seeds, which know nothing of these, stay what they were.

use std::sync::Arc;

use anyhow::{Result, bail};
use millstream_core::Request;
use millstream_storage::{Durability, HomeId, LogReader, LogView, Prepared, ReadError};
use millstream_testkit::sim_disk::Hold;
use millstream_testkit::sometimes;
use millstream_types::{LogId, Offset};

use super::check::{self, ReadFailure};
use super::client::{Kind, What};
use super::known::KnownLog;
use super::plan::Swarm;
use super::{Live, World};

/// A leap of time: longer than members' sessions and than offsets are kept, much shorter than producers are remembered.
const LEAP_MS: u64 = 2 * 3_600_000;
/// Leaps of one seed at most: producers are remembered for a day.
const LEAPS_MAX: u64 = 8;
/// Turns of a checkpoint that are enough for it to end.
const CHECKPOINT_STEPS: usize = 12;

/// Lets the held read go whatever happens: its thread is waited for.
pub(super) struct LetGo(pub(super) Arc<Hold>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

/// Says that the reading thread is through, whatever happens.
pub(super) struct End(pub(super) Arc<Hold>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl World {
    /// One of these steps; false when the lane or the power is gone.
    pub(super) fn swarm_step(&mut self, live: &mut Live, swarm: Swarm) -> Result<bool> {
        match self.rng.below(7) {
            0..=2 => self.read(live).map(|()| true),
            3 if swarm.rots && self.rng.one_in(4) => {
                self.midway = Some(self.disk.fork(0));
                Ok(true)
            }
            3 => self.resend(live).map(|()| true),
            4 if swarm.stalls => self.slow_read(live),
            5 if swarm.stalls => self.stall(live),
            6 if swarm.leaps => self.leap(live),
            _ => self.requests(live),
        }
    }

    /// A client reads somewhere. What it sees without interval durability must never be lost again.
    pub(super) fn read(&mut self, live: &Live) -> Result<()> {
        let Some((log, view, from)) = self.somewhere(live) else { return Ok(()) };
        let stands = self.options.durability == Durability::Fsync;
        let home = view.pieces(Offset(from), 1).first().map(|piece| piece.home);
        let result = check::some(self.clients.known.log(log), &view, from, stands);
        let is_packed = matches!((&result, home), (Ok(1..), Some(HomeId::Object(_))));
        sometimes!(self.outcome.sightings, is_packed, "a client read from an object");
        self.judge_read(result)
    }

    fn somewhere(&mut self, live: &Live) -> Option<(LogId, Arc<LogView>, u64)> {
        let log = self.clients.any_log(&mut self.rng)?;
        let view = live.steps.views().get(log)?;
        let (start, end) = (view.log_start().0, view.high_watermark().0);
        let from = start + self.rng.below(end - start + 1);
        Some((log, view, from))
    }

    fn judge_read(&self, result: Result<usize, ReadFailure>) -> Result<()> {
        match result {
            Ok(_) | Err(ReadFailure::Refused(ReadError::OutOfRange { .. } | ReadError::Revoked)) => Ok(()),
            Err(ReadFailure::Refused(ReadError::Io { .. }))
                if self.disk.is_crashed() || self.faults.failed_read_one_in > 0 =>
            {
                Ok(())
            }
            // What was shown before it was synced may be gone with the failed sync.
            Err(ReadFailure::Refused(ReadError::Corrupt { .. }))
                if self.lane_failed && self.options.durability != Durability::Fsync =>
            {
                Ok(())
            }
            Err(ReadFailure::Refused(error)) => bail!("a client's read: {error}"),
            Err(ReadFailure::Wrong(error)) => Err(error.context("a client's read")),
        }
    }

    /// A client that has heard nothing of its batch sends it again, on another connection.
    fn resend(&mut self, live: &mut Live) -> Result<()> {
        let waits = self.asked.iter().filter(|asked| asked.end.is_some() && asked.answer.is_none());
        let alone = waits.filter_map(|asked| match &asked.what {
            What::Append(batches) => match batches[..] {
                [batch] if batch.kind == Kind::First => Some(batch),
                _ => None,
            },
            _ => None,
        });
        let mut stamped = alone.filter(|batch| {
            let log = self.clients.known.logs.get(&batch.log);
            log.and_then(|log| log.sent.get(&batch.number)).is_some_and(|sent| sent.stamp.is_some())
        });
        let Some(batch) = stamped.next_back() else { return Ok(()) };
        let Some((what, request)) = self.clients.again(batch.log, batch.number, Kind::Again) else {
            return Ok(());
        };
        self.ask(live, what, request)
    }

    /// The lane stands still while clients go on asking.
    fn stall(&mut self, live: &mut Live) -> Result<bool> {
        sometimes!(self.outcome.sightings, true, "F7: the lane stood still");
        for _ in 0..self.rng.below(30) {
            if let Some((what, request)) = self.clients.ask(&mut self.rng) {
                self.ask(live, what, request)?;
            }
        }
        self.write(live)
    }

    fn leap(&mut self, live: &mut Live) -> Result<bool> {
        if self.leaps == LEAPS_MAX {
            return Ok(true);
        }
        // What is under way is answered first: what it says may be about a member that is given up now.
        if !self.write(live)? {
            return Ok(false);
        }
        if live.steps.sync().is_err() {
            return self.failed();
        }
        self.hear(live)?;
        self.leaps += 1;
        sometimes!(self.outcome.sightings, true, "time made a leap");
        self.pass(LEAP_MS);
        self.clients.long_after();
        self.turn(live)?;
        self.write(live)
    }

    /// A read of the disk takes long. Meanwhile its log is trimmed, or all are, checkpoints free what held the records, and
    /// new ones are written. It must give the right bytes or say that they are gone.
    fn slow_read(&mut self, live: &mut Live) -> Result<bool> {
        let Some((log, view, somewhere)) = self.somewhere(live) else { return Ok(true) };
        // What is oldest comes free first.
        let from = if self.rng.one_in(2) { view.log_start().0 } else { somewhere };
        let mut known: KnownLog = self.clients.known.log(log).clone();
        let hold = self.disk.hold_next_read();
        let (result, alive) = std::thread::scope(|scope| {
            let let_go = LetGo(Arc::clone(&hold));
            let end = End(Arc::clone(&hold));
            let reader = scope.spawn(move || {
                let _end = end;
                check::some(&mut known, &view, from, false)
            });
            let is_held = hold.wait();
            self.disk.hold_no_read();
            sometimes!(self.outcome.sightings, is_held, "F7: a read took long");
            let alive = if is_held { self.meanwhile(live, log) } else { Ok(true) };
            drop(let_go);
            (reader.join(), alive)
        });
        match result {
            Ok(result) => self.judge_read(result)?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        alive
    }

    fn meanwhile(&mut self, live: &mut Live, log: LogId) -> Result<bool> {
        // A file comes free only when no log has records in it.
        let empties = self.rng.one_in(2);
        let others: Vec<LogId> = self.clients.known.logs.keys().copied().filter(|_| empties).collect();
        for log in others.into_iter().chain([log]) {
            let (what, request): (What, Request) = self.clients.trim_to(log, None);
            self.ask(live, what, request)?;
        }
        if !self.write(live)? {
            return Ok(false);
        }
        if live.steps.sync().is_err() {
            return self.failed();
        }
        // One that was under way may need what was written before.
        for _ in 0..2 {
            for _ in 0..CHECKPOINT_STEPS {
                if self.checkpoint(live) {
                    break;
                }
            }
        }
        for _ in 0..4 {
            match live.steps.recycle().and_then(|_| live.steps.prepare(self.now)) {
                Ok(prepared) => self.was_full |= prepared == Prepared::NoSpace,
                Err(_) => return self.failed(),
            }
            let upkeep = self.plan.swarm.is_some_and(|swarm| swarm.upkeep);
            if upkeep && !self.keep_up(live)? {
                return Ok(false);
            }
            for _ in 0..if empties { 16 } else { 6 } {
                if !self.requests(live)? {
                    return Ok(false);
                }
            }
        }
        Ok(!self.disk.is_crashed())
    }
}
