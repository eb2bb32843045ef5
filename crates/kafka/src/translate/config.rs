//! Topic configuration: every key that Kafka 4.3 knows for a topic, in one table.
//!
//! Apart because five operations read it and none may know a key that another does not. A row says how a value is
//! written and bounded, what it is when nobody set it, and where it is kept: as a setting of the core, which acts on it,
//! or as an annotation named `kafka.` and the key, which is stored and shown and changes nothing.
//!
//! What is not here is refused. Three keys are stricter than Kafka's: `compression.type` takes `producer` alone (batches
//! are stored as they came), `remote.storage.enable` takes `false` alone (as in a Kafka broker without tiered storage),
//! and `max.message.bytes` ends at 128 MiB, the largest batch there is; its default is the core's 16 MiB, not 1 MiB.

use millstream_core::catalog::{ConfigChange, Setting, SettingKey, StreamConfig, TimestampSource};
use millstream_types::limits::BATCH_BYTES_MAX;

/// How a value is written, and which ones there are. Bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Int(i64, i64),
    /// A range and one number outside of it.
    IntOr(i64, i64, i64),
    Long(i64, i64),
    Ratio,
    Boolean,
    /// `true` or `false` on the wire, of which only this one is accepted.
    Only(bool),
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    /// `*`, or a list of `partition:broker`.
    Replicas,
}

/// Where a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    BatchBytesMax,
    TimestampSource,
    TimestampBeforeMaxMs,
    TimestampAfterMaxMs,
    RetentionMs,
    RetentionBytes,
    Cleanup,
    TombstoneRetentionMs,
    CompactionLagMinMs,
    CompactionLagMaxMs,
    CompactionDirtyRatioMin,
    Annotation,
}

/// One key.
#[derive(Debug)]
pub(crate) struct TopicConfig {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
    /// What the broker calls the default that topics inherit.
    pub(crate) broker: Option<&'static str>,
    place: Place,
    pub(crate) doc: &'static str,
}

const NO_EFFECT: Place = Place::Annotation;
const INT_MAX: i64 = i32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;
const RATIO_PARTS: f64 = 10_000.0;

const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    broker: &'static str,
    place: Place,
    doc: &'static str,
) -> TopicConfig {
    let broker = if broker.is_empty() { None } else { Some(broker) };
    TopicConfig { name, kind, default, broker, place, doc }
}

/// Every key, in the order of names.
#[rustfmt::skip]
pub(crate) static TOPIC_CONFIGS: [TopicConfig; 33] = [
    row("cleanup.policy", Kind::ListOf(&["compact", "delete"]), "delete", "log.cleanup.policy", Place::Cleanup,
        "Whether old records are deleted (delete), only the latest of each key is kept (compact), both, or neither (empty)."),
    row("compression.gzip.level", Kind::IntOr(1, 9, -1), "-1", "compression.gzip.level", NO_EFFECT,
        "Stored and shown; batches are stored as their producer compressed them."),
    row("compression.lz4.level", Kind::Int(1, 17), "9", "compression.lz4.level", NO_EFFECT,
        "Stored and shown; batches are stored as their producer compressed them."),
    row("compression.type", Kind::OneOf(&["producer"]), "producer", "compression.type", NO_EFFECT,
        "Only producer: batches are stored as their producer compressed them."),
    row("compression.zstd.level", Kind::Int(-131_072, 22), "3", "compression.zstd.level", NO_EFFECT,
        "Stored and shown; batches are stored as their producer compressed them."),
    row("delete.retention.ms", Kind::Long(0, LONG_MAX), "86400000", "log.cleaner.delete.retention.ms", Place::TombstoneRetentionMs,
        "How long a tombstone stays on a compacted topic."),
    row("file.delete.delay.ms", Kind::Long(0, LONG_MAX), "60000", "log.segment.delete.delay.ms", NO_EFFECT,
        "Stored and shown; space is given back when no reader needs it."),
    row("flush.messages", Kind::Long(1, LONG_MAX), "9223372036854775807", "log.flush.interval.messages", NO_EFFECT,
        "Stored and shown; every batch is on the disk before it is confirmed."),
    row("flush.ms", Kind::Long(0, LONG_MAX), "9223372036854775807", "log.flush.interval.ms", NO_EFFECT,
        "Stored and shown; every batch is on the disk before it is confirmed."),
    row("follower.replication.throttled.replicas", Kind::Replicas, "", "", NO_EFFECT,
        "Stored and shown; there is no replication between brokers."),
    row("index.interval.bytes", Kind::Int(0, INT_MAX), "4096", "log.index.interval.bytes", NO_EFFECT,
        "Stored and shown; the index has an entry per batch."),
    row("leader.replication.throttled.replicas", Kind::Replicas, "", "", NO_EFFECT,
        "Stored and shown; there is no replication between brokers."),
    row("local.retention.bytes", Kind::Long(-2, LONG_MAX), "-2", "log.local.retention.bytes", NO_EFFECT,
        "Stored and shown; nothing is tiered."),
    row("local.retention.ms", Kind::Long(-2, LONG_MAX), "-2", "log.local.retention.ms", NO_EFFECT,
        "Stored and shown; nothing is tiered."),
    row("max.compaction.lag.ms", Kind::Long(1, LONG_MAX), "9223372036854775807", "log.cleaner.max.compaction.lag.ms", Place::CompactionLagMaxMs,
        "How long a superseded record may stay on a compacted topic at most."),
    row("max.message.bytes", Kind::Int(0, BATCH_BYTES_MAX as i64), "16777216", "message.max.bytes", Place::BatchBytesMax,
        "The largest record batch accepted, in bytes as it arrives (compressed); at most 128 MiB."),
    row("message.timestamp.after.max.ms", Kind::Long(0, LONG_MAX), "3600000", "log.message.timestamp.after.max.ms", Place::TimestampAfterMaxMs,
        "How far a producer's timestamp may lie after the broker's time."),
    row("message.timestamp.before.max.ms", Kind::Long(0, LONG_MAX), "9223372036854775807", "log.message.timestamp.before.max.ms", Place::TimestampBeforeMaxMs,
        "How far a producer's timestamp may lie before the broker's time."),
    row("message.timestamp.type", Kind::OneOf(&["CreateTime", "LogAppendTime"]), "CreateTime", "log.message.timestamp.type", Place::TimestampSource,
        "Whose time records carry: their producer's (CreateTime) or the broker's at the append (LogAppendTime)."),
    row("min.cleanable.dirty.ratio", Kind::Ratio, "0.5", "log.cleaner.min.cleanable.ratio", Place::CompactionDirtyRatioMin,
        "Which part of a compacted log must be new before it is compacted again."),
    row("min.compaction.lag.ms", Kind::Long(0, LONG_MAX), "0", "log.cleaner.min.compaction.lag.ms", Place::CompactionLagMinMs,
        "How long a record stays on a compacted topic at least."),
    row("min.insync.replicas", Kind::Int(1, INT_MAX), "1", "min.insync.replicas", NO_EFFECT,
        "Stored and shown; a batch is confirmed when it is durable, whatever the number."),
    row("preallocate", Kind::Boolean, "false", "log.preallocate", NO_EFFECT,
        "Stored and shown; space for the log is allocated by the broker."),
    row("remote.log.copy.disable", Kind::Boolean, "false", "", NO_EFFECT,
        "Stored and shown; nothing is tiered."),
    row("remote.log.delete.on.disable", Kind::Boolean, "false", "", NO_EFFECT,
        "Stored and shown; nothing is tiered."),
    row("remote.storage.enable", Kind::Only(false), "false", "", NO_EFFECT,
        "Only false: nothing is tiered."),
    row("retention.bytes", Kind::Long(i64::MIN, LONG_MAX), "-1", "log.retention.bytes", Place::RetentionBytes,
        "What a partition holds above this may be deleted; negative: no bound."),
    row("retention.ms", Kind::Long(-1, LONG_MAX), "604800000", "log.retention.ms", Place::RetentionMs,
        "Records older than this may be deleted; -1: never."),
    row("segment.bytes", Kind::Int(1 << 20, INT_MAX), "1073741824", "log.segment.bytes", NO_EFFECT,
        "Stored and shown; how the log is cut into files does not depend on topics."),
    row("segment.index.bytes", Kind::Int(4, INT_MAX), "10485760", "log.index.size.max.bytes", NO_EFFECT,
        "Stored and shown; how the log is indexed does not depend on topics."),
    row("segment.jitter.ms", Kind::Long(0, LONG_MAX), "0", "log.roll.jitter.ms", NO_EFFECT,
        "Stored and shown; how the log is cut into files does not depend on topics."),
    row("segment.ms", Kind::Long(1, LONG_MAX), "604800000", "log.roll.ms", NO_EFFECT,
        "Stored and shown; how the log is cut into files does not depend on topics."),
    row("unclean.leader.election.enable", Kind::Boolean, "false", "unclean.leader.election.enable", NO_EFFECT,
        "Stored and shown; there are no elections."),
];

/// The row of a key.
pub(crate) fn find(name: &str) -> Option<&'static TopicConfig> {
    TOPIC_CONFIGS.binary_search_by(|row| row.name.cmp(name)).ok().map(|at| &TOPIC_CONFIGS[at])
}

/// What keys say together: the two compaction lags must not contradict each other.
pub(crate) fn check(config: &StreamConfig) -> Result<(), String> {
    let min = config.compaction_lag_min_ms();
    match config.compaction_lag_max_ms() {
        Some(max) if min > max => {
            Err(format!("min.compaction.lag.ms ({min}) is larger than max.compaction.lag.ms ({max})"))
        }
        _ => Ok(()),
    }
}

/// A ratio from 0 to 1 in parts of 10,000, as the core keeps it: finer differences than that are nobody's.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the table allows 0 to 1")]
fn ratio(normal: &str) -> u16 {
    let ratio: f64 = normal.parse().expect("the row is a ratio's");
    (ratio * RATIO_PARTS).round() as u16
}

impl Kind {
    /// The type's code in DescribeConfigs.
    pub(crate) fn code(self) -> i8 {
        match self {
            Kind::Boolean | Kind::Only(_) => 1,
            Kind::OneOf(_) => 2,
            Kind::Int(..) | Kind::IntOr(..) => 3,
            Kind::Long(..) => 5,
            Kind::Ratio => 6,
            Kind::ListOf(_) | Kind::Replicas => 7,
        }
    }

    /// Whether values can be appended and subtracted.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Kind::ListOf(_) | Kind::Replicas)
    }

    /// The value as it is stored and shown; the error says which values there are.
    fn normal(self, text: &str) -> Result<String, String> {
        let text = text.trim();
        let number = |min: i64, max: i64| {
            let number = text.parse::<i64>().ok().filter(|number| (min..=max).contains(number));
            number.ok_or_else(|| format!("a whole number from {min} to {max} is expected"))
        };
        match self {
            Kind::Int(min, max) | Kind::Long(min, max) => number(min, max).map(|number| number.to_string()),
            Kind::IntOr(min, max, or) => {
                let number = number(min.min(or), max)?;
                let known = (min..=max).contains(&number) || number == or;
                known
                    .then(|| number.to_string())
                    .ok_or_else(|| format!("a whole number from {min} to {max}, or {or}, is expected"))
            }
            Kind::Ratio => {
                let ratio = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                ratio
                    .map(|ratio| format!("{ratio:?}"))
                    .ok_or_else(|| "a number from 0 to 1 is expected".into())
            }
            Kind::Boolean => match text.to_ascii_lowercase() {
                lower if lower == "true" || lower == "false" => Ok(lower),
                _ => Err("true or false is expected".into()),
            },
            Kind::Only(one) => {
                let only = one.to_string();
                if text.eq_ignore_ascii_case(&only) {
                    Ok(only)
                } else {
                    Err(format!("this broker supports {only} alone"))
                }
            }
            Kind::OneOf(values) if values.contains(&text) => Ok(text.to_owned()),
            Kind::OneOf([only]) => Err(format!("this broker supports {only} alone")),
            Kind::OneOf(values) => Err(format!("one of {} is expected", values.join(", "))),
            Kind::ListOf(values) => {
                let items = items(text);
                if items.iter().all(|item| values.contains(item)) {
                    // In the table's order, so that what was set and what is shown are the same however it was typed.
                    let known: Vec<&str> =
                        values.iter().copied().filter(|value| items.contains(value)).collect();
                    Ok(known.join(","))
                } else {
                    Err(format!("a list of {} is expected", values.join(", ")))
                }
            }
            Kind::Replicas => {
                let is_number =
                    |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                let items = items(text);
                let is_replica =
                    |item: &&str| item.split_once(':').is_some_and(|(p, b)| is_number(p) && is_number(b));
                if text == "*" || items.iter().all(is_replica) {
                    Ok(items.join(","))
                } else {
                    Err("* or a list of partition:broker is expected".into())
                }
            }
        }
    }
}

/// The items of a list, each once; an empty text has none.
pub(crate) fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

impl TopicConfig {
    /// The change that sets the key; the error is a sentence.
    pub(crate) fn set(&self, text: &str) -> Result<ConfigChange, String> {
        let value = self
            .kind
            .normal(text)
            .map_err(|expected| format!("{text:?} is no value for {}: {expected}", self.name))?;
        let number = || value.parse::<i64>().expect("the row is a number's");
        let unsigned = || u64::try_from(number()).expect("the row's smallest number is 0");
        Ok(ConfigChange::Set(match self.place {
            Place::BatchBytesMax => {
                Setting::BatchBytesMax(u32::try_from(number()).expect("the row's largest number is 128 MiB"))
            }
            Place::TimestampSource if value == "LogAppendTime" => {
                Setting::TimestampSource(TimestampSource::Append)
            }
            Place::TimestampSource => Setting::TimestampSource(TimestampSource::Producer),
            Place::TimestampBeforeMaxMs => Setting::TimestampBeforeMaxMs(unsigned()),
            Place::TimestampAfterMaxMs => Setting::TimestampAfterMaxMs(unsigned()),
            Place::RetentionMs => Setting::RetentionMs(u64::try_from(number()).ok()),
            Place::RetentionBytes => Setting::RetentionBytes(u64::try_from(number()).ok()),
            Place::Cleanup => {
                let items = items(&value);
                Setting::Cleanup { delete: items.contains(&"delete"), compact: items.contains(&"compact") }
            }
            Place::TombstoneRetentionMs => Setting::TombstoneRetentionMs(unsigned()),
            Place::CompactionLagMinMs => Setting::CompactionLagMinMs(unsigned()),
            Place::CompactionLagMaxMs => {
                Setting::CompactionLagMaxMs(Some(unsigned()).filter(|ms| *ms < LONG_MAX.unsigned_abs()))
            }
            Place::CompactionDirtyRatioMin => Setting::CompactionDirtyRatioMin(ratio(&value)),
            Place::Annotation => Setting::Annotation(self.annotation().into(), value.into()),
        }))
    }

    /// The change that returns the key to its default.
    pub(crate) fn unset(&self) -> ConfigChange {
        ConfigChange::Unset(self.key())
    }

    /// Whether the key was set for the topic.
    pub(crate) fn is_set(&self, config: &StreamConfig) -> bool {
        config.is_set(&self.key())
    }

    /// The value in effect.
    pub(crate) fn value(&self, config: &StreamConfig) -> String {
        let unbounded = |value: Option<u64>| value.map_or_else(|| "-1".to_owned(), |value| value.to_string());
        match self.place {
            Place::BatchBytesMax => config.batch_bytes_max().to_string(),
            Place::TimestampSource => match config.timestamp_source() {
                TimestampSource::Producer => "CreateTime".to_owned(),
                TimestampSource::Append => "LogAppendTime".to_owned(),
            },
            Place::TimestampBeforeMaxMs => config.timestamp_before_max_ms().to_string(),
            Place::TimestampAfterMaxMs => config.timestamp_after_max_ms().to_string(),
            Place::RetentionMs => unbounded(config.retention_ms()),
            Place::RetentionBytes => unbounded(config.retention_bytes()),
            Place::Cleanup => match config.cleanup() {
                (true, true) => "compact,delete".to_owned(),
                (true, false) => "delete".to_owned(),
                (false, true) => "compact".to_owned(),
                (false, false) => String::new(),
            },
            Place::TombstoneRetentionMs => config.tombstone_retention_ms().to_string(),
            Place::CompactionLagMinMs => config.compaction_lag_min_ms().to_string(),
            Place::CompactionLagMaxMs => {
                config.compaction_lag_max_ms().unwrap_or(LONG_MAX.unsigned_abs()).to_string()
            }
            Place::CompactionDirtyRatioMin => {
                format!("{:?}", f64::from(config.compaction_dirty_ratio_min()) / RATIO_PARTS)
            }
            Place::Annotation => config.annotation(&self.annotation()).unwrap_or(self.default).to_owned(),
        }
    }

    fn key(&self) -> SettingKey {
        match self.place {
            Place::BatchBytesMax => SettingKey::BatchBytesMax,
            Place::TimestampSource => SettingKey::TimestampSource,
            Place::TimestampBeforeMaxMs => SettingKey::TimestampBeforeMaxMs,
            Place::TimestampAfterMaxMs => SettingKey::TimestampAfterMaxMs,
            Place::RetentionMs => SettingKey::RetentionMs,
            Place::RetentionBytes => SettingKey::RetentionBytes,
            Place::Cleanup => SettingKey::Cleanup,
            Place::TombstoneRetentionMs => SettingKey::TombstoneRetentionMs,
            Place::CompactionLagMinMs => SettingKey::CompactionLagMinMs,
            Place::CompactionLagMaxMs => SettingKey::CompactionLagMaxMs,
            Place::CompactionDirtyRatioMin => SettingKey::CompactionDirtyRatioMin,
            Place::Annotation => SettingKey::Annotation(self.annotation().into()),
        }
    }

    fn annotation(&self) -> String {
        format!("kafka.{}", self.name)
    }
}

#[cfg(test)]
mod tests;
