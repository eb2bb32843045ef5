//! One connection of a scene: frames written as they are, and read into whole methods and messages.
//!
//! Apart because of the order: what comes on one channel is kept in its order, and channels do not wait for each other.

use super::method::{Arguments, read_header, read_method, say_arguments};
use super::text::{hex, quoted};
use super::value::put_number;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What came.
#[derive(Debug, Clone)]
pub(super) enum Got {
    /// A method, with its message if it has one.
    Method { name: &'static str, arguments: Arguments, message: Option<(Arguments, Vec<u8>)> },
    /// Bytes that are no frame: a protocol header.
    Bytes(Vec<u8>),
    /// A frame that could not be read, and why.
    Strange(String),
    /// The end of the connection.
    Closed,
    /// Nothing, for as long as one waits.
    Nothing,
}

impl Got {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Got::Method { name, .. } => name,
            _ => "",
        }
    }

    /// As a transcript has it.
    pub(super) fn say(&self) -> String {
        match self {
            Got::Method { name, arguments, message } => {
                let mut said = format!("{name}{}", say_arguments(arguments));
                if let Some((properties, body)) = message {
                    let body = match body.len() {
                        0..=80 => quoted(body),
                        bytes => format!("{bytes} bytes"),
                    };
                    said.push_str(&format!(" |{} body={body}", say_arguments(properties)));
                }
                said
            }
            Got::Bytes(bytes) => format!("bytes {}", hex(bytes)),
            Got::Strange(why) => format!("(not understood: {why})"),
            Got::Closed => "(closed)".to_owned(),
            Got::Nothing => "(nothing)".to_owned(),
        }
    }
}

/// A message of which a part is missing.
struct Partial {
    name: &'static str,
    arguments: Arguments,
    properties: Option<(u64, Arguments)>,
    body: Vec<u8>,
}

/// See the module's documentation.
pub(super) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
    is_closed: bool,
    /// Nothing was read yet: what comes may be no frame.
    is_new: bool,
    partial: BTreeMap<u16, Partial>,
    inbox: VecDeque<(u16, Got)>,
}

impl Wire {
    pub(super) fn connect(address: &str) -> anyhow::Result<Wire> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Wire {
            stream,
            unread: Vec::new(),
            is_closed: false,
            is_new: true,
            partial: BTreeMap::new(),
            inbox: VecDeque::new(),
        })
    }

    /// Sends bytes. Where the broker has closed the connection they are lost, and reading says so.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _lost = self.stream.write_all(bytes);
    }

    /// Sends a frame.
    pub(super) fn frame(&mut self, kind: u8, channel: u16, payload: &[u8], end: u8) {
        let mut frame = vec![kind];
        put_number(&mut frame, 2, channel.into());
        put_number(&mut frame, 4, payload.len() as u64);
        frame.extend_from_slice(payload);
        frame.push(end);
        self.send(&frame);
    }

    /// Takes the first thing that `wanted` is true of, and leaves the others where they are.
    pub(super) fn take(&mut self, patience: Duration, wanted: impl Fn(u16, &Got) -> bool) -> (u16, Got) {
        loop {
            if let Some(at) = self.inbox.iter().position(|(channel, got)| wanted(*channel, got)) {
                return self.inbox.remove(at).expect("it was found there");
            }
            if self.is_closed {
                return (0, Got::Closed);
            }
            if !self.read(patience) {
                return (0, Got::Nothing);
            }
        }
    }

    /// Everything that came on a channel.
    pub(super) fn take_all(&mut self, channel: u16) -> Vec<Got> {
        let (own, others) =
            std::mem::take(&mut self.inbox).into_iter().partition(|(known, _)| *known == channel);
        self.inbox = others;
        let own: VecDeque<(u16, Got)> = own;
        own.into_iter().map(|(_, got)| got).collect()
    }

    /// Reads once; `false` when nothing comes for so long.
    fn read(&mut self, patience: Duration) -> bool {
        let mut buffer = [0; 65536];
        self.stream.set_read_timeout(Some(patience)).expect("patience is not zero");
        match self.stream.read(&mut buffer) {
            Ok(0) => self.is_closed = true,
            Ok(bytes) => self.unread.extend_from_slice(&buffer[..bytes]),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return false;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_reset) => self.is_closed = true,
        }
        if std::mem::take(&mut self.is_new) && self.unread.starts_with(b"AMQP") {
            self.inbox.push_back((0, Got::Bytes(std::mem::take(&mut self.unread))));
        }
        while let Some((kind, channel, payload)) = self.split() {
            self.whole(kind, channel, &payload);
        }
        true
    }

    fn split(&mut self) -> Option<(u8, u16, Vec<u8>)> {
        let head = self.unread.first_chunk::<7>()?;
        let bytes = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
        let (kind, channel) = (head[0], u16::from_be_bytes([head[1], head[2]]));
        if self.unread.len() < bytes + 8 {
            return None;
        }
        let rest = self.unread.split_off(bytes + 8);
        let mut frame = std::mem::replace(&mut self.unread, rest);
        let end = frame.pop();
        frame.drain(..7);
        if end != Some(0xce) {
            self.inbox.push_back((channel, Got::Strange("a frame without its end".to_owned())));
        }
        Some((kind, channel, frame))
    }

    /// Puts a frame to what it belongs to.
    fn whole(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let got = match (kind, self.partial.get_mut(&channel)) {
            // Heartbeats come when they come.
            (8, _) => return,
            (1, None) => match read_method(payload) {
                Ok((shape, arguments)) => {
                    if matches!(shape.name, "basic.deliver" | "basic.get-ok" | "basic.return") {
                        let partial =
                            Partial { name: shape.name, arguments, properties: None, body: Vec::new() };
                        self.partial.insert(channel, partial);
                        return;
                    }
                    Got::Method { name: shape.name, arguments, message: None }
                }
                Err(error) => Got::Strange(error.to_string()),
            },
            (2, Some(partial)) if partial.properties.is_none() => match read_header(payload) {
                Ok(header) => {
                    partial.properties = Some(header);
                    return self.finish(channel);
                }
                Err(error) => Got::Strange(error.to_string()),
            },
            (3, Some(partial)) => {
                partial.body.extend_from_slice(payload);
                return self.finish(channel);
            }
            _ => Got::Strange(format!("a frame of type {kind} that does not belong here")),
        };
        self.inbox.push_back((channel, got));
    }

    fn finish(&mut self, channel: u16) {
        let is_whole = self.partial.get(&channel).is_some_and(|partial| {
            partial.properties.as_ref().is_some_and(|(bytes, _)| *bytes == partial.body.len() as u64)
        });
        if !is_whole {
            return;
        }
        let partial = self.partial.remove(&channel).expect("it was looked at");
        let (_, properties) = partial.properties.expect("it is whole");
        let (name, arguments) = (partial.name, partial.arguments);
        self.inbox
            .push_back((channel, Got::Method { name, arguments, message: Some((properties, partial.body)) }));
    }
}
