//! The process as the console shows it.
//!
//! Apart because it joins what nobody else may know together: the listeners of `net`, the knobs, the engine's storage.

use crate::config::{Effective, KNOBS, Source};
use crate::wiring::Verifying;
use millstream_console::{
    Connected, ConnectionId, KnobValue, Listening, StorageStatus, System, Verification,
};
use millstream_net::Directory;
use parking_lot::RwLock;
use std::fmt;
use std::sync::Arc;

/// See the module's documentation.
pub(crate) struct Process {
    directory: Arc<Directory>,
    effective: Arc<RwLock<Effective>>,
    storage: Box<dyn Fn() -> StorageStatus + Send + Sync>,
    verifying: Arc<Verifying>,
}

impl Process {
    /// A process with this configuration in effect, which may change.
    pub(crate) fn new(
        effective: Arc<RwLock<Effective>>,
        directory: Arc<Directory>,
        storage: impl Fn() -> StorageStatus + Send + Sync + 'static,
        verifying: Arc<Verifying>,
    ) -> Process {
        Process { directory, effective, storage: Box::new(storage), verifying }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a process with {} listeners", self.directory.listeners().len())
    }
}

impl System for Process {
    fn listeners(&self) -> Vec<Listening> {
        let listeners = self.directory.listeners().into_iter().map(|listener| Listening {
            name: listener.name,
            address: listener.addr.to_string(),
            connections: listener.open as u64,
            connections_max: listener.open_max as u64,
        });
        listeners.collect()
    }

    fn connections(&self, after: Option<&ConnectionId>, max: usize) -> Vec<Connected> {
        let after = after.map(|id| (&*id.listener, id.number));
        let open = self.directory.connections(after, max).into_iter().map(|connection| Connected {
            id: ConnectionId { listener: connection.listener.to_owned(), number: connection.number },
            peer: connection.peer.to_string(),
            connected_ms: connection.since.0,
        });
        open.collect()
    }

    fn close(&self, id: &ConnectionId) -> bool {
        self.directory.close(&id.listener, id.number)
    }

    fn knobs(&self) -> Vec<KnobValue> {
        let effective = self.effective.read();
        let knobs = KNOBS.iter().zip(&effective.sources).map(|(knob, source)| KnobValue {
            key: knob.key,
            value: (knob.show)(&effective.settings),
            source: source.to_string(),
            is_default: *source == Source::Default,
            unit: knob.unit,
            doc: knob.doc,
            cost: knob.cost,
        });
        knobs.collect()
    }

    fn storage(&self) -> StorageStatus {
        (self.storage)()
    }

    fn verification(&self) -> Option<Verification> {
        self.verifying.last()
    }

    fn verify(&self, verification: Verification) {
        self.verifying.begin(verification);
    }

    fn end_verification(&self, number: u64) -> Option<Verification> {
        self.verifying.end(number)
    }
}
