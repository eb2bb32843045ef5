//! The upkeep's thread: steps, pauses in between, sleep when there is nothing to do.
//!
//! Apart because only this part waits. Its pace is a number of bytes per second, read and written together: however much
//! there is to do, appends keep the rest of the disk and of the processor.

use super::{Next, Upkeep, World};
use crate::priority;
use crate::queue::Submission;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) struct UpkeepThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) upkeep: Upkeep,
}

impl UpkeepThread {
    /// Runs until the inbox is closed. A job at hand is given up: what it wrote is found and removed by the next start.
    pub(crate) fn run(mut self) {
        priority::lower();
        let shared = Arc::clone(&self.shared);
        let inbox = &shared.upkeep;
        let mut replies = Vec::new();
        while !inbox.is_closed() {
            for (tag, reply) in replies.drain(..).chain(inbox.take()) {
                self.upkeep.answer(tag, reply);
            }
            let world = World {
                now: shared.clock.now(),
                catalog: &shared.catalog,
                views: &shared.views,
                written_to: shared.lane.written_to(),
                held: shared.held_changes.load(Ordering::SeqCst),
            };
            let mut requests = Vec::new();
            let next = self.upkeep.step(&world, &mut requests);
            self.submit(requests);
            if self.upkeep.take_wants_checkpoint() {
                shared.checkpoint_wanted.store(true, Ordering::SeqCst);
                shared.bell.ring();
            }
            match next {
                Next::More { pause: Duration::ZERO } => {}
                Next::More { pause } => inbox.pause(pause),
                Next::Wait { due, until_written } => {
                    let timeout = due.map(|due| Duration::from_millis(due.since_ms(world.now)));
                    let has_moved = || {
                        until_written
                            && (shared.lane.written_to() != world.written_to
                                || shared.held_changes.load(Ordering::SeqCst) != world.held)
                    };
                    replies = inbox.wait(timeout, until_written, has_moved);
                }
            }
        }
    }

    fn submit(&self, requests: Vec<(u64, millstream_core::Request)>) {
        if requests.is_empty() {
            return;
        }
        let sink = &self.shared.upkeep;
        let submissions = requests.into_iter().map(|(tag, request)| Submission {
            sink: Arc::clone(sink) as Arc<dyn crate::gate::ReplySink>,
            tag,
            request,
            chain: None,
        });
        self.shared.leave(submissions);
    }
}
