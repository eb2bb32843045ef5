//! The engine without its threads: every step is a call, and time is an argument.
//!
//! Apart because a simulator must decide the order in which shard, lane and keeper get their turns, and must be able to
//! stop between any two of them. The turns, the gate and the catalog are the very ones that the threads use; what is
//! here instead of the threads is only who calls them when.

use crate::catalog::Catalog;
use crate::gate::{Gate, Released, ReplySink};
use crate::mover::{self, Mover, MoverStats, MoverTotals};
use crate::options::EngineOptions;
use crate::queue::Submission;
use crate::replay::Replayer;
use crate::turns::Turns;
use crate::upkeep::{Inbox, Next, Stored, Upkeep, UpkeepStats, UpkeepTotals, World};
use millstream_core::Restore;
use millstream_core::hash::HashSeed;
use millstream_storage::disk::DirLock;
use millstream_storage::{
    Assembler, CheckpointWriter, Checkpointer, Disk, Keeper, LaneError, Objects, OpenError, Opened, Options,
    Prepared, Recovered, Recycled, Scrubber, Views, Writer,
};
use millstream_types::{EngineTime, WalPosition};
use std::collections::VecDeque;
use std::sync::Arc;

/// An engine that moves only when told to. Dropping it is a crash.
pub struct Steps {
    turns: Turns,
    taken: VecDeque<Submission>,
    /// Turns that brought something into ephemeral logs.
    held_changes: u64,
    gate: Gate,
    catalog: Catalog,
    views: Arc<Views>,
    assembler: Assembler,
    writer: Writer,
    keeper: Keeper,
    checkpointer: Checkpointer,
    checkpoint: Option<CheckpointWriter>,
    /// The walk over the images has not ended.
    walking: bool,
    upkeep: Upkeep,
    upkeep_stats: Arc<UpkeepStats>,
    /// Where the upkeep's replies go.
    inbox: Arc<Inbox>,
    mover: Mover,
    mover_stats: Arc<MoverStats>,
    /// Where the mover's replies go.
    mover_inbox: Arc<Inbox>,
    objects: Arc<Objects>,
    recovered: Recovered,
    _lock: Box<dyn DirLock>,
}

impl Steps {
    /// Recovers a data directory. `now` is the wall's time; engine time goes on from the log's if that is later.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was deleted, whatever was found.
    pub fn start(
        disk: Arc<dyn Disk>,
        storage: Options,
        options: &EngineOptions,
        seed: HashSeed,
        now: EngineTime,
    ) -> Result<Steps, OpenError> {
        let mut replayer = Replayer { restore: Restore::new(seed, options.shard) };
        let opened = millstream_storage::open(disk, storage, &mut replayer)?;
        let Opened {
            assembler,
            writer,
            ephemeral,
            views,
            keeper,
            checkpointer,
            objects,
            files,
            mut adoption,
            recovered,
            lock,
        } = opened;
        let now = now.max(recovered.last_time.unwrap_or_default());
        let mut shard = replayer.finish(now, assembler.next_position())?;
        shard.begin(recovered.incarnation);
        let next_object = shard.next_object();
        let catalog = Catalog::new(seed);
        for object in shard.objects() {
            adoption.object(object);
        }
        for entry in shard.stream_entries() {
            for log in entry.log_ids() {
                let (start, end) = shard.log_bounds(log).expect("a stream's logs exist");
                adoption.adopt(log, start, end)?;
            }
        }
        catalog.publish_all(&shard);
        adoption.finish()?;
        let scrubber = Scrubber::new(&keeper, &objects);
        let stored = Stored { objects: Arc::clone(&objects), files, scrubber, next_number: next_object };
        let upkeep_stats = Arc::default();
        let upkeep = Upkeep::new(options.upkeep, stored, Arc::clone(&upkeep_stats), seed, now);
        let mover_stats = Arc::default();
        Ok(Steps {
            mover: Mover::new(Arc::clone(&mover_stats)),
            mover_stats,
            mover_inbox: Arc::default(),
            upkeep,
            upkeep_stats,
            inbox: Arc::default(),
            objects,
            turns: Turns::new(shard, ephemeral),
            taken: VecDeque::new(),
            held_changes: 0,
            gate: Gate::new(assembler.next_position()),
            catalog,
            views,
            assembler,
            writer,
            keeper,
            checkpointer,
            checkpoint: None,
            walking: false,
            recovered,
            _lock: lock,
        })
    }

    /// Leaves a request for the next turn. Requests wait in order.
    pub fn submit(&mut self, submission: Submission) {
        self.taken.push_back(submission);
    }

    /// Requests that no turn has taken, for want of room.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.taken.len()
    }

    /// One turn of the shard: what is due, then what waits. Replies that wait for nothing leave at once.
    pub fn turn(&mut self, now: EngineTime) {
        let (mut waiting, mut released) = (Vec::new(), Released::default());
        self.assembler.relieve(now);
        self.turns.tick(now, &mut self.assembler, &mut waiting);
        self.turns.apply(now, &mut self.taken, &mut self.assembler, &mut waiting);
        self.gate.add(&mut waiting, &self.catalog, &mut released);
        released.let_go();
        self.held_changes += u64::from(self.turns.take_has_held());
    }

    /// One turn of the lane: writes what is assembled and lets go what waited for it.
    ///
    /// # Errors
    /// The lane is stopped; what waited was answered as indeterminate.
    pub fn write(&mut self) -> Result<(), LaneError> {
        let Some(group) = self.assembler.take_group() else { return Ok(()) };
        match self.writer.write(group) {
            Ok(durable) => {
                self.gate.open(durable.position, &self.catalog).let_go();
                Ok(())
            }
            Err(error) => self.fail(error),
        }
    }

    /// Syncs what interval durability has left.
    ///
    /// # Errors
    /// The lane is stopped.
    pub fn sync(&mut self) -> Result<(), LaneError> {
        match self.writer.sync() {
            Ok(_) => Ok(()),
            Err(error) => self.fail(error),
        }
    }

    /// Prepares one file ahead, if one is wanted.
    ///
    /// # Errors
    /// The lane is stopped.
    pub fn prepare(&mut self, now: EngineTime) -> Result<Prepared, LaneError> {
        match self.keeper.prepare_one(now) {
            Ok(prepared) => Ok(prepared),
            Err(error) => self.fail(error),
        }
    }

    /// Frees what the newest checkpoint does without.
    ///
    /// # Errors
    /// The lane is stopped.
    pub fn recycle(&mut self) -> Result<Recycled, LaneError> {
        match self.keeper.recycle() {
            Ok(recycled) => Ok(recycled),
            Err(error) => self.fail(error),
        }
    }

    /// One step of a checkpoint: begins it, walks on, or finishes it once the lane is durable that far. True when one
    /// was finished. One that cannot be written is given up, as the engine does.
    pub fn checkpoint(&mut self) -> bool {
        let Some(mut writer) = self.checkpoint.take() else {
            let position = self.turns.begin_checkpoint(&self.assembler);
            match self.checkpointer.begin(position) {
                Ok(writer) => (self.checkpoint, self.walking) = (Some(writer), true),
                Err(_) => self.turns.give_up_walk(),
            }
            return false;
        };
        if self.walking {
            let (stamp, chunks, ended) = self.turns.walk(&self.assembler).expect("a walk is under way");
            self.walking = !ended;
            if chunks.iter().any(|chunk| writer.add(stamp, chunk).is_err()) {
                self.turns.give_up_walk();
                return false;
            }
        }
        if self.walking || !writer.may_finish() {
            self.checkpoint = Some(writer);
            return false;
        }
        writer.finish().is_ok()
    }

    /// One step of retention, packing, compaction or of removing objects; its requests wait for the next turn. True when
    /// there is more to do at once.
    pub fn upkeep(&mut self, now: EngineTime) -> bool {
        for (tag, reply) in self.inbox.take() {
            self.upkeep.answer(tag, reply);
        }
        let world = World {
            now,
            catalog: &self.catalog,
            views: &self.views,
            written_to: self.writer.durable(),
            held: self.held_changes,
        };
        let mut requests = Vec::new();
        let next = self.upkeep.step(&world, &mut requests);
        for (tag, request) in requests {
            let sink = Arc::clone(&self.inbox) as Arc<dyn ReplySink>;
            self.submit(Submission { sink, tag, request, chain: None });
        }
        matches!(next, Next::More { .. })
    }

    /// One step of moving records into other streams; its request waits for the next turn. True when it made one.
    pub fn mover(&mut self, now: EngineTime) -> bool {
        for (tag, reply) in self.mover_inbox.take() {
            self.mover.answer(tag, reply, now);
        }
        let world = mover::World { now, catalog: &self.catalog, views: &self.views };
        let mut requests = Vec::new();
        self.mover.step(&world, &mut requests);
        let has_asked = !requests.is_empty();
        for (tag, request) in requests {
            let sink = Arc::clone(&self.mover_inbox) as Arc<dyn ReplySink>;
            self.submit(Submission { sink, tag, request, chain: None });
        }
        has_asked
    }

    /// What became of records that were to be moved into other streams, since the start.
    #[must_use]
    pub fn mover_totals(&self) -> MoverTotals {
        self.mover_stats.totals()
    }

    /// What keeping the data in shape has cost since the start.
    #[must_use]
    pub fn upkeep_totals(&self) -> UpkeepTotals {
        self.upkeep_stats.totals()
    }

    /// The packed objects.
    #[must_use]
    pub fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// Ends as a clean stop does: writes what is left and the closing frame.
    ///
    /// # Errors
    /// The lane is stopped.
    pub fn stop(self, now: EngineTime) -> Result<(), LaneError> {
        self.writer.close(self.assembler, now)
    }

    /// Everything durable that the shard knows, as a checkpoint would hold it: two shards are the same when these are.
    #[must_use]
    pub fn images(&self) -> Vec<Vec<u8>> {
        self.turns.images()
    }

    /// Where the next frame begins.
    #[must_use]
    pub fn position(&self) -> WalPosition {
        self.assembler.next_position()
    }

    /// What survives a power cut.
    #[must_use]
    pub fn durable(&self) -> WalPosition {
        self.writer.durable()
    }

    /// What recovery found.
    #[must_use]
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// The catalog of durable streams.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// All read views.
    #[must_use]
    pub fn views(&self) -> &Arc<Views> {
        &self.views
    }

    /// Answers everything under way as the engine does when storage has failed.
    fn fail<T>(&mut self, error: LaneError) -> Result<T, LaneError> {
        self.gate.fail().let_go();
        Err(error)
    }
}
