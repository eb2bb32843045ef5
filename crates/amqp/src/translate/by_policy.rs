//! What policies make of queues and exchanges: settings of streams and routes that nobody declared.
//!
//! Apart because a declaration is compared with declarations alone (they are annotations), while what the broker acts on
//! is computed here, from the declaration and the policies that match. It can be computed anew at any time, so a policy
//! that changes is carried out by looking at every queue once more. What a policy does not speak of is left alone.
//!
//! | | policy and operator's policy | argument and policy |
//! |---|---|---|
//! | `message-ttl`, `expires`, `max-length`, `max-length-bytes`, `consumer-timeout` | the smaller | the smaller |
//! | `delivery-limit` | the smaller that limits | the smaller that limits |
//! | all others | the operator's | the argument |

use super::arguments::{Arguments, CONSUMER_TIMEOUT, QueueType, Stored, is_own};
use super::exchange::{ALTERNATE, ALTERNATE_BY_POLICY, declared_alternate};
use crate::policy::{Policies, Policy};
use millstream_core::catalog::{
    ConfigChange, LeaseSetting, LeaseSettingKey, Setting, SettingKey, StreamConfig,
};
use millstream_core::route::RouteConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The policies that a queue or exchange is under, by name.
const POLICY: &str = "amqp.policy";
const OPERATOR_POLICY: &str = "amqp.operator-policy";
/// What they speak of: the keys, with commas between them.
const GOVERNED: &str = "amqp.governed";
/// What marks a route as an exchange of this protocol.
const EXCHANGE_TYPE: &str = "amqp.type";

/// Settings that follow from keys of policies.
const GOVERNABLE: [(LeaseSettingKey, &[&str]); 7] = [
    (LeaseSettingKey::TimeToLiveMs, &["message-ttl"]),
    (LeaseSettingKey::ExpiresMs, &["expires"]),
    (LeaseSettingKey::LengthMax, &["max-length"]),
    (LeaseSettingKey::LengthBytesMax, &["max-length-bytes"]),
    (LeaseSettingKey::DeliveryLimit, &["delivery-limit"]),
    (LeaseSettingKey::DeadLetterRoute, &["dead-letter-exchange", "dead-letter-routing-key"]),
    (LeaseSettingKey::Overflow, &["overflow", "dead-letter-exchange"]),
];

/// The arguments that policies may stand in for.
const ARGUMENTS: [(&str, &str); 11] = [
    ("consumer-timeout", "x-consumer-timeout"),
    ("dead-letter-exchange", "x-dead-letter-exchange"),
    ("dead-letter-routing-key", "x-dead-letter-routing-key"),
    ("dead-letter-strategy", "x-dead-letter-strategy"),
    ("delivery-limit", "x-delivery-limit"),
    ("expires", "x-expires"),
    ("max-age", "x-max-age"),
    ("max-length", "x-max-length"),
    ("max-length-bytes", "x-max-length-bytes"),
    ("message-ttl", "x-message-ttl"),
    ("overflow", "x-overflow"),
];

/// A policy and an operator's policy as one: keys with their values as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged<'a>(pub(crate) BTreeMap<&'a str, String>);

/// Which of two values counts where both are given.
fn stronger(key: &str, weak: &str, strong: &str) -> String {
    let numbers = weak.parse::<i64>().ok().zip(strong.parse::<i64>().ok());
    match (key, numbers) {
        // A negative limit is none.
        ("delivery-limit", Some((a, b))) if a < 0 || b < 0 => a.max(b).to_string(),
        (
            "message-ttl" | "expires" | "max-length" | "max-length-bytes" | "consumer-timeout"
            | "delivery-limit",
            Some((a, b)),
        ) => a.min(b).to_string(),
        _ => strong.to_owned(),
    }
}

impl<'a> Merged<'a> {
    pub(crate) fn of(policy: Option<&'a Policy>, operator: Option<&'a Policy>) -> Merged<'a> {
        let mut merged: BTreeMap<&str, String> = BTreeMap::new();
        for policy in policy.into_iter().chain(operator) {
            for (key, value) in &policy.definition {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let value = match merged.get(&**key) {
                    Some(weak) => stronger(key, weak, &value),
                    None => value,
                };
                merged.insert(&**key, value);
            }
        }
        Merged(merged)
    }
}

/// A declaration with what policies add to it.
fn effective(declared: &Arguments, merged: &Merged<'_>) -> Arguments {
    let mut arguments = declared.clone();
    let is_quorum = declared.queue_type() == QueueType::Quorum;
    for (key, argument) in ARGUMENTS {
        let Some(value) = merged.0.get(key).filter(|_| key != "delivery-limit" || is_quorum) else {
            continue;
        };
        match arguments.known.iter_mut().find(|(known, ..)| *known == argument) {
            // Where nothing is the smaller one, what was declared counts.
            Some((_, _, declared)) => *declared = stronger(key, value, declared),
            None => arguments.known.push((argument, 'S', value.clone())),
        }
    }
    arguments
}

fn key_of(setting: &LeaseSetting) -> Option<LeaseSettingKey> {
    Some(match setting {
        LeaseSetting::TimeToLiveMs(_) => LeaseSettingKey::TimeToLiveMs,
        LeaseSetting::ExpiresMs(_) => LeaseSettingKey::ExpiresMs,
        LeaseSetting::LengthMax(_) => LeaseSettingKey::LengthMax,
        LeaseSetting::LengthBytesMax(_) => LeaseSettingKey::LengthBytesMax,
        LeaseSetting::DeliveryLimit(_) => LeaseSettingKey::DeliveryLimit,
        LeaseSetting::DeadLetterRoute(_) => LeaseSettingKey::DeadLetterRoute,
        LeaseSetting::Overflow(_) => LeaseSettingKey::Overflow,
        _ => return None,
    })
}

/// The policies that a queue was put under, as it shows: policy, operator's policy.
pub(crate) fn applied(config: &StreamConfig) -> (Option<&str>, Option<&str>) {
    (config.annotation(POLICY), config.annotation(OPERATOR_POLICY))
}

/// The policy that an exchange was put under.
pub(crate) fn applied_to_exchange(config: &RouteConfig) -> Option<&str> {
    config.annotations.get(POLICY).map(|name| &**name)
}

/// What has to change for a queue to be as its declaration and the policies say. Queues that are streams of other
/// protocols are theirs to set up.
pub(crate) fn set_up_queue(name: &str, config: &StreamConfig, policies: &Policies) -> Vec<ConfigChange> {
    if !is_own(config) {
        return Vec::new();
    }
    let stored = Stored { config };
    let (policy, operator) = policies.of_queue(name, stored.queue_type());
    let before = config.annotation(GOVERNED);
    if policy.is_none() && operator.is_none() && before.is_none() {
        return Vec::new();
    }
    let merged = Merged::of(policy, operator);
    let keys: BTreeSet<&str> = merged.0.keys().copied().collect();
    let governed: BTreeSet<&str> =
        before.into_iter().flat_map(|keys| keys.split(',')).chain(keys.clone()).collect();
    let declared = stored.arguments();
    let effective = effective(&declared, &merged);
    let is_stream = declared.queue_type() == QueueType::Stream;
    let mut changes = if is_stream { retention(&effective, &governed) } else { Vec::new() };
    let settings = if is_stream { Vec::new() } else { effective.settings() };
    for (key, of) in GOVERNABLE.into_iter().filter(|_| !is_stream) {
        if !of.iter().any(|key| governed.contains(key)) {
            continue;
        }
        changes.push(match settings.iter().find(|setting| key_of(setting) == Some(key)) {
            Some(setting) => ConfigChange::Set(Setting::Lease(setting.clone())),
            None => ConfigChange::Unset(SettingKey::Lease(key)),
        });
    }
    let timeout = effective.text("x-consumer-timeout").filter(|_| keys.contains("consumer-timeout"));
    let keys: Vec<&str> = keys.into_iter().collect();
    let annotations = [
        (POLICY, policy.map(|policy| policy.name.to_string())),
        (OPERATOR_POLICY, operator.map(|policy| policy.name.to_string())),
        (GOVERNED, (!keys.is_empty()).then(|| keys.join(","))),
        (CONSUMER_TIMEOUT, timeout.map(str::to_owned)),
    ];
    changes.extend(annotations.map(|(key, value)| match value {
        Some(value) => ConfigChange::Set(Setting::Annotation(key.into(), value.into())),
        None => ConfigChange::Unset(SettingKey::Annotation(key.into())),
    }));
    changes.retain(|change| {
        let mut changed = config.clone();
        changed.change(change).is_err() || changed != *config
    });
    changes
}

/// What a stream queue keeps, as far as policies speak of it; without either it keeps everything.
fn retention(effective: &Arguments, governed: &BTreeSet<&str>) -> Vec<ConfigChange> {
    let mut settings = Vec::new();
    settings.extend(governed.contains("max-age").then_some(Setting::RetentionMs(None)));
    settings.extend(governed.contains("max-length-bytes").then_some(Setting::RetentionBytes(None)));
    for known in effective.retention() {
        let same =
            |setting: &&mut Setting| core::mem::discriminant(*setting) == core::mem::discriminant(&known);
        if let Some(setting) = settings.iter_mut().find(same) {
            *setting = known;
        }
    }
    settings.into_iter().map(ConfigChange::Set).collect()
}

/// How an exchange has to be set up to be as its declaration and the policies say; `None`: as it is.
pub(crate) fn set_up_exchange(name: &str, config: &RouteConfig, policies: &Policies) -> Option<RouteConfig> {
    if !config.annotations.contains_key(EXCHANGE_TYPE) {
        return None;
    }
    let policy = policies.of_exchange(name);
    let by_policy = policy.and_then(|policy| policy.definition.get(ALTERNATE)?.as_str());
    let declared = declared_alternate(config);
    let mut changed = config.clone();
    changed.alternate = declared.or(by_policy).map(Arc::from);
    let mut annotate = |key: &str, value: Option<&str>| match value {
        Some(value) => changed.annotations.insert(key.into(), value.into()),
        None => changed.annotations.remove(key),
    };
    annotate(POLICY, policy.map(|policy| &*policy.name));
    annotate(ALTERNATE_BY_POLICY, (declared.is_none() && by_policy.is_some()).then_some("true"));
    (changed != *config).then_some(changed)
}

#[cfg(test)]
#[path = "by_policy_tests.rs"]
mod tests;
