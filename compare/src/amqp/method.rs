//! Methods and content headers: a table of the protocol, and reading and writing by it.
//!
//! Apart because it is the protocol alone, written down a second time: the front has a table of its own.

use super::text::quoted;
use super::value::{Bytes, Value, parse_table, put_bytes, put_number, put_table, say_table};
use anyhow::{Context as _, bail, ensure};
use std::sync::LazyLock;

/// Class, method, name, the reply if one is awaited, and the arguments.
const TABLE: &str = "
10 10 connection.start - version-major:octet version-minor:octet server-properties:table mechanisms:longstr locales:longstr
10 11 connection.start-ok - client-properties:table mechanism:shortstr response:longstr locale:shortstr
10 20 connection.secure - challenge:longstr
10 21 connection.secure-ok - response:longstr
10 30 connection.tune - channel-max:short frame-max:long heartbeat:short
10 31 connection.tune-ok - channel-max:short frame-max:long heartbeat:short
10 40 connection.open connection.open-ok virtual-host:shortstr capabilities:shortstr insist:bit
10 41 connection.open-ok - known-hosts:shortstr
10 50 connection.close connection.close-ok reply-code:short reply-text:shortstr class-id:short method-id:short
10 51 connection.close-ok -
10 60 connection.blocked - reason:shortstr
10 61 connection.unblocked -
10 70 connection.update-secret connection.update-secret-ok new-secret:longstr reason:shortstr
10 71 connection.update-secret-ok -
20 10 channel.open channel.open-ok out-of-band:shortstr
20 11 channel.open-ok - channel-id:longstr
20 20 channel.flow channel.flow-ok active:bit
20 21 channel.flow-ok - active:bit
20 40 channel.close channel.close-ok reply-code:short reply-text:shortstr class-id:short method-id:short
20 41 channel.close-ok -
30 10 access.request access.request-ok realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
30 11 access.request-ok - ticket:short
40 10 exchange.declare exchange.declare-ok ticket:short exchange:shortstr type:shortstr passive:bit durable:bit auto-delete:bit internal:bit nowait:bit arguments:table
40 11 exchange.declare-ok -
40 20 exchange.delete exchange.delete-ok ticket:short exchange:shortstr if-unused:bit nowait:bit
40 21 exchange.delete-ok -
40 30 exchange.bind exchange.bind-ok ticket:short destination:shortstr source:shortstr routing-key:shortstr nowait:bit arguments:table
40 31 exchange.bind-ok -
40 40 exchange.unbind exchange.unbind-ok ticket:short destination:shortstr source:shortstr routing-key:shortstr nowait:bit arguments:table
40 51 exchange.unbind-ok -
50 10 queue.declare queue.declare-ok ticket:short queue:shortstr passive:bit durable:bit exclusive:bit auto-delete:bit nowait:bit arguments:table
50 11 queue.declare-ok - queue:shortstr message-count:long consumer-count:long
50 20 queue.bind queue.bind-ok ticket:short queue:shortstr exchange:shortstr routing-key:shortstr nowait:bit arguments:table
50 21 queue.bind-ok -
50 30 queue.purge queue.purge-ok ticket:short queue:shortstr nowait:bit
50 31 queue.purge-ok - message-count:long
50 40 queue.delete queue.delete-ok ticket:short queue:shortstr if-unused:bit if-empty:bit nowait:bit
50 41 queue.delete-ok - message-count:long
50 50 queue.unbind queue.unbind-ok ticket:short queue:shortstr exchange:shortstr routing-key:shortstr arguments:table
50 51 queue.unbind-ok -
60 10 basic.qos basic.qos-ok prefetch-size:long prefetch-count:short global:bit
60 11 basic.qos-ok -
60 20 basic.consume basic.consume-ok ticket:short queue:shortstr consumer-tag:shortstr no-local:bit no-ack:bit exclusive:bit nowait:bit arguments:table
60 21 basic.consume-ok - consumer-tag:shortstr
60 30 basic.cancel basic.cancel-ok consumer-tag:shortstr nowait:bit
60 31 basic.cancel-ok - consumer-tag:shortstr
60 40 basic.publish - ticket:short exchange:shortstr routing-key:shortstr mandatory:bit immediate:bit
60 50 basic.return - reply-code:short reply-text:shortstr exchange:shortstr routing-key:shortstr
60 60 basic.deliver - consumer-tag:shortstr delivery-tag:longlong redelivered:bit exchange:shortstr routing-key:shortstr
60 70 basic.get basic.get-ok|basic.get-empty ticket:short queue:shortstr no-ack:bit
60 71 basic.get-ok - delivery-tag:longlong redelivered:bit exchange:shortstr routing-key:shortstr message-count:long
60 72 basic.get-empty - cluster-id:shortstr
60 80 basic.ack - delivery-tag:longlong multiple:bit
60 90 basic.reject - delivery-tag:longlong requeue:bit
60 100 basic.recover-async - requeue:bit
60 110 basic.recover basic.recover-ok requeue:bit
60 111 basic.recover-ok -
60 120 basic.nack - delivery-tag:longlong multiple:bit requeue:bit
85 10 confirm.select confirm.select-ok nowait:bit
85 11 confirm.select-ok -
90 10 tx.select tx.select-ok
90 11 tx.select-ok -
90 20 tx.commit tx.commit-ok
90 21 tx.commit-ok -
90 30 tx.rollback tx.rollback-ok
90 31 tx.rollback-ok -";

/// The properties of a message, in the order of their flags.
const PROPERTIES: &str = "content-type:shortstr content-encoding:shortstr headers:table delivery-mode:octet \
    priority:octet correlation-id:shortstr reply-to:shortstr expiration:shortstr message-id:shortstr \
    timestamp:longlong type:shortstr user-id:shortstr app-id:shortstr cluster-id:shortstr";

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// A number of so many bytes.
    Number(usize),
    Short,
    Long,
    Table,
    Bit,
}

/// One row of the table.
pub(super) struct Shape {
    class: u16,
    method: u16,
    pub(super) name: &'static str,
    pub(super) replies: Vec<&'static str>,
    fields: Vec<(&'static str, Kind)>,
}

/// An argument's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Number(u64),
    Bytes(Vec<u8>),
    Table(Vec<(String, Value)>),
    Bit(bool),
}

/// Arguments by name.
pub(super) type Arguments = Vec<(&'static str, Argument)>;

fn fields(text: &'static str) -> Vec<(&'static str, Kind)> {
    let kind = |name| match name {
        "octet" => Kind::Number(1),
        "short" => Kind::Number(2),
        "long" => Kind::Number(4),
        "longlong" => Kind::Number(8),
        "shortstr" => Kind::Short,
        "longstr" => Kind::Long,
        "table" => Kind::Table,
        "bit" => Kind::Bit,
        other => panic!("no type {other}"),
    };
    let fields = text.split_whitespace().map(|field| field.split_once(':').expect("a name and a type"));
    fields.map(|(name, of)| (name, kind(of))).collect()
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let shape = |line: &'static str| {
        let mut parts = line.splitn(5, ' ');
        let mut next = || parts.next().unwrap_or_default();
        Shape {
            class: next().parse().expect("a number"),
            method: next().parse().expect("a number"),
            name: next(),
            replies: next().split('|').filter(|reply| *reply != "-").collect(),
            fields: fields(next()),
        }
    };
    TABLE.lines().filter(|line| !line.is_empty()).map(shape).collect()
});
static HEADER: LazyLock<Vec<(&'static str, Kind)>> = LazyLock::new(|| fields(PROPERTIES));

/// The row of a method.
pub(super) fn shape(name: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.name == name)
}

/// Reads `name=value` pairs of a method or of properties as scenes write them.
pub(super) fn parse_arguments(
    shape: &Shape,
    from: &mut super::text::Cursor<'_>,
) -> anyhow::Result<(Arguments, Arguments, Option<Vec<u8>>)> {
    let (mut arguments, mut properties, mut body) = (Vec::new(), Vec::new(), None);
    while !from.is_end() {
        let word = from.word_until("=")?;
        if word == "body" {
            from.expect('=')?;
            body = Some(from.text()?.into_bytes());
            continue;
        }
        if word == "zeros" {
            from.expect('=')?;
            body = Some(vec![b'0'; from.word_until("")?.parse()?]);
            continue;
        }
        let own = shape.fields.iter().find(|field| field.0 == word);
        let property = HEADER.iter().find(|field| field.0 == word && shape.name == "basic.publish");
        let (name, kind) = *own.or(property).with_context(|| format!("{} has no `{word}`", shape.name))?;
        let argument = match kind {
            Kind::Bit => Argument::Bit(true),
            _ => {
                from.expect('=')?;
                match kind {
                    Kind::Number(_) => Argument::Number(from.word_until("")?.parse()?),
                    Kind::Short | Kind::Long => Argument::Bytes(from.word_until("")?.into_bytes()),
                    Kind::Table => Argument::Table(parse_table(from)?),
                    Kind::Bit => bail!("handled above"),
                }
            }
        };
        if own.is_some() { &mut arguments } else { &mut properties }.push((name, argument));
    }
    Ok((arguments, properties, body))
}

/// The payload of a method's frame. What is not given is zero, empty or false.
pub(super) fn method_payload(shape: &Shape, arguments: &Arguments) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 2, shape.class.into());
    put_number(&mut out, 2, shape.method.into());
    let mut bits: Option<(u8, u8)> = None;
    for (name, kind) in &shape.fields {
        let given = arguments.iter().find(|(known, _)| known == name).map(|(_, argument)| argument);
        if *kind == Kind::Bit {
            let (byte, count) = bits.unwrap_or_default();
            bits = Some((byte | u8::from(given == Some(&Argument::Bit(true))) << count, count + 1));
            continue;
        }
        out.extend(bits.take().map(|(byte, _)| byte));
        put(&mut out, *kind, given);
    }
    out.extend(bits.map(|(byte, _)| byte));
    out
}

fn put(out: &mut Vec<u8>, kind: Kind, given: Option<&Argument>) {
    match (kind, given) {
        (Kind::Number(width), Some(Argument::Number(number))) => put_number(out, width, *number),
        (Kind::Number(width), _) => put_number(out, width, 0),
        (Kind::Short, Some(Argument::Bytes(bytes))) => put_bytes(out, 1, bytes),
        (Kind::Short, _) => put_number(out, 1, 0),
        (Kind::Long, Some(Argument::Bytes(bytes))) => put_bytes(out, 4, bytes),
        (Kind::Table, Some(Argument::Table(table))) => put_table(out, table),
        (Kind::Long | Kind::Table, _) => put_number(out, 4, 0),
        (Kind::Bit, _) => {}
    }
}

/// The payload of a content header.
pub(super) fn header_payload(properties: &Arguments, body_bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 2, 60);
    put_number(&mut out, 2, 0);
    put_number(&mut out, 8, body_bytes);
    let given = |name: &str| properties.iter().find(|(known, _)| *known == name).map(|(_, given)| given);
    let flag = |at: usize| 1u64 << (15 - at);
    let flags = HEADER.iter().enumerate().filter(|(_, (name, _))| given(name).is_some());
    put_number(&mut out, 2, flags.map(|(at, _)| flag(at)).sum());
    for (name, kind) in HEADER.iter() {
        if let Some(value) = given(name) {
            put(&mut out, *kind, Some(value));
        }
    }
    out
}

fn get(from: &mut Bytes<'_>, kind: Kind) -> anyhow::Result<Argument> {
    Ok(match kind {
        Kind::Number(width) => Argument::Number(from.number(width)?),
        Kind::Short => Argument::Bytes(from.short()?.to_vec()),
        Kind::Long => Argument::Bytes(from.long()?.to_vec()),
        Kind::Table => Argument::Table(from.table()?),
        Kind::Bit => bail!("bits are read together"),
    })
}

/// Reads the payload of a method's frame.
pub(super) fn read_method(payload: &[u8]) -> anyhow::Result<(&'static Shape, Arguments)> {
    let mut from = Bytes(payload);
    let (class, method) = (from.number(2)?, from.number(2)?);
    let row = SHAPES.iter().find(|row| u64::from(row.class) == class && u64::from(row.method) == method);
    let row = row.with_context(|| format!("no method {class}/{method}"))?;
    let mut arguments = Vec::new();
    let mut bits: Option<(u64, u8)> = None;
    for (name, kind) in &row.fields {
        if *kind == Kind::Bit {
            let (byte, count) = match bits {
                Some(known) => known,
                None => (from.number(1)?, 0),
            };
            arguments.push((*name, Argument::Bit(byte >> count & 1 == 1)));
            bits = Some((byte, count + 1));
        } else {
            bits = None;
            arguments.push((*name, get(&mut from, *kind)?));
        }
    }
    ensure!(from.0.is_empty(), "bytes follow {}", row.name);
    Ok((row, arguments))
}

/// Reads the payload of a content header: the body's bytes, and the properties.
pub(super) fn read_header(payload: &[u8]) -> anyhow::Result<(u64, Arguments)> {
    let mut from = Bytes(payload);
    ensure!(from.number(4)? == 60 << 16, "a header of another class");
    let (body_bytes, flags) = (from.number(8)?, from.number(2)?);
    let mut properties = Vec::new();
    for (at, (name, kind)) in HEADER.iter().enumerate() {
        if flags >> (15 - at) & 1 == 1 {
            properties.push((*name, get(&mut from, *kind)?));
        }
    }
    ensure!(from.0.is_empty(), "bytes follow a header");
    Ok((body_bytes, properties))
}

/// Arguments as text; bits that are not set and texts that are empty are left out.
pub(super) fn say_arguments(arguments: &Arguments) -> String {
    let mut said = String::new();
    for (name, argument) in arguments {
        let text = match argument {
            Argument::Bit(false) => continue,
            Argument::Bit(true) => format!(" {name}"),
            Argument::Number(number) => format!(" {name}={number}"),
            Argument::Bytes(bytes) if bytes.is_empty() => continue,
            Argument::Bytes(bytes) => format!(" {name}={}", quoted(bytes)),
            Argument::Table(table) if table.is_empty() => continue,
            Argument::Table(table) => format!(" {name}={}", say_table(table)),
        };
        said.push_str(&text);
    }
    said
}
