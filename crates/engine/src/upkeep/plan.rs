//! What the next job is.
//!
//! Apart from doing it: here the rules of [`pack`] and [`compact`] meet the streams' configuration and the logs as they are.

use super::job::Job;
use super::{Planned, Upkeep, World};
use millstream_core::catalog::StreamConfig;
use millstream_storage::compact::{self, CompactCandidate, CompactPlan, CompactRules, Compactor, PassEnd};
use millstream_storage::pack::{self, Packer, Survey};
use millstream_storage::{HomeId, LogReader, Logs};
use millstream_types::object::OBJECT_PARTS_MAX;
use millstream_types::{EngineTime, LogId, Offset};
use std::sync::Arc;

/// A log is compacted when at least so many dirty bytes wait ...
const DIRTY_BYTES_MIN: u64 = 1 << 20;
/// ... or when the newest record of the first dirty piece is so old, in milliseconds: a log that is written slowly is not
/// written again for every record.
const DIRTY_AGE_MIN_MS: u64 = 10_000;
/// Pieces of a log that are taken from its index at once.
const PIECES_AT_ONCE: usize = 1024;

impl Upkeep {
    /// When it is worth planning; `None`: not before something is written.
    pub(super) fn plan_due(&self, world: &World<'_>) -> Option<EngineTime> {
        let moved = self.planned.written_to != world.written_to;
        let at = if moved { Some(EngineTime(0)) } else { self.planned.again_at };
        at.map(|at| at.max(self.planned.not_before))
    }

    /// Decides on the next job. Files and logs take turns.
    pub(super) fn plan(&mut self, world: &World<'_>) -> Option<Job> {
        let next = world.now.after_ms(self.options.plan_interval_ms);
        self.planned.not_before = next;
        // What the last frames did may not be seen by readers yet, and so not here: one more look follows.
        let has_moved = self.planned.written_to != world.written_to;
        self.planned.written_to = world.written_to;
        self.planned.again_at = has_moved.then_some(next);
        self.wants_checkpoint = self.dead_bytes() >= self.options.dead_bytes_max;
        self.may_drop = true;
        let pack_first = self.planned.pack_first;
        let job = if pack_first {
            self.plan_packing(world).or_else(|| self.plan_compaction(world))
        } else {
            self.plan_compaction(world).or_else(|| self.plan_packing(world))
        };
        if job.is_some() {
            self.planned.pack_first = matches!(job, Some(Job::Compact(_)));
            // There may be more to do than one job.
            self.planned.not_before = world.now;
            self.planned.again_at = Some(world.now);
        }
        job
    }

    /// Bytes of WAL files in which nothing lives. They are free from the first checkpoint on that begins now or later (R7),
    /// and if nobody writes, none is due.
    fn dead_bytes(&self) -> u64 {
        self.files.sealed().iter().filter(|file| !file.is_live).map(|file| file.bytes).sum()
    }

    fn plan_packing(&mut self, world: &World<'_>) -> Option<Job> {
        let objects = self.objects.list();
        // Only the batches: what an object has beside them is not won by writing it again.
        let objects = objects.iter().map(|object| {
            let batches = object.entry().parts.iter().map(|part| part.bytes).sum();
            (HomeId::Object(object.number()), batches)
        });
        let files = self.files.sealed();
        let files = files.into_iter().map(|file| (HomeId::Wal(file.sequence), file.bytes));
        let mut survey = Survey::new(files.chain(objects));
        for log in Logs::ids(&**world.views) {
            if let Some(view) = world.views.get(log) {
                survey.add(log, &*view, &self.quarantine);
            }
        }
        let homes = survey.finish();
        let stored = homes.iter().filter(|facts| matches!(facts.home, HomeId::Object(_)));
        let options = self.options.pack.with_stored(stored.map(|facts| facts.live_bytes).sum());
        let plan = pack::plan(&homes, &options);
        self.stats.surveyed(&homes, plan.backlog_bytes);
        let job = plan.jobs.first()?;
        tracing::debug!(?job, backlog_bytes = plan.backlog_bytes, "packing");
        let (store, directory) = (Arc::clone(self.objects.store()), self.objects.directory());
        let logs = Arc::clone(world.views) as Arc<dyn Logs>;
        Some(Job::Pack(Box::new(Packer::new(store, directory, options, job, logs))))
    }

    fn plan_compaction(&mut self, world: &World<'_>) -> Option<Job> {
        self.troubled.retain(|_, until| *until > world.now);
        let mut plans = Vec::new();
        for stream in world.catalog.all() {
            let (_, compacts) = stream.config.cleanup();
            if !compacts {
                continue;
            }
            for log in stream.log_ids() {
                if !self.troubled.contains_key(&log) {
                    plans.extend(self.plan_log(world, log, &stream.config));
                }
            }
        }
        let taken = compact::take_next(&mut plans, self.options.compact.object_bytes, OBJECT_PARTS_MAX);
        let passes: Vec<(CompactPlan, Arc<dyn LogReader>)> = taken
            .into_iter()
            .filter_map(|plan| Some((plan, world.views.get(plan.log)? as Arc<dyn LogReader>)))
            .collect();
        if passes.is_empty() {
            return None;
        }
        tracing::debug!(logs = passes.len(), "compacting");
        let (store, directory) = (Arc::clone(self.objects.store()), self.objects.directory());
        Some(Job::Compact(Box::new(Compactor::new(store, directory, self.options.compact, passes))))
    }

    /// The pass that one log is worth now; notes when it may be worth one later.
    fn plan_log(&mut self, world: &World<'_>, log: LogId, config: &StreamConfig) -> Option<CompactPlan> {
        let view = world.views.get(log)?;
        let mut pieces = Vec::new();
        let mut from = Offset::ZERO;
        loop {
            let next = view.pieces(from, PIECES_AT_ONCE);
            let Some(last) = next.last() else { break };
            from = last.to;
            pieces.extend(next);
        }
        let cleaned_to = compact::cleaned_to(pieces.iter().copied())?;
        let dirty = pieces.iter().find(|piece| piece.to > cleaned_to)?;
        let candidate = CompactCandidate {
            log,
            rules: rules(config),
            last_stable: view.last_stable(),
            oldest_dirty: compact::oldest_dirty(&*view, cleaned_to).ok().flatten(),
        };
        let plan = compact::plan(&candidate, pieces.iter().copied(), world.now);
        let Some(plan) = plan else {
            // What is too young now, or not yet due, comes of age without a write.
            let ages =
                [Some(config.compaction_lag_min_ms()).filter(|ms| *ms > 0), config.compaction_lag_max_ms()];
            for age_ms in ages.into_iter().flatten() {
                let due = EngineTime(dirty.max_timestamp.0).after_ms(age_ms);
                if due > world.now {
                    self.planned.look_again(due);
                }
            }
            return None;
        };
        let age_ms = world.now.since_ms(EngineTime(dirty.max_timestamp.0));
        if !plan.is_due && plan.dirty_bytes < DIRTY_BYTES_MIN && age_ms < DIRTY_AGE_MIN_MS {
            self.planned.look_again(world.now.after_ms(DIRTY_AGE_MIN_MS - age_ms));
            return None;
        }
        Some(plan)
    }

    /// Looks back at a job that is done.
    pub(super) fn ended(&mut self, job: &Job, now: EngineTime) {
        if job.moved().written == 0 {
            // The same plan would come out again, and again to nothing.
            self.planned.not_before = now.after_ms(self.options.plan_interval_ms);
            self.planned.again_at = None;
        }
        let Job::Compact(compactor) = job else { return };
        for PassEnd { log, trouble, .. } in compactor.ends() {
            let Some(trouble) = trouble else { continue };
            tracing::error!(%log, %trouble, "a log cannot be compacted beyond this");
            if self.troubled.len() >= super::TROUBLED_MAX {
                self.troubled.pop_first();
            }
            self.troubled.insert(*log, now.after_ms(super::TROUBLE_MS));
        }
    }
}

impl Planned {
    /// There may be something to do at this time, even if nothing is written.
    fn look_again(&mut self, at: EngineTime) {
        self.again_at = Some(self.again_at.map_or(at, |earlier| earlier.min(at)));
    }
}

fn rules(config: &StreamConfig) -> CompactRules {
    CompactRules {
        dirty_ratio_min: config.compaction_dirty_ratio_min(),
        lag_min_ms: config.compaction_lag_min_ms(),
        lag_max_ms: config.compaction_lag_max_ms(),
        tombstone_retention_ms: config.tombstone_retention_ms(),
    }
}
