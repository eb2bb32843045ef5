//! `GET /api/v1/groups/{name}/history`: how the lag of a group went lately, for charts.
//!
//! Non-obvious: the broker looks at itself every few seconds, and less often when there is very much to look at; `times_ms` says
//! when. A cursor group is named by its name, a queue by the name of its stream, as in `…/scaling`. Nothing is written down: after a
//! restart it begins anew.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::observe::GroupKind;
use crate::observe::history::LagHistory;
use crate::respond::document;
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

/// Which kind of group is meant.
const KIND: &str = "kind";

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_group_history",
    path: "/api/v1/groups/{name}/history",
    query: &[endpoint::word(
        KIND,
        &["cursor", "lease"],
        "`lease`: the queue of the stream of this name; `cursor` if not given",
    )],
    answers: &[endpoint::ok::<History>()],
    doc: "Show how a group's lag went lately: of each stream that it reads, at each of the last looks.",
    ..Endpoint::PLAIN
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GroupHistory")]
struct History {
    group: String,
    kind: &'static str,
    /// When the broker has looked, the newest last.
    times_ms: Vec<i64>,
    /// Empty when the group is not there, or when there are so many groups that it is not remembered.
    streams: Vec<OfStream>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GroupHistoryOfStream")]
struct OfStream {
    stream: String,
    /// Records that it had not done with, for each of the times.
    lag_records: Vec<u64>,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let name = call.name();
    cx.allow(Action::Describe, Resource::Group(name))?;
    let kind = match call.query.text(KIND) {
        None | Some("cursor") => GroupKind::Cursor,
        Some("lease") => GroupKind::Lease,
        Some(_) => return Err(Problem::parameter(KIND, "must be `cursor` or `lease`")),
    };
    let telemetry = cx.telemetry.clone();
    let telemetry =
        telemetry.ok_or_else(|| Problem::new(Code::UnknownResource, "Nobody watches over this broker."))?;
    let namespace = cx.backend.namespaces().into_iter().find(|entry| entry.number == cx.namespace);
    let namespace = namespace.ok_or_else(Problem::unexpected)?;
    let (times, lags) = telemetry.lags(kind, &namespace.name, name);
    let of_stream =
        |lag: LagHistory| OfStream { stream: lag.stream.to_string(), lag_records: lag.lag_records };
    let streams = lags.into_iter().map(of_stream).collect();
    let times_ms = times.into_iter().map(|time| time.0).collect();
    Ok(document(200, &History { group: name.to_owned(), kind: kind.word(), times_ms, streams }))
}
