//! Thousands of connections that do nothing: what they cost a broker.
//!
//! Apart because nothing moves in it.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connection::Connection;
use crate::broker::Broker;
use crate::clock;
use crate::report::Metric;

/// What the broker gets until it is watched, and how long it is.
const SETTLE: Duration = Duration::from_secs(3);
const WATCHED: Duration = Duration::from_secs(5);
/// Connections from one address of this machine: a broker may let an address have only so many.
const PER_ADDRESS: usize = 5_000;

/// Opens the connections, each with a channel, and watches the broker.
///
/// # Errors
/// When a connection fails.
pub(crate) fn idle(broker: &Broker, count: usize) -> anyhow::Result<Vec<Metric>> {
    // The usual limit is for programs that open few files.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
    let before = broker.resident_bytes()?;
    let start = clock::now();
    let mut connections = Vec::with_capacity(count);
    for index in 0..count {
        let from = Ipv4Addr::new(127, 0, 0, 1 + u8::try_from(index / PER_ADDRESS)?);
        connections.push(Connection::open(broker.address, from)?);
    }
    let opened = count as f64 / start.elapsed().as_secs_f64();
    thread::sleep(SETTLE);
    let cpu = broker.cpu_s()?;
    thread::sleep(WATCHED);
    let cores = (broker.cpu_s()? - cpu) / WATCHED.as_secs_f64();
    let resident = broker.resident_bytes()?;
    let each = resident.saturating_sub(before) as f64 / count as f64 / 1024.0;
    Ok(vec![
        Metric { name: "connections", value: count as f64 },
        Metric { name: "opened/s", value: opened },
        Metric { name: "resident MB", value: resident as f64 / 1e6 },
        Metric { name: "KiB each", value: each },
        Metric { name: "broker cores", value: cores },
    ])
}
