//! From what is known to what is shown.
//!
//! Apart because it is one long list: each metric of the catalog with where its numbers come from.

use super::catalog as rows;
use super::family::{Families, Family, Value};
use super::process::{Process, Storage};
use super::streams;
use crate::alarms::AlarmCounts;
use crate::observe::Observation;
use millstream_front::OperationMeters;
use millstream_types::EngineTime;
use std::sync::Arc;

/// What a scrape shows.
pub(super) struct Shown<'a> {
    pub(super) version: &'a str,
    pub(super) now: EngineTime,
    pub(super) process: &'a Process,
    pub(super) meters: &'a [Arc<OperationMeters>],
    pub(super) observation: Option<&'a Observation>,
    pub(super) alarms: &'a [AlarmCounts],
}

/// Everything, in the order of the catalog.
pub(super) fn families(shown: &Shown<'_>) -> Families {
    let mut all = Vec::with_capacity(rows::CATALOG.len());
    the_broker(shown, &mut all);
    requests(shown.meters, &mut all);
    connections(shown.process, &mut all);
    if let Some(observation) = shown.observation {
        streams::families(observation, &mut all);
    }
    storage(&shown.process.storage, &mut all);
    all.push(Family::one(&rows::DISK_FULL, flag(shown.process.health.is_disk_full)));
    memory(shown.process, &mut all);
    alarms(shown.alarms, &mut all);
    if let Some(observation) = shown.observation {
        let age = seconds(shown.now.since_ms(observation.at));
        all.push(Family::one(&rows::OBSERVED, Value::Gauge(age)));
        all.push(Family::one(&rows::OBSERVING, Value::Gauge(observation.took_micros as f64 / 1e6)));
    }
    Families(all)
}

/// A number as it is shown: exact up to 2⁵³.
#[allow(clippy::cast_precision_loss, reason = "what is shown is read as a 64-bit float anyway")]
pub(super) fn gauge(value: u64) -> Value {
    Value::Gauge(value as f64)
}

#[allow(clippy::cast_precision_loss, reason = "what is shown is read as a 64-bit float anyway")]
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

fn flag(value: bool) -> Value {
    gauge(u64::from(value))
}

fn the_broker(shown: &Shown<'_>, all: &mut Vec<Family>) {
    let mut build = Family::new(&rows::BUILD);
    build.add([shown.version], gauge(1));
    let started_ms = u64::try_from(shown.process.started_ms).unwrap_or(0);
    all.extend([
        build,
        Family::one(&rows::START, Value::Gauge(seconds(started_ms))),
        Family::one(&rows::INSECURE, flag(shown.process.is_insecure)),
        Family::one(&rows::READY, flag(shown.process.health.is_ready())),
    ]);
}

fn requests(meters: &[Arc<OperationMeters>], all: &mut Vec<Family>) {
    let (mut requests, mut failures) = (Family::new(&rows::REQUESTS), Family::new(&rows::FAILURES));
    let mut latency = Family::new(&rows::LATENCY);
    for counts in meters.iter().flat_map(|meters| meters.counts()) {
        let labels = [counts.front, counts.operation];
        requests.add(labels, Value::Count(counts.requests));
        failures.add(labels, Value::Count(counts.failures));
        if counts.micros.count() > 0 {
            latency.add(labels, Value::Micros(Box::new(counts.micros)));
        }
    }
    all.extend([requests, failures, latency]);
}

fn connections(process: &Process, all: &mut Vec<Family>) {
    let (mut open, mut accepted) = (Family::new(&rows::CONNECTIONS), Family::new(&rows::ACCEPTED));
    let (mut refused, mut panicked) = (Family::new(&rows::REFUSED), Family::new(&rows::PANICKED));
    for connections in &process.connections {
        let labels = [connections.front];
        open.add(labels, gauge(connections.open));
        accepted.add(labels, Value::Count(connections.accepted));
        refused.add(labels, Value::Count(connections.refused));
        panicked.add(labels, Value::Count(connections.panicked));
    }
    all.extend([open, accepted, refused, panicked]);
}

fn storage(storage: &Storage, all: &mut Vec<Family>) {
    let labelled = |row, values: &[(&str, Value)]| {
        let mut family = Family::new(row);
        values.iter().for_each(|(label, value)| family.add([label], value.clone()));
        family
    };
    let count = |value: u64| Value::Count(value);
    let (packed, compacted) = (storage.packed_bytes, storage.compacted_bytes);
    let moves = storage.moves;
    all.extend([
        Family::one(&rows::SYNC, Value::Micros(Box::new(storage.sync_micros))),
        Family::one(&rows::GROUP_FRAMES, Value::Amounts(Box::new(storage.group_frames))),
        Family::one(&rows::GROUP_BYTES, Value::Amounts(Box::new(storage.group_bytes))),
        Family::one(&rows::APPENDED, count(storage.appended_bytes)),
        labelled(
            &rows::WAL_FILES,
            &[
                ("sealed", gauge(storage.sealed_files)),
                ("dead", gauge(storage.dead_files)),
                ("prepared", gauge(storage.prepared_files)),
            ],
        ),
        labelled(
            &rows::WAL_BYTES,
            &[
                ("sealed", gauge(storage.sealed_bytes)),
                ("live", gauge(storage.live_bytes)),
                ("pinned", gauge(storage.pinned_bytes)),
            ],
        ),
        labelled(
            &rows::OBJECTS,
            &[("used", gauge(storage.objects)), ("dropped", gauge(storage.dropped_objects))],
        ),
        labelled(
            &rows::OBJECT_BYTES,
            &[("all", gauge(storage.object_bytes)), ("live", gauge(storage.object_live_bytes))],
        ),
        labelled(&rows::REWRITE_READ, &[("packer", count(packed.0)), ("compaction", count(compacted.0))]),
        labelled(&rows::REWRITE_WRITTEN, &[("packer", count(packed.1)), ("compaction", count(compacted.1))]),
        Family::one(&rows::BACKLOG, gauge(storage.backlog_bytes)),
        Family::one(&rows::SCRUBBED, count(storage.scrubbed_bytes)),
        Family::one(&rows::SCRUB_ROUNDS, count(storage.scrub_rounds)),
        Family::one(&rows::SCRUB_FINDINGS, count(storage.scrub_findings)),
        labelled(
            &rows::MOVES,
            &[
                ("moved", count(moves.moved)),
                ("dropped", count(moves.dropped)),
                ("returned", count(moves.returned)),
                ("put_off", count(moves.put_off)),
            ],
        ),
        labelled(&rows::DISK, &[("all", gauge(storage.disk_bytes.0)), ("free", gauge(storage.disk_bytes.1))]),
    ]);
}

fn memory(process: &Process, all: &mut Vec<Family>) {
    let (mut total, mut used) = (Family::new(&rows::BUDGET), Family::new(&rows::BUDGET_USED));
    let mut awaited = Family::new(&rows::BUDGET_AWAITED);
    for budget in &process.budgets {
        total.add([budget.name], gauge(budget.total_bytes));
        used.add([budget.name], gauge(budget.used_bytes));
        awaited.add([budget.name], flag(budget.is_awaited));
    }
    all.extend([
        total,
        used,
        awaited,
        Family::one(&rows::RESIDENT, gauge(process.resident_bytes)),
        Family::one(&rows::CPU, Value::Seconds(process.cpu_seconds)),
        Family::one(&rows::FDS, gauge(process.open_fds)),
        Family::one(&rows::FDS_MAX, gauge(process.max_fds)),
    ]);
}

fn alarms(alarms: &[AlarmCounts], all: &mut Vec<Family>) {
    let mut family = Family::new(&rows::ALARMS);
    for counts in alarms {
        family.add([counts.rule, "raised"], gauge(counts.raised));
        family.add([counts.rule, "silenced"], gauge(counts.silenced));
    }
    all.push(family);
}
