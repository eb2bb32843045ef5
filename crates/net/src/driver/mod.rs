//! Pumps one session: socket in, events in, commands out, socket out.
//!
//! Apart because this loop is the hottest code of the broker beside the storage, and because everything that waits is
//! in one place: [`Driver::poll`] registers with the socket, the mailbox, the budget and the timer, and returns. What
//! happened meanwhile is taken in rounds: all events at once, one read, one submission, one write.
//!
//! ```text
//!   mailbox ─► handle ─┐                ┌─► submit
//!   socket  ─► receive ┼─► Io ─► carry ─┼─► read logs ─► handle
//!   timer   ─► handle ─┘                └─► write
//! ```

mod commands;
mod expiry;
mod input;
mod memory;
mod output;

use crate::connections::Admission;
use crate::mailbox::Mailbox;
use crate::options::{CLOSING_MS, COPIED_BYTES_MAX, Options, ROUNDS_PER_TURN};
use crate::reads::Reads;
use crate::scratch::Scratch;
use expiry::Expiry;
use input::Input;
pub(crate) use input::poll_read;
use memory::Memory;
use millstream_front::backend::Inbox;
use millstream_front::limits::OUTPUT_BYTES_MAX;
use millstream_front::{Backend, Budget, Close, Event, Io, Moment, Need, Session, WatchGuard};
use millstream_types::EngineTime;
use output::Output;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// What is left of a connection's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Requests are taken.
    Open,
    /// No more requests are taken; those under way are finished.
    Finishing { until: EngineTime },
    /// The session is done; what waits is written. `discard`: then what the peer still sends is thrown away until it
    /// closes, since a socket closed with unread input takes the last answer with it.
    Closing { until: EngineTime, discard: bool },
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Both sides were done.
    Orderly,
    /// Its session or a limit ended it, for this reason.
    Because(String),
    /// The socket failed, most often because the peer is gone.
    Lost(io::Error),
}

/// Why a round could not go on.
enum Stop {
    /// The session or a limit ends the connection, after what waits was written.
    Close(Close),
    /// The peer does not take what it is sent: there is nothing to wait for.
    Abandon(&'static str),
    /// The socket failed.
    Lost(io::Error),
}

impl From<Close> for Stop {
    fn from(close: Close) -> Stop {
        Stop::Close(close)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Lost(error)
    }
}

/// What all connections of a listener share the memory of.
#[derive(Clone)]
pub(crate) struct Budgets {
    /// For requests.
    pub(crate) requests: Arc<Budget>,
    /// Of one: the loan, see [`memory`].
    pub(crate) loans: Arc<Budget>,
    /// For output.
    pub(crate) output: Arc<Budget>,
}

/// One connection.
pub(crate) struct Driver {
    stream: TcpStream,
    session: Box<dyn Session>,
    backend: Arc<dyn Backend>,
    mailbox: Arc<Mailbox>,
    inbox: Arc<dyn Inbox>,
    options: Options,
    input: Input,
    output: Output,
    memory: Memory,
    /// What the session needs to go on; 0: nothing.
    need: usize,
    /// Whether the session is to look at its input again although nothing was read.
    receive_again: bool,
    /// Whether it is us who do not read: the budget is empty or too much output waits.
    held_back: bool,
    /// Whether the broker stops, as the mailbox last said.
    draining: bool,
    /// Reads of logs, and the memory for output.
    reads: Reads,
    /// Registrations of the watch that is set.
    watching: Vec<WatchGuard>,
    phase: Phase,
    /// Why it ends, once that is known.
    reason: String,
    /// When the first request began to arrive, until it was taken.
    first_begun: Option<EngineTime>,
    /// Whether a request was taken.
    met: bool,
    read_at: EngineTime,
    read_bytes: u64,
    /// Since when a request's arrival is measured, and how much had been read then.
    arrival_measured: (EngineTime, u64),
    timer: Pin<Box<Sleep>>,
    /// When the timer fires at the latest.
    armed_at: EngineTime,
    /// Last, so that it outlives everything above.
    _admission: Admission,
}

impl Driver {
    pub(crate) fn new(
        stream: TcpStream,
        session: Box<dyn Session>,
        backend: Arc<dyn Backend>,
        budgets: Budgets,
        options: Options,
        admission: Admission,
    ) -> Driver {
        let now = backend.now();
        let mailbox = admission.mailbox().clone();
        let mut session = session;
        session.attach(mailbox.clone());
        Driver {
            stream,
            session,
            backend,
            inbox: mailbox.clone(),
            mailbox,
            options,
            input: Input::new(),
            output: Output::new(now),
            memory: Memory::new(budgets.requests, budgets.loans),
            need: 1,
            // The session says what it needs before the first byte is there; some speak first.
            receive_again: true,
            held_back: false,
            draining: false,
            reads: Reads::new(budgets.output),
            watching: Vec::new(),
            phase: Phase::Open,
            reason: String::new(),
            first_begun: None,
            met: false,
            read_at: now,
            read_bytes: 0,
            arrival_measured: (now, 0),
            timer: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            armed_at: now,
            _admission: admission,
        }
    }

    /// Does what can be done and registers for the rest. Ready when the connection has ended.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        Scratch::lend(|scratch| self.turn(cx, scratch))
    }

    fn turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Ended> {
        for _ in 0..ROUNDS_PER_TURN {
            let Moment { now, micros } = self.backend.moment();
            scratch.io.micros = micros;
            match self.round(now, cx, scratch) {
                Ok(Poll::Ready(())) if self.reason.is_empty() => return Poll::Ready(Ended::Orderly),
                Ok(Poll::Ready(())) => return Poll::Ready(Ended::Because(std::mem::take(&mut self.reason))),
                Ok(Poll::Pending) => {
                    if self.park(now, cx) {
                        return Poll::Pending;
                    }
                }
                Err(None) => {}
                Err(Some(Stop::Lost(error))) => return Poll::Ready(Ended::Lost(error)),
                Err(Some(Stop::Abandon(reason))) => return Poll::Ready(Ended::Because(reason.to_owned())),
                Err(Some(Stop::Close(close))) => {
                    // What the session said before it closed still counts: its answers and its submissions.
                    self.carry_out(now, scratch);
                    self.close(now, close);
                }
            }
        }
        self.memory.trim(self.input.bytes.len(), self.need);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One round. Ready: the connection has ended. Pending: nothing was done. `Err(None)`: something was.
    fn round(
        &mut self,
        now: EngineTime,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<Poll<()>, Option<Stop>> {
        let mut busy = false;
        if !matches!(self.phase, Phase::Closing { .. }) {
            busy |= self.take_events(now, cx, scratch).map_err(Some)?;
            busy |= self.take_input(now, cx, scratch).map_err(Some)?;
        }
        busy |= self.expire(now, scratch).map_err(Some)?;
        busy |= self.output.poll_write(now, &mut self.stream, cx).map_err(|error| Some(error.into()))?;
        self.reads.outlay.settle(self.output.bytes());
        if self.end(now, cx, scratch).map_err(|error| Some(error.into()))? {
            return Ok(Poll::Ready(()));
        }
        if busy { Err(None) } else { Ok(Poll::Pending) }
    }

    fn take_events(
        &mut self,
        now: EngineTime,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<bool, Stop> {
        self.draining = self.mailbox.take(&mut scratch.events);
        if self.draining && self.phase == Phase::Open {
            self.finish(now);
            self.session.stop(now, &mut scratch.io);
            self.carry_out(now, scratch);
        }
        if scratch.events.is_empty() && !self.can_read_logs() {
            return Ok(false);
        }
        let mut events = std::mem::take(&mut scratch.events);
        let mut happened = !events.is_empty();
        for event in events.drain(..) {
            match event {
                Event::Read(tag, ref outcome) => self.reads.returned(tag, outcome),
                Event::Moved(_) => self.watching = Vec::new(),
                Event::Reply(..) | Event::Deadline | Event::Rung => {}
            }
            self.session.handle(now, event, &mut scratch.io)?;
        }
        scratch.events = events;
        self.carry_out(now, scratch);
        happened |= self.read_logs(now, cx, scratch)?;
        if happened {
            self.receive_again |= self.need == 0 || !self.input.bytes.is_empty();
        }
        Ok(happened)
    }

    fn take_input(
        &mut self,
        now: EngineTime,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<bool, Stop> {
        if self.phase != Phase::Open {
            return Ok(false);
        }
        if std::mem::take(&mut self.held_back) {
            // The peer could not go on because of us: its time begins again.
            self.arrival_measured = (now, self.read_bytes);
            self.read_at = now;
            self.first_begun = self.first_begun.and(Some(now));
        }
        if self.output.bytes() > OUTPUT_BYTES_MAX || !self.reads.outlay.has_room(cx.waker()) {
            self.held_back = true;
            return Ok(false);
        }
        if self.receive_again {
            self.receive(now, scratch)?;
            return Ok(true);
        }
        if self.need == 0 || self.stream.poll_read_ready(cx)?.is_pending() {
            return Ok(false);
        }
        let (buffered, chunk) = (self.input.bytes.len(), self.input.chunk());
        let Some(limit) = self.memory.allow(buffered, self.need, chunk, cx.waker()) else {
            self.held_back = true;
            return Ok(false);
        };
        match self.input.poll_read(&mut self.stream, cx, limit, scratch)? {
            Poll::Pending => Ok(false),
            Poll::Ready(0) => {
                self.finish(now);
                Ok(true)
            }
            Poll::Ready(bytes) => {
                self.read_at = now;
                self.read_bytes += bytes as u64;
                if buffered == 0 {
                    self.arrival_measured = (now, self.read_bytes);
                }
                if !self.met {
                    self.first_begun.get_or_insert(now);
                }
                self.receive(now, scratch)?;
                Ok(true)
            }
        }
    }

    fn receive(&mut self, now: EngineTime, scratch: &mut Scratch) -> Result<(), Stop> {
        self.receive_again = false;
        let before = self.input.bytes.len();
        scratch.io.spare_bytes = self.memory.spare(before);
        let received = self.session.receive(now, &mut self.input.bytes, &mut scratch.io);
        let consumed =
            before.checked_sub(self.input.bytes.len()).expect("a session only takes from its input");
        self.memory.consumed(consumed + std::mem::take(&mut scratch.io.surcharge_bytes));
        self.memory.unfinished(std::mem::take(&mut scratch.io.unfinished_bytes));
        let Need(need) = received?;
        if consumed > 0 {
            self.met = true;
            self.first_begun = None;
        }
        if consumed > 0 || self.need == 0 {
            self.arrival_measured = (now, self.read_bytes);
        }
        self.need = need;
        self.carry_out(now, scratch);
        // It made answers enough for now: it goes on once they are written.
        self.receive_again = consumed > 0 && self.need == 0 && self.session.is_idle();
        Ok(())
    }

    fn expire(&mut self, now: EngineTime, scratch: &mut Scratch) -> Result<bool, Stop> {
        let Some(expiry) = self.due(now) else { return Ok(false) };
        match expiry {
            Expiry::Session => {
                self.session.handle(now, Event::Deadline, &mut scratch.io)?;
                self.carry_out(now, scratch);
                self.receive_again |= self.need == 0 || !self.input.bytes.is_empty();
            }
            Expiry::FirstRequest => {
                return Err(Close::because("the first request did not arrive in time").into());
            }
            Expiry::Stalled if self.peer_sends(now) => {}
            Expiry::Stalled => return Err(Close::because("a request stopped arriving").into()),
            Expiry::SlowReader if self.peer_reads(now) => {}
            Expiry::SlowReader => return Err(Stop::Abandon("the peer reads too slowly")),
            Expiry::Unread => return Err(Stop::Abandon("the peer does not read")),
            Expiry::Looked => {
                let reads = self.output.reads_since_look(now);
                if !reads && self.reads.outlay.is_awaited() {
                    return Err(Stop::Abandon("the peer reads too slowly while memory is short"));
                }
                if !reads {
                    self.output.own(usize::MAX);
                }
            }
            Expiry::Idle => self.finish(now),
            Expiry::Buffer => self.input.release(),
            Expiry::End => {}
        }
        Ok(true)
    }

    fn finish(&mut self, now: EngineTime) {
        self.phase = Phase::Finishing { until: now.after_ms(self.options.finish_ms) };
    }

    fn close(&mut self, now: EngineTime, close: Close) {
        let discard = !close.reason.is_empty();
        self.reason = close.reason;
        self.reads.clear();
        self.watching.clear();
        self.phase = Phase::Closing { until: now.after_ms(CLOSING_MS), discard };
    }

    /// Moves on towards the end. `true` when it is reached.
    fn end(&mut self, now: EngineTime, cx: &mut Context<'_>, scratch: &mut Scratch) -> io::Result<bool> {
        match self.phase {
            Phase::Open => Ok(false),
            Phase::Finishing { until } => {
                let done = self.output.bytes() == 0 && self.reads.is_empty() && self.session.is_idle();
                if done || now >= until {
                    self.shutdown(cx)?;
                }
                Ok(done || now >= until)
            }
            Phase::Closing { until, discard } => {
                if now < until && self.output.bytes() > 0 {
                    return Ok(false);
                }
                self.shutdown(cx)?;
                Ok(!discard || now >= until || self.discard_input(cx, scratch))
            }
        }
    }

    /// Says that nothing more comes. It needs no waiting on a TCP socket, and a peer that is gone needs no word.
    fn shutdown(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        }
    }

    /// Throws away what the peer sends. `true` when it closed.
    fn discard_input(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> bool {
        self.input = Input::new();
        loop {
            match self.input.poll_read(&mut self.stream, cx, self.input.chunk(), scratch) {
                Poll::Pending => return false,
                Poll::Ready(Ok(bytes)) if bytes > 0 => self.input = Input::new(),
                Poll::Ready(_) => return true,
            }
        }
    }

    /// Registers with what is not registered yet. `false` when something has happened meanwhile.
    fn park(&mut self, now: EngineTime, cx: &mut Context<'_>) -> bool {
        if !self.input.is_bulk() || !self.input.holds_empty_buffer() {
            self.input.release();
        }
        self.memory.trim(self.input.bytes.len(), self.need);
        self.output.own(COPIED_BYTES_MAX);
        let closing = matches!(self.phase, Phase::Closing { .. });
        self.arm_timer(now, cx) && (closing || self.mailbox.sleep(cx.waker(), self.draining))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let mut io = Io::default();
        self.session.end(self.backend.now(), &mut io);
        if !io.submissions.is_empty() {
            let inbox: Arc<dyn Inbox> = Arc::<Mailbox>::default();
            self.backend.submit(&inbox, io.submissions);
        }
    }
}
