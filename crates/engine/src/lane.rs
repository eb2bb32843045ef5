//! The lane's thread: takes what is assembled, writes it, opens the gate.
//!
//! Apart because it is the only thread that waits for the disk. While it writes one group, the next one gathers:
//! group commit without a timer.

use crate::shared::Shared;
use millstream_storage::{LaneError, Writer};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) struct LaneThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    /// How often to sync when frames count as done before they are synced.
    pub(crate) sync_interval: Option<Duration>,
}

impl LaneThread {
    /// Runs until the door is closed and nothing is left, or storage fails. Gives the writer back for closing.
    pub(crate) fn run(mut self) -> Option<Writer> {
        match self.write_all() {
            Ok(()) => Some(self.writer),
            Err(error) => {
                self.shared.fail(&error);
                None
            }
        }
    }

    fn write_all(&mut self) -> Result<(), LaneError> {
        let mut unsynced = false;
        loop {
            let group = {
                let mut door = self.shared.lane.assembler.lock();
                let mut group = door.as_mut().and_then(|assembler| assembler.take_group());
                if group.is_none() && !self.shared.lane.is_closing() {
                    self.shared.lane.sleep(&mut door, self.sync_interval.filter(|_| unsynced));
                    group = door.as_mut().and_then(|assembler| assembler.take_group());
                }
                group
            };
            match group {
                Some(group) => {
                    let durable = self.writer.write(group)?;
                    self.shared.lane.set_written(durable.position);
                    self.shared.upkeep.lane_moved();
                    self.shared.gate.open(durable.position, &self.shared.catalog).let_go();
                    if self.writer.wants_file() {
                        self.shared.keeper.nudge();
                    }
                    if self.shared.held.load(Ordering::SeqCst) {
                        self.shared.bell.ring();
                    }
                    unsynced = self.sync_interval.is_some();
                }
                None if unsynced => {
                    self.writer.sync()?;
                    unsynced = false;
                }
                None if self.shared.lane.is_closing() => return Ok(()),
                None => {}
            }
        }
    }
}
