//! What the operations on groups have in common: asking the shard, for one group or for many.
//!
//! Apart because permission, the size of one request and what a refusal means are the same for each of them.

use crate::codec::Str;
use crate::errors::ErrorCode;
use crate::step::{Context, Step};
use crate::translate::group_error;
use millstream_core::cursor::{GroupId, GroupReply, GroupRequest};
use millstream_core::{Reply, Request};
use millstream_front::{Action, Authorized, Grant, Resource};
use millstream_types::ErrorKind;
use millstream_types::limits::{GROUPS_PER_REQUEST_MAX, OFFSETS_PER_REQUEST_MAX};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The group that the client means.
pub(crate) fn group_id(cx: &Context, name: &str) -> GroupId {
    GroupId { namespace: cx.principal.namespace(), name: Arc::from(name) }
}

/// Asks for permission to do something to a group.
pub(crate) fn allow(cx: &Context, action: Action, group: &str) -> Result<Grant, ErrorCode> {
    cx.allow(action, Resource::Group(group))
}

/// A request about a group as the shard takes it.
pub(crate) fn request(request: GroupRequest) -> Request {
    Request::Group(Box::new(request))
}

/// Asks one thing and goes on with the answer.
pub(crate) fn ask(
    grant: Grant,
    asked: GroupRequest,
    then: impl FnOnce(&mut Context, Result<GroupReply, ErrorKind>) -> Step + Send + 'static,
) -> Step {
    submit(grant.request(request(asked)), then)
}

/// The same for a request that is permitted already.
pub(crate) fn submit(
    request: Authorized<Request>,
    then: impl FnOnce(&mut Context, Result<GroupReply, ErrorKind>) -> Step + Send + 'static,
) -> Step {
    Step::Submit(
        vec![request],
        Box::new(move |cx, mut replies| {
            let reply = replies.pop().expect("one reply per request");
            then(cx, answer(reply))
        }),
    )
}

/// What the shard answered to a request about groups.
pub(crate) fn answer(reply: Reply) -> Result<GroupReply, ErrorKind> {
    match reply {
        Reply::Group(reply) => Ok(*reply),
        Reply::Refused(kind) => Err(kind),
        Reply::Stream(_)
        | Reply::Appended(_)
        | Reply::Trimmed(_)
        | Reply::Producer { .. }
        | Reply::Object { .. }
        | Reply::ObjectsDropped(_)
        | Reply::Lease(_)
        | Reply::Route(_)
        | Reply::Transacted(_)
        | Reply::Namespace { .. } => {
            unreachable!("the shard answers a request about groups with a reply about groups")
        }
    }
}

/// Asks for as much at once as the shard takes in one step, and goes on with the answers: of how many, and what. The grant is
/// one of several that were all given.
pub(crate) fn in_parts<T>(
    grant: &Grant,
    mut rest: Vec<T>,
    asked: impl Fn(Vec<T>) -> GroupRequest,
    then: impl FnOnce(Vec<(usize, Result<GroupReply, ErrorKind>)>) -> Step + Send + 'static,
) -> Step {
    let (mut requests, mut counts) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let later = rest.split_off(rest.len().min(OFFSETS_PER_REQUEST_MAX));
        let part = std::mem::replace(&mut rest, later);
        counts.push(part.len());
        requests.push(grant.allow(request(asked(part))));
    }
    Step::Submit(
        requests,
        Box::new(move |_, replies| then(counts.into_iter().zip(replies.into_iter().map(answer)).collect())),
    )
}

/// One result per group, as the shard gives them.
type Results<T> = Vec<Result<T, ErrorKind>>;

/// Does the same to each of several groups and goes on with one result per name. A name that is repeated is answered
/// once: the answer to one group can be megabytes, and naming it costs a few bytes.
pub(crate) fn each<T: Send + 'static>(
    cx: &Context,
    action: Action,
    names: Vec<Str>,
    asked: fn(Vec<GroupId>) -> GroupRequest,
    results: fn(GroupReply) -> Option<Results<T>>,
    then: impl FnOnce(&mut Context, Vec<(Str, Result<T, ErrorCode>)>) -> Step + Send + 'static,
) -> Step {
    let mut seen = BTreeSet::new();
    // In the order of the request: refused here, or to be asked.
    let mut named: Vec<(Str, Option<ErrorCode>)> = Vec::with_capacity(names.len());
    let mut permitted: Vec<(GroupId, Grant)> = Vec::new();
    for name in names {
        if !seen.insert(name.clone()) {
            continue;
        }
        let refused = match allow(cx, action, &name) {
            Ok(grant) => {
                permitted.push((group_id(cx, &name), grant));
                None
            }
            Err(code) => Some(code),
        };
        named.push((name, refused));
    }
    let (mut requests, mut counts) = (Vec::new(), Vec::new());
    while !permitted.is_empty() {
        let rest = permitted.split_off(permitted.len().min(GROUPS_PER_REQUEST_MAX));
        let (groups, grants): (Vec<_>, Vec<_>) = std::mem::replace(&mut permitted, rest).into_iter().unzip();
        counts.push(groups.len());
        requests.extend(Grant::request_all(grants, request(asked(groups))));
    }
    Step::Submit(
        requests,
        Box::new(move |cx, replies| {
            let answered = counts.into_iter().zip(replies).flat_map(|(count, reply)| match answer(reply) {
                Ok(reply) => results(reply).expect("the shard answers what it was asked"),
                Err(kind) => (0..count).map(|_| Err(kind)).collect(),
            });
            let mut answered = answered.map(|result| result.map_err(group_error));
            let mut next = || answered.next().expect("one result per group");
            let all = named.into_iter().map(|(name, refused)| (name, refused.map_or_else(&mut next, Err)));
            let all: Vec<_> = all.collect();
            then(cx, all)
        }),
    )
}
