//! CancelMessageMoveTask: a task that runs moves no more messages.
//!
//! What was taken out of the queue already still arrives. Cancelling again what was cancelled succeeds.

use super::move_tasks::{self, Handle};
use super::queues::{lease, submit};
use crate::sqs::call::{Call, required_text};
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::sqs::translate::task_id;
use crate::step::{Context, Output, Step, respond};
use crate::value::Text;
use crate::xml::Xml;
use millstream_core::lease::{LeaseRequest, Redrive, RedriveState};
use millstream_front::Action;
use millstream_front::registry::Operation;
use millstream_types::StreamUid;
use serde::{Deserialize, Serialize};

pub(crate) const OPERATION: Operation =
    operation("CancelMessageMoveTask", "The task is CANCELLED when the reply comes.");

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "TaskHandle")]
    handle: Option<Text<'a>>,
}

/// The reply.
#[derive(Serialize)]
struct Cancelled {
    #[serde(rename = "ApproximateNumberOfMessagesMoved")]
    moved: u64,
}

impl Output for Cancelled {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a number")
    }

    fn xml(&self, xml: &mut Xml) {
        xml.element("ApproximateNumberOfMessagesMoved", &self.moved.to_string());
    }
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let Handle { task, source } = Handle::read(&required_text(input.handle, "TaskHandle")?)?;
    let queue = move_tasks::source(cx, Some(Text::from(&*source)))?;
    let grant = queue.allow(cx, Action::Read)?;
    Ok(submit(move_tasks::list(&queue, &grant), move |_, reply| {
        let redrives = move_tasks::listed(reply)?;
        let number = find(&redrives, queue.entry.uid, &task)?.number;
        let cancel = lease(grant, LeaseRequest::CancelRedrive { group: queue.group(), number });
        Ok(submit(cancel, move |_, reply| {
            let redrives = move_tasks::listed(reply)?;
            let redrive = find(&redrives, queue.entry.uid, &task)?;
            match redrive.state {
                RedriveState::Cancelled => Ok(respond(Cancelled { moved: redrive.moved })),
                RedriveState::Running => Err(SqsError::Internal),
                RedriveState::Completed | RedriveState::Failed => {
                    Err(SqsError::InvalidParameterValue("Only active tasks can be cancelled.".to_owned()))
                }
            }
        }))
    }))
}

fn find<'a>(redrives: &'a [Redrive], uid: StreamUid, task: &str) -> Result<&'a Redrive, SqsError> {
    let found = redrives.iter().find(|redrive| task_id(uid, redrive.number) == task);
    found.ok_or(SqsError::ResourceNotFound("Task does not exist."))
}
