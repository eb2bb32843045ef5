//! What keeps the data in shape while nobody asks for it: retention, packing, compaction, removal of dead objects,
//! scrubbing.
//!
//! Apart because none of it is urgent and all of it may be interrupted at any point: it reads and writes in small steps, at
//! a pace, and changes what is durable by requests like any client's. A value without a thread, so that a simulator
//! can decide when each step happens; [`thread`] runs it in a real engine.
//!
//! ```text
//! sweep    logs ──► TrimLogs ──────────────────────────────► records gone, then files
//! job      plan ──► packer or compactor: step … step ──► object durable ──► register ──► CommitObject ──► next step
//! scrub    everything that is stored, once per round ──► what is damaged is said and counted
//! removal  objects nobody needs ──► DropObjects ──► file removed once no read holds it
//! ```
//!
//! One job at a time: packing must not carry old records past a compaction of the same log.

mod inbox;
mod job;
mod plan;
mod scrub;
mod stats;
mod sweep;
mod thread;

pub(crate) use inbox::Inbox;
pub(crate) use stats::UpkeepStats;
pub use stats::UpkeepTotals;
pub(crate) use thread::UpkeepThread;

use crate::catalog::Catalog;
use crate::options::UpkeepOptions;
use job::{Job, Progress};
use millstream_core::hash::HashSeed;
use millstream_core::{Reply, Request};
use millstream_storage::pack::Quarantine;
use millstream_storage::{Objects, Scrubber, Views, WalFiles};
use millstream_types::{EngineTime, ErrorKind, LogId, ObjectNumber, WalPosition, planted};
use scrub::Scrub;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use sweep::Sweep;

/// What a step sees of the engine.
pub(crate) struct World<'a> {
    /// Engine time.
    pub(crate) now: EngineTime,
    /// Every stream.
    pub(crate) catalog: &'a Catalog,
    /// Every log.
    pub(crate) views: &'a Arc<Views>,
    /// Where the lane is: as long as it does not move, nothing new is to be done.
    pub(crate) written_to: WalPosition,
    /// How often something came into ephemeral logs.
    pub(crate) held: u64,
}

/// What a step leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// There is more to do, after a pause that keeps the pace.
    More { pause: Duration },
    /// There is nothing to do before a reply comes or this time, or, if so, before something is written.
    Wait { due: Option<EngineTime>, until_written: bool },
}

const SWEEP: u64 = 1;
const COMMIT: u64 = 2;
const DROP: u64 = 3;

/// Objects that one request drops at most; see [`Request::DropObjects`].
const DROPS_MAX: usize = 256;
/// How long nothing is written after a write has failed, in milliseconds.
const RETRY_MS: u64 = 10_000;
/// How soon objects that a read held are looked at again, in milliseconds: longer than a read lasts.
const HELD_MS: u64 = 1_000;
/// How long a log whose bytes could not be read is left alone, in milliseconds.
const TROUBLE_MS: u64 = 3_600_000;
/// Logs in trouble that are remembered; with more, the oldest are tried again sooner.
const TROUBLED_MAX: usize = 1_024;

/// The upkeep of one data directory.
pub(crate) struct Upkeep {
    options: UpkeepOptions,
    objects: Arc<Objects>,
    files: WalFiles,
    /// The number of the next object.
    next_number: ObjectNumber,
    sweep: Sweep,
    /// Trims were asked for.
    is_trimming: bool,
    job: Option<Job>,
    /// The object that was handed to the shard.
    committing: Option<ObjectNumber>,
    /// Objects were proposed to be dropped.
    is_dropping: bool,
    /// Objects that are dropped once the lane is durable up to the position: with interval durability the answer comes
    /// before that, and a power cut would bring the need for them back.
    gone: VecDeque<(WalPosition, Vec<ObjectNumber>)>,
    /// Something may have become unneeded since objects were last looked at.
    may_drop: bool,
    /// When they are looked at again because something was held at the last look: no reply and no write says that a
    /// read is over.
    drop_again_at: Option<EngineTime>,
    planned: Planned,
    /// WAL files wait for a checkpoint.
    wants_checkpoint: bool,
    /// Logs that cannot be compacted, and until when they are left alone.
    troubled: BTreeMap<LogId, EngineTime>,
    /// Pieces that cannot be read.
    quarantine: Quarantine,
    scrub: Scrub,
    stats: Arc<UpkeepStats>,
}

/// What there is to be kept in shape.
pub(crate) struct Stored {
    pub(crate) objects: Arc<Objects>,
    pub(crate) files: WalFiles,
    pub(crate) scrubber: Scrubber,
    /// Larger than the number of any object there ever was.
    pub(crate) next_number: ObjectNumber,
}

/// What planning goes by.
struct Planned {
    /// No sooner than this.
    not_before: EngineTime,
    /// Where the lane was at the last plan.
    written_to: WalPosition,
    /// When a log that was too young comes of age.
    again_at: Option<EngineTime>,
    /// The last job was a compaction: packing is looked at first.
    pack_first: bool,
}

impl Upkeep {
    /// `seed` is what keys are hashed with, `now` the time of the start.
    pub(crate) fn new(
        mut options: UpkeepOptions,
        stored: Stored,
        stats: Arc<UpkeepStats>,
        seed: HashSeed,
        now: EngineTime,
    ) -> Upkeep {
        let Stored { objects, files, scrubber, next_number } = stored;
        options.compact.seed = seed.0;
        Upkeep {
            sweep: Sweep::new(&options, now),
            options,
            objects,
            files,
            next_number,
            is_trimming: false,
            job: None,
            committing: None,
            is_dropping: false,
            gone: VecDeque::new(),
            // What was dropped or never committed before the last end is found at once.
            may_drop: true,
            drop_again_at: None,
            planned: Planned {
                not_before: EngineTime(0),
                written_to: WalPosition::ZERO,
                again_at: None,
                pack_first: false,
            },
            wants_checkpoint: false,
            troubled: BTreeMap::new(),
            quarantine: Quarantine::default(),
            scrub: Scrub::new(scrubber, now, &options, Arc::clone(&stats)),
            stats,
        }
    }

    /// Takes the answer to a request.
    pub(crate) fn answer(&mut self, tag: u64, reply: Reply) {
        match (tag, reply) {
            (SWEEP, reply) => {
                self.is_trimming = false;
                self.may_drop = true;
                if let Reply::Refused(why) = reply {
                    tracing::debug!(?why, "trimming by retention was refused; the next pass tries again");
                }
            }
            (COMMIT, Reply::Object { committed: true }) => {
                self.committing = None;
                self.may_drop = true;
                self.job.as_mut().expect("a job waits for its object").committed();
            }
            // The commit may have been written: whether the object is needed, the next start knows.
            (COMMIT, Reply::Refused(ErrorKind::Indeterminate)) if !planted!(DoubtfulObjectRemoved) => {
                self.job = None;
            }
            (COMMIT, reply) => {
                let number = self.committing.take().expect("an object was handed to the shard");
                self.objects.drop_objects(&[number]);
                self.may_drop = true;
                match reply {
                    // Its logs are gone, so the job has nothing to be sorry for.
                    Reply::Object { .. } => {
                        self.job.as_mut().expect("a job waits for its object").committed();
                    }
                    reply => {
                        tracing::warn!(
                            ?reply,
                            object = number.0,
                            "an object was not taken; its job is given up"
                        );
                        self.job = None;
                    }
                }
            }
            (DROP, reply) => {
                self.is_dropping = false;
                if let Reply::ObjectsDropped(gone) = reply {
                    self.gone.push_back((self.files.published(), gone));
                    self.may_drop = true;
                }
            }
            (tag, reply) => unreachable!("reply {reply:?} to a request {tag} that was never made"),
        }
    }

    /// Whether a checkpoint would give space back; said once for each look.
    pub(crate) fn take_wants_checkpoint(&mut self) -> bool {
        std::mem::take(&mut self.wants_checkpoint)
    }

    /// Does a little of what there is to do; requests go to `requests`, with their tags.
    pub(crate) fn step(&mut self, world: &World<'_>, requests: &mut Vec<(u64, Request)>) -> Next {
        let mut due = [None; 4];
        if !self.is_trimming {
            let at = self.sweep.due(world);
            if at.is_some_and(|at| at <= world.now) {
                let trims = self.sweep.slice(world);
                if !trims.is_empty() {
                    self.is_trimming = true;
                    requests.push((SWEEP, Request::TrimLogs(trims)));
                }
                return Next::More { pause: Duration::ZERO };
            }
            due[0] = at;
        }
        self.may_drop |= self.drop_again_at.is_some_and(|at| at <= world.now);
        if self.may_drop && !self.is_dropping {
            self.may_drop = false;
            self.drop_again_at = self.remove_files().map(|ms| world.now.after_ms(ms));
            let mut unused = self.objects.unused();
            let is_gone = |number: &ObjectNumber| self.gone.iter().any(|(_, gone)| gone.contains(number));
            unused.retain(|number| self.committing != Some(*number) && !is_gone(number));
            // The others come with the next look.
            self.may_drop |= unused.len() > DROPS_MAX;
            unused.truncate(DROPS_MAX);
            if !unused.is_empty() {
                self.is_dropping = true;
                self.may_drop = true;
                requests.push((DROP, Request::DropObjects(unused)));
                return Next::More { pause: Duration::ZERO };
            }
        }
        due[1] = self.drop_again_at.filter(|_| !self.is_dropping);
        if self.committing.is_some() {
            return Next::Wait { due: due.into_iter().flatten().min(), until_written: false };
        }
        if self.job.is_some() {
            return self.work(world.now, requests);
        }
        due[2] = self.plan_due(world);
        if due[2].is_some_and(|at| at <= world.now) {
            self.job = self.plan(world);
            return Next::More { pause: Duration::ZERO };
        }
        if self.scrub.due() <= world.now {
            return self.scrub.step(world.now, &self.options);
        }
        due[3] = Some(self.scrub.due());
        // What has not seen all that was written has a time of its own; what has must be woken by the next write.
        let until_written = self.sweep.has_seen(world) || self.planned.written_to == world.written_to;
        Next::Wait { due: due.into_iter().flatten().min(), until_written }
    }

    /// A step of the job at hand.
    fn work(&mut self, now: EngineTime, requests: &mut Vec<(u64, Request)>) -> Next {
        let job = self.job.as_mut().expect("there is a job");
        let mut next_number = self.next_number;
        let mut numbers = || {
            let number = next_number;
            next_number = ObjectNumber(number.0 + 1);
            number
        };
        let before = job.moved();
        let progress = job.step(self.options.step_bytes, &mut numbers, &mut self.quarantine);
        self.next_number = next_number;
        let moved = job.moved().since(before);
        self.stats.add(job, moved);
        match progress {
            Ok(Progress::Working) => {}
            Ok(Progress::Object(entry)) => {
                self.committing = Some(entry.number);
                self.objects.register(entry.clone());
                // What the lane has written is newer than what is packed.
                let warm_bytes_max = self.files.cached_bytes_max().saturating_sub(self.files.warm_bytes());
                self.objects.cool(warm_bytes_max);
                requests.push((COMMIT, Request::CommitObject(Box::new(entry))));
            }
            Ok(Progress::Done) => {
                let job = self.job.take().expect("there is a job");
                self.ended(&job, now);
            }
            Err(error) => {
                tracing::warn!(%error, "an object cannot be written; the work is tried again later");
                self.job = None;
                self.planned.not_before = now.after_ms(RETRY_MS);
            }
        }
        Next::More { pause: pause(moved.read + moved.written, self.options.bytes_per_second) }
    }

    /// Removes the files of dropped objects that no read holds; after how many milliseconds to look again, whatever happens.
    fn remove_files(&mut self) -> Option<u64> {
        let durable = self.files.durable();
        let is_durable = |to: WalPosition| to <= durable || planted!(DropTakenForDurable);
        while let Some((_, gone)) = self.gone.pop_front_if(|(to, _)| is_durable(*to)) {
            self.objects.drop_objects(&gone);
        }
        if let Err(error) = self.objects.sweep() {
            tracing::warn!(%error, "the file of an object that is not needed cannot be removed");
            return Some(RETRY_MS);
        }
        (self.objects.are_held() || !self.gone.is_empty()).then_some(HELD_MS)
    }
}

/// How long to wait after so many bytes.
fn pause(bytes: u64, bytes_per_second: u64) -> Duration {
    let us = u128::from(bytes) * 1_000_000 / u128::from(bytes_per_second.max(1));
    Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX))
}
