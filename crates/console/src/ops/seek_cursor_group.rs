//! `POST /api/v1/groups/{name}/seek`: let a cursor group go on from another place of a stream.
//!
//! What it has committed for the stream's partitions is replaced. Back is a replay, as far as the stream still has the records;
//! forward skips. It is one change, however many records lie between: nothing has to be waited for.

use super::Endpoint;
use super::cursor_group::unknown;
use super::list_groups::described;
use super::seek_place::{Place, To, find};
use crate::call::Call;
use crate::context::{Context, Step, group_reply, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::respond::document;
use crate::scan::At;
use millstream_core::catalog::StreamEntry;
use millstream_core::cursor::{CommitOffsets, Generation, GroupId, GroupReply, GroupRequest, OffsetToCommit};
use millstream_core::{Reply, Request};
use millstream_front::{Action, LogReader, Resource};
use millstream_types::limits::OFFSETS_PER_REQUEST_MAX;
use millstream_types::{ErrorKind, LogId, Offset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "seek_cursor_group",
    method: "POST",
    path: "/api/v1/groups/{name}/seek",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Sought>()],
    doc: "Let a cursor group without members go on elsewhere in a `stream`: `to` is `start`, `end`, `{\"time_ms\": …}` or \
          `{\"offsets\": [{\"partition\": 0, \"offset\": …}]}`.",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    stream: String,
    to: To,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GroupSought")]
struct Sought {
    stream: String,
    /// Where the group goes on.
    offsets: Vec<SoughtOffset>,
}

#[derive(Serialize, JsonSchema)]
struct SoughtOffset {
    partition: u32,
    offset: u64,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let name: Arc<str> = call.name().into();
    let (entry, read) = cx.stream(&body.stream, Action::Read)?;
    let grant = cx.allow(Action::Alter, Resource::Group(&name))?;
    if entry.logs as usize > OFFSETS_PER_REQUEST_MAX {
        let detail =
            format!("A group cannot seek in a stream of more than {OFFSETS_PER_REQUEST_MAX} partitions.");
        return Err(Problem::new(Code::LimitExceeded, detail));
    }
    find(cx, entry.clone(), read, body.to, move |cx, _, place| {
        let places = match place {
            Place::Start => everywhere(cx, &entry, |log| log.log_start()),
            Place::End => everywhere(cx, &entry, |log| log.high_watermark()),
            Place::At(places) => within(cx, &entry, places)?,
        };
        Ok(described(cx, grant, vec![name.clone()], move |cx, grant, groups| {
            groups.first().ok_or_else(|| unknown(&name))?;
            let group = GroupId { namespace: cx.namespace, name };
            let commit = commit(group, &entry, &places);
            Ok(submit(grant.request(commit), move |_, reply| answer(reply, &entry, &places)))
        }))
    })
}

/// A place of each partition.
fn everywhere(cx: &Context, entry: &StreamEntry, of: fn(&dyn LogReader) -> Offset) -> Vec<At> {
    let place = |id: LogId| Some((id.index, of(&*cx.backend.log(id)?)));
    entry.log_ids().filter_map(place).collect()
}

/// Refuses offsets that the partitions do not have.
fn within(cx: &Context, entry: &StreamEntry, places: Vec<At>) -> Result<Vec<At>, Problem> {
    for (index, offset) in &places {
        let log = cx.backend.log(LogId { stream: entry.id, index: *index });
        let log = log.ok_or_else(|| Problem::unknown_stream(&entry.name))?;
        if !(log.log_start()..=log.high_watermark()).contains(offset) {
            return Err(ErrorKind::OffsetOutOfRange.into());
        }
    }
    Ok(places)
}

fn commit(group: GroupId, entry: &StreamEntry, places: &[At]) -> Request {
    let offset = |(index, offset): &At| OffsetToCommit {
        log: LogId { stream: entry.id, index: *index },
        offset: *offset,
        leader_epoch: -1,
        metadata: "".into(),
    };
    Request::Group(Box::new(GroupRequest::CommitOffsets(CommitOffsets {
        group,
        member: "".into(),
        instance: None,
        generation: Generation::NONE,
        retention_ms: None,
        offsets: places.iter().map(offset).collect(),
    })))
}

fn answer(reply: Reply, entry: &StreamEntry, places: &[At]) -> Result<Step, Problem> {
    // Who commits from outside is a stranger to a group that has members.
    if let Reply::Refused(ErrorKind::UnknownMember | ErrorKind::RebalanceInProgress) = reply {
        return Err(Problem::new(Code::GroupInUse, Code::GroupInUse.title()));
    }
    let GroupReply::OffsetsCommitted(results) = group_reply(reply)? else {
        return Err(Problem::unexpected());
    };
    if let Some(kind) = results.into_iter().find_map(Result::err) {
        return Err(kind.into());
    }
    let offsets =
        places.iter().map(|(partition, offset)| SoughtOffset { partition: *partition, offset: offset.0 });
    Ok(document(200, &Sought { stream: entry.name.to_string(), offsets: offsets.collect() }))
}
