//! A stream's configuration: typed settings, each either set or left to the broker's default.
//!
//! Apart because it is persisted, compared when another front attaches (R16), and shown by every front in its own
//! words. What a front must store for its clients but the core never reads is an annotation.

mod bytes;
mod lease;
#[cfg(test)]
mod tests;

pub use lease::{DeadLetterRoute, LeaseSetting, LeaseSettingKey, LeaseSettings, Ordering, Overflow};

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_types::ErrorKind;
use millstream_types::limits::{ANNOTATION_BYTES_MAX, BATCH_BYTES_DEFAULT, BATCH_BYTES_MAX};

/// Annotations of one stream at most; each key at most 255 bytes, each value at most 4,096, and all of them together
/// no more than fit into an image of the stream.
const ANNOTATIONS_MAX: usize = 128;
const ANNOTATION_KEY_BYTES_MAX: usize = 255;
const ANNOTATION_VALUE_BYTES_MAX: usize = 4096;
/// A whole, where a part of it is a setting.
const RATIO_MAX: u16 = 10_000;

/// Who sets a record's timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampSource {
    /// The producer; the broker keeps it.
    Producer,
    /// The broker, at the moment of the append.
    Append,
}

/// Names a setting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SettingKey {
    /// See [`Setting::BatchBytesMax`].
    BatchBytesMax,
    /// See [`Setting::TimestampSource`].
    TimestampSource,
    /// See [`Setting::TimestampBeforeMaxMs`].
    TimestampBeforeMaxMs,
    /// See [`Setting::TimestampAfterMaxMs`].
    TimestampAfterMaxMs,
    /// See [`Setting::RetentionMs`].
    RetentionMs,
    /// See [`Setting::RetentionBytes`].
    RetentionBytes,
    /// See [`Setting::Cleanup`].
    Cleanup,
    /// See [`Setting::TombstoneRetentionMs`].
    TombstoneRetentionMs,
    /// See [`Setting::CompactionLagMinMs`].
    CompactionLagMinMs,
    /// See [`Setting::CompactionLagMaxMs`].
    CompactionLagMaxMs,
    /// See [`Setting::CompactionDirtyRatioMin`].
    CompactionDirtyRatioMin,
    /// See [`Setting::Consumed`].
    Consumed,
    /// See [`Setting::DeletedAtStart`].
    DeletedAtStart,
    /// See [`Setting::Ephemeral`].
    Ephemeral,
    /// See [`Setting::Lease`].
    Lease(LeaseSettingKey),
    /// See [`Setting::Annotation`].
    Annotation(Box<str>),
}

/// One setting with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Setting {
    /// Largest batch accepted, in bytes as stored. Default 16 MiB, at most 128 MiB.
    BatchBytesMax(u32),
    /// Who sets timestamps. Default: the producer.
    TimestampSource(TimestampSource),
    /// How far a producer's timestamp may lie before the broker's time. Default: any.
    TimestampBeforeMaxMs(u64),
    /// How far a producer's timestamp may lie after the broker's time. Default: one hour.
    TimestampAfterMaxMs(u64),
    /// Records older than this may go; `None` keeps them for ever. Default: seven days.
    RetentionMs(Option<u64>),
    /// What a log holds above this may go; `None`: no bound. Default: no bound.
    RetentionBytes(Option<u64>),
    /// Whether old records are deleted (by the two above) and whether only the latest per key is kept. Default:
    /// delete, not compact.
    Cleanup {
        /// Old records are deleted.
        delete: bool,
        /// Superseded records are compacted away.
        compact: bool,
    },
    /// How long a record that deletes its key stays after compaction has reached it. Default: one day.
    TombstoneRetentionMs(u64),
    /// How old a record is before compaction looks at it. Default: 0.
    CompactionLagMinMs(u64),
    /// How long a superseded record may escape compaction; `None`: for ever. Default: for ever.
    CompactionLagMaxMs(Option<u64>),
    /// Which part of a log must be new before it is compacted again, in parts of 10,000, at most 10,000. Default: half.
    CompactionDirtyRatioMin(u16),
    /// Records go this long after they were consumed; `None`: consuming them does not matter. Default: it does not.
    Consumed(Option<u64>),
    /// The stream does not outlive the process: the next start deletes it, before anybody finds it. Default: it does.
    DeletedAtStart(bool),
    /// The stream is in memory only, with everything of it, and gone with the process (R18). Set when it is created and never
    /// altered; such a stream is not compacted. Default: it is on the disk.
    Ephemeral(bool),
    /// What its default lease group does.
    Lease(LeaseSetting),
    /// A front's own setting, stored and returned, never read here.
    Annotation(Box<str>, Box<str>),
}

/// One change of a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigChange {
    /// Set a value.
    Set(Setting),
    /// Return to the broker's default.
    Unset(SettingKey),
}

/// Checks one annotation's sizes.
///
/// # Errors
/// `InvalidConfig`.
pub(super) fn check_annotation(key: &str, value: &str) -> Result<(), ErrorKind> {
    let fits = key.len() <= ANNOTATION_KEY_BYTES_MAX && value.len() <= ANNOTATION_VALUE_BYTES_MAX;
    if fits { Ok(()) } else { Err(ErrorKind::InvalidConfig) }
}

/// What was set for a stream. Getters without `set_` give the effective value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StreamConfig {
    batch_bytes_max: Option<u32>,
    timestamp_source: Option<TimestampSource>,
    timestamp_before_max_ms: Option<u64>,
    timestamp_after_max_ms: Option<u64>,
    retention_ms: Option<Option<u64>>,
    retention_bytes: Option<Option<u64>>,
    cleanup: Option<(bool, bool)>,
    tombstone_retention_ms: Option<u64>,
    compaction_lag_min_ms: Option<u64>,
    compaction_lag_max_ms: Option<Option<u64>>,
    compaction_dirty_ratio_min: Option<u16>,
    consumed: Option<Option<u64>>,
    deleted_at_start: Option<bool>,
    ephemeral: Option<bool>,
    lease: LeaseSettings,
    annotations: BTreeMap<Box<str>, Box<str>>,
}

impl StreamConfig {
    /// Largest batch accepted, in bytes.
    #[must_use]
    pub fn batch_bytes_max(&self) -> u32 {
        self.batch_bytes_max.unwrap_or(BATCH_BYTES_DEFAULT)
    }
    /// Who sets timestamps.
    #[must_use]
    pub fn timestamp_source(&self) -> TimestampSource {
        self.timestamp_source.unwrap_or(TimestampSource::Producer)
    }
    /// How far a timestamp may lie before the broker's time, in milliseconds.
    #[must_use]
    pub fn timestamp_before_max_ms(&self) -> u64 {
        self.timestamp_before_max_ms.unwrap_or(i64::MAX as u64)
    }
    /// How far a timestamp may lie after the broker's time, in milliseconds.
    #[must_use]
    pub fn timestamp_after_max_ms(&self) -> u64 {
        self.timestamp_after_max_ms.unwrap_or(3_600_000)
    }
    /// How long records are kept, in milliseconds; `None`: for ever.
    #[must_use]
    pub fn retention_ms(&self) -> Option<u64> {
        self.retention_ms.unwrap_or(Some(7 * 24 * 3_600_000))
    }
    /// How many bytes a log keeps; `None`: no bound.
    #[must_use]
    pub fn retention_bytes(&self) -> Option<u64> {
        self.retention_bytes.unwrap_or(None)
    }
    /// Whether old records are deleted, and whether superseded ones are compacted away.
    #[must_use]
    pub fn cleanup(&self) -> (bool, bool) {
        self.cleanup.unwrap_or((true, false))
    }
    /// How long a record that deletes its key stays after compaction has reached it, in milliseconds.
    #[must_use]
    pub fn tombstone_retention_ms(&self) -> u64 {
        self.tombstone_retention_ms.unwrap_or(24 * 3_600_000)
    }
    /// How old a record is before compaction looks at it, in milliseconds.
    #[must_use]
    pub fn compaction_lag_min_ms(&self) -> u64 {
        self.compaction_lag_min_ms.unwrap_or(0)
    }
    /// How long a superseded record may escape compaction, in milliseconds; `None`: for ever.
    #[must_use]
    pub fn compaction_lag_max_ms(&self) -> Option<u64> {
        self.compaction_lag_max_ms.unwrap_or(None)
    }
    /// Which part of a log must be new before it is compacted again, in parts of 10,000.
    #[must_use]
    pub fn compaction_dirty_ratio_min(&self) -> u16 {
        self.compaction_dirty_ratio_min.unwrap_or(RATIO_MAX / 2)
    }
    /// How long records stay after they were consumed, in milliseconds; `None`: consuming them does not matter.
    #[must_use]
    pub fn consumed(&self) -> Option<u64> {
        self.consumed.unwrap_or(None)
    }
    /// Whether the next start deletes the stream.
    #[must_use]
    pub fn deleted_at_start(&self) -> bool {
        self.deleted_at_start.unwrap_or(false)
    }
    /// Whether the stream is in memory only.
    #[must_use]
    pub fn ephemeral(&self) -> bool {
        self.ephemeral.unwrap_or(false)
    }
    /// Whether its settings go together: what is in memory only cannot be compacted.
    pub(super) fn is_possible(&self) -> bool {
        !(self.ephemeral() && self.cleanup().1)
    }
    /// What its default lease group does, if it has one.
    #[must_use]
    pub fn lease(&self) -> &LeaseSettings {
        &self.lease
    }
    /// A front's own setting.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(|value| &**value)
    }
    /// Whether a setting was set, rather than left to the default.
    #[must_use]
    pub fn is_set(&self, key: &SettingKey) -> bool {
        match key {
            SettingKey::BatchBytesMax => self.batch_bytes_max.is_some(),
            SettingKey::TimestampSource => self.timestamp_source.is_some(),
            SettingKey::TimestampBeforeMaxMs => self.timestamp_before_max_ms.is_some(),
            SettingKey::TimestampAfterMaxMs => self.timestamp_after_max_ms.is_some(),
            SettingKey::RetentionMs => self.retention_ms.is_some(),
            SettingKey::RetentionBytes => self.retention_bytes.is_some(),
            SettingKey::Cleanup => self.cleanup.is_some(),
            SettingKey::TombstoneRetentionMs => self.tombstone_retention_ms.is_some(),
            SettingKey::CompactionLagMinMs => self.compaction_lag_min_ms.is_some(),
            SettingKey::CompactionLagMaxMs => self.compaction_lag_max_ms.is_some(),
            SettingKey::CompactionDirtyRatioMin => self.compaction_dirty_ratio_min.is_some(),
            SettingKey::Consumed => self.consumed.is_some(),
            SettingKey::DeletedAtStart => self.deleted_at_start.is_some(),
            SettingKey::Ephemeral => self.ephemeral.is_some(),
            SettingKey::Lease(key) => self.lease.is_set(*key),
            SettingKey::Annotation(key) => self.annotations.contains_key(key),
        }
    }

    /// Makes one change.
    ///
    /// # Errors
    /// `InvalidConfig` when the value is out of range; nothing has changed then.
    pub fn change(&mut self, change: &ConfigChange) -> Result<(), ErrorKind> {
        match change {
            ConfigChange::Set(setting) => self.set(setting),
            ConfigChange::Unset(key) => {
                match key {
                    SettingKey::BatchBytesMax => self.batch_bytes_max = None,
                    SettingKey::TimestampSource => self.timestamp_source = None,
                    SettingKey::TimestampBeforeMaxMs => self.timestamp_before_max_ms = None,
                    SettingKey::TimestampAfterMaxMs => self.timestamp_after_max_ms = None,
                    SettingKey::RetentionMs => self.retention_ms = None,
                    SettingKey::RetentionBytes => self.retention_bytes = None,
                    SettingKey::Cleanup => self.cleanup = None,
                    SettingKey::TombstoneRetentionMs => self.tombstone_retention_ms = None,
                    SettingKey::CompactionLagMinMs => self.compaction_lag_min_ms = None,
                    SettingKey::CompactionLagMaxMs => self.compaction_lag_max_ms = None,
                    SettingKey::CompactionDirtyRatioMin => self.compaction_dirty_ratio_min = None,
                    SettingKey::Consumed => self.consumed = None,
                    SettingKey::DeletedAtStart => self.deleted_at_start = None,
                    SettingKey::Ephemeral => self.ephemeral = None,
                    SettingKey::Lease(key) => self.lease.unset(*key),
                    SettingKey::Annotation(key) => {
                        self.annotations.remove(key);
                    }
                }
                Ok(())
            }
        }
    }

    fn set(&mut self, setting: &Setting) -> Result<(), ErrorKind> {
        match setting {
            Setting::BatchBytesMax(bytes) if *bytes > BATCH_BYTES_MAX => {
                return Err(ErrorKind::InvalidConfig);
            }
            Setting::BatchBytesMax(bytes) => self.batch_bytes_max = Some(*bytes),
            Setting::TimestampSource(source) => self.timestamp_source = Some(*source),
            Setting::TimestampBeforeMaxMs(ms) => self.timestamp_before_max_ms = Some(*ms),
            Setting::TimestampAfterMaxMs(ms) => self.timestamp_after_max_ms = Some(*ms),
            Setting::RetentionMs(ms) => self.retention_ms = Some(*ms),
            Setting::RetentionBytes(bytes) => self.retention_bytes = Some(*bytes),
            Setting::Cleanup { delete, compact } => self.cleanup = Some((*delete, *compact)),
            Setting::TombstoneRetentionMs(ms) => self.tombstone_retention_ms = Some(*ms),
            Setting::CompactionLagMinMs(ms) => self.compaction_lag_min_ms = Some(*ms),
            Setting::CompactionLagMaxMs(ms) => self.compaction_lag_max_ms = Some(*ms),
            Setting::CompactionDirtyRatioMin(ratio) if *ratio > RATIO_MAX => {
                return Err(ErrorKind::InvalidConfig);
            }
            Setting::CompactionDirtyRatioMin(ratio) => self.compaction_dirty_ratio_min = Some(*ratio),
            Setting::Consumed(kept_ms) => self.consumed = Some(*kept_ms),
            Setting::DeletedAtStart(deleted) => self.deleted_at_start = Some(*deleted),
            Setting::Ephemeral(ephemeral) => self.ephemeral = Some(*ephemeral),
            Setting::Lease(setting) => self.lease.set(setting)?,
            Setting::Annotation(key, value) => {
                check_annotation(key, value)?;
                let before = self.annotations.get(key).map_or(0, |before| 8 + key.len() + before.len());
                let bytes = self.annotations_bytes() - before + 8 + key.len() + value.len();
                if before == 0 && self.annotations.len() == ANNOTATIONS_MAX || bytes > ANNOTATION_BYTES_MAX {
                    return Err(ErrorKind::InvalidConfig);
                }
                self.annotations.insert(key.clone(), value.clone());
            }
        }
        Ok(())
    }
}
