//! What the sessions of one listener know of each other: who consumes from which queue, and which queues belong to one
//! connection alone.
//!
//! Apart because it lives as long as the process and no longer. Nothing here decides about records; a crash takes it
//! with the connections that it speaks of.

use crate::limits::TRANSACTIONS_BYTES_MAX;
use crate::meters::Meters;
use crate::policy::{Policies, PolicyCache};
use crate::presence::Presences;
use crate::replies::Replies;
use crate::translate::namespace_name;
use millstream_front::Backend;
use millstream_front::budget::{Budget, Permit};
use millstream_types::StreamId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Numbers connections, once each while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    next_connection: AtomicU64,
    /// 0: nobody has asked for one.
    next_holder: AtomicU64,
    queues: Mutex<BTreeMap<StreamId, QueueUse>>,
    /// Bytes of the messages that wait for commits, of all connections.
    transactions_bytes: AtomicUsize,
    /// What those, and everything that peers make the broker hold, are counted in.
    memory: Option<Arc<Budget>>,
    /// Answers on their way from one connection to another.
    pub(crate) replies: Replies,
    /// Connections that are open.
    pub(crate) presences: Presences,
    policies: PolicyCache,
    /// What is counted of operations.
    pub(crate) meters: Meters,
}

/// Bytes of one open transaction; they are given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// With the bytes, once there are any.
    of: Option<(Arc<Shared>, usize)>,
    /// Their share of the memory budget.
    permit: Option<Permit>,
}

impl Held {
    pub(crate) fn bytes(&self) -> usize {
        self.of.as_ref().map_or(0, |(_, bytes)| *bytes)
    }

    /// Takes more; `false` when all transactions together have too much already.
    pub(crate) fn grow(&mut self, shared: &Arc<Shared>, bytes: usize) -> bool {
        let before = shared.transactions_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > shared.transactions_bytes_max() {
            shared.transactions_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.of.get_or_insert_with(|| (shared.clone(), 0)).1 += bytes;
        if let Some(memory) = &shared.memory {
            let more = memory.charge(bytes as u64);
            match &mut self.permit {
                Some(permit) => permit.merge(more),
                None => self.permit = Some(more),
            }
        }
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((shared, bytes)) = self.of.take() {
            shared.transactions_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// Who uses a queue.
#[derive(Debug, Default)]
struct QueueUse {
    /// The connection that has it for itself.
    owner: Option<ConnectionId>,
    consumers: u32,
    /// The only consumer has asked to be alone.
    exclusive: bool,
}

impl QueueUse {
    fn is_unused(&self) -> bool {
        self.owner.is_none() && self.consumers == 0
    }
}

/// Somebody consumes from the queue in a way that leaves no room for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InExclusiveUse;

impl Shared {
    /// With the budget that everything is counted in that peers make the broker hold.
    pub(crate) fn with_memory(memory: Arc<Budget>) -> Shared {
        Shared { memory: Some(memory), ..Shared::default() }
    }

    /// That budget, where there is one.
    pub(crate) fn memory(&self) -> Option<&Arc<Budget>> {
        self.memory.as_ref()
    }

    /// Bytes that all open transactions may hold: half of the memory at most, so that others get on whatever they do.
    fn transactions_bytes_max(&self) -> usize {
        let half = self.memory.as_ref().map_or(u64::MAX, |memory| memory.total_bytes() / 2);
        TRANSACTIONS_BYTES_MAX.min(usize::try_from(half).unwrap_or(usize::MAX))
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The policies of a virtual host.
    pub(crate) fn policies(&self, backend: &dyn Backend, vhost: &str) -> Arc<Policies> {
        let namespace = backend.namespace_entry(namespace_name(vhost));
        namespace.map_or_else(Arc::default, |namespace| self.policies.of(&namespace))
    }

    /// A number for who takes records out. Fronts do not know of each other's: they begin at random, far apart.
    pub(crate) fn next_holder(&self, random: u128) -> u64 {
        let first = u64::try_from(random >> 65).expect("63 bits").max(1);
        let _begun = self.next_holder.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed);
        self.next_holder.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives a queue to a connection alone.
    pub(crate) fn own(&self, queue: StreamId, owner: ConnectionId) {
        self.queues.lock().entry(queue).or_default().owner = Some(owner);
    }

    /// The connection that has a queue for itself.
    pub(crate) fn owner(&self, queue: StreamId) -> Option<ConnectionId> {
        self.queues.lock().get(&queue)?.owner
    }

    /// The queues that a connection has for itself; they have no owner afterwards.
    pub(crate) fn disown_all(&self, owner: ConnectionId) -> Vec<StreamId> {
        let mut queues = self.queues.lock();
        let owned: Vec<StreamId> = queues
            .iter_mut()
            .filter(|(_, queue)| queue.owner == Some(owner))
            .map(|(id, queue)| {
                queue.owner = None;
                *id
            })
            .collect();
        queues.retain(|_, queue| !queue.is_unused());
        owned
    }

    /// A queue is gone.
    pub(crate) fn forget(&self, queue: StreamId) {
        self.queues.lock().remove(&queue);
    }

    /// Adds a consumer.
    ///
    /// # Errors
    /// When it, or the one that is there, wants to be alone.
    pub(crate) fn add_consumer(&self, queue: StreamId, exclusive: bool) -> Result<(), InExclusiveUse> {
        let mut queues = self.queues.lock();
        let known = queues.entry(queue).or_default();
        if known.exclusive || exclusive && known.consumers > 0 {
            return Err(InExclusiveUse);
        }
        known.consumers += 1;
        known.exclusive = exclusive;
        Ok(())
    }

    /// Takes a consumer away. `true` when it was the last one.
    pub(crate) fn remove_consumer(&self, queue: StreamId) -> bool {
        let mut queues = self.queues.lock();
        let Some(known) = queues.get_mut(&queue) else { return false };
        let was_there = known.consumers > 0;
        known.consumers = known.consumers.saturating_sub(1);
        let is_last = was_there && known.consumers == 0;
        if known.consumers == 0 {
            known.exclusive = false;
        }
        if known.is_unused() {
            queues.remove(&queue);
        }
        is_last
    }

    /// How many consume from a queue.
    pub(crate) fn consumers(&self, queue: StreamId) -> u32 {
        self.queues.lock().get(&queue).map_or(0, |known| known.consumers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_consumer_is_alone_and_the_last_one_is_noticed() {
        let shared = Shared::default();
        let queue = StreamId(7);
        assert_eq!(shared.add_consumer(queue, true), Ok(()));
        assert_eq!(shared.add_consumer(queue, false), Err(InExclusiveUse));
        assert!(shared.remove_consumer(queue));
        assert_eq!(shared.add_consumer(queue, false), Ok(()));
        assert_eq!(shared.add_consumer(queue, true), Err(InExclusiveUse));
        assert_eq!(shared.add_consumer(queue, false), Ok(()));
        assert_eq!((shared.remove_consumer(queue), shared.consumers(queue)), (false, 1));
        assert!(shared.remove_consumer(queue));
        assert!(!shared.remove_consumer(queue), "there is none");
        assert!(shared.queues.lock().is_empty());
    }

    #[test]
    fn open_transactions_share_a_bound_and_give_back_what_they_held() {
        let shared = Arc::<Shared>::default();
        let (mut one, mut other) = (Held::default(), Held::default());
        assert!(one.grow(&shared, TRANSACTIONS_BYTES_MAX - 10) && other.grow(&shared, 10));
        assert!(!other.grow(&shared, 1));
        assert_eq!((one.bytes(), other.bytes()), (TRANSACTIONS_BYTES_MAX - 10, 10));
        drop(one);
        assert!(other.grow(&shared, 1));
        drop(other);
        assert_eq!(shared.transactions_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn queues_of_a_connection_are_given_back_together() {
        let shared = Shared::default();
        let (one, other) = (shared.next_connection(), shared.next_connection());
        for (queue, owner) in [(1, one), (2, other), (3, one)] {
            shared.own(StreamId(queue), owner);
        }
        assert_eq!(shared.disown_all(one), [StreamId(1), StreamId(3)]);
        assert_eq!((shared.owner(StreamId(1)), shared.owner(StreamId(2))), (None, Some(other)));
        shared.forget(StreamId(2));
        assert!(shared.queues.lock().is_empty());
    }
}
