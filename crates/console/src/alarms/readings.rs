//! From what was seen to what is wrong: one reading for each rule that applies to each thing.
//!
//! Apart because this is all that knows what the rules mean; from here on an alarm is a number beyond a threshold.

use super::id::{AlarmId, Subject};
use super::rules::{
    GROWING_RECORDS_MIN, GROWING_SHARE, NOTHING_PER_SECOND, Rule, STORM_PER_SECOND, SYNCS_MIN, Thresholds,
};
use crate::metrics::Storage;
use crate::observe::{GroupKind, GroupSeen, Observation};
use millstream_types::histogram::Counted;
use std::collections::BTreeSet;

/// A rule applies to something.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The alarm that it is about.
    pub id: AlarmId,
    /// What it applies to.
    pub subject: Subject,
    /// The value that is beyond the threshold, in the rule's unit.
    pub value: f64,
}

impl Reading {
    fn new(rule: Rule, subject: Subject, value: f64) -> Reading {
        Reading { id: AlarmId::new(rule, &subject), subject, value }
    }
}

/// Everything that is wrong. `syncs` are those since the last time.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "what is shown is read as a 64-bit float anyway")]
pub fn readings(
    thresholds: &Thresholds,
    seen: &Observation,
    storage: &Storage,
    syncs: &Counted,
) -> Vec<Reading> {
    let mut all = Vec::new();
    let mut letters = BTreeSet::new();
    for stream in seen.streams.iter().filter(|stream| stream.takes_dead_letters) {
        letters.insert((&stream.namespace, &stream.entry.name));
        if stream.waiting_records > 0 {
            let (namespace, stream_name) = (stream.namespace.clone(), stream.entry.name.clone());
            let subject = Subject::Stream { namespace, stream: stream_name };
            all.push(Reading::new(Rule::DeadLetters, subject, stream.waiting_records as f64));
        }
    }
    for group in &seen.groups {
        // That dead letters wait has an alarm of its own.
        if group.kind == GroupKind::Cursor || !letters.contains(&(&group.namespace, &group.stream)) {
            of_group(thresholds, group, &mut all);
        }
    }
    let (disk, free) = storage.disk_bytes;
    if disk > 0 && u128::from(free) * 100 < u128::from(disk) * u128::from(thresholds.disk_free_percent) {
        let percent = free as f64 * 100.0 / disk as f64;
        all.push(Reading::new(Rule::DiskNearlyFull, Subject::Broker, percent));
    }
    let slowest = syncs.quantile(990).filter(|_| syncs.count() >= SYNCS_MIN);
    if let Some(micros) = slowest.filter(|micros| *micros > thresholds.fsync_ms.saturating_mul(1000)) {
        all.push(Reading::new(Rule::FsyncSlow, Subject::Broker, micros as f64 / 1000.0));
    }
    if storage.scrub_findings > 0 {
        all.push(Reading::new(Rule::Damage, Subject::Broker, storage.scrub_findings as f64));
    }
    all
}

#[allow(clippy::cast_precision_loss, reason = "what is shown is read as a 64-bit float anyway")]
fn of_group(thresholds: &Thresholds, group: &GroupSeen, all: &mut Vec<Reading>) {
    let (namespace, stream) = (group.namespace.clone(), group.stream.clone());
    let subject = match group.kind {
        GroupKind::Lease => Subject::Stream { namespace, stream },
        GroupKind::Cursor => Subject::Group { namespace, stream, group: group.name.clone() },
    };
    let mut add = |rule, value| all.push(Reading::new(rule, subject.clone(), value));
    let lag = group.lag_records;
    let lag_seconds = group.lag_ms.map(|ms| ms / 1000);
    let grows = group.in_per_second > group.done_per_second * GROWING_SHARE;
    if lag >= GROWING_RECORDS_MIN && grows {
        add(Rule::Growing, group.in_per_second - group.done_per_second);
    }
    match group.kind {
        GroupKind::Cursor => {
            if lag > thresholds.lag_records {
                add(Rule::LagRecords, lag as f64);
            }
            if let Some(seconds) = lag_seconds.filter(|seconds| *seconds > thresholds.lag_seconds) {
                add(Rule::LagSeconds, seconds as f64);
            }
        }
        GroupKind::Lease => {
            if lag > thresholds.depth_records {
                add(Rule::Depth, lag as f64);
            }
            if let Some(seconds) = lag_seconds.filter(|seconds| *seconds > thresholds.oldest_seconds) {
                add(Rule::OldestAge, seconds as f64);
            }
            // A consumer that asks now and then is not seen between two questions, but what it gets is.
            let is_idle = group.consumers == 0 && group.delivered_per_second < NOTHING_PER_SECOND;
            if lag > 0 && is_idle && group.counts.leased == 0 && !group.is_paused {
                add(Rule::NoConsumer, lag as f64);
            }
            let redelivered = group.redelivered_per_second;
            if redelivered > STORM_PER_SECOND && redelivered * 2.0 > group.delivered_per_second {
                add(Rule::RedeliveryStorm, redelivered);
            }
        }
    }
}
