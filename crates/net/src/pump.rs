//! Pumps one HTTP exchange: its submissions and reads out, their events in, until it responds.
//!
//! Apart from the HTTP connection because an exchange may outlive it: a client that goes away leaves behind what was
//! taken for it, and the exchange gives that back. A pump that waits is a few hundred bytes: it has a timer only while
//! its exchange wants one, and costs no time until its mailbox wakes the task. Nor does one whose exchange has given a part of
//! its answer, until that was taken.

use crate::mailbox::Mailbox;
use crate::options::{READS_PER_ROUND, ROUNDS_PER_TURN};
use crate::outlay::Outlay;
use crate::reads::{Made, Reads};
use crate::scratch::Scratch;
use millstream_front::backend::Inbox;
use millstream_front::http::{Commands, Exchange, Outcome, Part, Response};
use millstream_front::{Backend, Budget, Event, Permit, Watch, WatchGuard};
use millstream_types::EngineTime;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Sleep;

/// Why the exchange is there when it is called.
const UNDER_WAY: &str = "an exchange is pumped until it responds, and no longer";

/// An exchange that has not responded.
pub(crate) struct Pump {
    /// `None` only while it is being called, and after it responded.
    exchange: Option<Box<dyn Exchange>>,
    /// The exchange's own: what an earlier one did not wait for cannot reach this one.
    mailbox: Arc<Mailbox>,
    reads: Reads,
    /// Events that came with one after which a part was given.
    left: Vec<Event>,
    /// A part was given, and the exchange has not gone on since.
    has_given: bool,
    /// Registrations of the watch that is set.
    watching: Vec<WatchGuard>,
    alarm: Option<Box<Alarm>>,
    /// The request's share of the memory budget.
    _memory: Permit,
}

/// A moment that the exchange wants to hear of.
struct Alarm {
    at: EngineTime,
    sleep: Pin<Box<Sleep>>,
}

/// What an exchange answers with.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All of it, or the last of it.
    Last(Response),
    /// A part, after which it is pumped again.
    Part(Part),
}

impl Pump {
    /// Takes an exchange and carries out its first commands.
    pub(crate) fn new(
        exchange: Box<dyn Exchange>,
        commands: Commands,
        backend: &dyn Backend,
        memory: Permit,
        output_budget: Arc<Budget>,
    ) -> Pump {
        let reads = Reads::new(output_budget);
        let mut pump = Pump {
            exchange: Some(exchange),
            mailbox: Arc::default(),
            reads,
            left: Vec::new(),
            has_given: false,
            watching: Vec::new(),
            alarm: None,
            _memory: memory,
        };
        pump.carry_out(backend, commands);
        pump
    }

    /// An exchange that has given a part already.
    pub(crate) fn given(mut self) -> Pump {
        self.has_given = true;
        self
    }

    /// Does what can be done and registers for the rest. Ready when the exchange has something to answer.
    pub(crate) fn poll(&mut self, backend: &dyn Backend, cx: &mut Context<'_>) -> Poll<Answer> {
        if std::mem::take(&mut self.has_given)
            && let Err(answer) = self.call(backend, |exchange, now, commands| exchange.resume(now, commands))
        {
            return Poll::Ready(answer);
        }
        Scratch::lend(|scratch| {
            for _ in 0..ROUNDS_PER_TURN {
                let events = std::mem::take(&mut scratch.events);
                let (events, busy) = match self.round(backend, cx, events) {
                    Ok(round) => round,
                    Err(answer) => return Poll::Ready(answer),
                };
                scratch.events = events;
                if !busy && self.mailbox.sleep(cx.waker(), false) {
                    return Poll::Pending;
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// The client is gone: the exchange need not go on waiting.
    pub(crate) fn abandon(&mut self, backend: &dyn Backend) {
        let mut commands = Commands::default();
        self.exchange.as_mut().expect(UNDER_WAY).abandon(backend.now(), &mut commands);
        self.carry_out(backend, commands);
    }

    /// The memory for output, for the response.
    pub(crate) fn into_outlay(self) -> Outlay {
        self.reads.outlay
    }

    /// What was read is part of what was given: it is counted there.
    pub(crate) fn has_put_out(&mut self) {
        self.reads.outlay.put_out(0, true);
        self.reads.outlay.settle(0);
    }

    /// Everything that has come, and the reads that can be made. Gives the events' room back and says whether there
    /// was anything.
    fn round(
        &mut self,
        backend: &dyn Backend,
        cx: &mut Context<'_>,
        mut events: Vec<Event>,
    ) -> Result<(Vec<Event>, bool), Answer> {
        self.mailbox.take(&mut events);
        drop(events.splice(..0, self.left.drain(..)));
        if self.alarm.is_some() {
            events.extend(self.poll_alarm(backend.now(), cx));
        }
        let mut busy = !events.is_empty();
        let mut come = events.drain(..);
        while let Some(event) = come.next() {
            match &event {
                Event::Read(tag, outcome) => self.reads.returned(*tag, outcome),
                Event::Moved(_) => self.watching = Vec::new(),
                Event::Reply(..) | Event::Deadline | Event::Rung => {}
            }
            if let Err(answer) = self.handle(backend, event) {
                self.left.extend(come);
                return Err(answer);
            }
        }
        drop(come);
        for _ in 0..READS_PER_ROUND {
            if !self.reads.can_begin() {
                break;
            }
            match self.reads.make(backend, &self.mailbox, cx.waker()) {
                Made::Waits => break,
                Made::Aside => {}
                Made::Read(tag, outcome) => self.handle(backend, Event::Read(tag, outcome))?,
            }
            busy = true;
        }
        self.reads.outlay.settle(0);
        Ok((events, busy))
    }

    fn handle(&mut self, backend: &dyn Backend, event: Event) -> Result<(), Answer> {
        self.call(backend, |exchange, now, commands| exchange.handle(now, event, commands))
    }

    fn call(
        &mut self,
        backend: &dyn Backend,
        call: impl FnOnce(Box<dyn Exchange>, EngineTime, &mut Commands) -> Outcome,
    ) -> Result<(), Answer> {
        let mut commands = Commands::default();
        let exchange = self.exchange.take().expect(UNDER_WAY);
        let outcome = call(exchange, backend.now(), &mut commands);
        // What it said before it responded still counts, as far as nobody waits for it.
        self.carry_out(backend, commands);
        match outcome {
            Outcome::Wait(exchange) => {
                self.exchange = Some(exchange);
                Ok(())
            }
            Outcome::Respond(response) => {
                self.reads.clear();
                Err(Answer::Last(response))
            }
            Outcome::Part(part, exchange) => {
                self.exchange = Some(exchange);
                self.has_given = true;
                Err(Answer::Part(part))
            }
        }
    }

    /// The deadline, if it has passed. Engine time is slewed: a timer may fire too early for it.
    fn poll_alarm(&mut self, now: EngineTime, cx: &mut Context<'_>) -> Option<Event> {
        let alarm = self.alarm.as_mut()?;
        while alarm.sleep.as_mut().poll(cx).is_ready() {
            if alarm.at <= now {
                self.alarm = None;
                return Some(Event::Deadline);
            }
            alarm.sleep = Box::pin(tokio::time::sleep(until(now, alarm.at)));
        }
        None
    }

    /// Sets a watch: registers with every log first and compares then, so that no append is missed between the exchange's
    /// look and the registration. What has moved already fires at once.
    fn watch(&mut self, backend: &dyn Backend, watch: Watch) {
        self.watching.clear();
        self.mailbox.arm(watch.tag);
        let waker = Waker::from(self.mailbox.clone());
        for (log, seen) in watch.logs {
            let reader = backend.log(log);
            self.watching.extend(reader.as_ref().map(|reader| reader.watch(&waker)));
            if reader.is_none_or(|reader| reader.high_watermark() != seen) {
                waker.wake_by_ref();
                break;
            }
        }
    }

    fn carry_out(&mut self, backend: &dyn Backend, commands: Commands) {
        let Commands { submissions, reads, watch, wake_at } = commands;
        if !submissions.is_empty() {
            let inbox: Arc<dyn Inbox> = self.mailbox.clone();
            backend.submit(&inbox, submissions);
        }
        self.reads.order(reads.into_iter());
        if let Some(watch) = watch {
            self.watch(backend, watch);
        }
        if let Some(at) = wake_at {
            let sleep = Box::pin(tokio::time::sleep(until(backend.now(), at)));
            self.alarm = Some(Box::new(Alarm { at, sleep }));
        }
    }
}

/// How long it is until then; at least a millisecond, so that a timer that fired too early does not spin.
fn until(now: EngineTime, at: EngineTime) -> Duration {
    Duration::from_millis(at.since_ms(now).max(1))
}

/// Submits what a request that was answered at once wants done all the same. Nobody hears of the outcome.
pub(crate) fn submit_unheard(backend: &dyn Backend, commands: Commands) {
    if !commands.submissions.is_empty() {
        let inbox: Arc<dyn Inbox> = Arc::<Mailbox>::default();
        backend.submit(&inbox, commands.submissions);
    }
}
