//! A queue's flags and arguments as a stream's configuration, and back.
//!
//! Apart because what the broker acts on (time to live, length, dead-letter route, delivery limit) are typed settings that
//! every front sees, while what only this protocol asks for again is kept in annotations that begin with `amqp.`: flags,
//! and each argument with its type, since a declaration has to equal the one before it. Long, because it is one table,
//! read forwards for declarations and backwards for comparing them.

use super::streams::age_ms;
use crate::codec::{Table, Value};
use crate::errors::Fault;
use crate::limits::{BATCH_BYTES, TIME_TO_LIVE_MS_MAX};
use millstream_core::catalog::{
    ConfigChange, DeadLetterRoute, LeaseSetting, LeaseSettingKey, Overflow, Setting, SettingKey,
    StreamConfig, StreamEntry,
};

/// Marks a stream that this front created, which it therefore may delete (R16).
const CREATED: &str = "amqp.created";
const DURABLE: &str = "amqp.durable";
const AUTO_DELETE: &str = "amqp.auto-delete";
const EXCLUSIVE: &str = "amqp.exclusive";
/// What a policy makes of the consumer timeout, in milliseconds.
pub(super) const CONSUMER_TIMEOUT: &str = "amqp.consumer-timeout";
/// Begins the annotation of an argument: its type's letter, and its value as text.
const ARGUMENT: &str = "amqp.argument.";

/// A limit that quorum queues have unless they say otherwise: so many failed deliveries, as in RabbitMQ 4.
const QUORUM_DELIVERY_LIMIT: i64 = 20;
/// Deliveries are counted with 32 bits.
const LIMIT_MAX: i64 = 1 << 31;

/// Largest segments that a stream may ask for, as in RabbitMQ.
const SEGMENT_BYTES_MAX: i64 = 3_000_000_000;
/// Sizes of the filter that RabbitMQ keeps per chunk of a stream.
const FILTER_BYTES: core::ops::RangeInclusive<i64> = 16..=255;

/// Any queue, and those that RabbitMQ lets have an argument.
const ALL: &[QueueType] = &[QueueType::Classic, QueueType::Quorum, QueueType::Stream];
const LEASED: &[QueueType] = &[QueueType::Classic, QueueType::Quorum];
const CLASSIC: &[QueueType] = &[QueueType::Classic];
const QUORUM: &[QueueType] = &[QueueType::Quorum];
const STREAM: &[QueueType] = &[QueueType::Stream];

/// Arguments that are compared when a queue is declared again, with what they must be, and for which queues they are.
const KNOWN: [(&str, Shape, &[QueueType]); 24] = [
    ("x-consumer-timeout", Shape::Number { min: 0, max: TIME_TO_LIVE_MS_MAX }, ALL),
    ("x-dead-letter-exchange", Shape::Text(&[]), LEASED),
    ("x-dead-letter-routing-key", Shape::Text(&[]), LEASED),
    ("x-dead-letter-strategy", Shape::Text(&["at-most-once", "at-least-once"]), QUORUM),
    ("x-delivery-limit", Shape::Signed, QUORUM),
    ("x-expires", Shape::Number { min: 1, max: TIME_TO_LIVE_MS_MAX }, LEASED),
    ("x-initial-cluster-size", Shape::Number { min: 1, max: 1 << 31 }, STREAM),
    ("x-max-age", Shape::Age, STREAM),
    ("x-max-in-memory-bytes", Shape::Number { min: 0, max: 1 << 62 }, QUORUM),
    ("x-max-in-memory-length", Shape::Number { min: 0, max: 1 << 62 }, QUORUM),
    ("x-max-length", Shape::Number { min: 0, max: 1 << 62 }, LEASED),
    ("x-max-length-bytes", Shape::Number { min: 0, max: 1 << 62 }, ALL),
    ("x-max-priority", Shape::Number { min: 0, max: 255 }, CLASSIC),
    ("x-message-ttl", Shape::Number { min: 0, max: TIME_TO_LIVE_MS_MAX }, LEASED),
    ("x-overflow", Shape::Text(&["drop-head", "reject-publish", "reject-publish-dlx"]), LEASED),
    ("x-queue-leader-locator", Shape::Text(&["client-local", "balanced", "random", "least-leaders"]), ALL),
    ("x-queue-master-locator", Shape::Text(&[]), CLASSIC),
    ("x-queue-mode", Shape::Text(&["default", "lazy"]), CLASSIC),
    ("x-queue-type", Shape::Text(&["classic", "quorum", "stream"]), ALL),
    ("x-queue-version", Shape::Number { min: 1, max: 2 }, CLASSIC),
    ("x-quorum-initial-group-size", Shape::Number { min: 1, max: 1 << 31 }, QUORUM),
    ("x-single-active-consumer", Shape::Flag, LEASED),
    // RabbitMQ looks at it on streams only, and takes it on any queue.
    ("x-stream-filter-size-bytes", Shape::Number { min: 0, max: 1 << 62 }, ALL),
    ("x-stream-max-segment-size-bytes", Shape::Number { min: 0, max: 1 << 62 }, STREAM),
];

/// What an argument must be.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Number {
        min: u64,
        max: u64,
    },
    Signed,
    /// One of these words, or any text if there are none.
    Text(&'static [&'static str]),
    Flag,
    /// A number and a unit, see [`age_ms`].
    Age,
}

/// RabbitMQ's kinds of queues. The first two differ in defaults and rules here, not in storage; a stream is no lease
/// group, but a log that everybody reads for himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueType {
    Classic,
    Quorum,
    Stream,
}

impl QueueType {
    /// The type of a name; without one it is classic.
    pub(crate) fn of(name: &str) -> QueueType {
        match name {
            "quorum" => QueueType::Quorum,
            "stream" => QueueType::Stream,
            _ => QueueType::Classic,
        }
    }

    /// What RabbitMQ's errors call it.
    pub(crate) fn module(self) -> &'static str {
        match self {
            QueueType::Classic => "rabbit_classic_queue",
            QueueType::Quorum => "rabbit_quorum_queue",
            QueueType::Stream => "rabbit_stream_queue",
        }
    }
}

/// What a queue is declared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) durable: bool,
    pub(crate) exclusive: bool,
    pub(crate) auto_delete: bool,
    /// The known arguments, in the order of their names: type letter, and value as text.
    pub(super) known: Vec<(&'static str, char, String)>,
}

/// Whether a stream is a queue: it is worked by leases, or was declared as a stream queue.
pub(crate) fn is_queue(entry: &StreamEntry) -> bool {
    entry.config.lease().enabled() || is_stream(entry)
}

/// Whether a stream is a queue of type `stream`: every consumer reads it by offset.
pub(crate) fn is_stream(entry: &StreamEntry) -> bool {
    Stored { config: &entry.config }.queue_type() == QueueType::Stream
}

/// Whether this front created a stream.
pub(crate) fn is_own(config: &StreamConfig) -> bool {
    config.annotation(CREATED).is_some()
}

impl Arguments {
    /// Checks flags and arguments.
    ///
    /// # Errors
    /// In RabbitMQ's words, for the first argument that cannot be.
    pub(crate) fn check(
        name: &str,
        vhost: &str,
        (durable, exclusive, auto_delete): (bool, bool, bool),
        table: Table<'_>,
    ) -> Result<Arguments, Fault> {
        let invalid = |argument: &str, why: String| {
            Fault::precondition(format!(
                "invalid arg '{argument}' for queue '{name}' in vhost '{vhost}': {why}"
            ))
        };
        let mut known = Vec::new();
        for (argument, shape, _) in KNOWN {
            let Some(value) = table.find(argument) else { continue };
            if let (Shape::Text([]), None) = (shape, value.as_text()) {
                let type_name = type_name(letter(value));
                return Err(Fault::precondition(format!(
                    "invalid type '{type_name}' for arg '{argument}' in queue '{name}' in vhost '{vhost}'"
                )));
            }
            let (letter, text) = shape.read(value).map_err(|why| invalid(argument, why))?;
            known.push((argument, letter, text));
        }
        let arguments = Arguments { durable, exclusive, auto_delete, known };
        let has = |argument: &str| arguments.text(argument).is_some();
        if has("x-dead-letter-routing-key") && !has("x-dead-letter-exchange") {
            let why = "routing_key_but_no_dlx_defined".to_owned();
            return Err(invalid("x-dead-letter-routing-key", why));
        }
        let queue_type = arguments.queue_type();
        let misplaced = KNOWN.iter().find(|(name, _, types)| has(name) && !types.contains(&queue_type));
        if let Some((argument, ..)) = misplaced {
            return Err(Fault::precondition(format!(
                "invalid arg '{argument}' for queue '{name}' in vhost '{vhost}' of queue type {}",
                queue_type.module()
            )));
        }
        if queue_type != QueueType::Classic && (exclusive || auto_delete || !durable) {
            let property = if !durable {
                "non-durable"
            } else if exclusive {
                "exclusive-owner"
            } else {
                "auto-delete"
            };
            return Err(Fault::precondition(format!(
                "invalid property '{property}' for queue '{name}' in vhost '{vhost}'"
            )));
        }
        arguments.check_stream()?;
        Ok(arguments)
    }

    /// Checks what RabbitMQ checks last, and without the queue's name.
    fn check_stream(&self) -> Result<(), Fault> {
        let number = |argument| self.number(argument).filter(|_| self.queue_type() == QueueType::Stream);
        if number("x-stream-max-segment-size-bytes").is_some_and(|bytes| bytes > SEGMENT_BYTES_MAX) {
            return Err(Fault::precondition("Exceeded max value for x-stream-max-segment-size-bytes"));
        }
        if number("x-stream-filter-size-bytes").is_some_and(|bytes| !FILTER_BYTES.contains(&bytes)) {
            return Err(Fault::precondition("Invalid value for  x-stream-filter-size-bytes"));
        }
        Ok(())
    }

    /// Refuses to make a stream queue of a stream with several logs: its messages would be in no order.
    ///
    /// # Errors
    /// 406, as for any other difference.
    pub(crate) fn check_logs(&self, entry: &StreamEntry, vhost: &str) -> Result<(), Fault> {
        if self.queue_type() != QueueType::Stream || entry.logs == 1 || is_stream(entry) {
            return Ok(());
        }
        let (name, logs) = (&entry.name, entry.logs);
        Err(Fault::precondition(format!(
            "inequivalent arg 'x-queue-type' for queue '{name}' in vhost '{vhost}': \
             a stream queue has one log, and another protocol gave this one {logs}"
        )))
    }

    pub(super) fn text(&self, argument: &str) -> Option<&str> {
        self.known.iter().find(|(name, ..)| *name == argument).map(|(.., text)| &**text)
    }

    /// The known arguments as values that JSON has.
    pub(crate) fn listed(&self) -> serde_json::Map<String, serde_json::Value> {
        self.known.iter().map(|(name, letter, text)| ((*name).to_owned(), value_of(*letter, text))).collect()
    }

    fn number(&self, argument: &str) -> Option<i64> {
        self.text(argument)?.parse().ok()
    }

    pub(crate) fn queue_type(&self) -> QueueType {
        self.text("x-queue-type").map_or(QueueType::Classic, QueueType::of)
    }

    /// How long and how much a stream queue keeps, as far as it was said.
    pub(super) fn retention(&self) -> Vec<Setting> {
        let age = self.text("x-max-age").and_then(age_ms);
        let bytes = self.number("x-max-length-bytes").and_then(|bytes| u64::try_from(bytes).ok());
        let age = age.map(|ms| Setting::RetentionMs(Some(ms)));
        age.into_iter().chain(bytes.map(|bytes| Setting::RetentionBytes(Some(bytes)))).collect()
    }

    /// The settings of its leases that the core acts on.
    pub(super) fn settings(&self) -> Vec<LeaseSetting> {
        let mut settings = Vec::new();
        let unsigned = |argument| self.number(argument).and_then(|number| u64::try_from(number).ok());
        if let Some(ms) = unsigned("x-message-ttl") {
            settings.push(LeaseSetting::TimeToLiveMs(Some(ms.max(1))));
        }
        let exchange = self.text("x-dead-letter-exchange");
        if let Some(exchange) = exchange {
            let key = self.text("x-dead-letter-routing-key").map(Box::from);
            settings
                .push(LeaseSetting::DeadLetterRoute(Some(DeadLetterRoute { route: exchange.into(), key })));
        }
        if let Some(max) = unsigned("x-max-length") {
            settings.push(LeaseSetting::LengthMax(Some(max)));
        }
        if let Some(max) = unsigned("x-max-length-bytes") {
            settings.push(LeaseSetting::LengthBytesMax(Some(max)));
        }
        if let Some(ms) = unsigned("x-expires") {
            settings.push(LeaseSetting::ExpiresMs(Some(ms)));
        }
        if self.auto_delete {
            settings.push(LeaseSetting::DeleteUnused(true));
        }
        settings.push(LeaseSetting::Overflow(match self.text("x-overflow") {
            Some("reject-publish-dlx") if exchange.is_some() => Overflow::RejectDeadLetter,
            Some("reject-publish" | "reject-publish-dlx") => Overflow::Reject,
            _ if exchange.is_some() => Overflow::DeadLetter,
            _ => Overflow::DropOldest,
        }));
        let default_limit = (self.queue_type() == QueueType::Quorum).then_some(QUORUM_DELIVERY_LIMIT);
        if let Some(limit) = self.number("x-delivery-limit").or(default_limit)
            && let Ok(failed) = u32::try_from(limit)
        {
            // RabbitMQ counts failed deliveries, the core all: the one that fails last is the one beyond.
            settings.push(LeaseSetting::DeliveryLimit(Some(failed.saturating_add(1))));
        }
        if self.text("x-single-active-consumer") == Some("true") {
            settings.push(LeaseSetting::SingleHolder(true));
        }
        settings
    }

    /// The annotations, in the order of their keys.
    fn annotations(&self) -> Vec<(Box<str>, Box<str>)> {
        let flag = |key: &str, is: bool| (key.into(), is.to_string().into());
        let flags = [(AUTO_DELETE, self.auto_delete), (DURABLE, self.durable), (EXCLUSIVE, self.exclusive)];
        let known = self.known.iter().map(|(name, letter, text)| {
            (format!("{ARGUMENT}{name}").into_boxed_str(), format!("{letter}{text}").into_boxed_str())
        });
        known.chain(flags.map(|(key, is)| flag(key, is))).collect()
    }

    /// The configuration of a stream that this front creates.
    pub(crate) fn creation(&self) -> Vec<ConfigChange> {
        let mut changes = vec![
            ConfigChange::Set(Setting::Annotation(CREATED.into(), "true".into())),
            ConfigChange::Set(Setting::RetentionMs(None)),
            ConfigChange::Set(Setting::BatchBytesMax(BATCH_BYTES)),
        ];
        if self.queue_type() != QueueType::Stream {
            changes.push(ConfigChange::Set(Setting::Consumed(Some(0))));
        }
        if self.exclusive || !self.durable {
            changes.push(ConfigChange::Set(Setting::Ephemeral(true)));
        }
        changes.extend(self.attach());
        changes
    }

    /// What makes a stream of another front a queue.
    pub(crate) fn attach(&self) -> Vec<ConfigChange> {
        let mut changes = Vec::new();
        if self.queue_type() == QueueType::Stream {
            changes.extend(self.retention().into_iter().map(ConfigChange::Set));
        } else {
            changes.push(ConfigChange::Set(Setting::Lease(LeaseSetting::Enabled(true))));
            let settings = self.settings().into_iter();
            changes.extend(settings.map(|setting| ConfigChange::Set(Setting::Lease(setting))));
        }
        let annotations = self.annotations().into_iter();
        changes.extend(annotations.map(|(key, value)| ConfigChange::Set(Setting::Annotation(key, value))));
        changes
    }
}

impl Shape {
    /// Takes a value apart: its type's letter, and itself as text.
    fn read(self, value: Value<'_>) -> Result<(char, String), String> {
        match self {
            Shape::Number { min, max } => {
                let number = value.as_integer();
                let number = number
                    .ok_or_else(|| format!("\"expected integer, got {}\"", type_name(letter(value))))?;
                match u64::try_from(number) {
                    Ok(number) if (min..=max).contains(&number) => Ok((letter(value), number.to_string())),
                    Ok(number) if max == 2 => Err(format!("\"unsupported queue version '{number}'\"")),
                    Ok(0) => Err("{value_zero,0}".to_owned()),
                    Ok(number) if max == 255 => Err(format!("{{max_value_exceeded,{number}}}")),
                    Ok(number) => Err(format!("{{value_too_large,{number}}}")),
                    Err(_) => Err(format!("{{value_negative,{number}}}")),
                }
            }
            Shape::Signed => {
                let number = value.as_integer().filter(|number| *number < LIMIT_MAX);
                number.map(|number| (letter(value), number.to_string())).ok_or_else(|| unacceptable(value))
            }
            Shape::Text(words) => {
                let text = value.as_text().ok_or_else(|| unacceptable(value))?;
                if !words.is_empty() && !words.contains(&text) {
                    return Err(unsupported(words, text));
                }
                Ok(('S', text.to_owned()))
            }
            Shape::Age => {
                let text = value.as_text().ok_or_else(|| unacceptable(value))?;
                age_ms(text).map(|_| ('S', text.to_owned())).ok_or_else(|| "invalid_max_age".to_owned())
            }
            Shape::Flag => match value {
                Value::Bool(is) => Ok(('t', is.to_string())),
                _ => Err(unacceptable(value)),
            },
        }
    }
}

/// An argument, by the letter of its type and its text, as a value that JSON has.
fn value_of(letter: char, text: &str) -> serde_json::Value {
    match letter {
        'S' => text.into(),
        't' => (text == "true").into(),
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Into::into),
    }
}

/// RabbitMQ's words for a word that is none of those that an argument may be.
fn unsupported(words: &[&str], text: &str) -> String {
    if words.contains(&"quorum") {
        format!("\"unsupported queue type '{text}'\"")
    } else if words.contains(&"drop-head") {
        "invalid_overflow".to_owned()
    } else if words.contains(&"client-local") {
        "invalid_queue_locator_arg".to_owned()
    } else if words.contains(&"at-most-once") {
        "invalid_dlx_strategy".to_owned()
    } else {
        format!("\"unsupported queue mode '{text}'\"")
    }
}

fn unacceptable(value: Value<'_>) -> String {
    format!("{{unacceptable_type,{}}}", type_name(letter(value)))
}

pub(crate) fn letter(value: Value<'_>) -> char {
    match value {
        Value::Long(_) => 'S',
        Value::I32(_) => 'I',
        Value::Decimal { .. } => 'D',
        Value::Timestamp(_) => 'T',
        Value::Table(_) => 'F',
        Value::Array(_) => 'A',
        Value::Bool(_) => 't',
        Value::I8(_) => 'b',
        Value::U8(_) => 'B',
        Value::I16(_) => 's',
        Value::U16(_) => 'u',
        Value::U32(_) => 'i',
        Value::I64(_) => 'l',
        Value::F32(_) => 'f',
        Value::F64(_) => 'd',
        Value::Bytes(_) => 'x',
        Value::Void => 'V',
    }
}

/// RabbitMQ's word for a type.
pub(crate) fn type_name(letter: char) -> &'static str {
    match letter {
        'S' => "longstr",
        'I' => "signedint",
        'D' => "decimal",
        'T' => "timestamp",
        'F' => "table",
        'A' => "array",
        't' => "bool",
        'b' => "byte",
        'B' => "unsignedbyte",
        's' => "short",
        'u' => "unsignedshort",
        'i' => "unsignedint",
        'l' => "long",
        'f' => "float",
        'd' => "double",
        'x' => "binary",
        _ => "void",
    }
}

/// A stream's configuration, as this front reads it.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) config: &'a StreamConfig,
}

impl<'a> Stored<'a> {
    fn argument(self, name: &str) -> Option<(char, &'a str)> {
        let stored = self.config.annotation(&format!("{ARGUMENT}{name}"))?;
        let letter = stored.chars().next()?;
        Some((letter, stored.get(letter.len_utf8()..)?))
    }

    fn flag(self, key: &str) -> Option<bool> {
        self.config.annotation(key).map(|text| text == "true")
    }

    pub(crate) fn is_auto_delete(self) -> bool {
        self.flag(AUTO_DELETE).unwrap_or(false)
    }

    pub(crate) fn is_exclusive(self) -> bool {
        self.flag(EXCLUSIVE).unwrap_or(false)
    }

    pub(crate) fn queue_type(self) -> QueueType {
        self.argument("x-queue-type").map_or(QueueType::Classic, |(_, text)| QueueType::of(text))
    }

    /// The largest priority that messages have; 0: they have none.
    pub(crate) fn priority_max(self) -> u8 {
        self.argument("x-max-priority").and_then(|(_, text)| text.parse().ok()).unwrap_or(0)
    }

    /// How long a delivery may take until it is settled.
    pub(crate) fn consumer_timeout_ms(self) -> Option<u64> {
        let by_policy = self.config.annotation(CONSUMER_TIMEOUT);
        let text = by_policy.or_else(|| self.argument("x-consumer-timeout").map(|(_, text)| text));
        text.and_then(|text| text.parse().ok())
    }

    /// What the queue was declared with, last.
    pub(crate) fn arguments(self) -> Arguments {
        let known = KNOWN.iter().filter_map(|(argument, ..)| {
            let (letter, text) = self.argument(argument)?;
            Some((*argument, letter, text.to_owned()))
        });
        Arguments {
            durable: self.flag(DURABLE).unwrap_or(true),
            exclusive: self.is_exclusive(),
            auto_delete: self.is_auto_delete(),
            known: known.collect(),
        }
    }

    /// Whether this front has declared the queue, as its own or as one of another front.
    fn is_declared(self) -> bool {
        self.config.annotation(DURABLE).is_some()
    }

    /// What a declaration changes of a queue that is there.
    ///
    /// # Errors
    /// In RabbitMQ's words, for the first thing in which they differ.
    pub(crate) fn declare_again(
        self,
        name: &str,
        vhost: &str,
        new: &Arguments,
    ) -> Result<Vec<ConfigChange>, Fault> {
        let differs = |what: &str, how: String| {
            Err(Fault::precondition(format!(
                "inequivalent arg '{what}' for queue '{name}' in vhost '{vhost}': {how}"
            )))
        };
        if !self.is_declared() {
            return match new.queue_type() {
                QueueType::Stream => self.attach_stream(new, differs),
                QueueType::Classic | QueueType::Quorum => self.attach(new, differs),
            };
        }
        let flags = [(DURABLE, "durable", new.durable), (AUTO_DELETE, "auto_delete", new.auto_delete)];
        for (key, word, received) in flags {
            let current = self.flag(key).unwrap_or(received);
            if current != received {
                return differs(word, format!("received '{received}' but current is '{current}'"));
            }
        }
        for (argument, ..) in KNOWN {
            let received = new.known.iter().find(|(known, ..)| *known == argument);
            let received = received.map(|(_, letter, text)| (*letter, &**text));
            let current = self.argument(argument);
            // A type that is left out is the classic one.
            let is_default = |side: Option<(char, &str)>| side.is_none_or(|(_, text)| text == "classic");
            let equal = received.map(|(_, text)| text) == current.map(|(_, text)| text)
                || argument == "x-queue-type" && is_default(received) && is_default(current);
            if !equal {
                return differs(argument, sides(received, current));
            }
        }
        Ok(Vec::new())
    }

    /// What makes a stream queue of another front's stream: it is one already, but for its retention.
    fn attach_stream(
        self,
        new: &Arguments,
        differs: impl Fn(&str, String) -> Result<Vec<ConfigChange>, Fault>,
    ) -> Result<Vec<ConfigChange>, Fault> {
        if self.config.lease().enabled() {
            return differs("x-queue-type", "another protocol takes records out of it by leases".to_owned());
        }
        let mut changes = new.attach();
        let mut conflict = None;
        changes.retain(|change| {
            let ConfigChange::Set(setting) = change else { return true };
            let (key, argument, equal) = match setting {
                Setting::RetentionMs(ms) => {
                    (SettingKey::RetentionMs, "x-max-age", self.config.retention_ms() == *ms)
                }
                Setting::RetentionBytes(bytes) => (
                    SettingKey::RetentionBytes,
                    "x-max-length-bytes",
                    self.config.retention_bytes() == *bytes,
                ),
                _ => return true,
            };
            let is_set = self.config.is_set(&key);
            if is_set && !equal {
                conflict.get_or_insert(argument);
            }
            !is_set
        });
        match conflict {
            Some(argument) => differs(argument, "another protocol has set it to something else".to_owned()),
            None => Ok(changes),
        }
    }

    /// What another front set must be equal; what nobody set is set.
    fn attach(
        self,
        new: &Arguments,
        differs: impl Fn(&str, String) -> Result<Vec<ConfigChange>, Fault>,
    ) -> Result<Vec<ConfigChange>, Fault> {
        let lease = self.config.lease();
        let mut changes = new.attach();
        let mut conflict = None;
        changes.retain(|change| {
            let ConfigChange::Set(Setting::Lease(setting)) = change else { return true };
            let (key, argument, equal) = match setting {
                LeaseSetting::TimeToLiveMs(ms) => {
                    (LeaseSettingKey::TimeToLiveMs, "x-message-ttl", lease.time_to_live_ms() == *ms)
                }
                LeaseSetting::DeadLetterRoute(route) => (
                    LeaseSettingKey::DeadLetterRoute,
                    "x-dead-letter-exchange",
                    lease.dead_letter_route() == route.as_ref(),
                ),
                LeaseSetting::LengthMax(max) => {
                    (LeaseSettingKey::LengthMax, "x-max-length", lease.length_max() == *max)
                }
                LeaseSetting::LengthBytesMax(max) => {
                    (LeaseSettingKey::LengthBytesMax, "x-max-length-bytes", lease.length_bytes_max() == *max)
                }
                LeaseSetting::ExpiresMs(ms) => {
                    (LeaseSettingKey::ExpiresMs, "x-expires", lease.expires_ms() == *ms)
                }
                // It is another front's to delete.
                LeaseSetting::DeleteUnused(_) | LeaseSetting::SampleOneOf(_) => return false,
                LeaseSetting::DeliveryLimit(limit) => {
                    (LeaseSettingKey::DeliveryLimit, "x-delivery-limit", lease.delivery_limit() == *limit)
                }
                LeaseSetting::SingleHolder(single) => (
                    LeaseSettingKey::SingleHolder,
                    "x-single-active-consumer",
                    lease.single_holder() == *single,
                ),
                // That it is a queue is what is asked for, and what it does when it is full follows from the rest.
                LeaseSetting::Overflow(_) => return !lease.is_set(LeaseSettingKey::Overflow),
                _ => return true,
            };
            let is_set = lease.is_set(key);
            if is_set && !equal {
                conflict.get_or_insert(argument);
            }
            !is_set
        });
        match conflict {
            Some(argument) => differs(argument, "another protocol has set it to something else".to_owned()),
            None => Ok(changes),
        }
    }

    /// What makes a queue a stream of its creator alone again.
    pub(crate) fn detach(self) -> Vec<ConfigChange> {
        let mut changes = Vec::new();
        // Whoever works a stream queue by leases is no client of this front.
        if self.queue_type() != QueueType::Stream {
            changes.push(ConfigChange::Unset(SettingKey::Lease(LeaseSettingKey::Enabled)));
        }
        let arguments = KNOWN.iter().map(|(argument, ..)| format!("{ARGUMENT}{argument}"));
        let keys = arguments.chain([AUTO_DELETE, DURABLE, EXCLUSIVE].map(str::to_owned));
        let set = keys.filter(|key| self.config.annotation(key).is_some());
        changes.extend(set.map(|key| ConfigChange::Unset(SettingKey::Annotation(key.into()))));
        changes
    }
}

/// The sides of a difference: types are told where they differ.
fn sides(received: Option<(char, &str)>, current: Option<(char, &str)>) -> String {
    match (received, current) {
        (Some((new, received)), Some((old, current))) if new == old => {
            format!("received '{received}' but current is '{current}'")
        }
        _ => format!("received {} but current is {}", side(received), side(current)),
    }
}

/// One side of a difference.
fn side(argument: Option<(char, &str)>) -> String {
    match argument {
        None => "none".to_owned(),
        Some((letter, text)) => format!("the value '{text}' of type '{}'", type_name(letter)),
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
