//! Send, receive, delete, over and over, on many connections of which each waits for one answer at a time.
//!
//! Apart because it is one work. One thread waits for all connections: a thread for each would be switched to for every
//! answer, and on a machine that client and broker share, those switches are what the broker then waits for.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::http::Connection;
use super::queue::Queue;
use crate::clock;
use crate::histogram::Latencies;

/// How to load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Connections.
    pub(crate) connections: usize,
    /// Messages of each request.
    pub(crate) batch: usize,
}

/// When to stop. Cycles under way are gone through to their end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After this many messages were sent; nothing is received.
    Sent(u64),
    /// After this many messages were sent, and received and deleted as well.
    Cycled(u64),
}

/// What came out.
pub(crate) struct Cycles {
    /// Messages that were deleted; sent, where nothing is received.
    pub(crate) messages: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// From a request to its answer, for each action.
    pub(crate) send: Latencies,
    pub(crate) receive: Latencies,
    pub(crate) delete: Latencies,
    /// Receives that were answered with nothing.
    pub(crate) empty: u64,
}

/// What a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sending,
    Receiving,
    Deleting(usize),
    Done,
}

struct Member {
    connection: Connection,
    stage: Stage,
    asked_at: Instant,
}

/// Runs the work on a queue.
///
/// # Errors
/// When a connection fails or a request is refused.
pub(crate) fn cycle(endpoint: SocketAddr, url: &str, load: Load, until: Until) -> anyhow::Result<Cycles> {
    let queue = Queue::new(endpoint, url, load.batch, 0);
    let mut run = Run::new(queue, until)?;
    let start = clock::now();
    let mut members = Vec::with_capacity(load.connections);
    for index in 0..load.connections {
        let connection = Connection::open(endpoint, Ipv4Addr::LOCALHOST)?;
        run.watch(&connection, index)?;
        members.push(Member { connection, stage: Stage::Done, asked_at: start });
    }
    run.start = clock::now();
    for (index, member) in members.iter_mut().enumerate() {
        run.begin(index, member)?;
    }
    let mut events: Vec<Event> = Vec::with_capacity(load.connections);
    while run.working > 0 {
        events.clear();
        epoll::wait(&run.epoll, rustix::buffer::spare_capacity(&mut events), None).context("waiting")?;
        for event in &events {
            let index = usize::try_from(event.data.u64())?;
            let member = &mut members[index];
            if member.connection.receive()? {
                run.answered(index, member)?;
            }
        }
    }
    run.cycles.elapsed = run.start.elapsed();
    Ok(run.cycles)
}

struct Run {
    queue: Queue,
    until: Until,
    epoll: rustix::fd::OwnedFd,
    start: Instant,
    /// Connections that are not done.
    working: usize,
    sent: u64,
    delete: Vec<u8>,
    cycles: Cycles,
}

impl Run {
    fn new(queue: Queue, until: Until) -> anyhow::Result<Run> {
        let cycles = Cycles {
            messages: 0,
            elapsed: Duration::ZERO,
            send: Latencies::new(),
            receive: Latencies::new(),
            delete: Latencies::new(),
            empty: 0,
        };
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("creating an epoll")?;
        Ok(Run { queue, until, epoll, start: clock::now(), working: 0, sent: 0, delete: Vec::new(), cycles })
    }

    fn watch(&self, connection: &Connection, index: usize) -> anyhow::Result<()> {
        let data = EventData::new_u64(index as u64);
        epoll::add(&self.epoll, connection.stream(), data, EventFlags::IN).context("watching a connection")
    }

    /// Begins a connection's first cycle.
    fn begin(&mut self, index: usize, member: &mut Member) -> anyhow::Result<()> {
        self.working += 1;
        self.next_cycle(index, member)
    }

    fn next_cycle(&mut self, index: usize, member: &mut Member) -> anyhow::Result<()> {
        let is_over = match self.until {
            Until::Elapsed(limit) => self.start.elapsed() >= limit,
            Until::Sent(messages) | Until::Cycled(messages) => self.sent >= messages,
        };
        if is_over {
            member.stage = Stage::Done;
            self.working -= 1;
            // A peer may end connections by itself, which is nothing to wait for.
            return epoll::delete(&self.epoll, member.connection.stream()).context("leaving a connection");
        }
        self.sent += self.queue.batch() as u64;
        self.ask(index, member, Stage::Sending)
    }

    fn ask(&mut self, index: usize, member: &mut Member, stage: Stage) -> anyhow::Result<()> {
        let (head, body) = match stage {
            Stage::Sending => (&self.queue.send.0, &self.queue.send.1),
            Stage::Receiving => (&self.queue.receive.0, &self.queue.receive.1),
            Stage::Deleting(_) => (&self.queue.delete, &self.delete),
            Stage::Done => unreachable!("who is done asks nothing"),
        };
        member.asked_at = clock::now();
        member.stage = stage;
        if member.connection.send(head, body)? {
            self.watch(&member.connection, index)?;
        }
        Ok(())
    }

    /// A response is whole.
    fn answered(&mut self, index: usize, member: &mut Member) -> anyhow::Result<()> {
        let took = member.asked_at.elapsed();
        let response = member.connection.response();
        match member.stage {
            Stage::Sending => {
                self.cycles.send.record(took);
                self.queue.check(response)?;
                if let Until::Sent(_) = self.until {
                    self.cycles.messages += self.queue.batch() as u64;
                    return self.next_cycle(index, member);
                }
                self.ask(index, member, Stage::Receiving)
            }
            Stage::Receiving => {
                self.cycles.receive.record(took);
                match self.queue.delete_received(response, &mut self.delete)? {
                    0 => {
                        self.cycles.empty += 1;
                        self.ask(index, member, Stage::Receiving)
                    }
                    count => self.ask(index, member, Stage::Deleting(count)),
                }
            }
            Stage::Deleting(count) => {
                self.cycles.delete.record(took);
                self.queue.check(response)?;
                self.cycles.messages += count as u64;
                self.next_cycle(index, member)
            }
            Stage::Done => unreachable!("who is done is not answered"),
        }
    }
}
