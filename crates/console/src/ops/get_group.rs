//! `GET /api/v1/streams/{name}/groups/default`: how many records of a queue are where.
//!
//! Exact, and of one moment.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, submit};
use crate::errors::Problem;
use crate::respond::document;
use crate::translate::Counts;
use millstream_core::lease::{LeaseReply, LeaseRequest};
use millstream_front::Action;
use serde::Serialize;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "get_group",
    method: "GET",
    path: "/api/v1/streams/{name}/groups/default",
    query: &[],
    has_body: false,
    doc: "Count the records of a queue: ready, leased, delayed, moving; and the consumers that wait.",
};

#[derive(Serialize)]
struct Group<'a> {
    stream: &'a str,
    name: &'static str,
    paused: bool,
    #[serde(flatten)]
    counts: Counts,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Describe)?;
    Ok(show(queue))
}

/// Answers with a queue as it is now.
pub(super) fn show(queue: Queue) -> Step {
    let describe = queue.ask(LeaseRequest::Describe { groups: vec![queue.group] });
    submit(describe, move |_, reply| {
        let LeaseReply::Described(described) = lease_reply(reply)? else { return Err(Problem::unexpected()) };
        let counts = described.into_iter().next().ok_or_else(Problem::unexpected)??;
        let group = Group {
            stream: &queue.entry.name,
            name: "default",
            paused: queue.entry.config.lease().paused(),
            counts: counts.into(),
        };
        Ok(document(200, &group))
    })
}
