//! `GET /api/v1/overview`: the broker on one page: what listens where, how much there is, how full the disk is.
//!
//! Whoever asks for server-sent events gets one every two seconds. What counts up does so since the start of the process.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::OVERVIEW_PAUSE_MS;
use crate::live::{self, Permit};
use crate::respond::document;
use crate::system::Listening;
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_overview",
    path: "/api/v1/overview",
    answers: &[endpoint::ok_or_events::<Overview>()],
    doc: "Show what listens where and how much there is; with `Accept: text/event-stream`, again every two seconds.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
struct Overview {
    version: &'static str,
    now_ms: i64,
    /// Streams of the namespace.
    stream_count: usize,
    /// Routes of the namespace.
    route_count: usize,
    namespace_count: usize,
    listeners: Vec<Listening>,
    /// Bytes of the disk; 0: not known.
    disk_bytes: u64,
    disk_free_bytes: u64,
    /// Nothing is stored until there is room.
    is_disk_full: bool,
    /// Bytes appended to the write-ahead log since the start.
    appended_bytes: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    cx.allow(Action::Describe, Resource::Cluster)?;
    if !live::is_wanted(&call.request) {
        return Ok(document(200, &look(cx)));
    }
    let permit = Permit::take(cx)?;
    Ok(live::begin(move |cx| show(cx, permit)))
}

fn look(cx: &Context) -> Overview {
    let (disk_bytes, disk_free_bytes) = cx.backend.disk_bytes();
    Overview {
        version: cx.version,
        now_ms: cx.now.0,
        stream_count: cx.backend.streams(cx.namespace).len(),
        route_count: cx.backend.routes(cx.namespace).len(),
        namespace_count: cx.backend.namespaces().len(),
        listeners: cx.system.listeners(),
        disk_bytes,
        disk_free_bytes,
        is_disk_full: cx.backend.is_disk_full(),
        appended_bytes: cx.system.storage().wal.appended_bytes,
    }
}

/// Shows it now, and again after a while. The permit is only held.
fn show(cx: &mut Context, _permit: Permit) -> Step {
    if cx.abandoned {
        return live::end(String::new());
    }
    let mut events = String::new();
    live::put(&mut events, None, "overview", &look(cx));
    live::give(events, move |cx| {
        let until = cx.now.after_ms(OVERVIEW_PAUSE_MS);
        Step::Watch(Vec::new(), until, Box::new(move |cx| show(cx, _permit)))
    })
}
