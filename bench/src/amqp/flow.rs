//! Messages from publishers to consumers through one broker: as fast as confirms come, or at a rate.
//!
//! Apart because every work but request and reply is this one with other numbers. One thread waits for all connections,
//! as the lean client of the other protocols does.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::fs::Timespec;

use super::connection::Connection;
use super::frames::{self, BASIC_ACK, CHANNEL, DELIVER, Frame, Message, Writer};
use crate::clock;
use crate::histogram::Latencies;

/// How long a broker may deliver nothing of what it has.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Messages a publisher at a rate may be behind and still catch up at once.
const BURST_MAX: u64 = 100;

/// What to do.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Connections that publish.
    pub(crate) publishers: usize,
    /// Messages that are not confirmed, over all publishers.
    pub(crate) outstanding: usize,
    /// Messages a second over all publishers; as many as go without.
    pub(crate) rate: Option<u32>,
    /// Queues that are consumed from.
    pub(crate) consumers: &'a [String],
    /// Consumers of each, on connections of their own.
    pub(crate) consumers_each: usize,
    /// Messages a consumer may hold.
    pub(crate) prefetch: u16,
    /// Queues that get each message.
    pub(crate) copies: u64,
    /// When to stop publishing.
    pub(crate) until: Until,
    /// Messages that wait already and are consumed too.
    pub(crate) waiting: u64,
    /// Whether all is consumed before the end.
    pub(crate) drains: bool,
    /// What is published.
    pub(crate) message: &'a Message,
}

/// When to stop publishing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After this many messages.
    Published(u64),
}

/// What came out.
pub(crate) struct Flow {
    /// Messages published and confirmed.
    pub(crate) confirmed: u64,
    /// Messages delivered and acked.
    pub(crate) consumed: u64,
    /// From the first message to the last answer.
    pub(crate) elapsed: Duration,
    /// From a publish to its confirm.
    pub(crate) confirm: Latencies,
    /// From a publish to its delivery.
    pub(crate) end_to_end: Latencies,
}

struct Publisher {
    connection: Connection,
    /// When each was published that is not confirmed, from `first_tag` on; `None`: confirmed before those in front of it.
    pending: VecDeque<Option<Instant>>,
    first_tag: u64,
    outstanding: usize,
    window: usize,
    /// Whether it is waited until the socket takes more.
    is_blocked: bool,
}

struct Consumer {
    connection: Connection,
    is_blocked: bool,
    acks: Vec<u8>,
    ack: Vec<u8>,
    tag: u64,
    body_left: u64,
    is_first_of_body: bool,
}

struct Run<'a> {
    plan: Plan<'a>,
    epoll: OwnedFd,
    start: Instant,
    published: u64,
    is_over: bool,
    flow: Flow,
}

/// Runs a plan.
///
/// # Errors
/// When a connection fails, the broker refuses a message, or nothing comes any more.
pub(crate) fn flow(address: SocketAddr, plan: Plan<'_>) -> anyhow::Result<Flow> {
    let epoll = epoll::create(CreateFlags::CLOEXEC).context("creating an epoll")?;
    let flow = Flow {
        confirmed: 0,
        consumed: 0,
        elapsed: Duration::ZERO,
        confirm: Latencies::new(),
        end_to_end: Latencies::new(),
    };
    let mut publishers = Vec::new();
    for _ in 0..plan.publishers {
        let mut connection = Connection::open(address, Ipv4Addr::LOCALHOST)?;
        connection.call(Writer::method(CHANNEL, (85, 10)).u8(0), (85, 11))?;
        let window = plan.outstanding.div_ceil(plan.publishers);
        let pending = VecDeque::with_capacity(window);
        publishers.push(Publisher {
            connection,
            pending,
            first_tag: 1,
            outstanding: 0,
            window,
            is_blocked: false,
        });
    }
    let mut consumers = Vec::new();
    for queue in plan.consumers.iter().flat_map(|queue| std::iter::repeat_n(queue, plan.consumers_each)) {
        let mut connection = Connection::open(address, Ipv4Addr::LOCALHOST)?;
        let qos = Writer::method(CHANNEL, (60, 10)).u32(0).u16(plan.prefetch).u8(0);
        connection.call(qos, (60, 11))?;
        let consume = Writer::method(CHANNEL, (60, 20)).u16(0).short(queue).short("").u8(0).long(b"");
        connection.call(consume, (60, 21))?;
        let ack = Writer::method(CHANNEL, BASIC_ACK).u64(0).u8(0).finish();
        consumers.push(Consumer {
            connection,
            is_blocked: false,
            acks: Vec::new(),
            ack,
            tag: 0,
            body_left: 0,
            is_first_of_body: false,
        });
    }
    let is_over = plan.publishers == 0;
    let mut run = Run { plan, epoll, start: clock::now(), published: 0, is_over, flow };
    run.go(&mut publishers, &mut consumers)?;
    run.flow.elapsed = run.start.elapsed();
    Ok(run.flow)
}

impl Run<'_> {
    fn go(&mut self, publishers: &mut [Publisher], consumers: &mut [Consumer]) -> anyhow::Result<()> {
        let connections = publishers.iter_mut().map(|publisher| &mut publisher.connection);
        let all = connections.chain(consumers.iter_mut().map(|consumer| &mut consumer.connection));
        for (index, connection) in all.enumerate() {
            connection.begin()?;
            let (data, flags) = interest(index, false);
            epoll::add(&self.epoll, connection.stream(), data, flags).context("watching a connection")?;
        }
        self.start = clock::now();
        // What came with the answer to the subscription is there already.
        for consumer in &mut *consumers {
            self.consume(consumer)?;
        }
        let mut events: Vec<Event> = Vec::with_capacity(publishers.len() + consumers.len());
        let mut progress = (self.start, 0);
        loop {
            for (index, publisher) in publishers.iter_mut().enumerate() {
                self.publish(index, publisher)?;
            }
            if self.is_done(publishers) {
                return Ok(());
            }
            events.clear();
            let limit = self.pause();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&limit))
                .context("waiting")?;
            for event in &events {
                let index = usize::try_from(event.data.u64())?;
                if let Some(publisher) = publishers.get_mut(index) {
                    self.confirm(publisher)?;
                } else {
                    let consumer = &mut consumers[index - publishers.len()];
                    self.consume(consumer)?;
                    self.send(&mut consumer.connection, &mut consumer.is_blocked, index)?;
                }
            }
            let moved = self.flow.confirmed + self.flow.consumed;
            let now = clock::now();
            if moved > progress.1 {
                progress = (now, moved);
            }
            ensure!(
                now - progress.0 < SILENCE_MAX,
                "nothing moves: {} published, {} confirmed, {} consumed",
                self.published,
                self.flow.confirmed,
                self.flow.consumed
            );
        }
    }

    /// Sends what waits; what the socket does not take goes when it takes more.
    fn send(&self, connection: &mut Connection, is_blocked: &mut bool, index: usize) -> anyhow::Result<()> {
        let blocked = !connection.flush()?;
        if blocked != *is_blocked {
            let (data, flags) = interest(index, blocked);
            epoll::modify(&self.epoll, connection.stream(), data, flags).context("watching a connection")?;
            *is_blocked = blocked;
        }
        Ok(())
    }

    /// How long to wait for the sockets: to the next message of a rate.
    fn pause(&self) -> Timespec {
        let ns = if self.plan.rate.is_some() && !self.is_over { 100_000 } else { 100_000_000 };
        Timespec { tv_sec: 0, tv_nsec: ns }
    }

    fn is_done(&mut self, publishers: &[Publisher]) -> bool {
        let (confirmed, consumed) = (self.flow.confirmed, self.flow.consumed);
        let all = self.plan.waiting + confirmed * self.plan.copies;
        self.is_over
            && publishers.iter().all(|publisher| publisher.outstanding == 0)
            && (!self.plan.drains || consumed >= all)
    }

    /// Messages that may be published now.
    fn due(&mut self, now: Instant) -> u64 {
        let elapsed = now - self.start;
        let left = match self.plan.until {
            Until::Elapsed(limit) if elapsed >= limit => 0,
            Until::Elapsed(_) => u64::MAX,
            Until::Published(messages) => messages - self.published,
        };
        self.is_over = left == 0;
        let Some(rate) = self.plan.rate else { return left };
        let due = (elapsed.as_secs_f64() * f64::from(rate)) as u64;
        left.min(due.saturating_sub(self.published).min(BURST_MAX))
    }

    fn publish(&mut self, index: usize, publisher: &mut Publisher) -> anyhow::Result<()> {
        let now = clock::now();
        let room = (publisher.window - publisher.outstanding) as u64;
        let count = self.due(now).min(room);
        let message = self.plan.message;
        for _ in 0..count {
            let at = publisher.connection.push(&message.frames);
            let body = publisher.connection.pushed(at + message.body_at);
            let ns = u64::try_from((now - self.start).as_nanos())?;
            body[..8].copy_from_slice(&ns.to_be_bytes());
            publisher.pending.push_back(Some(now));
        }
        publisher.outstanding += usize::try_from(count)?;
        self.published += count;
        self.send(&mut publisher.connection, &mut publisher.is_blocked, index)
    }

    fn confirm(&mut self, publisher: &mut Publisher) -> anyhow::Result<()> {
        while publisher.connection.fill()? {
            let now = clock::now();
            while let Some(frame) = publisher.connection.next()? {
                let (tag, multiple) = match frame {
                    Frame::Method(BASIC_ACK, arguments) => {
                        (frames::u64_at(arguments, 0)?, arguments.get(8) == Some(&1))
                    }
                    Frame::Heartbeat => continue,
                    frame => bail!("a publisher got {frame:?}"),
                };
                let last = usize::try_from(tag.checked_sub(publisher.first_tag).context("confirmed twice")?)?;
                ensure!(last < publisher.pending.len(), "a confirm of what was not published");
                for at in if multiple { 0..=last } else { last..=last } {
                    if let Some(published) = publisher.pending[at].take() {
                        self.flow.confirm.record(now - published);
                        self.flow.confirmed += 1;
                        publisher.outstanding -= 1;
                    }
                }
                while publisher.pending.front() == Some(&None) {
                    publisher.pending.pop_front();
                    publisher.first_tag += 1;
                }
            }
        }
        Ok(())
    }

    fn consume(&mut self, consumer: &mut Consumer) -> anyhow::Result<()> {
        loop {
            let now = clock::now();
            while let Some(frame) = consumer.connection.next()? {
                match frame {
                    Frame::Method(DELIVER, arguments) => consumer.tag = frames::delivery_tag(arguments)?,
                    Frame::Content(bytes, _) => {
                        consumer.body_left = bytes;
                        consumer.is_first_of_body = true;
                    }
                    Frame::Body(bytes) => {
                        // What waited was published before this began.
                        if std::mem::take(&mut consumer.is_first_of_body) && self.plan.waiting == 0 {
                            let at = self.start + Duration::from_nanos(frames::u64_at(bytes, 0)?);
                            self.flow.end_to_end.record(now.saturating_duration_since(at));
                        }
                        let left = consumer.body_left.checked_sub(bytes.len() as u64);
                        consumer.body_left = left.context("a body is longer than it said")?;
                        if consumer.body_left == 0 {
                            // Where the tag is in an ack: behind the frame's head, class and method.
                            consumer.ack[11..19].copy_from_slice(&consumer.tag.to_be_bytes());
                            consumer.acks.extend_from_slice(&consumer.ack);
                            self.flow.consumed += 1;
                        }
                    }
                    Frame::Heartbeat => {}
                    frame @ Frame::Method(..) => bail!("a consumer got {frame:?}"),
                }
            }
            if !consumer.acks.is_empty() {
                consumer.connection.push(&consumer.acks);
                consumer.acks.clear();
                consumer.connection.flush()?;
            }
            if !consumer.connection.fill()? {
                return Ok(());
            }
        }
    }
}

fn interest(index: usize, writes: bool) -> (EventData, EventFlags) {
    let flags = if writes { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
    (EventData::new_u64(index as u64), flags)
}
