//! Consume from the start of each partition to its end, over and over.
//!
//! Apart because it is one work: one request under way per connection, as consumers do, and records are counted
//! by batch headers.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use anyhow::ensure;

use super::Moved;
use crate::clock;
use crate::wire::{Fetcher, Topic, connect};

/// How to consume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consume {
    /// Connections; the partitions are dealt out to them and read one after the other.
    pub(crate) connections: usize,
    /// Bytes of a response at most.
    pub(crate) bytes_max: i32,
    /// For how long.
    pub(crate) duration: Duration,
}

/// Consumes `topic`.
///
/// # Errors
/// When a connection fails, a request is refused, or a partition gives nothing.
pub(crate) fn consume(address: SocketAddr, topic: &Topic, load: Consume) -> anyhow::Result<Moved> {
    ensure!(load.connections <= topic.partitions, "a connection needs a partition of its own");
    let barrier = Barrier::new(load.connections + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..load.connections)
            .map(|connection| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let fetchers = (connection..topic.partitions)
                        .step_by(load.connections)
                        .map(|partition| {
                            let stream = connect(address)?;
                            Fetcher::new(stream, &topic.name, &[(partition, 0)], load.bytes_max, 500)
                        })
                        .collect::<anyhow::Result<Vec<_>>>();
                    barrier.wait();
                    drive(fetchers?, load.duration)
                })
            })
            .collect();
        barrier.wait();
        let start = clock::now();
        let mut moved = Moved::default();
        for thread in threads {
            let (records, bytes) = thread.join().expect("a consuming thread does not panic")?;
            moved.records += records;
            moved.bytes += bytes;
        }
        moved.elapsed = start.elapsed();
        Ok(moved)
    })
}

/// Reads the partitions of one connection in turn until the time is over; returns records and bytes.
///
/// Each partition has a socket of its own so that requests need not be encoded again, but only one is in use.
fn drive(mut fetchers: Vec<Fetcher>, duration: Duration) -> anyhow::Result<(u64, u64)> {
    let start = clock::now();
    let (mut records, mut bytes) = (0, 0);
    loop {
        for fetcher in &mut fetchers {
            fetcher.partitions()[0].next = 0;
            loop {
                let got = fetcher.fetch(|_, _, count| records += u64::from(count))?;
                ensure!(got > 0, "a partition that should hold records gave none");
                bytes += got;
                if start.elapsed() >= duration {
                    return Ok((records, bytes));
                }
                let partition = &fetcher.partitions()[0];
                if partition.next >= partition.high_watermark {
                    break;
                }
            }
        }
    }
}
