//! `GET /api/v1/groups/{name}/scaling`: how many consumers it takes to work off what waits in a given time.
//!
//! The answer is what KEDA's `metrics-api` scaler reads: with `valueLocation: consumers` and `targetValue: "1"` there are as many
//! replicas as it says. By how fast the group was lately, with the consumers that it had; as long as nobody has seen it work, one is
//! enough to find out. `name` is that of a group that reads by offset, or of a stream that is worked as a queue.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::observe::{GroupKind, GroupSeen};
use crate::respond::document;
use crate::scaling::{Demand, consumers};
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

const DRAIN_SECONDS: &str = "drain_seconds";
const MAX: &str = "max";
/// In so long the lag is to be worked off when nothing is said: five minutes.
const DRAIN_SECONDS_DEFAULT: u64 = 300;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_group_scaling",
    path: "/api/v1/groups/{name}/scaling",
    query: &[
        endpoint::number(
            DRAIN_SECONDS,
            1,
            DRAIN_SECONDS_MAX,
            "in how many seconds the lag is to be worked off; 300 if not given",
        ),
        endpoint::number(
            MAX,
            1,
            CONSUMERS_MAX,
            "the most consumers that there may be; a group that reads by offset has no use for more than partitions",
        ),
    ],
    answers: &[endpoint::ok::<Scaling<'static>>()],
    doc: "Say how many consumers would work off a group's lag in a given time, by how fast it was lately; as KEDA's metrics-api scaler reads it.",
    ..Endpoint::PLAIN
};

/// The longest time to work it off: a day.
const DRAIN_SECONDS_MAX: u64 = 86_400;
/// More consumers than this nobody may ask for.
const CONSUMERS_MAX: u64 = 1_000_000;

#[derive(Serialize, JsonSchema)]
struct Scaling<'a> {
    group: &'a str,
    kind: &'static str,
    consumers: u64,
    consumers_now: u64,
    lag_records: u64,
    in_per_second: f64,
    done_per_second: f64,
    drain_seconds: u64,
    observed_ms: i64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let name = call.name();
    cx.allow(Action::Describe, Resource::Group(name))?;
    let drain_seconds =
        call.query.number(DRAIN_SECONDS, 1..=DRAIN_SECONDS_MAX)?.unwrap_or(DRAIN_SECONDS_DEFAULT);
    let max = call.query.number(MAX, 1..=CONSUMERS_MAX)?;
    let seen = cx.telemetry.as_ref().and_then(|telemetry| telemetry.observation());
    let seen = seen.ok_or_else(|| {
        Problem::new(Code::Overloaded, "Nobody has looked at the groups yet; ask again in a few seconds.")
    })?;
    let namespace = cx.backend.namespaces().into_iter().find(|entry| entry.number == cx.namespace);
    let namespace = namespace.ok_or_else(Problem::unexpected)?;
    let here = |group: &&GroupSeen| group.namespace == namespace.name;
    let of = |kind: GroupKind| {
        let is_it = move |group: &&GroupSeen| match kind {
            GroupKind::Cursor => *group.name == *name,
            GroupKind::Lease => *group.stream == *name,
        };
        let groups = seen.groups.iter().filter(here).filter(move |group| group.kind == kind);
        groups.filter(is_it).collect::<Vec<&GroupSeen>>()
    };
    let cursors = of(GroupKind::Cursor);
    let (kind, groups) = if cursors.is_empty() {
        (GroupKind::Lease, of(GroupKind::Lease))
    } else {
        (GroupKind::Cursor, cursors)
    };
    if groups.is_empty() {
        let detail =
            format!("There is no group {name:?} with offsets, and no stream of this name that is a queue.");
        return Err(Problem::new(Code::UnknownGroup, detail));
    }
    let mut demand = Demand::default();
    let mut partitions = 0;
    for group in &groups {
        demand.lag_records += group.lag_records;
        demand.in_per_second += group.in_per_second;
        demand.done_per_second += group.done_per_second;
        demand.consumers = demand.consumers.max(group.consumers);
        let stream = cx.backend.stream(cx.namespace, &group.stream);
        partitions += stream.map_or(0, |stream| u64::from(stream.logs));
    }
    // More than one reader of a partition is of use only where records are leased.
    let cap = match kind {
        GroupKind::Cursor => Some(partitions.max(1)),
        GroupKind::Lease => None,
    };
    let cap = cap.into_iter().chain(max).min();
    let scaling = Scaling {
        group: name,
        kind: kind.word(),
        consumers: consumers(&demand, drain_seconds, cap),
        consumers_now: demand.consumers,
        lag_records: demand.lag_records,
        in_per_second: demand.in_per_second,
        done_per_second: demand.done_per_second,
        drain_seconds,
        observed_ms: seen.at.0,
    };
    Ok(document(200, &scaling))
}
