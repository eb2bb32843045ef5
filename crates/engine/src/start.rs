//! Starting and stopping an engine, and the handle that everyone else has of it.
//!
//! Apart because order matters here: recover, adopt, publish the catalog, then run; on stopping refuse, drain, write
//! the last checkpoint, close the lane.

use crate::catalog::Catalog;
use crate::clock::EngineClock;
use crate::gate::{Gate, let_go};
use crate::keeper::KeeperThread;
use crate::lane::LaneThread;
use crate::mover::{Mover, MoverThread, MoverTotals};
use crate::options::EngineOptions;
use crate::queue::Submission;
use crate::replay::Replayer;
use crate::room::EphemeralMemory;
use crate::seat::Seat;
use crate::shard_thread;
use crate::shared::{Failure, Parts, Shared};
use crate::turns::Turns;
use crate::upkeep::{Stored, Upkeep, UpkeepThread, UpkeepTotals};
use millstream_core::Restore;
use millstream_core::hash::HashSeed;
use millstream_storage::disk::DirLock;
use millstream_storage::{
    Checkpointer, Disk, Durability, Keeper, LogView, Objects, OpenError, Opened, Options, Scrubber, Views,
    WalFiles, Writer,
};
use millstream_types::{EngineTime, LogId};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

/// Why an engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Storage refused; the error names file and offset where it can.
    #[error(transparent)]
    Storage(#[from] OpenError),
    /// The machine refused a thread.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// A running engine. Dropping it without [`Engine::stop`] is like a crash: everything acknowledged is kept.
pub struct Engine {
    shared: Arc<Shared>,
    shard: JoinHandle<()>,
    lane: JoinHandle<Option<Writer>>,
    keeper: JoinHandle<Option<(Keeper, Checkpointer)>>,
    upkeep: JoinHandle<()>,
    mover: JoinHandle<()>,
    /// Keeps every other process out of the directory.
    lock: Box<dyn DirLock>,
}

/// What fronts see of an engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Engine {
    /// Recovers a data directory and starts.
    ///
    /// # Errors
    /// [`StartError`]; nothing was deleted, whatever was found.
    pub fn start(
        disk: Arc<dyn Disk>,
        storage: Options,
        options: &EngineOptions,
        seed: HashSeed,
    ) -> Result<Engine, StartError> {
        let durability = storage.durability;
        let mut replayer = Replayer { restore: Restore::new(seed, options.shard) };
        let opened = millstream_storage::open(disk, storage, &mut replayer)?;
        let Opened {
            ephemeral,
            assembler,
            writer,
            views,
            keeper,
            checkpointer,
            objects,
            files,
            mut adoption,
            recovered,
            lock,
        } = opened;
        let clock = EngineClock::start(recovered.last_time.unwrap_or_default());
        let mut shard = replayer.finish(clock.now(), assembler.next_position())?;
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
        let next = assembler.next_position();
        // What was replayed counts: a broker that crashes before it has written a checkpoint's worth would never take
        // one, replay more at every start and free nothing.
        let seat = Seat::new(Turns::new(shard, ephemeral), options.checkpoint_bytes, recovered.replayed_from);
        let gate = Gate::new(next);
        let shared = Shared::new(Parts {
            directory: recovered.directory,
            gate,
            catalog,
            views,
            files,
            objects,
            clock,
            assembler,
            seat,
        });
        let sync_interval = match durability {
            Durability::Fsync => None,
            Durability::Interval(ms) => Some(Duration::from_millis(u64::from(ms))),
        };
        let lane = LaneThread { shared: shared.clone(), writer, sync_interval };
        let upkeep = UpkeepThread {
            upkeep: Upkeep::new(
                options.upkeep,
                Stored {
                    objects: shared.objects.clone(),
                    files: shared.files.clone(),
                    scrubber: Scrubber::new(&keeper, &shared.objects),
                    next_number: next_object,
                },
                shared.upkeep_stats.clone(),
                seed,
                shared.clock.now(),
            ),
            shared: shared.clone(),
        };
        let mover = MoverThread { mover: Mover::new(shared.mover_stats.clone()), shared: shared.clone() };
        let keeper =
            KeeperThread { shared: shared.clone(), keeper, checkpointer, writing: None, tries_again: false };
        Ok(Engine {
            shard: spawn("shard", {
                let shared = shared.clone();
                move || shard_thread::run(&shared)
            })?,
            lane: spawn("lane", || lane.run())?,
            keeper: spawn("keeper", || keeper.run())?,
            upkeep: spawn("upkeep", || upkeep.run())?,
            mover: spawn("mover", || mover.run())?,
            shared,
            lock,
        })
    }

    /// A handle for fronts.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: self.shared.clone() }
    }

    /// Stops: takes no more requests, applies and writes those that were taken, refuses those that would wait, writes
    /// a checkpoint and the closing frame. Blocks until done.
    ///
    /// # Errors
    /// When storage has failed, before or now; everything acknowledged is kept all the same.
    pub fn stop(self) -> Result<(), Failure> {
        let Engine { shared, shard, lane, keeper, upkeep, mover, lock } = self;
        shared.upkeep.close();
        shared.mover.close();
        join(upkeep);
        join(mover);
        shared.queue.close();
        shared.bell.ring();
        join(shard);
        shared.lane.close();
        let writer = join(lane);
        shared.keeper.close();
        let kept = join(keeper);
        let turns = &mut shared.seat.lock().turns;
        let_go(turns.refuse_parked());
        let (Some(writer), Some((mut keeper, checkpointer))) = (writer, kept) else {
            return Err(shared.poll_failure(Waker::noop()).unwrap_or_else(|| "a thread ended early".into()));
        };
        keeper.write_footers();
        let assembler = shared.lane.assembler.lock().take().expect("the assembler is taken once, here");
        if let Err(error) = final_checkpoint(turns, &assembler, checkpointer) {
            tracing::warn!(%error, "the last checkpoint could not be written; the next start reads more");
        }
        let closed = writer.close(assembler, shared.clock.now()).map_err(|error| error.to_string().into());
        drop(lock);
        closed
    }
}

/// Everything is written and nobody is served: the walk goes through in one.
fn final_checkpoint(
    turns: &mut Turns,
    assembler: &millstream_storage::Assembler,
    mut checkpointer: Checkpointer,
) -> Result<(), millstream_storage::CheckpointError> {
    turns.give_up_walk();
    let mut writer = checkpointer.begin(turns.begin_checkpoint(assembler))?;
    while let Some((stamp, chunks, ended)) = turns.walk(assembler) {
        for chunk in chunks {
            writer.add(stamp, &chunk)?;
        }
        if ended {
            break;
        }
    }
    writer.finish().map(|_| ())
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let run = || {
        let guard = AbortOnPanic;
        let value = run();
        std::mem::forget(guard);
        value
    };
    std::thread::Builder::new().name(name.into()).spawn(run).map_err(StartError::Thread)
}

/// A panic in one of the engine's threads is a broken invariant of the state machine or the storage. Nothing may be
/// promised after it, so the process ends as in a crash; what was acknowledged is on the disk.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A registered waker: dropping this unregisters it.
#[must_use = "dropping it ends the watch"]
pub struct RoomGuard {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for RoomGuard {
    fn drop(&mut self) {
        self.shared.room.remove(self.number);
    }
}

impl std::fmt::Debug for RoomGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomGuard").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Handle {
    /// Hands requests to the shard, in order. Every one gets exactly one reply; when the engine stops or has stopped
    /// that is `ShuttingDown`.
    pub fn submit(&self, submissions: impl Iterator<Item = Submission>) {
        self.shared.submit(submissions);
    }

    /// Wakes `waker` once when appends that were refused for lack of room, on the disk or in memory, may find some. Whoever looks
    /// after registering misses nothing.
    pub fn watch_room(&self, waker: &Waker) -> RoomGuard {
        RoomGuard { shared: self.shared.clone(), number: self.shared.room.add(waker) }
    }

    /// What ephemeral logs hold.
    #[must_use]
    pub fn ephemeral_memory(&self) -> EphemeralMemory {
        self.shared.memory.load()
    }

    /// What keeping the data in shape has cost since the start.
    #[must_use]
    pub fn upkeep(&self) -> UpkeepTotals {
        self.shared.upkeep_stats.totals()
    }

    /// What became of records that were to be moved into other streams, since the start.
    #[must_use]
    pub fn mover(&self) -> MoverTotals {
        self.shared.mover_stats.totals()
    }

    /// The files of the data directory.
    #[must_use]
    pub fn files(&self) -> &WalFiles {
        &self.shared.files
    }

    /// The packed objects.
    #[must_use]
    pub fn objects(&self) -> &Arc<Objects> {
        &self.shared.objects
    }

    /// The catalog of durable streams.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.shared.catalog
    }

    /// A log's read view.
    #[must_use]
    pub fn view(&self, log: LogId) -> Option<Arc<LogView>> {
        self.shared.views.get(log)
    }

    /// All read views.
    #[must_use]
    pub fn views(&self) -> &Arc<Views> {
        &self.shared.views
    }

    /// The data directory's id: random, drawn when it was made.
    #[must_use]
    pub fn directory_id(&self) -> u128 {
        self.shared.directory
    }

    /// Engine time.
    #[must_use]
    pub fn now(&self) -> EngineTime {
        self.shared.clock.now()
    }

    /// Engine time, and microseconds of the monotonic clock since the start.
    #[must_use]
    pub fn now_and_micros(&self) -> (EngineTime, u64) {
        self.shared.clock.now_and_micros()
    }

    /// Ready when storage has failed.
    pub fn poll_failure(&self, cx: &Context<'_>) -> Poll<Failure> {
        self.shared.poll_failure(cx.waker()).map_or(Poll::Pending, Poll::Ready)
    }
}
