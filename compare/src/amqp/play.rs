//! Playing scenes: their steps carried out on real connections, and everything that comes written down.
//!
//! Apart because this is where it is decided what may legitimately vary from run to run: names that brokers make up,
//! times, how confirms are grouped, and in which order different channels are served. All else is written as it comes.
//! Long, because every step works on the same stage: its connections, what was heard on them, and what was written down.

use super::connection::{Got, Wire};
use super::method::{Argument, Arguments, header_payload, method_payload, parse_arguments, shape};
use super::script::address;
use super::text::{Cursor, unhex};
use super::value::Value;
use crate::{Scene, Transcript};
use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long something that has to come is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience(pub Duration);

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);
/// After which nothing is expected to come any more. Whatever should not come may come later unseen: a scene that is
/// wrong passes then, one that is right never fails.
const QUIET: Duration = Duration::from_millis(300);
const FRAME_BYTES: usize = 131_072 - 8;
/// What clients of RabbitMQ say that they understand.
const CAPABILITIES: [&str; 5] = [
    "authentication_failure_close",
    "basic.nack",
    "connection.blocked",
    "consumer_cancel_notify",
    "publisher_confirms",
];

/// Plays scenes, some at a time; the transcripts are in their order.
///
/// # Errors
/// When a scene is not written in the language, or the broker cannot be reached.
pub fn play_all(broker: &str, scenes: &[Scene], patience: Patience) -> anyhow::Result<Vec<Transcript>> {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scene) = scenes.get(number) else { return };
                    let lines = Stage::new(broker, number, patience).play(scene);
                    let lines = lines.with_context(|| format!("scene `{}`", scene.title));
                    played.lock().expect("nobody panics with it").insert(number, (scene.title, lines));
                }
            });
        }
    });
    let played = played.into_inner().expect("nobody panicked with it");
    let transcript = |(title, lines): (&'static str, anyhow::Result<Vec<String>>)| {
        Ok(Transcript { title: title.to_owned(), lines: lines? })
    };
    played.into_values().map(transcript).collect()
}

/// All of them, as a table says it.
fn capabilities() -> Vec<(String, Value)> {
    CAPABILITIES.map(|name| (name.to_owned(), Value::Bool(true))).to_vec()
}

/// A connection with what is known of it.
struct Actor {
    wire: Wire,
    /// Channels that are open, unless the scene does the handshake itself.
    channels: Option<BTreeSet<u16>>,
}

/// One scene being played.
struct Stage<'a> {
    broker: &'a str,
    /// What begins the names of the scene's own.
    prefix: String,
    patience: Duration,
    actors: BTreeMap<char, Actor>,
    /// What the broker said last, by name.
    heard: BTreeMap<&'static str, String>,
    /// Where a method was answered with an error: what comes after it may never come.
    failed: BTreeSet<(char, u16)>,
    lines: Vec<String>,
}

impl<'a> Stage<'a> {
    fn new(broker: &'a str, number: usize, patience: Patience) -> Stage<'a> {
        let prefix = format!("{:x}-{number}-", std::process::id());
        let (actors, heard, failed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Stage { broker, prefix, patience: patience.0, actors, heard, failed, lines: Vec::new() }
    }

    fn play(mut self, scene: &Scene) -> anyhow::Result<Vec<String>> {
        for step in &scene.steps {
            self.lines.push(format!("> {step}"));
            self.step(step).with_context(|| format!("step `{step}`"))?;
        }
        self.end()?;
        Ok(self.lines)
    }

    /// Writes down what came.
    fn note(&mut self, connection: char, channel: u16, got: &Got) {
        if let Got::Method { arguments, message, .. } = got {
            let properties = message.iter().flat_map(|(properties, _)| properties);
            for (name, argument) in arguments.iter().chain(properties) {
                if let Argument::Bytes(bytes) = argument
                    && matches!(*name, "queue" | "reply-to" | "consumer-tag")
                {
                    self.heard.insert(name, String::from_utf8_lossy(bytes).into_owned());
                }
            }
        }
        let who = match (connection, channel) {
            ('a', 1) => String::new(),
            ('a', channel) => format!("{channel}: "),
            (connection, 1) => format!("{connection}: "),
            (connection, channel) => format!("{connection}{channel}: "),
        };
        let said = tidy(&said(got), &self.prefix);
        self.lines.push(format!("< {who}{said}"));
    }

    /// The connection of a letter, opened if it is not there.
    fn actor(&mut self, connection: char) -> anyhow::Result<&mut Actor> {
        if !self.actors.contains_key(&connection) {
            self.login(connection, capabilities(), "")?;
        }
        self.actors.get_mut(&connection).context("a connection that is there")
    }

    /// The usual handshake, or its beginning up to what the broker says at a stage. Where a stage is named, the scene
    /// looks after all that follows.
    fn login(
        &mut self,
        connection: char,
        capabilities: Vec<(String, Value)>,
        stage: &str,
    ) -> anyhow::Result<()> {
        let patience = self.patience;
        let mut wire = Wire::connect(self.broker)?;
        wire.send(b"AMQP\x00\x00\x09\x01");
        let expect = |wire: &mut Wire, name: &str| {
            let (_, got) = wire.take(patience, |_, _| true);
            anyhow::ensure!(got.name() == name, "the handshake expects {name}: {}", got.say());
            Ok(())
        };
        let send = |wire: &mut Wire, text: &str, arguments: Arguments| {
            let row = shape(text).expect("a method of the handshake");
            wire.frame(1, 0, &method_payload(row, &arguments), 0xce);
        };
        let bytes = |text: &[u8]| Argument::Bytes(text.to_vec());
        expect(&mut wire, "connection.start")?;
        if stage == "start" {
            self.actors.insert(connection, Actor { wire, channels: None });
            return Ok(());
        }
        let properties = vec![("capabilities".to_owned(), Value::Table(capabilities))];
        let start_ok = vec![
            ("client-properties", Argument::Table(properties)),
            ("mechanism", bytes(b"PLAIN")),
            ("response", bytes(b"\0guest\0guest")),
            ("locale", bytes(b"en_US")),
        ];
        send(&mut wire, "connection.start-ok", start_ok);
        expect(&mut wire, "connection.tune")?;
        if stage == "tune" {
            self.actors.insert(connection, Actor { wire, channels: None });
            return Ok(());
        }
        let tune_ok = vec![("channel-max", Argument::Number(2047)), ("frame-max", Argument::Number(131_072))];
        send(&mut wire, "connection.tune-ok", tune_ok);
        send(&mut wire, "connection.open", vec![("virtual-host", bytes(b"/"))]);
        expect(&mut wire, "connection.open-ok")?;
        let channels = stage.is_empty().then(BTreeSet::new);
        self.actors.insert(connection, Actor { wire, channels });
        Ok(())
    }

    /// Opens a channel unless it is open, or the scene looks after that itself.
    fn ready(&mut self, connection: char, channel: u16) -> anyhow::Result<()> {
        let patience = self.patience;
        let actor = self.actor(connection)?;
        let Some(channels) = &mut actor.channels else { return Ok(()) };
        if channel > 0 && channels.insert(channel) {
            let open = shape("channel.open").expect("a method");
            actor.wire.frame(1, channel, &method_payload(open, &Vec::new()), 0xce);
            let (_, got) =
                actor.wire.take(patience, |on, got| on == channel && got.name() == "channel.open-ok");
            anyhow::ensure!(got.name() == "channel.open-ok", "a channel does not open: {}", got.say());
        }
        Ok(())
    }

    /// Takes what is wanted, does what it asks for, and writes it down unless it is `hidden`.
    fn take(
        &mut self,
        connection: char,
        wanted: impl Fn(u16, &Got) -> bool,
        hidden: &str,
        is_doubtful: bool,
    ) -> anyhow::Result<Got> {
        let patience = if is_doubtful { QUIET } else { self.patience };
        let actor = self.actor(connection)?;
        let (channel, got) = actor.wire.take(patience, wanted);
        if hidden.is_empty() || got.name() != hidden {
            self.note(connection, channel, &got);
        }
        self.agree(connection, channel, &got);
        Ok(got)
    }

    /// Agrees to what the broker has ended.
    fn agree(&mut self, connection: char, channel: u16, got: &Got) {
        let Some(actor) = self.actors.get_mut(&connection) else { return };
        let mut answer = |name: &str| {
            let ok = shape(name).expect("a method");
            actor.wire.frame(1, channel, &method_payload(ok, &Vec::new()), 0xce);
        };
        match (got.name(), &mut actor.channels) {
            ("channel.close", Some(channels)) => {
                channels.remove(&channel);
                answer("channel.close-ok");
            }
            ("connection.close", Some(_)) => {
                answer("connection.close-ok");
                self.actors.remove(&connection);
            }
            _ if matches!(got, Got::Closed) => {
                self.actors.remove(&connection);
            }
            _ => {}
        }
    }

    fn step(&mut self, step: &str) -> anyhow::Result<()> {
        let (connection, channel, rest) = address(step);
        let mut rest = rest.replace('%', &self.prefix);
        for (name, value) in &self.heard {
            rest = rest.replace(&format!("${name}"), value);
        }
        let mut from = Cursor(&rest);
        let word = from.word_until("[")?;
        match word.as_str() {
            "connect" => {
                let stage = from.word_until("")?;
                if stage.is_empty() {
                    let wire = Wire::connect(self.broker)?;
                    self.actors.insert(connection, Actor { wire, channels: None });
                    return Ok(());
                }
                return self.login(connection, capabilities(), &stage);
            }
            "login" => {
                let start_ok = shape("connection.start-ok").expect("a method");
                let (mut arguments, _, _) = parse_arguments(start_ok, &mut from)?;
                let Some((_, Argument::Table(capabilities))) = arguments.pop() else {
                    bail!("which capabilities?")
                };
                return self.login(connection, capabilities, "");
            }
            "drop" => {
                self.actors.remove(&connection);
                return Ok(());
            }
            "pause" => {
                std::thread::sleep(Duration::from_millis(from.word_until("")?.parse()?));
                return Ok(());
            }
            _ => {}
        }
        self.ready(connection, channel)?;
        match word.as_str() {
            "header" => {
                let mut bytes = b"AMQP".to_vec();
                while !from.is_end() {
                    bytes.push(from.word_until("")?.parse()?);
                }
                self.actor(connection)?.wire.send(&bytes);
            }
            "bytes" => {
                let bytes = unhex(&from.word_until("")?)?;
                self.actor(connection)?.wire.send(&bytes);
            }
            "text" => {
                let text = from.text()?;
                self.actor(connection)?.wire.send(text.as_bytes());
            }
            "frame" => {
                let (kind, channel) = (from.word_until("")?.parse()?, from.word_until("")?.parse()?);
                let (payload, end) = (unhex(&from.word_until("")?)?, unhex(&from.word_until("")?)?);
                let end = *end.first().context("the end of a frame")?;
                self.actor(connection)?.wire.frame(kind, channel, &payload, end);
            }
            "content-header" => {
                let bytes = from.word_until("")?.parse()?;
                let publish = shape("basic.publish").expect("a method");
                let (_, properties, _) = parse_arguments(publish, &mut from)?;
                let payload = header_payload(&properties, bytes);
                self.actor(connection)?.wire.frame(2, channel, &payload, 0xce);
            }
            "content-body" => {
                let body = from.text()?;
                self.actor(connection)?.wire.frame(3, channel, body.as_bytes(), 0xce);
            }
            "await" => {
                let count = if from.is_end() { 1 } else { from.word_until("")?.parse()? };
                for _ in 0..count {
                    let is_doubtful = self.failed.contains(&(connection, channel));
                    self.take(connection, |on, _| on == channel || on == 0, "", is_doubtful)?;
                }
            }
            "sync" => self.sync(connection, channel)?,
            "quiet" => {
                std::thread::sleep(QUIET);
                self.sync(connection, channel)?;
                self.leftover(connection, channel);
            }
            "confirms" => {
                let range = from.word_until("")?;
                let (first, last) = range.split_once('-').unwrap_or((&range, &range));
                self.confirms(connection, channel, first.parse()?, last.parse()?)?;
            }
            "poll" => {
                let until = if from.takes('[') {
                    let until = from.word_until("]")?;
                    from.expect(']')?;
                    Some(until)
                } else {
                    None
                };
                let rest = from.0.trim_start().to_owned();
                self.poll(connection, channel, &rest, until.as_deref())?;
            }
            method => self.method(connection, channel, method, &mut from)?,
        }
        Ok(())
    }

    /// Sends a method, with its message if it has one, and waits for its reply if there is one.
    fn method(
        &mut self,
        connection: char,
        channel: u16,
        name: &str,
        from: &mut Cursor<'_>,
    ) -> anyhow::Result<()> {
        let row = shape(name).with_context(|| format!("no step and no method is called `{name}`"))?;
        let (mut arguments, properties, body) = parse_arguments(row, from)?;
        if name == "connection.start-ok" {
            // The table is sent as the capabilities of a client that is otherwise silent.
            for (_, argument) in &mut arguments {
                if let Argument::Table(table) = argument {
                    *table = vec![("capabilities".to_owned(), Value::Table(std::mem::take(table)))];
                }
            }
        }
        let nowait = arguments.contains(&("nowait", Argument::Bit(true)));
        let wire = &mut self.actor(connection)?.wire;
        wire.frame(1, channel, &method_payload(row, &arguments), 0xce);
        if let Some(body) = body {
            let header = header_payload(&properties, body.len() as u64);
            wire.frame(2, channel, &header, 0xce);
            body.chunks(FRAME_BYTES).for_each(|part| wire.frame(3, channel, part, 0xce));
        }
        if row.replies.is_empty() || nowait {
            return Ok(());
        }
        self.reply(connection, channel, &row.replies, "")?;
        Ok(())
    }

    /// Waits for a reply, or for the end of the channel or of the connection.
    fn reply(
        &mut self,
        connection: char,
        channel: u16,
        replies: &[&str],
        hidden: &str,
    ) -> anyhow::Result<Got> {
        let ends = ["channel.close", "connection.close"];
        let is_it = |on: u16, got: &Got| {
            (on == channel || on == 0) && (replies.contains(&got.name()) || ends.contains(&got.name()))
        };
        let got = self.take(connection, is_it, hidden, false)?;
        if ends.contains(&got.name()) {
            self.failed.insert((connection, channel));
        }
        Ok(got)
    }

    fn sync(&mut self, connection: char, channel: u16) -> anyhow::Result<()> {
        let flow = shape("channel.flow").expect("a method");
        let payload = method_payload(flow, &vec![("active", Argument::Bit(true))]);
        self.actor(connection)?.wire.frame(1, channel, &payload, 0xce);
        self.reply(connection, channel, &flow.replies, "channel.flow-ok")?;
        Ok(())
    }

    /// Writes down what has come and was not waited for.
    fn leftover(&mut self, connection: char, channel: u16) {
        let Some(actor) = self.actors.get_mut(&connection) else { return };
        for got in actor.wire.take_all(channel) {
            self.note(connection, channel, &got);
        }
    }

    /// Waits for confirms, however they are grouped.
    fn confirms(&mut self, connection: char, channel: u16, first: u64, last: u64) -> anyhow::Result<()> {
        let mut open: BTreeMap<u64, &str> = (first..=last).map(|tag| (tag, "")).collect();
        while open.values().any(|word| word.is_empty()) {
            let is_it = |on: u16, got: &Got| {
                let ends = ["basic.ack", "basic.nack", "channel.close", "connection.close"];
                (on == channel || on == 0) && ends.contains(&got.name())
            };
            let patience = self.patience;
            let (on, got) = self.actor(connection)?.wire.take(patience, is_it);
            let Got::Method { name: name @ ("basic.ack" | "basic.nack"), arguments, .. } = &got else {
                self.note(connection, on, &got);
                self.agree(connection, on, &got);
                return Ok(());
            };
            let tag = arguments.iter().find_map(|(_, argument)| match argument {
                Argument::Number(tag) => Some(*tag),
                _ => None,
            });
            let tag = tag.context("a confirm has a number")?;
            let multiple = arguments.contains(&("multiple", Argument::Bit(true)));
            let mut hit = false;
            for (known, word) in &mut open {
                if (*known == tag || multiple && *known < tag) && word.is_empty() {
                    *word = name;
                    hit = true;
                }
            }
            if !hit {
                self.note(connection, on, &got);
            }
        }
        let mut runs: Vec<(u64, u64, &str)> = Vec::new();
        for (tag, word) in open {
            match runs.last_mut() {
                Some((_, end, same)) if *same == word => *end = tag,
                _ => runs.push((tag, tag, word)),
            }
        }
        self.lines.extend(runs.iter().map(|(from, to, word)| format!("< {word} {from}-{to}")));
        Ok(())
    }

    /// Asks until the answer is there, and writes that one down.
    fn poll(
        &mut self,
        connection: char,
        channel: u16,
        step: &str,
        until: Option<&str>,
    ) -> anyhow::Result<()> {
        let before = self.lines.len();
        let is_doubtful = self.failed.contains(&(connection, channel));
        let patience = if is_doubtful { QUIET } else { self.patience };
        let tries = patience.as_millis() / POLL.as_millis();
        for _ in 0..tries {
            self.ready(connection, channel)?;
            self.lines.truncate(before);
            let mut from = Cursor(step);
            let name = from.word_until("")?;
            self.method(connection, channel, &name, &mut from)?;
            let is_there = match (self.lines.get(before), until) {
                // A queue may be locked until the broker has seen that its connection is gone.
                (Some(said), Some(until)) => {
                    said.contains(until) || said.contains("close") && !said.contains("reply-code=405")
                }
                (Some(said), None) => !said.contains("get-empty"),
                (None, _) => true,
            };
            if is_there {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Ends the scene in peace: whatever is left is written down.
    fn end(&mut self) -> anyhow::Result<()> {
        let names: Vec<char> = self.actors.keys().copied().collect();
        for name in names {
            let Some(channels) = self.actors.get(&name).and_then(|actor| actor.channels.clone()) else {
                continue;
            };
            for channel in channels {
                if self.actors.contains_key(&name) {
                    self.sync(name, channel)?;
                    self.leftover(name, channel);
                }
            }
            if let Some(actor) = self.actors.get_mut(&name) {
                let close = shape("connection.close").expect("a method");
                actor.wire.frame(
                    1,
                    0,
                    &method_payload(close, &vec![("reply-code", Argument::Number(200))]),
                    0xce,
                );
                self.reply(name, 0, &close.replies, "connection.close-ok")?;
                self.actors.remove(&name);
            }
        }
        Ok(())
    }
}

/// What came as text, without what the broker says of itself.
fn said(got: &Got) -> String {
    let Got::Method { name: "connection.start", arguments, message } = got else { return got.say() };
    let mut arguments = arguments.clone();
    for (_, argument) in &mut arguments {
        let Argument::Table(table) = argument else { continue };
        let own = ["cluster_name", "copyright", "information", "platform", "version"];
        table.iter_mut().filter(|(name, _)| own.contains(&name.as_str())).for_each(|(_, value)| {
            if let Value::Bytes(_, text) = value {
                *text = b"*".to_vec();
            }
        });
    }
    Got::Method { name: "connection.start", arguments, message: message.clone() }.say()
}

/// Takes the scene's prefix from names, and the ends from names that brokers made up.
fn tidy(said: &str, prefix: &str) -> String {
    let mut said = said.replace(prefix, "%");
    for begin in ["amq.gen-", "amq.ctag-", "amq.rabbitmq.reply-to."] {
        let mut tidied = String::new();
        let mut rest = said.as_str();
        while let Some((before, after)) = rest.split_once(begin) {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.+/=".contains(c)));
            tidied.extend([before, begin, "*"]);
            rest = &after[end.unwrap_or(after.len())..];
        }
        tidied.push_str(rest);
        said = tidied;
    }
    said
}
