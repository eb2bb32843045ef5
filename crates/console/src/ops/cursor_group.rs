//! `/api/v1/groups/{name}`: one cursor group: what it is, where it is, letting it go on from another place, and its end.
//!
//! One file because all four operations are about the same thing. Its offsets can be moved, and it can be deleted, only while it
//! has no members: they would go on from where they are and commit over what was said here.

use super::lag::{Position, ages};
use super::list_groups::{described, measure, positions};
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step, group_reply, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::page::{Page, Wanted};
use crate::respond::{document, nothing};
use crate::scan::{read_place, spell_place};
use crate::translate::{ShownGroup, ShownMember};
use millstream_core::Request;
use millstream_core::cursor::{GroupId, GroupReply, GroupRequest};
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const GET: Endpoint = Endpoint {
    name: "get_cursor_group",
    path: "/api/v1/groups/{name}",
    answers: &[endpoint::ok::<Detail>()],
    doc: "Show a cursor group: its state, its members, how far it is behind.",
    ..Endpoint::PLAIN
};

pub(super) const OFFSETS: Endpoint = Endpoint {
    name: "list_group_offsets",
    path: "/api/v1/groups/{name}/offsets",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<ShownPosition>>()],
    doc: "List where a cursor group is, partition by partition.",
    ..Endpoint::PLAIN
};

pub(super) const DELETE: Endpoint = Endpoint {
    name: "delete_cursor_group",
    method: "DELETE",
    path: "/api/v1/groups/{name}",
    answers: &[endpoint::DONE],
    doc: "Forget a cursor group without members, and its offsets.",
    ..Endpoint::PLAIN
};

/// Positions of a page whose first record is looked at.
const AGES_MAX: usize = 100;

/// A cursor group with its members.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CursorGroupDetail")]
pub(super) struct Detail {
    #[serde(flatten)]
    group: ShownGroup,
    members: Vec<ShownMember>,
}

/// Where a group is in a partition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GroupOffset")]
pub(super) struct ShownPosition {
    stream: String,
    partition: u32,
    start_offset: u64,
    /// The next record that the group reads.
    committed_offset: u64,
    end_offset: u64,
    committed_ms: i64,
    /// What the client noted beside it.
    note: String,
    lag_records: u64,
    /// How old the first record is that the group has not passed; `null`: it cannot be read.
    lag_ms: Option<u64>,
}

/// There is no group of this name.
pub(super) fn unknown(name: &str) -> Problem {
    Problem::new(Code::UnknownGroup, format!("There is no group {name:?}."))
}

pub(super) fn get(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let name = call.name().to_owned();
    let grant = cx.allow(Action::Describe, Resource::Group(&name))?;
    Ok(described(cx, grant, vec![name.as_str().into()], move |cx, grant, groups| {
        let (_, description) = groups.first().ok_or_else(|| unknown(&name))?;
        let members = description.members.iter().map(|member| ShownMember::new(&name, member)).collect();
        Ok(measure(cx, grant, groups, move |_, shown| {
            let group = shown.into_iter().next().ok_or_else(Problem::unexpected)?;
            Ok(document(200, &Detail { group, members }))
        }))
    }))
}

pub(super) fn offsets(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let name = call.name().to_owned();
    let wanted = Wanted::of(&call.query)?;
    let after =
        wanted.after.as_deref().map(read_place).map(|place| {
            place.ok_or_else(|| Problem::parameter("cursor", "is none that was given out here"))
        });
    // The same spelling as that of a place: the number of a position of all, behind a zero.
    let skipped = after.transpose()?.map_or(0, |(_, count)| usize::try_from(count.0).unwrap_or(usize::MAX));
    let grant = cx.allow(Action::Describe, Resource::Group(&name))?;
    let group = GroupId { namespace: cx.namespace, name: name.as_str().into() };
    let fetch = GroupRequest::FetchOffsets { group, logs: None };
    Ok(submit(grant.allow(Request::Group(Box::new(fetch))), move |cx, reply| {
        let all = positions(cx, reply)?;
        let total = all.len();
        let limit = wanted.limit.min(AGES_MAX);
        let page: Vec<Position> = all.into_iter().skip(skipped).take(limit).collect();
        let end = skipped.saturating_add(page.len());
        let next = (end < total).then(|| spell_place((0, millstream_types::Offset(end as u64))));
        let shown = page.clone();
        Ok(ages(grant, &page, move |_, ages| {
            let items = shown.iter().zip(ages).map(|(position, age)| show(position, age)).collect();
            Ok(document(200, &Page::new(items, next.as_deref())))
        }))
    }))
}

fn show(position: &Position, lag_ms: Option<u64>) -> ShownPosition {
    ShownPosition {
        stream: position.entry.name.to_string(),
        partition: position.log.index,
        start_offset: position.start.0,
        committed_offset: position.committed.offset.0,
        end_offset: position.end.0,
        committed_ms: position.committed.committed.0,
        note: position.committed.metadata.to_string(),
        lag_records: position.lag(),
        lag_ms,
    }
}

pub(super) fn delete(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let name = call.name().to_owned();
    let grant = cx.allow(Action::Delete, Resource::Group(&name))?;
    let group = GroupId { namespace: cx.namespace, name: name.as_str().into() };
    let delete = GroupRequest::Delete { groups: vec![group] };
    Ok(submit(grant.request(Request::Group(Box::new(delete))), move |_, reply| {
        let GroupReply::Deleted(results) = group_reply(reply)? else { return Err(Problem::unexpected()) };
        match results.first() {
            Some(Ok(())) => Ok(nothing()),
            Some(Err(millstream_types::ErrorKind::UnknownGroup)) => Err(unknown(&name)),
            Some(Err(kind)) => Err((*kind).into()),
            None => Err(Problem::unexpected()),
        }
    }))
}
