//! Permissions: statements that are added to a queue's access policy under a label, and taken out again.
//!
//! Apart because the policy is JSON of its own kind. It is stored and shown; what a principal may do is the broker's
//! authorizer's to say.

use crate::sqs::errors::SqsError;
use crate::sqs::limits::POLICY_BYTES_MAX;
use serde_json::{Map, Value as Json, json};

/// The version of the policy language that Amazon writes here.
const VERSION: &str = "2008-10-17";
/// What may be allowed to others.
const ACTIONS: [&str; 7] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ReceiveMessage",
    "SendMessage",
];

/// The policy with one more statement.
///
/// # Errors
/// `InvalidParameterValue` when the label is there already or an action may not be allowed, `OverLimit` when the policy
/// gets too long.
pub(crate) fn add_permission(
    policy: Option<&str>,
    queue_arn: &str,
    label: &str,
    accounts: &[&str],
    actions: &[&str],
) -> Result<String, SqsError> {
    if let Some(action) = actions.iter().find(|action| !ACTIONS.contains(action)) {
        return Err(SqsError::invalid(
            format_args!("SQS:{action}"),
            "ActionName",
            "Only the queue owner is allowed to invoke this action.",
        ));
    }
    let mut policy = read(policy, queue_arn);
    let statements = statements(&mut policy);
    if statements.iter().any(|statement| statement["Sid"] == label) {
        return Err(SqsError::invalid(label, "Label", "Already exists."));
    }
    let principals = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = actions.iter().map(|action| format!("SQS:{action}")).collect();
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_many(principals) },
        "Action": one_or_many(actions),
        "Resource": queue_arn,
    }));
    let text = Json::Object(policy).to_string();
    if text.len() > POLICY_BYTES_MAX {
        return Err(SqsError::OverLimit(format!("A policy may have at most {POLICY_BYTES_MAX} bytes.")));
    }
    Ok(text)
}

/// The policy without the statement of a label; `None` when it was the last one.
///
/// # Errors
/// `InvalidParameterValue` when there is no such statement.
pub(crate) fn remove_permission(
    policy: Option<&str>,
    queue_arn: &str,
    label: &str,
) -> Result<Option<String>, SqsError> {
    let mut policy = read(policy, queue_arn);
    let statements = statements(&mut policy);
    let before = statements.len();
    statements.retain(|statement| statement["Sid"] != label);
    if statements.len() == before {
        return Err(SqsError::invalid(label, "Label", "can't find label."));
    }
    let is_empty = statements.is_empty();
    Ok((!is_empty).then(|| Json::Object(policy).to_string()))
}

/// The policy as it is, or an empty one.
fn read(policy: Option<&str>, queue_arn: &str) -> Map<String, Json> {
    match policy.map(serde_json::from_str) {
        Some(Ok(Json::Object(policy))) => policy,
        _ => {
            let mut policy = Map::new();
            policy.insert("Version".to_owned(), VERSION.into());
            policy.insert("Id".to_owned(), format!("{queue_arn}/SQSDefaultPolicy").into());
            policy
        }
    }
}

/// Its statements; a single one may stand for a list of one.
fn statements(policy: &mut Map<String, Json>) -> &mut Vec<Json> {
    let statements = policy.entry("Statement").or_insert_with(|| Json::Array(Vec::new()));
    if !statements.is_array() {
        *statements = Json::Array(vec![statements.take()]);
    }
    statements.as_array_mut().expect("it was made one a line above")
}

/// A list of one is written without the list.
fn one_or_many(mut items: Vec<String>) -> Json {
    if items.len() == 1 { Json::String(items.remove(0)) } else { items.into() }
}
