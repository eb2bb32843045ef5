//! GetQueueUrl: the address of a queue by its name, of one's own account or another.

use super::create_queue::QueueUrl;
use super::queues::Queue;
use crate::sqs::call::{Call, required_text};
use crate::sqs::errors::SqsError;
use crate::sqs::ops::operation;
use crate::sqs::queue::QueueRef;
use crate::step::{Context, Step, respond};
use crate::value::Text;
use millstream_front::Action;
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const OPERATION: Operation =
    operation("GetQueueUrl", "The address begins with the host that the client itself used.");

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow, rename = "QueueName")]
    name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

pub(crate) fn start(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: Input<'_> = call.read()?;
    let name = required_text(input.name, "QueueName")?;
    let mut scope = cx.caller.clone();
    if let Some(owner) = input.owner.filter(|owner| !owner.is_empty()) {
        scope.account = owner.into_string().into();
    }
    let queue = Queue::at(cx, QueueRef { scope, name: name.into_string() })?;
    queue.allow(cx, Action::Describe)?;
    Ok(respond(QueueUrl { url: queue.at.url(&call.origin(cx)) }))
}
