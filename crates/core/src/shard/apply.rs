//! One request, decided: the dispatch from [`Request`] to the module that owns it.
//!
//! Apart because it is the table of contents of the core.

use crate::catalog;
use crate::cursor;
use crate::effect::{Effects, Ticket};
use crate::entry::Entry;
use crate::lease;
use crate::log;
use crate::object;
use crate::request::{Reply, Request};
use crate::route;
use crate::shard::{Shard, Turn};
use crate::transact;
use millstream_types::{EngineTime, ProducerEpoch};

/// Logs of deleted streams, and producers and batches in them, that one turn drops: an eighth of a microsecond each.
const TRASH_PER_TURN: usize = 1024;

impl Shard {
    /// Decides one request and adds what it wants done to `effects`, which the caller has cleared since the last
    /// frame it wrote. Every request gets exactly one reply under its ticket, now or in a later turn.
    pub fn apply(&mut self, turn: Turn, ticket: Ticket, request: Request, effects: &mut Effects) {
        match request {
            Request::Append(batches) => log::append(self, turn, ticket, batches, effects),
            Request::CreateStream(create) => catalog::create(self, turn, ticket, *create, effects),
            Request::DeleteStream { stream } => catalog::delete(self, turn, ticket, stream, effects),
            Request::AddLogs { stream, logs } => {
                catalog::add_logs(self, turn, ticket, stream, logs, effects);
            }
            Request::AlterStream { stream, changes } => {
                catalog::alter(self, turn, ticket, stream, &changes, effects);
            }
            Request::CreateNamespace(create) => {
                catalog::create_namespace(self, turn, ticket, *create, effects);
            }
            Request::AlterNamespace { namespace, changes } => {
                catalog::alter_namespace(self, turn, ticket, namespace, changes, effects);
            }
            Request::DeleteNamespace { namespace } => {
                catalog::delete_namespace(self, turn, ticket, namespace, effects);
            }
            Request::TrimLogs(trims) => log::trim(self, turn, ticket, trims, effects),
            Request::AllocateProducer => {
                let id = self.counters.next_producer;
                self.record(turn, Entry::ProducerAllocated { id }, effects);
                let reply = Reply::Producer { id, epoch: ProducerEpoch(0) };
                effects.reply_after(ticket, turn.position, reply);
            }
            Request::CommitObject(entry) => object::commit(self, turn, ticket, *entry, effects),
            Request::DropObjects(objects) => object::drop_objects(self, turn, ticket, objects, effects),
            Request::Group(request) => cursor::apply(self, turn, ticket, *request, effects),
            Request::Lease(request) => lease::apply(self, turn, ticket, *request, effects),
            Request::Route(request) => route::apply(self, turn, ticket, *request, effects),
            Request::Transact(request) => transact::apply(self, turn, ticket, *request, effects),
        }
        self.close_turn(turn, effects);
    }

    /// A turn that writes no frame reveals nothing that has to wait for one: what it changed is in memory only.
    fn close_turn(&self, turn: Turn, effects: &mut Effects) {
        if effects.has_frame() {
            return;
        }
        let after = self.catalog_after();
        for reply in effects.replies.iter_mut().filter(|reply| reply.after == Some(turn.position)) {
            reply.after = Some(after);
        }
    }

    /// Does what has become due: timers, a slice of each unfinished long work. Bounded; [`Shard::next_deadline`] says
    /// when to call again.
    pub fn tick(&mut self, turn: Turn, effects: &mut Effects) {
        self.sweep_trash();
        self.objects.sweep();
        catalog::tick_doom(self, turn, effects);
        cursor::tick(self, turn, effects);
        lease::tick(self, turn, effects);
        route::tick(self, turn, effects);
        self.close_turn(turn, effects);
    }

    fn sweep_trash(&mut self) {
        let mut steps = TRASH_PER_TURN;
        while steps > 0
            && let Some(log) = self.trash.last_mut()
        {
            steps -= log.producers.drop_some(steps);
            let (freed, batches) = log.held.drop_some(steps);
            self.ephemeral_bytes -= freed;
            steps -= batches;
            if steps > 0 {
                self.trash.pop();
                steps -= 1;
            }
        }
        while steps > 0
            && let Some(log) = self.overhanging.first().copied()
        {
            let trimmed = self.log_mut(log).map(|state| state.held.trim(state.start, steps));
            let (freed, batches) = trimmed.unwrap_or_default();
            self.ephemeral_bytes -= freed;
            steps -= batches;
            if steps > 0 {
                self.overhanging.remove(&log);
                steps -= 1;
            }
        }
    }

    /// Bytes of entries that [`Shard::tick`] makes at this time at most: some kilobytes, or the roster of the group whose
    /// timer is the first.
    #[must_use]
    pub fn tick_entries_bytes(&self, now: EngineTime) -> usize {
        self.groups.tick_entries_bytes(now) + lease::TICK_BYTES + route::FREE_BYTES + catalog::DOOM_TICK_BYTES
    }

    /// When [`Shard::tick`] has something to do next; a time that has passed means at once.
    #[must_use]
    pub fn next_deadline(&self) -> Option<EngineTime> {
        let is_done = self.trash.is_empty()
            && self.overhanging.is_empty()
            && self.objects.has_swept()
            && self.routes.has_freed()
            && !catalog::is_doom_due(self);
        if !is_done {
            return Some(EngineTime(i64::MIN));
        }
        [self.groups.next_deadline(), self.leases.next_deadline()].into_iter().flatten().min()
    }
}
