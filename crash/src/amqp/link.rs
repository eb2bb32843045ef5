//! The lean AMQP client: one connection with one channel, made again whenever it breaks, frames by the project's codec.
//!
//! Apart because the loads must know one thing exactly, and it is decided here: what was heard was said, and of what was said
//! and not answered nobody knows.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use bytes::{Bytes, BytesMut};
use millstream_amqp::codec::{
    ContentHeader, Frame, FrameKind, Long, Method, Output, PROTOCOL_HEADER, Properties, Table, TableBuilder,
    Value, split_frame,
};

use super::places::message_of;
use crate::clock;

/// A broker that says nothing for this long has lost the request.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The one channel.
const CHANNEL: u16 = 1;
const FRAME_BYTES_MAX: u32 = 131_072;
const READ_BYTES: usize = 64 << 10;

/// Why nothing was heard.
pub(super) enum Silence {
    /// The connection is gone.
    Gone,
    /// The broker said what it must not say.
    Wrong(anyhow::Error),
}

impl From<std::io::Error> for Silence {
    fn from(_: std::io::Error) -> Silence {
        Silence::Gone
    }
}

impl From<anyhow::Error> for Silence {
    fn from(error: anyhow::Error) -> Silence {
        Silence::Wrong(error)
    }
}

/// What a call of a [`Link`] gives.
pub(super) type Heard<T> = Result<T, Silence>;

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) tag: u64,
    /// The message's number.
    pub(super) number: u64,
    /// The how-many-th delivery it is, as far as the broker says; of a queue that does not count 1 or 2.
    pub(super) count: u32,
}

/// What the broker says unasked, or answers.
pub(super) enum Word {
    /// A message for a consumer.
    Delivered(Came),
    /// A message that was published comes back; its number.
    Returned(u64),
    /// A message was confirmed, or all up to it; or refused.
    Confirmed { tag: u64, multiple: bool, taken: bool },
    /// The answer to `basic.get`.
    Got(Option<Came>),
    /// The answer to a passive declaration: so many messages are ready.
    Counted,
    /// The end of the channel, which is open again: the code.
    Closed(u16),
    /// The answer to anything else.
    Done,
}

/// A connection, when there is one.
pub(super) struct Link {
    address: SocketAddr,
    stream: Option<TcpStream>,
    input: BytesMut,
}

impl Link {
    /// To an address, not connected yet.
    pub(super) fn new(address: SocketAddr) -> Link {
        Link { address, stream: None, input: BytesMut::new() }
    }

    /// Ends the connection without a word.
    pub(super) fn cut(&mut self) {
        self.stream = None;
        self.input.clear();
    }

    /// Whether there is a connection, after one try to make one; and whether it is new.
    ///
    /// # Errors
    /// When the broker says what it must not say.
    pub(super) fn connect(&mut self) -> anyhow::Result<(bool, bool)> {
        if self.stream.is_some() {
            return Ok((true, false));
        }
        match self.open() {
            Ok(()) => Ok((true, true)),
            Err(Silence::Gone) => {
                self.cut();
                Ok((false, false))
            }
            Err(Silence::Wrong(error)) => Err(error),
        }
    }

    fn open(&mut self) -> Heard<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.write_all(&PROTOCOL_HEADER)?;
        self.stream = Some(stream);
        self.input.clear();
        let mut capabilities = TableBuilder::default();
        capabilities.put("consumer_cancel_notify", Value::Bool(true));
        let mut properties = TableBuilder::default();
        properties.put("capabilities", Value::Table(capabilities.table()));
        self.expect("connection.start")?;
        self.say_on(
            0,
            &Method::ConnectionStartOk {
                client_properties: properties.table(),
                mechanism: "PLAIN",
                response: Long(b"\0guest\0guest"),
                locale: "en_US",
            },
        )?;
        self.expect("connection.tune")?;
        self.say_on(
            0,
            &Method::ConnectionTuneOk { channel_max: 2047, frame_max: FRAME_BYTES_MAX, heartbeat: 0 },
        )?;
        self.say_on(0, &Method::ConnectionOpen { virtual_host: "/", capabilities: "", insist: false })?;
        self.expect("connection.open-ok")?;
        self.open_channel()
    }

    fn open_channel(&mut self) -> Heard<()> {
        self.say(&Method::ChannelOpen { out_of_band: "" })?;
        self.expect("channel.open-ok")
    }

    /// Waits for one method, by its name.
    fn expect(&mut self, name: &str) -> Heard<()> {
        let frame = self.frame(SILENCE_MAX)?.ok_or_else(|| anyhow!("nothing said instead of {name}"))?;
        let method = decoded(&frame)?;
        if method.kind().name() == name {
            return Ok(());
        }
        Err(anyhow!("{method:?} instead of {name}").into())
    }

    /// Says something on the channel.
    pub(super) fn say(&mut self, method: &Method<'_>) -> Heard<()> {
        self.say_on(CHANNEL, method)
    }

    fn say_on(&mut self, channel: u16, method: &Method<'_>) -> Heard<()> {
        let mut output = Output::default();
        output.method(channel, method);
        self.send(output)
    }

    fn send(&mut self, mut output: Output) -> Heard<()> {
        let mut chunks = Vec::new();
        output.drain_into(&mut chunks);
        let mut stream = self.stream.as_ref().ok_or(Silence::Gone)?;
        chunks.iter().try_for_each(|chunk| stream.write_all(chunk)).map_err(|_| Silence::Gone)
    }

    /// Publishes messages, each with where it goes to, its number and whether it is to come back when nobody gets it.
    pub(super) fn publish(&mut self, messages: &[(&str, &str, u64, bool)]) -> Heard<()> {
        let mut output = Output::default();
        for (exchange, routing_key, number, mandatory) in messages {
            let publish = Method::BasicPublish {
                ticket: 0,
                exchange,
                routing_key,
                mandatory: *mandatory,
                immediate: false,
            };
            output.method(CHANNEL, &publish);
            let body = Bytes::from(format!("{number}:{}", "x".repeat(40)));
            let properties = Properties { delivery_mode: Some(2), ..Properties::default() };
            output.content(CHANNEL, &properties, &body, FRAME_BYTES_MAX);
        }
        self.send(output)
    }

    /// Asks, and waits for the answer; what comes before it goes to `meanwhile`.
    pub(super) fn ask(
        &mut self,
        method: &Method<'_>,
        mut meanwhile: impl FnMut(Word) -> anyhow::Result<()>,
    ) -> Heard<Word> {
        self.say(method)?;
        loop {
            match self.hear(SILENCE_MAX)? {
                None => return Err(anyhow!("{method:?} is not answered").into()),
                Some(word @ (Word::Delivered(_) | Word::Returned(_) | Word::Confirmed { .. })) => {
                    meanwhile(word)?;
                }
                Some(answer) => return Ok(answer),
            }
        }
    }

    /// Asks for something that is certainly done, where nothing else can be heard.
    pub(super) fn order(&mut self, method: &Method<'_>) -> Heard<()> {
        let stray = |_: Word| -> anyhow::Result<()> { bail!("something is said unasked") };
        match self.ask(method, stray)? {
            Word::Done | Word::Counted => Ok(()),
            Word::Closed(code) => Err(anyhow!("{method:?} is refused with {code}").into()),
            _ => Err(anyhow!("{method:?} has the answer to something else").into()),
        }
    }

    /// Asks how many messages of a queue are ready: what was said before on this channel is done when that is answered.
    pub(super) fn count(
        &mut self,
        queue: &str,
        meanwhile: impl FnMut(Word) -> anyhow::Result<()>,
    ) -> Heard<()> {
        match self.ask(&passive(queue), meanwhile)? {
            Word::Counted => Ok(()),
            _ => Err(anyhow!("the queue {queue} is not there").into()),
        }
    }

    /// The next thing that the broker says, if it says something in time.
    pub(super) fn hear(&mut self, patience: Duration) -> Heard<Option<Word>> {
        let Some(frame) = self.frame(patience)? else { return Ok(None) };
        let word = match decoded(&frame)? {
            Method::BasicDeliver { delivery_tag, redelivered, .. } => {
                Word::Delivered(self.came(delivery_tag, redelivered)?)
            }
            Method::BasicGetOk { delivery_tag, redelivered, .. } => {
                Word::Got(Some(self.came(delivery_tag, redelivered)?))
            }
            Method::BasicGetEmpty { .. } => Word::Got(None),
            Method::BasicReturn { reply_code: 312, .. } => Word::Returned(self.content()?.0),
            Method::BasicAck { delivery_tag, multiple } => {
                Word::Confirmed { tag: delivery_tag, multiple, taken: true }
            }
            Method::BasicNack { delivery_tag, multiple, .. } => {
                Word::Confirmed { tag: delivery_tag, multiple, taken: false }
            }
            Method::QueueDeclareOk { .. } => Word::Counted,
            Method::ChannelClose { reply_code, .. } => {
                self.say(&Method::ChannelCloseOk {})?;
                self.open_channel()?;
                Word::Closed(reply_code)
            }
            method @ (Method::ConnectionClose { .. }
            | Method::BasicCancel { .. }
            | Method::BasicReturn { .. }) => {
                return Err(anyhow!("the broker says {method:?}").into());
            }
            _ => Word::Done,
        };
        Ok(Some(word))
    }

    fn came(&mut self, tag: u64, redelivered: bool) -> Heard<Came> {
        let (number, counted) = self.content()?;
        let count = match counted {
            Some(before) => u32::try_from(before + 1).context("a negative count")?,
            None => 1 + u32::from(redelivered),
        };
        // Only the first delivery does not say how many there were.
        if counted.is_some() && !redelivered {
            return Err(anyhow!("message {number} comes for the {count}th time as if for the first").into());
        }
        Ok(Came { tag, number, count })
    }

    /// The rest of a message: its number, and how often it was delivered before, if that is said.
    fn content(&mut self) -> Heard<(u64, Option<i64>)> {
        let nothing = || anyhow!("a message without a content");
        let header = self.frame(SILENCE_MAX)?.ok_or_else(nothing)?;
        let decoded = ContentHeader::decode(&header.payload).context("a header that cannot be read")?;
        let counted = decoded.properties.headers.unwrap_or_default().find("x-delivery-count");
        let counted = counted.and_then(|value| value.as_integer());
        let body = self.frame(SILENCE_MAX)?.ok_or_else(nothing)?;
        if body.kind != FrameKind::Body || body.payload.len() as u64 != decoded.body_bytes {
            return Err(anyhow!("a body that is not as long as its header says").into());
        }
        Ok((message_of(&body.payload)?, counted))
    }

    /// The next frame, if it comes in time. Once it has begun, it comes.
    fn frame(&mut self, patience: Duration) -> Heard<Option<Frame>> {
        let patience = patience.max(Duration::from_millis(1));
        let until = clock::now_ns() + u64::try_from(SILENCE_MAX.as_nanos()).expect("it is short");
        loop {
            match split_frame(&mut self.input, FRAME_BYTES_MAX) {
                Ok(Ok(frame)) if frame.kind == FrameKind::Heartbeat => continue,
                Ok(Ok(frame)) => return Ok(Some(frame)),
                Ok(Err(_)) => {}
                Err(error) => return Err(anyhow!("a frame that cannot be read: {error}").into()),
            }
            let mut stream = self.stream.as_ref().ok_or(Silence::Gone)?;
            stream.set_read_timeout(Some(patience))?;
            let mut part = [0; READ_BYTES];
            match stream.read(&mut part) {
                Ok(0) => return Err(Silence::Gone),
                Ok(read) => self.input.extend_from_slice(&part[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    if clock::now_ns() > until {
                        return Err(anyhow!("half a frame").into());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Silence::Gone),
            }
        }
    }
}

/// A passive declaration.
pub(super) fn passive(queue: &str) -> Method<'_> {
    Method::QueueDeclare {
        ticket: 0,
        queue,
        passive: true,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: Table::default(),
    }
}

fn decoded(frame: &Frame) -> anyhow::Result<Method<'_>> {
    ensure!(frame.kind == FrameKind::Method, "a {:?} where a method must be", frame.kind);
    Ok(Method::decode(&frame.payload)?)
}
