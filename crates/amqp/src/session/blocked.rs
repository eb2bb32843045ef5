//! Publishing while the disk or memory is full: the connection is not read, and nothing of it is lost.
//!
//! Apart because it is RabbitMQ's alarm: whoever publishes waits (and is told so, if it understands that), whoever only
//! consumes goes on. Nothing is lost and nothing is confirmed that is not stored. Nobody is blocked before it publishes.
//!
//! What was refused because the disk is full, or the memory of queues that are in memory only, is kept in its order and tried again
//! when the broker says that there is room. All appends of
//! a connection hang on one [`Chain`]: behind one that was refused all others are refused as well, so that none can be stored
//! before it. They are tried on a new chain once the last of them has come back. A commit that finds no room waits
//! with its channel for the same moment.
//!
//! Of the memory for requests nothing is refused: what has arrived goes its way, and so makes room for others. A connection is not blocked
//! in the middle of a message, nor in a transaction: what those hold is given back only when the client goes on.

use super::connection::Connection;
use super::pending::Pending;
use super::publish::Appending;
use crate::codec::Method;
use crate::errors::Fault;
use crate::step::Lack;
use millstream_core::Request;
use millstream_front::{Action, Authorized, Bell, Grant, WatchGuard};
use millstream_types::Chain;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// What RabbitMQ says of a full disk.
const DISK: &str = "low on disk";
/// What RabbitMQ says when its memory is short.
const MEMORY: &str = "low on memory";

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Blocked {
    /// What all appends hang on.
    chain: Chain,
    /// Appends that were not answered yet.
    under_way: usize,
    /// Something was refused that is not stored yet.
    is_full: bool,
    /// Some of it because queues in memory hold too much.
    lacks_memory: bool,
    /// Appends that were refused, by their order.
    appends: BTreeMap<u64, Appending>,
    /// Channels with an operation that waits for room.
    operations: BTreeSet<u16>,
    /// Room is waited for.
    room: Option<WatchGuard>,
    /// Memory is.
    relief: Option<WatchGuard>,
}

/// Rings a session's bell.
struct Ring(Arc<dyn Bell>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

impl Connection {
    /// Forgets what waits: nobody is there any more to whom anything was promised.
    pub(crate) fn forget_blocked(&mut self) {
        let under_way = self.blocked.under_way;
        let blocked = std::mem::replace(&mut self.blocked, Blocked { under_way, ..Blocked::default() });
        self.settled_bytes += blocked.appends.values().map(|appending| appending.cost).sum::<usize>();
    }

    /// Whether nothing more is read from the client.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.is_full || self.blocked.relief.is_some()
    }

    /// Submits an append, or puts it behind those that wait for room.
    pub(super) fn append(&mut self, request: Authorized<Request>, mut appending: Appending) {
        appending.order = self.serial();
        if self.blocked.is_full {
            self.blocked.appends.insert(appending.order, appending);
        } else {
            self.submit_append(request, appending);
        }
    }

    fn submit_append(&mut self, request: Authorized<Request>, appending: Appending) {
        self.blocked.under_way += 1;
        let chain = self.blocked.chain.clone();
        self.submit_on(Pending::Append(appending), request, Some(chain));
    }

    /// An append was answered.
    pub(super) fn append_answered(&mut self) {
        self.blocked.under_way -= 1;
    }

    /// Keeps an append that was refused.
    pub(super) fn keep(&mut self, appending: Appending, lack: Lack) {
        self.become_full(lack);
        let before = self.blocked.appends.insert(appending.order, appending);
        assert!(before.is_none(), "every append has an order of its own");
    }

    /// Has an operation wait for room.
    pub(super) fn keep_operation(&mut self, channel: u16, lack: Lack) {
        self.become_full(lack);
        self.blocked.operations.insert(channel);
    }

    fn become_full(&mut self, lack: Lack) {
        let was_blocked = self.is_blocked();
        self.blocked.is_full = true;
        self.blocked.lacks_memory |= lack == Lack::Memory;
        self.say_blocked(
            was_blocked,
            match lack {
                Lack::Disk => DISK,
                Lack::Memory => MEMORY,
            },
        );
    }

    /// Blocks a connection that has published while memory is short.
    pub(super) fn block_if_short(&mut self) {
        let memory = self.shared.memory().filter(|memory| memory.is_short()).cloned();
        let Some(memory) = memory else { return };
        let is_amid = self.unfinished().0 > 0
            || self
                .channels
                .values_mut()
                .any(|channel| channel.transaction().is_some_and(|transaction| transaction.held.bytes() > 0));
        if is_amid || self.blocked.relief.is_some() {
            return;
        }
        let Some(waker) = self.waker() else { return };
        let was_blocked = self.is_blocked();
        self.blocked.relief = Some(memory.watch_relief(&waker));
        self.say_blocked(was_blocked, MEMORY);
    }

    fn say_blocked(&mut self, was_blocked: bool, reason: &'static str) {
        if was_blocked {
            return;
        }
        tracing::info!(peer = %self.peer, reason, "an AMQP connection is blocked");
        if self.capabilities.blocked {
            self.send(0, &Method::ConnectionBlocked { reason });
        }
    }

    fn say_unblocked(&mut self) {
        if self.is_blocked() {
            return;
        }
        tracing::info!(peer = %self.peer, "an AMQP connection is not blocked any more");
        if self.capabilities.blocked {
            self.send(0, &Method::ConnectionUnblocked {});
        }
    }

    /// Waits for room once everything that was refused has come back, or goes on when nothing is left.
    pub(super) fn await_room(&mut self) {
        let blocked = &self.blocked;
        if !blocked.is_full || blocked.under_way > 0 || blocked.room.is_some() {
            return;
        }
        if blocked.appends.is_empty() && blocked.operations.is_empty() {
            self.blocked.is_full = false;
            self.blocked.chain = Chain::default();
            self.say_unblocked();
        } else if let Some(waker) = self.waker() {
            self.blocked.room = Some(self.backend.watch_room(&waker));
            // It may have come before anybody watched.
            if self.may_try() {
                waker.wake();
            }
        }
    }

    fn may_try(&self) -> bool {
        !(self.backend.is_disk_full() || self.blocked.lacks_memory && self.backend.is_memory_full())
    }

    /// The client may go on if memory is not short any more; else it is waited for anew, as who was woken once is not again.
    pub(super) fn look_for_relief(&mut self) {
        if self.blocked.relief.take().is_none() {
            return;
        }
        let memory = self.shared.memory().filter(|memory| memory.is_short()).cloned();
        match memory.zip(self.waker()) {
            Some((memory, waker)) => self.blocked.relief = Some(memory.watch_relief(&waker)),
            None => self.say_unblocked(),
        }
    }

    /// Whether there is room now for what waits; if not, it is waited for anew.
    pub(super) fn finds_room(&mut self) -> bool {
        if self.blocked.room.take().is_none() {
            return false;
        }
        let has_room = self.may_try();
        if !has_room {
            self.await_room();
        }
        has_room
    }

    /// Tries all appends again, in their order, on a new chain. Returns the channels whose operations are to be tried as well.
    ///
    /// # Errors
    /// When the client may not write any more.
    pub(super) fn try_again(&mut self) -> Result<BTreeSet<u16>, Fault> {
        self.blocked.chain = Chain::default();
        self.blocked.lacks_memory = false;
        for appending in std::mem::take(&mut self.blocked.appends).into_values() {
            let mut grants: Vec<Grant> = Vec::new();
            let left = || appending.batches.iter().filter(|batch| batch.is_left());
            for batch in left() {
                // A stream that is gone is nobody's to ask for; the shard says so.
                if let Some(entry) = self.backend.stream_by_id(batch.batch.log.stream) {
                    grants.push(self.allow(Action::Write, &entry.name)?);
                }
            }
            let batches = left().map(|batch| batch.batch.clone()).collect();
            match Grant::request_all(grants, Request::Append(batches)) {
                Some(request) => self.submit_append(request, appending),
                // All of them are gone, and the messages with them, as if they had been published before.
                None => {
                    self.settled_bytes += appending.cost;
                    crate::ops::basic_publish::vanished(self, appending);
                }
            }
        }
        Ok(std::mem::take(&mut self.blocked.operations))
    }

    fn waker(&self) -> Option<Waker> {
        self.bell.clone().map(|bell| Waker::from(Arc::new(Ring(bell))))
    }
}
