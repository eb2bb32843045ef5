//! `/api/v1/configuration`, `…/storage`, `…/listeners` and `…/limits`: the process around the broker.
//!
//! One file because all of them only show what somebody else knows. There are no secrets among it: knobs name files that hold some.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits;
use crate::page::Page;
use crate::respond::document;
use crate::system::{KnobValue, Listening, StorageStatus};
use millstream_front::{Action, Resource};
use millstream_types::limits as broker;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const CONFIGURATION: Endpoint = Endpoint {
    name: "get_configuration",
    path: "/api/v1/configuration",
    answers: &[endpoint::ok::<Page<KnobValue>>()],
    doc: "List every knob: its value, where that comes from, what it does and costs.",
    ..Endpoint::PLAIN
};

pub(super) const STORAGE: Endpoint = Endpoint {
    name: "get_storage",
    path: "/api/v1/storage",
    answers: &[endpoint::ok::<Storage>()],
    doc: "Show what the storage holds and does: the write-ahead log, packed objects, compaction, scrubbing, the disk.",
    ..Endpoint::PLAIN
};

pub(super) const LISTENERS: Endpoint = Endpoint {
    name: "list_listeners",
    path: "/api/v1/listeners",
    answers: &[endpoint::ok::<Page<Listening>>()],
    doc: "List where is listened for which protocol, and how many connections each has.",
    ..Endpoint::PLAIN
};

pub(super) const LIMITS: Endpoint = Endpoint {
    name: "list_limits",
    path: "/api/v1/limits",
    answers: &[endpoint::ok::<Page<Limit>>()],
    doc: "List the broker's limits; there are no quotas of single clients.",
    ..Endpoint::PLAIN
};

/// The storage, and the disk that it is on.
#[derive(Serialize, JsonSchema)]
struct Storage {
    /// Bytes of the disk; 0: not known.
    disk_bytes: u64,
    /// Bytes of it that are free for the broker.
    disk_free_bytes: u64,
    #[serde(flatten)]
    status: StorageStatus,
}

/// A limit.
#[derive(Serialize, JsonSchema)]
struct Limit {
    name: &'static str,
    value: u64,
    /// Empty: it has none.
    unit: &'static str,
    doc: &'static str,
}

pub(super) fn configuration(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    Ok(document(200, &Page::new(cx.system.knobs(), None)))
}

pub(super) fn storage(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    let (disk_bytes, disk_free_bytes) = cx.backend.disk_bytes();
    Ok(document(200, &Storage { disk_bytes, disk_free_bytes, status: cx.system.storage() }))
}

pub(super) fn listeners(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    Ok(document(200, &Page::new(cx.system.listeners(), None)))
}

pub(super) fn limits(cx: &mut Context, _: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    let limit = |name, value: u64, unit, doc| Limit { name, value, unit, doc };
    let mut all = vec![
        limit("partitions_per_stream", broker::LOGS_PER_STREAM_MAX.into(), "", "Partitions of one stream."),
        limit("name_bytes", broker::NAME_BYTES_MAX as u64, "bytes", "Bytes of a name."),
        limit(
            "batch_bytes",
            broker::BATCH_BYTES_MAX.into(),
            "bytes",
            "Bytes of a batch, whatever its stream says.",
        ),
        limit("routes", broker::ROUTES_MAX as u64, "", "Routes of all namespaces together."),
        limit("bindings", broker::BINDINGS_MAX as u64, "", "Bindings of all routes together."),
        limit("targets", broker::APPEND_TARGETS_MAX as u64, "", "Streams that one record may be routed to."),
        limit(
            "cursor_group_offsets",
            broker::OFFSETS_PER_GROUP_MAX as u64,
            "",
            "Offsets that one group has committed.",
        ),
        limit("page_items", limits::PAGE_MAX as u64, "", "Items of a page of this API."),
        limit("body_bytes", limits::BODY_BYTES_MAX as u64, "bytes", "Bytes of a request's body in this API."),
        limit("live_views", limits::LIVE_MAX as u64, "", "Live views of this API at once."),
    ];
    all.extend(cx.system.listeners().into_iter().map(|Listening { name, connections_max, .. }| Limit {
        name,
        value: connections_max,
        unit: "connections",
        doc: "Connections of this protocol at once; one address may have half as many.",
    }));
    Ok(document(200, &Page::new(all, None)))
}
