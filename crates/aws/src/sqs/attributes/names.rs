//! The attributes' names, and who may set which.
//!
//! Apart because it is the table; everything else is about values.

use crate::sqs::errors::SqsError;
use crate::value::Text;

/// An attribute of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AttributeName {
    ApproximateNumberOfMessages,
    ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
    ContentBasedDeduplication,
    CreatedTimestamp,
    DeduplicationScope,
    DelaySeconds,
    FifoQueue,
    FifoThroughputLimit,
    KmsDataKeyReusePeriodSeconds,
    KmsMasterKeyId,
    LastModifiedTimestamp,
    MaximumMessageSize,
    MessageRetentionPeriod,
    Policy,
    QueueArn,
    ReceiveMessageWaitTimeSeconds,
    RedriveAllowPolicy,
    RedrivePolicy,
    SqsManagedSseEnabled,
    VisibilityTimeout,
}

use AttributeName as A;

/// Who sets an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setter {
    /// Whoever owns the queue.
    Owner,
    /// The same, on FIFO queues only.
    FifoOwner,
    /// Nobody: it is counted or derived.
    Nobody,
}

impl AttributeName {
    /// All of them, in the order of their names, which is the order in which they are shown.
    pub(crate) const ALL: [(AttributeName, &'static str, Setter); 21] = [
        (A::ApproximateNumberOfMessages, "ApproximateNumberOfMessages", Setter::Nobody),
        (A::ApproximateNumberOfMessagesDelayed, "ApproximateNumberOfMessagesDelayed", Setter::Nobody),
        (A::ApproximateNumberOfMessagesNotVisible, "ApproximateNumberOfMessagesNotVisible", Setter::Nobody),
        (A::ContentBasedDeduplication, "ContentBasedDeduplication", Setter::FifoOwner),
        (A::CreatedTimestamp, "CreatedTimestamp", Setter::Nobody),
        (A::DeduplicationScope, "DeduplicationScope", Setter::FifoOwner),
        (A::DelaySeconds, "DelaySeconds", Setter::Owner),
        (A::FifoQueue, "FifoQueue", Setter::FifoOwner),
        (A::FifoThroughputLimit, "FifoThroughputLimit", Setter::FifoOwner),
        (A::KmsDataKeyReusePeriodSeconds, "KmsDataKeyReusePeriodSeconds", Setter::Owner),
        (A::KmsMasterKeyId, "KmsMasterKeyId", Setter::Owner),
        (A::LastModifiedTimestamp, "LastModifiedTimestamp", Setter::Nobody),
        (A::MaximumMessageSize, "MaximumMessageSize", Setter::Owner),
        (A::MessageRetentionPeriod, "MessageRetentionPeriod", Setter::Owner),
        (A::Policy, "Policy", Setter::Owner),
        (A::QueueArn, "QueueArn", Setter::Nobody),
        (A::ReceiveMessageWaitTimeSeconds, "ReceiveMessageWaitTimeSeconds", Setter::Owner),
        (A::RedriveAllowPolicy, "RedriveAllowPolicy", Setter::Owner),
        (A::RedrivePolicy, "RedrivePolicy", Setter::Owner),
        (A::SqsManagedSseEnabled, "SqsManagedSseEnabled", Setter::Owner),
        (A::VisibilityTimeout, "VisibilityTimeout", Setter::Owner),
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        let row = Self::ALL.iter().find(|(known, ..)| *known == self);
        row.expect("every attribute is in the table").1
    }

    fn row(name: &str) -> Option<(AttributeName, Setter)> {
        Self::ALL
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(attribute, _, setter)| (*attribute, *setter))
    }

    /// The attribute that somebody wants to set.
    ///
    /// # Errors
    /// `InvalidAttributeName` when there is none of this name, or nobody may set it on such a queue.
    pub(crate) fn to_set(name: &str, fifo: bool) -> Result<AttributeName, SqsError> {
        match Self::row(name) {
            Some((attribute, Setter::Owner)) => Ok(attribute),
            Some((attribute, Setter::FifoOwner)) if fifo => Ok(attribute),
            Some((A::DeduplicationScope | A::FifoThroughputLimit, _)) => Err(SqsError::InvalidAttributeName(
                format!("You can specify the {name} only when FifoQueue is set to true."),
            )),
            Some(_) | None => Err(unknown(name)),
        }
    }
}

fn unknown(name: &str) -> SqsError {
    SqsError::InvalidAttributeName(format!("Unknown Attribute {name}."))
}

/// Which attributes somebody wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish(Vec<AttributeName>);

impl Wish {
    /// The wish that a list of names states; `All` is every one.
    ///
    /// # Errors
    /// `InvalidAttributeName` for an unknown name.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = Text<'a>>) -> Result<Wish, SqsError> {
        let mut wish = Vec::new();
        for name in names {
            if &*name == "All" {
                return Ok(Wish(AttributeName::ALL.iter().map(|(attribute, ..)| *attribute).collect()));
            }
            let (attribute, _) = AttributeName::row(&name).ok_or_else(|| unknown(&name))?;
            if !wish.contains(&attribute) {
                wish.push(attribute);
            }
        }
        wish.sort_unstable();
        Ok(Wish(wish))
    }

    /// The attributes wanted, in the order of their names.
    pub(crate) fn attributes(&self) -> &[AttributeName] {
        &self.0
    }

    /// Whether any of the three counts is wanted.
    pub(crate) fn wants_counts(&self) -> bool {
        let counts = [
            A::ApproximateNumberOfMessages,
            A::ApproximateNumberOfMessagesDelayed,
            A::ApproximateNumberOfMessagesNotVisible,
        ];
        self.0.iter().any(|attribute| counts.contains(attribute))
    }
}
