//! Which connections are open: the caps on their number, and the way to tell all of them that the broker stops.
//!
//! Apart because it is the only state that connections of one listener share.

use crate::mailbox::Mailbox;
use crate::options::Options;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The open connections of one listener.
pub(crate) struct Connections {
    state: Mutex<State>,
    total_max: usize,
    per_ip_max: usize,
}

#[derive(Default)]
struct State {
    open: HashMap<u64, Arc<Mailbox>>,
    per_ip: HashMap<IpAddr, usize>,
    next_id: u64,
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
            total_max: options.connections_max,
            per_ip_max: options.connections_per_ip_max,
        })
    }

    /// Takes a place for a connection from `ip`.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<Admission, Refusal> {
        let ip = ip.to_canonical();
        let mut state = self.state.lock();
        if state.open.len() >= self.total_max {
            return Err(Refusal::Total);
        }
        if state.per_ip.get(&ip).copied().unwrap_or(0) >= self.per_ip_max {
            return Err(Refusal::PerIp);
        }
        *state.per_ip.entry(ip).or_default() += 1;
        let id = state.next_id;
        state.next_id += 1;
        let mailbox = Arc::<Mailbox>::default();
        state.open.insert(id, mailbox.clone());
        Ok(Admission { connections: self.clone(), id, ip, mailbox })
    }

    /// Connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().open.len()
    }

    /// Tells every connection that the broker stops.
    pub(crate) fn drain(&self) {
        let open: Vec<_> = self.state.lock().open.values().cloned().collect();
        open.iter().for_each(|mailbox| mailbox.drain());
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
        let (one, two): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = connections.admit(one).ok().unwrap();
        let _second = connections.admit("::ffff:10.0.0.1".parse().unwrap()).ok().unwrap();
        assert_eq!(connections.admit(one).err(), Some(Refusal::PerIp));
        let _third = connections.admit(two).ok().unwrap();
        assert_eq!(connections.admit(two).err(), Some(Refusal::Total));
        drop(first);
        assert_eq!(connections.count(), 2);
        assert!(connections.admit(one).is_ok());
    }
}
