//! `POST /api/v1/routes/{name}/resolve`: where would this record go?
//!
//! The very search that a publish makes, by the tables of this moment; nothing is published.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::TARGETS_SHOWN_MAX;
use crate::respond::document;
use crate::translate::GivenHeaders;
use millstream_core::route::{RoutedRecord, resolve};
use millstream_front::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "resolve_route",
    method: "POST",
    path: "/api/v1/routes/{name}/resolve",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Resolved>()],
    doc: "Say to which streams a record with this `key` and these `headers` would go; nothing is published.",
    ..Endpoint::PLAIN
};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Body {
    /// The routing key.
    key: String,
    /// Values by the headers' names.
    headers: GivenHeaders,
}

#[derive(Serialize, JsonSchema)]
struct Resolved {
    /// The streams, a thousand at most.
    streams: Vec<String>,
    /// How many there are; 0: the record would be dropped, or given back to whoever publishes it.
    stream_count: usize,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let (entry, _) = cx.route(call.name(), Action::Describe)?;
    let random = (cx.backend.random() >> 64) as u64;
    let record = RoutedRecord { key: body.key.as_bytes(), headers: &body.headers, random };
    let targets = resolve(&*cx.backend, &entry, &record)?;
    let streams = targets.streams.iter().take(TARGETS_SHOWN_MAX).map(|stream| stream.name.to_string());
    Ok(document(200, &Resolved { streams: streams.collect(), stream_count: targets.streams.len() }))
}
