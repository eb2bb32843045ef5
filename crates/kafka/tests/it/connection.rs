//! One connection to the broker without sockets: requests in, whole answers out.
//!
//! Apart because it is the driver's half: it carries out what the session wants, as `net` does, and can hold requests back
//! to see what waits for what.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use millstream_core::Reply;
use millstream_front::backend::{Blocking, Inbox};
use millstream_front::{
    Authorizer, Backend, Close, Event, Io, ReadOutcome, Session, SessionFactory, Submission, Watch,
};
use millstream_kafka::codec::frame::{read_response, write_request};
use millstream_kafka::codec::{Message, RequestMessage, Writer};
use millstream_kafka::{KafkaOptions, Listener};
use millstream_testkit::broker::{TestBroker, TestInbox};
use millstream_types::ErrorKind;
use std::sync::Arc;

pub(crate) const NODE: i32 = 1;

pub(crate) fn options() -> KafkaOptions {
    KafkaOptions {
        advertised: ("broker.test".to_owned(), 9092),
        auto_create: true,
        default_logs: 2,
        node_id: NODE,
    }
}

pub(crate) struct Connection {
    pub(crate) broker: Arc<TestBroker>,
    backend: Arc<dyn Backend>,
    session: Box<dyn Session>,
    queue: Arc<TestInbox>,
    input: BytesMut,
    output: BytesMut,
    watch: Option<Watch>,
    /// Requests for the shard stay in `held` until a test releases them.
    pub(crate) hold: bool,
    pub(crate) held: Vec<Submission>,
    pub(crate) closed: Option<Close>,
    /// Memory that the driver has for what requests cost beside their bytes.
    pub(crate) spare_bytes: usize,
    /// What the requests cost the memory budget: their bytes and the surcharge.
    received_bytes: usize,
    settled_bytes: usize,
    next_id: i32,
}

impl Connection {
    pub(crate) fn open(broker: &Arc<TestBroker>) -> Connection {
        Connection::with(broker, options())
    }

    pub(crate) fn with(broker: &Arc<TestBroker>, options: KafkaOptions) -> Connection {
        let backend: Arc<dyn Backend> = broker.clone();
        let listener = Listener::new(options, Arc::new(Authorizer::local_only()));
        Connection {
            broker: broker.clone(),
            session: listener.session("127.0.0.1:50000".parse().expect("an address"), &backend),
            backend,
            queue: Arc::default(),
            input: BytesMut::new(),
            output: BytesMut::new(),
            watch: None,
            hold: false,
            held: Vec::new(),
            closed: None,
            spare_bytes: 1 << 20,
            received_bytes: 0,
            settled_bytes: 0,
            next_id: 1,
        }
    }

    /// Sends a request; its answer, if there is one yet, can be taken afterwards. Returns the correlation id.
    pub(crate) fn send<M: RequestMessage>(&mut self, version: i16, request: &M) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        let mut w = Writer::new();
        write_request(&mut w, version, id, Some("tester"), request).expect("the version carries it");
        self.send_bytes(&w.into_bytes());
        id
    }

    /// Sends a frame without its size.
    pub(crate) fn send_frame(&mut self, frame: &[u8]) {
        let mut bytes = BytesMut::new();
        bytes.put_u32(u32::try_from(frame.len()).expect("a short frame"));
        bytes.put_slice(frame);
        self.send_bytes(&bytes);
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.received_bytes += bytes.len();
        self.input.extend_from_slice(bytes);
        self.run();
    }

    /// The next answer as a frame without its size.
    pub(crate) fn take_frame(&mut self) -> Option<Bytes> {
        let size = u32::from_be_bytes(*self.output.first_chunk::<4>()?) as usize;
        self.output.advance(4);
        Some(self.output.split_to(size).freeze())
    }

    /// The next answer.
    pub(crate) fn take<M: Message>(&mut self, version: i16) -> Option<(i32, M)> {
        let frame = self.take_frame()?;
        Some(read_response(version, frame).expect("answers can be read"))
    }

    /// Sends a request and takes its answer, which must come at once and alone.
    pub(crate) fn call<M: RequestMessage>(&mut self, version: i16, request: &M) -> M::Response {
        let id = self.send(version, request);
        assert_eq!(self.closed, None);
        let (answered, response) = self.take(version).expect("an answer");
        assert_eq!(answered, id);
        assert!(self.output.is_empty(), "one answer per request");
        assert!(self.session.is_idle());
        assert_eq!(self.settled_bytes, self.received_bytes, "every byte is settled once");
        response
    }

    /// Lets time pass.
    pub(crate) fn advance_ms(&mut self, ms: i64) {
        self.broker.advance_ms(ms);
        self.run();
    }

    /// Hands one held request to the shard.
    pub(crate) fn release(&mut self, index: usize) {
        let submission = self.held.remove(index);
        self.submit(vec![submission]);
        self.run();
    }

    /// Answers every held request as the engine does when it takes none.
    pub(crate) fn refuse_held(&mut self, kind: ErrorKind) {
        let held = std::mem::take(&mut self.held);
        self.queue.deliver(&mut held.into_iter().map(|submission| (submission.tag, Reply::Refused(kind))));
        self.run();
    }

    fn submit(&mut self, submissions: Vec<Submission>) {
        let inbox: Arc<dyn Inbox> = self.queue.clone();
        self.backend.submit(&inbox, submissions);
    }

    /// Goes on until nothing happens any more.
    pub(crate) fn run(&mut self) {
        while self.closed.is_none() && self.step() {}
    }

    /// Takes input and delivers what has happened. Whether anything did.
    fn step(&mut self) -> bool {
        let now = self.backend.now();
        let mut events: Vec<Event> =
            self.queue.take().into_iter().map(|(tag, reply)| Event::Reply(tag, reply)).collect();
        if let Some(watch) = self.watch.take_if(|watch| {
            let still = |log| self.backend.log(log).map(|log| log.high_watermark());
            watch.logs.iter().any(|(log, seen)| still(*log) != Some(*seen))
        }) {
            events.push(Event::Moved(watch.tag));
        }
        if self.session.deadline().is_some_and(|due| due <= now) {
            events.push(Event::Deadline);
        }
        let mut happened = !events.is_empty();
        for event in events {
            let mut io = Io::default();
            let done = self.session.handle(now, event, &mut io);
            self.carry_out(io, done.err());
        }
        let waiting = self.input.len();
        if waiting > 0 && self.closed.is_none() {
            let mut io = Io { spare_bytes: self.spare_bytes, ..Io::default() };
            let done = self.session.receive(now, &mut self.input, &mut io);
            self.carry_out(io, done.err());
            happened |= self.input.len() < waiting;
        }
        happened
    }

    fn carry_out(&mut self, io: Io, close: Option<Close>) {
        io.output.iter().for_each(|bytes| self.output.extend_from_slice(bytes));
        self.received_bytes += io.surcharge_bytes;
        self.settled_bytes += io.settled_bytes;
        self.watch = io.watch.or(self.watch.take());
        if close.is_some() {
            self.closed = close;
            return;
        }
        if self.hold {
            self.held.extend(io.submissions);
        } else if !io.submissions.is_empty() {
            self.submit(io.submissions);
        }
        for command in io.reads {
            let (log, from, max_bytes) = command.read.into_inner();
            let log = self.backend.log(log).expect("logs of these tests stay");
            let result = match log.read(from, max_bytes, Blocking::Allowed) {
                Ok(ReadOutcome::Data(slice)) => Ok(slice),
                Ok(ReadOutcome::WouldBlock) => unreachable!("memory does not block"),
                Err(error) => Err(error),
            };
            let mut io = Io::default();
            let done = self.session.handle(self.backend.now(), Event::Read(command.tag, result), &mut io);
            self.carry_out(io, done.err());
        }
    }
}
