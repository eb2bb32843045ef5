//! `POST /api/v1/streams/{name}/groups/default/purge`: everything in a queue is done with, what is leased included.
//!
//! Done when the answer comes; what is sent meanwhile stays. Readers by offset still see the records.

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
    doc: "Be done with everything in a queue, what is leased included.",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {}

#[derive(Serialize)]
struct Purged {
    purged: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let Body {} = call.read()?;
    let queue = cx.queue(call.name(), Action::Delete)?;
    let seek = queue.ask(LeaseRequest::Seek { group: queue.group, to: SeekTo::End });
    Ok(submit(seek, |_, reply| match lease_reply(reply)? {
        LeaseReply::Sought { settled } => Ok(document(200, &Purged { purged: settled })),
        _ => Err(Problem::unexpected()),
    }))
}
