//! Describing and altering configuration through the session.
//!
//! Apart because three operations must agree about it.

use crate::connection::Connection;
use crate::records::create;
use millstream_kafka::codec::Str;
use millstream_kafka::codec::generated::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource as Replaced, AlterableConfig as NewValue,
};
use millstream_kafka::codec::generated::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResult,
};
use millstream_kafka::codec::generated::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use millstream_testkit::broker::TestBroker;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn connection() -> Connection {
    let mut connection = Connection::open(&TestBroker::new());
    create(&mut connection, "orders", 1, &[("retention.ms", "1000")]);
    connection
}

fn describe(
    connection: &mut Connection,
    kind: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource {
        resource_type: kind,
        resource_name: Str::from(name),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| Str::from(*key)).collect()),
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: true,
    };
    connection.call(4, &request).results.remove(0)
}

/// One value of the topic `orders`, and its source.
fn value(connection: &mut Connection, key: &str) -> (String, i8) {
    let mut result = describe(connection, TOPIC, "orders", Some(&[key]));
    assert_eq!((result.error_code, result.configs.len()), (0, 1));
    let config = result.configs.remove(0);
    (config.value.expect("no value is hidden").into(), config.config_source)
}

fn change(connection: &mut Connection, changes: &[(&str, i8, Option<&str>)]) -> i16 {
    change_resource(connection, TOPIC, "orders", changes)
}

fn change_resource(
    connection: &mut Connection,
    kind: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
) -> i16 {
    let change = |(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: Str::from(*name),
        config_operation: *config_operation,
        value: value.map(Str::from),
    };
    let resource = AlterConfigsResource {
        resource_type: kind,
        resource_name: Str::from(name),
        configs: changes.iter().map(change).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let response = connection.call(1, &request).responses.remove(0);
    assert_eq!(response.error_message.is_some(), response.error_code != 0);
    response.error_code
}

#[test]
fn a_topic_shows_every_key_with_its_source() {
    let mut connection = connection();
    let all = describe(&mut connection, TOPIC, "orders", None);
    assert_eq!((all.error_code, all.configs.len()), (0, 33));
    assert_eq!(describe(&mut connection, TOPIC, "orders", Some(&[])).configs.len(), 33);
    for config in &all.configs {
        let set = &*config.name == "retention.ms";
        assert_eq!(config.config_source, if set { 1 } else { 5 }, "{}", config.name);
        assert!(!config.read_only && !config.is_sensitive && config.config_type > 0);
        assert!(config.documentation.as_ref().is_some_and(|text| text.ends_with('.')), "{}", config.name);
    }
    let retention = all.configs.iter().find(|config| &*config.name == "retention.ms").unwrap();
    let synonyms: Vec<_> =
        retention.synonyms.iter().map(|s| (&*s.name, s.value.as_deref().unwrap(), s.source)).collect();
    assert_eq!(synonyms, [("retention.ms", "1000", 1), ("log.retention.ms", "604800000", 5)]);
    assert_eq!(retention.config_type, 5);
    assert_eq!(describe(&mut connection, TOPIC, "none", None).error_code, 3);
    assert_eq!(describe(&mut connection, TOPIC, "a b", None).error_code, 17);
    assert_eq!(describe(&mut connection, 32, "group", None).error_code, 42);
}

#[test]
fn what_is_not_asked_for_is_left_out() {
    let mut connection = connection();
    let resource = DescribeConfigsResource {
        resource_type: TOPIC,
        resource_name: Str::from("orders"),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let result = connection.call(3, &request).results.remove(0);
    assert!(result.configs.iter().all(|config| config.synonyms.is_empty() && config.documentation.is_none()));
}

#[test]
fn a_broker_shows_what_is_real_and_changes_nothing() {
    let mut connection = connection();
    let result = describe(&mut connection, BROKER, "1", None);
    let value = |name: &str| result.configs.iter().find(|config| &*config.name == name).unwrap();
    assert!(result.configs.iter().all(|config| config.read_only));
    assert!(result.configs.is_sorted_by(|a, b| *a.name < *b.name), "each once, in order");
    assert_eq!(value("num.partitions").value.as_deref(), Some("2"));
    assert_eq!(value("auto.create.topics.enable").value.as_deref(), Some("true"));
    assert_eq!(value("message.max.bytes").value.as_deref(), Some("16777216"));
    assert_eq!(value("advertised.listeners").value.as_deref(), Some("PLAINTEXT://broker.test:9092"));
    assert_eq!(describe(&mut connection, BROKER, "", None).configs.len(), 0);
    assert_eq!(describe(&mut connection, BROKER, "2", None).error_code, 42);
    assert_eq!(describe(&mut connection, BROKER, "x", None).error_code, 42);
    let set = [("log.retention.ms", SET, Some("1"))];
    assert_eq!(change_resource(&mut connection, BROKER, "1", &set), 42);
    assert_eq!(change_resource(&mut connection, BROKER, "2", &[]), 42);
    assert_eq!(change_resource(&mut connection, BROKER, "", &[]), 0);
}

#[test]
fn single_keys_are_set_and_returned_to_their_default() {
    let mut connection = connection();
    let changes = [("segment.ms", SET, Some("5000")), ("retention.ms", DELETE, None)];
    assert_eq!(change(&mut connection, &changes), 0);
    assert_eq!(value(&mut connection, "segment.ms"), ("5000".to_owned(), 1));
    assert_eq!(value(&mut connection, "retention.ms"), ("604800000".to_owned(), 5));
    assert_eq!(change(&mut connection, &[("segment.ms", DELETE, None)]), 0);
    assert_eq!(value(&mut connection, "segment.ms"), ("604800000".to_owned(), 5));
    assert_eq!(change(&mut connection, &[("segment.ms", DELETE, None)]), 0, "it is so already");
    assert_eq!(change(&mut connection, &[("message.format.version", DELETE, None)]), 0, "nobody has it");
}

#[test]
fn lists_grow_and_shrink() {
    let mut connection = connection();
    assert_eq!(change(&mut connection, &[("cleanup.policy", APPEND, Some("compact"))]), 0);
    assert_eq!(
        value(&mut connection, "cleanup.policy"),
        ("compact,delete".to_owned(), 1),
        "beside the default"
    );
    assert_eq!(change(&mut connection, &[("cleanup.policy", APPEND, Some("compact,delete"))]), 0);
    assert_eq!(change(&mut connection, &[("cleanup.policy", SUBTRACT, Some("delete"))]), 0);
    assert_eq!(value(&mut connection, "cleanup.policy"), ("compact".to_owned(), 1));
    let throttled = "leader.replication.throttled.replicas";
    assert_eq!(change(&mut connection, &[(throttled, APPEND, Some("0:1,1:1"))]), 0);
    assert_eq!(change(&mut connection, &[(throttled, SUBTRACT, Some("0:1"))]), 0);
    assert_eq!(value(&mut connection, throttled), ("1:1".to_owned(), 1));
}

#[test]
fn changes_that_cannot_be_change_nothing() {
    let mut connection = connection();
    for (changes, code) in [
        (&[("nope", SET, Some("1"))][..], 40),
        (&[("nope", APPEND, Some("1"))], 40),
        (&[("retention.ms", SET, Some("abc"))], 40),
        (&[("retention.ms", APPEND, Some("1"))], 40),
        (&[("cleanup.policy", APPEND, Some("foo"))], 40),
        (&[("retention.ms", SET, None)], 42),
        (&[("retention.ms", 9, Some("1"))], 42),
        (&[("retention.ms", SET, Some("1")), ("retention.ms", DELETE, None)], 42),
        (&[("segment.ms", SET, Some("5")), ("flush.ms", SET, Some("-1"))], 40),
        (&[("min.compaction.lag.ms", SET, Some("2")), ("max.compaction.lag.ms", SET, Some("1"))], 40),
    ] {
        assert_eq!(change(&mut connection, changes), code, "{changes:?}");
    }
    assert_eq!(value(&mut connection, "retention.ms"), ("1000".to_owned(), 1));
    assert_eq!(value(&mut connection, "segment.ms").1, 5, "all of a request or nothing");
    assert_eq!(change_resource(&mut connection, TOPIC, "none", &[]), 3);
    assert_eq!(change_resource(&mut connection, 8, "1", &[]), 42);
}

#[test]
fn replacing_returns_what_is_not_named_to_its_default() {
    let mut connection = connection();
    assert_eq!(change(&mut connection, &[("flush.ms", SET, Some("7"))]), 0);
    let resource = |name: &str, configs: &[(&str, Option<&str>)]| Replaced {
        resource_type: TOPIC,
        resource_name: Str::from(name),
        configs: configs
            .iter()
            .map(|(name, value)| NewValue { name: Str::from(*name), value: value.map(Str::from) })
            .collect(),
    };
    let mut replace = |resources, validate_only| -> Vec<i16> {
        let response = connection.call(2, &AlterConfigsRequest { resources, validate_only });
        response.responses.iter().map(|response| response.error_code).collect()
    };
    let new = [("segment.ms", Some("5000"))];
    assert_eq!(replace(vec![resource("orders", &new)], true), [0]);
    assert_eq!(replace(vec![resource("orders", &[("flush.ms", None)])], false), [42]);
    assert_eq!(
        replace(vec![resource("orders", &new), resource("none", &new), resource("orders", &[])], false),
        [42, 3, 42]
    );
    assert_eq!(value(&mut connection, "flush.ms"), ("7".to_owned(), 1), "nothing was changed so far");
    let resources = vec![resource("orders", &new)];
    let response = connection.call(0, &AlterConfigsRequest { resources, validate_only: false });
    assert_eq!(response.responses[0].error_code, 0);
    assert_eq!(value(&mut connection, "segment.ms"), ("5000".to_owned(), 1));
    assert_eq!(value(&mut connection, "retention.ms").1, 5);
    assert_eq!(value(&mut connection, "flush.ms").1, 5);
}
