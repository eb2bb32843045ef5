//! A TCP listener: binds, accepts, spawns a driver per connection, drains.
//!
//! Apart because the accept loop must survive everything: errors of `accept` are logged and waited out, a connection
//! that panics takes nothing with it, and a listener at its limits refuses quickly and goes on.

use crate::connections::{Admission, ConnectionCounts, Connections, Refusal};
use crate::driver::{Budgets, Driver, Ended};
use crate::http;
use crate::options::Options;
use millstream_front::{Backend, Budget, OperationMeters, SessionFactory};
use millstream_types::EngineTime;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Connections the kernel holds for us; more than the default of 128, since clients come in bursts after a restart.
const BACKLOG: i32 = 1024;
/// Pause after `accept` failed for want of resources, doubled up to the maximum while it goes on.
const ACCEPT_PAUSE_MS: u64 = 10;
const ACCEPT_PAUSE_MS_MAX: u64 = 1_000;
/// Refused connections are reported at most this often.
const REFUSALS_REPORTED_MS: u64 = 10_000;
/// A silent peer is probed after so long, so that one that vanished is noticed within two minutes.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(10))
    .with_retries(6);

/// What answers a listener's clients.
#[derive(Clone)]
pub enum Front {
    /// A session per connection.
    Sessions(Arc<dyn SessionFactory>),
    /// A service for the requests of all connections, which speak HTTP.
    Http(Arc<dyn millstream_front::http::Service>),
}

impl Front {
    /// The protocol's name, for logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Front::Sessions(factory) => factory.name(),
            Front::Http(service) => service.name(),
        }
    }

    /// What is counted of its operations, if that is done.
    #[must_use]
    pub fn meters(&self) -> Option<Arc<OperationMeters>> {
        match self {
            Front::Sessions(factory) => factory.meters(),
            Front::Http(service) => service.meters(),
        }
    }
}

/// What a listener serves, and with what.
#[derive(Clone)]
pub struct Service {
    /// What answers.
    pub front: Front,
    /// The broker.
    pub backend: Arc<dyn Backend>,
    /// Memory for requests, shared by all listeners.
    pub budget: Arc<Budget>,
    /// Memory for what was read from logs and waits to be written, shared by all listeners.
    pub output_budget: Arc<Budget>,
    /// Limits.
    pub options: Options,
}

/// An address that is taken and not yet listened on: clients are refused until [`Bound::serve`].
#[derive(Debug)]
pub struct Bound {
    socket: Socket,
    addr: SocketAddr,
}

impl Bound {
    /// Takes an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is in use or not ours.
    pub fn bind(addr: SocketAddr) -> io::Result<Bound> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // Connections of the process before linger in the kernel for a while; they must not hinder a restart.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        let addr = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Bound { socket, addr })
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Listens, and serves every connection until [`Server::drain`]. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When another process came to listen on the address first.
    pub fn serve(self, service: Service) -> io::Result<Server> {
        self.socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(self.socket.into())?;
        let connections = Connections::new(&service.options);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, service, connections.clone(), stopped));
        Ok(Server { addr: self.addr, connections, stop, task })
    }
}

/// A listener at work. Dropping it stops listening and finishes the connections like [`Server::drain`], without
/// waiting for them.
pub struct Server {
    addr: SocketAddr,
    connections: Arc<Connections>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it knows of its connections.
    pub(crate) fn registry(&self) -> Arc<Connections> {
        self.connections.clone()
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Its connections, for whoever watches them after the server is gone from here.
    #[must_use]
    pub fn watch_connections(&self) -> ConnectionsWatch {
        ConnectionsWatch(self.connections.clone())
    }

    /// Stops accepting, lets every connection finish the requests under way (for at most `finish_ms` of the options),
    /// and closes them.
    pub async fn drain(self) {
        // The loop is gone only if it panicked, and then there is nobody to tell.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener ended early");
        }
    }
}

/// A look at the connections of a listener, at any time.
#[derive(Clone)]
pub struct ConnectionsWatch(Arc<Connections>);

impl ConnectionsWatch {
    /// What there is and was.
    #[must_use]
    pub fn counts(&self) -> ConnectionCounts {
        self.0.counts()
    }
}

async fn accept(
    listener: TcpListener,
    service: Service,
    connections: Arc<Connections>,
    mut stopped: oneshot::Receiver<()>,
) {
    let name = service.front.name();
    let loans = Budget::new(1);
    let mut tasks = JoinSet::new();
    let mut pause_ms = ACCEPT_PAUSE_MS;
    let mut refusals = Refusals::default();
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause_ms = ACCEPT_PAUSE_MS;
                match connections.admit(peer, service.backend.now()) {
                    Ok(admission) => {
                        let (service, loans) = (service.clone(), loans.clone());
                        tasks.spawn(connection(stream, peer, service, loans, admission, connections.clone()));
                    }
                    Err(refusal) => refusals.count(service.backend.now(), name, peer, refusal),
                }
            }
            // The peer gave up before we came: nothing is wrong with us.
            Err(error) if is_peers(&error) => {
                tracing::debug!(%error, name, "a connection ended before it began")
            }
            Err(error) => {
                tracing::error!(%error, name, pause_ms, "cannot accept connections; trying again");
                tokio::select! {
                    _ = &mut stopped => break,
                    () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
                }
                pause_ms = (pause_ms * 2).min(ACCEPT_PAUSE_MS_MAX);
            }
        }
    }
    drop(listener);
    connections.drain();
    // Connections end by themselves within `finish_ms`; one that does not is stuck in its session.
    let limit = Duration::from_millis(service.options.finish_ms + ACCEPT_PAUSE_MS_MAX);
    let finish = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(limit, finish).await.is_err() {
        tracing::warn!(name, connections = connections.count(), "connections did not end in time");
    }
}

/// Whether an error of `accept` concerns only the connection that was about to be accepted.
fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// One connection from its first moment to its last. A panic inside ends it and nothing else.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    loans: Arc<Budget>,
    admission: Admission,
    connections: Arc<Connections>,
) {
    let name = service.front.name();
    tracing::debug!(name, %peer, "connected");
    match isolated(Box::pin(drive(stream, peer, service, loans, admission))).await {
        Ok(Ended::Orderly) => tracing::debug!(name, %peer, "disconnected"),
        Ok(Ended::Lost(error)) => tracing::debug!(name, %peer, %error, "disconnected"),
        Ok(Ended::Because(reason)) => tracing::info!(name, %peer, reason, "disconnected"),
        Err(panic) => {
            connections.panicked();
            tracing::error!(name, %peer, panic, "a connection panicked and was closed");
        }
    }
}

async fn drive(
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    loans: Arc<Budget>,
    admission: Admission,
) -> Ended {
    match prepare(&stream) {
        Ok(()) => driven(stream, peer, service, loans, admission).await,
        Err(error) => Ended::Lost(error),
    }
}

/// What drives a connection. Boxed, so that a connection costs what its own front needs.
fn driven(
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    loans: Arc<Budget>,
    admission: Admission,
) -> Pin<Box<dyn Future<Output = Ended> + Send>> {
    let factory = match &service.front {
        Front::Sessions(factory) => factory,
        Front::Http(front) => {
            let front = front.clone();
            return Box::pin(http::drive(stream, front, service, peer.ip(), admission));
        }
    };
    let session = factory.session(peer, &service.backend);
    let Service { front: _, backend, budget, output_budget, options } = service;
    let budgets = Budgets { requests: budget, loans, output: output_budget };
    let mut driver = Driver::new(stream, session, backend, budgets, options, admission);
    Box::pin(poll_fn(move |cx| driver.poll(cx)))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)
}

/// Runs a future; its panic becomes an error with the panic's message.
async fn isolated<T>(mut future: Pin<Box<impl Future<Output = T>>>) -> Result<T, String> {
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Poll::Ready(Err(text.unwrap_or_else(|| "without a message".to_owned())))
        }
    })
    .await
}

/// Counts refused connections and reports them now and then, so that a flood does not flood the log.
#[derive(Default)]
struct Refusals {
    unreported: u64,
    reported_at: Option<EngineTime>,
}

impl Refusals {
    fn count(&mut self, now: EngineTime, name: &str, peer: SocketAddr, refusal: Refusal) {
        self.unreported += 1;
        if self.reported_at.is_none_or(|at| now.since_ms(at) >= REFUSALS_REPORTED_MS) {
            let refused = std::mem::take(&mut self.unreported);
            tracing::warn!(name, %peer, ?refusal, refused, "too many connections; refused");
            self.reported_at = Some(now);
        }
    }
}
