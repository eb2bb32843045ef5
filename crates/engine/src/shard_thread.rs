//! The shard's thread: waits for requests and time, runs turns.
//!
//! Apart from the turns themselves because only this part waits.

use crate::gate::{Waiting, let_go};
use crate::keeper::Order;
use crate::options::IMAGES_UNDER_WAY_MAX;
use crate::queue::{Submission, Woken};
use crate::shared::Shared;
use crate::turns::{Pause, Turns};
use millstream_types::WalPosition;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct ShardThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) turns: Turns,
    /// Bytes of write-ahead log between checkpoints.
    pub(crate) checkpoint_bytes: u64,
    /// Where the last checkpoint began.
    pub(crate) checkpointed: WalPosition,
    /// A checkpoint is being written.
    pub(crate) walking: bool,
}

impl ShardThread {
    /// Runs until the queue is closed and empty, or storage fails. Gives the turns back for the final checkpoint.
    pub(crate) fn run(mut self) -> Turns {
        let mut taken: VecDeque<Submission> = VecDeque::new();
        let mut released = Vec::new();
        let mut pause = Pause::Drained;
        loop {
            let timeout = self.timeout(pause);
            // New requests wait behind those for which there is no room.
            let held = !taken.is_empty();
            if self.shared.queue.wait(&mut taken, held, timeout) == Woken::Closed || self.shared.has_failed()
            {
                break;
            }
            pause = self.turn(&mut taken, &mut released);
        }
        // Left over only when storage has failed: these were never decided.
        let_go(taken.into_iter().map(Submission::refuse), &self.shared.catalog);
        self.turns
    }

    /// How long to wait at most: not at all when there is work, until the next deadline otherwise.
    fn timeout(&self, pause: Pause) -> Option<Duration> {
        match pause {
            Pause::Enough => Some(Duration::ZERO),
            // Whoever makes room nudges the queue; the second look costs nothing if that should ever be missed.
            Pause::NoRoom => Some(Duration::from_millis(100)),
            Pause::Drained if self.walking => Some(Duration::from_millis(1)),
            Pause::Drained => self
                .turns
                .next_deadline()
                .map(|due| Duration::from_millis(due.since_ms(self.shared.clock.now()))),
        }
    }

    fn turn(
        &mut self,
        taken: &mut VecDeque<Submission>,
        released: &mut Vec<(WalPosition, Waiting)>,
    ) -> Pause {
        let now = self.shared.clock.now();
        let pause = {
            let shared = self.shared.clone();
            let mut door = shared.lane.assembler.lock();
            let Some(assembler) = door.as_mut() else { return Pause::Drained };
            let ticked = self.turns.tick(now, assembler, released);
            let applied = self.turns.apply(now, taken, assembler, released);
            let next = assembler.next_position();
            if !self.walking && next.0 - self.checkpointed.0 >= self.checkpoint_bytes {
                self.checkpointed = self.turns.begin_checkpoint(assembler);
                self.walking = true;
                self.shared.keeper.order(Order::Begin(self.checkpointed));
            } else if self.walking && self.shared.keeper.orders() < IMAGES_UNDER_WAY_MAX {
                self.walk(assembler);
            }
            // Before the lane can open the gate for these frames, their replies must be in it.
            self.shared.gate.add(released);
            if applied == Pause::Drained { ticked } else { applied }
        };
        self.shared.lane.ring();
        let_go(released.drain(..).map(|(_, waiting)| waiting), &self.shared.catalog);
        pause
    }

    fn walk(&mut self, assembler: &millstream_storage::Assembler) {
        let (stamp, chunks, ended) = self.turns.walk(assembler).expect("a walk is under way");
        for chunk in chunks {
            self.shared.keeper.order(Order::Image(stamp, chunk));
        }
        if ended {
            self.shared.keeper.order(Order::Finish);
            self.walking = false;
        }
    }
}
