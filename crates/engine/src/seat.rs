//! The shard's seat: whoever sits in it runs turns, one at a time.
//!
//! Apart because two kinds of threads take it. A session's thread that submits requests takes the seat if it is free
//! and applies them at once: a hand-over to another thread costs more than the decision itself. The shard's own thread
//! takes it for everything that nobody submits: deadlines, checkpoints, requests that wait for room.

use crate::gate::{Addressed, Released, Waiting};
use crate::keeper::Order;
use crate::options::{IMAGES_UNDER_WAY_MAX, TURNS_PER_CALLER};
use crate::queue::Submission;
use crate::shared::Shared;
use crate::turns::{Pause, Turns};
use millstream_storage::Assembler;
use millstream_types::{EngineTime, WalPosition};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;

pub(crate) struct Seat {
    pub(crate) turns: Turns,
    /// Requests taken from the queue, in order. What is left here after a turn waits for room.
    taken: VecDeque<Submission>,
    /// What turns bring, on its way to the gate.
    waiting: Vec<(WalPosition, Waiting)>,
    /// Bytes of write-ahead log between checkpoints.
    checkpoint_bytes: u64,
    /// Where the last checkpoint began.
    checkpointed: WalPosition,
    /// A checkpoint is being written.
    walking: bool,
}

/// What a turn left behind.
pub(crate) struct Left {
    pub(crate) pause: Pause,
    /// When something becomes due; a checkpoint under way is due at once.
    pub(crate) due: Option<EngineTime>,
}

impl Seat {
    pub(crate) fn new(turns: Turns, checkpoint_bytes: u64, checkpointed: WalPosition) -> Seat {
        Seat {
            turns,
            taken: VecDeque::new(),
            waiting: Vec::new(),
            checkpoint_bytes,
            checkpointed,
            walking: false,
        }
    }

    /// Runs one turn. What it released without a wait is left for the caller to let go, outside the seat.
    fn turn(&mut self, shared: &Shared) -> (Left, Released) {
        let now = shared.clock.now();
        // New requests wait behind those for which there was no room.
        if self.taken.is_empty() {
            shared.queue.take(&mut self.taken);
        }
        let mut released = Released::default();
        let (pause, has_frames) = {
            let mut door = shared.lane.assembler.lock();
            let Some(assembler) = door.as_mut() else {
                return (Left { pause: Pause::Drained, due: None }, Released::default());
            };
            assembler.relieve(now);
            let ticked = self.turns.tick(now, assembler, &mut self.waiting);
            let applied = self.turns.apply(now, &mut self.taken, assembler, &mut self.waiting);
            self.checkpoint(shared, assembler);
            // Before the lane can open the gate for these frames, their replies must be in it.
            shared.gate.add(&mut self.waiting, &shared.catalog, &mut released);
            (if applied == Pause::Drained { ticked } else { applied }, assembler.has_frames())
        };
        shared.held.store(!self.taken.is_empty(), Ordering::SeqCst);
        if self.turns.take_has_held() {
            shared.held_changes.fetch_add(1, Ordering::SeqCst);
            shared.upkeep.lane_moved();
        }
        if shared.memory.show(self.turns.memory()) {
            shared.room.wake_all();
        }
        // What is in memory only leaves the lane asleep.
        if has_frames {
            shared.lane.ring();
        }
        let due = if self.walking { Some(now) } else { self.turns.next_deadline() };
        (Left { pause, due }, released)
    }

    /// Begins a checkpoint when it is time, or goes on with the one under way.
    fn checkpoint(&mut self, shared: &Shared, assembler: &Assembler) {
        let next = assembler.next_position();
        if !self.walking {
            // A checkpoint is what frees the files that a trim has emptied: on a full disk, and where they are much,
            // however little was written.
            let is_wanted = shared.checkpoint_wanted.swap(false, Ordering::SeqCst);
            let frees = is_wanted || shared.disk_full.load(Ordering::SeqCst);
            let worth = if frees { 1 } else { self.checkpoint_bytes };
            if next.0 - self.checkpointed.0 >= worth {
                self.checkpointed = self.turns.begin_checkpoint(assembler);
                self.walking = true;
                shared.keeper.order(Order::Begin(self.checkpointed));
            }
        } else if shared.keeper.orders() < IMAGES_UNDER_WAY_MAX {
            let (stamp, chunks, ended) = self.turns.walk(assembler).expect("a walk is under way");
            for chunk in chunks {
                shared.keeper.order(Order::Image(stamp, chunk));
            }
            if ended {
                shared.keeper.order(Order::Finish);
                self.walking = false;
            }
        }
    }

    /// Requests that were taken and never decided, when storage has failed.
    pub(crate) fn take_undecided(&mut self) -> impl Iterator<Item = Addressed> {
        std::mem::take(&mut self.taken).into_iter().map(Submission::refuse)
    }
}

impl Shared {
    /// After a push: runs turns on the caller's thread, unless somebody else is at it. That one looks at the queue again
    /// after leaving the seat, so nothing is left lying.
    pub(crate) fn run_if_free(&self) {
        for _ in 0..TURNS_PER_CALLER {
            let Some(mut seat) = self.seat.try_lock() else { return };
            let (left, released) = seat.turn(self);
            drop(seat);
            released.let_go();
            let sleeps_longer = |due: EngineTime| due.0 < self.shard_sleeps_until.load(Ordering::SeqCst);
            if left.pause == Pause::NoRoom || left.due.is_some_and(sleeps_longer) {
                self.bell.ring();
            }
            if left.pause != Pause::Enough && self.queue.is_empty() || left.pause == Pause::NoRoom {
                return;
            }
        }
        // Enough of other sessions' work for one caller.
        self.bell.ring();
    }

    /// A turn of the shard's thread, which waits for the seat.
    pub(crate) fn run(&self) -> Left {
        let (left, released) = self.seat.lock().turn(self);
        released.let_go();
        left
    }
}
