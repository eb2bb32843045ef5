//! A toy broker and a toy protocol, small enough to see through: frames of a 4-byte length, a kind, a body.
//!
//! Apart because every test module drives the same one.

mod backend;
mod session;

pub(crate) use backend::Toy;
pub(crate) use session::{Kind, grant};

use millstream_front::Budget;
use millstream_net::{Bound, Front, Options, Server, Service};
use session::Factory;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A listener with its broker and runtime.
pub(crate) struct Harness {
    pub(crate) runtime: Runtime,
    pub(crate) server: Option<Server>,
    pub(crate) toy: Arc<Toy>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) output_budget: Arc<Budget>,
    pub(crate) addr: SocketAddr,
}

impl Harness {
    pub(crate) fn new(options: Options, budget_bytes: u64) -> Harness {
        Harness::with_output(options, budget_bytes, 64 << 20)
    }

    pub(crate) fn with_output(options: Options, budget_bytes: u64, output_bytes: u64) -> Harness {
        let front = |toy: &Arc<Toy>| Front::Sessions(Arc::new(Factory(toy.clone())));
        Harness::with_front(front, options, budget_bytes, output_bytes)
    }

    pub(crate) fn with_front(
        front: impl FnOnce(&Arc<Toy>) -> Front,
        options: Options,
        budget_bytes: u64,
        output_bytes: u64,
    ) -> Harness {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let toy = Arc::new(Toy::default());
        let budget = Budget::new(budget_bytes);
        let output_budget = Budget::new(output_bytes);
        let service = Service {
            front: front(&toy),
            backend: toy.clone(),
            budget: budget.clone(),
            output_budget: output_budget.clone(),
            options,
        };
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = bound.addr();
        let server = runtime.block_on(async { bound.serve(service) }).unwrap();
        Harness { runtime, server: Some(server), toy, budget, output_budget, addr }
    }

    pub(crate) fn ordinary() -> Harness {
        Harness::new(Options::default(), 16 << 20)
    }

    pub(crate) fn connect(&self) -> Client {
        // A small receive buffer, before the handshake: by default the kernel takes up to tens of MiB for a client
        // that does not read, on some machines all that a test lets it ask for.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.connect(&self.addr.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        Client { stream }
    }

    pub(crate) fn connections(&self) -> usize {
        self.server.as_ref().unwrap().connections()
    }

    /// Waits until `done`, at most a minute: for what stays so, since a slow machine misses what passes.
    pub(crate) fn eventually(&self, what: &str, done: impl Fn(&Harness) -> bool) {
        for _ in 0..6000 {
            if done(self) {
                return;
            }
            pause(10);
        }
        panic!("did not happen: {what}");
    }
}

pub(crate) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// A frame of the toy protocol.
pub(crate) fn frame(kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len() + 1).unwrap().to_be_bytes().to_vec();
    frame.push(kind as u8);
    frame.extend_from_slice(body);
    frame
}

/// The other end of a connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The body of the next frame.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).unwrap();
        let bytes = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize - 1;
        let mut body = vec![0; bytes];
        self.stream.read_exact(&mut body).unwrap();
        body
    }

    pub(crate) fn ask(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        self.send(&frame(kind, body));
        self.receive()
    }

    /// Whether the connection ends without another byte, within the read timeout.
    pub(crate) fn ends(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// Whether nothing comes, not even the end, for so long.
    pub(crate) fn stays_silent_ms(&mut self, millis: u64) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(millis))).unwrap();
        let outcome = loop {
            match self.stream.read(&mut [0]) {
                // A process that is stopped and continued reads on.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        outcome.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
