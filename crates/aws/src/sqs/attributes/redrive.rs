//! The redrive policy (where messages go that were received too often) and what a dead-letter queue allows.
//!
//! Apart because both are JSON inside an attribute, with refusals that show the text that was sent.

use crate::sqs::errors::SqsError;
use crate::sqs::limits::{RECEIVE_COUNT_MAX, REDRIVE_SOURCES_MAX};
use crate::sqs::queue::QueueRef;
use serde_json::Value as Json;

/// A queue's redrive policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    /// As it was sent, to be shown again.
    pub(crate) text: String,
    /// The dead-letter queue.
    pub(crate) target: QueueRef,
    /// A message is received so often, then moved.
    pub(crate) receive_count_max: u32,
}

impl RedrivePolicy {
    /// Reads a policy. Whether the target exists is not looked at here.
    ///
    /// # Errors
    /// `InvalidParameterValue` with the reason.
    pub(crate) fn parse(text: &str) -> Result<RedrivePolicy, SqsError> {
        let refuse = |reason: &str| SqsError::invalid(text, "RedrivePolicy", reason);
        let Ok(Json::Object(map)) = serde_json::from_str(text) else {
            return Err(refuse("Redrive policy is not a valid JSON map."));
        };
        let missing =
            |name: &str| refuse(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        let target = map.get("deadLetterTargetArn").ok_or_else(|| missing("deadLetterTargetArn"))?;
        let count = map.get("maxReceiveCount").ok_or_else(|| missing("maxReceiveCount"))?;
        let target = target.as_str().and_then(QueueRef::of_arn);
        let target = target.ok_or_else(|| refuse("Invalid value for deadLetterTargetArn."))?;
        let number = count.as_i64().or_else(|| count.as_str()?.parse().ok());
        let receive_count_max = number
            .filter(|number| (1..=RECEIVE_COUNT_MAX).contains(number))
            .and_then(|number| u32::try_from(number).ok());
        let receive_count_max = receive_count_max.ok_or_else(|| {
            let shown = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            refuse(&format!(
                "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
            ))
        })?;
        Ok(RedrivePolicy { text: text.to_owned(), target, receive_count_max })
    }

    /// A refusal of this policy.
    pub(crate) fn refused(&self, reason: &str) -> SqsError {
        SqsError::invalid(&self.text, "RedrivePolicy", reason)
    }
}

/// Which queues may name a queue as their dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedriveAllow {
    /// As it was sent, to be shown again.
    pub(crate) text: String,
    permission: Permission,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Permission {
    All,
    Nobody,
    /// Those with these resource names.
    Sources(Vec<String>),
}

impl RedriveAllow {
    /// Reads a policy.
    ///
    /// # Errors
    /// `InvalidParameterValue` with the reason.
    pub(crate) fn parse(text: &str) -> Result<RedriveAllow, SqsError> {
        let refuse = |reason: &str| SqsError::invalid(text, "RedriveAllowPolicy", reason);
        let Ok(Json::Object(map)) = serde_json::from_str(text) else {
            return Err(refuse(
                "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.",
            ));
        };
        let sources = map.get("sourceQueueArns");
        let permission = match map.get("redrivePermission").and_then(Json::as_str) {
            Some("allowAll") if sources.is_none() => Permission::All,
            Some("denyAll") if sources.is_none() => Permission::Nobody,
            Some("byQueue") => {
                let sources =
                    sources.and_then(Json::as_array).map(|sources| sources.iter().map(Json::as_str));
                let sources: Option<Vec<&str>> = sources.and_then(Iterator::collect);
                let sources = sources
                    .filter(|sources| (1..=REDRIVE_SOURCES_MAX).contains(&sources.len()))
                    .filter(|sources| sources.iter().all(|source| QueueRef::of_arn(source).is_some()));
                let sources = sources
                    .ok_or_else(|| refuse("sourceQueueArns must name 1 to 10 queues by their ARNs."))?;
                Permission::Sources(sources.into_iter().map(str::to_owned).collect())
            }
            Some("allowAll" | "denyAll") => {
                return Err(refuse("sourceQueueArns can be specified only with redrivePermission byQueue."));
            }
            Some(_) | None => {
                return Err(refuse("redrivePermission must be one of allowAll, denyAll and byQueue."));
            }
        };
        Ok(RedriveAllow { text: text.to_owned(), permission })
    }

    /// Whether a queue may use the one that has this policy.
    pub(crate) fn allows(&self, source_arn: &str) -> bool {
        match &self.permission {
            Permission::All => true,
            Permission::Nobody => false,
            Permission::Sources(sources) => sources.iter().any(|allowed| allowed == source_arn),
        }
    }
}
