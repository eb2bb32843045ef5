//! Who is connected: connections, their channels and their consumers, as the management API shows them.
//!
//! Apart because sessions belong to their drivers and nobody can look into them: each keeps what others may know of it
//! here, and is asked here to end. It changes with methods that are rare, never with a message, but for one number per
//! channel.

use crate::shared::ConnectionId;
use core::net::SocketAddr;
use millstream_front::Bell;
use millstream_types::EngineTime;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A connection that is open.
pub(crate) struct Presence {
    pub(crate) id: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) user: Box<str>,
    pub(crate) vhost: Box<str>,
    pub(crate) since: EngineTime,
    /// What the client says of itself, as a field table.
    pub(crate) client: Box<[u8]>,
    pub(crate) mechanism: &'static str,
    pub(crate) channel_max: u16,
    pub(crate) frame_max: u32,
    pub(crate) heartbeat_seconds: u16,
    /// Rung when it is asked to end.
    pub(crate) bell: Option<Arc<dyn Bell>>,
    pub(crate) state: Mutex<PresenceState>,
}

/// What changes of a connection.
#[derive(Debug, Default)]
pub(crate) struct PresenceState {
    pub(crate) channels: BTreeMap<u16, ChannelPresence>,
    /// Why it is to end.
    pub(crate) end: Option<String>,
}

/// A channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChannelPresence {
    pub(crate) prefetch: u16,
    pub(crate) prefetch_all: u16,
    pub(crate) confirms: bool,
    pub(crate) transactional: bool,
    pub(crate) unacked: Unacknowledged,
    pub(crate) consumers: BTreeMap<Arc<str>, ConsumerPresence>,
}

/// A consumer.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerPresence {
    pub(crate) queue: Arc<str>,
    pub(crate) no_ack: bool,
    pub(crate) exclusive: bool,
    pub(crate) prefetch: u16,
    pub(crate) priority: i32,
}

/// How many deliveries of a channel are out; shared with the session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unacknowledged(Arc<AtomicUsize>);

impl Unacknowledged {
    pub(crate) fn set(&self, count: usize) {
        self.0.store(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Presence {
    /// What it is called.
    pub(crate) fn name(&self) -> String {
        format!("{} -> millstream:{}", self.peer, self.id.0)
    }

    /// Asks it to end.
    pub(crate) fn end(&self, why: &str) {
        self.state.lock().end = Some(why.to_owned());
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// What is known of a channel, to be changed.
    pub(crate) fn channel(&self, number: u16, change: impl FnOnce(&mut ChannelPresence)) {
        if let Some(channel) = self.state.lock().channels.get_mut(&number) {
            change(channel);
        }
    }
}

/// Everybody who is connected.
#[derive(Default)]
pub(crate) struct Presences(Mutex<BTreeMap<ConnectionId, Arc<Presence>>>);

impl Presences {
    pub(crate) fn come(&self, presence: Arc<Presence>) {
        self.0.lock().insert(presence.id, presence);
    }

    pub(crate) fn go(&self, id: ConnectionId) {
        self.0.lock().remove(&id);
    }

    /// All, those that came first first.
    pub(crate) fn all(&self) -> Vec<Arc<Presence>> {
        self.0.lock().values().cloned().collect()
    }
}

impl core::fmt::Debug for Presences {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} connections", self.0.lock().len())
    }
}
