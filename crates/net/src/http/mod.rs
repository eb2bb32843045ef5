//! Serves HTTP/1 for a front that answers requests as values.
//!
//! Apart from the driver of sessions because the protocol is hyper's: it parses, frames and writes. What is ours is what
//! hyper leaves open: how long a client may take (`watch`), what it may make the broker hold (`serve`, `reply`), what becomes of
//! an exchange whose client is gone, and how all of it ends when the broker stops. There is one task per connection and no
//! other; it is woken by its socket, by its exchange's mailbox and by one timer, which is not moved while an exchange waits.
//!
//! A client that closes its side while a request waits is taken for gone: nearly always it is, and a long poll must not
//! outlive it.
//!
//! HTTP/2 is not served: its windows and streams are memory that peers can announce in ways of their own, and no front needs
//! it so far.

mod connection;
mod reply;
mod rouse;
mod serve;
mod socket;
mod watch;

use crate::connections::Admission;
use crate::driver::Ended;
use crate::mailbox::Mailbox;
use crate::options::{ABANDONED_MS, HTTP_BUFFER_BYTES};
use crate::tcp::Service;
use connection::Connection;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use millstream_front::http as front;
use millstream_types::EngineTime;
use reply::Payload;
use rouse::Rousing;
use socket::Socket;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Sleep;
use watch::Overdue;

/// Serves one connection to its end, the end of an exchange that was left behind included.
pub(crate) async fn drive(
    stream: TcpStream,
    front: Arc<dyn front::Service>,
    service: Service,
    peer: IpAddr,
    admission: Admission,
) -> Ended {
    let connection = Connection::new(front, service, peer);
    let mailbox = admission.mailbox();
    let ended = {
        let socket = Socket::new(stream, connection.clone());
        let serving = connection.clone();
        let serve = hyper::service::service_fn(move |request| serve::serve(serving.clone(), request));
        let mut hyper = http1::Builder::new().max_buf_size(HTTP_BUFFER_BYTES).serve_connection(socket, serve);
        let mut turns = Turns::new(&connection, mailbox);
        let ended = poll_fn(|cx| turns.poll(&mut hyper, cx)).await;
        if turns.has_spoken_last {
            let parts = hyper.into_parts();
            if connection.leaves_input() || !parts.read_buf.is_empty() {
                parts.io.linger().await;
            }
        }
        ended
    };
    // An answer that was given in parts is over with its connection: hyper has dropped it.
    if connection.abandon() {
        finish_abandoned(&connection, mailbox).await;
    }
    ended
}

/// Pumps an exchange without a client until it responds, and not much longer than until the broker stops.
async fn finish_abandoned(connection: &Connection, mailbox: &Mailbox) {
    let responded = poll_fn(|cx| connection.poll_exchange(cx).map(drop));
    let given_up = async {
        poll_fn(|cx| match mailbox.take(&mut Vec::new()) {
            false if mailbox.sleep(cx.waker(), false) => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
        tokio::time::sleep(Duration::from_millis(ABANDONED_MS)).await;
    };
    tokio::select! {
        () = responded => {}
        () = given_up => {
            tracing::warn!(name = connection.front.name(), "an exchange without a client did not end in time");
        }
    }
}

/// The turns of a connection's task while its client is there.
struct Turns<'a> {
    connection: &'a Connection,
    mailbox: &'a Mailbox,
    /// No request is taken any more, and what is under way has time until then.
    until: Option<EngineTime>,
    draining: bool,
    /// Everything was written, and the client was told that nothing more comes.
    has_spoken_last: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// When the timer fires.
    armed_at: EngineTime,
    rousing: Rousing,
}

impl Turns<'_> {
    fn new<'a>(connection: &'a Connection, mailbox: &'a Mailbox) -> Turns<'a> {
        Turns {
            connection,
            mailbox,
            until: None,
            draining: false,
            has_spoken_last: false,
            timer: None,
            armed_at: EngineTime(0),
            rousing: Rousing::new(),
        }
    }

    /// Ready when the connection has ended or is to be dropped.
    fn poll<S>(&mut self, hyper: &mut http1::Connection<Socket, S>, cx: &mut Context<'_>) -> Poll<Ended>
    where
        S: HttpService<hyper::body::Incoming, ResBody = Payload, Error = Infallible>,
    {
        let options = &self.connection.service.options;
        loop {
            let now = self.connection.service.backend.now();
            self.connection.watch.lock().turn(now);
            if !self.draining && self.mailbox.take(&mut Vec::new()) {
                self.draining = true;
                self.finish(hyper, now.after_ms(options.finish_ms));
            }
            let mut rousing = Context::from_waker(self.rousing.of(cx));
            if let Poll::Ready(ended) = Pin::new(&mut *hyper).poll(&mut rousing) {
                return Poll::Ready(self.explain(ended));
            }
            let awaited = self.connection.service.output_budget.is_awaited();
            let overdue = self.connection.watch.lock().overdue(options, awaited);
            match overdue {
                // Once more: half a head was left of what came with the last request.
                Some(Overdue::Idle) if self.until.is_some() => return Poll::Ready(Ended::Orderly),
                Some(Overdue::Idle) => {
                    self.finish(hyper, now.after_ms(options.finish_ms));
                    continue;
                }
                Some(Overdue::Cut(reason)) => {
                    return Poll::Ready(Ended::Because(reason.to_owned()));
                }
                None => {}
            }
            if self.until.is_some_and(|until| until <= now) {
                let reason = "a request was not answered before the end".to_owned();
                return Poll::Ready(Ended::Because(reason));
            }
            if self.arm_timer(now, cx) && self.mailbox.sleep(cx.waker(), self.draining) {
                return Poll::Pending;
            }
        }
    }

    /// Takes no further requests.
    fn finish<S>(&mut self, hyper: &mut http1::Connection<Socket, S>, until: EngineTime)
    where
        S: HttpService<hyper::body::Incoming, ResBody = Payload, Error = Infallible>,
    {
        self.connection.end_streams();
        Pin::new(hyper).graceful_shutdown();
        self.until = Some(self.until.map_or(until, |before| before.min(until)));
    }

    /// What hyper's end means. Whoever sent something else than HTTP was told so, and may not have been read to its end.
    fn explain(&mut self, ended: hyper::Result<()>) -> Ended {
        match ended {
            Ok(()) => {
                self.has_spoken_last = true;
                Ended::Orderly
            }
            Err(error) if error.is_parse() => {
                self.has_spoken_last = true;
                self.connection.leave_input(true);
                Ended::Because(format!("malformed HTTP: {error}"))
            }
            Err(error) => Ended::Lost(io::Error::other(error)),
        }
    }

    /// Sets the timer to the earliest moment at which something may be due; one that fires too early costs a look.
    /// `false` when that is now.
    fn arm_timer(&mut self, now: EngineTime, cx: &mut Context<'_>) -> bool {
        let due = self.connection.watch.lock().next(&self.connection.service.options);
        let Some(next) = due.into_iter().chain(self.until).min() else { return true };
        if next <= now {
            return false;
        }
        let wait = Duration::from_millis(next.since_ms(now));
        match &mut self.timer {
            None => {
                self.armed_at = next;
                self.timer = Some(Box::pin(tokio::time::sleep(wait)));
            }
            Some(timer) if next < self.armed_at || timer.is_elapsed() => {
                self.armed_at = next;
                timer.set(tokio::time::sleep(wait));
            }
            Some(_) => {}
        }
        self.timer.as_mut().is_none_or(|timer| timer.as_mut().poll(cx).is_pending())
    }
}
