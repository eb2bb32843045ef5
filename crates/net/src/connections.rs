//! Which connections are open: the caps on their number, and the way to tell one or all of them to end.
//!
//! Apart because it is the only state that connections of one listener share.

use crate::mailbox::Mailbox;
use crate::options::Options;
use millstream_types::EngineTime;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The open connections of one listener.
pub(crate) struct Connections {
    state: Mutex<State>,
    accepted: AtomicU64,
    refused: AtomicU64,
    panicked: AtomicU64,
    total_max: usize,
    per_ip_max: usize,
}

/// The connections of one listener, since it began to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionCounts {
    /// Are open.
    pub open: usize,
    /// Were accepted.
    pub accepted: u64,
    /// Were refused, because there were as many as may be.
    pub refused: u64,
    /// Were closed because serving them panicked.
    pub panicked: u64,
}

#[derive(Default)]
struct State {
    /// By their numbers, which are never used again.
    open: BTreeMap<u64, Open>,
    per_ip: HashMap<IpAddr, usize>,
    next_id: u64,
}

/// An open connection.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) peer: SocketAddr,
    pub(crate) since: EngineTime,
    mailbox: Arc<Mailbox>,
}

/// Why a connection was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many as the listener takes.
    Total,
    /// There are as many as one address may have.
    PerIp,
}

/// A connection's place; free again when dropped.
pub(crate) struct Admission {
    connections: Arc<Connections>,
    id: u64,
    ip: IpAddr,
    mailbox: Arc<Mailbox>,
}

impl Connections {
    pub(crate) fn new(options: &Options) -> Arc<Connections> {
        Arc::new(Connections {
            state: Mutex::default(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            total_max: options.connections_max,
            per_ip_max: options.connections_per_ip_max,
        })
    }

    /// Takes a place for a connection from `peer` that begins now.
    pub(crate) fn admit(self: &Arc<Self>, peer: SocketAddr, now: EngineTime) -> Result<Admission, Refusal> {
        let ip = peer.ip().to_canonical();
        let mut state = self.state.lock();
        if state.open.len() >= self.total_max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::Total);
        }
        if state.per_ip.get(&ip).copied().unwrap_or(0) >= self.per_ip_max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::PerIp);
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
        *state.per_ip.entry(ip).or_default() += 1;
        let id = state.next_id;
        state.next_id += 1;
        let mailbox = Arc::<Mailbox>::default();
        state.open.insert(id, Open { peer, since: now, mailbox: mailbox.clone() });
        Ok(Admission { connections: self.clone(), id, ip, mailbox })
    }

    /// Connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().open.len()
    }

    /// Connections that may be open at once.
    pub(crate) fn max(&self) -> usize {
        self.total_max
    }

    /// Open connections with their numbers, behind `after`, `max` of them at most.
    pub(crate) fn list(&self, after: Option<u64>, max: usize) -> Vec<(u64, Open)> {
        let state = self.state.lock();
        let from = after.map_or(Unbounded, Excluded);
        state.open.range((from, Unbounded)).take(max).map(|(id, open)| (*id, open.clone())).collect()
    }

    /// Tells a connection to end as if the broker stopped. `false`: there is none of this number.
    pub(crate) fn close(&self, id: u64) -> bool {
        let mailbox = self.state.lock().open.get(&id).map(|open| open.mailbox.clone());
        mailbox.inspect(|mailbox| mailbox.drain()).is_some()
    }

    /// One of them panicked.
    pub(crate) fn panicked(&self) {
        self.panicked.fetch_add(1, Ordering::Relaxed);
    }

    /// What there is and was.
    pub(crate) fn counts(&self) -> ConnectionCounts {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ConnectionCounts {
            open: self.count(),
            accepted: load(&self.accepted),
            refused: load(&self.refused),
            panicked: load(&self.panicked),
        }
    }

    /// Tells every connection that the broker stops.
    pub(crate) fn drain(&self) {
        let open: Vec<Open> = self.state.lock().open.values().cloned().collect();
        open.iter().for_each(|open| open.mailbox.drain());
    }
}

impl Admission {
    /// The mailbox that belongs to this place.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut state = self.connections.state.lock();
        state.open.remove(&self.id);
        let left = state.per_ip.get_mut(&self.ip).expect("an admitted address is counted");
        *left -= 1;
        if *left == 0 {
            state.per_ip.remove(&self.ip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_hold_per_address_and_in_total_and_places_are_freed() {
        let options = Options { connections_max: 3, connections_per_ip_max: 2, ..Options::default() };
        let connections = Connections::new(&options);
        let admit = |addr: &str| connections.admit(addr.parse().unwrap(), EngineTime(7));
        let (one, two) = ("10.0.0.1:1", "10.0.0.2:2");
        let first = admit(one).ok().unwrap();
        let _second = admit("[::ffff:10.0.0.1]:3").ok().unwrap();
        assert_eq!(admit(one).err(), Some(Refusal::PerIp));
        let third = admit(two).ok().unwrap();
        assert_eq!(admit(two).err(), Some(Refusal::Total));
        drop(first);
        let counts = ConnectionCounts { open: 2, accepted: 3, refused: 2, panicked: 0 };
        assert_eq!(connections.counts(), counts);
        assert!(admit(one).is_ok());
        let listed = connections.list(Some(1), 10);
        assert_eq!(listed.len(), 1, "what was let go is not there");
        assert_eq!(
            (listed[0].0, listed[0].1.peer.to_string(), listed[0].1.since),
            (2, two.into(), EngineTime(7))
        );
        assert!(connections.close(2) && !connections.close(0));
        assert!(third.mailbox().take(&mut Vec::new()), "it was told to end");
    }
}
