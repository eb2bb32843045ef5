//! `POST /v1/streams/{name}/lease`, `…/ack`, `…/release`, `…/reject` and `…/renew`: work a stream as a queue with nothing but HTTP.
//!
//! One file because all of them are short forms of receiving and settling: what to take stands in the address, so that no body is
//! needed, and what becomes of it is one word for all tokens of a request.

use super::Endpoint;
use super::plain_read::wait_ms;
use super::receive::{self, Received, receive};
use super::settle::{Lease, Settled, Verb, settle};
use crate::call::Call;
use crate::context::{Context, Step};
use crate::endpoint::{self, Answer, Param};
use crate::errors::Problem;
use crate::limits::{LEASE_MS_MAX, RECEIVE_RECORDS_MAX};
use millstream_front::Action;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) const LEASE: Endpoint = Endpoint {
    name: "lease",
    method: "POST",
    path: "/v1/streams/{name}/lease",
    query: &[
        endpoint::number("max", 1, RECEIVE_RECORDS_MAX as u64, "records at most; 1 if not given"),
        endpoint::text(
            "wait",
            "how long to wait for the first record: milliseconds, or like `20s`; a minute at most",
        ),
        endpoint::number(
            "timeout_ms",
            1,
            LEASE_MS_MAX,
            "how long they are leased; the stream's if not given",
        ),
    ],
    answers: &[endpoint::ok::<Received>()],
    doc: "Take records out of a queue for a while; each has a `token`, with which it is settled.",
    ..Endpoint::PLAIN
};

pub(super) const ACK: Endpoint =
    settling("ack", "/v1/streams/{name}/ack", &[], "Be done with records, named by their tokens.");

pub(super) const RELEASE: Endpoint = settling(
    "release",
    "/v1/streams/{name}/release",
    &[endpoint::number("delay_ms", 0, LEASE_MS_MAX, "deliver them only after so long")],
    "Give records back, named by their tokens: they are delivered again.",
);

pub(super) const REJECT: Endpoint = settling(
    "reject",
    "/v1/streams/{name}/reject",
    &[],
    "Refuse records, named by their tokens: they become dead letters.",
);

pub(super) const RENEW: Endpoint = settling(
    "renew",
    "/v1/streams/{name}/renew",
    &[endpoint::number("timeout_ms", 0, LEASE_MS_MAX, "from now on; 30000 if not given")],
    "Keep records for longer, named by their tokens.",
);

/// How long leases are renewed for when nothing is said.
const RENEW_MS: u64 = 30_000;

const SETTLED: &[Answer] = &[endpoint::ok::<Settled>()];

const fn settling(
    name: &'static str,
    path: &'static str,
    query: &'static [Param],
    doc: &'static str,
) -> Endpoint {
    let body = endpoint::json::<Body>();
    Endpoint { name, method: "POST", path, query, body, answers: SETTLED, doc, ..Endpoint::PLAIN }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    /// The tokens of the records, as they were leased.
    tokens: Vec<String>,
}

pub(super) fn lease(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let queue = cx.queue(call.name(), Action::Read)?;
    let max = call.query.number("max", 1..=u64::from(RECEIVE_RECORDS_MAX))?;
    let body = receive::Body {
        records_max: max.map(|max| u32::try_from(max).expect("a small number")),
        timeout_ms: call.query.number("timeout_ms", 1..=LEASE_MS_MAX)?,
        wait_ms: wait_ms(&call.query)?,
    };
    receive(cx, queue, &body)
}

pub(super) fn ack(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    settle_all(cx, call, Verb::Ack, None, None)
}

pub(super) fn release(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let delay_ms = call.query.number("delay_ms", 0..=LEASE_MS_MAX)?;
    settle_all(cx, call, Verb::Release, delay_ms, None)
}

pub(super) fn reject(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    settle_all(cx, call, Verb::Reject, None, None)
}

pub(super) fn renew(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let timeout_ms = call.query.number("timeout_ms", 0..=LEASE_MS_MAX)?;
    settle_all(cx, call, Verb::Renew, None, Some(timeout_ms.unwrap_or(RENEW_MS)))
}

/// Does the same to all records of a request.
fn settle_all(
    cx: &Context,
    call: &Call<'_>,
    action: Verb,
    delay_ms: Option<u64>,
    timeout_ms: Option<u64>,
) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Read)?;
    let lease = |token| Lease { token, action, delay_ms, timeout_ms };
    let leases: Vec<Lease> = body.tokens.into_iter().map(lease).collect();
    settle(&queue, &leases)
}
