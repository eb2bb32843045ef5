//! `POST /api/v1/streams/{name}/groups/default/settle`: say what becomes of records that were received.
//!
//! Each lease has a result of its own, in the order of the request: `null` as a code says that it is so. To settle again
//! what is settled is told, and changes nothing.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::{LEASE_MS_MAX, SETTLE_MAX};
use crate::respond::document;
use crate::translate::read_token;
use millstream_core::lease::{self, LeaseError, LeaseReply, LeaseRequest, Settle};
use millstream_front::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "settle",
    method: "POST",
    path: "/api/v1/streams/{name}/groups/default/settle",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Settled>()],
    doc: "Settle `leases`, at most 1000, each a `token` and an `action`: `ack`, `release` (with `delay_ms`), `reject`, `renew` (with \
          `timeout_ms`).",
    ..Endpoint::PLAIN
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    leases: Vec<Lease>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lease {
    pub(super) token: String,
    pub(super) action: Verb,
    #[serde(default)]
    pub(super) delay_ms: Option<u64>,
    #[serde(default)]
    pub(super) timeout_ms: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verb {
    Ack,
    Release,
    Reject,
    Renew,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Settled {
    results: Vec<Outcome>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SettledRecord")]
struct Outcome {
    code: Option<&'static str>,
    detail: Option<&'static str>,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Read)?;
    settle(&queue, &body.leases)
}

/// Settles leases, as a request says.
pub(super) fn settle(queue: &Queue, given: &[Lease]) -> Result<Step, Problem> {
    if !(1..=SETTLE_MAX).contains(&given.len()) {
        return Err(Problem::field("leases", &format!("must hold 1 to {SETTLE_MAX} leases")));
    }
    let mut leases = Vec::with_capacity(given.len());
    let mut known = Vec::with_capacity(given.len());
    for given in given {
        let action = action(given)?;
        let token = read_token(&given.token, queue.entry.uid).filter(|token| token.group == queue.group);
        known.push(token.is_some());
        leases.extend(token.map(|token| (token.lease, action)));
    }
    if leases.is_empty() {
        return Ok(answer(&known, Vec::new()));
    }
    let count = leases.len();
    let settle = LeaseRequest::Settle(Settle { group: queue.group, leases });
    Ok(submit(queue.ask(settle), move |_, reply| match lease_reply(reply)? {
        LeaseReply::Settled(results) if results.len() == count => Ok(answer(&known, results)),
        _ => Err(Problem::unexpected()),
    }))
}

/// What becomes of a lease, as the core has it.
fn action(given: &Lease) -> Result<lease::Action, Problem> {
    if given.delay_ms.is_some() && given.action != Verb::Release {
        return Err(Problem::field("delay_ms", "is for the action \"release\" alone"));
    }
    if given.timeout_ms.is_some() && given.action != Verb::Renew {
        return Err(Problem::field("timeout_ms", "is for the action \"renew\" alone"));
    }
    let within = |name: &str, ms: u64| match ms {
        ms if ms <= LEASE_MS_MAX => Ok(ms),
        _ => Err(Problem::field(name, &format!("must be at most {LEASE_MS_MAX}"))),
    };
    Ok(match given.action {
        Verb::Ack => lease::Action::Ack { late: true },
        Verb::Release => {
            let delay_ms = within("delay_ms", given.delay_ms.unwrap_or(0))?;
            lease::Action::Release { delay_ms, delivered: true }
        }
        Verb::Reject => lease::Action::Reject,
        Verb::Renew => {
            let timeout = given.timeout_ms.ok_or_else(|| Problem::field("timeout_ms", "is missing"))?;
            lease::Action::Renew { timeout_ms: within("timeout_ms", timeout)? }
        }
    })
}

/// The results, in the order of the request; those of tokens that are none were never asked for.
fn answer(known: &[bool], results: Vec<Result<(), LeaseError>>) -> Step {
    let mut results = results.into_iter();
    settled(known.iter().map(|known| known.then(|| results.next()).flatten()))
}

/// Answers with a result for each; `None` for a token that is none.
pub(super) fn settled(results: impl Iterator<Item = Option<Result<(), LeaseError>>>) -> Step {
    let outcome = |result| {
        let (code, detail) = match result {
            Some(Ok(())) => (None, None),
            Some(Err(LeaseError::NotLeased)) => {
                (Some("not_leased"), Some("The lease has ended; the record is still there."))
            }
            Some(Err(LeaseError::NotReady)) => (
                Some("not_ready"),
                Some("Somebody has the record, or it is put off or on its way elsewhere."),
            ),
            Some(Err(LeaseError::Settled)) => (Some("settled"), Some("The record is settled.")),
            Some(Err(LeaseError::Unknown)) => (Some("unknown_record"), Some("There is no such record.")),
            None => (Some("unknown_token"), Some("The token is none of this stream.")),
        };
        Outcome { code, detail }
    };
    document(200, &Settled { results: results.map(outcome).collect() })
}
