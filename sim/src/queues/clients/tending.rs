//! What whoever looks after queues asks: how many messages there are, which, and that some be taken away.
//!
//! Apart because they are no consumers: they name messages by their places, and have no leases.

use millstream_core::Request;
use millstream_core::lease::{LeaseRequest, MoveTarget};
use millstream_testkit::checker::queue::{Event, Outcome, Placed, Span, Whole};
use millstream_testkit::sim_disk::Rng;
use millstream_types::Offset;

use super::{Clients, What};
use crate::queues::plan::LETTERS;

impl Clients {
    pub(in crate::queues) fn count(&mut self, queue: usize) -> (u64, Request) {
        let groups = vec![self.group(queue)];
        self.lease(What::Count(queue), LeaseRequest::Describe { groups })
    }

    pub(super) fn look(&mut self, rng: &mut Rng, queue: usize) -> (u64, Request) {
        let max = if rng.one_in(2) { 1_000 } else { 1 + rng.below(20) as u32 };
        let request = LeaseRequest::Peek { group: self.group(queue), from: None, max };
        self.lease(What::Look { queue }, request)
    }

    /// Takes messages away that were somewhere a moment ago; from the dead letters they are sent back.
    pub(super) fn act_by_place(&mut self, rng: &mut Rng) -> Option<(u64, Request)> {
        let reach = self.recent.len().min(8) as u64;
        let ((queue, ..), _) = *self.recent.iter().rev().nth(rng.below(reach.max(1)) as usize)?;
        let near = self.recent.iter().rev().filter(|((of, ..), _)| *of == queue).take(2).copied();
        let near: Vec<_> = near.collect();
        let records = near.iter().map(|((_, log, offset), _)| (*log, Offset(*offset))).collect();
        let messages: Vec<u64> = near.iter().map(|(_, message)| *message).collect();
        let settles = queue != LETTERS;
        let group = self.group(queue);
        let request = if settles {
            let now_us = self.now_us();
            for (place, _) in near {
                self.settled.entry(place).or_insert(now_us);
            }
            LeaseRequest::SettleRecords { group, records }
        } else {
            LeaseRequest::RedriveRecords { group, records, target: MoveTarget::Source }
        };
        Some(self.lease(What::Place { queue, messages, settles }, request))
    }

    /// Writes down how it ended.
    pub(super) fn placed(
        &mut self,
        queue: usize,
        messages: &[u64],
        settles: bool,
        at: Span,
        outcomes: &[Outcome],
    ) {
        for (&message, &outcome) in messages.iter().zip(outcomes) {
            self.history.events.push(Event::Placed(Placed { queue, message, at, settles, outcome }));
            if !settles && outcome != Outcome::Refused {
                self.history.events.push(Event::Redrive(Whole { queue, at, outcome }));
            }
        }
    }
}
