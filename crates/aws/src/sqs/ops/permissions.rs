//! AddPermission and RemovePermission: statements of the queue's access policy, by label.
//!
//! One file because they are the two ends of one thing. Policies are stored and shown; who may do what is decided by the
//! broker's own users and rules.

use super::queues::{Queue, stream_reply, submit};
use crate::scope::is_account;
use crate::sqs::attributes::{add_permission, remove_permission};
use crate::sqs::call::{Call, required_text};
use crate::sqs::errors::SqsError;
use crate::sqs::limits::{NAME_CHARS_MAX, PERMISSION_ITEMS_MAX};
use crate::sqs::ops::operation;
use crate::sqs::queue::is_word;
use crate::step::{Context, Nothing, Step, respond};
use crate::value::{List, Text};
use millstream_front::registry::Operation;
use serde::Deserialize;

pub(crate) const ADD: Operation = operation("AddPermission", "Stored and shown, not enforced.");
pub(crate) const REMOVE: Operation = operation("RemovePermission", "Stored and shown, not enforced.");

#[derive(Default, Deserialize)]
#[serde(default)]
struct AddInput<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "Label")]
    label: Option<Text<'a>>,
    #[serde(borrow, rename = "AWSAccountIds", alias = "AWSAccountId")]
    accounts: List<Text<'a>, PERMISSION_ITEMS_MAX>,
    #[serde(borrow, rename = "Actions", alias = "ActionName")]
    actions: List<Text<'a>, PERMISSION_ITEMS_MAX>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RemoveInput<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "Label")]
    label: Option<Text<'a>>,
}

pub(crate) fn add(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: AddInput<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let label = label(input.label)?;
    if input.accounts.sent == 0 {
        return Err(SqsError::MissingParameter("AWSAccountIds"));
    }
    if input.actions.sent == 0 {
        return Err(SqsError::MissingParameter("Actions"));
    }
    if input.accounts.sent.max(input.actions.sent) > PERMISSION_ITEMS_MAX {
        return Err(SqsError::OverLimit(format!(
            "At most {PERMISSION_ITEMS_MAX} accounts and actions can be named at once."
        )));
    }
    let accounts: Vec<&str> = input.accounts.items.iter().map(|account| &**account).collect();
    let actions: Vec<&str> = input.actions.items.iter().map(|action| &**action).collect();
    if accounts.iter().any(|account| !is_account(account)) {
        let shown = accounts.join(", ");
        let reason = "Unable to verify.";
        return Err(SqsError::invalid(format_args!("[{shown}]"), "PrincipalId", reason));
    }
    let policy = queue.settings().policy;
    let policy = add_permission(policy.as_deref(), &queue.at.arn(), &label, &accounts, &actions)?;
    store(cx, &queue, Some(policy))
}

pub(crate) fn remove(cx: &mut Context, call: &Call<'_>) -> Result<Step, SqsError> {
    let input: RemoveInput<'_> = call.read()?;
    let queue = Queue::of(cx, call, input.url.as_ref())?;
    let label = label(input.label)?;
    let policy = queue.settings().policy;
    let policy = remove_permission(policy.as_deref(), &queue.at.arn(), &label)?;
    store(cx, &queue, policy)
}

fn label<'a>(label: Option<Text<'a>>) -> Result<Text<'a>, SqsError> {
    let label = required_text(label, "Label")?;
    if label.len() > NAME_CHARS_MAX || !is_word(&label) {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(SqsError::invalid(label, "Label", reason));
    }
    Ok(label)
}

fn store(cx: &Context, queue: &Queue, policy: Option<String>) -> Result<Step, SqsError> {
    let old = queue.settings();
    let mut new = old.clone();
    new.policy = policy;
    let changes = queue.stored().changes(&old, &new, cx.now);
    Ok(submit(queue.alter(cx, changes)?, |_, reply| {
        stream_reply(reply)?;
        Ok(respond(Nothing))
    }))
}
