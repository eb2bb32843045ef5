//! The mover's thread: steps, and sleep until there is something to move.
//!
//! Apart because only this part waits. While nothing is to be moved its question lies with the shard and costs nothing.

use super::{Mover, World};
use crate::gate::ReplySink;
use crate::queue::Submission;
use crate::shared::Shared;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct MoverThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mover: Mover,
}

impl MoverThread {
    /// Runs until the inbox is closed. Moves at hand are given up: the next start hands them out again.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let inbox = &shared.mover;
        let mut replies = Vec::new();
        while !inbox.is_closed() {
            let now = shared.clock.now();
            for (tag, reply) in replies.drain(..).chain(inbox.take()) {
                self.mover.answer(tag, reply, now);
            }
            let world = World { now, catalog: &shared.catalog, views: &shared.views };
            let mut requests = Vec::new();
            let due = self.mover.step(&world, &mut requests);
            let submissions = requests.into_iter().map(|(tag, request)| Submission {
                sink: Arc::clone(inbox) as Arc<dyn ReplySink>,
                tag,
                request,
                chain: None,
            });
            shared.submit(submissions);
            let timeout = due.map(|due| Duration::from_millis(due.since_ms(now)));
            replies = inbox.wait(timeout, false, || false);
        }
    }
}
