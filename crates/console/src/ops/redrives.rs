//! `…/dead-letters/{name}/redrives`: dead letters on their way back, or elsewhere.
//!
//! One file because all four operations are about the same thing. A redrive is long work: it goes on by itself, survives a
//! restart, and says how far it is. It takes what is ready when it begins; there is one at a time for a stream.

use super::target::find;
use super::{CURSOR, Endpoint, LIMIT};
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, submit};
use crate::endpoint;
use crate::errors::{Code, Problem};
use crate::page::{Page, Wanted};
use crate::respond::document;
use crate::translate::ShownRedrive;
use millstream_core::lease::{LeaseReply, LeaseRequest, MoveTarget, Redrive, StartRedrive};
use millstream_front::{Action, Resource};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const START: Endpoint = Endpoint {
    name: "start_redrive",
    method: "POST",
    path: "/api/v1/dead-letters/{name}/redrives",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::status::<ShownRedrive>(202)],
    doc: "Begin to move all dead letters that are ready to where they came from, or to the stream `target`; `per_second` at most.",
    ..Endpoint::PLAIN
};

pub(super) const LIST: Endpoint = Endpoint {
    name: "list_redrives",
    method: "GET",
    path: "/api/v1/dead-letters/{name}/redrives",
    query: &[LIMIT, CURSOR],
    answers: &[endpoint::ok::<Page<ShownRedrive>>()],
    doc: "List the newest ten redrives of a stream, the oldest first, with how far each is.",
    ..Endpoint::PLAIN
};

pub(super) const GET: Endpoint = Endpoint {
    name: "get_redrive",
    method: "GET",
    path: "/api/v1/dead-letters/{name}/redrives/{number}",
    answers: &[endpoint::ok::<ShownRedrive>()],
    doc: "Say how far a redrive is.",
    ..Endpoint::PLAIN
};

pub(super) const CANCEL: Endpoint = Endpoint {
    name: "cancel_redrive",
    method: "DELETE",
    path: "/api/v1/dead-letters/{name}/redrives/{number}",
    answers: &[endpoint::ok::<ShownRedrive>()],
    doc: "End a redrive; what it has moved stays moved.",
    ..Endpoint::PLAIN
};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Body {
    target: Option<String>,
    per_second: Option<u32>,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Alter)?;
    if body.per_second == Some(0) {
        return Err(Problem::field("per_second", "must be at least 1"));
    }
    let target = target(cx, &queue, body.target.as_deref())?;
    let start = StartRedrive { group: queue.group, target, per_second: body.per_second };
    Ok(submit(queue.ask(LeaseRequest::StartRedrive(start)), |cx, reply| match lease_reply(reply)? {
        LeaseReply::Redrive { redrive, is_new: true } => Ok(document(202, &ShownRedrive::new(cx, &redrive))),
        LeaseReply::Redrive { redrive, is_new: false } => {
            let detail = format!("Redrive {} of this stream is under way.", redrive.number);
            Err(Problem::new(Code::AlreadyUnderWay, detail))
        }
        _ => Err(Problem::unexpected()),
    }))
}

/// Where records of a queue are to go: to the stream of this name, or each to the one that it came from.
pub(super) fn target(cx: &Context, queue: &Queue, name: Option<&str>) -> Result<MoveTarget, Problem> {
    match name {
        None => Ok(MoveTarget::Source),
        Some(name) if *name == *queue.entry.name => Err(Problem::field("target", "is the stream itself")),
        Some(name) => {
            cx.allow(Action::Write, Resource::Stream(name))?;
            Ok(MoveTarget::Stream(find(cx, name)?.id))
        }
    }
}

pub(super) fn list(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Describe)?;
    let Wanted { after, limit } = Wanted::of(&call.query)?;
    let after: Option<u64> = match after.map(|after| after.parse()) {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => return Err(Problem::parameter("cursor", "is none that was given out here")),
    };
    Ok(redrives(&queue, move |cx, redrives| {
        let mut rest = redrives.iter().filter(|redrive| after.is_none_or(|after| redrive.number > after));
        let page: Vec<&Redrive> = rest.by_ref().take(limit).collect();
        let last = page.last().filter(|_| rest.next().is_some()).map(|last| last.number.to_string());
        let items = page.into_iter().map(|redrive| ShownRedrive::new(cx, redrive)).collect();
        Ok(document(200, &Page::new(items, last.as_deref())))
    }))
}

pub(super) fn get(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Describe)?;
    let number = number(call)?;
    Ok(redrives(&queue, move |cx, redrives| {
        let redrive =
            redrives.iter().find(|redrive| redrive.number == number).ok_or_else(|| missing(number))?;
        Ok(document(200, &ShownRedrive::new(cx, redrive)))
    }))
}

pub(super) fn cancel(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Alter)?;
    let number = number(call)?;
    let cancel = queue.ask(LeaseRequest::CancelRedrive { group: queue.group, number });
    Ok(submit(cancel, move |cx, reply| {
        let LeaseReply::Redrives(redrives) = lease_reply(reply)? else { return Err(Problem::unexpected()) };
        let redrive =
            redrives.iter().find(|redrive| redrive.number == number).ok_or_else(|| missing(number))?;
        Ok(document(200, &ShownRedrive::new(cx, redrive)))
    }))
}

/// Asks for the redrives of a stream.
fn redrives(
    queue: &Queue,
    then: impl FnOnce(&mut Context, Vec<Redrive>) -> Result<Step, Problem> + Send + 'static,
) -> Step {
    submit(queue.ask(LeaseRequest::Redrives { group: queue.group }), |cx, reply| match lease_reply(reply)? {
        LeaseReply::Redrives(redrives) => then(cx, redrives),
        _ => Err(Problem::unexpected()),
    })
}

/// The number in the address.
fn number(call: &Call<'_>) -> Result<u64, Problem> {
    let text = &call.path[1];
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| Problem::new(Code::UnknownResource, format!("{text:?} is no redrive's number.")))
}

fn missing(number: u64) -> Problem {
    let detail = format!("There is no redrive {number} of this stream; the newest ten are remembered.");
    Problem::new(Code::UnknownResource, detail)
}
