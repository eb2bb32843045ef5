//! One AMQP connection as a value: frames in, operations, deliveries and confirms out.
//!
//! Apart because the order is here: frames are taken one after the other, and an operation that has to ask the shard
//! holds up those behind it on its channel (`operations.rs`), as long as it takes. So what was declared exists for what
//! comes next. Other channels go on. Messages and acknowledgements ask nobody: they gather, and those of one read go to
//! the shard together.
//!
//! A body is taken from the input as it arrives, without a copy, and its bytes stay counted until the message is in the
//! log; what is missing of it is reserved before it is read.
//!
//! Long, because each of the session's four entrances (input, events, bell, end) touches all of its state, which is here.

mod blocked;
mod channel;
mod confirms;
mod connection;
mod consumer;
mod deliver;
mod follow;
mod handshake;
mod judge;
mod operations;
mod pending;
mod publish;
mod reader;
mod unacked;

pub(crate) use channel::{Channel, Content, Mode, Transaction};
pub(crate) use connection::Connection;
pub(crate) use consumer::{Consumer, Found, Slice, Source};
pub(crate) use deliver::{UNDELIVERED, lease_of, told_count};
pub(crate) use handshake::PRODUCT_VERSION;
pub use judge::{ChannelState, Incoming, Verdict, judge};
pub(crate) use pending::Pending;
pub(crate) use publish::{Appending, Run, Target};
pub(crate) use reader::Reader;
pub(crate) use unacked::Unacked;

use crate::codec::{
    Beginning as FrameBeginning, ContentHeader, DecodeError, FRAME_OVERHEAD_BYTES, Frame, FrameKind, Method,
    MethodKind, Octets, PROTOCOL_HEADER, split_frame,
};
use crate::errors::{Code, Fault, Scope};
use crate::limits::{
    CLOSING_MS, FRAME_BYTES_FIRST, HANDSHAKE_MS, HELD_BYTES_MAX, MESSAGE_BYTES_MAX, OCTETS_SHOWN,
    PENDING_MAX, REFUSED_MS,
};
use crate::ops;
use crate::options::AmqpOptions;
use crate::shared::Shared;
use bytes::{Buf as _, BytesMut};
use core::net::SocketAddr;
use handshake::{Beginning, Refusal};
use millstream_front::limits::ANSWER_BYTES_PER_TURN;
use millstream_front::{Authorizer, Backend, Bell, Close, Event, Io, Need, Session};
use millstream_types::{EngineTime, ErrorKind};
use std::sync::Arc;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The protocol header is awaited.
    Header,
    /// Credentials are.
    StartOk,
    /// Limits are.
    TuneOk,
    /// The virtual host is.
    Open,
    /// Channels are served.
    Running,
    /// The broker said that it ends, and waits for the client's word.
    Closing,
    /// The client said so. What it asked for before is finished first: whoever connects next finds it done.
    Leaving,
    /// The client's credentials were refused, and it could not be told.
    Refused,
}

impl Phase {
    /// RabbitMQ's word for it.
    fn word(self) -> &'static str {
        match self {
            Phase::Header | Phase::StartOk => "starting",
            Phase::TuneOk => "tuning",
            Phase::Open => "opening",
            Phase::Running => "running",
            Phase::Closing | Phase::Leaving | Phase::Refused => "closing",
        }
    }
}

/// The session. See the module's documentation.
pub(crate) struct AmqpSession {
    phase: Phase,
    cx: Connection,
    /// When the connection ends unless it gets further.
    limit: Option<EngineTime>,
    /// Milliseconds between heartbeats; 0: none.
    heartbeat_ms: u64,
    heard: EngineTime,
    said: EngineTime,
    /// Bytes of the input that were left.
    left: usize,
    /// It is us who take no input: the client's heartbeats wait behind it.
    is_held: bool,
}

impl AmqpSession {
    pub(crate) fn new(
        peer: SocketAddr,
        backend: Arc<dyn Backend>,
        options: Arc<AmqpOptions>,
        authorizer: Arc<Authorizer>,
        shared: Arc<Shared>,
    ) -> AmqpSession {
        let cx = Connection::new(peer, backend, options, authorizer, shared);
        let now = cx.now;
        AmqpSession {
            phase: Phase::Header,
            cx,
            limit: Some(now.after_ms(HANDSHAKE_MS)),
            heartbeat_ms: 0,
            heard: now,
            said: now,
            left: 0,
            is_held: false,
        }
    }

    /// Takes frames as long as it may.
    fn take(&mut self, input: &mut BytesMut) -> Result<Need, Close> {
        if self.phase == Phase::Header {
            match handshake::beginning(input) {
                Beginning::Unknown => return Ok(Need(PROTOCOL_HEADER.len())),
                Beginning::Foreign(why) => {
                    self.cx.out.copy(&PROTOCOL_HEADER);
                    return Err(Close::because(why));
                }
                Beginning::Ours => {
                    input.advance(PROTOCOL_HEADER.len());
                    self.cx.settled_bytes += PROTOCOL_HEADER.len();
                    handshake::start(&mut self.cx);
                    self.phase = Phase::StartOk;
                }
            }
        }
        loop {
            let is_full = self.cx.is_blocked()
                || self.cx.pending.busy() >= PENDING_MAX
                || self.cx.out.len() >= ANSWER_BYTES_PER_TURN;
            let is_over = matches!(self.phase, Phase::Refused | Phase::Leaving);
            if is_over || self.cx.held_bytes > HELD_BYTES_MAX || is_full {
                return Ok(Need(0));
            }
            match split_frame(input, self.cx.frame_max) {
                Ok(Ok(frame)) => self.frame(frame)?,
                Ok(Err(need)) => {
                    let (_, missing) = self.cx.unfinished();
                    return Ok(Need(need.max(missing)));
                }
                Err(error) => {
                    // Where the next frame would begin is unknown: nothing more can be read.
                    let rest = input.len();
                    input.clear();
                    self.cx.settled_bytes += rest;
                    if matches!(self.phase, Phase::Closing | Phase::StartOk) {
                        return Err(Close::because(error.to_string()));
                    }
                    self.fail(0, None, Fault::new(Code::FRAME_ERROR, error.to_string()))?;
                }
            }
        }
    }

    /// Takes one frame.
    fn frame(&mut self, frame: Frame) -> Result<(), Close> {
        let cost = frame.payload.len() + FRAME_OVERHEAD_BYTES;
        let Frame { kind, channel, payload } = frame;
        if kind == FrameKind::Heartbeat || self.phase == Phase::Closing || channel == 0 {
            self.cx.settled_bytes += cost;
        }
        if kind == FrameKind::Heartbeat {
            return Ok(());
        }
        let running = matches!(self.phase, Phase::Running | Phase::Closing);
        if channel == 0 || !running {
            if channel != 0 {
                self.cx.settled_bytes += cost;
            }
            return self.connection_frame(kind, &payload);
        }
        if self.phase == Phase::Closing {
            return Ok(());
        }
        let frame = Frame { kind, channel, payload };
        match self.cx.channels.get(&channel) {
            Some(known) if known.waiting.is_some() => {
                self.cx.held.entry(channel).or_default().push_back(frame);
                self.cx.held_bytes += cost;
                Ok(())
            }
            _ => self.channel_frame(frame, cost),
        }
    }

    /// A frame of the connection itself.
    fn connection_frame(&mut self, kind: FrameKind, payload: &[u8]) -> Result<(), Close> {
        if kind != FrameKind::Method {
            let text = FrameBeginning::of(kind.number(), payload).to_string();
            return self.fail(0, None, Fault::new(Code::UNEXPECTED_FRAME, text));
        }
        let method = match Method::decode(payload) {
            Ok(method) => method,
            Err(error) => {
                let (about, fault) = undecodable(payload, error);
                return self.fail(0, about, fault);
            }
        };
        match (self.phase, method) {
            (_, Method::ConnectionCloseOk {}) if self.phase == Phase::Closing => Err(Close::because("")),
            (_, Method::ConnectionClose { .. }) => {
                self.phase = Phase::Leaving;
                self.limit = Some(self.cx.now.after_ms(CLOSING_MS));
                self.leave()
            }
            (Phase::Closing, _) => Ok(()),
            (Phase::StartOk, Method::ConnectionStartOk { client_properties, mechanism, response, .. }) => {
                match handshake::start_ok(&mut self.cx, client_properties, mechanism, response.0) {
                    Ok(()) => self.phase = Phase::TuneOk,
                    Err(Refusal::Fault(fault)) => return self.fail(0, Some(method.kind()), fault),
                    Err(Refusal::Credentials(fault)) if self.cx.capabilities.close_on_refusal => {
                        return self.fail(0, None, fault);
                    }
                    Err(Refusal::Credentials(_)) => {
                        self.phase = Phase::Refused;
                        self.limit = Some(self.cx.now.after_ms(REFUSED_MS));
                    }
                }
                Ok(())
            }
            (Phase::TuneOk, Method::ConnectionTuneOk { channel_max, frame_max, heartbeat }) => {
                match handshake::tune_ok(&mut self.cx, channel_max, frame_max, heartbeat) {
                    Ok(seconds) => {
                        self.heartbeat_ms = u64::from(seconds) * 1000;
                        self.phase = Phase::Open;
                        Ok(())
                    }
                    Err(fault) => self.fail(0, Some(method.kind()), fault),
                }
            }
            (Phase::Open, Method::ConnectionOpen { virtual_host, .. }) => {
                match handshake::open(&mut self.cx, virtual_host) {
                    Ok(()) => {
                        self.phase = Phase::Running;
                        self.cx.come(u16::try_from(self.heartbeat_ms / 1000).expect("it came in two bytes"));
                        self.limit = None;
                        Ok(())
                    }
                    Err(fault) => self.fail(0, Some(method.kind()), fault),
                }
            }
            (Phase::Running, Method::ConnectionUpdateSecret { .. }) => {
                self.cx.send(0, &Method::ConnectionUpdateSecretOk {});
                Ok(())
            }
            (phase, method) => {
                let text = format!("unexpected method in connection state {}", phase.word());
                self.fail(0, Some(method.kind()), Fault::new(Code::CHANNEL_ERROR, text))
            }
        }
    }

    /// A frame of a channel.
    fn channel_frame(&mut self, frame: Frame, cost: usize) -> Result<(), Close> {
        let Frame { kind, channel: number, payload } = frame;
        let known = self.cx.channels.get(&number);
        let state = known.map_or(ChannelState::Unopened, Channel::state);
        let (open, max) = (self.cx.channels.len(), self.cx.channel_max);
        if state == ChannelState::Unopened && open >= usize::from(max) {
            self.cx.settled_bytes += cost;
            let text =
                format!("number of channels opened ({open}) has reached the negotiated channel_max ({max})");
            return self.fail(0, None, Fault::new(Code::NOT_ALLOWED, text));
        }
        let method;
        let incoming = match kind {
            FrameKind::Method => {
                method = match Method::decode(&payload) {
                    Ok(method) => Some(method),
                    Err(error) => {
                        self.cx.settled_bytes += cost;
                        let (about, fault) = undecodable(&payload, error);
                        return self.fail(number, about, fault);
                    }
                };
                Incoming::Method(method.as_ref().map_or(MethodKind::ChannelOpen, Method::kind))
            }
            FrameKind::Header => {
                method = None;
                Incoming::Header
            }
            FrameKind::Body | FrameKind::Heartbeat => {
                method = None;
                Incoming::Body
            }
        };
        match judge(state, incoming) {
            Verdict::Ignore => {
                self.cx.settled_bytes += cost;
                return Ok(());
            }
            Verdict::Refuse(code, text) => {
                self.cx.settled_bytes += cost;
                let kind = match state {
                    // It is the message that is wrong, whatever came into it.
                    ChannelState::Header | ChannelState::Body => Some(MethodKind::BasicPublish),
                    _ => method.map(|method| method.kind()),
                };
                return self.fail(number, kind, Fault::new(code, text));
            }
            Verdict::Take => {}
        }
        match method {
            Some(Method::BasicPublish { immediate, .. }) => {
                if immediate {
                    self.cx.settled_bytes += cost;
                    let fault = Fault::not_implemented("immediate=true");
                    return self.fail(number, Some(MethodKind::BasicPublish), fault);
                }
                let content = Content {
                    method: payload,
                    header: bytes::Bytes::new(),
                    parts: Vec::new(),
                    missing: 0,
                    cost,
                };
                self.cx.channel(number).content = Some(content);
                Ok(())
            }
            Some(method) => {
                self.cx.settled_bytes += cost;
                let kind = method.kind();
                let outcome = ops::start(&mut self.cx, number, method);
                self.go_on(number, (kind, self.cx.micros), outcome)
            }
            None => self.content_frame(number, incoming, payload, cost),
        }
    }

    /// A frame of a message.
    fn content_frame(
        &mut self,
        number: u16,
        incoming: Incoming,
        payload: bytes::Bytes,
        cost: usize,
    ) -> Result<(), Close> {
        let publish = MethodKind::BasicPublish;
        let content = self.cx.channel(number).content.as_mut().expect("its state says that there is one");
        content.cost += cost;
        if incoming == Incoming::Header {
            let header = match ContentHeader::decode(&payload) {
                Ok(header) => header,
                Err(DecodeError::NoContent(class)) => {
                    let text =
                        format!("expected content header for class 60, got one for class {class} instead");
                    return self.fail(number, Some(publish), Fault::new(Code::UNEXPECTED_FRAME, text));
                }
                Err(error) => {
                    let fault = Fault::new(Code::SYNTAX_ERROR, error.to_string());
                    return self.fail(number, Some(publish), fault);
                }
            };
            let body_bytes = header.body_bytes;
            if body_bytes > MESSAGE_BYTES_MAX {
                let text = format!(
                    "message size {body_bytes} is larger than configured max size {MESSAGE_BYTES_MAX}"
                );
                return self.fail(number, Some(publish), Fault::precondition(text));
            }
            content.missing = usize::try_from(body_bytes).expect("it is not that large");
            content.header = payload;
        } else {
            let Some(missing) = content.missing.checked_sub(payload.len()) else {
                let text = "expected content body, got more of it than its header says";
                return self.fail(number, Some(publish), Fault::new(Code::UNEXPECTED_FRAME, text));
            };
            content.missing = missing;
            content.parts.push(payload);
        }
        if content.missing > 0 {
            return Ok(());
        }
        let content = self.cx.channel(number).content.take().expect("it was looked at above");
        let cost = content.cost;
        match ops::basic_publish::finish(&mut self.cx, number, content) {
            Ok(()) => {
                self.cx.block_if_short();
                Ok(())
            }
            Err(fault) => {
                self.cx.settled_bytes += cost;
                self.fail(number, Some(publish), fault)
            }
        }
    }

    /// Answers an error: the channel ends with it, or the connection.
    fn fail(&mut self, number: u16, about: impl Into<About>, fault: Fault) -> Result<(), Close> {
        let About(class_id, method_id) = about.into();
        self.cx.shared.meters.failed(class_id, method_id);
        let (reply_code, reply_text) = (fault.code.number(), fault.reply_text());
        let is_open = matches!(self.phase, Phase::Running | Phase::Leaving);
        if fault.code.scope() == Scope::Channel && number != 0 && is_open {
            self.cx.end_channel(number);
            if let Some(channel) = self.cx.channels.get_mut(&number) {
                channel.is_closing = true;
            }
            self.cx.show_channel(number);
            let close = Method::ChannelClose { reply_code, reply_text: &reply_text, class_id, method_id };
            self.cx.send(number, &close);
            return Ok(());
        }
        if self.phase == Phase::Leaving {
            // The connection ends anyway.
            self.end_channels();
            return Ok(());
        }
        if self.phase == Phase::Closing {
            return Ok(());
        }
        tracing::info!(peer = %self.cx.peer, error = %reply_text, "an AMQP connection is closed because of an error");
        self.end_channels();
        let close = Method::ConnectionClose { reply_code, reply_text: &reply_text, class_id, method_id };
        self.cx.send(0, &close);
        self.phase = Phase::Closing;
        self.limit = Some(self.cx.now.after_ms(CLOSING_MS));
        Ok(())
    }

    /// Agrees to the end that the client asked for, once nothing is under way any more.
    fn leave(&mut self) -> Result<(), Close> {
        if self.is_waiting() {
            return Ok(());
        }
        self.end_channels();
        self.cx.flush();
        if self.cx.pending.busy() > 0 {
            return Ok(());
        }
        self.cx.send(0, &Method::ConnectionCloseOk {});
        Err(Close::because(""))
    }

    fn end_channels(&mut self) {
        self.cx.go();
        let numbers: Vec<u16> = self.cx.channels.keys().copied().collect();
        for number in numbers {
            self.cx.end_channel(number);
            self.cx.channels.remove(&number);
        }
        self.cx.forget_blocked();
        self.cx.waiting = 0;
        self.cx.held.clear();
        self.cx.settled_bytes += std::mem::take(&mut self.cx.held_bytes);
        self.cx.end_exclusive_queues();
    }

    /// Takes the outcome of a command.
    fn event(&mut self, event: Event) -> Result<(), Close> {
        match event {
            Event::Reply(tag, reply) => match self.cx.pending.take(tag) {
                Some(Pending::Append(mut appending)) => {
                    self.cx.append_answered();
                    // Who leaves does not wait.
                    let lack = appending.answer(reply).filter(|_| self.phase == Phase::Running);
                    match lack {
                        Some(lack) => self.cx.keep(appending, lack),
                        None => {
                            self.cx.settled_bytes += appending.cost;
                            if let Err(fault) = ops::basic_publish::appended(&mut self.cx, appending) {
                                return self.fail(0, None, fault);
                            }
                        }
                    }
                    self.cx.await_room();
                    Ok(())
                }
                Some(Pending::Acquire(id)) => {
                    let number = self.cx.channel_of(id);
                    match self.cx.acquired(id, reply) {
                        Ok(()) => Ok(()),
                        Err(fault) => self.fail(number, Some(MethodKind::BasicConsume), fault),
                    }
                }
                Some(Pending::End(id)) => {
                    let number = self.cx.channel_of(id);
                    match self.cx.ended(id, reply) {
                        Ok(()) => Ok(()),
                        Err(fault) => self.fail(number, None, fault),
                    }
                }
                Some(Pending::Operation { channel, serial, index }) => {
                    self.answered((channel, serial), index, reply)
                }
                Some(Pending::Read(_) | Pending::Quiet) | None => Ok(()),
            },
            Event::Read(tag, outcome) => match self.cx.pending.take(tag) {
                Some(Pending::Read(id)) => {
                    let number = self.cx.channel_of(id);
                    match self.cx.was_read(id, outcome) {
                        Ok(()) => Ok(()),
                        Err(fault) => self.fail(number, Some(MethodKind::BasicConsume), fault),
                    }
                }
                Some(Pending::Operation { channel, serial, .. }) => {
                    self.operation_read((channel, serial), outcome)
                }
                _ => Ok(()),
            },
            Event::Rung => {
                let asked = self.cx.presence.as_ref().and_then(|presence| presence.state.lock().end.take());
                if let Some(why) = asked {
                    return self.fail(0, None, Fault::new(Code::CONNECTION_FORCED, why));
                }
                self.cx.deliver_answers();
                self.cx.look_for_relief();
                if self.cx.finds_room() { self.try_again() } else { Ok(()) }
            }
            Event::Moved(_) => {
                self.cx.moved();
                Ok(())
            }
            Event::Deadline => self.time(),
        }
    }

    /// Does what has become due.
    fn time(&mut self) -> Result<(), Close> {
        let now = self.cx.now;
        if self.limit.is_some_and(|limit| limit <= now) {
            return Err(Close::because(match self.phase {
                Phase::Closing => "the client did not agree to the end of its connection in time",
                Phase::Leaving => "what a client asked for before it left is not done yet",
                Phase::Refused => "the client's credentials cannot be read",
                _ => "the connection was not opened in time",
            }));
        }
        if self.heartbeat_ms > 0 {
            if self.is_held {
                self.heard = now;
            }
            if now >= self.heard.after_ms(2 * self.heartbeat_ms) {
                return Err(Close::because("the client missed two heartbeats"));
            }
            if now >= self.said.after_ms(self.heartbeat_ms / 2) {
                self.cx.out.heartbeat();
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, io: &mut Io) {
        let before = io.output.len();
        self.cx.hand_over(io);
        if io.output.len() > before {
            self.said = self.cx.now;
        }
        io.unfinished_bytes = self.cx.unfinished().0;
    }
}

/// The numbers of the method that an error is about; zeros: of none.
struct About(u16, u16);

impl From<Option<MethodKind>> for About {
    fn from(kind: Option<MethodKind>) -> About {
        kind.map_or(About(0, 0), |kind| {
            let (class, method) = kind.id();
            About(class, method)
        })
    }
}

/// The answer to a method that cannot be read, in RabbitMQ's words, and what it is about.
fn undecodable(payload: &[u8], error: DecodeError) -> (About, Fault) {
    let numbers = payload.split_first_chunk::<4>().map(|([c0, c1, m0, m1], rest)| {
        (u16::from_be_bytes([*c0, *c1]), u16::from_be_bytes([*m0, *m1]), rest)
    });
    match numbers {
        Some((class, method, rest)) if MethodKind::ALL.iter().any(|kind| kind.id().0 == class) => {
            let shown = Octets(&rest[..rest.len().min(OCTETS_SHOWN)]);
            (About(class, method), Fault::new(Code::FRAME_ERROR, format!("cannot decode {shown}")))
        }
        Some(_) => (About(0, 0), Fault::new(Code::COMMAND_INVALID, error.to_string())),
        None => (About(0, 0), Fault::new(Code::SYNTAX_ERROR, error.to_string())),
    }
}

impl Session for AmqpSession {
    fn attach(&mut self, bell: Arc<dyn Bell>) {
        self.cx.bell = Some(bell);
    }

    fn receive(&mut self, now: EngineTime, input: &mut BytesMut, io: &mut Io) -> Result<Need, Close> {
        (self.cx.now, self.cx.micros) = (now, io.micros);
        // It is called after events as well, when nothing has come.
        if input.len() > self.left {
            self.heard = now;
        }
        let taken = self.take(input);
        self.left = input.len();
        self.is_held = matches!(taken, Ok(Need(0)));
        self.hand_over(io);
        taken
    }

    fn handle(&mut self, now: EngineTime, event: Event, io: &mut Io) -> Result<(), Close> {
        (self.cx.now, self.cx.micros) = (now, io.micros);
        let done = self.event(event).and_then(|()| match self.phase {
            Phase::Leaving => self.leave(),
            _ => Ok(()),
        });
        self.hand_over(io);
        done
    }

    fn deadline(&self) -> Option<EngineTime> {
        let heartbeats = (self.heartbeat_ms > 0).then(|| {
            let missed = self.heard.after_ms(2 * self.heartbeat_ms);
            missed.min(self.said.after_ms(self.heartbeat_ms / 2))
        });
        self.limit.into_iter().chain(heartbeats).min()
    }

    fn is_idle(&self) -> bool {
        !self.is_waiting() && self.cx.pending.busy() == 0
    }

    fn stop(&mut self, now: EngineTime, io: &mut Io) {
        self.cx.now = now;
        if self.phase == Phase::Running {
            // What is under way is finished; whoever waits for records is told to come again.
            let text = Fault::from(ErrorKind::ShuttingDown).reply_text();
            let close = Method::ConnectionClose {
                reply_code: Code::CONNECTION_FORCED.number(),
                reply_text: &text,
                class_id: 0,
                method_id: 0,
            };
            self.cx.send(0, &close);
        }
        self.hand_over(io);
    }

    fn end(&mut self, now: EngineTime, io: &mut Io) {
        self.cx.now = now;
        self.end_channels();
        self.hand_over(io);
    }
}

const _: () = assert!(FRAME_BYTES_FIRST as usize > FRAME_OVERHEAD_BYTES);
