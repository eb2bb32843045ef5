//! What the engine's threads and handles share.
//!
//! Apart so that each thread's file shows only its own loop.

use crate::catalog::Catalog;
use crate::clock::EngineClock;
use crate::gate::{Gate, let_go};
use crate::mover::MoverStats;
use crate::queue::Submission;
use crate::queue::{Bell, Queue};
use crate::room::{Room, SharedMemory};
use crate::seat::Seat;
use crate::upkeep::{Inbox, UpkeepStats};
use millstream_storage::{Assembler, Objects, Views, WalFiles};
use millstream_types::WalPosition;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::task::Waker;

/// Why the engine stopped by itself.
pub type Failure = Arc<str>;

pub(crate) struct Shared {
    /// The data directory's id.
    pub(crate) directory: u128,
    pub(crate) queue: Queue,
    /// Wakes the shard's thread.
    pub(crate) bell: Bell,
    pub(crate) seat: Mutex<Seat>,
    /// Requests were taken that wait for room.
    pub(crate) held: AtomicBool,
    /// How many turns have brought something into ephemeral logs.
    pub(crate) held_changes: AtomicU64,
    /// The keeper found no room for another file.
    pub(crate) disk_full: AtomicBool,
    /// What ephemeral logs hold.
    pub(crate) memory: SharedMemory,
    /// Who waits for room on the disk or in that memory.
    pub(crate) room: Room,
    /// WAL files in which nothing lives wait for a checkpoint.
    pub(crate) checkpoint_wanted: AtomicBool,
    /// Engine time in milliseconds until which the shard's thread sleeps, unless the bell rings.
    pub(crate) shard_sleeps_until: AtomicI64,
    pub(crate) gate: Gate,
    pub(crate) catalog: Catalog,
    pub(crate) views: Arc<Views>,
    pub(crate) clock: EngineClock,
    pub(crate) lane: LaneDoor,
    pub(crate) keeper: crate::keeper::Door,
    pub(crate) files: WalFiles,
    pub(crate) objects: Arc<Objects>,
    /// Where the upkeep waits.
    pub(crate) upkeep: Arc<Inbox>,
    pub(crate) upkeep_stats: Arc<UpkeepStats>,
    /// Where the mover waits.
    pub(crate) mover: Arc<Inbox>,
    pub(crate) mover_stats: Arc<MoverStats>,
    failure: Mutex<FailureState>,
}

/// What a start has put together.
pub(crate) struct Parts {
    pub(crate) directory: u128,
    pub(crate) gate: Gate,
    pub(crate) catalog: Catalog,
    pub(crate) views: Arc<Views>,
    pub(crate) files: WalFiles,
    pub(crate) objects: Arc<Objects>,
    pub(crate) clock: EngineClock,
    pub(crate) assembler: Assembler,
    pub(crate) seat: Seat,
}

#[derive(Default)]
struct FailureState {
    failure: Option<Failure>,
    waiting: Vec<Waker>,
}

/// Where the shard leaves frames and the lane finds them.
pub(crate) struct LaneDoor {
    pub(crate) assembler: Mutex<Option<Assembler>>,
    /// There is something to write.
    filled: Condvar,
    /// The lane sleeps: whoever fills has to wake it.
    asleep: AtomicBool,
    closing: AtomicBool,
    /// Position after what was written last.
    written_to: AtomicU64,
}

impl LaneDoor {
    pub(crate) fn new(assembler: Assembler) -> LaneDoor {
        LaneDoor {
            assembler: Mutex::new(Some(assembler)),
            filled: Condvar::new(),
            asleep: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            written_to: AtomicU64::new(0),
        }
    }

    /// Wakes the lane if it sleeps. Called after the assembler's lock is released.
    pub(crate) fn ring(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            // Taking the lock orders this wake after the lane's decision to sleep.
            drop(self.assembler.lock());
            self.filled.notify_one();
        }
    }

    /// The lane has written everything up to here.
    pub(crate) fn set_written(&self, to: WalPosition) {
        self.written_to.store(to.0, Ordering::SeqCst);
    }

    /// Position after what this process wrote last; zero before.
    pub(crate) fn written_to(&self) -> WalPosition {
        WalPosition(self.written_to.load(Ordering::SeqCst))
    }

    /// No more frames will come.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        drop(self.assembler.lock());
        self.filled.notify_one();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Waits, under the assembler's lock, for frames.
    pub(crate) fn sleep(
        &self,
        assembler: &mut parking_lot::MutexGuard<'_, Option<Assembler>>,
        timeout: Option<std::time::Duration>,
    ) {
        self.asleep.store(true, Ordering::SeqCst);
        match timeout {
            None => self.filled.wait(assembler),
            Some(timeout) => {
                self.filled.wait_for(assembler, timeout);
            }
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    /// Hands requests to the shard, in order; when the queue is closed each is refused.
    pub(crate) fn submit(&self, submissions: impl Iterator<Item = Submission>) {
        if let Err(refused) = self.queue.push(submissions) {
            return let_go(refused.into_iter().map(Submission::refuse));
        }
        self.run_if_free();
    }

    /// Hands requests to the shard's thread, in order: for threads that must not sit in the seat.
    pub(crate) fn leave(&self, submissions: impl Iterator<Item = Submission>) {
        match self.queue.push(submissions) {
            Ok(()) => self.bell.ring(),
            Err(refused) => let_go(refused.into_iter().map(Submission::refuse)),
        }
    }

    pub(crate) fn new(parts: Parts) -> Arc<Shared> {
        let Parts { directory, gate, catalog, views, files, objects, clock, assembler, seat } = parts;
        Arc::new(Shared {
            directory,
            queue: Queue::default(),
            bell: Bell::default(),
            seat: Mutex::new(seat),
            held: AtomicBool::new(false),
            held_changes: AtomicU64::new(0),
            disk_full: AtomicBool::new(false),
            memory: SharedMemory::default(),
            room: Room::default(),
            checkpoint_wanted: AtomicBool::new(false),
            shard_sleeps_until: AtomicI64::new(i64::MIN),
            gate,
            catalog,
            views,
            clock,
            lane: LaneDoor::new(assembler),
            keeper: crate::keeper::Door::default(),
            files,
            objects,
            upkeep: Arc::default(),
            upkeep_stats: Arc::default(),
            mover: Arc::default(),
            mover_stats: Arc::default(),
            failure: Mutex::new(FailureState::default()),
        })
    }

    /// Stops everything: storage has failed and nothing may be promised any more.
    pub(crate) fn fail(&self, why: &dyn std::fmt::Display) {
        let waiting = {
            let mut state = self.failure.lock();
            if state.failure.is_none() {
                tracing::error!(%why, "storage has failed; nothing is acknowledged from here on");
                state.failure = Some(why.to_string().into());
            }
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        self.gate.fail().let_go();
        self.queue.close();
        self.bell.ring();
        self.lane.close();
        self.keeper.close();
        self.upkeep.close();
        self.mover.close();
    }

    /// Why the engine has failed, or registers to be told.
    pub(crate) fn poll_failure(&self, waker: &Waker) -> Option<Failure> {
        let mut state = self.failure.lock();
        if state.failure.is_none() {
            state.waiting.retain(|waiting| !waiting.will_wake(waker));
            state.waiting.push(waker.clone());
        }
        state.failure.clone()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.lock().failure.is_some()
    }
}
