//! What policies may say: keys, and what their values must be.
//!
//! Apart because it is one table, for policies and for those of operators. Keys that mean nothing here but that RabbitMQ knows
//! or knew (mirroring, lazy queues, places of replicas) are taken, kept and shown, so that definitions of old brokers can
//! be taken over.

use crate::limits::TIME_TO_LIVE_MS_MAX;
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys with their values.
pub(crate) type Definition = BTreeMap<Box<str>, Value>;

/// What a value must be.
#[derive(Clone, Copy)]
enum Shape {
    /// A whole number from so much on, up to so much.
    Number(i64, i64),
    /// Text.
    Text,
    /// One of these words.
    Words(&'static [&'static str]),
    /// What nobody looks at.
    Any,
}

const MS_MAX: i64 = TIME_TO_LIVE_MS_MAX as i64;
const ANY: i64 = i64::MAX;

/// Every key, what it must be, and whether operators' policies may have it.
const KEYS: &[(&str, Shape, bool)] = &[
    ("alternate-exchange", Shape::Text, false),
    ("consumer-timeout", Shape::Number(0, MS_MAX), true),
    ("dead-letter-exchange", Shape::Text, false),
    ("dead-letter-routing-key", Shape::Text, false),
    ("dead-letter-strategy", Shape::Words(&["at-most-once", "at-least-once"]), false),
    ("delivery-limit", Shape::Number(-1, u32::MAX as i64 - 1), true),
    ("expires", Shape::Number(1, MS_MAX), true),
    ("ha-mode", Shape::Any, false),
    ("ha-params", Shape::Any, false),
    ("ha-promote-on-failure", Shape::Any, false),
    ("ha-promote-on-shutdown", Shape::Any, false),
    ("ha-sync-batch-size", Shape::Any, false),
    ("ha-sync-mode", Shape::Any, false),
    ("initial-cluster-size", Shape::Number(1, ANY), false),
    ("max-age", Shape::Text, false),
    ("max-in-memory-bytes", Shape::Number(0, ANY), true),
    ("max-in-memory-length", Shape::Number(0, ANY), true),
    ("max-length", Shape::Number(0, ANY), true),
    ("max-length-bytes", Shape::Number(0, ANY), true),
    ("message-ttl", Shape::Number(0, MS_MAX), true),
    ("overflow", Shape::Words(&["drop-head", "reject-publish", "reject-publish-dlx"]), true),
    ("queue-leader-locator", Shape::Text, false),
    ("queue-master-locator", Shape::Text, false),
    ("queue-mode", Shape::Words(&["default", "lazy"]), false),
    ("queue-version", Shape::Number(1, 2), false),
    ("stream-filter-size-bytes", Shape::Number(16, 255), false),
    ("stream-max-segment-size-bytes", Shape::Number(0, ANY), false),
    ("target-group-size", Shape::Number(1, ANY), true),
];

/// Checks the definition of a policy, or of an operator's.
///
/// # Errors
/// What is wrong, in RabbitMQ's manner.
pub(crate) fn check_definition(definition: &Definition, is_operators: bool) -> Result<(), String> {
    if definition.is_empty() {
        return Err("no policy provided\n".to_owned());
    }
    for (key, value) in definition {
        let known = KEYS.iter().find(|(known, ..)| **known == **key);
        let Some((_, shape, _)) = known.filter(|(_, _, for_operators)| *for_operators || !is_operators)
        else {
            // As a term, which is how RabbitMQ shows it.
            let shown = if value.is_string() { format!("<<{value}>>") } else { value.to_string() };
            return Err(format!("[{{<<\"{key}\">>,{shown}}}] are not recognised policy settings\n"));
        };
        let is_right = match shape {
            Shape::Number(min, max) => value.as_i64().is_some_and(|number| (*min..=*max).contains(&number)),
            Shape::Text => value.is_string(),
            Shape::Words(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Shape::Any => true,
        };
        if !is_right {
            return Err(format!("{value} is not a valid value for {key}\n"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(definition: Value, is_operators: bool) -> Result<(), String> {
        check_definition(&serde_json::from_value(definition).unwrap(), is_operators)
    }

    #[test]
    fn keys_and_values_are_looked_at() {
        assert!(KEYS.is_sorted_by_key(|(key, ..)| *key));
        assert_eq!(
            check(json!({"max-length": 10, "overflow": "drop-head", "ha-mode": "all"}), false),
            Ok(())
        );
        assert_eq!(check(json!({"max-length": 10, "overflow": "drop-head"}), true), Ok(()));
        for wrong in [
            json!({}),
            json!({"max-length": -1}),
            json!({"max-length": "10"}),
            json!({"expires": 0}),
            json!({"overflow": "other"}),
            json!({"dead-letter-exchange": 7}),
            json!({"mystery": 1}),
        ] {
            assert!(check(wrong.clone(), false).is_err(), "{wrong}");
        }
        assert_eq!(
            check(json!({"alternate-exchange": "x"}), true),
            Err("[{<<\"alternate-exchange\">>,<<\"x\">>}] are not recognised policy settings\n".to_owned())
        );
    }
}
