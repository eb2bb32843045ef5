//! Settings of a stream: their names in the API, how each is written, what it is when nobody set it.
//!
//! Apart because creating, changing and showing a stream, the documentation and the command line all speak of them: a row
//! here is everything that they know.

use super::Scalar;
use crate::errors::{Code, Problem};
use millstream_core::catalog::{
    ConfigChange, DeadLetterRoute, LeaseSetting as L, LeaseSettingKey as LK, Ordering, Overflow,
    Setting as S, SettingKey as K, StreamConfig, TimestampSource,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A setting.
#[derive(Debug)]
pub struct SettingRow {
    /// Its name.
    pub name: &'static str,
    /// How a value is written.
    pub values: &'static str,
    /// What it does.
    pub doc: &'static str,
    key: K,
    read: fn(&Scalar) -> Option<S>,
    show: fn(&StreamConfig) -> Scalar,
}

const TIMESTAMP_SOURCES: &[(&str, TimestampSource)] =
    &[("producer", TimestampSource::Producer), ("append", TimestampSource::Append)];
/// Whether old records are deleted, and whether superseded ones are compacted away.
const CLEANUPS: &[(&str, (bool, bool))] = &[
    ("delete", (true, false)),
    ("compact", (false, true)),
    ("compact,delete", (true, true)),
    ("none", (false, false)),
];
const OVERFLOWS: &[(&str, Overflow)] = &[
    ("drop_oldest", Overflow::DropOldest),
    ("reject", Overflow::Reject),
    ("dead_letter", Overflow::DeadLetter),
    ("reject_dead_letter", Overflow::RejectDeadLetter),
    ("block", Overflow::Block),
    ("slow_down", Overflow::SlowDown),
    ("sample", Overflow::Sample),
];
const ORDERINGS: &[(&str, Ordering)] =
    &[("unordered", Ordering::Unordered), ("ordered", Ordering::Ordered), ("fair", Ordering::Fair)];

fn number(value: &Scalar) -> Option<u64> {
    if let Scalar::Number(number) = value { Some(*number) } else { None }
}

/// A number that may be absent: `null`.
fn option(value: &Scalar) -> Option<Option<u64>> {
    if *value == Scalar::Null { Some(None) } else { number(value).map(Some) }
}

fn flag(value: &Scalar) -> Option<bool> {
    if let Scalar::Flag(flag) = value { Some(*flag) } else { None }
}

fn word<T: Copy>(value: &Scalar, words: &[(&str, T)]) -> Option<T> {
    let Scalar::Text(text) = value else { return None };
    words.iter().find(|(word, _)| word == text).map(|(_, meaning)| *meaning)
}

fn spell<T: PartialEq>(value: &T, words: &[(&str, T)]) -> Scalar {
    let (word, _) = words.iter().find(|(_, meaning)| meaning == value).expect("every value has a word");
    Scalar::Text((*word).to_owned())
}

fn lease(setting: L) -> S {
    S::Lease(setting)
}

/// Every setting, in the order of names.
#[rustfmt::skip]
pub static SETTINGS: &[SettingRow] = &[
    SettingRow { name: "batch_bytes_max", values: "bytes", key: K::BatchBytesMax,
        doc: "The largest batch of records that is taken, as it is stored; at most 128 MiB.",
        read: |value| Some(S::BatchBytesMax(number(value)?.try_into().ok()?)),
        show: |config| Scalar::Number(config.batch_bytes_max().into()) },
    SettingRow { name: "cleanup", values: "`delete`, `compact`, `compact,delete`, `none`", key: K::Cleanup,
        doc: "Whether old records are deleted, only the latest of each key is kept, both or neither.",
        read: |value| word(value, CLEANUPS).map(|(delete, compact)| S::Cleanup { delete, compact }),
        show: |config| spell(&config.cleanup(), CLEANUPS) },
    SettingRow { name: "compaction_dirty_ratio_min", values: "parts of 10,000", key: K::CompactionDirtyRatioMin,
        doc: "Which part of a log must be new before it is compacted again.",
        read: |value| Some(S::CompactionDirtyRatioMin(number(value)?.try_into().ok()?)),
        show: |config| Scalar::Number(config.compaction_dirty_ratio_min().into()) },
    SettingRow { name: "compaction_lag_max_ms", values: "ms or null", key: K::CompactionLagMaxMs,
        doc: "How long a superseded record may escape compaction; null: for ever.",
        read: |value| option(value).map(S::CompactionLagMaxMs),
        show: |config| config.compaction_lag_max_ms().into() },
    SettingRow { name: "compaction_lag_min_ms", values: "ms", key: K::CompactionLagMinMs,
        doc: "How old a record is before compaction looks at it.",
        read: |value| number(value).map(S::CompactionLagMinMs),
        show: |config| Scalar::Number(config.compaction_lag_min_ms()) },
    SettingRow { name: "consumed_retention_ms", values: "ms or null", key: K::Consumed,
        doc: "Records go this long after they were consumed; null: consuming them does not matter.",
        read: |value| option(value).map(S::Consumed),
        show: |config| config.consumed().into() },
    SettingRow { name: "dead_letter_route", values: "a route's name, perhaps with a tab and a key behind it, or null",
        key: K::Lease(LK::DeadLetterRoute),
        doc: "The route by which dead letters go instead, under that key or the one that they came by; null: none.",
        read: |value| match value {
            Scalar::Null => Some(lease(L::DeadLetterRoute(None))),
            Scalar::Text(text) => {
                let (route, key) = text.split_once('\t').map_or((&**text, None), |(route, key)| (route, Some(key)));
                let route = DeadLetterRoute { route: route.into(), key: key.map(Into::into) };
                Some(lease(L::DeadLetterRoute(Some(route))))
            }
            _ => None,
        },
        show: |config| match config.lease().dead_letter_route() {
            None => Scalar::Null,
            Some(DeadLetterRoute { route, key: None }) => Scalar::Text(route.to_string()),
            Some(DeadLetterRoute { route, key: Some(key) }) => Scalar::Text(format!("{route}\t{key}")),
        } },
    SettingRow { name: "dead_letter_stream", values: "a name or null", key: K::Lease(LK::DeadLetter),
        doc: "Where records go that are rejected, expired or delivered too often; null: they are dropped.",
        read: |value| match value {
            Scalar::Null => Some(lease(L::DeadLetter(None))),
            Scalar::Text(name) => Some(lease(L::DeadLetter(Some(name.as_str().into())))),
            _ => None,
        },
        show: |config| config.lease().dead_letter().map_or(Scalar::Null, |name| Scalar::Text(name.to_owned())) },
    SettingRow { name: "dedup_window_ms", values: "ms or null", key: K::Lease(LK::DedupWindowMs),
        doc: "For how long a dedup id is remembered; null: not at all.",
        read: |value| option(value).map(L::DedupWindowMs).map(lease),
        show: |config| config.lease().dedup_window_ms().into() },
    SettingRow { name: "delay_ms", values: "ms", key: K::Lease(LK::DelayMs),
        doc: "Records are delivered so much later than they were appended; at most a year.",
        read: |value| number(value).map(L::DelayMs).map(lease),
        show: |config| Scalar::Number(config.lease().delay_ms()) },
    SettingRow { name: "delete_unused", values: "true or false", key: K::Lease(LK::DeleteUnused),
        doc: "Whether the stream is deleted when the last consumer that was attached to its queue goes.",
        read: |value| flag(value).map(L::DeleteUnused).map(lease),
        show: |config| Scalar::Flag(config.lease().delete_unused()) },
    SettingRow { name: "deleted_at_start", values: "true or false", key: K::DeletedAtStart,
        doc: "Whether the next start of the broker deletes the stream.",
        read: |value| flag(value).map(S::DeletedAtStart),
        show: |config| Scalar::Flag(config.deleted_at_start()) },
    SettingRow { name: "delivery_limit", values: "a number from 1 or null", key: K::Lease(LK::DeliveryLimit),
        doc: "A record that was delivered so often and comes back is dead-lettered; null: never.",
        read: |value| {
            let limit = option(value)?.map(u32::try_from).transpose().ok()?;
            Some(lease(L::DeliveryLimit(limit)))
        },
        show: |config| config.lease().delivery_limit().map(u64::from).into() },
    SettingRow { name: "ephemeral", values: "true or false", key: K::Ephemeral,
        doc: "Whether the stream is in memory only, with everything of it, and gone with the process; set when it is created and never altered.",
        read: |value| flag(value).map(S::Ephemeral),
        show: |config| Scalar::Flag(config.ephemeral()) },
    SettingRow { name: "expires_ms", values: "ms from 1 or null", key: K::Lease(LK::ExpiresMs),
        doc: "The stream is deleted when nobody has used its queue for so long; null: never.",
        read: |value| option(value).map(L::ExpiresMs).map(lease),
        show: |config| config.lease().expires_ms().into() },
    SettingRow { name: "lease_timeout_ms", values: "ms", key: K::Lease(LK::TimeoutMs),
        doc: "How long a record is leased unless whoever takes it says otherwise; at most a year.",
        read: |value| number(value).map(L::TimeoutMs).map(lease),
        show: |config| Scalar::Number(config.lease().timeout_ms()) },
    SettingRow { name: "leased", values: "true or false", key: K::Lease(LK::Enabled),
        doc: "Whether the stream is worked as a queue, from its first record on.",
        read: |value| flag(value).map(L::Enabled).map(lease),
        show: |config| Scalar::Flag(config.lease().enabled()) },
    SettingRow { name: "length_bytes_max", values: "bytes or null", key: K::Lease(LK::LengthBytesMax),
        doc: "How many bytes of a partition may wait, counted as they are stored and from when this was set; null: no bound.",
        read: |value| option(value).map(L::LengthBytesMax).map(lease),
        show: |config| config.lease().length_bytes_max().into() },
    SettingRow { name: "length_max", values: "a number or null", key: K::Lease(LK::LengthMax),
        doc: "How many records of a partition may wait; null: no bound.",
        read: |value| option(value).map(L::LengthMax).map(lease),
        show: |config| config.lease().length_max().into() },
    SettingRow { name: "ordering", values: "`unordered`, `ordered`, `fair`", key: K::Lease(LK::Ordering),
        doc: "What keys mean for a queue: nothing, one record of a key at a time, or the key with the fewest records out first.",
        read: |value| word(value, ORDERINGS).map(L::Ordering).map(lease),
        show: |config| spell(&config.lease().ordering(), ORDERINGS) },
    SettingRow { name: "overflow", values: "`drop_oldest`, `reject`, `dead_letter`, `reject_dead_letter`, `block`, `slow_down`, `sample`",
        key: K::Lease(LK::Overflow),
        doc: "What happens when more records wait than may: the oldest go, new ones are refused, either become dead letters, producers \
              wait for room (ten seconds at most) or the longer the more there is (five at most), or one of `sample_one_of` new ones is kept.",
        read: |value| word(value, OVERFLOWS).map(L::Overflow).map(lease),
        show: |config| spell(&config.lease().overflow(), OVERFLOWS) },
    SettingRow { name: "paused", values: "true or false", key: K::Lease(LK::Paused),
        doc: "Whether nobody gets records of the queue.",
        read: |value| flag(value).map(L::Paused).map(lease),
        show: |config| Scalar::Flag(config.lease().paused()) },
    SettingRow { name: "retention_bytes", values: "bytes or null", key: K::RetentionBytes,
        doc: "What a partition holds above this may go; null: no bound.",
        read: |value| option(value).map(S::RetentionBytes),
        show: |config| config.retention_bytes().into() },
    SettingRow { name: "retention_ms", values: "ms or null", key: K::RetentionMs,
        doc: "Records older than this may go; null: never.",
        read: |value| option(value).map(S::RetentionMs),
        show: |config| config.retention_ms().into() },
    SettingRow { name: "sample_one_of", values: "a number from 1", key: K::Lease(LK::SampleOneOf),
        doc: "Of how many records one is kept that come when too many wait, if `overflow` is `sample`.",
        read: |value| Some(lease(L::SampleOneOf(number(value)?.try_into().ok()?))),
        show: |config| Scalar::Number(config.lease().sample_one_of().into()) },
    SettingRow { name: "single_holder", values: "true or false", key: K::Lease(LK::SingleHolder),
        doc: "Whether one consumer is served at a time.",
        read: |value| flag(value).map(L::SingleHolder).map(lease),
        show: |config| Scalar::Flag(config.lease().single_holder()) },
    SettingRow { name: "time_to_live_ms", values: "ms or null", key: K::Lease(LK::TimeToLiveMs),
        doc: "Records that nobody took so long after they were appended are dead-lettered; null: never.",
        read: |value| option(value).map(L::TimeToLiveMs).map(lease),
        show: |config| config.lease().time_to_live_ms().into() },
    SettingRow { name: "timestamp_after_max_ms", values: "ms", key: K::TimestampAfterMaxMs,
        doc: "How far a producer's timestamp may lie after the broker's time.",
        read: |value| number(value).map(S::TimestampAfterMaxMs),
        show: |config| Scalar::Number(config.timestamp_after_max_ms()) },
    SettingRow { name: "timestamp_before_max_ms", values: "ms", key: K::TimestampBeforeMaxMs,
        doc: "How far a producer's timestamp may lie before the broker's time.",
        read: |value| number(value).map(S::TimestampBeforeMaxMs),
        show: |config| Scalar::Number(config.timestamp_before_max_ms()) },
    SettingRow { name: "timestamp_source", values: "`producer`, `append`", key: K::TimestampSource,
        doc: "Whose time records carry: their producer's, or the broker's when they are appended.",
        read: |value| word(value, TIMESTAMP_SOURCES).map(S::TimestampSource),
        show: |config| spell(&config.timestamp_source(), TIMESTAMP_SOURCES) },
    SettingRow { name: "tombstone_retention_ms", values: "ms", key: K::TombstoneRetentionMs,
        doc: "How long a record that deletes its key stays once compaction has reached it.",
        read: |value| number(value).map(S::TombstoneRetentionMs),
        show: |config| Scalar::Number(config.tombstone_retention_ms()) },
];

/// A setting as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Setting")]
pub(crate) struct Shown {
    value: Scalar,
    /// It was set, and is not the broker's default.
    is_set: bool,
}

/// Every setting of a stream, by name.
pub(crate) fn shown(config: &StreamConfig) -> BTreeMap<&'static str, Shown> {
    let show = |row: &SettingRow| Shown { value: (row.show)(config), is_set: config.is_set(&row.key) };
    SETTINGS.iter().map(|row| (row.name, show(row))).collect()
}

/// Settings as they are given, none of them twice.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    given: Vec<(&'static SettingRow, S)>,
}

impl Changes {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The changes of a stream with this configuration, those that return settings to their defaults first.
    ///
    /// # Errors
    /// When a value is out of its range, or a name to unset is none.
    pub(crate) fn of(&self, config: &StreamConfig, unset: &[String]) -> Result<Vec<ConfigChange>, Problem> {
        let mut changes = Vec::with_capacity(self.given.len() + unset.len());
        for name in unset {
            let row = find(name).ok_or_else(|| unknown(name))?;
            changes.push(ConfigChange::Unset(row.key.clone()));
        }
        let mut tried = config.clone();
        for (row, setting) in &self.given {
            let change = ConfigChange::Set(setting.clone());
            if tried.change(&change).is_err() {
                let detail = format!("The value of the setting {:?} is out of its range.", row.name);
                return Err(Problem::new(Code::InvalidSetting, detail));
            }
            changes.push(change);
        }
        Ok(changes)
    }

    /// The stream that dead letters are to go to, if that is among the changes.
    pub(crate) fn dead_letter_stream(&self) -> Option<&str> {
        self.given.iter().find_map(|(_, setting)| match setting {
            S::Lease(L::DeadLetter(Some(name))) => Some(&**name),
            _ => None,
        })
    }
}

/// The first of the given settings that a configuration does not have, in words.
pub(crate) fn difference(config: &StreamConfig, changes: &Changes) -> Option<String> {
    let mut wanted = config.clone();
    changes.given.iter().find_map(|(row, setting)| {
        wanted.change(&ConfigChange::Set(setting.clone())).ok()?;
        let (has, wants) = ((row.show)(config), (row.show)(&wanted));
        (has != wants).then(|| format!("its setting {:?} is {has}, not {wants}", row.name))
    })
}

fn find(name: &str) -> Option<&'static SettingRow> {
    SETTINGS.binary_search_by(|row| row.name.cmp(name)).ok().map(|at| &SETTINGS[at])
}

fn unknown(name: &str) -> Problem {
    Problem::new(Code::InvalidSetting, format!("There is no setting {name:?}."))
}

impl JsonSchema for Changes {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: Map<String, Value> =
            SETTINGS.iter().map(|row| (row.name.to_owned(), row.schema())).collect();
        json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
    }
}

impl SettingRow {
    /// What a value may be, as far as its words say so.
    fn schema(&self) -> Value {
        let words: Vec<&str> = self.values.split('`').skip(1).step_by(2).collect();
        let is_number = ["bytes", "ms", "parts", "a number"].iter().any(|word| self.values.starts_with(word));
        let mut schema = match self.values {
            "true or false" => json!({"type": "boolean"}),
            _ if !words.is_empty() => json!({"type": "string", "enum": words}),
            _ if self.values.ends_with("or null") && is_number => {
                json!({"type": ["integer", "null"], "minimum": 0})
            }
            _ if is_number => json!({"type": "integer", "minimum": 0}),
            _ => json!({"type": ["string", "null"]}),
        };
        schema["description"] = self.doc.into();
        schema
    }
}

struct ChangesVisitor;

impl<'de> Visitor<'de> for ChangesVisitor {
    type Value = Changes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Changes, A::Error> {
        let mut changes = Changes::default();
        while let Some(name) = map.next_key::<String>()? {
            let row = find(&name).ok_or_else(|| A::Error::custom(format!("there is no setting {name:?}")))?;
            if changes.given.iter().any(|(given, _)| given.name == row.name) {
                return Err(A::Error::custom(format!("the setting {name:?} is given twice")));
            }
            let value: Scalar = map.next_value()?;
            let wrong =
                || A::Error::custom(format!("the setting {name:?} takes {}, not {value}", row.values));
            changes.given.push((row, (row.read)(&value).ok_or_else(wrong)?));
        }
        Ok(changes)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Changes, D::Error> {
        deserializer.deserialize_map(ChangesVisitor)
    }
}

#[cfg(test)]
mod tests;
