//! A start: opens until it works, and holds what came back against what was there.
//!
//! Apart from the life that follows because everything here is about the one before.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use millstream_engine::steps::Steps;
use millstream_storage::{Durability, OpenError};
use millstream_testkit::sim_disk::Faults;
use millstream_testkit::sometimes;
use millstream_types::{LogId, WalPosition};

use super::check::{self, Damage, Found};
use super::client::{self, Kind, TEAMS};
use super::{CLOSING_FRAME_BYTES, Live, Moment, SEED, World, hash};

/// A start that needs more tries than this on a disk that works from the second on never ends.
const TRIES_MAX: u32 = 100;

impl World {
    /// Opens until it works, and checks what came back.
    pub(super) fn start(&mut self) -> Result<Live> {
        let mut tries = 0;
        loop {
            tries += 1;
            ensure!(tries < TRIES_MAX, "it starts on no disk");
            if self.rng.one_in(4) {
                let soon = self.rng.below(60);
                self.disk.crash_at(Some(self.disk.operations() + soon));
            }
            let before = self.disk.paths();
            let disk = Arc::new(self.disk.clone());
            let steps = match Steps::start(disk, self.options, &self.plan.engine, SEED, self.now) {
                Ok(steps) => steps,
                Err(OpenError::Io { .. }) => {
                    // A start needs a disk that works: power or faults may have stopped this one, then it gets one.
                    sometimes!(self.outcome.sightings, self.disk.is_crashed(), "a start was cut short");
                    let dies = self.plan.swarm.is_some() && self.rng.one_in(2);
                    if self.disk.is_crashed() && !dies {
                        self.disk.crash();
                    } else {
                        self.disk.kill();
                    }
                    // What only the page cache held may be gone now.
                    self.floor = self.floor.min(self.durable);
                    self.disk.set_faults(Faults { capacity_bytes: u64::MAX, ..Faults::none(0) });
                    continue;
                }
                Err(error) => bail!("the start failed: {error}"),
            };
            self.disk.crash_at(None);
            self.disk.set_faults(Faults { failed_read_one_in: 0, ..self.faults });
            self.check_recovered(&steps, tries == 1)?;
            self.learn_what_stands(steps.recovered().end)?;
            let found = check::everything(&mut self.clients.known, &steps, Damage::None, self.now)?;
            self.see_start(&steps, &found, tries == 1);
            self.see_orphans(&before, &steps)?;
            self.disk.set_faults(self.faults);
            self.neighbour.leave();
            let end = steps.position();
            self.moments.clear();
            self.moments.push_back(Moment { start: end, end, hash: hash(&steps), several: false });
            return Ok(Live { steps, answers: client::answers(), written: end });
        }
    }

    fn see_start(&mut self, steps: &Steps, found: &Found, is_first_try: bool) {
        let recovered = steps.recovered();
        let interval = matches!(self.options.durability, Durability::Interval(_));
        let seen = &mut self.outcome.sightings;
        sometimes!(seen, recovered.checkpoint.is_some(), "a start began with a checkpoint");
        sometimes!(seen, self.closed && is_first_try && recovered.clean, "a clean stop was recognised");
        sometimes!(seen, recovered.end < self.reached, "a start dropped the tail");
        sometimes!(seen, interval && recovered.end < self.reached, "an interval's tail was lost");
        seen.saw("a batch in doubt was there", found.in_doubt_there);
        seen.saw("a batch in doubt was lost", found.in_doubt_lost);
        self.see_explained(found.explained);
    }

    /// The state must be the one after some request, and none that counts may be missing.
    fn check_recovered(&self, steps: &Steps, is_first_try: bool) -> Result<()> {
        let end = steps.recovered().end;
        if self.moments.is_empty() {
            return Ok(());
        }
        ensure!(end >= self.floor, "acknowledged up to {}, recovered up to {end}", self.floor);
        let closing = |moment: &Moment| self.closing && moment.end.advance(CLOSING_FRAME_BYTES) == end;
        if let Some(moment) = self.moments.iter().rev().find(|moment| moment.end == end || closing(moment)) {
            ensure!(hash(steps) == moment.hash, "the state at {end} is not the one that was there");
        } else {
            let inside = |moment: &Moment| moment.several && moment.start < end && end < moment.end;
            ensure!(self.moments.iter().any(inside), "the lane ends at {end}, which is no frame's end");
        }
        ensure!(!(self.closed && is_first_try) || steps.recovered().clean, "a clean stop was not recognised");
        Ok(())
    }

    /// Answers that came before what they said was durable (interval durability only) stand if that survived.
    fn learn_what_stands(&mut self, end: WalPosition) -> Result<()> {
        for asked in std::mem::take(&mut self.asked) {
            if let (Some(reply), Some(at)) = (asked.answer, asked.end)
                && at <= end
            {
                self.clients.learn(&asked.what, &reply)?;
            }
        }
        self.unapplied = 0;
        for member in &mut self.clients.known.members {
            if std::mem::take(&mut member.pending) {
                (member.joined, member.synced) = (None, None);
            }
        }
        Ok(())
    }

    /// What clients do first after a restart: whatever is in doubt is sent again, in order; members say that they are
    /// there; and some ask whether what they know is still true.
    pub(super) fn clear_up(&mut self, live: &mut Live) -> Result<bool> {
        let known = &self.clients.known;
        let doubtful: Vec<(LogId, u64)> = known
            .producers
            .iter()
            .flat_map(|((_, log), producer)| producer.doubtful.iter().map(|number| (*log, *number)))
            .collect();
        let stored: Vec<(LogId, u64)> = known
            .producers
            .iter()
            .filter(|(_, producer)| producer.doubtful.is_empty())
            .filter_map(|((_, log), producer)| producer.last.map(|number| (*log, number)))
            .collect();
        let offsets: Vec<(usize, LogId)> = known.offsets.keys().copied().collect();
        let mut requests = Vec::new();
        requests.extend(
            doubtful.iter().filter_map(|(log, number)| self.clients.again(*log, *number, Kind::Again)),
        );
        requests
            .extend(stored.iter().filter_map(|(log, number)| self.clients.again(*log, *number, Kind::Probe)));
        requests.extend((0..TEAMS).filter_map(|team| self.clients.heartbeat(team)));
        requests.extend(offsets.iter().map(|(group, log)| self.clients.fetch(*group, vec![*log])));
        for (what, request) in requests {
            self.ask(live, what, request)?;
        }
        self.write(live)
    }
}
