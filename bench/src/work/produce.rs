//! Produce as fast as answers come: a fixed number of requests in flight on each connection.
//!
//! Apart because it is one work. Every connection has a thread that blocks on its socket: a thread that finds several
//! answers at once sends as many requests in one call, so under load a request costs a fraction of a system call.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::Moved;
use crate::clock;
use crate::wire::{Pipeline, ProduceFrame, Topic, batch, connect};

/// How to produce.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Produce {
    /// Connections; the n-th writes to partition n modulo the topic's.
    pub(crate) connections: usize,
    /// Requests in flight on each.
    pub(crate) in_flight: usize,
    /// Records in the one batch of a request.
    pub(crate) batch_records: u32,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time; requests under way are waited for and counted.
    Elapsed(Duration),
    /// After this many records, rounded up to whole requests.
    Records(u64),
}

/// Produces to `topic`.
///
/// # Errors
/// When a connection fails or a request is refused.
pub(crate) fn produce(
    address: SocketAddr,
    topic: &Topic,
    load: Produce,
    until: Until,
) -> anyhow::Result<Moved> {
    let batch = batch(load.batch_records)?;
    let frames = (0..topic.partitions)
        .map(|partition| ProduceFrame::new(&topic.name, partition, batch.clone()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut pipelines = Vec::with_capacity(load.connections);
    for connection in 0..load.connections {
        let frame = &frames[connection % frames.len()];
        pipelines.push(Pipeline::new(connect(address)?, frame, load.in_flight));
    }
    let requests_left = AtomicU64::new(match until {
        Until::Elapsed(_) => u64::MAX,
        Until::Records(records) => records.div_ceil(u64::from(load.batch_records)),
    });
    let barrier = Barrier::new(load.connections + 1);
    let (requests, elapsed) = thread::scope(|scope| {
        let threads: Vec<_> = pipelines
            .into_iter()
            .map(|pipeline| scope.spawn(|| drive(pipeline, load.in_flight, until, &requests_left, &barrier)))
            .collect();
        barrier.wait();
        let start = clock::now();
        let mut requests = 0;
        for thread in threads {
            requests += thread.join().expect("a producing thread does not panic")?;
        }
        anyhow::Ok((requests, start.elapsed()))
    })?;
    let records = requests * u64::from(load.batch_records);
    Ok(Moved { records, bytes: requests * batch.len() as u64, elapsed })
}

/// One connection; returns its answered requests.
fn drive(
    mut pipeline: Pipeline<'_>,
    in_flight: usize,
    until: Until,
    requests_left: &AtomicU64,
    barrier: &Barrier,
) -> anyhow::Result<u64> {
    barrier.wait();
    let start = clock::now();
    let mut answered = 0;
    let mut wanted = in_flight;
    loop {
        pipeline.send(claim(requests_left, wanted))?;
        if pipeline.in_flight() == 0 {
            return Ok(answered);
        }
        let received = pipeline.receive()?;
        answered += received as u64;
        wanted = match until {
            Until::Elapsed(limit) if start.elapsed() >= limit => 0,
            _ => received,
        };
    }
}

/// Takes up to `wanted` of the requests that are still to be sent.
fn claim(requests_left: &AtomicU64, wanted: usize) -> usize {
    let take = |left: u64| Some(left.saturating_sub(wanted as u64));
    let left = requests_left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .expect("the update never declines");
    usize::try_from(left).unwrap_or(usize::MAX).min(wanted)
}
