//! ReceiveMessage: up to ten messages, hidden from others for a while; waits up to 20 seconds for the first.
//!
//! The core hands out leases; the records are read here from the log's read view, and only then is it known what they
//! hold. What turns out not to be there (a control record, a record that compaction took) is settled, what cannot be
//! answered with now is given back undelivered, and if nothing is left the wait goes on.
//!
//! A wait time in the request takes the place of the queue's, 0 as well. Waiting ends with the client: its connection
//! gone, the wait is called off, and what was acquired for it already goes back undelivered.
//!
//! On a FIFO queue a group with a message out is held back; one receive may take several messages of a group, in order.
//!
//! With 120,000 messages out a receive that does not wait is refused; one that waits, and any of a FIFO queue, gets nothing.
//!
//! A receive from a FIFO queue that names the same attempt as one before gets the same messages under the same handles, as
//! long as all of them are out and nothing was done to any of them. After a restart every attempt is a new one.

mod fetch;
mod show;

use super::queues::{Queue, lease_reply, submit};
use super::settling::visibility;
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::{IN_FLIGHT_MAX, LISTED_NAMES_MAX, RECEIVED_MAX, WAIT_SECONDS_MAX};
use crate::sqs::message::NameFilter;
use crate::sqs::ops::operation;
use crate::sqs::outgoing::group_id;
use crate::step::{Context, Step, respond};
use crate::value::{Int, List, Text};
use fetch::Fetch;
use millstream_core::Request;
use millstream_core::lease::{Acquire, Binding, HolderId, LeaseReply, LeaseRequest, Settle};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant};
use millstream_types::key::dedup_id;
use millstream_types::{EngineTime, LogId};
use serde::Deserialize;
use show::{Received, SystemFilter};

pub(crate) const OPERATION: Operation = operation(
    "ReceiveMessage",
    "An attempt can be repeated as long as its messages are out, and not over a restart. A reply holds at most 10 MiB of \
     messages, and always one.",
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "AttributeNames", alias = "AttributeName")]
    old_system_names: List<Text<'a>, LISTED_NAMES_MAX>,
    #[serde(borrow, rename = "MessageSystemAttributeNames", alias = "MessageSystemAttributeName")]
    system_names: List<Text<'a>, LISTED_NAMES_MAX>,
    #[serde(borrow, rename = "MessageAttributeNames", alias = "MessageAttributeName")]
    names: List<Text<'a>, LISTED_NAMES_MAX>,
    #[serde(rename = "MaxNumberOfMessages")]
    max: Option<Int>,
    #[serde(rename = "VisibilityTimeout")]
    visibility: Option<Int>,
    #[serde(rename = "WaitTimeSeconds")]
    wait: Option<Int>,
    #[serde(borrow, rename = "ReceiveRequestAttemptId")]
    attempt: Option<Text<'a>>,
}

/// A receive under way.
struct Receive {
    queue: Queue,
    grant: Grant,
    max: u32,
    /// Which attempt it is, if it can be repeated.
    attempt: Option<u128>,
    timeout_ms: u64,
    /// When there is no more waiting.
    until: EngineTime,
    filter: NameFilter,
    system: SystemFilter,
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let grant = queue.allow(cx, Action::Read)?;
    let settings = queue.settings();
    let max = input.max.map_or(1, |Int(max)| max);
    let count = u32::try_from(max).ok().filter(|_| (1..=RECEIVED_MAX).contains(&max));
    let count = count.ok_or_else(|| {
        SqsError::invalid(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
    })?;
    let wait = input.wait.map_or(settings.wait_seconds, |Int(wait)| wait);
    if !(0..=WAIT_SECONDS_MAX).contains(&wait) {
        return Err(SqsError::invalid(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."));
    }
    let seconds = visibility(input.visibility)?.unwrap_or(settings.visibility_seconds);
    let attempt = group_id(input.attempt, "ReceiveRequestAttemptId")?;
    if attempt.is_some() && !settings.fifo {
        let sentence =
            "The request include parameter ReceiveRequestAttemptId which is not valid for this queue type";
        return Err(SqsError::InvalidParameterValue(sentence.to_owned()));
    }
    let receive = Receive {
        queue,
        grant,
        max: count,
        attempt: attempt.map(|attempt| dedup_id(None, attempt.as_bytes())),
        timeout_ms: seconds.unsigned_abs() * 1000,
        until: cx.now.after_ms(wait.unsigned_abs() * 1000),
        filter: NameFilter::new(input.names.items),
        system: SystemFilter::new(input.old_system_names.items.iter().chain(&input.system_names.items)),
    };
    Ok(acquire(cx, receive))
}

/// Asks for leases, or waits for them.
fn acquire(cx: &mut Context, receive: Receive) -> Step {
    let wait_ms = receive.until.since_ms(cx.now);
    let group = receive.queue.group();
    // Nobody is asked for twice by the same number: it only has to find this wait again.
    let holder = HolderId((cx.backend.random() >> 64) as u64 | 1);
    let acquire = LeaseRequest::Acquire(Acquire {
        group,
        holder,
        binding: Binding::Timed { timeout_ms: Some(receive.timeout_ms) },
        records_max: receive.max,
        wait_ms,
        priority: 0,
        leased_max: Some(IN_FLIGHT_MAX),
        attempt: receive.attempt,
    });
    let cancel = LeaseRequest::CancelAcquire { group, holder };
    cx.on_abandon = (wait_ms > 0).then(|| receive.grant.allow(Request::Lease(Box::new(cancel))));
    let request = receive.grant.allow(Request::Lease(Box::new(acquire)));
    submit(request, move |cx, reply| {
        cx.on_abandon = None;
        let acquired = match lease_reply(reply) {
            Ok(LeaseReply::Acquired(acquired)) => acquired,
            Ok(_) => return Err(SqsError::Internal),
            // Amazon refuses receives only of standard queues.
            Err(SqsError::OverLimit(_)) if receive.queue.at.is_fifo() => {
                return Ok(respond(Received::default()));
            }
            Err(error) => return Err(error),
        };
        if acquired.records.is_empty() {
            return Ok(respond(Received::default()));
        }
        let mut fetch = Fetch::new(acquired);
        if cx.abandoned {
            fetch.give_all_back();
        }
        Ok(read(cx, receive, fetch))
    })
}

/// Reads what has not been found yet.
fn read(cx: &Context, receive: Receive, mut fetch: Fetch) -> Step {
    let reads = fetch.reads(receive.queue.entry.id, |log| record_bytes(cx, log));
    if reads.is_empty() {
        return settle(cx, receive, fetch);
    }
    let permitted = reads.iter().map(|read| receive.grant.allow(*read)).collect();
    Step::Read(
        permitted,
        Box::new(move |cx, results| {
            if cx.abandoned {
                fetch.give_all_back();
            }
            for (read, result) in reads.into_iter().zip(results) {
                fetch.take(read, result, &receive.filter, &cx.shared.opened);
            }
            read(cx, receive, fetch)
        }),
    )
}

/// How long a log's records are on average.
fn record_bytes(cx: &Context, log: LogId) -> u64 {
    cx.backend.log(log).map_or(0, |log| {
        let records = log.high_watermark().0.saturating_sub(log.log_start().0);
        log.bytes() / records.max(1)
    })
}

/// Settles what is not there, gives back what is not answered with, and answers.
fn settle(cx: &Context, receive: Receive, fetch: Fetch) -> Step {
    let leases = fetch.unanswered();
    if leases.is_empty() {
        return answer(cx, &receive, fetch);
    }
    let settle = LeaseRequest::Settle(Settle { group: receive.queue.group(), leases });
    let request = receive.grant.allow(Request::Lease(Box::new(settle)));
    submit(request, move |cx, reply| {
        let settled = lease_reply(reply);
        if fetch.is_empty() && !cx.abandoned {
            // There were only holes: what comes after them may be there by now.
            settled?;
            if fetch.is_whole() {
                return Ok(acquire(cx, receive));
            }
        }
        // Whatever could not be given back comes back by itself in time; the client gets what was found.
        Ok(answer(cx, &receive, fetch))
    })
}

fn answer(cx: &Context, receive: &Receive, fetch: Fetch) -> Step {
    match fetch.into_found() {
        Ok(found) => respond(Received::new(cx, found, &receive.queue, &receive.system)),
        Err(error) => Step::Respond(error.into()),
    }
}
