//! `PATCH /api/v1/streams/{name}/groups/default`: pause a queue, or let it go on.
//!
//! While it is paused nobody gets records; what is leased can be settled.

use super::Endpoint;
use super::get_group::{Group, show};
use crate::call::Call;
use crate::context::{Context, Queue, Step, stream_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use millstream_core::Request;
use millstream_core::catalog::{ConfigChange, LeaseSetting, Setting};
use millstream_front::Action;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "alter_group",
    method: "PATCH",
    path: "/api/v1/streams/{name}/groups/default",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Group<'static>>()],
    doc: "Pause a queue, or let it go on: `paused`.",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    paused: bool,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Alter)?;
    let changes = vec![ConfigChange::Set(Setting::Lease(LeaseSetting::Paused(body.paused)))];
    let request = queue.grant.allow(Request::AlterStream { stream: queue.entry.id, changes });
    Ok(submit(request, move |_, reply| {
        let entry = stream_reply(reply)?;
        Ok(show(Queue { entry, ..queue }))
    }))
}
