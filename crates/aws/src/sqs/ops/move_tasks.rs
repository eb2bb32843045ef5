//! Move tasks: what the three actions about them share, their sources and their handles.
//!
//! Apart because a task is a redrive of a stream's default lease group under another name, and because handles leave the
//! broker and come back. As at Amazon a handle is a task's id and its source's resource name, JSON in base64. The id is
//! derived from the stream and the redrive's number, so that a queue that was deleted and made again has no task of the
//! old one.

use super::queues::{Queue, lease_reply};
use crate::sqs::call::required_text;
use crate::sqs::errors::SqsError;
use crate::sqs::limits::TASK_HANDLE_BYTES_MAX;
use crate::sqs::queue::{QueueRef, is_queue_name};
use crate::sqs::translate::task_id;
use crate::step::Context;
use crate::value::Text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use millstream_core::catalog::StreamEntry;
use millstream_core::lease::{LeaseReply, LeaseRequest, Redrive};
use millstream_core::{Reply, Request};
use millstream_front::dead_letters::Ways;
use millstream_front::{Authorized, Grant};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The queue whose messages a task moves.
pub(super) fn source(cx: &Context, arn: Option<Text<'_>>) -> Result<Queue, SqsError> {
    let arn = required_text(arn, "SourceArn")?;
    by_arn(cx, &arn).ok_or(SqsError::ResourceNotFound(
        "The resource that you specified for the SourceArn parameter doesn't exist.",
    ))
}

/// The queue of a resource name.
pub(super) fn by_arn(cx: &Context, arn: &str) -> Option<Queue> {
    let at = QueueRef::of_arn(arn).filter(|at| is_queue_name(&at.name))?;
    Queue::at(cx, at).ok()
}

/// The streams whose dead letters may come to a queue, whoever works them.
pub(super) fn routed_to(cx: &Context, queue: &Queue) -> Vec<Arc<StreamEntry>> {
    let mut streams = cx.backend.streams(queue.entry.namespace);
    let mut ways = Ways::new(&*cx.backend);
    streams.retain(|entry| ways.lead(entry, &queue.entry));
    streams
}

/// Asks for a queue's newest redrives.
pub(super) fn list(queue: &Queue, grant: &Grant) -> Authorized<Request> {
    grant.allow(Request::Lease(Box::new(LeaseRequest::Redrives { group: queue.group() })))
}

/// The redrives that were asked for, or are left after one was ended.
pub(super) fn listed(reply: Reply) -> Result<Vec<Redrive>, SqsError> {
    match lease_reply(reply)? {
        LeaseReply::Redrives(redrives) => Ok(redrives),
        _ => Err(SqsError::Internal),
    }
}

/// What a task's handle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Handle {
    #[serde(rename = "taskId")]
    pub(super) task: String,
    #[serde(rename = "sourceArn")]
    pub(super) source: String,
}

impl Handle {
    /// The handle of a queue's redrive.
    pub(super) fn of(queue: &Queue, redrive: &Redrive) -> Handle {
        Handle { task: task_id(queue.entry.uid, redrive.number), source: queue.at.arn() }
    }

    pub(super) fn spell(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).expect("two texts"))
    }

    /// Reads a handle.
    pub(super) fn read(text: &str) -> Result<Handle, SqsError> {
        let json = Some(text).filter(|text| text.len() <= TASK_HANDLE_BYTES_MAX);
        let json = json.and_then(|text| BASE64.decode(text).ok());
        let handle = json.and_then(|json| serde_json::from_slice(&json).ok());
        let sentence = "Value for parameter TaskHandle is invalid.";
        handle.ok_or_else(|| SqsError::InvalidParameterValue(sentence.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_comes_back_and_other_text_is_none() {
        let source = format!("arn:aws-us-gov:sqs:{}:123456789012:{}.fifo", "r".repeat(32), "q".repeat(75));
        let handle = Handle { task: task_id(millstream_types::StreamUid(7), u64::MAX), source };
        let text = handle.spell();
        assert!(text.len() <= TASK_HANDLE_BYTES_MAX);
        assert_eq!(Handle::read(&text), Ok(handle));
        let long = BASE64.encode(format!("{{\"taskId\":\"{}\",\"sourceArn\":\"\"}}", "x".repeat(1000)));
        for wrong in ["", "garbage", "e30=", &BASE64.encode("[]"), &BASE64.encode([0xff; 9]), &long] {
            assert!(Handle::read(wrong).is_err(), "{wrong}");
        }
    }
}
