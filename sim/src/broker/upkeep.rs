//! Steps of the upkeep: retention, packing, compaction, removal of objects, scrubbing; and what they have done.
//!
//! Apart from the other steps because the upkeep is a client of its own: it asks and hears the answers itself, so that what it
//! does is seen only in the logs.

use anyhow::{Context, Result, ensure};
use millstream_engine::steps::Steps;
use millstream_storage::{HomeId, LogReader};
use millstream_testkit::sim_disk::SimDisk;
use millstream_testkit::sometimes;
use millstream_types::{ObjectNumber, Offset};

use super::client::What;
use super::rules::{self, Explained};
use super::{Asked, Live, World};

/// Steps of the upkeep in a row, at most.
const STEPS_MAX: u64 = 16;
/// Time that passes now and then, so that records come of age.
const PAUSES_MS: [u64; 4] = [100, 2_000, 12_000, 40_000];
/// Pieces of a log that are looked at.
const PIECES_MAX: usize = 1_000;

impl World {
    /// A few steps of the upkeep, with turns and writes between them; false when the lane or the power is gone.
    pub(super) fn keep_up(&mut self, live: &mut Live) -> Result<bool> {
        // Members are given up when nobody hears of them for long.
        if !self.clients.teams && self.rng.one_in(2) {
            let pause_ms = PAUSES_MS[self.rng.below(PAUSES_MS.len() as u64) as usize];
            self.pass(pause_ms);
        }
        let mut alive = true;
        for _ in 0..1 + self.rng.below(STEPS_MAX) {
            let waiting = live.steps.waiting();
            let has_more = live.steps.upkeep(self.now);
            for _ in waiting..live.steps.waiting() {
                self.asked.push_back(Asked {
                    tag: 0,
                    what: What::Upkeep,
                    end: None,
                    alone: false,
                    answer: None,
                });
                self.unapplied += 1;
            }
            alive = !self.disk.is_crashed();
            if !alive {
                break;
            }
            self.turn(live)?;
            alive = self.rng.one_in(4) || self.write(live)?;
            if !alive || !has_more && self.rng.one_in(2) {
                break;
            }
        }
        self.see_upkeep(live)?;
        Ok(alive)
    }

    /// What the upkeep has brought about, as far as readers see it.
    fn see_upkeep(&mut self, live: &Live) -> Result<()> {
        let mut explained = Explained::default();
        let seen = &mut self.outcome.sightings;
        for (log, known) in &mut self.clients.known.logs {
            let Some(view) = live.steps.views().get(*log) else { continue };
            let start = view.log_start().0;
            if start > known.start_max {
                rules::explain_start(known, known.start_max, start, self.now, &mut explained)
                    .with_context(|| format!("log {log}"))?;
                known.start_max = start;
            }
            for piece in view.pieces(Offset(start), PIECES_MAX) {
                let HomeId::Object(number) = piece.home else { continue };
                let is_new = self.committed.insert(number);
                sometimes!(seen, is_new && !piece.is_compacted, "a packed object was committed");
                sometimes!(seen, is_new && piece.is_compacted, "a compacted object was committed");
            }
        }
        let objects = live.steps.objects();
        let dropped = self.committed.iter().filter(|number| objects.get(**number).is_none()).count();
        sometimes!(seen, dropped > 0, "an object was dropped");
        sometimes!(seen, live.steps.upkeep_totals().scrub.rounds > 0, "everything was scrubbed");
        let works = self.faults.failed_read_one_in == 0 && !self.lane_failed && !self.disk.is_crashed();
        let findings = live.steps.upkeep_totals().scrub.findings;
        ensure!(findings == 0 || !works, "scrubbing finds damage on a disk that works");
        self.see_explained(explained);
        Ok(())
    }

    pub(super) fn see_explained(&mut self, explained: Explained) {
        let seen = &mut self.outcome.sightings;
        let Explained { by_time, by_size, superseded, tombstones } = explained;
        seen.saw("records went because of their age", by_time);
        seen.saw("records went because of the log's size", by_size);
        seen.saw("a superseded record was compacted away", superseded);
        seen.saw("a tombstone was compacted away", tombstones);
    }

    /// What of the objects that were there before a start is gone after it, and why.
    pub(super) fn see_orphans(&mut self, before: &[String], steps: &Steps) -> Result<()> {
        objects_are_listed(&self.disk, steps)?;
        let after = self.disk.paths();
        let seen = &mut self.outcome.sightings;
        for path in before.iter().filter(|path| path.starts_with("objects/") && !after.contains(path)) {
            let number = number_of(path).with_context(|| format!("{path} is no object"))?;
            let is_whole = path.ends_with(".obj");
            let was_committed = self.committed.contains(&number);
            sometimes!(seen, !is_whole, "an object that was not finished was removed at a start");
            sometimes!(seen, is_whole && !was_committed, "a crash came between an object and its commit");
            sometimes!(
                seen,
                is_whole && was_committed,
                "a crash came between an object's drop and its removal"
            );
        }
        Ok(())
    }
}

/// After a start no object is there that the manifest does not list.
pub(super) fn objects_are_listed(disk: &SimDisk, steps: &Steps) -> Result<()> {
    for path in disk.paths().iter().filter(|path| path.starts_with("objects/")) {
        let listed = number_of(path).and_then(|number| steps.objects().get(number));
        ensure!(listed.is_some() && path.ends_with(".obj"), "{path} is there, and nobody knows it");
    }
    Ok(())
}

fn number_of(path: &str) -> Option<ObjectNumber> {
    let (name, _) = path.strip_prefix("objects/")?.split_once('.')?;
    u64::from_str_radix(name, 16).ok().map(ObjectNumber)
}
