//! `POST /api/v1/streams/{name}/groups/default/purge`: what is ready in a queue is done with, or everything.
//!
//! Done when the answer comes; what is sent meanwhile stays. What is leased or put off stays as well, unless everything is
//! asked for. Readers by offset still see the records.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Step, lease_reply, submit};
use crate::errors::Problem;
use crate::respond::document;
use millstream_core::lease::{LeaseReply, LeaseRequest, SeekTo};
use millstream_front::Action;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "purge_group",
    method: "POST",
    path: "/api/v1/streams/{name}/groups/default/purge",
    query: &[],
    has_body: true,
    doc: "Be done with what is ready in a queue; with `everything` (false), also with what is leased or put off.",
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    everything: bool,
}

#[derive(Serialize)]
struct Purged {
    purged: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Delete)?;
    let group = queue.group;
    let request = match body.everything {
        true => LeaseRequest::Seek { group, to: SeekTo::End },
        false => LeaseRequest::Purge { group },
    };
    Ok(submit(queue.ask(request), |_, reply| match lease_reply(reply)? {
        LeaseReply::Sought { settled } | LeaseReply::Purged { settled } => {
            Ok(document(200, &Purged { purged: settled }))
        }
        _ => Err(Problem::unexpected()),
    }))
}
