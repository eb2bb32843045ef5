//! The keeper's thread: prepares files ahead of need, writes checkpoints, recycles what is free.
//!
//! Apart because these block for long and nobody waits for them, except a full lane for its next file.

use crate::shared::Shared;
use millstream_storage::{CheckpointWriter, Checkpointer, Keeper, LaneError, Prepared};
use millstream_types::WalPosition;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long to wait before a full disk is looked at again, or a file is tried to be opened again.
const PREPARE_RETRY: Duration = Duration::from_millis(250);
/// How long a finished checkpoint waits between looks whether the lane is durable up to its stamps.
const DURABLE_RETRY: Duration = Duration::from_millis(5);

/// What the shard wants of the keeper.
pub(crate) enum Order {
    /// Begin a checkpoint of everything before this position.
    Begin(WalPosition),
    /// Add an image with its stamp.
    Image(WalPosition, Vec<u8>),
    /// The last image has been sent.
    Finish,
}

/// Where orders are left.
#[derive(Default)]
pub(crate) struct Door {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    nudged: bool,
    closed: bool,
}

impl Door {
    pub(crate) fn order(&self, order: Order) {
        self.state.lock().orders.push_back(order);
        self.moved.notify_one();
    }

    /// Orders not yet carried out.
    pub(crate) fn orders(&self) -> usize {
        self.state.lock().orders.len()
    }

    /// A group was written: there may be a file to prepare.
    pub(crate) fn nudge(&self) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.nudged, true) {
            self.moved.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.moved.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// The next order; `None` when there is something else to look at. Waits for one of them.
    fn next(&self, timeout: Option<Duration>) -> Option<Order> {
        let mut state = self.state.lock();
        if state.orders.is_empty() && !state.nudged && !state.closed {
            match timeout {
                None => self.moved.wait(&mut state),
                Some(timeout) => {
                    self.moved.wait_for(&mut state, timeout);
                }
            }
        }
        state.nudged = false;
        state.orders.pop_front()
    }
}

pub(crate) struct KeeperThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) keeper: Keeper,
    pub(crate) checkpointer: Checkpointer,
    /// The checkpoint being written; `None` as well when it was given up.
    pub(crate) writing: Option<CheckpointWriter>,
    /// A file could not be prepared for a reason that passes.
    pub(crate) tries_again: bool,
}

impl KeeperThread {
    /// Runs until the door is closed, or storage fails. Gives the checkpointer back for the final checkpoint.
    pub(crate) fn run(mut self) -> Option<(Keeper, Checkpointer)> {
        loop {
            // First thing as well: the engine serves while the first file ahead is being prepared.
            if let Err(error) = self.prepare() {
                self.shared.fail(&error);
                return None;
            }
            let retry = (self.tries_again || self.keeper.is_disk_full()).then_some(PREPARE_RETRY);
            let due =
                self.keeper.due().map(|due| Duration::from_millis(due.since_ms(self.shared.clock.now())));
            if !self.keeper.is_disk_full() {
                self.shared.room.wake_all();
            }
            let order = self.shared.keeper.next(retry.into_iter().chain(due).min());
            let idle = order.is_none();
            if let Some(order) = order {
                self.carry_out(order);
            }
            if idle && self.shared.keeper.is_closed() {
                return Some((self.keeper, self.checkpointer));
            }
        }
    }

    fn prepare(&mut self) -> Result<(), LaneError> {
        self.tries_again = false;
        while self.has_work() && !self.shared.keeper.is_closed() {
            let recycled = self.keeper.recycle()?;
            let prepared = self.keeper.prepare_one(self.shared.clock.now())?;
            self.tries_again = prepared == Prepared::Later;
            self.shared.disk_full.store(self.keeper.is_disk_full(), Ordering::SeqCst);
            if prepared == Prepared::Ready || recycled.spared > 0 {
                self.shared.bell.ring();
            }
            if matches!(prepared, Prepared::NoSpace | Prepared::Later) {
                // The shard has to look again: what waited for space is refused now.
                self.shared.bell.ring();
            }
            if prepared != Prepared::Ready {
                break;
            }
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        let is_due = |due| due <= self.shared.clock.now();
        self.keeper.wants_file() || self.keeper.due().is_some_and(is_due)
    }

    /// A checkpoint that cannot be written is given up: the one before still counts, the next one is tried anew.
    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Begin(at) => match self.checkpointer.begin(at) {
                Ok(writer) => self.writing = Some(writer),
                Err(error) => tracing::warn!(%error, "a checkpoint cannot be begun"),
            },
            Order::Image(stamp, image) => {
                if let Some(Err(error)) = self.writing.as_mut().map(|writer| writer.add(stamp, &image)) {
                    tracing::warn!(%error, "a checkpoint is given up");
                    self.writing = None;
                }
            }
            Order::Finish => {
                let Some(writer) = self.writing.take() else { return };
                while !writer.may_finish() {
                    if self.shared.has_failed() || self.shared.keeper.is_closed() {
                        return;
                    }
                    std::thread::sleep(DURABLE_RETRY);
                }
                if let Err(error) = writer.finish() {
                    tracing::warn!(%error, "a checkpoint is given up");
                }
                match self.keeper.recycle() {
                    Ok(_) => self.shared.bell.ring(),
                    Err(error) => self.shared.fail(&error),
                }
            }
        }
    }
}
