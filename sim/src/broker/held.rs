//! Reads that are held while what they read comes free, and a file that is gone though a checkpoint lists it: a few directed
//! steps instead of random ones.
//!
//! Apart from the random world because that comes by these moments once in hundreds of seeds: everything must be trimmed,
//! checkpointed, freed and overwritten within one read.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use millstream_core::request::{CreateStream, Trim};
use millstream_core::{Reply, Request};
use millstream_engine::steps::Steps;
use millstream_engine::{EngineOptions, Submission, UpkeepOptions};
use millstream_storage::pack::PackOptions;
use millstream_storage::{HomeId, LogReader, OpenError, Options, Prepared, ReadError, ReadMode, ReadOutcome};
use millstream_testkit::sim_disk::{Faults, SimDisk};
use millstream_types::{EngineTime, LogId, Namespace, StreamId, StreamUid};

use super::batch::{self, Shape};
use super::client::{self, Answers};
use super::swarm::{End, LetGo};
use super::{BEGINNING, SEED};
use crate::Outcome;

/// Length of a WAL file, and of a batch.
pub(super) const FILE_BYTES: u64 = 64 << 10;
const BATCH_BYTES: usize = 4 << 10;
/// Batches that fill a few files.
const BATCHES: u64 = 100;
/// Steps that are enough for whatever is to come to an end.
const STEPS_MAX: usize = 200;

/// Runs all of it; `points` is not used.
///
/// # Errors
/// The first broken promise.
pub fn run(seed: u64, points: u64, disk: Option<SimDisk>) -> Result<Outcome> {
    let disk = disk.unwrap_or_else(|| SimDisk::new(seed, Faults::none(u64::MAX)));
    disk.set_faults(Faults::none(u64::MAX));
    let pack =
        PackOptions { young_files: 0, files_together: 1, object_bytes: FILE_BYTES, ..PackOptions::default() };
    let mut broker = Broker::start(disk, options(seed), pack)?;
    broker.fill()?;
    broker.read_held(|broker| {
        broker.trim()?;
        for _ in 0..2 {
            broker.checkpoint()?;
        }
        // Twice as much, so that whatever was freed is used again.
        broker.fill()?;
        broker.fill()
    })?;
    broker.keep_up(Broker::is_packed).context("packing")?;
    broker.read_held(|broker| {
        broker.trim()?;
        (0..STEPS_MAX).try_for_each(|_| broker.step())
    })?;
    // The upkeep looks again when something was written.
    broker.append()?;
    let has_objects = |broker: &Broker| broker.disk.paths().iter().any(|path| path.ends_with(".obj"));
    broker.keep_up(|broker| !has_objects(broker)).context("removing what is not needed")?;
    broker.fill()?;
    broker.lose_a_listed_file()?;
    Ok(Outcome { points, ..Outcome::default() })
}

/// Files of which a few hundred batches fill many, and nothing in memory.
pub(super) fn options(seed: u64) -> Options {
    Options {
        wal_file_bytes: FILE_BYTES,
        wal_file_bytes_first: FILE_BYTES,
        pool_files_max: 32,
        checkpoint_reserve_bytes: FILE_BYTES / 2,
        tail_bytes_max: 0,
        index_bytes_max: 1,
        open_files_max: 1,
        ..Options::new(u128::from(seed) + 1)
    }
}

/// A broker with one log.
pub(super) struct Broker {
    pub(super) disk: SimDisk,
    pub(super) steps: Steps,
    options: Options,
    engine: EngineOptions,
    answers: Arc<Answers>,
    log: LogId,
    now: EngineTime,
    /// The next batch, and where the log ends: each batch has one record.
    next: u64,
}

impl Broker {
    pub(super) fn start(disk: SimDisk, options: Options, pack: PackOptions) -> Result<Broker> {
        let upkeep = UpkeepOptions { plan_interval_ms: 1, pack, ..UpkeepOptions::default() };
        let engine = EngineOptions { upkeep, ..EngineOptions::default() };
        let steps = Steps::start(Arc::new(disk.clone()), options, &engine, SEED, BEGINNING)?;
        let log = LogId { stream: StreamId(0), index: 0 };
        let answers = client::answers();
        let mut broker = Broker { disk, steps, options, engine, answers, log, now: BEGINNING, next: 0 };
        let create = CreateStream {
            namespace: Namespace::DEFAULT,
            name: "held".into(),
            uid: StreamUid(1),
            logs: 1,
            config: Default::default(),
        };
        let Reply::Stream(entry) = broker.ask(Request::CreateStream(Box::new(create)))? else {
            bail!("the stream is not created");
        };
        broker.log.stream = entry.id;
        Ok(broker)
    }

    /// The process dies and is started again; the page cache stays, but for what `lost` does to the disk meanwhile.
    pub(super) fn kill(&mut self, lost: impl FnOnce(&SimDisk) -> Result<()>) -> Result<()> {
        self.disk.kill();
        lost(&self.disk)?;
        let disk = Arc::new(self.disk.clone());
        self.steps = Steps::start(disk, self.options, &self.engine, SEED, self.now)?;
        Ok(())
    }

    /// Prepares one file, if one is wanted.
    pub(super) fn prepare(&mut self) -> Result<Prepared> {
        Ok(self.steps.prepare(self.now)?)
    }

    fn ask(&mut self, request: Request) -> Result<Reply> {
        self.steps.submit(Submission { sink: self.answers.clone(), tag: 0, request, chain: None });
        for _ in 0..STEPS_MAX {
            self.steps.turn(self.now);
            self.steps.write()?;
            if let Some((_, reply)) = self.answers.take().pop() {
                return Ok(reply);
            }
            self.steps.prepare(self.now)?;
        }
        bail!("a request is never answered")
    }

    /// Appends, preparing and freeing files between.
    fn fill(&mut self) -> Result<()> {
        (0..BATCHES).try_for_each(|_| self.append())
    }

    fn append(&mut self) -> Result<()> {
        self.store()?;
        self.steps.recycle()?;
        self.prepare()?;
        Ok(())
    }

    /// Appends, and no more.
    pub(super) fn store(&mut self) -> Result<()> {
        let shape = self.shape();
        let bytes = batch::make(self.next, &shape);
        let reply = self.ask(Request::Append(vec![client::append_batch(self.log, &shape, None, bytes)]))?;
        let is_stored = matches!(&reply, Reply::Appended(results) if results[0].is_ok());
        ensure!(is_stored, "an append says {reply:?}");
        self.next += 1;
        Ok(())
    }

    fn shape(&self) -> Shape {
        Shape { bytes: BATCH_BYTES, records: 1, time_ms: BEGINNING.0, keyed: false }
    }

    fn trim(&mut self) -> Result<()> {
        let reply = self.ask(Request::TrimLogs(vec![Trim { log: self.log, before: None }]))?;
        ensure!(matches!(&reply, Reply::Trimmed(results) if results[0].is_ok()), "a trim says {reply:?}");
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<()> {
        let is_finished = (0..STEPS_MAX).any(|_| self.steps.checkpoint());
        ensure!(is_finished, "a checkpoint is never finished");
        Ok(())
    }

    /// A step of the upkeep.
    fn step(&mut self) -> Result<()> {
        self.now = self.now.after_ms(10);
        self.steps.upkeep(self.now);
        self.steps.turn(self.now);
        Ok(self.steps.write()?)
    }

    fn keep_up(&mut self, until: impl Fn(&Broker) -> bool) -> Result<()> {
        for _ in 0..STEPS_MAX {
            self.step()?;
            if until(self) {
                return Ok(());
            }
        }
        bail!("it does not come to that")
    }

    fn is_packed(&self) -> bool {
        let view = self.steps.views().get(self.log);
        let first = view.and_then(|view| view.pieces(view.log_start(), 1).first().copied());
        first.is_some_and(|piece| matches!(piece.home, HomeId::Object(_)))
    }

    /// Holds a read of the oldest record while something else happens. It must give the record.
    fn read_held(&mut self, meanwhile: impl FnOnce(&mut Broker) -> Result<()>) -> Result<()> {
        let view = self.steps.views().get(self.log).context("the log has a view")?;
        let from = view.log_start();
        let hold = self.disk.hold_next_read();
        let (read, done) = std::thread::scope(|scope| {
            let let_go = LetGo(Arc::clone(&hold));
            let end = End(Arc::clone(&hold));
            let reader = scope.spawn(move || {
                let _end = end;
                view.read(from, 1, ReadMode::MayBlock)
            });
            let done = if hold.wait() { meanwhile(self) } else { Err(anyhow::anyhow!("nothing was read")) };
            drop(let_go);
            (reader.join(), done)
        });
        done?;
        let read: Result<ReadOutcome, ReadError> = read.expect("a read does not panic");
        let ReadOutcome::Batches(batches) = read.context("a read that was held")? else {
            bail!("a read that was held gives nothing");
        };
        let first = batches.first().context("a read gives at least one batch")?;
        batch::check(&first.to_contiguous(), from.0, from.0, &self.shape())?;
        Ok(())
    }

    /// After a clean stop the newest file is gone, and the checkpoint says that it was there.
    fn lose_a_listed_file(mut self) -> Result<()> {
        self.checkpoint()?;
        self.steps.stop(self.now)?;
        self.disk.kill();
        let last = self.disk.paths().into_iter().rfind(|path| path.ends_with(".wal"));
        let last = last.context("a lane has a file")?;
        self.disk.take(&last);
        match Steps::start(Arc::new(self.disk), self.options, &self.engine, SEED, self.now) {
            Err(OpenError::Missing { file, .. }) if file == last => Ok(()),
            Err(error) => bail!("{last} is missing, and the start says {error}"),
            Ok(_) => bail!("{last} is missing, and the start succeeds"),
        }
    }
}
