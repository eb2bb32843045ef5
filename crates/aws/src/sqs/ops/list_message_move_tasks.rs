//! ListMessageMoveTasks: the newest tasks of a dead-letter queue, the newest first; the one asked for by default.
//!
//! Counted as moved is what was taken out of the queue; what could not be moved is in it again, and stays counted.

use super::move_tasks::{self, Handle};
use super::queues::{Queue, submit};
use crate::sqs::call::Call;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::LISTED_TASKS_MAX;
use crate::sqs::ops::operation;
use crate::sqs::queue::QueueRef;
use crate::step::{Context, Output, Step, respond};
use crate::value::{Int, Text};
use crate::xml::Xml;
use millstream_core::lease::{MoveTarget, Redrive, RedriveState};
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::{Deserialize, Serialize};

pub(crate) const OPERATION: Operation = operation(
    "ListMessageMoveTasks",
    "A task is never CANCELLING. Its destination is shown as long as it exists. The ten newest tasks are remembered.",
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "SourceArn")]
    source: Option<Text<'a>>,
    #[serde(rename = "MaxResults")]
    max: Option<Int>,
}

/// The reply.
#[derive(Serialize)]
struct Tasks {
    #[serde(rename = "Results")]
    results: Vec<Task>,
}

#[derive(Serialize)]
struct Task {
    /// Only of a task that can be cancelled.
    #[serde(rename = "TaskHandle", skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(rename = "Status")]
    status: &'static str,
    #[serde(rename = "SourceArn")]
    source: String,
    #[serde(rename = "DestinationArn", skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(rename = "MaxNumberOfMessagesPerSecond", skip_serializing_if = "Option::is_none")]
    per_second: Option<u32>,
    #[serde(rename = "ApproximateNumberOfMessagesMoved")]
    moved: u64,
    #[serde(rename = "ApproximateNumberOfMessagesToMove")]
    total: u64,
    #[serde(rename = "FailureReason", skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(rename = "StartedTimestamp")]
    started_ms: i64,
}

impl Output for Tasks {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers")
    }

    fn xml(&self, xml: &mut Xml) {
        for task in &self.results {
            xml.open("ListMessageMoveTasksResultEntry");
            xml.optional("TaskHandle", task.handle.as_deref());
            xml.element("Status", task.status);
            xml.element("SourceArn", &task.source);
            xml.optional("DestinationArn", task.destination.as_deref());
            let per_second = task.per_second.map(|rate| rate.to_string());
            xml.optional("MaxNumberOfMessagesPerSecond", per_second.as_deref());
            xml.element("ApproximateNumberOfMessagesMoved", &task.moved.to_string());
            xml.element("ApproximateNumberOfMessagesToMove", &task.total.to_string());
            xml.optional("FailureReason", task.failure);
            xml.element("StartedTimestamp", &task.started_ms.to_string());
            xml.close("ListMessageMoveTasksResultEntry");
        }
    }
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let max = input.max.map_or(1, |Int(max)| max);
    let count = usize::try_from(max).ok().filter(|_| (1..=LISTED_TASKS_MAX).contains(&max));
    let count = count.ok_or_else(|| {
        let reason = format!("Must be between 1 and {LISTED_TASKS_MAX}, if provided.");
        SqsError::invalid(max, "MaxResults", &reason)
    })?;
    let queue = move_tasks::source(cx, input.source)?;
    let grant = queue.allow(cx, Action::Describe)?;
    Ok(submit(move_tasks::list(&queue, &grant), move |cx, reply| {
        let redrives = move_tasks::listed(reply)?;
        let newest = redrives.iter().rev().take(count);
        Ok(respond(Tasks { results: newest.map(|redrive| task(cx, &queue, redrive)).collect() }))
    }))
}

fn task(cx: &Context, queue: &Queue, redrive: &Redrive) -> Task {
    let (status, failure) = match redrive.state {
        RedriveState::Running => ("RUNNING", None),
        RedriveState::Completed => ("COMPLETED", None),
        RedriveState::Cancelled => ("CANCELLED", None),
        RedriveState::Failed => ("FAILED", Some("AWS.SimpleQueueService.NonExistentQueue")),
    };
    let destination = match redrive.target {
        MoveTarget::Stream(id) => {
            let streams = cx.backend.streams(queue.entry.namespace);
            let entry = streams.into_iter().find(|entry| entry.id == id);
            let scope = queue.at.scope.clone();
            entry.map(|entry| QueueRef { scope, name: entry.name.to_string() }.arn())
        }
        MoveTarget::Source | MoveTarget::DeadLetter => None,
    };
    Task {
        handle: (redrive.state == RedriveState::Running).then(|| Handle::of(queue, redrive).spell()),
        status,
        source: queue.at.arn(),
        destination,
        per_second: redrive.per_second,
        moved: redrive.moved,
        total: redrive.total,
        failure,
        started_ms: redrive.started.0,
    }
}
