//! basic.publish (60/40): a message for an exchange, and through it for queues.
//!
//! It is checked when it is whole, joins the batch of each of its queues, and goes to the log with everything that came in
//! the same read. On a channel with confirms it is confirmed when that is on the disk; one that no queue gets is
//! confirmed at once, after it was returned if it is mandatory.
//!
//! Not supported: `immediate`, as in RabbitMQ.

use super::routes::{Destinations, route};
use super::{operation, reply_to};
use crate::codec::{ContentHeader, Method, MethodKind, Properties, Value};
use crate::errors::{Code, Fault};
use crate::limits::{TIME_TO_LIVE_MS_MAX, TRANSACTION_BYTES_MAX};
use crate::session::{Appending, Connection, Content, Run, Target};
use crate::translate::{
    Message, Routed, STREAM_LOG, Stored, cleaned, delay_ms, is_stream, letter, type_name,
};
use bytes::Bytes;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::RecordMark;
use millstream_front::registry::Operation;
use millstream_front::{Action, limits::OUTPUT_BYTES_MAX};
use millstream_types::RecordTime;
use std::sync::Arc;

pub(crate) const OPERATION: Operation = operation(
    "basic.publish",
    60,
    40,
    "Transient messages are stored like persistent ones. `immediate` is answered with 540, as in RabbitMQ.",
);

/// Takes a message that has arrived as a whole.
pub(crate) fn finish(cx: &mut Connection, number: u16, content: Content) -> Result<(), Fault> {
    let Content { method, header: header_bytes, parts, cost, .. } = content;
    let unreadable = |_| Fault::internal("a message that was read once cannot be read again");
    let Method::BasicPublish { exchange, routing_key, mandatory, .. } =
        Method::decode(&method).map_err(unreadable)?
    else {
        return Err(super::misplaced());
    };
    let header = ContentHeader::decode(&header_bytes).map_err(unreadable)?;
    let reply_to = reply_to::rewritten(cx, number, header.properties.reply_to)?;
    let properties = match &reply_to {
        Some(address) => Properties { reply_to: Some(address), ..header.properties },
        None => header.properties,
    };
    let properties = &properties;
    let exchange = cleaned(exchange);
    check_user(cx, properties)?;
    let time_to_live_ms = time_to_live_ms(properties)?;
    let copies = copies(properties)?;
    let mut keys = vec![routing_key];
    keys.extend(copies);
    let left = reply_to::leave(cx, &exchange, routing_key, &header_bytes, &parts);
    let Destinations { queues, delays } = route(cx, &exchange, &keys, &Routed::new(properties))?;
    let delay_ms = if delays { delay_ms(properties) } else { None };
    let serial = cx.channel(number).serial;
    let run = cx.channel(number).confirms().map(|confirms| {
        let from = confirms.number();
        Run { channel: number, serial, from, to: from + 1 }
    });
    if cx.channel(number).transaction().is_some() {
        let mark = Marks { time_to_live_ms, delay_ms };
        let returned =
            (mandatory && queues.is_empty()).then(|| (method.clone(), header_bytes.clone(), joined(&parts)));
        put_off(
            cx,
            number,
            &queues,
            &Message { exchange: &exchange, routing_key, properties, body: &parts },
            mark,
            cost,
        )?;
        let transaction = cx.channel(number).transaction().expect("it was looked at above");
        transaction.returns.extend(returned);
        cx.settled_bytes += cost;
        cx.shared.meters.taken(MethodKind::BasicPublish);
        return Ok(());
    }
    if queues.is_empty() {
        if mandatory && left != Some(true) {
            send_back(cx, number, (&exchange, routing_key), properties, &joined(&parts));
        }
        if let Some(run) = run {
            confirm(cx, run, true);
        }
        cx.settled_bytes += cost;
        cx.shared.meters.taken(MethodKind::BasicPublish);
        return Ok(());
    }
    let mut grants = Vec::with_capacity(queues.len());
    for queue in &queues {
        grants.push(cx.allow(Action::Write, &queue.name)?);
    }
    let message = Message { exchange: &exchange, routing_key, properties, body: &parts };
    let marks = Marks { time_to_live_ms, delay_ms };
    let targets = targets(cx, &queues, marks, properties);
    let pushed = cx.publishing.push(RecordTime(cx.now.0), &targets, &message, run);
    pushed.map_err(|error| Fault::from(error.kind()))?;
    cx.publishing.count(run, cost, grants);
    if cx.publishing.bytes() >= OUTPUT_BYTES_MAX {
        cx.flush();
    }
    Ok(())
}

/// What a message says of its time.
#[derive(Clone, Copy)]
struct Marks {
    time_to_live_ms: Option<u64>,
    delay_ms: Option<u64>,
}

impl Marks {
    /// What the core has to know of a message in a queue.
    fn of(self, queue: &StreamEntry, properties: &Properties<'_>) -> RecordMark {
        if is_stream(queue) {
            // What is in a stream stays as long as the stream says.
            return RecordMark::default();
        }
        let priority_max = Stored { config: &queue.config }.priority_max();
        RecordMark {
            priority: properties.priority.unwrap_or(0).min(priority_max),
            time_to_live_ms: self.time_to_live_ms,
            delay_ms: self.delay_ms,
            ..RecordMark::default()
        }
    }
}

/// Puts a message off until its channel commits.
fn put_off(
    cx: &mut Connection,
    number: u16,
    queues: &[Arc<StreamEntry>],
    message: &Message<'_>,
    marks: Marks,
    cost: usize,
) -> Result<(), Fault> {
    let mut grants = Vec::with_capacity(queues.len());
    for queue in queues {
        grants.push(cx.allow(Action::Write, &queue.name)?);
    }
    let targets = targets(cx, queues, marks, message.properties);
    let now = RecordTime(cx.now.0);
    let shared = cx.shared.clone();
    let transaction = cx.channel(number).transaction().expect("its channel is transactional");
    if transaction.held.bytes() + cost > TRANSACTION_BYTES_MAX {
        let text = format!("a transaction holds at most {TRANSACTION_BYTES_MAX} bytes of messages");
        return Err(Fault::new(Code::RESOURCE_ERROR, text));
    }
    if !transaction.held.grow(&shared, cost) {
        let text = "the open transactions of all connections hold too much memory";
        return Err(Fault::new(Code::RESOURCE_ERROR, text));
    }
    let pushed = transaction.publishing.push(now, &targets, message, None);
    pushed.map_err(|error| Fault::from(error.kind()))?;
    transaction.publishing.count(None, 0, grants);
    Ok(())
}

/// Returns a mandatory message that no queue gets.
pub(super) fn send_back(
    cx: &mut Connection,
    number: u16,
    (exchange, routing_key): (&str, &str),
    properties: &Properties<'_>,
    body: &Bytes,
) {
    let (reply_code, reply_text) = (Code::NO_ROUTE.number(), Code::NO_ROUTE.name());
    cx.send(number, &Method::BasicReturn { reply_code, reply_text, exchange, routing_key });
    cx.out.content(number, properties, body, cx.frame_max);
}

/// The queues as targets of a message.
fn targets<'a>(
    cx: &Connection,
    queues: &'a [Arc<StreamEntry>],
    marks: Marks,
    properties: &Properties<'_>,
) -> Vec<Target<'a>> {
    let target = |queue: &'a Arc<StreamEntry>| Target {
        entry: queue,
        index: log_of(cx, queue),
        mark: marks.of(queue, properties),
    };
    queues.iter().map(target).collect()
}

/// The log of a queue that other protocols gave several: always the same one for a connection, so that its messages keep
/// their order.
fn log_of(cx: &Connection, queue: &StreamEntry) -> u32 {
    if is_stream(queue) {
        return STREAM_LOG;
    }
    u32::try_from(cx.id.0 % u64::from(queue.logs)).expect("less than the number of logs")
}

/// Whoever says who it is has to be that.
fn check_user(cx: &Connection, properties: &Properties<'_>) -> Result<(), Fault> {
    match properties.user_id {
        Some(user) if *user != *cx.user => Err(Fault::precondition(format!(
            "user_id property set to '{user}' but authenticated user was '{}'",
            cx.user
        ))),
        _ => Ok(()),
    }
}

fn time_to_live_ms(properties: &Properties<'_>) -> Result<Option<u64>, Fault> {
    let Some(text) = properties.expiration else { return Ok(None) };
    let invalid = |why: String| Err(Fault::precondition(format!("invalid expiration '{text}': {why}")));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return invalid("no_integer".to_owned());
    }
    if end < digits.len() {
        return invalid(format!("{{leftover_string,{:?}}}", &digits[end..]));
    }
    match text.parse::<i128>() {
        Ok(ms) if ms < 0 => invalid(format!("{{value_negative,{ms}}}")),
        Ok(ms) => match u64::try_from(ms) {
            // One that may not wait at all is still for whoever waits for it.
            Ok(ms) if ms <= TIME_TO_LIVE_MS_MAX => Ok(Some(ms.max(1))),
            _ => invalid(format!("{{value_too_large,{ms}}}")),
        },
        Err(_) => invalid(format!("{{value_too_large,{text}}}")),
    }
}

/// The further routing keys in the headers `CC` and `BCC`.
fn copies<'a>(properties: &Properties<'a>) -> Result<Vec<&'a str>, Fault> {
    let mut keys = Vec::new();
    let Some(table) = properties.headers else { return Ok(keys) };
    for name in ["CC", "BCC"] {
        match table.find(name) {
            None => {}
            // What is no text is no name, and RabbitMQ passes over it.
            Some(Value::Array(array)) => keys.extend(array.iter().filter_map(|value| value.as_text())),
            Some(value) => {
                let why = format!("{{unacceptable_type_in_header,\"{name}\",{}}}", type_name(letter(value)));
                return Err(Fault::precondition(format!("invalid message: {why}")));
            }
        }
    }
    Ok(keys)
}

/// A body as one piece; it is one already unless it was longer than a frame.
fn joined(parts: &[Bytes]) -> Bytes {
    match parts {
        [part] => part.clone(),
        parts => parts.concat().into(),
    }
}

/// Takes what the shard said of an append.
///
/// # Errors
/// When messages were lost whose publisher can only be told by the end of its connection.
pub(crate) fn appended(cx: &mut Connection, appending: Appending) -> Result<(), Fault> {
    let is_unconfirmed = appending.is_unconfirmed;
    cx.shared.meters.published(cx.micros.saturating_sub(appending.since), appending.messages);
    let outcome = appending.outcome();
    for (run, taken) in outcome.news {
        confirm(cx, run, taken);
    }
    match outcome.failure {
        Some(kind) if is_unconfirmed => {
            let fault = Fault::from(kind);
            // It is the connection that ends, whatever the code says.
            let code = if fault.code.scope() == crate::errors::Scope::Connection {
                fault.code
            } else {
                Code::INTERNAL_ERROR
            };
            Err(Fault { code, text: fault.text })
        }
        _ => Ok(()),
    }
}

/// Takes an append whose streams are all gone: its messages are like those that nobody reads.
pub(crate) fn vanished(cx: &mut Connection, mut appending: Appending) {
    appending.vanish();
    for (run, taken) in appending.outcome().news {
        confirm(cx, run, taken);
    }
}

fn confirm(cx: &mut Connection, run: Run, taken: bool) {
    let Some(channel) = cx.channels.get_mut(&run.channel) else { return };
    if channel.serial != run.serial || channel.is_closing {
        return;
    }
    if let Some(confirms) = channel.confirms() {
        confirms.note(run.from, run.to, taken);
        cx.tell_soon(run.channel);
    }
}
