//! StartMessageMoveTask: everything that is visible in a dead-letter queue goes back to where it came from, or to one queue.
//!
//! One task at a time moves the messages of a queue. It goes on after a restart, and goes through the queue once: what
//! comes or becomes visible later stays. A message goes back only to a queue whose dead letters come here, since where it came
//! from is in its headers, which a producer of another protocol could have written.

use super::move_tasks::{Handle, by_arn, routed_to, source};
use super::queues::{Queue, lease_reply, submit};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::MOVED_PER_SECOND_MAX;
use crate::sqs::ops::operation;
use crate::step::{Context, Output, Step, respond};
use crate::value::{Int, Text};
use crate::xml::Xml;
use millstream_core::Request;
use millstream_core::lease::{LeaseReply, LeaseRequest, MoveTarget, StartRedrive};
use millstream_front::registry::Operation;
use millstream_front::{Action, Grant, Resource};
use serde::{Deserialize, Serialize};

pub(crate) const OPERATION: Operation = operation(
    "StartMessageMoveTask",
    "Messages go back to queues that still name this one as their dead-letter queue; others stay. Any queue of the same \
     kind, account and region may be the destination.",
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "SourceArn")]
    source: Option<Text<'a>>,
    #[serde(borrow, rename = "DestinationArn")]
    destination: Option<Text<'a>>,
    #[serde(rename = "MaxNumberOfMessagesPerSecond")]
    per_second: Option<Int>,
}

/// The reply.
#[derive(Serialize)]
struct Started {
    #[serde(rename = "TaskHandle")]
    handle: String,
}

impl Output for Started {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a text")
    }

    fn xml(&self, xml: &mut Xml) {
        xml.element("TaskHandle", &self.handle);
    }
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let per_second = input.per_second.map(rate).transpose()?;
    let queue = source(cx, input.source)?;
    let sources = routed_to(cx, &queue);
    if sources.is_empty() {
        return Err(refused("Source queue must be configured as a Dead Letter Queue."));
    }
    let (target, targets) = match input.destination.filter(|arn| !arn.is_empty()) {
        None => (MoveTarget::Source, sources),
        Some(arn) => {
            let entry = destination(cx, &queue, &arn)?.entry;
            (MoveTarget::Stream(entry.id), vec![entry])
        }
    };
    let mut grants = vec![queue.allow(cx, Action::Read)?];
    for target in targets {
        grants.push(cx.allow(Action::Write, Resource::Stream(&target.name))?);
    }
    let start = StartRedrive { group: queue.group(), target, per_second };
    let request = Request::Lease(Box::new(LeaseRequest::StartRedrive(start)));
    let request = Grant::request_all(grants, request).ok_or(SqsError::AccessDenied)?;
    Ok(submit(request, move |_, reply| match lease_reply(reply)? {
        LeaseReply::Redrive { redrive, is_new: true } => {
            Ok(respond(Started { handle: Handle::of(&queue, &redrive).spell() }))
        }
        LeaseReply::Redrive { is_new: false, .. } => Err(refused(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )),
        _ => Err(SqsError::Internal),
    }))
}

fn refused(sentence: &str) -> SqsError {
    SqsError::InvalidParameterValue(sentence.to_owned())
}

fn rate(Int(per_second): Int) -> Result<u32, SqsError> {
    let rate = u32::try_from(per_second).ok().filter(|_| (1..=MOVED_PER_SECOND_MAX).contains(&per_second));
    rate.ok_or_else(|| {
        let reason = format!("Must be between 1 and {MOVED_PER_SECOND_MAX}, if provided.");
        SqsError::invalid(per_second, "MaxNumberOfMessagesPerSecond", &reason)
    })
}

/// The one queue that everything is to go to.
fn destination(cx: &Context, source: &Queue, arn: &str) -> Result<Queue, SqsError> {
    let queue = by_arn(cx, arn).ok_or(SqsError::ResourceNotFound(
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
    ))?;
    if queue.at.scope != source.at.scope {
        return Err(refused(
            "The source queue and the destination queue must be in the same account and region.",
        ));
    }
    if queue.at.is_fifo() != source.at.is_fifo() {
        return Err(refused("The source queue and the destination queue must be of the same queue type."));
    }
    if queue.entry.id == source.entry.id {
        return Err(refused("The destination queue must be another than the source queue."));
    }
    Ok(queue)
}
