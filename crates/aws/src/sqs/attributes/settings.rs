//! What a queue is set to.
//!
//! Apart because requests are checked against it, and because it is what the stream's configuration is translated from and
//! to.

use super::names::AttributeName;
use super::parse::{boolean, invalid, number, word};
use super::redrive::{RedriveAllow, RedrivePolicy};
use crate::sqs::errors::SqsError;
use crate::sqs::limits::{
    DELAY_SECONDS_MAX, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX_MIN, POLICY_BYTES_MAX, RETENTION_SECONDS_MAX,
    RETENTION_SECONDS_MIN, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX,
};
use AttributeName as A;

/// Within what two messages with the same deduplication id are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeduplicationScope {
    Queue,
    MessageGroup,
}

/// What a FIFO queue's throughput is counted by; stored and shown, there is no such limit here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThroughputLimit {
    PerQueue,
    PerMessageGroupId,
}

const SCOPES: [(&str, DeduplicationScope); 2] =
    [("queue", DeduplicationScope::Queue), ("messageGroup", DeduplicationScope::MessageGroup)];
const THROUGHPUTS: [(&str, ThroughputLimit); 2] =
    [("perQueue", ThroughputLimit::PerQueue), ("perMessageGroupId", ThroughputLimit::PerMessageGroupId)];
/// What the reuse period of a data key is when nobody set it.
const KEY_REUSE_SECONDS: i64 = 300;

/// What a queue is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueSettings {
    pub(crate) fifo: bool,
    pub(crate) delay_seconds: i64,
    pub(crate) message_bytes_max: u64,
    pub(crate) retention_seconds: i64,
    pub(crate) wait_seconds: i64,
    pub(crate) visibility_seconds: i64,
    /// The access policy as it was sent; stored and shown.
    pub(crate) policy: Option<String>,
    pub(crate) redrive: Option<RedrivePolicy>,
    pub(crate) redrive_allow: Option<RedriveAllow>,
    pub(crate) content_based_deduplication: bool,
    pub(crate) deduplication_scope: DeduplicationScope,
    pub(crate) throughput_limit: ThroughputLimit,
    /// Encryption at rest is stored and shown.
    pub(crate) sse_managed: bool,
    pub(crate) kms_key: Option<String>,
    pub(crate) key_reuse_seconds: i64,
}

impl QueueSettings {
    /// What a queue is set to when nobody sets anything.
    pub(crate) fn new(fifo: bool) -> QueueSettings {
        QueueSettings {
            fifo,
            delay_seconds: 0,
            message_bytes_max: MESSAGE_BYTES_MAX,
            retention_seconds: 345_600,
            wait_seconds: 0,
            visibility_seconds: 30,
            policy: None,
            redrive: None,
            redrive_allow: None,
            content_based_deduplication: false,
            deduplication_scope: DeduplicationScope::Queue,
            throughput_limit: ThroughputLimit::PerQueue,
            sse_managed: true,
            kms_key: None,
            key_reuse_seconds: KEY_REUSE_SECONDS,
        }
    }

    /// Sets attributes, all or none.
    ///
    /// # Errors
    /// For the first that cannot be set, or when they do not fit together.
    pub(crate) fn set_all(&mut self, attributes: &[(&str, &str)]) -> Result<(), SqsError> {
        let mut changed = self.clone();
        for (name, value) in attributes {
            changed.set(AttributeName::to_set(name, self.fifo)?, value)?;
        }
        let sse = |name: &str| attributes.iter().any(|(known, value)| *known == name && !value.is_empty());
        if sse(A::KmsMasterKeyId.name()) {
            if changed.sse_managed && sse(A::SqsManagedSseEnabled.name()) {
                return Err(SqsError::InvalidAttributeName(
                    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE \
                     or SQS SSE."
                        .to_owned(),
                ));
            }
            changed.sse_managed = false;
        }
        if changed.throughput_limit == ThroughputLimit::PerMessageGroupId
            && changed.deduplication_scope != DeduplicationScope::MessageGroup
        {
            return Err(SqsError::InvalidAttributeValue(
                "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
                    .to_owned(),
            ));
        }
        *self = changed;
        Ok(())
    }

    fn set(&mut self, attribute: AttributeName, text: &str) -> Result<(), SqsError> {
        let name = attribute.name();
        match attribute {
            A::DelaySeconds => self.delay_seconds = number(name, text, 0..=DELAY_SECONDS_MAX)?,
            A::MaximumMessageSize => {
                let range = MESSAGE_BYTES_MAX_MIN as i64..=MESSAGE_BYTES_MAX as i64;
                self.message_bytes_max = number(name, text, range)?.unsigned_abs();
            }
            A::MessageRetentionPeriod => {
                self.retention_seconds = number(name, text, RETENTION_SECONDS_MIN..=RETENTION_SECONDS_MAX)?;
            }
            A::ReceiveMessageWaitTimeSeconds => {
                self.wait_seconds = number(name, text, 0..=WAIT_SECONDS_MAX)?;
            }
            A::VisibilityTimeout => {
                self.visibility_seconds = number(name, text, 0..=VISIBILITY_SECONDS_MAX)?;
            }
            A::Policy => self.policy = policy(text)?,
            A::RedrivePolicy => {
                self.redrive = if text.is_empty() { None } else { Some(RedrivePolicy::parse(text)?) };
            }
            A::RedriveAllowPolicy => {
                self.redrive_allow = if text.is_empty() { None } else { Some(RedriveAllow::parse(text)?) };
            }
            A::FifoQueue => {
                if boolean(name, text)? != self.fifo {
                    return Err(SqsError::InvalidAttributeValue(
                        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
                            .to_owned(),
                    ));
                }
            }
            A::ContentBasedDeduplication => self.content_based_deduplication = boolean(name, text)?,
            A::DeduplicationScope => self.deduplication_scope = word(name, text, &SCOPES)?,
            A::FifoThroughputLimit => self.throughput_limit = word(name, text, &THROUGHPUTS)?,
            A::SqsManagedSseEnabled => {
                self.sse_managed = boolean(name, text)?;
                if self.sse_managed {
                    self.kms_key = None;
                }
            }
            A::KmsMasterKeyId => {
                if text.len() > 2048 {
                    return Err(invalid(name));
                }
                self.kms_key = (!text.is_empty()).then(|| text.to_owned());
            }
            A::KmsDataKeyReusePeriodSeconds => self.key_reuse_seconds = number(name, text, 60..=86_400)?,
            A::ApproximateNumberOfMessages
            | A::ApproximateNumberOfMessagesDelayed
            | A::ApproximateNumberOfMessagesNotVisible
            | A::CreatedTimestamp
            | A::LastModifiedTimestamp
            | A::QueueArn => {
                return Err(SqsError::InvalidAttributeName(format!("Unknown Attribute {name}.")));
            }
        }
        Ok(())
    }

    /// Sets an attribute to what was stored for it.
    pub(crate) fn restore(&mut self, attribute: AttributeName, text: String) {
        match attribute {
            // It was checked when it was stored; requests should not pay for that again.
            A::Policy => self.policy = Some(text),
            // Only checked values are stored; one that this version does not understand is as if never set.
            attribute => self.set(attribute, &text).unwrap_or_default(),
        }
    }

    /// An attribute's value as it is shown; `None` when the queue has none, or it is not a setting.
    pub(crate) fn get(&self, attribute: AttributeName) -> Option<String> {
        fn spelled<T: PartialEq + Copy>(words: &[(&str, T)], value: T) -> String {
            let word = words.iter().find(|(_, meaning)| *meaning == value);
            word.expect("every value has a word").0.to_owned()
        }
        let of_fifo = |value: String| self.fifo.then_some(value);
        match attribute {
            A::DelaySeconds => Some(self.delay_seconds.to_string()),
            A::MaximumMessageSize => Some(self.message_bytes_max.to_string()),
            A::MessageRetentionPeriod => Some(self.retention_seconds.to_string()),
            A::ReceiveMessageWaitTimeSeconds => Some(self.wait_seconds.to_string()),
            A::VisibilityTimeout => Some(self.visibility_seconds.to_string()),
            A::Policy => self.policy.clone(),
            A::RedrivePolicy => self.redrive.as_ref().map(|policy| policy.text.clone()),
            A::RedriveAllowPolicy => self.redrive_allow.as_ref().map(|policy| policy.text.clone()),
            A::FifoQueue => of_fifo("true".to_owned()),
            A::ContentBasedDeduplication => of_fifo(self.content_based_deduplication.to_string()),
            A::DeduplicationScope => of_fifo(spelled(&SCOPES, self.deduplication_scope)),
            A::FifoThroughputLimit => of_fifo(spelled(&THROUGHPUTS, self.throughput_limit)),
            A::SqsManagedSseEnabled => Some(self.sse_managed.to_string()),
            A::KmsMasterKeyId => self.kms_key.clone(),
            A::KmsDataKeyReusePeriodSeconds => {
                let shown = self.kms_key.is_some() || self.key_reuse_seconds != KEY_REUSE_SECONDS;
                shown.then(|| self.key_reuse_seconds.to_string())
            }
            A::ApproximateNumberOfMessages
            | A::ApproximateNumberOfMessagesDelayed
            | A::ApproximateNumberOfMessagesNotVisible
            | A::CreatedTimestamp
            | A::LastModifiedTimestamp
            | A::QueueArn => None,
        }
    }

    /// The first of some attributes that is set to something else here than there, as CreateQueue compares them.
    pub(crate) fn first_difference(&self, other: &QueueSettings, names: &[&str]) -> Option<String> {
        let rows = AttributeName::ALL.iter().filter(|(_, name, _)| names.contains(name));
        let mut different = rows.filter(|(attribute, ..)| self.get(*attribute) != other.get(*attribute));
        different.next().map(|(_, name, _)| (*name).to_owned())
    }
}

/// An access policy: a JSON object, or nothing.
fn policy(text: &str) -> Result<Option<String>, SqsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_map = matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_)));
    if !is_map || text.len() > POLICY_BYTES_MAX {
        return Err(invalid(A::Policy.name()));
    }
    Ok(Some(text.to_owned()))
}
