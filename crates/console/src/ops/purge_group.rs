//! `POST /api/v1/streams/{name}/groups/default/purge`: what is ready in a queue is done with, or everything.
//!
//! Done when the answer comes, unless that is not waited for: then it is a job. What is sent meanwhile stays. What is leased or put off stays as well, unless everything is
//! asked for. Readers by offset still see the records.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step, lease_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::respond::document;
use millstream_core::lease::{LeaseReply, LeaseRequest, SeekTo};
use millstream_front::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "purge_group",
    method: "POST",
    path: "/api/v1/streams/{name}/groups/default/purge",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Purged>(), endpoint::status::<Purged>(202)],
    doc: "Be done with what is ready in a queue; with `everything` (false), also with what is leased or put off; with \
          `background` (false), as a job.",
    ..Endpoint::PLAIN
};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Body {
    /// Also what is leased or put off.
    everything: bool,
    /// Do not wait for the end, however long it takes.
    background: bool,
}

#[derive(Serialize, JsonSchema)]
struct Purged {
    /// Records that are done with, so far.
    purged: u64,
    /// It goes on: see the jobs.
    running: bool,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Delete)?;
    let group = queue.group;
    let request = match body.everything {
        true => LeaseRequest::Seek { group, to: SeekTo::End },
        false if body.background => LeaseRequest::StartPurge { group },
        false => LeaseRequest::Purge { group },
    };
    Ok(submit(queue.ask(request), |_, reply| match lease_reply(reply)? {
        LeaseReply::Sought { settled } | LeaseReply::Purged { settled } => {
            Ok(document(200, &Purged { purged: settled, running: false }))
        }
        LeaseReply::PurgeStarted { settled, is_done } => {
            Ok(document(if is_done { 200 } else { 202 }, &Purged { purged: settled, running: !is_done }))
        }
        _ => Err(Problem::unexpected()),
    }))
}
