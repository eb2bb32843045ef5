//! End to end in an open loop: records are sent when they are due, however the broker is doing.
//!
//! Apart because its clock is its point. Batch n is due at start + n × interval, and its latency counts from then to
//! the moment it was seen by a consumer in the same process: a broker that stalls is charged for everything
//! that was due meanwhile. Batch n goes over connection n modulo C to the partition of that number, so that an
//! offset alone tells which batch it is in and when that was due. With batches of one record every record is sent by itself.
//!
//! Several connections because brokers answer the requests of one connection in order, and with fsync before each
//! answer a single one could not carry the rate on Kafka.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, poll};

use super::Moved;
use crate::clock;
use crate::histogram::Latencies;
use crate::wire::{Fetcher, FrameReader, Pipeline, ProduceFrame, Topic, batch, connect};

/// How to load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// Records per second.
    pub(crate) rate: u32,
    /// Records of a batch, each of which is a request.
    pub(crate) batch_records: u32,
    /// For how long, the warm-up included.
    pub(crate) duration: Duration,
    /// Batches due in this time at the start are sent but not counted.
    pub(crate) warm_up: Duration,
}

/// What came out.
pub(crate) struct EndToEnd {
    /// When each batch was due, and when the consumer saw it.
    pub(crate) spans: Vec<(Instant, Instant)>,
    /// From due to acknowledged to the producer.
    pub(crate) confirm: Latencies,
    /// What was sent and received; fewer records than the rate says mean that the broker could not carry it.
    pub(crate) moved: Moved,
    /// Records that were due.
    pub(crate) due: u64,
}

/// How long records that are late are waited for.
const LATE_MAX: Duration = Duration::from_secs(3);

/// When which batch was due.
#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    interval: Duration,
    batches: u64,
    batch_records: u64,
    /// The first batch that counts.
    counted_from: u64,
    connections: u64,
    give_up: Instant,
}

impl Schedule {
    fn due(&self, n: u64) -> Instant {
        self.start + Duration::from_nanos(self.interval.as_nanos() as u64 * n)
    }

    /// Batches that go over a connection.
    fn share(&self, connection: u64) -> u64 {
        (self.batches + self.connections - 1 - connection) / self.connections
    }

    fn counts(&self, n: u64) -> bool {
        n >= self.counted_from
    }
}

/// Runs producer and consumer on a fresh `topic`; one connection per partition.
///
/// # Errors
/// When a connection fails or a request is refused; not when the broker is too slow.
pub(crate) fn latency(address: SocketAddr, topic: &Topic, load: Latency) -> anyhow::Result<EndToEnd> {
    let connections = topic.partitions;
    let batch = batch(load.batch_records)?;
    let frames = (0..connections)
        .map(|partition| ProduceFrame::new(&topic.name, partition, batch.clone()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut pipelines = Vec::with_capacity(connections);
    let mut answers = Vec::with_capacity(connections);
    for frame in &frames {
        let stream = connect(address)?;
        answers.push(stream.try_clone()?);
        pipelines.push(Pipeline::new(stream, frame, 1));
    }
    let sought: Vec<_> = topic.start.iter().copied().enumerate().collect();
    let mut fetcher = Fetcher::new(connect(address)?, &topic.name, &sought, 1 << 20, 100)?;
    let interval = Duration::from_secs(1) * load.batch_records / load.rate;
    let start = clock::now() + Duration::from_millis(20);
    let schedule = Schedule {
        start,
        interval,
        batches: (load.duration.as_nanos() / interval.as_nanos()) as u64,
        batch_records: load.batch_records.into(),
        counted_from: (load.warm_up.as_nanos() / interval.as_nanos()) as u64,
        connections: connections as u64,
        give_up: start + load.duration + LATE_MAX,
    };
    let confirmed = AtomicU64::new(0);
    thread::scope(|scope| {
        let confirms = {
            let (answers, frames, confirmed) = (&answers, &frames, &confirmed);
            scope.spawn(move || confirm_all(answers, frames, schedule, confirmed))
        };
        let sender = scope.spawn(move || send(&mut pipelines, schedule));
        let consumed = receive(&mut fetcher, topic, schedule);
        sender.join().expect("the sending thread does not panic")?;
        while confirmed.load(Ordering::Relaxed) < schedule.batches && clock::now() < schedule.give_up {
            thread::sleep(Duration::from_millis(5));
        }
        // Ends the thread that waits for answers. The peer may have closed before; then there is nothing to end.
        answers.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        let confirm = confirms.join().expect("the confirming thread does not panic")?;
        let (spans, moved) = consumed?;
        Ok(EndToEnd { spans, confirm, moved, due: schedule.batches * schedule.batch_records })
    })
}

/// Sends every batch when it is due, or at once when it is late.
fn send(pipelines: &mut [Pipeline<'_>], schedule: Schedule) -> anyhow::Result<()> {
    // A sleep may otherwise end 50 µs late, which is half an interval at the usual rate.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).context("setting the timer slack")?;
    let count = pipelines.len() as u64;
    for n in 0..schedule.batches {
        let due = schedule.due(n);
        let now = clock::now();
        if now > schedule.give_up {
            return Ok(());
        }
        if let Some(early) = due.checked_duration_since(now) {
            thread::sleep(early);
        }
        pipelines[(n % count) as usize].send(1)?;
    }
    Ok(())
}

/// Takes the answers of all connections until all are there or the connections are shut down.
///
/// One thread, because a thread per connection would be switched to for every single record, and on a machine that
/// client and broker share those switches are what the broker then waits for.
fn confirm_all(
    streams: &[TcpStream],
    frames: &[ProduceFrame],
    schedule: Schedule,
    confirmed: &AtomicU64,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new();
    let mut readers: Vec<_> = streams.iter().map(|_| (FrameReader::new(1 << 16), 0_u64)).collect();
    let mut open: Vec<usize> = (0..streams.len()).collect();
    while !open.is_empty() {
        let mut waiting: Vec<_> =
            open.iter().map(|connection| PollFd::new(&streams[*connection], PollFlags::IN)).collect();
        poll(&mut waiting, None).context("waiting for answers")?;
        let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        let now = clock::now();
        let mut failure = None;
        open.retain(|&connection| {
            if !ready.next().expect("one answer for each that was asked about") {
                return true;
            }
            let (reader, answered) = &mut readers[connection];
            if reader.fill(&streams[connection]).is_err() {
                // Shut down by `latency`, or by the broker: then the consumer's count says what is missing.
                return false;
            }
            while let Some(answer) = reader.next() {
                if let Err(error) = frames[connection].check(answer, *answered as u32) {
                    failure = Some(error);
                    return false;
                }
                let n = *answered * schedule.connections + connection as u64;
                if schedule.counts(n) {
                    latencies.record(now.saturating_duration_since(schedule.due(n)));
                }
                *answered += 1;
                confirmed.fetch_add(1, Ordering::Relaxed);
            }
            *answered < schedule.share(connection as u64)
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    Ok(latencies)
}

/// Fetches until every batch was seen or it is time to give up.
fn receive(
    fetcher: &mut Fetcher,
    topic: &Topic,
    schedule: Schedule,
) -> anyhow::Result<(Vec<(Instant, Instant)>, Moved)> {
    let mut spans = Vec::with_capacity(schedule.batches as usize);
    let mut moved = Moved::default();
    while moved.records < schedule.batches * schedule.batch_records && clock::now() < schedule.give_up {
        let mut seen = Vec::new();
        moved.bytes += fetcher.fetch(|at, base, count| seen.push((at, base, count)))?;
        let now = clock::now();
        for (at, base, count) in seen {
            let first = u64::try_from(base - topic.start[at]).context("a record from before the start")?;
            for nth in first / schedule.batch_records..(first + u64::from(count)) / schedule.batch_records {
                let n = nth * schedule.connections + at as u64;
                if schedule.counts(n) {
                    spans.push((schedule.due(n), now));
                }
            }
            moved.records += u64::from(count);
        }
    }
    moved.elapsed = schedule.start.elapsed();
    Ok((spans, moved))
}
