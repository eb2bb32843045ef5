//! `POST /api/v1/streams/{name}/groups/default/receive`: take records out of a queue for a while.
//!
//! The core hands out leases; the records are read here, and only then is it known what they hold. What turns out not to be
//! there is settled, what cannot be answered with now is given back undelivered, and if nothing is left the wait goes
//! on. Whoever goes away while it waits gets nothing: what was taken for it goes back.

use super::Endpoint;
use crate::call::Call;
use crate::context::{Context, Queue, Step, lease_reply, step, submit};
use crate::endpoint;
use crate::errors::Problem;
use crate::limits::{LEASE_MS_MAX, RECEIVE_RECORDS_MAX, WAIT_MS_MAX};
use crate::lookup::{Fate, Lookup};
use crate::respond::document;
use crate::translate::{ShownRecord, spell_token};
use millstream_core::lease::{
    self, Acquire, Acquired, AcquiredRecord, Binding, HolderId, LeaseRef, LeaseReply, LeaseRequest,
    LeaseToken, Settle,
};
use millstream_front::Action;
use millstream_front::steps::ReadResult;
use millstream_types::EngineTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    name: "receive",
    method: "POST",
    path: "/api/v1/streams/{name}/groups/default/receive",
    body: endpoint::json::<Body>(),
    answers: &[endpoint::ok::<Received>()],
    doc: "Take up to `records_max` (1 to 100; 1) records for `timeout_ms` (the stream's), after waiting `wait_ms` (0) for the \
          first.",
    ..Endpoint::PLAIN
};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Body {
    pub(super) records_max: Option<u32>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) wait_ms: u64,
}

/// A receive under way.
struct Receive {
    queue: Queue,
    records_max: u32,
    timeout_ms: Option<u64>,
    /// When there is no more waiting.
    until: EngineTime,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Received {
    records: Vec<Delivered>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeliveredRecord")]
struct Delivered {
    /// Settles it.
    token: String,
    /// How often it was delivered, this time included.
    delivery_count: u32,
    first_delivered_ms: i64,
    /// When the lease ends.
    deadline_ms: Option<i64>,
    #[serde(flatten)]
    record: ShownRecord,
}

pub(super) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, Problem> {
    let body: Body = call.read()?;
    let queue = cx.queue(call.name(), Action::Read)?;
    receive(cx, queue, &body)
}

/// Takes records, as a request says.
pub(super) fn receive(cx: &mut Context, queue: Queue, body: &Body) -> Result<Step, Problem> {
    let records_max = body.records_max.unwrap_or(1);
    if !(1..=RECEIVE_RECORDS_MAX).contains(&records_max) {
        return Err(Problem::field("records_max", &format!("must be from 1 to {RECEIVE_RECORDS_MAX}")));
    }
    if body.timeout_ms.is_some_and(|timeout| !(1..=LEASE_MS_MAX).contains(&timeout)) {
        return Err(Problem::field("timeout_ms", &format!("must be from 1 to {LEASE_MS_MAX}")));
    }
    if body.wait_ms > WAIT_MS_MAX {
        return Err(Problem::field("wait_ms", &format!("must be at most {WAIT_MS_MAX}")));
    }
    let until = cx.now.after_ms(body.wait_ms);
    Ok(acquire(cx, Receive { queue, records_max, timeout_ms: body.timeout_ms, until }))
}

/// Asks for leases, or waits for them.
fn acquire(cx: &mut Context, receive: Receive) -> Step {
    let group = receive.queue.group;
    let wait_ms = receive.until.since_ms(cx.now);
    // Nobody is asked for twice by the same number: it only has to find this wait again.
    let holder = HolderId((cx.backend.random() >> 64) as u64 | 1);
    let acquire = LeaseRequest::Acquire(Acquire {
        group,
        holder,
        binding: Binding::Timed { timeout_ms: receive.timeout_ms },
        records_max: receive.records_max,
        wait_ms,
        priority: 0,
        leased_max: None,
        attempt: None,
    });
    let cancel = LeaseRequest::CancelAcquire { group, holder };
    cx.on_abandon = (wait_ms > 0).then(|| receive.queue.ask(cancel));
    submit(receive.queue.ask(acquire), move |cx, reply| {
        cx.on_abandon = None;
        let LeaseReply::Acquired(acquired) = lease_reply(reply)? else { return Err(Problem::unexpected()) };
        if acquired.records.is_empty() {
            return Ok(document(200, &Received { records: Vec::new() }));
        }
        let places = acquired.records.iter().map(|record| (record.log, record.offset));
        let lookup = Lookup::new(receive.queue.entry.name.clone(), places, Box::new(|_| true));
        Ok(read(cx, receive, acquired, lookup))
    })
}

/// Reads what has not been found yet.
fn read(cx: &Context, receive: Receive, acquired: Acquired, mut lookup: Lookup) -> Step {
    if cx.abandoned {
        lookup.leave_missing();
    }
    let reads = lookup.reads(receive.queue.entry.id);
    if reads.is_empty() {
        return settle(cx, receive, acquired, lookup);
    }
    let permitted = reads.iter().map(|read| receive.queue.grant.allow(*read)).collect();
    let then = move |cx: &mut Context, results: Vec<ReadResult>| {
        for (read, result) in reads.into_iter().zip(results) {
            lookup.take(read, result);
        }
        read(cx, receive, acquired, lookup)
    };
    Step::Read(permitted, Box::new(then))
}

/// Settles what is not there, gives back what is not answered with, and answers.
fn settle(cx: &Context, receive: Receive, acquired: Acquired, lookup: Lookup) -> Step {
    let (fates, failure) = lookup.into_fates();
    let Acquired { deadline, records, .. } = acquired;
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut only_holes = failure.is_none();
    for (record, fate) in records.into_iter().zip(fates) {
        let AcquiredRecord { log, offset, lease, .. } = record;
        let action = match fate {
            Fate::Found(shown) if !cx.abandoned => {
                only_holes = false;
                found.push((record, *shown));
                continue;
            }
            Fate::Absent => lease::Action::Absent,
            Fate::Found(_) | Fate::Missing | Fate::Unwanted | Fate::Later => {
                only_holes = false;
                lease::Action::Release { delay_ms: 0, delivered: false }
            }
        };
        others.push((LeaseRef { log, offset, lease }, action));
    }
    let answer = move |receive: &Receive| match failure {
        Some(problem) if found.is_empty() => Err(problem),
        _ => Ok(document(200, &delivered(receive, deadline, found))),
    };
    if others.is_empty() {
        return step(answer(&receive));
    }
    let settle = LeaseRequest::Settle(Settle { group: receive.queue.group, leases: others });
    submit(receive.queue.ask(settle), move |cx, reply| {
        if only_holes && !cx.abandoned {
            // What comes after them may be there by now.
            lease_reply(reply)?;
            return Ok(acquire(cx, receive));
        }
        // Whatever could not be given back comes back by itself in time; the client gets what was found.
        answer(&receive)
    })
}

fn delivered(
    receive: &Receive,
    deadline: Option<EngineTime>,
    found: Vec<(AcquiredRecord, ShownRecord)>,
) -> Received {
    let (group, uid) = (receive.queue.group, receive.queue.entry.uid);
    let records = found.into_iter().map(|(acquired, record)| {
        let AcquiredRecord { log, offset, lease, delivery_count, first_acquired } = acquired;
        Delivered {
            token: spell_token(LeaseToken { group, lease: LeaseRef { log, offset, lease } }, uid),
            delivery_count,
            first_delivered_ms: first_acquired.0,
            deadline_ms: deadline.map(|deadline| deadline.0),
            record,
        }
    });
    Received { records: records.collect() }
}
