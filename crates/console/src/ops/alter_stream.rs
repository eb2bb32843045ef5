//! `PATCH /api/v1/streams/{name}`: change a stream.
//!
//! Settings are changed first, all or none, then the number of partitions. What is not named stays.

use super::Endpoint;
use super::get_stream::show;
use super::target::check_dead_letter;
use crate::call::Call;
use crate::context::{Context, Step, stream_reply, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::translate::{Changes, Detail};
use millstream_core::Request;
use millstream_core::catalog::StreamEntry;
use millstream_front::{Action, Grant};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "alter_stream",
    method: "PATCH",
    path: "/api/v1/streams/{name}",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Detail>()],
    doc: "Change `settings`, return those in `unset` to their defaults, grow to so many `partitions`.",
    ..Endpoint::PLAIN
};

/// Names of settings to return to their defaults: there are fewer.
const UNSET_MAX: usize = 100;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Body {
    partitions: Option<u32>,
    settings: Changes,
    unset: Vec<String>,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let (entry, grant) = cx.stream(call.name(), Action::Alter)?;
    if body.unset.len() > UNSET_MAX {
        return Err(Problem::field("unset", "is too long"));
    }
    check_dead_letter(cx, &entry.name, &body.settings)?;
    if body.partitions.is_some_and(|partitions| partitions < entry.logs) {
        let detail = format!("The stream has {} partitions; the number can only grow.", entry.logs);
        return Err(Problem::new(Code::InvalidPartitions, detail));
    }
    let grow_to = body.partitions.filter(|partitions| *partitions > entry.logs);
    if body.settings.is_empty() && body.unset.is_empty() {
        return Ok(grow(grant, entry, grow_to));
    }
    let changes = body.settings.of(&entry.config, &body.unset)?;
    let request = grant.allow(Request::AlterStream { stream: entry.id, changes });
    Ok(submit(request, move |_, reply| Ok(grow(grant, stream_reply(reply)?, grow_to))))
}

/// Adds partitions, if there are to be more, and shows what there is now.
fn grow(grant: Grant, entry: Arc<StreamEntry>, logs: Option<u32>) -> Step {
    let Some(logs) = logs else { return show(200, grant, entry) };
    let request = grant.allow(Request::AddLogs { stream: entry.id, logs });
    submit(request, move |_, reply| Ok(show(200, grant, stream_reply(reply)?)))
}
