//! SQS errors, and the one total match from each to its looks in both protocols.
//!
//! Apart because a new kind of error in the core must stop this front from compiling until it is answered (style rule
//! 20), and because most of the sentences are Amazon's own: clients match on some of them.

use super::limits::{IN_FLIGHT_MAX, REQUEST_BYTES_MAX};
use crate::fault::{Blame, Fault, GENERIC};
use crate::protocol::{Malformed, Protocol};
use crate::sigv4::AuthError;
use millstream_front::http::Refusal;
use millstream_types::ErrorKind;

/// The namespace of SQS types in AWS JSON.
const SQS: &str = "com.amazonaws.sqs";

/// Why an SQS request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqsError {
    /// No such queue.
    QueueDoesNotExist,
    /// There is a queue of this name, and this attribute of it is another.
    QueueNameExists(String),
    /// A queue of this name was deleted within the last minute.
    QueueDeletedRecently,
    /// The queue, named here, was purged within the last minute.
    PurgeQueueInProgress(String),
    /// A limit of the account or the queue: a sentence.
    OverLimit(String),
    /// An attribute that this queue does not have: a sentence.
    InvalidAttributeName(String),
    /// An attribute's value: a sentence.
    InvalidAttributeValue(String),
    /// A body with characters that are not allowed.
    InvalidMessageContents,
    /// A parameter's value: a sentence.
    InvalidParameterValue(String),
    /// This parameter is missing.
    MissingParameter(&'static str),
    /// This id is in the batch twice.
    BatchEntryIdsNotDistinct(String),
    /// A batch of so many bytes.
    BatchRequestTooLong(u64),
    /// A batch of nothing; the name of what it should be of.
    EmptyBatchRequest(&'static str),
    /// An entry's id.
    InvalidBatchEntryId,
    /// A batch of so many entries.
    TooManyEntriesInBatchRequest(usize),
    /// The message is not out.
    MessageNotInflight,
    /// This is no receipt handle of the queue.
    ReceiptHandleIsInvalid(String),
    /// Something named does not exist: a sentence.
    ResourceNotFound(&'static str),
    /// Not for this kind of queue: a sentence.
    UnsupportedOperation(String),
    /// An address that is no queue's.
    InvalidAddress(String),
    /// There is no such action.
    InvalidAction(String),
    /// A request that cannot be read as its action's: a sentence.
    Serialization(String),
    /// A request with a body that no action has.
    RequestTooLong,
    /// The principal may not do this.
    AccessDenied,
    /// Who sent it is not known.
    Auth(AuthError),
    /// Too much at once, or the disk is full: ask again later.
    Throttled,
    /// The broker stops, or its storage is full: a sentence.
    Unavailable(&'static str),
    /// Nothing of this may happen, or its outcome is not known.
    Internal,
}

/// Where the sentence of a refusal is not Amazon's.
const TRY_LATER: &str = "The broker has too much to do; ask again later.";

impl SqsError {
    /// An error about a parameter's value, in the words that all of them share.
    #[must_use]
    pub fn invalid(value: impl core::fmt::Display, parameter: &str, reason: &str) -> SqsError {
        SqsError::InvalidParameterValue(format!(
            "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
        ))
    }

    /// An error about a receipt handle; one that is too long to be any is not repeated whole.
    #[must_use]
    pub fn receipt_handle(handle: &str) -> SqsError {
        SqsError::ReceiptHandleIsInvalid(handle.chars().take(1024).collect())
    }

    /// An error's looks.
    #[must_use]
    pub fn fault(&self, protocol: Protocol) -> Fault {
        let sqs = |status, shape, code, message| sender(status, SQS, shape, code, message);
        let generic = |status, shape, code, message| sender(status, GENERIC, shape, code, message);
        match self {
            SqsError::QueueDoesNotExist => {
                let message = match protocol {
                    Protocol::Json => "The specified queue does not exist.",
                    Protocol::Query => "The specified queue does not exist for this wsdl version.",
                };
                let code = "AWS.SimpleQueueService.NonExistentQueue";
                sqs(400, "QueueDoesNotExist", code, message.to_owned())
            }
            SqsError::QueueNameExists(attribute) => sqs(
                400,
                "QueueNameExists",
                "QueueAlreadyExists",
                format!(
                    "A queue already exists with the same name and a different value for attribute {attribute}"
                ),
            ),
            SqsError::QueueDeletedRecently => sqs(
                400,
                "QueueDeletedRecently",
                "AWS.SimpleQueueService.QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
                    .to_owned(),
            ),
            SqsError::PurgeQueueInProgress(queue) => sqs(
                403,
                "PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
                format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds."),
            ),
            SqsError::OverLimit(sentence) => sqs(403, "OverLimit", "OverLimit", sentence.clone()),
            SqsError::InvalidAttributeName(sentence) => {
                sqs(400, "InvalidAttributeName", "InvalidAttributeName", sentence.clone())
            }
            SqsError::InvalidAttributeValue(sentence) => {
                sqs(400, "InvalidAttributeValue", "InvalidAttributeValue", sentence.clone())
            }
            SqsError::InvalidMessageContents => sqs(
                400,
                "InvalidMessageContents",
                "InvalidMessageContents",
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 \
                 to #xFFFD | #x10000 to #x10FFFF"
                    .to_owned(),
            ),
            SqsError::InvalidParameterValue(sentence) => {
                generic(400, "InvalidParameterValueException", "InvalidParameterValue", sentence.clone())
            }
            SqsError::MissingParameter(name) => generic(
                400,
                "MissingRequiredParameterException",
                "MissingParameter",
                format!("The request must contain the parameter {name}."),
            ),
            SqsError::BatchEntryIdsNotDistinct(id) => sqs(
                400,
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                format!("Id {id} repeated."),
            ),
            SqsError::BatchRequestTooLong(bytes) => sqs(
                400,
                "BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
                format!("Batch requests cannot be longer than 1048576 bytes. You have sent {bytes} bytes."),
            ),
            SqsError::EmptyBatchRequest(entry) => sqs(
                400,
                "EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
                format!("There should be at least one {entry} in the request."),
            ),
            SqsError::InvalidBatchEntryId => sqs(
                400,
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                 most 80 letters long."
                    .to_owned(),
            ),
            SqsError::TooManyEntriesInBatchRequest(entries) => sqs(
                400,
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                format!("Maximum number of entries per request are 10. You have sent {entries}."),
            ),
            SqsError::MessageNotInflight => sqs(
                400,
                "MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
                "The message referred to is not in flight.".to_owned(),
            ),
            SqsError::ReceiptHandleIsInvalid(handle) => sqs(
                404,
                "ReceiptHandleIsInvalid",
                "ReceiptHandleIsInvalid",
                format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
            ),
            SqsError::ResourceNotFound(sentence) => {
                sqs(404, "ResourceNotFoundException", "ResourceNotFoundException", (*sentence).to_owned())
            }
            SqsError::UnsupportedOperation(sentence) => sqs(
                400,
                "UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
                sentence.clone(),
            ),
            SqsError::InvalidAddress(address) => sqs(
                404,
                "InvalidAddress",
                "InvalidAddress",
                format!("The address {address} is not valid for this endpoint."),
            ),
            SqsError::InvalidAction(action) => generic(
                400,
                "UnknownOperationException",
                "InvalidAction",
                format!("The action {action} is not valid for this endpoint."),
            ),
            SqsError::Serialization(sentence) => {
                generic(400, "SerializationException", "MalformedInput", sentence.clone())
            }
            SqsError::RequestTooLong => generic(
                413,
                "RequestEntityTooLargeException",
                "RequestEntityTooLarge",
                format!("The body of a request must be shorter than {REQUEST_BYTES_MAX} bytes."),
            ),
            SqsError::AccessDenied => generic(
                403,
                "AccessDeniedException",
                "AccessDenied",
                "Access to the resource is denied.".to_owned(),
            ),
            SqsError::Auth(error) => Fault::from(*error),
            SqsError::Throttled => {
                Fault { blame: Blame::Receiver, retry_after_seconds: Some(1), ..sqs(503, "RequestThrottled", "RequestThrottled", TRY_LATER.to_owned()) }
            }
            SqsError::Unavailable(sentence) => Fault {
                blame: Blame::Receiver,
                retry_after_seconds: Some(1),
                ..generic(503, "ServiceUnavailableException", "ServiceUnavailable", (*sentence).to_owned())
            },
            SqsError::Internal => Fault {
                blame: Blame::Receiver,
                ..generic(
                    500,
                    "InternalFailureException",
                    "InternalFailure",
                    "The broker's storage failed; whether this took effect is not known.".to_owned(),
                )
            },
        }
    }
}

fn sender(
    status: u16,
    namespace: &'static str,
    shape: &'static str,
    code: &'static str,
    message: String,
) -> Fault {
    Fault { status, namespace, shape, code, message, blame: Blame::Sender, retry_after_seconds: None }
}

impl From<AuthError> for SqsError {
    fn from(error: AuthError) -> SqsError {
        SqsError::Auth(error)
    }
}

impl From<Refusal> for SqsError {
    fn from(refusal: Refusal) -> SqsError {
        match refusal {
            Refusal::TooLong => SqsError::RequestTooLong,
            Refusal::Malformed(sentence) => SqsError::Serialization(sentence.to_owned()),
            Refusal::NoMemory => SqsError::Throttled,
        }
    }
}

impl From<Malformed> for SqsError {
    fn from(Malformed(sentence): Malformed) -> SqsError {
        SqsError::Serialization(sentence)
    }
}

impl From<ErrorKind> for SqsError {
    fn from(kind: ErrorKind) -> SqsError {
        match kind {
            ErrorKind::UnknownStream
            | ErrorKind::UnknownNamespace
            | ErrorKind::UnknownLog
            | ErrorKind::UnknownLeaseGroup => SqsError::QueueDoesNotExist,
            // Whoever created it meanwhile may have meant another queue by the name.
            ErrorKind::StreamExists => SqsError::QueueNameExists("QueueName".to_owned()),
            ErrorKind::InvalidName => SqsError::InvalidParameterValue(QUEUE_NAME_RULE.to_owned()),
            ErrorKind::InvalidConfig => SqsError::InvalidAttributeValue(
                "The attributes do not fit into the queue's configuration.".to_owned(),
            ),
            ErrorKind::RecordTooLarge => SqsError::InvalidParameterValue(
                "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
                    .to_owned(),
            ),
            ErrorKind::Denied => SqsError::AccessDenied,
            ErrorKind::LimitExceeded => {
                SqsError::OverLimit("A limit of the broker would be passed.".to_owned())
            }
            ErrorKind::TooManyLeased => SqsError::OverLimit(format!(
                "Too many messages in flight: at most {IN_FLIGHT_MAX} of a queue are received and not yet deleted."
            )),
            ErrorKind::Overloaded | ErrorKind::StreamFull => SqsError::Throttled,
            ErrorKind::StorageFull => {
                SqsError::Unavailable("The disk is full; messages can be received and deleted.")
            }
            ErrorKind::CorruptStorage => {
                SqsError::Unavailable("Stored data is damaged; the broker's log says which.")
            }
            ErrorKind::ShuttingDown => SqsError::Unavailable("The broker is stopping."),
            // None of these is about queues: an answer that says so is a mistake of the broker.
            ErrorKind::InvalidLogCount
            | ErrorKind::OffsetOutOfRange
            | ErrorKind::CorruptBatch
            | ErrorKind::InvalidRecord
            | ErrorKind::InvalidTimestamp
            | ErrorKind::OutOfOrderSequence
            | ErrorKind::DuplicateSequence
            | ErrorKind::StaleProducerEpoch
            | ErrorKind::UnknownProducer
            | ErrorKind::UnknownGroup
            | ErrorKind::GroupNotEmpty
            | ErrorKind::UnknownMember
            | ErrorKind::MemberIdRequired
            | ErrorKind::FencedInstance
            | ErrorKind::StaleGeneration
            | ErrorKind::RebalanceInProgress
            | ErrorKind::InconsistentProtocol
            | ErrorKind::InvalidSessionTimeout
            | ErrorKind::GroupFull
            | ErrorKind::GroupSubscribed
            | ErrorKind::MetadataTooLarge
            | ErrorKind::HolderExcluded
            | ErrorKind::StreamInUse
            | ErrorKind::StreamNotEmpty
            | ErrorKind::InvalidObject
            | ErrorKind::UnknownRoute
            | ErrorKind::RouteDiffers
            | ErrorKind::RouteInUse
            | ErrorKind::Indeterminate => SqsError::Internal,
        }
    }
}

/// What a queue may be called, in Amazon's words.
pub(crate) const QUEUE_NAME_RULE: &str =
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
