//! Every listener of a process, and every connection of each: to look at, and to end one.
//!
//! Apart because listeners know nothing of each other; whoever looks after the broker sees them together.

use crate::connections::Connections;
use crate::tcp::Server;
use millstream_types::EngineTime;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// See the module's documentation.
#[derive(Default)]
pub struct Directory {
    /// By their names.
    listeners: Mutex<BTreeMap<&'static str, (SocketAddr, Arc<Connections>)>>,
}

/// A listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// The protocol's name.
    pub name: &'static str,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Connections that are open.
    pub open: usize,
    /// Connections that may be open at once.
    pub open_max: usize,
}

/// A connection that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenConnection {
    /// The name of its listener.
    pub listener: &'static str,
    /// Its number there, never used again.
    pub number: u64,
    /// The client's address.
    pub peer: SocketAddr,
    /// When it began.
    pub since: EngineTime,
}

impl Directory {
    /// Adds a listener under its name.
    pub fn add(&self, name: &'static str, server: &Server) {
        self.listeners.lock().insert(name, (server.addr(), server.registry()));
    }

    /// The listeners, in the order of their names.
    #[must_use]
    pub fn listeners(&self) -> Vec<Listening> {
        let listeners = self.listeners.lock();
        let listening = listeners.iter().map(|(name, (addr, connections))| Listening {
            name,
            addr: *addr,
            open: connections.count(),
            open_max: connections.max(),
        });
        listening.collect()
    }

    /// Open connections in the order of their listeners' names and their numbers, behind one of them; `max` at most.
    #[must_use]
    pub fn connections(&self, after: Option<(&str, u64)>, max: usize) -> Vec<OpenConnection> {
        let listeners = self.listeners.lock();
        let mut open = Vec::new();
        for (name, (_, connections)) in listeners.iter() {
            let from = match after {
                Some((last, _)) if **name < *last => continue,
                Some((last, number)) if **name == *last => Some(number),
                _ => None,
            };
            let listed = connections.list(from, max - open.len()).into_iter();
            open.extend(listed.map(|(number, open)| OpenConnection {
                listener: name,
                number,
                peer: open.peer,
                since: open.since,
            }));
        }
        open
    }

    /// Has a connection end, after what it has under way, as if the broker stopped. `false`: there is no such connection.
    pub fn close(&self, listener: &str, number: u64) -> bool {
        let connections = self.listeners.lock().get(listener).map(|(_, connections)| connections.clone());
        connections.is_some_and(|connections| connections.close(number))
    }
}
