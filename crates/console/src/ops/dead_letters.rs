//! `POST /api/v1/dead-letters/{name}/records/redrive` and `…/discard`: what becomes of chosen dead letters.
//!
//! One file because both name records by their places, as the list shows them, and answer with one result for each: `null` as
//! a code says that it is so. Only what is ready is touched: a record that somebody has out is his to settle.

use super::Endpoint;
use super::redrives::target;
use super::settle::{Settled, settled};
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::SETTLE_MAX;
use crate::scan::At;
use millstream_core::lease::{LeaseReply, LeaseRequest};
use millstream_front::Action;
use millstream_types::Offset;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const REDRIVE: Endpoint = Endpoint {
    name: "redrive_dead_letters",
    method: "POST",
    path: "/api/v1/dead-letters/{name}/records/redrive",
    body: endpoint::json::<RedriveBody>(),
    answers: &[endpoint::ok::<Settled>()],
    doc: "Move the `records` at these places (`partition`, `offset`; at most 1000) to where they came from, or to the stream \
          `target`.",
    ..Endpoint::PLAIN
};

pub(super) const DISCARD: Endpoint = Endpoint {
    name: "discard_dead_letters",
    method: "POST",
    path: "/api/v1/dead-letters/{name}/records/discard",
    body: endpoint::json::<DiscardBody>(),
    answers: &[endpoint::ok::<Settled>()],
    doc: "Be done with the `records` at these places (`partition`, `offset`; at most 1000).",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RedriveBody {
    records: Vec<GivenPlace>,
    #[serde(default)]
    target: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DiscardBody {
    records: Vec<GivenPlace>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GivenPlace {
    partition: u32,
    offset: u64,
}

pub(super) fn redrive(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: RedriveBody = call.read()?;
    let queue = cx.queue(call.name(), Action::Alter)?;
    let target = target(cx, &queue, body.target.as_deref())?;
    let records = places(&body.records)?;
    let request = LeaseRequest::RedriveRecords { group: queue.group, records, target };
    Ok(answer(&queue, request, body.records.len()))
}

pub(super) fn discard(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: DiscardBody = call.read()?;
    let queue = cx.queue(call.name(), Action::Delete)?;
    let records = places(&body.records)?;
    let request = LeaseRequest::SettleRecords { group: queue.group, records };
    Ok(answer(&queue, request, body.records.len()))
}

fn answer(queue: &Queue, request: LeaseRequest, count: usize) -> Step {
    submit(queue.ask(request), move |_, reply| match lease_reply(reply)? {
        LeaseReply::Settled(results) if results.len() == count => Ok(settled(results.into_iter().map(Some))),
        _ => Err(Problem::unexpected()),
    })
}

fn places(given: &[GivenPlace]) -> Result<Vec<At>, Problem> {
    if !(1..=SETTLE_MAX).contains(&given.len()) {
        return Err(Problem::field("records", &format!("must hold 1 to {SETTLE_MAX} places")));
    }
    let place = |given: &GivenPlace| {
        let offset = Some(given.offset).filter(|offset| *offset <= i64::MAX as u64);
        offset.map(|offset| (given.partition, Offset(offset)))
    };
    let places: Option<Vec<At>> = given.iter().map(place).collect();
    places.ok_or_else(|| Problem::field("offset", "is larger than any offset"))
}
