//! What the parts of one HTTP connection share: its limits, its watch, and the exchange that is under way.
//!
//! Apart because hyper owns the socket and the requests, and both are gone when the client is: the exchange must not be,
//! so it lives here. Everything in here is touched by one task alone; the locks are never waited for.

use super::watch::Watch;
use crate::outlay::Outlay;
use crate::pump::Pump;
use crate::tcp::Service;
use millstream_front::http::{self as front, Response};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

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
}

impl Connection {
    pub(super) fn new(front: Arc<dyn front::Service>, service: Service, peer: IpAddr) -> Arc<Connection> {
        let watch = Mutex::new(Watch::new(service.backend.now()));
        let (exchange, leaves_input) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Connection { front, service, peer, watch, exchange, leaves_input })
    }

    /// An exchange waits from now on.
    pub(super) fn begin(&self, pump: Pump) {
        let before = self.exchange.lock().replace(pump);
        assert!(before.is_none(), "a request begins after the one before it was answered");
    }

    /// Pumps the exchange until it responds; then it is gone, and the memory for its output is left.
    pub(super) fn poll_exchange(&self, cx: &mut Context<'_>) -> Poll<(Response, Outlay)> {
        let mut exchange = self.exchange.lock();
        let pump = exchange.as_mut().expect("an exchange is polled until it has responded");
        let Poll::Ready(response) = pump.poll(&*self.service.backend, cx) else { return Poll::Pending };
        let pump = exchange.take().expect("it was just polled");
        Poll::Ready((response, pump.into_outlay()))
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
