//! What the parts of one HTTP connection share: its limits, its watch, and the exchange that is under way.
//!
//! Apart because hyper owns the socket and the requests, and both are gone when the client is: the exchange must not be,
//! so it lives here. Everything in here is touched by one task alone; the locks are never waited for.

use super::reply::Piece;
use super::watch::Watch;
use crate::outlay::Outlay;
use crate::pump::{Answer, Pump};
use crate::tcp::Service;
use millstream_front::http as front;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// One connection.
pub(super) struct Connection {
    pub(super) front: Arc<dyn front::Service>,
    pub(super) service: Service,
    /// Where the client is.
    pub(super) peer: IpAddr,
    pub(super) watch: Mutex<Watch>,
    /// HTTP/1 answers one request after the other, so there is one at most.
    exchange: Mutex<Option<Pump>>,
    /// The client was answered before it had sent everything.
    leaves_input: AtomicBool,
    /// An answer whose end is not known is to end: no further requests are taken.
    ends_streams: AtomicBool,
}

impl Connection {
    pub(super) fn new(front: Arc<dyn front::Service>, service: Service, peer: IpAddr) -> Arc<Connection> {
        let watch = Mutex::new(Watch::new(service.backend.now()));
        let exchange = Mutex::default();
        let (leaves_input, ends_streams) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Connection { front, service, peer, watch, exchange, leaves_input, ends_streams })
    }

    /// An exchange waits from now on.
    pub(super) fn begin(&self, pump: Pump) {
        let before = self.exchange.lock().replace(pump);
        assert!(before.is_none(), "a request begins after the one before it was answered");
    }

    /// Pumps the exchange until it has something to answer. After the last of it the exchange is gone, and the memory for its
    /// output is left.
    pub(super) fn poll_exchange(&self, cx: &mut Context<'_>) -> Poll<(Answer, Outlay)> {
        let mut exchange = self.exchange.lock();
        let pump = exchange.as_mut().expect("an exchange is polled until it has responded");
        let Poll::Ready(answer) = pump.poll(&*self.service.backend, cx) else { return Poll::Pending };
        let outlay = match &answer {
            Answer::Last(_) => exchange.take().expect("it was just polled").into_outlay(),
            Answer::Part(_) => {
                pump.has_put_out();
                Outlay::new(self.service.output_budget.clone())
            }
        };
        Poll::Ready((answer, outlay))
    }

    /// The next piece of an answer that is given in parts; `None`: that was all.
    pub(super) fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        loop {
            if self.ends_streams.load(Ordering::Relaxed) || self.exchange.lock().is_none() {
                return Poll::Ready(None);
            }
            let (answer, outlay) = ready!(self.poll_exchange(cx));
            let body = match answer {
                Answer::Last(response) => response.body,
                Answer::Part(part) => part.into_body(),
            };
            if !body.is_empty() {
                return Poll::Ready(Some(Piece::new(body, outlay)));
            }
        }
    }

    /// An answer that was given in parts is over, or nobody reads it any more.
    pub(super) fn end_stream(&self) {
        *self.exchange.lock() = None;
        self.watch.lock().answered();
    }

    /// No further requests are taken: answers without an end end now.
    pub(super) fn end_streams(&self) {
        self.ends_streams.store(true, Ordering::Relaxed);
    }

    /// Tells the exchange that its client is gone. `true` when there is one.
    pub(super) fn abandon(&self) -> bool {
        let mut exchange = self.exchange.lock();
        if let Some(pump) = exchange.as_mut() {
            pump.abandon(&*self.service.backend);
        }
        exchange.is_some()
    }

    /// Remembers that something the client sends stays unread.
    pub(super) fn leave_input(&self, unread: bool) {
        self.leaves_input.fetch_or(unread, Ordering::Relaxed);
    }

    /// Whether something the client sent stayed unread.
    pub(super) fn leaves_input(&self) -> bool {
        self.leaves_input.load(Ordering::Relaxed)
    }
}
