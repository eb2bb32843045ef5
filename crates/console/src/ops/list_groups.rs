//! `GET /api/v1/groups`: the cursor groups of a namespace in the order of their names, with how far each is behind.
//!
//! A page holds at most 100 groups, and fewer than asked for if it has to look at very many. Queues are listed with their
//! streams: each stream has one at most.

use super::lag::{Position, ages};
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Step, group_reply, step, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::GROUPS_PAGE_MAX;
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::ShownGroup;
use millstream_core::cursor::{GroupDescription, GroupId, GroupReply, GroupRequest, GroupSummary};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Grant, Resource};
use std::sync::Arc;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "list_groups",
    path: "/api/v1/groups",
    query: &[endpoint::text("prefix", "only groups whose names begin with this"), LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<ShownGroup>>()],
    doc: "List cursor groups with their states and how far each is behind, in records and in time.",
    ..Endpoint::PLAIN
};

/// Groups of a page, and the name behind which the next one goes on.
pub(super) type Names = (Vec<Arc<str>>, Option<Arc<str>>);

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let wanted = Wanted::of(&call.query)?;
    let prefix = call.query.text("prefix").unwrap_or_default().to_owned();
    names(cx, wanted, prefix, |cx, (names, next)| {
        let grant = cx.allow(Action::Describe, Resource::Cluster)?;
        Ok(described(cx, grant, names, move |cx, grant, groups| {
            Ok(measure(cx, grant, groups, move |_, shown| {
                Ok(document(200, &Page::new(shown, next.as_deref())))
            }))
        }))
    })
}

/// Finds the names of a page of groups.
pub(super) fn names(
    cx: &Context,
    wanted: Wanted,
    prefix: String,
    then: impl FnOnce(&mut Context, Names) -> Result<Step, Problem> + Send + 'static,
) -> Result<Step, Problem> {
    let grant = cx.allow(Action::Describe, Resource::Cluster)?;
    let after = wanted.after.map(Arc::<str>::from);
    let list = GroupRequest::List { namespace: cx.namespace, after, states: Vec::new() };
    Ok(submit(grant.request(Request::Group(Box::new(list))), move |cx, reply| {
        let GroupReply::Listed { groups, next } = group_reply(reply)? else {
            return Err(Problem::unexpected());
        };
        let mut found = groups.into_iter().map(|GroupSummary { name, .. }| name);
        let mut named = found.by_ref().filter(|name| name.starts_with(&*prefix));
        let page: Vec<Arc<str>> = named.by_ref().take(wanted.limit.min(GROUPS_PAGE_MAX)).collect();
        let has_more = named.next().is_some();
        let next = if has_more { page.last().cloned() } else { next };
        then(cx, (page, next))
    }))
}

/// Describes groups; those that are gone meanwhile are left out.
pub(super) fn described(
    cx: &Context,
    grant: Grant,
    names: Vec<Arc<str>>,
    then: impl FnOnce(&mut Context, Grant, Vec<(Arc<str>, GroupDescription)>) -> Result<Step, Problem>
    + Send
    + 'static,
) -> Step {
    let namespace = cx.namespace;
    let groups = names.iter().map(|name| GroupId { namespace, name: name.clone() }).collect();
    let describe = grant.allow(Request::Group(Box::new(GroupRequest::Describe { groups })));
    submit(describe, move |cx, reply| {
        let GroupReply::Described(described) = group_reply(reply)? else { return Err(Problem::unexpected()) };
        let known = names.into_iter().zip(described);
        let known = known.filter_map(|(name, described)| Some((name, described.ok()?)));
        let known = known.collect();
        then(cx, grant, known)
    })
}

/// Finds how far groups are behind.
pub(super) fn measure(
    cx: &Context,
    grant: Grant,
    groups: Vec<(Arc<str>, GroupDescription)>,
    then: impl FnOnce(&mut Context, Vec<ShownGroup>) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    let namespace = cx.namespace;
    let fetch = |name: &Arc<str>| {
        let group = GroupId { namespace, name: name.clone() };
        grant.allow(Request::Group(Box::new(GroupRequest::FetchOffsets { group, logs: None })))
    };
    let requests = groups.iter().map(|(name, _)| fetch(name)).collect();
    let mut shown: Vec<ShownGroup> =
        groups.iter().map(|(name, described)| ShownGroup::new(name, described)).collect();
    let then = move |cx: &mut Context, replies: Vec<Reply>| {
        // The partition of each group that is the furthest behind, if any is.
        let mut worst: Vec<(usize, Position)> = Vec::new();
        for (index, reply) in replies.into_iter().enumerate() {
            let positions = match positions(cx, reply) {
                Ok(positions) => positions,
                Err(problem) => return step(Err(problem)),
            };
            shown[index].committed_partitions = positions.len();
            shown[index].lag_records = positions.iter().map(Position::lag).sum();
            let furthest = positions.into_iter().max_by_key(Position::lag);
            worst.extend(furthest.map(|position| (index, position)));
        }
        let (indices, positions): (Vec<usize>, Vec<Position>) = worst.into_iter().unzip();
        ages(grant, &positions, move |cx, ages| {
            for (index, age) in indices.into_iter().zip(ages) {
                shown[index].lag_ms = age;
            }
            then(cx, shown)
        })
    };
    Step::Submit(requests, Box::new(then))
}

/// Where a group is, in the order of streams' ids and partitions.
pub(super) fn positions(cx: &Context, reply: Reply) -> Result<Vec<Position>, Problem> {
    let GroupReply::Offsets(offsets) = group_reply(reply)? else { return Err(Problem::unexpected()) };
    let known = offsets.into_iter().filter_map(|(log, committed)| Position::new(cx, log, committed?));
    Ok(known.collect())
}
