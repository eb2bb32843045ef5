//! Pumps one HTTP exchange: its submissions and reads out, their events in, until it responds.
//!
//! Apart from the HTTP connection because an exchange may outlive it: a client that goes away leaves behind what was
//! taken for it, and the exchange gives that back. A pump that waits is a few hundred bytes: it has no timer and costs
//! no time until its mailbox wakes the task.

use crate::mailbox::Mailbox;
use crate::options::{READS_PER_ROUND, ROUNDS_PER_TURN};
use crate::outlay::Outlay;
use crate::reads::{Made, Reads};
use crate::scratch::Scratch;
use millstream_front::backend::Inbox;
use millstream_front::http::{Commands, Exchange, Outcome, Response};
use millstream_front::{Backend, Budget, Event, Permit};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Why the exchange is there when it is called.
const UNDER_WAY: &str = "an exchange is pumped until it responds, and no longer";

/// An exchange that has not responded.
pub(crate) struct Pump {
    /// `None` only while it is being called, and after it responded.
    exchange: Option<Box<dyn Exchange>>,
    /// The exchange's own: what an earlier one did not wait for cannot reach this one.
    mailbox: Arc<Mailbox>,
    reads: Reads,
    /// The request's share of the memory budget.
    _memory: Permit,
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
        let mut pump = Pump { exchange: Some(exchange), mailbox: Arc::default(), reads, _memory: memory };
        pump.carry_out(backend, commands);
        pump
    }

    /// Does what can be done and registers for the rest. Ready when the exchange has responded.
    pub(crate) fn poll(&mut self, backend: &dyn Backend, cx: &mut Context<'_>) -> Poll<Response> {
        Scratch::lend(|scratch| {
            for _ in 0..ROUNDS_PER_TURN {
                let events = std::mem::take(&mut scratch.events);
                let (events, busy) = match self.round(backend, cx, events) {
                    Ok(round) => round,
                    Err(response) => return Poll::Ready(response),
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

    /// Everything that has come, and the reads that can be made. Gives the events' room back and says whether there
    /// was anything.
    fn round(
        &mut self,
        backend: &dyn Backend,
        cx: &mut Context<'_>,
        mut events: Vec<Event>,
    ) -> Result<(Vec<Event>, bool), Response> {
        self.mailbox.take(&mut events);
        let mut busy = !events.is_empty();
        for event in events.drain(..) {
            if let Event::Read(tag, outcome) = &event {
                self.reads.returned(*tag, outcome);
            }
            self.handle(backend, event)?;
        }
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

    fn handle(&mut self, backend: &dyn Backend, event: Event) -> Result<(), Response> {
        let mut commands = Commands::default();
        let exchange = self.exchange.take().expect(UNDER_WAY);
        let outcome = exchange.handle(backend.now(), event, &mut commands);
        // What it said before it responded still counts, as far as nobody waits for it.
        self.carry_out(backend, commands);
        match outcome {
            Outcome::Wait(exchange) => {
                self.exchange = Some(exchange);
                Ok(())
            }
            Outcome::Respond(response) => {
                self.reads.clear();
                Err(response)
            }
        }
    }

    fn carry_out(&mut self, backend: &dyn Backend, commands: Commands) {
        let Commands { submissions, reads } = commands;
        if !submissions.is_empty() {
            let inbox: Arc<dyn Inbox> = self.mailbox.clone();
            backend.submit(&inbox, submissions);
        }
        self.reads.order(reads.into_iter());
    }
}

/// Submits what a request that was answered at once wants done all the same. Nobody hears of the outcome.
pub(crate) fn submit_unheard(backend: &dyn Backend, commands: Commands) {
    if !commands.submissions.is_empty() {
        let inbox: Arc<dyn Inbox> = Arc::<Mailbox>::default();
        backend.submit(&inbox, commands.submissions);
    }
}
