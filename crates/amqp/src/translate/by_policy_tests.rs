//! Policies change what a declaration left open, and only that.
//!
//! Apart because the merge of arguments, policies and operators' policies is judged here case by case.

use super::*;
use crate::codec::{TableBuilder, Value};
use crate::policy::{Document, Owner};
use millstream_core::route::MatchKind;
use serde_json::json;

fn policies(of: &[(Owner, &str, serde_json::Value)]) -> Policies {
    let annotations = of.iter().map(|(owner, name, definition)| {
        let document = json!({"pattern": ".*", "apply-to": "all", "priority": 0, "definition": definition});
        let document: Document = serde_json::from_value(document).unwrap();
        (owner.key(name), serde_json::to_string(&document).unwrap().into())
    });
    Policies::of(&annotations.collect())
}

fn declared(arguments: &[(&str, Value<'_>)]) -> StreamConfig {
    let mut table = TableBuilder::default();
    arguments.iter().for_each(|(name, value)| {
        table.put(name, *value);
    });
    let arguments = Arguments::check("q", "/", (true, false, false), table.table()).unwrap();
    let mut config = StreamConfig::default();
    arguments.creation().iter().for_each(|change| config.change(change).unwrap());
    config
}

fn govern(config: &mut StreamConfig, policies: &Policies) {
    for change in set_up_queue("q", config, policies) {
        config.change(&change).unwrap();
    }
    assert_eq!(set_up_queue("q", config, policies), [], "once is enough");
}

#[test]
fn the_smaller_limit_counts_and_the_declared_name() {
    let mut config = declared(&[
        ("x-max-length", Value::I32(10)),
        ("x-message-ttl", Value::I32(1000)),
        ("x-dead-letter-exchange", Value::Long(b"declared")),
        ("x-overflow", Value::Long(b"reject-publish")),
    ]);
    let before = config.clone();
    let policies = policies(&[
        (
            Owner::User,
            "p",
            json!({"max-length": 20, "message-ttl": 500, "dead-letter-exchange": "policy", "expires": 9000,
                "max-length-bytes": 4000, "overflow": "drop-head", "consumer-timeout": 7}),
        ),
        (Owner::Operator, "o", json!({"max-length": 15, "expires": 8000, "max-length-bytes": 5000})),
    ]);
    govern(&mut config, &policies);
    let lease = config.lease();
    assert_eq!((lease.length_max(), lease.time_to_live_ms()), (Some(10), Some(500)));
    assert_eq!((lease.expires_ms(), lease.length_bytes_max()), (Some(8000), Some(4000)));
    assert_eq!(lease.dead_letter_route().map(|route| &*route.route), Some("declared"));
    assert_eq!(lease.overflow(), millstream_core::catalog::Overflow::Reject);
    assert_eq!(applied(&config), (Some("p"), Some("o")));
    assert_eq!((Stored { config: &config }).consumer_timeout_ms(), Some(7));
    govern(&mut config, &Policies::default());
    assert_eq!(config, before, "nothing is left of a policy that is gone");
}

#[test]
fn what_a_policy_does_not_speak_of_is_left_alone() {
    let mut config = declared(&[]);
    let length = |max| ConfigChange::Set(Setting::Lease(LeaseSetting::LengthMax(max)));
    config.change(&length(Some(7))).unwrap();
    govern(&mut config, &policies(&[(Owner::User, "p", json!({"message-ttl": 5}))]));
    assert_eq!((config.lease().length_max(), config.lease().time_to_live_ms()), (Some(7), Some(5)));
    govern(&mut config, &policies(&[(Owner::User, "p", json!({"max-length": 3}))]));
    assert_eq!((config.lease().length_max(), config.lease().time_to_live_ms()), (Some(3), None));
}

#[test]
fn dead_letters_by_policy_are_moved_when_a_queue_is_full() {
    let mut config = declared(&[]);
    let definition = json!({"dead-letter-exchange": "dlx", "dead-letter-routing-key": "k", "max-length": 1});
    govern(&mut config, &policies(&[(Owner::User, "p", definition)]));
    let route = config.lease().dead_letter_route().cloned().unwrap();
    assert_eq!((&*route.route, route.key.as_deref()), ("dlx", Some("k")));
    assert_eq!(config.lease().overflow(), millstream_core::catalog::Overflow::DeadLetter);
}

#[test]
fn delivery_limits_are_of_quorum_queues_and_a_negative_one_is_none() {
    let quorum = |limit: Option<i32>| {
        let mut arguments = vec![("x-queue-type", Value::Long(b"quorum"))];
        arguments.extend(limit.map(|limit| ("x-delivery-limit", Value::I32(limit))));
        declared(&arguments)
    };
    for (declared, by_policy, expected) in [
        (None, 5, Some(6)),
        (Some(3), 5, Some(4)),
        (Some(-1), 5, Some(6)),
        (None, -1, None),
        (None, 40, Some(41)),
    ] {
        let mut config = quorum(declared);
        govern(&mut config, &policies(&[(Owner::User, "p", json!({"delivery-limit": by_policy}))]));
        assert_eq!(config.lease().delivery_limit(), expected, "{declared:?} {by_policy}");
    }
    let mut classic = declared(&[]);
    govern(&mut classic, &policies(&[(Owner::User, "p", json!({"delivery-limit": 5}))]));
    assert_eq!(classic.lease().delivery_limit(), None);
}

#[test]
fn streams_of_others_are_theirs_and_exchanges_get_an_alternate() {
    let all = policies(&[(Owner::User, "p", json!({"alternate-exchange": "ae", "max-length": 1}))]);
    assert_eq!(set_up_queue("q", &StreamConfig::default(), &all), []);
    let mut config = RouteConfig::new(MatchKind::Exact);
    assert_eq!(set_up_exchange("e", &config, &all), None, "it is no exchange");
    config.annotations.insert("amqp.type".into(), "direct".into());
    let governed = set_up_exchange("e", &config, &all).unwrap();
    assert_eq!((governed.alternate.as_deref(), applied_to_exchange(&governed)), (Some("ae"), Some("p")));
    assert_eq!(declared_alternate(&governed), None);
    assert_eq!(set_up_exchange("e", &governed, &all), None, "once is enough");
    assert_eq!(set_up_exchange("e", &governed, &Policies::default()), Some(config.clone()));
    config.alternate = Some("own".into());
    let governed = set_up_exchange("e", &config, &all).unwrap();
    assert_eq!(governed.alternate.as_deref(), Some("own"));
}

#[test]
fn a_policy_says_what_a_stream_keeps_where_its_declaration_does_not() {
    let stream = ("x-queue-type", Value::Long(b"stream"));
    let policies =
        policies(&[(Owner::User, "p", json!({"max-age": "1h", "max-length-bytes": 4000, "message-ttl": 5}))]);
    let kept = |config: &StreamConfig| (config.retention_ms(), config.retention_bytes());
    let mut config = declared(&[stream, ("x-max-length-bytes", Value::I32(9000))]);
    govern(&mut config, &policies);
    assert_eq!(kept(&config), (Some(3_600_000), Some(4000)));
    assert_eq!((config.lease().enabled(), config.lease().time_to_live_ms()), (false, None));
    govern(&mut config, &Policies::default());
    assert_eq!(kept(&config), (None, Some(9000)));
    let mut config = declared(&[stream, ("x-max-age", Value::Long(b"2h"))]);
    govern(&mut config, &policies);
    assert_eq!(kept(&config), (Some(7_200_000), Some(4000)), "its own age counts");
}
