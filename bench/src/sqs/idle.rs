//! Thousands of receivers that wait for a message which does not come: what they cost a broker.
//!
//! Apart because nothing moves in it: connections are opened, each asks once, and then the broker is watched.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::http::Connection;
use super::queue::{Admin, Queue};
use crate::broker::Broker;
use crate::clock;
use crate::report::Metric;

/// How long a receiver waits: as long as SQS lets it.
const WAIT_SECONDS: u32 = 20;
/// What the broker gets until it is watched, and how long it is.
const SETTLE: Duration = Duration::from_secs(3);
const WATCHED: Duration = Duration::from_secs(5);
/// Connections from one address of this machine: a broker may let an address have only so many.
const PER_ADDRESS: usize = 5_000;

/// Opens the connections, watches the broker, and sends one message, which one of them has to get.
///
/// # Errors
/// When a connection fails, or the message does not come.
pub(crate) fn idle(
    broker: &Broker,
    endpoint: SocketAddr,
    url: &str,
    receivers: usize,
) -> anyhow::Result<Vec<Metric>> {
    // The usual limit is for programs that open few files.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
    let before = broker.resident_bytes()?;
    let queue = Queue::new(endpoint, url, 1, WAIT_SECONDS);
    let mut connections = Vec::with_capacity(receivers);
    let start = clock::now();
    for index in 0..receivers {
        let from = Ipv4Addr::new(127, 0, 0, 1 + u8::try_from(index / PER_ADDRESS)?);
        let mut connection = Connection::open(endpoint, from)?;
        connection.send(&queue.receive.0, &queue.receive.1)?;
        connections.push(connection);
    }
    let took = start.elapsed();
    thread::sleep(SETTLE);
    let cpu = broker.cpu_s()?;
    thread::sleep(WATCHED);
    let cores = (broker.cpu_s()? - cpu) / WATCHED.as_secs_f64();
    let resident = broker.resident_bytes()?;
    ensure!(
        start.elapsed() < Duration::from_secs(WAIT_SECONDS.into()),
        "the first receiver was answered before the end: opening the connections took {took:?}"
    );
    let sent = clock::now();
    Admin::connect(endpoint)?.send(url)?;
    let mut waiting: Vec<_> =
        connections.iter().map(|connection| PollFd::new(connection.stream(), PollFlags::IN)).collect();
    let limit = Timespec { tv_sec: 5, tv_nsec: 0 };
    poll(&mut waiting, Some(&limit)).context("waiting for the message")?;
    let got = sent.elapsed();
    let readable: Vec<usize> =
        (0..waiting.len()).filter(|index| !waiting[*index].revents().is_empty()).collect();
    ensure!(readable.len() == 1, "{} receivers were answered instead of one", readable.len());
    let receiver = &mut connections[readable[0]];
    while !receiver.receive()? {}
    let mut request = Vec::new();
    ensure!(queue.delete_received(receiver.response(), &mut request)? == 1, "the message did not come");
    let each = (resident.saturating_sub(before)) as f64 / receivers as f64 / 1024.0;
    Ok(vec![
        Metric { name: "receivers", value: receivers as f64 },
        Metric { name: "resident MB", value: resident as f64 / 1e6 },
        Metric { name: "KiB each", value: each },
        Metric { name: "broker cores", value: cores },
        Metric { name: "message sent and received after ms", value: got.as_secs_f64() * 1e3 },
    ])
}
