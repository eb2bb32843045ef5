//! The table of topic configurations: defaults, bounds, and the way there and back.
//!
//! Apart because the table alone is long enough.

use super::*;

fn with(name: &str, value: &str) -> Result<StreamConfig, String> {
    let row = find(name).expect("a known key");
    let mut config = StreamConfig::default();
    config.change(&row.set(value)?).expect("values of the table fit the core");
    Ok(config)
}

#[test]
fn rows_are_in_order_and_their_defaults_are_what_an_empty_configuration_shows() {
    assert!(TOPIC_CONFIGS.is_sorted_by(|a, b| a.name < b.name));
    for row in &TOPIC_CONFIGS {
        assert_eq!(row.value(&StreamConfig::default()), row.default, "{}", row.name);
        assert!(!row.is_set(&StreamConfig::default()), "{}", row.name);
        assert!(!row.doc.is_empty() && find(row.name).is_some());
        let config = with(row.name, row.default).expect("a default is a value");
        assert!(row.is_set(&config), "{}", row.name);
        assert_eq!(row.value(&config), row.default, "{}", row.name);
        let mut config = config;
        config.change(&row.unset()).expect("a key can always be unset");
        assert_eq!(config, StreamConfig::default(), "{}", row.name);
    }
    assert!(find("message.format.version").is_none(), "Kafka 4 dropped it");
}

#[test]
fn values_are_shown_as_kafka_shows_them() {
    for (name, typed, shown) in [
        ("retention.ms", " +12 ", "12"),
        ("retention.ms", "-1", "-1"),
        ("retention.bytes", "-7", "-1"),
        ("cleanup.policy", "delete, compact", "compact,delete"),
        ("cleanup.policy", "", ""),
        ("cleanup.policy", "delete,delete", "delete"),
        ("preallocate", "TRUE", "true"),
        ("min.cleanable.dirty.ratio", "1", "1.0"),
        ("min.cleanable.dirty.ratio", "0", "0.0"),
        ("min.cleanable.dirty.ratio", "0.01", "0.01"),
        ("min.cleanable.dirty.ratio", "0.29", "0.29"),
        ("min.cleanable.dirty.ratio", "0.33333", "0.3333"),
        ("delete.retention.ms", "0", "0"),
        ("min.compaction.lag.ms", "9223372036854775807", "9223372036854775807"),
        ("max.compaction.lag.ms", "1", "1"),
        ("max.compaction.lag.ms", "9223372036854775807", "9223372036854775807"),
        ("compression.gzip.level", "-1", "-1"),
        ("message.timestamp.type", "LogAppendTime", "LogAppendTime"),
        ("leader.replication.throttled.replicas", "0:1,1:1", "0:1,1:1"),
        ("leader.replication.throttled.replicas", "*", "*"),
        ("max.message.bytes", "134217728", "134217728"),
    ] {
        let row = find(name).expect("a known key");
        assert_eq!(
            with(name, typed).map(|config| row.value(&config)),
            Ok(shown.to_owned()),
            "{name}={typed}"
        );
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (name, typed) in [
        ("retention.ms", "abc"),
        ("retention.ms", "-2"),
        ("retention.ms", "9223372036854775808"),
        ("cleanup.policy", "foo"),
        ("cleanup.policy", "delete,foo"),
        ("compression.type", "gzip"),
        ("compression.gzip.level", "0"),
        ("compression.gzip.level", "10"),
        ("min.cleanable.dirty.ratio", "2"),
        ("min.cleanable.dirty.ratio", "NaN"),
        ("min.cleanable.dirty.ratio", "-0.1"),
        ("delete.retention.ms", "-1"),
        ("min.compaction.lag.ms", "-1"),
        ("max.compaction.lag.ms", "0"),
        ("preallocate", "yes"),
        ("remote.storage.enable", "true"),
        ("leader.replication.throttled.replicas", "x"),
        ("message.timestamp.type", "createtime"),
        ("max.message.bytes", "134217729"),
        ("max.message.bytes", ""),
        ("segment.bytes", "10"),
    ] {
        let refused = with(name, typed).expect_err("out of range");
        assert!(refused.contains(name), "{refused}");
    }
}

#[test]
fn compaction_lags_must_not_contradict_each_other() {
    let mut config = with("min.compaction.lag.ms", "100").expect("in range");
    assert_eq!(check(&config), Ok(()));
    let max = find("max.compaction.lag.ms").expect("a known key").set("50").expect("in range");
    config.change(&max).expect("fits");
    assert!(check(&config).is_err());
}
