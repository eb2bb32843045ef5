//! A queue's attributes and tags as a stream's configuration, and back.
//!
//! Apart because what the broker acts on (delay, timeout of leases, retention, delivery limit, dead-letter route) are typed settings that every front sees, while the rest is stored and shown as annotations that begin with
//! `sqs.`. What another front set shows here as the attribute that means the same.

use super::long;
use crate::sqs::attributes::{AttributeName as A, QueueSettings, RedrivePolicy, TagMap};
use crate::sqs::limits::{DEDUPLICATION_MS, RETENTION_SECONDS_MAX};
use crate::sqs::queue::{QueueRef, is_queue_name};
use millstream_core::catalog::{
    ConfigChange, LeaseSetting, LeaseSettingKey, Ordering, Setting, SettingKey, StreamConfig, StreamEntry,
};
use millstream_types::EngineTime;

/// Marks a stream that SQS created, which SQS therefore may delete (R16).
const CREATED: &str = "sqs.created";
/// When an attribute was changed last, in milliseconds.
const MODIFIED: &str = "sqs.modified";
/// When the queue was purged last, in milliseconds.
const PURGED: &str = "sqs.purged";
/// The tags, as a JSON object.
const TAGS: &str = "sqs.tags";

/// Attributes that are stored as they are spelled. The first five may be long.
const TEXTS: [(A, &str); 11] = [
    (A::Policy, "sqs.Policy"),
    (A::RedrivePolicy, "sqs.RedrivePolicy"),
    (A::RedriveAllowPolicy, "sqs.RedriveAllowPolicy"),
    (A::KmsMasterKeyId, "sqs.KmsMasterKeyId"),
    (A::KmsDataKeyReusePeriodSeconds, "sqs.KmsDataKeyReusePeriodSeconds"),
    (A::SqsManagedSseEnabled, "sqs.SqsManagedSseEnabled"),
    (A::MaximumMessageSize, "sqs.MaximumMessageSize"),
    (A::ReceiveMessageWaitTimeSeconds, "sqs.ReceiveMessageWaitTimeSeconds"),
    (A::ContentBasedDeduplication, "sqs.ContentBasedDeduplication"),
    (A::DeduplicationScope, "sqs.DeduplicationScope"),
    (A::FifoThroughputLimit, "sqs.FifoThroughputLimit"),
];

/// Whether a stream is a queue: it is worked by leases, and SQS can spell its name.
pub(crate) fn is_queue(entry: &StreamEntry) -> bool {
    entry.config.lease().enabled() && is_queue_name(&entry.name)
}

/// Whether SQS created a stream.
pub(crate) fn is_own(config: &StreamConfig) -> bool {
    config.annotation(CREATED).is_some()
}

/// The configuration of a stream that SQS creates.
pub(crate) fn creation(settings: &QueueSettings, tags: &TagMap, now: EngineTime) -> Vec<ConfigChange> {
    let config = StreamConfig::default();
    let mut changes = attach(&config, settings.fifo);
    changes.push(ConfigChange::Set(Setting::Annotation(CREATED.into(), "true".into())));
    changes.push(ConfigChange::Set(Setting::Consumed(Some(0))));
    changes.push(ConfigChange::Set(Setting::RetentionMs(Some(ms(settings.retention_seconds)))));
    let stored = Stored { config: &config };
    changes.extend(stored.changes(&QueueSettings::new(settings.fifo), settings, now));
    if !tags.is_empty() {
        stored.set_tags(tags, &mut changes);
    }
    changes
}

/// What makes a stream a queue that is none yet. What another front has set stays. A FIFO queue's groups are ordered;
/// on a standard queue nothing holds anything up.
pub(crate) fn attach(config: &StreamConfig, fifo: bool) -> Vec<ConfigChange> {
    let mut settings = vec![LeaseSetting::Enabled(true)];
    if fifo && !config.is_set(&SettingKey::Lease(LeaseSettingKey::Ordering)) {
        settings.push(LeaseSetting::Ordering(Ordering::Ordered));
    }
    if fifo && !config.is_set(&SettingKey::Lease(LeaseSettingKey::DedupWindowMs)) {
        settings.push(LeaseSetting::DedupWindowMs(Some(DEDUPLICATION_MS)));
    }
    settings.into_iter().map(|setting| ConfigChange::Set(Setting::Lease(setting))).collect()
}

/// What makes a queue a stream of its creator alone again.
pub(crate) fn detach(config: &StreamConfig) -> Vec<ConfigChange> {
    let mut changes = vec![ConfigChange::Unset(SettingKey::Lease(LeaseSettingKey::Enabled))];
    for key in TEXTS.iter().map(|(_, key)| *key).chain([MODIFIED, PURGED, TAGS]) {
        long::set(config, key, None, &mut changes);
    }
    changes
}

/// A stream's configuration, as SQS reads it.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) config: &'a StreamConfig,
}

impl Stored<'_> {
    /// What the queue is set to.
    pub(crate) fn settings(self, queue: &QueueRef) -> QueueSettings {
        let config = self.config;
        let mut settings = QueueSettings::new(queue.is_fifo());
        settings.delay_seconds = seconds(config.lease().delay_ms());
        settings.visibility_seconds = seconds(config.lease().timeout_ms());
        settings.retention_seconds =
            config.retention_ms().map_or(RETENTION_SECONDS_MAX, seconds).min(RETENTION_SECONDS_MAX);
        for (attribute, key) in TEXTS {
            if let Some(text) = long::get(config, key) {
                settings.restore(attribute, text);
            }
        }
        if settings.redrive.is_none() {
            settings.redrive = self.foreign_redrive(queue);
        }
        settings
    }

    /// A dead-letter route that another front has set.
    fn foreign_redrive(self, queue: &QueueRef) -> Option<RedrivePolicy> {
        let name = self.config.lease().dead_letter().filter(|name| is_queue_name(name))?;
        let target = QueueRef { scope: queue.scope.clone(), name: name.to_owned() };
        let receive_count_max = self.config.lease().delivery_limit()?;
        let arn = target.arn();
        let text = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":{receive_count_max}}}");
        Some(RedrivePolicy { text, target, receive_count_max })
    }

    /// The changes from one set of attributes to another.
    pub(crate) fn changes(
        self,
        old: &QueueSettings,
        new: &QueueSettings,
        now: EngineTime,
    ) -> Vec<ConfigChange> {
        let mut changes = Vec::new();
        let mut set = |differs: bool, setting: Setting| {
            if differs {
                changes.push(ConfigChange::Set(setting));
            }
        };
        set(
            old.delay_seconds != new.delay_seconds,
            Setting::Lease(LeaseSetting::DelayMs(ms(new.delay_seconds))),
        );
        // The core's leases last a millisecond at least; it shows as none.
        let timeout = LeaseSetting::TimeoutMs(ms(new.visibility_seconds).max(1));
        set(old.visibility_seconds != new.visibility_seconds, Setting::Lease(timeout));
        let retention_ms = Some(ms(new.retention_seconds));
        set(old.retention_seconds != new.retention_seconds, Setting::RetentionMs(retention_ms));
        if old.redrive != new.redrive {
            let route = new.redrive.as_ref();
            let target = route.map(|route| route.target.name.clone().into_boxed_str());
            let limit = route.map(|route| route.receive_count_max);
            let lease = [LeaseSetting::DeadLetter(target), LeaseSetting::DeliveryLimit(limit)];
            changes.extend(lease.map(|setting| ConfigChange::Set(Setting::Lease(setting))));
        }
        for (attribute, key) in TEXTS {
            let text = new.get(attribute);
            if old.get(attribute) != text {
                long::set(self.config, key, text.as_deref(), &mut changes);
            }
        }
        let now = now.0.to_string().into_boxed_str();
        changes.push(ConfigChange::Set(Setting::Annotation(MODIFIED.into(), now)));
        changes
    }

    /// When an attribute was changed last; `None`: never.
    pub(crate) fn modified(self) -> Option<EngineTime> {
        self.time(MODIFIED)
    }

    /// When the queue was purged last.
    pub(crate) fn purged(self) -> Option<EngineTime> {
        self.time(PURGED)
    }

    /// The change that says that it was purged now.
    pub(crate) fn purge(now: EngineTime) -> ConfigChange {
        ConfigChange::Set(Setting::Annotation(PURGED.into(), now.0.to_string().into()))
    }

    fn time(self, key: &str) -> Option<EngineTime> {
        self.config.annotation(key)?.parse().ok().map(EngineTime)
    }

    /// The queue's tags.
    pub(crate) fn tags(self) -> TagMap {
        let text = long::get(self.config, TAGS).unwrap_or_default();
        // Nobody but this front writes it; text that it did not write is no tags.
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The changes that make these the queue's tags.
    pub(crate) fn set_tags(self, tags: &TagMap, changes: &mut Vec<ConfigChange>) {
        let text = serde_json::to_string(tags).expect("texts have a spelling in JSON");
        long::set(self.config, TAGS, Some(&*text).filter(|_| !tags.is_empty()), changes);
    }
}

/// Seconds in an attribute as milliseconds.
fn ms(seconds: i64) -> u64 {
    u64::try_from(seconds).expect("attributes are checked to be in their ranges") * 1000
}

/// Milliseconds in a setting as seconds, as far as an attribute shows them.
fn seconds(ms: u64) -> i64 {
    i64::try_from(ms / 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    const NOW: EngineTime = EngineTime(1_700_000_000_123);

    fn queue(name: &str) -> QueueRef {
        QueueRef { scope: Scope::default(), name: name.to_owned() }
    }

    fn apply(config: &mut StreamConfig, changes: &[ConfigChange]) {
        for change in changes {
            config.change(change).expect("what this front makes is in range");
        }
    }

    fn settings(fifo: bool, attributes: &[(&str, &str)]) -> QueueSettings {
        let mut settings = QueueSettings::new(fifo);
        settings.set_all(attributes).unwrap();
        settings
    }

    #[test]
    fn attributes_come_back_as_they_were_set() {
        let redrive =
            r#"{"maxReceiveCount":3,"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo"}"#;
        let policy = format!("{{\"Sid\":\"{}\"}}", "x".repeat(7000));
        let wanted = settings(
            true,
            &[
                ("DelaySeconds", "5"),
                ("MaximumMessageSize", "1024"),
                ("MessageRetentionPeriod", "60"),
                ("ReceiveMessageWaitTimeSeconds", "20"),
                ("VisibilityTimeout", "0"),
                ("Policy", &policy),
                ("RedrivePolicy", redrive),
                ("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#),
                ("ContentBasedDeduplication", "true"),
                ("DeduplicationScope", "messageGroup"),
                ("FifoThroughputLimit", "perMessageGroupId"),
                ("KmsMasterKeyId", "key"),
                ("KmsDataKeyReusePeriodSeconds", "60"),
            ],
        );
        let tags: TagMap = [("a".to_owned(), "1".to_owned())].into();
        let mut config = StreamConfig::default();
        apply(&mut config, &creation(&wanted, &tags, NOW));
        let stored = Stored { config: &config };
        assert_eq!(stored.settings(&queue("q.fifo")), wanted);
        assert_eq!(stored.tags(), tags);
        assert_eq!(stored.modified(), Some(NOW));
        assert_eq!(stored.purged(), None);
        assert!(is_own(&config));
        let lease = config.lease();
        assert_eq!((lease.dead_letter(), lease.delivery_limit()), (Some("dead.fifo"), Some(3)));
        assert_eq!((lease.delay_ms(), lease.timeout_ms()), (5000, 1));
        assert_eq!((lease.ordering(), lease.dedup_window_ms()), (Ordering::Ordered, Some(300_000)));
        assert_eq!((config.retention_ms(), config.consumed()), (Some(60_000), Some(0)));

        let plain = settings(true, &[]);
        let changes = stored.changes(&wanted, &plain, NOW);
        apply(&mut config, &changes);
        assert_eq!(Stored { config: &config }.settings(&queue("q.fifo")), plain);
        assert_eq!((config.lease().dead_letter(), config.lease().delivery_limit()), (None, None));
    }

    #[test]
    fn what_nobody_set_is_the_default_of_a_queue() {
        let mut config = StreamConfig::default();
        let plain = settings(false, &[]);
        apply(&mut config, &creation(&plain, &TagMap::new(), NOW));
        assert_eq!(Stored { config: &config }.settings(&queue("q")), plain);
        assert_eq!(Stored { config: &config }.tags(), TagMap::new());
    }

    #[test]
    fn a_stream_of_another_front_keeps_what_that_front_set() {
        let mut config = StreamConfig::default();
        let theirs = [
            Setting::RetentionMs(None),
            Setting::Lease(LeaseSetting::DeadLetter(Some("dead".into()))),
            Setting::Lease(LeaseSetting::DeliveryLimit(Some(7))),
        ];
        for setting in theirs {
            config.change(&ConfigChange::Set(setting)).unwrap();
        }
        let before = config.clone();
        apply(&mut config, &attach(&before, false));
        assert!(config.lease().enabled() && !is_own(&config));
        let seen = Stored { config: &config }.settings(&queue("q"));
        assert_eq!(seen.retention_seconds, RETENTION_SECONDS_MAX);
        assert_eq!(seen.redrive.as_ref().unwrap().receive_count_max, 7);
        assert_eq!(seen.redrive.unwrap().target, queue("dead"));
        let changes = detach(&config);
        apply(&mut config, &changes);
        assert_eq!(config, before);
    }
}
