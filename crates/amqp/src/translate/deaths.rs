//! A dead letter's history as the headers `x-death`, `x-first-death-…` and `x-last-death-…`.
//!
//! Apart because RabbitMQ's clients read them, while the core keeps a history that names no protocol.

use crate::codec::{ArrayBuilder, TableBuilder, Value};
use millstream_types::dead_letter::{Death, DeathReason, History};

/// Whether a header is one of those that the broker makes.
pub(super) fn is_of_deaths(name: &str) -> bool {
    name == "x-death" || name.starts_with("x-first-death-") || name.starts_with("x-last-death-")
}

fn word(reason: DeathReason) -> &'static str {
    match reason {
        DeathReason::Rejected => "rejected",
        DeathReason::Expired => "expired",
        DeathReason::Limit => "delivery_limit",
        DeathReason::Length => "maxlen",
    }
}

/// Puts the headers into a table. The first death has taken the message's own time to live, and the message had come
/// there for the names in its header `CC` as well.
pub(super) fn put(
    table: &mut TableBuilder,
    history: &History,
    expiration: Option<&str>,
    copies: Option<Value<'_>>,
) {
    let text = |text: &'static str| Value::Long(text.as_bytes());
    let Some(first) = history.first() else { return };
    // Whoever came by the name of its queue has no other key.
    let way = |death: &Death| match &death.routed {
        Some(routed) => (routed.by.to_string(), routed.key.to_string()),
        None => (String::new(), death.source.to_string()),
    };
    let mut deaths = ArrayBuilder::default();
    for death in history.deaths() {
        let (exchange, key) = way(death);
        let mut keys = ArrayBuilder::default();
        keys.push(Value::Long(key.as_bytes()));
        if let Some(Value::Array(copies)) = copies.filter(|_| death == first) {
            for copy in copies.iter() {
                keys.push(copy);
            }
        }
        let mut entry = TableBuilder::default();
        let seconds = u64::try_from(death.first.0 / 1000).unwrap_or(0);
        entry
            .put("count", Value::I64(i64::try_from(death.count).unwrap_or(i64::MAX)))
            .put("reason", text(word(death.reason)))
            .put("queue", Value::Long(death.source.as_bytes()))
            .put("time", Value::Timestamp(seconds))
            .put("exchange", Value::Long(exchange.as_bytes()))
            .put("routing-keys", Value::Array(keys.array()));
        if let Some(expiration) = expiration.filter(|_| death == first) {
            entry.put("original-expiration", Value::Long(expiration.as_bytes()));
        }
        deaths.push(Value::Table(entry.table()));
    }
    table.put("x-death", Value::Array(deaths.array()));
    for (which, death) in [("first", Some(first)), ("last", history.deaths().first())] {
        let Some(death) = death else { continue };
        let (exchange, _) = way(death);
        table
            .put(&format!("x-{which}-death-reason"), text(word(death.reason)))
            .put(&format!("x-{which}-death-queue"), Value::Long(death.source.as_bytes()))
            .put(&format!("x-{which}-death-exchange"), Value::Long(exchange.as_bytes()));
    }
}
