//! Exchanges as routes, and their bindings: types, flags and arguments.
//!
//! Apart because a route names no protocol: how an exchange was declared is kept in annotations that begin with `amqp.`,
//! beside what the route acts on.

use super::arguments::{letter, type_name};
use crate::codec::{Properties, Table, TableBuilder, Value};
use crate::errors::{Code, Fault};
use millstream_core::route::{Condition, Criteria, HashBy, Headers, MatchKind, RouteConfig, RouteEntry};
use millstream_core::route::{Value as Wanted, ValueRef};
use std::sync::Arc;

const TYPE: &str = "amqp.type";
const DURABLE: &str = "amqp.durable";
pub(super) const ALTERNATE: &str = "alternate-exchange";
/// The alternate is a policy's.
pub(super) const ALTERNATE_BY_POLICY: &str = "amqp.alternate-by-policy";
/// What a delayed message says of itself, in milliseconds.
const DELAY: &str = "x-delay";
/// Longest delay: as long as the core puts anything off, a leap year.
const DELAY_MS_MAX: u64 = 366 * 24 * 3_600_000;

/// Exchanges that are always there, with their types.
const PREDECLARED: [(&str, &str); 6] = [
    ("amq.direct", "direct"),
    ("amq.fanout", "fanout"),
    ("amq.headers", "headers"),
    ("amq.match", "headers"),
    ("amq.rabbitmq.trace", "topic"),
    ("amq.topic", "topic"),
];

/// How an exchange is declared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declaration<'a> {
    pub(crate) exchange_type: &'a str,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
    pub(crate) internal: bool,
    pub(crate) arguments: Table<'a>,
}

/// The set-up of an exchange that is always there, if this is the name of one.
pub(crate) fn predeclared(name: &str) -> Option<RouteConfig> {
    let (_, exchange_type) = PREDECLARED.iter().find(|(known, _)| *known == name)?;
    let declaration = Declaration {
        exchange_type,
        durable: true,
        auto_delete: false,
        internal: name == "amq.rabbitmq.trace",
        arguments: Table::default(),
    };
    declaration.config().ok()
}

impl Declaration<'_> {
    /// # Errors
    /// When the alternate exchange is no name.
    pub(crate) fn check_alternate(&self, name: &str, vhost: &str) -> Result<(), Fault> {
        match self.arguments.find(ALTERNATE) {
            Some(value) if value.as_text().is_none() => Err(Fault::precondition(format!(
                "invalid type '{}' for arg '{ALTERNATE}' in exchange '{name}' in vhost '{vhost}'",
                type_name(letter(value))
            ))),
            _ => Ok(()),
        }
    }

    /// The route's set-up.
    ///
    /// # Errors
    /// When there is no such type, or an argument cannot be.
    pub(crate) fn config(&self) -> Result<RouteConfig, Fault> {
        let (match_kind, delay) = match self.exchange_type {
            "x-delayed-message" => {
                let inner = self.text("x-delayed-type")?;
                let inner = inner.ok_or_else(|| {
                    Fault::precondition(
                        "Invalid argument, 'x-delayed-type' must be an existing exchange type",
                    )
                })?;
                (self.match_kind(inner)?, true)
            }
            exchange_type => (self.match_kind(exchange_type)?, false),
        };
        let mut config = RouteConfig::new(match_kind);
        (config.internal, config.delete_when_unbound, config.delay) =
            (self.internal, self.auto_delete, delay);
        config.ephemeral = !self.durable;
        config.alternate = self.text(ALTERNATE)?.map(Arc::from);
        config.annotations.insert(TYPE.into(), self.exchange_type.into());
        config.annotations.insert(DURABLE.into(), self.durable.to_string().into());
        Ok(config)
    }

    fn match_kind(&self, exchange_type: &str) -> Result<MatchKind, Fault> {
        Ok(match exchange_type {
            "direct" => MatchKind::Exact,
            "topic" => MatchKind::Pattern,
            "fanout" => MatchKind::Everything,
            "headers" => MatchKind::Headers,
            "x-consistent-hash" => MatchKind::Hash { by: self.hashed()?, weighted: true },
            "x-modulus-hash" => MatchKind::Hash { by: HashBy::Key, weighted: false },
            "x-random" | "x-local-random" => MatchKind::Hash { by: HashBy::Random, weighted: false },
            other => return Err(Fault::precondition(format!("unknown exchange type '{other}'"))),
        })
    }

    fn hashed(&self) -> Result<HashBy, Fault> {
        Ok(match (self.text("hash-header")?, self.text("hash-property")?) {
            (None, None) => HashBy::Key,
            (Some(header), None) => HashBy::Header(header.into()),
            (None, Some(property @ ("correlation_id" | "message_id" | "timestamp"))) => {
                HashBy::Property(property.into())
            }
            (None, Some(_)) => return Err(Fault::precondition("Unsupported property for hashing")),
            (Some(_), Some(_)) => {
                return Err(Fault::precondition("hash-header and hash-property are mutually exclusive"));
            }
        })
    }

    fn text(&self, argument: &str) -> Result<Option<&str>, Fault> {
        match self.arguments.find(argument) {
            None => Ok(None),
            Some(value) => match value.as_text() {
                Some(text) => Ok(Some(text)),
                None => Err(Fault::precondition(format!("invalid arg '{argument}': a string is expected"))),
            },
        }
    }

    /// Whether an exchange that is there is as it is declared now.
    ///
    /// # Errors
    /// In RabbitMQ's words, for the first thing in which they differ.
    pub(crate) fn check_equal(&self, name: &str, vhost: &str, current: &RouteConfig) -> Result<(), Fault> {
        let new = self.config()?;
        let differs = |what: &str, received: String, current: String| {
            Err(Fault::precondition(format!(
                "inequivalent arg '{what}' for exchange '{name}' in vhost '{vhost}': received {received} but current is \
                 {current}"
            )))
        };
        let quoted = |config: &RouteConfig, key: &str| {
            format!("'{}'", config.annotations.get(key).map_or("none", |text| text))
        };
        for (key, what) in [(TYPE, "type"), (DURABLE, "durable")] {
            if quoted(&new, key) != quoted(current, key) {
                return differs(what, quoted(&new, key), quoted(current, key));
            }
        }
        let flags = [
            ("auto_delete", new.delete_when_unbound, current.delete_when_unbound),
            ("internal", new.internal, current.internal),
        ];
        for (what, received, current) in flags {
            if received != current {
                return differs(what, format!("'{received}'"), format!("'{current}'"));
            }
        }
        if new.alternate.as_deref() != declared_alternate(current) {
            let both = new.alternate.is_some() && declared_alternate(current).is_some();
            let side = |name: Option<&str>| match name {
                Some(name) if both => format!("'{name}'"),
                Some(name) => format!("the value '{name}' of type 'longstr'"),
                None => "none".to_owned(),
            };
            return differs(ALTERNATE, side(new.alternate.as_deref()), side(declared_alternate(current)));
        }
        if new.match_kind != current.match_kind {
            return differs("arguments", "others".to_owned(), "as declared before".to_owned());
        }
        Ok(())
    }
}

/// The alternate that an exchange was declared with.
pub(crate) fn declared_alternate(config: &RouteConfig) -> Option<&str> {
    let is_by_policy = config.annotations.contains_key(ALTERNATE_BY_POLICY);
    config.alternate.as_deref().filter(|_| !is_by_policy)
}

/// The type of an exchange; of a route that another protocol made, the one that is nearest.
pub(crate) fn type_of(config: &RouteConfig) -> &str {
    if let Some(declared) = config.annotations.get(TYPE) {
        return declared;
    }
    match &config.match_kind {
        MatchKind::Exact => "direct",
        MatchKind::Pattern => "topic",
        MatchKind::Headers => "headers",
        MatchKind::Everything => "fanout",
        MatchKind::Hash { by: HashBy::Random, .. } => "x-random",
        MatchKind::Hash { weighted: true, .. } => "x-consistent-hash",
        MatchKind::Hash { weighted: false, .. } => "x-modulus-hash",
    }
}

/// Whether an exchange was declared durable; those of other protocols are.
pub(crate) fn is_durable(config: &RouteConfig) -> bool {
    config.annotations.get(DURABLE).is_none_or(|text| &**text == "true")
}

/// The arguments that an exchange was declared with.
pub(crate) fn arguments_of(config: &RouteConfig) -> TableBuilder {
    let mut table = TableBuilder::default();
    let mut put = |name: &str, text: &str| {
        table.put(name, Value::Long(text.as_bytes()));
    };
    if let Some(alternate) = declared_alternate(config) {
        put(ALTERNATE, alternate);
    }
    match &config.match_kind {
        MatchKind::Hash { by: HashBy::Header(name), .. } => put("hash-header", name),
        MatchKind::Hash { by: HashBy::Property(name), .. } => put("hash-property", name),
        _ => {}
    }
    if config.delay {
        let inner = RouteConfig { annotations: Default::default(), ..config.clone() };
        put("x-delayed-type", type_of(&inner));
    }
    table
}

/// The names of exchanges that are always there.
pub(crate) fn predeclared_names() -> impl Iterator<Item = &'static str> {
    PREDECLARED.iter().map(|(name, _)| *name)
}

/// What a binding asks for, by the type of the exchange that it leads from.
///
/// # Errors
/// When the exchange cannot be asked for that.
pub(crate) fn condition(source: &RouteEntry, key: &str, arguments: Table<'_>) -> Result<Condition, Fault> {
    match &source.config.match_kind {
        MatchKind::Headers => Ok(Condition::Headers(criteria(arguments)?)),
        MatchKind::Hash { weighted: true, .. } => {
            let weight: i64 = key.parse().map_err(|_| {
                Fault::precondition(format!("The binding key must be an integer: <<\"{key}\">>"))
            })?;
            let weight = u32::try_from(weight).ok().filter(|weight| *weight > 0);
            weight
                .map(Condition::Weight)
                .ok_or_else(|| Fault::precondition("The binding key must be greater than 0"))
        }
        MatchKind::Exact | MatchKind::Pattern | MatchKind::Everything | MatchKind::Hash { .. } => {
            Ok(Condition::Key)
        }
    }
}

fn criteria(arguments: Table<'_>) -> Result<Criteria, Fault> {
    let rule = match arguments.find("x-match") {
        Some(value) => value.as_text().ok_or_else(|| {
            let (type_name, shown) = (type_name(letter(value)), value.as_integer().unwrap_or_default());
            Fault::precondition(format!(
                "Invalid x-match field type {type_name} (value {shown}); expected longstr"
            ))
        })?,
        None => "all",
    };
    let (any, with_x) = match rule {
        "all" => (false, false),
        "any" => (true, false),
        "all-with-x" => (false, true),
        "any-with-x" => (true, true),
        other => {
            return Err(Fault::precondition(format!(
                "Invalid x-match field value <<\"{other}\">>; expected all, any, all-with-x, or any-with-x"
            )));
        }
    };
    let named = arguments.iter().filter(|(name, _)| *name != "x-match");
    let pairs = named.map(|(name, value)| (name.into(), wanted(value))).collect();
    Ok(Criteria { any, with_x, pairs })
}

/// A value as routes compare it.
fn compared(value: Value<'_>) -> ValueRef<'_> {
    match value {
        Value::Long(text) => ValueRef::Text(text),
        Value::Bool(is) => ValueRef::Bool(is),
        Value::F32(number) => ValueRef::Float(number.into()),
        Value::F64(number) => ValueRef::Float(number),
        Value::Timestamp(seconds) => ValueRef::Time(i64::try_from(seconds).unwrap_or(i64::MAX)),
        Value::Bytes(bytes) => ValueRef::Other { kind: b'x', bytes },
        Value::Table(table) => ValueRef::Other { kind: b'F', bytes: table.bytes() },
        Value::Array(array) => ValueRef::Other { kind: b'A', bytes: array.bytes() },
        Value::Decimal { .. } | Value::Void => ValueRef::Void,
        Value::I8(_)
        | Value::U8(_)
        | Value::I16(_)
        | Value::U16(_)
        | Value::I32(_)
        | Value::U32(_)
        | Value::I64(_) => ValueRef::Int(value.as_integer().unwrap_or_default()),
    }
}

/// A value that a binding asks for; `None`: any.
fn wanted(value: Value<'_>) -> Option<Wanted> {
    Some(match compared(value) {
        ValueRef::Void => return None,
        ValueRef::Bool(is) => Wanted::Bool(is),
        ValueRef::Int(number) => Wanted::Int(number),
        ValueRef::Float(number) => Wanted::Float(number),
        ValueRef::Text(text) => Wanted::Text(text.into()),
        ValueRef::Time(seconds) => Wanted::Time(seconds),
        ValueRef::Other { kind, bytes } => Wanted::Other { kind, bytes: bytes.into() },
    })
}

/// A message's headers and properties, as routes look at them.
pub(crate) struct Routed<'a> {
    headers: Table<'a>,
    properties: &'a Properties<'a>,
    timestamp: String,
}

impl<'a> Routed<'a> {
    pub(crate) fn new(properties: &'a Properties<'a>) -> Routed<'a> {
        Routed {
            headers: properties.headers.unwrap_or_default(),
            properties,
            timestamp: properties.timestamp.map(|seconds| seconds.to_string()).unwrap_or_default(),
        }
    }
}

impl Headers for Routed<'_> {
    fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.headers.find(name).map(compared)
    }

    fn each(&self, visit: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.headers.iter().for_each(|(name, value)| visit(name, compared(value)));
    }

    fn property(&self, name: &str) -> Option<&[u8]> {
        match name {
            "correlation_id" => self.properties.correlation_id.map(str::as_bytes),
            "message_id" => self.properties.message_id.map(str::as_bytes),
            "timestamp" => self.properties.timestamp.map(|_| self.timestamp.as_bytes()),
            _ => None,
        }
    }
}

/// How long a message for a delaying exchange is put off.
pub(crate) fn delay_ms(properties: &Properties<'_>) -> Option<u64> {
    let delay = properties.headers?.find(DELAY)?;
    let ms = delay.as_integer().or_else(|| delay.as_text()?.parse().ok())?;
    u64::try_from(ms).ok().filter(|ms| *ms > 0).map(|ms| ms.min(DELAY_MS_MAX))
}

/// Refuses names that only the broker gives.
pub(crate) fn check_not_reserved(name: &str) -> Result<(), Fault> {
    if name.starts_with("amq.") {
        let text = format!("exchange name '{name}' contains reserved prefix 'amq.*'");
        return Err(Fault::new(Code::ACCESS_REFUSED, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declaration<'a>(exchange_type: &'a str, arguments: Table<'a>) -> Declaration<'a> {
        Declaration { exchange_type, durable: true, auto_delete: false, internal: false, arguments }
    }

    #[test]
    fn every_type_is_a_kind_of_route() {
        for exchange_type in
            ["direct", "topic", "fanout", "headers", "x-consistent-hash", "x-modulus-hash", "x-random"]
        {
            let config = declaration(exchange_type, Table::default()).config().unwrap();
            assert!(!config.delay, "{exchange_type}");
        }
        let mut table = TableBuilder::default();
        table.put("x-delayed-type", Value::Long(b"topic"));
        let delayed = declaration("x-delayed-message", table.table()).config().unwrap();
        assert_eq!((delayed.delay, delayed.match_kind), (true, MatchKind::Pattern));
        let unknown = declaration("mystery", Table::default()).config().unwrap_err();
        assert_eq!(unknown.reply_text(), "PRECONDITION_FAILED - unknown exchange type 'mystery'");
        assert!(
            PREDECLARED.iter().all(|(name, _)| predeclared(name).is_some()) && predeclared("amq.x").is_none()
        );
    }

    #[test]
    fn differences_are_told_in_rabbitmqs_words() {
        let config = declaration("direct", Table::default()).config().unwrap();
        let text =
            |declaration: Declaration<'_>| declaration.check_equal("e", "/", &config).unwrap_err().text;
        let begin = "inequivalent arg";
        let end = "for exchange 'e' in vhost '/': received";
        assert_eq!(
            text(declaration("topic", Table::default())),
            format!("{begin} 'type' {end} 'topic' but current is 'direct'")
        );
        let transient = Declaration { durable: false, ..declaration("direct", Table::default()) };
        assert_eq!(text(transient), format!("{begin} 'durable' {end} 'false' but current is 'true'"));
        let mut table = TableBuilder::default();
        table.put(ALTERNATE, Value::Long(b"other"));
        assert_eq!(
            text(declaration("direct", table.table())),
            format!(
                "{begin} 'alternate-exchange' {end} the value 'other' of type 'longstr' but current is none"
            )
        );
        assert_eq!(declaration("direct", Table::default()).check_equal("e", "/", &config), Ok(()));
    }

    #[test]
    fn a_delay_is_a_number_however_it_is_written() {
        let delay = |value| {
            let mut table = TableBuilder::default();
            table.put(DELAY, value);
            delay_ms(&Properties { headers: Some(table.table()), ..Properties::default() })
        };
        assert_eq!((delay(Value::I32(5)), delay(Value::Long(b"7"))), (Some(5), Some(7)));
        assert_eq!((delay(Value::I32(0)), delay(Value::I64(-1)), delay(Value::Void)), (None, None, None));
        assert_eq!(delay(Value::I64(i64::MAX)), Some(DELAY_MS_MAX));
    }
}
