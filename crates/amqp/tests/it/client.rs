//! A client without a network: it sends frames, drives the session as `net` would, and reads what comes back.
//!
//! Apart because every test of a method goes through it.

use bytes::{Bytes, BytesMut};
use millstream_amqp::codec::{
    ContentHeader, FrameKind, Long, Method, Output, PROTOCOL_HEADER, Properties, Table, TableBuilder, Value,
    split_frame,
};
use millstream_amqp::{AmqpOptions, Listener, Management, ManagementOptions};
use millstream_core::shard::ShardOptions;
use millstream_front::backend::{Blocking, Inbox};
use millstream_front::budget::Budget;
use millstream_front::{
    Authorizer, Backend, Bell, Close, Event, Io, LogReader, Need, ReadError, ReadOutcome, Session,
    SessionFactory, Watch,
};
use millstream_testkit::broker::{TestBroker, TestInbox};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A broker with one listener.
pub(crate) struct Server {
    pub(crate) broker: Arc<TestBroker>,
    listener: Listener,
}

/// Says whether it was rung.
#[derive(Default)]
struct TestBell(AtomicBool);

impl Bell for TestBell {
    fn ring(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) struct Client {
    broker: Arc<TestBroker>,
    session: Box<dyn Session>,
    inbox: Arc<TestInbox>,
    bell: Arc<TestBell>,
    input: BytesMut,
    received: BytesMut,
    /// Why the session ended, once it has.
    pub(crate) ended: Option<String>,
    /// Bytes that the session took and has not settled.
    pub(crate) unsettled: usize,
    pub(crate) need: usize,
    frame_max: u32,
    /// What the session waits for.
    watch: Option<Watch>,
}

impl Server {
    pub(crate) fn new() -> Server {
        let listener = Listener::new(AmqpOptions { version: "0" }, Arc::new(Authorizer::local_only()));
        Server { broker: TestBroker::new(), listener }
    }

    /// One whose connections draw on a memory budget.
    pub(crate) fn with_memory(memory: &Arc<Budget>) -> Server {
        let Server { broker, listener } = Server::new();
        Server { broker, listener: listener.with_memory(memory.clone()) }
    }

    /// One whose logs in memory may hold so much.
    pub(crate) fn with_ephemeral(bytes_max: u64) -> Server {
        let options = ShardOptions { ephemeral_bytes_max: bytes_max, ..ShardOptions::default() };
        Server { broker: TestBroker::with_options(options), ..Server::new() }
    }

    /// The management API beside it.
    pub(crate) fn management(&self) -> Management {
        let listeners = vec![("amqp", core::net::SocketAddr::from(([127, 0, 0, 1], 5672)))];
        let options = ManagementOptions { version: "0", is_loopback: true, listeners };
        Management::new(options, &self.listener, Arc::new(Authorizer::local_only()))
    }

    /// A connection on which nothing was sent.
    pub(crate) fn raw(&self) -> Client {
        let backend: Arc<dyn Backend> = self.broker.clone();
        let peer = core::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let mut client = Client {
            broker: self.broker.clone(),
            session: self.listener.session(peer, &backend),
            inbox: Arc::default(),
            bell: Arc::default(),
            input: BytesMut::new(),
            received: BytesMut::new(),
            ended: None,
            unsettled: 0,
            need: 0,
            frame_max: 131_072,
            watch: None,
        };
        client.session.attach(client.bell.clone());
        client.drive();
        client
    }

    /// An open connection, and its first channel.
    pub(crate) fn connect(&self) -> Client {
        let mut client = self.raw();
        client.handshake(60);
        client.send(1, &Method::ChannelOpen { out_of_band: "" });
        assert_eq!(client.said(), ["1 ChannelOpenOk { channel_id: Long([]) }"]);
        client
    }
}

impl Client {
    /// Opens the connection.
    pub(crate) fn handshake(&mut self, heartbeat: u16) {
        self.bytes(&PROTOCOL_HEADER);
        assert!(self.said()[0].starts_with("0 ConnectionStart "));
        let mut capabilities = TableBuilder::default();
        capabilities
            .put("consumer_cancel_notify", Value::Bool(true))
            .put("connection.blocked", Value::Bool(true))
            .put("authentication_failure_close", Value::Bool(true));
        let mut properties = TableBuilder::default();
        properties.put("capabilities", Value::Table(capabilities.table()));
        self.send(
            0,
            &Method::ConnectionStartOk {
                client_properties: properties.table(),
                mechanism: "PLAIN",
                response: Long(b"\0guest\0guest"),
                locale: "en_US",
            },
        );
        assert_eq!(self.said(), ["0 ConnectionTune { channel_max: 2047, frame_max: 131072, heartbeat: 60 }"]);
        self.send(0, &Method::ConnectionTuneOk { channel_max: 2047, frame_max: 131_072, heartbeat });
        self.send(0, &Method::ConnectionOpen { virtual_host: "/", capabilities: "", insist: false });
        assert_eq!(self.said(), ["0 ConnectionOpenOk { known_hosts: \"\" }"]);
    }

    /// Sends bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.drive();
    }

    /// Sends bytes, and hears nothing of what comes of them yet.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        let mut io = Io { spare_bytes: usize::MAX, ..Io::default() };
        let before = self.input.len();
        let need = self.session.receive(self.broker.now(), &mut self.input, &mut io);
        self.need = need.expect("nothing is wrong with it").0;
        self.unsettled += before - self.input.len() + io.surcharge_bytes;
        self.carry_out(io);
    }

    /// Sends a method.
    pub(crate) fn send(&mut self, channel: u16, method: &Method<'_>) {
        let mut output = Output::default();
        output.method(channel, method);
        self.bytes(&bytes_of(output));
    }

    /// Sends a method and gives what comes back.
    pub(crate) fn ask(&mut self, method: &Method<'_>) -> Vec<String> {
        self.send(1, method);
        self.said()
    }

    /// Sends a message on channel 1.
    pub(crate) fn publish(
        &mut self,
        exchange: &str,
        routing_key: &str,
        properties: &Properties<'_>,
        body: &[u8],
    ) {
        self.bytes(&published(exchange, routing_key, false, properties, body));
    }

    /// Declares a durable queue.
    pub(crate) fn declare(&mut self, queue: &str, arguments: &[(&str, Value<'_>)]) -> Vec<String> {
        let mut table = TableBuilder::default();
        for (name, value) in arguments {
            table.put(name, *value);
        }
        self.ask(&declare(queue, table.table()))
    }

    /// Consumes with acknowledgement.
    pub(crate) fn consume(&mut self, queue: &str, tag: &str) -> Vec<String> {
        self.ask(&consume(queue, tag, false))
    }

    /// Lets time pass.
    pub(crate) fn advance_ms(&mut self, ms: i64) {
        self.broker.advance_ms(ms);
        if self.ended.is_none() && self.session.deadline().is_some_and(|due| due <= self.broker.now()) {
            self.event(Event::Deadline);
        }
        self.drive();
    }

    /// Everything that came since the last look: a line for each frame.
    pub(crate) fn said(&mut self) -> Vec<String> {
        self.drive();
        let mut said = Vec::new();
        while let Ok(Ok(frame)) = split_frame(&mut self.received, self.frame_max) {
            let channel = frame.channel;
            said.push(match frame.kind {
                FrameKind::Method => {
                    format!("{channel} {:?}", Method::decode(&frame.payload).expect("a method"))
                }
                FrameKind::Header => {
                    let header = ContentHeader::decode(&frame.payload).expect("a header");
                    let properties = header.properties;
                    format!("{channel} header {} {}", header.body_bytes, brief(&properties))
                }
                FrameKind::Body => format!("{channel} body {}", String::from_utf8_lossy(&frame.payload)),
                FrameKind::Heartbeat => "heartbeat".to_owned(),
            });
        }
        said
    }

    /// The `reply-to` of the first message that came; what came with it is taken.
    pub(crate) fn raw_reply_to(&mut self) -> String {
        self.drive();
        let mut found = None;
        while let Ok(Ok(frame)) = split_frame(&mut self.received, self.frame_max) {
            if frame.kind == FrameKind::Header && found.is_none() {
                let header = ContentHeader::decode(&frame.payload).expect("a header");
                found = header.properties.reply_to.map(str::to_owned);
            }
        }
        found.expect("a message with an address")
    }

    /// What came that was no frame.
    pub(crate) fn raw_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received).to_vec()
    }

    /// The connection is gone.
    pub(crate) fn drop_connection(mut self) {
        let mut io = Io::default();
        self.session.end(self.broker.now(), &mut io);
        let inbox: Arc<dyn Inbox> = Arc::<TestInbox>::default();
        self.broker.submit(&inbox, io.submissions);
    }

    fn drive(&mut self) {
        while self.ended.is_none() {
            let mut io = Io { spare_bytes: usize::MAX, ..Io::default() };
            let before = self.input.len();
            let received = self.session.receive(self.broker.now(), &mut self.input, &mut io);
            let taken = before - self.input.len();
            self.unsettled += taken + io.surcharge_bytes;
            assert!(io.unfinished_bytes <= self.unsettled, "what is unfinished was taken");
            let mut busy = taken > 0;
            match received {
                Ok(Need(need)) => self.need = need,
                Err(close) => self.ended = Some(close.reason),
            }
            busy |= self.carry_out(io);
            if self.bell.0.swap(false, Ordering::Relaxed) {
                busy = true;
                self.event(Event::Rung);
            }
            if self.has_moved()
                && let Some(watch) = self.watch.take()
            {
                busy = true;
                self.event(Event::Moved(watch.tag));
            }
            for (tag, reply) in self.inbox.take() {
                busy = true;
                self.event(Event::Reply(tag, reply));
            }
            if !busy {
                return;
            }
        }
    }

    fn event(&mut self, event: Event) {
        if self.ended.is_some() {
            return;
        }
        let mut io = Io::default();
        if let Err(Close { reason }) = self.session.handle(self.broker.now(), event, &mut io) {
            self.ended = Some(reason);
        }
        self.carry_out(io);
    }

    /// Whether a log that the session watches is not as it has seen it.
    fn has_moved(&self) -> bool {
        let logs = self.watch.iter().flat_map(|watch| &watch.logs);
        logs.into_iter().any(|(log, seen)| {
            self.broker.log(*log).is_none_or(|log| LogReader::high_watermark(&*log) != *seen)
        })
    }

    fn carry_out(&mut self, io: Io) -> bool {
        if io.watch.is_some() {
            self.watch = io.watch;
        }
        let busy = !io.submissions.is_empty() || !io.reads.is_empty();
        io.output.iter().for_each(|chunk| self.received.extend_from_slice(chunk));
        self.unsettled =
            self.unsettled.checked_sub(io.settled_bytes).expect("no more is settled than was taken");
        let inbox: Arc<dyn Inbox> = self.inbox.clone();
        self.broker.submit(&inbox, io.submissions);
        for read in io.reads {
            let (log, from, bytes_max) = *read.read.get();
            let outcome = match self.broker.log(log) {
                None => Err(ReadError::Deleted),
                Some(log) => match LogReader::read(&*log, from, bytes_max, Blocking::Allowed) {
                    Ok(ReadOutcome::Data(slice)) => Ok(slice),
                    Ok(ReadOutcome::WouldBlock) => unreachable!("memory never waits"),
                    Err(error) => Err(error),
                },
            };
            self.event(Event::Read(read.tag, outcome));
        }
        busy
    }
}

fn brief(properties: &Properties<'_>) -> String {
    let mut words = Vec::new();
    words.extend(properties.content_type.map(|text| format!("type={text}")));
    words.extend(properties.delivery_mode.map(|mode| format!("mode={mode}")));
    words.extend(properties.priority.map(|priority| format!("priority={priority}")));
    words.extend(properties.correlation_id.map(|text| format!("correlation={text}")));
    words.extend(properties.expiration.map(|text| format!("expiration={text}")));
    for (name, value) in properties.headers.unwrap_or_default().iter() {
        words.push(match value.as_text() {
            Some(text) => format!("{name}={text}"),
            None => format!("{name}={value:?}"),
        });
    }
    words.join(" ")
}

pub(crate) fn bytes_of(mut output: Output) -> Vec<u8> {
    let mut chunks = Vec::new();
    output.drain_into(&mut chunks);
    chunks.concat()
}

/// The frames of a message on channel 1.
pub(crate) fn published(
    exchange: &str,
    routing_key: &str,
    mandatory: bool,
    properties: &Properties<'_>,
    body: &[u8],
) -> Vec<u8> {
    let mut output = Output::default();
    let publish = Method::BasicPublish { ticket: 0, exchange, routing_key, mandatory, immediate: false };
    output.method(1, &publish);
    output.content(1, properties, &Bytes::copy_from_slice(body), 131_072);
    bytes_of(output)
}

pub(crate) fn declare<'a>(queue: &'a str, arguments: Table<'a>) -> Method<'a> {
    Method::QueueDeclare {
        ticket: 0,
        queue,
        passive: false,
        durable: true,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments,
    }
}

pub(crate) fn consume<'a>(queue: &'a str, consumer_tag: &'a str, no_ack: bool) -> Method<'a> {
    Method::BasicConsume {
        ticket: 0,
        queue,
        consumer_tag,
        no_local: false,
        no_ack,
        exclusive: false,
        nowait: false,
        arguments: Table::default(),
    }
}

pub(crate) fn ack(delivery_tag: u64) -> Method<'static> {
    Method::BasicAck { delivery_tag, multiple: false }
}

pub(crate) fn get(queue: &str) -> Method<'_> {
    Method::BasicGet { ticket: 0, queue, no_ack: false }
}
