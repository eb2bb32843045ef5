//! `POST /api/v1/streams/{name}/groups/default/seek`: let a queue go on from another place.
//!
//! Everything from there on is to be delivered as if it had never been, whoever has it; everything before is done with. So
//! records that were consumed are *replayed*, as far back as the stream still has them. To the end it is a purge that
//! takes what is leased as well.

use super::Endpoint;
use super::seek_place::{Place, To, find};
use crate::call::Call;
use crate::context::{Context, Step, lease_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::respond::document;
use millstream_core::Request;
use millstream_core::lease::{LeaseReply, LeaseRequest, SeekTo};
use millstream_front::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "seek_group",
    method: "POST",
    path: "/api/v1/streams/{name}/groups/default/seek",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Sought>()],
    doc: "Replay a queue, or skip records: `to` is `start`, `end`, `{\"time_ms\": …}` or `{\"offsets\": [{\"partition\": 0, \
          \"offset\": …}]}`.",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    to: To,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "QueueSought")]
struct Sought {
    /// Records that had still to be consumed and are not any more.
    skipped: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Alter)?;
    let group = queue.group;
    find(cx, queue.entry, queue.grant, body.to, move |_, grant, place| {
        let to = match place {
            Place::Start => SeekTo::Start,
            Place::End => SeekTo::End,
            Place::At(places) => SeekTo::Offsets(places),
        };
        let seek = Request::Lease(Box::new(LeaseRequest::Seek { group, to }));
        Ok(submit(grant.request(seek), |_, reply| match lease_reply(reply)? {
            LeaseReply::Sought { settled } => Ok(document(200, &Sought { skipped: settled })),
            _ => Err(Problem::unexpected()),
        }))
    })
}
