//! `GET /api/v1/streams/{name}/groups`: who reads a stream, and where each is in it: its queue, and cursor groups.
//!
//! A cursor group belongs to no stream: whoever has committed an offset here is found by asking each. So a page looks at so many
//! groups and no more; it may be empty and not be the last. The queue is on the first one.

use super::lag::{Position, ages};
use super::list_groups::{Names, names, positions};
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step, lease_reply, step, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::POSITIONS_MAX;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::Counts;
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::{GroupId, GroupRequest};
use millstream_core::lease::{LeaseGroupId, LeaseReply, LeaseRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Grant};
use millstream_types::LogId;
use millstream_types::limits::OFFSETS_PER_REQUEST_MAX;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_stream_groups",
    path: "/api/v1/streams/{name}/groups",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<Reader>>()],
    doc: "List the queue and the cursor groups that read a stream, with where each is in its partitions.",
    ..Endpoint::PLAIN
};

/// Who reads a stream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StreamGroup")]
pub(super) struct Reader {
    /// `queue` or `cursor`.
    kind: &'static str,
    /// A cursor group's name; `default` for the queue.
    name: String,
    /// Of a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    /// Of a cursor group, by partition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offsets: Vec<Committed>,
    /// Records that it has still to consume.
    lag_records: u64,
    /// How old the first of them is, in the partition with the largest lag of a cursor group; `null`: not known.
    lag_ms: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommittedOffset")]
struct Committed {
    partition: u32,
    committed_offset: u64,
    lag_records: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let (entry, grant) = cx.stream(call.name(), Action::Describe)?;
    let mut wanted = Wanted::of(&call.query)?;
    let is_first = wanted.after.is_none();
    wanted.limit = wanted.limit.min((POSITIONS_MAX / entry.logs as usize).max(1));
    names(cx, wanted, String::new(), move |cx, found| {
        if !is_first || !entry.config.lease().enabled() {
            return Ok(cursors(cx, grant, entry, found, Vec::new()));
        }
        let groups = vec![LeaseGroupId::default_of(entry.id)];
        let describe = Request::Lease(Box::new(LeaseRequest::Describe { groups }));
        Ok(submit(grant.allow(describe), move |cx, reply| {
            let LeaseReply::Described(described) = lease_reply(reply)? else {
                return Err(Problem::unexpected());
            };
            let queue = described.into_iter().next().and_then(Result::ok).map(|counts| Reader {
                kind: "queue",
                name: "default".to_owned(),
                lag_records: counts.ready + counts.leased + counts.delayed + counts.moving,
                counts: Some(counts.into()),
                offsets: Vec::new(),
                lag_ms: None,
            });
            Ok(cursors(cx, grant, entry, found, queue.into_iter().collect()))
        }))
    })
}

/// Asks groups whether they are somewhere in the stream.
fn cursors(
    cx: &Context,
    grant: Grant,
    entry: Arc<StreamEntry>,
    (names, next): Names,
    mut readers: Vec<Reader>,
) -> Step {
    let namespace = cx.namespace;
    let logs: Vec<LogId> = entry.log_ids().take(OFFSETS_PER_REQUEST_MAX).collect();
    let fetch = |name: &Arc<str>| {
        let group = GroupId { namespace, name: name.clone() };
        let fetch = GroupRequest::FetchOffsets { group, logs: Some(logs.clone()) };
        grant.allow(Request::Group(Box::new(fetch)))
    };
    let requests = names.iter().map(fetch).collect();
    let then = move |cx: &mut Context, replies: Vec<Reply>| {
        let mut furthest: Vec<(usize, Position)> = Vec::new();
        for (name, reply) in names.iter().zip(replies) {
            let positions = match positions(cx, reply) {
                Ok(positions) => positions,
                Err(problem) => return step(Err(problem)),
            };
            let Some(worst) = positions.iter().max_by_key(|position| position.lag()) else { continue };
            furthest.push((readers.len(), worst.clone()));
            readers.push(reader(name, &positions));
        }
        let (indices, positions): (Vec<usize>, Vec<Position>) = furthest.into_iter().unzip();
        ages(grant, &positions, move |_, ages| {
            for (index, age) in indices.into_iter().zip(ages) {
                readers[index].lag_ms = age;
            }
            Ok(document(200, &Page::new(readers, next.as_deref())))
        })
    };
    Step::Submit(requests, Box::new(then))
}

fn reader(name: &str, positions: &[Position]) -> Reader {
    let committed = positions.iter().map(|position| Committed {
        partition: position.log.index,
        committed_offset: position.committed.offset.0,
        lag_records: position.lag(),
    });
    Reader {
        kind: "cursor",
        name: name.to_owned(),
        counts: None,
        offsets: committed.collect(),
        lag_records: positions.iter().map(Position::lag).sum(),
        lag_ms: None,
    }
}
