//! The end: everything is healed, and all queues are emptied.
//!
//! Apart because it is what makes a loss visible: whatever was promised has to be found now, or to have been accounted for.

use anyhow::{Result, bail, ensure};
use millstream_core::lease::{LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_engine::Submission;
use millstream_testkit::sim_disk::Faults;

use super::plan::{LETTERS, NAMED};
use super::{Live, STEPS_MAX, World};

/// Time that passes in each round.
const ROUND_MS: u64 = 700;
/// Now and then so much, for what the mover has put off for long.
const LONG_MS: u64 = 3_700_000;
/// One round in so many is long.
const LONG_ONE_IN: usize = 12;
/// How long what is taken out is out.
const LEASE_MS: u64 = 60_000;

impl World {
    /// Empties all queues; an error when they do not become empty.
    pub(super) fn drain(&mut self) -> Result<()> {
        self.faults = Faults::none(u64::MAX);
        self.disk.set_faults(self.faults);
        self.disk.crash_at(None);
        self.disk.crash_after_names(None);
        let mut live = self.start()?;
        self.end_redrives(&mut live)?;
        if self.clients.routes.is_some() {
            // Leases that only their holders end: everything comes again.
            let (tag, request) = self.clients.replay(NAMED);
            self.ask(&mut live, tag, request)?;
            self.settle_down(&mut live)?;
        }
        for round in 1..=STEPS_MAX {
            self.pass(if round.is_multiple_of(LONG_ONE_IN) { LONG_MS } else { ROUND_MS });
            for _ in 0..3 {
                live.steps.mover(self.now);
                self.settle_down(&mut live)?;
            }
            for queue in 0..self.clients.streams.len() {
                self.pass(1);
                let (tag, request) = self.clients.take(queue, 50, LEASE_MS);
                self.ask(&mut live, tag, request)?;
                self.settle_down(&mut live)?;
                for (tag, request) in self.clients.ack_all() {
                    self.ask(&mut live, tag, request)?;
                }
                self.settle_down(&mut live)?;
            }
            let mut left = 0;
            for queue in 0..self.clients.streams.len() {
                let (tag, request) = self.clients.count(queue);
                live.steps.submit(Submission { sink: live.answers.clone(), tag, request, chain: None });
                live.steps.turn(self.now);
                live.steps.write()?;
                left += self.hear(&mut live)?;
            }
            if left == 0 {
                ensure!(!self.clients.is_waiting(), "a request was never answered");
                self.clients.history.is_drained = true;
                return Ok(());
            }
        }
        bail!("the queues do not become empty")
    }

    fn settle_down(&mut self, live: &mut Live) -> Result<()> {
        for _ in 0..3 {
            self.turn(live)?;
            live.steps.write()?;
            self.hear(live)?;
            live.steps.prepare(self.now)?;
        }
        Ok(())
    }

    /// What is sent back again and again would never be gone.
    fn end_redrives(&mut self, live: &mut Live) -> Result<()> {
        let group = self.clients.group(LETTERS);
        let list = Request::Lease(Box::new(LeaseRequest::Redrives { group }));
        let reply = self.answered(live, list)?;
        let Reply::Lease(reply) = reply else { bail!("redrives are not listed: {reply:?}") };
        let LeaseReply::Redrives(redrives) = *reply else { bail!("redrives are not listed: {reply:?}") };
        for number in redrives.iter().map(|redrive| redrive.number) {
            let cancel = Request::Lease(Box::new(LeaseRequest::CancelRedrive { group, number }));
            self.answered(live, cancel)?;
        }
        Ok(())
    }
}
