//! What the process knows of itself, for metrics.
//!
//! Apart because this is all that looks at `/proc` for it.

use millstream_console::metrics::{Budget as ShownBudget, Connections, Health, Process, Storage};
use millstream_engine::EphemeralMemory;
use millstream_front::{Backend, Budget};
use millstream_net::ConnectionsWatch;
use parking_lot::Mutex;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the numbers come from.
pub(crate) struct Facts {
    pub(crate) started_ms: i64,
    pub(crate) is_insecure: bool,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) storage: Box<dyn Fn() -> Storage + Send + Sync>,
    /// Budgets by what they are for.
    pub(crate) budgets: Vec<(&'static str, Arc<Budget>)>,
    /// What streams in memory hold.
    pub(crate) ephemeral: Box<dyn Fn() -> EphemeralMemory + Send + Sync>,
    pub(crate) listening: Arc<Listening>,
}

/// What listens, as far as it has begun.
#[derive(Default)]
pub(crate) struct Listening {
    servers: Mutex<Vec<(&'static str, ConnectionsWatch)>>,
    is_draining: AtomicBool,
    has_failed: AtomicBool,
}

impl Listening {
    /// A front has begun to listen.
    pub(crate) fn add(&self, front: &'static str, connections: ConnectionsWatch) {
        self.servers.lock().push((front, connections));
    }

    /// The broker stops, maybe because storage has failed.
    pub(crate) fn drain(&self, has_failed: bool) {
        self.has_failed.store(has_failed, Ordering::Relaxed);
        self.is_draining.store(true, Ordering::Relaxed);
    }
}

impl Facts {
    /// Everything as it is now.
    pub(crate) fn gather(&self) -> Process {
        let servers = self.listening.servers.lock();
        let connections = servers.iter().map(|(front, watch)| {
            let counts = watch.counts();
            Connections {
                front,
                open: counts.open as u64,
                accepted: counts.accepted,
                refused: counts.refused,
                panicked: counts.panicked,
            }
        });
        let budgets = self.budgets.iter().map(|(name, budget)| ShownBudget {
            name,
            total_bytes: budget.total_bytes(),
            used_bytes: budget.total_bytes().saturating_sub(budget.free_bytes()),
            is_awaited: budget.is_awaited(),
        });
        let held = (self.ephemeral)();
        let held = ShownBudget {
            name: "ephemeral",
            total_bytes: held.bytes_max,
            used_bytes: held.bytes,
            is_awaited: held.is_full,
        };
        Process {
            started_ms: self.started_ms,
            is_insecure: self.is_insecure,
            health: Health {
                storage_failed: self.listening.has_failed.load(Ordering::Relaxed),
                is_disk_full: self.backend.is_disk_full(),
                is_draining: self.listening.is_draining.load(Ordering::Relaxed),
            },
            connections: connections.collect(),
            storage: (self.storage)(),
            budgets: budgets.chain([held]).collect(),
            resident_bytes: resident_bytes().unwrap_or(0),
            cpu_seconds: cpu_seconds(),
            open_fds: fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
            max_fds: rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(0),
        }
    }
}

/// Memory of the process that is in the machine's.
fn resident_bytes() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Processor time of the process.
#[allow(clippy::cast_precision_loss, reason = "nobody needs the nanoseconds of a year")]
fn cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
